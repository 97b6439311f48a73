"""Weights from past errors, trimmed means, and origins."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn.forecasting._automatic.combination import (
    N_ORIGINS,
    Combination,
    choose_origins,
    trimmed_mean,
)


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


def test_extreme_values_change_nothing():
    values, weights = np.arange(10.0)[:, None], np.full(10, 0.1)
    wild = values.copy()
    wild[0], wild[-1] = -1e9, 1e9
    assert_allclose(trimmed_mean(wild, weights), trimmed_mean(values, weights), rtol=1e-6)


TRUTH = np.array([[1.0, 2.0], [3.0, np.nan]])


def judged(errors, span):
    mean = np.nan_to_num(TRUTH) + np.array(errors)[:, None, None]
    return Combination.of(mean, np.ones_like(mean), TRUTH, span)


def test_weights_are_inverse_squares_where_much_is_known():
    found = judged([1.0, 2.0, -4.0], span=1e12)
    assert_allclose(found.errors, [1.0, 2.0, 4.0])
    assert_allclose(found.weights, np.array([16, 4, 1]) / 21)


def test_weights_are_equal_where_little_is_known():
    assert_allclose(judged([1.0, 2.0, 4.0], span=0.0).weights, np.full(3, 1 / 3))
    assert_allclose(Combination.equal(4).weights, np.full(4, 1 / 4))


def test_a_perfect_candidate_takes_what_errors_may_give():
    found = judged([0.0, 2.0, 4.0], span=6.0)
    assert_allclose(found.weights, [0.5 + 0.5 / 3, 0.5 / 3, 0.5 / 3])


def test_a_candidate_without_forecasts_has_the_worst_error():
    mean = np.nan_to_num(TRUTH) + np.array([1.0, 3.0, np.nan])[:, None, None]
    found = Combination.of(mean, np.ones_like(mean), TRUTH, 2.0)
    assert_allclose(found.errors, [1.0, 3.0, 3.0])


def test_deviations_grow_with_the_errors_that_were_seen():
    small, large = (judged([size, size], span=2.0).inflation for size in (0.1, 10.0))
    assert small < large
    mean, variance = np.zeros((2, 3)), np.ones((2, 3))
    combined, spread = judged([10.0, 10.0], span=2.0).combine(mean, variance)
    assert_allclose(combined, 0.0)
    assert_allclose(spread, large**2)


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
