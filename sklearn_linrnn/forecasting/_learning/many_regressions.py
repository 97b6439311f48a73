"""Regressions that are learned side by side: of many windows of a series, or of many series.

They are ridges, with given hyperparameters or those of the highest evidence. One that needs more
than a Cholesky factorisation, as where rounding would show or where a recursion would blow up, is
not sure: it is left to a fit of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.inner_roots import have_inner_roots
from sklearn_linrnn._core.closed_form.many_evidences import ManySums
from sklearn_linrnn._core.closed_form.many_ridges import ManyRidges, many_ridges
from sklearn_linrnn._core.closed_form.many_searches import ManySearches
from sklearn_linrnn._core.priors.catalogue import HYPERPARAMETERS
from sklearn_linrnn._core.priors.identification import Flat
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import is_float64_number
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.levels import LevelName, Levels
from sklearn_linrnn._core.statistics.moving_moments import ManyMoments
from sklearn_linrnn._estimators.auto_choice import AutoChoice
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.parameters import is_shared
from sklearn_linrnn.forecasting._forecasts.forecasts import forecast
from sklearn_linrnn.forecasting._forecasts.linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._learning.learner import Learner
from sklearn_linrnn.forecasting._learning.traits import Traits
from sklearn_linrnn.forecasting._series.regressions import Regression


def is_given(traits: Traits) -> bool:
    """Return whether the estimator is a ridge of which nothing is chosen from the data."""
    return is_ridge(traits) and not traits.chooses


def is_ridge(traits: Traits) -> bool:
    """Return whether the estimator is a ridge, or one of the evidence of independent lags."""
    estimator = traits.estimator
    if type(estimator) is not NTKConvRegressor or estimator.dtype != "float64":
        return False
    has_one = estimator.channel_scale is None and is_shared(estimator.memory)
    values = [getattr(estimator, name) for name in ("alpha", *HYPERPARAMETERS)]
    if not (has_one and all(is_float64_number(v) or is_auto(v) for v in values)):
        return False
    if estimator.n_steps is not None or (estimator.alpha != "auto" and not estimator.alpha > 0):
        return False
    if not traits.chooses:
        return True
    with suppress(TypeError, ValueError):  # a fit by itself says what is wrong
        return bool(estimator.fit_intercept) and _choice(estimator)[0].has_independent_lags
    return False


def is_auto(value: Any) -> bool:
    """Return whether a parameter is chosen from the data; of arrays that is not asked."""
    return isinstance(value, str) and value == "auto"


def _choice(estimator: NTKConvRegressor) -> tuple[LagPrior, tuple[str, ...], float | None]:
    """Return the prior, the names of its hyperparameters that are sought, and the penalty."""
    given = {name: getattr(estimator, name) for name in HYPERPARAMETERS}
    choice = AutoChoice(estimator.prior, given, estimator.alpha, estimator.n_lags == "auto")
    prior = cast(LagPrior, choice.make_prior())
    alpha = None if estimator.alpha == "auto" else float(estimator.alpha)
    return prior, choice.sought(prior), alpha


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
        ``L``; the ridges are of ``theta``, with ``H = L theta``. It is ones where hyperparameters
        are sought.
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
        prior = Flat() if learner.traits.chooses else _choice(estimator)[0]
        shape = regression.n_lags, regression.n_channels
        root = PriorRoot.of_prior(prior, *shape, windows.device)
        rows = torch.hstack([root.pull(windows.mT).mT, targets]).numpy()
        return cls(learner, regression, root, ends[whole], rows[whole])

    def ridges(self, moments: ManyMoments) -> ManyRidges:
        """Return the ridges of some moments; with too few rows they are not sure."""
        estimator: Any = self.learner.traits.estimator
        n_inputs = self.regression.n_lags * self.regression.n_channels
        if self.learner.traits.chooses:
            found = self._chosen(moments, n_inputs)
        else:
            intercept = {"fit_intercept": estimator.fit_intercept}
            found = many_ridges(moments, n_inputs, estimator.alpha, **intercept)
        found.is_sure[moments.weight < 2] = False
        return found

    def _chosen(self, moments: ManyMoments, n_inputs: int) -> ManyRidges:
        """Return the ridges of the highest evidence."""
        estimator: Any = self.learner.traits.estimator
        seeks_lags, n_channels = estimator.n_lags == "auto", self.regression.n_channels
        sums = ManySums.of(moments, n_inputs, n_channels)
        searches = ManySearches(sums, *_choice(estimator), seeks_lags)
        variances = searches.run()
        theta, is_sure = sums.response(variances)
        n_used = n_channels * np.maximum(np.count_nonzero(variances, axis=1), 1)
        n_used = n_used if seeks_lags else np.full_like(n_used, n_inputs)
        return ManyRidges.of(theta, moments.mean, is_sure & searches.is_sure, n_used)

    def regressions(self, parts: Sequence[ManyRidges]) -> ManyRegressions:
        """Return the regressions of ridges."""
        response = self._response(np.concatenate([part.theta for part in parts]))
        intercept = np.concatenate([part.intercept for part in parts])
        is_sure = np.concatenate([part.is_sure for part in parts])
        n_read = np.concatenate([part.n_inputs for part in parts]) // self.regression.n_channels
        if is_levelled := self.learner.normalize is not None:
            n_read = np.maximum(n_read, int(torch.nonzero(self._levels.lag_weights)[-1]) + 1)
        return ManyRegressions(self.regression, is_levelled, response, intercept, is_sure, n_read)

    @property
    def _levels(self) -> Levels:
        level = cast(LevelName, self.learner.normalize)
        return self.regression.levels(level, self.regression.n_lags)

    def _response(self, theta: NDArray) -> NDArray:
        """Return what windows as they are, newest step first, are multiplied by."""
        n_sets, n_inputs, n_outputs = theta.shape
        columns = torch.from_numpy(theta.transpose(1, 0, 2).reshape(n_inputs, -1))
        columns = self.root.respond(columns)
        if self.learner.normalize is not None:
            nothing = torch.zeros(n_inputs, n_outputs, dtype=columns.dtype)
            level = self._levels.restore(nothing).repeat(1, n_sets)
            columns = self._levels.pull(columns) + level
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
    n_read : ndarray of int, shape (n_origins,)
        Numbers of lags that are read, for the forecast or for the level.
    """

    regression: Regression
    is_levelled: bool
    response: NDArray
    intercept: NDArray
    is_sure: NDArray
    n_read: NDArray

    def __getitem__(self, place: Any) -> ManyRegressions:
        """Return those of some origins."""
        parts = self.response[place], self.intercept[place], self.is_sure[place], self.n_read[place]
        return ManyRegressions(self.regression, self.is_levelled, *parts)

    def __setitem__(self, place: Any, part: ManyRegressions) -> None:
        self.response[place, : part.response.shape[1]] = part.response  # the later lags have none
        self.intercept[place] = part.intercept
        self.is_sure[place], self.n_read[place] = part.is_sure, part.n_read

    @classmethod
    def unknown(
        cls, regression: Regression, n_origins: int, *, is_levelled: bool
    ) -> ManyRegressions:
        """Return responses of zero, none of which is sure."""
        n_outputs = len(regression.target_channels)
        response = np.zeros((n_origins, regression.n_lags * regression.n_channels, n_outputs))
        intercept = np.zeros((n_origins, n_outputs))
        is_sure = np.zeros(n_origins, dtype=bool)
        n_read = np.full(n_origins, regression.n_lags)
        return cls(regression, is_levelled, response, intercept, is_sure, n_read)

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
        return replace(self, response=response, intercept=intercept, is_sure=is_sure)

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
