"""Inputs moved in time, so that another lag of theirs is the first one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._data.sliced import joined, parts_between


def moved(
    earlier: Sequence[NDArray], parts: Sequence[Any] | NDArray, first_lag: int, fill: NDArray
) -> tuple[list[Any], list[Any]]:
    """Return what comes before recordings, and as many time steps of each, moved in time.

    Time step ``s`` of what is returned is time step ``s - first_lag``: inputs are later by a delay,
    or earlier by leads. Of arrays in files nothing is read.

    Parameters
    ----------
    earlier : sequence of ndarray of shape (n_known_i, n_channels)
        The inputs that are known from before each recording.
    parts : sequence of ndarray of shape (n_timesteps_i, n_channels)
        The recordings.
    first_lag : int
        The delay, or minus the number of leads.
    fill : ndarray of shape (n_channels,)
        The inputs before what is known, and after the end.
    """
    n_before, n_after = max(first_lag, 0), max(-first_lag, 0)
    fill = fill.astype(parts[0].dtype)
    tail = np.tile(fill, (n_after, 1))
    pieces, places, end = [], [], 0
    for known, part in zip(earlier, parts, strict=True):
        missing = np.tile(fill, (max(n_before - len(known), 0), 1))
        pieces += [missing, known, part, tail]
        first = end + len(missing) + len(known) - first_lag
        end += len(missing) + len(known) + len(part) + n_after
        places += [first, first + len(part), end]
    cut = parts_between(joined(pieces), np.array(places[:-1]))
    return cut[0::3], cut[1::3]
