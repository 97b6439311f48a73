"""High ground of a function of a few measures, by its values at the points of a lattice.

A search by steps that double while they lead uphill (Hooke and Jeeves 1961). Where a value is far
less work than a gradient, or a climb would begin far from the top, it comes near it first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Seen = TypeVar("Seen")

WORTH_A_STEP = 0.1  # of a logarithm of evidence


def walk(
    look: Callable[[NDArray], Seen],
    worth: Callable[[Seen], float],
    start: NDArray,
    strides: NDArray,
    bounds: NDArray,
) -> Seen:
    """Return what is at the point of a lattice within bounds that no neighbour exceeds by much.

    Parameters
    ----------
    look : callable
        From a point (n,) to what is there; at a point again, too.
    worth : callable
        From that to its value.
    start : ndarray of shape (n,)
        Where to begin.
    strides : ndarray of shape (n,)
        Distances of the lattice; zero for a measure that stays.
    bounds : ndarray of shape (n, 2)
        Least and greatest measures.
    """
    here, best = start, look(start)
    moves = [sign * move for move in np.diag(strides) if move.any() for sign in (1.0, -1.0)]
    has_moved = True
    while has_moved:
        has_moved = False
        for move in moves:
            step = move
            while _is_within(there := here + step, bounds):
                if worth(seen := look(there)) <= worth(best) + WORTH_A_STEP:
                    break
                here, best, step, has_moved = there, seen, 2.0 * step, True
    return best


def _is_within(point: NDArray, bounds: NDArray) -> bool:
    return bool(((bounds[:, 0] <= point) & (point <= bounds[:, 1])).all())
