"""Where training arrives, against dense formulas and literal iteration."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import solve_triangular
from scipy.optimize import minimize_scalar
from sklearn.linear_model import BayesianRidge

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums, log_evidence
from sklearn_linrnn._core.closed_form.solution import Descent, Problem, Solution
from sklearn_linrnn._core.priors.identification import DC, TC, Flat
from sklearn_linrnn._core.priors.lag_prior import Given
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.prior_root import PriorRoot

N_LAGS, N_CHANNELS = 5, 2
SIZE = N_LAGS * N_CHANNELS
# A root of a covariance of rank 3, of variances that spread over 38 decades.
FEW = np.random.default_rng(1).normal(size=(20, 3)) * 0.1 ** np.arange(20)[:, None]


@pytest.fixture(params=[0, 1], ids=["origin", "intercept"])
def n_intercepts(request):
    return request.param


@pytest.fixture(params=[LinearRNN(0.7), Flat(), DC(0.7, 0.6)], ids=str)
def prior(request):
    return request.param


def make_rows(seed=0, n_rows=50, n_outputs=2, n_channels=N_CHANNELS):
    """Return windows, their rows z of lag 0 first, and targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(0.5, 1.0, (n_rows, N_LAGS, n_channels))
    z = X[:, ::-1].reshape(n_rows, -1)
    y = z @ rng.normal(size=(z.shape[1], n_outputs)) + rng.normal(size=(n_rows, n_outputs))
    return X, z, y


def covariance_of(prior, n_channels=N_CHANNELS):
    covariance = prior.covariance(N_LAGS)
    covariance = np.diag(covariance) if covariance.ndim == 1 else covariance
    return np.kron(covariance, np.eye(n_channels))


def dense_root(prior):
    root = prior.root(N_LAGS)
    return np.kron(np.diag(root) if root.ndim == 1 else root, np.eye(N_CHANNELS))


def centred(z, y, n_intercepts):
    return (z - z.mean(axis=0), y - y.mean(axis=0)) if n_intercepts else (z, y)


def solve(X, y, prior, alpha, n_intercepts, descent=None):
    """Return the solution for ``alpha``."""
    statistics = LagStatistics.from_windows(X, y)
    statistics = statistics if n_intercepts else statistics.uncentred()
    root = PriorRoot.of(prior.root(N_LAGS), X.shape[2], torch.device("cpu"))
    return Solution(Problem(statistics, root), alpha, descent)


# -- Bayesian linear regression ----------------------------------------------------------


@pytest.mark.parametrize("alpha", [1e-4, 2.0, 1e5])
def test_ridge_and_its_posterior_are_those_of_explicit_inverses(prior, alpha, n_intercepts):
    X, z, y = make_rows()
    ours = solve(X, y, prior, alpha, n_intercepts)
    z, y = centred(z, y, n_intercepts)
    precision = z.T @ z + alpha * np.linalg.inv(covariance_of(prior))
    posterior = np.linalg.inv(precision)
    response = posterior @ z.T @ y
    freedom = np.trace(z @ posterior @ z.T) + n_intercepts
    noise = ((y - z @ response) ** 2).sum(axis=0) / (len(z) - freedom)
    assert_allclose(ours.response, response, rtol=1e-9, atol=1e-12 * np.abs(response).max())
    assert_allclose(ours.degrees_of_freedom, freedom, rtol=1e-11)
    assert_allclose(ours.noise_variance, noise, rtol=1e-10)
    root = ours.posterior_root.numpy()
    assert_allclose(root @ root.T, posterior, rtol=1e-9, atol=1e-12 * posterior.max())


@pytest.mark.parametrize("alpha", [1e-300, 1e-100, 1e-20, 1e-12, 1e-6])
@pytest.mark.parametrize("prior", [LinearRNN(0.3), TC(0.3), DC(0.3, 0.5), TC(0.03)], ids=str)
def test_a_small_penalty_keeps_the_digits_of_lags_that_hardly_vary(prior, alpha, n_intercepts):
    """By ``(G + alpha P^{-1})^{-1}``, of which the inverse of a triangular root is exact."""
    n_lags, rng = 30, np.random.default_rng(0)
    X, y = rng.normal(0.5, 1.0, (200, n_lags)), rng.normal(size=(200, 1))
    statistics = LagStatistics.from_windows(X[:, :, None], y)
    statistics = statistics if n_intercepts else statistics.uncentred()
    root = prior.root(n_lags)
    ours = Solution(Problem(statistics, PriorRoot.of(root, 1, torch.device("cpu"))), alpha)
    lower = np.diag(root) if root.ndim == 1 else root
    inverse = solve_triangular(lower, np.eye(n_lags), lower=True)
    z, y = centred(X[:, ::-1], y, n_intercepts)
    precision = z.T @ z + alpha * inverse.T @ inverse
    unit = 1 / np.sqrt(precision.diagonal())
    posterior = np.linalg.inv(precision * unit * unit[:, None]) * unit * unit[:, None]
    freedom = np.trace(z @ posterior @ z.T) + n_intercepts
    noise = np.square(y - z @ posterior @ z.T @ y).sum() / (len(z) - freedom)
    assert_allclose(ours.degrees_of_freedom, freedom, rtol=1e-9)
    assert_allclose(ours.noise_variance, noise, rtol=1e-9)
    spread = ours.posterior_root.square().sum(1).sqrt()
    assert_allclose(spread, np.sqrt(posterior.diagonal()), rtol=1e-7)


@pytest.mark.parametrize("n_rows", [200, 12])
@pytest.mark.parametrize("alpha", [1e-200, 1e-20, 1e-12, 1e-5, 1.0])
@pytest.mark.parametrize(
    "prior", [TC(0.03), LeakyRNN(0.01), Given(FEW @ FEW.T)], ids=["tc", "leaky", "rank 3"]
)
def test_degrees_of_freedom_are_how_the_volume_of_the_evidence_falls(
    prior, alpha, n_rows, n_intercepts
):
    """``-d log det(I + L^T G L / alpha) / d log alpha`` is the trace of the hat matrix."""
    rng, step = np.random.default_rng(0), 1e-3
    statistics = LagStatistics.from_windows(
        rng.normal(0.5, 1.0, (n_rows, len(FEW), 1)), rng.normal(size=(n_rows, 1))
    )
    statistics = statistics if n_intercepts else statistics.uncentred()
    root = PriorRoot.of(prior.root(len(FEW)), 1, torch.device("cpu"))

    def volume(change):
        penalty = alpha * np.exp(change)
        found = EvidenceSums.of(statistics, 1).under(root.lags.numpy()).at(penalty)
        return found.factor.log_pivots.sum() + np.log(found.reach) - len(FEW) * np.log(penalty)

    freedom = Solution(Problem(statistics, root), alpha).degrees_of_freedom - n_intercepts
    assert_allclose(freedom, (volume(-step) - volume(step)) / (2 * step), rtol=1e-4)


@pytest.mark.parametrize("alpha", [1e-4, 1e-9, 1e-14])
def test_a_small_penalty_leaves_the_prior_where_the_data_show_nothing(prior, alpha):
    """By ``(P - P Z^T (Z P Z^T + alpha)^{-1} Z P) / alpha`` of rows that are fewer than lags."""
    X, z, y = make_rows(n_rows=4)
    ours = solve(X, y, prior, alpha, 0)
    covariance = covariance_of(prior)
    seen = z @ covariance
    rest = covariance - seen.T @ np.linalg.solve(seen @ z.T + alpha * np.eye(len(z)), seen)
    root = ours.posterior_root.numpy()
    assert_allclose(alpha * root @ root.T, rest, rtol=1e-6, atol=1e-8 * rest.max())
    assert_allclose(ours.degrees_of_freedom, len(z), rtol=1e-3)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_posterior_of_the_flat_prior_is_that_of_bayesian_ridge(fit_intercept):
    X, z, y = make_rows(n_outputs=1)
    theirs = BayesianRidge(fit_intercept=fit_intercept).fit(z, y[:, 0])
    alpha = theirs.lambda_ / theirs.alpha_
    ours = solve(X, y, Flat(), alpha, int(fit_intercept))
    root = ours.posterior_root.numpy()
    assert_allclose(ours.response[:, 0], theirs.coef_, rtol=1e-9)
    assert_allclose(
        root @ root.T / theirs.alpha_, theirs.sigma_, rtol=1e-9, atol=1e-12 * theirs.sigma_.max()
    )


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_where_alpha_maximises_the_evidence_noise_variances_agree(n_outputs, n_intercepts):
    """MacKay 1992: ``RSS / (nu - gamma) = fit / nu``; of several outputs on relative average."""
    X, z, y = make_rows(seed=3, n_outputs=n_outputs)
    start = solve(X, y, TC(0.8), 1.0, n_intercepts)

    def cost(log_alpha):
        return -log_evidence(start.statistics, start.root, np.exp(log_alpha))

    alpha = float(np.exp(minimize_scalar(cost, (-3, 3), tol=1e-10).x))
    best = solve(X, y, TC(0.8), alpha, n_intercepts)
    z, y = centred(z, y, n_intercepts)
    theta = np.linalg.solve(dense_root(TC(0.8)), best.response.numpy())
    fit = ((y - z @ best.response.numpy()) ** 2).sum(axis=0) + alpha * (theta**2).sum(axis=0)
    ratio = best.noise_variance.numpy() / (fit / (len(y) - n_intercepts))
    assert_allclose(ratio.mean(), 1.0, rtol=1e-6)


def test_an_infinite_penalty_learns_nothing_and_is_sure_of_it(n_intercepts):
    X, _, y = make_rows()
    ours = solve(X, y, TC(0.7), np.inf, n_intercepts)
    y = y - y.mean(axis=0) if n_intercepts else y
    assert not ours.response.any()
    assert not ours.posterior_root.any()
    assert ours.degrees_of_freedom == n_intercepts
    assert_allclose(ours.noise_variance, (y**2).sum(axis=0) / (len(y) - n_intercepts), rtol=1e-12)


# -- Data of low rank --------------------------------------------------------------------


def test_without_penalty_the_degrees_of_freedom_are_the_rank_and_the_intercept(prior, n_intercepts):
    X, z, y = make_rows(n_channels=1)
    ours = solve(np.concatenate([X, X], axis=2), y, prior, 0.0, n_intercepts)
    z, y = centred(z, y, n_intercepts)
    residual = ((y - z @ np.linalg.lstsq(z, y)[0]) ** 2).sum(axis=0)
    freedom = N_LAGS + n_intercepts
    assert_allclose(ours.degrees_of_freedom, freedom, rtol=1e-12)
    assert_allclose(ours.noise_variance, residual / (len(y) - freedom), rtol=1e-10)


@pytest.mark.parametrize("nu_w", [1.0, 1e-2, 1e-6])
def test_without_penalty_the_weights_spread_does_not_change_the_noise(nu_w):
    X, z, y = make_rows()
    ours = solve(X, y, LinearRNN(nu_w), 0.0, 1)
    z, y = centred(z, y, 1)
    residual = ((y - z @ np.linalg.lstsq(z, y)[0]) ** 2).sum(axis=0)
    assert_allclose(ours.degrees_of_freedom, SIZE + 1, rtol=1e-9)
    assert_allclose(ours.noise_variance, residual / (len(y) - SIZE - 1), rtol=1e-9)


def test_where_no_degree_of_freedom_is_left_the_noise_variance_is_zero():
    X, _, y = make_rows(n_rows=6)
    ours = solve(X, y, Flat(), 0.0, 1)
    assert_allclose(ours.degrees_of_freedom, 6, rtol=1e-12)
    assert not ours.noise_variance.any()


def rank_one():
    return np.outer(*2 * [np.array([1.0, -0.7, 0.5, 0.3, -0.1])])


def without_lags():
    """Return the covariance of a prior that rules out lags 0 and 3."""
    covariance = DC(0.9, 0.8).covariance(N_LAGS)
    covariance[[0, 3]] = covariance[:, [0, 3]] = 0.0
    return covariance


@pytest.mark.parametrize("n_rows", [7, 50])
@pytest.mark.parametrize(
    "prior",
    [Given(rank_one()), Given(without_lags()), TC(1.0), TC(0.0)],
    ids=["rank one", "without lags", "constant", "lag 0 alone"],
)
@pytest.mark.parametrize("alpha", [0.0, 1e-9, 1.0])
def test_a_singular_prior_keeps_the_response_within_its_range(prior, alpha, n_rows):
    """Of the responses ``P^(1/2) theta`` that fit best, the one of the shortest ``theta``."""
    X, z, y = make_rows(n_rows=n_rows)
    ours = solve(X, y, prior, alpha, 1).response
    z, y = centred(z, y, 1)
    lam, Q = np.linalg.eigh(covariance_of(prior))
    half = Q[:, lam > 1e-12] * np.sqrt(lam[lam > 1e-12])
    stacked = np.vstack([z @ half, np.sqrt(alpha) * np.eye(half.shape[1])])
    theta = np.linalg.pinv(stacked, rcond=1e-12) @ np.vstack([y, np.zeros_like(half.T[:, :2])])
    expected = half @ theta
    assert_allclose(ours, expected, atol=1e-7 * np.abs(expected).max())


# -- Gradient descent --------------------------------------------------------------------


def literal_descent(z, y, root, alpha, theta, descent):
    """Return the responses after each of the steps of gradient descent from ``theta``."""
    for _ in range(descent.n_steps):
        gradient = (root.T @ z.T @ (z @ root @ theta - y) + alpha * theta) / len(z)
        theta = theta - descent.learning_rate * gradient
    return root @ theta


@pytest.mark.parametrize("alpha", [0.0, 5.0])
@pytest.mark.parametrize("n_steps", [1, 30])
def test_descent_is_literal_iteration(prior, alpha, n_steps, n_intercepts):
    X, z, y = make_rows()
    descent = Descent(n_steps, 0.05)
    ours = solve(X, y, prior, alpha, n_intercepts, descent)
    z, y = centred(z, y, n_intercepts)
    root = dense_root(prior)
    expected = literal_descent(z, y, root, alpha, np.zeros_like(ours.response), descent)
    assert_allclose(ours.response, expected, atol=1e-12 * np.abs(expected).max())

    hat = z @ literal_descent(z, np.eye(len(z)), root, alpha, np.zeros((SIZE, len(z))), descent)
    freedom = np.trace(hat) + n_intercepts
    residual = ((y - z @ expected) ** 2).sum(axis=0)
    assert_allclose(ours.degrees_of_freedom, freedom, rtol=1e-10)
    assert_allclose(ours.noise_variance, residual / (len(y) - freedom), rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 5.0])
@pytest.mark.parametrize("n_steps", [1, 30])
def test_an_ensemble_is_distributed_as_after_literal_descent(prior, alpha, n_steps):
    """Descent is affine in its start: basis vectors, less the descent from zero, have it all."""
    X, z, y = make_rows()
    descent, start = Descent(n_steps, 0.05), np.linspace(0.5, 1.5, SIZE)
    ours = solve(X, y, prior, alpha, 1, descent).ensemble_root(torch.from_numpy(start)).numpy()
    z, _ = centred(z, y, 1)
    map_of_start = literal_descent(
        z, np.zeros((len(z), SIZE)), dense_root(prior), alpha, np.eye(SIZE), descent
    )
    expected = (map_of_start * start**2) @ map_of_start.T
    assert_allclose(ours @ ours.T, expected, atol=1e-12 * expected.max())


def test_fully_trained_networks_agree_where_the_data_speak_and_nowhere_else():
    X, z, y = make_rows(n_channels=1)
    X = np.concatenate([X, X], axis=2)
    root = solve(X, y, Flat(), 0.0, 1).ensemble_root(torch.ones(SIZE, dtype=torch.float64)).numpy()
    both = np.repeat(z - z.mean(axis=0), 2, axis=1)
    assert_allclose(both @ root, 0.0, atol=1e-12)
    assert_allclose(np.trace(root @ root.T), N_LAGS, rtol=1e-12)


# -- Elsewhere ---------------------------------------------------------------------------


def test_a_problem_that_is_on_the_device_stays_with_what_it_knows():
    X, _, y = make_rows()
    ours = solve(X, y, TC(0.7), 3.0, 1, Descent(5, 0.05)).problem
    assert ours.to("cpu") is ours
