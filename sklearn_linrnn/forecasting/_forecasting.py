"""From models to forecasts of each series, with what their intervals are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._history import History
from sklearn_linrnn.forecasting._learning import LearnsFromSums, learned_horizons
from sklearn_linrnn.forecasting._models import Model
from sklearn_linrnn.forecasting._panels import Key, name, split
from sklearn_linrnn.forecasting._predictions import Prediction, mean_square
from sklearn_linrnn.forecasting._rolling import Forecasts, forecast


class ForecastsFromModels(LearnsFromSums):
    """The half of a forecaster that forecasts.

    Intervals that are calibrated have errors of `_calibrating`, models of the first steps `_seen`
    of each series.
    """

    _calibrating: list[Model]
    _seen: dict[Key, int]

    def _forecast(
        self, fh: Any, X: pd.DataFrame | None, *, uncertain: bool
    ) -> dict[Key, Prediction]:
        """Return the forecasts of all series."""
        exogenous = {} if X is None else split(X)
        steps = {key: self._steps(fh, history) for key, history in self._histories.items()}
        calibrate = uncertain and self.intervals == "conformal"
        horizons = learned_horizons(steps.values())
        errors = self._calibration_errors(horizons) if calibrate else None
        found = {}
        for key, history in self._histories.items():
            forecasts = self._forecast_steps(key, exogenous.get(key), steps[key], uncertain)
            seen = None
            if errors is not None:
                seen = errors[:, [horizons.index(max(step, 1)) for step in steps[key]]]
                forecasts = Forecasts(forecasts.mean, mean_square(seen))
            index = fh.to_absolute_index(history.cutoff)
            found[key] = Prediction(index, forecasts.mean, forecasts.variance, seen)
        return found

    def _forecast_steps(
        self, key: Key, X: pd.DataFrame | None, steps: NDArray, uncertain: bool
    ) -> Forecasts:
        """Return the forecasts (n_steps, n_columns) of a series at steps after its cutoff.

        Up to the cutoff they are those of one step ahead, from the window before; NaN where that
        window is not full.
        """
        history = self._histories[key]
        found = Forecasts.unknown(len(steps), len(history.columns))
        ahead = steps > 0
        if ahead.any():
            self._check_length(history, name(key))
            newest = history.newest(self.n_lags_)
            y, x = np.split(newest, [len(history.columns)], axis=1)
            x = np.vstack([x, history.future(X, int(steps.max()))])
            origin = np.array([self.n_lags_ - 1])
            part = self._roll(self._models, y, x, origin, steps[ahead], uncertain)
            found[ahead] = Forecasts(part.mean[0], part.variance[0])
        target = len(history) - 1 + steps
        back = ~ahead & (target >= self.n_lags_)
        if back.any():
            one = np.array([1])
            part = self._roll(self._models, history.y, history.x, target[back] - 1, one, uncertain)
            found[back] = Forecasts(part.mean[:, 0], part.variance[:, 0])
        return found

    def _roll(
        self,
        models: list[Model],
        y: NDArray,
        x: NDArray,
        origins: NDArray,
        steps: NDArray,
        uncertain: bool,
    ) -> Forecasts:
        recursive = self.strategy == "recursive"
        if not recursive:
            known = {h for model in models for h in model.regression.horizons}
            if unknown := sorted(set(steps.tolist()) - known):
                raise ValueError(
                    f"fh asks for {unknown} steps ahead, but this forecaster of strategy='direct' "
                    f"was fitted for {sorted(known)}. Fit it again, or take strategy='recursive'."
                )
        return forecast(
            models, y, x, origins, steps.tolist(), recursive=recursive, uncertain=uncertain
        )

    def _calibration_errors(self, horizons: tuple[int, ...]) -> NDArray:
        """Return the errors that the early model makes on later data.

        They have shape (n_errors, n_horizons, n_columns); NaN where the truth is not known.
        """
        parts = []
        n_lags = max(model.n_lags for model in self._calibrating)
        for key, history in self._histories.items():
            origins = np.arange(max(self._seen.get(key, 0), n_lags) - 1, len(history) - 1)
            beyond = np.full((max(horizons), history.y.shape[1]), np.nan)
            x = np.vstack([history.x, np.full((max(horizons), history.x.shape[1]), np.nan)])
            steps = np.array(horizons)
            mean = self._roll(self._calibrating, history.y, x, origins, steps, False).mean
            parts.append(np.vstack([history.y, beyond])[origins[:, None] + steps] - mean)
        return np.concatenate(parts)

    def _check_length(self, history: History, series: str) -> None:
        if len(history) < self.n_lags_:
            raise ValueError(
                f"{series} must have n_lags={self.n_lags_} steps at least, a window to forecast "
                f"from, but it has {len(history)}."
            )
