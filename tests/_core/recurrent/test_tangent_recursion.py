"""The tangent kernel of wide recurrent networks, against a plain twin and random networks."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn._core.recurrent import tangent_recursion
from sklearn_linrnn._core.recurrent.dual_activations import Identity, ReLU
from sklearn_linrnn._core.recurrent.error_function import Erf
from sklearn_linrnn._core.recurrent.recurrent_network import VARIANCES, RecurrentNetwork
from sklearn_linrnn._core.recurrent.tangent_recursion import recurrent_diagonal, recurrent_gram

ACTIVATIONS = {"erf": Erf(), "relu": ReLU(), "identity": Identity()}
every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
NU = {"nu_w": 0.7, "nu_f": 1.3, "nu_c": 0.4, "nu_b": 0.3}

rng = np.random.default_rng(0)
WINDOWS, OTHERS = rng.normal(size=(5, 6, 2)), rng.normal(size=(3, 6, 2))  # lag 0 first


def network(name, **variances):
    return RecurrentNetwork(ACTIVATIONS[name], **NU | variances)


def dual(name, cov, left, right):
    """Return ``E phi(u) phi(u')`` and ``E phi'(u) phi'(u')`` by the published formulas."""
    if name == "identity":
        return cov, torch.ones_like(cov)
    if name == "erf":
        size = (1 + 2 * left) * (1 + 2 * right)
        product = 2 / math.pi * torch.asin(2 * cov / size.sqrt())
        return product, 4 / math.pi / (size - 4 * cov**2).sqrt()
    cosine = cov / (left * right).sqrt()
    angle = torch.acos(cosine)
    product = torch.sin(angle) + (math.pi - angle) * cosine
    return (left * right).sqrt() * product / (2 * math.pi), (math.pi - angle) / (2 * math.pi)


def twin(name, x, z, nu_b, nu_c, nu_f, nu_w):
    """Return the kernel, one pair and one time step after another."""
    rows = []
    for left in x:
        row = []
        for right in z:
            values = {"x": (left, left), "z": (right, right), "xz": (left, right)}
            cov, hidden, tangent, gain = {}, dict.fromkeys(values, torch.zeros(())), 0.0, 0.0
            for step in reversed(range(len(left))):
                gram = {pair: a[step] @ b[step] for pair, (a, b) in values.items()}
                cov = {pair: nu_w * hidden[pair] + nu_f * gram[pair] + nu_b for pair in values}
                tangent = hidden["xz"] + gram["xz"] + nu_b + nu_w * gain * tangent
                hidden["xz"], gain = dual(name, cov["xz"], cov["x"], cov["z"])
                for own in "xz":
                    size = cov[own]
                    alone = {"erf": 2 / math.pi * torch.asin(2 * size / (1 + 2 * size))}
                    hidden[own] = alone.get(name, size / 2 if name == "relu" else size)
            row.append(hidden["xz"] + nu_c * gain * tangent)
        rows.append(torch.stack(row))
    return torch.stack(rows)


@every_activation
def test_the_kernel_and_its_slopes_are_those_of_the_plain_recursion(name):
    """The slopes by automatic differentiation."""
    x, z = map(torch.from_numpy, (WINDOWS, OTHERS))
    logarithms = torch.tensor([math.log(NU[each]) for each in VARIANCES], dtype=torch.float64)
    kernel, slopes = recurrent_gram(WINDOWS, OTHERS, network(name), VARIANCES)
    assert_allclose(kernel, twin(name, x, z, *logarithms.exp()), rtol=1e-12, atol=1e-13)
    expected = torch.autograd.functional.jacobian(lambda v: twin(name, x, z, *v.exp()), logarithms)
    assert_allclose(slopes, expected, rtol=1e-11, atol=1e-12)


@every_activation
def test_slopes_are_those_that_are_asked_for(name):
    _, every = recurrent_gram(WINDOWS, None, network(name), VARIANCES)
    _, some = recurrent_gram(WINDOWS, None, network(name), ("nu_c", "nu_w"))
    assert_allclose(some, every[..., [1, 3]], rtol=1e-14)
    assert recurrent_gram(WINDOWS, None, network(name))[1].shape == (5, 5, 0)


@every_activation
@pytest.mark.parametrize("n_pairs", [1, 20, 10**6])
def test_blocks_change_nothing(name, n_pairs, monkeypatch):
    expected = recurrent_gram(WINDOWS, OTHERS, network(name), VARIANCES)
    own = recurrent_gram(WINDOWS, WINDOWS.copy(), network(name), VARIANCES)
    monkeypatch.setattr(tangent_recursion, "N_PAIRS", n_pairs)
    for found, one in zip(
        recurrent_gram(WINDOWS, OTHERS, network(name), VARIANCES), expected, strict=True
    ):
        assert_allclose(found, one, rtol=1e-12, atol=1e-14)
    for found, one in zip(
        recurrent_gram(WINDOWS, None, network(name), VARIANCES), own, strict=True
    ):
        assert_allclose(found, one, rtol=1e-12, atol=1e-14)
        assert (found == found.swapaxes(0, 1)).all()


@every_activation
def test_the_diagonal_is_that_of_the_matrix(name):
    kernel, _ = recurrent_gram(WINDOWS, None, network(name))
    assert_allclose(recurrent_diagonal(WINDOWS, network(name)), np.diag(kernel), rtol=1e-12)


# -- Rounding ------------------------------------------------------------------------------


def windows_that_almost_coincide():
    x = np.random.default_rng(1).normal(size=(6, 20, 1))
    return np.concatenate([x, 2 * x, -x, 0 * x, x + 1e-9, x + 1e-6, x * (1 + 1e-12)])


@every_activation
@pytest.mark.parametrize("nu_w", [0.0, 0.5, 2.0, 30.0, 1e6])
@pytest.mark.parametrize("scale", [1e-100, 1e-3, 1.0, 1e3, 1e60])
def test_the_kernel_of_near_duplicates_is_positive_semidefinite(name, nu_w, scale):
    """Chaotic networks make large angles of differences of 1e-12."""
    windows = scale * windows_that_almost_coincide()
    with np.errstate(under="ignore"):
        kernel, _ = recurrent_gram(windows, None, network(name, nu_w=nu_w, nu_b=0.0))
        kernel /= np.abs(kernel).max()
    assert np.linalg.eigvalsh(kernel)[0] > -1e-12


@every_activation
def test_slopes_of_windows_that_coincide_are_finite(name):
    windows = windows_that_almost_coincide()
    _, slopes = recurrent_gram(windows, None, network(name, nu_b=0.0), ("nu_f", "nu_w"))
    assert np.isfinite(slopes).all()
    step = 1e-5
    for index, nu in enumerate(("nu_f", "nu_w")):
        above, below = (
            recurrent_gram(windows, None, network(name, nu_b=0.0, **{nu: NU[nu] * np.exp(s)}))[0]
            for s in (step, -step)
        )
        size = np.abs(slopes[..., index]).max()
        expected = (above - below) / (2 * step)
        assert_allclose(slopes[..., index], expected, rtol=0, atol=1e-6 * size)


# -- Random networks -----------------------------------------------------------------------


def drawn_kernels(name, n_hidden, n_networks):
    """Return the tangent kernels of random networks, all pairs of time steps included."""
    draw = torch.Generator().manual_seed(n_hidden)

    def normal(variance, *shape):
        numbers = torch.randn(n_networks, *shape, generator=draw, dtype=torch.float64)
        return math.sqrt(variance) * numbers

    phi = {"erf": torch.erf, "relu": torch.relu, "identity": lambda u: 1.0 * u}[name]
    root = math.sqrt(n_hidden)
    W = normal(NU["nu_w"], n_hidden, n_hidden) / root
    F, C, b = (
        normal(NU["nu_f"], n_hidden, 2),
        normal(NU["nu_c"], n_hidden, 1),
        normal(NU["nu_b"], n_hidden, 1),
    )
    x = torch.from_numpy(np.ascontiguousarray(WINDOWS[:, ::-1].transpose(1, 2, 0)))
    states, slopes = [torch.zeros(n_networks, n_hidden, 5, dtype=torch.float64)], []
    for step in x:
        inner = (W @ states[-1] + F @ step + b).requires_grad_()
        states.append(phi(inner))
        slopes.append(torch.autograd.grad(states[-1].sum(), inner)[0])
        states[-1] = states[-1].detach()
    back = [C / root * slopes[-1]]
    for slope in reversed(slopes[:-1]):
        back.append((W.mT @ back[-1]) * slope)
    back = back[::-1]
    kernel = states[-1].mT @ states[-1] / n_hidden
    for step, signal in enumerate(back):
        for other_step, other in enumerate(back):
            inputs = x[step].T @ x[other_step]
            before = states[step].mT @ states[other_step] / n_hidden
            kernel = kernel + (signal.mT @ other) * (inputs + before + NU["nu_b"])
    return kernel.numpy()


@every_activation
def test_the_kernel_is_the_limit_of_random_networks(name):
    """Their distance falls with the root of the width: four times the width halves it."""
    limit, _ = recurrent_gram(WINDOWS, None, network(name))
    distances = {}
    for n_hidden in (64, 256):
        kernels = drawn_kernels(name, n_hidden, 48)
        distances[n_hidden] = np.median(np.linalg.norm(kernels - limit, axis=(1, 2)))
    assert 0.35 < distances[256] / distances[64] < 0.7
    assert_mean_is(limit, kernels, 256)


@pytest.mark.slow
@every_activation
def test_wide_random_networks_have_the_kernel(name):
    limit, _ = recurrent_gram(WINDOWS, None, network(name))
    assert_mean_is(limit, drawn_kernels(name, 1024, 40), 1024)


def assert_mean_is(limit, kernels, n_hidden):
    """Assert it to four standard errors, and to what falls with the width itself."""
    error = kernels.std(axis=0) / math.sqrt(len(kernels))
    size = np.sqrt(np.outer(np.diag(limit), np.diag(limit)))
    assert (4 * error < 0.15 * size).all()
    assert (np.abs(kernels.mean(axis=0) - limit) < 4 * error + 6 / n_hidden * size).all()
