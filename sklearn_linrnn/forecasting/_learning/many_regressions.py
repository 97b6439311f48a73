"""Regressions that are learned side by side: of many windows of a series, or of many series.

They are ridges with given hyperparameters. One that needs more than a Cholesky factorisation, as
where rounding would show or where a recursion would blow up, is not sure: it is left to a fit of
its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.inner_roots import have_inner_roots
from sklearn_linrnn._core.closed_form.many_ridges import ManyRidges, many_ridges
from sklearn_linrnn._core.priors.lag_priors import HYPERPARAMETERS
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.moving_moments import ManyMoments
from sklearn_linrnn._core.tensors import is_float64_number
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.parameters import make_prior
from sklearn_linrnn.forecasting._forecasts.forecasts import forecast
from sklearn_linrnn.forecasting._forecasts.linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._learning.learner import Learner
from sklearn_linrnn.forecasting._learning.traits import Traits
from sklearn_linrnn.forecasting._series.regressions import Regression


def is_given(traits: Traits) -> bool:
    """Return whether the estimator is a ridge of which nothing is chosen from the data."""
    estimator = traits.estimator
    return (
        type(estimator) is NTKConvRegressor
        and not traits.chooses
        and estimator.n_steps is None
        and estimator.dtype == "float64"
        and all(is_float64_number(getattr(estimator, name)) for name in HYPERPARAMETERS)
        and is_float64_number(estimator.alpha)
        and estimator.alpha > 0
    )


@dataclass(frozen=True, eq=False)
class RidgeRows:
    """Windows with their targets, as rows of ridges. Make them with `of`.

    Attributes
    ----------
    learner : Learner
        Who learns from them.
    regression : Regression
        What is forecast from what.
    root : PriorRoot
        ``L``; the ridges are of ``theta``, with ``H = L theta``.
    ends : ndarray of int, shape (n_rows,)
        The last steps of the windows that are whole, with all their targets.
    rows : ndarray of shape (n_rows, p + n_outputs)
        ``L^T z`` and ``y``, less their level.
    """

    learner: Learner
    regression: Regression
    root: PriorRoot
    ends: NDArray
    rows: NDArray

    @classmethod
    def of(
        cls, learner: Learner, regression: Regression, y: NDArray, x: NDArray, ends: NDArray
    ) -> RidgeRows:
        """Return the rows of some windows.

        Parameters
        ----------
        learner : Learner
            Who learns from them.
        regression : Regression
            What is forecast from what.
        y, x : ndarray of shape (n_timesteps, n_columns) and (n_timesteps, n_exogenous)
            The steps of one series, or of several one after another; NaN where not observed.
        ends : ndarray of int, shape (n_windows,)
            The last steps of the windows, ascending.
        """
        estimator: Any = learner.traits.estimator
        windows = torch.tensor(regression.windows(y, x, ends, regression.n_lags).copy())
        own = y[:, list(regression.columns)]
        targets = torch.from_numpy(np.hstack([own[ends + h] for h in regression.horizons]))
        # Of what is missing: rows that overflow stay, so that what they teach is not sure.
        whole = ~(windows.isnan().any(dim=1) | targets.isnan().any(dim=1)).numpy()
        if learner.normalize is not None:
            levels = regression.levels(learner.normalize, regression.n_lags)
            windows, targets = levels.normalised_rows(windows, targets)
        given = {name: getattr(estimator, name) for name in HYPERPARAMETERS}
        shape = regression.n_lags, regression.n_channels
        root = PriorRoot.of_prior(make_prior(estimator.prior, **given), *shape, windows.device)
        rows = torch.hstack([root.pull(windows.mT).mT, targets]).numpy()
        return cls(learner, regression, root, ends[whole], rows[whole])

    def ridges(self, moments: ManyMoments) -> ManyRidges:
        """Return the ridges of some moments; with too few rows they are not sure."""
        estimator: Any = self.learner.traits.estimator
        n_inputs = self.regression.n_lags * self.regression.n_channels
        intercept = {"fit_intercept": estimator.fit_intercept}
        found = many_ridges(moments, n_inputs, estimator.alpha, **intercept)
        found.is_sure[moments.weight < 2] = False
        return found

    def regressions(self, parts: Sequence[ManyRidges]) -> ManyRegressions:
        """Return the regressions of ridges."""
        response = self._response(np.concatenate([part.theta for part in parts]))
        intercept = np.concatenate([part.intercept for part in parts])
        is_sure = np.concatenate([part.is_sure for part in parts])
        is_levelled = self.learner.normalize is not None
        return ManyRegressions(self.regression, is_levelled, response, intercept, is_sure)

    def _response(self, theta: NDArray) -> NDArray:
        """Return what windows as they are, newest step first, are multiplied by."""
        n_sets, n_inputs, n_outputs = theta.shape
        columns = torch.from_numpy(theta.transpose(1, 0, 2).reshape(n_inputs, -1))
        columns = self.root.respond(columns)
        if self.learner.normalize is not None:
            levels = self.regression.levels(self.learner.normalize, self.regression.n_lags)
            nothing = torch.zeros(n_inputs, n_outputs, dtype=columns.dtype)
            level = levels.restore(nothing).repeat(1, n_sets)
            columns = levels.pull(columns) + level
        return columns.numpy().reshape(n_inputs, n_sets, n_outputs).transpose(1, 0, 2)


@dataclass(frozen=True, eq=False)
class ManyRegressions:
    """A regression with several responses, one for each of some origins.

    Attributes
    ----------
    regression : Regression
        What is forecast from what.
    is_levelled : bool
        Whether a level is taken from windows.
    response : ndarray of shape (n_origins, p, n_outputs)
        What windows, newest step first, are multiplied by.
    intercept : ndarray of shape (n_origins, n_outputs)
        What is added.
    is_sure : ndarray of bool, shape (n_origins,)
        Whether it is what a fit by itself learns.
    """

    regression: Regression
    is_levelled: bool
    response: NDArray
    intercept: NDArray
    is_sure: NDArray

    def __getitem__(self, place: Any) -> ManyRegressions:
        """Return those of some origins."""
        parts = self.response[place], self.intercept[place], self.is_sure[place]
        return ManyRegressions(self.regression, self.is_levelled, *parts)

    def __setitem__(self, place: Any, part: ManyRegressions) -> None:
        self.response[place], self.intercept[place] = part.response, part.intercept
        self.is_sure[place] = part.is_sure

    @classmethod
    def unknown(
        cls, regression: Regression, n_origins: int, *, is_levelled: bool
    ) -> ManyRegressions:
        """Return responses of zero, none of which is sure."""
        n_outputs = len(regression.target_channels)
        response = np.zeros((n_origins, regression.n_lags * regression.n_channels, n_outputs))
        intercept = np.zeros((n_origins, n_outputs))
        is_sure = np.zeros(n_origins, dtype=bool)
        return cls(regression, is_levelled, response, intercept, is_sure)

    @property
    def may_be_iterated(self) -> NDArray:
        """Which of those that are sure do not blow up if they are iterated, (n_origins,)."""
        n_columns, n_channels = len(self.regression.columns), self.regression.n_channels
        known = self.is_sure.copy()
        shape = known.sum(), self.n_lags, n_channels, n_columns
        own = self.response[known].reshape(shape)[:, :, :n_columns].transpose(0, 1, 3, 2)
        if self.is_levelled:  # a recursion of differences
            own = -np.cumsum(own[:, :0:-1], axis=1)[:, ::-1]
        known[known] = have_inner_roots(own)
        return known

    def only(self, is_sure: NDArray) -> ManyRegressions:
        """Return the same with some that are sure, (n_origins,), the others zero."""
        response = np.where(is_sure[:, None, None], self.response, 0.0)
        intercept = np.where(is_sure[:, None], self.intercept, 0.0)
        return ManyRegressions(self.regression, self.is_levelled, response, intercept, is_sure)

    @property
    def n_lags(self) -> int:
        """Number of lags that are read."""
        return self.regression.n_lags

    @property
    def iterated(self) -> ManyRegressions:
        """The same: what would blow up is not sure."""
        return self

    def predict(self, windows: NDArray) -> NDArray:
        """Return the forecasts (n_origins, n_outputs) from a window (p,) of each origin."""
        return (windows[:, None] @ self.response)[:, 0] + self.intercept


def sure_forecasts(
    models: Sequence[ManyRegressions],
    y: NDArray,
    x: NDArray,
    origins: NDArray,
    steps: NDArray,
    *,
    recursive: bool,
) -> NDArray:
    """Return the forecasts from origins with a response each, (n_origins, n_horizons, n_columns).

    They are NaN where a regression is not sure. There are no more origins than `forecast` takes at
    a time.

    Parameters
    ----------
    models : sequence of ManyRegressions
        All of a forecaster.
    y : ndarray of shape (n_timesteps, n_columns)
        The series, or several one after another; the last window is full.
    x : ndarray of shape (n_timesteps + max(steps), n_exogenous)
        The exogenous series.
    origins : ndarray of int, shape (n_origins,)
        Last steps of the windows.
    steps : ndarray of int, shape (n_horizons,)
        Steps ahead, at least 1 each.
    recursive : bool
        Whether one-step models are iterated.
    """
    known = np.all([model.is_sure for model in models], axis=0)
    last = np.where(known, origins, len(y) - 1)
    forecasters = cast(Sequence[LinearForecast], models)  # variances are not asked for
    kind: dict[str, Any] = {"recursive": recursive, "uncertain": False}
    mean = forecast(forecasters, y, x, last, steps.tolist(), **kind).mean
    mean[~(known & np.isfinite(mean).all(axis=(1, 2)))] = np.nan
    return mean
