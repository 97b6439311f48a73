"""Recordings of one length, which are computed side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 2**17  # time steps of recordings that are taken together: 1 MiB for each channel


def alike(lengths: Sequence[int] | NDArray) -> Iterator[NDArray]:
    """Yield the places of recordings of one length, as many as are taken together.

    Recordings of all lengths are yielded once. There are few blocks: ``k`` lengths that differ need
    ``k^2 / 2`` time steps.

    Parameters
    ----------
    lengths : sequence of int, length n_recordings
        Numbers of time steps.
    """
    known = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(known, kind="stable")
    edges = np.flatnonzero(np.diff(known[order])) + 1
    for places in np.split(order, edges):
        at_once = max(1, BLOCK * len(places) // max(1, int(known[places].sum())))
        for first in range(0, len(places), at_once):
            yield places[first : first + at_once]


def alike_steps(lengths: Sequence[int] | NDArray) -> Iterator[tuple[NDArray, Any]]:
    """Yield the places of recordings of one length, and those of their time steps among all.

    The latter are an index that takes values of all time steps, one recording after another, to an
    array ``(n, n_timesteps, ...)``.

    Parameters
    ----------
    lengths : sequence of int, length n_recordings
        Numbers of time steps.
    """
    known = np.asarray(lengths, dtype=np.int64)
    starts = np.cumsum(known) - known
    for places in alike(known):
        if len(places) == 1:  # a long recording, perhaps, which needs no list of its steps
            first = starts[places[0]]
            yield places, np.s_[None, first : first + known[places[0]]]
        else:
            yield places, starts[places][:, None] + np.arange(known[places[0]])


def stacked(parts: Sequence[NDArray] | NDArray, places: NDArray) -> NDArray:
    """Return some recordings of one length as one array, (n_recordings, n_timesteps, ...)."""
    return parts[places[0]][None] if len(places) == 1 else np.stack([parts[i] for i in places])
