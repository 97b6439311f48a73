"""Fitted responses in state space: exact without a reduction, within the stated errors with one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import hankel, svdvals
from scipy.signal import dimpulse, dlsim, lfilter
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._core.response import causal_response

N_LAGS = 8
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
SLOW = lfilter([1.0], [1.0, -0.8], X, axis=0)
Y = np.column_stack([SLOW[:, 0], X[:, 1] - SLOW[:, 2]]) + 0.3 * RNG.normal(size=(300, 2))
STEPS = {"rows": "timesteps", "n_lags": N_LAGS}
FINITE = {
    "closed form": NTKConvRegressor(0.7, **STEPS),
    "correlated prior": NTKConvRegressor(0.7, prior="tc", alpha="auto", **STEPS),
    "conjugate gradients": NTKConvRegressor(0.7, solver="cg", **STEPS),
    "cross-validated": NTKConvRegressorCV(alphas=[1.0, 10.0], cv="gcv", **STEPS),
    "convolution": WeightedConv1DRegressor(max_iter=20, **STEPS),
}
EVERY = {
    **FINITE,
    "network": LinearRNNRegressor(12, max_iter=9, random_state=0, **STEPS),
    "unit": LRURegressor(12, max_iter=9, random_state=0, **STEPS),
}
finite = pytest.mark.parametrize("estimator", FINITE.values(), ids=FINITE)
every = pytest.mark.parametrize("estimator", EVERY.values(), ids=EVERY)


def response_of(system, n_lags):
    """Return the response of a system, (n_outputs, n_channels, n_lags)."""
    return np.stack([part.T for part in dimpulse(system, n=n_lags)[1]], axis=1)


def frequency_gap(system, H):
    """Return the largest distance of frequency responses, in the norm of the bound."""
    gaps = []
    for z in np.exp(1j * np.linspace(0.0, np.pi, 1500)):
        states = np.linalg.solve(z * np.eye(len(system.A)) - system.A, system.B)
        gaps.append(
            np.linalg.norm(system.C @ states + system.D - H @ z ** -np.arange(H.shape[2]), 2)
        )
    return max(gaps)


@finite
def test_without_a_reduction_it_is_the_response_and_ends_with_it(estimator):
    model = estimator.fit(X, Y)
    system = model.to_state_space()
    assert system.A.shape == (2 * (N_LAGS - 1),) * 2
    response = response_of(system, N_LAGS + 5)
    assert_allclose(response[:, :, :N_LAGS], model.impulse_response_, atol=1e-12)
    assert_allclose(response[:, :, N_LAGS:], 0.0, atol=1e-12)


@finite
def test_it_filters_as_the_model_predicts(estimator):
    model = estimator.fit(X, Y)
    _, outputs, _ = dlsim(model.to_state_space(), X)
    assert_allclose(outputs + model.intercept_, model.predict(X), atol=1e-11)


@every
@pytest.mark.parametrize("order", [0, 1, 2, 5, 9])
def test_a_reduction_is_within_the_bound_at_every_frequency(estimator, order):
    model = estimator.fit(X, Y)
    sigma = model.hankel_singular_values()
    system = model.to_state_space(order=order)
    assert system.A.shape == (order, order)
    gap = frequency_gap(system, model.impulse_response_)
    assert gap <= 2.0 * sigma[order:].sum() * (1 + 1e-9) + 1e-12
    assert gap >= sigma[order] * (1 - 1e-9), "no system of this order is nearer"


@every
@pytest.mark.parametrize("max_error", [0.3, 0.05])
def test_a_reduction_within_an_error_is_the_smallest(estimator, max_error):
    model = estimator.fit(X, Y)
    H, long = model.impulse_response_, 2000
    padded = np.concatenate([H, np.zeros((*H.shape[:2], long - N_LAGS))], axis=2)

    def error(system):
        return np.linalg.norm(response_of(system, long) - padded) / np.linalg.norm(H)

    system = model.to_state_space(max_error=max_error)
    assert error(system) <= max_error * (1 + 1e-9)
    assert error(model.to_state_space(order=len(system.A) - 1)) > max_error


def test_singular_values_are_those_of_the_hankel_matrix():
    model = NTKConvRegressor(0.7, **STEPS).fit(X[:, :1], Y[:, 0])
    expected = svdvals(hankel(model.impulse_response_[0, 0, 1:]))
    assert_allclose(model.hankel_singular_values(), expected, rtol=1e-10)


@every
def test_the_sampling_time_is_that_of_the_system_alone(estimator):
    model = estimator.fit(X, Y)
    system, slow = model.to_state_space(), model.to_state_space(sampling_time=0.25)
    assert (system.dt, slow.dt) == (1.0, 0.25)
    for name in "ABCD":
        assert_array_equal(getattr(system, name), getattr(slow, name))


@pytest.mark.parametrize("sampling_time", [0.0, -1.0, np.nan, np.inf, "1", True, None])
def test_a_sampling_time_that_cannot_be_is_an_error(sampling_time):
    model = NTKConvRegressor(**STEPS).fit(X, Y)
    with pytest.raises(ValueError, match="sampling_time must be a positive number of seconds"):
        model.to_state_space(sampling_time=sampling_time)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 1, "max_error": 0.1}, "Exactly one of order and max_error"),
        ({"order": 15}, r"order must be from 0 to 14.*but got 15"),
        ({"max_error": 0.0}, "max_error must be positive"),
    ],
)
def test_reductions_that_cannot_be_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        NTKConvRegressor(**STEPS).fit(X, Y).to_state_space(**options)


@pytest.mark.parametrize("ask", ["to_state_space", "hankel_singular_values"])
def test_what_is_not_fitted_is_no_system(ask):
    with pytest.raises(NotFittedError):
        getattr(NTKConvRegressor(), ask)()


def test_a_response_that_begins_later_has_zeros_before():
    H = np.random.default_rng(0).normal(size=(2, 1, 3))
    later = causal_response(H, np.arange(2, 5))
    assert_array_equal(later[:, :, :2], 0.0)
    assert_array_equal(later[:, :, 2:], H)


def test_a_response_that_reads_later_inputs_is_no_system():
    with pytest.raises(ValueError, match=r"lags from 0 on.*begins at lag -2"):
        causal_response(np.ones((1, 1, 4)), np.arange(-2, 2))
