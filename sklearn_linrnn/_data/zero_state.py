"""How much it matters that recordings start from zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._data.sequences import Recordings

ENOUGH_STEPS = 10**6  # for a mean and a variance


def weight_of_zeros(recordings: Recordings, shares: NDArray, n_lags: int) -> NDArray:
    """Return the variance that zeros before recordings add to the lags, over that of the inputs.

    From zero to the inputs is a step as high as their mean, and the first ``n_lags - 1`` time steps
    of a recording have it among their lags. Where this step outweighs all that the inputs do later,
    the response follows it, and is wrong if the inputs were not zero. It counts for nothing where
    the inputs are constant: then the step is all there is to learn from.

    Parameters
    ----------
    recordings : Recordings
        Inputs that start from zero.
    shares : ndarray of shape (n_supervised,)
        Weights of the time steps, zero where a target was not observed.
    n_lags : int
        Number of lags.

    Returns
    -------
    weights : ndarray of shape (n_channels,)
    """
    heads = sum(part[: n_lags - 1].sum() for part in recordings.split(shares))
    chosen = slice(None, None, -(-len(shares) // ENOUGH_STEPS))
    inputs, mass = recordings.joined[chosen], np.ascontiguousarray(shares[chosen])
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
        weights = np.square(mean) / variance * heads / shares.sum()
    varies = np.fmax.reduce(inputs) > np.fmin.reduce(inputs)
    return np.where(varies, weights, 0.0)
