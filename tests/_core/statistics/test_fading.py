"""Weights that fade evenly have a short way to their statistics, and it gives the same."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_linrnn import LagStatistics, LagStream
from sklearn_linrnn._core.statistics import fading, windows
from sklearn_linrnn._core.statistics.series import Series

FIELDS = ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter")


def difference(ours, theirs):
    """Return by how much statistics differ, relative to the deviations of their variables."""
    m = theirs.weight
    dz, dy = theirs.input_scatter.diag().sqrt(), theirs.target_scatter.sqrt()
    scales = dz / m**0.5, dy / m**0.5, torch.outer(dz, dz), torch.outer(dz, dy), dy**2
    gaps = [
        ((getattr(ours, name) - getattr(theirs, name)).abs() / scale).max()
        for name, scale in zip(FIELDS, scales, strict=True)
    ]
    return max(abs(ours.weight - m) / m, *map(float, gaps))


def make_series(seed, lengths, n_channels=1, n_outputs=1, level=0.0):
    rng = np.random.default_rng(seed)
    n_timesteps = sum(lengths)
    x = rng.normal(level, 1.0, (n_timesteps, n_channels))
    y = rng.normal(-level, 1.0, (n_timesteps, n_outputs))
    w = np.repeat(rng.uniform(0.0, 2.0, n_timesteps // 5 + 1), 5)[:n_timesteps]
    w[rng.random(n_timesteps) < 0.1] = 0.0
    w[-1] = 1.0
    return Series.of(x, y, w, lengths)


def formed(series, n_lags, start, rate):
    """Return the statistics with explicit weights, forming windows."""
    age = np.arange(len(series.x))[::-1].copy()
    weights = series.weights * torch.from_numpy(0.5 ** (rate * age))
    series = Series(series.x, series.y, weights, series.lengths).supervised(n_lags, start)
    return windows.formed_window_moments(series, n_lags)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(1, 120), min_size=1, max_size=3),
    n_lags=st.integers(1, 9),
    n_channels=st.integers(1, 3),
    n_outputs=st.integers(1, 3),
    start=st.sampled_from(["zero_state", "full_windows"]),
    rate=st.sampled_from([1e-4, 0.01, 0.1, 0.8]),
)
def test_the_short_way_gives_the_same(seed, lengths, n_lags, n_channels, n_outputs, start, rate):
    """Also across recordings, where there is none and windows are formed."""
    lengths = [*lengths, 30]
    series = make_series(seed, lengths, n_channels, n_outputs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fading, "displacement_is_cheaper", lambda *_: True)
        ours = fading.fading_statistics(series, n_lags, start, rate)
    assert difference(ours, formed(series, n_lags, start, rate)) < 1e-11


@pytest.mark.parametrize("start", ["zero_state", "full_windows"])
def test_a_level_costs_no_more_digits_than_its_size(start):
    series = make_series(0, [3000], level=1e6)
    ours = fading.fading_statistics(series, 6, start, 1e-3)
    assert difference(ours, formed(series, 6, start, 1e-3)) < 1e-8


def test_lags_that_are_many_half_lives_long_keep_their_digits(monkeypatch):
    """As long as the short way is taken, and beyond."""
    monkeypatch.setattr(fading, "displacement_is_cheaper", lambda *_: True)
    series = make_series(1, [500])
    for half_lives in (1, fading.MOST_HALF_LIVES, 1.01 * fading.MOST_HALF_LIVES, 100):
        rate = half_lives / 40
        ours = fading.fading_statistics(series, 40, "full_windows", rate)
        expected = formed(series, 40, "full_windows", rate)
        scale = torch.outer(*[expected.input_scatter.diag().sqrt()] * 2)
        gap = (ours.input_scatter - expected.input_scatter).abs() / scale
        assert gap.max() < 1e-10


def test_a_stream_that_forgets_forms_no_windows(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("windows were formed")

    monkeypatch.setattr(windows, "formed_window_moments", refuse)
    x, y = np.random.default_rng(2).normal(size=(2, 20_000))
    stream = LagStream(60).forget(4000)
    for first in range(0, 20_000, 500):
        stream.add(x[first : first + 500], y[first : first + 500])
    statistics = stream.statistics
    monkeypatch.undo()
    weights = 0.5 ** (np.arange(20_000)[::-1] / 4000)
    expected = LagStatistics.from_series(x, y, n_lags=60, sample_weight=weights)
    assert difference(statistics, expected) < 1e-12
