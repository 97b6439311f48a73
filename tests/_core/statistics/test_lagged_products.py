"""Products of a series with its lags by transforms of blocks are those that sums of rows give."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn._core.statistics import displacement
from sklearn_linrnn._core.statistics.displacement import lagged_products, transform_length


def dense(x, y, weights, level, n_lags):
    """Return the products, sums and squares, time step by time step."""
    u = np.hstack([x, y]) - level
    past = np.vstack([np.tile(-level[: x.shape[1]], (n_lags - 1, 1)), u[:, : x.shape[1]]])
    products = [
        (weights[:, None] * u).T @ past[n_lags - 1 - lag : n_lags - 1 - lag + len(x)]
        for lag in range(n_lags)
    ]
    return products, weights @ u, weights @ np.square(u)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n_channels", "n_outputs"), [(1, 1), (1, 5), (3, 2), (4, 1)])
@pytest.mark.parametrize(("n_steps", "n_lags"), [(3, 3), (50, 1), (500, 7), (517, 40), (60, 60)])
@pytest.mark.parametrize("slab", [1, 2**17])
def test_blocks_give_what_rows_give(
    n_steps, n_lags, n_channels, n_outputs, weighted, slab, monkeypatch
):
    monkeypatch.setattr(displacement, "SLAB", slab)
    monkeypatch.setattr(displacement, "SHORTEST", 32)
    rng = np.random.default_rng(0)
    x, y = rng.normal(2.0, size=(n_steps, n_channels)), rng.normal(size=(n_steps, n_outputs))
    weights = rng.random(n_steps) if weighted else np.ones(n_steps)
    level = rng.normal(size=n_channels + n_outputs)
    tensors = (torch.from_numpy(each) for each in (x, y, weights, level))
    found = lagged_products(*tensors, n_lags)
    for ours, theirs in zip(found, dense(x, y, weights, level, n_lags), strict=True):
        assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11 * n_steps)


@pytest.mark.parametrize("n_later", [0, 10, 10**6])
@pytest.mark.parametrize("n_lags", [1, 3, 500, 50_000])
@pytest.mark.parametrize("n_products", [1, 4160, 1400**2])
def test_a_transform_holds_the_lags_and_its_sums_take_no_more_memory_than_they_need(
    n_later, n_lags, n_products
):
    length = transform_length(n_lags + n_later, n_lags, n_products)
    assert length >= n_lags
    assert length * n_products <= 4 * max(2 * displacement.SUMS, 2 * n_lags * n_products)
