"""Ridges of many sets of rows, by Cholesky factorisations side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.moving_moments import ManyMoments


@dataclass(frozen=True, eq=False)
class ManyRidges:
    """The minima of several ridges with the same penalty.

    Attributes
    ----------
    theta : ndarray of shape (n_sets, p, n_outputs)
        Coefficients.
    intercept : ndarray of shape (n_sets, n_outputs)
        Intercepts, zero for models without.
    is_sure : ndarray of bool, shape (n_sets,)
        Whether the factorisation kept half of the digits, so that the rest is no rounding, and
        nothing overflowed.
    """

    theta: NDArray
    intercept: NDArray
    is_sure: NDArray


def many_ridges(
    moments: ManyMoments, n_inputs: int, alpha: float, *, fit_intercept: bool
) -> ManyRidges:
    """Return the ridges of sets of rows ``(z, y)``: the inputs, then the targets.

    Parameters
    ----------
    moments : ManyMoments
        Of the rows.
    n_inputs : int
        ``p``, the number of inputs.
    alpha : float
        Penalty of the sum of squared coefficients, positive.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    """
    used = moments if fit_intercept else moments.about_origin()
    scatter = torch.from_numpy(used.scatter)
    unit = (scatter.diagonal(dim1=1, dim2=2)[:, :n_inputs] + alpha).rsqrt()[:, :, None]
    matrix = (scatter[:, :n_inputs, :n_inputs] * unit).mul_(unit.mT)
    matrix.diagonal(dim1=1, dim2=2).fill_(1.0)  # scaled so: pivots do not depend on the units
    factor, failed = torch.linalg.cholesky_ex(matrix)
    pivots = factor.diagonal(dim1=1, dim2=2).square().amin(dim=1)
    is_sure = (failed == 0) & (pivots > torch.finfo(pivots.dtype).eps ** 0.5)
    goal = unit * scatter[:, :n_inputs, n_inputs:]
    theta = (unit * torch.cholesky_solve(goal, factor)).numpy()
    inputs, targets = np.split(used.mean, [n_inputs], axis=1)
    intercept = targets - (inputs[:, None] @ theta)[:, 0]
    is_finite = np.isfinite(theta).all(axis=(1, 2)) & np.isfinite(intercept).all(axis=1)
    return ManyRidges(theta, intercept, is_sure.numpy() & is_finite)
