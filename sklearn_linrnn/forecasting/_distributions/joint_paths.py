"""Paths drawn from the joint distribution of all steps ahead and all columns.

What a path adds to the point forecast is linear in what is drawn: the noise of each step, which
correlates as the errors that were seen, between columns and from step to step, and once for a whole
path the parameters, from their posterior, independently for regressions apart. These act on the
windows of the point forecast: their effect is that of first order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._forecasts.accumulation import error_weights
from sklearn_linrnn.forecasting._forecasts.forecasts import forecast, longest_window
from sklearn_linrnn.forecasting._forecasts.linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._forecasts.noise import Noise
from sklearn_linrnn.forecasting._forecasts.seen_errors import errors_after
from sklearn_linrnn.forecasting._learning.state import State
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.panels import Key, split


@dataclass(frozen=True, eq=False)
class Origin:
    """What is known where paths begin.

    Attributes
    ----------
    y : ndarray of shape (n_lags, n_columns)
        The last steps of the series.
    x : ndarray of shape (n_lags + n_ahead, n_exogenous)
        The exogenous series, as far as the furthest step ahead.
    """

    y: NDArray
    x: NDArray

    @classmethod
    def of(
        cls,
        models: Sequence[LinearForecast],
        history: History,
        X: pd.DataFrame | None,
        n_ahead: int,
    ) -> Origin:
        """Return the origin of paths that go on from the end of a series."""
        return cls(*history.window(longest_window(models), X, n_ahead))


@dataclass(frozen=True, eq=False)
class PathSource:
    """What paths of a forecaster's series are drawn from. Make it with `of`.

    Attributes
    ----------
    models : sequence of LinearForecast
        All of the forecaster, as they are iterated if they are.
    noise : Noise
        Of one step ahead if they are iterated, else of all horizons.
    horizons : tuple of int
        Steps ahead that paths consist of, in order.
    recursive : bool
        Whether one-step models are iterated.
    """

    models: Sequence[LinearForecast]
    noise: Noise
    horizons: tuple[int, ...]
    recursive: bool

    @classmethod
    def of(cls, state: State, horizons: tuple[int, ...], *, recursive: bool) -> PathSource:
        """Return the source whose noise correlates as the errors that the models make on series."""
        models = state.learned.models
        if recursive:
            return cls([model.iterated for model in models], state.noise, horizons, recursive)
        errors = errors_after(models, {}, state.panel.histories, horizons, recursive=False)
        variances = _noise_variances(models, horizons, errors.shape[2])
        noise = Noise.of(errors.reshape(len(errors), -1), variances)
        return cls(models, noise, horizons, recursive)

    def draw(
        self, history: History, X: pd.DataFrame | None, n_paths: int, rng: np.random.RandomState
    ) -> NDArray:
        """Return paths that go on from the end of a series, (n_paths, n_horizons, n_columns)."""
        furthest = max(self.horizons)
        origin = Origin.of(self.models, history, X, furthest)
        if not self.recursive:
            return _direct_paths(self.models, self.noise, origin, self.horizons, n_paths, rng)
        paths = _recursive_paths(self.models, self.noise, origin, furthest, n_paths, rng)
        return paths[:, np.array(self.horizons) - 1]


def _recursive_paths(
    models: Sequence[LinearForecast],
    noise: Noise,
    origin: Origin,
    n_ahead: int,
    n_paths: int,
    rng: np.random.RandomState,
) -> NDArray:
    """Return paths of all steps up to the furthest, (n_paths, n_ahead, n_columns).

    Parameters
    ----------
    models : sequence of LinearForecast
        One-step models, as they are iterated.
    noise : Noise
        Of all columns, one step ahead.
    origin : Origin
        Where the paths begin.
    n_ahead, n_paths : int
        Number of steps, and of paths.
    rng : RandomState
        What draws.
    """
    n_lags, n_columns = origin.y.shape
    start, steps = np.array([n_lags - 1]), range(1, n_ahead + 1)
    kind: dict[str, Any] = {"recursive": True, "uncertain": False}
    mean = forecast(models, origin.y, origin.x, start, steps, **kind).mean[0]
    course = np.vstack([origin.y, mean])
    shocks = noise.draw_course(rng, n_paths, n_ahead)
    for model in models:
        columns = list(model.regression.columns)
        origins = start + np.arange(n_ahead)
        windows = model.regression.windows(course, origin.x, origins, model.n_lags)
        leverage = model.leverage(windows)
        drawn = noise.draw(rng, n_paths, leverage.shape[1])[:, :, columns]
        shocks[:, :, columns] += np.einsum("hr,prc->phc", leverage, drawn)
    weights = error_weights(models, n_ahead, n_lags, n_columns)
    paths = np.tile(mean, (n_paths, 1, 1))
    for step in range(n_ahead):
        reach = weights[: n_ahead - step]
        paths[:, step:] += np.einsum("hab,pb->pha", reach, shocks[:, step])
    return paths


def _direct_paths(
    models: Sequence[LinearForecast],
    noise: Noise,
    origin: Origin,
    horizons: Sequence[int],
    n_paths: int,
    rng: np.random.RandomState,
) -> NDArray:
    """Return paths at some steps ahead, (n_paths, n_horizons, n_columns).

    Parameters
    ----------
    models : sequence of LinearForecast
        Models that know the horizons.
    noise : Noise
        Of all horizons, the columns of each side by side.
    origin : Origin
        Where the paths begin.
    horizons : sequence of int
        Steps ahead, at least 1 each.
    n_paths : int
        Number of paths.
    rng : RandomState
        What draws.
    """
    n_lags, n_columns = origin.y.shape
    start = np.array([n_lags - 1])
    kind: dict[str, Any] = {"recursive": False, "uncertain": False}
    mean = forecast(models, origin.y, origin.x, start, horizons, **kind).mean[0]
    paths = mean.flatten() + noise.draw(rng, n_paths)
    for model in models:
        targets = _targets_among(model, horizons, n_columns)
        windows = model.regression.windows(origin.y, origin.x, start, model.n_lags)
        leverage = model.leverage(windows)[0]
        drawn = noise.draw(rng, n_paths, len(leverage))[:, :, targets]
        paths[:, targets] += np.einsum("r,prc->pc", leverage, drawn)
    return paths.reshape(n_paths, len(horizons), n_columns)


def _targets_among(model: LinearForecast, horizons: Sequence[int], n_columns: int) -> list[int]:
    """Return the places of a model's targets where the columns of each horizon are side by side."""
    return [
        place * n_columns + column
        for place, horizon in enumerate(horizons)
        if horizon in model.regression.horizons
        for column in model.regression.columns
    ]


def _noise_variances(
    models: Sequence[LinearForecast], horizons: Sequence[int], n_columns: int
) -> NDArray:
    """Return the variances of the noise, the columns of each horizon side by side."""
    variances = np.empty(len(horizons) * n_columns)
    for model in models:
        regression = model.regression
        of_horizon = model.noise_variance.reshape(-1, len(regression.columns))
        known = [regression.horizons.index(h) for h in horizons if h in regression.horizons]
        variances[_targets_among(model, horizons, n_columns)] = of_horizon[known].flatten()
    return variances


def draw_paths(
    state: State,
    steps: Mapping[Key, tuple[int, ...]],
    X: pd.DataFrame | None,
    n_paths: int,
    rng: np.random.RandomState,
    *,
    recursive: bool,
) -> dict[Key, NDArray]:
    """Return paths that go on from the end of each series, (n_paths, n_horizons, n_columns).

    Parameters
    ----------
    state : State
        The series, and what they taught.
    steps : mapping of tuple to tuple of int
        Steps ahead that the paths of each series consist of.
    X : DataFrame or None
        The future of the exogenous series.
    n_paths : int
        Number of paths.
    rng : RandomState
        What draws.
    recursive : bool
        Whether one-step models are iterated.
    """
    exogenous = {} if X is None else split(X)
    sources = {
        horizons: PathSource.of(state, horizons, recursive=recursive)
        for horizons in set(steps.values())
    }
    return {
        key: sources[steps[key]].draw(history, exogenous.get(key), n_paths, rng)
        for key, history in state.panel.histories.items()
    }
