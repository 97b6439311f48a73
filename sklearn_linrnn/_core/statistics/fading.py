"""Statistics of a series whose weights fade with age, without forming its windows.

With weights ``u_s g^s``, which grow from step to step by the same factor but for a few changes of
``u``, the scatter of the lags follows from that of the series ``v_s = g^{s/2} x_s`` with the
weights ``u``, which has displacement structure:

    sum_s u_s g^s x_{s-k} x_{s-j}^T = g^{(k+j)/2} sum_s u_s v_{s-k} v_{s-j}^T

Rounding is relative to the scatter of lag 0, and grows with ``g^{n_lags}``: where the lags are many
half-lives long, windows are formed.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.statistics.displacement import (
    Diagonals,
    displacement,
    lagged_products,
    series_level,
    weight_changes,
)
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.moments import Moments, RunningSums
from sklearn_linrnn._core.statistics.series import Series, Start
from sklearn_linrnn._core.statistics.windows import displacement_is_cheaper

MOST_HALF_LIVES = 8.0  # that the lags may be long: they cost two digits


def fading_statistics(series: Series, n_lags: int, start: Start, rate: float) -> LagStatistics:
    """Return the statistics of recordings whose weights halve with age.

    Parameters
    ----------
    series : Series
        The recordings, with the weights that their time steps had when they were new.
    n_lags : int
        Number of lags.
    start : {"zero_state", "full_windows"}
        What was before each recording, as in `LagStatistics.from_series`.
    rate : float
        Half-lives that pass in a time step.
    """
    n_changes = len(weight_changes(series.weights))
    if (
        (len(series.lengths) == 1 or start == "full_windows")  # no zeros between time steps
        and n_lags * rate <= MOST_HALF_LIVES
        and displacement_is_cheaper(series, n_changes, n_lags)
    ):
        moments = _fading_moments(series.supervised(n_lags, start), n_lags, rate)
        return LagStatistics(**vars(moments), n_lags=n_lags, n_channels=series.x.shape[1])
    shares = _amplitudes(len(series.x), rate, series.x.device).square()
    faded = replace(series, weights=series.weights * shares)
    return LagStatistics.of_series(faded, n_lags=n_lags, start=start)


def _amplitudes(n_timesteps: int, rate: float, device: torch.device) -> Tensor:
    """Return the roots of what is left of the weights of time steps at the last of them."""
    age = torch.arange(n_timesteps, dtype=torch.float64, device=device).flip(0)
    return torch.exp2(-0.5 * rate * age)


def _fading_moments(series: Series, n_lags: int, rate: float) -> Moments:
    """Return the moments of ``z_s = [x_s, x_{s-1}, ..., x_{s-n_lags+1}]`` and ``y_s``."""
    n_channels, n_outputs = series.x.shape[1], series.y.shape[1]
    # What was before the series is zero: with its level taken away, that is no longer zero.
    x, y = (pad(columns, (0, 0, n_lags - 1, 0)) for columns in (series.x, series.y))
    weights = pad(series.weights, (n_lags - 1, 0))
    amplitudes = _amplitudes(len(x), rate, x.device)
    faded = weights * amplitudes.square()
    level, target_level = series_level(x, faded), series_level(y, faded)
    inputs = amplitudes[:, None] * (x - level)
    targets = amplitudes[:, None] * torch.column_stack([y - target_level, torch.ones_like(weights)])
    about = x.new_zeros(n_channels + n_outputs + 1)
    correlation, _, squares = lagged_products(inputs, targets, weights, about, n_lags)
    changes = weight_changes(weights)
    diagonals = Diagonals.of(correlation[:, :n_channels])
    displacement(inputs, weights, changes, about[:n_channels], n_lags, out=diagonals.increments)
    growth = torch.exp2(0.5 * rate * torch.arange(n_lags, dtype=torch.float64, device=x.device))
    scale = growth.repeat_interleave(n_channels)
    products = correlation[:, n_channels:].transpose(1, 2).reshape(len(scale), -1)
    products = products * scale[:, None]
    running = RunningSums(
        level.repeat(n_lags),
        target_level,
        float(faded.sum()),
        products[:, n_outputs],
        faded @ (y - target_level),
        diagonals.accumulate().mul_(scale).mul_(scale[:, None]),
        products[:, :n_outputs].contiguous(),
        squares[n_channels : n_channels + n_outputs],
    )
    return running.moments()
