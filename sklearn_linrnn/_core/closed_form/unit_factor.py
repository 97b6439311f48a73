"""A Cholesky factorisation whose digits do not depend on the units of what is factorised."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg.lapack import dpotrf, dpotrs
from torch import Tensor

from sklearn_linrnn._core.closed_form.refinement import is_well_conditioned, refined_solution
from sklearn_linrnn._core.tensors import blank

BAND = 2**16  # numbers scaled at a time: 512 KiB, which stay in cache
LARGE, PER_GOAL = 1024, 32  # coefficients, and for each goal, from which on refinement costs less
LEADING = 128  # coefficients of the block that is looked at before


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
        refined = solve_refined(matrix, *own)
        if refined is not None:
            return unit * refined
    factor, failed = _factorised(scaled_triangle(matrix, own[0]))
    half_of_the_digits = torch.finfo(factor.dtype).eps ** 0.5
    if failed or not factor.diagonal().square().min() > half_of_the_digits:
        return None
    return unit * _solved(factor, own[2])


def is_worth_it(n_inputs: int, n_goals: int) -> bool:
    """Return whether a factor in single precision saves more than its rounds take."""
    return n_inputs >= max(LARGE, PER_GOAL * n_goals)


def solve_refined(matrix: Tensor, scale: Tensor, added: Tensor, goals: Tensor) -> Tensor | None:
    """Return ``(S M S + diag(a))^{-1} C``, refined from single precision, or None.

    Parameters
    ----------
    matrix : Tensor of shape (p, p)
        ``M``, symmetric, on the CPU.
    scale : Tensor of shape (p, 1)
        Diagonal of ``S``.
    added : Tensor of shape (p, 1)
        ``a``; with it, the diagonal of what is inverted is one.
    goals : Tensor of shape (p, k)
        ``C``.
    """
    leading = scaled_triangle(matrix[:LEADING, :LEADING], scale[:LEADING])
    if not is_well_conditioned(leading):
        return None
    single = scaled_triangle(matrix, scale, torch.float32)
    return refined_solution(single, matrix, scale, added, goals)


def scaled_triangle(matrix: Tensor, scale: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return the upper triangle of ``S M S``, with a diagonal of ones; below it is anything.

    Parameters
    ----------
    matrix : Tensor of shape (p, p)
        ``M``.
    scale : Tensor of shape (p, 1)
        Diagonal of ``S``.
    dtype : torch.dtype, default=torch.float64
        The precision of what is returned; products are taken in that of the matrix.
    """
    n_rows = len(matrix)
    scaled = blank(n_rows * n_rows, matrix.device, dtype).view(n_rows, n_rows)
    height = max(1, BAND // n_rows)
    for first in range(0, n_rows, height):
        band = slice(first, first + height)
        rows = matrix[band, first:] * scale[band]
        torch.mul(rows, scale[first:].T, out=scaled[band, first:])
    scaled.diagonal().fill_(1.0)
    return scaled


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
