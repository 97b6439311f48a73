"""Forecasters take the parameters of their estimators, by their own names and defaults."""

from inspect import signature

import pytest

from sklearn_linrnn import LinearRNNRegressor, WeightedConv1DRegressor
from sklearn_linrnn.forecasting import LinearRNNForecaster, WeightedConv1DForecaster

OF_THE_DATA = {"rows", "layout", "lag_order", "n_channels", "n_lags"}
NEED_ROWS = {
    "early_stopping",
    "validation_fraction",
    "validation_split",
    "n_iter_no_change",
    "warm_start",
    "max_time",
}


@pytest.mark.parametrize(
    ("forecaster", "estimator"),
    [
        (WeightedConv1DForecaster, WeightedConv1DRegressor),
        (LinearRNNForecaster, LinearRNNRegressor),
    ],
)
def test_parameters_of_training_are_the_estimators(forecaster, estimator):
    ours, theirs = signature(forecaster).parameters, signature(estimator).parameters
    left_out = OF_THE_DATA | NEED_ROWS
    if estimator is WeightedConv1DRegressor:
        left_out |= {"random_state"}  # of the held-out rows
    expected = {name: one.default for name, one in theirs.items() if name not in left_out}
    assert {name: ours[name].default for name in expected} == expected
    assert not (OF_THE_DATA - {"n_lags"} | NEED_ROWS) & set(ours)
