"""Lag weights: the formula, its special values and its errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import linear_rnn_lag_weights

variances = st.floats(1e-3, 3.0)


def slow_lag_weights(n_lags, nu_w, nu_f, nu_c):
    weights = []
    for j in range(n_lags):
        of_transition = nu_c * j * nu_f * nu_w ** (j - 1) if j else 0.0
        of_input = nu_c * nu_w**j
        of_readout = nu_f * nu_w**j
        weights.append(of_transition + of_input + of_readout)
    return weights


@settings(deadline=None, max_examples=50, derandomize=True)
@given(st.integers(1, 40), variances, variances, variances)
def test_weights_follow_the_formula(n_lags, nu_w, nu_f, nu_c):
    expected = slow_lag_weights(n_lags, nu_w, nu_f, nu_c)
    assert_allclose(linear_rnn_lag_weights(n_lags, nu_w, nu_f, nu_c), expected, rtol=1e-13)


def test_without_transition_variance_only_two_lags_count():
    assert_array_equal(linear_rnn_lag_weights(4, 0.0, 2.0, 3.0), [5.0, 6.0, 0.0, 0.0])


def test_at_unit_variances_weights_grow_linearly():
    assert_array_equal(linear_rnn_lag_weights(4, 1.0, 1.0, 1.0), [2.0, 3.0, 4.0, 5.0])


def test_at_unit_input_and_readout_variance_the_short_form_holds():
    lag = np.arange(30)
    assert_allclose(linear_rnn_lag_weights(30, 0.7), (lag / 0.7 + 2) * 0.7**lag, rtol=1e-13)


def test_variance_above_one_is_legal_and_grows():
    weights = linear_rnn_lag_weights(50, 1.5)
    assert np.isfinite(weights).all()
    assert (np.diff(weights) > 0).all()


def test_input_and_readout_variance_are_interchangeable():
    one, other = linear_rnn_lag_weights(9, 0.6, 2.0, 0.3), linear_rnn_lag_weights(9, 0.6, 0.3, 2.0)
    assert_allclose(one, other, rtol=1e-15)


def test_share_of_the_transition_is_a_derivative():
    """``nu_c nu_f d/d nu_w nu_w^j``: what the three-term sum has beyond two geometric series."""
    nu_w, nu_f, nu_c, step = 0.6, 1.5, 0.7, 1e-6
    lag = np.arange(12)
    share = linear_rnn_lag_weights(12, nu_w, nu_f, nu_c) - (nu_f + nu_c) * nu_w**lag
    slope = ((nu_w + step) ** lag - (nu_w - step) ** lag) / (2 * step)
    assert_allclose(share, nu_c * nu_f * slope, rtol=1e-8, atol=1e-10)


def test_weights_sum_to_their_generating_function():
    nu_w, nu_f, nu_c = 0.8, 1.5, 0.7
    total = nu_c * nu_f / (1 - nu_w) ** 2 + (nu_c + nu_f) / (1 - nu_w)
    assert_allclose(linear_rnn_lag_weights(400, nu_w, nu_f, nu_c).sum(), total, rtol=1e-12)


def test_longer_weights_begin_with_shorter_ones():
    assert_array_equal(linear_rnn_lag_weights(20, 0.4)[:7], linear_rnn_lag_weights(7, 0.4))


def test_vanishing_weights_are_zero_without_a_warning():
    assert linear_rnn_lag_weights(2000, 0.01)[-1] == 0.0


def test_overflow_is_an_error_that_names_its_cause():
    with pytest.raises(ValueError, match=r"nu_w=10\.0.*n_lags=400"):
        linear_rnn_lag_weights(400, 10.0)


def test_all_zero_weights_are_an_error():
    with pytest.raises(ValueError, match=r"nu_f=0.*nu_c=0"):
        linear_rnn_lag_weights(3, 0.5, 0.0, 0.0)


@pytest.mark.parametrize("name", ["nu_w", "nu_f", "nu_c"])
def test_a_negative_variance_is_an_error_that_names_it(name):
    with pytest.raises(ValueError, match=name):
        linear_rnn_lag_weights(4, **{name: -0.5})


@pytest.mark.parametrize("n_lags", [np.int8(100), np.uint8(100), 100])
def test_any_whole_number_is_a_number_of_lags(n_lags):
    assert_array_equal(linear_rnn_lag_weights(n_lags), linear_rnn_lag_weights(100))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_lags": 2.0}, TypeError, "n_lags must be a whole number, but got 2.0"),
        ({"n_lags": "2"}, TypeError, "n_lags must be a whole number, but got '2'"),
        ({"n_lags": -1}, ValueError, "n_lags must not be negative, but got -1"),
        ({"nu_w": "0.5"}, TypeError, "nu_w is a variance and must be a number, but got '0.5'"),
        ({"nu_c": None}, TypeError, "nu_c is a variance and must be a number, but got None"),
        ({"nu_f": np.nan}, ValueError, "nu_f is a variance and must not be negative, but got nan"),
    ],
)
def test_what_is_no_number_is_an_error(options, error, message):
    with pytest.raises(error, match=message):
        linear_rnn_lag_weights(**{"n_lags": 3} | options)
