"""The linear RNN as a network: its starts, its kernel, and its life as a module or a system."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import dimpulse, dlsim
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import LinearRNNRegressor, linear_rnn_lag_weights
from sklearn_linrnn.callback import SpectralRadiusMonitor

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 6)), RNG.normal(1.0, 1.0, 60)
NU = {"nu_w": 0.6, "nu_f": 1.5, "nu_c": 0.7}
LAG = np.arange(6)
STARTS = ["gaussian", "orthogonal", "identity"]
every_start = pytest.mark.parametrize("transition_init", STARTS)


def network(**options):
    return LinearRNNRegressor(**{"n_hidden": 12, "random_state": 0, "max_iter": 8, **NU, **options})


def no_step(step):
    return 0.0


def at_start(**options):
    """Return a network after iterations without any effect."""
    return network(**options, schedule=no_step, max_iter=1).fit(X, Y)


def gaussian(n_hidden, nu_w, rng):
    return rng.normal(size=(n_hidden, n_hidden)) * nu_w**0.5


# -- Starts ------------------------------------------------------------------------------


def test_an_orthogonal_initialisation_is_orthogonal():
    A = at_start(n_hidden=40, transition_init="orthogonal").transition_ / 40**0.5
    assert_allclose(A @ A.T, 0.6 * np.eye(40), rtol=0, atol=1e-13)
    assert np.abs(A - np.diag(np.diag(A))).max() > 0.1


def test_an_identity_initialisation_only_decays():
    W = at_start(n_hidden=40, transition_init="identity").transition_
    assert_allclose(W / 40**0.5, 0.6**0.5 * np.eye(40), rtol=1e-15)


def test_initialisations_differ_in_the_transition_alone_where_they_can():
    """A callable that draws Gaussian numbers has the same distribution, not the same numbers."""
    one, other = at_start(transition_init="gaussian"), at_start(transition_init=gaussian)
    assert not np.array_equal(one.transition_, other.transition_)
    wide = at_start(n_hidden=300, transition_init=gaussian).transition_
    assert_allclose((wide**2).mean(), 0.6, rtol=0.03)


def test_an_initialisation_of_ones_own_gets_the_width_the_variance_and_a_generator():
    calls = []

    def start(n_hidden, nu_w, rng):
        assert isinstance(rng, np.random.Generator)
        W = rng.normal(size=(n_hidden, n_hidden)) * nu_w**0.5
        calls.append((n_hidden, nu_w, W))
        return W.copy()

    model = at_start(transition_init=start)
    assert {nu_w for _, nu_w, _ in calls} == {0.6}
    assert_array_equal(model.transition_, next(W for n_hidden, _, W in calls if n_hidden == 12))
    assert_array_equal(at_start(transition_init=start).transition_, model.transition_)
    other = at_start(transition_init=start, random_state=1)
    assert not np.array_equal(other.transition_, model.transition_)


def test_an_initialisation_of_ones_own_has_the_lag_weights_of_the_one_that_it_returns():
    def identity(n_hidden, nu_w, rng):
        return (n_hidden * nu_w) ** 0.5 * np.eye(n_hidden)

    own, named = at_start(transition_init=identity), at_start(transition_init="identity")
    assert_array_equal(own.transition_, named.transition_)
    assert_allclose(own.lag_weights_, named.lag_weights_, rtol=0.02)


class OutOfOrderError(Exception):
    """What a start raises."""


def raising(n_hidden, nu_w, rng):
    raise OutOfOrderError


def without_generator(n_hidden, nu_w):
    return np.eye(n_hidden)


def returning(make):
    def start(n_hidden, nu_w, rng):
        return make(n_hidden)

    return start


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        (returning(lambda n: np.eye(n + 1)), ValueError, "must return real numbers of shape"),
        (returning(lambda n: 1j * np.eye(n)), ValueError, "got shape .* of dtype complex128"),
        (returning(lambda n: np.full((n, n), np.nan)), ValueError, "finite"),
        (returning(str), ValueError, "must return real numbers"),
        (returning(lambda n: 1e200 * np.eye(n)), ValueError, "overflow"),
        (without_generator, TypeError, "positional argument"),
        (raising, OutOfOrderError, None),
        ("uniform", ValueError, "'transition_init' parameter"),
        (None, ValueError, "'transition_init' parameter"),
    ],
    ids=["shape", "complex", "NaN", "nothing", "huge", "arguments", "raises", "name", "None"],
)
def test_a_wrong_initialisation_is_an_error_that_leaves_what_was_learned(start, error, message):
    model = network().fit(X, Y)
    fitted = {name: value for name, value in vars(model).items() if name.endswith("_")}
    before, predictions = pickle.dumps(fitted), model.predict(X)
    with pytest.raises(error, match=message):
        model.set_params(transition_init=start).fit(X, Y)
    after = {name: value for name, value in vars(model).items() if name.endswith("_")}
    assert pickle.dumps(after) == before
    assert_array_equal(model.predict(X), predictions)


@pytest.mark.parametrize("transition_init", ["gaussian", "orthogonal"])
def test_lag_weights_of_two_initialisations_are_those_of_the_theory(transition_init):
    model = network(transition_init=transition_init).fit(X, Y)
    assert_allclose(model.lag_weights_, linear_rnn_lag_weights(6, **NU), rtol=1e-15)


def test_lag_weights_of_the_identity_are_those_of_its_powers():
    power, slope = 0.6**LAG, LAG**2 * 0.6 ** np.maximum(LAG - 1, 0)
    expected = (0.7 + 1.5) * power + 0.7 * 1.5 * slope
    weights = network(transition_init="identity").fit(X, Y).lag_weights_
    assert_allclose(weights, expected, rtol=1e-12)


def test_lag_weights_of_an_initialisation_of_ones_own_are_estimated():
    model = network(transition_init=gaussian).fit(X, Y)
    assert_allclose(model.lag_weights_, linear_rnn_lag_weights(6, **NU), rtol=0.04)
    again = network(transition_init=gaussian).fit(X, Y)
    assert_array_equal(again.lag_weights_, model.lag_weights_)


# -- The kernel of one network -----------------------------------------------------------


def literal_response(W, F, C):
    """Return ``H_j`` by its definition, (n_lags, n_outputs, n_channels)."""
    state, lags = F, []
    for _ in range(6):
        lags.append(C @ state / len(W) ** 0.5)
        state = W @ state / len(W) ** 0.5
    return torch.stack(lags)


def kernel_diagonal(model):
    """Return the mean over channels and outputs of ``sum_p (dH_j/dp)^2``."""
    arrays = [
        torch.from_numpy(part).double()
        for part in (model.transition_, model.input_, model.readout_)
    ]
    jacobians = torch.func.jacrev(literal_response, argnums=(0, 1, 2))(*arrays)
    return sum(part.flatten(3).square().sum(-1).mean((1, 2)) for part in jacobians).numpy()


def panel(n_outputs=2):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 6, 3))
    return x, 3.0 * x.sum(axis=(1, 2))[:, None] + rng.normal(size=(40, n_outputs))


@every_start
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("init", ["random", "centered"])
def test_empirical_lag_weights_are_those_of_automatic_differentiation(transition_init, dtype, init):
    options = {"transition_init": transition_init, "dtype": dtype, "init": init, "max_iter": 30}
    model = network(**options).fit(*panel())
    tolerance = {"rtol": 1e-10} if dtype == "float64" else {"rtol": 1e-5}
    trained = model.empirical_lag_weights()
    assert_allclose(trained, kernel_diagonal(model), **tolerance)
    start = network(**{**options, "max_iter": 1}, schedule=no_step).fit(*panel())
    before = model.empirical_lag_weights(at_start=True)
    assert_allclose(before, kernel_diagonal(start), **tolerance)
    assert np.abs(trained - before).max() > 0.1 * before.max(), "training has changed them"
    assert trained.dtype == before.dtype == dtype


@every_start
def test_empirical_lag_weights_approach_the_limit_with_the_inverse_root_of_the_width(
    transition_init,
):
    widths, errors = [16, 32, 64, 128, 256], []
    for n_hidden in widths:
        distances = []
        for seed in range(16):
            model = network(
                n_hidden=n_hidden, transition_init=transition_init, random_state=seed, max_iter=1
            ).fit(X, Y)
            own = model.empirical_lag_weights(at_start=True)
            distances.append(np.linalg.norm(own / model.lag_weights_ - 1.0))
        errors.append(np.mean(distances))
    slope = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert -0.65 < slope < -0.35


def test_the_kernel_of_a_network_that_continues_is_that_of_its_initialisation():
    model = network(warm_start=True).fit(X, Y)
    before = model.empirical_lag_weights(at_start=True)
    model.fit(X, Y).partial_fit(X, Y)
    assert_array_equal(model.empirical_lag_weights(at_start=True), before)


def test_a_network_without_a_seed_remembers_its_initialisation():
    model = network(random_state=None).fit(X, Y)
    before = model.empirical_lag_weights(at_start=True)
    assert_array_equal(
        pickle.loads(pickle.dumps(model)).empirical_lag_weights(at_start=True), before
    )
    centered = network(random_state=None, init="centered").fit(X, Y)
    response = dimpulse(centered.to_state_space(), n=6)[1][0][:, 0]
    assert_allclose(response, centered.impulse_response_[0, 0], rtol=0, atol=1e-13)


# -- As a module of PyTorch --------------------------------------------------------------


def recordings():
    rng = np.random.default_rng(2)
    x = [rng.normal(size=(length, 2)) for length in (15, 3, 9)]
    return x, [rng.normal(size=(len(part), 3)) for part in x]


def as_windows(model, x, y, shape):
    module = model.fit(x, y).to_torch()
    sequences = torch.from_numpy(x.reshape(shape).astype(model.dtype))
    return module(sequences).detach().numpy().reshape(np.shape(y)), model.predict(x)


def flat_windows(options):
    return as_windows(network(**options), X, Y, (60, 6, 1))


def windows_of_channels(options):
    return as_windows(network(**options, n_channels=2), X, np.stack([Y, -Y], 1), (60, 3, 2))


def last_steps_of_a_panel(options):
    x, y = panel()
    return as_windows(network(**options, n_lags=4), x, y, x.shape)


def channels_first(options):
    x, y = panel()
    model = network(**options, layout="nct").fit(x.swapaxes(1, 2), y)
    sequences = torch.from_numpy(x.astype(model.dtype))
    return model.to_torch()(sequences).detach().numpy(), model.predict(x.swapaxes(1, 2))


def every_step_of_a_panel(options):
    x = panel()[0]
    return as_windows(network(**options, n_lags=4), x, x[:, :, :2] ** 2, x.shape)


def a_list(options):
    x, y = recordings()
    model = network(**options, n_lags=5).fit(x, y)
    module = model.to_torch()
    found = [module(torch.from_numpy(part.astype(model.dtype))[None])[0] for part in x]
    return torch.cat(found).detach().numpy(), np.concatenate(model.predict(x))


def time_steps(options):
    x, y = (np.concatenate(parts) for parts in recordings())
    options = {**options, "rows": "timesteps", "n_lags": 5, "fit_intercept": False}
    return as_windows(network(**options), x, y, (1, *x.shape))


SHAPES = [
    flat_windows,
    windows_of_channels,
    last_steps_of_a_panel,
    channels_first,
    every_step_of_a_panel,
    a_list,
    time_steps,
]


@pytest.mark.parametrize("init", ["random", "centered"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_module_predicts_what_the_estimator_does(shape, dtype, init):
    ours, theirs = shape({"init": init, "dtype": dtype})
    assert ours.shape == theirs.shape
    assert ours.dtype == dtype
    scale = np.abs(theirs).max()
    assert_allclose(ours, theirs, rtol=0, atol=scale * (1e-13 if dtype == "float64" else 1e-5))


@every_start
@pytest.mark.parametrize("init", ["random", "centered"])
def test_an_iteration_of_the_module_is_the_next_one_of_the_estimator(transition_init, init):
    options = {"learning_rate": 0.05, "init": init, "transition_init": transition_init}
    model = network(**options, warm_start=True).fit(X, Y)
    module = model.to_torch()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    outputs = module(torch.from_numpy(X)[:, :, None])[:, 0]
    (outputs - torch.from_numpy(Y)).square().mean().div(2).backward()
    optimizer.step()
    model.set_params(max_iter=1).fit(X, Y)
    for name in ("transition", "input", "readout"):
        ours, theirs = getattr(module, name).detach(), getattr(model, f"{name}_")
        assert_allclose(ours, theirs, rtol=0, atol=1e-13)


def test_training_the_module_leaves_the_estimator():
    model = network(init="centered").fit(X, Y)
    before, module = pickle.dumps(vars(model)), model.to_torch()
    with torch.no_grad():
        for part in (*module.parameters(), *module.buffers()):
            part.add_(1.0)
    assert pickle.dumps(vars(model)) == before


@pytest.mark.parametrize("ask", ["to_torch", "to_state_space", "empirical_lag_weights"])
def test_an_untrained_network_is_nothing_yet(ask):
    with pytest.raises(NotFittedError):
        getattr(network(), ask)()


# -- As a system -------------------------------------------------------------------------


def system_response(system, n_lags):
    """Return the response of a system, (n_outputs, n_channels, n_lags)."""
    return np.stack([part.T for part in dimpulse(system, n=n_lags)[1]], axis=1)


def fitted_on_panel(**options):
    return network(**options, max_iter=40).fit(*panel())


@every_start
@pytest.mark.parametrize("init", ["random", "centered"])
@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-12), ("float32", 1e-5)])
def test_the_system_of_the_network_has_its_response(transition_init, init, dtype, atol):
    network_ = network(transition_init=transition_init, init=init, dtype=dtype, max_iter=40)
    model = network_.fit(*panel())
    system = model.to_state_space()
    assert system.dt == 1
    assert system.A.shape[0] == (12 if init == "random" else 24)
    assert_allclose(system_response(system, 6), model.impulse_response_, rtol=0, atol=atol)
    assert {part.dtype for part in (system.A, system.B, system.C, system.D)} == {np.dtype(float)}


def test_the_system_continues_after_the_last_lag():
    model = fitted_on_panel()
    arrays = (torch.from_numpy(part) for part in (model.transition_, model.input_, model.readout_))
    W, F, C = arrays
    state = torch.linalg.matrix_power(W / 12**0.5, 9) @ F
    expected = C @ state / 12**0.5
    assert_allclose(system_response(model.to_state_space(), 10)[:, :, 9], expected, atol=1e-12)


def test_the_system_filters_as_the_estimator_predicts():
    x, y = recordings()
    model = network(n_lags=20, init="centered").fit(
        np.concatenate(x * 2)[None], np.concatenate(y * 2)[None]
    )
    _, outputs, _ = dlsim(model.to_state_space(), x[0])
    assert_allclose(outputs + model.intercept_, model.predict([x[0]])[0], rtol=0, atol=1e-12)


def distance_of(system, H):
    """Return the relative distance of responses, with 2000 lags of the system."""
    padded = np.zeros((*H.shape[:2], 2000))
    padded[:, :, : H.shape[2]] = H
    return np.linalg.norm(system_response(system, 2000) - padded) / np.linalg.norm(H)


@pytest.mark.parametrize("init", ["random", "centered"])
@pytest.mark.parametrize("max_error", [0.5, 0.1, 1e-2, 1e-6])
def test_a_reduced_system_is_within_its_error_and_the_smallest(init, max_error):
    model = fitted_on_panel(init=init)
    system = model.to_state_space(max_error=max_error)
    order = len(system.A)
    assert distance_of(system, model.impulse_response_) <= max_error * (1 + 1e-9)
    if order:
        smaller = model.to_state_space(order=order - 1)
        assert distance_of(smaller, model.impulse_response_) > max_error


@pytest.mark.parametrize("order", [0, 1, 3, 10])
def test_a_reduced_system_has_its_order_and_is_stable(order):
    system = fitted_on_panel().to_state_space(order=order)
    assert system.A.shape == (order, order)
    assert system.D.shape == (2, 3)
    if order:
        assert np.abs(np.linalg.eigvals(system.A)).max() < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 1, "max_error": 0.1}, "Exactly one of order and max_error"),
        ({"order": -1}, "order must be from 0 to 10"),
        ({"order": 11}, "order must be from 0 to 10"),
        ({"max_error": 0.0}, "max_error must be positive"),
        ({"max_error": -1.0}, "max_error must be positive"),
        ({"max_error": np.nan}, "max_error must be positive"),
    ],
)
def test_reductions_that_cannot_be_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        fitted_on_panel().to_state_space(**options)


# -- Along training ----------------------------------------------------------------------


def radius(model):
    return np.abs(np.linalg.eigvals(model.transition_ / len(model.transition_) ** 0.5)).max()


@every_start
@pytest.mark.parametrize("options", [{}, {"solver": "adam"}, {"momentum": 0.9}], ids=str)
def test_the_radius_along_training_is_that_of_trainings_that_end_there(transition_init, options):
    monitor, options = SpectralRadiusMonitor(), {**options, "transition_init": transition_init}
    model = network(**options, max_iter=12).set_callbacks(monitor).fit(*panel())
    assert_array_equal(monitor.steps_, np.arange(1, 13))
    assert_allclose(monitor.radii_[-1], radius(model), rtol=1e-12)
    for step in (1, 5):
        ended = network(**options, max_iter=step).fit(*panel())
        assert_allclose(monitor.radii_[step - 1], radius(ended), rtol=1e-12)


@pytest.mark.parametrize("transition_init", ["orthogonal", "identity"])
def test_the_radius_of_two_initialisations_is_the_root_of_the_variance(transition_init):
    monitor = SpectralRadiusMonitor()
    still = network(transition_init=transition_init, schedule=no_step, max_iter=3)
    still.set_callbacks(monitor).fit(X, Y)
    assert_allclose(monitor.radii_, 0.6**0.5, rtol=1e-12)


def test_a_network_that_must_remember_grows_its_radius_and_one_that_need_not_keeps_it():
    x = np.random.default_rng(4).normal(size=(400, 6))
    grown = []
    for teacher in (np.ones(6), LAG == 5):
        monitor = SpectralRadiusMonitor()
        model = network(n_hidden=64, nu_w=0.2, init="centered", max_iter=200)
        model.set_callbacks(monitor).fit(x, x @ (30.0 * teacher))
        grown.append(monitor.radii_[-1] - monitor.radii_[0])
    assert grown[0] > 0.2
    assert abs(grown[1]) < 0.5 * grown[0]


def test_what_was_asked_of_a_network_changes_nothing_in_it():
    model = network(init="centered").fit(X, Y)
    before, state = copy.deepcopy(model), torch.random.get_rng_state()
    model.empirical_lag_weights(at_start=True)
    model.to_torch()
    model.to_state_space()
    model.to_state_space(order=2)
    assert pickle.dumps(vars(model)) == pickle.dumps(vars(before))
    assert_array_equal(torch.random.get_rng_state(), state)


def test_what_was_fitted_does_not_follow_parameters_that_are_set_later():
    model = network(init="random").fit(X, Y)
    weights = model.empirical_lag_weights(at_start=True)
    model.set_params(init="centered", nu_w=0.1, transition_init="identity", random_state=5)
    outputs = model.to_torch()(torch.from_numpy(X)[:, :, None])[:, 0].detach()
    assert_allclose(outputs, model.predict(X), rtol=0, atol=1e-12)
    response = system_response(model.to_state_space(), 6)
    assert_allclose(response, model.impulse_response_, rtol=0, atol=1e-12)
    assert_array_equal(model.empirical_lag_weights(at_start=True), weights)


@pytest.mark.parametrize(("number", "n_hidden"), [(np.int8(12), 12), (True, 1)])
def test_any_whole_number_is_a_number_of_hidden_units(number, n_hidden):
    x = X[:, -3:]  # a single unit has the memory of no more lags
    found, expected = (network(n_hidden=n).fit(x, Y) for n in (number, n_hidden))
    assert_array_equal(found.impulse_response_, expected.impulse_response_)
