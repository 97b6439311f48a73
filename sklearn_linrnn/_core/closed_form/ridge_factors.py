"""Factors of ``M + alpha`` on the CPU: a search takes a hundred, so calls are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dtrtrs

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
    """

    factor: NDArray
    unit: NDArray
    log_pivots: NDArray

    def whiten(self, columns: NDArray) -> NDArray:
        """Return ``F C`` of ``C (p, k)``, where ``F^T F`` is the inverse.

        Its first rows see the first rows of ``C`` alone.
        """
        return dtrtrs(self.factor, self.unit[:, None] * columns, lower=1)[0]

    def whiten_back(self, columns: NDArray) -> NDArray:
        """Return ``F^T C`` of ``C (p, k)``."""
        return self.unit[:, None] * dtrtrs(self.factor, columns, lower=1, trans=1)[0]


@dataclass(frozen=True, eq=False)
class SpectralFactor:
    """``M + alpha`` by its eigenvalues, for what a Cholesky factor would lose digits of.

    Attributes
    ----------
    roots : ndarray of shape (p,)
        Square roots of the eigenvalues, with ``alpha``.
    vectors : ndarray of shape (p, p)
        Eigenvectors.
    log_pivots : ndarray of shape (p,)
        Terms that add up to ``log det``.
    """

    roots: NDArray
    vectors: NDArray
    log_pivots: NDArray

    def whiten(self, columns: NDArray) -> NDArray:
        """Return ``F C`` of ``C (p, k)``, where ``F^T F`` is the inverse."""
        return self.vectors.T @ columns / self.roots[:, None]

    def whiten_back(self, columns: NDArray) -> NDArray:
        """Return ``F^T C`` of ``C (p, k)``."""
        return self.vectors @ (columns / self.roots[:, None])


def factorise(matrix: NDArray, alpha: float) -> CholeskyFactor | SpectralFactor:
    """Return the factor of ``M + alpha``, by eigenvalues if a pivot would cost half of the digits.

    Parameters
    ----------
    matrix : ndarray of shape (p, p)
        ``M``, positive semi-definite.
    alpha : float
        The penalty, positive.
    """
    return cholesky_factor(matrix, alpha) or spectral_factor(matrix, alpha)


def cholesky_factor(matrix: NDArray, alpha: float) -> CholeskyFactor | None:
    """Return the Cholesky factor, or None if a pivot would cost half of the digits."""
    unit = 1.0 / np.sqrt(matrix.diagonal() + alpha)
    scaled = matrix * unit[:, None]
    scaled *= unit
    np.fill_diagonal(scaled, 1.0)
    factor, failed = dpotrf(scaled.T, lower=1, overwrite_a=1)  # symmetric: no copy
    pivots = factor.diagonal()
    if failed or not pivots.min() ** 2 > EPS**0.5:
        return None
    return CholeskyFactor(factor, unit, 2.0 * np.log(pivots / unit))


def spectral_factor(matrix: NDArray, alpha: float) -> SpectralFactor:
    """Return the eigenvalues and eigenvectors."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    rounding = len(eigenvalues) * EPS * eigenvalues[-1]
    eigenvalues = np.where(eigenvalues > rounding, eigenvalues, 0.0) + alpha
    return SpectralFactor(np.sqrt(eigenvalues), vectors, np.log(eigenvalues))
