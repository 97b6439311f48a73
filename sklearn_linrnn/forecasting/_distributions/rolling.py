"""Forecasts from every window of a series, by what was learned before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.datatypes import convert_to
from sktime.forecasting.base import BaseForecaster
from sktime.utils.validation.forecasting import check_fh

from sklearn_linrnn.forecasting._forecasts.forecasts import check_length, forecast
from sklearn_linrnn.forecasting._learning.state import State
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.origins import Origins


class Rolling(BaseForecaster):
    """A forecaster with linear models and the histories of its series."""

    n_lags_: int
    strategy: str
    _known: State

    def predict_rolling(self, y: Any, X: Any = None, fh: Any = None) -> NDArray:
        """Return the forecasts from every full window of a series, without fitting again.

        Parameters
        ----------
        y : series in a format of sktime
            One series, of as many columns as that of `fit`. Windows that touch a missing value
            give NaN.
        X : DataFrame, default=None
            Exogenous series, if the forecaster was fitted with them, at the times of y. Rows after
            its end count as known future; where they are needed and missing, forecasts are NaN.
        fh : int, list or ForecastingHorizon, default=None
            Steps ahead, at least 1; ``None`` for those of `fit`.

        Returns
        -------
        forecasts : ndarray of shape (n_origins, n_horizons, n_columns)
            Forecasts from the first full window on, that is from step ``n_lags_ - 1``, up to the
            last step of y.

        Raises
        ------
        ValueError
            If y is shorter than a window, or a step ahead is not one that was learned.
        """
        self.check_is_fitted()
        if self._is_vectorized:
            raise ValueError(
                "predict_rolling needs one model, but each series was fitted with its own: take "
                "pooling='global', or one of `forecasters_`."
            )
        frame = convert_to(y, "pd.DataFrame", as_scitype="Series")
        first = self._known.panel.first
        history = self._known.panel.checked(History.of(frame, X))
        horizon = self.fh if fh is None else check_fh(fh)
        steps = first.steps_ahead(horizon)
        if (fh is not None and not horizon.is_relative) or (steps < 1).any():
            raise ValueError(f"fh must be relative, steps ahead of at least 1, but got {fh}.")
        check_length(history, self.n_lags_)
        origins = np.arange(self.n_lags_ - 1, len(history))
        x = np.vstack([history.x, history.known_future(X, int(steps.max()))])
        kind: dict[str, Any] = {"recursive": self.strategy == "recursive", "uncertain": False}
        return forecast(
            self._known.learned.models, history.y, x, origins, steps.tolist(), **kind
        ).mean

    def _from_ends(self, y: pd.DataFrame, X: pd.DataFrame | None, origins: Origins) -> NDArray:
        rolling = self.predict_rolling(y, X, fh=origins.steps)
        place = origins.ends - self.n_lags_
        values = rolling[np.maximum(place, 0)]
        values[place < 0] = np.nan
        return values
