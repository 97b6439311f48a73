"""Evidence: the density of the targets, integrated over responses and intercepts."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.evidence import NOISE_FLOOR, EvidenceSums, log_evidence
from sklearn_linrnn._core.closed_form.solution import Problem, Solution
from sklearn_linrnn._core.closed_form.spectral import Quadratic
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.identification import DC, DI, SS, TC, Flat
from sklearn_linrnn._core.priors.lag_prior import Given
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.prior_root import PriorRoot

N_ROWS, N_LAGS = 60, 8
ALPHA = 3.0
PRIORS = [
    LinearRNN(0.7, 0.5, 2.0),
    Flat(),
    DI(0.7),
    TC(0.7),
    DC(0.7, 0.6),
    DC(0.7, -0.5),
    SS(0.8),
    LeakyRNN(0.7, 0.5, 2.0, 0.4),
    DeepLinearRNN(0.7, 0.5, 2.0, 1.5, 3),
]


@pytest.fixture(params=[0, 1], ids=["origin", "intercept"])
def n_intercepts(request):
    return request.param


def make_rows(n_channels=1, n_outputs=1, seed=0):
    """Return windows (n_rows, n_lags, n_channels), their rows z of lag 0 first, and targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(0.5, 1.0, (N_ROWS, N_LAGS, n_channels))
    z = X[:, ::-1].reshape(N_ROWS, -1)
    response = np.repeat(0.8 ** np.arange(N_LAGS), n_channels)[:, None]
    y = z @ response * rng.normal(size=n_outputs) + rng.normal(0.3, 1.0, (N_ROWS, n_outputs))
    return X, z, y


def moments_of(X, y, n_intercepts):
    statistics = LagStatistics.from_windows(X, y)
    return statistics if n_intercepts else statistics.uncentred()


def root_of(prior, n_channels=1, n_lags=N_LAGS):
    return PriorRoot.of(prior.root(n_lags), n_channels, torch.device("cpu"))


def value(X, y, root, alpha, n_intercepts):
    return log_evidence(moments_of(X, y, n_intercepts), root, alpha)


def weighted(moments, root, n_intercepts):
    sums = EvidenceSums.of(moments, root.n_channels)
    return sums.under(root.lags.numpy())


def kernel(z, prior):
    """Return the prior covariance of the rows' outputs, (n_rows, n_rows)."""
    covariance = prior.covariance(N_LAGS)
    covariance = np.diag(covariance) if covariance.ndim == 1 else covariance
    root = np.kron(covariance, np.eye(z.shape[1] // N_LAGS))
    return z @ root @ z.T


def without_mean(n_intercepts):
    """Return (n_rows, n_rows - n_intercepts) orthonormal contrasts, blind to an intercept."""
    return scipy.linalg.null_space(np.ones((n_intercepts, N_ROWS))) if n_intercepts else np.eye(60)


def dense_evidence(z, y, prior, alpha, n_intercepts):
    """Return the density of contrasts at their best noise variance, output by output.

    With orthonormal contrasts ``Q^T y`` and the intercept ``b`` the rows' coordinates are ``(Q^T y,
    sum(y) / sqrt(m))``, the last with mean ``sqrt(m) b``: integrated over ``b`` it leaves
    ``1 / sqrt(m)``.
    """
    contrasts = without_mean(n_intercepts)
    covariance = contrasts.T @ (np.eye(N_ROWS) + kernel(z, prior) / alpha) @ contrasts
    total = 0.0
    for column in (contrasts.T @ y).T:
        noise = column @ np.linalg.solve(covariance, column) / len(column)
        total += scipy.stats.multivariate_normal.logpdf(column, cov=noise * covariance)
    return total - n_intercepts * y.shape[1] * 0.5 * math.log(N_ROWS)


@pytest.mark.parametrize("prior", PRIORS, ids=str)
@pytest.mark.parametrize("alpha", [1e-3, ALPHA, 1e4])
def test_evidence_is_the_gaussian_density_of_the_targets(prior, alpha, n_intercepts):
    X, z, y = make_rows()
    ours = value(X, y, root_of(prior), alpha, n_intercepts)
    assert_allclose(ours, dense_evidence(z, y, prior, alpha, n_intercepts), rtol=1e-9)


@pytest.mark.parametrize("prior", [LinearRNN(0.7), DC(0.7, 0.6)], ids=str)
def test_outputs_and_channels_add_up(prior, n_intercepts):
    X, z, y = make_rows(n_channels=2, n_outputs=3)
    ours = value(X, y, root_of(prior, 2), ALPHA, n_intercepts)
    assert_allclose(ours, dense_evidence(z, y, prior, ALPHA, n_intercepts), rtol=1e-10)
    each = [value(X, column, root_of(prior, 2), ALPHA, n_intercepts) for column in y.T]
    assert_allclose(ours, sum(each), rtol=1e-12)


def test_a_flat_prior_of_the_intercept_is_a_wide_one_divided_by_its_density():
    X, z, y = make_rows()
    flat = value(X, y, root_of(TC(0.7)), ALPHA, 1)
    covariance = np.eye(N_ROWS) + kernel(z, TC(0.7)) / ALPHA
    contrasts = without_mean(1)
    seen = contrasts.T @ y[:, 0]
    noise = seen @ np.linalg.solve(contrasts.T @ covariance @ contrasts, seen) / (N_ROWS - 1)
    for width in (30.0, 1000.0):
        wide = scipy.stats.multivariate_normal(cov=noise * covariance + width**2)
        log_density = wide.logpdf(y[:, 0]) + math.log(math.sqrt(2 * math.pi) * width)
        assert_allclose(log_density, flat, rtol=0, atol=1 / width**2)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_an_infinite_penalty_leaves_noise_alone(n_intercepts, n_outputs):
    X, _, y = make_rows(n_outputs=n_outputs)
    found = value(X, y, root_of(TC(0.7)), math.inf, n_intercepts)
    expected = dense_evidence(np.zeros((N_ROWS, N_LAGS)), y, TC(0.7), 1.0, n_intercepts)
    assert_allclose(found, expected, rtol=1e-12)
    assert_allclose(value(X, y, root_of(TC(0.7)), 1e12, n_intercepts), expected, rtol=1e-9)


# -- Chen and Ljung 2013, by plain dense algebra -----------------------------------------


def chen_ljung(windows, targets, P, noise):
    """Return minus twice the log likelihood, without its constant, and the estimate.

    Chen and Ljung 2013, algorithm 2: a thin QR factorisation of the data once, another one of size
    ``2n`` for the hyperparameters. Rows of ``windows`` are regressors, lag 0 first.
    """
    n = windows.shape[1]
    data = np.linalg.qr(np.column_stack([windows, targets]), mode="r")
    Rd1, Rd2 = data[:, :n], data[:, n:]
    L = np.linalg.cholesky(P)
    stacked = np.block([[Rd1 @ L, Rd2], [math.sqrt(noise) * np.eye(n), np.zeros((n, 1))]])
    R = np.linalg.qr(stacked, mode="r")
    R1, R2, r = R[:n, :n], R[:n, n], R[n, n]
    cost = r**2 / noise + (len(targets) - n) * math.log(noise)
    cost += 2.0 * np.log(np.abs(np.diagonal(R1))).sum()
    return cost, L @ np.linalg.solve(R1, R2)


def identification_prior(name, decay, correlation):
    """Return the covariance of lags 0, 1, ..., as it is written in the papers."""
    entry = {
        "di": lambda j, k: decay**j if j == k else 0.0,
        "tc": lambda j, k: decay ** max(j, k),
        "dc": lambda j, k: decay ** ((j + k) / 2) * correlation ** abs(j - k),
    }[name]
    return np.array([[entry(j, k) for k in range(N_LAGS)] for j in range(N_LAGS)], dtype=float)


@pytest.mark.parametrize("decay", [0.5, 0.9])
@pytest.mark.parametrize("alpha", [0.05, 30.0])
@pytest.mark.parametrize(
    ("name", "make"), [("di", DI), ("tc", TC), ("dc", lambda decay: DC(decay, 0.7))]
)
def test_likelihood_and_estimate_are_those_of_chen_and_ljung(
    name, make, alpha, decay, n_intercepts
):
    X, z, y = make_rows()
    contrasts = without_mean(n_intercepts)
    windows, targets = contrasts.T @ z, contrasts.T @ y
    prior = identification_prior(name, decay, 0.7) / alpha
    moments, root = moments_of(X, y, n_intercepts), root_of(make(decay))
    response = Solution(Problem(moments, root), alpha).response

    fit = targets[:, 0] @ np.linalg.solve(
        windows @ prior @ windows.T + np.eye(len(windows)), targets[:, 0]
    )
    noise = fit / len(windows)  # where the likelihood is highest, given the ratio to the prior
    cost, estimate = chen_ljung(windows, targets, noise * prior, noise)
    for other in (0.99, 1.01):
        assert chen_ljung(windows, targets, other * noise * prior, other * noise)[0] > cost

    log_likelihood = -0.5 * (cost + len(windows) * math.log(2 * math.pi))
    ours = log_evidence(moments, root, alpha)
    assert_allclose(ours + n_intercepts * 0.5 * math.log(N_ROWS), log_likelihood, rtol=1e-8)
    assert_allclose(response[:, 0], estimate, rtol=1e-8)


# -- Slopes ------------------------------------------------------------------------------


def derivative(function, point, step=1e-3):
    """Return the slope by differences of the fourth order."""
    near, far = (function(point + h) - function(point - h) for h in (step, 2 * step))
    return (8 * near - far) / (12 * step)


HYPERPARAMETERS = [
    (LinearRNN(0.7, 0.5, 2.0), "nu_w"),
    (LinearRNN(0.7, 0.5, 2.0), "nu_f"),
    (LinearRNN(0.7, 0.5, 2.0), "nu_c"),
    (DI(0.7), "nu_w"),
    (TC(0.7), "nu_w"),
    (DC(0.7, 0.6), "nu_w"),
    (DC(0.7, 0.6), "correlation"),
    (SS(0.8), "nu_w"),
    *((LeakyRNN(0.7, 0.5, 2.0, 0.4), name) for name in LeakyRNN().hyperparameters),
    *((DeepLinearRNN(0.7, 0.5, 2.0, 1.5, 3), name) for name in DeepLinearRNN().hyperparameters),
    *((LinearRNN(0.7, 0.5, 2.0, (0.5, 2.0, 3.0)), name) for name in LinearRNN().hyperparameters),
]


@pytest.mark.parametrize(("prior", "name"), HYPERPARAMETERS, ids=str)
@pytest.mark.parametrize("alpha", [1e-2, ALPHA])
def test_the_slope_by_a_hyperparameter_is_that_of_the_value(prior, name, alpha, n_intercepts):
    X, _, y = make_rows(n_channels=2, n_outputs=2)
    moments = moments_of(X, y, n_intercepts)

    def value_at(hyperparameter):
        root = root_of(replace(prior, **{name: hyperparameter}), 2)
        return log_evidence(moments, root, alpha)

    slopes, _ = weighted(moments, root_of(prior, 2), n_intercepts).at(alpha).slopes()
    ours = float((slopes * prior.covariance_slope(N_LAGS, name)).sum())
    assert_allclose(ours, derivative(value_at, getattr(prior, name)), rtol=1e-7)


@pytest.mark.parametrize("alpha", [1e-2, ALPHA])
def test_the_slope_by_a_singular_covariance_is_that_of_the_value(alpha, n_intercepts):
    """One direction of the response more, where the prior has had but one."""
    X, _, y = make_rows(n_channels=2, n_outputs=2)
    moments = moments_of(X, y, n_intercepts)
    first, more = np.random.default_rng(1).normal(size=(2, N_LAGS))
    singular, change = np.outer(first, first), np.outer(more, more)

    def value_at(share):
        root = root_of(Given(singular + share * change), 2)
        return log_evidence(moments, root, alpha)

    slopes, _ = weighted(moments, root_of(Given(singular), 2), n_intercepts).at(alpha).slopes()
    step = 1e-6 * alpha
    values = [value_at(share) for share in (0.0, step, 2 * step)]
    expected = (4 * values[1] - 3 * values[0] - values[2]) / (2 * step)  # from one side
    assert_allclose(float((slopes * change).sum()), expected, rtol=1e-5)


@pytest.mark.parametrize("prior", PRIORS, ids=str)
def test_the_slope_by_alpha_is_that_by_the_scale(prior, n_intercepts):
    X, _, y = make_rows(n_channels=2, n_outputs=2)
    moments, root = moments_of(X, y, n_intercepts), root_of(prior, 2)
    slopes, by_log_alpha = weighted(moments, root, n_intercepts).at(ALPHA).slopes()
    slope = derivative(
        lambda log_alpha: log_evidence(moments, root, math.exp(log_alpha)),
        math.log(ALPHA),
    )
    assert_allclose(by_log_alpha, slope, rtol=1e-7)
    assert_allclose(-float((slopes * prior.covariance(N_LAGS)).sum()), slope, rtol=1e-7)


# -- Fewer lags, other units, no noise ---------------------------------------------------


@pytest.mark.parametrize("prior", PRIORS, ids=str)
def test_the_evidence_of_first_lags_is_that_of_smaller_models(prior, n_intercepts):
    """One factorisation has all of independent lags, a grid has the best and its neighbours."""
    X, _, y = make_rows(n_channels=2, n_outputs=2)
    statistics, root = LagStatistics.from_windows(X, y), root_of(prior, 2)
    statistics = statistics if n_intercepts else statistics.uncentred()
    expected = np.array(
        [log_evidence(statistics.first_lags(n), root.first(n), ALPHA) for n in range(1, N_LAGS + 1)]
    )
    ours = weighted(statistics, root, n_intercepts).at_first_lags(ALPHA)
    taken = np.isfinite(ours)
    assert_allclose(ours[taken], expected[taken], rtol=1e-11)
    assert taken.all() or not root.is_diagonal
    best = int(ours.argmax())
    assert taken[max(best - 1, 0) : best + 2].all()


def test_smaller_models_are_taken_one_by_one_where_a_factorisation_loses_digits():
    X, _, y = make_rows()
    moments = LagStatistics.from_windows(np.concatenate([X, X], axis=2), y)
    root = root_of(LinearRNN(0.7), 2)
    assert Quadratic.of(moments, root).ridge(1e-10 / moments.weight) is None
    ours = weighted(moments, root, 1).at_first_lags(1e-10)
    assert ours[-1] == log_evidence(moments, root, 1e-10)
    best = int(ours.argmax()) + 1
    part, first = moments.first_lags(best), root.first(best)
    assert ours[best - 1] == log_evidence(part, first, 1e-10)


def test_units_shift_the_evidence_or_leave_it(n_intercepts):
    X, _, y = make_rows(n_outputs=2)
    root = root_of(TC(0.7))
    ours = value(X, y, root, ALPHA, n_intercepts)
    shift = 2 * (N_ROWS - n_intercepts) * math.log(1000.0)
    assert_allclose(value(X, 1000.0 * y, root, ALPHA, n_intercepts), ours - shift, rtol=1e-12)
    larger = PriorRoot(root.lags * math.sqrt(7.0), 1)
    assert_allclose(value(X, y, larger, 7.0 * ALPHA, n_intercepts), ours, rtol=1e-12)
    assert_allclose(value(10.0 * X, y, root, 100.0 * ALPHA, n_intercepts), ours, rtol=1e-12)


@pytest.mark.parametrize("prior", [DI(0.7), TC(0.7)], ids=str)
@pytest.mark.parametrize("alpha", [1e-7, ALPHA])
def test_a_channel_twice_is_that_channel_with_twice_the_variance(prior, alpha, n_intercepts):
    """The smaller alpha is less than a Cholesky factor of the two can stand."""
    X, _, y = make_rows()
    moments = moments_of(np.concatenate([X, X], axis=2), y, n_intercepts)
    factor = Quadratic.of(moments, root_of(prior, 2)).ridge(alpha / N_ROWS)
    assert (factor is None) == (alpha < 1)
    twice = weighted(moments, root_of(prior, 2), n_intercepts).at(alpha)
    once = weighted(moments_of(X, y, n_intercepts), root_of(prior), n_intercepts).at(alpha / 2)
    assert_allclose(twice.value, once.value, rtol=1e-9)
    change = prior.covariance_slope(N_LAGS, "nu_w")
    (found, by_alpha), (expected, by_half) = twice.slopes(), once.slopes()
    rounding = 10 * np.finfo(float).eps * np.trace(twice.weighted.matrix) / alpha
    tolerance = {"rtol": rounding, "atol": rounding}
    assert_allclose(np.sum(found * change), np.sum(expected * change), **tolerance)
    assert_allclose(by_alpha, by_half, **tolerance)


@pytest.mark.parametrize("alpha", [1e-12, 1e-20])
def test_noise_is_never_less_than_rounding_leaves(alpha):
    """As alpha falls, noise-free targets have more and more evidence, but not infinitely much."""
    X, z, _ = make_rows()
    y = z @ np.full((N_LAGS, 1), 0.3)
    found = weighted(moments_of(X, y, 1), root_of(Flat()), 1).at(alpha)
    moments = LagStatistics.from_windows(X, y)
    least = NOISE_FLOOR * float(moments.target_scatter[0]) / (N_ROWS - 1)
    volume = np.linalg.slogdet(moments.input_scatter.numpy() / alpha + np.eye(N_LAGS))[1]
    expected = -0.5 * ((N_ROWS - 1) * (math.log(2 * math.pi * least) + 1) + volume)
    assert_allclose(found.value, expected - 0.5 * math.log(N_ROWS), rtol=1e-6)
    assert all(np.isfinite(slope).all() for slope in found.slopes())


def test_an_output_that_does_not_vary_says_nothing():
    X, _, y = make_rows()
    with_constant = np.column_stack([y, np.ones(N_ROWS)])
    root = root_of(TC(0.7))
    for alpha in (ALPHA, math.inf):
        assert_allclose(value(X, with_constant, root, alpha, 1), value(X, y, root, alpha, 1))


@pytest.mark.parametrize("n_lags", [2, 13, 40, 150])
@pytest.mark.parametrize("prior", [TC(0.9), DC(0.9, 0.7), SS(0.95)], ids=str)
def test_the_grid_of_smaller_models_ends_at_a_best_one_with_its_neighbours(prior, n_lags):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=400)
        y = np.convolve(x, 0.9 ** np.arange(30))[:400] + rng.normal(size=400)
        statistics = LagStatistics.from_series(x, y, n_lags=n_lags)
        root = PriorRoot.of(prior.root(n_lags), 1, torch.device("cpu"))
        values = weighted(statistics, root, 1).at_first_lags(1.0)
        best = int(values.argmax())
        assert np.isfinite(values[max(best - 1, 0) : best + 2]).all()


def test_a_scatter_below_zero_by_rounding_shows_nothing():
    none = np.zeros(2)
    sums = EvidenceSums(
        np.diag([-1e-17, 1.0]), none[:, None], none[:1] + 1, none, none[:1], none[:1], 5.0, 1, 1
    )
    factor = sums.under(np.ones(2)).at(1e-20).factor
    assert_allclose(np.sort(factor.log_pivots), np.log([1e-20, 1.0]), rtol=1e-14)


@pytest.mark.parametrize("alpha", [1e-300, 1e-100, 1e-20, 1e-12])
@pytest.mark.parametrize("prior", [LinearRNN(0.3), TC(0.3), LeakyRNN(0.5)], ids=str)
def test_a_small_penalty_keeps_the_digits_of_lags_that_hardly_vary(prior, alpha, n_intercepts):
    """By ``log det(G + alpha P^{-1}) + log det P - p log alpha``, of which the inverse is exact."""
    n_lags, rng = 30, np.random.default_rng(0)
    X, y = rng.normal(0.5, 1.0, (200, n_lags)), rng.normal(size=200)
    root = root_of(prior, n_lags=n_lags)
    ours = log_evidence(moments_of(X[:, :, None], y[:, None], n_intercepts), root, alpha)

    z, y = (X[:, ::-1] - X[:, ::-1].mean(0), y - y.mean()) if n_intercepts else (X[:, ::-1], y)
    lower = np.diag(root.lags) if root.lags.ndim == 1 else root.lags.numpy()
    inverse = scipy.linalg.solve_triangular(lower, np.eye(n_lags), lower=True)
    rows = np.vstack([z, math.sqrt(alpha) * inverse])
    unit = np.linalg.norm(rows, axis=0)
    basis, factor = np.linalg.qr(rows / unit)
    left = y @ y - np.square(basis[: len(y)].T @ y).sum()
    pivots = np.abs(factor.diagonal()) * unit * np.abs(lower.diagonal())
    volume = 2 * np.log(pivots).sum() - n_lags * math.log(alpha) + n_intercepts * math.log(len(y))
    freedom = len(y) - n_intercepts
    expected = -0.5 * (freedom * (math.log(2 * math.pi * left / freedom) + 1) + volume)
    assert_allclose(ours, expected, rtol=1e-8)


def test_the_least_of_penalties_has_an_evidence_where_the_data_show_less_than_all():
    """Through ``Z P Z^T + alpha``, of fewer rows than lags; without an intercept a row more."""
    rng = np.random.default_rng(0)
    X, y, alpha = rng.normal(0.5, 1e5, (5, N_LAGS)), rng.normal(size=5), 5e-324
    root = root_of(TC(0.7))
    ours = log_evidence(moments_of(X[:, :, None], y[:, None], 0), root, alpha)
    between = X[:, ::-1] @ TC(0.7).covariance(N_LAGS) @ X[:, ::-1].T
    volume = np.linalg.slogdet(between)[1] - 5 * math.log(alpha)
    least = NOISE_FLOOR * np.square(y - y.mean()).sum() / 5  # nothing is left to explain
    expected = -0.5 * (5 * (math.log(2 * math.pi * least) + 1) + volume)
    assert_allclose(ours, expected, rtol=1e-8)


def test_no_response_has_an_evidence_where_nothing_is_left_to_explain():
    none, one = np.zeros(1), np.ones((1, 1))
    sums = EvidenceSums(one, one, none, none, none, none, weight=5.0, n_intercepts=1, n_channels=1)
    assert_allclose(sums.evidence_of_no_response(), sums.under(none).at(1.0).value, rtol=1e-12)
