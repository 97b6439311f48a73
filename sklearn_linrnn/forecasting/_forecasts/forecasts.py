"""From fitted regressions to forecasts: directly, or one step after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._forecasts.accumulation import (
    error_weights,
    noise_variance,
    parameter_variance,
)
from sklearn_linrnn.forecasting._forecasts.linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._forecasts.noise import Noise
from sklearn_linrnn.forecasting._forecasts.room import check_room
from sklearn_linrnn.forecasting._series.histories import History

BLOCK = 2**20  # numbers in a block of windows: 8 MiB


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Point forecasts and their variances.

    Attributes
    ----------
    mean : ndarray of shape (..., n_columns)
        Point forecasts, from several origins (n_origins, n_horizons, n_columns).
    variance : ndarray of the same shape
        Variances of what is forecast.
    """

    mean: NDArray
    variance: NDArray

    @classmethod
    def unknown(cls, *shape: int) -> Forecasts:
        """Return forecasts that are all NaN."""
        return cls(np.full(shape, np.nan), np.full(shape, np.nan))

    def __setitem__(self, place: Any, part: Forecasts) -> None:
        self.mean[place], self.variance[place] = part.mean, part.variance


def check_length(history: History, n_lags: int) -> None:
    """Raise unless a series is as long as the window that is forecast from."""
    if len(history) < n_lags:
        raise ValueError(
            f"y must have n_lags={n_lags} steps at least, a window to forecast from, but it "
            f"has {len(history)}."
        )


def forecast_series(
    models: Sequence[LinearForecast],
    history: History,
    X: pd.DataFrame | None,
    steps: NDArray,
    *,
    recursive: bool,
    uncertain: bool,
    noise: Noise | None = None,
) -> Forecasts:
    """Return the forecasts (n_steps, n_columns) of a series at steps after its cutoff.

    Up to the cutoff they are those of one step ahead, from the window before; NaN where that window
    is not full.

    Parameters
    ----------
    models : sequence of LinearForecast
        All of a forecaster.
    history : History
        The series.
    X : DataFrame or None
        The future of its exogenous series.
    steps : ndarray of int, shape (n_steps,)
        Steps after the cutoff, some of them perhaps before it.
    recursive, uncertain : bool
        As in `forecast`.
    noise : Noise, default=None
        As in `forecast`.
    """
    kind: dict[str, Any] = {"recursive": recursive, "uncertain": uncertain, "noise": noise}
    n_lags = longest_window(models)
    found = Forecasts.unknown(len(steps), len(history.columns))
    ahead = steps > 0
    if ahead.any():
        y, x = history.window(n_lags, X, int(steps.max()))
        part = forecast(models, y, x, np.array([n_lags - 1]), steps[ahead].tolist(), **kind)
        found[ahead] = Forecasts(part.mean[0], part.variance[0])
    target = len(history) - 1 + steps
    back = ~ahead & (target >= n_lags)
    if back.any():
        part = forecast(models, history.y, history.x, target[back] - 1, [1], **kind)
        found[back] = Forecasts(part.mean[:, 0], part.variance[:, 0])
    return found


def needed_horizons(steps: Sequence[NDArray]) -> tuple[int, ...]:
    """Return the steps ahead that models must know: in-sample forecasts are of one step."""
    return tuple(sorted({max(int(step), 1) for some in steps for step in some}))


def longest_window(models: Sequence[LinearForecast]) -> int:
    """Return the number of lags that the longest window has."""
    return max(model.n_lags for model in models)


def origins_at_a_time(n_steps: int, n_columns: int) -> int:
    """Return how many origins have their windows, and what follows, in memory together."""
    return max(1, BLOCK // (n_steps * n_columns))


def forecast(
    models: Sequence[LinearForecast],
    y: NDArray,
    x: NDArray,
    origins: NDArray,
    horizons: Sequence[int],
    *,
    recursive: bool,
    uncertain: bool,
    noise: Noise | None = None,
) -> Forecasts:
    """Return forecasts of some steps ahead from several origins.

    Parameters
    ----------
    models : sequence of LinearForecast
        All of a forecaster.
    y : ndarray of shape (n_timesteps, n_columns)
        The series. Forecasts from a window with a NaN are NaN.
    x : ndarray of shape (n_timesteps + max(horizons), n_exogenous)
        The exogenous series.
    origins : ndarray of int, shape (n_origins,)
        Last steps of the windows, which must be full.
    horizons : sequence of int
        Steps ahead, at least 1 each.
    recursive : bool
        Whether one-step models are iterated.
    uncertain : bool
        Whether to compute variances; else they are NaN.
    noise : Noise, default=None
        That of one step where models are iterated; ``None`` for that of the models, white and
        independent from column to column.

    Raises
    ------
    ValueError
        If a step ahead was not learned, or what is forecast overflows.
    MemoryError
        If a recursion needs more memory than the machine has.
    """
    if recursive:
        check_room(max(horizons), y.shape[1], x.shape[1], uncertain=uncertain)
        models = [model.iterated for model in models]
    else:
        _check_horizons(models, horizons)
    found = Forecasts.unknown(len(origins), len(horizons), y.shape[1])
    n_lags = longest_window(models)
    n_steps = n_lags + (max(horizons) if recursive else 0)
    per_step = y.shape[1] + x.shape[1]
    if recursive and uncertain:
        noise = Noise.independent(one_step_variances(models)) if noise is None else noise
        per_step *= n_lags  # what is uncertain of each step
    length = origins_at_a_time(n_steps, per_step)
    for first in range(0, len(origins), length):
        block = slice(first, first + length)
        if recursive:
            steps = _iterate(models, y, x, origins[block], max(horizons), noise)
            chosen = np.array(horizons) - 1
            found[block] = Forecasts(steps.mean[:, chosen], steps.variance[:, chosen])
        else:
            found[block] = _look_ahead(models, y, x, origins[block], horizons, uncertain)
    return found


def _check_range(found: Forecasts, bounded: NDArray, n_ahead: int, n_exogenous: int) -> None:
    """Raise if forecasts overflow, or variances where that of the noise is known and ``bounded``.

    Noise of which nothing is known has a variance without end, which is warned of.
    """
    spread = bounded & ~np.isfinite(found.variance) & ~np.isnan(found.mean)
    if not (np.isinf(found.mean) | spread).any():
        return
    if n_exogenous:
        raise ValueError(
            f"X is too large, or fh reaches too far: forecasts of {n_ahead} steps, or their "
            "variances, overflow float64. Scale X and y, or ask for fewer steps."
        )
    raise ValueError(
        f"fh must not reach so far: y grows so that forecasts of {n_ahead} steps, or their "
        "variances, overflow float64. Ask for fewer steps, or forecast the logarithm of y."
    )


def _check_horizons(models: Sequence[LinearForecast], horizons: Sequence[int]) -> None:
    known = {h for model in models for h in model.regression.horizons}
    if unknown := sorted(set(horizons) - known):
        raise ValueError(
            f"fh asks for {unknown} steps ahead, but this forecaster of strategy='direct' was "
            f"fitted for {sorted(known)}. Fit it again, or take strategy='recursive'."
        )


@np.errstate(over="ignore", invalid="ignore")  # what overflows is not handed out
def _look_ahead(
    models: Sequence[LinearForecast],
    y: NDArray,
    x: NDArray,
    origins: NDArray,
    horizons: Sequence[int],
    uncertain: bool,
) -> Forecasts:
    """Return the forecasts of models that know the horizons."""
    found = Forecasts.unknown(len(origins), len(horizons), y.shape[1])
    bounded = np.zeros(found.mean.shape, dtype=bool)
    for model in models:
        regression = model.regression
        wanted = [h for h in regression.horizons if h in horizons]
        if not wanted:
            continue
        windows = regression.windows(y, x, origins, model.n_lags)
        shape = (len(origins), len(regression.horizons), len(regression.columns))
        known = [regression.horizons.index(h) for h in wanted]
        places = [list(horizons).index(h) for h in wanted]
        part = np.ix_(range(len(origins)), places, regression.columns)
        found.mean[part] = model.predict(windows).reshape(shape)[:, known]
        if uncertain:
            found.variance[part] = model.variance(windows).reshape(shape)[:, known]
            noise = np.broadcast_to(model.noise_variance, (len(origins), len(model.noise_variance)))
            bounded[part] = np.isfinite(noise).reshape(shape)[:, known]
    _check_range(found, bounded, max(horizons), x.shape[1])
    return found


@np.errstate(over="ignore", invalid="ignore")  # what overflows is not handed out
def _iterate(
    models: Sequence[LinearForecast],
    y: NDArray,
    x: NDArray,
    origins: NDArray,
    n_ahead: int,
    noise: Noise | None,
) -> Forecasts:
    """Return the forecasts of all steps up to ``n_ahead`` by models of one step.

    Their variances have the errors of all steps before, which follow the models' own responses.
    """
    n_lags, n_columns = longest_window(models), y.shape[1]
    past = origins[:, None] + np.arange(1 - n_lags, 1)
    path = np.concatenate([y[past], np.zeros((len(origins), n_ahead, n_columns))], axis=1)
    driven = x[origins[:, None] + np.arange(1 - n_lags, n_ahead + 1)]
    leverages: list[list[NDArray]] = [[] for _ in models]
    for step in range(n_ahead):
        now = n_lags + step
        for model, leverage in zip(models, leverages, strict=True):
            columns = list(model.regression.columns)
            window = path[:, now - model.n_lags : now, columns]
            if model.regression.n_exogenous:
                inputs = driven[:, now + 1 - model.n_lags : now + 1]
                window = np.concatenate([window, inputs], axis=2)
            window = window[:, ::-1].reshape(len(origins), -1)
            path[:, now, columns] = model.predict(window)
            if noise is not None:
                leverage.append(model.leverage(window))
    mean = path[:, n_lags:]
    variance, bounded = np.full_like(mean, np.nan), np.zeros(n_columns, dtype=bool)
    if noise is not None:
        variance = _iterated_variance(models, noise, [np.stack(each, 1) for each in leverages])
        bounded = np.isfinite(noise.root).all(axis=0)
    found = Forecasts(mean, variance)
    _check_range(found, bounded, n_ahead, x.shape[1])
    return found


def _iterated_variance(
    models: Sequence[LinearForecast], noise: Noise, leverages: Sequence[NDArray]
) -> NDArray:
    """Return the variances of all steps, (n_origins, n_ahead, n_columns)."""
    n_columns, (n_origins, n_ahead, _) = noise.root.shape[1], leverages[0].shape
    weights = error_weights(models, n_ahead, longest_window(models), n_columns)
    variance = np.empty((n_origins, n_ahead, n_columns))
    for model, leverage in zip(models, leverages, strict=True):
        columns = list(model.regression.columns)
        own, root = weights[np.ix_(range(n_ahead), columns, columns)], noise.root[:, columns]
        parameters = parameter_variance(own, root, leverage)
        variance[:, :, columns] = noise_variance(own, noise, columns) + parameters
    return variance


def one_step_variances(models: Sequence[LinearForecast]) -> NDArray:
    """Return the variances of the noise of all columns one step ahead, (n_columns,)."""
    variances = np.empty(sum(len(model.regression.columns) for model in models))
    for model in models:
        variances[list(model.regression.columns)] = model.noise_variance
    return variances
