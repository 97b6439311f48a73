"""A backtest is a loop over fits and forecasts."""

import numpy as np
import pandas as pd
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose
from sktime.forecasting.model_evaluation import evaluate
from sktime.split import (
    CutoffSplitter,
    ExpandingGreedySplitter,
    ExpandingWindowSplitter,
    SingleWindowSplitter,
    SlidingWindowSplitter,
)

from sklearn_linrnn import (
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    linear_rnn_lag_weights,
)
from sklearn_linrnn.forecasting import LagForecaster

GIVEN = NTKConvRegressor(0.6, alpha=0.3)
EXPANDING = ExpandingWindowSplitter(fh=[1, 3], initial_window=30, step_length=4)
SLIDING = SlidingWindowSplitter(fh=[1, 3], window_length=30, step_length=4)
SPLITTERS = [
    EXPANDING,
    SLIDING,
    ExpandingWindowSplitter(fh=2, initial_window=50),
    SlidingWindowSplitter(fh=[2, 3], window_length=25, initial_window=40, step_length=7),
    SlidingWindowSplitter(fh=[1, 2], window_length=20, step_length=9),
    CutoffSplitter(np.array([40, 43, 60]), fh=[1, 2], window_length=25),
    ExpandingGreedySplitter(test_size=3, folds=4),
    SingleWindowSplitter(fh=[1, 4], window_length=50),
]


def walk(n_timesteps, n_columns=1, seed=0):
    index = pd.period_range("2000-01", periods=n_timesteps, freq="M")
    values = np.random.default_rng(seed).normal(size=(n_timesteps, n_columns)).cumsum(axis=0)
    return pd.DataFrame(values, index, [f"y{c}" for c in range(n_columns)])


def inputs_of(y, seed=1):
    X = walk(len(y), 2, seed).set_index(y.index)
    return X.set_axis(["a", "b"], axis=1)


def looped(forecaster, y, cv, X=None):
    """Return the cutoffs, steps ahead, forecasts and truths that a loop gives."""
    rows = []
    for train, test in cv.split(y.index):
        steps = test - train[-1]
        known = None if X is None else X.iloc[train]
        fitted = forecaster.clone().fit(y.iloc[train], known, fh=steps)
        forecast = fitted.predict(X=X).to_numpy().reshape(len(steps), -1)
        for place, (step, values) in enumerate(zip(steps, forecast, strict=True)):
            truths = np.atleast_1d(y.iloc[test[place]])
            rows += [
                (y.index[train[-1]], step, value, truth)
                for value, truth in zip(values, truths, strict=True)
            ]
    return pd.DataFrame(rows, columns=["cutoff", "steps_ahead", "forecast", "truth"])


def assert_same(found, expected):
    for name in ("cutoff", "steps_ahead", "truth"):
        assert found[name].reset_index(drop=True).equals(expected[name])
    assert_allclose(found["forecast"], expected["forecast"], rtol=1e-8, atol=1e-8)


@pytest.fixture
def fits(monkeypatch):
    """Return a list that gets an entry for each fit."""
    calls, fit = [], LagForecaster.fit

    def counted(self, *args, **kwargs):
        calls.append(self)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(LagForecaster, "fit", counted)
    return calls


@pytest.mark.parametrize("cv", SPLITTERS, ids=repr)
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_any_splitter(cv, strategy, fits):
    y = walk(80)["y0"]
    forecaster = LagForecaster(GIVEN, 5, strategy=strategy)
    found = forecaster.backtest(y, cv)
    assert len(fits) == 0  # all origins are one pass
    assert_same(found, looped(forecaster, y, cv))
    assert list(found.columns) == ["cutoff", "steps_ahead", "forecast", "truth"]
    assert not forecaster.is_fitted


@pytest.mark.parametrize("cv", [EXPANDING, SLIDING], ids=["expanding", "sliding"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("normalize", [None, "last", "mean"])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("driven", [False, True])
def test_any_setting(cv, strategy, normalize, joint, driven):
    y = walk(50, 2)
    X = inputs_of(y) if driven else None
    forecaster = LagForecaster(GIVEN, 4, strategy=strategy, normalize=normalize, joint=joint)
    found = forecaster.backtest(y, cv, X)
    assert_same(found, looped(forecaster, y, cv, X))
    assert list(found["column"][:3]) == ["y0", "y1", "y0"]


@pytest.mark.parametrize(
    "estimator",
    [
        NTKConvRegressor(0.6, alpha=0.3, fit_intercept=False),
        NTKConvRegressor(0.8, alpha=0.3, prior="tc"),
        NTKConvRegressor(0.6, alpha=0.0),
        NTKConvRegressor(0.6, alpha=1e-13),
        NTKConvRegressor(0.0, alpha=0.3),
        NTKConvRegressor(0.6, alpha=0.3, dtype="float32"),
        NTKConvRegressor(0.6, alpha=0.3, n_steps=20),
        NTKConvRegressor("auto", alpha="auto"),
        NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 1.0]),
        WeightedConv1DRegressor(max_iter=5),
    ],
    ids=repr,
)
def test_any_estimator(estimator):
    y, cv = walk(70)["y0"], SlidingWindowSplitter(fh=[1, 2], window_length=40, step_length=13)
    forecaster = LagForecaster(estimator, 4)
    assert_same(forecaster.backtest(y, cv), looped(forecaster, y, cv))


@pytest.mark.parametrize("cv", [EXPANDING, SLIDING], ids=["expanding", "sliding"])
def test_the_number_of_lags_is_chosen_at_each_origin(cv):
    y = walk(70)["y0"]
    forecaster = LagForecaster(GIVEN)
    assert_same(forecaster.backtest(y, cv), looped(forecaster, y, cv))


@pytest.mark.parametrize("cv", [EXPANDING, SLIDING], ids=["expanding", "sliding"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("driven", [False, True])
def test_gaps(cv, strategy, driven):
    y = walk(80)
    y.iloc[[20, 45, 46]] = np.nan
    X = inputs_of(y) if driven else None
    forecaster = LagForecaster(GIVEN, 3, strategy=strategy)
    assert_same(forecaster.backtest(y, cv, X), looped(forecaster, y, cv, X))


@pytest.mark.parametrize("normalize", [None, "last"])
@pytest.mark.parametrize("n_columns", [1, 2])
def test_recursions_that_would_blow_up(normalize, n_columns):
    months = np.arange(70)
    y = walk(70, n_columns) / 10
    y += np.where(months > 60, 1.5 ** (months - 60.0), 0.0)[:, None]
    forecaster = LagForecaster(
        NTKConvRegressor(0.9, alpha=1e-3), 4, normalize=normalize, joint=True
    )
    found = forecaster.backtest(y, EXPANDING)
    assert len(forecaster.clone().fit(y).stabilized_)
    assert_same(found, looped(forecaster, y, EXPANDING))


def test_far_horizons_of_recursions_that_would_blow_up():
    y = pd.Series(np.r_[1, 1, 2, 1, 1, 3, 9, 27, np.ones(600)])
    forecaster = LagForecaster(NTKConvRegressor(0.9, alpha=1e-3), 2, normalize=None)
    cv = SlidingWindowSplitter(fh=[1, 590], window_length=8, step_length=4)
    assert_same(forecaster.backtest(y, cv), looped(forecaster, y, cv))


def test_short_windows_and_far_horizons(fits):
    y = walk(80)["y0"]
    forecaster = LagForecaster(GIVEN, 3)
    found = forecaster.backtest(y, ExpandingWindowSplitter(fh=[1, 60], initial_window=15))
    assert len(fits) == 0
    assert_same(found, looped(forecaster, y, ExpandingWindowSplitter([1, 60], 15)))


@pytest.mark.parametrize("cv", [EXPANDING, SLIDING], ids=["expanding", "sliding"])
@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_what_is_far_away_leaves_no_rounding(cv, normalize):
    y = walk(80)["y0"]
    y.iloc[10] = 1e7
    y += 1e5
    forecaster = LagForecaster(GIVEN, 3, normalize=normalize)
    found, expected = forecaster.backtest(y, cv), looped(forecaster, y, cv)
    assert_same(found, expected)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_a_few_origins_at_a_time(strategy, monkeypatch):
    y, X = walk(80, 2), inputs_of(walk(80))
    y.iloc[40, 1] = X.iloc[50, 0] = np.nan
    cv = SlidingWindowSplitter(fh=[1, 3], window_length=25)
    forecaster = LagForecaster(GIVEN, 3, strategy=strategy)
    whole = forecaster.backtest(y, cv, X.ffill())
    few = "sklearn_linrnn.forecasting._learning.rolling_regressions.windows_at_a_time"
    monkeypatch.setattr(few, lambda n_columns: 4)
    assert_allclose(forecaster.backtest(y, cv, X.ffill())["forecast"], whole["forecast"])


def test_an_outlier_within_windows_costs_no_digits():
    """The ridge as least squares on the rows themselves, with those of the penalty below."""
    n_lags, alpha = 4, 1e-3
    values = np.random.default_rng(0).normal(size=80)
    values[40] = 1e6
    regressor = NTKConvRegressor(0.7, alpha=alpha)
    forecaster = LagForecaster(regressor, n_lags, strategy="direct", normalize=None)
    cv = SlidingWindowSplitter(fh=1, window_length=20)
    found = forecaster.backtest(pd.Series(values), cv)["forecast"]
    roots = np.sqrt(linear_rnn_lag_weights(n_lags, 0.7))
    for place, (train, _) in enumerate(cv.split(pd.RangeIndex(80))):
        rows = sliding_window_view(values[train], n_lags)[:, ::-1] * roots
        z, y = rows[:-1], values[train][n_lags:]
        left = np.vstack([z - z.mean(axis=0), alpha**0.5 * np.eye(n_lags)])
        theta = np.linalg.lstsq(left, np.append(y - y.mean(), np.zeros(n_lags)), rcond=None)[0]
        expected = y.mean() + (rows[-1] - z.mean(axis=0)) @ theta
        assert_allclose(found[place], expected, rtol=1e-9, atol=1e-9 * np.abs(values[train]).max())


def test_constants():
    y = pd.Series(np.full(60, 1e6))
    for normalize in (None, "last", "mean"):
        forecaster = LagForecaster(GIVEN, 3, normalize=normalize)
        assert_same(forecaster.backtest(y, SLIDING), looped(forecaster, y, SLIDING))


@pytest.mark.parametrize("pooling", ["local", "global"])
@pytest.mark.parametrize("driven", [False, True])
def test_panels(pooling, driven):
    parts = {("b", 2): walk(60, seed=2), ("a", 1): walk(60, seed=1)}
    y = pd.concat(parts, names=["kind", "number"])
    X = pd.concat({key: inputs_of(part) for key, part in parts.items()}, names=["kind", "number"])
    X = X if driven else None
    forecaster = LagForecaster(GIVEN, 4, pooling=pooling)
    found = forecaster.backtest(y, EXPANDING, X)
    assert list(found.index.names) == ["kind", "number"]
    starts = found.index.drop_duplicates()
    assert list(starts) == list(parts)
    for train, test in EXPANDING.split(next(iter(parts.values())).index):
        windows = pd.concat({key: part.iloc[train] for key, part in parts.items()})
        windows.index.names = y.index.names
        steps = test - train[-1]
        fitted = forecaster.clone().fit(windows, None if X is None else X.loc[windows.index], steps)
        expected = fitted.predict(X=X)
        for key in parts:
            cutoff = parts[key].index[train[-1]]
            rows = found[[each == key for each in found.index]]
            rows = rows[rows["cutoff"] == cutoff]
            values = expected["y0"].xs(key, level=[0, 1])
            assert_allclose(rows["forecast"], values, rtol=1e-8, atol=1e-8)
            assert_allclose(rows["truth"], parts[key]["y0"].iloc[test])


def test_short_series_of_a_panel_stop_no_other():
    short = pd.Series([1.0, 3.0, 2.0, 5.0, 4.0], pd.period_range("2000-01", periods=5, freq="M"))
    parts = {"long": walk(60), "short": short.to_frame("y0")}
    y = pd.concat(parts, names=["series", "time"])
    cv = ExpandingWindowSplitter(fh=1, initial_window=4)
    with pytest.warns(UserWarning, match="Too short"):
        found = LagForecaster(GIVEN, 3).backtest(y, cv)
    assert_allclose(found.loc["short", "forecast"], 5.0)
    assert len(found.loc["long"]) == 56


def test_evaluate_gives_the_same():
    y = walk(70)["y0"]
    forecaster = LagForecaster(GIVEN, 4)
    judged = evaluate(forecaster, EXPANDING, y, return_data=True, error_score="raise")
    expected = np.concatenate([one.to_numpy().ravel() for one in judged["y_pred"]])
    assert_allclose(forecaster.backtest(y, EXPANDING)["forecast"], expected, rtol=1e-8)


def test_without_refit_the_first_window_teaches_all():
    y = walk(70)["y0"]
    forecaster = LagForecaster(GIVEN, 4)
    found = forecaster.backtest(y, SLIDING, refit=False)
    fitted = forecaster.clone().fit(y[:30], fh=[1, 3])
    rolling = fitted.predict_rolling(y)[30 - 4 :: 4]
    assert_allclose(found["forecast"], rolling[: len(found) // 2].ravel())


@pytest.mark.parametrize("pooling", ["local", "global"])
def test_panels_without_refit(pooling):
    parts = {"b": walk(60, seed=2), "a": walk(60, seed=1)}
    y = pd.concat(parts, names=["series", "time"])
    windows = pd.concat({key: part[:30] for key, part in parts.items()}, names=y.index.names)
    forecaster = LagForecaster(GIVEN, 4, pooling=pooling)
    found = forecaster.backtest(y, SLIDING, refit=False)
    fitted = forecaster.clone().fit(windows, fh=[1, 3])
    assert_allclose(
        found[found["cutoff"] == y.index[29][1]]["forecast"], fitted.predict()["y0"], rtol=1e-8
    )


@pytest.mark.parametrize("intervals", ["gaussian", "conformal"])
def test_intervals(intervals):
    y, cv = walk(70, 2), ExpandingWindowSplitter(fh=[1, 2], initial_window=60, step_length=5)
    forecaster = LagForecaster(GIVEN, 4, intervals=intervals)
    found = forecaster.backtest(y, cv, coverage=0.7)
    assert list(found.columns[-3:]) == ["column", "lower", "upper"]
    fitted = forecaster.clone().fit(y[:60], fh=[1, 2])
    expected = fitted.predict_interval(coverage=0.7).to_numpy().reshape(4, 2)
    assert_allclose(found[["lower", "upper"]][:4], expected)
    assert_allclose(found["forecast"], forecaster.backtest(y, cv)["forecast"], rtol=1e-8)


def test_errors_say_what_is_needed():
    y, forecaster = walk(70)["y0"], LagForecaster(GIVEN, 4)
    with pytest.raises(ValueError, match="coverage must be None or lie between 0 and 1"):
        forecaster.backtest(y, EXPANDING, coverage=1.5)
    with pytest.raises(ValueError, match="with refit=True"):
        forecaster.backtest(y, EXPANDING, refit=False, coverage=0.5)
    with pytest.raises(ValueError, match="n_lags=4"):
        forecaster.backtest(y, ExpandingWindowSplitter(fh=1, initial_window=5))
    with pytest.raises(ValueError, match="cv must make windows with steps to learn from"):
        forecaster.backtest(y, ExpandingWindowSplitter(fh=1, initial_window=0))
    with pytest.raises(ValueError, match="X must have every time of y"):
        forecaster.backtest(y, EXPANDING, inputs_of(y)[:50])
    panel = pd.concat({"a": walk(60), "b": walk(50)}, names=["series", "time"])
    with pytest.raises(ValueError, match="X must have every series of y"):
        forecaster.backtest(panel, EXPANDING, panel.loc[["a"]].rename(columns={"y0": "x"}))
    with pytest.raises(ValueError, match="as many windows of each series"):
        forecaster.clone().set_params(pooling="global").backtest(panel, EXPANDING)


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_rows_that_overflow_are_not_missing(normalize):
    y = walk(80)["y0"]
    y.iloc[40:42] = -1.7e308, 1.7e308
    with pytest.raises(ValueError, match="overflow"):
        LagForecaster(GIVEN, 3, normalize=normalize).backtest(y, SLIDING)
