"""sktime's whole contract for the automatic forecaster."""

import warnings

import pytest
from sktime.utils.estimator_checks import check_estimator

from sklearn_linrnn.forecasting import AutoLagForecaster

FIRST, *OTHERS = AutoLagForecaster.get_test_params()  # each takes most of a minute
SLOW = [pytest.param(parameters, marks=pytest.mark.slow) for parameters in OTHERS]


@pytest.mark.parametrize("parameters", [FIRST, *SLOW], ids=str)
def test_sktime_accepts_the_automatic_forecaster(parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sktime's own calls of pandas
        results = check_estimator(AutoLagForecaster(**parameters), verbose=False)
    assert len(results) > 300
    assert set(results.values()) == {"PASSED"}
