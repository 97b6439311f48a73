"""The root of a prior as a map, against the Kronecker product that it never forms."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn._core.priors.channel_priors import ChannelPriors
from sklearn_linrnn._core.priors.identification import DC
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.prior_root import IRRELEVANT, PriorRoot

N_LAGS, N_CHANNELS = 5, 3


PRIORS = {
    "diagonal": LinearRNN(0.6),
    "matrix": DC(0.6, 0.7),
    "diagonals of channels": ChannelPriors.of(LinearRNN(), [0.6, 0.1, 0.9], [1.0, 0.0, 4.0]),
    "matrices of channels": ChannelPriors.of(DC(), [0.6, 0.1, 0.9], [1.0, 0.5, 4.0]),
}


@pytest.fixture(params=PRIORS.values(), ids=PRIORS)
def lags(request):
    """Return a root over the lags."""
    return request.param.root(N_LAGS)


@pytest.fixture
def root(lags):
    return PriorRoot.of(lags, N_CHANNELS, torch.device("cpu"))


@pytest.fixture
def dense(lags):
    """Return the map of responses, lag 0 first, the channels of a lag side by side."""
    if lags.ndim < 3:
        return np.kron(np.diag(lags) if lags.ndim == 1 else lags, np.eye(N_CHANNELS))
    one = np.eye(N_CHANNELS)
    each = [np.diag(root[:, 0]) if root.shape[1] == 1 else root for root in lags]
    return sum(np.kron(root, np.outer(unit, unit)) for root, unit in zip(each, one, strict=True))


def draw(*shape):
    return torch.from_numpy(np.random.default_rng(0).normal(size=shape))


@pytest.mark.parametrize("n_columns", [1, 4])
def test_respond_and_pull_are_the_dense_map_and_its_transpose(root, dense, n_columns):
    columns = draw(N_LAGS * N_CHANNELS, n_columns)
    assert_allclose(root.respond(columns), dense @ columns.numpy(), rtol=1e-13, atol=1e-14)
    assert_allclose(root.pull(columns), dense.T @ columns.numpy(), rtol=1e-13, atol=1e-14)


def test_columns_may_be_a_transpose(root, dense):
    columns = draw(2, N_LAGS * N_CHANNELS).T
    assert_allclose(root.respond(columns), dense @ columns.numpy(), rtol=1e-13, atol=1e-14)


def test_congruence_is_the_dense_product_and_leaves_the_matrix_as_it_was(root, dense):
    matrix = draw(N_LAGS * N_CHANNELS, N_LAGS * N_CHANNELS)
    matrix = matrix + matrix.T
    before = matrix.clone()
    expected = dense.T @ matrix.numpy() @ dense
    assert_allclose(root.congruence(matrix), expected, rtol=1e-12, atol=1e-13)
    assert_array_equal(matrix, before)


def test_scale_is_the_deviation_of_each_coefficient(root, dense):
    expected = np.sqrt(np.diagonal(dense @ dense.T))[:, None]
    assert_allclose(root.scale, expected, rtol=1e-14)


@pytest.mark.parametrize("n_lags", [1, 3, N_LAGS])
def test_first_is_the_leading_block(root, dense, n_lags):
    size = n_lags * N_CHANNELS
    ours = root.first(n_lags).respond(torch.eye(size, dtype=torch.float64))
    assert_allclose(ours, dense[:size, :size], rtol=1e-15)


def test_whether_lags_are_independent_is_read_from_the_shape(root, lags):
    assert root.is_diagonal == (lags.ndim == 1 or lags.shape[2:] == (1,))
    assert root.n_channels == N_CHANNELS
    assert root.n_lags == N_LAGS


@pytest.mark.parametrize("matrix", [False, True])
def test_relevant_lags_end_with_the_last_whose_signal_can_matter(matrix):
    """The second channel is a hundred times as strong as the first."""
    alpha, scatter = 7.0, torch.tensor([1.0, 100.0], dtype=torch.float64).repeat(6)
    variances = np.array([0.0, 1.0, 1e-30, 2.0 * IRRELEVANT, 0.5 * IRRELEVANT, 0.0]) * alpha / 100
    lags = np.sqrt(variances)
    root = PriorRoot.of(np.diag(lags) if matrix else lags, 2, torch.device("cpu"))
    kept = root.relevant(scatter, alpha).lags
    assert_array_equal(kept, root.lags[:4, :4] if matrix else root.lags[:4])
    assert len(root.relevant(scatter, 0.0).lags) == 5
    assert len(root.relevant(torch.zeros_like(scatter), 1.0).lags) == 1


def test_variances_are_squares_of_the_scale(root):
    variances = np.broadcast_to(root.variances, (N_CHANNELS, N_LAGS))
    assert_allclose(variances.T.ravel(), root.scale[:, 0] ** 2, rtol=1e-14)


def test_where_all_lags_matter_all_are_relevant(root):
    scatter = torch.ones(len(root.scale), dtype=torch.float64)
    assert_array_equal(root.relevant(scatter, 1.0).lags, root.lags)
