"""A Cholesky factorisation whose digits do not depend on the units of what is factorised."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg.lapack import dpotrf, dpotrs
from torch import Tensor

from sklearn_linrnn._core.closed_form.refinement import is_worth_it, refined_solution
from sklearn_linrnn._core.closed_form.unit_scaling import scaled_triangle


def solve_scaled(
    matrix: Tensor, scale: Tensor, penalty: float, goals: Tensor, *, beside_zeros: bool = True
) -> Tensor | None:
    """Return ``(S M S + penalty)^{-1} C``, or None if a pivot would cost half of the digits.

    What is factorised is scaled to a diagonal of ones, so that the pivots do not depend on how far
    the diagonals of ``S`` and ``M`` spread.

    Parameters
    ----------
    matrix : Tensor of shape (p, p)
        ``M``, positive semi-definite.
    scale : Tensor of shape (p, 1)
        Diagonal of ``S``.
    penalty : float
        What is added to the diagonal.
    goals : Tensor of shape (p, k)
        ``C``.
    beside_zeros : bool, default=True
        Whether zero is solved for where the diagonal is zero; else None is returned.
    """
    size = scale.square() * matrix.diagonal()[:, None] + penalty
    if not (beside_zeros or (size > 0).all()):
        return None
    unit = torch.where(size > 0, size, 1.0).rsqrt()
    own = unit * scale, penalty * unit.square(), unit * goals
    if matrix.is_cpu and is_worth_it(*goals.shape):
        refined = refined_solution(matrix, *own)
        if refined is not None:
            return unit * refined
    factor, failed = _factorised(scaled_triangle(matrix, own[0]))
    half_of_the_digits = torch.finfo(factor.dtype).eps ** 0.5
    if failed or not factor.diagonal().square().min() > half_of_the_digits:
        return None
    return unit * _solved(factor, own[2])


def _solved(factor: Tensor, goals: Tensor) -> Tensor:
    """Return the solution of a matrix whose upper factor is given."""
    if not goals.is_cpu:
        return torch.cholesky_solve(goals, factor, upper=True)
    found, _ = dpotrs(factor.numpy().T, goals.numpy(), lower=1)
    return torch.from_numpy(np.ascontiguousarray(found))


def _factorised(matrix: Tensor) -> tuple[Tensor, bool]:
    """Return the upper factor in the place of a matrix, and whether there is none."""
    if not matrix.is_cpu:
        factor, info = torch.linalg.cholesky_ex(matrix.mT)  # of the lower triangle
        return factor.mT, bool(info)
    factor, info = dpotrf(matrix.numpy().T, lower=1, clean=0, overwrite_a=1)
    return torch.from_numpy(factor.T), info != 0
