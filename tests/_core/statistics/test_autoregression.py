"""The polynomial of autoregressive noise, its predictors and its partial autocorrelations."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import toeplitz

from sklearn_linrnn._core.statistics.autoregression import (
    Autoregression,
    from_partials,
    to_partials,
)

PARTIALS = np.array([0.7, -0.9, 0.2, 0.4])


def covariances(noise, n_steps):
    """Return the covariances of noise with innovations of variance one, from its equations."""
    order = noise.order
    equations, known = np.zeros((order + 1, order + 1)), np.eye(order + 1)[0]
    for lag in range(order + 1):
        for place, coefficient in enumerate(noise.polynomial):
            equations[lag, abs(lag - place)] += coefficient
    found = np.linalg.solve(equations, known).tolist()
    while len(found) < n_steps:
        found.append(-float(noise.coefficients @ found[: -order - 1 : -1]) if order else 0.0)
    return np.array(found[:n_steps])


@pytest.mark.parametrize("order", [0, 1, 2, 4])
def test_predictors_are_those_of_the_normal_equations(order):
    noise = Autoregression(from_partials(PARTIALS[:order])[0])
    matrix = toeplitz(covariances(noise, order + 1))
    assert_allclose(noise.variances[0], matrix[0, 0], rtol=1e-12)
    for n_known, predictor in enumerate(noise.predictors):
        past = matrix[1 : n_known + 1, 1 : n_known + 1]
        weights = np.linalg.solve(past, matrix[1 : n_known + 1, 0])
        assert_allclose(predictor, np.append(1.0, -weights), atol=1e-12)
        error = matrix[0, 0] - weights @ matrix[1 : n_known + 1, 0]
        assert_allclose(noise.variances[n_known], error, rtol=1e-11)


def test_partials_and_coefficients_are_each_others():
    coefficients, jacobian = from_partials(PARTIALS)
    assert_allclose(Autoregression(coefficients).partials, PARTIALS, rtol=1e-12)
    assert_allclose(to_partials(np.append(1.0, coefficients), 0.999), PARTIALS, rtol=1e-12)
    step = 1e-6
    for place in range(len(PARTIALS)):
        move = step * np.eye(len(PARTIALS))[place]
        change = from_partials(PARTIALS + move)[0] - from_partials(PARTIALS - move)[0]
        assert_allclose(jacobian[:, place], change / (2 * step), atol=1e-9)


def test_an_explosive_filter_gets_partials_of_something_stationary():
    partials = to_partials(np.array([1.0, -2.0, 0.5]), 0.9)
    roots = np.roots(np.append(1.0, from_partials(partials)[0]))
    assert np.abs(partials).max() <= 0.9
    assert np.abs(roots).max() < 1.0
