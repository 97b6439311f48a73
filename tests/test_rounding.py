"""Rounding stays rounding: no search and no solver makes more of it than it says.

Data that change by one unit in the last place, rows or recordings in another order and another
number of threads change sums in their last digits. What follows from the sums, a search that ends
at its top included, may change by no more than these shares of its size; what is whole or chosen
from a grid may not change at all.
"""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn.forecasting import LagForecaster

PREDICTIONS = 1e-8  # of closed forms, relative to the targets' standard deviation
HYPERPARAMETERS = 1e-6  # found by their evidence, relative
DESCENT = 1e-6  # predictions of trained models

N, N_LAGS = 120, 8
rng = np.random.default_rng(0)
X = rng.normal(size=(N, N_LAGS))
Y = X @ 0.7 ** np.arange(N_LAGS)[::-1] + 0.5 * rng.normal(size=N)
NOISE = rng.normal(size=N)
HYPERPARAMETER_NAMES = ("nu_w_", "nu_f_", "nu_c_", "correlation_", "channel_scale_", "alpha_")


def nudged(array, seed=1):
    """Return an array with each entry moved by one unit in the last place, up or down."""
    up = np.random.default_rng(seed).integers(0, 2, np.shape(array)).astype(bool)
    return np.nextafter(array, np.where(up, np.inf, -np.inf))


@contextmanager
def threads(number):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with threadpool_limits(number):
            yield
    finally:
        torch.set_num_threads(before)


def assert_same_choice(found, expected):
    """Assert that what is whole is equal, and hyperparameters are so to their tolerance."""
    for name in ("n_steps_", "best_index_"):
        assert getattr(found, name, None) == getattr(expected, name, None)
    assert found.impulse_response_.shape == expected.impulse_response_.shape
    for name in HYPERPARAMETER_NAMES:
        if hasattr(expected, name):
            ours, theirs = getattr(found, name), getattr(expected, name)
            assert_allclose(ours, theirs, rtol=HYPERPARAMETERS, err_msg=name)


def assert_rounding_stays(model, X, y, tolerance=PREDICTIONS, *, any_order=True):
    """Fit to data, and to what rounding may make of them; compare."""
    order = np.random.default_rng(2).permutation(len(X))
    with threads(1):
        expected = clone(model).fit(X, y)
        others = [clone(model).fit(nudged(X), nudged(y, 2))]
        if any_order:
            others.append(clone(model).fit(X[order], y[order]))
    with threads(2):
        others.append(clone(model).fit(X, y))
    for other in others:
        assert_same_choice(other, expected)
        allowed = tolerance * np.std(y)
        assert_allclose(other.predict(X), expected.predict(X), rtol=0, atol=allowed)
    return expected


# -- Searches for the highest evidence ---------------------------------------------------

AUTO = {"nu_w": "auto", "alpha": "auto", "correlation": "auto"}
LEAK = LeakyRNN("auto", leak="auto")
LAYERS = DeepLinearRNN("auto", nu_f="auto", nu_u="auto")
MORE = {
    "linear_rnn with rates": LinearRNN("auto", rates=(1.0, 0.3, 3.0)),
    "leak": LEAK,
    "layers": LAYERS,
}


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("n_lags", [None, "auto"])
@pytest.mark.parametrize("target", ["response", "noise"])
def test_what_is_found_by_evidence(prior, n_lags, target):
    model = NTKConvRegressor(**AUTO, prior=prior, n_lags=n_lags)
    assert_rounding_stays(model, X, Y if target == "response" else NOISE)


@pytest.mark.parametrize("prior", MORE.values(), ids=MORE)
@pytest.mark.parametrize("alpha", [1.0, "auto"])
def test_hyperparameters_of_objects_found_by_evidence(prior, alpha):
    assert_rounding_stays(NTKConvRegressor(prior=prior, alpha=alpha), X, Y)


@pytest.mark.parametrize("sought", [("nu_f",), ("nu_w", "nu_f"), ("nu_w", "nu_f", "nu_c")])
@pytest.mark.parametrize("alpha", [1.0, "auto"])
def test_variances_of_a_network_found_by_evidence(sought, alpha):
    model = NTKConvRegressor(**dict.fromkeys(sought, "auto"), alpha=alpha)
    assert_rounding_stays(model, X, Y)


@pytest.mark.parametrize(
    ("prior", "options"),
    [
        *((prior, {}) for prior in PRIORS),
        ("linear_rnn", {"n_lags": "auto"}),
        ("tc", {"memory": [0, 1, 1, 0]}),
    ],
    ids=str,
)
def test_memories_of_channels_found_by_evidence(prior, options):
    options = {"memory": "channel", **AUTO, **options}
    model = NTKConvRegressor(prior=prior, n_channels=4, **options)
    windows = np.random.default_rng(3).normal(size=(N, 5, 4))
    sizes = np.array([1.0, 0.5, 0.2, 0.0])
    response = sizes * np.array([0.3, 0.8, 0.5, 0.5]) ** np.arange(5)[::-1, None]
    y = np.einsum("njc,jc->n", windows, response) + 0.5 * NOISE
    assert_rounding_stays(model, windows.reshape(N, -1), y)


@pytest.mark.parametrize("sought", [("nu_w",), ("nu_w", "nu_f"), ("nu_w", "nu_f", "nu_c")])
def test_a_random_walk_whose_memory_is_one_lag(sought):
    """Then no memory has more evidence than another, and still one is chosen."""
    for seed in range(4):
        walk = np.random.default_rng(seed).normal(size=150).cumsum()
        windows = np.lib.stride_tricks.sliding_window_view(walk[:-1], N_LAGS)
        options = dict.fromkeys((*sought, "alpha", "n_lags"), "auto")
        assert_rounding_stays(NTKConvRegressor(**options), windows, walk[N_LAGS:])


def test_where_there_is_nothing_to_learn_rounding_does_not_find_it():
    residual = NOISE - X @ np.linalg.lstsq(X, NOISE)[0]
    for prior in PRIORS:
        model = assert_rounding_stays(NTKConvRegressor(**AUTO, prior=prior), X, residual)
        assert model.alpha_ == np.inf


# -- Choices -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", ["gcv", "loo", "validation"])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("noise", [0.1, 3.0], ids=["level", "curved"])
def test_the_number_of_steps(n_steps, alpha, noise):
    """With little noise the error is level from some number of steps on."""
    y = X @ np.ones(N_LAGS) + noise * NOISE
    model = NTKConvRegressor(0.9, alpha=alpha, n_steps=n_steps)
    assert_rounding_stays(model, X, y, any_order=n_steps != "validation")


@pytest.mark.parametrize("noise", [1e-2, 1e-3, 1e-4, 0.0])
@pytest.mark.parametrize("n_steps", ["gcv", "loo", "validation"])
def test_the_number_of_steps_where_errors_are_small(n_steps, noise):
    model = NTKConvRegressor(0.9, alpha=0.0, n_steps=n_steps)
    y = X @ np.ones(N_LAGS) + noise * NOISE
    chosen = {model.fit(nudged(X, seed), nudged(y, 100 + seed)).n_steps_ for seed in range(1, 9)}
    assert len(chosen) == 1


@pytest.mark.parametrize("cv", [KFold(3), "gcv", "loo", "evidence"], ids=str)
def test_a_candidate_of_a_grid_that_has_its_equals(cv):
    """``nu_f`` and ``nu_c`` may change places: of two equal candidates the first is taken."""
    model = NTKConvRegressorCV([0.1, 0.7], [0.5, 2.0], [0.5, 2.0], alphas=[0.1, 1.0], cv=cv)
    by_rows = not isinstance(cv, str)
    found = assert_rounding_stays(model, X, Y, any_order=not by_rows)
    candidates = found.cv_results_["params"]
    best = candidates[found.best_index_]
    equal = {**best, "nu_f": best["nu_c"], "nu_c": best["nu_f"]}
    assert candidates.index(equal) >= found.best_index_


# -- Iterations --------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1e-3, 1.0])
def test_conjugate_gradients(alpha):
    assert_rounding_stays(NTKConvRegressor(0.9, alpha=alpha, solver="cg"), X, Y)


MODELS = {
    "convolution": WeightedConv1DRegressor(max_iter=40),
    "network": LinearRNNRegressor(16, max_iter=40, random_state=0),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("solver", ["gd", "adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_training(model, solver, early_stopping):
    model = clone(model).set_params(solver=solver, early_stopping=early_stopping)
    assert_rounding_stays(model, X, Y, DESCENT, any_order=not early_stopping)


# -- Forecasters -------------------------------------------------------------------------


def panel(names):
    lengths = {"a": 30, "b": 45, "c": 20}
    walks = {
        name: pd.Series(np.random.default_rng(lengths[name]).normal(size=lengths[name]).cumsum())
        for name in names
    }
    return pd.concat(walks, names=["series", "time"]).to_frame("y")


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_a_shared_model_and_the_order_of_its_series(strategy):
    forecaster = LagForecaster(pooling="global", strategy=strategy)
    expected = forecaster.clone().fit(panel("abc"), fh=[1, 3]).predict()
    changed = panel("abc")
    changed["y"] = nudged(changed["y"].to_numpy())
    others = [forecaster.clone().fit(y, fh=[1, 3]) for y in (changed, panel("cab"))]
    allowed = PREDICTIONS * np.std(panel("abc").to_numpy())
    for other in others:
        assert_allclose(other.predict().loc[expected.index], expected, rtol=0, atol=allowed)
