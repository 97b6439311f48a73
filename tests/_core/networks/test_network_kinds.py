"""Leaky and deep networks in all parametrisations: against simulation, gradients and limits."""

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import linear_rnn_lag_covariance
from sklearn_linrnn._core.networks.linearised import LinearisedNetwork
from sklearn_linrnn._core.networks.parametrization import PARAMETRIZATIONS
from sklearn_linrnn._core.networks.recipes import RNNRecipe

N_LAGS = 7
VARIANCES, RATES = (0.6, 1.5, 0.7), (0.5, 2.0, 3.0)
KINDS = {
    "plain": {},
    "rates": {"rates": RATES},
    "standard": {"parametrization": "standard", "rates": RATES},
    "mup": {"parametrization": "mup"},
    "leaky": {"leak": 0.3},
    "leaky standard": {"leak": 0.7, "parametrization": "standard"},
    "two layers": {"n_layers": 2},
    "three layers, rates": {"n_layers": 3, "rates": RATES},
    "deep mup": {"n_layers": 3, "parametrization": "mup", "rates": RATES},
    "deep and leaky": {"n_layers": 2, "leak": 0.4},
    "all at once": {"n_layers": 3, "leak": 0.6, "parametrization": "standard", "rates": RATES},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def recipe(kind, n_hidden=9, seed=0, **options):
    known = {"variances": VARIANCES, "transition_init": "gaussian", "is_centred": False}
    return RNNRecipe(n_hidden=n_hidden, seed=seed, **{**known, **KINDS[kind], **options})


def simulate(made, parameters, x):
    """Run the recurrence as its equations have it, one time step after another."""
    W, F, C, *U = parameters
    n = made.n_hidden
    powers = {"ntk": (-0.5, 0.0, -0.5), "standard": (0, 0, 0), "mup": (0, 0.5, -0.5)}
    of_states, of_input, of_readout = (n**power for power in powers[made.parametrization])
    layers = W if W.ndim == 3 else [W]
    states, outputs = [F.new_zeros(n) for _ in layers], []
    for step in x:
        for index, W_l in enumerate(layers):
            below = of_states * U[0][index - 1] @ states[index - 1] if index else None
            drive = of_input * F @ step if below is None else below
            renewed = of_states * W_l @ states[index] + drive
            states[index] = (1 - made.leak) * states[index] + made.leak * renewed
        outputs.append(of_readout * C @ states[-1])
    return torch.stack(outputs)


def simulated_response(made, *parameters):
    """Return the response, (n_lags * n_channels, n_outputs), of impulses in each channel."""
    n_channels = parameters[1].shape[1]
    impulses = torch.eye(n_channels, dtype=torch.float64)
    silence = torch.zeros(N_LAGS - 1, n_channels, dtype=torch.float64)
    each = [simulate(made, parameters, torch.cat([row[None], silence])) for row in impulses]
    return torch.stack(each, dim=1).flatten(0, 1)


@every_kind
def test_the_response_is_that_of_the_recurrence(kind):
    made = recipe(kind)
    parameters = made.draw(2, 3)
    ours = made.network(parameters, N_LAGS).response()
    assert_allclose(ours, simulated_response(made, *parameters), rtol=1e-12, atol=1e-14)


@every_kind
def test_gradients_are_those_of_automatic_differentiation(kind):
    made = recipe(kind)
    parameters, gradient = made.draw(2, 3), torch.randn(N_LAGS * 2, 3, dtype=torch.float64)
    model = made.network([p.clone() for p in parameters], N_LAGS)
    leaves = [p.requires_grad_() for p in parameters]
    for _ in range(2):  # nothing is left of an earlier gradient
        model.response()
        model.backward(gradient)
    expected = torch.autograd.grad((simulated_response(made, *leaves) * gradient).sum(), leaves)
    for parameter, other in zip(model.parameters, expected, strict=True):
        assert_allclose(parameter.grad, other, rtol=0, atol=1e-10 * float(other.abs().max()))


@every_kind
def test_moves_of_the_response_are_those_of_automatic_differentiation(kind):
    made = recipe(kind)
    parameters = made.draw(2, 3)
    moves = [torch.randn_like(p) for p in parameters]
    model = made.network(parameters, N_LAGS)
    model.response()

    def respond(*moved):
        return simulated_response(made, *moved)

    jacobians = torch.func.jacrev(respond, argnums=tuple(range(len(parameters))))(*parameters)
    expected = sum(
        jacobian.flatten(2) @ move.flatten()
        for jacobian, move in zip(jacobians, moves, strict=True)
    )
    assert_allclose(model.push(moves), expected, rtol=1e-11, atol=1e-13)


@every_kind
def test_an_expansion_is_the_network_where_it_begins_and_has_its_gradient(kind):
    made, gradient = recipe(kind), torch.ones(N_LAGS * 2, 3, dtype=torch.float64)
    network, same = (made.network(made.draw(2, 3), N_LAGS) for _ in range(2))
    expansion = LinearisedNetwork(network)
    assert_allclose(expansion.response(), same.response(), rtol=1e-13)
    expansion.backward(gradient)
    same.backward(gradient)
    for one, other in zip(expansion.parameters, same.parameters, strict=True):
        assert_array_equal(one.grad, other.grad)
        one.sub_(1e-7 * other.grad)
        other.sub_(1e-7 * other.grad)
    assert_allclose(expansion.response(), same.response(), atol=1e-11)


@every_kind
def test_the_kernel_is_that_of_automatic_differentiation(kind):
    """Each group counts with its learning rate, the couplings with that of the inputs."""
    made = recipe(kind)
    parameters = made.draw(2, 2)

    def respond(*moved):
        return simulated_response(made, *moved).reshape(N_LAGS, 4)

    jacobians = torch.func.jacrev(respond, argnums=tuple(range(len(parameters))))(*parameters)
    of_transition, of_input, of_readout = made.rates
    rates = (of_transition, of_input, of_readout, of_input)
    expected = sum(
        rate * torch.einsum("jep,kep->jk", flat, flat) / 4
        for rate, flat in zip(rates, (jacobian.flatten(2) for jacobian in jacobians), strict=False)
    )
    ours = made.kernel(parameters, N_LAGS)
    assert_allclose(ours, expected, rtol=0, atol=1e-12 * float(expected.max()))
    assert_allclose(made.lag_weights(parameters, N_LAGS), expected.diagonal(), rtol=1e-12)


def square(covariance):
    return np.diag(covariance) if covariance.ndim == 1 else covariance


def errors_at(kind, n_hidden, **options):
    """Return how far kernels of 32 networks at initialisation are from their limit.

    Returns
    -------
    typical : float
        Root mean square of the networks' errors, relative to the limit.
    of_mean, standard_error : float
        The error of the mean kernel, and its standard error.
    """
    made = [recipe(kind, n_hidden, seed, **options) for seed in range(32)]
    limit = square(made[0].limit(N_LAGS))
    kernels = np.stack([each.kernel(each.draw(2, 2), N_LAGS).numpy() for each in made])
    spread = np.linalg.norm(kernels - kernels.mean(axis=0)) / 32
    typical = np.linalg.norm(kernels - limit) / 32**0.5
    found = typical, np.linalg.norm(kernels.mean(axis=0) - limit), spread
    return np.array(found) / np.linalg.norm(limit)


@pytest.mark.parametrize(
    ("kind", "transition_init"),
    [
        *(
            (kind, "gaussian")
            for kind in ("rates", "leaky", "two layers", "deep mup", "all at once")
        ),
        *itertools.product(["leaky", "two layers", "all at once"], ["orthogonal", "identity"]),
    ],
)
def test_kernels_at_initialisation_go_to_their_limit_with_the_root_of_the_width(
    kind, transition_init
):
    """Where one direction dominates, each of the two has a standard error of an eighth."""
    narrow, *_ = errors_at(kind, 64, transition_init=transition_init)
    wide, of_mean, standard_error = errors_at(kind, 256, transition_init=transition_init)
    assert 1.0 < narrow / wide < 3.2
    assert of_mean < 3 * standard_error + 4 / 256  # the mean is off by the inverse of the width


@pytest.mark.parametrize("transition_init", ["gaussian", "identity"])
@pytest.mark.parametrize("options", [{}, {"n_layers": 3}, {"n_layers": 2, "leak": 0.4}], ids=str)
def test_a_function_has_the_kernel_of_the_initialisation_that_it_draws(transition_init, options):
    def start(n_hidden, nu_w, rng):
        matrices = {
            "gaussian": lambda: rng.normal(size=(n_hidden, n_hidden)),
            "identity": lambda: np.eye(n_hidden) * n_hidden**0.5,
        }
        return nu_w**0.5 * matrices[transition_init]()

    known = {"rates": RATES, **options}
    ours = linear_rnn_lag_covariance(5, *VARIANCES, transition_init=start, **known)
    limit = square(
        linear_rnn_lag_covariance(5, *VARIANCES, transition_init=transition_init, **known)
    )
    size = np.sqrt(np.diag(limit))
    assert (np.abs(ours - limit) / size / size[:, None]).max() < 0.06


@pytest.mark.parametrize("transition_init", ["gaussian", "orthogonal", "identity"])
def test_a_leak_of_one_one_layer_and_equal_rates_are_the_plain_network(transition_init):
    options = {"leak": 1.0, "n_layers": 1, "rates": (1, 1, 1)}
    plain, same = (
        linear_rnn_lag_covariance(9, *VARIANCES, transition_init=transition_init, **each)
        for each in ({}, options)
    )
    assert_array_equal(plain, same)
    near = linear_rnn_lag_covariance(9, *VARIANCES, transition_init=transition_init, leak=1 - 1e-12)
    assert_allclose(near, square(plain), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_all_parametrisations_have_one_kernel_at_initialisation(name):
    """From one draw: the same one network but for its output, learned at other rates."""
    one, other = (recipe("plain", parametrization=each) for each in ("ntk", name))
    kernels = [each.kernel(each.draw(2, 2), N_LAGS) for each in (one, other)]
    assert_allclose(kernels[1], kernels[0], rtol=1e-12)


def test_the_standard_and_the_maximal_update_parametrisation_are_one_network():
    """Of a linear one: a factor of the root of the width goes from the inputs to the readout."""
    for depth in (1, 3):
        one, other = (
            recipe("plain", parametrization=name, n_layers=depth) for name in ("standard", "mup")
        )
        start = one.draw(2, 2)
        for ours, theirs in zip(start, other.draw(2, 2), strict=True):
            assert_array_equal(ours, theirs)
        responses = [each.network(start, N_LAGS).response() for each in (one, other)]
        assert_allclose(*responses, rtol=1e-12)


def test_the_first_layer_is_drawn_as_the_only_one():
    one, deep = recipe("plain").draw(2, 2), recipe("plain", n_layers=3).draw(2, 2)
    assert_array_equal(deep[0][0], one[0])
    for ours, theirs in zip(deep[1:3], one[1:], strict=True):
        assert_array_equal(ours, theirs)
    matrices = [*deep[0], *deep[3]]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(matrices, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"leak": 0.0}, "leak must be above 0 and at most 1, but got 0.0"),
        ({"leak": 1.5}, "leak must be above 0 and at most 1, but got 1.5"),
        ({"n_layers": 0}, "n_layers must be a whole number of at least 1, but got 0"),
        ({"n_layers": 1.5}, "n_layers must be a whole number of at least 1, but got 1.5"),
        ({"rates": (1.0, -2.0, 1.0)}, "rates must be finite, not negative and not all zero"),
        ({"rates": (1.0, np.nan, 1.0)}, "rates must be finite, not negative and not all zero"),
        ({"nu_w": 0.0, "rates": (1.0, 0.0, 0.0), "n_lags": 1}, "All lag weights are zero"),
        ({"nu_w": 1e3, "n_lags": 200, "n_layers": 2}, "overflow"),
    ],
)
def test_kernels_that_cannot_be_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        linear_rnn_lag_covariance(**{"n_lags": 5, **options})


@pytest.mark.parametrize("rates", [(1.0, 2.0), (1.0, 2.0, "3"), None])
def test_rates_that_are_not_three_numbers_are_errors(rates):
    with pytest.raises(TypeError, match=r"rates must be a tuple of three numbers, .* but got"):
        linear_rnn_lag_covariance(5, rates=rates)
