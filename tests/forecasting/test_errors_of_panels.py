"""An error of one series of a panel says which of them it is of."""

import numpy as np
import pandas as pd
import pytest
from sktime.split import ExpandingWindowSplitter

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import AutoLagForecaster, LagForecaster

GIVEN = LagForecaster(NTKConvRegressor(0.5, alpha=1.0), 4)
FORECASTERS = [
    AutoLagForecaster(),
    LagForecaster(n_lags=4),
    GIVEN,
    GIVEN.clone().set_params(strategy="direct"),
    GIVEN.clone().set_params(pooling="global"),
]
IDS = ["automatic", "evidence", "given", "direct", "pooled"]
every_forecaster = pytest.mark.parametrize("forecaster", FORECASTERS, ids=IDS)
THIS_IS_B = ["This is series 'b' of y."]


def panel(n_timesteps=(30, 30, 30)):
    rng, times = np.random.default_rng(0), pd.period_range("2000-01", periods=40, freq="M")
    names = dict(zip("abc", n_timesteps, strict=True))
    series = {name: pd.DataFrame({"y": rng.normal(size=n)}, times[:n]) for name, n in names.items()}
    return pd.concat(series, names=["series", "month"])


def notes(message, call):
    """Return what an error of some message says in addition."""
    with pytest.raises(ValueError, match=message) as found:
        call()
    return getattr(found.value, "__notes__", [])


@every_forecaster
def test_infinity_in_one_of_them(forecaster):
    y = panel()
    y.loc[("b", "2001-01"), "y"] = np.inf
    assert notes("must be finite", lambda: forecaster.clone().fit(y, fh=1)) == THIS_IS_B
    cv = ExpandingWindowSplitter(fh=1, initial_window=20)
    assert notes("must be finite", lambda: forecaster.backtest(y, cv)) == THIS_IS_B


@every_forecaster
def test_a_missing_row_in_one_of_them(forecaster):
    y = panel().drop(("b", pd.Period("2001-01", "M")))
    assert notes("equidistant", lambda: forecaster.clone().fit(y, fh=1)) == THIS_IS_B


@every_forecaster
def test_an_update_that_cannot_be(forecaster):
    y = panel()
    early = y[y.index.get_level_values("month") < "2002-01"]
    fitted = forecaster.clone().fit(early, fh=1)
    y.loc[("b", "2002-02"), "y"] = -np.inf
    assert notes("must be finite", lambda: fitted.update(y)) == THIS_IS_B


@pytest.mark.parametrize("method", ["simulate", "explain"])
def test_a_time_that_one_of_them_has_passed(method):
    fitted = GIVEN.clone().fit(panel((30, 32, 30)))
    times = pd.PeriodIndex(["2002-07"], freq="M")
    assert notes("must be after the cutoff", lambda: getattr(fitted, method)(times)) == THIS_IS_B


def test_a_recursion_that_is_refused():
    y = panel()
    least_squares = LagForecaster(NTKConvRegressor(0.5, alpha=1e-30), 1, normalize=None)
    b = 1e-10 * y.loc["b"]
    b.iloc[-1] = 1e6
    y.loc["b"] = b.to_numpy()
    fitted = least_squares.fit(y)  # as that of one series, which tells of it when it is asked
    assert notes("cannot be iterated", lambda: fitted.predict(fh=[1, 2])) == THIS_IS_B
    assert notes("cannot be iterated", lambda: fitted.predict_interval(fh=[1, 2])) == THIS_IS_B


def test_one_of_them_that_makes_no_window():
    cv = ExpandingWindowSplitter(fh=1, initial_window=8)
    assert (
        notes("incompatible with the length", lambda: GIVEN.backtest(panel((30, 5, 30)), cv))
        == THIS_IS_B
    )


def test_series_of_a_hierarchy_have_all_their_names():
    y = pd.concat({"north": panel()}, names=["region"])
    y.loc[("north", "b", "2001-01"), "y"] = np.inf
    expected = ["This is series ('north', 'b') of y."]
    assert notes("must be finite", lambda: AutoLagForecaster().fit(y, fh=1)) == expected


def test_a_single_series_needs_no_name():
    y = panel().loc["b"]
    y.iloc[3] = np.inf
    assert notes("must be finite", lambda: GIVEN.clone().fit(y, fh=1)) == []
