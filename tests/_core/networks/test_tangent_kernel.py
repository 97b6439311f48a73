"""The kernel between lags: against automatic differentiation, its limits and its errors."""

import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, linear_rnn_lag_weights
from sklearn_linrnn._core.networks.network import RNNParameters, initialise
from sklearn_linrnn._core.networks.tangent_kernel import (
    empirical_kernel,
    linear_rnn_lag_covariance,
    monte_carlo_covariance,
)

NU = (0.6, 1.5, 0.7)
STARTS = ["gaussian", "orthogonal", "identity"]


def draw(kind="gaussian", n_hidden=9, n_channels=2, n_outputs=3, seed=0, variances=NU):
    generator = torch.Generator().manual_seed(seed)
    return initialise(n_hidden, n_channels, n_outputs, variances, generator, kind)


def as_matrix(covariance):
    return np.diag(covariance) if covariance.ndim == 1 else covariance


def distance(ours, limit):
    """Return how far a kernel is from its limit, relative in norm."""
    return np.linalg.norm(ours - limit) / np.linalg.norm(limit)


# -- One network -------------------------------------------------------------------------


def response(n_lags, W, F, C):
    """Return ``H_j`` by its definition, (n_lags, n_outputs, n_channels)."""
    state, lags = F, []
    for _ in range(n_lags):
        lags.append(C @ state)
        state = W @ state / len(W) ** 0.5
    return torch.stack(lags) / len(W) ** 0.5


def differentiated_kernel(parameters, n_lags):
    """Return the kernel by automatic differentiation, its mean over the entries of ``H``."""
    jacobians = torch.func.jacrev(lambda *p: response(n_lags, *p), argnums=(0, 1, 2))(*parameters)
    flat = torch.cat([jacobian.flatten(3) for jacobian in jacobians], dim=-1)
    n_entries = flat.shape[1] * flat.shape[2]
    return torch.einsum("jocp,kocp->jk", flat, flat) / n_entries


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize(
    ("n_hidden", "n_channels", "n_outputs"), [(1, 1, 1), (4, 1, 1), (9, 3, 1), (7, 2, 4)]
)
@pytest.mark.parametrize("n_lags", [1, 2, 8])
def test_kernel_of_a_network_is_that_of_automatic_differentiation(
    kind, n_hidden, n_channels, n_outputs, n_lags
):
    parameters = draw(kind, n_hidden, n_channels, n_outputs)
    expected = differentiated_kernel(parameters, n_lags)
    ours = empirical_kernel(parameters, n_lags)
    assert_allclose(ours, expected, rtol=0, atol=1e-10 * float(expected.abs().max()))
    assert_allclose(ours.diagonal(), expected.diagonal(), rtol=1e-10)


def test_kernel_of_a_trained_network_is_that_of_automatic_differentiation():
    """Parameters that have learned depend on each other, and ``W`` is far from its start."""
    W, F, C = draw(n_hidden=12)
    W += 2.0 * F[:, :1] @ C[:1]
    parameters = RNNParameters(W, F, C)
    expected = differentiated_kernel(parameters, 7)
    assert_allclose(empirical_kernel(parameters, 7), expected, rtol=1e-10)


def summed_kernel(parameters, n_lags):
    """Return the kernel term by term, so that each entry has digits of its own."""
    W, F, C = (p.numpy() for p in parameters)
    A = W / len(W) ** 0.5
    P = [np.linalg.matrix_power(A, j) @ F for j in range(n_lags)]
    L = [np.linalg.matrix_power(A, j).T @ C.T for j in range(n_lags)]
    P, L = (np.array([[(u * v).mean() for u in chain] for v in chain]) for chain in (P, L))
    kernel = P + L
    for j, k in np.ndindex(n_lags, n_lags):
        kernel[j, k] += (L[:j, :k] * P[:j, :k][::-1, ::-1]).sum()
    return kernel


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e2])
def test_digits_are_kept_over_a_hundred_decades(scale):
    """Scaling W scales the weights by powers."""
    W, F, C = draw("orthogonal", variances=(1.0, 1.0, 1.0))
    parameters = RNNParameters(scale * W, F, C)
    expected = summed_kernel(parameters, 25)
    assert_allclose(empirical_kernel(parameters, 25).diagonal(), np.diag(expected), rtol=1e-10)


# -- One network, where lags have very different weights ---------------------------------


def backpropagated_kernel(parameters, n_lags):
    """Return the kernel of a network of one channel and output, a gradient for each lag."""
    leaves = [p.clone().requires_grad_() for p in parameters]
    lags = response(n_lags, *leaves).flatten()
    options = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    gradients = [torch.autograd.grad(lag, leaves, **options) for lag in lags]
    jacobian = torch.stack([torch.cat([part.flatten() for part in parts]) for parts in gradients])
    return (jacobian @ jacobian.T).numpy()


def assert_is_kernel(parameters, n_lags):
    """Assert that all entries are right beside their own lags, however small these are."""
    expected = backpropagated_kernel(parameters, n_lags)
    kernel = empirical_kernel(parameters, n_lags).numpy()
    size = np.sqrt(np.diag(expected))
    assert (size > 0).all()
    ours, theirs = kernel / size / size[:, None], expected / size / size[:, None]
    assert_allclose(ours, theirs, rtol=0, atol=1e-8)
    assert_array_equal(kernel, kernel.T)
    assert (np.diag(kernel) > 0).all()
    assert np.linalg.eigvalsh(ours).min() > -1e-12 * n_lags


@pytest.mark.parametrize("kind", [*STARTS, "callable"])
@pytest.mark.parametrize(("n_lags", "nu_w"), [(100, 0.95), (60, 1e-3)])
def test_digits_are_kept_at_initialisation(kind, n_lags, nu_w):
    kind = shift if kind == "callable" else kind
    assert_is_kernel(draw(kind, 64, 1, 1, variances=(nu_w, 1.0, 1.0)), n_lags)


def test_digits_are_kept_by_a_wide_network_over_many_lags():
    """Its last lags weigh far more than in the limit, and the first ones far more than these."""
    assert_is_kernel(draw("gaussian", 192, 1, 1, variances=(0.5, 1.0, 1.0)), 150)


def with_eigenvalue(parameters, eigenvalue):
    """Return the parameters with a direction that all others leave alone, of an eigenvalue."""
    W, F, C = parameters
    direction = torch.nn.functional.normalize(draw(n_hidden=len(W), seed=1)[1][:, :1], dim=0)
    rest = torch.eye(len(W), dtype=torch.float64) - direction @ direction.T
    W = rest @ W @ rest + len(W) ** 0.5 * eigenvalue * direction @ direction.T
    return RNNParameters(W, F, C)


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("eigenvalue", [1.0, -1.0, 3.0, 1e3])
@pytest.mark.parametrize("nu_w", [1e-6, 0.1])
def test_digits_are_kept_beside_an_eigenvalue_that_stands_out(kind, eigenvalue, nu_w):
    """Lags fall as the others do and rise with it, so that no scaling makes them alike."""
    start = draw(kind, 64, 1, 1, variances=(nu_w, 1.0, 1.0))
    assert_is_kernel(with_eigenvalue(start, eigenvalue), 40)


def test_digits_are_kept_where_eigenvalues_span_decades():
    W = torch.diag(10.0 ** -torch.arange(0, 6, 0.2, dtype=torch.float64)) * 30**0.5
    assert_is_kernel(RNNParameters(W, *draw(n_hidden=30, n_channels=1, n_outputs=1)[1:]), 40)


def test_digits_are_kept_by_a_network_that_learned_running_sums():
    """An eigenvalue is near one then, and the others are where they were."""
    x = np.random.default_rng(0).normal(size=(1000, 1))
    y = np.convolve(x[:, 0], np.ones(40))[:1000]
    options = {"nu_w": 0.4, "rows": "timesteps", "n_lags": 40, "random_state": 0}
    model = LinearRNNRegressor(128, **options, max_iter=500).fit(x, y)
    parts = (model.transition_, model.input_, model.readout_)
    parameters = RNNParameters(*map(torch.from_numpy, parts))
    radius = np.abs(np.linalg.eigvals(model.transition_ / 128**0.5))
    assert radius.max() > 1.3 * np.sort(radius)[-2]
    assert_is_kernel(parameters, 40)
    expected = np.diag(backpropagated_kernel(parameters, 40))
    assert_allclose(model.empirical_lag_weights(), expected, rtol=1e-8)


# -- One network, other properties --------------------------------------------------------


def test_kernel_of_single_precision_parameters_is_double():
    parameters = draw()
    single = empirical_kernel(RNNParameters(*(p.float() for p in parameters)), 5)
    assert single.dtype == torch.float64
    assert_allclose(single, empirical_kernel(parameters, 5), rtol=0, atol=1e-5)


def test_a_network_that_forgets_at_once_has_two_lags():
    F, C = draw()[1:]
    kernel = empirical_kernel(RNNParameters(torch.zeros(9, 9, dtype=torch.float64), F, C), 5)
    of_f, of_c = F.square().mean(), C.square().mean()
    assert_allclose(kernel, np.diag([of_f + of_c, of_f * of_c, 0.0, 0.0, 0.0]), atol=1e-15)


def test_no_gradient_flows_and_parameters_stay():
    parameters = RNNParameters(*(p.requires_grad_() for p in draw()))
    before = [p.detach().clone() for p in parameters]
    assert not empirical_kernel(parameters, 4).requires_grad
    for parameter, old in zip(parameters, before, strict=True):
        assert_array_equal(parameter.detach(), old)


# -- Its limit ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STARTS)
def test_kernels_converge_to_their_limit_with_the_inverse_root_of_the_width(kind):
    limit = as_matrix(linear_rnn_lag_covariance(7, *NU, transition_init=kind))
    widths = [32, 64, 128, 256, 512]
    errors = [
        np.mean(
            [
                distance(empirical_kernel(draw(kind, n, 1, 1, seed), 7).numpy(), limit)
                for seed in range(16)
            ]
        )
        for n in widths
    ]
    slope = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert -0.7 < slope < -0.3
    assert errors[-1] < 0.15


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal"])
def test_two_initialisations_have_the_weights_of_the_theory(kind):
    ours = linear_rnn_lag_covariance(9, *NU, transition_init=kind)
    assert_array_equal(ours, linear_rnn_lag_weights(9, *NU))


@pytest.mark.parametrize("nu_w", [0.0, 0.3, 1.0, 1.4])
def test_identity_initialisation_has_the_kernel_of_its_powers(nu_w):
    """The general formula, with ``A^i = nu_w^{i/2} I``, term by term."""
    nu_f, nu_c, n_lags = 1.5, 0.7, 6
    tau = nu_w ** (np.add.outer(np.arange(n_lags), np.arange(n_lags)) / 2)
    expected = (nu_f + nu_c) * tau
    for j, k in np.ndindex(n_lags, n_lags):
        expected[j, k] += nu_c * nu_f * (tau[:j, :k] * tau[:j, :k][::-1, ::-1]).sum()
    ours = linear_rnn_lag_covariance(n_lags, nu_w, nu_f, nu_c, transition_init="identity")
    assert_allclose(ours, expected, rtol=1e-13, atol=1e-16)


def test_identity_initialisation_has_rank_two():
    covariance = linear_rnn_lag_covariance(30, *NU, transition_init="identity")
    eigenvalues = np.linalg.eigvalsh(covariance)
    assert eigenvalues[-2] > 1e-3 * eigenvalues[-1]
    assert np.abs(eigenvalues[:-2]).max() < 1e-13 * eigenvalues[-1]


def test_identity_initialisation_has_the_variances_of_a_longer_memory():
    """The same share of the readout and of the input, but ``j`` times that of the transition."""
    lag = np.arange(12)
    ours = np.diag(linear_rnn_lag_covariance(12, *NU, transition_init="identity"))
    nu_w, nu_f, nu_c = NU
    share = nu_c * nu_f * lag * nu_w ** np.maximum(lag - 1, 0)
    assert_allclose(ours - linear_rnn_lag_weights(12, *NU), (lag - 1) * share, atol=1e-14)


def test_vanishing_covariances_are_zero_without_a_warning():
    covariance = linear_rnn_lag_covariance(900, 0.01, transition_init="identity")
    assert covariance[-1, -1] == 0.0


def trained_response(kind, target, n_hidden, n_steps, learning_rate):
    """Return a response less its start, after gradient descent on ``|| H - target ||^2 / 2``."""
    parameters = [p.requires_grad_() for p in draw(kind, n_hidden, 1, 1)]
    optimizer = torch.optim.SGD(parameters, lr=learning_rate)
    origin = response(len(target), *parameters).detach().flatten()
    for _ in range(n_steps):
        optimizer.zero_grad()
        moved = response(len(target), *parameters).flatten() - origin
        ((moved - target).square().sum() / 2).backward()
        optimizer.step()
    return (response(len(target), *parameters).flatten() - origin).detach().numpy()


@pytest.mark.parametrize("kind", STARTS)
def test_a_wide_network_learns_along_the_kernel_of_its_initialisation(kind):
    """``H <- H - eta K (H - target)``, for as many iterations."""
    target = torch.tensor([0.3, -0.2, 0.2, 0.1, -0.1], dtype=torch.float64)
    kernel = as_matrix(linear_rnn_lag_covariance(5, *NU, transition_init=kind))
    learning_rate = 0.3 / np.linalg.norm(kernel, 2)
    expected = np.zeros(5)
    for _ in range(4):  # at last all kernels would lead to the target
        expected -= learning_rate * kernel @ (expected - target.numpy())
    assert distance(expected, target.numpy()) > 0.1, "there is more to learn"
    assert distance(trained_response(kind, target, 1000, 4, learning_rate), expected) < 0.05


# -- Its limit, estimated ----------------------------------------------------------------


def shift(n_hidden, nu_w, rng):
    """Return a cyclic shift of the hidden units, that is orthogonal and not random."""
    return np.roll(np.eye(n_hidden), 1, axis=0) * (n_hidden * nu_w) ** 0.5


def gaussian(n_hidden, nu_w, rng):
    return rng.normal(size=(n_hidden, n_hidden)) * nu_w**0.5


def test_a_callable_has_an_estimate_that_is_always_the_same():
    one, same = (linear_rnn_lag_covariance(6, *NU, transition_init=shift) for _ in range(2))
    assert_array_equal(one, same)
    assert distance(one, np.diag(linear_rnn_lag_weights(6, *NU))) < 0.02


@pytest.mark.parametrize("kind", STARTS)
def test_estimates_are_near_the_closed_forms(kind):
    limit = as_matrix(linear_rnn_lag_covariance(8, *NU, transition_init=kind))
    assert distance(monte_carlo_covariance(kind, 8, NU), limit) < 0.02


def test_estimates_are_covariances():
    covariance = monte_carlo_covariance("identity", 10, NU)
    assert_array_equal(covariance, covariance.T)
    eigenvalues = np.linalg.eigvalsh(covariance)
    assert eigenvalues.min() > -1e-13 * eigenvalues.max()


def test_an_estimate_warns_where_it_is_not_reliable():
    n_lags = 50
    with pytest.warns(UserWarning, match=r"reliable for lags below \d+ only, of n_lags=50") as log:
        estimate = np.diag(linear_rnn_lag_covariance(n_lags, 0.95, transition_init=gaussian))
    reach = int(re.search(r"below (\d+)", str(log[0].message))[1])
    limit = linear_rnn_lag_weights(n_lags, 0.95)
    assert 5 < reach < 40
    assert_allclose(estimate[:reach], limit[:reach], rtol=0.1)
    assert estimate[-1] > 1.1 * limit[-1], "later ones are wrong indeed"


def test_an_estimate_that_is_reliable_at_all_lags_does_not_warn():
    estimate = linear_rnn_lag_covariance(50, 0.95, transition_init=shift)
    assert_allclose(np.diag(estimate), linear_rnn_lag_weights(50, 0.95), rtol=0.1)


# -- As a prior --------------------------------------------------------------------------


def make_series(n_timesteps=300):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_timesteps, 1))
    lags = [np.concatenate([np.zeros(j), x[: n_timesteps - j, 0]]) for j in range(12)]
    y = np.stack(lags, axis=1) @ 0.7 ** np.arange(12)
    return x, y + 0.1 * rng.normal(size=n_timesteps)


def test_a_prior_of_rank_two_gives_a_response_of_its_two_shapes():
    nu_w, n_lags = 0.5, 12
    x, y = make_series()
    prior = linear_rnn_lag_covariance(n_lags, nu_w, transition_init="identity")
    model = NTKConvRegressor(prior=prior, alpha=0.1, rows="timesteps", n_lags=n_lags).fit(x, y)
    H = model.impulse_response_[0, 0]
    lag = np.arange(n_lags)
    shapes = nu_w ** (lag / 2) * np.stack([np.ones(n_lags), lag])
    found = np.linalg.lstsq(shapes.T, H)[0]
    assert_allclose(found @ shapes, H, rtol=0, atol=1e-7 * np.abs(H).max())
    padded = np.concatenate([np.zeros(n_lags - 1), x[:, 0]])
    Z = np.stack([padded[n_lags - 1 - j : len(padded) - j] for j in lag], axis=1)
    Z, centred = Z - Z.mean(axis=0), y - y.mean()
    expected = prior @ Z.T @ np.linalg.solve(Z @ prior @ Z.T + 0.1 * np.eye(len(y)), centred)
    assert_allclose(H, expected, rtol=0, atol=1e-7 * np.abs(expected).max())


# -- Errors ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("name", ["nu_w", "nu_f", "nu_c"])
def test_a_negative_variance_is_an_error_that_names_it(kind, name):
    with pytest.raises(ValueError, match=name):
        linear_rnn_lag_covariance(4, **{name: -0.5}, transition_init=kind)


@pytest.mark.parametrize(("n_lags", "nu_w"), [(400, 10.0), (307, 10.0)])
def test_overflow_is_an_error_that_names_its_cause(n_lags, nu_w):
    with pytest.raises(ValueError, match=rf"nu_w=10\.0.*n_lags={n_lags}"):
        linear_rnn_lag_covariance(n_lags, nu_w, transition_init="identity")


def test_all_zero_weights_are_an_error():
    with pytest.raises(ValueError, match=r"nu_f=0.*nu_c=0"):
        linear_rnn_lag_covariance(3, 0.5, 0.0, 0.0, transition_init="identity")


def test_an_unknown_initialisation_is_an_error():
    with pytest.raises(ValueError, match=r"transition_init.*got 'uniform'"):
        linear_rnn_lag_covariance(3, transition_init="uniform")


def test_an_estimate_that_overflows_is_an_error():
    with pytest.raises(ValueError, match=r"transition_init overflows within n_lags=8"):
        linear_rnn_lag_covariance(8, transition_init=lambda n, *_: 1e50 * np.eye(n))
