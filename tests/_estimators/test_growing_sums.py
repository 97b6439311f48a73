"""Models in closed form learn piece by piece what they learn from the whole."""

import copy
import pickle
import re

import numpy as np
import pytest
import skops.io
from numpy.testing import assert_allclose
from sklearn.base import clone

from sklearn_linrnn import (
    SKOPS_TRUSTED_TYPES,
    LagStatistics,
    LagStream,
    NTKConvRegressor,
    NTKConvRegressorCV,
)

N_LAGS, N_STEPS = 5, 120
STEPS = {"rows": "timesteps", "n_lags": N_LAGS}
MODELS = {
    "ridge": NTKConvRegressor(0.6, **STEPS),
    "steps": NTKConvRegressor(0.6, n_steps=30, **STEPS),
    "gcv": NTKConvRegressor(0.6, n_steps="gcv", **STEPS),
    "without intercept": NTKConvRegressor(0.6, fit_intercept=False, **STEPS),
    "grid": NTKConvRegressorCV(cv="gcv", **STEPS),
    "evidence": NTKConvRegressorCV((0.2, 0.8), cv="evidence", **STEPS),
}
every_model = pytest.mark.parametrize("name", MODELS)


def recording(seed=0, missing=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N_STEPS, 2)) + 0.2
    y = np.cumsum(x[:, 0] - 0.2) + rng.normal(size=N_STEPS)
    y[[31, 32, 45]] = np.nan
    if missing:
        x[29, 0] = x[50] = np.nan
    return x, y, rng.uniform(0.5, 2.0, N_STEPS)


def in_pieces(model, x, y, w, cuts, ids=None):
    for rows in np.split(np.arange(len(x)), cuts):
        names = {} if ids is None else {"sequence_id": ids[rows]}
        model.partial_fit(x[rows], y[rows], w[rows], **names)
    return model


def assert_same(one, other, rtol=1e-9):
    assert_allclose(one.impulse_response_, other.impulse_response_, rtol=rtol, atol=1e-11)
    assert_allclose(one.intercept_, other.intercept_, rtol=rtol, atol=1e-11)
    assert one.alpha_ == other.alpha_
    assert one.n_steps_ == other.n_steps_


@every_model
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("state", ["zero", "unknown"])
def test_pieces_teach_what_the_whole_does(name, missing, state):
    x, y, w = recording(missing=missing)
    model = clone(MODELS[name]).set_params(initial_state=state)
    pieces = in_pieces(clone(model), x, y, w, [9, 11, 12, 40, 100])
    assert_same(pieces, model.fit(x, y, w))
    assert pieces.predict(x).shape == (N_STEPS,)


@every_model
def test_recordings_go_on_by_name_and_in_any_order(name):
    series = [recording(seed) for seed in range(3)]
    x, y, w = (np.concatenate([one[k] for one in series]) for k in range(3))
    ids = np.repeat(["c", "a", "b"], N_STEPS)
    whole = clone(MODELS[name]).fit(x, y, w, sequence_id=ids)
    order = np.argsort(np.tile(np.arange(N_STEPS), 3), kind="stable")  # interleaved
    pieces = in_pieces(
        clone(MODELS[name]), x[order], y[order], w[order], range(10, 3 * N_STEPS, 70), ids[order]
    )
    assert_same(pieces, whole)


@every_model
@pytest.mark.parametrize("first", ["fit", "fit_statistics", "partial_fit"])
def test_any_fit_goes_on(name, first):
    x, y, _ = recording()
    y = y[:, None]
    model, early = clone(MODELS[name]), slice(60)
    if first == "fit_statistics":  # which know no recording, so that another begins
        model.fit_statistics(LagStatistics.from_series(x[early], y[early], n_lags=N_LAGS))
        model.partial_fit(x[60:], y[60:])
        parts = [np.split(values, [60]) for values in (x, y)]
    else:
        getattr(model, first)(x[early], y[early])
        model.partial_fit(x[60:], y[60:])
        parts = [[x], [y]]
    sums = LagStatistics.from_series(*parts, n_lags=N_LAGS)
    expected = clone(model).fit_statistics(sums)
    assert_same(model, expected)
    assert_allclose(model.noise_variance_, expected.noise_variance_, rtol=1e-9)


@pytest.mark.parametrize("make", [np.array, list], ids=["panel", "list"])
def test_recordings_of_panels_and_lists_are_whole(make):
    x, y, _ = recording()
    x, y = np.split(x, 4), np.split(np.nan_to_num(y)[:, None], 4)
    model = NTKConvRegressor(0.6, n_lags=N_LAGS)
    for k in (0, 2):
        model.partial_fit(make(x[k : k + 2]), make(y[k : k + 2]))
    assert_same(model, clone(model).fit(make(x), make(y)))


def test_windows_add_up():
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(90, 6)), rng.normal(size=(90, 2))
    model = NTKConvRegressor(0.6)
    for rows in np.split(np.arange(90), [1, 20, 50]):
        model.partial_fit(X[rows], Y[rows])
    assert_same(model, clone(model).fit(X, Y))


def test_hyperparameters_are_chosen_for_all_sums_so_far():
    x, y, w = recording()
    auto = NTKConvRegressor("auto", alpha="auto", **STEPS)
    pieces = in_pieces(clone(auto), x, y, w, [40, 80])
    sums = LagStream(N_LAGS).add(x, y, sample_weight=w).statistics
    whole = auto.fit_statistics(sums)
    assert_allclose(pieces.nu_w_, whole.nu_w_, rtol=1e-6)
    assert_allclose(pieces.alpha_, whole.alpha_, rtol=1e-6)


def test_parameters_may_change_between_pieces():
    """The sums do not depend on them: neither on the penalty, nor on the intercept."""
    x, y, w = recording()
    model = NTKConvRegressor(0.2, alpha=50.0, fit_intercept=False, **STEPS)
    model.partial_fit(x[:70], y[:70], w[:70])
    model.set_params(nu_w=0.6, alpha=1.0, fit_intercept=True)
    model.partial_fit(x[70:], y[70:], w[70:])
    assert_same(model, MODELS["ridge"].fit(x, y, w))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (NTKConvRegressor(n_lags="auto"), "n_lags='auto'"),
        (NTKConvRegressor(n_steps="loo"), "n_steps='loo'"),
        (NTKConvRegressor(n_steps="validation"), "n_steps='validation'"),
        (NTKConvRegressor(solver="cg"), "solver='cg'"),
        (NTKConvRegressorCV(), "cv=None"),
        (NTKConvRegressorCV(cv=3), "cv=3"),
        (NTKConvRegressorCV(cv="loo"), "cv='loo'"),
        (NTKConvRegressorCV(cv=[(np.arange(9), np.arange(9, 19))]), r"cv=\["),
    ],
)
def test_what_needs_the_data_themselves_has_no_partial_fit(model, reason):
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as error:
        model.partial_fit(np.ones((9, 2)), np.ones(9))
    assert re.match(f"partial_fit learns from sums, but {reason}", str(error.value.__cause__))


def test_data_that_were_not_summed_cannot_be_added_to():
    x, y, _ = recording()
    model = NTKConvRegressor(0.6, solver="cg", **STEPS).fit(x, y).set_params(solver="direct")
    with pytest.raises(
        ValueError, match=r"partial_fit adds to the sums .* Fit with solver='direct'"
    ):
        model.partial_fit(x, y)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"n_lags": 4}, "n_lags agree"),
        ({"alpha": -1.0}, "alpha"),
        ({"X": np.ones((5, 3))}, "features"),
        ({"y": np.ones((5, 2))}, "axis of outputs"),
        ({"y": np.full(5, np.inf)}, "y"),
        ({"sequence_id": [0] * 4}, "sequence_id"),
        ({"sample_weight": -np.ones(5)}, "sample_weight"),
    ],
    ids=lambda value: str(next(iter(value))) if isinstance(value, dict) else None,
)
def test_a_piece_that_does_not_fit_changes_nothing(bad, message):
    x, y, w = recording()
    model = NTKConvRegressor(0.6, **STEPS).partial_fit(x[:70], y[:70], w[:70])
    before, same = pickle.dumps(vars(model)), copy.deepcopy(model)
    parameters = {name: value for name, value in bad.items() if name in model.get_params()}
    piece = {"X": x[70:75], "y": np.ones(5)} | {k: v for k, v in bad.items() if k not in parameters}
    model.set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(**piece)
    model.set_params(**{name: getattr(same, name) for name in parameters})
    assert pickle.dumps(vars(model)) == before
    assert_same(model.partial_fit(x[70:], y[70:], w[70:]), MODELS["ridge"].fit(x, y, w))


@every_model
@pytest.mark.parametrize("way", ["pickle", "skops"])
def test_a_stored_model_goes_on(name, way):
    x, y, w = recording()
    model = clone(MODELS[name]).fit(x[:70], y[:70], w[:70])
    if way == "pickle":
        loaded = pickle.loads(pickle.dumps(model))
    else:
        loaded = skops.io.loads(skops.io.dumps(model), trusted=SKOPS_TRUSTED_TYPES)
    assert_same(loaded.partial_fit(x[70:], y[70:], w[70:]), clone(MODELS[name]).fit(x, y, w))


def test_only_the_last_inputs_are_kept():
    x, y, w = recording()
    model = in_pieces(NTKConvRegressor(0.6, **STEPS), x, y, w, [3, 60])
    long = len(pickle.dumps(model))
    short = len(pickle.dumps(NTKConvRegressor(0.6, **STEPS).partial_fit(x[:20], y[:20], w[:20])))
    assert abs(long - short) < 200
