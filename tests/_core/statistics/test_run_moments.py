"""Moments of runs of rows are those of each run by itself."""

import numpy as np
from numpy.testing import assert_allclose

from sklearn_linrnn._core.statistics.run_moments import run_moments


def test_runs_of_any_lengths():
    rows = 1e6 + np.random.default_rng(0).normal(size=(60, 3))
    starts, ends = np.array([0, 7, 7, 20, 21, 34, 60]), np.array([7, 7, 20, 21, 34, 47, 60])
    found = run_moments(rows, starts, ends)
    assert list(found.weight) == [7, 0, 13, 1, 13, 13, 0]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        run = rows[start:end]
        if len(run):
            centred = run - run.mean(axis=0)
            assert_allclose(found.mean[number], run.mean(axis=0), rtol=1e-14)
            assert_allclose(found.scatter[number], centred.T @ centred, rtol=1e-9, atol=1e-8)
        else:
            assert (found.scatter[number] == 0).all()
