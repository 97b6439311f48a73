"""How much it matters that recordings start from zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn._data.stretches import stretch_length, stretches

ENOUGH_STEPS = 10**6  # for a mean and a variance


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
    heads, whole = weight_of_heads(recordings, observed, weights, n_lags)
    chosen = slice(None, None, -(-len(observed) // ENOUGH_STEPS))
    inputs = recordings.joined[chosen]
    mass = observed[chosen] * (1.0 if weights is None else weights[chosen])
    missing = np.isnan(inputs)
    touched = missing.any(axis=1)
    total = mass.sum() - mass[touched] @ missing[touched]
    values = np.array(inputs, dtype=np.float64)
    values[missing] = 0.0
    with np.errstate(all="ignore"):  # of channels without known inputs, and of huge ones
        mean = mass @ values / total
        values -= mean
        values[missing] = 0.0
        variance = mass @ np.square(values, out=values) / total
    excess = excess_of_zeros(mean, variance, heads / whole)
    varies = np.fmax.reduce(inputs) > np.fmin.reduce(inputs)
    return np.where(varies, excess, 0.0)


def excess_of_zeros(mean: NDArray, variance: NDArray, share: float) -> NDArray:
    """Return the variance that a step from zero adds to the lags, over that of the inputs.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_channels,)
        Of the inputs.
    share : float
        Of the time steps that have the step among their lags, in the weight of all.
    """
    with np.errstate(all="ignore"):  # of channels without known inputs, and of huge ones
        return np.where(variance > 0, np.square(mean) / variance * share, 0.0)


def weight_of_heads(
    recordings: Recordings, observed: NDArray, weights: NDArray | None, n_lags: int
) -> tuple[float, float]:
    """Return the weight of the time steps with lags before their recording, and of all of them.

    Parameters
    ----------
    recordings : Recordings
        The recordings.
    observed : ndarray of bool, shape (n_supervised,)
        Which time steps have a target.
    weights : ndarray of shape (n_supervised,) or None
        Weights of the time steps.
    n_lags : int
        Number of lags.
    """
    heads = whole = 0.0
    for cut in stretches(recordings.lengths, 0, stretch_length(1, 0)):
        own = observed[cut.steps] * (1.0 if weights is None else weights[cut.steps])
        n_left = max(n_lags - 1 - (cut.inputs.start or 0), 0)
        lengths = np.minimum(recordings.lengths[cut.recordings], len(own))
        heads += _sum_of_heads(lengths, own, n_left)
        whole += float(own.sum())
    return heads, whole


def _sum_of_heads(lengths: NDArray, shares: NDArray, n_steps: int) -> float:
    """Return the sum of the shares of the first time steps of all recordings."""
    starts = np.cumsum(lengths) - lengths
    ends = starts + np.minimum(lengths, n_steps)
    edges = np.column_stack([starts, ends]).ravel().astype(np.intp)
    sums = np.add.reduceat(np.append(shares, 0.0), edges)[::2]
    return float(sums[ends > starts].sum())
