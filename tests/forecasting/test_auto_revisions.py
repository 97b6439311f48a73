"""The automatic forecaster in updates, panels and calls that fail: as any of the package."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sktime.forecasting.base import ForecastingHorizon

from sklearn_linrnn.forecasting import AutoLagForecaster

FRESH = AutoLagForecaster(4)
INDICES = {
    "quarters": pd.period_range("2000Q1", periods=60, freq="Q"),
    "days": pd.date_range("2024-01-30", periods=60, freq="D", tz="Europe/Berlin"),
    "month ends": pd.date_range("2000-01-31", periods=60, freq="ME"),
    "integers": pd.RangeIndex(7, 67),
}
every_index = pytest.mark.parametrize("index", INDICES)


def walk(n_timesteps=60, seed=0, index="quarters", columns=("a", "b")):
    values = np.random.default_rng(seed).normal(size=(60, len(columns))).cumsum(axis=0)
    return pd.DataFrame(20.0 + values, INDICES[index], list(columns))[:n_timesteps]


def panel(lengths):
    parts = {name: walk(n, seed) for seed, (name, n) in enumerate(lengths.items())}
    return pd.concat(parts, names=["series", "time"])


def assert_same_forecasts(found, expected):
    assert (found.cutoff == expected.cutoff).all()
    for name in ("predict", "predict_var", "predict_quantiles"):
        one, other = (getattr(each, name)() for each in (found, expected))
        assert list(one.index) == list(other.index)
        assert_allclose(one, other, rtol=1e-9)


@every_index
def test_late_and_revised_values_count_as_in_a_fit_to_the_final_series(index):
    y = walk(index=index)
    first = y.copy()
    first.iloc[20] = 1e6
    first.iloc[[10, 33]] = np.nan
    found = FRESH.clone().fit(first[5:40], fh=[1, 3])
    found.update(y[50:]).update(y.iloc[[20, 33]])
    found.update(y[40:50], update_params=False).update(y[:12][["b", "a"]])
    assert_same_forecasts(found, FRESH.clone().fit(y, fh=[1, 3]))


@every_index
def test_steps_before_the_first_one_change_no_forecast_until_they_are_learned(index):
    y = walk(index=index)
    kept = FRESH.clone().fit(y[14:], fh=[-3, 1, 3])
    before = kept.predict()
    kept.update(y[:14], update_params=False)
    assert_allclose(kept.predict(), before, rtol=1e-9)
    assert kept.predict(fh=[-50]).isna().all(axis=None)
    kept.predict(fh=[-3, 1, 3])
    assert_same_forecasts(kept.update(y[-1:]), FRESH.clone().fit(y, fh=[-3, 1, 3]))


@every_index
def test_times_and_steps_ask_for_the_same(index):
    y = walk(index=index)
    times = ForecastingHorizon(y.index[[50, 52]], is_relative=False)
    found, expected = (FRESH.clone().fit(y[:50], fh=fh).predict() for fh in (times, [1, 3]))
    assert list(found.index) == list(expected.index) == list(y.index[[50, 52]])
    assert_allclose(found, expected, rtol=1e-9)


def test_columns_and_series_are_forecast_each_by_itself():
    y = panel({"s": 60, "t": 41})
    together = FRESH.clone().fit(y, fh=[1, 2])
    for name, part in y.groupby(level=0):
        for column in part:
            alone = FRESH.clone().fit(part.droplevel(0)[column], fh=[1, 2])
            assert_allclose(together.predict().loc[name, column], alone.predict(), rtol=1e-9)
            found = together.predict_quantiles(alpha=[0.1, 0.5]).loc[name, column]
            assert_allclose(found, alone.predict_quantiles(alpha=[0.1, 0.5]), rtol=1e-9)


def test_the_summary_of_columns_names_them():
    y = walk()
    summary = FRESH.clone().fit(y).summary()
    for column in y:
        pd.testing.assert_frame_equal(summary.loc[column], FRESH.clone().fit(y[column]).summary())


def test_a_short_series_of_a_panel_is_named_and_stops_no_other():
    y = panel({"s": 60, "short": 2, "t": 60})
    with pytest.warns(UserWarning, match="Too short, .* to learn from: series 'short' of y"):
        found = FRESH.clone().fit(y, fh=[1, 2])
    assert np.isfinite(found.predict_interval()).all(axis=None)
    assert_allclose(found.predict().loc["short"], y.loc["short"].to_numpy()[[-1, -1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.update(panel({"t": 60, "short": 60}).loc[["short", "t"]])
        whole = FRESH.clone().fit(pd.concat([y.loc[["s", "t"]]]), fh=[1, 2])
    assert_allclose(found.predict().loc["s"], whole.predict().loc["s"], rtol=1e-9)
    assert not np.allclose(*found.predict().loc["short"].to_numpy())


def infinite(y):
    return pd.concat([y[:3], y[3:4] + np.inf, y[4:]])


FAILURES = {
    "another column": lambda f, y: f.update(y[40:].set_axis(["a", "z"], axis=1)),
    "off the clock": lambda f, y: f.update(y[40:].set_axis(y.index[40:] + pd.Timedelta("1h"))),
    "infinite": lambda f, y: f.update(infinite(y[40:])),
    "infinite and not to be learned": lambda f, y: f.update(infinite(y[40:]), update_params=False),
    "too few": lambda f, y: f.fit(y[:2], fh=[1, 2]),
    "a fit with an infinite value": lambda f, y: f.fit(infinite(y), fh=[1, 2]),
    "a horizon between two steps": lambda f, _: f.predict([pd.Timedelta("1h")]),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_call_that_fails_changes_nothing(name):
    y = walk(index="days")
    forecaster = FRESH.clone().fit(y[:40], fh=[1, 2])
    with pytest.raises((ValueError, TypeError), match=r"\b(y|fh|X)\b"):
        FAILURES[name](forecaster, y)
    assert_same_forecasts(forecaster, FRESH.clone().fit(y[:40], fh=[1, 2]))
    whole = FRESH.clone().fit(y[:40], fh=[1, 2]).update(y[40:])
    assert_same_forecasts(forecaster.update(y[40:]), whole)


def test_a_column_that_is_too_short_is_named():
    y = walk()
    y.loc[y.index[2] :, "b"] = np.nan
    with pytest.raises(ValueError, match=r"y must have 3 observations .* column 'b' has 2"):
        FRESH.clone().fit(y)


def test_a_horizon_beyond_all_memory_says_what_it_needs():
    y = walk(index="integers")
    fitted = FRESH.clone().fit(y, fh=[10**13])
    for call in (fitted.predict, fitted.predict_interval):
        with pytest.raises(MemoryError, match=r"fh asks for 10000000000000 steps ahead.* GiB"):
            call()
    assert fitted.predict(fh=[-(10**13)]).isna().all(axis=None)
    assert np.isfinite(fitted.predict(fh=[1])).all(axis=None)
