"""Cross-validation from one pass: what scikit-learn's own searches find, split by split."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import solve_triangular
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    ParameterGrid,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline

from sklearn_linrnn import LagStatistics, LagWeighter, NTKConvRegressor, NTKConvRegressorCV
from sklearn_linrnn._core.priors.identification import DC, TC
from sklearn_linrnn._core.priors.lag_weights import LinearRNN

rng = np.random.default_rng(0)
N, N_LAGS = 90, 8
X = rng.normal(size=(N, N_LAGS))
TEACHER = np.stack([0.5 ** np.arange(N_LAGS)[::-1], 0.8 ** np.arange(N_LAGS)[::-1]], axis=1)
Y = X @ TEACHER + 0.5 * rng.normal(size=(N, 2))
y = Y[:, 0]
WEIGHTS = rng.uniform(0.2, 3.0, size=N)
GRID = {"nu_w": [0.2, 0.8], "alpha": [0.1, 10.0]}
GROUPS = rng.integers(0, 7, size=N)
SCORINGS = ["r2", "neg_mean_squared_error", "neg_root_mean_squared_error"]

SPLITTERS = {
    "an int": 4,
    "the default": None,
    "KFold": KFold(5),
    "shuffled KFold": KFold(6, shuffle=True, random_state=0),
    "repeated KFold": RepeatedKFold(n_splits=3, n_repeats=2, random_state=1),
    "TimeSeriesSplit": TimeSeriesSplit(5),
    "TimeSeriesSplit with a gap": TimeSeriesSplit(4, gap=5, max_train_size=30),
    "ShuffleSplit": ShuffleSplit(8, test_size=0.3, random_state=0),
    "ShuffleSplit with gaps": ShuffleSplit(8, test_size=0.2, train_size=0.5, random_state=0),
    "splits with gaps": [
        (np.arange(30), np.arange(40, 50)),
        (np.r_[10:30, 70:90], np.r_[35:45, 60:62]),
        (np.arange(20, 90), np.arange(10)),
    ],
    "splits by group": list(GroupKFold(4).split(X, groups=GROUPS)),
    "parts in any order": [(rng.permutation(60), 60 + rng.permutation(20)) for _ in range(3)],
}


def our_search(grid, **parameters):
    """Return the estimator for a grid of `NTKConvRegressor`."""
    grid = {"alphas" if name == "alpha" else name: values for name, values in grid.items()}
    return NTKConvRegressorCV(**grid, **parameters)


def their_search(grid, cv, scoring="r2", **parameters):
    return GridSearchCV(NTKConvRegressor(**parameters), grid, cv=cv, scoring=scoring)


def assert_same_scores(ours, theirs, atol=1e-8):
    """Compare the tables of two searches over the same list of candidates."""
    assert list(ours.cv_results_["params"]) == list(theirs.cv_results_["params"])
    for name, expected in theirs.cv_results_.items():
        if name.endswith("test_score") and not name.startswith("rank"):
            assert_allclose(ours.cv_results_[name], expected, rtol=1e-8, atol=atol, err_msg=name)
    assert ours.n_splits_ == theirs.n_splits_
    assert ours.best_index_ == theirs.best_index_
    assert ours.best_params_ == theirs.best_params_
    assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-8, atol=atol)
    assert_array_equal(
        ours.cv_results_["rank_test_score"] == 1, theirs.cv_results_["rank_test_score"] == 1
    )


def assert_same_search(ours, theirs, inputs):
    assert_same_scores(ours, theirs)
    found, expected = ours.predict(inputs), theirs.predict(inputs)
    if not isinstance(expected, list):
        found, expected = [found], [expected]
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-8, atol=1e-8)


# -- Against GridSearchCV: splitters, scores, grids ---------------------------------------


@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize("target", [y, Y], ids=["one output", "two outputs"])
def test_every_splitter_scores_as_in_grid_search(splitter, target):
    cv = SPLITTERS[splitter]
    ours = our_search(GRID, cv=cv).fit(X, target)
    assert_same_search(ours, their_search(GRID, cv).fit(X, target), X)


@pytest.mark.parametrize("cv", [KFold(5), ShuffleSplit(8, random_state=0)], ids=["atoms", "parts"])
@pytest.mark.parametrize("scoring", SCORINGS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_every_score_is_scikit_learns(cv, scoring, fit_intercept):
    options = {"fit_intercept": fit_intercept}
    target = Y + np.array([2.0, 0.0])
    ours = our_search(GRID, cv=cv, scoring=scoring, **options).fit(X, target)
    theirs = their_search(GRID, cv, scoring, **options).fit(X, target)
    assert_same_search(ours, theirs, X)


def test_leaving_one_out_by_a_splitter():
    scoring = "neg_mean_squared_error"
    ours = our_search(GRID, cv=LeaveOneOut(), scoring=scoring).fit(X[:25], Y[:25])
    theirs = their_search(GRID, LeaveOneOut(), scoring).fit(X[:25], Y[:25])
    assert ours.n_splits_ == 25
    assert_same_search(ours, theirs, X)


@pytest.mark.parametrize("splitter", ["KFold", "TimeSeriesSplit", "ShuffleSplit with gaps"])
@pytest.mark.parametrize("target", [y, Y], ids=["one output", "two outputs"])
def test_the_search_is_that_over_weighted_lags_and_ridge(splitter, target):
    cv = SPLITTERS[splitter]
    ours = our_search(GRID, cv=cv).fit(X, target)
    pipeline = make_pipeline(LagWeighter(), Ridge())
    grid = {"lagweighter__nu_w": GRID["nu_w"], "ridge__alpha": GRID["alpha"]}
    theirs = GridSearchCV(pipeline, grid, cv=cv).fit(X, target)
    named = [
        {"alpha": candidate["ridge__alpha"], "nu_w": candidate["lagweighter__nu_w"]}
        for candidate in theirs.cv_results_["params"]
    ]
    order = [named.index(candidate) for candidate in ours.cv_results_["params"]]
    assert sorted(order) == list(range(4))
    for name in ("mean_test_score", "std_test_score", "split2_test_score"):
        expected = theirs.cv_results_[name][order]
        assert_allclose(ours.cv_results_[name], expected, rtol=1e-8, atol=1e-8)
    assert ours.best_params_ == named[theirs.best_index_]
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8, atol=1e-8)


GRIDS = {
    "steps": {**GRID, "n_steps": [None, 1, 40]},
    "steps without a penalty": {"nu_w": [0.3, 0.8], "alpha": [0.0], "n_steps": [1, 20, 1000]},
    "no penalty": {"nu_w": [0.3, 0.8], "alpha": [0.0, 1.0]},
    "priors": {**GRID, "prior": ["linear_rnn", "flat", "tc", "ss", "lru", "s4d_lin"]},
    "prior objects": {"alpha": [0.5, 5.0], "prior": [TC(0.3), TC(0.8)]},
    "correlations": {"alpha": [0.5, 5.0], "nu_w": [0.4, 0.9], "correlation": [-0.5, 0.0, 0.9]},
    "long memories": {"nu_w": [1.0, 1.3, 3.0], "alpha": [0.1, 10.0]},
    "all three variances": {
        "nu_w": [0.0, 0.5],
        "nu_f": [0.0, 1.0],
        "nu_c": [0.5, 2.0],
        "alpha": [1.0],
    },
}


@pytest.mark.parametrize("name", GRIDS)
def test_every_grid_is_searched_as_by_grid_search(name):
    options = {"prior": "dc"} if name == "correlations" else {}
    ours = our_search(GRIDS[name], cv=4, **options).fit(X, Y)
    assert_same_search(ours, their_search(GRIDS[name], 4, **options).fit(X, Y), X)


@pytest.mark.parametrize("learning_rate", [0.001, "auto"])
def test_the_learning_rate_is_that_of_every_candidate(learning_rate):
    grid, options = {"alpha": [0.0, 1.0], "n_steps": [3, 30]}, {"learning_rate": learning_rate}
    ours = our_search(grid, nu_w=0.6, **options).fit(X, y)
    theirs = GridSearchCV(NTKConvRegressor(0.6, **options), grid, cv=5).fit(X, y)
    assert_same_search(ours, theirs, X)


def test_shapes_stand_for_the_other_two_variances():
    shapes = [0.25, 1.0, 6.0]
    grid = {"nu_w": [0.2, 0.8], "alpha": [0.3, 3.0]}
    ours = our_search(grid, shape=shapes, cv=5).fit(X, y)
    pairs = [{**grid, "nu_f": [2 * shape], "nu_c": [2 * shape]} for shape in shapes]
    theirs = GridSearchCV(NTKConvRegressor(), pairs, cv=5).fit(X, y)
    score = dict(
        zip(
            (tuple(sorted(params.items())) for params in theirs.cv_results_["params"]),
            theirs.cv_results_["mean_test_score"],
            strict=True,
        )
    )
    expected = [score[tuple(sorted(params.items()))] for params in ours.cv_results_["params"]]
    assert_allclose(ours.cv_results_["mean_test_score"], expected, rtol=0, atol=1e-8)
    assert len(expected) == 12
    assert ours.best_params_ == theirs.best_params_
    f, c = ours.nu_f_, ours.nu_c_
    assert_allclose(f * c / (f + c), ours.best_params_["nu_f"] / 2)


def test_single_numbers_stay_out_of_the_table():
    model = NTKConvRegressorCV(nu_w=0.7, nu_f=2.0, alphas=3.0, n_steps=5).fit(X, y)
    assert model.best_params_ == {"alpha": 3.0, "n_steps": 5}
    assert (model.nu_w_, model.nu_f_, model.alpha_, model.n_steps_) == (0.7, 2.0, 3.0, 5)
    expected = NTKConvRegressor(0.7, 2.0, alpha=3.0, n_steps=5).fit(X, y)
    assert_allclose(model.impulse_response_, expected.impulse_response_, rtol=1e-9)


def test_the_table_makes_the_same_frame_as_that_of_grid_search():
    grid = {**GRID, "n_steps": [None, 3]}
    ours = pd.DataFrame(our_search(grid).fit(X, y).cv_results_)
    theirs = pd.DataFrame(their_search(grid, 5).fit(X, y).cv_results_)
    columns = [column for column in theirs.columns if not column.endswith("_time")]
    assert sorted(ours.columns) == sorted(columns)
    for column in columns:
        if not column.endswith("score"):
            assert list(ours[column]) == list(theirs[column])


# -- Every shape of data ------------------------------------------------------------------

PANEL = rng.normal(size=(24, 20, 2))
KERNEL = rng.normal(size=(2, 2, 6)) * 0.6 ** np.arange(6)


def respond(recordings):
    """Return noisy targets at every time step of recordings (n, n_timesteps, 2)."""
    clean = [
        sum(np.pad(part, ((lag, 0), (0, 0)))[: len(part)] @ KERNEL[:, :, lag].T for lag in range(6))
        for part in recordings
    ]
    return [part + 0.5 * rng.normal(size=part.shape) for part in clean]


EVERY = np.stack(respond(PANEL))
LIST = [PANEL[k][: 9 + k % 12] for k in range(24)]
TARGETS = [EVERY[k][: 9 + k % 12] for k in range(24)]
FORMS = {
    "panel, target at the last step": (PANEL, EVERY[:, -1], {}),
    "panel, target at every step": (PANEL, EVERY, {"n_lags": 6}),
    "list of recordings": (LIST, TARGETS, {"n_lags": 6}),
    "list of recordings, one output": (LIST, [part[:, 0] for part in TARGETS], {"n_lags": 6}),
    "flat windows of two channels": (
        PANEL.reshape(24, -1),
        EVERY[:, -1],
        {"n_channels": 2, "n_lags": 5},
    ),
    "windows, channels first": (
        PANEL.transpose(0, 2, 1).reshape(24, -1),
        EVERY[:, -1],
        {"n_channels": 2, "layout": "nct"},
    ),
    "newest first": (PANEL[:, ::-1, 0], EVERY[:, -1, 0], {"lag_order": "newest_first"}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "cv", [KFold(4), TimeSeriesSplit(3), ShuffleSplit(7, random_state=0)], ids=str
)
def test_every_form_of_data_scores_as_in_grid_search(form, cv):
    inputs, target, options = FORMS[form]
    ours = our_search(GRID, cv=cv, **options).fit(inputs, target)
    theirs = their_search(GRID, cv, scoring=None, **options).fit(inputs, target)
    assert_same_search(ours, theirs, inputs)


def make_mask(*shape):
    return np.random.default_rng(1).uniform(size=shape)


def test_missing_targets_are_left_out_of_fits_and_scores():
    target = np.where(make_mask(24, 20, 1) < 0.3, np.nan, EVERY)
    ours = our_search(GRID, cv=4, n_lags=6).fit(PANEL, target)
    theirs = their_search(GRID, 4, scoring=None, n_lags=6).fit(PANEL, target)
    assert_same_search(ours, theirs, PANEL)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_frames_are_read_by_their_names(dtype):
    frame = pd.DataFrame(X[:, ::-1].astype(dtype), columns=[f"y_lag_{k}" for k in range(1, 9)])
    ours = our_search(GRID, cv=4, dtype=dtype).fit(frame, y)
    theirs = their_search(GRID, 4, dtype=dtype).fit(frame, y)
    assert_array_equal(ours.feature_names_in_, frame.columns)
    assert ours.impulse_response_.dtype == dtype
    assert ours.best_params_ == theirs.best_params_
    atol = 1e-8 if dtype == "float64" else 1e-4
    found, expected = (each.cv_results_["mean_test_score"] for each in (ours, theirs))
    assert_allclose(found, expected, rtol=0, atol=atol)


# -- Weights ------------------------------------------------------------------------------


@pytest.mark.parametrize("cv", [KFold(4), TimeSeriesSplit(4), ShuffleSplit(8, random_state=0)])
@pytest.mark.parametrize("scoring", SCORINGS)
def test_weights_count_in_fits_and_in_scores(cv, scoring):
    ours = our_search(GRID, cv=cv, scoring=scoring).fit(X, Y, WEIGHTS)
    with config_context(enable_metadata_routing=True):
        estimator = NTKConvRegressor().set_fit_request(sample_weight=True)
        scorer = get_scorer(scoring).set_score_request(sample_weight=True)
        theirs = GridSearchCV(estimator, GRID, cv=cv, scoring=scorer)
        theirs.fit(X, Y, sample_weight=WEIGHTS)
    assert_same_search(ours, theirs, X)
    unweighted = our_search(GRID, cv=cv, scoring=scoring).fit(X, Y)
    assert abs(unweighted.best_score_ - ours.best_score_) > 1e-4


def test_weights_of_recordings_count_in_fits_and_in_scores():
    weights = WEIGHTS[:24]
    ours = our_search(GRID, cv=4, n_lags=6).fit(PANEL, EVERY, weights)
    with config_context(enable_metadata_routing=True):
        estimator = NTKConvRegressor(n_lags=6).set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        theirs = GridSearchCV(estimator, GRID, cv=4).fit(PANEL, EVERY, sample_weight=weights)
    assert_same_search(ours, theirs, PANEL)


def test_a_weight_of_zero_leaves_a_row_out():
    weights = np.where(np.arange(N) % 3 == 0, 0.0, 2.0)
    splits = list(KFold(3).split(X))
    kept = np.flatnonzero(weights)
    inside = [tuple(np.flatnonzero(np.isin(kept, part)) for part in split) for split in splits]
    ours = our_search(GRID, cv=splits).fit(X, y, weights)
    without = our_search({**GRID, "alpha": np.divide(GRID["alpha"], 2)}, cv=inside)
    without.fit(X[kept], y[kept])
    found, expected = (each.cv_results_["mean_test_score"] for each in (ours, without))
    assert_allclose(found, expected, rtol=0, atol=1e-10)


# -- Steps of recordings ------------------------------------------------------------------

T = 240
SERIES = np.cumsum(rng.normal(size=(T, 2)), axis=0) / 5
SIGNAL = np.stack(respond(SERIES[None]))[0]


def scores_by_hand(splits, inputs, target, prefixes=False, **options):
    """Return R^2 (n_splits, n_candidates): fits to the training time steps, predictions of all."""
    scores = []
    for train, test in splits:
        row = []
        for parameters in ParameterGrid(GRID):
            model = NTKConvRegressor(**parameters, rows="timesteps", n_lags=6, **options)
            if prefixes:
                assert_array_equal(train, np.arange(len(train)))
                model.fit(inputs[train], target[train])
            else:
                unseen = np.full_like(target, np.nan)
                unseen[train] = target[train]
                model.fit(inputs, unseen)
            seen = test[~np.isnan(target[test]).any(axis=1)]
            row.append(r2_score(target[seen], model.predict(inputs)[seen]))
        scores.append(row)
    return np.array(scores)


def split_scores(model):
    table = model.cv_results_
    return np.array([table[f"split{k}_test_score"] for k in range(model.n_splits_)])


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_training_parts_of_a_recording_are_prefixes_and_tests_keep_their_past(fit_intercept):
    cv, options = TimeSeriesSplit(4), {"fit_intercept": fit_intercept}
    model = our_search(GRID, cv=cv, rows="timesteps", n_lags=6, **options).fit(SERIES, SIGNAL)
    expected = scores_by_hand(cv.split(SERIES), SERIES, SIGNAL, prefixes=True, **options)
    assert_allclose(split_scores(model), expected, rtol=0, atol=1e-8)
    cut_off = their_search(GRID, cv, rows="timesteps", n_lags=6, **options).fit(SERIES, SIGNAL)
    difference = model.cv_results_["mean_test_score"] - cut_off.cv_results_["mean_test_score"]
    assert np.abs(difference).max() > 1e-4, "the past of the test parts counts"


@pytest.mark.parametrize(
    "cv", [KFold(5), ShuffleSplit(8, random_state=0), TimeSeriesSplit(3, gap=7)], ids=str
)
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_training_time_steps_are_never_joined(cv, missing):
    target = np.where(make_mask(T, 1) < missing, np.nan, SIGNAL)
    model = our_search(GRID, cv=cv, rows="timesteps", n_lags=6).fit(SERIES, target)
    expected = scores_by_hand(cv.split(SERIES), SERIES, target)
    assert_allclose(split_scores(model), expected, rtol=0, atol=1e-8)


def test_time_steps_of_recordings_that_are_mixed_up_are_split_by_rows():
    ids = np.random.default_rng(1).integers(0, 3, size=T)
    cv = KFold(4, shuffle=True, random_state=0)
    model = our_search(GRID, cv=cv, rows="timesteps", n_lags=6)
    model.fit(SERIES, SIGNAL, sequence_id=ids)
    for k, (train, test) in enumerate(cv.split(SERIES)):
        unseen = np.full_like(SIGNAL, np.nan)
        unseen[train] = SIGNAL[train]
        for index, parameters in enumerate(ParameterGrid(GRID)):
            one = NTKConvRegressor(**parameters, rows="timesteps", n_lags=6)
            prediction = one.fit(SERIES, unseen, sequence_id=ids).predict(SERIES, sequence_id=ids)
            expected = r2_score(SIGNAL[test], prediction[test])
            assert_allclose(split_scores(model)[k, index], expected, rtol=0, atol=1e-8)
    whole = NTKConvRegressor(**model.best_params_, rows="timesteps", n_lags=6)
    whole.fit(SERIES, SIGNAL, sequence_id=ids)
    assert_allclose(model.impulse_response_, whole.impulse_response_, rtol=1e-8, atol=1e-10)


# -- Without a splitter -------------------------------------------------------------------


@pytest.mark.parametrize("target", [y, Y], ids=["one output", "two outputs"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_leave_one_out_is_ridge_cv_on_weighted_lags(target, fit_intercept):
    options = {"fit_intercept": fit_intercept}
    model = our_search(GRID, cv="loo", **options).fit(X, target)
    best = []
    for nu_w in GRID["nu_w"]:
        Z = LagWeighter(nu_w=nu_w).fit_transform(X)
        best.append(RidgeCV(GRID["alpha"], cv=None, **options).fit(Z, target))
        scores = model.cv_results_["mean_test_score"][model.cv_results_["param_nu_w"] == nu_w]
        assert_allclose(scores.max(), best[-1].best_score_, rtol=1e-8)
        assert GRID["alpha"][scores.argmax()] == best[-1].alpha_
    index = int(np.argmax([ridge.best_score_ for ridge in best]))
    assert_allclose(model.best_score_, best[index].best_score_, rtol=1e-8)
    assert model.best_params_ == {"alpha": best[index].alpha_, "nu_w": GRID["nu_w"][index]}
    assert (model.nu_w_, model.n_splits_) == (GRID["nu_w"][index], 0)
    assert_allclose(model.alpha_, best[index].alpha_)


def test_leave_one_out_is_the_splitter_that_does_so():
    options = {"scoring": "neg_mean_squared_error"}
    by_formula = our_search(GRID, cv="loo").fit(X, Y)
    one_by_one = our_search(GRID, cv=LeaveOneOut(), **options).fit(X, Y)
    found, expected = (each.cv_results_["mean_test_score"] for each in (by_formula, one_by_one))
    assert_allclose(found, expected, rtol=1e-8)


def test_leave_one_out_leaves_out_one_weighted_row_at_a_time():
    rows, weights = slice(30), WEIGHTS[:30]
    model = our_search(GRID, cv="loo").fit(X[rows], Y[rows], weights)
    expected = []
    for parameters in ParameterGrid(GRID):
        errors = []
        for left_out in range(30):
            kept = np.arange(30) != left_out
            one = NTKConvRegressor(**parameters).fit(X[rows][kept], Y[rows][kept], weights[kept])
            errors.append(np.square(Y[left_out] - one.predict(X[left_out : left_out + 1])[0]))
        expected.append(-np.average(errors, axis=0, weights=weights).mean())
    assert_allclose(model.cv_results_["mean_test_score"], expected, rtol=1e-8)


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_leave_one_out_leaves_out_one_time_step_of_a_recording_at_once(missing):
    rows = slice(40)
    target = np.where(make_mask(40, 1) < missing, np.nan, SIGNAL[rows])
    options = {"rows": "timesteps", "n_lags": 6}
    model = our_search(GRID, cv="loo", **options).fit(SERIES[rows], target)
    expected = []
    for parameters in ParameterGrid(GRID):
        errors = []
        for left_out in np.flatnonzero(~np.isnan(target).any(axis=1)):
            unseen = target.copy()
            unseen[left_out] = np.nan
            one = NTKConvRegressor(**parameters, **options).fit(SERIES[rows], unseen)
            errors.append(np.square(target[left_out] - one.predict(SERIES[rows])[left_out]))
        expected.append(-np.mean(errors))
    assert_allclose(model.cv_results_["mean_test_score"], expected, rtol=1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("prior", ["linear_rnn", "tc"])
def test_generalised_cross_validation_is_that_of_the_hat_matrix(fit_intercept, prior):
    options = {"fit_intercept": fit_intercept, "prior": prior}
    model = our_search(GRID, cv="gcv", **options).fit(X, Y)
    lags = X[:, ::-1] - fit_intercept * X[:, ::-1].mean(axis=0)
    expected = []
    for parameters in ParameterGrid(GRID):
        one = NTKConvRegressor(**parameters, **options).fit(X, Y)
        covariance = one.prior_.covariance(N_LAGS)
        P = covariance if covariance.ndim == 2 else np.diag(covariance)
        gram = lags @ P @ lags.T
        hat = gram @ np.linalg.inv(gram + parameters["alpha"] * np.eye(N)) + fit_intercept / N
        mean_square = np.square(Y - hat @ Y).mean(axis=0)
        expected.append(-(mean_square / (1 - np.trace(hat) / N) ** 2).mean())
    assert_allclose(model.cv_results_["mean_test_score"], expected, rtol=1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("prior", [TC(0.01), DC(0.1, 0.5), LinearRNN(0.01)], ids=str)
@pytest.mark.parametrize("cv", ["gcv", "loo"])
def test_small_penalties_keep_the_digits_of_lags_that_hardly_vary(cv, prior, fit_intercept):
    """By rows of data beside those of the penalty, with the exact inverse of a triangular root."""
    alphas, n_lags = [1e-300, 1e-30, 1e-16, 1e-12, 1e-8, 1e-2], 20
    inputs = np.random.default_rng(0).normal(0.5, 1.0, (50, n_lags))
    target = inputs[:, -1] + inputs[:, -2] + y[:50]
    model = our_search({"alpha": alphas}, cv=cv, prior=prior, fit_intercept=fit_intercept)
    root = prior.root(n_lags)
    lower = np.diag(root) if root.ndim == 1 else root
    inverse = solve_triangular(lower, np.eye(n_lags), lower=True)
    rows = inputs[:, ::-1] - fit_intercept * inputs[:, ::-1].mean(axis=0)
    expected = []
    for alpha in alphas:
        both = np.vstack([rows, np.sqrt(alpha) * inverse])
        basis = np.linalg.qr(both / np.linalg.norm(both, axis=0))[0][:50]
        hat = basis @ basis.T + fit_intercept / 50
        leverage = hat.diagonal() if cv == "loo" else hat.diagonal().mean()
        expected.append(-np.square((target - hat @ target) / (1 - leverage)).mean())
    found = model.fit(inputs, target).cv_results_["mean_test_score"]
    assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize(("target", "weights"), [(y, None), (Y, WEIGHTS)])
@pytest.mark.parametrize("prior", ["linear_rnn", ["flat", "dc"]])
def test_evidence_is_the_marginal_likelihood_of_every_candidate(target, weights, prior):
    model = our_search(GRID, cv="evidence", prior=prior).fit(X, target, weights)
    fits = [
        NTKConvRegressor(**parameters).fit(X, target, weights)
        for parameters in model.cv_results_["params"]
    ]
    expected = [one.log_marginal_likelihood() for one in fits]
    assert_allclose(model.cv_results_["mean_test_score"], expected, rtol=1e-10)
    assert model.best_index_ == np.argmax(expected)
    assert_allclose(model.log_marginal_likelihood(), model.best_score_, rtol=1e-10)


@pytest.mark.parametrize("cv", ["gcv", "loo"])
def test_iterations_are_judged_without_a_splitter_too(cv):
    stages = [1, 4, 16, 64, 256]
    grid = {"nu_w": [0.5], "alpha": [0.0], "n_steps": stages}
    model = our_search(grid, cv=cv).fit(X, y)
    chosen = NTKConvRegressor(0.5, alpha=0, n_steps=cv).fit(X, y).n_steps_
    nearest = np.argsort(np.abs(np.log(np.divide(stages, chosen))))[:2]
    assert model.best_index_ in nearest


# -- One pass over the data ---------------------------------------------------------------


@pytest.fixture
def rows_read(monkeypatch):
    """Return a list that fills with the number of rows of each statistics of windows."""
    read, original = [], LagStatistics.of_windows.__func__

    def counting(cls, inputs, *arguments, **options):
        read.append(len(inputs))
        return original(cls, inputs, *arguments, **options)

    monkeypatch.setattr(LagStatistics, "of_windows", classmethod(counting))
    return read


@pytest.mark.parametrize(
    ("cv", "n_parts"),
    [
        (KFold(5), 5),
        (KFold(9, shuffle=True, random_state=0), 9),
        (TimeSeriesSplit(5), 6),
        ([(np.arange(30), np.arange(40, 50))], 3),
        ("gcv", 1),
        ("loo", 1),
        ("evidence", 1),
    ],
    ids=["KFold", "shuffled", "TimeSeriesSplit", "gaps", "gcv", "loo", "evidence"],
)
def test_the_data_are_read_once(cv, n_parts, rows_read):
    our_search(GRID, cv=cv).fit(X, y)
    assert sum(rows_read) == N
    assert len(rows_read) == n_parts


def test_of_splits_that_overlap_at_random_the_test_parts_are_read(rows_read):
    our_search(GRID, cv=ShuffleSplit(8, test_size=0.3, random_state=0)).fit(X, y)
    assert sum(rows_read) == N + 8 * 27


def test_groups_are_those_of_the_splitter():
    groups = np.arange(N) % 7
    splits = list(GroupKFold(3).split(X, y, groups))
    ours = our_search(GRID, cv=GroupKFold(3)).fit(X, y, groups=groups)
    expected = our_search(GRID, cv=splits).fit(X, y)
    assert_array_equal(ours.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def test_one_row_that_outweighs_all_others_costs_no_digits():
    heavy = X.copy()
    heavy[-1] *= 1e6
    grid = {"nu_w": [0.5], "alpha": [1.0]}
    ours = our_search(grid, cv=TimeSeriesSplit(4)).fit(heavy, y)
    expected = GridSearchCV(NTKConvRegressor(), grid, cv=TimeSeriesSplit(4)).fit(heavy, y)
    for split in range(3):
        name = f"split{split}_test_score"
        assert_allclose(ours.cv_results_[name], expected.cv_results_[name], rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1e-9])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_small_penalties_and_large_inputs_keep_the_digits_of_single_fits(alpha, scale):
    grid = {"nu_w": [0.1, 0.9], "alpha": [alpha, 1.0]}
    ours = our_search(grid, cv=KFold(3)).fit(scale * X, y)
    expected = GridSearchCV(NTKConvRegressor(), grid, cv=KFold(3)).fit(scale * X, y)
    assert_allclose(
        ours.cv_results_["mean_test_score"],
        expected.cv_results_["mean_test_score"],
        rtol=1e-8,
        atol=1e-8,
    )


def test_too_many_coefficients_are_refused():
    with pytest.raises(ValueError, match="at most 4096 coefficients, but got n_lags=4097"):
        NTKConvRegressorCV().fit(np.ones((6, 4097)), np.arange(6.0))


# -- An estimator like any other ----------------------------------------------------------


def test_the_final_fit_is_that_of_the_best_candidate():
    model = our_search({**GRID, "n_steps": [None, 10]}).fit(X, Y, WEIGHTS)
    best = NTKConvRegressor(**model.best_params_).fit(X, Y, WEIGHTS)
    for name in ("alpha_", "nu_w_", "n_steps_", "prior_"):
        assert getattr(model, name) == pytest.approx(getattr(best, name)) or (
            getattr(model, name) == getattr(best, name)
        )
    for name in (
        "impulse_response_",
        "intercept_",
        "lag_weights_",
        "noise_variance_",
        "effective_degrees_of_freedom_",
    ):
        assert_allclose(getattr(model, name), getattr(best, name), rtol=1e-9, atol=1e-12)
    stages = [1, 10, 100]
    found, expected = (each.staged_impulse_response(stages) for each in (model, best))
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_the_posterior_is_that_of_the_best_candidate():
    model = our_search(GRID).fit(X, Y)
    best = NTKConvRegressor(**model.best_params_).fit(X, Y)
    for found, expected in zip(
        model.predict(X, return_std=True), best.predict(X, return_std=True), strict=True
    ):
        assert_allclose(found, expected, rtol=1e-9)
    assert_allclose(model.impulse_response_std_, best.impulse_response_std_, rtol=1e-9)


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["deepcopy", "pickle"],
)
def test_copies_are_the_same_model(copied):
    model = our_search(GRID).fit(X, y)
    again = copied(model)
    assert_array_equal(again.predict(X), model.predict(X))
    assert again.cv_results_["params"] == model.cv_results_["params"]
    refit = clone(model).fit(X, y)
    assert_array_equal(refit.impulse_response_, model.impulse_response_)


def test_a_second_fit_forgets_the_first():
    model = our_search(GRID, prior=["linear_rnn"]).fit(X, y)
    model.set_params(prior=["flat"], cv="gcv").fit(X, y)
    assert not hasattr(model, "nu_w_")
    assert "split0_test_score" not in model.cv_results_
    assert model.n_splits_ == 0


def test_a_failed_fit_leaves_the_earlier_one():
    model = our_search(GRID).fit(X, y)
    scores, prediction = model.cv_results_, model.predict(X)
    with pytest.raises(ValueError, match="alpha"):
        model.set_params(alphas=[-1.0]).fit(X, y)
    assert model.cv_results_ is scores
    assert_array_equal(model.predict(X), prediction)
