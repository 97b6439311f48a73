"""Every shape that data can have, and that they mean the same where they hold the same."""

import copy
import pickle
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline

from sklearn_linrnn import (
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    WeightedConv1DRegressor,
)

N_LAGS, N_CHANNELS, N_OUTPUTS = 3, 2, 2

ESTIMATORS = [
    partial(NTKConvRegressor, nu_w=0.6, alpha=0.1),
    partial(WeightedConv1DRegressor, nu_w=0.6, max_iter=30),
    partial(LinearRNNRegressor, 12, max_iter=10, random_state=0),
    partial(LRURegressor, 12, max_iter=10, random_state=0),
]
every_estimator = pytest.mark.parametrize("make", ESTIMATORS, ids=lambda make: make.func.__name__)
fast = partial(NTKConvRegressor, nu_w=0.6, alpha=0.1, n_lags=N_LAGS)


def make_panel(n_sequences=5, n_timesteps=9):
    """Return inputs ``(n_sequences, n_timesteps, 2)`` and two targets at every time step."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n_sequences, n_timesteps, N_CHANNELS)) + 0.5
    Y = np.cumsum(X, axis=1) @ rng.normal(size=(N_CHANNELS, N_OUTPUTS)) + rng.normal(size=N_OUTPUTS)
    return X, Y


def lag_matrix(x, n_lags):
    """Return rows ``[x_t, x_{t-1}, ...]``, zeros before the start."""
    T, c = x.shape
    return np.array(
        [
            np.concatenate([x[t - j] if t >= j else np.zeros(c) for j in range(n_lags)])
            for t in range(T)
        ]
    )


def same_model(one, other, rtol=1e-9):
    assert_allclose(one.impulse_response_, other.impulse_response_, rtol=rtol, atol=1e-12)
    assert_allclose(one.intercept_, other.intercept_, rtol=rtol, atol=1e-12)


# -- The rows of the table ----------------------------------------------------------------


@every_estimator
@pytest.mark.parametrize("outputs", [0, slice(0, 1), slice(None)], ids=["1-D", "column", "2-D"])
def test_flattened_windows_equal_a_panel_with_targets_at_the_last_time_step(make, outputs):
    X, Y = make_panel(12)
    y = Y[:, -1, outputs]
    panel = make().fit(X, y)
    flat = make(n_channels=N_CHANNELS).fit(X.reshape(len(X), -1), y)
    same_model(panel, flat)
    assert panel.predict(X).shape == flat.predict(X.reshape(len(X), -1)).shape == y.shape
    assert panel.n_features_in_ == flat.n_features_in_ == X.shape[1] * N_CHANNELS


@every_estimator
def test_layout_nct_is_the_transpose_of_ntc(make):
    X, Y = make_panel(12)
    y, swapped = Y[:, -1], X.swapaxes(1, 2)
    expected = make().fit(X, y)
    same_model(make(layout="nct").fit(swapped, y), expected)
    flat = swapped.reshape(len(X), -1)
    same_model(make(layout="nct", n_channels=N_CHANNELS).fit(flat, y), expected)
    same_model(make(layout="nct", n_lags=N_LAGS).fit(swapped, Y), make(n_lags=N_LAGS).fit(X, Y))


@every_estimator
def test_newest_first_is_the_flip_of_oldest_first(make):
    X, Y = make_panel(12)
    y, flipped = Y[:, -1], X[:, ::-1]
    expected = make().fit(X, y)
    same_model(make(lag_order="newest_first").fit(flipped, y), expected)
    flat = flipped.reshape(len(X), -1)
    same_model(make(lag_order="newest_first", n_channels=N_CHANNELS).fit(flat, y), expected)


@every_estimator
@pytest.mark.parametrize("single", [True, False], ids=["1-D", "2-D"])
def test_panel_list_and_timesteps_with_sequence_id_are_one_model(make, single):
    X, Y = make_panel()
    n, T, _ = X.shape
    ids = np.repeat(np.arange(n), T)
    flat_y = Y.reshape(n * T, -1)
    panel = make(n_lags=N_LAGS).fit(X, Y[..., :1] if single else Y)
    listed = make(n_lags=N_LAGS).fit(list(X), [v[:, 0] if single else v for v in Y])
    steps = make(n_lags=N_LAGS, rows="timesteps")
    steps.fit(X.reshape(n * T, -1), flat_y[:, 0] if single else flat_y, sequence_id=ids)
    same_model(panel, listed)
    same_model(panel, steps)
    at_panel = panel.predict(X)
    at_list = listed.predict(list(X))
    at_steps = steps.predict(X.reshape(n * T, -1), sequence_id=ids)
    assert at_panel.shape == (n, T, 1 if single else N_OUTPUTS)
    assert [p.shape for p in at_list] == [(T,) if single else (T, N_OUTPUTS)] * n
    assert at_steps.shape == ((n * T,) if single else (n * T, N_OUTPUTS))
    assert_allclose(at_panel.ravel(), np.concatenate(at_list).ravel(), rtol=1e-9)
    assert_allclose(at_panel.ravel(), at_steps.ravel(), rtol=1e-9)


@pytest.mark.parametrize("as_ids", [np.array, pd.Series, lambda v: pd.Series(v, dtype="category")])
def test_sequence_ids_may_be_strings_and_interleaved(as_ids):
    X, Y = make_panel()
    n, T, _ = X.shape
    ids = np.repeat([f"rat {name}" for name in "zebra"], T)
    order = np.lexsort((np.arange(n * T) // T, np.tile(np.arange(T), n)))  # by time step
    rows, targets, ids = X.reshape(n * T, -1)[order], Y.reshape(n * T, -1)[order], ids[order]
    model = fast(rows="timesteps").fit(rows, targets, sequence_id=as_ids(ids))
    panel = fast().fit(X, Y)
    same_model(model, panel)
    expected = panel.predict(X).reshape(n * T, -1)[order]
    assert_allclose(model.predict(rows, sequence_id=as_ids(ids)), expected, rtol=1e-9)


def test_timesteps_without_sequence_id_are_one_recording():
    X, Y = make_panel(1, 50)
    model = fast(rows="timesteps").fit(X[0], Y[0])
    lags = lag_matrix(X[0], N_LAGS)
    scale = np.sqrt(np.repeat(model.lag_weights_, N_CHANNELS))
    twin = Ridge(alpha=0.1).fit(lags * scale, Y[0])
    response = (twin.coef_ * scale).reshape(N_OUTPUTS, N_LAGS, N_CHANNELS).swapaxes(1, 2)
    assert_allclose(model.impulse_response_, response, rtol=1e-9)
    assert_allclose(model.predict(X[0]), twin.predict(lags * scale), rtol=1e-9)


def test_lags_do_not_cross_from_one_recording_into_the_next():
    X, Y = make_panel()
    n, T, _ = X.shape
    ids = np.repeat(np.arange(n), T)
    model = fast(rows="timesteps").fit(X.reshape(n * T, -1), Y.reshape(n * T, -1), sequence_id=ids)
    lags = np.concatenate([lag_matrix(x, N_LAGS) for x in X])
    scale = np.sqrt(np.repeat(model.lag_weights_, N_CHANNELS))
    twin = Ridge(alpha=0.1).fit(lags * scale, Y.reshape(n * T, -1))
    prediction = model.predict(X.reshape(n * T, -1), sequence_id=ids)
    assert_allclose(prediction, twin.predict(lags * scale), rtol=1e-9)


def test_recordings_may_differ_in_length_and_be_shorter_than_the_lags():
    X, Y = make_panel()
    lengths = [9, 1, 4, 2, 7]
    xs = [x[:k] for x, k in zip(X, lengths, strict=True)]
    ys = [y[:k] for y, k in zip(Y, lengths, strict=True)]
    listed = fast().fit(xs, ys)
    ids = np.repeat(np.arange(5), lengths)
    steps = fast(rows="timesteps").fit(np.concatenate(xs), np.concatenate(ys), sequence_id=ids)
    same_model(listed, steps)
    assert [len(p) for p in listed.predict(xs)] == lengths


def test_windows_longer_than_the_lags_use_their_last_time_steps():
    X, Y = make_panel(12)
    y = Y[:, -1]
    same_model(fast().fit(X, y), fast().fit(X[:, -N_LAGS:], y))


def test_a_column_of_targets_is_predicted_as_a_column():
    X, Y = make_panel(12)
    model = fast().fit(X, Y[:, -1, :1])
    assert model.predict(X).shape == (12, 1)


# -- What can mean two things -------------------------------------------------------------


@every_estimator
@pytest.mark.parametrize("n_channels", [1, N_CHANNELS])
@pytest.mark.parametrize("layout", ["ntc", "nct"])
def test_as_many_outputs_as_time_steps_are_refused_with_two_remedies(make, n_channels, layout):
    X, Y = make_panel(12)
    x, y = X[:, :, :n_channels], Y[:, :, 0]
    x = x if layout == "ntc" else x.swapaxes(1, 2)
    model = make(n_lags=N_LAGS, layout=layout)
    with pytest.raises(ValueError, match=r"can mean a target at every time step.*\(12, 9, 1\)"):
        model.fit(x, y)
    steps = clone(model).fit(x, y[:, :, None])
    assert steps.impulse_response_.shape == (1, n_channels, N_LAGS)
    rows = clone(model).set_params(n_channels=n_channels).fit(x.reshape(12, -1), y)
    assert rows.impulse_response_.shape == (9, n_channels, N_LAGS)


LISTS = {
    "nested": lambda v: v.tolist(),
    "arrays": list,
    "series": lambda v: [pd.Series(row) for row in v],
    "tuple": tuple,
}


@pytest.mark.parametrize("as_list", LISTS.values(), ids=LISTS)
def test_lists_of_series_of_one_length_are_refused_with_two_remedies(as_list):
    X, Y = make_panel(12)
    x, y = X[:, :, 0], Y[:, :, 0]
    with pytest.raises(ValueError, match="can mean recordings with a target at every time step"):
        fast().fit(as_list(x), as_list(y))
    assert fast().fit(as_list(x), y).impulse_response_.shape == (9, 1, N_LAGS)
    columns = [part[:, None] for part in x]
    assert fast().fit(columns, list(y)).impulse_response_.shape == (1, 1, N_LAGS)


@pytest.mark.parametrize("axes", [1, 2])
def test_nested_lists_of_different_lengths_say_how_recordings_are_passed(axes):
    X, Y = make_panel()
    x = X if axes == 2 else X[..., 0]
    ragged = [part[: 5 + index].tolist() for index, part in enumerate(x)]
    with pytest.raises(ValueError, match=r"\(n_timesteps_i, n_channels\).*different lengths"):
        fast().fit(ragged, [part[: 5 + index].tolist() for index, part in enumerate(Y)])


@pytest.mark.parametrize("lengths", [[9] * 5, [9, 8, 3, 7, 9]], ids=["equal", "ragged"])
@pytest.mark.parametrize("target", ["Series", "DataFrame"])
def test_lists_of_polars_frames_are_recordings(lengths, target):
    polars = pytest.importorskip("polars")
    X, Y = make_panel()
    parts = [(x[:k], y[:k, 0]) for x, y, k in zip(X, Y, lengths, strict=True)]
    frames = [polars.DataFrame(x, schema=["rain", "wind"]) for x, _ in parts]
    make_target = {"Series": polars.Series, "DataFrame": lambda y: polars.DataFrame({"flow": y})}
    model = fast().fit(frames, [make_target[target](y) for _, y in parts])
    expected = fast().fit([x for x, _ in parts], [y for _, y in parts])
    same_model(model, expected)
    assert list(model.feature_names_in_) == ["rain", "wind"]
    for found, right in zip(
        model.predict(frames), expected.predict([x for x, _ in parts]), strict=True
    ):
        assert_allclose(np.ravel(found), right, rtol=1e-12)


# -- A model meets data of another shape --------------------------------------------------


def test_a_model_of_timesteps_predicts_panels_and_lists():
    X, Y = make_panel()
    n, T, _ = X.shape
    model = fast(rows="timesteps").fit(
        X.reshape(n * T, -1), Y.reshape(n * T, -1), sequence_id=np.repeat(np.arange(n), T)
    )
    expected = fast().fit(X, Y).predict(X)
    assert_allclose(model.predict(X), expected, rtol=1e-9)
    for prediction, one in zip(model.predict(list(X)), expected, strict=True):
        assert_allclose(prediction, one, rtol=1e-9)


def test_a_model_of_panels_predicts_panels_of_other_lengths():
    X, Y = make_panel()
    model = fast().fit(X, Y)
    assert_allclose(model.predict(X[:, :4]), model.predict(X)[:, :4], rtol=1e-9)


def test_a_model_of_windows_predicts_flat_windows_and_panels_alike():
    X, Y = make_panel(12)
    model = NTKConvRegressor().fit(X, Y[:, -1])
    assert_array_equal(model.predict(X.reshape(12, -1)), model.predict(X))


def test_the_last_of_predictions_at_every_time_step_is_that_for_the_window():
    X, Y = make_panel(12)
    model = fast().fit(X, Y[:, -1])
    every_step = model.predict(list(X))
    assert_allclose([p[-1] for p in every_step], model.predict(X), rtol=1e-9)


# -- Scores -------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [False, True], ids=["complete", "with NaN"])
@pytest.mark.parametrize("form", ["windows", "timesteps", "panel", "list"])
@pytest.mark.parametrize("single", [False, True], ids=["two outputs", "one output"])
def test_score_is_r2_of_the_flattened_observed_time_steps(form, missing, single):
    X, Y = make_panel(8)
    weights = np.random.default_rng(2).uniform(size=Y.shape[:2])
    if missing and form != "windows":
        Y[::2, 3, 0] = np.nan
    Y = Y[..., :1] if single else Y
    shape = (-1,) if single else (-1, N_OUTPUTS)
    model, x, y, w = {
        "windows": (fast(), X, Y[:, -1].reshape(shape), weights[:, -1]),
        "timesteps": (
            fast(rows="timesteps"),
            X.reshape(-1, N_CHANNELS),
            Y.reshape(shape),
            weights.ravel(),
        ),
        "panel": (fast(), X, Y, weights),
        "list": (fast(), list(X), [v.reshape(shape) for v in Y], list(weights)),
    }[form]
    model.fit(x, y, sample_weight=w)
    truth, prediction, flat_w = (
        np.concatenate(values) if form == "list" else values for values in (y, model.predict(x), w)
    )
    truth, prediction = truth.reshape(shape), prediction.reshape(shape)
    flat_w = flat_w.ravel()
    seen = ~np.isnan(truth) if single else ~np.isnan(truth).any(axis=1)
    assert model.score(x, y) == pytest.approx(r2_score(truth[seen], prediction[seen]), rel=1e-12)
    expected = r2_score(truth[seen], prediction[seen], sample_weight=flat_w[seen])
    assert model.score(x, y, sample_weight=w) == pytest.approx(expected, rel=1e-12)


# -- Weights and missing targets ----------------------------------------------------------


@every_estimator
def test_a_weight_of_two_is_a_window_twice(make):
    X, Y = make_panel(12)
    y, weights = Y[:, -1], np.arange(12) % 3
    repeated = np.repeat(np.arange(12), weights)
    same_model(make().fit(X, y, sample_weight=weights), make().fit(X[repeated], y[repeated]))


@every_estimator
def test_a_weight_of_two_is_a_recording_twice(make):
    X, Y = make_panel()
    weights = [2, 0, 1, 3, 1]
    repeated = np.repeat(np.arange(5), weights)
    expected = make(n_lags=N_LAGS).fit(X[repeated], Y[repeated])
    same_model(make(n_lags=N_LAGS).fit(X, Y, sample_weight=weights), expected)
    same_model(make(n_lags=N_LAGS).fit(list(X), list(Y), sample_weight=weights), expected)


def test_weights_mean_the_same_in_every_shape():
    X, Y = make_panel()
    n, T, _ = X.shape
    weights = np.random.default_rng(3).uniform(size=(n, T))
    ids = np.repeat(np.arange(n), T)
    panel = fast().fit(X, Y, sample_weight=weights)
    same_model(panel, fast().fit(list(X), list(Y), sample_weight=list(weights)))
    steps = fast(rows="timesteps")
    flat = X.reshape(n * T, -1), Y.reshape(n * T, -1), weights.ravel()
    same_model(panel, steps.fit(*flat, sequence_id=ids))
    lags = np.concatenate([lag_matrix(x, N_LAGS) for x in X])
    scale = np.sqrt(np.repeat(panel.lag_weights_, N_CHANNELS))
    twin = Ridge(alpha=0.1).fit(lags * scale, flat[1], sample_weight=flat[2])
    assert_allclose(panel.predict(X).reshape(n * T, -1), twin.predict(lags * scale), rtol=1e-9)


def test_weights_follow_the_rows_of_interleaved_recordings():
    X, Y = make_panel(2, 20)
    weights = np.random.default_rng(4).uniform(size=(2, 20))
    rows, targets = X.swapaxes(0, 1).reshape(40, -1), Y.swapaxes(0, 1).reshape(40, -1)
    model = fast(rows="timesteps").fit(
        rows, targets, sample_weight=weights.T.ravel(), sequence_id=np.tile([0, 1], 20)
    )
    same_model(model, fast().fit(X, Y, sample_weight=weights))


@every_estimator
@pytest.mark.parametrize("form", ["panel", "list", "timesteps"])
def test_a_missing_target_is_a_time_step_of_weight_zero(make, form):
    X, Y = make_panel()
    weights, gaps = np.ones(Y.shape[:2]), Y.copy()
    gaps[1, 2, 0], gaps[3, 5] = np.nan, np.nan
    weights[1, 2] = weights[3, 5] = 0.0
    x, y, w, rows = {
        "panel": (X, gaps, weights, "windows"),
        "list": (list(X), list(gaps), list(weights), "windows"),
        "timesteps": (
            X.reshape(-1, N_CHANNELS),
            gaps.reshape(-1, N_OUTPUTS),
            weights.ravel(),
            "timesteps",
        ),
    }[form]
    model = make(n_lags=N_LAGS, rows=rows).fit(x, y)
    filled = [np.nan_to_num(v) for v in y] if form == "list" else np.nan_to_num(y)
    same_model(model, make(n_lags=N_LAGS, rows=rows).fit(x, filled, sample_weight=w))
    assert np.isfinite(np.concatenate([np.ravel(p) for p in model.predict(x)])).all()


# -- scikit-learn around it ---------------------------------------------------------------


def test_grid_search_over_the_memory_within_a_pipeline():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(400, 1))
    y = np.convolve(x[:, 0], 0.9 ** np.arange(30))[:400] + rng.normal(size=400)
    pipeline = make_pipeline(LagWeighter(rows="timesteps", n_lags=30), Ridge(alpha=10.0))
    search = GridSearchCV(
        pipeline, {"lagweighter__nu_w": [0.1, 0.5, 0.9]}, cv=TimeSeriesSplit(3), error_score="raise"
    ).fit(x, y)
    direct = GridSearchCV(
        NTKConvRegressor(alpha=10.0, rows="timesteps", n_lags=30),
        {"nu_w": [0.1, 0.5, 0.9]},
        cv=TimeSeriesSplit(3),
        error_score="raise",
    ).fit(x, y)
    assert search.best_params_["lagweighter__nu_w"] == direct.best_params_["nu_w"] == 0.9
    assert_allclose(
        search.cv_results_["mean_test_score"], direct.cv_results_["mean_test_score"], rtol=1e-9
    )


@pytest.mark.parametrize("form", ["last step", "every step", "list"])
def test_cross_validation_takes_panels_and_lists(form):
    X, Y = make_panel(9)
    x, y = {"last step": (X, Y[:, -1]), "every step": (X, Y), "list": (list(X), list(Y))}[form]
    scores = cross_validate(fast(), x, y, cv=3, error_score="raise")["test_score"]
    held_in, held_out = slice(3, None), slice(0, 3)
    expected = fast().fit(x[held_in], y[held_in]).score(x[held_out], y[held_out])
    assert scores[0] == pytest.approx(expected, rel=1e-12)


def test_transformed_targets_of_panels():
    X, Y = make_panel(12)
    y = np.exp(Y[:, -1, 0] / 10)
    model = TransformedTargetRegressor(fast(), func=np.log, inverse_func=np.exp).fit(X, y)
    assert_allclose(model.predict(X), np.exp(fast().fit(X, np.log(y)).predict(X)), rtol=1e-12)


def test_sequence_id_and_weights_are_routed_through_a_pipeline():
    X, Y = make_panel()
    n, T, _ = X.shape
    rows, targets = X.reshape(n * T, -1), Y.reshape(n * T, -1)
    routed = {
        "sequence_id": np.repeat(np.arange(n), T),
        "sample_weight": np.random.default_rng(6).uniform(size=n * T),
    }
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            LagWeighter(nu_w=0.6, rows="timesteps", n_lags=N_LAGS)
            .set_fit_request(sequence_id=True)
            .set_transform_request(sequence_id=True),
            Ridge(alpha=0.1).set_fit_request(sample_weight=True),
        ).fit(rows, targets, **routed)
        prediction = pipeline.predict(rows, sequence_id=routed["sequence_id"])
    expected = fast(rows="timesteps").fit(rows, targets, **routed)
    assert_allclose(
        prediction, expected.predict(rows, sequence_id=routed["sequence_id"]), rtol=1e-9
    )


def steps_of_recordings():
    """Return six recordings as rows of time steps, their targets, and which row is whose."""
    X, Y = make_panel(6)
    ids = np.repeat(np.arange(6), X.shape[1])
    return X.reshape(len(ids), -1), Y.reshape(len(ids), -1), ids


def scores_by_panel(make, cv):
    """Return the scores of held-out recordings, by panels, which have no joins."""
    X, Y = make_panel(6)
    splits = cv.split(X, groups=np.arange(6))
    return [make().fit(X[train], Y[train]).score(X[test], Y[test]) for train, test in splits]


@every_estimator
@pytest.mark.parametrize("call", ["predict", "score"])
def test_a_model_of_several_recordings_must_be_told_which_is_which(make, call):
    rows, targets, ids = steps_of_recordings()
    model = make(rows="timesteps", n_lags=N_LAGS).fit(rows, targets, sequence_id=ids)
    arguments = (rows,) if call == "predict" else (rows, targets)
    with pytest.raises(ValueError, match=r"sequence_id must be given.*np\.zeros\(len\(X\)\)"):
        getattr(model, call)(*arguments)
    one = model.predict(rows[ids == 2], sequence_id=np.zeros(9))
    assert_array_equal(one, model.predict([rows[ids == 2]])[0])
    model.fit(rows[ids == 2], targets[ids == 2]).predict(rows)  # one recording, and no ids


@pytest.mark.parametrize("call", ["staged", "ensemble", "std"])
def test_other_predictions_must_be_told_so_too(call):
    rows, targets, ids = steps_of_recordings()
    model = fast(rows="timesteps").fit(rows, targets, sequence_id=ids)
    calls = {
        "staged": lambda: next(model.staged_predict(rows, [3])),
        "ensemble": lambda: model.predict_ensemble(rows),
        "std": lambda: model.predict(rows, return_std=True),
    }
    with pytest.raises(ValueError, match="sequence_id must be given"):
        calls[call]()


def test_a_transformer_of_several_recordings_must_be_told_which_is_which():
    rows, _, ids = steps_of_recordings()
    weighter = LagWeighter(rows="timesteps", n_lags=N_LAGS).fit(rows, sequence_id=ids)
    with pytest.raises(ValueError, match="LagWeighter was fitted with it"):
        weighter.transform(rows)
    panel = LagWeighter(n_lags=N_LAGS).fit(list(make_panel(6)[0]))
    assert len(panel.transform(list(make_panel(6)[0]))) == 6


@every_estimator
def test_sequence_id_is_routed_through_cross_validation(make):
    rows, targets, ids = steps_of_recordings()
    with sklearn.config_context(enable_metadata_routing=True):
        model = (
            make(rows="timesteps", n_lags=N_LAGS)
            .set_fit_request(sequence_id=True)
            .set_score_request(sequence_id=True)
        )
        metadata = {"params": {"sequence_id": ids, "groups": ids}, "cv": GroupKFold(3)}
        scores = cross_val_score(model, rows, targets, error_score="raise", **metadata)
        with pytest.raises(ValueError, match="sequence_id must be given"):
            cross_val_score(model, rows, targets, scoring="r2", error_score="raise", **metadata)
    assert_allclose(scores, scores_by_panel(partial(make, n_lags=N_LAGS), GroupKFold(3)), rtol=1e-9)


def test_sequence_id_is_routed_through_a_grid_search():
    rows, targets, ids = steps_of_recordings()
    grid = {"nu_w": [0.2, 0.9]}
    with sklearn.config_context(enable_metadata_routing=True):
        model = (
            NTKConvRegressor(rows="timesteps", n_lags=N_LAGS)
            .set_fit_request(sequence_id=True)
            .set_score_request(sequence_id=True)
            .set_predict_request(sequence_id=True)
        )
        search = GridSearchCV(model, grid, cv=GroupKFold(3), error_score="raise")
        search.fit(rows, targets, sequence_id=ids, groups=ids)
        assert search.score(rows, targets, sequence_id=ids) == search.best_estimator_.score(
            rows, targets, sequence_id=ids
        )
    for nu_w, score in zip(grid["nu_w"], search.cv_results_["mean_test_score"], strict=True):
        make = partial(NTKConvRegressor, nu_w, n_lags=N_LAGS)
        assert score == pytest.approx(np.mean(scores_by_panel(make, GroupKFold(3))), rel=1e-9)


def test_without_routing_cross_validation_does_not_score_across_joins():
    rows, targets, ids = steps_of_recordings()
    with pytest.raises(ValueError, match=r"metadata routing and the estimator's own score"):
        cross_validate(
            fast(rows="timesteps"),
            rows,
            targets,
            groups=ids,
            cv=GroupKFold(3),
            params={"sequence_id": ids},
            error_score="raise",
        )


@every_estimator
def test_a_fitted_model_survives_copying_and_storing(make, tmp_path):
    X, Y = make_panel()
    model = make(n_lags=N_LAGS).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    copies = [
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        joblib.load(tmp_path / "model.joblib"),
    ]
    for other in copies:
        assert_array_equal(other.predict(X), model.predict(X))


@every_estimator
def test_a_clone_is_unfitted_and_fits_alike(make):
    X, Y = make_panel()
    model = make(n_lags=N_LAGS).fit(X, Y)
    other = clone(model)
    assert not [name for name in vars(other) if name.endswith("_")]
    same_model(other.fit(X, Y), model, rtol=0)


@every_estimator
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_fitted_attributes_are_numpy_arrays_of_the_promised_shape_and_type(make, dtype):
    X, Y = make_panel()
    model = make(n_lags=N_LAGS, dtype=dtype).fit(X, Y)
    shapes = {
        "impulse_response_": (N_OUTPUTS, N_CHANNELS, N_LAGS),
        "intercept_": (N_OUTPUTS,),
    }
    if isinstance(model, LinearRNNRegressor):
        shapes |= {
            "transition_": (12, 12),
            "input_": (12, N_CHANNELS),
            "readout_": (N_OUTPUTS, 12),
        }
    for name, shape in shapes.items():
        value = getattr(model, name)
        assert type(value) is np.ndarray
        assert (value.shape, value.dtype) == (shape, dtype), name
    assert model.lag_weights_.shape == (N_LAGS,)
    assert "torch" not in {type(value).__module__ for value in vars(model).values()}


@every_estimator
def test_float32_agrees_with_float64(make):
    X, Y = make_panel()
    single = make(n_lags=N_LAGS, dtype="float32").fit(X, Y)
    double = make(n_lags=N_LAGS).fit(X, Y)
    assert_allclose(single.predict(X), double.predict(X), rtol=1e-3, atol=1e-4)


# -- Containers ---------------------------------------------------------------------------


class ArrayLike:
    """A foreign container: all that NumPy needs, and nothing else."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


@pytest.mark.parametrize(
    "wrap",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: np.ascontiguousarray(a[::-1])[::-1],
        lambda a: a.astype(">f8"),
        lambda a: a.astype(object),
        lambda a: a.tolist(),
        ArrayLike,
        lambda a: np.lib.stride_tricks.as_strided(a, writeable=False),
    ],
    ids=[
        "F-order",
        "strided",
        "negative",
        "big-endian",
        "object",
        "nested",
        "foreign",
        "read-only",
    ],
)
@pytest.mark.parametrize("form", ["windows", "last step", "every step"])
def test_the_container_does_not_matter(wrap, form):
    X, Y = make_panel(12)
    x, y = {
        "windows": (X.reshape(12, -1), Y[:, -1]),
        "last step": (X, Y[:, -1]),
        "every step": (X, Y),
    }[form]
    model = fast(n_channels=N_CHANNELS)
    expected = clone(model).fit(x, y)
    same_model(model.fit(wrap(x), wrap(y)), expected)
    assert_allclose(model.predict(wrap(x)), expected.predict(x), rtol=1e-9)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16, np.float32])
def test_numbers_of_other_types_are_converted(dtype):
    X, Y = make_panel(12)
    x, y = (np.abs(X) * 3).astype(dtype), (np.abs(Y[:, -1]) * 3).astype(dtype)
    same_model(fast().fit(x, y), fast().fit(x.astype(float), y.astype(float)), rtol=1e-6)


@pytest.mark.parametrize(
    ("as_target", "shape"),
    [(pd.Series, (12,)), (pd.DataFrame, (12, 1)), (lambda y: y[:, None], (12, 1)), (list, (12,))],
)
def test_targets_may_be_pandas_columns_or_lists(as_target, shape):
    X, Y = make_panel(12)
    y = Y[:, -1, 0]
    model = fast().fit(X, as_target(y))
    same_model(model, fast().fit(X, y))
    assert model.predict(X).shape == shape


def test_a_missing_value_of_pandas_is_a_time_step_without_target():
    X, Y = make_panel(1, 30)
    y = pd.Series(Y[0, :, 0], dtype="Float64")
    y[7] = pd.NA
    weights = np.ones(30)
    weights[7] = 0
    expected = fast(rows="timesteps").fit(X[0], Y[0, :, 0], sample_weight=weights)
    same_model(fast(rows="timesteps").fit(X[0], y), expected)


def test_arguments_are_left_as_they_were():
    X, Y = make_panel()
    Y[0, 0, 0] = np.nan
    weights = np.random.default_rng(0).uniform(size=Y.shape[:2])
    before = X.copy(), Y.copy(), weights.copy()
    for make in ESTIMATORS:
        make(n_lags=N_LAGS).fit(X, Y, sample_weight=weights).predict(X)
    for array, old in zip((X, Y, weights), before, strict=True):
        assert_array_equal(array, old)


@pytest.mark.parametrize("rows", ["windows", "timesteps"])
@pytest.mark.parametrize(("number", "n_lags"), [(np.int8(2), 2), (np.uint8(2), 2), (True, 1)])
def test_any_whole_number_is_a_number_of_lags(rows, number, n_lags):
    x = np.random.default_rng(0).normal(size=(500, 4))
    expected = NTKConvRegressor(rows=rows, n_lags=n_lags).fit(x, x[:, -1])
    found = NTKConvRegressor(rows=rows, n_lags=number).fit(x, x[:, -1])
    assert_array_equal(found.impulse_response_, expected.impulse_response_)


def test_any_whole_number_is_a_number_of_channels():
    x = np.random.default_rng(0).normal(size=(50, 200))
    expected = NTKConvRegressor(n_channels=2).fit(x, x[:, -1])
    found = NTKConvRegressor(n_channels=np.int8(2)).fit(x, x[:, -1])
    assert_array_equal(found.impulse_response_, expected.impulse_response_)
