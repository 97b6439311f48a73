"""Horizons in every form count the steps of the series, on its own clock."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sktime.forecasting.base import ForecastingHorizon

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster
from sklearn_linrnn.forecasting._series.clocks import clock_of

FORECASTER = LagForecaster(NTKConvRegressor(0.5, alpha=0.1), 4)
BERLIN = {"tz": "Europe/Berlin"}
N_KNOWN, AHEAD = 60, np.array([-3, 0, 1, 2, 5])
CLOCKS = {
    "integers": pd.RangeIndex(80),
    "integers from 7": pd.Index(np.arange(7, 87)),
    "integers from -30": pd.RangeIndex(-30, 50),
    "months": pd.period_range("2000-01", periods=80, freq="M"),
    "quarters": pd.period_range("2000Q1", periods=80, freq="Q"),
    "two hours, periods": pd.period_range("2000-01-01", periods=80, freq="2h"),
    "seconds": pd.date_range("2024-01-01", periods=80, freq="s"),
    "ninety minutes": pd.date_range("2024-01-01", periods=80, freq="90min"),
    "days": pd.date_range("2024-01-01", periods=80, freq="D"),
    "business days": pd.date_range("2024-01-01", periods=80, freq="B"),
    "weeks": pd.date_range("2024-01-01", periods=80, freq="W-WED"),
    "month ends": pd.date_range("2000-01-31", periods=80, freq="ME"),
    "two months": pd.date_range("2000-01-01", periods=80, freq="2MS"),
    # Clocks change on the 31st of March and on the 27th of October.
    "hours in spring": pd.date_range("2024-03-28 14:00", periods=80, freq="h", **BERLIN),
    "hours in autumn": pd.date_range("2024-10-24 16:00", periods=80, freq="h", **BERLIN),
    "days in spring": pd.date_range("2024-01-30", periods=80, freq="D", **BERLIN),
    "days in autumn": pd.date_range("2024-08-28", periods=80, freq="D", **BERLIN),
    "months over a year": pd.date_range("2020-01-01", periods=80, freq="MS", **BERLIN),
}
FIXED = [name for name in CLOCKS if not any(word in name for word in ("int", "month", "quarter"))]


def walk(index):
    values = np.random.default_rng(0).normal(size=len(index)).cumsum()
    return pd.Series(values, index, name="y")


def durations(index, steps):
    """Return steps as durations: of the wall clock where the series counts in days."""
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    naive = index.tz_localize(None) if index.freqstr in ("D", "W-WED") else index
    return pd.TimedeltaIndex([naive[N_KNOWN - 1 + s] - naive[N_KNOWN - 1] for s in steps])


@pytest.mark.parametrize("has_frequency", [True, False])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("name", CLOCKS)
def test_absolute_times_are_steps_of_the_series(name, strategy, has_frequency):
    y = walk(CLOCKS[name])
    if not has_frequency and isinstance(y.index, pd.DatetimeIndex):
        y.index = pd.DatetimeIndex(list(y.index))
    forecaster = FORECASTER.clone().set_params(strategy=strategy)
    times = y.index[N_KNOWN - 1 + AHEAD]
    relative = forecaster.clone().fit(y[:N_KNOWN], fh=AHEAD).predict()
    absolute = forecaster.clone().fit(y[:N_KNOWN], fh=ForecastingHorizon(times, False)).predict()
    plain = forecaster.clone().fit(y[:N_KNOWN].to_numpy(), fh=AHEAD).predict()
    assert_allclose(relative, plain[:, 0], rtol=1e-12)
    assert_allclose(absolute, plain[:, 0], rtol=1e-12)
    assert list(relative.index) == list(absolute.index) == list(times)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("name", FIXED)
def test_durations_are_steps_of_the_series(name, strategy):
    y = walk(CLOCKS[name])
    steps = np.array([5]) if name == "business days" else AHEAD  # after a Friday
    fh = ForecastingHorizon(durations(y.index, steps), is_relative=True)
    forecaster = FORECASTER.clone().set_params(strategy=strategy)
    found = forecaster.clone().fit(y[:N_KNOWN], fh=fh).predict()
    expected = forecaster.clone().fit(y[:N_KNOWN], fh=steps).predict()
    assert_allclose(found, expected, rtol=1e-12)
    assert list(found.index) == list(y.index[N_KNOWN - 1 + steps])


def test_durations_of_other_units_and_containers():
    y = walk(CLOCKS["seconds"])
    expected = FORECASTER.clone().fit(y, fh=[60, 120]).predict()
    minutes = [pd.Timedelta(minutes=1), pd.Timedelta(minutes=2)]
    for fh in (
        minutes,
        np.array(minutes, dtype="timedelta64[m]"),
        np.array(minutes, dtype="timedelta64[ns]"),
        pd.TimedeltaIndex(minutes),
        ForecastingHorizon(minutes),
    ):
        found = FORECASTER.clone().fit(y, fh=fh).predict()
        assert_allclose(found, expected, rtol=1e-12)
        assert list(found.index) == list(expected.index)
        rolling = FORECASTER.clone().fit(y, fh=fh).predict_rolling(y)
        assert_allclose(rolling[-1, :, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("fh", [[1], [1, 2]])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("name", CLOCKS)
def test_residuals_are_those_of_the_same_times(name, strategy, fh):
    y = walk(CLOCKS[name])
    fitted = FORECASTER.clone().set_params(strategy=strategy).fit(y, fh=fh)
    rolling = fitted.predict_rolling(y, fh=[1])[:-1, 0, 0]
    found = fitted.predict_residuals(y)
    assert list(found.index) == list(y.index)
    assert found[:4].isna().all()
    assert_allclose(found[4:], y[4:] - rolling, rtol=1e-9)
    assert list(fitted.fh) == list(fh)


@pytest.mark.parametrize("name", ["hours in spring", "hours in autumn", "days in spring"])
def test_times_of_another_zone_are_the_same_times(name):
    y = walk(CLOCKS[name])
    times = y.index[N_KNOWN : N_KNOWN + 3]
    expected = FORECASTER.clone().fit(y[:N_KNOWN], fh=[1, 2, 3]).predict()
    elsewhere = ForecastingHorizon(pd.DatetimeIndex(list(times.tz_convert("UTC"))), False)
    found = FORECASTER.clone().fit(y[:N_KNOWN], fh=elsewhere).predict()
    assert_allclose(found, expected, rtol=1e-12)
    assert list(found.index) == list(times)


@pytest.mark.parametrize("name", ["days in spring", "hours in autumn", "months over a year"])
@pytest.mark.parametrize("pooling", ["local", "global"])
def test_inputs_and_updates_across_a_change_of_clocks(name, pooling):
    y = walk(CLOCKS[name])
    X = pd.DataFrame({"x": np.square(y.to_numpy())}, y.index)
    index = pd.RangeIndex(len(y))
    forecaster = FORECASTER.clone().set_params(pooling=pooling)
    found, expected = [], []
    for where, results in ((y.index, found), (index, expected)):
        y1, X1 = y.set_axis(where), X.set_axis(where)
        grown = forecaster.clone().fit(y1[:40], X1[:40], fh=[1, 2, 20])
        grown.update(y1[40:N_KNOWN], X1[:N_KNOWN])
        results.append(grown.predict(X=X1[N_KNOWN:]))
        results.append(grown.predict_quantiles(X=X1[N_KNOWN:]))
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(
    ("index", "fh", "message"),
    [
        ("days", [pd.Timedelta("36h")], "fh must ask for times of the series, .* steps of D, but"),
        ("days", pd.DatetimeIndex(["2024-03-10 12:00"]), r"but got 2024-03-10 12:00:00"),
        ("days", pd.DatetimeIndex(["2024-03-10"], tz="UTC"), "but got 2024-03-10 00:00:00"),
        ("business days", pd.DatetimeIndex(["2024-03-30"]), "but got 2024-03-30"),
        ("month ends", pd.DatetimeIndex(["2007-01-01"]), "steps of ME, but got 2007-01-01"),
        ("month ends", [pd.Timedelta("45D")], "steps of ME, but got 45 days"),
        ("months", [pd.Timedelta("31D")], "steps of M, but got 31 days"),
        ("months", pd.date_range("2007-01-01", periods=1), "but got 2007-01-01"),
        ("months", pd.PeriodIndex(["2007Q1"], freq="Q"), "Frequencies .* do not coincide"),
        ("two hours, periods", pd.PeriodIndex(["2000-01-06 01:00"], freq="2h"), "but got 2000"),
        ("two hours, periods", [pd.Timedelta("1h")], "steps of 2h, but got 0 days 01:00:00"),
        ("integers", [pd.Timedelta("1h")], "steps of 1, but got 0 days 01:00:00"),
        ("integers", pd.date_range("2007-01-01", periods=1), "but got 2007-01-01"),
        ("hours in spring", pd.DatetimeIndex(["2024-03-31 05:00"]), "but got 2024-03-31 05:00:00"),
        ("hours in spring", [pd.Timedelta("90min")], "steps of h, but got 0 days 01:30:00"),
    ],
)
def test_times_off_the_clock_are_errors(index, fh, message):
    fh = fh if isinstance(fh, list) else ForecastingHorizon(pd.Index(list(fh)), is_relative=False)
    forecaster = FORECASTER.clone().fit(walk(CLOCKS[index]))
    with pytest.raises(ValueError, match=message):
        forecaster.predict(fh)


def test_series_of_a_panel_count_from_their_own_last_time():
    index = CLOCKS["hours in spring"]
    y = walk(index)
    panel = pd.concat({"a": y[:50], "b": y[:N_KNOWN]}, names=["series", "time"]).to_frame()
    fh = ForecastingHorizon(index[N_KNOWN : N_KNOWN + 2], is_relative=False)
    found = FORECASTER.clone().set_params(pooling="global").fit(panel, fh=fh).predict()
    for name in ("a", "b"):
        assert_array_equal(found.loc[name].index, index[N_KNOWN : N_KNOWN + 2])
    fitted = FORECASTER.clone().set_params(pooling="global").fit(panel, fh=[1])
    ahead = fitted.predict_rolling(y[:50], fh=[11, 12])
    assert_allclose(found.loc["a"].to_numpy()[:, 0], ahead[-1, :, 0], rtol=1e-12)


@pytest.mark.parametrize("name", [n for n, i in CLOCKS.items() if isinstance(i, pd.DatetimeIndex)])
def test_a_horizon_may_have_a_frequency_of_its_own(name):
    y = walk(CLOCKS[name])
    times = y.index[N_KNOWN : N_KNOWN + 6 : 2]
    fitted = FORECASTER.clone().fit(y[:N_KNOWN])
    expected = fitted.predict([1, 3, 5])
    for fh in (times, ForecastingHorizon(times, is_relative=False)):
        assert_allclose(fitted.predict(fh), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["days", "business days", "hours in spring", "month ends"])
def test_times_that_pandas_does_not_have(name):
    fitted = FORECASTER.clone().fit(walk(CLOCKS[name]))
    with pytest.raises(ValueError, match=r"times that pandas has, but 1000000000000000 steps of"):
        fitted.predict([10**15])


def test_integers_go_up_by_one():
    with pytest.raises(ValueError, match="but 1 is missing from steps of 1"):
        FORECASTER.clone().fit(walk(pd.RangeIndex(0, 100, 2)))


@pytest.mark.parametrize("far", [10**9, -(10**9)])
def test_years_that_a_time_zone_does_not_have_are_an_error(far):
    hours = pd.date_range("2024-03-30", periods=40, freq="h", tz="Europe/Berlin")
    with pytest.raises(ValueError, match="times that pandas has"):
        clock_of(hours, "y").at(hours[-1], np.array([far]))
