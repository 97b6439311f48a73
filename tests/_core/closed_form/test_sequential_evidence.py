"""The evidence as a product of predictive densities, one for each time step."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._core.closed_form.sequential_evidence import (
    TOGETHER,
    prior_features,
    sequential_log_densities,
)
from sklearn_linrnn._core.priors.catalogue import PRIORS


def windows_and_targets(n=2 * TOGETHER + 30, n_lags=6, n_channels=1, seed=0):
    rng = np.random.default_rng(seed)
    windows = 3.0 + rng.normal(size=(n, n_lags, n_channels))
    targets = windows[:, -1, 0] - 0.5 * windows[:, -3, -1] + rng.normal(size=n)
    return windows, 7.0 + targets


def slow_densities(features, targets, alpha):
    """Return the same from the covariance of all targets, the intercept's variance very large."""
    n = len(targets)
    centred = targets - targets.mean()  # the intercept is free
    covariance = np.eye(n) + features @ features.T / alpha + 1e8
    means, variances = np.zeros(n), np.zeros(n)
    for s in range(1, n):
        weights = np.linalg.solve(covariance[:s, :s], covariance[:s, s])
        means[s] = weights @ centred[:s]
        variances[s] = covariance[s, s] - weights @ covariance[:s, s]
    surprises, variances = (centred - means)[1:], variances[1:]
    noise = np.mean(surprises**2 / variances)
    return norm.logpdf(surprises, scale=np.sqrt(noise * variances))


@pytest.mark.parametrize("name", list(PRIORS))
@pytest.mark.parametrize("n_channels", [1, 2])
def test_they_add_up_to_the_evidence(name, n_channels):
    windows, targets = windows_and_targets(n_channels=n_channels)
    model = NTKConvRegressor(prior=name, alpha=3.0).fit(windows, targets)
    features = prior_features(windows, model.prior_.root(6))
    found = sequential_log_densities(features, targets, 3.0)
    assert found.shape == (len(targets) - 1,)
    assert_allclose(found.sum(), model.log_marginal_likelihood(), rtol=1e-10)


def test_each_is_the_density_given_those_before():
    windows, targets = windows_and_targets(n=40)
    features = prior_features(windows, PRIORS["tc"]().root(6))
    found = sequential_log_densities(features, targets, 0.7)
    assert_allclose(found, slow_densities(features, targets, 0.7), rtol=1e-5)


def test_a_penalty_that_is_almost_none_keeps_half_of_the_digits():
    windows, targets = windows_and_targets()
    model = NTKConvRegressor(prior="flat", alpha=1e-8).fit(windows, targets)
    found = sequential_log_densities(prior_features(windows, np.ones(6)), targets, 1e-8)
    assert_allclose(found.sum(), model.log_marginal_likelihood(), rtol=1e-7)


def test_an_infinite_penalty_leaves_the_mean_of_what_was_before():
    windows, targets = windows_and_targets(n=50)
    found = sequential_log_densities(prior_features(windows, np.ones(6)), targets, np.inf)
    before = np.array([targets[:s].mean() for s in range(1, 50)])
    spread = np.sqrt(1.0 + 1.0 / np.arange(1, 50))
    noise = targets.std(ddof=1)
    assert_allclose(found, norm.logpdf(targets[1:], before, spread * noise), rtol=1e-10)


def test_targets_that_do_not_vary_say_nothing():
    windows, _ = windows_and_targets(n=10)
    features = prior_features(windows, np.ones(6))
    assert sequential_log_densities(features, np.ones(10), 1.0).tolist() == [0.0] * 9
