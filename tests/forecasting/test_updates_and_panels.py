"""Sums add: over time, over series, and over what was learned before."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sktime.datasets import load_longley
from sktime.utils._testing.hierarchical import _make_hierarchical

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, WeightedConv1DRegressor
from sklearn_linrnn.forecasting import LagForecaster

MEMORY = NTKConvRegressor(0.5, "auto", "auto", alpha="auto")
SHORT_MEMORY = NTKConvRegressor(0.3, "auto", "auto", alpha="auto")
FORECASTERS = [
    LagForecaster(NTKConvRegressor(0.3, alpha=0.1), 5),
    LagForecaster(NTKConvRegressor("auto", alpha="auto"), 5),
    LagForecaster(WeightedConv1DRegressor(nu_w=0.3, max_iter=20), 5),
    LagForecaster(LinearRNNRegressor(10, nu_w=0.3, max_iter=20, random_state=0), 5),
]
every_forecaster = pytest.mark.parametrize("forecaster", FORECASTERS, ids=repr)


def walk(n_timesteps, n_columns=1, seed=0):
    index = pd.period_range("2000-01", periods=n_timesteps, freq="M")
    values = np.random.default_rng(seed).normal(size=(n_timesteps, n_columns)).cumsum(axis=0)
    return pd.DataFrame(values, index, [f"y{c}" for c in range(n_columns)])


def panel(lengths, n_columns=1):
    parts = {name: walk(n, n_columns, seed=n) for name, n in lengths.items()}
    return pd.concat(parts, names=["series", "time"])


@every_forecaster
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_fit_to_the_whole_is_fit_and_updates(forecaster, strategy, normalize):
    y = walk(60)
    forecaster = forecaster.clone().set_params(strategy=strategy, normalize=normalize)
    whole = forecaster.clone().fit(y, fh=[1, 3])
    parts = forecaster.clone().fit(y[:30], fh=[1, 3])
    for first, last in ((30, 31), (31, 50), (45, 60)):
        parts.update(y[first:last])
    assert_allclose(parts.predict(), whole.predict(), rtol=1e-7)
    assert_allclose(parts.predict_interval(), whole.predict_interval(), rtol=1e-6)
    assert (parts.cutoff == whole.cutoff).all()
    assert list(parts.predict().index) == list(whole.predict().index)


def test_the_highest_evidence_is_found_again_after_updates():
    y = walk(60)
    whole = LagForecaster(n_lags=5).fit(y)
    parts = LagForecaster(n_lags=5).fit(y[:30]).update(y[30:50]).update(y[50:])
    # The scales of the variances and of the penalty make up for each other: a flat summit.
    assert_allclose(parts.predict(fh=[1, 3]), whole.predict(fh=[1, 3]), rtol=1e-4)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("joint", [False, True])
def test_updates_with_exogenous_series_and_gaps(strategy, joint):
    y, X = walk(60, 2), walk(64, 3, seed=1)
    X.columns = ["a", "b", "c"]
    y.iloc[20, 0] = y.iloc[45, 1] = X.iloc[50, 2] = np.nan
    forecaster = LagForecaster(SHORT_MEMORY, 4, strategy=strategy, joint=joint)
    whole = forecaster.clone().fit(y, X[:60], fh=[2, 4])
    parts = forecaster.clone().fit(y[:30], X[:30], fh=[2, 4])
    parts.update(y[30:47], X[:47]).update(y[47:], X[47:60])
    assert_allclose(parts.predict(X=X), whole.predict(X=X[60:]), rtol=1e-7)


def test_days_go_on_one_by_one():
    index = pd.date_range("2000-01-01", periods=50, freq="D")
    y = pd.Series(np.random.default_rng(0).normal(size=50), index)
    forecaster = LagForecaster(SHORT_MEMORY, 4).fit(y[:40], fh=[1, 2])
    for t in range(40, 50):
        forecaster.update(y[t : t + 1])
    assert_allclose(
        forecaster.predict(), LagForecaster(SHORT_MEMORY, 4).fit(y, fh=[1, 2]).predict()
    )
    assert list(forecaster.predict().index) == list(index[-1] + pd.to_timedelta([1, 2], "D"))


def test_update_without_parameters_moves_the_cutoff_alone():
    y = walk(60)
    forecaster = LagForecaster(SHORT_MEMORY, 5).fit(y[:40], fh=1)
    before = forecaster.estimators_[0].impulse_response_.copy()
    forecaster.update(y[40:], update_params=False)
    assert (forecaster.estimators_[0].impulse_response_ == before).all()
    assert forecaster.predict().index[0] == y.index[-1] + 1


def test_steps_that_an_update_leaves_out_were_not_observed():
    y = walk(60)
    with_gap = y.copy()
    with_gap[40:43] = np.nan
    forecaster = LagForecaster(SHORT_MEMORY, 5)
    found = forecaster.clone().fit(y[:40], fh=[1, 2]).update(y[43:])
    assert_allclose(
        found.predict(), forecaster.clone().fit(with_gap, fh=[1, 2]).predict(), rtol=1e-9
    )


@every_forecaster
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_one_series_is_a_panel_of_one(forecaster, strategy):
    forecaster = forecaster.clone().set_params(strategy=strategy)
    y = panel({"a": 40})
    alone = forecaster.clone().fit(y.loc["a"], fh=[1, 3])
    for pooling in ("local", "global"):
        pooled = forecaster.clone().set_params(pooling=pooling).fit(y, fh=[1, 3])
        assert_allclose(pooled.predict(), alone.predict(), rtol=1e-9)
        assert_allclose(pooled.predict_interval(), alone.predict_interval(), rtol=1e-9)
    single = forecaster.clone().set_params(pooling="global").fit(y.loc["a"], fh=[1, 3])
    assert_allclose(single.predict(), alone.predict(), rtol=1e-9)


@every_forecaster
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_the_order_of_series_changes_nothing(forecaster, strategy):
    forecaster = forecaster.clone().set_params(pooling="global", strategy=strategy)
    lengths = {"a": 30, "b": 45, "c": 20}
    found = forecaster.clone().fit(panel(lengths), fh=[1, 3])
    turned = panel({name: lengths[name] for name in "cab"})
    other = forecaster.clone().fit(turned, fh=[1, 3])
    for name in lengths:
        assert_allclose(found.predict().loc[name], other.predict().loc[name], rtol=1e-8)
    assert list(other.predict().index.unique(0)) == ["c", "a", "b"]


def test_a_shared_model_learns_from_all_series():
    lengths = {"a": 30, "b": 45, "short": 7}
    y = panel(lengths)
    pooled = LagForecaster(SHORT_MEMORY, 5, pooling="global", strategy="direct").fit(y, fh=[1, 2])
    (estimator,) = pooled.estimators_
    assert estimator.solution_.statistics.weight == sum(n - 5 - 2 + 1 for n in lengths.values())
    rolling = pooled.predict_rolling(y.loc["b"])
    assert_allclose(pooled.predict().loc["b"].to_numpy(), rolling[-1])


@pytest.mark.parametrize("pooling", ["local", "global"])
def test_hierarchies_with_exogenous_series(pooling):
    sizes = {"hierarchy_levels": (2, 2), "index_type": "period", "random_state": 0}
    y = _make_hierarchical(min_timepoints=24, max_timepoints=24, **sizes)
    X = _make_hierarchical(min_timepoints=26, max_timepoints=26, n_columns=2, **sizes)
    X.columns = ["foo", "bar"]
    known = X.groupby(level=[0, 1]).head(24)
    future = X.groupby(level=[0, 1]).tail(2)
    forecaster = LagForecaster(MEMORY, 3, pooling=pooling).fit(y, known, fh=[1, 2])
    found = forecaster.predict(X=future)
    assert list(found.index) == list(future.index)
    assert np.isfinite(found.to_numpy()).all()


def test_series_of_a_panel_may_end_at_different_times():
    y = pd.concat({"early": walk(30)[:25], "late": walk(30)}, names=["series", "time"])
    found = LagForecaster(MEMORY, 4, pooling="global").fit(y, fh=[1, 2]).predict()
    for name in ("early", "late"):
        last = y.loc[name].index[-1]
        assert list(found.loc[name].index) == [last + 1, last + 2]


def test_a_new_series_joins_by_update():
    forecaster = LagForecaster(MEMORY, 4, pooling="global")
    both = forecaster.clone().fit(panel({"a": 30, "b": 40}), fh=[1, 2]).predict()
    one = forecaster.clone().fit(panel({"a": 30}), fh=[1, 2])
    found = one.update(panel({"b": 40})).predict()
    assert_allclose(found, both, rtol=1e-9)


@every_forecaster
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_what_was_learned_before_counts_as_the_series_does(forecaster, strategy):
    forecaster = forecaster.clone().set_params(strategy=strategy)
    earlier, y = panel({"a": 30, "b": 40}), walk(50)
    found = forecaster.clone().pretrain(earlier, fh=[1, 2]).fit(y, fh=[1, 2])
    together = pd.concat([earlier, pd.concat({"y": y}, names=["series", "time"])])
    pooled = forecaster.clone().set_params(pooling="global").fit(together, fh=[1, 2])
    assert_allclose(found.predict(), pooled.predict().loc["y"], rtol=1e-7)
    again = found.fit(y, fh=[1, 2]).predict()
    assert_allclose(again, pooled.predict().loc["y"], rtol=1e-7)


def test_learning_before_goes_on_batch_by_batch():
    forecaster = LagForecaster(SHORT_MEMORY, 5, strategy="direct")
    at_once = forecaster.clone().pretrain(panel({"a": 30, "b": 40}), fh=[1, 2])
    batches = forecaster.clone().pretrain(panel({"a": 30}), fh=[1, 2]).pretrain(panel({"b": 40}))
    y = walk(20)
    found = [f.clone().fit(y, fh=[1, 2]).predict() for f in (at_once, batches)]
    assert_allclose(found[0], found[1], rtol=1e-9)


@every_forecaster
def test_forecasters_survive_pickling(forecaster):
    y, X = load_longley()
    fitted = forecaster.clone().fit(y[:14], X[:14], fh=[1, 2])
    copy = pickle.loads(pickle.dumps(fitted))
    assert_allclose(copy.predict(X=X[14:]), fitted.predict(X=X[14:]), rtol=1e-12)
