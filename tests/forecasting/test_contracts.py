"""sktime's whole contract, for all sets of test parameters."""

import warnings

import numpy as np
import pytest
from sktime.datasets import load_airline
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.split import ExpandingWindowSplitter
from sktime.transformations.detrend import Deseasonalizer
from sktime.utils.estimator_checks import check_estimator

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn.forecasting import LagForecaster

PARAMETERS = LagForecaster.get_test_params()
WHOLE, OTHER_REGRESSORS = PARAMETERS[:3], PARAMETERS[3:]  # a series, many as one, columns as one
# Checks of indices and horizons, which are the forecaster's and not the regressor's: half of all.
OF_TIMES = [
    "test_predict_time_index",
    "test_predict_time_index_with_X",
    "test_predict_time_index_in_sample_full",
    "test_update_predict_predicted_index",
]


def check(parameters, **options):
    """Return the results of sktime's checks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sktime's own calls of pandas
        return check_estimator(LagForecaster(**parameters), verbose=False, **options)


@pytest.mark.parametrize(
    "parameters",
    [*WHOLE, *(pytest.param(each, marks=pytest.mark.slow) for each in OTHER_REGRESSORS)],
    ids=lambda p: repr(p.get("estimator")),
)
def test_sktime_accepts_the_forecaster(parameters):
    results = check(parameters)
    assert len(results) > 350
    assert set(results.values()) == {"PASSED"}


@pytest.mark.parametrize("parameters", OTHER_REGRESSORS, ids=lambda p: repr(p["estimator"]))
def test_sktime_accepts_the_forecaster_with_any_regressor(parameters):
    results = check(parameters, tests_to_exclude=OF_TIMES)
    assert len(results) > 180
    assert set(results.values()) == {"PASSED"}


def test_sktime_checks_the_forecaster_with_every_regressor():
    checked = {type(one["estimator"]) for one in PARAMETERS if "estimator" in one}
    assert checked == {
        LinearRNNRegressor,
        NTKConvRegressor,
        NTKConvRegressorCV,
        WeightedConv1DRegressor,
    }


def test_hyperparameters_are_reached_by_grid_search():
    y = np.log(load_airline())
    search = ForecastingGridSearchCV(
        LagForecaster(NTKConvRegressor("auto", "auto", "auto", alpha="auto"), 24),
        ExpandingWindowSplitter(fh=range(1, 7), initial_window=100, step_length=12),
        {"estimator__nu_w": [0.1, 0.9], "normalize": [None, "last"]},
    )
    search.set_config(remember_data=False)
    search.fit(y, fh=range(1, 7))
    assert len(search.cv_results_) == 4
    assert search.best_forecaster_.estimator.nu_w == search.best_params_["estimator__nu_w"]
    assert np.abs(search.predict() - y.iloc[-1]).max() < 1


def test_parameters_of_the_estimator_are_the_forecasters():
    forecaster = LagForecaster(LinearRNNRegressor(10), 3)
    assert forecaster.get_params()["estimator__n_hidden"] == 10
    other = forecaster.clone().set_params(estimator__n_hidden=5, n_lags=4)
    assert (other.estimator.n_hidden, other.n_lags) == (5, 4)
    assert (forecaster.estimator.n_hidden, forecaster.n_lags) == (10, 3)


def test_a_fit_leaves_the_estimator_as_it_was():
    estimator = NTKConvRegressor(0.5)
    before = set(vars(estimator))
    forecaster = LagForecaster(estimator).fit(np.log(load_airline()), fh=1)
    assert forecaster.estimator is estimator
    assert set(vars(estimator)) == before
    assert estimator.n_lags is None


def test_seasons_are_left_to_transformers():
    y = np.log(load_airline())
    pipeline = Deseasonalizer(sp=12) * LagForecaster()
    pipeline.set_config(remember_data=False)
    found = pipeline.fit(y[:-12]).predict(fh=range(1, 13))
    assert np.abs(found - y[-12:]).mean() < 0.1
