"""Tests and intervals of loss differences, against formulas by hand and known truths."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from sklearn_linrnn._studies.inference import (
    Comparison,
    block_length,
    compare,
    cost_interval,
    diebold_mariano,
    hac_variance,
    is_better,
)


def losses(n_timesteps=100, n_seeds=1, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return scale * rng.chisquare(1, size=(n_timesteps, n_seeds))


def slow_statistic(differences):
    """Return Diebold and Mariano's statistic, with sums written out."""
    n = len(differences)
    n_lags = int(4 * (n / 100) ** (2 / 9))
    centred = differences - differences.mean()
    covariances = [sum(centred[lag:] * centred[: n - lag]) / n for lag in range(n_lags + 1)]
    weights = [1.0] + [2 * (1 - lag / (n_lags + 1)) for lag in range(1, n_lags + 1)]
    variance = np.dot(weights, covariances) / n
    steps = n_lags + 1
    correction = np.sqrt((n + 1 - 2 * steps + steps * (steps - 1) / n) / n)
    return correction * differences.mean() / np.sqrt(variance)


@pytest.mark.parametrize("n_timesteps", [12, 100, 333])
def test_the_test_is_that_of_diebold_and_mariano_with_the_small_sample_correction(n_timesteps):
    model, reference = losses(n_timesteps), losses(n_timesteps, seed=1)[:, 0]
    statistic, p_value = diebold_mariano(model, reference)
    expected = slow_statistic(model[:, 0] - reference)
    assert_allclose(statistic, expected, rtol=1e-10)
    assert_allclose(p_value, 2 * stats.t.sf(abs(expected), n_timesteps - 1), rtol=1e-10)


def test_models_change_places_with_the_sign():
    one, other = losses(), losses(seed=1)
    forward, backward = diebold_mariano(one, other[:, 0]), diebold_mariano(other, one[:, 0])
    assert_allclose(forward, (-backward[0], backward[1]), rtol=1e-10)


def test_seeds_that_agree_say_what_one_says():
    model, reference = losses(), losses(seed=1)[:, 0]
    alike = np.repeat(model, 5, axis=1)
    assert_allclose(diebold_mariano(alike, reference), diebold_mariano(model, reference))


def test_seeds_that_disagree_make_less_sure():
    model, reference = losses(), losses(scale=0.5, seed=1)[:, 0]
    apart = model + np.array([-0.4, -0.2, 0.0, 0.2, 0.4])
    assert diebold_mariano(apart, reference)[1] > diebold_mariano(model, reference)[1]
    low, high = cost_interval(model, reference, level=0.9, seed=0)
    wider = cost_interval(apart, reference, level=0.9, seed=0)
    assert wider[1] - wider[0] > high - low


@pytest.mark.parametrize("n_timesteps", [1, 2])
def test_no_difference_is_told_from_too_few_steps(n_timesteps):
    assert diebold_mariano(losses(n_timesteps), np.zeros(n_timesteps)) == (0.0, 1.0)


def test_equal_models_are_equal():
    same = losses()
    assert diebold_mariano(same, same[:, 0]) == (0.0, 1.0)
    comparison = compare(same, same[:, 0], level=0.9, seed=0)
    assert (comparison.cost, comparison.low, comparison.high) == (0.0, 0.0, 0.0)
    assert not comparison.is_significant


def test_the_variance_of_a_mean_knows_correlation_over_time():
    rng = np.random.default_rng(0)
    white = rng.normal(size=20_000)
    correlated = np.convolve(white, np.ones(3) / np.sqrt(3), mode="valid")
    assert_allclose(hac_variance(white) * len(white), 1.0, rtol=0.1)
    assert_allclose(hac_variance(correlated) * len(correlated), 3.0, rtol=0.15)


def test_equal_models_are_told_apart_as_often_as_the_level_allows():
    n_trials = 250
    found = [
        compare(losses(80, seed=2 * k), losses(80, seed=2 * k + 1)[:, 0], level=0.9, seed=k)
        for k in range(n_trials)
    ]
    shares = [
        np.mean([comparison.p_value < 0.1 for comparison in found]),
        np.mean([comparison.is_significant for comparison in found]),
    ]
    low, high = stats.binom.interval(0.999, n_trials, 0.1)
    assert low <= shares[0] * n_trials <= high
    assert shares[1] <= shares[0]


def test_intervals_hold_the_true_cost_as_often_as_they_say():
    n_trials, truth = 200, 0.5
    held = []
    for k in range(n_trials):
        reference = losses(150, seed=2 * k)[:, 0]
        model = losses(150, scale=(1 + truth) ** 2, seed=2 * k + 1)
        low, high = cost_interval(model, reference, level=0.9, seed=k)
        held.append(low <= truth <= high)
    assert np.mean(held) > 0.85


def test_intervals_are_the_same_for_the_same_seed():
    model, reference = losses(n_seeds=3), losses(seed=1)[:, 0]
    one, other, third = (cost_interval(model, reference, level=0.9, seed=s) for s in (0, 0, 1))
    assert one == other != third


def test_blocks_are_longer_where_losses_are_correlated():
    white = np.random.default_rng(0).normal(size=400)
    assert block_length(np.convolve(white, np.ones(12), mode="valid")) > block_length(white)
    assert block_length(np.ones(50)) == 1


def test_a_reference_without_errors_has_no_relative_cost():
    comparison = compare(losses(), np.zeros(100), level=0.9, seed=0)
    assert np.isnan([comparison.cost, comparison.low, comparison.high]).all()
    assert not comparison.is_significant


def test_a_difference_counts_if_test_and_interval_both_see_it():
    assert Comparison(0.2, 0.1, 0.3, 0.01, 0.9).is_significant
    assert not Comparison(0.2, -0.1, 0.3, 0.01, 0.9).is_significant
    assert not Comparison(0.2, 0.1, 0.3, 0.2, 0.9).is_significant


def test_better_is_a_matter_of_sign_and_of_certainty():
    small, large = losses(scale=0.2), losses(seed=1)[:, 0]
    assert is_better(small, large, level=0.9)
    assert not is_better(large[:, None], small[:, 0], level=0.9)
    assert not is_better(losses(), large, level=0.9)
