"""Roots of priors as arrays, against the dense matrices that they stand for."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn._core.priors.root_arrays import full_root, pull_lags


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("differ", [False, True])
def test_columns_are_pulled_as_by_the_whole_matrix(n_channels, differ):
    rng, n_lags = np.random.default_rng(0), 5
    roots = np.tril(rng.normal(size=(n_channels, n_lags, n_lags)))
    root = roots if differ else roots[0]
    whole = np.zeros((n_lags, n_channels, n_lags, n_channels))
    for channel in range(n_channels):
        whole[:, channel, :, channel] = root[channel] if differ else root
    whole = whole.reshape(n_lags * n_channels, -1)
    assert_allclose(full_root(root, n_channels), whole)
    columns = rng.normal(size=(len(whole), 4))
    for given in (columns, np.asfortranarray(columns), columns[:, ::2]):
        assert_allclose(pull_lags(root, given), whole.T @ given, rtol=1e-12, atol=1e-14)
