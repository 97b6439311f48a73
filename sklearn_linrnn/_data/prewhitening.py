"""Recordings whose inputs and targets are filtered, so that their noise becomes white."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter

from sklearn_linrnn._core.statistics.joint_sums import JointSums
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.moments import RunningSums
from sklearn_linrnn._data.gaps import shares_of
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.training_data import TrainingData


def n_known_before(observed: NDArray, lengths: NDArray) -> NDArray:
    """Return how many time steps right before each one are observed, (n_supervised,).

    Parameters
    ----------
    observed : ndarray of bool, shape (n_supervised,)
        Which time steps are observed, one recording after another.
    lengths : ndarray of int, shape (n_recordings,)
        Numbers of time steps.
    """
    places = np.arange(len(observed))
    gap_before = np.maximum.accumulate(np.where(observed, -1, places))
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    first[1:] = np.maximum(first[1:], gap_before[:-1] + 1)
    return places - first


def usable_steps(data: TrainingData, order: int) -> NDArray:
    """Return the observed time steps with as many right before them, (n_supervised,)."""
    return data.observed & (n_known_before(data.observed, _lengths(data)) >= order)


def most_usable_order(data: TrainingData, most: int, least_share: float) -> int:
    """Return the greatest order that leaves a share of the observed time steps usable."""
    runs = n_known_before(data.observed, _lengths(data))[data.observed]
    left = 1.0 - np.cumsum(np.bincount(np.minimum(runs, most), minlength=most)) / len(runs)
    return int(np.count_nonzero(left[:most] >= least_share))


def prewhitened(data: TrainingData, polynomial: NDArray) -> TrainingData:
    """Return recordings with filtered inputs and targets.

    Time steps without observed ones right before them, as many as the filter needs, are not
    observed: at the begin of each recording, and after each gap.

    Parameters
    ----------
    data : TrainingData
        Recordings, with the inputs before them that their lags need.
    polynomial : ndarray of shape (order + 1,)
        The filter.
    """
    recordings = cast(Recordings, data.sequences)
    usable = usable_steps(data, len(polynomial) - 1)
    targets = filtered_targets(data.targets[:], usable, polynomial)
    inputs = filtered_inputs(recordings, polynomial)
    return replace(data, sequences=inputs, targets=targets, observed=usable)


def innovations(
    recordings: Recordings, noise: NDArray, polynomial: NDArray
) -> tuple[Recordings, NDArray]:
    """Return filtered recordings, and what the filter leaves of their noise.

    Parameters
    ----------
    recordings : Recordings
        The inputs, with what was before them.
    noise : ndarray of shape (n_supervised, n_outputs)
        NaN where it is not known, and so is what is left of the steps after.
    polynomial : ndarray of shape (order + 1,)
        The filter.
    """
    unrolled = recordings.unrolled(len(polynomial))
    inputs = filtered_inputs(unrolled.recordings, polynomial).joined
    inputs[~unrolled.whole] = np.nan
    before = None if recordings.before is None else recordings.before * polynomial.sum()
    parts = recordings.split(inputs[unrolled.recordings.own])
    known = np.isfinite(noise).all(axis=1)
    usable = known & (n_known_before(known, np.array(recordings.lengths)) >= len(polynomial) - 1)
    left = filtered_targets(noise, usable, polynomial)
    return replace(recordings, parts=parts, before=before), left


def filtered_targets(targets: NDArray, usable: NDArray, polynomial: NDArray) -> NDArray:
    """Return filtered targets, (n_supervised, n_outputs); NaN at time steps that are not usable."""
    filtered = lagged_targets(targets, len(polynomial) - 1) @ polynomial
    filtered[~usable] = np.nan
    return filtered


def filtered_inputs(recordings: Recordings, polynomial: NDArray) -> Recordings:
    """Return recordings of filtered inputs, with zeros before each."""
    filtered = np.empty((recordings.n_supervised, recordings.n_channels))
    for inputs, steps in recordings.alike():
        filtered[steps] = lfilter(polynomial, [1.0], inputs.astype(np.float64, copy=False), axis=1)
    return replace(recordings, parts=recordings.split(filtered))


def lagged_targets(targets: NDArray, order: int) -> NDArray:
    """Return the targets 0, 1, ... and ``order`` steps before; NaN before the first one.

    Parameters
    ----------
    targets : ndarray of shape (n_supervised, n_outputs)
        Flat, one recording after another: those before may be of the recording before.
    order : int
        Number of steps.

    Returns
    -------
    lagged : ndarray of shape (n_supervised, n_outputs, order + 1)
        From the time step itself on.
    """
    found = np.full((*targets.shape, order + 1), np.nan)
    for lag in range(min(order + 1, len(targets))):
        found[lag:, :, lag] = targets[: len(targets) - lag]
    return found


def joint_sums(data: TrainingData, n_lags: int, order: int, device: Any) -> JointSums:
    """Return the sums of recordings from which those of any filter of an order follow.

    Parameters
    ----------
    data : TrainingData
        Recordings, with the inputs before them that their lags need.
    n_lags : int
        Number of lags of what is filtered.
    order : int
        Greatest order of a filter.
    device : torch.device or str
        Where to compute.
    """
    usable = usable_steps(data, order)
    known = replace(data, observed=usable)
    level = np.nanmean(np.where(usable[:, None], data.targets[:], np.nan), axis=0, dtype=np.float64)
    about = torch.from_numpy(np.tile(level, order + 1))
    running = RunningSums.about(about, about[:0])

    def sums_of(block: TrainingData) -> LagStatistics:
        targets = lagged_targets(block.targets[:], order).transpose(0, 2, 1)
        targets = np.where(block.observed[:, None, None], targets, 0.0).reshape(len(targets), -1)
        weights = shares_of(block.observed, block.weights).astype(np.float64)
        rows = torch.from_numpy(targets)
        running.add(rows, rows[:, :0], torch.from_numpy(weights))
        inputs = block.sequences
        return inputs.statistics(LagStatistics, n_lags + order, targets, weights, device)

    blocks = (block for block, _ in known.blocks(n_lags + order, sums=True))
    lagged = reduce(add, map(sums_of, blocks)).to("cpu")
    return JointSums(lagged, running.moments(), order)


def _lengths(data: TrainingData) -> NDArray:
    return np.array(cast(Recordings, data.sequences).lengths)
