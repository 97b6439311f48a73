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

from sklearn_linrnn._core.closed_form.unit_scaling import scaled_triangle

LARGE, PER_GOAL = 1024, 32  # coefficients, and for each goal, from which on rounds cost less
LEADING = 128  # coefficients of the block that is looked at first
WORST_CONDITION = 1e3  # of that block
MOST_ROUNDS, SLOWEST = 5, 1e-2  # what a round leaves of the error


def is_worth_it(n_inputs: int, n_goals: int) -> bool:
    """Return whether a factor in single precision saves more than rounds take."""
    return n_inputs >= max(LARGE, PER_GOAL * n_goals)


def refined_solution(matrix: Tensor, scale: Tensor, added: Tensor, goals: Tensor) -> Tensor | None:
    """Return ``(S M S + diag(a))^{-1} C``, or None if rounds would not end soon.

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
    if _condition(scaled_triangle(matrix[:LEADING, :LEADING], scale[:LEADING])) > WORST_CONDITION:
        return None
    single = scaled_triangle(matrix, scale, torch.float32).numpy()
    factor, failed = spotrf(single.T, lower=1, clean=0, overwrite_a=1)
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
