"""Arguments that are legal in form and odd: each has its right value, or an error that names it."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_linrnn import (
    LagWeighter,
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    kernel_matrix,
)
from sklearn_linrnn.forecasting import LagForecaster

rng = np.random.default_rng(0)
X, y = rng.normal(size=(30, 4)), rng.normal(size=30)


@pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor(Fraction(1, 2)),
        NTKConvRegressor(alpha=Fraction(1, 2)),
        NTKConvRegressorCV(nu_f=Fraction(1, 2), cv="gcv"),
        WeightedConv1DRegressor(nu_c=Fraction(1, 2)),
        LinearRNNRegressor(5, learning_rate=Fraction(1, 2)),
        LagWeighter(nu_w=Fraction(1, 2)),
    ],
    ids=repr,
)
def test_a_fraction_is_none_of_the_numbers_that_arrays_hold(model):
    with pytest.raises((TypeError, ValueError), match=r"(nu_\w|alpha|learning_rate).*Fraction"):
        model.fit(X, y)


@pytest.mark.parametrize("variance", [Fraction(1, 2), 10**400], ids=["fraction", "huge"])
def test_a_panel_that_is_learned_at_once_takes_no_such_number_either(variance):
    times = pd.MultiIndex.from_product([["a", "b"], range(30)])
    panel = pd.DataFrame({"y": rng.normal(size=60)}, index=times)
    forecaster = LagForecaster(NTKConvRegressor(nu_c=variance), n_lags=3)
    with pytest.raises(ValueError, match="'nu_c' parameter of NTKConvRegressor must be"):
        forecaster.fit(panel, fh=[1])


@pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor(10**400),
        NTKConvRegressor(alpha=10**400),
        NTKConvRegressorCV(alphas=[1, 10**400]),
        WeightedConv1DRegressor(nu_c=10**400),
        LagWeighter(nu_w=10**400),
        NTKConvRegressor(n_lags=10**400),
    ],
    ids=["nu_w", "alpha", "alphas", "nu_c", "transformer", "n_lags"],
)
def test_numbers_beyond_float64_are_named(model):
    with pytest.raises(ValueError, match=r"(nu_\w|alpha|n_lags).*1000"):
        model.fit(X, y)


def test_a_kernel_takes_no_fraction_either():
    with pytest.raises(TypeError, match=r"nu_w must be a number.*Fraction"):
        kernel_matrix("linear_rnn", X, nu_w=Fraction(1, 2))


@pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor(nu_f=1e300, n_steps=3),
        NTKConvRegressorCV(nu_f=1e300, cv="gcv"),
        WeightedConv1DRegressor(nu_f=1e300),
    ],
    ids=repr,
)
def test_lag_weights_that_take_the_data_out_of_range_are_named(model):
    with pytest.raises(ValueError, match=r"range of float64.*nu_f"):
        model.fit(1e6 * X, y)


def test_a_short_float_decays_weights_like_a_long_one():
    short, long = (
        WeightedConv1DRegressor(weight_decay=decay, max_iter=5).fit(X, y).impulse_response_
        for decay in (np.float32(0.25), 0.25)
    )
    assert_array_equal(short, long)


@pytest.mark.parametrize(
    ("inputs", "variance"),
    [
        (X.astype(np.float32), 1e300),
        (1e308 * np.sign(X), 10.0),
        ((3e38 * np.sign(X)).astype(np.float32), 10),
    ],
)
def test_scaled_lags_that_leave_the_range_of_their_type_are_refused(inputs, variance):
    weighter = LagWeighter(nu_f=variance).fit(inputs)
    with pytest.raises(ValueError, match=f"X of {inputs.dtype} cannot hold its lags"):
        weighter.transform(inputs)


@pytest.mark.parametrize("weights", [["a", "b"], [], np.ones((2, 2, 2)), [[1.0], [1.0, 2.0]]])
@pytest.mark.parametrize("make", [LagWeighter, lambda w: NTKConvRegressor(prior=w)])
def test_arrays_of_parameters_are_named(make, weights):
    with pytest.raises(ValueError, match=r"lag_weights|prior"):
        make(weights).fit(X, y)


def test_candidates_that_no_score_tells_apart_are_said_to_be_so():
    with pytest.warns(UserWarning, match="No candidate has a score"):
        NTKConvRegressorCV([0.1, 0.5], cv="gcv").fit(X[:1], y[:1])


# -- Forecasters --------------------------------------------------------------------------

SERIES = pd.Series(rng.normal(size=40))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64])
def test_whole_numbers_of_numpy_count_lags(kind):
    found, expected = (
        LagForecaster(NTKConvRegressor(), n_lags).fit(SERIES).predict([1, 2, 3])
        for n_lags in (kind(3), 3)
    )
    assert_array_equal(found, expected)


@pytest.mark.parametrize("empty", [SERIES[:0], pd.DataFrame(index=range(20))])
def test_a_series_of_nothing_is_said_to_be_one(empty):
    with pytest.raises(ValueError, match=r"\by\b"):
        LagForecaster(NTKConvRegressor(), 3).fit(empty, fh=[1])


@pytest.mark.parametrize(
    "index",
    [pd.timedelta_range("0s", periods=40, freq="s"), pd.Index(np.arange(40) + 0.5)],
    ids=["durations", "floats"],
)
def test_an_index_of_other_numbers_is_refused(index):
    with pytest.raises(TypeError, match=r"\by\b"):
        LagForecaster(NTKConvRegressor(), 3).fit(pd.Series(SERIES.to_numpy(), index), fh=[1])
