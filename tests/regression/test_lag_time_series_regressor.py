"""The facade: sktime's contract, and the same answers as the estimators that it wraps."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sktime.datasets import load_airline, load_longley
from sktime.forecasting.compose import make_reduction
from sktime.utils.estimator_checks import check_estimator

from sklearn_linrnn import (
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn.regression import LagTimeSeriesRegressor

WINDOW = 12
ESTIMATORS = [
    NTKConvRegressor(0.3, alpha=0.1),
    NTKConvRegressorCV([0.3, 0.6], alphas=[0.1, 1.0], cv="gcv"),
    WeightedConv1DRegressor(nu_w=0.3, max_iter=50),
    LinearRNNRegressor(15, nu_w=0.3, max_iter=50, random_state=0),
    LRURegressor(15, max_iter=50, random_state=0),
]
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)


@pytest.fixture(scope="module")
def airline():
    return np.log(load_airline()).diff().dropna()


@pytest.fixture(scope="module")
def panel():
    """Return instances (n_instances, n_channels, n_timesteps) and two targets for each."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3, 5))
    return X, np.column_stack([X[:, 0, -1] - X[:, 2, 1], X[:, 1, 2]]) + rng.normal(size=(40, 2))


def forecast(estimator, y, fh=(1, 2, 3, 4), X=None, X_future=None, **reduction):
    forecaster = make_reduction(estimator, **{"window_length": WINDOW, **reduction})
    return forecaster.fit(y, X=X, fh=list(fh)).predict(X=X_future).to_numpy()


def test_sktimes_contract_holds():
    results = check_estimator(LagTimeSeriesRegressor, raise_exceptions=True, verbose=False)
    assert len(results) > 100
    assert set(results.values()) == {"PASSED"}


@every_estimator
def test_parameters_of_the_estimator_are_the_facades(estimator, panel):
    facade = LagTimeSeriesRegressor(estimator).clone()
    X, y = panel
    fitted = facade.set_params(estimator__fit_intercept=False, estimator__n_lags=3).fit(X, y[:, 0])
    expected = {**estimator.get_params(), "fit_intercept": False, "n_lags": 3}
    expected |= {"layout": "nct", "n_channels": 3}
    assert fitted.estimator_.get_params() == expected
    assert fitted.estimator_.impulse_response_.shape == (1, 3, 3)
    assert estimator.n_lags is None


@every_estimator
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_predictions_are_those_of_windows_that_run_through_time(estimator, n_outputs, panel):
    X, y = panel
    y = y[:, 0] if n_outputs == 1 else y
    found = LagTimeSeriesRegressor(estimator).fit(X, y).predict(X)
    windows = X.swapaxes(1, 2)
    assert_array_equal(found, clone(estimator).fit(windows, y).predict(windows))


def test_as_many_targets_as_time_steps_belong_to_the_last_step(panel):
    X, y = panel
    five = np.column_stack([y, y, y[:, :1]])  # of five time steps
    found = LagTimeSeriesRegressor(ESTIMATORS[0]).fit(X, five).predict(X)
    right = LagTimeSeriesRegressor(ESTIMATORS[0]).fit(X, y).predict(X)
    assert_allclose(found, np.column_stack([right, right, right[:, :1]]), rtol=1e-10)


def test_targets_come_back_in_the_container_that_they_came_in(panel):
    X, y = panel
    names = pd.DataFrame(y, columns=["left", "right"])
    found = LagTimeSeriesRegressor().fit(X, names).predict(X)
    assert list(found.columns) == ["left", "right"]
    assert_allclose(found, LagTimeSeriesRegressor().fit(X, y).predict(X))


def test_a_frame_of_instances_is_read_by_its_index(panel):
    X, y = panel
    index = pd.MultiIndex.from_product([range(40), range(5)], names=["instance", "time"])
    frame = pd.DataFrame(X.swapaxes(1, 2).reshape(-1, 3), index=index, columns=["a", "b", "c"])
    found = LagTimeSeriesRegressor().fit(frame, y[:, 0]).predict(frame)
    assert_allclose(found, LagTimeSeriesRegressor().fit(X, y[:, 0]).predict(X))


@every_estimator
@pytest.mark.parametrize("strategy", ["recursive", "direct", "multioutput"])
def test_reductions_of_one_series_are_those_of_the_estimator(estimator, strategy, airline):
    found = forecast(LagTimeSeriesRegressor(estimator), airline, strategy=strategy)
    expected = forecast(clone(estimator), airline, strategy=strategy)
    assert_allclose(found, expected, rtol=1e-9)


@every_estimator
def test_the_newest_step_of_a_reduction_is_lag_zero(estimator, airline):
    forecaster = make_reduction(
        LagTimeSeriesRegressor(estimator), window_length=WINDOW, strategy="direct"
    )
    forecaster.fit(airline, fh=[1])
    windows = np.lib.stride_tricks.sliding_window_view(airline.to_numpy(), WINDOW)
    by_hand = clone(estimator).fit(windows[:-1], airline.to_numpy()[WINDOW:])
    assert_allclose(forecaster.predict(), by_hand.predict(windows[-1:]), rtol=1e-9)


def test_exogenous_series_are_channels_without_being_told():
    y, X = load_longley()
    y, X = y / y.mean(), X / X.mean()
    past, future = {"y": y[:-1], "X": X[:-1]}, {"X_future": X[-1:]}
    options = {"fh": [1], "window_length": 3, "strategy": "recursive", **past, **future}
    found = forecast(LagTimeSeriesRegressor(NTKConvRegressor(0.3, alpha=0.1)), **options)
    told = NTKConvRegressor(0.3, alpha=0.1, layout="nct", n_channels=1 + X.shape[1])
    assert_allclose(found, forecast(told, **options), rtol=1e-9)


def test_a_panel_of_series_is_reduced_as_the_estimator_reduces_it():
    # Of the strategies, sktime reduces time series regressors with global pooling by this one only.
    index = pd.MultiIndex.from_product([["a", "b"], range(40)], names=["series", "time"])
    values = np.random.default_rng(0).normal(size=(2, 40)).cumsum(axis=1)
    y = pd.DataFrame({"y": values.ravel()}, index=index)
    options = {"fh": [1, 2], "window_length": 5, "strategy": "multioutput", "pooling": "global"}
    found = forecast(LagTimeSeriesRegressor(NTKConvRegressor(0.3)), y, **options)
    assert_allclose(found, forecast(NTKConvRegressor(0.3), y, **options), rtol=1e-9)


def test_a_wrong_parameter_is_named(panel):
    with pytest.raises(ValueError, match="'nu_w' parameter of NTKConvRegressor"):
        LagTimeSeriesRegressor(NTKConvRegressor(nu_w=-1.0)).fit(panel[0], panel[1][:, 0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", "timesteps"),
        ("layout", "nct"),
        ("lag_order", "newest_first"),
        ("n_channels", 2),
    ],
)
def test_the_container_says_how_windows_are_read(name, value, panel):
    message = (
        f"{name} of estimator must be left at .*: LagTimeSeriesRegressor reads sktime's panels"
    )
    with pytest.raises(ValueError, match=message):
        LagTimeSeriesRegressor(NTKConvRegressor(**{name: value}))
    facade = LagTimeSeriesRegressor(NTKConvRegressor()).set_params(**{f"estimator__{name}": value})
    with pytest.raises(ValueError, match=message):
        facade.fit(panel[0], panel[1][:, 0])


def test_importing_the_package_loads_neither_torch_nor_sktime():
    code = (
        "import sys, sklearn_linrnn.regression as package\n"
        "print(dir(package), {'torch', 'sktime', 'sklearn'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "LagTimeSeriesRegressor" in done.stdout
    assert done.stdout.endswith("set()\n")


def test_complex_targets_are_an_error():
    X = np.random.default_rng(0).normal(size=(8, 1, 3))
    with pytest.raises(ValueError, match="y must hold real numbers, but got complex128"):
        LagTimeSeriesRegressor().fit(X, X[:, 0, 0] + 1j)
