"""The products between lags: the two ways to the lag weights, and the scale of the entries."""

import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn._core.networks.lag_products import LagProducts
from sklearn_linrnn._core.networks.network import initialise


def products(kind="gaussian", n_lags=7, nu_w=0.6):
    generator = torch.Generator().manual_seed(0)
    return LagProducts.of(initialise(9, 2, 3, (nu_w, 1.5, 0.7), generator, kind), n_lags)


def test_they_are_mean_products_of_columns():
    generator = torch.Generator().manual_seed(0)
    W, F, C = initialise(9, 2, 3, (0.6, 1.5, 0.7), generator)
    A, ours = W / 3, products()
    P, L = A @ A @ F, A.T @ C.T
    assert_allclose(ours.states[2, 0], (P * F).sum(dim=0).mean() / 9, rtol=1e-13)
    assert_allclose(ours.adjoints[0, 1], (C.T * L).sum(dim=0).mean() / 9, rtol=1e-13)


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal", "identity"])
@pytest.mark.parametrize("n_lags", [1, 2, 30])
@pytest.mark.parametrize("nu_w", [0.0, 1e-6, 0.6, 1e4])
def test_lag_weights_are_the_diagonal_of_the_kernel(kind, n_lags, nu_w):
    ours = products(kind, n_lags, nu_w)
    assert_allclose(ours.lag_weights(), ours.kernel().diagonal(), rtol=1e-12)


def test_states_and_adjoints_count_alike():
    ours = products()
    assert_allclose(LagProducts(*ours[::-1]).kernel(), ours.kernel(), rtol=1e-13)
