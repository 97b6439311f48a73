"""Gaps cost the windows that touch them, and the number of lags is chosen by those that stay."""

import numpy as np
import pandas as pd
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose

from sklearn_linrnn import (
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn.forecasting import LagForecaster

ESTIMATORS = [
    None,
    NTKConvRegressor(0.5, alpha=1.0),
    NTKConvRegressorCV([0.3, 0.8], alphas=[1.0, 10.0]),
    WeightedConv1DRegressor(max_iter=5),
    LinearRNNRegressor(8, max_iter=5, random_state=0),
    LRURegressor(8, max_iter=5, random_state=0),
]
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
both_strategies = pytest.mark.parametrize("strategy", ["direct", "recursive"])
FIXED = NTKConvRegressor(0.5, alpha=1.0)
GRID = NTKConvRegressorCV([0.5], alphas=[1.0])  # on all the lags that "auto" considers


def autoregression(n_timesteps, seed=0):
    noise = np.random.default_rng(seed).normal(size=n_timesteps)
    y = np.zeros(n_timesteps)
    for t in range(1, n_timesteps):
        y[t] = 0.8 * y[t - 1] + noise[t]
    return y


def daily(values, name="y"):
    return pd.Series(values, pd.date_range("2000-01-03", periods=len(values), freq="D"), name=name)


def with_gaps(n_timesteps, gaps):
    y = daily(autoregression(n_timesteps))
    y.iloc[list(gaps)] = np.nan
    return y


def n_whole(y, n_lags, ahead=1):
    """Return the number of windows that are whole and have their target, counted one by one."""
    windows = sliding_window_view(np.asarray(y), n_lags)[: len(y) - n_lags + 1 - ahead]
    targets = np.asarray(y)[n_lags - 1 + ahead :]
    return int((~np.isnan(windows).any(axis=1) & ~np.isnan(targets)).sum())


BUSINESS = daily(autoregression(730))
BUSINESS = BUSINESS[BUSINESS.index.dayofweek < 5].asfreq("B")
BUSINESS[(BUSINESS.index.day == 1) | (BUSINESS.index.strftime("%m-%d") == "12-25")] = np.nan
SERIES = {
    "six of 400": with_gaps(400, [50, 103, 155, 212, 268, 340]),
    "three of 400": with_gaps(400, [100, 200, 300]),
    "every Sunday": with_gaps(400, range(6, 400, 7)),
    "holidays of business days": BUSINESS,
    "a start without values": with_gaps(400, range(150)),
    "a long gap": with_gaps(400, range(120, 280)),
}
every_series = pytest.mark.parametrize("name", SERIES)


@every_estimator
@both_strategies
@every_series
def test_all_forecasters_learn_at_their_defaults_with_gaps(estimator, strategy, name):
    forecaster = LagForecaster(estimator, strategy=strategy).fit(SERIES[name], fh=[1, 2])
    assert np.isfinite(forecaster.predict()).all()
    assert np.isfinite(forecaster.predict_interval()).all(axis=None)


@every_series
def test_lags_that_are_considered_are_the_most_that_leave_windows_whole(name):
    y = SERIES[name]
    chosen = LagForecaster(GRID).fit(y).n_lags_

    def is_allowed(n_lags):
        n_windows = n_whole(y, n_lags)
        # As many as there are steps for, four for each; and half of the windows stay whole.
        share = n_windows / (len(y) - n_lags)
        return n_windows + n_lags - 1 >= 4 * n_lags and 2 * share >= n_whole(y, 1) / (len(y) - 1)

    quarter = (len(y) - 1) // 4
    assert chosen == max(n_lags for n_lags in range(1, quarter + 1) if is_allowed(n_lags))
    assert n_whole(y, chosen) >= 3 * chosen


def test_without_gaps_a_quarter_of_the_longest_series_is_considered():
    y = daily(autoregression(100))
    panel = pd.concat({"long": y, "short": y[:30]}, names=["series", "time"]).to_frame()
    for data in (y, panel):
        fitted = LagForecaster(GRID, pooling="global", validation=5).fit(data)
        assert fitted.n_lags_ == 99 // 4


@both_strategies
def test_gaps_of_a_column_cost_the_others_nothing(strategy):
    y = pd.DataFrame({"whole": daily(autoregression(400, 1)), "gappy": SERIES["six of 400"]})
    forecaster = LagForecaster(strategy=strategy)
    together = forecaster.clone().fit(y, fh=[1, 3]).predict()
    for name in y:
        alone = forecaster.clone().fit(y[name], fh=[1, 3]).predict()
        assert_allclose(together[name], alone, rtol=1e-9)


@every_estimator
@both_strategies
def test_gaps_of_inputs(estimator, strategy):
    y, X = daily(autoregression(400)), daily(autoregression(430, 1), "x").to_frame()
    X.iloc[[40, 91, 150, 222, 270, 333]] = np.nan
    forecaster = LagForecaster(estimator, strategy=strategy).fit(y, X[:400], fh=[1, 2])
    assert np.isfinite(forecaster.predict(X=X[400:])).all()
    # A gap of X counts as one of y does: a window and its target span one step more than its lags.
    assert n_whole(X["x"][:400], forecaster.n_lags_ + 1) >= 3 * forecaster.n_lags_


def test_gaps_of_a_panel():
    y = pd.concat({n: s for n, s in SERIES.items() if n != "holidays of business days"})
    y = y.rename_axis(["series", "time"]).to_frame()
    for pooling in ("local", "global"):
        found = LagForecaster(pooling=pooling).fit(y, fh=[1, 2])
        assert np.isfinite(found.predict()).all(axis=None)
        assert np.isfinite(found.predict_var()).all(axis=None)


@both_strategies
def test_the_longest_observed_run_is_named(strategy):
    y = with_gaps(60, range(0, 60, 10))
    forecaster = LagForecaster(FIXED, 12, strategy=strategy)
    with pytest.raises(
        ValueError,
        match=r"y must have 14 observed steps in a row, two windows of n_lags=12 with a target 1 "
        r"steps ahead, but its longest observed run has 9 steps, 2000-01-04 .* to 2000-01-12",
    ):
        forecaster.fit(y, fh=1)
    with pytest.raises(ValueError, match=r"longest observed run has 0 steps\. Lower"):
        forecaster.clone().fit(with_gaps(60, range(60)), fh=1)
    assert np.isfinite(forecaster.clone().set_params(n_lags=7).fit(y, fh=1).predict()).all()
    panel = pd.concat({"a": y[:30], "b": y[:15]}, names=["series", "time"]).to_frame()
    with pytest.raises(ValueError, match=r"has 9 steps, .* of series 'a' of y"):
        forecaster.clone().set_params(pooling="global").fit(panel, fh=1)


@both_strategies
def test_inputs_are_named_where_their_gaps_are_too_many(strategy):
    y, X = daily(autoregression(60)), with_gaps(60, range(0, 60, 10)).rename("x").to_frame()
    forecaster = LagForecaster(FIXED, 12, strategy=strategy)
    with pytest.raises(
        ValueError,
        match=r"X must have 14 observed steps in a row where y has them, two windows of n_lags=12 "
        r".* the longest run in which X and y are observed has 9 steps, 2000-01-04",
    ):
        forecaster.fit(y, X, fh=1)


@pytest.mark.parametrize("estimator", [FIXED, GRID, WeightedConv1DRegressor()], ids=repr)
def test_lags_beyond_the_series_are_refused_before_they_take_memory(estimator):
    y = pd.concat({"a": daily(autoregression(30))}, names=["series", "time"]).to_frame()
    forecaster = LagForecaster(estimator, 10**6)  # their sums would take terabytes
    pooled = forecaster.clone().set_params(pooling="global")
    for call in (
        lambda: forecaster.clone().fit(y.loc["a"], fh=1),
        lambda: pooled.clone().fit(y, fh=1),
        lambda: pooled.clone().pretrain(y, fh=1),
    ):
        with pytest.raises(ValueError, match="y must have 1000002 observed steps in a row"):
            call()


def test_types_of_missing_values_and_numbers():
    y = SERIES["three of 400"]
    expected = LagForecaster(FIXED).fit(y, fh=[1, 2]).predict()
    assert_allclose(LagForecaster(FIXED).fit(y.astype("Float64"), fh=[1, 2]).predict(), expected)
    whole = pd.Series(np.arange(60) ** 2 % 17, pd.RangeIndex(60))
    expected = LagForecaster(FIXED, 4).fit(whole.astype(float), fh=[1, 2]).predict()
    for kind in (np.int8, np.uint16, np.float32, "Int64"):
        found = LagForecaster(FIXED, 4).fit(whole.astype(kind), fh=[1, 2]).predict()
        assert_allclose(np.asarray(found, dtype=float), expected)
