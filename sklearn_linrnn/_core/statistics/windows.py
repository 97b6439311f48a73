"""Sums over windows: by forming them, or from the displacement structure of a series."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sklearn_linrnn._core.statistics.displacement import (
    full_window_sums,
    positive_sum,
    series_level,
    weight_changes,
)
from sklearn_linrnn._core.statistics.moments import RunningSums
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._core.tensors import as_float64, finite

CHUNK = 2**20  # numbers in a block of windows: 8 MiB


def window_sums(X: Any, targets: Tensor, weights: Tensor) -> RunningSums:
    """Return the sums over windows ``X (n_windows, n_lags, n_channels)``, oldest first.

    The inputs of a row are in the order of the window: oldest time step first.
    """
    n_windows, n_lags, n_channels = X.shape
    length = _block_length(n_lags * n_channels)
    blocks = [slice(first, first + length) for first in range(0, n_windows, length)]

    def lags(block: slice) -> Tensor:
        return finite(as_float64(X[block], targets.device), "X").flatten(1)

    total = sum(weights[block] @ lags(block) for block in blocks)
    sums = RunningSums.about(total / positive_sum(weights), series_level(targets, weights))
    for block in blocks:
        sums.add(lags(block), targets[block], weights[block])
    return sums


def series_sums(series: Series, n_lags: int) -> RunningSums:
    """Return the sums over the windows of a series, newest time step first, by the cheaper way.

    Time steps whose windows are not full must have weight zero.
    """
    changes = weight_changes(series.weights)
    if displacement_is_cheaper(series, len(changes), n_lags):
        return full_window_sums(series.x, series.y, series.weights, changes, n_lags)
    return formed_window_sums(series, n_lags)


def formed_window_sums(series: Series, n_lags: int) -> RunningSums:
    """Return the sums over the windows of a series, forming them block by block."""
    x, y, weights = series.x, series.y, series.weights
    level = series_level(x, weights).repeat(n_lags)
    sums = RunningSums.about(level, series_level(y, weights))
    rows = torch.nonzero(weights).flatten()
    if len(rows) == 0:
        return sums
    # Time runs backwards, so that windows begin with the newest time step; it ends with zeros.
    backwards = torch.nn.functional.pad(x.flip(0), (0, 0, 0, n_lags - 1))
    windows = backwards.unfold(0, n_lags, 1)  # (n_timesteps, n_channels, n_lags)
    for block in rows.split(_block_length(len(level))):
        lags = windows[len(x) - 1 - block].transpose(1, 2).flatten(1)
        sums.add(lags, y[block], weights[block])
    return sums


def displacement_is_cheaper(series: Series, n_changes: int, n_lags: int) -> bool:
    """Compare the two ways; the unit is one multiply-add of a large matrix product.

    The factors are what the other operations cost beside that on a CPU, measured once and rounded
    (``benchmarks/lag_statistics.py``); a factor of two either way costs little.
    """
    n_steps, n_channels = series.x.shape
    n_inputs, n_columns = n_lags * n_channels, n_channels + series.y.shape[1]
    window = n_inputs * (n_inputs + 40)
    formed = int(torch.count_nonzero(series.weights)) * window
    block = max(n_lags, 1024 // n_channels, 1)
    transforms = 15 * n_steps * (n_channels + n_columns) * math.log2(2 * block)
    spectra = 40 * n_steps * n_channels * n_columns
    overhead = 400 * n_inputs**2 + 1e7
    return transforms + spectra + n_changes * window + overhead < formed


def _block_length(n_inputs: int) -> int:
    return max(256, CHUNK // n_inputs)
