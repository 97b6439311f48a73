"""The joint posterior of a response: against a dense Gaussian process, and its own deviations."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import lfilter

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, NTKConvRegressorCV
from sklearn_linrnn._core.priors.catalogue import PRIORS

N_LAGS, N_CHANNELS = 6, 2
RNG = np.random.default_rng(0)
X = lfilter([1.0], [1.0, -0.6], RNG.normal(size=(120, N_CHANNELS)), axis=0)
Y = np.column_stack([X[:, 0] - X[:, 1], 2.0 * X[:, 1]]) + RNG.normal(size=(120, 2)) * [0.5, 2.0]


def ridge(**options):
    settings = {"nu_w": 0.6, "alpha": 1.5, "rows": "timesteps", "n_lags": N_LAGS, **options}
    return NTKConvRegressor(**settings)


def lags_of(x):
    """Return the lags of every time step from a zero state, (n_timesteps, n_lags, n_channels)."""
    padded = np.concatenate([np.zeros((N_LAGS - 1, x.shape[1])), x])
    return np.stack([padded[N_LAGS - 1 - lag :][: len(x)] for lag in range(N_LAGS)], axis=1)


def covariance_of(prior):
    found = prior.covariance(N_LAGS)
    return np.diag(found) if found.ndim == 1 else found


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("channel", "output"), [(0, 0), (1, 0), (0, 1)])
def test_it_is_that_of_a_dense_gaussian_process(prior, fit_intercept, channel, output):
    model = ridge(prior=prior, fit_intercept=fit_intercept).fit(X, Y)
    assert model.noise_predictability_ == 0.0
    Z = lags_of(X)
    if fit_intercept:  # a flat prior of the constant takes it out of everything
        Z = Z - Z.mean(axis=0)
    noise = model.noise_variance_[output]
    P = covariance_of(model.prior_) * noise / model.alpha_
    known = sum(Z[:, :, c] @ P @ Z[:, :, c].T for c in range(N_CHANNELS))
    seen = P @ Z[:, :, channel].T
    dense = P - seen @ np.linalg.solve(known + noise * np.eye(len(Z)), seen.T)
    assert_allclose(model.impulse_response_cov(channel, output), dense, rtol=0, atol=1e-8 * noise)


@pytest.mark.parametrize("pole", [0.0, 0.9], ids=["white noise", "noise that goes on"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_its_diagonal_is_the_variance_that_is_stated(pole, dtype):
    noise = lfilter([1.0], [1.0, -pole], np.random.default_rng(5).normal(size=(120, 2)), axis=0)
    model = ridge(dtype=dtype).fit(X, X + noise)
    assert (model.noise_predictability_ > 0) == (pole > 0)
    for output, channel in np.ndindex(2, N_CHANNELS):
        covariance = model.impulse_response_cov(channel, output)
        assert covariance.dtype == dtype
        std = model.impulse_response_std_[output, channel]
        assert_allclose(np.sqrt(np.diag(covariance)), std, rtol=1e-6)
        assert_allclose(covariance, covariance.T, rtol=1e-6, atol=0)


def test_noise_that_goes_on_makes_neighbouring_lags_err_together():
    noise = lfilter([1.0], [1.0, -0.95], np.random.default_rng(1).normal(size=4000))
    x = np.random.default_rng(2).normal(size=(4000, 1))
    model = ridge(alpha=1e-3).fit(x, x[:, 0] + noise)
    covariance = model.impulse_response_cov()
    assert covariance[2, 3] / covariance[2, 2] > 0.8
    white = ridge(alpha=1e-3).fit(x, x[:, 0] + np.random.default_rng(3).normal(size=4000))
    covariance = white.impulse_response_cov()
    assert abs(covariance[2, 3]) / covariance[2, 2] < 0.1


def test_cross_validated_models_have_it_too():
    search = NTKConvRegressorCV(nu_w=0.6, alphas=[1.5], cv="gcv", rows="timesteps", n_lags=N_LAGS)
    ours, theirs = search.fit(X, Y), ridge().fit(X, Y)
    assert_allclose(ours.impulse_response_cov(1, 1), theirs.impulse_response_cov(1, 1), rtol=1e-8)


@pytest.mark.parametrize(
    ("pair", "error", "message"),
    [
        ((2, 0), ValueError, "channel must be from 0 to 1, but got 2"),
        ((-1, 0), ValueError, "channel must be from 0 to 1, but got -1"),
        ((0, 2), ValueError, "output must be from 0 to 1, but got 2"),
        ((0.5, 0), TypeError, "channel must be a whole number, but got 0.5"),
    ],
)
def test_a_pair_that_is_not_there_is_an_error(pair, error, message):
    with pytest.raises(error, match=message):
        ridge().fit(X, Y).impulse_response_cov(*pair)


def test_without_a_posterior_there_is_none():
    with pytest.raises(ValueError, match="posterior is defined at the minimum"):
        ridge(alpha=0.0, n_steps=3).fit(X, Y).impulse_response_cov()
    assert not hasattr(LinearRNNRegressor(5), "impulse_response_cov")
