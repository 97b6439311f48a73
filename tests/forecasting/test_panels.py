"""Series of a panel are paired by name, and none of them stops the others."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn import (
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn.forecasting import LagForecaster

GIVEN = NTKConvRegressor(0.3, alpha=0.1)
ESTIMATORS = [
    None,
    GIVEN,
    NTKConvRegressorCV([0.3, 0.8], alphas=[0.1, 1.0]),
    WeightedConv1DRegressor(max_iter=5),
    LinearRNNRegressor(8, max_iter=5, random_state=0),
    LRURegressor(8, max_iter=5, random_state=0),
]
MONTHS = pd.period_range("2000-01", periods=60, freq="M")
DAYS = pd.date_range("2024-03-01", periods=60, freq="D", tz="Europe/Berlin")
both_poolings = pytest.mark.parametrize("pooling", ["local", "global"])
both_strategies = pytest.mark.parametrize("strategy", ["direct", "recursive"])


def walk(seed, index=MONTHS, columns=("y",)):
    values = np.random.default_rng(seed).normal(size=(60, len(columns))).cumsum(axis=0)
    return pd.DataFrame(100.0 * seed + values, index, columns)


def panel(lengths, first=0, index=MONTHS, columns=("y",)):
    parts = {n: walk(ord(n), index, columns)[first:last] for n, last in lengths.items()}
    return pd.concat(parts, names=["series", "time"])


def whole(names, first=0, last=60, **kind):
    return panel(dict.fromkeys(names, last), first, **kind)


def inputs(names, first=0, last=60):
    return whole(names, first, last, columns=("a", "b")).apply(np.tanh)


@both_poolings
@both_strategies
def test_series_are_paired_by_name(pooling, strategy):
    model = LagForecaster(GIVEN, 4, pooling=pooling, strategy=strategy)
    expected = model.clone().fit(whole("abc", 0, 50), inputs("abc", 0, 50), fh=[1, 2])
    found = model.clone().fit(whole("abc", 0, 40), inputs("cab", 0, 40), fh=[1, 2])
    found.update(whole("bca", 40, 50), inputs("acb", 0, 50))
    X = inputs("abc", 50)
    assert_allclose(found.predict(X=inputs("bac", 50)), expected.predict(X=X), rtol=1e-9)
    one = found.update_predict_single(whole("cba", 50, 55), X=inputs("bca", 50))
    other = expected.update(whole("abc", 50, 55), inputs("abc", 50)).predict(X=inputs("abc", 55))
    for name in "abc":
        assert_allclose(one.loc[name], other.loc[name], rtol=1e-9)
    with pytest.raises(ValueError, match="X must have every series of y, but series 'c' of y is"):
        model.clone().fit(whole("abc"), inputs("ab"), fh=1)


@both_poolings
def test_an_update_may_bring_some_of_the_series_and_new_ones(pooling):
    model = LagForecaster(GIVEN, 4, pooling=pooling)
    found = model.clone().fit(whole("ab", 0, 40), fh=[1, 2])
    found.update(whole("b", 40, 50))
    found.update(pd.concat([whole("c", 0, 50), whole("a", 40, 45)]))
    expected = model.clone().fit(panel({"a": 45, "b": 50, "c": 50}), fh=[1, 2])
    assert_allclose(found.predict(), expected.predict(), rtol=1e-9)
    assert list(found.predict().index) == list(expected.predict().index)
    assert (found.cutoff == expected.cutoff).all()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@both_poolings
@both_strategies
@pytest.mark.parametrize("index", [MONTHS, DAYS], ids=["months", "days"])
def test_a_short_series_stops_no_other(estimator, pooling, strategy, index):
    model = LagForecaster(estimator, 8, pooling=pooling, strategy=strategy)
    lengths = {"a": 60, "b": 60}
    expected = model.clone().fit(panel(lengths, index=index), fh=[1, 3]).predict()
    y = panel({"a": 60, "s": 2, "b": 60, "t": 1}, index=index)
    with pytest.warns(UserWarning, match="series 's' of y, series 't' of y") as caught:
        found = model.clone().fit(y, fh=[1, 3])
    assert caught[0].filename == __file__
    for name in "ab" if pooling == "local" else "":
        assert_allclose(found.predict().loc[name], expected.loc[name], rtol=1e-9)
    forecasts = found.predict()
    assert np.isfinite(forecasts).all(axis=None)
    assert list(forecasts.index.unique(0)) == ["a", "s", "b", "t"]
    for name in ("s", "t"):
        last = y.loc[name].index[-1]
        assert list(forecasts.loc[name].index) == [last + 1 * index.freq, last + 3 * index.freq]
    assert not found.predict_var().isna().any(axis=None)
    assert not found.predict_interval().isna().any(axis=None)


@both_strategies
def test_what_is_too_short_to_learn_from_is_forecast_as_a_random_walk(strategy):
    y = panel({"a": 60, "s": 4, "t": 1})
    model = LagForecaster(GIVEN, 8, strategy=strategy)
    with pytest.warns(UserWarning, match="series 's' of y, series 't' of y"):
        found = model.fit(y, fh=[1, 3])
    short = y.loc["s", "y"]
    assert_allclose(found.predict().loc["s", "y"], short.iloc[-1])
    step = np.mean(np.diff(short) ** 2)
    assert_allclose(found.predict_var().loc["s"].to_numpy().ravel(), [step, 3 * step])
    assert np.isinf(found.predict_var().loc["t"]).all(axis=None)


@pytest.mark.parametrize("intervals", ["gaussian", "conformal"])
@both_strategies
def test_a_short_series_is_learned_once_it_is_long(intervals, strategy):
    model = LagForecaster(GIVEN, 8, strategy=strategy, intervals=intervals)
    with pytest.warns(UserWarning, match="series 's' of y"):
        found = model.clone().fit(panel({"a": 40, "s": 4}), fh=[1, 3])
    found.update(panel({"s": 8}, 4))  # still short
    assert_allclose(found.predict().loc["s", "y"], walk(ord("s"))["y"].iloc[7])
    found.update(panel({"a": 50, "s": 40}, 8))
    expected = model.clone().fit(panel({"s": 40}), fh=[1, 3])
    assert_allclose(found.predict().loc["s"], expected.predict().loc["s"], rtol=1e-9)
    assert_allclose(found.predict_var().loc["s"], expected.predict_var().loc["s"], rtol=1e-9)


@both_strategies
def test_a_pooled_model_sees_the_first_value_before_the_first_step(strategy):
    model = LagForecaster(GIVEN, 8, pooling="global", strategy=strategy)
    X = pd.concat({"a": inputs("a"), "s": inputs("s")}).droplevel(0)
    y = panel({"a": 50, "s": 3})
    known = pd.concat([X.loc[["a"]][:50], X.loc[["s"]][:3]])
    future = pd.concat([X.loc[["a"]][50:], X.loc[["s"]][3:6]])
    with pytest.warns(UserWarning, match=r"n_lags=8 steps .*: series 's' of y"):
        found = model.fit(y, known, fh=[1, 3])
    held = y.loc["s"].set_axis(range(5, 8)).reindex(range(8)).bfill().set_axis(MONTHS[:8])
    x = X.loc["s"][:6].set_axis(range(5, 11)).reindex(range(11)).bfill().set_axis(MONTHS[:11])
    rolling = found.predict_rolling(held, x)
    assert_allclose(found.predict(X=future).loc["s"].to_numpy()[:, 0], rolling[-1, :, 0])


def test_a_series_after_pretraining_may_be_short():
    pretrained = LagForecaster(GIVEN, 8).pretrain(whole("ab"))
    with pytest.warns(UserWarning, match="Shorter than the window of n_lags=8 steps .*: y. Before"):
        found = pretrained.fit(walk(3)[:2], fh=[1, 2])
    assert np.isfinite(found.predict()).all(axis=None)


@both_poolings
def test_a_series_without_a_value_is_named(pooling):
    y = whole("abc")
    y.loc["b"] = np.nan
    with pytest.warns(UserWarning, match="series 'b' of y"):
        found = LagForecaster(GIVEN, 8, pooling=pooling).fit(y, fh=[1, 2])
    forecasts = found.predict()
    assert forecasts.loc["b"].isna().all(axis=None)
    assert np.isfinite(forecasts.loc[["a", "c"]]).all(axis=None)


def test_warnings_are_given_once():
    with pytest.warns(UserWarning, match="series 's' of y"):
        found = LagForecaster(GIVEN, 8, pooling="global").fit(panel({"a": 40, "s": 4}), fh=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.update(panel({"a": 45, "s": 6}, 4))
        found.predict()
    with pytest.warns(UserWarning, match="series 't' of y"):
        found.update(panel({"t": 3}))


@pytest.mark.parametrize("intervals", ["gaussian", "conformal"])
def test_a_horizon_beyond_all_memory_says_what_it_needs(intervals):
    y = pd.Series(np.random.default_rng(0).normal(size=60))
    fitted = LagForecaster(GIVEN, 4, intervals=intervals).fit(y)
    for call in (fitted.predict, fitted.predict_interval):
        with pytest.raises(MemoryError, match=r"fh asks for 10000000000000 steps ahead.* GiB"):
            call(fh=[10**13])
    with pytest.raises(MemoryError, match="fh asks for"):
        fitted.predict_rolling(y, fh=[10**13])
    with pytest.raises(ValueError, match="y must have 10000000000006 observed steps"):
        LagForecaster(GIVEN, 5, strategy="direct", intervals=intervals).fit(y, fh=[10**13])
    with pytest.raises(ValueError, match="y must have 10000000000002 observed steps"):
        LagForecaster(strategy="direct", intervals=intervals).fit(y, fh=[10**13])
    assert fitted.predict(fh=[-(10**13)]).isna().all()


def test_inputs_of_a_far_horizon_are_missing_before_memory_is():
    y, X = walk(1), walk(2, columns=("x",))
    fitted = LagForecaster(GIVEN, 4).fit(y[:50], X[:50])
    with pytest.raises(ValueError, match=r"X must have every time .* missing at 2005-01"):
        fitted.predict(fh=[10**6], X=X[50:])
    pretrained = LagForecaster(GIVEN, 4, strategy="direct").pretrain(whole("ab"), fh=[1, 2])
    with pytest.raises(ValueError, match="fh must be that of pretrain"):
        pretrained.fit(walk(3), fh=[10**13])


def test_a_list_of_frames_has_no_inputs():
    y, X = walk(1), walk(2, columns=("x",))
    with pytest.raises(TypeError, match="y with an X must be a frame"):
        LagForecaster(GIVEN, 4).fit([y, y], [X, X])


def test_a_panel_without_a_row_is_an_error():
    with pytest.raises(ValueError, match="y must have a series to learn from"):
        LagForecaster(GIVEN, 4).fit(whole("ab")[:0])


def test_an_update_without_a_step_is_an_error():
    y = np.random.default_rng(0).normal(size=(2, 1, 20))
    fitted = LagForecaster(GIVEN, 4).fit(y)
    with pytest.raises(ValueError, match="y must have a time step"):
        fitted.update(y[:, :, :0])
