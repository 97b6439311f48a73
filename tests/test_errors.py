"""Wrong input: each error names the argument, what it got, and what it needs."""

import copy
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold

from sklearn_linrnn import (
    LagKernel,
    LagPrior,
    LagWeighter,
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    kernel_matrix,
)

rng = np.random.default_rng(0)
X, y = rng.normal(size=(30, 6)), rng.normal(size=30)
PANEL, EVERY = rng.normal(size=(4, 10, 2)), rng.normal(size=(4, 10, 1))
STEPS = {"rows": "timesteps", "n_lags": 2}

ESTIMATORS = [
    NTKConvRegressor,
    partial(WeightedConv1DRegressor, max_iter=5),
    partial(LinearRNNRegressor, 5, max_iter=5, random_state=0),
]
every_estimator = pytest.mark.parametrize(
    "make", ESTIMATORS, ids=lambda make: getattr(make, "func", make).__name__
)


# -- X ------------------------------------------------------------------------------------


@every_estimator
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (np.array(3.0), ValueError, "Expected 2D array, got scalar"),
        (X[:, 0], ValueError, "Expected 2D array, got 1D"),
        (X[None, None], ValueError, "dim 4"),
        ([[1.0, 2.0], [1.0]], ValueError, "list of arrays.*sequences of different lengths"),
        (np.array([PANEL[0], PANEL[1][:3]], dtype=object), ValueError, "list of arrays.*different"),
        (X[:0], ValueError, r"0 sample\(s\)"),
        (X[:, :0], ValueError, r"0 feature\(s\)"),
        ([], ValueError, "Expected 2D array"),
        (None, ValueError, "Expected 2D array"),
        (PANEL[:0], ValueError, r"0 sample\(s\)"),
        (PANEL[:, :0], ValueError, "X must have .* time step .*got shape .*n_timesteps=0"),
        (PANEL[:, :, :0], ValueError, "X must have .* channel, .*got shape .*n_channels=0"),
        (X + 1j, ValueError, "Complex data not supported"),
        (PANEL + 1j, ValueError, "Complex data not supported"),
        ([PANEL[0] + 1j], ValueError, "Complex data not supported"),
        (np.full((30, 6), "a", dtype=object), ValueError, "could not convert"),
        (np.where(X > 2, np.nan, X), ValueError, "Input X contains NaN"),
        (np.where(X > 2, np.inf, X), ValueError, "Input X contains infinity"),
        (np.where(PANEL > 2, np.nan, PANEL), ValueError, "Input X contains NaN"),
        ([PANEL[0], np.abs(PANEL[1]) * np.inf], ValueError, r"Input X\[1\] contains infinity"),
        ([PANEL[0], PANEL[1][:0]], ValueError, r"0 sample\(s\)"),
        ([PANEL[0], PANEL[1][:, :1]], ValueError, r"same number of channels.*\[1, 2\]"),
        ([PANEL[0], PANEL[1][:, 0]], ValueError, "inhomogeneous|recording"),
        (sparse.csr_array(X), TypeError, "Sparse data was passed for X"),
    ],
)
def test_wrong_inputs(make, wrong, error, message):
    targets = y
    if isinstance(wrong, list) and wrong and isinstance(wrong[0], np.ndarray):
        targets = [np.zeros(len(part)) for part in wrong]
    with pytest.raises(error, match=message):
        make(n_lags=1).fit(wrong, targets)


@every_estimator
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_not_an_array(make):
    with pytest.raises(TypeError, match=r"np\.matrix is not supported"):
        make().fit(np.matrix(X), y)


# -- y ------------------------------------------------------------------------------------


@every_estimator
@pytest.mark.parametrize(
    ("x", "wrong", "message"),
    [
        (X, None, "requires y to be passed, but the target y is None"),
        (X, y[:-1], "y must have as many rows as X, 30, but got 29"),
        (X, y + 1j, "Complex data not supported"),
        (X, ["a"] * 30, "could not convert"),
        (X, np.where(y > 1, np.nan, y), "Input y contains NaN"),
        (X, np.where(y > 1, np.inf, y), "Input y contains infinity"),
        (X, np.zeros((30, 6, 1)), r"y must have shape \(n_samples,\).*got .*\(30, 6, 1\)"),
        (PANEL, EVERY[:, :9], r"y must have shape \(4, 10, n_outputs\).*got .*\(4, 9, 1\)"),
        (PANEL, EVERY[:3], r"y must have shape \(4, 10, n_outputs\).*got .*\(3, 10, 1\)"),
        (PANEL, EVERY[..., None], r"y must have shape .*got .*\(4, 10, 1, 1\)"),
        (PANEL, EVERY * np.nan, "observed at one time step at least.*NaN only"),
        (PANEL, np.zeros(3), "y must have as many rows as X, 4, but got 3"),
        (list(PANEL), list(EVERY)[:3], "list of 4 recordings.*got .*list of length 3"),
        (list(PANEL), EVERY, "list of 4 recordings.*got .*ndarray of length 4"),
        (
            list(PANEL),
            [EVERY[0]] * 3 + [EVERY[0][:9]],
            r"y\[3\] must have shape \(10, 1\).*\(9, 1\)",
        ),
        (list(PANEL), [EVERY[0]] * 3 + [np.zeros((10, 2))], r"y\[3\].*got .*\(10, 2\)"),
        (list(PANEL), np.nan, "list of 4 recordings.*got .*nan"),
    ],
)
def test_wrong_targets(make, x, wrong, message):
    with pytest.raises(ValueError, match=message):
        make(n_lags=2).fit(x, wrong)


@pytest.mark.parametrize(("n_outputs", "wrong"), [(1, 2), (2, 1), (2, 3)])
def test_scores_are_of_as_many_outputs_as_were_learned(n_outputs, wrong):
    targets = np.ones((30, 3)) * y[:, None]
    for x, model in ((X, NTKConvRegressor()), (X, NTKConvRegressor(**STEPS))):
        model.fit(x, targets[:, :n_outputs])
        message = f"y must have n_outputs={n_outputs}, .* but got n_outputs={wrong}"
        with pytest.raises(ValueError, match=message):
            model.score(x, targets[:, :wrong])
        with pytest.raises(ValueError, match=r"y must be passed: .* but got None"):
            model.score(x)
    one = NTKConvRegressor().fit(X, y)
    assert one.score(X, y[:, None]) == one.score(X, y)


def test_time_steps_without_any_target():
    with pytest.raises(ValueError, match="y must be observed at one time step at least"):
        NTKConvRegressor(**STEPS).fit(X, y * np.nan)


# -- Weights of samples -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "targets", "wrong", "message"),
    [
        (X, y, -np.ones(30), "Negative values.*sample_weight"),
        (X, y, np.zeros(30), "weight.* at least one non-zero"),
        (X, y, np.ones(29), r"sample_weight.shape == \(29,\), expected \(30,\)"),
        (X, y, np.full(30, np.nan), "sample_weight contains NaN"),
        (PANEL, EVERY, np.ones(3), "sample_weight"),
        (PANEL, EVERY, np.ones((4, 9)), "sample_weight"),
        (PANEL, EVERY, np.ones((10, 4)), "sample_weight"),
        (PANEL, EVERY, -np.ones(4), "Negative values.*sample_weight"),
        (list(PANEL), list(EVERY), [np.ones(9), np.ones(11)] + [np.ones(10)] * 2, "sample_weight"),
        (list(PANEL), list(EVERY), [np.ones(10)] * 3, "sample_weight"),
    ],
    ids=[
        "negative", "zero", "short", "NaN", "recordings", "steps", "transposed",
        "negative recordings", "lengths", "missing part",
    ],
)  # fmt: skip
def test_wrong_sample_weights(x, targets, wrong, message):
    with pytest.raises(ValueError, match=message):
        NTKConvRegressor(n_lags=2).fit(x, targets, sample_weight=wrong)


@pytest.mark.parametrize(
    ("x", "targets"), [(X, y), (PANEL, EVERY), (list(PANEL), list(EVERY))], ids=lambda _: ""
)
def test_a_number_as_sample_weight_weighs_all_alike(x, targets):
    model = NTKConvRegressor(n_lags=2, alpha=0.0).fit(x, targets, sample_weight=2.0)
    expected = NTKConvRegressor(n_lags=2, alpha=0.0).fit(x, targets)
    assert_allclose(model.impulse_response_, expected.impulse_response_, rtol=1e-9)


def test_weights_on_unobserved_time_steps_alone_are_an_error():
    targets, weights = y.copy(), np.zeros(30)
    targets[3], weights[3] = np.nan, 1.0
    with pytest.raises(ValueError, match="sample_weight must contain at least one non-zero"):
        NTKConvRegressor(**STEPS).fit(X, targets, sample_weight=weights)


# -- Recordings ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "predict", "score"])
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.zeros(29), r"sequence_id must have shape \(30,\).*got .*\(29,\)"),
        (np.zeros((30, 1)), r"sequence_id must have shape \(30,\).*got .*\(30, 1\)"),
        (3, r"sequence_id must have shape \(30,\)"),
        ([np.nan] * 2 + [0.0] * 28, r"sequence_id must .* missing names \(NaN or None\) at 2 rows"),
        ([None] * 3 + ["a"] * 27, r"sequence_id must .* missing names \(NaN or None\) at 3 rows"),
    ],
)
def test_wrong_sequence_ids(method, ids, message):
    model = NTKConvRegressor(**STEPS).fit(X, y)
    arguments = (X,) if method == "predict" else (X, y)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(*arguments, sequence_id=ids)


def test_sequence_ids_that_cannot_be_sorted():
    with pytest.raises((TypeError, ValueError), match="sequence_id"):
        NTKConvRegressor(**STEPS).fit(X, y, sequence_id=[None] * 15 + [1] * 15)


@pytest.mark.parametrize(
    ("estimator", "x", "targets"),
    [
        (NTKConvRegressor(), X, y),
        (NTKConvRegressor(**STEPS), PANEL, EVERY),
        (NTKConvRegressor(**STEPS), list(PANEL), list(EVERY)),
    ],
    ids=["windows", "panel", "list"],
)
def test_sequence_id_needs_timesteps(estimator, x, targets):
    with pytest.raises(ValueError, match=r"sequence_id .*needs rows='timesteps'"):
        estimator.fit(x, targets, sequence_id=np.zeros(len(x)))


@every_estimator
@pytest.mark.parametrize(
    ("x", "targets", "parameters", "message"),
    [
        (X, y, {"n_lags": 7}, "n_lags=7 needs .*n_timesteps=6"),
        (PANEL, EVERY[:, -1], {"n_lags": 11}, "n_lags=11 needs .*n_timesteps=10"),
        (PANEL, EVERY, {"n_lags": 11}, "n_lags=11 needs .*n_timesteps=10"),
        (X, y, {"n_lags": 31, "rows": "timesteps"}, "n_lags=31 needs .*n_timesteps=30"),
        (X, y, {"rows": "timesteps"}, "n_lags must be given"),
        (list(PANEL), list(EVERY), {}, "n_lags must be given"),
        (X, y, {"n_channels": 4}, "n_channels=4 must divide .* 6 columns"),
        (PANEL, EVERY, {"n_channels": 3}, "X must have 3 channels, as in n_channels, but got 2"),
        (X, y, {**STEPS, "n_channels": 3}, "X must have 3 channels, as in n_channels, but got 6"),
        (
            X,
            y,
            {**STEPS, "lag_order": "newest_first"},
            "lag_order='newest_first' is for windows",
        ),
        (PANEL, EVERY, {"lag_order": "newest_first"}, "lag_order='newest_first' is for windows"),
    ],
)
def test_data_that_do_not_fit_the_parameters(make, x, targets, parameters, message):
    with pytest.raises(ValueError, match=message):
        make(**parameters).fit(x, targets)


# -- Parameters ---------------------------------------------------------------------------


@every_estimator
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("nu_w", -0.1),
        ("nu_f", -1.0),
        ("nu_c", -1),
        ("nu_w", np.nan),
        ("nu_w", np.inf),
        ("nu_w", "0.5"),
        ("nu_f", [0.1, 0.5]),
        ("n_lags", 0),
        ("n_lags", 2.0),
        ("n_channels", 0),
        ("rows", "window"),
        ("layout", "tnc"),
        ("lag_order", "newest"),
        ("dtype", "float16"),
        ("device", 0),
        ("device", None),
        ("fit_intercept", "yes"),
    ],
)
def test_parameters_out_of_range(make, name, wrong):
    with pytest.raises(ValueError, match=f"'{name}' parameter of .* must be"):
        make(**{name: wrong}).fit(X, y)


@pytest.mark.parametrize(
    ("make", "name", "wrong"),
    [
        (NTKConvRegressor, "alpha", -1.0),
        (NTKConvRegressor, "alpha", np.nan),
        (NTKConvRegressor, "alpha", np.inf),
        (NTKConvRegressor, "alpha", "best"),
        (NTKConvRegressor, "nu_w", "best"),
        (NTKConvRegressor, "n_lags", "all"),
        (NTKConvRegressor, "prior", None),
        (NTKConvRegressor, "prior", 3),
        (NTKConvRegressor, "correlation", 1.0),
        (NTKConvRegressor, "correlation", -1.0),
        (NTKConvRegressor, "correlation", "high"),
        (NTKConvRegressor, "n_steps", "aic"),
        (NTKConvRegressor, "n_steps", 2.5),
        (NTKConvRegressor, "validation_fraction", 0.0),
        (NTKConvRegressor, "validation_fraction", 1.0),
        (NTKConvRegressor, "solver", "svd"),
        (NTKConvRegressorCV, "nu_w", "auto"),
        (NTKConvRegressorCV, "alphas", "auto"),
        (NTKConvRegressorCV, "alphas", None),
        (NTKConvRegressorCV, "n_steps", "gcv"),
        (NTKConvRegressorCV, "n_lags", "auto"),
        (NTKConvRegressorCV, "cv", "aic"),
        (NTKConvRegressorCV, "cv", 1),
        (NTKConvRegressorCV, "scoring", "accuracy"),
        (NTKConvRegressorCV, "learning_rate", 0.0),
        (NTKConvRegressor, "n_steps", 0),
        (NTKConvRegressor, "learning_rate", 0.0),
        (WeightedConv1DRegressor, "lag_weights", "ntk"),
        (WeightedConv1DRegressor, "solver", "sgd"),
        (WeightedConv1DRegressor, "momentum", 1.0),
        (WeightedConv1DRegressor, "learning_rate", "constant"),
        (WeightedConv1DRegressor, "max_iter", 0),
        (WeightedConv1DRegressor, "tol", -1e-4),
        (WeightedConv1DRegressor, "validation_fraction", 1.0),
        (WeightedConv1DRegressor, "n_iter_no_change", 0),
        (LinearRNNRegressor, "n_hidden", 0),
        (LinearRNNRegressor, "init", "zero"),
        (LinearRNNRegressor, "random_state", "seed"),
    ],
)
def test_parameters_of_one_estimator_out_of_range(make, name, wrong):
    with pytest.raises(ValueError, match=f"'{name}' parameter of .* must be"):
        make(**{name: wrong}).fit(X, y)


@pytest.mark.parametrize("make", [WeightedConv1DRegressor, LagWeighter])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([1.0, 2.0], r"lag_weights must have shape \(6,\).*got .*\(2,\)"),
        (np.ones((1, 6)), r"lag_weights must have shape \(6,\).*got .*\(1, 6\)"),
        ([1, 1, -2, 1, 1, 1], "lag_weights must not be negative.*from -2 to 1"),
        (np.zeros(6), "lag_weights must not be negative and not all be zero"),
        ([1, 1, np.nan, 1, 1, 1], "lag_weights contains NaN"),
        ([1, 1, np.inf, 1, 1, 1], "lag_weights contains infinity"),
    ],
)
def test_wrong_lag_weights(make, wrong, message):
    with pytest.raises(ValueError, match=message):
        make(wrong).fit(X, y)


@every_estimator
def test_lag_weights_that_overflow(make):
    with pytest.raises(ValueError, match=r"nu_w=1e\+100.*n_lags=6"):
        make(nu_w=1e100).fit(X, y)


@every_estimator
def test_a_network_without_any_variance(make):
    with pytest.raises(ValueError, match="nu_f=0 and nu_c=0 must not both be zero"):
        make(nu_f=0, nu_c=0).fit(X, y)


@pytest.mark.parametrize("device", ["mps", "meta", "nonsense", "cuda:x", torch.device("meta")])
def test_devices_that_cannot_be(device):
    with pytest.raises(
        ValueError, match=r"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', .*got"
    ):
        NTKConvRegressor(device=device).fit(X, y)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", torch.device("cuda")])
def test_a_gpu_that_is_not_there(device):
    with pytest.raises(ValueError, match=r"device=.*cuda.* is not available.*0 CUDA devices"):
        NTKConvRegressor(device=device).fit(X, y)


# -- Priors -------------------------------------------------------------------------------

TRIANGLE = np.tril(np.ones((6, 6)))
INDEFINITE = np.eye(6) - 2 * (np.ones((6, 6)) - np.eye(6))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.ones(3), "prior .* for 3 lags, .*n_lags=6"),
        (np.eye(3), "prior .* for 3 lags, .*n_lags=6"),
        (np.ones((6, 5)), r"prior must have shape .*got shape \(6, 5\)"),
        (np.ones((6, 6, 1)), "prior|dim 3"),
        (TRIANGLE, "prior must be symmetric"),
        (INDEFINITE, "prior.* must be positive semi-definite, .* eigenvalue -9"),
        (-np.eye(6), "prior must be finite, with variances not negative"),
        (np.zeros((6, 6)), "prior must .* not all zero"),
        (np.full((6, 6), np.nan), "prior contains NaN"),
        (np.full(6, np.inf), "prior contains infinity"),
        ([1, 2, -1, 1, 1, 1], "prior must .* variances not negative"),
        (np.zeros(6), "prior must .* not all zero"),
    ],
)
def test_priors_that_are_not_a_covariance(wrong, message):
    with pytest.raises(ValueError, match=message):
        NTKConvRegressor(prior=wrong).fit(X, y)
    with pytest.raises(ValueError, match=message):
        kernel_matrix(wrong, X)


@pytest.mark.parametrize("wrong", [[1, 2, -1, 1, 1, 1], np.zeros(6)], ids=["negative", "zero"])
def test_wrong_variances_are_those_of_the_prior(wrong):
    with pytest.raises(ValueError, match="prior"):
        NTKConvRegressor(prior=wrong).fit(X, y)


@pytest.mark.parametrize("prior", ["di", "tc", "dc", "ss"])
def test_priors_of_identification_do_not_grow(prior):
    message = f"prior='{prior}' decays by nu_w .* between 0 and 1, but got 1.5"
    with pytest.raises(ValueError, match=message):
        NTKConvRegressor(1.5, prior=prior).fit(X, y)
    with pytest.raises(ValueError, match=message):
        kernel_matrix(prior, X, nu_w=1.5)
    with pytest.raises(ValueError, match=message):
        NTKConvRegressorCV(nu_w=[0.5, 1.5], prior=prior).fit(X, y)
    with pytest.raises(ValueError, match=message):
        NTKConvRegressor(prior=prior).fit(X, y).log_marginal_likelihood(nu_w=1.5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"nu_w": "auto", "alpha": 0.0}, "'auto' .* alpha=0"),
        ({"n_lags": "auto", "alpha": 0}, "'auto' .* alpha=0"),
        ({"prior": "ntk"}, "prior must be one of .* but got 'ntk'"),
        ({"correlation": "auto", "prior": "dc", "alpha": 0}, "'auto' .* alpha=0"),
        ({"n_lags": "auto", "prior": np.ones(6)}, "n_lags='auto' needs a prior .* not an array"),
        ({"n_lags": "auto", "prior": np.eye(6)}, "n_lags='auto' needs a prior .* not an array"),
        ({"solver": "cg", "prior": "tc"}, "prior='tc' correlates lags, .* need independent lags"),
        ({"solver": "cg", "prior": np.eye(6) + 1}, "correlates lags, .* need independent lags"),
        ({"solver": "cg", "nu_w": "auto"}, "nu_w='auto' needs the spectrum.*solver='cg'"),
        ({"solver": "cg", "alpha": "auto"}, "alpha='auto' needs the spectrum.*solver='cg'"),
        ({"solver": "cg", "n_lags": "auto"}, "n_lags='auto' needs the spectrum.*solver='cg'"),
        ({"solver": "cg", "n_steps": 3}, "n_steps=3 needs the spectrum.*solver='cg'"),
        ({"solver": "cg", "n_steps": "loo"}, "n_steps='loo' needs the spectrum.*solver='cg'"),
        (
            {"n_steps": "validation", "validation_fraction": 0.99},
            "validation_fraction=0.99 leaves nothing .*n_samples=30",
        ),
    ],
)
def test_parameters_that_do_not_go_together(parameters, message):
    with pytest.raises(ValueError, match=message):
        NTKConvRegressor(**parameters).fit(X, y)


# -- Questions to a model that has no answer ----------------------------------------------


@pytest.mark.parametrize(
    ("model", "ask", "error", "message"),
    [
        (
            NTKConvRegressor(n_steps=3),
            lambda model: model.predict(X, return_std=True),
            ValueError,
            "posterior .* minimum of the loss, but .*n_steps=3",
        ),
        (
            NTKConvRegressor(n_steps=3),
            lambda model: model.impulse_response_std_,
            ValueError,
            "posterior .* minimum of the loss, but .*n_steps=3",
        ),
        (
            NTKConvRegressor(prior="tc"),
            lambda model: model.predict_ensemble(X),
            ValueError,
            "predict_ensemble .* prior='linear_rnn' and n_leads=0, but",
        ),
        (
            NTKConvRegressor(),
            lambda model: model.log_marginal_likelihood(noise=1.0),
            TypeError,
            r"numbers for \['alpha', 'nu_c', 'nu_f', 'nu_w'\], but got noise=1.0",
        ),
        (
            NTKConvRegressor(),
            lambda model: model.log_marginal_likelihood(alpha=0.0),
            ValueError,
            "alpha > 0, but got 0.0",
        ),
        (
            NTKConvRegressor(alpha=0.0),
            lambda model: model.log_marginal_likelihood(),
            ValueError,
            "alpha > 0, but got 0.0",
        ),
        (
            NTKConvRegressor(),
            lambda model: model.log_marginal_likelihood(nu_w=-0.1),
            ValueError,
            "nu_w .* must not be negative, but got -0.1",
        ),
    ],
)
def test_questions_without_an_answer(model, ask, error, message):
    model = copy.deepcopy(model).fit(X, y)
    with pytest.raises(error, match=message):
        ask(model)


def test_no_posterior_where_neither_data_nor_prior_speak():
    twice = np.repeat(X, 2, axis=1)
    model = NTKConvRegressor(alpha=0.0).fit(twice, y)
    with pytest.raises(ValueError, match="posterior needs alpha > 0"):
        model.predict(twice, return_std=True)
    assert np.isfinite(NTKConvRegressor(alpha=0.0).fit(X, y).predict(X, return_std=True)[1]).all()


@pytest.mark.parametrize("wrong", [[0], [-1], [1.5], [[1, 2]], [True], 0, 5, [], "all", [np.nan]])
def test_stages_are_whole_numbers(wrong):
    model = NTKConvRegressor().fit(X, y)
    with pytest.raises((TypeError, ValueError), match=r"n_steps|dimension|sample|NaN"):
        next(model.staged_predict(X, wrong))
    with pytest.raises((TypeError, ValueError), match=r"n_steps|dimension|sample|NaN"):
        model.staged_impulse_response(wrong)


@pytest.mark.parametrize("wrong", [0, 5, "all"])
def test_a_single_number_of_iterations_is_not_a_list_of_stages(wrong):
    with pytest.raises(ValueError, match=r"n_steps must be whole numbers .*\(n_stages,\), but"):
        NTKConvRegressor().fit(X, y).staged_impulse_response(wrong)


@pytest.mark.parametrize("make", [NTKConvRegressor, NTKConvRegressorCV])
@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.predict(X, return_std=True),
        lambda model: model.predict_ensemble(X),
        lambda model: next(model.staged_predict(X)),
        lambda model: model.staged_impulse_response(),
        lambda model: model.log_marginal_likelihood(),
        lambda model: model.impulse_response_std_,
        lambda model: model.noise_variance_,
        lambda model: model.effective_degrees_of_freedom_,
    ],
)
def test_questions_before_fit(make, ask):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ask(make())


# -- Cross-validation ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"nu_w": []}, "nu_w must have .* got an empty grid"),
        ({"alphas": []}, "alphas must have .* got an empty grid"),
        ({"n_steps": []}, "n_steps must have .* got an empty grid"),
        ({"prior": []}, "prior must have .* got an empty grid"),
        ({"correlation": []}, "correlation must have .* got an empty grid"),
        ({"nu_w": [0.5, "auto"]}, "nu_w must be numbers of at least 0, .*but got 'auto'"),
        ({"alphas": ["auto"]}, "alphas must be numbers of at least 0, but got 'auto'"),
        ({"n_steps": ["gcv"]}, "n_steps must be whole numbers .* but got 'gcv'"),
        ({"prior": ["flat", "ntk"]}, "prior must be names among .* but got 'ntk'"),
        ({"alphas": [1.0, -1.0]}, "alphas must be numbers of at least 0"),
        ({"alphas": [np.nan]}, "alphas must be numbers of at least 0"),
        ({"alphas": [[0.1, 1.0]]}, "alphas must be numbers of at least 0"),
        ({"nu_w": [-0.5]}, "nu_w must be numbers of at least 0"),
        ({"nu_w": -0.5}, "nu_w must be numbers of at least 0"),
        ({"n_steps": [0]}, "n_steps must be whole numbers of at least 1"),
        ({"n_steps": [1.5]}, "n_steps must be whole numbers of at least 1"),
        ({"correlation": [1.0]}, "correlation must be numbers between -1 and 1"),
        ({"cv": "evidence", "alphas": [0, 1]}, "cv='evidence' .*alphas > 0"),
        ({"cv": "evidence", "n_steps": [3]}, "cv='evidence' .*n_steps=None"),
        ({"shape": [0.5], "nu_f": [1.0, 2.0]}, "shape sets nu_f and nu_c"),
        ({"shape": [0.5], "nu_c": [1.0, 2.0]}, "shape sets nu_f and nu_c"),
        ({"cv": 31}, "n_splits=31 greater than the number of samples: n_samples=30"),
        ({"cv": [(np.arange(10), np.arange(0))]}, "needs at least two samples in each test part"),
        ({"cv": [(np.arange(0), np.arange(10))]}, "cv must have observed targets in every part"),
        ({"cv": [(np.arange(20), np.arange(20, 30)[:1])]}, "at least two samples in each test"),
        ({"cv": [(np.array([0, 0, 1]), np.arange(20, 30))]}, "cv must not repeat samples"),
        (
            {
                "cv": [(np.arange(0), np.arange(9))],
                "scoring": "neg_mean_squared_error",
            },
            "cv must have observed targets in every part",
        ),
        ({"nu_w": [1e100]}, r"nu_w=1e\+100.*n_lags=6"),
        ({"n_lags": 7}, "n_lags=7 needs .*n_timesteps=6"),
    ],
)
def test_wrong_grids_and_splits(parameters, message):
    with pytest.raises(ValueError, match=message):
        NTKConvRegressorCV(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"cv": []}, ValueError, "cv"),
        ({"shape": [-1.0]}, ValueError, "shape"),
        ({"shape": []}, ValueError, "shape"),
        ({"shape": [np.nan]}, ValueError, "shape"),
        ({"prior": [np.ones(5)]}, ValueError, "prior was given for 5 lags"),
        ({"prior": "ntk"}, ValueError, "prior must be names among .* but got 'ntk'"),
        ({"shape": 0.0}, ValueError, "shape must be positive numbers"),
        ({"cv": GroupKFold(3)}, ValueError, "groups"),
    ],
)
def test_wrong_grids_name_their_parameter(parameters, error, message):
    with pytest.raises(error, match=message):
        NTKConvRegressorCV(**parameters).fit(X, y)


def test_a_part_without_any_observed_time_step():
    targets = np.where(np.arange(30) < 24, y, np.nan)
    with pytest.raises(ValueError, match="cv must have observed targets in every part"):
        NTKConvRegressorCV(**STEPS).fit(X, targets)
    with pytest.raises(ValueError, match="cv must have observed targets in every part"):
        NTKConvRegressorCV(cv=3).fit(X, y, np.repeat([0.0, 1.0, 1.0], 10))


# -- Kernels ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "parameters", "message"),
    [
        (("ntk", X), {}, "prior must be one of .*got 'ntk'"),
        (("tc", X, X[:, :5]), {}, r"X and X2 .* \(30, 6, 1\) and \(30, 5, 1\)"),
        (("tc", PANEL, X), {}, "X and X2 must have windows of the same"),
        (("tc", X), {"n_channels": 4}, "X has 6 columns, which n_channels=4 does not divide"),
        (("tc", X, X[:, :5]), {"n_channels": 2}, "X2 has 5 columns, which n_channels=2"),
        (("tc", X * np.nan), {}, "Input X contains NaN"),
        (("tc", X, np.where(X > 1, np.inf, X)), {}, "Input X2 contains infinity"),
        (("tc", X[:, 0]), {}, "Expected 2D array, got 1D"),
        (("tc", X[:0]), {}, r"0 sample\(s\)"),
        (("linear_rnn", X), {"nu_w": -1.0}, "nu_w .* must not be negative"),
        (("linear_rnn", X), {"nu_f": 0, "nu_c": 0}, "nu_f=0 and nu_c=0 must not both be zero"),
        (("dc", X), {"correlation": 1.0}, "correlation must lie between -1 and 1, but got 1.0"),
        ((np.ones(5), X), {}, "prior .* for 5 lags, .*n_lags=6"),
    ],
)
def test_wrong_arguments_of_the_kernel(arguments, parameters, message):
    with pytest.raises(ValueError, match=message):
        kernel_matrix(*arguments, **parameters)


def test_a_kernel_with_an_unknown_prior():
    with pytest.raises(ValueError, match=r"prior must be one of .*got 'ntk'"):
        GaussianProcessRegressor(LagKernel("ntk")).fit(X, y)
    with pytest.raises((KeyError, ValueError), match="ntk"):
        LagKernel("ntk").diag(X)


# -- Training that fails ------------------------------------------------------------------


def test_an_evidence_search_that_does_not_converge_warns_and_keeps_its_best_point(monkeypatch):
    monkeypatch.setattr("sklearn_linrnn._core.closed_form.climb.MAX_ITERATIONS", 1)
    draw = np.random.default_rng(1)
    windows = draw.normal(size=(200, 12))
    target = windows @ 0.6 ** np.arange(12)[::-1] + draw.normal(size=200)
    model = NTKConvRegressor("auto", alpha="auto")
    with pytest.warns(ConvergenceWarning, match=r"did not converge; the best point .* is kept"):
        model.fit(windows, target)
    usual = NTKConvRegressor().fit(windows, target)
    assert model.log_marginal_likelihood() > usual.log_marginal_likelihood()
    assert np.isfinite(model.predict(windows)).all()


@pytest.mark.parametrize("n_steps", ["gcv", "loo", "validation"])
@pytest.mark.filterwarnings("ignore:learning_rate=1000 is above the stable limit")
@pytest.mark.filterwarnings("ignore:Gradient descent diverged")
def test_iterations_that_diverge_are_not_chosen(n_steps):
    """One iteration with this learning rate is bad, and every further one is worse."""
    model = NTKConvRegressor(n_steps=n_steps, learning_rate=1e3, alpha=0.0).fit(X, y)
    assert model.n_steps_ == 1


@pytest.mark.parametrize("make", ESTIMATORS[1:])
def test_a_learning_rate_above_the_stable_limit_warns_and_keeps_the_best_parameters(make):
    model = make(learning_rate=1e3, max_iter=500)
    with (
        pytest.warns(UserWarning, match="learning_rate=1000 is above the stable limit"),
        pytest.warns(
            ConvergenceWarning, match=r"diverged at iteration \d+ with learning_rate=1000"
        ),
    ):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.loss_curve_[:-1]).all()
    assert model.n_iter_ == len(model.loss_curve_) < 500


def test_a_learning_rate_just_below_the_limit_is_stable_and_one_just_above_warns():
    centred = X - X.mean(axis=0)
    limit = 2 / np.linalg.eigvalsh(centred.T @ centred / len(X))[-1]
    stable = WeightedConv1DRegressor("flat", learning_rate=0.999 * limit, max_iter=50).fit(X, y)
    assert (np.diff(stable.loss_curve_) <= 0).all()
    with pytest.warns(UserWarning, match="above the stable limit"):
        WeightedConv1DRegressor("flat", learning_rate=1.001 * limit, max_iter=5).fit(X, y)


def test_many_iterations_at_once_above_the_stable_limit():
    with (
        pytest.warns(UserWarning, match="learning_rate=1000 is above the stable limit"),
        pytest.warns(ConvergenceWarning, match="diverged at iteration 1 "),
    ):
        NTKConvRegressor(n_steps=2, learning_rate=1e3).fit(X, y)
    with (
        pytest.warns(UserWarning, match="above the stable limit"),
        pytest.warns(ConvergenceWarning, match="diverged at iteration 1 "),
        pytest.raises(ValueError, match=r"learning_rate=1000.0 left the range .*n_steps=5000"),
    ):
        NTKConvRegressor(n_steps=5000, learning_rate=1e3).fit(X, y)


def test_too_few_iterations_for_the_tolerance():
    with pytest.warns(ConvergenceWarning, match=r"max_iter=3 .*tol=1e-06"):
        WeightedConv1DRegressor(max_iter=3, tol=1e-6).fit(X, y)


def test_a_fraction_that_leaves_nothing_to_train_on():
    with pytest.raises(ValueError, match=r"validation_fraction=0.9 .*n_samples=2"):
        WeightedConv1DRegressor(early_stopping=True, validation_fraction=0.9).fit(X[:2], y[:2])


@every_estimator
@pytest.mark.parametrize("scale", [1e160, 1e200], ids="X times {:g}".format)
def test_inputs_whose_squares_overflow(make, scale):
    with pytest.raises(ValueError, match=r"X|too large|overflow"):
        make().fit(X * scale, y)


@pytest.mark.parametrize("make", ESTIMATORS[1:])
def test_targets_whose_squares_overflow_are_not_passed_over_in_silence(make):
    with pytest.raises(ValueError, match=r"y|too large|overflow"):
        make().fit(X, y * 1e160)


@pytest.mark.parametrize("make", ESTIMATORS[1:])
def test_numbers_too_large_for_float32_are_said_to_be(make):
    with pytest.raises(ValueError, match="float32"):
        make(dtype="float32").fit(X * 1e-30, y * 1e30)


# -- Sane answers to odd data -------------------------------------------------------------


@pytest.mark.parametrize("make", ESTIMATORS[:2])
@pytest.mark.parametrize("constant", [0.0, 1.0, -3e5])
def test_constant_inputs_predict_the_mean(make, constant):
    model = make().fit(np.full_like(X, constant), y)
    assert_allclose(model.predict(np.full_like(X, constant)), y.mean(), rtol=1e-9)


@pytest.mark.parametrize("make", ESTIMATORS[:2])
def test_constant_targets_need_no_response(make):
    model = make().fit(X, np.full(30, 7.0))
    assert_array_equal(model.impulse_response_, 0.0)
    assert_array_equal(model.predict(X), 7.0)


@pytest.mark.parametrize("make", ESTIMATORS[:2])
@pytest.mark.parametrize("alpha", [{}, {"fit_intercept": False}])
def test_one_sample_is_enough(make, alpha):
    prediction = make(**alpha).fit(X[:1], y[:1]).predict(X[:1])
    assert np.isfinite(prediction).all()


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e9, 1e150])
def test_the_unit_of_the_targets_does_not_matter(scale):
    for make in ESTIMATORS[:2]:
        expected = make().fit(X, y).predict(X) * scale
        assert_allclose(make().fit(X, y * scale).predict(X), expected, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-100, 1e-9, 1e9, 1e100])
def test_the_unit_of_the_inputs_does_not_matter_without_a_penalty(scale):
    for make in (partial(NTKConvRegressor, alpha=0.0), ESTIMATORS[1]):
        expected = make().fit(X, y).predict(X)
        assert_allclose(make().fit(X * scale, y).predict(X * scale), expected, rtol=1e-8)


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_the_level_of_the_inputs_does_not_matter(offset):
    for make in ESTIMATORS[:2]:
        expected = make().fit(X, y).predict(X)
        assert_allclose(make().fit(X + offset, y).predict(X + offset), expected, rtol=1e-8)


@pytest.mark.filterwarnings("ignore:nu_w=.* makes the prior grow")
@pytest.mark.parametrize("nu_w", [1.0, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e3])
def test_growing_lag_weights_give_the_dense_answer(nu_w, alpha):
    n_lags = 50
    x, target = np.random.default_rng(1).normal(size=(2, 400))
    windows = np.lib.stride_tricks.sliding_window_view(x, n_lags)
    target = target[: len(windows)]
    model = NTKConvRegressor(nu_w, alpha=alpha).fit(windows, target)
    centred = windows - windows.mean(axis=0)
    penalty = np.diag(alpha / model.lag_weights_[::-1])
    dense = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (target - target.mean()))
    distance = np.linalg.norm(model.impulse_response_[0, 0, ::-1] - dense)
    assert distance < 1e-8 * np.linalg.norm(dense)


@pytest.mark.filterwarnings("ignore:nu_w=.* makes the prior grow")
@pytest.mark.parametrize("nu_w", [0.3, 0.7, 1.5, 2.0])
def test_without_a_penalty_no_positive_weight_matters(nu_w):
    x, target = np.random.default_rng(1).normal(size=(2, 400))
    windows = np.lib.stride_tricks.sliding_window_view(x, 50)
    target = target[: len(windows)]
    model = NTKConvRegressor(nu_w, alpha=0.0).fit(windows, target)
    expected = LinearRegression().fit(windows, target)
    assert_allclose(model.predict(windows), expected.predict(windows), rtol=1e-8, atol=1e-8)


# -- Use before and after fit -------------------------------------------------------------


@every_estimator
def test_an_unfitted_model_says_so(make):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make().predict(X)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make().score(X, y)


@every_estimator
@pytest.mark.parametrize(
    ("estimator", "data", "wrong", "message"),
    [
        ({}, (X, y), X[:, :5], "X has 5 features, but .* is expecting 6"),
        (STEPS, (X, y), X[:, :5], "X has 5 features, but .* is expecting 6"),
        (
            {"n_lags": 2},
            (PANEL, EVERY),
            PANEL[..., :1],
            "X must have 2 channels, as in fit, but got 1",
        ),
        (
            {"n_lags": 2},
            (PANEL, EVERY),
            [PANEL[0][:, :1]],
            "X must have 2 channels, as in fit, but got 1",
        ),
        (STEPS, (X, y), PANEL, "X must have 6 channels, as in fit, but got 2"),
        ({"n_lags": 5}, (PANEL, EVERY[:, -1]), PANEL[:, :4], "n_timesteps=4, .*n_lags=5"),
        ({}, (X, y), X[:0], r"0 sample\(s\)"),
        ({}, (X, y), X * np.nan, "Input X contains NaN"),
        ({"n_lags": 2}, (PANEL, EVERY), np.abs(PANEL) * np.inf, "Input X contains infinity"),
    ],
)
def test_wrong_inputs_to_predict(make, estimator, data, wrong, message):
    model = make(**estimator).fit(*data)
    with pytest.raises(ValueError, match=message):
        model.predict(wrong)


NAMED = pd.DataFrame(X, columns=[f"y_lag_{lag}" for lag in range(1, 7)])  # newest first


@pytest.mark.parametrize("make", [*ESTIMATORS, LagWeighter])
@pytest.mark.parametrize(
    ("seen", "new", "message"),
    [
        (NAMED, X, "X does not have valid feature names"),
        (X, NAMED, "fitted without feature names"),
    ],
    ids=["named, then array", "array, then named"],
)
def test_columns_keep_the_lags_that_they_had_in_fit(make, seen, new, message):
    model = make(nu_w=0.1).fit(seen, y)
    read = model.transform if isinstance(model, LagWeighter) else model.predict
    with pytest.warns(UserWarning, match=message):
        result = read(new)
    assert_allclose(result, read(seen), rtol=1e-9)


def test_frames_of_a_list_must_have_the_same_columns_in_the_same_order():
    frames = [pd.DataFrame(part, columns=["u", "v"]) for part in PANEL]
    frames[2] = frames[2][["v", "u"]]
    with pytest.raises(ValueError, match=r"X must have the same feature names .* got .*'v', 'u'"):
        NTKConvRegressor(n_lags=2).fit(frames, list(EVERY))
    frames[2] = PANEL[2]
    with pytest.raises(ValueError, match=r"X must have the same feature names .* got .*None"):
        NTKConvRegressor(n_lags=2).fit(frames, list(EVERY))


FAILURES = [
    ({}, (X[:, :4], y[:-1]), {}),
    ({}, (X * np.nan, y), {}),
    ({}, (X[:, :4], y), {"sample_weight": -np.ones(30)}),
    ({"nu_w": -1.0}, (X, y), {}),
    ({"nu_w": 1e200}, (X, y), {}),
    ({"device": "nonsense"}, (X[:, :4], y), {}),
    ({"n_lags": 9}, (X, y), {}),
    ({"rows": "timesteps"}, (X[:, :4], y), {"sequence_id": np.zeros(3)}),
    ({}, (pd.DataFrame(X[:, :4], columns=list("abcd")), y), {}),
]


@every_estimator
@pytest.mark.parametrize(("parameters", "data", "metadata"), FAILURES)
def test_a_failed_fit_leaves_the_earlier_one_as_it_was(make, parameters, data, metadata):
    model = make().fit(X, y)
    model.set_params(**parameters)
    before, values = dict(vars(model)), copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match=r"."):
        model.fit(*data, **metadata)
    assert vars(model).keys() == before.keys()
    for name, value in before.items():
        assert vars(model)[name] is value
        if isinstance(value, np.ndarray):
            assert_array_equal(value, values[name])


def test_a_failed_first_fit_leaves_nothing():
    model = NTKConvRegressor()
    before = set(vars(model))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, np.where(y > 0, np.nan, y))
    assert set(vars(model)) == before


@pytest.mark.parametrize(("parameters", "x"), [({"nu_w": -1.0}, X), ({"n_lags": 9}, X), ({}, y)])
def test_a_failed_fit_of_the_weighter_leaves_the_earlier_one_as_it_was(parameters, x):
    model = LagWeighter().fit(X)
    expected = model.transform(X)
    model.set_params(**parameters)
    with pytest.raises(ValueError, match=r"."):
        model.fit(x)
    assert_array_equal(model.set_params(nu_w=0.5, n_lags=None).transform(X), expected)


class Wrong(LagPrior):
    """A prior whose covariance is whatever it was made with."""

    def __init__(self, covariance):
        object.__setattr__(self, "wrong", covariance)

    def covariance(self, n_lags):
        return self.wrong


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (np.full(6, np.nan), "covariance of Wrong must be finite"),
        (-np.ones(6), "covariance of Wrong must .* variances not negative"),
        (np.zeros(6), "covariance of Wrong must .* not all zero"),
        (np.ones((6, 7)), r"covariance of Wrong must have shape .* but got shape \(6, 7\)"),
        ([1.0, 2.0], r"covariance of Wrong must have shape .* but got shape \(2,\)"),
        (TRIANGLE, "covariance of Wrong must be symmetric"),
    ],
)
def test_a_prior_of_ones_own_that_is_not_a_covariance(covariance, message):
    with pytest.raises(ValueError, match=message):
        NTKConvRegressor(prior=Wrong(covariance)).fit(X, y)


@pytest.mark.parametrize("name", ["noise_variance_", "impulse_response_std_"])
def test_what_was_not_computed_is_not_there(name):
    assert not hasattr(NTKConvRegressor(solver="cg").fit(X, y), name)
    assert hasattr(NTKConvRegressor().fit(X, y), name)
