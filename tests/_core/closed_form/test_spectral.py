"""Closed-form solutions against dense linear algebra and literal iteration."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics, NTKConvRegressor, linear_rnn_lag_weights
from sklearn_linrnn._core.closed_form.rank_revealing import ShownDirections
from sklearn_linrnn._core.closed_form.spectral import (
    Quadratic,
    gradient_descent_filter,
    held_out_squares,
    ridge_filter,
)
from sklearn_linrnn._core.priors.identification import TC
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.prior_root import PriorRoot


def make_rows(seed=0, n_rows=80, n_lags=7, n_outputs=2):
    """Return centred rows z (newest lag first), targets and their statistics."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n_rows, n_lags)), rng.normal(size=(n_rows, n_outputs))
    z = X[:, ::-1]
    return z - z.mean(axis=0), y - y.mean(axis=0), LagStatistics.from_windows(X, y)


def make_loss(statistics, nu_w=0.6):
    weights = linear_rnn_lag_weights(statistics.n_lags, nu_w)
    return weights, Quadratic.of(statistics, root_of(weights, statistics.n_channels))


def root_of(weights, n_channels=1):
    """Return the root of a prior of independent lags."""
    return PriorRoot(torch.from_numpy(np.sqrt(weights)), n_channels)


@pytest.mark.parametrize("alpha", [1e-6, 1.0, 1e6])
def test_ridge_by_cholesky_by_spectrum_and_by_normal_equations_agree(alpha):
    z, y, statistics = make_rows()
    weights, loss = make_loss(statistics)
    penalty = alpha / len(z)
    expected = np.linalg.solve(z.T @ z + np.diag(alpha / weights), z.T @ y)
    spectrum = loss.decompose()
    by_spectrum = spectrum.solve(1.0 / (spectrum.eigenvalues + penalty))
    assert_allclose(loss.ridge(penalty), expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    assert_allclose(by_spectrum, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_ridge_without_penalty_is_least_squares():
    z, y, statistics = make_rows()
    _, loss = make_loss(statistics)
    for penalty in (0.0, 1e-14):
        assert_allclose(loss.ridge(penalty), np.linalg.lstsq(z, y)[0], rtol=1e-8, atol=1e-11)


def test_ridge_under_a_large_penalty_is_the_scaled_slope():
    """As alpha grows, H tends to ``D B / alpha``."""
    z, y, statistics = make_rows()
    weights, loss = make_loss(statistics)
    alpha = 1e12
    expected = weights[:, None] * (z.T @ y) / alpha
    assert_allclose(loss.ridge(alpha / len(z)), expected, rtol=1e-8, atol=1e-20)


@pytest.mark.parametrize("penalty", [0.0, 1e-18])
def test_no_cholesky_factor_of_a_singular_matrix_is_trusted(penalty):
    _, loss = make_loss(make_rows(n_rows=7)[2])
    assert loss.ridge(penalty) is None


@pytest.mark.parametrize("nu_w", [0.01, 0.3, 1.0, 4.0, 1e3])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_ridge_does_not_mind_how_far_the_weights_spread(nu_w, alpha):
    z, y, statistics = make_rows(n_rows=300, n_lags=30)
    weights, loss = make_loss(statistics, nu_w)
    expected = np.linalg.solve(z.T @ z + np.diag(alpha / weights), z.T @ y)
    assert_allclose(loss.ridge(alpha / len(z)), expected, rtol=1e-8, atol=1e-11)


def shortest(statistics, nu_w=0.6):
    weights = linear_rnn_lag_weights(statistics.n_lags, nu_w)
    return ShownDirections.of(statistics, root_of(weights, statistics.n_channels)).ridge(0.0)


def dense_least_norm(z, y, scale):
    """Return the shortest theta that fits best, as a response."""
    z, y = z - z.mean(axis=0), y - y.mean(axis=0)
    return scale[:, None] * (np.linalg.pinv(z * scale, rcond=1e-9) @ y)


@pytest.mark.parametrize("start", ["full_windows", "zero_state"])
@pytest.mark.parametrize("n_timesteps", [60, 20_000])
def test_least_norm_of_a_channel_and_its_copies_is_that_of_the_pseudoinverse(start, n_timesteps):
    rng = np.random.default_rng(1)
    x = rng.normal(1.0, 1.0, (n_timesteps, 2))
    x = np.column_stack([x, x[:, 0], x @ [0.3, -1.7]])
    y, n_lags = rng.normal(size=(n_timesteps, 1)), 5
    padded = np.concatenate([np.zeros((n_lags - 1, 4)), x])
    z = np.stack([padded[s : s + n_lags][::-1].ravel() for s in range(n_timesteps)])
    first = 0 if start == "zero_state" else n_lags - 1
    scale = np.sqrt(np.repeat(linear_rnn_lag_weights(n_lags, 0.6), 4))
    expected = dense_least_norm(z[first:], y[first:], scale)
    ours = shortest(LagStatistics.from_series(x, y, n_lags=n_lags, start=start))
    assert_allclose(ours, expected, atol=1e-9 * np.abs(expected).max())


def test_least_norm_of_fewer_rows_than_lags_is_that_of_the_pseudoinverse():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(10, 30)), rng.normal(size=(10, 1))
    scale = np.sqrt(linear_rnn_lag_weights(30, 0.9))
    expected = dense_least_norm(X[:, ::-1], y, scale)
    assert_allclose(
        shortest(LagStatistics.from_windows(X, y), 0.9),
        expected,
        atol=1e-9 * np.abs(expected).max(),
    )


@pytest.mark.parametrize("level", [0.0, 3.0, 1e6])
def test_least_norm_of_a_constant_series_is_zero(level):
    y = np.random.default_rng(3).normal(size=50)
    ours = shortest(
        LagStatistics.from_series(np.full(50, level), y, n_lags=4, start="full_windows")
    )
    assert_allclose(ours, 0.0, atol=1e-12)


@pytest.mark.parametrize("nu_w", [0.1, 0.2, 0.9, 3.0])
def test_least_norm_keeps_its_digits_however_far_the_weights_spread(nu_w):
    """The reference interpolates the rows themselves, by a factorisation with pivots."""
    rng = np.random.default_rng(5)
    n_rows, n_lags = 10, 40
    X, y = rng.normal(size=(n_rows, n_lags)), rng.normal(size=n_rows)
    scale = np.sqrt(linear_rnn_lag_weights(n_lags, nu_w))
    z = (X - X.mean(axis=0))[:-1, ::-1] * scale  # centred: the last row depends on the others
    orthogonal, triangle, order = scipy.linalg.qr(z.T, mode="economic", pivoting=True)
    target = (y - y.mean())[:-1][order]
    theta = orthogonal @ scipy.linalg.solve_triangular(triangle, target, trans="T")
    ours = shortest(LagStatistics.from_windows(X, y), nu_w)[:, 0].numpy() / scale
    assert_allclose(ours, theta, atol=1e-7 * np.linalg.norm(theta))


@pytest.mark.parametrize("alpha", [1e-12, 1e-9, 1e-6])
def test_a_small_ridge_on_data_of_low_rank_does_not_amplify_rounding(alpha):
    """Windows of a sinusoid have rank two; as alpha falls, the ridge tends to least norm."""
    x = np.sin(0.3 * np.arange(5000))
    X, y = np.lib.stride_tricks.sliding_window_view(x[:-1], 12), x[12:]
    fits = [NTKConvRegressor(alpha=a).fit(X, y).impulse_response_ for a in (0.0, alpha)]
    assert_allclose(fits[1], fits[0], atol=1e-7)


def literal_descent(A, c, penalty, n_steps, learning_rate):
    theta = np.zeros_like(c)
    for _ in range(n_steps):
        theta -= learning_rate * (A @ theta + penalty * theta - c)
    return theta


@settings(deadline=None, max_examples=30, derandomize=True)
@given(
    step=st.sampled_from([1e-12, 1e-6, 0.3, 0.499999, 0.5, 1.0, 1.9, 2.0, 2.1]),
    n_steps=st.integers(1, 60),
    penalty=st.sampled_from([0.0, 0.01, 10.0]),
    seed=st.integers(0, 1000),
)
def test_filter_is_literal_gradient_descent(step, n_steps, penalty, seed):
    _, _, statistics = make_rows(seed)
    _, loss = make_loss(statistics)
    learning_rate = step / (loss.largest_eigenvalue() + penalty)
    spectrum = loss.decompose()
    factors = gradient_descent_filter(spectrum.eigenvalues, penalty, n_steps, learning_rate)
    theta = literal_descent(
        loss.curvature.numpy(), loss.slope.numpy(), penalty, n_steps, learning_rate
    )
    expected = loss.root.scale.numpy() * theta
    assert_allclose(spectrum.solve(factors), expected, atol=1e-11 * np.abs(expected).max())


def test_filter_is_exact_where_the_step_is_tiny():
    """``1 - (1 - s)^k`` would lose all digits of ``k s`` where s is below rounding."""
    eigenvalues = torch.tensor([0.0, 1e-30, 1e-18, 1e-9, 1.0], dtype=torch.float64)
    ours = gradient_descent_filter(eigenvalues, 0.0, 1000, 0.1)
    expected = [
        100.0,
        100.0,
        100.0,
        *(-math.expm1(1000 * math.log1p(-0.1 * lam)) / lam for lam in (1e-9, 1.0)),
    ]
    assert_allclose(ours, expected, rtol=1e-14)


@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_after_endless_steps_the_filter_is_the_ridge(penalty):
    eigenvalues = torch.tensor([1e-3, 0.1, 1.0, 2.0], dtype=torch.float64)
    ours = gradient_descent_filter(eigenvalues, penalty, 10**6, 0.5)
    assert_allclose(ours, 1.0 / (eigenvalues + penalty), rtol=1e-12)


def test_one_step_is_the_learning_rate():
    eigenvalues = torch.tensor([0.0, 0.2, 1.0, 3.0, 50.0], dtype=torch.float64)
    assert_allclose(gradient_descent_filter(eigenvalues, 0.1, 1, 0.3), 0.3, rtol=1e-14)


def test_the_step_count_may_be_a_numpy_integer():
    eigenvalues = torch.tensor([0.2, 3.0], dtype=torch.float64)
    ours = gradient_descent_filter(eigenvalues, 0.0, np.int64(7), 0.3)
    assert_allclose(ours, gradient_descent_filter(eigenvalues, 0.0, 7, 0.3))


def test_largest_eigenvalue_is_that_of_the_scaled_covariance():
    z, _, statistics = make_rows()
    weights, loss = make_loss(statistics)
    expected = np.linalg.norm(z * np.sqrt(weights), 2) ** 2 / len(z)
    assert_allclose(loss.largest_eigenvalue(), expected, rtol=1e-12)


def test_eigenvalues_are_never_negative():
    x = np.ones((100, 3))
    statistics = LagStatistics.from_series(x, x[:, :1], n_lags=6)
    assert (make_loss(statistics)[1].decompose().eigenvalues >= 0).all()


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("correlated", [True, False])
def test_held_out_squares_are_those_of_the_responses(centred, correlated):
    rng = np.random.default_rng(5)
    (z, y), (later, target) = (
        (rng.normal(1.0, 1.0, (n, 8)), rng.normal(-2.0, 1.0, (n, 3))) for n in (60, 30)
    )
    train, test = LagStatistics.from_windows(z, y), LagStatistics.from_windows(later, target)
    train = train if centred else train.uncentred()
    root = TC(0.8).root(8) if correlated else LinearRNN(0.8).root(8)
    spectrum = Quadratic.of(train, PriorRoot.of(root, 1, torch.device("cpu"))).decompose()
    filters = torch.stack([ridge_filter(spectrum, p) for p in (0.0, 0.1, 10.0)], dim=1)
    responses = spectrum.solve(filters)
    expected = test.squared_errors(responses, train.intercept(responses)).sum(1)
    assert_allclose(held_out_squares(spectrum, filters, train, test), expected, rtol=1e-12)
