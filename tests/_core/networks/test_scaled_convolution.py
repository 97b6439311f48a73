"""The causal convolution, and the scaled one in training."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn._core.networks.scaled_convolution import ScaledConvolution
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.response import convolve


def slow_convolve(x, H):
    n_outputs, n_channels, _ = H.shape
    y = np.zeros((len(x), n_outputs))
    for output in range(n_outputs):
        for channel in range(n_channels):
            y[:, output] += np.convolve(x[:, channel], H[output, channel])[: len(x)]
    return y


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 200),
    st.integers(1, 40),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_convolution_is_the_truncated_one(seed, n_timesteps, n_lags, n_channels, n_outputs):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_timesteps, n_channels))
    H = rng.normal(size=(n_outputs, n_channels, n_lags))
    assert_allclose(convolve(x, H), slow_convolve(x, H), atol=1e-12)


def test_long_recordings_are_convolved_without_loss():
    rng = np.random.default_rng(0)
    x, H = rng.normal(size=(30_000, 2)), rng.normal(size=(1, 2, 300))
    assert_allclose(convolve(x, H), slow_convolve(x, H), atol=1e-10)


def test_an_impulse_gives_the_impulse_response():
    H = np.random.default_rng(1).normal(size=(3, 2, 5))
    for channel in range(2):
        impulse = np.zeros((5, 2))
        impulse[0, channel] = 1.0
        assert_allclose(convolve(impulse, H), H[:, channel].T, atol=1e-15)


def test_the_future_has_no_influence():
    rng = np.random.default_rng(2)
    x, H = rng.normal(size=(50, 1)), rng.normal(size=(1, 1, 8))
    changed = x.copy()
    changed[30:] += 100.0
    assert_allclose(convolve(changed, H)[:30], convolve(x, H)[:30], atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("independent", [True, False])
def test_gradient_of_the_scaled_convolution_is_that_of_automatic_differentiation(
    independent, dtype
):
    generator = torch.Generator().manual_seed(0)
    shape = (3,) if independent else (3, 3)
    lags = torch.rand(shape, generator=generator, dtype=torch.float64)
    model = ScaledConvolution(PriorRoot(lags, 2), 2, dtype)
    assert_array_equal(model.response(), np.zeros((6, 2)))
    theta = torch.randn(6, 2, generator=generator, dtype=dtype).double().requires_grad_()
    pull = torch.randn(6, 2, generator=generator, dtype=torch.float64)
    root = torch.kron(torch.diag(lags) if independent else lags, torch.eye(2, dtype=torch.float64))
    (root @ theta * pull).sum().backward()
    model.parameters[0].copy_(theta.detach())
    tolerance = 8 * torch.finfo(dtype).eps
    assert_allclose(model.response(), (root @ theta).detach(), rtol=tolerance, atol=tolerance)
    model.backward(pull)
    assert model.parameters[0].grad.dtype == dtype
    assert_allclose(model.parameters[0].grad, theta.grad, rtol=tolerance, atol=tolerance)
