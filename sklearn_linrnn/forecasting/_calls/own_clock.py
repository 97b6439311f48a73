"""What sktime reads of times, so that it reaches a forecaster on the clock of its series."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas.api.types import is_integer
from sktime.forecasting.base import BaseForecaster

from sklearn_linrnn.forecasting._calls.series_by_series import later
from sklearn_linrnn.forecasting._series.clocks import without_frequency


class OnItsOwnClock(BaseForecaster):
    """A forecaster that is asked for the times that were meant."""

    _fh: Any

    def _check_X_y(self, X: Any = None, y: Any = None, **kwargs: Any) -> Any:  # noqa: N802
        if isinstance(y, list) and X is not None:  # sktime takes no index from a list
            raise TypeError(
                "y with an X must be a frame, of a panel with a MultiIndex, but got a list of "
                "frames."
            )
        if isinstance(y, np.ndarray) and y.ndim == 3 and y.size == 0:  # sktime reads none of it
            raise ValueError(f"y must have a time step, but its shape is {y.shape}.")
        if isinstance(y, np.ndarray) and y.dtype.kind == "O":  # a series in each cell, to sktime
            y = _as_numbers(y)
        found = super()._check_X_y(X, y, **kwargs)
        if not self.is_fitted or not isinstance(y, np.ndarray) or not is_integer(self.cutoff[0]):
            return found
        # An array does not say which steps it has: they are the next ones.
        return tuple(part if part is None else later(part, self.cutoff[0] + 1) for part in found)

    def _check_fh(self, fh: Any, pred_int: bool = False) -> Any:
        return super()._check_fh(without_frequency(fh), pred_int)

    def predict_residuals(self, y: Any = None, X: Any = None) -> Any:
        """Return the values of a series less their forecasts, in the format of the series.

        Parameters
        ----------
        y : series in a format of sktime, default=None
            The values. Those of `fit` are known if the configuration ``remember_data`` is on.
        X : DataFrame, default=None
            Exogenous series, if the forecaster was fitted with them.

        Returns
        -------
        residuals : series in the format of y
            Up to the last time known of one step ahead; after it as far ahead as they are.
        """
        if isinstance(y, np.ndarray):
            return super().predict_residuals(y, X)
        horizon, self._fh = self._fh, None  # else sktime counts steps, on a clock of its own
        residuals = super().predict_residuals(y, X)
        self._fh = horizon
        return residuals


def _as_numbers(y: NDArray) -> NDArray:
    """Return an array of objects as one of numbers, or raise if it holds anything else."""
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"y must hold real numbers, but got an array of objects: {error}"
        ) from error
