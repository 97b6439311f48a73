"""Full-batch training: trajectories, stopping, divergence."""

import math
import re
from dataclasses import fields

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_linrnn import LagStatistics, LinearRNNRegressor, WeightedConv1DRegressor
from sklearn_linrnn._core.networks.network import LinearRNNModel, RNNParameters, initialise
from sklearn_linrnn._core.networks.scaled_convolution import ScaledConvolution
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.training.loop import Stopping, Training
from sklearn_linrnn._core.training.objective import Objective
from sklearn_linrnn._core.training.optimizers import LBFGS, Adam, GradientDescent
from sklearn_linrnn._core.training.schedules import SCHEDULES, scheduled_share
from sklearn_linrnn._estimators.parameters import make_seed


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 8)), rng.normal(0.5, 1.0, (60, 2))
    return X, y + X[:, -2:], rng.uniform(0.1, 2.0, 60)


def constant(step):
    return 1.0


def train(objective, optimizer, rate, n_steps, schedule=constant, *, on_device=False, **stopping):
    stopping = Stopping(n_steps, stopping.pop("tol", 0.0), stopping.pop("patience", 10))
    training = Training(objective, optimizer, stopping, rate, schedule, on_device=on_device)
    while training.outcome is None:
        training.run(7)
    training.finish()
    return training


def sample_loss(model, X, y, w=None):
    """Return the loss of a fitted estimator as a sum over samples."""
    w = np.ones(len(y)) if w is None else w
    return float((w @ (y - model.predict(X)) ** 2).sum() / (2 * w.sum()))


# Ours with its learning rate, theirs, and its options.
TORCH_OPTIMIZERS = {
    "gradient descent": (GradientDescent, 0.05, torch.optim.SGD, {}),
    "momentum": (
        lambda p: GradientDescent(p, 0.9),
        0.05,
        lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
        {},
    ),
    "Nesterov": (
        lambda p: GradientDescent(p, 0.9, nesterov=True),
        0.05,
        lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True),
        {},
    ),
    "weight decay": (
        lambda p: GradientDescent(p, 0.5),
        0.05,
        lambda p, lr: torch.optim.SGD(p, lr, momentum=0.5, weight_decay=0.3),
        {"weight_decay": 0.3},
    ),
    "clipping": (GradientDescent, 0.05, torch.optim.SGD, {"max_grad_norm": 0.1}),
    "Adam": (
        lambda p: Adam(p, 0.8),
        0.01,
        lambda p, lr: torch.optim.Adam(p, lr, betas=(0.8, 0.999)),
        {},
    ),
    "Adam with weight decay": (
        lambda p: Adam(p, 0.9),
        0.01,
        lambda p, lr: torch.optim.Adam(p, lr, weight_decay=0.3),
        {"weight_decay": 0.3},
    ),
    "L-BFGS": (
        LBFGS,
        1.0,
        lambda p, lr: torch.optim.LBFGS(
            p,
            lr,
            max_iter=1,
            max_eval=25,
            history_size=10,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        ),
        {},
    ),
}


def made_convolution():
    root = PriorRoot(torch.linspace(0.5, 1.5, 8, dtype=torch.float64), 1)
    return ScaledConvolution(root, 2, torch.float64)


def trained_on_samples(
    data, make, rate, n_steps, schedule=constant, *, weight_decay, max_grad_norm
):
    """Return losses and parameters of a convolution trained by PyTorch on the samples."""
    X, y, w = data
    scale = torch.linspace(0.5, 1.5, 8, dtype=torch.float64)[:, None]
    z, targets, weights = map(torch.from_numpy, (X[:, ::-1].copy(), y, w))
    theta = torch.zeros(8, 2, dtype=torch.float64, requires_grad=True)
    optimizer, losses = make([theta], rate), []

    def loss():
        miss = targets - z @ (scale * theta)
        miss = miss - (weights @ miss / weights.sum()).detach()
        return (weights @ miss.square()).sum() / (2 * weights.sum())

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_([theta], max_grad_norm)
        return value

    for step in range(n_steps):
        optimizer.param_groups[0]["lr"] = rate * schedule(step)
        closure()
        optimizer.step(closure)
        penalty = 0.5 * weight_decay * theta.square().sum()
        losses.append((loss() + penalty).item())
    return losses, theta.detach()


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_trajectory_is_that_of_pytorch_on_the_samples(name, on_device, data):
    X, y, w = data
    make_ours, rate, make_theirs, options = TORCH_OPTIMIZERS[name]
    if on_device and name == "L-BFGS":
        pytest.skip("its searches run on the host")
    options = {"weight_decay": 0.0, "max_grad_norm": math.inf, **options}
    model = made_convolution()
    objective = Objective(model, LagStatistics.from_windows(X, y, sample_weight=w), **options)
    training = train(objective, make_ours(model.parameters), rate, 30, on_device=on_device)
    losses, theta = trained_on_samples(data, make_theirs, rate, 30, **options)
    assert_allclose([row[0] for row in training.rows], losses[: len(training.rows)], rtol=1e-12)
    # The loss says of its minimum half of the digits.
    assert_allclose(model.parameters[0], theta, rtol=0, atol=1e-7 if name == "L-BFGS" else 1e-12)
    assert training.outcome == ("converged" if name == "L-BFGS" else "max_iter")


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_that_of_pytorch_on_the_samples(name, on_device, data):
    X, y, w = data

    def schedule(step):
        return scheduled_share(name, step, 100)

    model = made_convolution()
    objective = Objective(model, LagStatistics.from_windows(X, y, sample_weight=w))
    optimizer = GradientDescent(model.parameters, 0.5)
    training = train(objective, optimizer, 0.05, 100, schedule, on_device=on_device)
    losses, theta = trained_on_samples(
        data,
        lambda p, lr: torch.optim.SGD(p, lr, momentum=0.5),
        0.05,
        100,
        schedule,
        weight_decay=0.0,
        max_grad_norm=math.inf,
    )
    assert_allclose([row[0] for row in training.rows], losses, rtol=1e-12)
    assert_allclose(model.parameters[0], theta, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("linear", torch.optim.lr_scheduler.LinearLR),
        ("cosine", torch.optim.lr_scheduler.CosineAnnealingLR),
    ],
)
def test_named_schedules_are_those_of_pytorch(name, theirs):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    if name == "linear":
        scheduler = theirs(optimizer, 1.0, 1e-12, total_iters=50)
    else:
        scheduler = theirs(optimizer, 50)
    for step in range(50):
        assert_allclose(scheduled_share(name, step, 50), scheduler.get_last_lr()[0], atol=1e-10)
        optimizer.step()
        scheduler.step()


# -- On a device ---------------------------------------------------------------------------


def made_network(scale=1.0, n_hidden=9, seed=0):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(50, 8)), rng.normal(size=(50, 2))
    y = scale * (y + X[:, -2:].cumsum(axis=1))
    start = initialise(n_hidden, 1, 2, (0.5, 1.0, 1.0), torch.Generator().manual_seed(seed))
    statistics = [
        LagStatistics.from_windows(X[part], y[part]) for part in (slice(40), slice(40, 50))
    ]
    return LinearRNNModel(RNNParameters(*start), 8), *statistics


@pytest.mark.parametrize(
    ("scale", "rate", "options", "stopping"),
    [
        (1.0, 0.05, {}, {}),
        (1.0, 0.05, {"momentum": 0.9, "nesterov": True}, {}),
        (1.0, 0.3, {}, {"tol": 1e-3, "patience": 3}),
        (30.0, 1.0, {"adaptive": True}, {}),
        (30.0, 1.0, {"adaptive": True, "momentum": 0.7}, {}),
        (30.0, 1.0, {}, {}),
        (1e150, 1.0, {"adaptive": True, "momentum": 0.7}, {}),
    ],
    ids=["plain", "Nesterov", "tolerance", "adaptive", "adaptive momentum", "diverging", "huge"],
)
@pytest.mark.parametrize("held_out", [False, True])
def test_a_training_that_decides_on_the_device_is_that_on_the_host(
    scale, rate, options, stopping, held_out
):
    found = []
    for on_device in (False, True):
        model, statistics, validation = made_network(scale)
        objective = Objective(model, statistics, validation if held_out else None)
        optimizer = GradientDescent(model.parameters, **options)
        training = train(objective, optimizer, rate, 150, on_device=on_device, **stopping)
        found.append((training.rows, training.outcome, training.rate, model.parameters))
    assert found[0][:3] == found[1][:3]
    for one, other in zip(found[0][3], found[1][3], strict=True):
        assert_array_equal(one, other)
        assert torch.isfinite(one).all()


class NeverAsked(TorchDispatchMode):
    """Raise where a number is read out of a tensor, for which a GPU would be waited for."""

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        if function is torch.ops.aten._local_scalar_dense.default:
            raise AssertionError("a number is read")
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("name", ["gd", "Nesterov", "adaptive"])
def test_iterations_on_a_device_read_no_number_and_leave_tensors_where_they_are(name):
    """So that they can be captured as a CUDA graph, and run without waiting for the device."""
    model, statistics, validation = made_network()
    objective = Objective(model, statistics, validation, 0.1, max_grad_norm=1.0)
    optimizer = {
        "gd": GradientDescent(model.parameters),
        "Nesterov": GradientDescent(model.parameters, 0.9, nesterov=True),
        "adaptive": GradientDescent(model.parameters, 0.9, adaptive=True),
    }[name]
    training = Training(objective, optimizer, Stopping(9, 0.1, 3), 0.1, constant, on_device=True)

    def places():
        now = [getattr(training._now, field.name) for field in fields(training._now)]
        state = [*now, training._row, training._gradient, *training._best, *optimizer.memory()]
        return [tensor.data_ptr() for tensor in (*state, *model.parameters, *model.gradients)]

    before = places()
    with NeverAsked():
        for _ in range(3):
            training._iterate()
        with pytest.raises(AssertionError, match="a number is read"):
            bool(training._now.going)
    assert places() == before
    assert int(training._now.step) == 3


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("make", [WeightedConv1DRegressor, LinearRNNRegressor])
@pytest.mark.parametrize("solver", ["gd", "adam"])
def test_last_loss_of_the_curve_is_that_of_the_predictions(make, solver, dtype, data):
    X, y, w = data
    model = make(solver=solver, max_iter=25, dtype=dtype).set_params(
        **({"n_hidden": 40, "random_state": 0} if make is LinearRNNRegressor else {})
    )
    model.fit(X, y, w)
    assert len(model.loss_curve_) == model.n_iter_ == 25
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert_allclose(model.loss_curve_[-1], sample_loss(model, X, y, w), rtol=tolerance)


def test_loss_falls_at_every_iteration_with_the_automatic_learning_rate(data):
    X, y, _ = data
    curve = WeightedConv1DRegressor(max_iter=200).fit(X, y).loss_curve_
    assert (np.diff(curve) <= 1e-15).all()


def test_the_automatic_learning_rate_is_the_inverse_of_the_largest_curvature_for_both(data):
    X, y, _ = data
    conv = WeightedConv1DRegressor(nu_w=0.7, max_iter=1).fit(X, y)
    network = LinearRNNRegressor(20, nu_w=0.7, max_iter=1, random_state=0).fit(X, y)
    scaled = (X - X.mean(axis=0))[:, ::-1] * np.sqrt(conv.lag_weights_)
    expected = len(X) / np.linalg.norm(scaled, 2) ** 2
    assert_allclose([conv.learning_rate_, network.learning_rate_], expected, rtol=1e-12)


# -- Stopping ----------------------------------------------------------------------------


def test_without_tolerance_all_iterations_are_done(data):
    X, y, _ = data
    model = WeightedConv1DRegressor(max_iter=3000, n_iter_no_change=1).fit(X, y)
    assert model.n_iter_ == 3000


def test_training_stops_after_patient_iterations_without_progress(data):
    X, y, _ = data
    tol, patience = 1e-3, 4
    options = {"tol": tol, "n_iter_no_change": patience, "max_iter": 5000}
    curve = WeightedConv1DRegressor(**options).fit(X, y).loss_curve_
    whole = WeightedConv1DRegressor(max_iter=len(curve) + 1).fit(X, y).loss_curve_
    assert_array_equal(curve, whole[: len(curve)])
    reference, last_progress = math.inf, 0
    for step, loss in enumerate(curve, start=1):
        if loss < (1 - tol) * reference:
            reference, last_progress = loss, step
        assert step - last_progress <= patience
    assert len(curve) - last_progress == patience


def test_running_out_of_iterations_before_the_tolerance_is_a_warning(data):
    X, y, _ = data
    with pytest.warns(ConvergenceWarning, match=r"max_iter=3 .*tol=1e-06"):
        WeightedConv1DRegressor(tol=1e-6, max_iter=3).fit(X, y)


# -- Divergence --------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_divergence_keeps_the_best_parameters_and_names_its_iteration(momentum, data):
    X, y, _ = data
    stable = WeightedConv1DRegressor(max_iter=1).fit(X, y).learning_rate_
    model = WeightedConv1DRegressor(learning_rate=6 * stable, momentum=momentum)
    with (
        pytest.warns(UserWarning, match="above the stable limit"),
        pytest.warns(ConvergenceWarning, match="diverged at iteration") as record,
    ):
        model.fit(X, y)
    message = next(str(r.message) for r in record if r.category is ConvergenceWarning)
    assert int(re.search(r"iteration (\d+)", message)[1]) == model.n_iter_ < 500
    assert np.isfinite(model.loss_curve_).all()
    at_start = ((y - y.mean(axis=0)) ** 2).sum() / (2 * len(y))
    best = min(at_start, model.loss_curve_.min())
    assert_allclose(sample_loss(model, X, y), best, rtol=1e-12)


def test_the_limit_that_a_warning_names_is_that_of_stability(data):
    X, y, _ = data
    stable = WeightedConv1DRegressor(max_iter=1).fit(X, y).learning_rate_
    below = WeightedConv1DRegressor(learning_rate=1.999 * stable, max_iter=500).fit(X, y)
    assert below.loss_curve_[-1] < below.loss_curve_[0]
    with pytest.warns(UserWarning, match=f"stable limit {2 * stable:.4g}"):
        WeightedConv1DRegressor(learning_rate=2.001 * stable, max_iter=1).fit(X, y)


def test_a_given_learning_rate_is_kept_even_if_the_loss_rises(data):
    X, y, _ = data
    rate = 2.2 * WeightedConv1DRegressor(max_iter=1).fit(X, y).learning_rate_
    with pytest.warns(UserWarning, match="stable"):
        model = WeightedConv1DRegressor(learning_rate=rate, max_iter=2).fit(X, y)
    assert model.learning_rate_ == rate


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_an_adaptive_optimizer_halves_its_learning_rate_until_training_is_stable(momentum, data):
    X, y, _ = data
    statistics = LagStatistics.from_windows(X, y)
    stable = WeightedConv1DRegressor("flat", max_iter=1).fit(X, y).learning_rate_
    model = ScaledConvolution(PriorRoot(torch.ones(8, dtype=torch.float64), 1), 2, torch.float64)
    optimizer = GradientDescent(model.parameters, momentum, adaptive=True)
    training = train(Objective(model, statistics), optimizer, 100 * stable, 400)
    halvings = math.log2(100 * stable / training.rate)
    assert halvings == round(halvings)
    assert training.rate <= 2 * (1 + momentum) * stable
    assert training.outcome == "max_iter"
    centred = X[:, ::-1] - X.mean(axis=0)[::-1]
    assert_allclose(model.response(), np.linalg.lstsq(centred, y - y.mean(axis=0))[0], atol=1e-6)


def test_the_automatic_learning_rate_of_a_network_shrinks_when_it_leaves_its_limit():
    """Targets far larger than sqrt(n_hidden): what is stable in the limit is not so here."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 12))
    y = 30.0 * X.sum(axis=1)
    first = LinearRNNRegressor(30, max_iter=1, random_state=0).fit(X, 1e-3 * y).learning_rate_
    model = LinearRNNRegressor(30, init="centered", max_iter=300, random_state=0).fit(X, y)
    halvings = math.log2(first / model.learning_rate_)
    assert halvings >= 1
    assert_allclose(halvings, round(halvings), atol=1e-9)
    assert np.isfinite(model.impulse_response_).all()
    assert sample_loss(model, X, y) < y.var() / 2, "where it started"


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("scale", [1e2, 1e12])
def test_a_step_taken_back_leaves_the_parameters_as_they_were(scale, momentum):
    """Exactly so: adding a step of 1e12 again would lose all digits of what it was taken from."""
    X = np.random.default_rng(1).normal(size=(200, 12))
    options = {"max_iter": 1, "momentum": momentum, "random_state": 0}
    model = LinearRNNRegressor(30, **options).fit(X, scale * X.sum(axis=1))
    start = initialise(30, 1, 1, (0.5, 1.0, 1.0), torch.Generator().manual_seed(make_seed(0)))
    fitted = model.transition_, model.input_, model.readout_
    for ours, theirs in zip(fitted, start, strict=True):
        assert_array_equal(ours, theirs)


def test_the_curve_ends_with_the_loss_of_the_parameters_that_are_kept():
    """Also where the last iteration was taken back, because the loss rose above its first value."""
    X = np.random.default_rng(1).normal(size=(200, 12))
    y = 30.0 * X.sum(axis=1)
    for n_steps in (1, 2, 3, 4, 5):
        model = LinearRNNRegressor(30, max_iter=n_steps, random_state=0).fit(X, y)
        assert_allclose(model.loss_curve_[-1], sample_loss(model, X, y), rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_are_finite_however_large_the_targets_are(dtype):
    X = np.random.default_rng(1).normal(size=(200, 12))
    y = 1e4 * X.sum(axis=1)
    model = LinearRNNRegressor(30, max_iter=60, dtype=dtype, random_state=1).fit(X, y)
    assert np.isfinite(model.impulse_response_).all()
    assert np.isfinite(model.loss_curve_).all()


def test_constant_targets_are_learned_at_once():
    X = np.random.default_rng(2).normal(size=(50, 5))
    for rate in ("auto", 0.1):
        model = WeightedConv1DRegressor(learning_rate=rate, max_iter=50).fit(X, np.full(50, 0.1))
        assert_allclose(model.impulse_response_, 0.0, atol=1e-15)
        assert_allclose(model.intercept_, 0.1)


# -- Early stopping ----------------------------------------------------------------------


@pytest.fixture
def noisy():
    """Return data on which long training overfits."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 40))
    return X, X[:, -1] + rng.normal(size=60)


def test_early_stopping_returns_to_the_best_validation_loss(noisy):
    X, y = noisy
    model = WeightedConv1DRegressor("flat", early_stopping=True, validation_fraction=0.25)
    model.fit(X, y)
    best = int(model.validation_loss_curve_.argmin()) + 1
    assert model.n_iter_ == best + 10 < 500, "patience is over ten steps after the best one"
    again = WeightedConv1DRegressor("flat", max_iter=best).fit(X[:45], y[:45])
    assert_allclose(model.impulse_response_, again.impulse_response_, rtol=1e-10, atol=1e-13)
    assert_allclose(model.intercept_, again.intercept_, rtol=1e-10, atol=1e-13)


def test_validation_losses_are_those_of_held_out_predictions(noisy):
    X, y = noisy
    options = {"lag_weights": "flat", "max_iter": 7}
    model = WeightedConv1DRegressor(**options, early_stopping=True, validation_fraction=0.25)
    model.fit(X, y)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == model.n_iter_ == 7
    again = WeightedConv1DRegressor(**options).fit(X[:45], y[:45])
    assert_allclose(model.loss_curve_[-1], sample_loss(again, X[:45], y[:45]), rtol=1e-12)
    held_out = sample_loss(again, X[45:], y[45:])
    assert_allclose(model.validation_loss_curve_[-1], held_out, rtol=1e-12)


def test_held_out_time_steps_of_a_recording_keep_the_inputs_before_them():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(100, 1)), rng.normal(size=100)
    model = WeightedConv1DRegressor(
        rows="timesteps", n_lags=5, early_stopping=True, validation_fraction=0.2, max_iter=3
    ).fit(x, y)
    again = WeightedConv1DRegressor(rows="timesteps", n_lags=5, max_iter=3).fit(x[:80], y[:80])
    held_out = y[80:] - again.predict(x)[80:]
    assert_allclose(model.validation_loss_curve_[-1], (held_out**2).mean() / 2, rtol=1e-12)
