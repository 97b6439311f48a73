"""Factors of ``L^T G L + alpha`` on the CPU: a search takes a hundred, so calls are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri, dtrtrs

from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.moments import Moments

HALF_OF_THE_DIGITS = np.finfo(np.float64).eps ** 0.5


@dataclass(frozen=True, eq=False)
class CholeskyFactor:
    """``L^T G L + alpha = U^{-1} R R^T U^{-1}``, scaled to a diagonal of ones by ``U``.

    Attributes
    ----------
    factor : ndarray of shape (p, p)
        ``R`` in its lower triangle.
    unit : ndarray of shape (p,)
        Diagonal of ``U``.
    half : ndarray of shape (p, n_outputs)
        ``R^{-1} U L^T B``; the squares of its first entries add up to ``B^T L (L^T G L +
        alpha)^{-1} L^T B`` of the first inputs alone, if lags are independent.
    """

    factor: NDArray
    unit: NDArray
    half: NDArray

    def solve(self) -> NDArray:
        """Return ``theta = (L^T G L + alpha)^{-1} L^T B``, (p, n_outputs)."""
        return self.unit[:, None] * dtrtrs(self.factor, self.half, lower=1, trans=1)[0]

    def log_pivots(self) -> NDArray:
        """Return (p,) terms that add up to ``log det``; the first ones to the leading block's."""
        return 2.0 * np.log(self.factor.diagonal() / self.unit)

    def inverse(self) -> NDArray:
        """Return ``(L^T G L + alpha)^{-1}``, (p, p), in its lower triangle."""
        inverse = dpotri(self.factor, lower=1)[0]
        return inverse * self.unit[:, None] * self.unit


@dataclass(frozen=True, eq=False)
class SpectralFactor:
    """``L^T G L + alpha`` by its eigenvalues, for what a Cholesky factor would lose digits of.

    Attributes
    ----------
    eigenvalues : ndarray of shape (p,)
        Eigenvalues, with ``alpha``.
    vectors : ndarray of shape (p, p)
        Eigenvectors.
    slope : ndarray of shape (p, n_outputs)
        ``L^T B``.
    """

    eigenvalues: NDArray
    vectors: NDArray
    slope: NDArray

    def solve(self) -> NDArray:
        """Return ``theta = (L^T G L + alpha)^{-1} L^T B``, (p, n_outputs)."""
        return self.vectors @ (self.vectors.T @ self.slope / self.eigenvalues[:, None])

    def log_pivots(self) -> NDArray:
        """Return (p,) terms that add up to ``log det``."""
        return np.log(self.eigenvalues)

    def inverse(self) -> NDArray:
        """Return ``(L^T G L + alpha)^{-1}``, (p, p)."""
        return (self.vectors / self.eigenvalues) @ self.vectors.T


def cholesky_factor(
    moments: Moments, root: PriorRoot, alpha: float, slope: NDArray
) -> CholeskyFactor | None:
    """Return the Cholesky factor, or None if a pivot would cost half of the digits.

    Parameters
    ----------
    moments : Moments
        The data, on the CPU.
    root : PriorRoot
        ``L``.
    alpha : float
        The penalty, positive.
    slope : ndarray of shape (p, n_outputs)
        ``L^T B``.
    """
    if root.is_diagonal:
        scatter, scale = moments.input_scatter.numpy(), root.scale.numpy()[:, 0]
    else:
        scatter, scale = root.congruence(moments.input_scatter).numpy(), np.ones(len(slope))
    unit = 1.0 / np.sqrt(scatter.diagonal() * scale**2 + alpha)
    scale = scale * unit
    matrix = scatter * scale[:, None]
    matrix *= scale
    np.fill_diagonal(matrix, 1.0)
    factor, failed = dpotrf(matrix.T, lower=1, overwrite_a=1)  # symmetric: no copy
    if failed or not np.square(factor.diagonal()).min() > HALF_OF_THE_DIGITS:
        return None
    return CholeskyFactor(factor, unit, dtrtrs(factor, unit[:, None] * slope, lower=1)[0])


def spectral_factor(
    moments: Moments, root: PriorRoot, alpha: float, slope: NDArray
) -> SpectralFactor:
    """Return the eigenvalues and eigenvectors; the parameters are those of `cholesky_factor`."""
    eigenvalues, vectors = np.linalg.eigh(root.congruence(moments.input_scatter).numpy())
    rounding = len(eigenvalues) * np.finfo(np.float64).eps * eigenvalues[-1]
    return SpectralFactor(
        np.where(eigenvalues > rounding, eigenvalues, 0.0) + alpha, vectors, slope
    )
