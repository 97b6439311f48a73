"""The scaled Cholesky factorisation solves as a dense solver does, or says that digits are lost."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn._core.closed_form import unit_factor
from sklearn_linrnn._core.closed_form.unit_factor import solve_scaled

N_INPUTS = 23


def problem(spread):
    """Return a matrix, a scale over so many decades, and two right-hand sides."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, N_INPUTS))
    scale = np.logspace(0, -spread, N_INPUTS)[:, None]
    return rows.T @ rows, scale, rng.normal(size=(N_INPUTS, 2))


@pytest.mark.parametrize("spread", [0.0, 6.0])
@pytest.mark.parametrize("band", [1, 100, 2**16])
def test_it_solves_as_a_dense_solver_does(spread, band, monkeypatch):
    monkeypatch.setattr(unit_factor, "BAND", band)
    matrix, scale, goals = problem(spread)
    before = matrix.copy()
    found = solve_scaled(*map(torch.from_numpy, (matrix, scale)), 0.1, torch.from_numpy(goals))
    whole = scale * before * scale.T + 0.1 * np.eye(N_INPUTS)
    assert_allclose(found, np.linalg.solve(whole, goals), rtol=1e-10)
    assert_allclose(matrix, before, rtol=0)  # it is only read


def test_a_scale_of_many_decades_costs_no_digits():
    matrix, scale, goals = map(torch.from_numpy, problem(60.0))
    found = solve_scaled(matrix, scale, 0.0, scale * goals)
    assert_allclose(scale * found, np.linalg.solve(matrix, goals), rtol=1e-10)


def test_beside_zeros_zero_is_solved_for_or_nothing_is():
    matrix, scale, goals = map(torch.from_numpy, problem(0.0))
    matrix[3], matrix[:, 3], goals[3] = 0.0, 0.0, 0.0
    assert_allclose(solve_scaled(matrix, scale, 0.0, goals)[3], 0.0, atol=0)
    assert solve_scaled(matrix, scale, 0.0, goals, beside_zeros=False) is None
    assert solve_scaled(matrix, scale, 0.1, goals, beside_zeros=False) is not None


def test_pivots_that_cost_half_of_the_digits_are_refused():
    matrix, scale, goals = map(torch.from_numpy, problem(0.0))
    matrix[1], matrix[:, 1] = matrix[0].clone(), matrix[:, 0].clone()
    matrix[1, 1] = matrix[0, 0]
    assert solve_scaled(matrix, scale, 1e-9, goals) is None
