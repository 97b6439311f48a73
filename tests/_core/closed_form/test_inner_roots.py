"""Recursions whose roots are inside the unit circle are told from the others."""

import numpy as np
import pytest

from sklearn_linrnn._core.closed_form.inner_roots import have_inner_roots
from sklearn_linrnn._core.closed_form.stable_recursion import companion


@pytest.mark.parametrize(
    ("n_lags", "n_columns"), [(1, 1), (2, 1), (12, 1), (60, 1), (1, 2), (5, 3)]
)
def test_as_the_eigenvalues_say(n_lags, n_columns):
    rng = np.random.default_rng(n_lags)
    shape = 200, n_lags, n_columns, n_columns
    scale = rng.uniform(0.2, 2.0, size=(200, 1, 1, 1)) / (n_lags * n_columns) ** 0.5
    coefficients = scale * rng.normal(size=shape)
    largest = [np.abs(np.linalg.eigvals(companion(one))).max() for one in coefficients]
    inside = np.array(largest) < 1
    assert inside.any()
    assert not inside.all()
    assert (have_inner_roots(coefficients) == inside).all()


@pytest.mark.parametrize("modulus", [0.9, 0.999, 0.99999, 1.00001, 1.001, 1.1])
@pytest.mark.parametrize("period", [1, 7, 24, 300])
def test_roots_near_the_circle(modulus, period):
    """``x_t = modulus^period x_{t - period}`` has all its roots at one modulus."""
    coefficients = np.zeros((1, period, 1, 1))
    coefficients[0, -1] = modulus**period
    assert have_inner_roots(coefficients)[0] == (modulus < 1)


def test_no_lag_is_no_root():
    assert have_inner_roots(np.zeros((3, 0, 1, 1))).all()
    assert have_inner_roots(np.zeros((3, 0, 2, 2))).all()
