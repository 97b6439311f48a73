"""Forecasts with their uncertainty: Gaussian, or calibrated on errors that were seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from sklearn_linrnn.forecasting._distributions.conformal import Conformal, HeldOutErrors
from sklearn_linrnn.forecasting._forecasts.forecasts import forecast_series, needed_horizons
from sklearn_linrnn.forecasting._learning.state import State
from sklearn_linrnn.forecasting._series.panels import Key, split


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts of a series at several times.

    Attributes
    ----------
    index : pandas.Index of length n_times
        The times.
    mean : ndarray of shape (n_times, n_columns)
        Point forecasts.
    deviation : ndarray of shape (n_times, n_columns)
        Deviations of what is forecast, NaN if they were not asked for: their squares may be too
        small for float64.
    conformal : Conformal or None
        What intervals are as wide as; ``None`` for Gaussian quantiles.
    """

    index: pd.Index
    mean: NDArray
    deviation: NDArray
    conformal: Conformal | None = None

    @property
    def variance(self) -> NDArray:
        """Variances of what is forecast, (n_times, n_columns)."""
        return np.square(self.deviation)

    def quantiles(self, levels: NDArray) -> NDArray:
        """Return quantiles, (n_times, n_columns, n_levels)."""
        if self.conformal is None:
            offset = norm.ppf(levels) * self.deviation[:, :, None]
        else:
            widths = self.conformal.half_widths(np.abs(2.0 * levels - 1.0))
            offset = np.where(levels == 0.5, 0.0, np.sign(levels - 0.5) * widths)
        return self.mean[:, :, None] + offset


def predictions(
    state: State,
    fh: Any,
    X: pd.DataFrame | None,
    *,
    recursive: bool,
    uncertain: bool,
) -> dict[Key, Prediction]:
    """Return the forecasts of all series.

    Parameters
    ----------
    state : State
        What a forecaster knows.
    fh : ForecastingHorizon
        The times.
    X : DataFrame or None
        The future of the exogenous series.
    recursive : bool
        Whether one-step models are iterated.
    uncertain : bool
        Whether variances are asked for.
    """
    models, histories = state.learned.models, state.panel.histories
    exogenous = {} if X is None else split(X)
    steps = {key: history.steps_ahead(fh) for key, history in histories.items()}
    horizons = needed_horizons(list(steps.values()))
    noise = state.noise if uncertain and recursive else None
    kind: dict[str, Any] = {"recursive": recursive, "uncertain": uncertain, "noise": noise}
    seen = None
    if uncertain and state.calibration is not None:
        seen = HeldOutErrors.of(state.calibration, histories, horizons, recursive=recursive)
    found = {}
    for key, history in histories.items():
        ahead = steps[key]
        index = history.clock.at(history.last, ahead)
        one = forecast_series(models, history, exogenous.get(key), ahead, **kind)
        conformal = None if seen is None else seen.around(ahead, one.variance)
        variance = one.variance if conformal is None else conformal.variance
        found[key] = Prediction(index, one.mean, np.sqrt(variance), conformal)
    return found
