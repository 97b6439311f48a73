"""Sums of windows with their own future as targets."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.statistics.horizons import future_statistics

fields = ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter")


def slowly(recordings, n_lags, horizons):
    """Return the statistics of the windows one by one, those that touch a gap left out."""
    windows, targets = [], []
    for x in recordings:
        for end in range(n_lags - 1, len(x) - max(horizons)):
            window, after = x[end - n_lags + 1 : end + 1], x[[end + h for h in horizons]]
            if not (np.isnan(window).any() or np.isnan(after).any()):
                windows.append(window)
                targets.append(after.ravel())
    return LagStatistics.from_windows(np.array(windows), np.array(targets))


def assert_same_sums(ours, expected):
    assert (ours.weight, ours.n_lags, ours.n_channels) == (
        expected.weight,
        expected.n_lags,
        expected.n_channels,
    )
    for name in fields:
        theirs = getattr(expected, name)
        scale = float(theirs.abs().max())
        assert_allclose(getattr(ours, name), theirs, atol=1e-11 * scale, err_msg=name)


def walks(lengths, n_channels, gaps=()):
    rng = np.random.default_rng(0)
    recordings = [rng.normal(size=(n, n_channels)).cumsum(0) + 5.0 for n in lengths]
    for recording, step in gaps:
        recordings[recording][step, 0] = np.nan
    return recordings


@pytest.mark.parametrize("horizons", [[1], [1, 2, 3, 4], [3, 1], [30], [2, 40]], ids=str)
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("lengths", [[90], [60, 3, 75], [3000]], ids=str)
def test_sums_are_those_of_the_windows_one_by_one(lengths, n_channels, horizons):
    recordings = walks(lengths, n_channels)
    ours = future_statistics(recordings, 4, horizons)
    assert_same_sums(ours, slowly(recordings, 4, horizons))


@pytest.mark.parametrize("horizons", [[1], [1, 2, 3], [2, 30]], ids=str)
@pytest.mark.parametrize("lengths", [[90, 60], [3000, 60]], ids=str)
def test_windows_that_touch_a_gap_are_left_out(lengths, horizons):
    recordings = walks(lengths, 2, gaps=[(0, 0), (0, 41), (0, 42), (1, 59)])
    ours = future_statistics(recordings, 5, horizons)
    assert_same_sums(ours, slowly(recordings, 5, horizons))


def test_a_gap_between_the_horizons_does_not_matter():
    x = walks([60], 1)[0]
    x[30] = np.nan
    horizons = [
        1,
        2,
        5,
    ]  # two fifths of time are not used, so the longer windows are taken
    ours = future_statistics([x], 3, horizons)
    assert ours.weight == 60 - 2 - 5 - 3 - 3
    assert_same_sums(ours, slowly([x], 3, horizons))


@pytest.mark.parametrize("horizons", [[1, 2], [40]], ids=str)
def test_series_that_are_too_short_have_no_windows(horizons):
    ours = future_statistics(walks([5, 4], 1), 5, horizons)
    assert ours.weight == 0.0
    assert not ours.input_scatter.any()


def test_a_series_far_from_zero_keeps_its_digits():
    x = walks([2000], 1)[0]
    near, far = (future_statistics([x + offset], 6, range(1, 20)) for offset in (0.0, 1e6))
    scale = float(near.input_scatter.max())
    assert_allclose(far.input_scatter, near.input_scatter, atol=1e-8 * scale)
    assert_allclose(far.cross_scatter, near.cross_scatter, atol=1e-8 * scale)


def test_infinity_is_an_error():
    with pytest.raises(ValueError, match="y must be finite"):
        future_statistics([np.array([[1.0], [np.inf], [2.0], [3.0]])], 1, [1])
