"""A factor in single precision and rounds in double precision give what double precision gives."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import toeplitz

from sklearn_linrnn._core.closed_form import unit_factor
from sklearn_linrnn._core.closed_form.unit_factor import (
    LARGE,
    PER_GOAL,
    is_worth_it,
    solve_refined,
)

P = 200


def problem(correlation, n_goals=3, added=0.1):
    """Return ``M``, ``S``, ``a`` and ``C``: an autoregression, with a diagonal of ones."""
    rng = np.random.default_rng(0)
    scale = 10.0 ** rng.uniform(-3, 3, size=(P, 1))
    matrix = (1.0 - added) * toeplitz(correlation ** np.arange(P)) / scale / scale.T
    np.fill_diagonal(matrix, (1.0 - added) / np.square(scale[:, 0]))
    goals = rng.normal(size=(P, n_goals))
    arrays = matrix, scale, np.full((P, 1), added), goals
    return [torch.from_numpy(array) for array in arrays]


def dense(matrix, scale, added, goals):
    return torch.linalg.solve(scale * matrix * scale.T + torch.diag(added[:, 0]), goals)


@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.9])
def test_no_digit_is_missing(correlation):
    given = problem(correlation)
    assert_allclose(solve_refined(*given), dense(*given), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("unit", [1e-200, 1e-30, 1e30, 1e200])
def test_goals_may_have_any_unit(unit):
    matrix, scale, added, goals = problem(0.5)
    units = torch.tensor([unit, 0.0, 1.0], dtype=torch.float64)
    found = solve_refined(matrix, scale, added, goals * units)
    assert_allclose(found, dense(matrix, scale, added, goals) * units, rtol=1e-11, atol=0)


def test_what_is_ill_conditioned_is_left_to_others():
    assert solve_refined(*problem(0.9999, added=1e-9)) is None


def test_rounds_that_do_not_converge_end():
    """The last two inputs are nearly one, which the leading block does not show."""
    matrix, scale, added, goals = problem(0.0, added=1e-9)
    copied = 0.999999 / scale[-1] / scale[-2]
    matrix[-1, -2] = matrix[-2, -1] = copied[0]
    assert solve_refined(matrix, scale, added, goals) is None


def test_not_a_number_is_no_solution():
    matrix, scale, added, goals = problem(0.5)
    goals[3, 1] = torch.nan
    assert solve_refined(matrix, scale, added, goals) is None


def test_ridges_are_the_same_with_either_factor(monkeypatch):
    matrix, scale, _, goals = problem(0.7)
    found = []
    for worth_it in (False, True):
        monkeypatch.setattr(unit_factor, "is_worth_it", lambda p, k, is_it=worth_it: is_it)
        found.append(unit_factor.solve_scaled(matrix, scale, 0.3, goals))
    assert_allclose(*found, rtol=1e-12, atol=1e-13)


def test_many_goals_or_few_inputs_are_not_worth_the_rounds():
    assert is_worth_it(LARGE, 1)
    assert not is_worth_it(LARGE - 1, 1)
    assert not is_worth_it(LARGE, LARGE // PER_GOAL + 1)
