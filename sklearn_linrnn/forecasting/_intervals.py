"""Forecasts with their uncertainty: Gaussian, or calibrated on errors that were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from sklearn_linrnn.forecasting._forecasts import (
    forecast_series,
    needed_horizons,
)
from sklearn_linrnn.forecasting._learner import Learned
from sklearn_linrnn.forecasting._linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._panels import Histories, Key, split
from sklearn_linrnn.forecasting._seen_errors import errors_after, one_step_noise


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts of a series at several times.

    Attributes
    ----------
    index : pandas.Index of length n_times
        The times.
    mean : ndarray of shape (n_times, n_columns)
        Point forecasts.
    variance : ndarray of shape (n_times, n_columns)
        Variances of what is forecast, NaN if they were not asked for.
    errors : ndarray of shape (n_errors, n_times, n_columns) or None
        Errors of forecasts as many steps ahead, NaN where there is none, from data that the model
        which made them has not seen; ``None`` for Gaussian quantiles.
    """

    index: pd.Index
    mean: NDArray
    variance: NDArray
    errors: NDArray | None = None

    def quantiles(self, levels: NDArray) -> NDArray:
        """Return quantiles, (n_times, n_columns, n_levels)."""
        if self.errors is None:
            offset = norm.ppf(levels) * np.sqrt(self.variance)[:, :, None]
        else:
            widths = half_widths(self.errors, np.abs(2.0 * levels - 1.0))
            offset = np.where(levels == 0.5, 0.0, np.sign(levels - 0.5) * widths)
        return self.mean[:, :, None] + offset


def predictions(
    models: Sequence[LinearForecast],
    calibration: Learned | None,
    histories: Histories,
    fh: Any,
    X: pd.DataFrame | None,
    *,
    recursive: bool,
    uncertain: bool,
) -> dict[Key, Prediction]:
    """Return the forecasts of all series.

    Parameters
    ----------
    models : sequence of LinearForecast
        All of a forecaster.
    calibration : Learned or None
        What the first part of the series taught, whose errors on the rest are the variances and
        quantiles; ``None`` for those of the models themselves.
    histories : mapping of tuple to History
        The series.
    fh : ForecastingHorizon
        The times.
    X : DataFrame or None
        The future of the exogenous series.
    recursive : bool
        Whether one-step models are iterated.
    uncertain : bool
        Whether variances are asked for.
    """
    exogenous = {} if X is None else split(X)
    steps = {key: history.steps_ahead(fh) for key, history in histories.items()}
    horizons = needed_horizons(list(steps.values()))
    noise = one_step_noise(models, histories) if uncertain and recursive else None
    kind: dict[str, Any] = {"recursive": recursive, "uncertain": uncertain, "noise": noise}
    errors = None
    if uncertain and calibration is not None:
        early, upto = calibration.models, calibration.coverage.upto
        errors = errors_after(early, upto, histories, horizons, recursive=recursive)
    found = {}
    for key, history in histories.items():
        ahead = steps[key]
        index = history.clock.at(history.last, ahead)
        one = forecast_series(models, history, exogenous.get(key), ahead, **kind)
        found[key] = Prediction(index, one.mean, one.variance)
        if errors is not None:
            seen = errors[:, [horizons.index(max(step, 1)) for step in ahead]]
            found[key] = Prediction(index, one.mean, mean_square(seen), seen)
    return found


def half_widths(errors: NDArray, coverages: NDArray) -> NDArray:
    r"""Return half the widths of split-conformal intervals, (n_times, n_columns, n_coverages).

    Of ``n`` absolute errors it is the ``ceil((n + 1) * coverage)``-th smallest (Lei, G'Sell,
    Rinaldo, Tibshirani and Wasserman 2018); infinite where there is none.

    Parameters
    ----------
    errors : ndarray of shape (n_errors, n_times, n_columns)
        Errors, NaN where there is none.
    coverages : ndarray of shape (n_coverages,)
        Probabilities of the intervals.
    """
    n_errors = np.isfinite(errors).sum(axis=0)
    # NaN is last, and behind all of them what a rank beyond the errors asks for.
    ordered = np.sort(np.abs(errors), axis=0)
    rank = np.ceil((n_errors[:, :, None] + 1) * coverages - 1e-9).astype(int)
    known = (rank <= n_errors[:, :, None]) & (rank > 0)
    place = np.where(known, rank - 1, 0)
    if len(ordered) == 0:
        return np.full(place.shape, np.inf)
    picked = np.take_along_axis(ordered, place.transpose(2, 0, 1), axis=0).transpose(1, 2, 0)
    return np.where(known, picked, np.where(rank == 0, 0.0, np.inf))


def mean_square(errors: NDArray) -> NDArray:
    """Return the mean squares of errors (n_errors, n_times, n_columns); infinite without errors."""
    known = np.isfinite(errors)
    squares = np.square(np.where(known, errors, 0.0)).sum(axis=0)
    n_errors = known.sum(axis=0)
    return np.where(n_errors > 0, squares / np.maximum(n_errors, 1), np.inf)
