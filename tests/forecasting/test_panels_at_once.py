"""A model for each series, all learned at once: what a loop over the series learns."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

GIVEN = NTKConvRegressor(0.4, alpha=0.5)
MONTHS = pd.period_range("2000-01", periods=90, freq="M")
INDICES = {
    "months": MONTHS,
    "numbers": pd.RangeIndex(5, 95),
    "days": pd.date_range("2000-01-01", periods=90, freq="D"),
    "hours": pd.date_range("2000-01-01", periods=90, freq="h", tz="Europe/Berlin"),
}
LENGTHS = [60, 50, 70, 60, 40, 60, 55, 45]
every_kind = pytest.mark.parametrize(
    ("strategy", "normalize", "joint"),
    [
        (strategy, normalize, joint)
        for strategy in ("direct", "recursive")
        for normalize in (None, "last", "mean")
        for joint in (False, True)
    ],
)


def some_series(index=MONTHS, n_columns=1):
    """Series of unequal lengths and ends, with gaps at all places, a constant one among them."""
    rng, parts = np.random.default_rng(0), {}
    for number, length in enumerate(LENGTHS):
        steps = rng.normal(size=(length, n_columns))
        steps = steps.cumsum(axis=0) + 20.0 * number if number % 2 else 3.0 + steps
        if number == 2:
            steps[0] = steps[30] = steps[-2:, 0] = np.nan
        if number == 5:
            steps[:] = 7.0
        columns = [f"y{column}" for column in range(n_columns)]
        parts[f"s{number}"] = pd.DataFrame(steps, index[number % 3 : number % 3 + length], columns)
    return pd.concat(parts, names=["series", "time"])


def exploding():
    """Short series, whose recursions would blow up, and one that grows."""
    rng, parts = np.random.default_rng(1), {}
    for number in range(8):
        steps = 10.0 ** (number % 3) * rng.normal(size=24).cumsum().cumsum()
        if number == 4:
            steps = 1.2 ** np.arange(24.0) * (1 + 0.01 * rng.normal(size=24))
        parts[f"s{number}"] = pd.DataFrame({"y": steps}, MONTHS[:24])
    return pd.concat(parts, names=["series", "time"])


def growing():
    """Series that grow at a rate, with noise: what they teach would grow faster."""
    rng, parts = np.random.default_rng(3), {}
    for number, length in enumerate([60, 75, 90, 82, 66, 71]):
        steps = np.exp(0.02 * np.arange(length)) * (10.0 + 0.1 * rng.normal(size=length))
        parts[f"s{number}"] = pd.DataFrame({"y": steps}, MONTHS[:length])
    return pd.concat(parts, names=["series", "time"])


def looped(forecaster, y, fh):
    """Return the forecasters that are fitted to the series one by one."""
    parts = y.groupby(level=0, sort=False)
    return {key: forecaster.clone().fit(part.droplevel(0), fh=fh) for key, part in parts}


def loop_of_forecasts(forecaster, y, fh):
    parts = {key: one.predict() for key, one in looped(forecaster, y, fh).items()}
    return pd.concat(parts, names=y.index.names)


@pytest.fixture
def fits(monkeypatch):
    """Return a list that grows with each fit of an estimator."""
    calls, fit = [], NTKConvRegressor.fit_statistics

    def counted(self, statistics):
        calls.append(self)
        return fit(self, statistics)

    monkeypatch.setattr(NTKConvRegressor, "fit_statistics", counted)
    return calls


@every_kind
def test_at_once_is_one_by_one(strategy, normalize, joint, fits):
    y = some_series(n_columns=1 + joint)
    forecaster = LagForecaster(GIVEN, 4, strategy=strategy, normalize=normalize, joint=joint)
    found = forecaster.clone().fit(y, fh=[1, 2, 6]).predict()
    assert len(fits) == 1  # of all that the series need but for one, which tries the parameters
    expected = loop_of_forecasts(forecaster, y, [1, 2, 6])
    assert_frame_equal(found, expected, rtol=1e-10, atol=1e-10, check_freq=False)


AUTO = {
    "everything": (None, "auto"),
    "memory and penalty": (NTKConvRegressor("auto", prior="di", alpha="auto"), 4),
    "memory": (NTKConvRegressor("auto", alpha=0.5), 4),
    "lags": (NTKConvRegressor(0.4, alpha=0.5), "auto"),
}


@pytest.mark.filterwarnings("ignore:X or y does not vary")  # said of the constant one
@pytest.mark.parametrize("auto", AUTO.values(), ids=AUTO)
@every_kind
def test_what_is_chosen_at_once_is_what_each_chooses(strategy, normalize, joint, auto, fits):
    y = some_series(n_columns=1 + joint)
    kind = {"strategy": strategy, "normalize": normalize, "joint": joint}
    forecaster = LagForecaster(*auto, **kind)
    found = forecaster.clone().fit(y, fh=[1, 2, 6]).predict()
    n_own = len(fits)
    expected = loop_of_forecasts(forecaster, y, [1, 2, 6])
    assert_frame_equal(found, expected, rtol=1e-6, atol=1e-6, check_freq=False)
    # The constant series, another that tries the parameters, and what loses digits: levels by the
    # mean make the lags add up to zero, and penalties next to none are tried.
    assert n_own <= (2 if normalize != "mean" else len(LENGTHS))


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_recursions_on_lags_that_were_chosen(normalize, fits):
    """Those that would blow up are changed on the lags that they have."""
    y, forecaster = growing(), LagForecaster(normalize=normalize)
    fitted = forecaster.clone().fit(y, fh=[1, 12])
    found, n_own = fitted.predict(), len(fits)
    series = looped(forecaster, y, [1, 12])
    assert sum(len(one.stabilized_) > 0 for one in series.values()) > 1
    assert n_own < len(series)
    for key, one in series.items():
        assert_allclose(found.loc[key], one.predict(), rtol=1e-6)


@pytest.mark.parametrize(
    "estimator",
    [
        NTKConvRegressor("auto", prior="tc", alpha="auto"),
        NTKConvRegressor("auto", alpha="auto", fit_intercept=False),
        NTKConvRegressor("auto", alpha="auto", dtype="float32"),
    ],
    ids=["correlated lags", "no intercept", "float32"],
)
def test_what_is_chosen_otherwise_is_chosen_by_each(estimator, fits):
    LagForecaster(estimator, 4).fit(some_series()[:170], fh=1)
    assert len(fits) == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 0.0}, "alpha > 0"),
        ({"nu_f": -1.0}, "The 'nu_f' parameter"),
        ({"prior": "none"}, "prior must be one of"),
        ({"prior": np.ones(3)}, "nu_w='auto' needs a prior that has a name"),
    ],
    ids=str,
)
def test_what_cannot_be_chosen_is_the_error_of_a_fit(wrong, message):
    forecaster = LagForecaster(NTKConvRegressor("auto", **{"alpha": "auto"} | wrong), 4)
    for y in (some_series(), some_series().loc["s0"]):
        with pytest.raises(ValueError, match=message):
            forecaster.fit(y)


def test_a_long_series_has_no_say_in_the_lags_of_the_others(fits):
    steps = {"long": 2000, "short": 50, "shorter": 40}
    rng = np.random.default_rng(0)
    parts = {
        key: pd.DataFrame({"y": rng.normal(size=n).cumsum()}, pd.RangeIndex(n))
        for key, n in steps.items()
    }
    y = pd.concat(parts, names=["series", "time"])
    found = LagForecaster().fit(y, fh=[1, 3]).predict()
    assert len(fits) == 2  # the long one, and one that tries the parameters
    assert_allclose(found, loop_of_forecasts(LagForecaster(), y, [1, 3]), rtol=1e-8)


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_recursions_that_would_blow_up(normalize, fit_intercept, fits):
    y, estimator = exploding(), NTKConvRegressor(0.8, alpha=0.1, fit_intercept=fit_intercept)
    forecaster = LagForecaster(estimator, 4, normalize=normalize)
    fitted = forecaster.clone().fit(y, fh=[1, 12])
    found = fitted.predict()
    assert len(fits) == 1
    series = looped(forecaster, y, [1, 12])
    assert sum(len(one.stabilized_) for one in series.values()) > 1
    for key, one in series.items():
        assert_allclose(found.loc[key], one.predict(), rtol=1e-8)
    for own, one in zip(fitted.forecasters_["forecasters"], series.values(), strict=True):
        assert_allclose(own.stabilized_["modulus"], one.stabilized_["modulus"], rtol=1e-10)


@pytest.mark.parametrize("columns", [(0,), (0, 1)], ids=["apart", "joint"])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_frames_are_those_of_the_forecasters(columns, index):
    y = some_series(index, n_columns=len(columns))
    if len(columns) > 1:
        y = pd.concat({"u": y[:200], "v": y[200:]}, names=["group"])
    forecaster = LagForecaster(GIVEN, 4, joint=len(columns) > 1).fit(y)
    last = y.groupby(level=list(range(y.index.nlevels - 1))).tail(1).index.get_level_values(-1)
    ahead = [1, 5]
    for fh in (ahead, index[index.get_loc(max(last)) + 1 :][:3]):
        found = forecaster.predict(fh=fh)
        other = pickle.loads(pickle.dumps(forecaster))
        assert len(other.forecasters_) == 8 + (len(columns) > 1)  # one was cut in two
        expected = other.predict(fh=fh)
        assert_frame_equal(found, expected, rtol=1e-10, atol=1e-10, check_freq=False)
        assert [one.dtype for one in found.index.levels] == [
            one.dtype for one in expected.index.levels
        ]


@pytest.mark.parametrize("ask", ["predict_interval", "predict_var", "get_fitted_params", "update"])
def test_what_needs_a_forecaster_for_each_series(ask):
    y = some_series()
    fitted = LagForecaster(GIVEN, 4).fit(y, fh=[1, 3])
    series = looped(LagForecaster(GIVEN, 4), y, [1, 3])
    if ask == "get_fitted_params":
        assert list(fitted.get_fitted_params()["forecasters"].index) == list(series)
    elif ask == "update":
        new = pd.DataFrame({"y0": [1.0]}, MONTHS[60:61])
        fitted.update(pd.concat({"s0": new}, names=["series", "time"]))
        series["s0"].update(new)
    else:
        found = getattr(fitted, ask)()
        for key, one in series.items():
            assert_allclose(found.loc[key], getattr(one, ask)(), rtol=1e-10, atol=1e-10)
    for fh in ([1, 3], [-3, 2]):
        found = fitted.predict(fh=fh)
        for key, one in series.items():
            assert_allclose(found.loc[key], one.predict(fh=fh), rtol=1e-10)


def test_forecasters_are_those_of_the_fit():
    y = some_series()
    fitted = LagForecaster(GIVEN, 4).fit(y, fh=[1, 3])
    expected = fitted.predict()
    y[:] = 0.0
    fitted.n_lags = 2
    assert {one.n_lags_ for one in fitted.forecasters_["forecasters"]} == {4}
    assert_allclose(fitted.predict(), expected, rtol=1e-10)


def test_a_call_that_fails_changes_nothing():
    fitted = LagForecaster(GIVEN, 4).fit(some_series(), fh=[1, 3])
    expected = fitted.predict()
    new = pd.concat({"s0": pd.DataFrame({"y0": [1.0]}, MONTHS[60:61])}, names=["series", "time"])
    with pytest.raises(ValueError, match="must be finite"):
        fitted.update(pd.concat([new, new.rename({"s0": "s1"}) * np.inf]))
    assert_frame_equal(fitted.predict(), expected)
    with pytest.raises(AttributeError, match="a forecaster each after the fit of a panel"):
        LagForecaster(GIVEN, 4).fit(some_series().loc["s0"]).forecasters_  # noqa: B018


def test_short_and_empty_series_are_named_as_before():
    y = some_series()
    y.loc["s3"] = np.nan
    y = pd.concat([y.drop("s1"), pd.concat({"tiny": y.loc["s1"][:4]}, names=["series"])])
    with pytest.warns(UserWarning, match="series 's3' of y, series 'tiny' of y") as caught:
        found = LagForecaster(GIVEN, 4).fit(y, fh=[1, 3])
    assert caught[0].filename == __file__
    forecasts = found.predict()
    assert list(forecasts.index.unique(0)) == list(y.index.unique(0))
    assert forecasts.loc["s3"].isna().all(axis=None)
    assert (forecasts.loc["tiny"] == y.loc["tiny"].iloc[-1]).all(axis=None)
    assert_allclose(forecasts.loc["s0"], loop_of_forecasts(LagForecaster(GIVEN, 4), y[:60], [1, 3]))


def test_errors_are_those_of_the_series():
    for step in (0, 20, 39):
        y = some_series()
        values = np.ones(40)
        values[step], values[[15, 25]] = np.inf, np.nan
        y.loc["s4", "y0"] = values
        with pytest.raises(ValueError, match=r"y must be finite, .* but column 'y0' is inf"):
            LagForecaster(GIVEN, 4).fit(y)
    y = some_series().drop(("s4", MONTHS[20]))
    with pytest.raises(ValueError, match="y must have equidistant times, but 2001-09 is missing"):
        LagForecaster(GIVEN, 4).fit(y)
    for wrong in ({"nu_w": -1.0}, {"alpha": "1"}, {"fit_intercept": "yes"}, {"device": "nowhere"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            LagForecaster(NTKConvRegressor(**wrong), 4).fit(some_series())
    fitted = LagForecaster(GIVEN, 4).fit(some_series())
    with pytest.raises(ValueError, match="X must be None for a forecaster that was fitted without"):
        fitted.predict(fh=1, X=pd.DataFrame({"x": 1.0}, some_series().index))


@pytest.mark.parametrize("place", [20, 59])
@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_values_that_leave_the_range_are_an_error(place, normalize):
    y = some_series()
    steps = np.zeros(60)
    steps[place - 1 : place + 1] = -1.7e308, 1.7e308
    y.loc["s3", "y0"] = steps
    with pytest.raises(ValueError, match="overflow"):
        LagForecaster(GIVEN, 4, normalize=normalize).fit(y)


@pytest.mark.parametrize("few", ["windows_at_a_time", "origins_at_a_time", "BLOCK"])
def test_a_few_series_at_a_time(few, monkeypatch):
    y = some_series()
    forecaster = LagForecaster(GIVEN, 4, strategy="direct").fit(y, fh=[1, 3])
    one = 600 if few == "BLOCK" else lambda *sizes: 3
    monkeypatch.setattr(f"sklearn_linrnn.forecasting._learning.panel_regressions.{few}", one)
    found = forecaster.clone().fit(y, fh=[1, 3]).predict()
    assert_allclose(found, forecaster.predict(), rtol=1e-12)


def test_long_series_are_fitted_by_themselves(monkeypatch, fits):
    most = "sklearn_linrnn.forecasting._learning.panel_regressions.MOST_PRODUCTS"
    monkeypatch.setattr(most, 60 * 5**2)
    y = some_series()
    found = LagForecaster(GIVEN, 4).fit(y, fh=[1, 3]).predict()
    assert len(fits) == 2  # one is longer, and one tries the parameters
    assert_allclose(found, loop_of_forecasts(LagForecaster(GIVEN, 4), y, [1, 3]), rtol=1e-10)


def test_a_growing_prior_is_said_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        LagForecaster(NTKConvRegressor(9.0), 12).fit(some_series(), fh=1).predict()
    assert [str(one.message)[:9] for one in caught if "nu_w" in str(one.message)] == ["nu_w=9 ma"]


@pytest.mark.parametrize("estimator", [GIVEN, NTKConvRegressor(0.4, n_steps=5)], ids=repr)
def test_three_days_in_a_row_are_business_days_if_those_of_the_others_are(estimator):
    index = pd.date_range("2024-01-01", periods=50, freq="B")
    steps = np.random.default_rng(0).normal(size=50)
    parts = {name: pd.DataFrame({"y": steps[:n]}, index[:n]) for name, n in (("s", 3), ("a", 40))}
    y = pd.concat(parts, names=["series", "time"])
    found = LagForecaster(estimator, 1, normalize=None).fit(y, fh=[1, 6]).predict()
    assert list(found.loc["s"].index) == [index[3], index[8]]
    assert y.index.levels[-1].freq is None  # as it was
