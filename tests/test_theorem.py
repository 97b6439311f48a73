"""The theorem: a wide linear RNN is a convolution with weighted lags.

Emami, Sahraee-Ardakan, Pandit, Rangan and Fletcher, "Implicit Bias of Linear RNNs", ICML 2021.
"""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from sklearn_linrnn import (
    LagWeighter,
    LinearRNNRegressor,
    NTKConvRegressor,
    WeightedConv1DRegressor,
    linear_rnn_lag_weights,
)
from sklearn_linrnn._core.networks.network import initialise
from sklearn_linrnn._estimators.parameters import make_seed

NU = {"nu_w": 0.6, "nu_f": 1.5, "nu_c": 0.7}
N_LAGS = 6


def distance(ours, limit):
    """Return how far an impulse response is from its limit, relative in norm."""
    return np.linalg.norm(ours - limit) / np.linalg.norm(limit)


# -- The kernel at the start -------------------------------------------------------------


def response(W, F, C, n_lags=N_LAGS):
    """Return ``H_j`` by its definition, (n_lags, n_outputs, n_channels)."""
    n_hidden = len(W)
    state, lags = F, []
    for _ in range(n_lags):
        lags.append(C @ state / n_hidden**0.5)
        state = W @ state / n_hidden**0.5
    return torch.stack(lags)


def tangent_kernels(n_hidden, seed, n_channels=1, n_outputs=1):
    """Return the kernel ``sum_p dH_j/dp dH_k/dp`` over the entries of W, of F and of C."""
    generator = torch.Generator().manual_seed(seed)
    start = initialise(n_hidden, n_channels, n_outputs, tuple(NU.values()), generator)
    jacobians = torch.func.jacrev(response, argnums=(0, 1, 2))(*start)
    flat = (jacobian.flatten(3).flatten(0, 2) for jacobian in jacobians)
    return [(jacobian @ jacobian.T).numpy() for jacobian in flat]


@pytest.fixture(scope="module")
def wide_kernels():
    """Return the kernels of one wide network with two channels and two outputs."""
    return tangent_kernels(1000, 0, 2, 2)


def lag_shares():
    lag = np.arange(N_LAGS)
    power = NU["nu_w"] ** lag
    slope = lag * NU["nu_w"] ** np.maximum(lag - 1, 0)
    return {
        "transition": NU["nu_c"] * NU["nu_f"] * slope,
        "input": NU["nu_c"] * power,
        "readout": NU["nu_f"] * power,
    }


def test_kernel_of_a_wide_network_is_diagonal_with_the_lag_weights(wide_kernels):
    rho = linear_rnn_lag_weights(N_LAGS, **NU)
    expected = np.diag(np.repeat(rho, 4))  # times the identity over outputs and channels
    assert_allclose(sum(wide_kernels), expected, rtol=0, atol=0.1 * rho.max())
    assert distance(sum(wide_kernels), expected) < 0.1


@pytest.mark.parametrize("part", [0, 1, 2], ids=["transition", "input", "readout"])
def test_each_matrix_has_its_share_of_the_kernel(part, wide_kernels):
    share = list(lag_shares().values())[part]
    by_lag = np.diag(wide_kernels[part]).reshape(N_LAGS, 4).mean(axis=1)
    assert_allclose(by_lag, share, atol=0.07 * share.max())
    assert distance(wide_kernels[part], np.diag(np.repeat(share, 4))) < 0.12


def test_shares_add_up_to_the_lag_weights():
    assert_allclose(sum(lag_shares().values()), linear_rnn_lag_weights(N_LAGS, **NU), rtol=1e-14)


def test_kernel_converges_with_the_inverse_root_of_the_width():
    widths, n_seeds = [32, 64, 128, 256, 512], 12
    limit = np.diag(linear_rnn_lag_weights(N_LAGS, **NU))
    errors = [
        np.mean([distance(sum(tangent_kernels(n, seed)), limit) for seed in range(n_seeds)])
        for n in widths
    ]
    slope = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert -0.7 < slope < -0.3


def test_variance_of_the_initial_response_is_that_of_the_gaussian_process():
    draws = []
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        draws.append(response(*initialise(300, 20, 20, tuple(NU.values()), generator)).numpy())
    draws = np.stack(draws)  # (n_seeds, n_lags, n_outputs, n_channels)
    gamma = NU["nu_c"] * NU["nu_f"] * NU["nu_w"] ** np.arange(N_LAGS)
    assert_allclose((draws**2).mean(axis=(0, 2, 3)), gamma, rtol=0.06)
    by_lag = draws.transpose(1, 0, 2, 3).reshape(N_LAGS, -1)
    assert np.abs(np.corrcoef(by_lag) - np.eye(N_LAGS)).max() < 0.05


# -- Closed form, iterations and scikit-learn --------------------------------------------


def make_windows(seed=0, n_windows=120, n_lags=8, n_channels=1, n_outputs=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(0.5, 1.0, (n_windows, n_lags * n_channels))
    y = rng.normal(-0.5, 1.0, (n_windows, n_outputs)) + X[:, -n_channels:].sum(1, keepdims=True)
    return X, y[:, 0] if n_outputs == 1 else y, rng.uniform(0.1, 2.0, n_windows)


DATA_CASES = {
    "windows": ({}, {}, False),
    "channels": ({"n_channels": 2}, {"n_channels": 2}, False),
    "outputs": ({"n_outputs": 3}, {}, False),
    "weights": ({}, {}, True),
    "no intercept": ({}, {"fit_intercept": False}, False),
    "all at once": (
        {"n_channels": 2, "n_outputs": 3},
        {"n_channels": 2, "fit_intercept": False},
        True,
    ),
    "fewer windows than lags": ({"n_windows": 10, "n_lags": 20}, {}, False),
}


@pytest.mark.parametrize("n_steps", [1, 2, 17, 500])
@pytest.mark.parametrize("case", DATA_CASES)
def test_iterations_at_once_are_iterations_one_by_one(case, n_steps):
    shape, options, weighted = DATA_CASES[case]
    X, y, w = make_windows(**shape)
    w = w if weighted else None
    at_once = NTKConvRegressor(**NU, alpha=0, n_steps=n_steps, **options).fit(X, y, w)
    one_by_one = WeightedConv1DRegressor(**NU, max_iter=n_steps, **options).fit(X, y, w)
    assert distance(one_by_one.impulse_response_, at_once.impulse_response_) < 1e-8
    assert_allclose(one_by_one.intercept_, at_once.intercept_, atol=1e-8)
    assert_allclose(one_by_one.predict(X), at_once.predict(X), atol=1e-8)


@pytest.mark.parametrize("case", DATA_CASES)
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
def test_the_limit_is_scikit_learns_ridge_on_weighted_lags(case, alpha):
    shape, options, weighted = DATA_CASES[case]
    X, y, w = make_windows(**shape)
    w = w if weighted else None
    kernel = NTKConvRegressor(**NU, alpha=alpha, **options).fit(X, y, w)
    weighter = LagWeighter(**NU, n_channels=options.get("n_channels"))
    Z = weighter.fit_transform(X)
    ridge = Ridge(alpha=alpha, fit_intercept=options.get("fit_intercept", True), solver="cholesky")
    ridge.fit(Z, y, sample_weight=w)
    assert_allclose(kernel.predict(X), ridge.predict(Z), rtol=1e-9, atol=1e-9)


def test_the_limit_is_ridge_on_the_weighted_lags_of_recordings():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(200, 2))
    recording = rng.integers(0, 4, 200)
    options = {**NU, "rows": "timesteps", "n_lags": 5}
    kernel = NTKConvRegressor(**options, alpha=2.0).fit(x, y, sequence_id=recording)
    Z = LagWeighter(**options).fit_transform(x, sequence_id=recording)
    ours, theirs = kernel.predict(x, sequence_id=recording), Ridge(2.0).fit(Z, y).predict(Z)
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_steps", [1, 10, 300])
@pytest.mark.parametrize("learning_rate", ["auto", 0.05])
def test_iterations_with_a_penalty_are_those_on_the_loss_of_ridge(n_steps, learning_rate):
    X, y, w = make_windows(n_outputs=2)
    alpha, m = 5.0, w.sum()
    Z = (X - w @ X / m) * np.sqrt(linear_rnn_lag_weights(8, **NU))[::-1]
    A, c = (Z.T * w) @ Z / m + alpha / m * np.eye(8), (Z.T * w) @ (y - w @ y / m) / m
    eta = 1 / np.linalg.norm(A, 2) if learning_rate == "auto" else learning_rate
    theta = np.zeros_like(c)
    for _ in range(n_steps):
        theta -= eta * (A @ theta - c)
    model = NTKConvRegressor(**NU, alpha=alpha, n_steps=n_steps, learning_rate=learning_rate)
    model.fit(X, y, w)
    assert_allclose(model.predict(X), Z @ theta + w @ y / m, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_endless_iterations_lead_to_the_minimum(alpha):
    X, y, _ = make_windows()
    minimum = NTKConvRegressor(**NU, alpha=alpha).fit(X, y)
    endless = NTKConvRegressor(**NU, alpha=alpha, n_steps=10**7).fit(X, y)
    assert distance(endless.impulse_response_, minimum.impulse_response_) < 1e-8


def test_flat_weights_are_an_ordinary_convolution():
    X, y, _ = make_windows()
    conv = WeightedConv1DRegressor("flat", max_iter=20_000).fit(X, y)
    centred = X - X.mean(axis=0)
    expected = np.linalg.lstsq(centred, y - y.mean())[0][::-1]
    assert_allclose(conv.impulse_response_[0, 0], expected, atol=1e-9)


def test_a_common_factor_of_the_weights_trades_against_alpha():
    X, y, _ = make_windows()
    one = NTKConvRegressor(0.6, 1.0, 0.0, alpha=1.0).fit(X, y)
    other = NTKConvRegressor(0.6, 4.0, 0.0, alpha=4.0).fit(X, y)
    assert_allclose(one.impulse_response_, other.impulse_response_, rtol=1e-10)


@pytest.mark.parametrize("kappa", [0.1, 100.0])
def test_units_of_the_targets_are_units_of_the_response(kappa):
    X, y, _ = make_windows()
    one, other = (NTKConvRegressor(**NU).fit(X, targets) for targets in (y, kappa * y))
    assert_allclose(other.impulse_response_, kappa * one.impulse_response_, rtol=1e-10)


# -- The finite network ------------------------------------------------------------------


def short_memory_task(scale=1.0):
    """Return windows with targets whose memory decays by one half per time step."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 10, 3))
    teacher = rng.normal(size=(10, 3)) * 0.5 ** np.arange(10)[::-1, None]
    return X, scale * (X * teacher).sum(axis=(1, 2))


def running_sum_task(scale=1.0):
    """Return windows with targets that forget nothing."""
    X = np.random.default_rng(3).normal(size=(400, 12, 3))
    return X, scale * X.sum(axis=(1, 2))


def gap_to_the_limit(X, y, n_hidden, n_steps, nu_w=0.4, seed=0):
    network = LinearRNNRegressor(
        n_hidden, nu_w=nu_w, init="centered", max_iter=n_steps, dtype="float32", random_state=seed
    ).fit(X, y)
    limit = NTKConvRegressor(nu_w=nu_w, alpha=0, n_steps=n_steps).fit(X, y)
    return distance(network.impulse_response_, limit.impulse_response_)


def test_a_wide_network_is_its_limit_on_a_short_memory_task():
    X, y = short_memory_task()
    assert gap_to_the_limit(X, y, 2000, 40) < 0.04


def test_the_gap_to_the_limit_falls_with_the_width():
    X, y = short_memory_task()
    gaps = [
        np.mean([gap_to_the_limit(X, y, n, 40, seed=seed) for seed in range(2)])
        for n in (30, 120, 480)
    ]
    assert gaps[0] > 1.4 * gaps[1] > 1.4**2 * gaps[2]


def test_a_long_memory_is_learned_beyond_the_limit():
    """The parameters must move far, so the network leaves the kernel regime; a finding."""
    assert gap_to_the_limit(*running_sum_task(), 500, 150) > 0.2


def test_small_targets_keep_a_long_memory_task_within_the_limit():
    assert gap_to_the_limit(*running_sum_task(0.01), 1000, 150) < 0.1


def test_a_random_initialisation_decays_as_gradient_descent_forgets():
    """After k iterations ``D^{1/2} (1 - eta A)^k D^{-1/2} H_0`` is left of the initial ``H_0``."""
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(400, 5)), 0.01 * rng.normal(size=400)
    n_hidden, n_steps = 1500, 5
    fits = [
        LinearRNNRegressor(n_hidden, init=init, max_iter=n_steps, random_state=0).fit(X, y)
        for init in ("random", "centered")
    ]
    start = initialise(n_hidden, 1, 1, (0.5, 1.0, 1.0), torch.Generator().manual_seed(make_seed(0)))
    H_0 = response(*start, n_lags=5).flatten().numpy()
    scale = np.sqrt(linear_rnn_lag_weights(5))
    Z = (X - X.mean(axis=0))[:, ::-1] * scale
    A = Z.T @ Z / len(X)
    forget = np.eye(5) - A / np.linalg.norm(A, 2)
    expected = scale * (np.linalg.matrix_power(forget, n_steps) @ (H_0 / scale))
    one, other = (fit.impulse_response_.ravel() for fit in fits)
    assert distance(H_0, expected) > 0.5, "there is much to forget"
    assert distance(one - other, expected) < 0.1
