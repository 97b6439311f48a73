"""Levels: the sums of normalised windows, and the way back of a response."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.statistics.levels import Levels

N_LAGS, N_CHANNELS = 5, 3
TARGET_CHANNELS = (0, 2, None, 1)  # channel 1 has no level
NOT_LEVELLED = (1,)

fields = ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter")


def level_of(windows, level):
    """Return the levels (m, n_channels) of windows (m, n_lags, n_channels), oldest first."""
    return windows[:, -1].copy() if level == "last" else windows.mean(axis=1)


def normalised_windows(windows, targets, level):
    levels = level_of(windows, level)
    levels[:, list(NOT_LEVELLED)] = 0.0
    own = [np.zeros(len(levels)) if c is None else levels[:, c] for c in TARGET_CHANNELS]
    return windows - levels[:, None], targets - np.stack(own, axis=1)


def random_walks(n_windows=60, offset=0.0):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_windows + N_LAGS - 1, N_CHANNELS)).cumsum(0) + offset
    windows = np.lib.stride_tricks.sliding_window_view(x, N_LAGS, axis=0).transpose(0, 2, 1)
    own = windows[:, -1][:, [0, 2, 0, 1]]
    own[:, 2] = 0.0
    targets = own + rng.normal(size=(n_windows, len(TARGET_CHANNELS)))
    return windows.copy(), targets, rng.uniform(0.0, 2.0, n_windows)


def make_levels(level):
    return Levels.of(level, N_LAGS, N_CHANNELS, TARGET_CHANNELS, NOT_LEVELLED)


@pytest.fixture(params=["last", "mean"])
def level(request):
    return request.param


def assert_same_sums(ours, expected, rtol=1e-10):
    assert ours.weight == expected.weight
    for name in fields:
        theirs = getattr(expected, name)
        scale = float(theirs.abs().max())
        assert_allclose(getattr(ours, name), theirs, rtol=rtol, atol=rtol * scale, err_msg=name)


def test_sums_are_those_of_normalised_windows(level):
    windows, targets, weights = random_walks()
    ours = make_levels(level).normalised(
        LagStatistics.from_windows(windows, targets, sample_weight=weights)
    )
    explicit = normalised_windows(windows, targets, level)
    expected = LagStatistics.from_windows(*explicit, sample_weight=weights)
    assert_same_sums(ours, expected)
    assert (ours.input_scatter == ours.input_scatter.mT).all()


def test_a_series_far_from_zero_keeps_its_digits(level):
    windows, targets, _ = random_walks(offset=1e6)
    explicit = normalised_windows(windows, targets, level)
    # The targets that have no level are as far from zero as their channel.
    ours = make_levels(level).normalised(LagStatistics.from_windows(windows, targets))
    assert_same_sums(ours, LagStatistics.from_windows(*explicit), rtol=1e-8)


def test_constants_have_no_scatter_left(level):
    x = np.full((40, 1), 0.1 + 1e6)
    statistics = LagStatistics.from_series(x, x, n_lags=4, start="full_windows")
    ours = Levels.of(level, 4, 1, [0]).normalised(statistics)
    assert_allclose(ours.input_scatter, 0.0, atol=1e-16)
    assert_allclose(ours.target_scatter, 0.0, atol=1e-16)


def test_the_last_value_itself_becomes_exactly_zero():
    windows, targets, weights = random_walks()
    ours = make_levels("last").normalised(
        LagStatistics.from_windows(windows, targets, sample_weight=weights)
    )
    for index in (0, 2):  # lag 0 of the channels that have a level
        assert not ours.input_scatter[index].any()
        assert not ours.cross_scatter[index].any()
        assert ours.input_mean[index] == 0.0


def test_a_restored_response_forecasts_what_normalised_windows_do(level):
    windows, targets, _ = random_walks()
    rng = np.random.default_rng(1)
    learned = rng.normal(size=(N_LAGS * N_CHANNELS, len(TARGET_CHANNELS)))
    restored = make_levels(level).restore(torch.from_numpy(learned)).numpy()
    flat = windows[:, ::-1].reshape(len(windows), -1)
    less, targets_less = normalised_windows(windows, targets, level)
    forecast = less[:, ::-1].reshape(len(windows), -1) @ learned + (targets - targets_less)
    assert_allclose(flat @ restored, forecast, rtol=1e-12, atol=1e-12)


def test_a_restored_response_sums_to_one_over_its_own_channel(level):
    response = torch.randn(N_LAGS * N_CHANNELS, 4, dtype=torch.float64)
    restored = make_levels(level).restore(response).view(N_LAGS, N_CHANNELS, 4)
    expected = np.zeros((2, 4))
    expected[0, 0] = expected[1, 1] = 1.0
    assert_allclose(restored.sum(0)[[0, 2]], expected, atol=1e-14)
    assert (restored[:, 1] == response.view(N_LAGS, N_CHANNELS, 4)[:, 1]).all()


def test_squared_errors_of_a_response_are_the_same_before_and_after(level):
    windows, targets, weights = random_walks()
    statistics = LagStatistics.from_windows(windows, targets, sample_weight=weights)
    levels = make_levels(level)
    rng = np.random.default_rng(2)
    learned = torch.from_numpy(rng.normal(size=(N_LAGS * N_CHANNELS, len(TARGET_CHANNELS))))
    intercept = torch.from_numpy(rng.normal(size=len(TARGET_CHANNELS)))
    after = levels.normalised(statistics).squared_errors(learned[:, None], intercept[None])
    restored = levels.restore(learned)
    before = statistics.squared_errors(restored[:, None], intercept[None])
    assert_allclose(after, before, rtol=1e-11)


def test_sums_of_parts_add_up_after_as_before(level):
    windows, targets, _ = random_walks()
    levels = make_levels(level)
    parts = [
        LagStatistics.from_windows(windows[part], targets[part])
        for part in (slice(0, 25), slice(25, None))
    ]
    whole = levels.normalised(parts[0] + parts[1])
    assert_same_sums(levels.normalised(parts[0]) + levels.normalised(parts[1]), whole)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("median", 4, 1, [0]), "level must be 'last' or 'mean', but got 'median'"),
        (("last", 4, 2, [2]), "target_channels must lie between 0 and 1.* but got 2"),
        (("last", 4, 2, [0], [-1]), "not_levelled must lie between 0 and 1.* but got -1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Levels.of(*arguments)


@pytest.mark.parametrize("slope", [0.7, -1e-4, 1e5])
@pytest.mark.parametrize("n_timesteps", [20, 300])
def test_nothing_varies_about_the_level_of_a_line(level, slope, n_timesteps):
    line = 3.0 + slope * np.arange(n_timesteps)
    windows = np.lib.stride_tricks.sliding_window_view(line, N_LAGS + 1)
    sums = LagStatistics.from_windows(windows[:, :-1], windows[:, -1])
    found = Levels.of(level, N_LAGS, 1, [0]).normalised(sums)
    assert not found.input_scatter.any()
    assert not found.cross_scatter.any()
    assert not found.target_scatter.any()
    assert float(found.target_mean - found.input_mean[0]) == pytest.approx(slope, rel=1e-9)
