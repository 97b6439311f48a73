"""Native use in sktime: both poolings read the same windows, whatever order they come in."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sktime.benchmarking.forecasting import ForecastingBenchmark
from sktime.datasets import load_airline, load_longley
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.naive import NaiveForecaster
from sktime.performance_metrics.forecasting import MeanAbsolutePercentageError
from sktime.split import ExpandingWindowSplitter

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, WeightedConv1DRegressor

WINDOW = 12
ESTIMATORS = [
    NTKConvRegressor(0.3, alpha=0.1),
    WeightedConv1DRegressor(nu_w=0.3, max_iter=50),
    LinearRNNRegressor(15, nu_w=0.3, max_iter=50, random_state=0),
]
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)


@pytest.fixture(scope="module")
def airline():
    return np.log(load_airline()).diff().dropna()[:-WINDOW]


def forecast(estimator, y, steps=6, **reduction):
    forecaster = make_reduction(estimator, window_length=WINDOW, **reduction)
    return forecaster.fit(y, fh=range(1, steps + 1)).predict().to_numpy()


def forecast_by_hand(y, steps, estimator):
    """Return recursive forecasts from windows cut here, oldest time step first."""
    values = list(y)
    windows = np.array([values[t - WINDOW : t] for t in range(WINDOW, len(values))])
    model = estimator.fit(windows, np.array(values[WINDOW:]))
    for _ in range(steps):
        values.append(model.predict([values[-WINDOW:]])[0])
    return np.array(values[-steps:])


@every_estimator
@pytest.mark.parametrize("pooling", ["local", "global"])
def test_recursive_forecasts_are_those_of_the_windows(estimator, pooling, airline):
    found = forecast(estimator, airline, strategy="recursive", pooling=pooling)
    assert_allclose(found, forecast_by_hand(airline, 6, estimator), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("pooling", "wrong"), [("local", "newest_first"), ("global", "oldest_first")]
)
def test_windows_read_backwards_are_refused(pooling, wrong, airline):
    estimator = NTKConvRegressor(0.3, alpha=0.1, lag_order=wrong)
    with pytest.raises(ValueError, match=f"lag_order='{wrong}' reads windows as {wrong}, but"):
        forecast(estimator, airline, strategy="recursive", pooling=pooling)


@every_estimator
def test_direct_forecasts_agree_one_step_ahead_where_windows_are_the_same(estimator, airline):
    found = [
        forecast(estimator, airline, 1, strategy="direct", pooling=pooling)
        for pooling in ("local", "global")
    ]
    assert_allclose(found[0], found[1], rtol=1e-7, atol=1e-9)
    assert_allclose(found[0], forecast_by_hand(airline, 1, estimator), rtol=1e-7, atol=1e-9)


def test_direct_forecasts_are_one_model_for_each_step_ahead(airline):
    steps = 4
    found = forecast(ESTIMATORS[0], airline, steps, strategy="direct", windows_identical=False)
    values = airline.to_numpy()
    for ahead, one in enumerate(found):
        ends = range(WINDOW, len(values) - ahead)
        windows = np.array([values[t - WINDOW : t] for t in ends])
        model = NTKConvRegressor(0.3, alpha=0.1).fit(windows, values[WINDOW + ahead :])
        assert_allclose(one, model.predict([values[-WINDOW:]])[0], rtol=1e-8)


def test_several_steps_ahead_at_once_are_several_outputs(airline):
    found = forecast(ESTIMATORS[0], airline, 4, strategy="multioutput")
    direct = forecast(ESTIMATORS[0], airline, 4, strategy="direct", windows_identical=True)
    assert_allclose(found, direct, rtol=1e-8)


def test_a_time_series_regressors_windows_are_read_with_layout_nct(airline):
    estimator = NTKConvRegressor(0.3, alpha=0.1, layout="nct")
    found = forecast(estimator, airline, strategy="recursive", scitype="time-series-regressor")
    right = forecast_by_hand(airline, 6, NTKConvRegressor(0.3, alpha=0.1))
    assert_allclose(found, right, rtol=1e-8)


@pytest.mark.parametrize("scitype", ["tabular-regressor", "time-series-regressor"])
def test_exogenous_channels_are_read_with_layout_nct(scitype):
    y, X = load_longley()
    y, X = y / y.mean(), X / X.mean()
    n_channels, window = 1 + X.shape[1], 3
    estimator = NTKConvRegressor(0.3, alpha=0.1, layout="nct", n_channels=n_channels)
    forecaster = make_reduction(
        estimator, window_length=window, strategy="recursive", scitype=scitype
    )
    found = forecaster.fit(y[:-1], X=X[:-1], fh=[1]).predict(X=X[-1:]).to_numpy()
    panel = np.column_stack([y, X])[:-1]
    windows = np.array([panel[t - window : t] for t in range(window, len(panel))])
    by_hand = NTKConvRegressor(0.3, alpha=0.1).fit(windows, panel[window:, 0])
    assert_allclose(found, by_hand.predict(panel[None, -window:]), rtol=1e-8)


def test_global_pooling_joins_exogenous_columns_as_unlagged_inputs():
    y, X = load_longley()
    y, X = y / y.mean(), X / X.mean()
    window = 3
    forecaster = make_reduction(
        NTKConvRegressor(0.3, alpha=0.1),
        window_length=window,
        strategy="recursive",
        pooling="global",
    )
    found = forecaster.fit(y[:-1], X=X[:-1], fh=[1]).predict(X=X[-1:]).to_numpy()
    past = np.array([y[t - window : t] for t in range(window, len(y))])
    silent = np.zeros((len(past), window, X.shape[1]))
    silent[:, -1] = X[window:]
    windows = np.concatenate([past[:, :, None], silent], axis=2)
    by_hand = NTKConvRegressor(0.3, alpha=0.1).fit(windows[:-1], y[window:-1])
    assert_allclose(found, by_hand.predict(windows[-1:]), rtol=1e-8)


def test_a_panel_of_series_is_forecast_by_one_model():
    index = pd.MultiIndex.from_product([["a", "b"], range(40)], names=["series", "time"])
    values = np.random.default_rng(0).normal(size=(2, 40)).cumsum(axis=1)
    y = pd.DataFrame({"y": values.ravel()}, index=index)
    forecaster = make_reduction(
        NTKConvRegressor(0.3), window_length=5, strategy="recursive", pooling="global"
    )
    found = forecaster.fit(y, fh=[1]).predict()
    windows = np.concatenate([np.lib.stride_tricks.sliding_window_view(v[:-1], 5) for v in values])
    by_hand = NTKConvRegressor(0.3).fit(windows, values[:, 5:].ravel())
    assert_allclose(found["y"], by_hand.predict(values[:, -5:]), rtol=1e-8)


def test_a_benchmark_runs_to_its_end(tmp_path):
    benchmark = ForecastingBenchmark()
    benchmark.add_estimator(make_reduction(NTKConvRegressor(), window_length=WINDOW), "linrnn")
    benchmark.add_estimator(NaiveForecaster(), "naive")
    benchmark.add_task(
        load_airline,
        ExpandingWindowSplitter(initial_window=96, step_length=12, fh=range(1, 7)),
        [MeanAbsolutePercentageError()],
        task_id="airline",
    )
    frame = benchmark.run(str(tmp_path / "results.csv"))
    assert (tmp_path / "results.csv").is_file()
    error = frame.set_index("model_id")["MeanAbsolutePercentageError_mean"].astype(float)
    assert 0 < error["linrnn"] < error["naive"]
