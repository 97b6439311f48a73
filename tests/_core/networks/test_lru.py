"""The linear recurrent unit against literal simulation and automatic differentiation."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.networks.lru import LRUModel, LRUParameters, draw_lru
from sklearn_linrnn._core.networks.lru_recipe import LRURecipe
from sklearn_linrnn._core.networks.lru_tangent import PoleProducts
from sklearn_linrnn._core.networks.pole_powers import PolePowers
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._core.response import convolve
from sklearn_linrnn._core.training.loop import Stopping, Training
from sklearn_linrnn._core.training.objective import Objective
from sklearn_linrnn._core.training.optimizers import GradientDescent

DISC = (0.0, 1.0, 2 * np.pi)
NU = (1.5, 0.6)


def draw(n_hidden=11, n_channels=2, n_outputs=3, seed=0, ring=DISC, **options):
    generator = torch.Generator().manual_seed(seed)
    return draw_lru(n_hidden, n_channels, n_outputs, ring, NU, generator, **options)


def matrices(log_rate, B, C, log_phase, log_norm=None):
    """Return ``lambda``, ``diag(norm) B`` and ``C`` by their definitions."""
    norm = 1.0 if log_norm is None else torch.exp(log_norm)[:, None]
    pole = torch.exp(-torch.exp(log_rate)) * torch.exp(1j * torch.exp(log_phase))
    return pole, norm * torch.complex(B[..., 0], B[..., 1]), torch.complex(C[..., 0], C[..., 1])


def response(n_lags, *parameters):
    """Return ``H_j`` by its definition, (n_lags * n_channels, n_outputs)."""
    pole, driven, readout = matrices(*parameters)
    lags = [(readout @ (pole[:, None] ** lag * driven)).real.T for lag in range(n_lags)]
    return torch.cat(lags) / len(pole) ** 0.5


def simulate(parameters, x):
    """Run the recurrence from a zero state, one time step after another."""
    pole, driven, readout = matrices(*parameters)
    state, outputs = torch.zeros_like(pole), []
    for step in x.to(pole):
        state = pole * state + driven @ step
        outputs.append((readout @ state).real / len(pole) ** 0.5)
    return torch.stack(outputs)


normalised = pytest.mark.parametrize("normalise", [True, False])
lengths = pytest.mark.parametrize("n_lags", [1, 2, 3, 7, 64, 200])


# -- Response and gradient -----------------------------------------------------------------


@normalised
def test_impulse_response_convolves_as_the_recurrence_runs(normalise):
    parameters = draw(normalise=normalise)
    x = torch.randn(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    H = LRUModel(parameters, 40).response().view(40, 2, 3).permute(2, 1, 0).numpy()
    assert_allclose(convolve(x.numpy(), H), simulate(parameters, x), atol=1e-12)


@normalised
@lengths
@pytest.mark.parametrize(("n_channels", "n_outputs"), [(1, 1), (2, 3)])
def test_gradient_is_that_of_automatic_differentiation(n_lags, normalise, n_channels, n_outputs):
    parameters = draw(11, n_channels, n_outputs, normalise=normalise)
    leaves = [part.clone().requires_grad_() for part in parameters.trained()]
    expected, model = response(n_lags, *leaves), LRUModel(parameters, n_lags)
    gradient = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator())
    (expected * gradient).sum().backward()
    assert_allclose(model.response(), expected.detach(), rtol=1e-10, atol=1e-12)
    model.backward(gradient)
    for ours, theirs in zip(model.parameters, leaves, strict=True):
        assert_allclose(ours.grad, theirs.grad, rtol=1e-10, atol=1e-10 * theirs.grad.abs().max())


@normalised
@lengths
def test_moves_are_pushed_by_the_transpose_of_what_pulls_gradients(n_lags, normalise):
    model = LRUModel(draw(normalise=normalise), n_lags)
    generator = torch.Generator().manual_seed(2)
    options = {"dtype": torch.float64, "generator": generator}
    moves = [torch.randn(part.shape, **options) for part in model.parameters]
    gradient = torch.randn(model.response().shape, **options)
    model.backward(gradient)
    pulled = sum(
        (part.grad * move).sum() for part, move in zip(model.parameters, moves, strict=True)
    )
    assert_allclose((model.push(moves) * gradient).sum(), pulled, rtol=1e-11)


@normalised
def test_a_gradient_is_that_of_the_last_response_in_memory_that_stays(normalise):
    """A CUDA graph replays on the same memory: a gradient reads what the last response left."""
    model, other = (LRUModel(draw(normalise=normalise), 9) for _ in range(2))
    gradient = torch.ones(18, 3, dtype=torch.float64)
    first = model.response()
    model.backward(gradient)
    places = [part.grad.data_ptr() for part in model.parameters]
    for moved, start in zip(model.parameters, other.parameters, strict=True):
        moved.sub_(0.01 * moved.grad)
        start.copy_(moved)
    assert not torch.equal(model.response(), first)
    model.backward(gradient)
    other.response()
    other.backward(gradient)
    for ours, theirs in zip(model.parameters, other.parameters, strict=True):
        assert_array_equal(ours.grad, theirs.grad)
    assert [part.grad.data_ptr() for part in model.parameters] == places


def test_deciding_on_the_device_is_deciding_on_the_host():
    x = np.random.default_rng(0).normal(size=(80, 9))
    statistics, rows = LagStatistics.from_windows(x, x[:, -3] - x[:, -1]), []
    for on_device in (False, True):
        model = LRUModel(draw(16, 1, 1), 9)
        objective = Objective(model, statistics)
        optimizer = GradientDescent(model.parameters, adaptive=True)  # the rate is halved at first
        stopping = Stopping(50, tol=0.0, patience=1)
        training = Training(objective, optimizer, stopping, 0.2, constant, on_device=on_device)
        training.run(50)
        rows.append(training.rows)
    assert_allclose(*rows, rtol=1e-9)
    assert rows[0][-1][0] < 0.5 * rows[0][0][0]


def constant(step):
    return 1.0


def test_an_origin_is_subtracted_and_not_trained():
    model = LRUModel(draw(), 5)
    start = model.response()
    model.origin = start
    assert_array_equal(model.response(), torch.zeros_like(start))


@pytest.mark.parametrize("n_lags", [5, 300])
def test_single_precision_has_the_response_and_the_gradient_to_its_digits(n_lags):
    double = draw(64, ring=(0.9, 0.9999, 2 * np.pi))
    single = double.like(torch.empty(0))
    gradient = torch.randn(n_lags * 2, 3, generator=torch.Generator().manual_seed(3))
    models = [LRUModel(single, n_lags), LRUModel(single.like(double.input), n_lags)]
    responses = [model.response() for model in models]
    assert_allclose(*responses, rtol=0, atol=1e-6 * responses[1].abs().max())
    for model in models:
        model.backward(gradient)
    for ours, exact in zip(*(model.parameters for model in models), strict=True):
        assert_allclose(ours.grad, exact.grad, rtol=0, atol=3e-6 * exact.grad.abs().max())


@pytest.mark.parametrize("log_rate", [-800.0, -40.0, 6.0, 650.0])
def test_poles_at_the_unit_circle_and_at_zero_have_finite_gradients(log_rate):
    parameters = draw(3)._replace(log_rate=torch.full((3,), log_rate, dtype=torch.float64))
    model = LRUModel(parameters, 50)
    assert model.response().isfinite().all()
    model.backward(torch.ones(100, 3, dtype=torch.float64))
    assert all(part.grad.isfinite().all() for part in model.parameters)


@pytest.mark.parametrize("n_sums", [1, 4, 300])
@pytest.mark.parametrize("n_lags", [1, 2, 5, 8, 9, 100, 1000])
def test_products_of_long_and_short_powers_are_the_powers(n_lags, n_sums):
    generator = torch.Generator().manual_seed(0)
    rate, phase = torch.rand((2, 9), generator=generator, dtype=torch.float64)
    parts = torch.randn((2, n_sums, 9), generator=generator, dtype=torch.float64)
    poles, weights = torch.polar((-rate).exp(), 6 * phase), torch.complex(*parts)
    lags = torch.arange(n_lags)[:, None]
    powers = poles**lags
    ours = PolePowers(9, n_lags, n_sums, rate)
    ours.become(torch.stack([rate, 6 * phase]))
    assert_allclose(ours.sums(weights), (powers @ weights.T).real, atol=1e-12)
    gradient = torch.randn(n_lags, n_sums, dtype=torch.float64, generator=generator)
    expected = [each.T.to(powers) @ powers for each in (gradient, lags * gradient)]
    assert_allclose(ours.pull(gradient), torch.stack(expected), atol=1e-11)


# -- Initialisation ------------------------------------------------------------------------


@pytest.mark.parametrize("ring", [DISC, (0.5, 0.9, 1.0), (1 - 1e-9, 1.0, 0.1), (0.7, 0.7, 3.0)])
def test_poles_are_uniform_on_the_area_of_their_part_of_the_ring(ring):
    r_min, r_max, max_phase = ring
    start = draw(20_000, ring=ring)
    below_one = -torch.expm1(-2 * start.log_rate.exp())  # 1 - r^2
    assert_allclose(start.log_norm.exp().square(), below_one, rtol=1e-12)
    outer, inner = (1 - r_min) * (1 + r_min), (1 - r_max) * (1 + r_max)
    assert below_one.min() >= inner * (1 - 1e-12)
    assert below_one.max() <= outer * (1 + 1e-12)
    spread, phase = (outer - inner) / 12**0.5, start.log_phase.exp()
    assert_allclose(below_one.mean(), (inner + outer) / 2, rtol=1e-9, atol=0.03 * spread)
    assert_allclose(below_one.std(), spread, rtol=0.03, atol=1e-9)
    assert phase.max() <= max_phase
    assert_allclose(phase.mean(), max_phase / 2, rtol=0.03)
    assert_allclose(phase.std(), max_phase / 12**0.5, rtol=0.03)


def test_initial_real_and_imaginary_parts_have_the_given_variances():
    start = draw(500, 40, 50)
    assert start.input.shape == (500, 40, 2)
    assert start.readout.shape == (50, 500, 2)
    for parts, variance in zip((start.input, start.readout), NU, strict=True):
        assert_allclose(parts.square().mean((0, 1)), [variance] * 2, rtol=0.05)
        assert abs((parts[..., 0] * parts[..., 1]).mean()) < 0.03 * variance


def test_one_seed_is_one_initialisation_and_another_another():
    for one, same, other in zip(*(draw(seed=seed) for seed in (1, 1, 2)), strict=True):
        assert_array_equal(one, same)
        assert not torch.equal(one, other)


# -- The tangent kernel --------------------------------------------------------------------


def differentiated_kernel(parameters, n_lags):
    """Return the kernel by automatic differentiation, its mean over the entries of ``H``."""
    parts = tuple(parameters.trained())
    jacobians = torch.func.jacrev(
        lambda *p: response(n_lags, *p), argnums=tuple(range(len(parts)))
    )(*parts)
    flat = torch.cat([jacobian.flatten(2) for jacobian in jacobians], dim=-1)
    by_lag = flat.view(n_lags, -1, flat.shape[-1])
    return torch.einsum("jep,kep->jk", by_lag, by_lag) / by_lag.shape[1]


@normalised
@pytest.mark.parametrize(("n_channels", "n_outputs"), [(1, 1), (2, 3)])
@pytest.mark.parametrize("n_lags", [1, 2, 9])
def test_kernel_is_that_of_automatic_differentiation(n_lags, n_channels, n_outputs, normalise):
    parameters = draw(7, n_channels, n_outputs, normalise=normalise)
    expected = differentiated_kernel(parameters, n_lags)
    products = PoleProducts.of(parameters, n_lags)
    assert_allclose(products.kernel(), expected, rtol=1e-10, atol=1e-12)
    assert_allclose(products.lag_weights(), expected.diagonal(), rtol=1e-10)


@normalised
def test_kernel_converges_with_the_inverse_root_of_the_width(normalise):
    limit = LRU(*DISC, *NU, normalise=normalise).covariance(6)
    widths, errors = [32, 128, 512, 2048], []
    for n_hidden in widths:
        drawn = [draw(n_hidden, 1, 1, seed, normalise=normalise) for seed in range(12)]
        kernels = [PoleProducts.of(each, 6).kernel().numpy() for each in drawn]
        errors.append(np.mean([np.linalg.norm(kernel - limit) for kernel in kernels]))
    slope = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert -0.65 < slope < -0.35


@pytest.mark.parametrize(("r_min", "medians"), [(0.0, (0.19, 0.52)), (0.9, (0.11, 0.27))])
def test_kernels_of_single_units_vary_more_the_later_the_lag(r_min, medians):
    """The median of 60 distances has a standard error of a sixth of it."""
    ring = (r_min, 1.0, 2 * np.pi)
    limit = LRU(*ring, *NU).covariance(201).diagonal()
    drawn = [draw(512, 1, 1, seed, ring) for seed in range(60)]
    weights = np.array([PoleProducts.of(each, 201).lag_weights().numpy() for each in drawn])
    found = np.median(np.abs(weights / limit - 1), axis=0)
    assert_allclose(found[[10, 200]], medians, rtol=0.5)
    error = weights.std(0) / np.sqrt(len(weights))
    assert (np.abs(weights.mean(0) - limit) < 4 * error).all(), "on average it is the limit's"


@normalised
def test_on_average_a_single_pole_has_the_lag_weights_of_the_limit(normalise):
    """Up to five standard errors over 4000 units."""
    options = {"variances": NU, "normalise": normalise, "is_centred": False, "seed": 0}
    made = LRURecipe(n_hidden=1, ring=DISC, **options)
    drawn = [draw(1, 1, 1, seed, normalise=normalise) for seed in range(4000)]
    weights = np.array([made.lag_weights(each.trained(), 5).numpy() for each in drawn])
    error = weights.std(0) / len(weights) ** 0.5
    assert (np.abs(weights.mean(0) - made.mean_lag_weights(5)) < 5 * error).all()


def test_parameters_without_a_norm_are_four():
    assert len(draw(normalise=False).trained()) == 4
    assert len(LRUParameters(*draw().trained()).trained()) == 5
