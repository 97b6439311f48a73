"""Closed-form estimates of the error to come, against refitting without each row."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.later_parts import r2_of_later_parts
from sklearn_linrnn._core.closed_form.model_selection import (
    MOST_STEPS,
    Smoother,
    best_n_steps,
    leave_one_out,
    mean_error,
)
from sklearn_linrnn._core.closed_form.solution import Descent, Problem, Solution
from sklearn_linrnn._core.closed_form.spectral import (
    degrees_of_freedom,
    generalised_cross_validation,
    residual_squares,
    ridge_filter,
)
from sklearn_linrnn._core.priors.identification import DC, Flat
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.prior_root import PriorRoot

N_ROWS, N_LAGS, N_CHANNELS = 40, 4, 2
ALPHAS = (1e-3, 2.0, 1e3)


@pytest.fixture(params=[0, 1], ids=["origin", "intercept"])
def n_intercepts(request):
    return request.param


@pytest.fixture(params=[LinearRNN(0.7), DC(0.7, 0.6)], ids=["diagonal", "matrix"])
def prior(request):
    return request.param


def make_rows(seed=0, n_rows=N_ROWS, n_outputs=2):
    """Return windows, their rows z of lag 0 first, and targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(0.5, 1.0, (n_rows, N_LAGS, N_CHANNELS))
    z = X[:, ::-1].reshape(n_rows, -1)
    y = z @ rng.normal(size=(z.shape[1], n_outputs)) + rng.normal(1.0, 1.0, (n_rows, n_outputs))
    return X, z, y


def solution_of(X, y, prior, n_intercepts, weights=None):
    statistics = LagStatistics.from_windows(X, y, sample_weight=weights)
    statistics = statistics if n_intercepts else statistics.uncentred()
    root = PriorRoot.of(prior.root(N_LAGS), N_CHANNELS, torch.device("cpu"))
    return Solution(Problem(statistics, root), 0.0)


def features(z, prior):
    """Return rows on which a plain ridge has the prior."""
    root = prior.root(N_LAGS)
    return z @ np.kron(np.diag(root) if root.ndim == 1 else root, np.eye(N_CHANNELS))


def ridge_filters(solution, alphas=ALPHAS):
    weight, spectrum = solution.statistics.weight, solution.spectrum
    return torch.stack([ridge_filter(spectrum, alpha / weight) for alpha in alphas], dim=1)


def ridges(solution, alphas=ALPHAS):
    return Smoother.of_spectrum(solution.spectrum, ridge_filters(solution, alphas))


def gcv(solution, filters):
    spectrum = solution.spectrum
    used = degrees_of_freedom(spectrum.eigenvalues, filters)
    return generalised_cross_validation(
        solution.statistics, residual_squares(spectrum, filters), used
    )


# -- The best number of steps ------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 2, 3, 17, 250, 1000, MOST_STEPS])
def test_the_number_of_steps_of_the_least_error_is_found(n_steps):
    assert best_n_steps(lambda stages: np.log(stages / n_steps) ** 2) == n_steps


@pytest.mark.parametrize("n_steps", [12_345, 10**6, 7 * 10**8])
def test_a_large_number_of_steps_is_found_to_a_thousandth(n_steps):
    found = best_n_steps(lambda stages: stages / n_steps + n_steps / stages)
    assert_allclose(found, n_steps, rtol=1e-3)


def test_errors_that_fall_for_ever_have_no_least_number_of_steps_short_of_the_most():
    assert best_n_steps(lambda stages: 1.0 / stages) == MOST_STEPS


def test_of_equal_errors_the_fewest_steps_are_taken():
    assert best_n_steps(np.ones_like) == 1


def test_mean_errors_are_shares_of_what_varies():
    X, _, y = make_rows()
    y[:, 1] = 3.0
    moments = LagStatistics.from_windows(X, y)
    squares = torch.tensor([[2.0, 5.0], [4.0, 7.0]], dtype=torch.float64)
    assert_allclose(mean_error(squares, moments), [2.0, 4.0] / y[:, 0].var(), rtol=1e-12)
    rounding = mean_error(torch.tensor([[1e-30, 0.0], [0.0, 0.0]]).double(), moments)
    assert rounding[0] == rounding[1]


# -- Leaving out one ---------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_leaving_out_one_is_refitting_without_it(prior, n_intercepts, weighted):
    X, z, y = make_rows()
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.1, 2.0, N_ROWS) * (rng.random(N_ROWS) < 0.8) if weighted else None
    y[[3, 20], [0, 1]] = np.nan
    solution = solution_of(X, y, prior, n_intercepts, weights)
    blocks = np.array_split(z, [7, 30])
    shares = (lambda steps: None) if weights is None else weights.__getitem__
    ours = leave_one_out(solution.statistics, ridges(solution), blocks, y, shares)

    w = np.ones(N_ROWS) if weights is None else weights
    seen = np.flatnonzero(~np.isnan(y).any(axis=1) & (w > 0))
    rows = features(z, prior)
    expected = np.zeros((len(ALPHAS), 2))
    for index, alpha in enumerate(ALPHAS):
        for row in seen:
            rest = seen[seen != row]
            model = Ridge(alpha=alpha, fit_intercept=bool(n_intercepts))
            model.fit(rows[rest], y[rest], sample_weight=w[rest])
            miss = y[row] - model.predict(rows[[row]])[0]
            expected[index] += w[row] * miss**2 / w[seen].sum()
    assert_allclose(ours, expected, rtol=1e-9)


def test_leaving_out_one_agrees_with_ridge_cv():
    X, z, y = make_rows()
    solution = solution_of(X, y, Flat(), 1)
    theirs = RidgeCV(alphas=ALPHAS, store_cv_results=True).fit(z, y)
    ours = leave_one_out(solution.statistics, ridges(solution), [z], y, lambda steps: None)
    assert_allclose(ours.T, theirs.cv_results_.mean(axis=0), rtol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_a_step_that_nothing_else_speaks_for_has_an_infinite_error(seed, n_intercepts):
    """Its input is the only one of lag 0 that differs; its leverage is one but for rounding."""
    X, _, y = make_rows(seed, n_rows=14)
    X[:, -1, 0] = 0.0
    X[5, -1, 0] = 1.3
    z = X[:, ::-1].reshape(14, -1)
    solution = solution_of(X, y, LinearRNN(0.7), n_intercepts)
    two = ridges(solution, (0.0, 1.0))
    ours = leave_one_out(solution.statistics, two, [z], y, lambda steps: None)
    assert torch.isinf(ours[0]).all()
    assert torch.isfinite(ours[1]).all()


# -- Generalised cross-validation --------------------------------------------------------


def dense_gcv(hat, y):
    """Return the error of GCV of a hat matrix that includes the intercept."""
    n_rows = len(y)
    residual = ((y - hat @ y) ** 2).sum(axis=0)
    return n_rows * residual / (n_rows - np.trace(hat)) ** 2


def test_gcv_of_ridges_is_that_of_their_hat_matrices(prior, n_intercepts):
    X, z, y = make_rows()
    solution = solution_of(X, y, prior, n_intercepts)
    ours = gcv(solution, ridge_filters(solution))
    mean = np.full((N_ROWS, N_ROWS), n_intercepts / N_ROWS)
    rows = features(z, prior)
    rows = rows - mean @ rows
    for errors, alpha in zip(ours, ALPHAS, strict=True):
        hat = mean + rows @ np.linalg.solve(rows.T @ rows + alpha * np.eye(len(rows.T)), rows.T)
        assert_allclose(errors, dense_gcv(hat, y), rtol=1e-10)


@pytest.mark.parametrize("n_steps", [1, 25])
def test_gcv_of_gradient_descent_is_that_of_its_hat_matrix(prior, n_intercepts, n_steps):
    X, z, y = make_rows()
    solution = solution_of(X, y, prior, n_intercepts)
    filters = solution.descent_filter(Descent(n_steps, 0.05))[:, None]
    ours = gcv(solution, filters)
    mean = np.full((N_ROWS, N_ROWS), n_intercepts / N_ROWS)
    rows = features(z, prior)
    rows = rows - mean @ rows
    hat = np.zeros((N_ROWS, N_ROWS))
    for _ in range(n_steps):
        hat += 0.05 * rows @ rows.T @ (np.eye(N_ROWS) - hat) / N_ROWS
    assert_allclose(ours[0], dense_gcv(hat + mean, y), rtol=1e-10)


def test_gcv_is_infinite_where_no_degree_of_freedom_is_left():
    X, _, y = make_rows(n_rows=6)
    solution = solution_of(X, y, Flat(), 1)
    ours = gcv(solution, ridge_filters(solution, (0.0,)))
    assert torch.isinf(ours).all()


# -- Later parts -------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", ALPHAS)
def test_later_parts_are_predicted_from_those_before(prior, n_intercepts, alpha):
    X, z, y = make_rows()
    ends = [0, 14, 20, 31, N_ROWS]
    slices = [slice(*pair) for pair in pairwise(ends)]
    solutions = [solution_of(X[rows], y[rows], prior, n_intercepts) for rows in slices]
    parts, root = [solution.statistics for solution in solutions], solutions[0].root
    ours = r2_of_later_parts(parts, root, alpha)

    rows, model_errors, mean_errors = features(z, prior), 0.0, 0.0
    for part in slices[1:]:
        model = Ridge(alpha=alpha, fit_intercept=bool(n_intercepts))
        model.fit(rows[: part.start], y[: part.start])
        mean = y[: part.start].mean(axis=0) * n_intercepts
        model_errors = model_errors + ((y[part] - model.predict(rows[part])) ** 2).sum(axis=0)
        mean_errors = mean_errors + ((y[part] - mean) ** 2).sum(axis=0)
    assert_allclose(ours, 1.0 - (model_errors / mean_errors).mean(), rtol=1e-9)


def test_of_two_parts_of_equal_means_it_is_the_r2_of_scikit_learn():
    X, z, y = make_rows()
    y[20:] += y[:20].mean(axis=0) - y[20:].mean(axis=0)
    solutions = [solution_of(X[rows], y[rows], Flat(), 1) for rows in (slice(20), slice(20, 40))]
    parts = [solution.statistics for solution in solutions]
    model = Ridge(alpha=2.0).fit(z[:20], y[:20])
    expected = r2_score(y[20:], model.predict(z[20:]))
    assert_allclose(r2_of_later_parts(parts, solutions[0].root, 2.0), expected, rtol=1e-9)


def test_where_later_targets_are_the_mean_there_is_nothing_to_save():
    X, _, y = make_rows()
    y[:] = 3.0
    parts = [LagStatistics.from_windows(X[rows], y[rows]) for rows in (slice(20), slice(20, 40))]
    root = solution_of(X, y, Flat(), 1).root
    assert r2_of_later_parts(parts, root, 2.0) == 0.0
