"""Moments of windows that overlap are those of each window by itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn._core.statistics.moving_moments import moving_moments, windows_at_a_time

ENDS = np.arange(20, 101, 3)
WINDOWS = {
    "expanding": (np.zeros_like(ENDS), ENDS),
    "sliding": (ENDS - 20, ENDS),
    "one after another": (np.array([0, 30, 60]), np.array([30, 60, 100])),
    "apart": (np.array([0, 40, 90]), np.array([10, 41, 100])),
    "empty": (np.array([0, 5, 5]), np.array([0, 5, 30])),
    "any": (np.array([0, 0, 7, 7, 50]), np.array([9, 30, 30, 60, 61])),
}


@pytest.mark.parametrize("at_a_time", [1, 3, 1000])
@pytest.mark.parametrize(("starts", "ends"), WINDOWS.values(), ids=WINDOWS)
def test_every_window_by_itself(starts, ends, at_a_time):
    rows = np.random.default_rng(0).normal(size=(100, 4)) + 1e4
    seen = []
    for place, moments in moving_moments(rows, starts, ends, at_a_time):
        numbers = range(len(starts))[place]
        seen += numbers
        assert len(numbers) <= at_a_time
        for i, number in enumerate(numbers):
            window = rows[starts[number] : ends[number]]
            assert moments.weight[i] == len(window)
            if len(window):
                centred = window - window.mean(axis=0)
                assert_allclose(moments.mean[i], window.mean(axis=0), rtol=1e-14)
                assert_allclose(moments.scatter[i], centred.T @ centred, atol=1e-9)
            else:
                assert_allclose(moments.scatter[i], 0.0)
    assert seen == list(range(len(starts)))


def test_a_row_that_has_left_leaves_no_rounding():
    rows = np.random.default_rng(0).normal(size=(100, 3))
    rows[10] = 1e9
    starts = np.arange(80)
    for place, moments in moving_moments(rows, starts, starts + 20, 1000):
        for i, first in enumerate(starts[place]):
            if first > 10:
                window = rows[first : first + 20]
                centred = window - window.mean(axis=0)
                # The part before the middle is about the mean of the first window of its block.
                assert_allclose(moments.scatter[i], centred.T @ centred, rtol=1e-7, atol=1e-7)


def test_about_the_origin():
    rows = np.random.default_rng(0).normal(size=(30, 3)) + 2.0
    ((_, moments),) = moving_moments(rows, np.array([5]), np.array([30]), 1)
    about = moments.about_origin()
    assert_allclose(about.scatter[0], rows[5:].T @ rows[5:])
    assert_allclose(about.mean, 0.0)


def test_at_least_one_window_at_a_time():
    assert windows_at_a_time(10**5) == 1 < windows_at_a_time(10)
