"""Factors of ``M + alpha`` on the CPU: a search takes a hundred, so calls are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
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
    half : ndarray of shape (p, n_outputs)
        The slope, whitened.
    """

    roots: NDArray
    vectors: NDArray
    log_pivots: NDArray
    half: NDArray

    def whiten(self, columns: NDArray) -> NDArray:
        """Return ``F C`` of ``C (p, k)``, where ``F^T F`` is the inverse."""
        return self.vectors.T @ columns / self.roots[:, None]

    def whitener(self) -> NDArray:
        """Return ``F``."""
        return self.vectors.T / self.roots[:, None]

    def inverse(self, whitener: NDArray) -> NDArray:
        """Return ``F^T F`` of ``F``."""
        return whitener.T @ whitener

    def solve(self) -> NDArray:
        """Return ``theta = F^T half``, (p, n_outputs)."""
        return self.vectors @ (self.half / self.roots[:, None])


def factorise(matrix: NDArray, alpha: float, slope: NDArray) -> CholeskyFactor | SpectralFactor:
    """Return the factor of ``M + alpha``, by eigenvalues if a pivot would cost half of the digits.

    Parameters
    ----------
    matrix : ndarray of shape (p, p)
        ``M``, positive semi-definite.
    alpha : float
        The penalty, positive.
    slope : ndarray of shape (p, n_outputs)
        The right-hand side of the ridge.
    """
    return cholesky_factor(matrix, alpha, slope) or spectral_factor(matrix, alpha, slope)


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


def spectral_factor(matrix: NDArray, alpha: float, slope: NDArray) -> SpectralFactor:
    """Return the eigenvalues and eigenvectors."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    rounding = len(eigenvalues) * EPS * eigenvalues[-1]
    eigenvalues = np.where(eigenvalues > rounding, eigenvalues, 0.0) + alpha
    roots = np.sqrt(eigenvalues)
    return SpectralFactor(roots, vectors, np.log(eigenvalues), vectors.T @ slope / roots[:, None])
