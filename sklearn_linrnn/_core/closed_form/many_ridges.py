"""Ridges of many sets of rows, by Cholesky factorisations side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.moving_moments import ManyMoments


@dataclass(frozen=True, eq=False)
class ManyRidges:
    """The minima of several ridges.

    Attributes
    ----------
    theta : ndarray of shape (n_sets, p, n_outputs)
        Coefficients.
    intercept : ndarray of shape (n_sets, n_outputs)
        Intercepts, zero for models without.
    is_sure : ndarray of bool, shape (n_sets,)
        Whether the factorisation kept half of the digits, so that the rest is no rounding, and
        nothing overflowed.
    n_inputs : ndarray of int, shape (n_sets,)
        How many inputs, the first ones, each has.
    """

    theta: NDArray
    intercept: NDArray
    is_sure: NDArray
    n_inputs: NDArray

    @classmethod
    def of(
        cls, theta: NDArray, mean: NDArray, is_sure: NDArray, n_inputs: NDArray | int
    ) -> ManyRidges:
        """Return ridges through the means of their rows, (n_sets, p + n_outputs)."""
        inputs, targets = np.split(mean, [theta.shape[1]], axis=1)
        intercept = targets - (inputs[:, None] @ theta)[:, 0]
        is_finite = np.isfinite(theta).all(axis=(1, 2)) & np.isfinite(intercept).all(axis=1)
        n_inputs = np.broadcast_to(n_inputs, is_sure.shape)
        return cls(theta, intercept, is_sure & is_finite, n_inputs)


def many_ridges(
    moments: ManyMoments, n_inputs: int, alpha: float, *, fit_intercept: bool
) -> ManyRidges:
    """Return the ridges of sets of rows ``(z, y)`` with one penalty: the inputs, then the targets.

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
    return ManyRidges.of(theta, used.mean, is_sure.numpy(), n_inputs)
