"""What a forecaster cannot use is an error that says what was needed, or a gap."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge
from sktime.forecasting.base import ForecastingHorizon

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn.forecasting import AutoLagForecaster, LagForecaster

ESTIMATORS = [
    LinearRNNRegressor(8, max_iter=10),
    None,
    WeightedConv1DRegressor(max_iter=10),
]
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
DAYS = pd.date_range("2000-01-01", periods=40, freq="D")


def noise(index=DAYS, seed=0):
    return pd.Series(np.random.default_rng(seed).normal(size=len(index)), index, name="y")


def inputs(n_timesteps=40):
    index = pd.date_range("2000-01-01", periods=n_timesteps, freq="D")
    values = np.random.default_rng(1).normal(size=(n_timesteps, 2))
    return pd.DataFrame(values, index, ["rain", "wind"])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (DAYS[::-1], "monotonic|order"),
        (DAYS[:39].append(DAYS[38:39]), "2000-02-08 00:00:00 comes twice"),
        (DAYS.delete(7).append(DAYS[-1:] + DAYS.freq), "equidistant|no frequency fits"),
        (pd.Index([*range(39), 50]), "must have equidistant times, but 39 is missing"),
        (pd.PeriodIndex(DAYS, freq="D").delete(7), "2000-01-08 is missing"),
    ],
    ids=["unsorted", "duplicated", "irregular days", "irregular numbers", "irregular periods"],
)
@pytest.mark.parametrize(
    "forecaster", [LagForecaster(n_lags=4), LagForecaster(n_lags=4, strategy="direct")]
)
def test_times_must_be_in_order_and_equidistant(index, message, forecaster):
    with pytest.raises((ValueError, TypeError), match=message):
        forecaster.clone().fit(noise(index), fh=1)


@every_estimator
@pytest.mark.parametrize("pooling", ["local", "global"])
def test_a_series_shorter_than_window_and_horizon(estimator, pooling):
    forecaster = LagForecaster(estimator, 12, pooling=pooling, strategy="direct")
    message = "y must have 16 observed steps in a row, two windows of n_lags=12 with"
    with pytest.raises(ValueError, match=message):
        forecaster.fit(noise()[:15], fh=[1, 3])
    assert np.isfinite(forecaster.fit(noise()[:16], fh=[1, 3]).predict()).all()


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_a_future_that_is_needed_and_missing(strategy):
    X = inputs()
    forecaster = LagForecaster(n_lags=4, strategy=strategy).fit(noise()[:30], X[:30], fh=[1, 3])
    with pytest.raises(
        ValueError, match=r"X is missing: forecasts of 2000-02-02 .* from 2000-01-31"
    ):
        forecaster.predict()
    with pytest.raises(ValueError, match="are missing at 2000-02-02"):
        forecaster.predict(X=X[:32])
    gap = X.copy()
    gap.loc["2000-02-01", "wind"] = np.nan
    with pytest.raises(ValueError, match=r"\['wind'\] are missing at 2000-02-01"):
        forecaster.predict(X=gap)
    with pytest.raises(ValueError, match=r"X must have the columns of fit, \['rain', 'wind'\]"):
        forecaster.predict(X=X[["rain"]])
    with pytest.raises(ValueError, match="'sun'"):
        forecaster.predict(X=X.assign(sun=1.0))
    assert np.isfinite(forecaster.predict(X=X[["wind", "rain"]])).all()


def test_the_past_needs_no_future():
    X = inputs()
    forecaster = LagForecaster(n_lags=4).fit(noise(), X, fh=[-2, 0])
    assert np.isfinite(forecaster.predict()).all()


def test_columns_and_times_of_an_update():
    X = inputs()
    forecaster = LagForecaster(n_lags=4).fit(noise()[:30].to_frame(), X[:30], fh=1)
    with pytest.raises(ValueError, match="X is missing"):
        forecaster.clone().fit(noise()[:30], X[:30], fh=1).update(noise()[30:])
    with pytest.raises(ValueError, match=r"y must have the columns of fit, \['y'\]"):
        forecaster.clone().fit(noise()[:30], X[:30], fh=1).update(noise()[30:].rename("z"), X)
    without = LagForecaster(n_lags=4).fit(noise()[:30], fh=1)
    with pytest.raises(ValueError, match="fitted without X"):
        without.update(noise()[30:], X)
    shifted = noise()[30:]
    shifted.index += pd.Timedelta("1h")
    with pytest.raises(ValueError, match="must go on at the step of the series"):
        LagForecaster(n_lags=4).fit(noise()[:30], fh=1).update(shifted)


def test_inputs_must_cover_the_series():
    y, X = noise(), inputs(30)
    with pytest.raises(ValueError, match=r"indices .* are not contained"):
        LagForecaster(n_lags=4).fit(y, X, fh=1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"strategy": "dirrec"}, "strategy must be one of"),
        ({"normalize": "first"}, "normalize must be one of"),
        ({"pooling": "panel"}, "pooling must be one of"),
        ({"intervals": "bayes"}, "intervals must be one of"),
        ({"n_lags": 0}, "n_lags must be 'auto' or an int of at least 1"),
        ({"n_lags": 2.5}, "n_lags must be 'auto' or an int of at least 1"),
        ({"calibration_fraction": 1.0}, "calibration_fraction must be a share between 0 and 1"),
    ],
    ids=str,
)
@every_estimator
def test_parameters_of_the_forecaster(estimator, parameters, message):
    with pytest.raises(ValueError, match=message):
        LagForecaster(estimator, **parameters)


def test_parameters_of_the_estimator():
    with pytest.raises(ValueError, match="nu_w"):
        LagForecaster(NTKConvRegressor(-1.0), 4).fit(noise(), fh=1)


WRONG_LAYOUTS = [
    *(
        (type(estimator)(**{name: value}), name)
        for estimator in (LinearRNNRegressor(), NTKConvRegressor(), NTKConvRegressorCV())
        for name, value in {
            "n_lags": 3,
            "rows": "timesteps",
            "layout": "nct",
            "lag_order": "newest_first",
            "n_channels": 2,
        }.items()
    ),
    (NTKConvRegressorCV(cv=5), "cv"),
    (NTKConvRegressorCV(scoring="neg_root_mean_squared_error"), "scoring"),
]


@pytest.mark.parametrize(("estimator", "name"), WRONG_LAYOUTS, ids=repr)
def test_parameters_that_the_forecaster_settles(estimator, name):
    with pytest.raises(ValueError, match=rf"{name}.* of estimator must be .*LagForecaster"):
        LagForecaster(estimator)
    forecaster = LagForecaster(type(estimator)()).set_params(
        **{f"estimator__{name}": getattr(estimator, name)}
    )
    with pytest.raises(ValueError, match=rf"{name}.* of estimator must be .*LagForecaster"):
        forecaster.fit(noise(), fh=1)


@pytest.mark.parametrize("estimator", [Ridge(), NTKConvRegressor, "NTKConvRegressor"], ids=repr)
def test_the_estimator_must_be_a_regressor_of_the_package(estimator):
    with pytest.raises(TypeError, match="estimator must be a regressor of sklearn_linrnn, but got"):
        LagForecaster(estimator)


def test_an_estimator_that_needs_rows_says_so():
    with pytest.raises(ValueError, match="early_stopping=True needs the rows"):
        LagForecaster(WeightedConv1DRegressor(early_stopping=True), 4).fit(noise(), fh=1)


def test_infinity_is_no_gap():
    y = noise()
    y.iloc[5] = np.inf
    with pytest.raises(ValueError, match=r"finite|infinit"):
        LagForecaster(n_lags=4).fit(y, fh=1)


def test_horizons_that_were_not_learned():
    y = noise()
    forecaster = LagForecaster(NTKConvRegressor(0.5, alpha=1.0), 4, strategy="direct")
    direct = forecaster.clone().fit(y[:30], fh=[2])
    with pytest.raises(ValueError, match=r"asks for \[1\] steps ahead"):
        direct.predict_rolling(y, fh=[1])
    assert direct.predict_rolling(y).shape == (37, 1, 1)
    absolute = ForecastingHorizon(y.index[[32]], is_relative=False)
    moved = forecaster.clone().fit(y[:30], fh=absolute).update(y[30:31])
    with pytest.raises(ValueError, match=r"asks for \[2\] steps ahead, .* fitted for \[3\]"):
        moved.predict()
    with pytest.raises(ValueError, match="fh must be relative"):
        LagForecaster(n_lags=4).fit(y).predict_rolling(y, fh=[0])


def test_rolling_forecasts_need_one_model():
    y = pd.concat({"a": noise(), "b": noise(seed=1)}, names=["series", "time"]).to_frame()
    forecaster = LagForecaster(n_lags=4).fit(y, fh=1)
    with pytest.raises(ValueError, match="predict_rolling needs one model"):
        forecaster.predict_rolling(noise())


def test_inputs_that_were_never_seen():
    forecaster = LagForecaster(n_lags=4).fit(noise()[:30], fh=1)
    with pytest.raises(ValueError, match="fitted without X"):
        forecaster.predict(X=inputs()[30:])


def test_learning_before_needs_the_same_horizon_and_columns():
    y = pd.concat({"a": noise(), "b": noise(seed=1)}, names=["series", "time"]).to_frame()
    with pytest.raises(ValueError, match="fh must be passed to pretrain"):
        LagForecaster(n_lags=4, strategy="direct").pretrain(y)
    forecaster = LagForecaster(n_lags=4, strategy="direct").pretrain(y, fh=[1, 2])
    with pytest.raises(ValueError, match="fh must be that of pretrain"):
        forecaster.clone().fit(noise(), fh=[1, 3])
    with pytest.raises(ValueError, match="as many columns as in pretrain"):
        forecaster.clone().fit(noise().to_frame().assign(z=1.0), fh=[1, 2])


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_windows_that_touch_a_gap_are_left_out(n_columns, strategy):
    n_lags, horizons = 4, [1, 2]
    values = np.random.default_rng(0).normal(size=(60, n_columns))
    y = pd.DataFrame(values, columns=[f"y{c}" for c in range(n_columns)])
    gappy = y.copy()
    gappy.iloc[[20, 33]] = np.nan
    forecaster = LagForecaster(
        NTKConvRegressor(0.5, "auto", "auto", alpha="auto"),
        n_lags,
        joint=True,
        strategy=strategy,
        pooling="global",
    )
    pieces = pd.concat({"a": y[:20], "b": y[21:33], "c": y[34:]}, names=["part", "time"])
    expected = forecaster.clone().fit(pieces, fh=horizons).predict().loc["c"]
    found = forecaster.clone().fit(gappy, fh=horizons).predict()
    assert_allclose(found, expected, rtol=1e-9)


def test_gaps_of_inputs_and_of_the_future_change_nothing_before():
    y, X = noise(), inputs()
    forecaster = LagForecaster(NTKConvRegressor(0.5), 4)
    gappy = X.copy()
    gappy.iloc[39] = np.nan
    early = forecaster.clone().fit(y[:39], X[:39], fh=[-3]).predict()
    late = forecaster.clone().fit(y, gappy, fh=[-4]).predict()
    assert_allclose(late, early, rtol=1e-9)


def test_the_newest_window_carries_the_last_value_across_a_gap():
    y = noise()
    y.iloc[-2:] = np.nan
    carried = y.ffill()
    forecaster = LagForecaster(NTKConvRegressor(0.5, "auto", "auto", alpha=1.0), 4).fit(
        y, fh=[1, 2]
    )
    expected = forecaster.predict_rolling(carried)[-1, :, 0]
    assert_allclose(forecaster.predict(), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 2)])
@pytest.mark.parametrize("forecaster", [LagForecaster(n_lags=2), AutoLagForecaster()], ids=repr)
def test_an_array_of_objects_is_one_of_numbers_or_an_error(forecaster, shape):
    numbers = np.random.default_rng(0).normal(size=shape)
    found = forecaster.clone().fit(numbers.astype(object), fh=[1, 2]).predict()
    assert_allclose(found, forecaster.clone().fit(numbers, fh=[1, 2]).predict())
    for other in ("a", 1j):
        with pytest.raises(TypeError, match="real numbers, but got an array of objects"):
            forecaster.clone().fit(np.full(shape, other, dtype=object), fh=[1, 2])
