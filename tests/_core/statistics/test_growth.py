"""The growth of amplitudes, as far as it is certain."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import lfilter
from scipy.stats import linregress, t

from sklearn_linrnn._core.statistics.growth import certain_growth

N_DRAWS = 400


def season(rng, n):
    return (1.0 + 0.9 * np.sin(2 * np.pi * np.arange(n) / 12)) * rng.normal(size=n)


def heavy(rng, n):
    return rng.standard_t(2, size=n)


def white(rng, n):
    return rng.normal(size=n)


def outlier(rng, n):
    return np.where(np.arange(n) == rng.integers(n), 1e6, rng.normal(size=n))


def walk_steps(rng, n):
    return np.diff(rng.normal(size=n + 1).cumsum())


def follows(rng, n):
    return lfilter([1.0], [1.0, -0.5], rng.normal(size=n + 100))[100:]


@pytest.mark.parametrize("n_timesteps", [20, 100])
@pytest.mark.parametrize("draw", [white, season, heavy, outlier, walk_steps, follows])
@pytest.mark.parametrize("growth", [1.0, 1.02])
def test_growth_is_seldom_overstated(draw, n_timesteps, growth):
    rng = np.random.default_rng(0)
    factors = growth ** np.arange(n_timesteps)
    found = [certain_growth([np.abs(factors * draw(rng, n_timesteps))]) for _ in range(N_DRAWS)]
    # One in forty, give or take: three standard errors of so many draws, for all but `follows`,
    # whose logarithms follow each other less than in an autoregression of one step.
    assert np.mean(np.array(found) > growth + 1e-12) < (0.05 if draw is not follows else 0.075)


def test_growth_that_is_there_is_seen():
    rng = np.random.default_rng(0)
    factors = 1.03 ** np.arange(150)
    found = [certain_growth([np.abs(factors * rng.normal(size=150))]) for _ in range(N_DRAWS)]
    assert np.quantile(found, 0.05) > 1.02


@pytest.mark.parametrize("rate", [1.0, 1.001, 1.1])
def test_growth_without_noise_is_found(rate):
    amplitudes = 3.0 * rate ** np.arange(50)
    assert_allclose(certain_growth([amplitudes]), rate, rtol=1e-9)
    assert certain_growth([amplitudes[::-1]]) == pytest.approx(1.0)


def test_the_bound_is_that_of_a_line_where_errors_do_not_follow_each_other():
    errors = np.tile([1.0, -1.0], 20)  # each is against the one before
    steps = np.arange(40)
    line = linregress(steps, 0.1 * steps + errors)
    expected = line.slope - t.ppf(0.975, 38) * line.stderr
    assert_allclose(certain_growth([np.exp(0.1 * steps + errors)]), np.exp(expected))


def test_units_and_times_do_not_matter():
    rng = np.random.default_rng(0)
    amplitudes = 1.1 ** np.arange(60) * np.abs(rng.normal(size=60))
    expected = certain_growth([amplitudes])
    assert expected > 1.0
    assert_allclose(certain_growth([1e9 * amplitudes]), expected)
    gap = np.full(5, np.nan)
    assert_allclose(certain_growth([np.concatenate([gap, amplitudes, gap])]), expected)


def test_series_have_their_own_levels_and_one_growth():
    rng = np.random.default_rng(0)
    one, other = (1.1 ** np.arange(n) * np.abs(rng.normal(size=n)) for n in (40, 50))
    expected = certain_growth([one, other])
    assert_allclose(certain_growth([1e5 * one, other]), expected)
    assert_allclose(certain_growth([other, one]), expected)
    assert expected > certain_growth([one])


@pytest.mark.parametrize(
    "amplitudes",
    [[], [1.0], [1.0, 2.0], [0.0] * 9, [np.nan] * 9, [np.nan, 1.0, 0.0, 2.0]],
    ids=str,
)
def test_nothing_is_certain_of_two_values(amplitudes):
    assert certain_growth([np.array(amplitudes, dtype=float)]) == 1.0


def test_nothing_is_known_without_a_series():
    assert certain_growth([]) == 1.0
