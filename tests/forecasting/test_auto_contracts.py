"""sktime's whole contract for the automatic forecaster."""

import warnings

import pytest
from sktime.utils.estimator_checks import check_estimator

from sklearn_linrnn.forecasting import AutoLagForecaster

# Candidates without a season are fewer; the others take most of a minute each.
QUICK = {"sp": 1}
SLOW = [
    pytest.param(parameters, marks=pytest.mark.slow)
    for parameters in AutoLagForecaster.get_test_params()
]


@pytest.mark.parametrize("parameters", [QUICK, *SLOW], ids=str)
def test_sktime_accepts_the_automatic_forecaster(parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sktime's own calls of pandas
        results = check_estimator(AutoLagForecaster(**parameters), verbose=False)
    assert len(results) > 300
    assert set(results.values()) == {"PASSED"}
