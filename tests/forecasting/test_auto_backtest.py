"""A backtest of the automatic forecaster is a loop over fits and forecasts, or over updates."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sktime.forecasting.model_evaluation import evaluate
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter

from sklearn_linrnn.forecasting import AutoLagForecaster, LagForecaster

FORECASTER = AutoLagForecaster(4)
EXPANDING = ExpandingWindowSplitter(fh=[1, 3], initial_window=30, step_length=6)
SLIDING = SlidingWindowSplitter(fh=[1, 3], window_length=26, initial_window=30, step_length=6)
SPLITTERS = {"expanding": EXPANDING, "sliding": SLIDING}
every_splitter = pytest.mark.parametrize("cv", SPLITTERS.values(), ids=SPLITTERS)


def walk(n_timesteps=52, n_columns=1, seed=0):
    """Return columns of which the first is positive."""
    index = pd.period_range("2000Q1", periods=n_timesteps, freq="Q", name="quarter")
    values = np.random.default_rng(seed).normal(size=(n_timesteps, n_columns)).cumsum(axis=0)
    values[:, 0] += 20.0
    return pd.DataFrame(values, index, [f"y{c}" for c in range(n_columns)])


def looped(y, cv, refit=True, coverage=None):
    """Return what a loop of fits gives, or of updates that learn nothing after the first fit."""
    parts, fitted, seen = [], None, 0
    for train, test in cv.split(y.index):
        steps, window = test - train[-1], y.iloc[train]
        if fitted is None or refit:
            fitted = FORECASTER.clone().fit(window, fh=steps)
        else:
            fitted.update(y.iloc[seen : train[-1] + 1], update_params=False)
        seen = train[-1] + 1
        part = fitted.predict(steps).stack().to_frame("forecast")
        part["cutoff"], part["steps_ahead"] = window.index[-1], np.repeat(steps, y.shape[1])
        part["truth"] = y.iloc[test].to_numpy().ravel()
        if coverage is not None:
            bounds = fitted.predict_interval(steps, coverage=coverage).to_numpy().reshape(-1, 2)
            part["lower"], part["upper"] = bounds.T
        parts.append(part)
    return pd.concat(parts).reset_index(drop=True)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for name, values in expected.items():
        if name == "cutoff":
            assert list(found[name]) == list(values)
        else:
            assert_allclose(found[name], values, rtol=1e-8, atol=1e-8)


@every_splitter
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("n_columns", [1, 2])
def test_a_backtest_is_a_loop(cv, refit, n_columns):
    y, forecaster = walk(n_columns=n_columns), FORECASTER.clone()
    found = forecaster.backtest(y, cv, refit=refit)
    assert_same(found, looped(y, cv, refit))
    several = ["column"] if n_columns > 1 else []
    assert list(found.columns) == ["cutoff", "steps_ahead", "forecast", "truth", *several]
    assert not forecaster.is_fitted


def test_intervals_are_those_of_a_loop():
    y = walk(n_columns=2)
    assert_same(FORECASTER.backtest(y, SLIDING, coverage=0.8), looped(y, SLIDING, coverage=0.8))


def test_evaluate_gives_the_same():
    y = walk()["y0"]
    judged = evaluate(FORECASTER, EXPANDING, y, return_data=True, error_score="raise")
    expected = np.concatenate([one.to_numpy().ravel() for one in judged["y_pred"]])
    assert_allclose(FORECASTER.backtest(y, EXPANDING)["forecast"], expected, rtol=1e-8)


@every_splitter
@pytest.mark.parametrize("refit", [True, False])
def test_each_series_of_a_panel_has_its_own_loop(cv, refit):
    parts = {("b", 2): walk(seed=2), ("a", 1): walk(44, seed=1)}
    y = pd.concat(parts, names=["kind", "number"])
    found = FORECASTER.backtest(y, cv, refit=refit)
    assert list(found.index.names) == ["kind", "number"]
    assert list(found.index.drop_duplicates()) == list(parts)
    for key, part in parts.items():
        assert_same(found.loc[[key]], looped(part, cv, refit))


@pytest.mark.parametrize("refit", [True, False])
def test_windows_of_a_panel_that_are_too_short_forecast_the_last_value(refit):
    y = pd.concat({"s": walk(6)}, names=["series"])
    y.loc[("s", slice("2000Q3", "2000Q4")), :] = np.nan
    with pytest.warns(UserWarning, match="Too short"):
        found = FORECASTER.backtest(y, ExpandingWindowSplitter([1, 2], 2), refit=refit)
    assert_allclose(found["forecast"], np.full(6, y["y0"].iloc[1]))


@every_splitter
def test_gaps_are_filled_from_the_past_alone(cv):
    y = walk(n_columns=2)
    y.iloc[[0, 10, 35, 40, 41, 42, 47], 0] = np.nan  # some at an end of a window
    y.iloc[[31, 32, 33, 34, 35, 36], 1] = np.nan
    found = FORECASTER.backtest(y, cv, refit=False)
    assert_same(found, looped(y, cv, refit=False))
    later = y.copy()
    later.iloc[42:] += 100.0
    again = FORECASTER.backtest(later, cv, refit=False)
    known = found["cutoff"] < y.index[42]
    assert_allclose(again["forecast"][known], found["forecast"][known], rtol=1e-12)


def test_what_was_learned_of_logarithms_says_nothing_of_negative_values():
    y = walk()
    y.iloc[38:] -= 60.0
    assert_same(FORECASTER.backtest(y, EXPANDING, refit=False), looped(y, EXPANDING, refit=False))


def test_a_few_origins_at_a_time(monkeypatch):
    y, cv = walk(), ExpandingWindowSplitter(fh=[2], initial_window=30)
    whole = FORECASTER.backtest(y, cv, refit=False)
    few = "sklearn_linrnn.forecasting._automatic.followed.origins_at_a_time"
    monkeypatch.setattr(few, lambda *size: 4)
    assert_allclose(FORECASTER.backtest(y, cv, refit=False)["forecast"], whole["forecast"])


class Backwards:
    """A splitter whose windows get shorter."""

    def split(self, times):
        del times
        for end in (40, 30, 6):
            yield np.arange(end), np.array([end])


def test_windows_that_are_too_short_for_what_was_learned_have_no_forecast():
    found = FORECASTER.backtest(walk(), Backwards(), refit=False)["forecast"]
    assert list(found.isna()) == [False, False, True]


def test_inputs_change_nothing():
    y = walk()
    X = walk(seed=5).set_axis(["x"], axis=1)
    found = [FORECASTER.backtest(y, EXPANDING, inputs) for inputs in (None, X)]
    assert found[0].equals(found[1])


@pytest.mark.parametrize("forecaster", [FORECASTER, LagForecaster(n_lags=2)], ids=repr)
def test_without_refit_forecasts_are_of_the_future(forecaster):
    cv = ExpandingWindowSplitter(fh=[0, 1], initial_window=30)
    with pytest.raises(ValueError, match=r"cv must have steps ahead .* but got \[0, 1\]"):
        forecaster.backtest(walk(), cv, refit=False)
    found = forecaster.backtest(walk(32), cv)
    assert list(found["steps_ahead"][:2]) == [0, 1]


def test_a_window_must_be_long_enough_to_learn_from():
    with pytest.raises(ValueError, match=r"y must have 3 observations"):
        FORECASTER.backtest(walk(), ExpandingWindowSplitter(1, initial_window=2))
