"""Moments of the rows of many windows that overlap, each row read a few times in all.

Windows that share a place between two rows are a part before it and a part after it: their moments
grow from there, backwards and forwards, row by row,

    G_t = G_{t-1} + (t - 1)/t (r_t - m_{t-1})(r_t - m_{t-1})^T

(Welford 1962), and are merged (Chan, Golub and LeVeque 1983). Nothing is ever taken away, so that a
row leaves no rounding behind in the windows that do not have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

NUMBERS = 2**19  # in the scatters of windows at a time: 4 MiB, which caches hold


@dataclass(frozen=True, eq=False)
class ManyMoments:
    """Moments of several sets of rows.

    Attributes
    ----------
    weight : ndarray of shape (n_sets,)
        Numbers of rows.
    mean : ndarray of shape (n_sets, n_columns)
        Means, whatever they are where there is no row.
    scatter : ndarray of shape (n_sets, n_columns, n_columns)
        ``G = sum_t (r_t - m)(r_t - m)^T``.
    """

    weight: NDArray
    mean: NDArray
    scatter: NDArray

    def about_origin(self) -> ManyMoments:
        """Return the moments about the origin, as if all means were zero."""
        product = self.mean[:, :, None] * self.mean[:, None, :]
        scatter = self.scatter + self.weight[:, None, None] * product
        return ManyMoments(self.weight, np.zeros_like(self.mean), scatter)


def windows_at_a_time(n_columns: int) -> int:
    """Return how many windows have their scatters in memory together, at least one."""
    return max(1, NUMBERS // n_columns**2)


def moving_moments(
    rows: NDArray, starts: NDArray, ends: NDArray, at_a_time: int
) -> Iterator[tuple[slice, ManyMoments]]:
    """Yield the moments of windows in their order, some at a time, with their place.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        All rows.
    starts, ends : ndarray of int, shape (n_windows,)
        The first row of each window and the one after its last, the first one again if it has
        none; neither ever decreases.
    at_a_time : int
        The most windows of one step; every multiple of it begins a new one.
    """
    first, last = 0, None
    while first < len(starts):
        middle = ends[first]
        upto = first - first % at_a_time + at_a_time
        n_windows = int(np.searchsorted(starts[first:upto], middle, "right"))
        block = slice(first, first + n_windows)
        if last is not None and starts[block][-1] == starts[first - 1]:  # the last one goes on
            middle, before, place = ends[first - 1], last, np.zeros(n_windows, dtype=np.int64)
        else:
            counts, place = np.unique(middle - starts[block], return_inverse=True)
            before = _growing(rows[starts[first] : middle][::-1], counts)
        after = _growing(rows[middle : ends[block][-1]], ends[block] - middle)
        found = _merged(before, place, after)
        yield block, found
        last = ManyMoments(found.weight[-1:], found.mean[-1:], found.scatter[-1:].copy())
        first = block.stop


def _merged(before: ManyMoments, place: NDArray, after: ManyMoments) -> ManyMoments:
    """Return the moments of two parts together, for each of the later ones, which it uses up."""
    weight = before.weight[place] + after.weight
    share = after.weight / np.maximum(weight, 1.0)
    gap = after.mean - before.mean[place]
    between = (before.weight[place] * share)[:, None] * gap
    scatter = torch.from_numpy(after.scatter)
    scatter += torch.from_numpy(
        before.scatter if len(before.weight) == 1 else before.scatter[place]
    )
    scatter.baddbmm_(torch.from_numpy(between[:, :, None]), torch.from_numpy(gap[:, None, :]))
    return ManyMoments(weight, before.mean[place] + share[:, None] * gap, scatter.numpy())


def _growing(rows: NDArray, counts: NDArray) -> ManyMoments:
    """Return the moments of the first rows, for numbers of rows that never decrease."""
    number = np.arange(1.0, len(rows) + 1.0)[:, None]
    level = rows[:1]  # sums of what is near zero lose no digits
    centred = rows - level
    means = np.zeros((len(rows) + 1, rows.shape[1]))
    np.divide(centred.cumsum(axis=0), number, out=means[1:])
    steps = np.sqrt((number - 1.0) / number) * (centred - means[:-1])
    scatter = np.empty((len(counts), rows.shape[1], rows.shape[1]))
    before, seen = np.zeros(scatter.shape[1:]), 0
    for total, count in zip(scatter, counts, strict=True):
        new = steps[seen:count]
        np.matmul(new.T, new, out=total)
        np.add(total, before, out=total)
        before, seen = total, count
    means = means[counts] + (level if len(rows) else 0.0)
    return ManyMoments(counts.astype(np.float64), means, scatter)
