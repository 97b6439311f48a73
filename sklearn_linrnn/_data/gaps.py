"""Where inputs are missing, and where targets are observed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._data.stretches import stretches


def any_missing(values: NDArray) -> bool:
    """Return whether there is a NaN among numbers, by a single pass where there is none.

    Parameters
    ----------
    values : ndarray
        Numbers that are finite or NaN.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum()
    return bool(np.isnan(total) and np.isnan(values).any())


def whole_windows(missing: NDArray, lengths: NDArray, n_lags: int) -> NDArray:
    """Return at which time steps of recordings no input of the last ``n_lags`` is missing.

    Parameters
    ----------
    missing : ndarray of bool, shape (n_supervised, n_channels)
        Which inputs are missing, one recording after another.
    lengths : ndarray of int, shape (n_recordings,)
        Numbers of time steps.
    n_lags : int
        Number of lags.
    """
    n_missing = np.concatenate([[0], np.cumsum(missing.any(axis=1))])  # before each time step
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    first = np.maximum(np.arange(1 - n_lags, len(missing) + 1 - n_lags), starts)
    return n_missing[1:] == n_missing[first]


def shares_of(observed: NDArray, weights: Any, steps: Any = slice(None)) -> NDArray:
    """Return the weights of some time steps, zero where none is observed.

    Parameters
    ----------
    observed : ndarray of bool, shape (n_supervised,)
        Which time steps are observed.
    weights : ndarray or SlicedArray of shape (n_supervised,), or None
        Weights of the time steps; ``None`` for ones.
    steps : slice or ndarray of int, default=slice(None)
        The places of the time steps; all by default.
    """
    return observed[steps] * (1.0 if weights is None else weights[steps])


def places_of(observed: NDArray, ranks: NDArray) -> NDArray:
    """Return the places of some of the observed time steps, those of given ranks.

    Parameters
    ----------
    observed : ndarray of bool, shape (n_supervised,)
        Which time steps are observed.
    ranks : ndarray of int
        Their numbers among those that are observed, in ascending order; less than there are.
    """
    places, n_so_far = np.empty(len(ranks), dtype=int), 0
    for cut in stretches([len(observed)], 1):
        found = np.flatnonzero(observed[cut.steps]) + cut.steps.start
        here = (ranks >= n_so_far) & (ranks < n_so_far + len(found))
        places[here] = found[ranks[here] - n_so_far]
        n_so_far += len(found)
    return places


def totals_of_known(inputs: NDArray, weights: NDArray | None) -> tuple[NDArray, NDArray]:
    """Return the weighted sums of the inputs that are not missing, and those of their weights.

    Parameters
    ----------
    inputs : ndarray of shape (n_timesteps, n_channels)
        Inputs, NaN where one is missing.
    weights : ndarray of shape (n_timesteps,) or None
        Weights of the time steps; ``None`` for ones.
    """
    inputs = inputs.astype(np.float64, copy=False)
    known = ~np.isnan(inputs)
    shares = known if weights is None else known * weights[:, None]
    return (np.where(known, inputs, 0.0) * shares).sum(axis=0), shares.sum(axis=0)
