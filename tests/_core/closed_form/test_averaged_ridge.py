"""Averages over priors and penalties equal a loop over one evidence after another."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.averaged_ridge import PENALTIES, averaged_ridge
from sklearn_linrnn._core.closed_form.evidence import log_evidence
from sklearn_linrnn._core.priors.identification import DI
from sklearn_linrnn._core.priors.prior_root import PriorRoot

N_LAGS = 5
DECAYS = (0.3, 0.9)
ROOTS = np.array([DI(decay).root(N_LAGS) for decay in DECAYS])


def rows(n_rows=30, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(0.4, 1.0, (n_rows, N_LAGS))
    return z, z @ 0.6 ** np.arange(N_LAGS) + rng.normal(1.0, 0.7, n_rows)


def sums(z, y, n_intercepts):
    z, y = (z - z.mean(axis=0), y - y.mean()) if n_intercepts else (z, y)
    return z.T @ z, z.T @ y, np.float64(y @ y), np.float64(len(y))


def average(z, y, n_intercepts):
    return averaged_ridge(*sums(z, y, n_intercepts), ROOTS, n_intercepts)


def loop(z, y, n_intercepts):
    """Return response, noise and log evidence from one prior and penalty after another."""
    scatter, cross, targets, weight = sums(z, y, n_intercepts)
    statistics = LagStatistics.from_windows(z[:, ::-1, None], y[:, None])
    statistics = statistics if n_intercepts else statistics.uncentred()
    values, responses, noises = [], [], []
    for root in ROOTS:
        for penalty in PENALTIES:
            alpha = penalty * targets / weight
            response = np.linalg.solve(scatter + np.diag(alpha / root**2), cross)
            prior = PriorRoot.of(root, 1, torch.device("cpu"))
            values.append(log_evidence(statistics, prior, float(alpha)))
            responses.append(response)
            noises.append((targets - cross @ response) / (weight - n_intercepts))
    values = np.array(values)
    shares = np.exp(values - values.max())
    evidence = values.max() + np.log(shares.mean())
    shares /= shares.sum()
    return shares @ responses, shares @ noises, evidence


@pytest.mark.parametrize("n_intercepts", [0, 1])
@pytest.mark.parametrize("n_rows", [2, 4, 30])
def test_it_is_the_mean_of_ridges_by_their_evidence(n_rows, n_intercepts):
    z, y = rows(n_rows)
    found = average(z, y, n_intercepts)
    response, noise, evidence = loop(z, y, n_intercepts)
    assert_allclose(found.response, response, rtol=1e-8, atol=1e-10)
    assert_allclose(found.noise_variance, noise, rtol=1e-8)
    assert_allclose(found.log_evidence, evidence, rtol=1e-8)


def test_many_sums_are_as_one_after_another():
    parts = [sums(*rows(n_rows, seed), 1) for n_rows, seed in ((8, 1), (20, 2), (50, 3))]
    whole = averaged_ridge(*map(np.array, zip(*parts, strict=True)), ROOTS, 1)
    for i, part in enumerate(parts):
        one = averaged_ridge(*part, ROOTS, 1)
        assert_allclose(whole.response[i], one.response, rtol=1e-9, atol=1e-12)
        assert_allclose(whole.log_evidence[i], one.log_evidence, rtol=1e-9)


def test_the_response_has_no_unit():
    z, y = rows()
    near, far = average(z, y, 1), average(1e6 * z, 1e6 * y, 1)
    assert_allclose(far.response, near.response, rtol=1e-9, atol=1e-12)
    assert_allclose(far.noise_variance, 1e12 * near.noise_variance, rtol=1e-9)


def test_targets_that_do_not_vary_are_explained_without_a_response():
    z, _ = rows()
    found = average(z, np.full(len(z), 3.0), 1)
    assert not found.response.any()
    assert found.noise_variance == 0.0
    assert found.log_evidence == np.inf


def test_one_step_says_nothing_beside_an_intercept():
    scatter, cross = np.eye(N_LAGS), np.ones(N_LAGS)
    found = averaged_ridge(scatter, cross, np.float64(1.0), np.float64(1.0), ROOTS, 1)
    assert not found.response.any()
    assert found.log_evidence == -np.inf


def test_no_inputs_leave_the_noise_alone():
    y = np.array([1.0, 3.0, 2.0])
    targets, weight = np.float64(np.square(y - 2.0).sum()), np.float64(3.0)
    found = averaged_ridge(np.empty((0, 0)), np.empty(0), targets, weight, np.empty((1, 0)), 1)
    assert found.response.shape == (0,)
    assert_allclose(found.noise_variance, 1.0)
