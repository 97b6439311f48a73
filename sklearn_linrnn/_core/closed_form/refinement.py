"""Large ridges by a factor in single precision, refined to double precision.

Such a factor takes half of the time. What a solution by it misses is taken in double precision and
solved for in turn (Wilkinson 1963): a round divides the error by about 1e7 over the condition
number, until no digit changes. A ridge that would need many rounds is left to others. The leading
block says so beforehand: it is never conditioned worse than the whole (Cauchy's interlacing), and
for the lags of a series hardly better.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg.lapack import dpocon, dpotrf, spotrf, spotrs
from torch import Tensor

WORST_CONDITION = 1e3  # of the leading block
MOST_ROUNDS, SLOWEST = 5, 1e-2  # what a round leaves of the error


def is_well_conditioned(triangle: Tensor) -> bool:
    """Return whether refinement would end soon, from the leading block's upper triangle."""
    return _condition(triangle) <= WORST_CONDITION


def refined_solution(
    single: Tensor, matrix: Tensor, scale: Tensor, added: Tensor, goals: Tensor
) -> Tensor | None:
    """Return ``(S M S + diag(a))^{-1} C``, or None if rounds would not end soon.

    Parameters
    ----------
    single : Tensor of float32, shape (p, p)
        The upper triangle of what is inverted; it is overwritten.
    matrix : Tensor of shape (p, p)
        ``M``, symmetric, on the CPU.
    scale : Tensor of shape (p, 1)
        Diagonal of ``S``.
    added : Tensor of shape (p, 1)
        ``a``; with it, the diagonal of what is inverted is one.
    goals : Tensor of shape (p, k)
        ``C``.
    """
    factor, failed = spotrf(single.numpy().T, lower=1, clean=0, overwrite_a=1)
    if failed:
        return None
    solution = _solved(factor, goals)
    size = solution.abs().amax(0)
    for _ in range(MOST_ROUNDS):
        pulled = ((scale * solution).mT @ matrix).mT  # which is faster than from the left
        missed = goals - scale * pulled - added * solution
        change = _solved(factor, missed)
        solution = solution + change
        before, size = size, change.abs().amax(0)
        left = torch.where(size > 0, size / before, 0.0)
        if not (left <= SLOWEST).all():
            return None
        if (left * size <= torch.finfo(size.dtype).eps * solution.abs().amax(0)).all():
            return solution
    return None


def _condition(triangle: Tensor) -> float:
    """Return the condition number of a matrix of ones in the diagonal, given its upper triangle."""
    upper = triangle.triu().numpy()
    norm = np.abs(upper + np.triu(upper, 1).T).sum(axis=0).max()
    factor, failed = dpotrf(upper, lower=0)
    reciprocal, _ = dpocon(factor, norm)
    return np.inf if failed or reciprocal == 0 else 1.0 / float(reciprocal)


def _solved(factor: NDArray, goals: Tensor) -> Tensor:
    """Return the solution by a factor in single precision, of goals of any size."""
    unit = goals.abs().amax(0)
    unit = torch.where(unit > 0, unit, 1.0)
    found, _ = spotrs(factor, (goals / unit).numpy(), lower=1)
    return torch.from_numpy(found).double() * unit
