"""sktime's whole contract, for all sets of test parameters."""

import warnings

import numpy as np
import pytest
from sktime.datasets import load_airline
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.split import ExpandingWindowSplitter
from sktime.transformations.detrend import Deseasonalizer
from sktime.utils.estimator_checks import check_estimator

from sklearn_linrnn import forecasting
from sklearn_linrnn.forecasting import NTKConvForecaster


@pytest.mark.parametrize("name", sorted(forecasting.__all__))
def test_sktime_accepts_the_forecaster(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sktime's own calls of pandas
        results = check_estimator(getattr(forecasting, name), verbose=False)
    assert len(results) > 700
    assert set(results.values()) == {"PASSED"}


def test_hyperparameters_are_reached_by_grid_search():
    y = np.log(load_airline())
    search = ForecastingGridSearchCV(
        NTKConvForecaster(24),
        ExpandingWindowSplitter(fh=range(1, 7), initial_window=100, step_length=12),
        {"nu_w": [0.1, 0.9], "normalize": [None, "last"]},
    )
    search.set_config(remember_data=False)
    search.fit(y, fh=range(1, 7))
    assert len(search.cv_results_) == 4
    assert np.abs(search.predict() - y.iloc[-1]).max() < 1


def test_seasons_are_left_to_transformers():
    y = np.log(load_airline())
    pipeline = Deseasonalizer(sp=12) * NTKConvForecaster()
    pipeline.set_config(remember_data=False)
    found = pipeline.fit(y[:-12]).predict(fh=range(1, 13))
    assert np.abs(found - y[-12:]).mean() < 0.1
