"""Where long recordings are cut, so that only a stretch of them is in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NUMBERS = 2**19  # of inputs in a stretch: 4 MiB in float64
LEAST_SHARE = 16  # times what comes before a stretch, so that reading it twice costs little


@dataclass(frozen=True)
class Stretch:
    """Consecutive time steps: whole recordings, or some time steps of one.

    Attributes
    ----------
    recordings : slice
        The recordings.
    inputs : slice
        The time steps to read of each, with those before.
    steps : slice
        The places of its own time steps among those of all recordings.
    n_before : int
        How many of the time steps to read come before its own.
    goes_on : bool
        Whether a recording goes on from the stretch before.
    """

    recordings: slice
    inputs: slice
    steps: slice
    n_before: int
    goes_on: bool

    @property
    def read(self) -> slice:
        """The places of the time steps to read among those of all recordings."""
        return slice(self.steps.start - self.n_before, self.steps.stop)


def stretch_length(n_columns: int, n_before: int, least: int = 1) -> int:
    """Return the number of time steps of a stretch.

    Parameters
    ----------
    n_columns : int
        Number of numbers of a time step.
    n_before : int
        Number of time steps that are read before it.
    least : int, default=1
        Number of numbers below which what is made of a stretch would cost more than its rows.
    """
    return max(max(NUMBERS, least) // n_columns, LEAST_SHARE * n_before, 1)


def stretches(
    lengths: Sequence[int], n_columns: int, n_before: int = 0, least: int = 1
) -> list[Stretch]:
    """Return the stretches of recordings, in order; together they are all time steps, once each.

    Parameters
    ----------
    lengths : sequence of int
        Number of time steps of each recording.
    n_columns : int
        Number of numbers of a time step.
    n_before : int, default=0
        Number of time steps to read before those of a stretch that goes on in a recording; a
        stretch at its begin is at least as long.
    least : int, default=1
        Number of numbers below which what is made of a stretch would cost more than its rows.
    """
    length = stretch_length(n_columns, n_before, least)
    ends = np.cumsum(lengths)
    found: list[Stretch] = []
    first = 0
    while first < len(ends):
        origin = int(ends[first]) - int(lengths[first])
        last = int(np.searchsorted(ends, origin + length, side="right"))
        if last > first:
            steps = slice(origin, int(ends[last - 1]))
            found.append(Stretch(slice(first, last), slice(None), steps, 0, False))
            first = last
            continue
        for start in range(0, int(lengths[first]), length):
            goes_on = start > 0
            before = n_before if goes_on else 0
            stop = min(start + length, int(lengths[first]))
            recording, inputs = slice(first, first + 1), slice(start - before, stop)
            steps = slice(origin + start, origin + stop)
            found.append(Stretch(recording, inputs, steps, before, goes_on))
        first += 1
    return found
