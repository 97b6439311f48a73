"""Training of the two estimators by iterations: continued, in parts, watched, interrupted."""

import copy
import itertools
import pickle
import warnings
from functools import partial

import joblib
import numpy as np
import pytest
import skops.io
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_linrnn import (
    SKOPS_TRUSTED_TYPES,
    LagStatistics,
    LinearRNNRegressor,
    NTKConvRegressor,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._core.training.objective import Objective
from sklearn_linrnn.callback import EarlyStopping, SpectralRadiusMonitor, TrainingProgress

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 8))
Y = X[:, -1] - 0.5 * X[:, -2] + 0.3 * RNG.normal(size=60) + 0.7
W = RNG.uniform(0.1, 2.0, 60)


def conv(**options):
    return WeightedConv1DRegressor(**options)


def network(**options):
    return LinearRNNRegressor(**{"n_hidden": 12, "random_state": 0, **options})


def no_step(step):
    return 0.0


both = pytest.mark.parametrize("make", [conv, network])

OPTIMISERS = {
    "gd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "adam": {"solver": "adam", "learning_rate": 0.01},
}
every_optimiser = pytest.mark.parametrize("options", OPTIMISERS.values(), ids=OPTIMISERS)


def sample_loss(model, X, y, w=None):
    """Return the loss of a fitted estimator of windows as a sum over samples."""
    w = np.ones(len(y)) if w is None else w
    squares = (np.asarray(y).reshape(len(y), -1) - model.predict(X).reshape(len(y), -1)) ** 2
    return float(w @ squares.sum(axis=1) / (2 * w.sum()))


def start_loss(y):
    """Return the loss of a model without response."""
    return float(((y - y.mean()) ** 2).mean() / 2)


def parameters(model):
    return model.training_.parameters


def assert_same_fit(one, other):
    for name in ("impulse_response_", "intercept_", "loss_curve_", "n_iter_", "learning_rate_"):
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for ours, theirs in zip(parameters(one), parameters(other), strict=True):
        assert_array_equal(ours, theirs)


# -- Going on with warm_start ------------------------------------------------------------


@both
@every_optimiser
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_iterations_of_two_fits_are_those_of_one(make, options, dtype):
    options = {**options, "dtype": dtype}
    whole = make(**options, max_iter=20).fit(X, Y)
    model = make(**options, max_iter=7, warm_start=True).fit(X, Y)
    model.set_params(max_iter=13).fit(X, Y)
    assert_same_fit(model, whole)


@pytest.mark.parametrize("first", [1, 2, 5, 9])
def test_a_learning_rate_that_was_halved_stays_halved_in_the_next_fit(first):
    """Targets far larger than sqrt(n_hidden) take the network out of its limit."""
    x = np.random.default_rng(1).normal(size=(200, 12))
    y = 30.0 * x.sum(axis=1)
    options = {"n_hidden": 30, "init": "centered"}
    whole = network(**options, max_iter=first + 20).fit(x, y)
    automatic = network(**options, max_iter=1).fit(x, 1e-3 * y).learning_rate_
    assert whole.learning_rate_ < automatic / 1.9
    model = network(**options, max_iter=first, warm_start=True).fit(x, y)
    assert_same_fit(model.set_params(max_iter=20).fit(x, y), whole)


@pytest.mark.parametrize("first", range(1, 12))
def test_momentum_that_raises_the_loss_is_judged_alike_wherever_it_goes_on(first):
    """With momentum a loss may rise to twice that of the start: the first one, not the next."""
    x = np.random.default_rng(0).normal(size=(60, 6))
    y = 5.0 * x @ np.random.default_rng(6).normal(size=6)
    options = {"n_hidden": 16, "momentum": 0.9}
    whole = network(**options, max_iter=24).fit(x, y)
    model = network(**options, max_iter=first, warm_start=True).fit(x, y)
    assert_same_fit(model.set_params(max_iter=24 - first).fit(x, y), whole)


def test_training_that_goes_on_with_other_targets_is_judged_by_where_it_is():
    """By losses of zero it would be far too high, and all its steps would be undone."""
    x = np.random.default_rng(0).normal(size=(60, 6))
    model = network(n_hidden=16, init="centered", momentum=0.5, max_iter=30, warm_start=True)
    model.fit(x, x.sum(axis=1)).fit(x, 0.001 * x.sum(axis=1))
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[30]


@both
def test_without_warm_start_every_fit_begins_anew(make):
    model = make(max_iter=9, momentum=0.9).fit(X, Y)
    again = copy.deepcopy(model).fit(X, Y)
    assert_same_fit(model, again)


@both
def test_warm_start_needs_no_earlier_fit(make):
    assert_same_fit(make(max_iter=5, warm_start=True).fit(X, Y), make(max_iter=5).fit(X, Y))


@both
def test_after_early_stopping_training_continues_from_the_best_parameters(make):
    options = {"early_stopping": True, "validation_fraction": 0.25, "n_iter_no_change": 3}
    model = make(**options, learning_rate=0.3, warm_start=True, max_iter=400).fit(X, Y)
    best = int(model.validation_loss_curve_.argmin()) + 1
    stopped_at = model.n_iter_
    assert best < stopped_at < 400
    model.set_params(early_stopping=False, max_iter=2).fit(X[:45], Y[:45])
    whole = make(learning_rate=0.3, max_iter=best + 2).fit(X[:45], Y[:45])
    assert_allclose(model.impulse_response_, whole.impulse_response_, rtol=1e-10, atol=1e-13)
    assert_allclose(model.loss_curve_[stopped_at:], whole.loss_curve_[best:], rtol=1e-12)


@both
def test_curves_continue_where_they_ended(make):
    options = {"early_stopping": True, "n_iter_no_change": 50, "learning_rate": 0.01}
    whole = make(**options, max_iter=12).fit(X, Y)
    assert whole.validation_loss_curve_.argmin() == 11, "so that nothing is gone back to"
    model = make(**options, max_iter=5, warm_start=True).fit(X, Y)
    model.set_params(max_iter=7).fit(X, Y)
    for name in ("loss_curve_", "validation_loss_curve_", "validation_scores_"):
        assert_array_equal(getattr(model, name), getattr(whole, name))
    assert model.n_iter_ == 12


def test_curves_of_an_earlier_fit_do_not_outlive_it():
    model = conv(early_stopping=True, max_iter=5).fit(X, Y)
    model.set_params(early_stopping=False).fit(X, Y)
    assert not hasattr(model, "validation_scores_")
    assert not hasattr(model, "validation_loss_curve_")


OTHER_SHAPES = {
    "hidden units": (network, {"n_hidden": 13}, X, Y),
    "channels": (network, {}, X.reshape(60, 4, 2), Y),
    "outputs": (network, {}, X, np.stack([Y, Y], axis=1)),
    "lags of a convolution": (conv, {}, X[:, 1:], Y),
    "channels of a convolution": (conv, {"n_channels": 2}, X, Y),
    "outputs of a convolution": (conv, {}, X, np.stack([Y, Y], axis=1)),
}


@pytest.mark.parametrize("case", OTHER_SHAPES)
@pytest.mark.parametrize("init", ["random", "centered"])
def test_parameters_of_another_shape_cannot_be_gone_on_with(case, init):
    make, changed, x, y = OTHER_SHAPES[case]
    options = {"init": init} if make is network else {}
    model = make(**options, max_iter=3, warm_start=True).fit(X, Y)
    before = pickle.dumps(vars(model.set_params(**changed)))
    with pytest.raises(ValueError, match="warm_start=False"):
        model.fit(x, y)
    assert pickle.dumps(vars(model)) == before


@both
@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {"solver": "adam"}),
        ({"momentum": 0.9}, {"solver": "adam"}),
        ({"solver": "lbfgs"}, {"solver": "adam"}),
        ({"solver": "adam"}, {"momentum": 0.9}),
        ({"solver": "adam"}, {}),
        ({"solver": "lbfgs"}, {}),
        ({"learning_rate": 1e-5}, {}),
    ],
    ids=str,
)
def test_another_optimiser_begins_anew_where_the_last_one_ended(make, first, then):
    """It remembers no iteration and chooses its own step size."""
    model = make(**first, max_iter=6, warm_start=True).fit(X, Y)
    before = copy.deepcopy(parameters(model))
    fresh = {"solver": "gd", "momentum": 0.0, "learning_rate": "auto"}
    model.set_params(**{**fresh, **then}, max_iter=1).fit(X, Y)
    moved = [new - old for new, old in zip(parameters(model), before, strict=True)]
    if then.get("solver") == "adam":  # Adam's first iteration has one length in every direction
        assert model.learning_rate_ == 1e-3
        lengths = np.concatenate([np.abs(part).ravel() for part in moved])
        assert_allclose(np.median(lengths), 1e-3, rtol=1e-4)
    else:
        expected = make(max_iter=1).fit(X, Y).learning_rate_
        assert_allclose(model.learning_rate_, expected, rtol=1e-12)


# -- Going on with more data -------------------------------------------------------------


def recordings(lengths, seed=0, n_outputs=1):
    rng = np.random.default_rng(seed)
    x = [rng.normal(0.3, 1.0, (length, 2)) for length in lengths]
    y = [part[:, :1] + rng.normal(size=(len(part), n_outputs)) for part in x]
    return x, y


def parted(form):
    """Return two parts of data as arguments of fit, all of it, and the options that it needs."""
    if form == "windows":
        parts = [(X[:25], Y[:25]), (X[25:], Y[25:])]
        return parts, (X, Y), {}
    if form == "outputs and channels":
        y = np.stack([Y, X[:, 0]], axis=1)
        return [(X[:25], y[:25]), (X[25:], y[25:])], (X, y), {"n_channels": 2}
    if form == "last steps of panels":
        x = X.reshape(60, 4, 2)
        return [(x[:25], Y[:25]), (x[25:], Y[25:])], (x, Y), {}
    x, y = recordings([15, 2, 20, 9])
    if form == "lists":
        return [(x[:2], y[:2]), (x[2:], y[2:])], (x, y), {"n_lags": 4}
    assert form == "panels with missing targets"
    x, y = np.stack([part[:9] for part in (x[0], x[2], x[3])]), np.stack([y[0][:9]] * 3)
    y[:2, 3:5] = np.nan
    return [(x[:1], y[:1]), (x[1:], y[1:])], (x, y), {"n_lags": 4}


FORMS = [
    "windows",
    "outputs and channels",
    "last steps of panels",
    "lists",
    "panels with missing targets",
]


@both
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_parts_one_after_another_are_learned_as_the_whole(make, form, fit_intercept):
    """From the parameters of the first part, training goes on as on all data at once."""
    parts, (x, y), options = parted(form)
    options = {**options, "fit_intercept": fit_intercept, "learning_rate": 0.02, "momentum": 0.8}
    in_parts = make(**options, max_iter=4).partial_fit(*parts[0])
    at_once = copy.deepcopy(in_parts).set_params(warm_start=True, max_iter=6).fit(x, y)
    in_parts.set_params(max_iter=6).partial_fit(*parts[1])
    assert_allclose(in_parts.loss_curve_, at_once.loss_curve_, rtol=1e-10)
    for one, other in zip(parameters(in_parts), parameters(at_once), strict=True):
        assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    assert_allclose(in_parts.intercept_, at_once.intercept_, rtol=1e-10, atol=1e-12)
    assert len(in_parts.loss_curve_) == in_parts.n_iter_ == 10


@both
@pytest.mark.parametrize("form", FORMS)
@every_optimiser
def test_the_first_part_is_a_fit(make, form, options):
    (part, _), _, needed = parted(form)
    options = {**options, **needed, "max_iter": 5}
    assert_same_fit(make(**options).partial_fit(*part), make(**options).fit(*part))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_over_the_parts_is_that_of_the_whole_in_any_order(order, weighted):
    w = W if weighted else np.ones(60)
    model = conv(solver="lbfgs", weight_decay=0.1, max_iter=200)
    for part in (slice(20 * k, 20 * k + 20) for k in order):
        model.partial_fit(X[part], Y[part], w[part] if weighted else None)
    ridge = NTKConvRegressor(alpha=0.1 * w.sum()).fit(X, Y, w)
    # The loss says of its minimum half of the digits.
    assert_allclose(model.impulse_response_, ridge.impulse_response_, rtol=0, atol=1e-7)
    assert_allclose(model.intercept_, ridge.intercept_, rtol=0, atol=1e-7)


@both
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-12), ("float32", 1e-5)])
def test_the_curve_after_the_second_part_is_the_loss_on_both(make, dtype, rtol):
    model = make(max_iter=6, dtype=dtype).fit(X[:20], Y[:20], W[:20])
    model.partial_fit(X[20:], Y[20:], W[20:])
    assert_allclose(model.loss_curve_[-1], sample_loss(model, X, Y, W), rtol=rtol)
    assert model.impulse_response_.dtype == dtype


@both
def test_recordings_are_added_to_sums(make):
    (x, y), options = recordings([30, 25]), {"learning_rate": 0.05}
    sums = LagStatistics.from_series(x[:1], y[:1], n_lags=4)
    model = make(**options, n_lags=4, max_iter=3).fit_statistics(sums)
    model.partial_fit(x[1:], y[1:])
    expected = make(**options, n_lags=4, max_iter=3).fit(x[:1], y[:1]).partial_fit(x[1:], y[1:])
    assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=1e-12)
    assert_allclose(model.impulse_response_, expected.impulse_response_, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("split", ["last", "random"])
def test_a_part_of_every_part_is_held_out(split):
    options = {"early_stopping": True, "validation_fraction": 0.2, "validation_split": split}
    model = conv(**options, max_iter=1, learning_rate=1e-9, random_state=3)
    model.fit(X[:20], Y[:20]).partial_fit(X[20:], Y[20:])
    assert model.training_.held_out.weight == 4 + 8
    assert model.training_.statistics.weight == 16 + 32
    if split == "last":
        held_out = np.r_[16:20, 52:60]
        rest = np.setdiff1d(np.arange(60), held_out)
        score = r2_score(Y[held_out], np.full(12, Y[rest].mean()))
        assert_allclose(model.validation_scores_[-1], score, rtol=0, atol=1e-7)


PARTS_THAT_DO_NOT_FIT = {
    "features": (X[:, 1:], Y),
    "outputs": (X, np.stack([Y, Y], axis=1)),
    "a column": (X, Y[:, None]),
    "lags and channels": (X.reshape(60, 4, 2), Y),
    "targets at every step": (X[:, :, None], X[:, :, None]),
    "nothing": (X[:0], Y[:0]),
    "NaN": (X, np.where(Y > 0, Y, np.nan)),
    "lengths": (X, Y[:-1]),
}


@both
@pytest.mark.parametrize("case", PARTS_THAT_DO_NOT_FIT)
def test_a_part_that_does_not_fit_is_an_error_and_leaves_what_was_learned(make, case):
    model = make(solver="adam", max_iter=5).fit(X, Y)
    before, undisturbed = pickle.dumps(vars(model)), copy.deepcopy(model)
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        model.partial_fit(*PARTS_THAT_DO_NOT_FIT[case])
    assert pickle.dumps(vars(model)) == before
    assert_same_fit(model.partial_fit(X, Y), undisturbed.partial_fit(X, Y))


def test_parts_of_recordings_with_other_channels_or_lags_are_an_error():
    x, y = recordings([30, 25])
    model = conv(n_lags=4, max_iter=2).fit(x, y)
    before = pickle.dumps(vars(model))
    with pytest.raises(ValueError, match="X must have 2 channels, as in fit, but got 1"):
        model.partial_fit([part[:, :1] for part in x], y)
    assert pickle.dumps(vars(model)) == before
    with pytest.raises(ValueError, match="n_lags agree"):
        model.set_params(n_lags=5).partial_fit(x, y)
    with pytest.raises(ValueError, match="form of the earlier data"):
        model.set_params(n_lags=4).partial_fit(np.stack([x[0][:9]]), y[0][8])


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_random_part_can_be_held_out_from_the_second_fit_on(call):
    model = conv(max_iter=3, warm_start=True).fit(X, Y)
    model.set_params(early_stopping=True, validation_split="random", random_state=0)
    getattr(model, call)(X, Y)
    assert len(model.validation_scores_) == 3


# -- A part held out ---------------------------------------------------------------------


def tiny(form):
    """Return ten time steps in a form, and options."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(10, 3)), rng.normal(1.0, 1.0, (10, 2))
    w = rng.uniform(0.5, 2.0, 10)
    if form == "windows":
        return x, y[:, 0], None, {}
    if form == "weighted windows of two outputs":
        return x, y, w, {}
    if form == "recordings":
        return x, y[:, 0], None, {"rows": "timesteps", "n_lags": 2}
    assert form == "weighted recordings, no intercept"
    return x, y, w, {"rows": "timesteps", "n_lags": 2, "fit_intercept": False}


TINY = [
    "windows",
    "weighted windows of two outputs",
    "recordings",
    "weighted recordings, no intercept",
]


def without(make, form, held_out, **options):
    """Return a model of the tiny data, some with weight zero, after four iterations."""
    x, y, w, needed = tiny(form)
    kept = np.ones(10) if w is None else w.copy()
    kept[list(held_out)] = 0.0
    return make(**needed, **options, max_iter=4).fit(x, y, kept)


@both
@pytest.mark.parametrize("form", TINY)
@pytest.mark.parametrize("split", ["last", "random"])
def test_scores_are_r2_of_exactly_the_part_that_is_held_out(make, form, split):
    x, y, w, needed = tiny(form)
    options = {"random_state": 7, "learning_rate": 0.05}
    model = make(
        **needed,
        **options,
        early_stopping=True,
        validation_fraction=0.2,
        validation_split=split,
        max_iter=4,
    ).fit(x, y, w)
    candidates = [(8, 9)] if split == "last" else itertools.combinations(range(10), 2)
    fits = {pair: without(make, form, pair, **options) for pair in candidates}
    same = [
        pair
        for pair, fit in fits.items()
        if np.allclose(fit.loss_curve_, model.loss_curve_, rtol=1e-10, atol=0)
    ]
    assert len(same) == 1, "the fit says which part was left out of it"
    part = list(same[0])
    errors = fits[same[0]].predict(x)[part], None if w is None else w[part]
    score = r2_score(y[part], errors[0], sample_weight=errors[1])
    assert_allclose(model.validation_scores_[-1], score, rtol=1e-9)
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 4


@both
def test_a_seed_holds_out_the_same_part_and_another_seed_another(make):
    options = {"early_stopping": True, "validation_split": "random", "max_iter": 3}
    curves = [
        conv(**options, random_state=seed).fit(X, Y).validation_loss_curve_
        for seed in (0, 0, 1, None, None)
    ]
    assert_array_equal(curves[0], curves[1])
    for one, other in itertools.combinations(curves[1:], 2):
        assert not np.array_equal(one, other)


def test_every_observed_time_step_is_held_out_at_times_and_no_other():
    y, w = np.arange(10.0), np.ones(10)
    y[3], w[6] = np.nan, 0.0
    x = np.random.default_rng(8).normal(size=(10, 2))
    model = conv(
        rows="timesteps",
        n_lags=2,
        early_stopping=True,
        validation_split="random",
        validation_fraction=0.1,
        max_iter=1,
    )
    seen = set()
    for seed in range(100):
        held_out = model.set_params(random_state=seed).fit(x, y, w).training_.held_out
        assert held_out.weight == 1, "so that its mean is the target held out"
        seen.add(held_out.target_mean.item())
    assert seen == {0.0, 1.0, 2.0, 4.0, 5.0, 7.0, 8.0, 9.0}


def test_held_out_targets_that_do_not_vary_score_one_without_an_error_and_else_zero():
    options = {"early_stopping": True, "validation_fraction": 0.25, "max_iter": 3}
    constant = conv(**options).fit(X, np.full(60, 0.5))
    assert_array_equal(constant.validation_scores_, 1.0)
    later = np.where(np.arange(60) < 45, Y, 0.1)
    assert_array_equal(conv(**options).fit(X, later).validation_scores_, 0.0)
    two = np.stack([later, Y], axis=1)
    model, apart = conv(**options, learning_rate=0.05), conv(**options, learning_rate=0.05)
    expected = apart.fit(X, Y).validation_scores_ / 2
    assert_allclose(model.fit(X, two).validation_scores_, expected, rtol=1e-10)


def test_one_sample_cannot_be_parted():
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1 leaves nothing"):
        conv(early_stopping=True, validation_split="random").fit(X[:1], Y[:1])


# -- What is minimised -------------------------------------------------------------------


@pytest.mark.parametrize("decay", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_convolution_that_decays_is_ridge(decay, weighted, outputs):
    y = Y if outputs == 1 else np.stack([Y, X[:, 0]], axis=1)
    w = W if weighted else np.ones(60)
    options = {"n_channels": 2, "nu_w": 0.7}
    model = conv(solver="lbfgs", weight_decay=decay, max_iter=300, **options).fit(X, y, w)
    ridge = NTKConvRegressor(alpha=w.sum() * decay, **options).fit(X, y, w)
    assert_allclose(model.impulse_response_, ridge.impulse_response_, rtol=0, atol=1e-7)
    assert model.n_iter_ < 300, "it stops where there is no lower loss"


def test_gradient_descent_that_decays_is_the_same_ridge():
    model = conv(weight_decay=0.1, max_iter=2000).fit(X, Y)
    ridge = NTKConvRegressor(alpha=6.0).fit(X, Y)
    assert_allclose(model.impulse_response_, ridge.impulse_response_, rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [conv, network, partial(network, transition_init="orthogonal")])
def test_lbfgs_finds_least_squares(make):
    model = make(solver="lbfgs", max_iter=300).fit(X, Y)
    centred = X - X.mean(axis=0)
    expected = np.linalg.lstsq(centred, Y - Y.mean())[0][::-1]
    assert_allclose(model.impulse_response_[0, 0], expected, rtol=0, atol=1e-6)
    assert_allclose(model.loss_curve_.min(), sample_loss(model, X, Y), rtol=1e-12)


def literal_descent(n_steps, rate, *, longest=np.inf, shares=None):
    """Return the response (lag 0 first) after iterations on the samples, and the losses."""
    scale = np.sqrt(conv(max_iter=1).fit(X, Y).lag_weights_)
    Z, t, losses = (X - X.mean(axis=0))[:, ::-1] * scale, Y - Y.mean(), []
    theta = np.zeros(8)
    for step in range(n_steps):
        gradient = Z.T @ (Z @ theta - t) / 60
        gradient *= min(1.0, longest / (np.linalg.norm(gradient) + 1e-6))  # as PyTorch does
        theta = theta - rate * (1.0 if shares is None else shares(step)) * gradient
        losses.append(((t - Z @ theta) ** 2).mean() / 2)
    return scale * theta, losses


def test_a_schedule_of_ones_own_returns_the_factor_of_every_iteration():
    def shares(step):
        asked.append(step)
        return 1.0 / (1.0 + step) ** 2

    asked = []
    model = conv(schedule=shares, learning_rate=0.2, max_iter=30).fit(X, Y)
    assert asked == list(range(30))
    response, losses = literal_descent(30, 0.2, shares=lambda step: 1.0 / (1.0 + step) ** 2)
    assert_allclose(model.impulse_response_[0, 0], response, rtol=1e-10, atol=1e-13)
    assert_allclose(model.loss_curve_, losses, rtol=1e-12)
    assert model.learning_rate_ == 0.2


@both
@every_optimiser
def test_a_factor_of_zero_moves_nothing(make, options):
    one = make(**options, schedule=no_step, max_iter=9).fit(X, Y)
    assert len(set(one.loss_curve_)) == 1
    if make is conv:
        assert not one.impulse_response_.any()


@both
@every_optimiser
@pytest.mark.parametrize("share", [np.nan, -1.0, np.inf])
def test_a_schedule_returns_finite_shares_that_are_not_negative(make, options, share):
    model = make(**options, max_iter=9).fit(X, Y)
    before = copy.deepcopy(model)
    model.set_params(schedule=lambda step: share if step == 4 else 1.0)
    with pytest.raises(ValueError, match="schedule"):
        model.fit(X, Y)
    assert_same_fit(model, before)


@both
@every_optimiser
def test_a_step_of_no_size_is_none(make, options):
    """It moves nothing, and an optimiser that searches along it does not divide by it."""
    start = make(**options, schedule=no_step, max_iter=1).fit(X, Y)
    at_rest = make(**options, schedule=no_step, max_iter=3).fit(X, Y)
    assert_array_equal(at_rest.impulse_response_, start.impulse_response_)
    later = make(**options, schedule=lambda step: 0.5 * (step >= 2), max_iter=12).fit(X, Y)
    assert len(set(later.loss_curve_[:2])) == 1
    assert later.loss_curve_[-1] < later.loss_curve_[0]


@both
@every_optimiser
def test_the_least_of_steps_is_a_step(make, options):
    start = make(**options, schedule=no_step, max_iter=1).fit(X, Y)
    model = make(**{**options, "learning_rate": 5e-324}, max_iter=3).fit(X, Y)
    assert_allclose(model.impulse_response_, start.impulse_response_, atol=1e-300)


def test_a_penalty_that_overflows_is_named():
    with pytest.raises(ValueError, match=r"penalty, overflows .* Lower .* weight_decay"):
        network(weight_decay=1.7e308).fit(X, Y)


def test_longer_gradients_are_cut():
    model = conv(max_grad_norm=0.3, learning_rate=0.2, max_iter=30).fit(X, Y)
    response, losses = literal_descent(30, 0.2, longest=0.3)
    assert_allclose(model.impulse_response_[0, 0], response, rtol=1e-10, atol=1e-13)
    assert_allclose(model.loss_curve_, losses, rtol=1e-12)
    uncut, _ = literal_descent(30, 0.2)
    assert np.abs(response - uncut).max() > 1e-3


def test_the_gradient_of_a_network_is_cut_as_one_vector():
    options = {"learning_rate": 0.1, "max_iter": 1}
    start = network(**options, schedule=no_step).fit(X, Y)
    moved = network(**options, max_grad_norm=1e-3).fit(X, Y)
    steps = [a - b for a, b in zip(parameters(moved), parameters(start), strict=True)]
    length = np.sqrt(sum((step**2).sum() for step in steps))
    assert_allclose(length, 0.1 * 1e-3, rtol=1e-5)


@both
@pytest.mark.parametrize(
    "options", [{}, {"solver": "adam", "momentum": 0.9}, {"solver": "lbfgs", "momentum": 0.5}]
)
def test_nesterov_is_a_momentum_of_gradient_descent(make, options):
    with pytest.raises(ValueError, match="nesterov=True is a kind of momentum"):
        make(nesterov=True, **options).fit(X, Y)


@pytest.mark.parametrize(
    ("momentum", "nesterov"), [(0.0, False), (0.5, False), (0.9, False), (0.5, True), (0.9, True)]
)
def test_the_limit_of_stability_is_that_of_the_kind_of_momentum(momentum, nesterov):
    stable = conv(max_iter=1).fit(X, Y).learning_rate_
    limit = stable * 2 * (1 + momentum) / (1 + 2 * momentum * nesterov)
    options = {"momentum": momentum, "nesterov": nesterov}
    below = conv(**options, learning_rate=0.99 * limit, max_iter=8000).fit(X, Y)
    minimum = NTKConvRegressor(alpha=0).fit(X, Y)
    assert_allclose(below.loss_curve_[-1], sample_loss(minimum, X, Y), rtol=1e-9)
    with (
        pytest.warns(UserWarning, match="above the stable limit"),
        pytest.warns(ConvergenceWarning, match="diverged at iteration"),
    ):
        above = conv(**options, learning_rate=1.01 * limit, max_iter=8000).fit(X, Y)
    best = min(start_loss(Y), above.loss_curve_.min())
    assert_allclose(sample_loss(above, X, Y), best, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("factor", [3.0, 1e6, 1e30])
@every_optimiser
def test_a_network_keeps_finite_parameters_at_any_learning_rate(options, factor, dtype):
    rate = factor * network(max_iter=1).fit(X, Y).learning_rate_
    options = {**options, "learning_rate": rate, "dtype": dtype, "init": "centered"}
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model = network(**options, max_iter=40).fit(X, Y)
    for part in (*parameters(model), model.impulse_response_, model.intercept_):
        assert np.isfinite(part).all()
    assert not np.isnan(model.loss_curve_).any()
    diverged = any(warning.category is ConvergenceWarning for warning in record)
    assert diverged == (model.n_iter_ < 40)
    if diverged:
        best = min(start_loss(Y), model.loss_curve_.min())
        assert_allclose(sample_loss(model, X, Y), best, rtol=1e-5)
    else:
        assert_allclose(sample_loss(model, X, Y), model.loss_curve_[-1], rtol=1e-5)


@pytest.mark.filterwarnings("ignore:nu_w=.* makes the prior grow")
@pytest.mark.filterwarnings("ignore:n_lags=.* is past the reach")
def test_an_initialisation_that_overflows_its_type_is_an_error_that_names_it():
    x = np.random.default_rng(0).normal(size=(60, 40))
    options = {"nu_w": 1e4, "max_iter": 3}
    network(**options).fit(x, Y)
    with pytest.raises(ValueError, match="float32"):
        network(**options, dtype="float32").fit(x, Y)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rounding_of_a_loss_that_goes_on_from_zero_is_no_divergence(momentum):
    rng, response = np.random.default_rng(0), np.array([0.1, 0.2, 0.3, 0.5, 0.7, 1.0])
    model = conv(momentum=momentum, max_iter=400)
    for _ in range(6):
        x = rng.normal(size=(200, 6))
        model.partial_fit(x, x @ response)  # a warning is an error here
    assert model.n_iter_ == 6 * 400
    assert model.loss_curve_[-1] < 1e-12


# -- Little data -------------------------------------------------------------------------


@both
@every_optimiser
def test_one_sample_is_predicted_by_its_target(make, options):
    model = make(**options, max_iter=3).fit(X[:1], Y[:1])
    assert_allclose(model.predict(X[:1]), Y[:1], rtol=1e-12)
    assert_array_equal(model.loss_curve_, 0.0)


@both
def test_no_sample_is_an_error_that_leaves_what_was_learned(make):
    model = make(max_iter=3).fit(X, Y)
    before = pickle.dumps(vars(model))
    for x, y in ((X[:0], Y[:0]), (X.reshape(60, 8, 1)[:0], Y[:0]), ([], [])):
        with pytest.raises(ValueError):  # noqa: PT011 - scikit-learn's
            model.fit(x, y)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, np.where(Y > 0, Y, np.nan))
    assert pickle.dumps(vars(model)) == before


@pytest.mark.filterwarnings("ignore:n_lags=8 is past the reach of n_hidden=1")
@pytest.mark.parametrize("init", ["random", "centered"])
@pytest.mark.parametrize("transition_init", ["gaussian", "orthogonal", "identity"])
@every_optimiser
def test_a_network_of_one_unit_is_a_geometric_series(options, transition_init, init):
    model = network(
        **options, n_hidden=1, init=init, transition_init=transition_init, max_iter=15
    ).fit(X, Y)
    a, f, c = (part.item() for part in parameters(model))
    expected = c * f * a ** np.arange(8)
    if init == "centered":
        start = network(
            **options, n_hidden=1, transition_init=transition_init, schedule=no_step
        ).fit(X, Y)
        expected = expected - start.impulse_response_[0, 0]
    assert_allclose(model.impulse_response_[0, 0], expected, rtol=1e-10, atol=1e-13)
    assert np.isfinite(model.loss_curve_).all()


@both
@every_optimiser
def test_recordings_shorter_than_the_lags_count_from_their_first_time_step(make, options):
    """As if they were preceded by silence."""
    x, y = recordings([9, 3, 1])
    model = make(**options, n_lags=5, max_iter=5).fit(x, y)
    silence = [np.concatenate([np.zeros((4, 2)), part]) for part in x]
    unseen = [np.concatenate([np.full((4, 1), np.nan), part]) for part in y]
    again = make(**options, n_lags=5, max_iter=5).fit(silence, unseen)
    assert_allclose(model.loss_curve_, again.loss_curve_, rtol=1e-10)
    assert_allclose(model.impulse_response_, again.impulse_response_, rtol=1e-9, atol=1e-12)
    assert [len(part) for part in model.predict(x)] == [9, 3, 1]


@both
def test_recordings_all_shorter_than_the_lags_are_an_error_that_names_them(make):
    x, y = recordings([3, 1])
    with pytest.raises(ValueError, match="n_lags=5 needs as many time steps"):
        make(n_lags=5).fit(x, y)


@both
def test_steps_that_were_taken_as_windows_are_told_how_to_be_steps(make):
    (x,), (y,) = recordings([9])
    with pytest.raises(ValueError, match=r"Where its rows are .* set rows='timesteps'\."):
        make(n_lags=5).fit(x, y)


# -- Time --------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """Return a list of the one time that there is."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


@both
def test_training_ends_with_its_time(make, clock):
    def tick(step):
        clock[0] += 1.0
        return 1.0

    model = make(schedule=tick, max_time=5.5, max_iter=50).fit(X, Y)
    assert model.n_iter_ == 6
    assert_same_fit(model, make(max_iter=6).fit(X, Y))


@both
def test_every_fit_has_its_own_time(make, clock):
    def tick(step):
        clock[0] += 1.0
        return 1.0

    model = make(schedule=tick, max_time=5.5, warm_start=True).fit(X, Y).fit(X, Y)
    assert model.partial_fit(X, Y).n_iter_ == 18


@both
@every_optimiser
@pytest.mark.parametrize("verbose", [False, True])
def test_no_time_at_all_leaves_the_initialisation(make, options, verbose):
    model = make(**options, max_time=1e-9, verbose=verbose, warm_start=True).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 0
    start = make(**options, schedule=no_step, max_iter=1).fit(X, Y)
    assert_array_equal(model.impulse_response_, start.impulse_response_)
    model.set_params(max_time=None, max_iter=5).fit(X, Y)
    assert_same_fit(model, make(**options, max_iter=5).fit(X, Y))


# -- Interrupts and errors ---------------------------------------------------------------


class Acting:
    """A callback that does something at the end of a task of training, and notes what it saw."""

    def __init__(self, at, act):
        self.at, self.act = at, act
        self.n_tasks = self.n_setups = self.n_teardowns = 0

    def setup(self, estimator, context):
        self.n_setups += 1

    def teardown(self, estimator, context):
        self.n_teardowns += 1

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.parent is not None:
            self.n_tasks += 1
            if self.n_tasks == self.at:
                self.act()


def interrupt(*arguments, **options):
    raise KeyboardInterrupt


def fail():
    raise RuntimeError("the disk is full")


def interrupted(model, source, at, x=X, y=Y):
    """Return a model whose training is interrupted after so many iterations."""

    def shares(step):
        if step == at:
            raise KeyboardInterrupt
        return 1.0

    if source == "schedule":
        model.set_params(schedule=shares)
    else:
        model.set_callbacks(Acting(at, interrupt))
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y)
    return model


def assert_holds_the_last_whole_iteration(model, n_iter):
    assert model.n_iter_ == len(model.loss_curve_) == n_iter
    assert_allclose(sample_loss(model, X, Y), [start_loss(Y), *model.loss_curve_][-1], rtol=1e-10)


@both
@pytest.mark.parametrize("source", ["schedule", "callback"])
@pytest.mark.parametrize("name", [*OPTIMISERS, "lbfgs", "long steps"])
def test_an_interrupt_goes_through_and_leaves_the_last_whole_iteration(make, source, name):
    options = {"solver": "lbfgs"} if name == "lbfgs" else OPTIMISERS.get(name, {})
    if name == "long steps":  # the loss of the last iteration is not the lowest
        options = {"momentum": 0.95, "learning_rate": 0.5}
    if make is network:
        options = {**options, "init": "centered"}
    model = interrupted(make(**options, max_iter=60), source, 5)
    assert_holds_the_last_whole_iteration(model, 5)


@pytest.mark.parametrize("source", ["schedule", "callback"])
@pytest.mark.parametrize("at", [1, 3, 6, 9])
def test_the_automatic_learning_rate_with_momentum_leaves_the_last_whole_iteration(source, at):
    """With momentum the loss goes up and down: neither the last nor the one before is the best."""
    model = network(momentum=0.95, max_iter=60, init="centered")
    assert_holds_the_last_whole_iteration(interrupted(model, source, at), at)


@both
@pytest.mark.parametrize("name", [*OPTIMISERS, "lbfgs"])
def test_an_interrupt_within_an_iteration_takes_it_back(make, name, monkeypatch):
    """The parameters have moved, and nobody has seen where to."""
    options = {"solver": "lbfgs"} if name == "lbfgs" else OPTIMISERS[name]
    if make is network:
        options = {**options, "init": "centered"}
    whole, n_calls = Objective.evaluate, 0

    def torn(self):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 7:
            raise KeyboardInterrupt
        return whole(self)

    monkeypatch.setattr(Objective, "evaluate", torn)
    model = make(**options, max_iter=60)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert_holds_the_last_whole_iteration(model, model.n_iter_)
    assert 0 < model.n_iter_ < 7


def test_a_search_ends_at_an_interrupt():
    grid = {"nu_w": [0.1, 0.2, 0.3]}
    search = GridSearchCV(network(schedule=interrupt), grid, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    assert not hasattr(search, "cv_results_")


@both
@pytest.mark.parametrize("name", [*OPTIMISERS, "lbfgs"])
def test_an_interrupt_before_the_first_iteration_leaves_the_initialisation(make, name):
    options = {"solver": "lbfgs"} if name == "lbfgs" else OPTIMISERS[name]
    model = interrupted(make(**options, max_iter=5), "schedule", 0)
    assert model.n_iter_ == len(model.loss_curve_) == 0
    start = make(max_iter=1, schedule=no_step).fit(X, Y)
    assert_array_equal(model.predict(X), start.predict(X))
    model.set_params(schedule="constant", warm_start=True).fit(X, Y)
    assert_same_fit(model, make(**options, max_iter=5).fit(X, Y))


@both
@pytest.mark.parametrize("source", ["schedule", "callback"])
def test_an_interrupted_estimator_can_be_used_stored_and_trained_on(make, source):
    model = interrupted(make(max_iter=30, solver="adam"), source, 4)
    assert np.isfinite(model.predict(X)).all()
    model.set_params(schedule="constant", warm_start=True, max_iter=6).set_callbacks()
    back = pickle.loads(pickle.dumps(model))
    assert_array_equal(back.predict(X), model.predict(X))
    assert_same_fit(back.fit(X, Y), make(max_iter=10, solver="adam").fit(X, Y))


@both
def test_an_interrupt_under_early_stopping_keeps_the_best_on_the_held_out_part(make):
    model = make(early_stopping=True, validation_fraction=0.25, learning_rate=0.05, max_iter=50)
    model = interrupted(model, "schedule", 6)
    best = int(model.validation_loss_curve_.argmin()) + 1
    again = make(learning_rate=0.05, max_iter=best).fit(X[:45], Y[:45])
    assert_allclose(model.impulse_response_, again.impulse_response_, rtol=1e-10, atol=1e-13)


@both
def test_an_interrupt_while_the_data_are_read_leaves_what_was_learned(make, monkeypatch):
    model = make(max_iter=3).fit(X, Y)
    before = pickle.dumps(vars(model))
    monkeypatch.setattr(LagStatistics, "of_windows", interrupt)
    for call in (model.fit, model.partial_fit):
        with pytest.raises(KeyboardInterrupt):
            call(X, Y)
    assert pickle.dumps(vars(model)) == before


@both
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@every_optimiser
def test_an_error_in_a_callback_leaves_what_was_learned_and_tears_all_down(make, call, options):
    model = make(**options, max_iter=5, warm_start=True).fit(X, Y)
    undisturbed, acting = copy.deepcopy(model), Acting(3, fail)
    monitor = Acting(0, fail)
    model.set_callbacks(monitor, acting)
    with pytest.raises(RuntimeError, match="the disk is full"):
        getattr(model, call)(X, Y)
    for callback in (monitor, acting):
        assert callback.n_setups == callback.n_teardowns == 1
    assert_same_fit(model, undisturbed)
    model.set_callbacks()
    assert_same_fit(getattr(model, call)(X, Y), getattr(undisturbed, call)(X, Y))


@both
def test_an_error_in_a_first_fit_leaves_nothing(make):
    model = make(max_iter=5).set_callbacks(Acting(2, fail))
    with pytest.raises(RuntimeError, match="the disk is full"):
        model.fit(X, Y)
    assert [name for name in vars(model) if name.endswith("_")] == []
    with pytest.raises(ValueError, match="not fitted"):
        model.predict(X)


# -- Memory ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        MemoryError(),
    ],
    ids=["PyTorch on a GPU", "PyTorch on the CPU", "NumPy"],
)
@pytest.mark.parametrize("place", ["start", "steps", "sums"])
@both
def test_out_of_memory_says_what_to_lower(make, place, error, monkeypatch):
    def exhausted(*args, **options):
        raise error

    model = make(max_iter=4).fit(X, Y)
    before = copy.deepcopy(model)
    if place == "start":
        monkeypatch.setattr(type(model.training_.recipe), "model", exhausted)
    elif place == "steps":
        model.set_params(schedule=lambda step: exhausted() if step == 2 else 1.0)
    else:
        monkeypatch.setattr(LagStatistics, "of_windows", exhausted)
    for call in (model.fit, model.partial_fit):
        with pytest.raises(MemoryError, match=r"[Ll]ower .*n_lags") as caught:
            call(X, Y)
        assert ("n_hidden=12" in str(caught.value)) == (make is network)
    assert_same_fit(model, before)


@both
def test_other_errors_are_not_taken_for_a_lack_of_memory(make):
    model = make(max_iter=4).set_callbacks(Acting(2, fail))
    with pytest.raises(RuntimeError, match="the disk is full"):
        model.fit(X, Y)


@pytest.mark.parametrize("transition_init", ["gaussian", "orthogonal", "identity"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_hidden", [10**7, 10**12])  # which has a square beyond all integers
def test_a_network_larger_than_any_memory_is_an_error(n_hidden, transition_init, dtype):
    model = network(n_hidden=n_hidden, transition_init=transition_init, dtype=dtype)
    with pytest.raises(MemoryError, match=rf"n_hidden={n_hidden}.* Lower n_hidden") as caught:
        model.fit(X, Y)
    assert ("use dtype='float32'" in str(caught.value)) == (dtype == "float64")


# -- Types -------------------------------------------------------------------------------


@every_optimiser
@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_tf32_on_the_cpu_is_float32_and_leaves_the_switch_of_pytorch(options, precision):
    seen, before = [], torch.get_float32_matmul_precision()

    def look(step):
        seen.append(torch.get_float32_matmul_precision())
        return 1.0

    torch.set_float32_matmul_precision(precision)
    try:
        one = network(**options, dtype="tf32", schedule=look, max_iter=4).fit(X, Y)
        assert torch.get_float32_matmul_precision() == precision
        assert set(seen) == {precision}
        assert_same_fit(one, network(**options, dtype="float32", max_iter=4).fit(X, Y))
        one.set_callbacks(Acting(2, fail))
        with pytest.raises(RuntimeError, match="the disk is full"):
            one.fit(X, Y)
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)
    assert one.impulse_response_.dtype == one.transition_.dtype == np.float32


def test_a_convolution_has_no_tf32():
    with pytest.raises(ValueError, match="'dtype' parameter"):
        conv(dtype="tf32").fit(X, Y)


# -- Copies and files --------------------------------------------------------------------


def by_skops(model):
    return skops.io.loads(skops.io.dumps(model), trusted=SKOPS_TRUSTED_TYPES)


STATES = {**OPTIMISERS, "early stopping": {"early_stopping": True, "validation_split": "random"}}


@both
@pytest.mark.parametrize("options", STATES.values(), ids=STATES)
@pytest.mark.parametrize(
    "through",
    [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, by_skops],
    ids=["pickle", "deepcopy", "skops"],
)
def test_a_model_that_was_stored_continues_like_one_that_was_not(make, options, through):
    model = make(**options, random_state=0, max_iter=6).fit(X[:30], Y[:30])
    back = through(model)
    for call, part in (("partial_fit", slice(30, 50)), ("partial_fit", slice(50, 60))):
        for each in (model, back):
            getattr(each, call)(X[part], Y[part])
        assert_same_fit(model, back)
    again = through(model).set_params(warm_start=True).fit(X, Y)
    assert_same_fit(again, model.set_params(warm_start=True).fit(X, Y))


@both
def test_training_on_a_copy_leaves_the_original(make):
    model = make(solver="adam", max_iter=4, warm_start=True).fit(X, Y)
    before = pickle.dumps(vars(model))
    copy.copy(model).fit(X, Y)
    copy.copy(model).partial_fit(X, Y)
    assert pickle.dumps(vars(model)) == before


@both
@every_optimiser
def test_a_clone_of_a_trained_model_is_untrained(make, options):
    model = make(**options, max_iter=4, warm_start=True).fit(X, Y)
    fresh = clone(model.fit(X, Y))
    assert not hasattr(fresh, "n_iter_")
    assert_same_fit(fresh.fit(X, Y), make(**options, max_iter=4).fit(X, Y))


def test_a_model_in_memory_that_cannot_be_written_loads_and_continues(tmp_path):
    """As joblib's workers have it: its arrays are read-only maps of a file."""
    model = network(solver="adam", max_iter=4).fit(X, Y)
    joblib.dump(model, tmp_path / "model")
    back = joblib.load(tmp_path / "model", mmap_mode="r")
    assert not back.transition_.flags.writeable
    assert_array_equal(back.empirical_lag_weights(), model.empirical_lag_weights())
    assert_same_fit(back.partial_fit(X, Y), model.partial_fit(X, Y))


# -- Callbacks ---------------------------------------------------------------------------


@both
@every_optimiser
def test_callbacks_leave_the_training_as_it_is(make, options):
    watched = make(**options, max_iter=23).set_callbacks(
        EarlyStopping(patience=100), *([SpectralRadiusMonitor()] if make is network else [])
    )
    assert_same_fit(watched.fit(X, Y), make(**options, max_iter=23).fit(X, Y))


@both
def test_a_callback_that_stops_training_keeps_the_iterations_done(make):
    held_out = X[45:], Y[45:]
    stopping = EarlyStopping(X=held_out[0], y=held_out[1], patience=3)
    model = make(max_iter=1000).set_callbacks(stopping).fit(X[:45], Y[:45])
    assert model.n_iter_ == 10 * stopping.stopped_at_ < 1000, "tasks are of ten steps"
    assert_same_fit(model, make(max_iter=model.n_iter_).fit(X[:45], Y[:45]))
    assert_allclose(stopping.scores_[-1], model.score(*held_out), rtol=1e-12)


def test_callbacks_score_with_the_weights_and_recordings_of_the_training():
    x, y = np.concatenate(recordings([30, 20])[0]), np.concatenate(recordings([30, 20])[1])
    metadata = {"sample_weight": W[:50], "sequence_id": np.repeat([0, 1], [30, 20])}
    stopping = EarlyStopping(patience=50)
    model = conv(rows="timesteps", n_lags=4, max_iter=7).set_callbacks(stopping)
    model.fit(x, y, **metadata)
    assert_allclose(stopping.scores_[-1], model.score(x, y, **metadata), rtol=1e-12)
    assert len(stopping.scores_) == 7
    model.partial_fit(x, y, **metadata)
    assert_allclose(stopping.scores_[-1], model.score(x, y, **metadata), rtol=1e-12)
    assert not any("argument" in name for name in vars(model))


def test_searches_and_pipelines_train_as_they_do_without_callbacks():
    """Of a network whose radius is watched, and whose progress is shown."""
    grid = {"nu_w": [0.2, 0.5]}
    plain = GridSearchCV(network(max_iter=20), grid, cv=3).fit(X, Y)
    monitor = SpectralRadiusMonitor()
    watched = network(max_iter=20).set_callbacks(monitor, TrainingProgress())
    search = GridSearchCV(watched, grid, cv=3).fit(X, Y)
    for name in ("mean_test_score", "std_test_score"):
        assert_array_equal(search.cv_results_[name], plain.cv_results_[name])
    assert_same_fit(search.best_estimator_, plain.best_estimator_)
    assert len(monitor.radii_) == 20, "of the last fit, that of the best parameters"

    pipe = make_pipeline(StandardScaler(), watched).fit(X, Y)
    assert_same_fit(pipe[-1], make_pipeline(StandardScaler(), network(max_iter=20)).fit(X, Y)[-1])
    assert_array_equal(
        GridSearchCV(pipe, {"linearrnnregressor__nu_w": [0.5]}, cv=2).fit(X, Y).predict(X),
        pipe.predict(X),
    )


# -- What is printed ---------------------------------------------------------------------


@both
@pytest.mark.parametrize("max_iter", [1, 3, 9, 10, 11, 37, 101, 150, 199, 500])
def test_ten_lines_are_printed_the_last_at_the_end(make, max_iter, capsys):
    model = make(max_iter=max_iter, verbose=True).fit(X, Y)
    *lines, end = capsys.readouterr().out.splitlines()
    assert len(lines) == min(10, max_iter)
    name = type(model).__name__
    assert end == f"[{name}] ended after {max_iter} iterations: max_iter"
    loss = f"{model.loss_curve_[-1]:.6g}"
    assert lines[-1] == f"[{name}] iteration {max_iter}/{max_iter}, loss {loss}, 0 s left"
    steps = [int(line.split("iteration ")[1].split("/")[0]) for line in lines]
    for step, line in zip(steps, lines, strict=True):
        assert f"loss {model.loss_curve_[step - 1]:.6g}," in line


@both
def test_nothing_is_printed_unasked(make, capsys):
    make(max_iter=30).fit(X, Y)
    assert capsys.readouterr() == ("", "")


def test_the_time_left_is_that_of_the_remaining_iterations(clock, capsys):
    def tick(step):
        clock[0] += 2.0
        return 1.0

    conv(schedule=tick, max_iter=10, verbose=True).fit(X, Y)
    left = [line.split(", ")[-1] for line in capsys.readouterr().out.splitlines()[:-1]]
    assert left == [f"{2 * steps} s left" for steps in range(9, -1, -1)]


@pytest.mark.parametrize("solver", ["gd", "adam"])
def test_a_momentum_of_few_digits_is_its_number(solver):
    """And does not make numbers of few digits of what it meets."""
    inputs = 1e-20 * np.random.default_rng(0).normal(size=(50, 1))
    options = {"solver": solver, "rows": "timesteps", "n_lags": 2, "max_iter": 5}
    one, other = (
        WeightedConv1DRegressor(momentum=momentum, **options).fit(inputs, inputs[:, 0])
        for momentum in (np.float32(0.5), 0.5)
    )
    assert_array_equal(one.impulse_response_, other.impulse_response_)
