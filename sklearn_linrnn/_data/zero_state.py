"""How much it matters that recordings start from zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._data.gaps import any_missing, shares_of
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.stretches import stretches

ENOUGH_STEPS = 2**14  # for a mean and a variance: it is known to 1 %
MOST_STEPS = 10**6  # where steps at equal distances may be those that are not observed
ROUNDING = 1e-20  # of the square of a mean, in a variance


def weight_of_zeros(
    recordings: Recordings, observed: NDArray, weights: NDArray | None, n_lags: int
) -> NDArray:
    """Return the variance that zeros before recordings add to the lags, over that of the inputs.

    From zero to the inputs is a step as high as their mean, and the first ``n_lags - 1`` time steps
    of a recording have it among their lags. Where this step outweighs all that the inputs do later,
    the response follows it, and is wrong if the inputs were not zero. It counts for nothing where
    the inputs are constant: then the step is all there is to learn from.

    Parameters
    ----------
    recordings : Recordings
        Inputs that start from zero.
    observed : ndarray of bool, shape (n_supervised,)
        Which time steps have a target.
    weights : ndarray of shape (n_supervised,) or None
        Weights of the time steps.
    n_lags : int
        Number of lags.

    Returns
    -------
    weights : ndarray of shape (n_channels,)
    """
    heads = whole = 0.0
    for cut in stretches(recordings.lengths, 1):
        own = shares_of(observed, weights, cut.steps)
        n_left = max(n_lags - 1 - (cut.inputs.start or 0), 0)
        lengths = np.minimum(recordings.lengths[cut.recordings], len(own))
        heads += float(own[head_steps(lengths, n_left)].sum())
        whole += float(own.sum())
    for n_steps in (ENOUGH_STEPS, MOST_STEPS):
        chosen = slice(None, None, -(-len(observed) // n_steps))
        mass = shares_of(observed, weights, chosen)
        total = mass.sum()
        if 2.0 * chosen.step * total >= whole:
            break
    inputs = recordings.joined[chosen]
    values, missing = inputs.astype(np.float64, copy=False), None
    with np.errstate(all="ignore"):  # of channels without known inputs, and of huge ones
        if any_missing(values):
            missing = np.isnan(values)
            touched = missing.any(axis=1)
            total = total - mass[touched] @ missing[touched]
            values = np.where(missing, 0.0, values)
        mean = mass @ values / total
        values = values - mean
        if missing is not None:
            values[missing] = 0.0
        variance = mass @ np.square(values, out=values) / total
        varies = variance > ROUNDING * np.square(mean)
    doubtful = inputs[:, ~varies]
    varies[~varies] = np.fmax.reduce(doubtful) > np.fmin.reduce(doubtful)
    return excess_of_zeros(mean, np.where(varies, variance, 0.0), heads / whole)


def excess_of_zeros(mean: NDArray, variance: NDArray, share_of_heads: float) -> NDArray:
    """Return the variance that zeros add to the lags, over that of the inputs; 0 for constant ones.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_channels,)
        Of the inputs.
    share_of_heads : float
        Share of the weight of time steps that have zeros among their lags.
    """
    with np.errstate(all="ignore"):  # of huge inputs
        excess = np.square(mean) / variance * share_of_heads
    return np.where(variance > 0.0, excess, 0.0)


def head_steps(lengths: NDArray, n_steps: int) -> NDArray:
    """Return the places of the first time steps of recordings, one recording after another.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_recordings,)
        Numbers of time steps.
    n_steps : int
        How many are the first ones of each.

    Returns
    -------
    places : ndarray of int
    """
    counts = np.minimum(lengths, n_steps)
    skipped = np.cumsum(lengths - counts) - (lengths - counts)  # before each recording
    return np.arange(counts.sum()) + np.repeat(skipped, counts)
