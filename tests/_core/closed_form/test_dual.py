"""The Gram matrix of the windows gives the ridge that the scatter of the lags gives."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.dual import dual_ridge
from sklearn_linrnn._core.closed_form.rank_revealing import ShownDirections
from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.priors.lag_priors import TC, LinearRNN
from sklearn_linrnn._core.priors.prior_root import PriorRoot

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 9, 2)) + 3.0, RNG.normal(size=(40, 2)) - 2.0
WEIGHTS = RNG.uniform(0.1, 2.0, size=40)


def root_of(prior, n_lags=9, n_channels=2):
    return PriorRoot.of(prior.root(n_lags), n_channels, torch.device("cpu"))


@pytest.mark.parametrize("prior", [LinearRNN(0.7), TC(0.8)], ids=str)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("centred", [True, False], ids=["intercept", "origin"])
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e3])
def test_dual_and_primal_ridge_agree(prior, weights, centred, alpha):
    targets = Y.copy()
    targets[3, 1] = np.nan  # not observed
    root = root_of(prior)
    statistics = LagStatistics.from_windows(X, targets, sample_weight=weights)
    statistics = statistics if centred else statistics.uncentred()
    expected = Quadratic.of(statistics, root).ridge(alpha / statistics.weight)
    response, intercept = dual_ridge(X, targets, weights, root, alpha, centred=centred)
    assert_allclose(response, expected, rtol=1e-9, atol=1e-11)
    assert_allclose(intercept, statistics.intercept(expected), rtol=1e-9, atol=1e-11)


def test_without_penalty_it_is_the_response_of_least_norm():
    few, targets, root = X[:12], Y[:12], root_of(LinearRNN(0.9))
    expected = ShownDirections.of(LagStatistics.from_windows(few, targets), root).ridge(0.0)
    response, _ = dual_ridge(few, targets, None, root, 0.0, centred=True)
    assert_allclose(response, expected, rtol=1e-7, atol=1e-9)
