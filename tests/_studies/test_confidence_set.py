"""The set of models that cannot be told from the best, on losses whose truth is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from sklearn_linrnn._studies.confidence_set import confidence_set, groups_of_equals


def losses(seed, n_timesteps=100, factors=(1.0, 1.0, 1.0, 1.0, 1.0), shared=0.9):
    """Return squared errors that are mostly the same ones, times a factor for each model."""
    rng = np.random.default_rng(seed)
    common, own = rng.normal(size=(n_timesteps, 1)), rng.normal(size=(n_timesteps, len(factors)))
    return np.square(np.sqrt(shared) * common + np.sqrt(1 - shared) * own) * factors


def test_the_one_with_the_smallest_mean_is_in_the_set_whatever_the_level():
    found = losses(0)
    p_values = confidence_set(found, seed=0)
    assert p_values[found.mean(axis=0).argmin()] == 1.0
    assert ((p_values >= 0) & (p_values <= 1)).all()


def test_the_order_of_the_models_changes_nothing():
    found, order = losses(1, factors=(1.0, 1.1, 1.3, 2.0)), [2, 0, 3, 1]
    assert_allclose(confidence_set(found[:, order], seed=0), confidence_set(found, seed=0)[order])


@pytest.mark.parametrize("scale", [1e-200, 1e100])
def test_the_unit_of_the_losses_does_not_matter(scale):
    found = losses(2, factors=(1.0, 1.2, 1.5))
    assert_allclose(confidence_set(scale * found, seed=0), confidence_set(found, seed=0))


def test_models_that_differ_by_rounding_are_one():
    found = losses(3, factors=(1.0, 1.5))
    twice = np.column_stack([found, found * (1 + 1e-13)])
    assert groups_of_equals(twice).tolist() == [0, 1, 0, 1]
    assert_allclose(confidence_set(twice, seed=0), np.tile(confidence_set(found, seed=0), 2))
    assert confidence_set(np.tile(found[:, :1], 3), seed=0).tolist() == [1.0, 1.0, 1.0]
    assert confidence_set(np.zeros((10, 2)), seed=0).tolist() == [1.0, 1.0]


def test_models_of_equal_mean_and_models_that_differ_by_a_constant_are_no_trouble():
    found = losses(5, factors=(1.0,))
    assert confidence_set(np.column_stack([found, found[::-1]]), seed=0).tolist() == [1.0, 1.0]
    apart = confidence_set(np.column_stack([found, found + 0.5]), seed=0)
    assert apart.tolist() == [1.0, 0.0]


def test_a_noisy_model_does_not_hide_that_another_is_worse():
    rng = np.random.default_rng(6)
    found = np.array([0.0, 0.15, 0.3]) + [0.1, 0.3, 3.0] * rng.normal(size=(100, 3))
    p_values = confidence_set(found, seed=0)
    assert p_values[1] < 0.1 < p_values[2]


def test_a_much_worse_model_is_taken_out():
    p_values = confidence_set(losses(4, factors=(1.0, 1.0, 4.0)), seed=0)
    assert p_values[2] < 0.01
    assert (p_values[:2] > 0.1).all()


@pytest.mark.parametrize("n_trials", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_the_best_is_in_the_set_as_often_as_the_level_says(n_trials):
    """The first model is the best one; it is lost to chance alone."""
    factors = (1.0, 1.02, 1.02, 1.02, 1.02, 1.5)
    kept = [confidence_set(losses(s, factors=factors), seed=s)[0] > 0.1 for s in range(n_trials)]
    assert np.sum(kept) >= stats.binom.ppf(0.001, n_trials, 0.9)
