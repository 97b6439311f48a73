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
    is_head = np.concatenate([np.arange(length) < n_lags - 1 for length in recordings.lengths])
    chosen = slice(None, None, -(-len(shares) // ENOUGH_STEPS))
    inputs, mass = recordings.joined[chosen], shares[chosen, None]
    known = ~np.isnan(inputs)
    values = np.where(known, inputs, 0.0).astype(np.float64, copy=False)
    mass = known * mass
    with np.errstate(all="ignore"):  # of channels without known inputs, and of huge ones
        mean = (values * mass).sum(axis=0) / mass.sum(axis=0)
        variance = (np.square(values - mean) * mass).sum(axis=0) / mass.sum(axis=0)
        weights = np.square(mean) / variance * shares[is_head].sum() / shares.sum()
    varies = np.fmax.reduce(inputs) > np.fmin.reduce(inputs)
    return np.where(varies, weights, 0.0)
