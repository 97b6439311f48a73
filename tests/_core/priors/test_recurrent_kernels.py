"""Kernels of deep and of leaky networks: their sums, their limits, their derivatives."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import linear_rnn_lag_weights
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.leaky_kernel import (
    leaky_kernel,
    leaky_kernel_slope,
    leaky_root,
    waiting_times,
)

NU = DeepLinearRNN(0.6, 1.5, 0.7, 1.3)
RATES = (0.5, 2.0, 3.0)


def deep_lag_weights(n_lags, n_layers=1, rates=(1.0, 1.0, 1.0), **variances):
    prior = replace(NU, n_layers=n_layers, rates=rates, **variances)
    return prior.variances(n_lags)


@pytest.mark.parametrize("n_layers", [1, 2, 4])
@pytest.mark.parametrize("rates", [(1.0, 1.0, 1.0), RATES])
def test_deep_weights_are_those_of_the_formula(n_layers, rates):
    of_transition, of_input, of_readout = rates
    expected = [
        math.comb(j + n_layers - 1, n_layers - 1)
        * NU.nu_c * NU.nu_f * NU.nu_u ** (n_layers - 1) * NU.nu_w**j
        * (
            of_readout / NU.nu_c + of_input / NU.nu_f
            + of_input * (n_layers - 1) / NU.nu_u + of_transition * j / NU.nu_w
        )
        for j in range(30)
    ]  # fmt: skip
    assert_allclose(deep_lag_weights(30, n_layers, rates), expected, rtol=1e-13)


@pytest.mark.parametrize("variances", [(0.6, 1.5, 0.7), (0.0, 1.0, 2.0), (0.9, 0.0, 1.0)])
def test_one_layer_with_equal_rates_has_the_weights_of_the_theorem(variances):
    ours = DeepLinearRNN(*variances, n_layers=1).variances(40)
    assert_allclose(ours, linear_rnn_lag_weights(40, *variances), rtol=1e-14)


@pytest.mark.parametrize("name", NU.hyperparameters)
def test_a_group_has_the_derivative_of_the_initial_variances_as_its_share(name):
    """By complex steps, so that there is no rounding to allow for."""
    for n_layers in (1, 3):
        for before in ((), ("nu_w",), ("nu_u",)):
            prior = replace(NU, n_layers=n_layers)
            moved = replace(prior, **{name: getattr(NU, name) + 1e-30j})
            expected = moved.initial_covariance(9, *before).imag / 1e-30
            ours = prior.initial_covariance(9, *before, name)
            assert_allclose(ours, expected, rtol=1e-13)


@pytest.mark.parametrize("name", NU.hyperparameters)
def test_a_variance_of_zero_is_the_limit_of_small_ones(name):
    for n_layers in (1, 2, 3):
        zero, small = (deep_lag_weights(9, n_layers, **{name: value}) for value in (0.0, 1e-13))
        assert_allclose(zero, small, rtol=1e-9, atol=1e-9)
        assert np.isfinite(zero).all()


def test_columns_of_variances_have_rows_of_weights():
    rows = deep_lag_weights(12, 3, RATES, nu_w=np.array([[0.2], [0.9]]))
    for nu_w, row in zip((0.2, 0.9), rows, strict=True):
        assert_allclose(row, deep_lag_weights(12, 3, RATES, nu_w=nu_w), rtol=1e-14)


def test_depth_moves_the_peak_and_not_the_rate():
    shallow, deep = (deep_lag_weights(400, n_layers) for n_layers in (1, 4))
    assert deep.argmax() > shallow.argmax()
    assert_allclose(deep[-1] / deep[-2], shallow[-1] / shallow[-2], rtol=1e-2)


def slow_mixture(leak, nu_w, n_lags, order=0):
    """Return ``M`` of the docstring in exact integers' ratios, or its derivative by ``nu_w``."""
    M = np.zeros((n_lags, n_lags))
    for j in range(n_lags):
        for k in range(n_lags):
            for p in range(order, min(j, k) + 1):
                paths = math.comb(j, p) * math.comb(k, p) * math.perm(p, order)
                stays = (1 - leak) ** (j + k - 2 * p)
                M[j, k] += paths * stays * leak ** (2 * p) * nu_w ** (p - order)
    return M


@pytest.mark.parametrize("leak", [0.05, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("nu_w", [0.0, 0.5, 1.2])
def test_the_leaky_kernel_is_the_double_sum(leak, nu_w):
    ours = leaky_kernel(linear_rnn_lag_weights(14, nu_w, 1.5, 0.7), leak)
    M, slope = (slow_mixture(leak, nu_w, 14, order) for order in (0, 1))
    assert_allclose(ours, leak**2 * (2.2 * M + 1.5 * 0.7 * slope), rtol=1e-12)


@pytest.mark.parametrize("n_layers", [1, 3])
def test_waiting_times_are_those_of_the_response_of_any_network(n_layers):
    leak, rng = 0.3, np.random.default_rng(0)
    layers = rng.normal(size=(n_layers, 4, 4)) / 3

    def respond(keeps, share):
        """Return the response to a unit impulse that enters the first layer."""
        states, outputs = np.zeros((n_layers, 4)), []
        for step in range(8):
            below = np.eye(4)[0] * (step == 0)
            for layer, A in enumerate(layers):
                states[layer] = keeps * states[layer] + share * (A @ states[layer] + below)
                below = states[layer].copy()
            outputs.append(below)
        return np.array(outputs)

    mixed = waiting_times(8, leak, n_layers) @ respond(0.0, 1.0)
    assert_allclose(mixed, respond(1.0 - leak, leak), rtol=1e-12)


@pytest.mark.parametrize("n_layers", [1, 2])
def test_waiting_times_are_probabilities_at_any_number_of_lags(n_layers):
    waits = waiting_times(3000, 0.4, n_layers)
    assert_allclose(waits[:, :900].sum(axis=0), 1.0, rtol=1e-10)
    assert (waits >= 0).all()
    assert not np.triu(waits, 1).any()


def test_without_a_leak_nothing_waits():
    assert_array_equal(waiting_times(6, 1.0), np.eye(6))
    assert_array_equal(waiting_times(6, 1.0, 3), np.eye(6))


@pytest.mark.parametrize("leak", [0.2, 0.7, 1.0])
def test_slopes_by_the_leak_are_those_of_complex_steps(leak):
    rho = linear_rnn_lag_weights(20, 0.6)
    kernel = np.diag(rho) + 0.1 * np.outer(rho, rho)
    lag, step = np.arange(20)[:, None], np.arange(20)

    def dense(a):
        paths = [[math.comb(j, p) for p in step] for j in lag[:, 0]]
        return np.array(paths) * (1 - a + 0j) ** np.maximum(lag - step, 0) * a ** (step + 1)

    for given in (rho, kernel):
        full = np.diag(given) if given.ndim == 1 else given
        moved = dense(leak + 1e-30j)
        expected = (moved @ full @ moved.T).imag / 1e-30
        assert_allclose(leaky_kernel_slope(given, leak), expected, rtol=1e-10, atol=1e-13)


def test_the_root_is_one_of_the_kernel():
    rho = linear_rnn_lag_weights(50, 0.6)
    root = leaky_root(rho, 0.3)
    assert_allclose(root @ root.T, leaky_kernel(rho, 0.3), rtol=1e-12)
    assert_allclose(leaky_root(rho[:20], 0.3), root[:20, :20], rtol=1e-14)
