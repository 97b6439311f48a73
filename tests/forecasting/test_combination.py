"""Weights from past errors, trimmed means, and origins."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn.forecasting._automatic.combination import (
    COST,
    LARGEST_SQUARE,
    N_ORIGINS,
    PRIOR_ORIGINS,
    Combination,
    choose_origins,
)
from sklearn_linrnn.forecasting._automatic.mixture import StepsExplained
from sklearn_linrnn.forecasting._automatic.trimmed import trimmed_mean


def test_of_ten_equal_weights_all_but_the_first_and_the_last_are_left():
    values = np.arange(10.0)[:, None] * [1.0, -1.0]
    values[0], values[-1] = [100.0, -5.0], [1.0, 1e6]
    left = np.sort(values, axis=0)[1:-1]
    assert_allclose(trimmed_mean(values, np.full(10, 0.1)), left.mean(axis=0))


def test_a_trimmed_mean_is_that_of_many_copies():
    rng = np.random.default_rng(0)
    values, copies = rng.normal(size=7), rng.integers(1, 9, size=7)
    copies[-1] += -copies.sum() % 10
    many = np.sort(np.repeat(values, copies))
    tenth = len(many) // 10
    found = trimmed_mean(values[:, None], copies / copies.sum())
    assert_allclose(found, many[tenth:-tenth].mean())


def test_a_missing_value_has_no_weight():
    values, weights = np.array([1.0, np.nan, 4.0, 2.0]), np.array([0.3, 0.4, 0.1, 0.2])
    kept = [0, 2, 3]
    found = trimmed_mean(values[:, None], weights)
    assert_allclose(found, trimmed_mean(values[kept, None], weights[kept]))


def test_weights_may_differ_along_the_next_axes():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(5, 3, 2)), rng.uniform(size=(5, 3))
    expected = [trimmed_mean(values[:, i], weights[:, i]) for i in range(3)]
    assert_allclose(trimmed_mean(values, weights), expected)


def test_extreme_values_change_nothing():
    values, weights = np.arange(10.0)[:, None], np.full(10, 0.1)
    wild = values.copy()
    wild[0], wild[-1] = -1e9, 1e9
    assert_allclose(trimmed_mean(wild, weights), trimmed_mean(values, weights), rtol=1e-6)


TRUTH = np.array([[1.0, 2.0], [3.0, np.nan]])
N_STEPS = np.array([10, 20, 30])


def alike(n_candidates, n_steps=N_STEPS):
    """Return evidence that prefers nothing."""
    shape = (n_candidates, len(n_steps))
    return StepsExplained(n_steps, np.zeros(shape), np.full(shape, 5.0))


def judged(errors, span):
    mean = np.nan_to_num(TRUTH) + np.array(errors)[:, None, None]
    return Combination.of(mean, np.ones_like(mean), TRUTH, alike(len(mean)), span)


def test_weights_are_inverse_squares_where_much_is_known():
    found = judged([1.0, 2.0, -4.0], span=1e12)
    assert_allclose(found.errors, [1.0, 2.0, 4.0])
    assert_allclose(found.weights, np.array([16, 4, 1]) / 21)


def test_weights_are_equal_where_little_is_known():
    assert_allclose(judged([1.0, 2.0, 4.0], span=0.0).weights, np.full(3, 1 / 3))
    assert_allclose(Combination.equal(alike(4)).weights, np.full(4, 1 / 4))


def test_a_perfect_candidate_takes_what_errors_may_give():
    found = judged([0.0, 2.0, 4.0], span=6.0)
    assert_allclose(found.weights, [0.5 + 0.5 / 3, 0.5 / 3, 0.5 / 3])


def test_a_candidate_without_forecasts_has_the_worst_error():
    mean = np.nan_to_num(TRUTH) + np.array([1.0, 3.0, np.nan])[:, None, None]
    found = Combination.of(mean, np.ones_like(mean), TRUTH, alike(3), 2.0)
    assert_allclose(found.errors, [1.0, 3.0, 3.0])


def test_variances_grow_with_the_errors_that_were_seen():
    costs = 1 + COST / N_STEPS
    for size in (0.1, 1.0, 3.0):
        found = judged([size, size], span=2.0)
        seen = size**2 / costs[:-1]
        excess = (PRIOR_ORIGINS + seen.sum()) / (PRIOR_ORIGINS + len(seen))
        mean, variance = np.full((2, 3), 7.0), np.ones((2, 3))
        combined, spread = found.combine(mean, variance)
        assert_allclose(combined, 7.0)
        assert_allclose(spread, costs[-1] * excess)


def test_an_origin_that_is_far_off_counts_as_much_as_ten_that_are_as_expected():
    far, further = judged([1e3, 1e3], span=2.0), judged([1e9, 1e9], span=2.0)
    excess = (PRIOR_ORIGINS + 2 * LARGEST_SQUARE) / (PRIOR_ORIGINS + 2)
    assert_allclose([far.inflation**2, further.inflation**2], (1 + COST / N_STEPS[-1]) * excess)


def test_errors_as_large_as_expected_change_nothing():
    mean = np.nan_to_num(TRUTH) + np.sqrt(1 + COST / N_STEPS[:-1])[:, None] * np.ones((2, 1, 1))
    found = Combination.of(mean, np.ones_like(mean), TRUTH, alike(2), 2.0)
    assert_allclose(found.inflation**2, 1 + COST / N_STEPS[-1])
    unjudged = Combination.equal(alike(2, N_STEPS[-1:]))
    assert_allclose(unjudged.inflation, found.inflation)


@pytest.mark.parametrize(
    ("n_steps", "least", "horizon", "expected"),
    [
        (100, 20, 6, [64, 71, 78, 85, 92, 99]),
        (12, 8, 6, [8, 9, 10, 11]),
        (8, 8, 6, []),
        (5, 8, 6, []),
        (100, 20, 1, [94, 95, 96, 97, 98, 99]),
    ],
)
def test_origins_are_spread_over_the_last_horizons(n_steps, least, horizon, expected):
    found = choose_origins(n_steps, least, horizon)
    assert_array_equal(found, expected)
    assert len(found) <= N_ORIGINS
