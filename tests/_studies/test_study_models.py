"""How the models of the study are trained: one rule stops them all."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, WeightedConv1DRegressor
from sklearn_linrnn._studies.study_data import Treatment, make_data
from sklearn_linrnn._studies.study_models import (
    HELD_OUT,
    PATIENCE,
    STAGES,
    Part,
    as_given_up,
    train_closed_form,
    train_networks,
    train_scaled_convolution,
)

N_LAGS = 5


@pytest.fixture(scope="module")
def part():
    rng = np.random.default_rng(0)
    y = rng.normal(size=90)
    for t in range(2, len(y)):
        y[t] += 0.5 * y[t - 1] - 0.3 * y[t - 2]
    data = make_data(7 + 3 * y, None, N_LAGS, Treatment(), None)
    return Part.of(data, np.arange(60), np.arange(60, 80))


def slow_end(errors):
    """Return the errors up to where a training that waits would end, step by step."""
    best, progress = np.inf, 0
    for iteration, error in enumerate(errors):
        if error < best:
            best, progress = error, iteration
        elif iteration - progress >= PATIENCE:
            return errors[: iteration + 1]
    return errors


@pytest.mark.parametrize("seed", range(5))
def test_a_training_that_waits_too_long_is_given_up(seed):
    errors = 1 + np.random.default_rng(seed).normal(0, 0.01, size=800).cumsum() ** 2
    kept = slow_end(errors)
    found = as_given_up(errors, 900)
    assert_array_equal(found[: len(kept)], kept)
    assert (found[len(kept) :] == kept[-1]).all()
    assert len(found) == 900


def test_inputs_and_targets_are_standardised_by_their_training_part(part):
    assert_allclose([part.inputs.mean(), part.targets.mean()], 0, atol=1e-12)
    assert_allclose([part.inputs.std(), part.targets.std()], 1)
    assert_allclose(part.squared_errors(part.test_targets + 1), part.unit**2)


@pytest.mark.parametrize(
    ("prior", "lag_weights"), [({"prior": "flat"}, "flat"), ({"nu_w": 0.4}, "linear_rnn")]
)
def test_the_closed_form_stops_where_step_by_step_training_would(part, prior, lag_weights):
    trial = train_closed_form(part, 40, prior.get("prior", "linear_rnn"), **prior_of(prior))
    stepped = WeightedConv1DRegressor(
        lag_weights,
        prior.get("nu_w", 0.5),
        max_iter=40,
        early_stopping=True,
        validation_fraction=HELD_OUT,
        n_iter_no_change=PATIENCE,
    ).fit(part.inputs, part.targets)
    curve = 2 * stepped.validation_loss_curve_
    assert trial.n_iter == np.argmin(curve) + 1
    assert_allclose(trial.held_out_error, curve.min())
    again = WeightedConv1DRegressor(lag_weights, prior.get("nu_w", 0.5), max_iter=trial.n_iter)
    again.fit(part.inputs, part.targets)
    assert_allclose(trial.squared_errors, part.squared_errors(again.predict(part.test_inputs)))
    assert_allclose(trial.response, again.impulse_response_)


def prior_of(prior):
    return {name: value for name, value in prior.items() if name != "prior"}


def test_the_path_is_that_of_fits_with_as_many_iterations(part):
    trial = train_closed_form(part, 10, "linear_rnn", nu_w=0.4)
    for stage, total in zip(STAGES[:6], trial.path, strict=False):
        model = NTKConvRegressor(0.4, alpha=0.0, n_steps=int(stage))
        predictions = model.fit(part.inputs, part.targets).predict(part.test_inputs)
        assert_allclose(total, part.squared_errors(predictions).sum())
    endless = NTKConvRegressor(0.4, alpha=0.0).fit(part.inputs, part.targets)
    expected = part.squared_errors(endless.predict(part.test_inputs)).sum()
    assert_allclose(trial.path[-1], expected, rtol=1e-6)


def test_the_scaled_convolution_is_the_limit(part):
    limit = train_closed_form(part, 30, "linear_rnn", nu_w=0.4)
    twin = train_scaled_convolution(part, limit, 0.4)
    assert_allclose(twin.squared_errors, limit.squared_errors, rtol=1e-8)
    assert_allclose(twin.response, limit.response, rtol=1e-8)


def test_networks_stop_together_where_their_mean_error_is_least(part):
    parameters = {"n_hidden": 30, "nu_w": 0.4}
    trials = train_networks(part, 25, [3, 4], **parameters)
    n_early = len(part.targets) - math.ceil(HELD_OUT * len(part.targets))
    curves = []
    for seed in (3, 4):
        errors = []
        for max_iter in range(1, 26):
            network = LinearRNNRegressor(
                init="centered", dtype="float32", max_iter=max_iter, random_state=seed, **parameters
            ).fit(part.inputs[:n_early], part.targets[:n_early])
            misses = part.targets[n_early:] - network.predict(part.inputs[n_early:])
            errors.append(np.mean(misses**2))
        curves.append(errors)
    mean = np.mean(curves, axis=0)
    assert {trial.n_iter for trial in trials} == {np.argmin(mean) + 1}
    assert_allclose([trial.held_out_error for trial in trials], mean.min(), rtol=1e-4)


def test_then_each_is_trained_on_the_whole_part(part):
    (trial,) = train_networks(part, 25, [3], n_hidden=30, nu_w=0.4)
    network = LinearRNNRegressor(
        30, nu_w=0.4, init="centered", dtype="float32", max_iter=trial.n_iter, random_state=3
    ).fit(part.inputs, part.targets)
    assert_allclose(trial.response, network.impulse_response_)
    predictions = network.predict(part.test_inputs)
    assert_allclose(trial.squared_errors, part.squared_errors(predictions))


def test_the_test_part_chooses_nothing(part):
    other = Part(
        part.inputs, part.targets, part.test_inputs[::-1], 5 * part.test_targets, part.unit
    )
    for train in (
        lambda p: train_closed_form(p, 30, "flat"),
        lambda p: train_networks(p, 10, [0], n_hidden=10, nu_w=0.4)[0],
    ):
        one, two = train(part), train(other)
        assert one.n_iter == two.n_iter
        assert_allclose(one.response, two.response)


def test_networks_beside_their_limit_are_not_warned_of_their_width(part):
    options = {"n_hidden": 4, "nu_w": 0.9}
    with pytest.warns(UserWarning, match="past the reach of n_hidden=4"):
        LinearRNNRegressor(max_iter=2, random_state=0, **options).fit(part.inputs, part.targets)
    assert len(train_networks(part, 2, [0], **options)) == 1  # warnings are errors
