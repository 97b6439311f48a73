"""The linear recurrent unit as an estimator: its limit, its kernel, and its life elsewhere."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import dimpulse, dlsim
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    LRURegressor,
    NTKConvRegressor,
    NTKGapDisplay,
    TrainingDisplay,
    ntk_gap,
)
from sklearn_linrnn._core.networks.lru import LRUParameters
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn.callback import SpectralRadiusMonitor

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 6)), RNG.normal(1.0, 1.0, 60)
RING = {"r_min": 0.3, "r_max": 0.99, "max_phase": 2.0}
NU = {"nu_f": 1.5, "nu_c": 0.7}
inits = pytest.mark.parametrize("init", ["random", "centered"])
normalised = pytest.mark.parametrize("normalise", [True, False])


def unit(**options):
    defaults = {"n_hidden": 12, "random_state": 0, "max_iter": 8, **RING, **NU}
    return LRURegressor(**{**defaults, **options})


def no_step(step):
    return 0.0


def panel(n_outputs=2):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 6, 3))
    return x, 3.0 * x.sum(axis=(1, 2))[:, None] + rng.normal(size=(40, n_outputs))


def distance(ours, limit):
    """Return how far a response is from its limit, relative in norm."""
    return np.linalg.norm(ours - limit) / np.linalg.norm(limit)


# -- The fitted network --------------------------------------------------------------------


@normalised
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_response_is_that_of_the_fitted_poles_inputs_and_readout(dtype, normalise):
    model = unit(dtype=dtype, normalise=normalise, max_iter=30).fit(*panel())
    assert model.poles_.shape == (12,)
    assert model.input_.shape == (12, 3)
    assert model.readout_.shape == (2, 12)
    powers = model.poles_[:, None] ** np.arange(6)
    lags = np.einsum("oi,ic,ij->ocj", model.readout_, model.input_, powers).real / 12**0.5
    assert_allclose(
        model.impulse_response_, lags, rtol=0, atol=1e-12 if dtype == "float64" else 1e-5
    )
    complex_type = {"float64": np.complex128, "float32": np.complex64}[dtype]
    for name in ("poles_", "input_", "readout_"):
        assert type(getattr(model, name)) is np.ndarray
        assert getattr(model, name).dtype == complex_type
    assert model.impulse_response_.dtype == dtype


def test_poles_begin_in_their_part_of_the_ring():
    model = unit(n_hidden=300, schedule=no_step, max_iter=1).fit(X, Y)
    size, phase = np.abs(model.poles_), np.angle(model.poles_)
    assert ((size >= 0.3) & (size <= 0.99)).all()
    assert ((phase >= 0) & (phase <= 2.0)).all()
    norm = np.abs(model.input_[:, 0]) ** 2 / (1 - size**2)
    assert_allclose(norm.mean(), 2 * 1.5, rtol=0.2)


@pytest.mark.parametrize("solver", ["gd", "adam"])
def test_poles_stay_within_the_unit_circle_whatever_is_learned(solver):
    """Targets that grow with the lag, and a rate at which a plain recurrence diverges."""
    x = np.random.default_rng(0).normal(size=(200, 20))
    rate = 0.3 if solver == "adam" else "auto"
    model = unit(r_max=1.0, solver=solver, learning_rate=rate, max_iter=300)
    model.fit(x, 10.0 * x @ np.arange(20.0)[::-1])
    assert np.abs(model.poles_).max() < 1.0
    assert np.isfinite(model.impulse_response_).all()


def test_scales_of_channels_scale_the_inputs():
    scale = np.array([1.0, 4.0, 0.0])
    model = unit(channel_scale=scale, init="centered").fit(*panel())
    plain = unit(schedule=no_step, max_iter=1).fit(*panel())
    still = unit(channel_scale=scale, schedule=no_step, max_iter=1).fit(*panel())
    assert_allclose(still.input_, plain.input_ * np.sqrt(scale), rtol=1e-12)
    assert_allclose(still.impulse_response_[:, 1], 2 * plain.impulse_response_[:, 1], atol=1e-12)
    assert_array_equal(model.impulse_response_[:, 2], 0.0)
    assert_allclose(model.lag_weights_, np.outer(scale, plain.lag_weights_), rtol=1e-12)
    own = model.empirical_lag_weights(at_start=True)
    assert_allclose(own, np.outer(scale, plain.empirical_lag_weights(at_start=True)), rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"r_min": 0.9, "r_max": 0.5}, "r_min=0.9 and r_max=0.5"),
        ({"r_min": 1.0, "r_max": 1.0}, "r_min must be below 1 with normalise=True"),
        ({"r_min": 1.1}, "'r_min' parameter"),
        ({"r_max": 0.0}, "'r_max' parameter"),
        ({"r_max": 1.5}, "'r_max' parameter"),
        ({"max_phase": -1.0}, "'max_phase' parameter"),
        ({"max_phase": np.inf}, "'max_phase' parameter"),
        ({"normalise": "yes"}, "'normalise' parameter"),
        ({"nu_f": -1.0}, "'nu_f' parameter"),
        ({"nu_f": 0.0, "nu_c": 0.0}, "nu_f=0.0 and nu_c=0.0 must not both be zero"),
    ],
)
def test_bad_parameters_are_named_and_leave_what_was_learned(options, message):
    model = unit().fit(X, Y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=message):
        model.set_params(**options).fit(X, Y)
    assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    "ring",
    [
        {"max_phase": 0.0},
        {"max_phase": 7.0},
        {"r_min": 1.0, "r_max": 1.0, "normalise": False},
        {"r_min": 0.4, "r_max": 0.4},
    ],
    ids=str,
)
def test_rings_at_the_ends_of_their_range_have_the_limit_of_their_prior(ring):
    """Poles without a phase, or on the circle, do not move: neither do they in the limit."""
    model = unit(n_hidden=4000, max_iter=1, **ring).fit(X, Y)
    prior = LRU(**{**RING, **NU, **ring})
    assert_allclose(model.lag_weights_, prior.covariance(6).diagonal(), rtol=1e-10)
    assert_allclose(model.empirical_lag_weights(at_start=True), model.lag_weights_, rtol=0.2)
    trained = unit(max_iter=20, **ring).fit(X, Y)
    assert np.isfinite(trained.impulse_response_).all()
    if ring.get("max_phase") == 0:
        assert np.abs(trained.poles_.imag).max() < 1e-300
    if ring.get("r_min") == 1:
        assert_allclose(np.abs(trained.poles_), 1.0, rtol=1e-15)


# -- The limit -----------------------------------------------------------------------------


@normalised
def test_lag_weights_are_the_diagonal_of_the_limits_kernel(normalise):
    expected = LRU(*RING.values(), *NU.values(), normalise=normalise).covariance(6).diagonal()
    assert_allclose(unit(normalise=normalise).fit(X, Y).lag_weights_, expected, rtol=1e-10)


def oscillation_task(scale=1.0):
    """Return windows with targets of a fading oscillation."""
    rng = np.random.default_rng(2)
    x, lag = rng.normal(size=(400, 10)), np.arange(10)[::-1]
    return x, scale * (x @ (0.8**lag * np.cos(0.7 * lag)))


def gap_to_the_limit(x, y, n_hidden, n_steps, seed=0, **options):
    model = unit(n_hidden=n_hidden, init="centered", random_state=seed, max_iter=n_steps, **options)
    prior = LRU(*RING.values(), *NU.values(), normalise=options.get("normalise", True))
    limit = NTKConvRegressor(prior=prior, alpha=0.0, n_steps=n_steps).fit(x, y)
    return distance(model.fit(x, y).impulse_response_, limit.impulse_response_)


@normalised
def test_the_gap_to_the_limit_falls_with_the_inverse_root_of_the_width(normalise):
    x, y = oscillation_task(0.1)
    widths = [64, 256, 1024, 4096]
    gaps = [
        np.mean([gap_to_the_limit(x, y, n, 15, seed, normalise=normalise) for seed in range(4)])
        for n in widths
    ]
    slope = np.polyfit(np.log(widths), np.log(gaps), 1)[0]
    assert -0.7 < slope < -0.3
    assert gaps[-1] < 0.05


@normalised
def test_the_gap_of_a_wide_unit_is_small_and_lazy(normalise):
    x, y = oscillation_task(0.1)
    model = unit(n_hidden=4096, init="centered", normalise=normalise, max_iter=15).fit(x, y)
    gap = ntk_gap(model)
    assert gap.is_lazy
    assert gap.total < 0.1
    assert abs(gap.total - gap.width) < 0.02


def test_large_targets_leave_the_kernel_regime():
    x, y = oscillation_task(300.0)
    gap = ntk_gap(unit(n_hidden=64, init="centered", max_iter=40).fit(x, y))
    assert not gap.is_lazy
    assert gap.kernel > 1.0


def test_displays_retrace_the_training_of_a_unit():
    x, y = oscillation_task(3.0)
    model = unit(n_hidden=32, init="centered", max_iter=20).fit(x, y)
    curves = TrainingDisplay.from_estimator(model, retrace=True).frame()
    assert_allclose(curves["kernel_change"].iloc[-1], ntk_gap(model).kernel, rtol=1e-9)
    gaps = NTKGapDisplay.from_estimator(unit(max_iter=5), x, y, widths=(16, 256), n_seeds=3).frame()
    width = gaps.groupby("n_hidden")["width"].mean()
    assert width[256] < 0.6 * width[16]


@inits
def test_the_parts_of_the_gap_are_those_of_trainings(init):
    """The expansion differs from the network in the second order of the targets."""
    x, y = oscillation_task(1e-6)
    small = ntk_gap(unit(init=init, nu_c=1e-8, max_iter=15).fit(x, y))
    assert small.movement < 1e-3 * small.total
    assert small.kernel < 1e-3


# -- The kernel of one network -------------------------------------------------------------


def differentiated_weights(record):
    """Return the mean over channels and outputs of ``sum_p (dH_j/dp)^2``."""
    parts = tuple(torch.tensor(array).double() for array in record.parameters)

    def response(*parts):
        pole, driven, readout = LRUParameters(*parts).equations()
        lags = [(readout @ (pole[:, None] ** lag * driven)).real for lag in range(6)]
        return torch.stack(lags) / len(pole) ** 0.5

    jacobians = torch.func.jacrev(response, argnums=tuple(range(len(parts))))(*parts)
    return sum(part.flatten(3).square().sum(-1).mean((1, 2)) for part in jacobians).numpy()


@normalised
@inits
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_empirical_lag_weights_are_those_of_automatic_differentiation(normalise, dtype, init):
    options = {"normalise": normalise, "dtype": dtype, "init": init}
    tolerance = {"rtol": 1e-10} if dtype == "float64" else {"rtol": 1e-5}
    model = unit(**options, max_iter=30).fit(*panel())
    trained = model.empirical_lag_weights()
    assert_allclose(trained, differentiated_weights(model.training_), **tolerance)
    start = unit(**options, max_iter=1, schedule=no_step).fit(*panel())
    before = model.empirical_lag_weights(at_start=True)
    assert_allclose(before, differentiated_weights(start.training_), **tolerance)
    assert np.abs(trained - before).max() > 0.1 * before.max(), "training has changed them"
    assert trained.dtype == before.dtype == dtype


def test_expected_lag_weights_are_those_of_the_limit():
    model = unit(channel_scale=[1.0, 2.0, 0.5]).fit(*panel())
    assert_allclose(model.expected_lag_weights(), model.lag_weights_, rtol=1e-12)


def test_the_kernel_of_a_unit_that_continues_is_that_of_its_initialisation():
    model = unit(warm_start=True).fit(X, Y)
    before = model.empirical_lag_weights(at_start=True)
    model.fit(X, Y).partial_fit(X, Y)
    assert_array_equal(model.empirical_lag_weights(at_start=True), before)
    assert len(model.loss_curve_) == model.n_iter_ == 24


# -- As a module of PyTorch ----------------------------------------------------------------


@normalised
@inits
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("channel_scale", [None, [1.0, 2.0, 0.5]])
def test_the_module_predicts_what_the_estimator_does(normalise, init, dtype, channel_scale):
    x, y = panel()
    options = {"normalise": normalise, "init": init, "dtype": dtype, "channel_scale": channel_scale}
    model = unit(**options, n_lags=4).fit(x, y)
    ours = model.to_torch()(torch.from_numpy(x.astype(dtype))).detach().numpy()
    theirs = model.predict(x)
    assert ours.dtype == dtype
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


def test_the_module_of_a_recording_predicts_every_time_step_after_the_delay():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 2)), rng.normal(size=(90, 3))
    model = unit(rows="timesteps", n_lags=7, delay=2).fit(x, y)
    ours = model.to_torch()(torch.from_numpy(x)[None])[0].detach()
    assert_allclose(ours, model.predict(x), rtol=0, atol=1e-12)


@normalised
@inits
def test_an_iteration_of_the_module_is_the_next_one_of_the_estimator(normalise, init):
    options = {"learning_rate": 0.05, "init": init, "normalise": normalise}
    model = unit(**options, warm_start=True).fit(X, Y)
    module = model.to_torch()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    outputs = module(torch.from_numpy(X)[:, :, None])[:, 0]
    (outputs - torch.from_numpy(Y)).square().mean().div(2).backward()
    optimizer.step()
    model.set_params(max_iter=1).fit(X, Y)
    after = LRUParameters(*map(torch.tensor, model.training_.parameters))
    for name, theirs in after._asdict().items():
        if theirs is not None:
            assert_allclose(getattr(module, name).detach(), theirs, rtol=0, atol=1e-13)


def test_training_the_module_leaves_the_estimator():
    model = unit(init="centered").fit(X, Y)
    before, module = pickle.dumps(vars(model)), model.to_torch()
    with torch.no_grad():
        for part in (*module.parameters(), *module.buffers()):
            part.add_(1.0)
    assert pickle.dumps(vars(model)) == before


@pytest.mark.parametrize("ask", ["to_torch", "to_state_space", "empirical_lag_weights"])
def test_an_untrained_unit_is_nothing_yet(ask):
    with pytest.raises(NotFittedError):
        getattr(unit(), ask)()


# -- As a system ---------------------------------------------------------------------------


@normalised
@inits
@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-12), ("float32", 1e-5)])
def test_the_system_of_the_unit_has_its_response_and_its_poles(normalise, init, dtype, atol):
    model = unit(normalise=normalise, init=init, dtype=dtype, max_iter=40).fit(*panel())
    system = model.to_state_space()
    response = np.stack([part.T for part in dimpulse(system, n=6)[1]], axis=1)
    assert_allclose(response, model.impulse_response_, rtol=0, atol=atol)
    both = np.concatenate([model.poles_, model.poles_.conj()])
    found = np.linalg.eigvals(system.A)
    assert len(found) == (24 if init == "random" else 48)
    assert all(np.abs(found - pole).min() < 1e-6 for pole in both)
    assert {part.dtype for part in (system.A, system.B, system.C, system.D)} == {np.dtype(float)}


def test_the_system_filters_as_the_estimator_predicts():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 3))
    model = unit(n_lags=60, rows="timesteps", init="centered").fit(x, y)
    _, outputs, _ = dlsim(model.to_state_space(), x)
    assert_allclose(outputs + model.intercept_, model.predict(x), rtol=0, atol=1e-11)


# -- Along training ------------------------------------------------------------------------


def test_the_radius_along_training_is_that_of_the_poles():
    monitor = SpectralRadiusMonitor()
    model = unit(max_iter=12).set_callbacks(monitor).fit(*panel())
    assert_array_equal(monitor.steps_, np.arange(1, 13))
    assert_allclose(monitor.radii_[-1], np.abs(model.poles_).max(), rtol=1e-12)


def test_what_was_fitted_does_not_follow_parameters_that_are_set_later():
    model = unit().fit(X, Y)
    weights = model.empirical_lag_weights(at_start=True)
    model.set_params(init="centered", r_max=0.5, normalise=False, random_state=5)
    outputs = model.to_torch()(torch.from_numpy(X)[:, :, None])[:, 0].detach()
    assert_allclose(outputs, model.predict(X), rtol=0, atol=1e-12)
    assert_array_equal(model.empirical_lag_weights(at_start=True), weights)
