"""Systems of states: against SciPy's simulation, the theory of balanced truncation, bad input."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import solve_discrete_lyapunov, svdvals
from scipy.signal import dimpulse, dlsim, dlti

from sklearn_linrnn._core.networks.state_space import (
    balanced_truncation,
    network_realisation,
    response_error,
)
from sklearn_linrnn._core.response import convolve

SHAPES = [(1, 1, 1), (2, 3, 1), (1, 1, 2), (1, 1, 20), (2, 3, 8), (3, 1, 10), (1, 3, 10)]


def draw_network(n_hidden=11, n_channels=2, n_outputs=3, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (n_hidden, n_hidden), (n_hidden, n_channels), (n_outputs, n_hidden)
    return [0.8 * rng.normal(size=shape) for shape in shapes]


def run(network, x):
    """Run the recurrence from a zero state, one time step after another."""
    W, F, C = network
    state, outputs = np.zeros(len(W)), []
    for step in x:
        state = W @ state / len(W) ** 0.5 + F @ step
        outputs.append(C @ state / len(W) ** 0.5)
    return np.array(outputs)


def draw_response(shape, decay=0.7, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) * decay ** np.arange(shape[2])


def respond(system, n_lags):
    """Return a system's response by SciPy, (n_outputs, n_channels, n_lags)."""
    _, responses = dimpulse(dlti(*system, dt=1), n=n_lags)
    return np.stack(responses, axis=-1).transpose(1, 2, 0)


# -- The network as a system -------------------------------------------------------------


def test_a_network_is_its_system():
    network, x = draw_network(), np.random.default_rng(1).normal(size=(40, 2))
    system = dlti(*network_realisation(*network), dt=1)
    assert system.A.shape == (11, 11)
    assert_allclose(dlsim(system, x)[1], run(network, x), atol=1e-12)


def test_a_centred_network_is_the_difference_of_two_systems():
    network, start = draw_network(seed=0), draw_network(seed=1)
    x = np.random.default_rng(2).normal(size=(40, 2))
    system = dlti(*network_realisation(*network, start=start), dt=1)
    assert system.A.shape == (22, 22)
    assert_allclose(dlsim(system, x)[1], run(network, x) - run(start, x), atol=1e-12)


def test_a_centred_network_that_has_not_moved_has_no_response():
    network = draw_network()
    response = respond(network_realisation(*network, start=network), 20)
    assert_allclose(response, 0.0, atol=1e-13)


def test_a_network_of_one_hidden_unit_is_a_geometric_series():
    system = network_realisation(*(np.array([[v]]) for v in (0.5, 2.0, 3.0)))
    assert_allclose(respond(system, 8)[0, 0], 6.0 * 0.5 ** np.arange(8), rtol=1e-15)


def test_systems_are_double():
    network = [matrix.astype(np.float32) for matrix in draw_network()]
    for matrix in network_realisation(*network):
        assert matrix.dtype == np.float64


# -- All states --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_with_all_states_the_response_is_exact_and_ends(shape):
    n_outputs, n_channels, n_lags = shape
    H = draw_response(shape)
    system = balanced_truncation(H, order=(n_lags - 1) * min(n_outputs, n_channels))
    ours = respond(system, 2 * n_lags + 3)
    assert_allclose(ours[:, :, :n_lags], H, atol=1e-12)
    assert_allclose(ours[:, :, n_lags:], 0.0, atol=1e-12)
    assert response_error(system, H) < 1e-12


def block_hankel(H):
    """Return ``[H_{i+j+1}]`` row by row."""
    n_outputs, n_channels, n_lags = H.shape
    rows = [
        np.concatenate(
            [
                H[:, :, i + j] if i + j < n_lags else np.zeros((n_outputs, n_channels))
                for j in range(1, n_lags)
            ],
            axis=1,
        )
        for i in range(n_lags - 1)
    ]
    return np.concatenate(rows)


@pytest.mark.parametrize("shape", [(1, 1, 20), (2, 3, 8), (3, 1, 10)])
def test_states_are_reached_alike_and_seen_by_their_hankel_singular_values(shape):
    H = draw_response(shape)
    sigma = svdvals(block_hankel(H))
    A, B, C, _ = balanced_truncation(H, order=len(sigma))
    seen = solve_discrete_lyapunov(A.T, C.T @ C)
    assert_allclose(seen, np.diag(sigma**2), atol=1e-11 * sigma[0] ** 2)
    if H.shape[0] >= H.shape[1]:  # otherwise there are inputs of the past that no output sees
        assert_allclose(solve_discrete_lyapunov(A, B @ B.T), np.eye(len(A)), atol=1e-11)


# -- Few states --------------------------------------------------------------------------


def modal_response(n_lags, n_outputs=2, n_channels=2, poles=(0.6, -0.5, 0.3)):
    """Return the response of a system with one state for each pole."""
    rng = np.random.default_rng(3)
    b, c = rng.normal(size=(len(poles), n_channels)), rng.normal(size=(n_outputs, len(poles)))
    powers = np.array(poles)[:, None] ** np.arange(n_lags)
    return np.einsum("os,sc,sj->ocj", c, b, powers)


@pytest.mark.parametrize(("n_outputs", "n_channels"), [(1, 1), (2, 3)])
def test_a_response_of_few_states_is_found_with_them(n_outputs, n_channels):
    H = modal_response(80, n_outputs, n_channels)
    system = balanced_truncation(H, order=3)
    assert_allclose(np.sort(np.linalg.eigvals(system.A)), [-0.5, 0.3, 0.6], atol=1e-10)
    assert_allclose(respond(system, 120)[:, :, :80], H, atol=1e-12)
    assert len(balanced_truncation(H, max_error=1e-9).A) == 3


def test_more_states_are_nearer():
    H = draw_response((2, 2, 12), decay=0.5)
    errors = [response_error(balanced_truncation(H, order=order), H) for order in range(23)]
    assert (np.diff(errors) < 1e-12).all()
    assert errors[0] < 1.0


@pytest.mark.parametrize("max_error", [0.5, 0.1, 1e-3, 1e-8])
def test_the_fewest_states_within_an_error_are_taken(max_error):
    H = draw_response((2, 3, 15))
    system = balanced_truncation(H, max_error=max_error)
    assert response_error(system, H) <= max_error
    for order in range(len(system.A)):
        assert response_error(balanced_truncation(H, order=order), H) > max_error


def test_an_error_below_rounding_takes_all_states():
    H = draw_response((1, 2, 9))
    system = balanced_truncation(H, max_error=1e-300)
    assert len(system.A) == 8
    assert response_error(system, H) < 1e-13


@pytest.mark.parametrize("order", [0, 1, 3, 7])
def test_error_is_that_of_a_long_simulation(order):
    H = draw_response((2, 2, 9), decay=0.9)
    system = balanced_truncation(H, order=order)
    ours = respond(system, 3000)
    ours[:, :, :9] -= H
    expected = np.linalg.norm(ours) / np.linalg.norm(H)
    assert_allclose(response_error(system, H), expected, rtol=1e-9)


def frequency_response(H, system, n_frequencies=400):
    """Return ``H(z)`` of a finite response and of a system, around the unit circle."""
    A, B, C, D = system
    for z in np.exp(1j * np.linspace(0, np.pi, n_frequencies)):
        yield H @ z ** -np.arange(H.shape[2]), D + C @ np.linalg.solve(z * np.eye(len(A)) - A, B)


@pytest.mark.parametrize("shape", [(1, 1, 20), (2, 3, 8)])
@pytest.mark.parametrize("order", [1, 2, 4, 6])
def test_frequency_responses_are_within_twice_the_singular_values_left_out(shape, order):
    H = draw_response(shape, decay=0.8)
    sigma = svdvals(block_hankel(H))
    pairs = frequency_response(H, balanced_truncation(H, order=order))
    gap = max(np.linalg.norm(ours - theirs, 2) for ours, theirs in pairs)
    assert sigma[order] <= gap * (1 + 1e-9), "no system of this order is nearer than that"
    assert gap <= 2 * sigma[order:].sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decay", [0.5, 1.0, 1.2])
def test_every_truncation_is_stable(seed, decay):
    H = draw_response((2, 1, 12), decay, seed)
    for order in range(12):
        A = balanced_truncation(H, order=order).A
        radius = np.abs(np.linalg.eigvals(A)).max(initial=0.0)
        assert radius <= np.cos(np.pi / 12) + 1e-9


def test_no_state_is_a_static_gain():
    H = draw_response((2, 3, 6))
    system = balanced_truncation(H, order=0)
    assert system.A.shape == (0, 0)
    assert_allclose(respond(system, 4), np.dstack([H[:, :, :1], np.zeros((2, 3, 3))]), rtol=0)
    expected = np.linalg.norm(H[:, :, 1:]) / np.linalg.norm(H)
    assert_allclose(response_error(system, H), expected)


def test_a_truncated_system_filters_as_the_convolution_does():
    H, x = draw_response((2, 3, 30), 0.6), np.random.default_rng(4).normal(size=(200, 3))
    system = balanced_truncation(H, max_error=1e-7)
    filtered = dlsim(dlti(*system, dt=1), x)[1]
    assert_allclose(filtered, convolve(x, H), atol=1e-5)


def test_a_response_of_zeros_needs_no_state():
    H = np.zeros((2, 1, 5))
    system = balanced_truncation(H, max_error=0.1)
    assert len(system.A) == 0
    assert response_error(system, H) == 0.0
    moved = system._replace(D=np.ones((2, 1)))
    assert response_error(moved, H) == np.inf


# -- Errors ------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [-1, 6, 100])
def test_an_order_that_cannot_be_is_an_error(order):
    with pytest.raises(ValueError, match=rf"order must be from 0 to 5.*but got {order}"):
        balanced_truncation(draw_response((1, 2, 6)), order=order)


@pytest.mark.parametrize("max_error", [0.0, -1.0, np.nan])
def test_an_error_that_cannot_be_is_an_error(max_error):
    with pytest.raises(ValueError, match=r"max_error must be positive"):
        balanced_truncation(draw_response((1, 2, 6)), max_error=max_error)


@pytest.mark.parametrize("options", [{}, {"order": 2, "max_error": 0.1}])
def test_neither_or_both_ways_to_choose_are_an_error(options):
    with pytest.raises(ValueError, match="Exactly one of order and max_error"):
        balanced_truncation(draw_response((1, 2, 6)), **options)


@pytest.mark.parametrize(
    ("H", "message"),
    [
        (np.ones(5), r"\(n_outputs, n_channels, n_lags\).*\(5,\)"),
        (np.ones((2, 3, 0)), r"\(2, 3, 0\)"),
        (np.full((1, 1, 4), np.inf), "finite"),
    ],
    ids=["rank", "empty", "infinite"],
)
def test_what_is_not_a_response_is_an_error(H, message):
    with pytest.raises(ValueError, match=message):
        balanced_truncation(H, order=0)


@pytest.mark.parametrize("order", [2.0, "2", [2]])
def test_an_order_that_is_not_whole_is_an_error(order):
    with pytest.raises(TypeError, match="order must be a whole number, but got"):
        balanced_truncation(0.5 ** np.arange(8.0).reshape(1, 1, 8), order=order)
