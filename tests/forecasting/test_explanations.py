"""What values add to forecasts is exact: it adds up, and it is what forecasts lose without them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

GIVEN = NTKConvRegressor(0.6, alpha=0.3)


def walk(n_timesteps, n_columns=1, seed=0):
    index = pd.period_range("2000-01", periods=n_timesteps, freq="M")
    values = np.random.default_rng(seed).normal(size=(n_timesteps, n_columns)).cumsum(axis=0)
    return pd.DataFrame(values + 10.0, index, [f"y{c}" for c in range(n_columns)])


def with_inputs(driven):
    y, X = walk(60, 2), walk(65, 2, seed=1).set_axis(["a", "b"], axis=1)
    return (y, X[:60], X) if driven else (y, None, None)


settings = [
    pytest.mark.parametrize("strategy", ["direct", "recursive"]),
    pytest.mark.parametrize("normalize", [None, "last", "mean"]),
    pytest.mark.parametrize("joint", [False, True]),
    pytest.mark.parametrize("driven", [False, True]),
]


def all_settings(test):
    for setting in settings:
        test = setting(test)
    return test


@all_settings
def test_they_add_up_to_the_forecast(strategy, normalize, joint, driven):
    y, past, X = with_inputs(driven)
    forecaster = LagForecaster(GIVEN, 4, strategy=strategy, normalize=normalize, joint=joint)
    forecaster.fit(y, past, fh=[1, 4])
    shares, forecast = forecaster.explain(X=X), forecaster.predict(X=X)
    assert_allclose(shares.sum(axis=1), forecast.to_numpy().ravel(), rtol=1e-12)
    assert list(shares.index) == [(t, c) for t in forecast.index for c in y.columns]
    assert shares.columns.names == ["input", "lag"]
    if not joint:
        assert_allclose(shares.xs("y0", level="column")["y1"], 0.0)


@all_settings
def test_they_are_what_forecasts_lose_without_a_value(strategy, normalize, joint, driven):
    """An update without learning changes one value."""
    y, past, X = with_inputs(driven)
    forecaster = LagForecaster(GIVEN, 4, strategy=strategy, normalize=normalize, joint=joint)
    forecaster.fit(y, past, fh=[1, 4])
    shares, forecast = forecaster.explain(X=X), forecaster.predict(X=X)
    for lag in (0, 3):
        changed = y[59 - lag : 60 - lag].copy()
        changed["y1"] = 0.0
        other = forecaster.clone().fit(y, past, fh=[1, 4])
        known = None if X is None else X[59 - lag : 60 - lag]
        other.update(changed, known, update_params=False)
        lost = (forecast - other.predict(X=X)).to_numpy().ravel()
        assert_allclose(shares["y1", lag], lost, atol=1e-10)
    if driven:
        without = X.copy()
        without.iloc[62, 0] = 0.0
        lost = (forecast - forecaster.predict(X=without)).to_numpy().ravel()
        assert_allclose(shares["a", -3], lost, atol=1e-10)
        assert_allclose(lost[:2], 0.0)


@pytest.mark.parametrize("pooling", ["local", "global"])
def test_panels(pooling):
    y = pd.concat({"b": walk(40, seed=2), "a": walk(50, seed=1)}, names=["series", "time"])
    forecaster = LagForecaster(GIVEN, 4, pooling=pooling).fit(y)
    shares, forecast = forecaster.explain([1, 3]), forecaster.predict([1, 3])
    assert shares.index.names == ["series", "time", "column"]
    assert shares.index.droplevel("column").equals(forecast.index)
    assert_allclose(shares.sum(axis=1), forecast["y0"], rtol=1e-12)


def test_values_that_stand_in_for_missing_ones():
    y = walk(60)
    y.iloc[58] = np.nan
    forecaster = LagForecaster(GIVEN, 4).fit(y)
    shares = forecaster.explain([1, 2])
    assert_allclose(shares.sum(axis=1), forecaster.predict([1, 2])["y0"], rtol=1e-12)


def test_a_recursion_that_was_changed():
    months = np.arange(96)
    surge = np.where(months > 86, 1.5 ** (months - 86.0), 0.0)
    y = pd.Series(surge + np.sin(2 * np.pi * months / 12))
    forecaster = LagForecaster(NTKConvRegressor(0.9, alpha=1e-9), 4).fit(y)
    assert len(forecaster.stabilized_)
    shares = forecaster.explain([1, 50])
    assert_allclose(shares.sum(axis=1), forecaster.predict([1, 50]), rtol=1e-9)


def test_only_times_after_the_cutoff():
    with pytest.raises(ValueError, match="fh must be after the cutoff"):
        LagForecaster(GIVEN, 4).fit(walk(40)).explain([0, 1])
