"""Forecasts are those of windows that are cut by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose
from sklearn.base import clone
from sktime.datasets import load_airline, load_longley
from sktime.forecasting.base import ForecastingHorizon

from sklearn_linrnn import (
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    WeightedConv1DRegressor,
)
from sklearn_linrnn.forecasting import LagForecaster
from sklearn_linrnn.priors import LRU

N_LAGS = 6
MEMORY = NTKConvRegressor(0.5, "auto", "auto", alpha="auto")
SHORT_MEMORY = NTKConvRegressor(0.3, "auto", "auto", alpha="auto")
PLAIN = {"strategy": "direct", "normalize": None}
ESTIMATORS = [
    NTKConvRegressor(0.3, alpha=0.1),
    NTKConvRegressor(0.3, alpha=0.1, n_steps=30),
    WeightedConv1DRegressor(nu_w=0.3, max_iter=30),
    LinearRNNRegressor(15, nu_w=0.3, max_iter=30, random_state=0),
]
PAIRS = [(LagForecaster(estimator, N_LAGS, **PLAIN), clone(estimator)) for estimator in ESTIMATORS]
every_pair = pytest.mark.parametrize(
    ("forecaster", "regressor"), PAIRS, ids=[repr(r) for _, r in PAIRS]
)
LEVELS = {
    None: lambda windows: 0.0 * windows[:, :1],
    "last": lambda windows: windows[:, -1:],
    "mean": lambda windows: windows.mean(axis=1, keepdims=True),
}


@pytest.fixture(scope="module")
def airline():
    return np.log(load_airline())[:80]


def direct_by_hand(values, horizons, regressor, normalize=None):
    """Return the forecasts of one model for all horizons, learned from windows cut here."""
    if isinstance(regressor, LinearRNNRegressor) and len(horizons) > 1:  # a network for each
        parts = [direct_by_hand(values, [h], regressor, normalize) for h in horizons]
        return np.concatenate(parts)
    furthest = max(horizons)
    windows = sliding_window_view(values, N_LAGS)
    known = windows[:-furthest]
    last = np.arange(len(known)) + N_LAGS - 1
    targets = np.stack([values[last + h] for h in horizons], axis=1)
    level = LEVELS[normalize]
    model = regressor.fit(known - level(known), targets - level(known))
    newest = windows[-1:]
    return (model.predict(newest - level(newest)) + level(newest))[0]


def recursive_by_hand(values, n_ahead, regressor, normalize=None):
    values = np.array(values)
    windows, level = sliding_window_view(values, N_LAGS)[:-1], LEVELS[normalize]
    targets = values[N_LAGS:, None]
    model = regressor.fit(windows - level(windows), targets - level(windows))
    for _ in range(n_ahead):
        newest = values[None, -N_LAGS:]
        ahead = model.predict(newest - level(newest)) + level(newest)
        values = np.append(values, ahead)
    return values[-n_ahead:]


@every_pair
@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_direct_forecasts_are_those_of_the_windows(airline, forecaster, regressor, normalize):
    horizons = [1, 3, 4]
    forecaster = forecaster.clone().set_params(normalize=normalize)
    found = forecaster.fit(airline, fh=horizons).predict()
    by_hand = direct_by_hand(airline.to_numpy(), horizons, regressor, normalize)
    assert_allclose(found, by_hand, rtol=1e-7)
    assert list(found.index) == [airline.index[-1] + h for h in horizons]


@every_pair
@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_recursive_forecasts_are_those_of_the_windows(airline, forecaster, regressor, normalize):
    forecaster = forecaster.clone().set_params(normalize=normalize, strategy="recursive")
    found = forecaster.fit(airline).predict(fh=[1, 2, 7])
    by_hand = recursive_by_hand(airline, 7, regressor, normalize)
    assert_allclose(found, by_hand[[0, 1, 6]], rtol=1e-7)


@pytest.mark.parametrize(
    "forecaster",
    [
        *(forecaster for forecaster, _ in PAIRS),
        LagForecaster(strategy="direct"),
        LagForecaster(NTKConvRegressor(0.3, alpha=0.0, n_steps="gcv"), N_LAGS, strategy="direct"),
        LagForecaster(WeightedConv1DRegressor(max_iter=10), strategy="direct"),
        LagForecaster(LinearRNNRegressor(10, max_iter=10, random_state=0), strategy="direct"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("normalize", [None, "last"])
def test_a_horizon_with_a_gap_is_part_of_the_horizon_without(airline, forecaster, normalize):
    forecaster = forecaster.clone().set_params(normalize=normalize)
    whole = forecaster.clone().fit(airline, fh=[1, 2, 3]).predict_interval()
    third = forecaster.clone().fit(airline, fh=[3]).predict_interval()
    assert_allclose(third, whole[2:], rtol=1e-9)


@pytest.mark.parametrize(
    ("estimator", "limit"),
    [
        (WeightedConv1DRegressor(nu_w=0.3, max_iter=5), {"nu_w": 0.3}),
        (LinearRNNRegressor(10, nu_w=0.3, max_iter=5, random_state=0), {"nu_w": 0.3}),
        (
            LRURegressor(10, r_max=0.9, nu_f=2.0, max_iter=5, random_state=0),
            {"prior": LRU(r_max=0.9, nu_f=2.0)},
        ),
    ],
    ids=["convolution", "network", "unit"],
)
@pytest.mark.parametrize("normalize", [None, "last"])
def test_lags_of_what_is_trained_are_those_of_its_limit(airline, estimator, limit, normalize):
    limit = LagForecaster(NTKConvRegressor(**limit, alpha="auto"), normalize=normalize).fit(airline)
    trained = LagForecaster(estimator, normalize=normalize).fit(airline)
    assert trained.n_lags_ == limit.n_lags_


@every_pair
def test_networks_alone_are_one_for_each_step_ahead(airline, forecaster, regressor):
    fitted = forecaster.clone().fit(airline, fh=[1, 3])
    shares_parameters = isinstance(regressor, LinearRNNRegressor)
    assert len(fitted.estimators_) == (2 if shares_parameters else 1)
    assert all(isinstance(one, type(regressor)) for one in fitted.estimators_)


@every_pair
@pytest.mark.parametrize("normalize", [None, "last"])
def test_direct_and_recursive_agree_at_one_step(airline, forecaster, regressor, normalize):
    direct = forecaster.clone().set_params(normalize=normalize)
    recursive = direct.clone().set_params(strategy="recursive")
    assert_allclose(
        direct.fit(airline, fh=1).predict_interval(),
        recursive.fit(airline, fh=1).predict_interval(),
        rtol=1e-10,
    )


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("normalize", [None, "mean"])
def test_joint_columns_are_inputs_of_each_other(strategy, normalize):
    y = pd.DataFrame(
        np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0), columns=["a", "b"]
    )
    options = {"strategy": strategy, "normalize": normalize, "joint": True}
    forecaster = LagForecaster(NTKConvRegressor(0.3, alpha=0.1), N_LAGS, **options)
    found = forecaster.fit(y, fh=[1, 2]).predict()
    values = y.to_numpy()
    horizons = [1] if strategy == "recursive" else [1, 2]
    windows = sliding_window_view(values, N_LAGS, axis=0).transpose(0, 2, 1)
    known = windows[: -max(horizons)]
    shift = (lambda w: w.mean(axis=1, keepdims=True)) if normalize else (lambda w: 0.0 * w[:, :1])
    ends = np.arange(len(known)) + N_LAGS - 1
    targets = np.concatenate([values[ends + h] - shift(known)[:, 0] for h in horizons], axis=1)
    model = NTKConvRegressor(0.3, alpha=0.1).fit(known - shift(known), targets)
    newest, expected = windows[-1:], []
    if strategy == "direct":
        ahead = model.predict(newest - shift(newest)).reshape(2, 2) + shift(newest)[0]
        assert_allclose(found, ahead, rtol=1e-8)
        return
    for _ in range(2):
        expected.append(model.predict(newest - shift(newest)) + shift(newest)[:, 0])
        newest = np.concatenate([newest[:, 1:], expected[-1][:, None]], axis=1)
    assert_allclose(found, np.concatenate(expected), rtol=1e-8)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_columns_that_are_not_joint_are_forecast_one_by_one(airline, strategy):
    y = pd.DataFrame({"a": airline, "b": np.square(airline)})
    forecaster = LagForecaster(strategy=strategy)
    together = forecaster.clone().fit(y, fh=[1, 5]).predict()
    for name in y:
        alone = forecaster.clone().fit(y[name], fh=[1, 5]).predict()
        assert_allclose(together[name], alone, rtol=1e-10)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_lags_of_exogenous_series_count_from_the_time_forecast(strategy):
    y, X = load_longley()
    y, X = y / y.mean(), X / X.mean()
    n_lags, horizons = 3, [1, 2]
    options = {"strategy": strategy, "normalize": None}
    forecaster = LagForecaster(NTKConvRegressor(0.3, alpha=0.1), n_lags, **options)
    found = forecaster.fit(y[:-2], X=X[:-2], fh=horizons).predict(X=X[-2:])
    values, driven = y[:-2].to_numpy(), X.to_numpy()
    path = list(values)
    for h, forecast in zip(horizons, found, strict=True):
        ahead = 1 if strategy == "recursive" else h
        origins = np.arange(n_lags - 1, len(values) - ahead)

        def window(past, t, ahead=ahead):
            aligned = driven[t + ahead - n_lags + 1 : t + ahead + 1]
            return np.column_stack([past[t - n_lags + 1 : t + 1], aligned])

        model = NTKConvRegressor(0.3, alpha=0.1)
        model.fit(np.array([window(values, t) for t in origins]), values[origins + ahead])
        newest = window(np.array(path), len(path) - 1)
        expected = model.predict(newest[None])[0]
        assert_allclose(forecast, expected, rtol=1e-8)
        if strategy == "recursive":
            path.append(expected)


@every_pair
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_in_sample_forecasts_look_one_step_ahead(airline, forecaster, regressor, strategy):
    forecaster = forecaster.clone().set_params(strategy=strategy)
    steps = np.arange(1 - len(airline), 1)
    found = forecaster.fit(airline, fh=steps).predict()
    windows = sliding_window_view(airline.to_numpy(), N_LAGS)[:-1]
    model = regressor.fit(windows, airline.to_numpy()[N_LAGS:])
    assert found[:N_LAGS].isna().all()
    assert_allclose(found[N_LAGS:], model.predict(windows), rtol=1e-8)
    assert list(found.index) == list(airline.index)


@pytest.mark.parametrize(
    "index",
    [
        pd.period_range("2000-01", periods=60, freq="M"),
        pd.date_range("2000-01-31", periods=60, freq="ME"),
        pd.date_range("2000-01-01", periods=60, freq="2h"),
        pd.RangeIndex(7, 67),
        pd.Index(range(60)),
    ],
    ids=lambda index: f"{type(index).__name__}-{getattr(index, 'freqstr', '')}",
)
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_forecasts_do_not_depend_on_the_index(index, strategy):
    values = np.random.default_rng(0).normal(size=60)
    forecaster = LagForecaster(MEMORY, 4, strategy=strategy)
    plain = forecaster.clone().fit(values[:50], fh=[-2, 1, 4]).predict()
    y = pd.Series(values, index=index)
    relative = forecaster.clone().fit(y[:50], fh=[-2, 1, 4]).predict()
    absolute = ForecastingHorizon(index[[47, 50, 53]], is_relative=False)
    same = forecaster.clone().fit(y[:50], fh=absolute).predict()
    assert_allclose(relative, np.squeeze(plain), rtol=1e-12)
    assert_allclose(same, relative, rtol=1e-12)
    assert list(relative.index) == list(index[[47, 50, 53]]) == list(same.index)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_rolling_forecasts_are_those_of_a_cutoff_that_moves(airline, strategy):
    forecaster = LagForecaster(SHORT_MEMORY, N_LAGS, strategy=strategy).fit(airline[:60], fh=[2, 5])
    rolling = forecaster.predict_rolling(airline)
    assert rolling.shape == (len(airline) - N_LAGS + 1, 2, 1)
    for end in range(60, len(airline) - 5):
        forecaster.update(airline[end : end + 1], update_params=False)
        assert_allclose(forecaster.predict(), rolling[end + 1 - N_LAGS, :, 0], rtol=1e-10)


def test_rolling_forecasts_know_the_future_of_exogenous_series():
    y, X = load_longley()
    forecaster = LagForecaster(SHORT_MEMORY, 3).fit(y[:12], X[:12])
    rolling = forecaster.predict_rolling(y[:12], X, fh=[1, 4])
    assert_allclose(rolling[-1, :, 0], forecaster.predict([1, 4], X=X[12:]), rtol=1e-10)
    unknown = forecaster.predict_rolling(y[:12], X[:12], fh=[1, 4])
    assert np.isnan(unknown[-1]).all()
    assert_allclose(unknown[:-4], rolling[:-4], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:X or y does not vary")
@pytest.mark.parametrize(
    "model", [forecaster for forecaster, _ in PAIRS], ids=lambda m: repr(m.estimator)
)
@pytest.mark.parametrize("n_lags", ["auto", 5])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_a_constant_series_stays_constant(model, n_lags, strategy):
    forecaster = model.clone().set_params(n_lags=n_lags, strategy=strategy)
    found = forecaster.fit(pd.Series(np.full(40, 3.0)), fh=[1, 6])
    assert_allclose(found.predict(), 3.0, rtol=1e-12)
    assert_allclose(found.predict_interval(), 3.0, rtol=1e-6)


@pytest.mark.parametrize("normalize", ["last", "mean"])
def test_a_level_far_from_zero_is_taken_out_of_each_series(normalize):
    index = pd.MultiIndex.from_product([["a", "b"], range(50)])
    walk = np.random.default_rng(0).normal(size=(2, 50)).cumsum(axis=1)
    forecaster = LagForecaster(MEMORY, 4, normalize=normalize, pooling="global")
    near = pd.DataFrame({"y": walk.ravel()}, index=index)
    far = pd.DataFrame({"y": (walk + np.array([[1e8], [-1e8]])).ravel()}, index=index)
    found = [forecaster.clone().fit(y, fh=[1, 3]).predict()["y"] for y in (near, far)]
    assert_allclose(found[1] - np.repeat([1e8, -1e8], 2), found[0], atol=1e-6)
