"""Sums of the windows of series whose targets are the time steps that follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._core.statistics.windows import series_moments
from sklearn_linrnn._core.tensors import all_finite, as_float64

SPARSE = 2.0  # time steps that a window and its future span, for each of them that is used


def future_statistics(
    recordings: Sequence[Any],
    n_lags: int,
    horizons: Sequence[int],
    device: torch.device | str = "cpu",
) -> LagStatistics:
    """Return the statistics of full windows with the time steps after them as targets.

    Parameters
    ----------
    recordings : sequence of array-like of shape (n_timesteps_i, n_channels)
        Series of one kind, whose windows learn together. NaN where a time step was not
        observed: a window is left out if it, or one of its targets, is not complete.
    n_lags : int
        Number of lags, the newest time step included; at least 1.
    horizons : sequence of int, length n_horizons
        How many steps ahead of a window's newest time step its targets lie; each at least 1.
    device : torch.device or str, default="cpu"
        Where to compute and to keep the statistics.

    Returns
    -------
    statistics : LagStatistics
        Of as many outputs as ``n_horizons * n_channels``, the channels of the first horizon first.

    Raises
    ------
    ValueError
        If a value is infinite.

    Notes
    -----
    A window and its future are one longer window of the same series, whose scatter has displacement
    structure. It holds the scatter of the lags, of the lags with the targets, and of the targets,
    so that hundreds of horizons cost little more than one.
    """
    parts = [as_float64(recording, device) for recording in recordings]
    lengths = torch.tensor([len(part) for part in parts], device=device)
    x = torch.cat(parts)
    missing = torch.isnan(x)
    complete = complete_windows(missing.any(1), lengths, n_lags, horizons).to(x.dtype)
    if missing.any():  # by something of the series' size, which no sum has
        x = torch.where(missing, x.nanmean(0).nan_to_num(), x)
    if not all_finite(x):
        raise ValueError(
            "y must be finite, and so must its differences and means, but got an infinite one. "
            "Scale y."
        )
    if n_lags + max(horizons) <= SPARSE * (n_lags + len(horizons)):
        return _of_longer_windows(x, complete, lengths, n_lags, horizons)
    targets = torch.cat([_after(x, horizon) for horizon in horizons], dim=1)
    series = Series(x, targets, complete, lengths)
    moments = series_moments(series.trimmed(n_lags - 1), n_lags)
    return LagStatistics(**vars(moments), n_lags=n_lags, n_channels=x.shape[1])


def complete_windows(
    missing: Tensor, lengths: Tensor, n_lags: int, horizons: Sequence[int]
) -> Tensor:
    """Return the time steps at which a complete window ends whose targets are all there.

    Parameters
    ----------
    missing : Tensor of bool, shape (n_timesteps,)
        Time steps of all recordings that were not observed.
    lengths : Tensor of int, shape (n_recordings,)
        Their numbers of time steps.
    n_lags : int
        Number of lags of a window.
    horizons : sequence of int
        How many steps ahead the targets lie.

    Returns
    -------
    complete : Tensor of bool, shape (n_timesteps,)
    """
    first = torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
    step = torch.arange(len(missing), device=missing.device)
    position, left = step - first, torch.repeat_interleave(lengths, lengths) - 1 - (step - first)
    complete = (position >= n_lags - 1) & (left >= max(horizons))
    if missing.any():
        gaps = torch.nn.functional.pad(missing.cumsum(0), (n_lags, 0))
        complete &= gaps[n_lags:] == gaps[:-n_lags]
        for horizon in horizons:
            complete &= ~_after(missing, horizon)
    return complete


def _of_longer_windows(
    x: Tensor, complete: Tensor, lengths: Tensor, n_lags: int, horizons: Sequence[int]
) -> LagStatistics:
    longest, n_channels = max(horizons), x.shape[1]
    n_steps = n_lags + longest
    ends = torch.roll(complete, longest)  # no complete window ends in the last time steps
    series = Series(x, x[:, :0], ends, lengths).trimmed(n_steps - 1)
    moments = series_moments(series, n_steps)
    channel = torch.arange(n_channels, device=x.device)
    target = torch.cat([(longest - horizon) * n_channels + channel for horizon in horizons])
    inputs = slice(longest * n_channels, None)
    scatter = moments.input_scatter
    return LagStatistics(
        weight=moments.weight,
        input_mean=moments.input_mean[inputs],
        target_mean=moments.input_mean[target],
        input_scatter=scatter[inputs, inputs].contiguous(),
        cross_scatter=scatter[inputs, target],
        target_scatter=scatter.diagonal()[target],
        n_lags=n_lags,
        n_channels=n_channels,
    )


def _after(steps: Tensor, horizon: int) -> Tensor:
    """Return later time steps in each place, and the first ones again after the last."""
    return torch.roll(steps, -horizon, dims=0)
