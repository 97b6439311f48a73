"""Sums over windows: by forming them, or from the displacement structure of a series."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from sklearn_linrnn._core.statistics.displacement import (
    full_window_moments,
    series_level,
    transform_length,
    weight_changes,
)
from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._core.tensors import as_float64
from sklearn_linrnn._core.threads import calm, spread

CHUNK = 2**20  # numbers in a block of windows: 8 MiB
CACHED = 2**17  # those of one that stays in cache: 1 MiB
ENOUGH_ROWS = 1024  # of a block, for a matrix product to be fast


def window_moments(X: Any, targets: Tensor, weights: Tensor) -> Moments:
    """Return the moments of windows ``X (n_windows, n_lags, n_channels)``, oldest time step first.

    The inputs of a row are in the order of `LagStatistics`: newest time step first.
    """
    n_windows, n_lags, n_channels = X.shape
    length, device = _block_length(n_lags * n_channels), targets.device

    @lru_cache(maxsize=1)  # so that a single block is read once
    def inputs(first: int) -> Tensor:
        return as_float64(X[first : first + length], device).flatten(1)

    blocks = [slice(first, first + length) for first in range(0, n_windows, length)]
    mass = weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)  # something to divide zero by
    level = sum(weights[b] @ inputs(b.start) for b in blocks) / mass
    rows = ((inputs(b.start), targets[b], weights[b]) for b in blocks)
    moments = Moments.of_blocks(rows, level, weights @ targets / mass)
    order = torch.arange(n_lags * n_channels, device=device).view(n_lags, n_channels)
    return reordered(moments, order.flip(0).flatten())


def reordered(moments: Moments, order: Tensor) -> Moments:
    """Return the moments of the rows ``(z[order], y)``, from those of rows that were summed up.

    ``order (p,)`` says which input comes first, which second, and so on.
    """
    return replace(
        moments,
        input_mean=moments.input_mean[order],
        input_scatter=moments.input_scatter[order[:, None], order],
        cross_scatter=moments.cross_scatter[order],
    )


def series_moments(series: Series, n_lags: int) -> Moments:
    """Return the moments of the windows of a series, newest time step first, by the cheaper path.

    Time steps whose windows are not full must have weight zero.
    """
    changes = weight_changes(series.weights)
    if displacement_is_cheaper(series, len(changes), n_lags):
        with calm((n_lags * series.x.shape[1]) ** 2):
            return full_window_moments(series.x, series.y, series.weights, changes, n_lags)
    return formed_window_moments(series, n_lags)


def formed_window_moments(series: Series, n_lags: int) -> Moments:
    """Return the moments of the windows of a series, forming them block by block."""
    x, y, weights = series.x, series.y, series.weights
    level = series_level(x, weights).repeat(n_lags)
    steps = torch.nonzero(weights).flatten()
    # Time runs backwards, so that windows come newest time step first, and ends with zeros.
    backwards = torch.nn.functional.pad(x.flip(0), (0, 0, 0, n_lags - 1))
    windows = backwards.unfold(0, n_lags, 1)  # (n_timesteps, n_channels, n_lags)
    fitting = max(ENOUGH_ROWS, CACHED // (len(level) + y.shape[1]))
    rows = (
        (windows[len(x) - 1 - block].transpose(1, 2).flatten(1), y[block], weights[block])
        for block in steps.split(min(fitting, _block_length(len(level))))
        if len(block)
    )
    with spread(len(steps) * len(level) ** 2):
        return Moments.of_blocks(rows, level, series_level(y, weights))


def displacement_is_cheaper(series: Series, n_changes: int, n_lags: int) -> bool:
    """Compare the two ways; the unit is one multiply-add of a large matrix product.

    The factors are what the other operations cost beside that on a CPU, measured once and rounded
    (``benchmarks/lag_statistics.py``); a factor of two either way costs little.
    """
    n_steps, n_channels = series.x.shape
    n_outputs = series.y.shape[1]
    n_windows = int(torch.count_nonzero(series.weights))
    formed = n_windows * window_cost(n_lags, n_channels, n_outputs)
    return displacement_cost(n_steps, n_outputs, n_changes, n_lags, n_channels) < formed


def window_cost(n_lags: int, n_channels: int, n_outputs: int) -> float:
    """Return the cost of adding one window and its targets to scatters."""
    n_inputs = n_lags * n_channels
    return (n_inputs + 100) * (n_inputs + n_outputs)


def displacement_cost(
    n_steps: int, n_outputs: int, n_changes: int, n_lags: int, n_channels: int
) -> float:
    """Return the cost of the scatter of a series from its displacement structure."""
    n_inputs = n_lags * n_channels
    products = products_cost(n_steps, n_outputs, n_lags, n_channels)
    overhead = 150 * n_inputs**2 + 1e7
    return products + n_changes * window_cost(n_lags, n_channels, 0) + overhead


def products_cost(n_steps: int, n_outputs: int, n_lags: int, n_channels: int) -> float:
    """Return the cost of the `lagged_products` of a series."""
    n_columns = n_channels + n_outputs
    length = transform_length(n_steps, n_lags, n_channels * n_columns)
    repeated = (length + 2) / (length - n_lags + 1)
    return repeated * n_steps * (130 * (n_channels + n_columns) + 4 * n_channels * n_columns)


def _block_length(n_inputs: int) -> int:
    return max(256, CHUNK // n_inputs)
