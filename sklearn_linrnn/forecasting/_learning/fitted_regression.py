"""What a regression has learned: a response to windows, and how far from it the truth may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.closed_form.solution import Solution
from sklearn_linrnn._core.closed_form.stable_recursion import StableRecursion
from sklearn_linrnn._core.response import as_matrix
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.levels import Levels
from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn._estimators.closed_form import ClosedFormRegressor
from sklearn_linrnn.forecasting._learning.one_step import OneStep
from sklearn_linrnn.forecasting._series.regressions import Regression
from sklearn_linrnn.forecasting._series.seen_steps import SeenSteps


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
    seen : SeenSteps
        The series that it learned from.
    kept_stable : StableRecursion or None, default=None
        What was changed, in a regression that is iterated and would blow up.
    """

    regression: Regression
    estimator: LagRegressor
    sums: LagStatistics
    levels: Levels | None
    seen: SeenSteps
    kept_stable: StableRecursion | None = None

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
        return self._fitted_response + self._correction

    @cached_property
    def _fitted_response(self) -> NDArray:
        """The same as it was fitted."""
        response = self._levelled_response
        if self.levels is not None:
            response = self._first_lags(self.levels.restore(self._all_lags(response)))
        return response.numpy()

    @cached_property
    def intercept(self) -> NDArray:
        """What is added to the response's forecast, (n_outputs,)."""
        intercept: NDArray = self.estimator.intercept_
        if self.kept_stable is None or not self.estimator.fit_intercept:
            return intercept
        return self._one_step.placed_intercept(self.kept_stable)

    @cached_property
    def iterated(self) -> FittedRegression:
        """The regression of one step as it is iterated: it grows at most as its series did."""
        found = self._one_step.stable
        return replace(self, kept_stable=found) if found.is_moved.any() else self

    @cached_property
    def _one_step(self) -> OneStep:
        """The regression of one step as it was fitted."""
        sums, n_columns = self.sums, len(self.regression.columns)
        response = self._fitted_response
        means = sums.input_mean[: len(response)].numpy().reshape(self.n_lags, -1)
        newest = 0.0 if self.levels is None else means[0, :n_columns]
        return OneStep(
            self.regression,
            response,
            self.estimator.intercept_,
            means[:, n_columns:],
            sums.target_mean.numpy() - newest,
            (sums.target_scatter / sums.weight).sqrt().numpy(),
            self.levels is not None,
            self.seen,
        )

    @cached_property
    def noise_variance(self) -> NDArray:
        """Variance of the residuals, (n_outputs,)."""
        left = max(self.sums.weight - float(self.estimator.fit_intercept), 1.0)
        if self.kept_stable is not None:
            fitted = replace(self, kept_stable=None)
            more = self.squared_errors - fitted.squared_errors
            return fitted.noise_variance + np.maximum(more, 0.0) / left
        if self._solution is not None:
            return self._solution.noise_variance.numpy()
        return self.squared_errors / left

    def predict(self, windows: NDArray) -> NDArray:
        """Return the forecasts (n_windows, n_outputs) from windows (n_windows, p)."""
        return windows @ self.response + self.intercept

    def variance(self, windows: NDArray) -> NDArray:
        """Return the variances of new targets, (n_windows, n_outputs).

        It is that of the noise and, where there is a posterior, that of the response.
        """
        uncertain = np.square(self.leverage(windows)).sum(axis=1)
        return (1.0 + uncertain[:, None]) * self.noise_variance

    def leverage(self, windows: NDArray) -> NDArray:
        """Return what is uncertain of forecasts, (n_windows, n_sources).

        The errors of the parameters make errors of forecasts: these rows times independent errors
        of the same variance as the noise. There is no source where there is no posterior.
        """
        if self._posterior_root is None:
            return np.empty((len(windows), 0))
        root, centre = self._posterior_root
        constant = np.sqrt(float(self.estimator.fit_intercept) / self.sums.weight)
        return np.hstack([windows @ root - centre, np.full((len(windows), 1), constant)])

    @property
    def _levelled_response(self) -> Tensor:
        """``H`` of the estimator, (p, n_outputs)."""
        return as_matrix(self.estimator.impulse_response_)

    @property
    def _correction(self) -> NDArray:
        """What is added to the response so that it can be iterated, (p, n_outputs)."""
        if self.kept_stable is None:
            return np.zeros(self._fitted_response.shape)
        return self._one_step.correction(self.kept_stable)

    @property
    def squared_errors(self) -> NDArray:
        """The squares of the residuals, (n_outputs,)."""
        seen = self.sums.first_lags(self.n_lags)
        # Corrections of levelled columns sum to zero: those of windows less their level are alike.
        response = self._first_lags(self._all_lags(self._levelled_response))
        response = response + torch.from_numpy(self._correction)
        intercept = torch.from_numpy(self.intercept).double()
        return seen.squared_errors(response[:, None], intercept[None])[0].numpy()

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
