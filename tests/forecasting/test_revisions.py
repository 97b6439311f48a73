"""What an update brings late or anew counts as it would in a fit; a failed call changes nothing."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn.forecasting import LagForecaster

GIVEN = NTKConvRegressor(0.3, alpha=0.1)
FORECASTERS = [
    LagForecaster(GIVEN, 5),
    LagForecaster(GIVEN, 5, normalize="mean"),
    LagForecaster(WeightedConv1DRegressor(nu_w=0.3, max_iter=20), 5),
    LagForecaster(LinearRNNRegressor(10, nu_w=0.3, max_iter=20, random_state=0), 5),
    LagForecaster(NTKConvRegressorCV([0.3], alphas=[0.1]), 5),
    LagForecaster(NTKConvRegressorCV([0.3], alphas=[0.1]), 5, refit=False, validation=20),
    LagForecaster(GIVEN, 5, intervals="conformal", calibration_fraction=0.5),
]
every_forecaster = pytest.mark.parametrize("forecaster", FORECASTERS, ids=repr)
both_strategies = pytest.mark.parametrize("strategy", ["direct", "recursive"])
INDICES = {
    "months": pd.period_range("2000-01", periods=80, freq="M"),
    "days": pd.date_range("2024-01-30", periods=80, freq="D", tz="Europe/Berlin"),
    "month ends": pd.date_range("2000-01-31", periods=80, freq="ME"),
    "integers": pd.RangeIndex(7, 87),
}


def walk(n_timesteps=80, n_columns=1, seed=0, index="months"):
    values = np.random.default_rng(seed).normal(size=(80, n_columns)).cumsum(axis=0)
    columns = [f"y{c}" for c in range(n_columns)]
    return pd.DataFrame(values, INDICES[index], columns)[:n_timesteps]


def assert_same_forecasts(found, expected, X=None):
    assert (found.cutoff == expected.cutoff).all()
    for name in ("predict", "predict_var", "predict_quantiles"):
        one, other = (getattr(f, name)(X=X) for f in (found, expected))
        assert list(one.index) == list(other.index)
        assert_allclose(one, other, rtol=1e-7, atol=1e-9)


@every_forecaster
@both_strategies
@pytest.mark.parametrize("index", INDICES)
def test_the_newest_value_counts(forecaster, strategy, index):
    y = walk(index=index)
    first = y.copy()
    first.iloc[20] = 1e6  # an outlier that is corrected later
    first.iloc[[0, 33]] = np.nan
    forecaster = forecaster.clone().set_params(strategy=strategy)
    found = forecaster.clone().fit(first[:60], fh=[1, 3])
    expected = forecaster.clone().fit(y[:60], fh=[1, 3])
    found.update(y[70:])
    found.update(y.iloc[[0, 20, 33]])
    found.update(y[60:70])
    expected.update(y[60:])
    assert_same_forecasts(found, expected)


@pytest.mark.parametrize("forecaster", [f for f in FORECASTERS if f.refit], ids=repr)
@both_strategies
def test_a_revision_gives_the_forecasts_of_a_fit_to_the_revised_series(forecaster, strategy):
    y = walk()
    first = y.copy()
    first.iloc[[20, 40]] += 3.0
    forecaster = forecaster.clone().set_params(strategy=strategy)
    found = forecaster.clone().fit(first, fh=[1, 3]).update(y.iloc[[20, 40]])
    assert_same_forecasts(found, forecaster.clone().fit(y, fh=[1, 3]))


@both_strategies
@pytest.mark.parametrize("forecaster", [f for f in FORECASTERS if f.refit], ids=repr)
@pytest.mark.parametrize("index", INDICES)
def test_steps_before_the_first_one_come_late(forecaster, strategy, index):
    if forecaster.intervals == "conformal":  # whose first part is another one
        forecaster = forecaster.clone().set_params(intervals="gaussian")
    y = walk(index=index)
    forecaster = forecaster.clone().set_params(strategy=strategy)
    found = forecaster.clone().fit(y[25:60], fh=[1, 3]).update(y[10:20]).update(y[60:])
    found.update(y[:30])
    assert_same_forecasts(found, forecaster.clone().fit(y, fh=[1, 3]))


@every_forecaster
def test_a_calibration_moves_with_steps_before_the_first_one(forecaster):
    y = walk()
    late = forecaster.clone().fit(y[10:60], fh=[1, 3]).update(y[60:]).update(y[:10])
    early = forecaster.clone().fit(y[10:60], fh=[1, 3]).update(y[:10]).update(y[60:])
    assert_same_forecasts(late, early)


@both_strategies
@pytest.mark.parametrize("joint", [False, True])
def test_inputs_are_revised_too(strategy, joint):
    y, X = walk(70, 2), walk(80, 2, seed=1).set_axis(["a", "b"], axis=1)
    first = X.copy()
    first.iloc[[12, 30]] = np.nan
    first.iloc[15, 1] += 5.0
    forecaster = LagForecaster(GIVEN, 4, strategy=strategy, joint=joint)
    found = forecaster.clone().fit(y[:50], first[:50], fh=[1, 2])
    found.update(y[50:], X[:70])
    expected = forecaster.clone().fit(y, X[:70], fh=[1, 2])
    assert_same_forecasts(found, expected, X[70:])


@both_strategies
def test_inputs_of_steps_without_a_row_are_known(strategy):
    y, X = walk(70), walk(80, 1, seed=1).set_axis(["x"], axis=1)
    gap = y.copy()
    gap[50:55] = np.nan
    forecaster = LagForecaster(GIVEN, 4, strategy=strategy)
    found = forecaster.clone().fit(y[:50], X[:50], fh=[1, 2]).update(y[55:], X[:70])
    expected = forecaster.clone().fit(gap, X[:70], fh=[1, 2])
    assert_same_forecasts(found, expected, X[70:])


@every_forecaster
@both_strategies
def test_a_missing_value_takes_none_away_and_a_known_one_changes_nothing(forecaster, strategy):
    y = walk()
    forecaster = forecaster.clone().set_params(strategy=strategy)
    found = forecaster.clone().fit(y[:60], fh=[1, 3])
    before = [one.impulse_response_ for one in found.estimators_]
    nothing = y[30:60].copy()
    nothing[:10] = np.nan
    found.update(nothing)
    for one, response in zip(found.estimators_, before, strict=True):
        assert_allclose(one.impulse_response_, response, rtol=1e-12)
    assert_same_forecasts(found, forecaster.clone().fit(y[:60], fh=[1, 3]))


@every_forecaster
@both_strategies
def test_steps_that_came_without_learning_are_learned_by_the_next_update(forecaster, strategy):
    y = walk()
    forecaster = forecaster.clone().set_params(strategy=strategy)
    found = forecaster.clone().fit(y[:40], fh=[1, 3])
    learned = [one.impulse_response_ for one in found.estimators_]
    revised = y[:70].copy()
    revised.iloc[20] += 1.0
    found.update(revised[40:55], update_params=False)
    found.update(revised[15:70], update_params=False)
    for one, response in zip(found.estimators_, learned, strict=True):
        assert (one.impulse_response_ == response).all()
    found.update(y[70:]).update(y.iloc[[20]])
    expected = forecaster.clone().fit(y[:40], fh=[1, 3]).update(y[40:])
    assert_same_forecasts(found, expected)


def test_the_number_of_windows_after_an_update_without_learning():
    y = walk()
    found = LagForecaster(GIVEN, 5).fit(y[:40]).update(y[40:60], update_params=False)
    found.update(y[60:])
    assert found.estimators_[0].solution_.statistics.weight == len(y) - 5


@pytest.mark.parametrize("pooling", ["local", "global"])
def test_revisions_in_panels(pooling):
    y = pd.concat({"a": walk(), "b": walk(60, seed=1)}, names=["series", "time"])
    first = y.copy()
    first.loc[("a", y.loc["a"].index[20])] += 4.0
    first.loc[("b", y.loc["b"].index[50])] = np.nan
    late = y[(first != y).any(axis=1)]
    forecaster = LagForecaster(GIVEN, 5, pooling=pooling)
    found = forecaster.clone().fit(first, fh=[1, 2]).update(late)
    expected = forecaster.clone().fit(y, fh=[1, 2])
    assert_same_forecasts(found, expected)


@pytest.mark.parametrize("pooling", ["local", "global"])
def test_arrays_go_on_where_the_series_ends(pooling):
    model = LagForecaster(GIVEN, 5, pooling=pooling)
    one, several = walk().to_numpy(), np.stack([walk().T, walk(seed=1).T])
    for y in (one, several):
        first, then, last = (
            np.split(y, [40, 60], axis=0) if y.ndim == 2 else np.split(y, [40, 60], axis=2)
        )
        found = model.clone().fit(first, fh=[1, 2]).update(then).update(last)
        expected = model.clone().fit(y, fh=[1, 2])
        assert_allclose(found.predict(), expected.predict(), rtol=1e-9)
    X = walk(seed=2).to_numpy()
    found = model.clone().fit(one[:40], X[:40], fh=[-1, 0]).update(one[40:], X[40:])
    expected = model.clone().fit(one, X, fh=[-1, 0])
    assert_allclose(found.predict(), expected.predict(), rtol=1e-9)


def known(forecaster):
    """Return what a forecaster knows, as far as it has a name, and what it forecasts."""
    return set(vars(forecaster)), forecaster.predict(), forecaster.predict_interval()


def assert_unchanged(forecaster, before, y):
    names, mean, interval = known(forecaster)
    assert names == before[0]
    assert forecaster.cutoff[0] == y.index.get_level_values(-1)[59]
    assert_allclose(mean, before[1], rtol=1e-12)
    assert_allclose(interval, before[2], rtol=1e-12)


def off_the_clock(y):
    return y.set_axis(y.index + pd.Timedelta("1h"))


def infinite(y):
    return y.where(np.arange(len(y))[:, None] != 3, np.inf)


FAILURES = {
    "another column": lambda f, y: f.update(y[60:].set_axis(["z"], axis=1)),
    "inputs": lambda f, y: f.update(y[60:], y[60:]),
    "off the clock": lambda f, y: f.update(off_the_clock(y[60:])),
    "infinite": lambda f, y: f.update(infinite(y[60:])),
    "infinite and not to be learned": lambda f, y: f.update(infinite(y[60:]), update_params=False),
    "a fit without a window": lambda f, y: f.fit(y[:3], fh=[1, 2]),
    "a fit with an infinite value": lambda f, y: f.fit(infinite(y), fh=[1, 2]),
    "a horizon between two steps": lambda f, _: f.predict([pd.Timedelta("1h")]),
    "update_predict_single": lambda f, y: f.update_predict_single(off_the_clock(y[60:])),
    "a column of strings": lambda f, y: f.update(y[60:].astype(str)),
    "pretrain": lambda f, y: f.pretrain(y[:3]),
}


@pytest.mark.parametrize("intervals", ["gaussian", "conformal"])
@pytest.mark.parametrize("name", FAILURES)
def test_a_call_that_fails_changes_nothing(name, intervals):
    y = walk(index="days")
    forecaster = LagForecaster(GIVEN, 5, intervals=intervals).fit(y[:60], fh=[1, 2])
    before = known(forecaster)
    with pytest.raises((ValueError, TypeError)):
        FAILURES[name](forecaster, y)
    assert_unchanged(forecaster, before, y)
    whole = LagForecaster(GIVEN, 5, intervals=intervals).fit(y[:60], fh=[1, 2]).update(y[60:])
    assert_same_forecasts(forecaster.update(y[60:]), whole)


@pytest.mark.parametrize("pooling", ["local", "global"])
@pytest.mark.parametrize("spoil", [off_the_clock, infinite])
@pytest.mark.parametrize("update_params", [True, False])
def test_one_bad_series_of_an_update_changes_none(pooling, spoil, update_params):
    parts = {"a": walk(index="days"), "b": walk(index="days", seed=1)}

    def panel(first, last, change=lambda y: y):
        cut = {name: y[first:last] for name, y in parts.items()}
        return pd.concat({"a": cut["a"], "b": change(cut["b"])}, names=["series", "time"])

    fresh = LagForecaster(GIVEN, 5, pooling=pooling)
    forecaster = fresh.clone().fit(panel(0, 60), fh=[1, 2])
    before = known(forecaster)
    with pytest.raises(ValueError, match=r"at the step of the series|y must be finite"):
        forecaster.update(panel(60, 80, spoil), update_params=update_params)
    assert_unchanged(forecaster, before, parts["a"])
    expected = fresh.clone().fit(panel(0, 60), fh=[1, 2]).update(panel(60, 80))
    assert_same_forecasts(forecaster.update(panel(60, 80)), expected)


def test_an_interrupted_update_changes_nothing(monkeypatch):
    y = walk()
    forecaster = LagForecaster(GIVEN, 5).fit(y[:60], fh=[1, 2])
    before = known(forecaster)

    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(NTKConvRegressor, "fit_statistics", interrupted)
        with pytest.raises(KeyboardInterrupt):
            forecaster.update(y[60:])
    assert_unchanged(forecaster, before, y)
