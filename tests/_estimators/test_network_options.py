"""`LinearRNNRegressor` with a leak, layers, rates and other parametrisations."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import dimpulse

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    linear_rnn_lag_covariance,
    linear_rnn_lag_weights,
    ntk_gap,
)
from sklearn_linrnn._estimators.parameters import make_seed
from sklearn_linrnn.callback import SpectralRadiusMonitor

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 6, 2)), RNG.normal(1.0, 1.0, (60, 3))
NU, RATES = {"nu_w": 0.6, "nu_f": 1.5, "nu_c": 0.7}, (0.5, 2.0, 3.0)
KINDS = {
    "rates": {"rates": RATES},
    "standard": {"parametrization": "standard"},
    "mup": {"parametrization": "mup", "rates": RATES},
    "leaky": {"leak": 0.3},
    "layers": {"n_layers": 3},
    "all at once": {"n_layers": 2, "leak": 0.6, "parametrization": "standard", "rates": RATES},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def network(**options):
    return LinearRNNRegressor(**{"n_hidden": 12, "random_state": 0, "max_iter": 8, **NU, **options})


def no_step(step):
    return 0.0


# -- As a module and as a system ---------------------------------------------------------


@every_kind
@pytest.mark.parametrize("init", ["random", "centered"])
def test_the_module_and_the_system_are_the_network(kind, init):
    options = {**KINDS[kind], "init": init, "channel_scale": [0.5, 2.0]}
    model = network(**options, max_iter=20).fit(X, Y)
    with torch.no_grad():
        outputs = model.to_torch()(torch.from_numpy(X))
    assert_allclose(outputs, model.predict(X), rtol=0, atol=1e-12)
    pulses = dimpulse(model.to_state_space(), n=6)[1]
    response = np.stack([part.T for part in pulses], axis=1)
    assert_allclose(response, model.impulse_response_, rtol=0, atol=1e-12)


SOLVERS = {
    "gd": ({}, torch.optim.SGD, {}),
    "momentum and decay": (
        {"momentum": 0.9, "weight_decay": 0.1},
        torch.optim.SGD,
        {"momentum": 0.9, "weight_decay": 0.1},
    ),
    "adam": ({"solver": "adam"}, torch.optim.Adam, {}),
}


def step_rates(kind, solver):
    """Return the factors of the learning rates of transitions, inputs, readout and couplings."""
    of_transition, of_input, of_readout = KINDS[kind].get("rates", (1, 1, 1))
    rates = np.array([of_transition, of_input, of_readout, of_input])
    is_scaled = solver == "adam" and KINDS[kind].get("parametrization") == "mup"
    return rates * 12.0 ** -np.array([1.0, 0.5, 0.5, 1.0]) if is_scaled else rates


@every_kind
@pytest.mark.parametrize("solver", SOLVERS)
def test_training_is_that_of_pytorch_with_a_learning_rate_for_each_group(kind, solver):
    options, optimizer, theirs = SOLVERS[solver]
    ours = {**KINDS[kind], **options, "fit_intercept": False, "learning_rate": 0.01}
    start = network(**ours, schedule=no_step, max_iter=1).fit(X, Y)
    module = start.to_torch()
    module.bias.requires_grad_(False)
    parameters = [module.transition, module.input, module.readout, module.coupling]
    groups = [
        {"params": [parameter], "lr": 0.01 * rate}
        for parameter, rate in zip(parameters, step_rates(kind, solver), strict=True)
        if parameter is not None
    ]
    rule = optimizer(groups, **theirs)
    for _ in range(5):
        rule.zero_grad()
        misses = module(torch.from_numpy(X)) - torch.from_numpy(Y)
        (0.5 * misses.square().sum(dim=1).mean()).backward()
        rule.step()
    model = network(**ours, max_iter=5).fit(X, Y)
    names = ["transition", "input", "readout", "coupling"][: len(groups)]
    for name in names:
        expected = getattr(module, name).detach()
        assert_allclose(getattr(model, f"{name}_"), expected, rtol=0, atol=1e-10)


# -- Rates -------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["gd", "adam"])
@pytest.mark.parametrize(
    ("frozen", "names"),
    [(0, ["transition_"]), (1, ["input_", "coupling_"]), (2, ["readout_"])],
)
def test_a_rate_of_zero_leaves_a_group_as_it_was_drawn(solver, frozen, names):
    rates = [0.0 if index == frozen else 1.0 for index in range(3)]
    options = {"solver": solver, "rates": rates, "n_layers": 2}
    start, trained = (network(**options, **more).fit(X, Y) for more in ({"schedule": no_step}, {}))
    for name in ("transition_", "input_", "readout_", "coupling_"):
        is_same = np.array_equal(getattr(start, name), getattr(trained, name))
        assert is_same == (name in names), name


@pytest.mark.parametrize("solver", ["gd", "adam"])
def test_a_factor_of_all_rates_is_one_of_the_learning_rate(solver):
    options = {"solver": solver, "momentum": 0.5}
    one = network(**options, rates=(2.0, 2.0, 2.0), learning_rate=0.02).fit(X, Y)
    other = network(**options, learning_rate=0.04).fit(X, Y)
    assert_allclose(one.impulse_response_, other.impulse_response_, rtol=1e-10)


def test_lag_weights_count_each_group_with_its_rate():
    of_transition, of_input, of_readout = RATES
    nu_w, nu_f, nu_c = NU.values()
    lag = np.arange(6.0)
    expected = of_transition * nu_c * nu_f * lag * nu_w ** (lag - 1)
    expected += (of_input * nu_c + of_readout * nu_f) * nu_w**lag
    assert_allclose(network(rates=RATES).fit(X, Y).lag_weights_, expected, rtol=1e-13)


@pytest.mark.parametrize("kind", ["rates", "all at once"])
def test_rates_have_no_meaning_for_lbfgs(kind):
    with pytest.raises(ValueError, match=r"rates.*solver='lbfgs'.*got \(0.5, 2.0, 3.0\)"):
        network(**KINDS[kind], solver="lbfgs").fit(X, Y)


def test_lbfgs_trains_any_network_of_equal_rates():
    model = network(solver="lbfgs", n_layers=2, leak=0.5, parametrization="mup").fit(X, Y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@pytest.mark.parametrize(
    "rates",
    [
        (1.0, 1.0),
        (1.0, -1.0, 1.0),
        (0, 0, 0),
        "abc",
        2.0,
        (1.0, np.inf, 1.0),
        (1, None, 1),
        [[1] * 3],
    ],
    ids=str,
)
def test_rates_that_cannot_be_are_errors(rates):
    with pytest.raises(ValueError, match=r"'rates' parameter.*three numbers"):
        network(rates=rates).fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [("leak", 0.0), ("leak", 1.1), ("n_layers", 0), ("n_layers", 1.5), ("parametrization", "sp")],
)
def test_options_that_cannot_be_are_errors(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        network(**{name: value}).fit(X, Y)


def test_a_penalty_is_steepest_for_the_fastest_group():
    """With a strong one the learning rate is the inverse of its own curvature."""
    options = {"weight_decay": 1e4, "rates": RATES, "max_iter": 5}
    model = network(**options).fit(X, Y)
    assert_allclose(model.learning_rate_, 1 / (3.0 * 1e4), rtol=0.01)
    assert (np.diff(model.loss_curve_) < 0).all()


# -- Fits that go on ---------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("solver", ["gd", "adam"])
def test_a_fit_that_goes_on_is_one_fit(kind, solver):
    options = {**KINDS[kind], "solver": solver, "momentum": 0.5, "learning_rate": 0.01}
    whole = network(**options, max_iter=12).fit(X, Y)
    parts = network(**options, max_iter=6, warm_start=True).fit(X, Y)
    parts = pickle.loads(pickle.dumps(parts)).fit(X, Y)
    assert_allclose(parts.impulse_response_, whole.impulse_response_, rtol=1e-11)
    added = network(**options).partial_fit(X[:30], Y[:30]).partial_fit(X[30:], Y[30:])
    assert added.n_iter_ == 16
    assert np.isfinite(added.impulse_response_).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_layers", 2), ("leak", 0.5), ("parametrization", "mup"), ("n_hidden", 13)],
)
def test_training_does_not_go_on_as_another_network(name, value):
    model = network(warm_start=True).fit(X, Y)
    before = model.impulse_response_
    with pytest.raises(ValueError, match=f"{name}=.*but these data need.*{name}={value!r}"):
        model.set_params(**{name: value}).fit(X, Y)
    assert model.impulse_response_ is before


def test_only_layers_have_couplings():
    model = network(n_layers=3).fit(X, Y)
    assert model.transition_.shape == (3, 12, 12)
    assert model.coupling_.shape == (2, 12, 12)
    model.set_params(n_layers=1).fit(X, Y)
    assert model.transition_.shape == (12, 12)
    assert not hasattr(model, "coupling_")


# -- Parametrisations --------------------------------------------------------------------


@pytest.mark.parametrize("parametrization", ["standard", "mup"])
def test_a_parametrisation_is_the_first_with_an_output_and_rates_of_its_own(parametrization):
    """A factor of ``n^{-1/2}`` of the output, rates times ``n``; targets are scaled with it."""
    n, options = 12, {"learning_rate": 0.01, "init": "centered"}
    theirs = network(**options, parametrization=parametrization).fit(X, Y)
    # With the output divided by s the loss is that of targets times s, over s^2.
    ours = network(**options, rates=(1.0, 1.0, 1.0)).fit(X, n**0.5 * Y)
    assert_allclose(theirs.impulse_response_, ours.impulse_response_ / n**0.5, rtol=1e-9)
    assert_array_equal(theirs.lag_weights_, ours.lag_weights_)


@pytest.mark.parametrize("parametrization", ["standard", "mup"])
def test_parameters_are_those_of_the_equations(parametrization):
    """Both are without factors of ``n`` in the initial function ``C W^j F``."""
    model = network(parametrization=parametrization, schedule=no_step, max_iter=1).fit(X, Y)
    W, F, C = model.transition_, model.input_, model.readout_
    expected = np.stack([C @ np.linalg.matrix_power(W, j) @ F for j in range(6)], axis=2)
    assert_allclose(model.impulse_response_, expected, rtol=1e-10)
    plain = network(schedule=no_step, max_iter=1).fit(X, Y)
    for name in ("transition_", "input_", "readout_"):
        assert_allclose(getattr(model, name) * 12**0.5, getattr(plain, name), rtol=1e-13)


def test_learning_rates_of_adam_transfer_between_widths_in_the_maximal_update_parametrisation():
    """The first iteration moves every parameter by its rate, whatever the gradient.

    In "mup" the response moves as far at any width, else it moves the further the wider.
    """

    def moved(parametrization, n_hidden):
        options = {"solver": "adam", "learning_rate": 0.02, "init": "centered", "max_iter": 1}
        model = network(**options, parametrization=parametrization, n_hidden=n_hidden)
        return np.linalg.norm(model.fit(X, Y).impulse_response_)

    narrow, wide = (moved("mup", n) for n in (64, 1024))
    assert 0.7 < wide / narrow < 1.4
    narrow, wide = (moved("standard", n) for n in (64, 1024))
    assert wide / narrow > 3


# -- The limit ---------------------------------------------------------------------------


def short_memory():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 8, 3))
    teacher = rng.normal(size=(8, 3)) * 0.5 ** np.arange(8)[::-1, None]
    return x, (x * teacher).sum(axis=(1, 2))


LIMITS = {
    "rates": {"rates": RATES},
    "no transition": {"rates": (0.0, 1.0, 1.0)},
    "leaky": {"leak": 0.4},
    "leaky orthogonal": {"leak": 0.4, "transition_init": "orthogonal"},
    "two layers": {"n_layers": 2},
    "all at once": {"n_layers": 3, "leak": 0.7, "rates": RATES},
}


@pytest.mark.parametrize("kind", LIMITS)
def test_a_trained_network_goes_to_its_limit_with_the_root_of_the_width(kind):
    """The ratio is 2; medians of 12 gaps have a standard error of a seventh, their ratio of 0.4."""
    x, y = short_memory()
    options = {"nu_w": 0.5, "nu_f": 1.0, "nu_c": 1.0}
    kernel = linear_rnn_lag_covariance(8, **options, **LIMITS[kind])
    prior = {"prior": kernel} if kernel.ndim == 2 else {"prior": np.diag(kernel)}
    y = 0.1 * y  # targets that do not move the parameters
    limit = NTKConvRegressor(**prior, alpha=0, n_steps=5).fit(x, y).impulse_response_

    def gap(n_hidden, seed):
        made = {**options, **LIMITS[kind], "n_hidden": n_hidden, "random_state": seed}
        model = LinearRNNRegressor(**made, init="centered", max_iter=5).fit(x, y)
        return np.linalg.norm(model.impulse_response_ - limit) / np.linalg.norm(limit)

    narrow, wide = (np.median([gap(n, seed) for seed in range(12)]) for n in (48, 192))
    assert 1.2 < narrow / wide < 3.2
    assert wide < 0.2


@pytest.mark.parametrize("kind", ["rates", "leaky", "two layers", "all at once"])
@pytest.mark.parametrize("init", ["random", "centered"])
def test_parts_of_the_gap_add_up_for_every_network(kind, init):
    """Small targets do not move the parameters, so that the width is all that is left."""
    x, y = short_memory()
    made = {**LIMITS[kind], "n_hidden": 100, "init": init, "random_state": 0, "max_iter": 20}
    # A random initial function has to be forgotten: that takes movement of its own.
    gap = ntk_gap(LinearRNNRegressor(**made).fit(x, 1e-3 * y))
    assert abs(gap.total - gap.width) <= gap.movement + 1e-12
    if init == "centered":
        assert gap.movement < 1e-2 * gap.width
        assert gap.kernel < 1e-2
    assert gap.has_lazy_limit


def gaps_of_widths(parametrization):
    """Return median gaps of narrow and of wide networks, with PyTorch's variances, and all gaps.

    The targets are small, but need a longer memory than such networks prefer.
    """
    x = np.random.default_rng(3).normal(size=(400, 10))
    made = {"nu_w": 1 / 3, "nu_f": 1 / 3, "nu_c": 1 / 3, "parametrization": parametrization}
    made |= {"init": "centered", "max_iter": 12}
    gaps = [
        [
            ntk_gap(LinearRNNRegressor(n, **made, random_state=seed).fit(x, 0.1 * x.sum(axis=1)))
            for seed in range(6)
        ]
        for n in (32, 512)
    ]
    return *np.median(gaps, axis=1), [gap for row in gaps for gap in row]


@pytest.mark.parametrize("parametrization", ["standard", "mup"])
def test_pytorchs_parametrisation_has_no_lazy_limit(parametrization):
    """The width is no help: parameters move as far at any width."""
    narrow, wide, gaps = gaps_of_widths(parametrization)
    for name in ("total", "movement", "kernel"):
        index = gaps[0]._fields.index(name)
        assert 0.8 < wide[index] / narrow[index] < 1.25, name
    for gap in gaps:
        assert gap.cause == "parametrization"
        assert not gap.has_lazy_limit
        assert "This parametrisation has no lazy limit" in str(gap)


def test_the_parametrisation_of_the_theory_has_a_lazy_limit():
    """Sixteen times the width is a quarter of the gap."""
    narrow, wide, gaps = gaps_of_widths("ntk")
    for name in ("total", "width", "movement", "kernel"):
        index = gaps[0]._fields.index(name)
        assert wide[index] < 0.5 * narrow[index], name
    for gap in gaps:
        assert gap.cause != "parametrization"
        assert gap.has_lazy_limit
        assert "no lazy limit" not in str(gap)


def test_a_gradient_that_is_cut_needs_equal_rates():
    model = network(max_grad_norm=1.0, rates=RATES).fit(X, Y)
    with pytest.raises(ValueError, match=r"equal rates.*rates=\(0.5, 2.0, 3.0\)"):
        ntk_gap(model)


@every_kind
def test_empirical_lag_weights_of_a_wide_network_are_near_the_limit(kind):
    model = network(**KINDS[kind], n_hidden=800, max_iter=1).fit(X, Y)
    ours = model.empirical_lag_weights(at_start=True)
    assert_allclose(ours, model.lag_weights_, rtol=0, atol=0.2 * model.lag_weights_.max())


def test_layers_and_a_leak_remember_longer():
    plain, deep, leaky = (
        linear_rnn_lag_covariance(40, **each) for each in ({}, {"n_layers": 3}, {"leak": 0.2})
    )
    assert_array_equal(plain, linear_rnn_lag_weights(40))
    means = [np.average(np.arange(40), weights=w) for w in (plain, deep, np.diag(leaky))]
    assert means[1] > 1.5 * means[0]
    assert means[2] > 1.5 * means[0]


# -- Along training ----------------------------------------------------------------------


@every_kind
def test_the_radius_is_that_of_the_states(kind):
    monitor = SpectralRadiusMonitor()
    model = network(**KINDS[kind], max_iter=3).set_callbacks(monitor).fit(X, Y)
    # The states of the system are those of the network.
    expected = np.abs(np.linalg.eigvals(model.to_state_space().A)).max()
    assert_allclose(monitor.radii_[-1], expected, rtol=1e-9)


def test_a_seed_draws_one_network_whatever_the_dtype():
    assert make_seed(0) == make_seed(0)
    options = {"n_layers": 2, "parametrization": "mup", "schedule": no_step, "max_iter": 1}
    one, other = (network(**options, dtype=dtype).fit(X, Y) for dtype in ("float64", "float32"))
    for name in ("transition_", "input_", "readout_", "coupling_"):
        assert getattr(other, name).dtype == np.float32
        assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-6)


@pytest.mark.cuda
@every_kind
@pytest.mark.parametrize("solver", ["gd", "adam"])
def test_cuda_trains_as_the_cpu_does(kind, solver):
    """There each group has a learning rate that a captured step reads anew."""
    options = {**KINDS[kind], "solver": solver, "schedule": "cosine", "max_iter": 30}
    cpu, cuda = (network(**options, device=device).fit(X, Y) for device in ("cpu", "cuda"))
    assert_allclose(cuda.impulse_response_, cpu.impulse_response_, rtol=0, atol=1e-9)
    assert cuda.n_iter_ == cpu.n_iter_
