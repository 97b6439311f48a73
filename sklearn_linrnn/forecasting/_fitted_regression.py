"""What a regression has learned: a response to windows, and how far from it the truth may be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.response import as_matrix
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.levels import Levels
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.closed_form import ClosedFormRegressor
from sklearn_linrnn.forecasting._regressions import Regression


@dataclass(frozen=True, eq=False)
class FittedRegression:
    """A regression with its fitted estimator.

    Attributes
    ----------
    regression : Regression
        What is forecast from what.
    estimator : LagRegressor
        Fitted to the sums.
    sums : LagStatistics
        What it learned from: of windows less their level if there are levels.
    levels : Levels or None
        The levels of windows.
    """

    regression: Regression
    estimator: LagRegressor
    sums: LagStatistics
    levels: Levels | None

    @cached_property
    def n_lags(self) -> int:
        """Number of lags that are read, for the forecast or for the level."""
        n_lags: int = self.estimator.impulse_response_.shape[2]
        if self.levels is None:
            return n_lags
        return max(n_lags, int(torch.nonzero(self.levels.lag_weights)[-1]) + 1)

    @cached_property
    def response(self) -> NDArray:
        """What windows as they are, newest step first, are multiplied by, (p, n_outputs)."""
        response = self._levelled_response
        if self.levels is not None:
            response = self._first_lags(self.levels.restore(self._all_lags(response)))
        return response.numpy()

    @cached_property
    def noise_variance(self) -> NDArray:
        """Variance of the residuals, (n_outputs,)."""
        if self._solution is not None:
            return self._solution.noise_variance.numpy()
        seen = self.sums.first_lags(self.estimator.impulse_response_.shape[2])
        intercept = torch.from_numpy(self.estimator.intercept_).double()
        squares = seen.squared_errors(self._levelled_response[:, None], intercept[None])[0]
        return squares.numpy() / max(seen.weight - float(self.estimator.fit_intercept), 1.0)

    def predict(self, windows: NDArray) -> NDArray:
        """Return the forecasts (n_windows, n_outputs) from windows (n_windows, p)."""
        return windows @ self.response + self.estimator.intercept_

    def variance(self, windows: NDArray) -> NDArray:
        """Return the variances of new targets, (n_windows, n_outputs).

        It is that of the noise and, where there is a posterior, that of the response.
        """
        uncertain = np.zeros(len(windows))
        if self._posterior_root is not None:
            root, centre = self._posterior_root
            uncertain = np.square(windows @ root - centre).sum(axis=1)
            uncertain += float(self.estimator.fit_intercept) / self.sums.weight
        return (1.0 + uncertain[:, None]) * self.noise_variance

    @property
    def _levelled_response(self) -> Tensor:
        """``H`` of the estimator, (p, n_outputs)."""
        return as_matrix(self.estimator.impulse_response_)

    @property
    def _solution(self) -> Solution | None:
        """What the estimator found in closed form, if it is of that kind."""
        return self.estimator.solution_ if isinstance(self.estimator, ClosedFormRegressor) else None

    @cached_property
    def _posterior_root(self) -> tuple[NDArray, NDArray] | None:
        """``F`` (p, k) and ``F^T z_bar``; None where the estimator has no posterior."""
        solution = self._solution
        if solution is None or not solution.has_posterior:
            return None
        root = solution.posterior_root
        centre = root.T @ solution.statistics.origin[0]
        if self.levels is not None:
            root = self._first_lags(self.levels.pull(self._all_lags(root)))
        return root.numpy(), centre.numpy()

    def _all_lags(self, columns: Tensor) -> Tensor:
        """Return columns (p, k) with zeros at the lags that the estimator left out."""
        return pad(columns, (0, 0, 0, len(self.sums.input_mean) - len(columns)))

    def _first_lags(self, columns: Tensor) -> Tensor:
        return columns[: self.n_lags * self.regression.n_channels]
