"""Lags that are missing, unknown, or before the first step of a recording."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklearn_linrnn import (
    LagStatistics,
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._data.targets import read_training_data

N_LAGS, N_CHANNELS = 4, 2
ESTIMATORS = [
    partial(NTKConvRegressor, nu_w=0.6, alpha=0.1),
    partial(NTKConvRegressor, nu_w=0.6, alpha=0.1, solver="cg"),
    partial(NTKConvRegressor, nu_w=0.6, alpha=0.1, n_steps="loo"),
    partial(NTKConvRegressorCV, [0.2, 0.8], alphas=[0.1, 1.0], cv="loo"),
    partial(WeightedConv1DRegressor, nu_w=0.6, max_iter=30, tol=0),
    partial(LinearRNNRegressor, 12, max_iter=10, tol=0, random_state=0),
    partial(LRURegressor, 12, max_iter=10, tol=0, random_state=0),
]
every_estimator = pytest.mark.parametrize("make", ESTIMATORS, ids=range(len(ESTIMATORS)))
fast = ESTIMATORS[0]
STATES = ["zero", "mean", "unknown"]
every_state = pytest.mark.parametrize("state", STATES)
FORMS = ["timesteps", "panel", "list"]


def recordings(missing=True, n=5, length=20):
    """Return inputs ``(n, length, 2)`` off zero, some missing, and targets, some not observed."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n, length, N_CHANNELS)) + 0.7
    Y = np.cumsum(X, axis=1)[..., 0] + rng.normal(size=(n, length))
    Y[0, 6] = Y[3, 1] = np.nan
    if missing:
        X[0, 2, 0] = X[1, 10] = X[1, 12, 1] = X[4, -1, 0] = np.nan
    return X, Y


def shaped(form, X, Y):
    """Return recordings and targets in a form, the rows that go with it, and metadata."""
    n, length, _ = X.shape
    if form == "panel":
        return X, Y[..., None], {}, {}
    if form == "list":
        return list(X), list(Y), {}, {}
    ids = {"sequence_id": np.repeat(np.arange(n), length)}
    return X.reshape(n * length, -1), Y.ravel(), {"rows": "timesteps"}, ids


def windows_by_hand(X, before):
    """Return the windows at every step, oldest first, with ``before`` as the inputs before."""
    rows = []
    for x in X:
        extended = np.concatenate([np.tile(before, (N_LAGS - 1, 1)), x])
        rows += [extended[t : t + N_LAGS] for t in range(len(x))]
    return np.array(rows)


def value_before(state, X, Y):
    if state == "mean":
        return np.nanmean(X[~np.isnan(Y)], axis=0)
    return np.full(N_CHANNELS, {"zero": 0.0, "unknown": np.nan}[state])


@every_estimator
@every_state
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("missing", [False, True])
def test_only_windows_that_are_known_are_learned_and_predicted(make, state, form, missing):
    X, Y = recordings(missing)
    x, y, rows, metadata = shaped(form, X, Y)
    model = make(n_lags=N_LAGS, initial_state=state, **rows).fit(x, y, **metadata)
    windows = windows_by_hand(X, value_before(state, X, Y))
    whole = ~np.isnan(windows).any(axis=(1, 2))
    kept = whole & ~np.isnan(Y.ravel())
    twin = make(n_channels=N_CHANNELS).fit(windows.reshape(len(windows), -1)[kept], Y.ravel()[kept])
    assert_allclose(model.impulse_response_, twin.impulse_response_, rtol=1e-6, atol=1e-9)
    assert_allclose(model.intercept_, twin.intercept_, rtol=1e-6, atol=1e-9)
    found = model.predict(x, **metadata)
    found = np.concatenate(
        [np.ravel(part) for part in found] if form == "list" else [found.ravel()]
    )
    assert_array_equal(np.isnan(found), ~whole)
    right = twin.predict(windows.reshape(len(windows), -1)[whole])
    assert_allclose(found[whole], right, rtol=1e-6, atol=1e-9)
    score = model.score(x, y, **metadata)
    assert score == pytest.approx(r2_score(Y.ravel()[kept], found[kept]), rel=1e-9)


@every_state
def test_weights_count_the_mean_and_follow_their_steps(state):
    X, Y = recordings()
    weights = np.random.default_rng(1).integers(0, 3, size=len(X))
    repeated = np.repeat(np.arange(len(X)), weights)
    model = fast(n_lags=N_LAGS, initial_state=state)
    weighted = model.fit(X, Y[..., None], sample_weight=weights).impulse_response_
    assert_allclose(weighted, model.fit(X[repeated], Y[repeated, :, None]).impulse_response_)


@every_state
@pytest.mark.parametrize("form", FORMS)
def test_deviations_and_stages_are_unknown_where_predictions_are(state, form):
    X, Y = recordings()
    x, y, rows, metadata = shaped(form, X, Y)
    model = fast(n_lags=N_LAGS, initial_state=state, **rows).fit(x, y, **metadata)
    predicted, std = model.predict(x, return_std=True, **metadata)
    staged = next(model.staged_predict(x, [3], **metadata))
    for one, *others in zip(predicted, std, staged, strict=True):
        for other in others:
            assert_array_equal(np.isnan(other), np.isnan(one))


@every_state
def test_the_transformer_says_which_lags_are_unknown(state):
    X, Y = recordings()
    x, _, rows, metadata = shaped("timesteps", X, Y)
    weighter = LagWeighter("flat", n_lags=N_LAGS, initial_state=state, **rows)
    found = weighter.fit_transform(x, **metadata)
    before = np.nanmean(x, axis=0) if state == "mean" else value_before(state, X, Y)
    assert_allclose(found, windows_by_hand(X, before).reshape(len(x), -1), rtol=1e-12)
    model = fast(n_lags=N_LAGS, initial_state=state, **rows)
    if state != "mean":  # which is that of the observed steps
        known = ~np.isnan(found).any(axis=1) & ~np.isnan(Y.ravel())
        ridge = make_pipeline(LagWeighter(nu_w=0.6, n_channels=N_CHANNELS), Ridge(alpha=0.1))
        expected = ridge.fit(found[known], Y.ravel()[known]).predict(found[known])
        fitted = model.fit(x, Y.ravel(), **metadata).predict(x, **metadata)
        assert_allclose(fitted[known], expected, rtol=1e-9)


@every_state
@pytest.mark.parametrize("form", FORMS)
def test_folds_hold_the_same_samples_whatever_is_known(state, form):
    X, Y = recordings()
    x, y, rows, metadata = shaped(form, X, Y)
    cv = TimeSeriesSplit(3) if form == "timesteps" else KFold(3)
    grid = {"nu_w": [0.3], "alphas": [0.1], "n_lags": N_LAGS, "initial_state": state, **rows}
    search = NTKConvRegressorCV(**grid, cv=cv, scoring="neg_mean_squared_error")
    found = search.fit(x, y, **metadata).cv_results_
    before = value_before(state, X, Y)
    windows = windows_by_hand(X, before).reshape(-1, N_LAGS * N_CHANNELS)
    steps = np.arange(len(windows)).reshape(len(X), -1)
    if form == "timesteps":
        steps = steps.reshape(-1, 1)
    kept = ~np.isnan(windows).any(axis=1) & ~np.isnan(Y.ravel())
    for index, split in enumerate(cv.split(steps)):
        train, test = (steps[part].ravel()[kept[steps[part].ravel()]] for part in split)
        model = NTKConvRegressor(0.3, alpha=0.1, n_channels=N_CHANNELS)
        model.fit(windows[train], Y.ravel()[train])
        error = np.square(model.predict(windows[test]) - Y.ravel()[test]).mean()
        assert found[f"split{index}_test_score"][0] == pytest.approx(-error, rel=1e-7)


@every_state
def test_sums_say_what_was_before_too(state):
    X, Y = recordings(missing=False)
    Y = np.nan_to_num(Y)
    start = {"zero": "zero_state", "unknown": "full_windows"}.get(state, "zero_state")
    sums = LagStatistics.from_series(list(X), list(Y), n_lags=N_LAGS, start=start)
    model = fast(initial_state=state).fit_statistics(sums)
    head = np.isnan(model.predict([X[0]])[0][: N_LAGS - 1])
    assert head.all() if state == "unknown" else not head.any()
    if state != "mean":
        whole = fast(n_lags=N_LAGS, initial_state=state).fit(list(X), list(Y))
        assert_allclose(model.impulse_response_, whole.impulse_response_, rtol=1e-9)
    else:
        constant = np.full((9, N_CHANNELS), X.mean(axis=(0, 1)))
        assert_allclose(np.ptp(model.predict([constant])[0]), 0.0, atol=1e-9)


def test_lags_are_chosen_by_the_windows_that_stay_whole():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 1))
    y = np.convolve(x[:, 0], [1.0, 0.5])[:800] + 0.1 * rng.normal(size=800)
    x[::20] = np.nan
    model = NTKConvRegressor(0.3, alpha="auto", rows="timesteps", n_lags="auto").fit(x, y)
    assert_allclose(model.impulse_response_[0, 0, :2], [1.0, 0.5], atol=0.05)
    assert model.solution_.statistics.weight >= 4 * len(model.lag_weights_)


@pytest.mark.parametrize(("gap", "n_lags", "state"), [(5, 8, "zero"), (20, 20, "unknown")])
def test_nothing_known_is_an_error_that_leaves_an_earlier_fit(gap, n_lags, state):
    x, y, ids = np.ones((40, 1)), np.arange(40.0), np.arange(40) // 20
    model = NTKConvRegressor(rows="timesteps", n_lags=2).fit(x, y, sequence_id=ids)
    before = model.predict(x, sequence_id=ids)
    x[gap - 1 :: gap] = x[::gap] = np.nan
    with pytest.raises(ValueError, match="X must have an observed time step of which all n_lags"):
        model.set_params(n_lags=n_lags, initial_state=state).fit(x, y, sequence_id=ids)
    assert_array_equal(model.predict(np.ones((40, 1)), sequence_id=ids), before)


@pytest.mark.parametrize("why", ["short", "missing", "not observed"])
def test_a_score_of_nothing_is_an_error(why):
    x, y = np.random.default_rng(0).normal(size=(40, 1)), np.arange(40.0)
    model = NTKConvRegressor(rows="timesteps", n_lags=4, initial_state="unknown").fit(x, y)
    if why == "short":
        x, y = x[:3], y[:3]
    elif why == "missing":
        x[::4] = np.nan
    else:
        y[:] = np.nan
    with pytest.raises(ValueError, match=r"y must be observed .* at a time step of which all lags"):
        model.score(x, y)


@pytest.mark.parametrize("form", ["rows", "panel"])
def test_a_missing_input_in_windows_is_an_error(form):
    X, _ = recordings()
    x = X if form == "panel" else X.reshape(len(X), -1)
    with pytest.raises(ValueError, match="contains NaN"):
        fast(n_channels=N_CHANNELS).fit(x, np.arange(5.0))


@pytest.mark.parametrize("form", FORMS)
def test_an_infinite_input_is_an_error(form):
    X, Y = recordings(missing=False)
    X[1, 3, 0] = np.inf
    x, y, rows, metadata = shaped(form, X, Y)
    with pytest.raises(ValueError, match="contains infinity"):
        fast(n_lags=N_LAGS, **rows).fit(x, y, **metadata)


@pytest.mark.parametrize("state", ["mean", "unknown"])
def test_inputs_far_from_zero_are_no_harder_than_near_it(state):
    X, Y = recordings(missing=False)
    near = fast(n_lags=N_LAGS, initial_state=state).fit(X, Y[..., None])
    far = fast(n_lags=N_LAGS, initial_state=state).fit(X + 1e3, Y[..., None])
    assert_allclose(far.impulse_response_, near.impulse_response_, rtol=1e-8)
    assert_allclose(far.predict(X + 1e3), near.predict(X), rtol=1e-6)


# -- Zeros before recordings whose inputs are far from zero -----------------------------------


def held_out_r2(model, offset):
    """Return R^2 of late steps for a process that ran on before it was recorded."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 1)) + offset
    y = np.convolve(x[:, 0], 0.8 ** np.arange(40))[:3000] + 0.3 * rng.normal(size=3000)
    x, y = x[100:], y[100:]
    model.fit(x[:400], y[:400])
    predicted = model.predict(x[400:])[50:]
    return 1 - np.square(predicted - y[450:]).mean() / y[450:].var()


RUNNING = {"rows": "timesteps", "n_lags": 20, "nu_w": 0.8}
warns_of_zeros = partial(pytest.warns, UserWarning, match="initial_state='zero' assumes zeros")


@pytest.mark.parametrize("offset", [10.0, -300.0])
def test_zeros_that_are_wrong_are_warned_of_and_cost_what_the_mean_does_not(offset):
    with warns_of_zeros():
        wrong = held_out_r2(NTKConvRegressor(**RUNNING), offset)
    right = [
        held_out_r2(NTKConvRegressor(initial_state=state, **RUNNING), offset)
        for state in STATES[1:]
    ]
    assert wrong < 0.8
    assert min(right) > 0.95


@every_estimator
@pytest.mark.parametrize("form", FORMS)
def test_every_estimator_and_form_warns_of_zeros(make, form):
    X, Y = recordings()
    x, y, rows, metadata = shaped(form, X + 5.0, Y)
    with warns_of_zeros():
        make(n_lags=N_LAGS, **rows).fit(x, y, **metadata)


@pytest.mark.parametrize("case", ["near", "constant", "not observed", "no weight", "one lag"])
def test_zeros_that_do_not_matter_are_not_warned_of(case):
    X, Y = recordings(missing=False)
    X, weights, n_lags = X + 5.0, np.ones(Y.shape), N_LAGS
    if case == "near":
        X -= 5.0
    elif case == "constant":  # a response to a step, of which the zeros are a part
        X[:] = 5.0
    elif case == "not observed":
        Y[:, : N_LAGS - 1] = np.nan
    elif case == "no weight":
        weights[:, : N_LAGS - 1] = 0.0
    else:
        n_lags = 1
    fast(n_lags=n_lags).fit(X, Y[..., None], sample_weight=list(weights))


@pytest.mark.parametrize("n_copies", [2, 5])
def test_the_weight_of_zeros_counts_weights_as_copies(n_copies):
    X, Y = recordings()
    weights = np.where(np.arange(len(X)) == 1, n_copies, 1)
    copies = np.repeat(np.arange(len(X)), weights)
    read = partial(read_training_data, fast(n_lags=N_LAGS))
    weighted = read(X, Y[..., None], sample_weight=weights).weight_of_zeros(N_LAGS)
    copied = read(X[copies], Y[copies][..., None]).weight_of_zeros(N_LAGS)
    assert_allclose(weighted, copied, rtol=1e-12)


def test_the_weight_of_zeros_is_a_step_of_the_mean_in_the_first_steps():
    X, Y = recordings(missing=False)
    X[:, :, 1] = 3.0
    data = read_training_data(fast(n_lags=N_LAGS), X, np.nan_to_num(Y)[..., None])
    share = (N_LAGS - 1) / X.shape[1]
    expected = share * X[..., 0].mean() ** 2 / X[..., 0].var()
    assert_allclose(data.weight_of_zeros(N_LAGS), [expected, 0.0], rtol=1e-12)


def test_whole_recordings_in_parts_are_warned_of_and_pieces_are_not():
    X, Y = recordings(missing=False)
    X, Y = X + 5.0, np.nan_to_num(Y)
    with warns_of_zeros():
        WeightedConv1DRegressor(n_lags=N_LAGS).partial_fit(list(X), list(Y))
    model = WeightedConv1DRegressor(rows="timesteps", n_lags=N_LAGS)
    for x, y in zip(X, Y, strict=True):  # one recording, the start of which weighs less and less
        model.partial_fit(x, y)
