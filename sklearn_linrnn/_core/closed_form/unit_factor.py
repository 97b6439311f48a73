"""A Cholesky factor whose digits do not depend on the units of what is factorised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg.lapack import dpotrf, dpotrs
from torch import Tensor

from sklearn_linrnn._core.tensors import blank

BAND = 2**16  # numbers scaled at a time: 512 KiB, which stay in cache


@dataclass(frozen=True, eq=False)
class UnitFactor:
    """``S M S + penalty = U^{-1} R R^T U^{-1}``, scaled to a diagonal of ones by ``U``.

    Scaled so, the pivots do not depend on how far the diagonals of ``S`` and ``M`` spread.

    Attributes
    ----------
    factor : Tensor of shape (p, p)
        ``R^T`` in its upper triangle.
    unit : Tensor of shape (p, 1)
        Diagonal of ``U``.
    has_zeros : bool
        Whether the diagonal has zeros, beside which zero is solved for.
    """

    factor: Tensor
    unit: Tensor
    has_zeros: bool

    @classmethod
    def of(cls, matrix: Tensor, scale: Tensor, penalty: float) -> UnitFactor | None:
        """Return the factor, or None if a pivot would cost half of the digits.

        Parameters
        ----------
        matrix : Tensor of shape (p, p)
            ``M``, positive semi-definite.
        scale : Tensor of shape (p, 1)
            Diagonal of ``S``.
        penalty : float
            What is added to the diagonal.
        """
        size = scale.square() * matrix.diagonal()[:, None] + penalty
        unit = torch.where(size > 0, size, 1.0).rsqrt()
        factor, failed = _factorised(_scaled(matrix, scale * unit))
        half_of_the_digits = torch.finfo(factor.dtype).eps ** 0.5
        if failed or not factor.diagonal().square().min() > half_of_the_digits:
            return None
        return cls(factor, unit, not bool((size > 0).all()))

    def solve(self, columns: Tensor) -> Tensor:
        """Return ``(S M S + penalty)^{-1} C`` of ``C (p, k)``."""
        goal = self.unit * columns
        if not goal.is_cpu:
            return self.unit * torch.cholesky_solve(goal, self.factor, upper=True)
        found, _ = dpotrs(self.factor.numpy().T, goal.numpy(), lower=1)
        return self.unit * torch.from_numpy(np.ascontiguousarray(found))


def _scaled(matrix: Tensor, scale: Tensor) -> Tensor:
    """Return the upper triangle of ``S M S``, with a diagonal of ones; below it is anything."""
    n_rows = len(matrix)
    scaled = blank(n_rows * n_rows, matrix.device).view(n_rows, n_rows)
    height = max(1, BAND // n_rows)
    for first in range(0, n_rows, height):
        band = slice(first, first + height)
        out = scaled[band, first:]
        torch.mul(matrix[band, first:], scale[band], out=out).mul_(scale[first:].T)
    scaled.diagonal().fill_(1.0)
    return scaled


def _factorised(matrix: Tensor) -> tuple[Tensor, bool]:
    """Return the upper factor in the place of a matrix, and whether there is none."""
    if not matrix.is_cpu:
        factor, info = torch.linalg.cholesky_ex(matrix.mT)  # of the lower triangle
        return factor.mT, bool(info)
    factor, info = dpotrf(matrix.numpy().T, lower=1, clean=0, overwrite_a=1)
    return torch.from_numpy(factor.T), info != 0
