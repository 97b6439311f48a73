"""Even steps are found again after some of them are lost, and uneven ones are none."""

import numpy as np
import pandas as pd
import pytest

from sklearn_linrnn._studies.files.steps import even_numbers, even_steps, forced_steps

N = 200


@pytest.mark.parametrize(
    ("freq", "word"),
    [
        ("s", "secondly"),
        ("min", "minutely"),
        ("15min", "15-minute"),
        ("h", "hourly"),
        ("6h", "6-hour"),
        ("D", "daily"),
        ("2D", "2-day"),
        ("B", "business-daily"),
        ("W-WED", "weekly"),
        ("2W-SUN", "2-week"),
        ("MS", "monthly"),
        ("ME", "monthly"),
        ("BME", "monthly"),
        ("2MS", "2-month"),
        ("QS", "quarterly"),
        ("QE-NOV", "quarterly"),
        ("YS", "yearly"),
        ("YE-JUN", "yearly"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_steps_are_found_though_a_third_is_lost(freq, word, seed):
    times = pd.date_range("2001-03-05 00:00", periods=N, freq=freq)
    kept = np.random.default_rng(seed).random(N) > 1 / 3
    kept[[0, -1]] = True
    steps = even_steps(times[kept])
    assert steps.word == word
    assert len(steps.index) == N
    np.testing.assert_array_equal(steps.positions, np.flatnonzero(kept))


def test_times_without_a_step_have_none():
    rng = np.random.default_rng(0)
    times = pd.DatetimeIndex(pd.Timestamp("2024-01-01") + pd.to_timedelta(
        np.unique(rng.integers(0, 10**6, N)), "s"))  # fmt: skip
    assert even_steps(times) is None
    assert even_steps(times[:2]) is None
    assert even_numbers(np.sort(rng.random(N))) is None


def test_numbers_have_steps_to_the_rounding_of_their_cells():
    values = np.round(np.arange(N) * 0.1, 1)
    steps = even_numbers(np.delete(values, [3, 50]))
    np.testing.assert_array_equal(steps.positions, np.delete(np.arange(N), [3, 50]))


@pytest.mark.parametrize("freq", ["h", "D", "M", "MS", "ME", "Q", "QE", "W", "B", "15min"])
def test_times_beside_the_steps_are_put_on_those_that_are_said(freq):
    starts = pd.period_range("2024-01-01", periods=40, freq=freq.rstrip("SE")).start_time if (
        freq != "B") else pd.bdate_range("2024-01-01", periods=40)  # fmt: skip
    shift = pd.to_timedelta(np.random.default_rng(0).integers(0, 300, 40), "s")
    steps = forced_steps(starts + shift, freq)
    np.testing.assert_array_equal(steps.positions, np.arange(40))


def test_two_times_in_one_step_are_refused():
    times = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-02-01"])
    with pytest.raises(ValueError, match=r"--freq M has two times in the step of 2024-01-01"):
        forced_steps(times, "M")
