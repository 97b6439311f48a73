"""Full-batch training: trajectories, stopping, divergence."""

import math
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from sklearn_linrnn import LagStatistics, LinearRNNRegressor, WeightedConv1DRegressor
from sklearn_linrnn._core.convolution import ScaledConvolution
from sklearn_linrnn._core.optimize import Adam, GradientDescent, Stopping, train
from sklearn_linrnn._core.recurrence import initialise
from sklearn_linrnn._validation.parameters import make_generator


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 8)), rng.normal(0.5, 1.0, (60, 2))
    return X, y + X[:, -2:], rng.uniform(0.1, 2.0, 60)


def silent(step, loss):
    pass


def sample_loss(model, X, y, w=None):
    """Return the loss of a fitted estimator as a sum over samples."""
    w = np.ones(len(y)) if w is None else w
    return float((w @ (y - model.predict(X)) ** 2).sum() / (2 * w.sum()))


TORCH_OPTIMIZERS = {
    "gradient descent": (
        lambda p: GradientDescent(p, 0.05, 0.0, adaptive=False),
        lambda p: torch.optim.SGD(p, lr=0.05),
    ),
    "momentum": (
        lambda p: GradientDescent(p, 0.05, 0.9, adaptive=False),
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    ),
    "Adam": (
        lambda p: Adam(p, 0.01, betas=(0.8, 0.999)),
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.999)),
    ),
}


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_trajectory_is_that_of_pytorch_on_the_samples(name, data):
    X, y, w = data
    make_ours, make_theirs = TORCH_OPTIMIZERS[name]
    scale = torch.linspace(0.5, 1.5, 8, dtype=torch.float64)[:, None]
    model = ScaledConvolution(scale, 2)
    statistics = LagStatistics.from_windows(X, y, sample_weight=w)
    training = train(
        model, statistics, None, make_ours(model.parameters), Stopping(30, 0.0, 10), silent
    )

    z, targets, weights = map(torch.from_numpy, (X[:, ::-1].copy(), y, w))
    theta = torch.zeros(8, 2, dtype=torch.float64, requires_grad=True)

    def loss():
        miss = targets - z @ (scale * theta)
        miss = miss - (weights @ miss / weights.sum()).detach()
        return (weights @ miss.square()).sum() / (2 * weights.sum())

    optimizer, expected = make_theirs([theta]), []
    for _ in range(30):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        expected.append(loss().item())
    assert_allclose(training.losses, expected, rtol=1e-12)
    assert_allclose(model.parameters[0], theta.detach(), rtol=1e-10, atol=1e-13)


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


def test_loss_falls_at_every_automatic_step(data):
    X, y, _ = data
    curve = WeightedConv1DRegressor(max_iter=200).fit(X, y).loss_curve_
    assert (np.diff(curve) <= 1e-15).all()


def test_automatic_step_is_the_inverse_of_the_largest_curvature_for_both(data):
    X, y, _ = data
    conv = WeightedConv1DRegressor(nu_w=0.7, max_iter=1).fit(X, y)
    network = LinearRNNRegressor(20, nu_w=0.7, max_iter=1, random_state=0).fit(X, y)
    scaled = (X - X.mean(axis=0))[:, ::-1] * np.sqrt(conv.lag_weights_)
    expected = len(X) / np.linalg.norm(scaled, 2) ** 2
    assert_allclose([conv.learning_rate_, network.learning_rate_], expected, rtol=1e-12)


# -- Stopping ----------------------------------------------------------------------------


def test_without_tolerance_all_steps_are_taken(data):
    X, y, _ = data
    model = WeightedConv1DRegressor(max_iter=3000, n_iter_no_change=1).fit(X, y)
    assert model.n_iter_ == 3000


def test_training_stops_after_patient_steps_without_progress(data):
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


def test_running_out_of_steps_before_the_tolerance_is_a_warning(data):
    X, y, _ = data
    with pytest.warns(ConvergenceWarning, match=r"max_iter=3 .*tol=1e-06"):
        WeightedConv1DRegressor(tol=1e-6, max_iter=3).fit(X, y)


# -- Divergence --------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_divergence_keeps_the_best_parameters_and_names_its_step(momentum, data):
    X, y, _ = data
    stable = WeightedConv1DRegressor(max_iter=1).fit(X, y).learning_rate_
    model = WeightedConv1DRegressor(learning_rate=6 * stable, momentum=momentum)
    with (
        pytest.warns(UserWarning, match="past the stable limit"),
        pytest.warns(ConvergenceWarning, match="diverged at step") as record,
    ):
        model.fit(X, y)
    message = next(str(r.message) for r in record if r.category is ConvergenceWarning)
    assert int(re.search(r"step (\d+)", message)[1]) == model.n_iter_ < 500
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


def test_a_chosen_step_is_kept_even_if_the_loss_rises(data):
    X, y, _ = data
    rate = 2.2 * WeightedConv1DRegressor(max_iter=1).fit(X, y).learning_rate_
    with pytest.warns(UserWarning, match="stable"):
        model = WeightedConv1DRegressor(learning_rate=rate, max_iter=2).fit(X, y)
    assert model.learning_rate_ == rate


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_an_adaptive_optimizer_halves_its_step_until_training_is_stable(momentum, data):
    X, y, _ = data
    statistics = LagStatistics.from_windows(X, y)
    stable = WeightedConv1DRegressor("flat", max_iter=1).fit(X, y).learning_rate_
    model = ScaledConvolution(torch.ones(8, 1, dtype=torch.float64), 2)
    optimizer = GradientDescent(model.parameters, 100 * stable, momentum, adaptive=True)
    training = train(model, statistics, None, optimizer, Stopping(400, 0.0, 10), silent)
    halvings = math.log2(100 * stable / optimizer.learning_rate)
    assert halvings == round(halvings)
    assert optimizer.learning_rate <= 2 * (1 + momentum) * stable
    assert training.outcome == "max_iter"
    centred = X[:, ::-1] - X.mean(axis=0)[::-1]
    assert_allclose(model.response(), np.linalg.lstsq(centred, y - y.mean(axis=0))[0], atol=1e-6)


def test_automatic_steps_of_a_network_shrink_when_it_leaves_its_limit():
    """Targets far larger than sqrt(n_hidden): the limit's stable step is not the network's."""
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
    start = initialise(30, 1, 1, (0.5, 1.0, 1.0), make_generator(0))
    fitted = model.transition_, model.input_, model.readout_
    for ours, theirs in zip(fitted, start, strict=True):
        assert_array_equal(ours, theirs)


def test_the_curve_ends_with_the_loss_of_the_parameters_that_are_kept():
    """Also where the last step was taken back, because the loss rose above its start."""
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


def test_held_out_steps_of_a_recording_keep_the_inputs_before_them():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(100, 1)), rng.normal(size=100)
    model = WeightedConv1DRegressor(
        rows="timesteps", n_lags=5, early_stopping=True, validation_fraction=0.2, max_iter=3
    ).fit(x, y)
    again = WeightedConv1DRegressor(rows="timesteps", n_lags=5, max_iter=3).fit(x[:80], y[:80])
    held_out = y[80:] - again.predict(x)[80:]
    assert_allclose(model.validation_loss_curve_[-1], (held_out**2).mean() / 2, rtol=1e-12)
