"""Ridges by conjugate gradients against the dense solution."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics, linear_rnn_lag_weights
from sklearn_linrnn._core.closed_form.conjugate_gradients import (
    LARGEST_ERROR,
    ShiftedCirculants,
    iterated_ridge,
)
from sklearn_linrnn._core.closed_form.solution import Problem
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_operator import LagOperator


def coloured(seed, n_timesteps, n_channels=1):
    """Return inputs whose spectrum spreads over three decades, and two outputs."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_timesteps, n_channels))
    for step in range(1, n_timesteps):
        x[step] += 0.9 * x[step - 1]
    y = np.stack([np.convolve(x[:, 0], 0.9 ** np.arange(50))[:n_timesteps], x[:, -1]], axis=1)
    return x, y + rng.normal(size=y.shape)


def dense_ridge(statistics, weights, alpha):
    scale = weights.sqrt()[:, None]
    row, goal = statistics.mean_row
    scatter = torch.addr(statistics.input_scatter, row, row, alpha=statistics.weight)
    cross = torch.addr(statistics.cross_scatter, row, goal, alpha=statistics.weight)
    matrix = scale * scatter * scale.T
    matrix.diagonal().add_(alpha)
    return scale * torch.cholesky_solve(scale * cross, torch.linalg.cholesky(matrix))


def weights_of(n_lags, n_channels, nu_w):
    weights = torch.from_numpy(linear_rnn_lag_weights(n_lags, nu_w))
    return weights.repeat_interleave(n_channels)


def assert_close(response, expected, rtol=1e-8):
    assert_allclose(response, expected, rtol=0, atol=rtol * float(expected.abs().max()))


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("nu_w", [0.5, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_the_solution_is_the_dense_one(nu_w, alpha, n_channels):
    x, y = coloured(0, 5000, n_channels)
    n_lags = 400 // n_channels
    weights = weights_of(n_lags, n_channels, nu_w)
    solution = iterated_ridge(LagOperator.from_series(x, y, n_lags=n_lags), weights, alpha)
    assert solution.converged
    assert solution.n_iterations < 50
    assert_close(
        solution.response,
        dense_ridge(LagStatistics.from_series(x, y, n_lags=n_lags), weights, alpha),
    )


@pytest.mark.parametrize("alpha", [1e-6, 1.0, 1e9])
def test_the_preconditioner_is_symmetric_and_positive_definite(alpha):
    x, y = coloured(10, 1000, 2)
    x = np.hstack([x, np.zeros((1000, 1))])
    operator = LagOperator.from_series(x, y, n_lags=31)
    weights = weights_of(31, 3, 0.7)
    inverse = ShiftedCirculants.of(operator, weights, alpha).apply(torch.eye(93).double())
    assert_allclose(inverse, inverse.T, rtol=0, atol=1e-12 * float(inverse.max()))
    assert torch.linalg.eigvalsh(inverse)[0] > 0


def test_a_mean_of_a_million_deviations_is_no_obstacle():
    x, y = coloured(11, 5000)
    weights = weights_of(200, 1, 0.99)
    operator = LagOperator.from_series(x + 1e6, y, n_lags=200, start="full_windows")
    centred = LagStatistics.from_series(x, y, n_lags=200, start="full_windows")
    solution = iterated_ridge(operator, weights, 1.0)
    assert solution.converged
    assert solution.n_iterations < 50
    assert_close(solution.response, dense_ridge(centred, weights, 1.0))


def test_recordings_with_gaps():
    rng = np.random.default_rng(12)
    x, y = coloured(12, 4000)
    y[rng.random(4000) < 0.2] = np.nan
    data = np.split(x, [1000, 1050]), np.split(y, [1000, 1050])
    operator, statistics = (
        kind.from_series(*data, n_lags=150) for kind in (LagOperator, LagStatistics)
    )
    weights = weights_of(150, 1, 0.95)
    assert_close(
        iterated_ridge(operator, weights, 1.0).response, dense_ridge(statistics, weights, 1.0)
    )


def test_without_intercept():
    x, y = coloured(1, 3000)
    weights = weights_of(60, 1, 0.9)
    moments = (kind.from_series(x + 3.0, y, n_lags=60) for kind in (LagOperator, LagStatistics))
    operator, statistics = (each.uncentred() for each in moments)
    assert_close(
        iterated_ridge(operator, weights, 1.0).response, dense_ridge(statistics, weights, 1.0)
    )


def test_windows_fewer_than_inputs():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(50, 40, 2)), rng.normal(size=(50, 3))
    weights = weights_of(40, 2, 0.9)
    solution = iterated_ridge(LagOperator.from_windows(X, y), weights, 1.0)
    assert solution.converged
    assert_close(solution.response, dense_ridge(LagStatistics.from_windows(X, y), weights, 1.0))


def test_lags_of_weight_zero_are_not_used():
    x, y = coloured(3, 2000)
    weights = weights_of(30, 1, 0.8)
    few = iterated_ridge(LagOperator.from_series(x, y, n_lags=30), weights, 1.0)
    padded = torch.cat([weights, torch.zeros(70, dtype=weights.dtype)])
    many = iterated_ridge(LagOperator.from_series(x, y, n_lags=100), padded, 1.0)
    assert_close(many.response[:30], few.response)
    assert_allclose(many.response[30:], 0.0)


def test_without_penalty_least_squares():
    x, y = coloured(4, 3000)
    weights = weights_of(8, 1, 0.7)
    solution = iterated_ridge(LagOperator.from_series(x, y, n_lags=8), weights, 0.0)
    assert solution.converged
    assert_close(
        solution.response, dense_ridge(LagStatistics.from_series(x, y, n_lags=8), weights, 0.0)
    )


def test_without_penalty_the_least_norm_among_those_of_least_squares():
    """The second channel repeats the first: what they share is split by their weights."""
    x, y = coloured(5, 500)
    weights = torch.tensor([2.0, 1.0] * 6, dtype=torch.float64)
    twice = np.hstack([x, x])
    solution = iterated_ridge(LagOperator.from_series(twice, y, n_lags=6), weights, 0.0)
    statistics = LagStatistics.from_series(twice, y, n_lags=6)
    scale = weights.sqrt()[:, None]
    matrix = scale * statistics.input_scatter * scale.T
    inverse = torch.linalg.pinv(matrix, hermitian=True, rtol=1e-10)
    assert solution.converged
    assert_close(solution.response, scale * (inverse @ (scale * statistics.cross_scatter)))
    assert_close(solution.response[::2], 2.0 * solution.response[1::2])


def test_what_has_not_converged_says_so():
    x, y = coloured(6, 3000)
    solution = iterated_ridge(
        LagOperator.from_series(x, y, n_lags=100), weights_of(100, 1, 0.9), 1.0, max_iterations=1
    )
    assert not solution.converged
    assert solution.n_iterations == 1
    assert 1e-9 < solution.residual < 1.0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("nu_w", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("alpha", [1e-4, 1e-8, 1e-12, 1e-16])
def test_what_has_converged_is_near_the_dense_solution(alpha, nu_w, seed):
    """Fewer steps than lags leave directions to the penalty: there rounding may grow large."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 15))
    y = np.convolve(x, 0.9 ** np.arange(15))[:15] + 0.3 * y
    statistics = LagStatistics.from_series(x, y, n_lags=20)
    weights = weights_of(20, 1, nu_w)
    expected = Problem(statistics, PriorRoot(weights.sqrt(), 1)).ridge(alpha / statistics.weight)
    operator = LagOperator.from_series(x, y, n_lags=20)
    solution = iterated_ridge(operator, weights, alpha, max_iterations=400)
    error = float((solution.response - expected).norm() / expected.norm())
    assert error < (LARGEST_ERROR if solution.converged else np.inf)
    assert solution.converged or alpha < 1e-4


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_nothing_to_explain_is_no_response(alpha, scale):
    x, y = scale * coloured(7, 200)[0], np.zeros(200)
    solution = iterated_ridge(LagOperator.from_series(x, y, n_lags=9), weights_of(9, 1, 0.9), alpha)
    assert solution.converged
    assert solution.n_iterations == 0
    assert_allclose(solution.response, 0.0)


def test_an_output_solved_early_waits_for_the_others():
    x, y = coloured(8, 2000)
    y[:, 1] = 0.0
    operator, weights = LagOperator.from_series(x, y, n_lags=50), weights_of(50, 1, 0.9)
    solution = iterated_ridge(operator, weights, 1.0)
    alone = iterated_ridge(LagOperator.from_series(x, y[:, :1], n_lags=50), weights, 1.0)
    assert_close(solution.response[:, :1], alone.response)
    assert_allclose(solution.response[:, 1], 0.0)


@pytest.mark.slow
def test_very_many_lags_of_a_trend():
    rng = np.random.default_rng(9)
    x = rng.normal(size=40_000) + np.linspace(0.0, 10.0, 40_000)
    solution = iterated_ridge(
        LagOperator.from_series(x, np.cumsum(x - x.mean()), n_lags=8_000),
        weights_of(8_000, 1, 0.999),
        1.0,
    )
    assert solution.converged
    assert solution.n_iterations < 200
