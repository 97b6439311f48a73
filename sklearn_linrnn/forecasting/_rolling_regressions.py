"""Regressions refitted at every origin, all of them in one pass over the series.

They are ridges with given hyperparameters, whose sums differ from origin to origin by a few rows.
An origin at which more is needed than a Cholesky factorisation, as where rounding would show, where
a recursion would blow up or where a step is missing, is left to a fit of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sktime.forecasting.base import ForecastingHorizon

from sklearn_linrnn._core.closed_form.inner_roots import have_inner_roots
from sklearn_linrnn._core.closed_form.many_ridges import ManyRidges, many_ridges
from sklearn_linrnn._core.priors.lag_priors import HYPERPARAMETERS
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.moving_moments import (
    ManyMoments,
    moving_moments,
    windows_at_a_time,
)
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn._estimators.parameters import make_prior
from sklearn_linrnn.forecasting._fitting import make_learner
from sklearn_linrnn.forecasting._forecasts import forecast, origins_at_a_time
from sklearn_linrnn.forecasting._histories import History
from sklearn_linrnn.forecasting._learner import Learner
from sklearn_linrnn.forecasting._linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._origins import Origins
from sklearn_linrnn.forecasting._panels import Panel
from sklearn_linrnn.forecasting._regressions import Regression


def rolling_forecasts(settings: Any, history: History, origins: Origins) -> NDArray:
    """Return the forecasts of models that are fitted to the window of each origin.

    They have shape (n_origins, n_horizons, n_columns); NaN at an origin that needs a fit of its
    own.

    Parameters
    ----------
    settings : LagForecaster
        Its parameters alone are read.
    history : History
        The whole series.
    origins : Origins
        The windows.
    """
    found = np.full((len(origins), len(origins.steps), len(history.columns)), np.nan)
    if settings.n_lags == "auto" or not origins.ascend or (origins.steps < 1).any():
        return found
    panel = Panel({(): history}, None)
    learner = make_learner(settings, panel, ForecastingHorizon(origins.steps), None)
    if not _is_given(learner):
        return found
    recursive, furthest = settings.strategy == "recursive", int(origins.steps.max())
    rows = [RegressionRows.of(learner, one, history) for one in learner.regressions]
    size = min(windows_at_a_time(one.rows.shape[1]) for one in rows)
    n_steps = max(one.regression.n_lags for one in rows) + (furthest if recursive else 0)
    size = min(size, origins_at_a_time(n_steps, history.rows.values.shape[1]))
    x = np.vstack([history.x, np.full((furthest, history.x.shape[1]), np.nan)])
    turns = zip(*(one.fitted(origins, size, recursive=recursive) for one in rows), strict=True)
    for number, models in enumerate(turns):
        place = slice(number * size, (number + 1) * size)
        some = origins[place]
        known = np.all([model.is_sure for model in models], axis=0)
        last = np.where(known, some.ends, len(history)) - 1
        kind = {"recursive": recursive, "uncertain": False}
        forecasters = cast(Sequence[LinearForecast], models)  # variances are not asked for
        mean = forecast(forecasters, history.y, x, last, origins.steps.tolist(), **kind).mean
        known &= np.isfinite(mean).all(axis=(1, 2))
        found[place][known] = mean[known]
    return found


def _is_given(learner: Learner) -> bool:
    """Return whether the estimator is a ridge of which nothing is chosen from the data."""
    estimator = learner.traits.estimator
    return (
        type(estimator) is NTKConvRegressor
        and not learner.traits.chooses
        and estimator.n_steps is None
        and estimator.dtype == "float64"
        and isinstance(estimator.alpha, Real)
        and estimator.alpha > 0
    )


@dataclass(frozen=True, eq=False)
class RegressionRows:
    """All windows of a series with their targets, as rows of a ridge. Make it with `of`.

    Attributes
    ----------
    learner : Learner
        Who learns from them.
    regression : Regression
        What is forecast from what.
    root : PriorRoot
        ``L``; the ridge is of ``theta``, with ``H = L theta``.
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
    def of(cls, learner: Learner, regression: Regression, history: History) -> RegressionRows:
        """Return the rows of a series."""
        estimator: Any = learner.traits.estimator
        y, x = history.part(0, len(history), levelled=bool(learner.normalize))
        ends = np.arange(regression.n_lags - 1, len(y) - regression.furthest)
        windows = torch.tensor(regression.windows(y, x, ends, regression.n_lags).copy())
        own = y[:, list(regression.columns)]
        targets = torch.from_numpy(np.hstack([own[ends + h] for h in regression.horizons]))
        if learner.normalize is not None:
            levels = regression.levels(learner.normalize, regression.n_lags)
            windows, targets = levels.normalised_rows(windows, targets)
        given = {name: getattr(estimator, name) for name in HYPERPARAMETERS}
        shape = regression.n_lags, regression.n_channels
        root = PriorRoot.of_prior(make_prior(estimator.prior, **given), *shape, windows.device)
        rows = torch.hstack([root.pull(windows.mT).mT, targets]).numpy()
        whole = np.isfinite(rows).all(axis=1)
        return cls(learner, regression, root, ends[whole], rows[whole])

    def fitted(
        self, origins: Origins, at_a_time: int, *, recursive: bool
    ) -> Iterator[RollingRegression]:
        """Yield the regression as it is learned at each origin, so many origins at a time."""
        starts = np.searchsorted(self.ends, origins.starts + self.regression.n_lags - 1)
        ends = np.searchsorted(self.ends, origins.ends - self.regression.furthest)
        ends, parts = np.maximum(ends, starts), []
        for place, moments in moving_moments(self.rows, starts, ends, at_a_time):
            parts.append(self._ridges(moments))
            if place.stop % at_a_time == 0 or place.stop == len(origins):
                yield self._rolling(parts, recursive=recursive)
                parts = []

    def _ridges(self, moments: ManyMoments) -> ManyRidges:
        """Return ridges; with too few rows they are not sure."""
        estimator: Any = self.learner.traits.estimator
        n_inputs = self.regression.n_lags * self.regression.n_channels
        intercept = {"fit_intercept": estimator.fit_intercept}
        found = many_ridges(moments, n_inputs, estimator.alpha, **intercept)
        found.is_sure[moments.weight < 2] = False
        return found

    def _rolling(self, parts: list[ManyRidges], *, recursive: bool) -> RollingRegression:
        """Return the regression with the ridges of some origins."""
        response = self._response(np.concatenate([part.theta for part in parts]))
        is_sure = np.concatenate([part.is_sure for part in parts])
        if recursive:
            is_sure[is_sure] = have_inner_roots(self._iterated(response[is_sure]))
        intercept = np.concatenate([part.intercept for part in parts])
        response[~is_sure], intercept[~is_sure] = 0.0, 0.0  # which is iterated without overflow
        return RollingRegression(self.regression, response, intercept, is_sure)

    def _response(self, theta: NDArray) -> NDArray:
        """Return what windows as they are, newest step first, are multiplied by."""
        n_origins, n_inputs, n_outputs = theta.shape
        columns = torch.from_numpy(theta.transpose(1, 0, 2).reshape(n_inputs, -1))
        columns = self.root.respond(columns)
        if self.learner.normalize is not None:
            levels = self.regression.levels(self.learner.normalize, self.regression.n_lags)
            nothing = torch.zeros(n_inputs, n_outputs, dtype=columns.dtype)
            level = levels.restore(nothing).repeat(1, n_origins)
            columns = levels.pull(columns) + level
        return columns.numpy().reshape(n_inputs, n_origins, n_outputs).transpose(1, 0, 2)

    def _iterated(self, response: NDArray) -> NDArray:
        """Return the coefficients of the recursions, or of their differences if levelled."""
        n_columns, n_channels = len(self.regression.columns), self.regression.n_channels
        shape = len(response), self.regression.n_lags, n_channels, n_columns
        own = response.reshape(shape)[:, :, :n_columns].transpose(0, 1, 3, 2)
        if self.learner.normalize is None:
            return own
        return -np.cumsum(own[:, :0:-1], axis=1)[:, ::-1]


@dataclass(frozen=True, eq=False)
class RollingRegression:
    """A regression with the response of each origin.

    Attributes
    ----------
    regression : Regression
        What is forecast from what.
    response : ndarray of shape (n_origins, p, n_outputs)
        What windows, newest step first, are multiplied by.
    intercept : ndarray of shape (n_origins, n_outputs)
        What is added.
    is_sure : ndarray of bool, shape (n_origins,)
        Whether it is what a fit at that origin learns.
    """

    regression: Regression
    response: NDArray
    intercept: NDArray
    is_sure: NDArray

    @property
    def n_lags(self) -> int:
        """Number of lags that are read."""
        return self.regression.n_lags

    @property
    def iterated(self) -> RollingRegression:
        """The same: what would blow up is not sure."""
        return self

    def predict(self, windows: NDArray) -> NDArray:
        """Return the forecasts (n_origins, n_outputs) from a window (p,) of each origin."""
        return (windows[:, None] @ self.response)[:, 0] + self.intercept
