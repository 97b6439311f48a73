"""The Gram matrix of the windows gives the ridge that the scatter of the lags gives."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.dual import dual_ridge
from sklearn_linrnn._core.closed_form.rank_revealing import ShownDirections
from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.priors.identification import TC
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
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


@pytest.mark.parametrize("offset", [0.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("alpha", [0.0, 1e-3, 1.0])
def test_without_intercept_windows_far_from_zero_keep_their_digits(alpha, offset):
    root = root_of(LinearRNN(0.9), n_lags=30)
    X = offset + np.random.default_rng(1).normal(size=(12, 30, 2))
    scale = root.scale.numpy()
    rows = X[:, ::-1].reshape(12, -1) * scale.T
    y = rows @ np.random.default_rng(2).normal(size=(60, 2)) + Y[:12]
    penalty = np.sqrt(alpha) * np.eye(60)[: 60 if alpha else 0]
    theta = np.linalg.lstsq(np.vstack([rows, penalty]), np.vstack([y, np.zeros((len(penalty), 2))]))
    expected = scale * theta[0]
    response, intercept = dual_ridge(X, y, None, root, alpha, centred=False)
    rtol = 1e-9 + 1e-12 * offset
    assert_allclose(response, expected, rtol=0, atol=rtol * np.abs(expected).max())
    assert not intercept.any()


@pytest.mark.parametrize("constant", [0.0, 2.0])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_windows_that_are_all_the_same(alpha, constant):
    """With an intercept there is nothing to explain; without, one row and its weight."""
    X, root = np.full((12, 9, 2), constant), root_of(LinearRNN(0.7))
    response, intercept = dual_ridge(X, Y[:12], None, root, alpha, centred=True)
    assert not response.any()
    assert_allclose(intercept, Y[:12].mean(axis=0))
    response, _ = dual_ridge(X, Y[:12], None, root, alpha, centred=False)
    row = constant * root.scale.numpy()
    expected = root.scale.numpy() * row @ Y[:12].mean(axis=0)[None]
    size = float(np.square(row).sum()) + alpha / 12
    assert_allclose(response, expected / size if size else 0.0 * expected, rtol=1e-9)
