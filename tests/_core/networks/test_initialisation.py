"""Starts of the transition matrix: their distributions, their seeds and their errors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest

from sklearn_linrnn._core.networks.initialisation import draw_transition


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def uniform(n_hidden, nu_w, rng):
    """Draw entries that are uniform, of variance ``nu_w``."""
    return rng.uniform(-1.0, 1.0, (n_hidden, n_hidden)) * (3 * nu_w) ** 0.5


STARTS = ["gaussian", "orthogonal", "identity", uniform]


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("n_hidden", [1, 2, 300])
def test_every_initialisation_is_a_double_matrix_on_the_cpu(kind, n_hidden):
    W = draw_transition(kind, n_hidden, 0.7, seeded())
    assert W.shape == (n_hidden, n_hidden)
    assert W.dtype == torch.float64
    assert W.device.type == "cpu"
    assert W.is_contiguous()


def test_gaussian_initialisation_is_that_of_the_theory():
    expected = 0.7**0.5 * torch.randn(40, 40, generator=seeded(3), dtype=torch.float64)
    assert_array_equal(draw_transition("gaussian", 40, 0.7, seeded(3)), expected)


@pytest.mark.parametrize("kind", STARTS)
def test_every_initialisation_has_one_scale(kind):
    """``mean ||A h||^2 = nu_w ||h||^2`` over random states ``h``."""
    W = draw_transition(kind, 400, 0.7, seeded())
    assert_allclose((W / 20.0).square().sum() / 400, 0.7, rtol=0.02)


def test_orthogonal_initialisation_keeps_all_states_alike():
    A = draw_transition("orthogonal", 50, 0.7, seeded()) / 50**0.5
    assert_allclose(A.T @ A, 0.7 * np.eye(50), atol=1e-13)


def test_orthogonal_initialisation_is_uniform():
    """Eigenvalues of a uniform rotation spread evenly; a raw QR crowds them at one end.

    Of the two sheets, ``det = 1`` and ``det = -1``, each holds one half.
    """
    angles, determinants = [], []
    for seed in range(400):
        A = draw_transition("orthogonal", 2, 1.0, seeded(seed)) / 2**0.5
        determinants.append(float(torch.linalg.det(A)))
        angles.append(float(torch.atan2(A[1, 0], A[0, 0])))
    assert abs(np.mean(determinants)) < 0.15
    assert kstest(angles, "uniform", (-np.pi, 2 * np.pi)).pvalue > 0.01


def test_moments_of_an_orthogonal_initialisation_are_those_of_haar_measure():
    """``E tr Q = 0`` and ``E (tr Q)^2 = 1`` for every n above one (Diaconis and Shahshahani)."""
    traces = [
        float(draw_transition("orthogonal", 8, 1.0, seeded(seed)).trace() / 8**0.5)
        for seed in range(1500)
    ]
    assert abs(np.mean(traces)) < 0.08
    assert_allclose(np.mean(np.square(traces)), 1.0, atol=0.12)


def test_identity_initialisation_draws_nothing():
    generator = seeded()
    before = generator.get_state()
    W = draw_transition("identity", 9, 0.25, generator)
    assert_allclose(W / 3.0, 0.5 * np.eye(9), rtol=1e-15)
    assert_array_equal(generator.get_state(), before)


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal", uniform])
def test_one_seed_is_one_initialisation_and_the_global_generators_are_untouched(kind):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    one, same, other = (draw_transition(kind, 30, 0.5, seeded(seed)) for seed in (0, 0, 1))
    assert_array_equal(one, same)
    assert not torch.equal(one, other)
    assert_array_equal(torch.get_rng_state(), torch_state)
    assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_a_callable_may_return_an_array_or_lists_and_keeps_its_own():
    own = np.ones((2, 2), dtype=np.float32)
    W = draw_transition(lambda *_: own, 2, 0.5, seeded())
    W.zero_()
    assert own.all()
    assert_array_equal(
        draw_transition(lambda n, nu_w, _: [[0, nu_w], [1, n]], 2, 0.5, seeded()),
        [[0.0, 0.5], [1.0, 2.0]],
    )


@pytest.mark.parametrize("kind", ["normal", None, 3])
def test_an_unknown_initialisation_is_an_error_that_lists_those_there_are(kind):
    with pytest.raises(ValueError, match=r"transition_init.*'identity'.*" + str(kind)):
        draw_transition(kind, 4, 0.5, seeded())


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.ones((4, 3)), r"shape \(4, 4\).*shape \(4, 3\)"),
        (np.ones(4), r"shape \(4,\)"),
        (np.ones((4, 4), dtype=complex), "complex128"),
        (None, "object"),
        (np.full((4, 4), np.nan), "NaN"),
    ],
    ids=["not square", "a vector", "complex", "nothing", "NaN"],
)
def test_a_callable_that_returns_no_matrix_is_an_error(returned, message):
    with pytest.raises(ValueError, match=message):
        draw_transition(lambda *_: returned, 4, 0.5, seeded())
