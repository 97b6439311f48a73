"""Factors of ``M + alpha`` on the CPU: a search takes a hundred, so calls are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.linalg.lapack import dlauum, dpotrf, dtrtri, dtrtrs

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class CholeskyFactor:
    """``M + alpha = U^{-1} R R^T U^{-1}``, scaled to a diagonal of ones by ``U``.

    Attributes
    ----------
    factor : ndarray of shape (p, p)
        ``R`` in its lower triangle.
    unit : ndarray of shape (p,)
        Diagonal of ``U``.
    log_pivots : ndarray of shape (p,)
        Terms that add up to ``log det``; the first ones to that of the leading block.
    half : ndarray of shape (p, n_outputs)
        The slope, whitened; its first rows belong to the leading block.
    """

    factor: NDArray
    unit: NDArray
    log_pivots: NDArray
    half: NDArray

    def whiten(self, columns: NDArray) -> NDArray:
        """Return ``F C`` of ``C (p, k)``, where ``F^T F`` is the inverse."""
        return dtrtrs(self.factor, self.unit[:, None] * columns, lower=1)[0]

    def whitener(self) -> NDArray:
        """Return ``F``, lower triangular."""
        return dtrtri(self.factor, lower=1)[0] * self.unit

    def inverse(self, whitener: NDArray) -> NDArray:
        """Return ``F^T F`` of ``F``."""
        lower = dlauum(whitener, lower=1)[0]
        return lower + np.tril(lower, -1).T

    def solve(self) -> NDArray:
        """Return ``theta = F^T half``, (p, n_outputs)."""
        return self.unit[:, None] * dtrtrs(self.factor, self.half, lower=1, trans=1)[0]


@dataclass(frozen=True, eq=False)
class RowFactor:
    """``M + alpha = P R^T R P^T`` from rows of data, for what a Cholesky factor loses digits of.

    Attributes
    ----------
    factor : ndarray of shape (p, p)
        ``R``, upper triangular.
    order : ndarray of shape (p,)
        The permutation ``P``: the largest pivots first.
    log_pivots : ndarray of shape (p,)
        Terms that add up to ``log det``.
    half : ndarray of shape (p, n_outputs)
        The slope, whitened.
    """

    factor: NDArray
    order: NDArray
    log_pivots: NDArray
    half: NDArray

    def whiten(self, columns: NDArray) -> NDArray:
        """Return ``F C`` of ``C (p, k)``, where ``F^T F`` is the inverse."""
        return dtrtrs(self.factor, columns[self.order], lower=0, trans=1)[0]

    def whitener(self) -> NDArray:
        """Return ``F``."""
        return self.whiten(np.eye(len(self.order)))

    def inverse(self, whitener: NDArray) -> NDArray:
        """Return ``F^T F`` of ``F``."""
        return whitener.T @ whitener

    def solve(self) -> NDArray:
        """Return ``theta = F^T half``, (p, n_outputs)."""
        theta = np.empty_like(self.half)
        theta[self.order] = dtrtrs(self.factor, self.half, lower=0)[0]
        return theta


Factor = CholeskyFactor | RowFactor


def cholesky_factor(matrix: NDArray, alpha: float, slope: NDArray) -> CholeskyFactor | None:
    """Return the Cholesky factor, or None if a pivot would cost half of the digits."""
    squares = matrix.diagonal() + alpha
    if not (squares > 0).all():  # by rounding, of what is left of sums
        return None
    unit = 1.0 / np.sqrt(squares)
    scaled = matrix * unit[:, None]
    scaled *= unit
    np.fill_diagonal(scaled, 1.0)
    factor, failed = dpotrf(scaled.T, lower=1, overwrite_a=1)  # symmetric: no copy
    pivots = factor.diagonal()
    if failed or not pivots.min() ** 2 > EPS**0.5:
        return None
    half = dtrtrs(factor, unit[:, None] * slope, lower=1)[0]
    return CholeskyFactor(factor, unit, 2.0 * np.log(pivots / unit), half)


def row_factor(rows: NDArray, alpha: float, goals: NDArray, beside: NDArray) -> RowFactor:
    """Return the factor of ``M + alpha`` with ``M = J^T J``, which is not squared.

    Parameters
    ----------
    rows : ndarray of shape (k, p)
        ``J``.
    alpha : float
        The penalty, positive.
    goals : ndarray of shape (k, n_outputs)
        What the rows are to reach: the slope is ``J^T g``.
    beside : ndarray of shape (p, n_beside)
        Columns of the slope that are no combination of rows, behind the others.
    """
    penalty = np.sqrt(alpha) * np.eye(rows.shape[1])
    basis, factor, order = qr(np.vstack([rows, penalty]), mode="economic", pivoting=True)
    found = basis[: len(rows)].T @ goals
    behind = dtrtrs(factor, beside[order], lower=0, trans=1)[0]
    log_pivots = 2.0 * np.log(np.abs(factor.diagonal()))
    return RowFactor(factor, order, log_pivots, np.hstack([found, behind]))
