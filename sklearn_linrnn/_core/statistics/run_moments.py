"""Moments of many runs of rows that do not overlap, those of one length side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.moving_moments import ManyMoments


def run_moments(rows: NDArray, starts: NDArray, ends: NDArray) -> ManyMoments:
    """Return the moments of runs, whose scatters are all in memory together.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        All rows.
    starts, ends : ndarray of int, shape (n_runs,)
        The first row of each run and the one after its last.
    """
    counts, n_columns = ends - starts, rows.shape[1]
    mean = np.zeros((len(counts), n_columns))
    scatter = np.zeros((len(counts), n_columns, n_columns))
    for count in np.unique(counts[counts > 0]):
        place = np.flatnonzero(counts == count)
        runs = rows[starts[place, None] + np.arange(count)]
        mean[place] = runs.mean(axis=1)
        runs -= mean[place, None]
        scatter[place] = runs.mT @ runs
    return ManyMoments(counts.astype(np.float64), mean, scatter)
