r"""Closed-form solutions: ridges, gradient descent and least norm on one eigendecomposition.

With the lag weights ``rho`` on the diagonal of ``D`` and ``theta = D^{-1/2} H``, all estimators of
the package minimise

    loss(theta) = 1/2 theta^T A theta - c^T theta + const,
    A = D^{1/2} (G/m) D^{1/2} = Q diag(lam) Q^T,    c = D^{1/2} B/m,

and every solution on the path is ``H = D^{1/2} Q diag(f(lam)) Q^T c`` with a filter ``f``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import qr, solve, solve_triangular
from torch import Tensor

from sklearn_linrnn._core.moments import Moments


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The loss as a function of ``theta``, the response in units of the square-root lag weights.

    Attributes
    ----------
    curvature : Tensor of shape (p, p)
        ``A``.
    slope : Tensor of shape (p, n_outputs)
        ``c``.
    scale : Tensor of shape (p, 1)
        Diagonal of ``D^{1/2}``.
    """

    curvature: Tensor
    slope: Tensor
    scale: Tensor

    @classmethod
    def of(cls, moments: Moments, weights: Tensor) -> Quadratic:
        """Return the loss of ``moments`` for weights ``(p,)`` of the inputs."""
        scale = weights.sqrt()[:, None]
        return cls(
            (moments.input_scatter * (scale / moments.weight)).mul_(scale.T),
            moments.cross_scatter * (scale / moments.weight),
            scale,
        )

    def largest_eigenvalue(self) -> float:
        """Return ``lam_max``; gradient descent is stable for steps up to ``2 / lam_max``."""
        return float(torch.linalg.eigvalsh(self.curvature)[-1].clamp(min=0.0))

    def decompose(self) -> Spectrum:
        """Return the eigendecomposition; eigenvalues that rounding made negative become zero."""
        eigenvalues, vectors = torch.linalg.eigh(self.curvature)
        return Spectrum(eigenvalues.clamp(min=0.0), vectors.T @ self.slope, self.scale * vectors)

    def ridge(self, penalty: float) -> Tensor | None:
        """Return ``H`` for the filter ``1/(lam + penalty)``, or None if rounding would show.

        A Cholesky factorisation is the cheapest way to one ridge. Scaled to a diagonal of ones, its
        pivots do not depend on how far the weights spread; where one of them would cost half of
        the digits, None is returned.
        """
        unit = (self.curvature.diagonal() + penalty).rsqrt()[:, None]
        matrix = (self.curvature * unit).mul_(unit.T)
        matrix.diagonal().fill_(1.0)
        factor, info = torch.linalg.cholesky_ex(matrix)
        half_of_the_digits = torch.finfo(factor.dtype).eps ** 0.5
        if info or not factor.diagonal().square().min() > half_of_the_digits:
            return None
        half = torch.linalg.solve_triangular(factor, unit * self.slope, upper=False)
        return self.scale * unit * torch.linalg.solve_triangular(factor.mT, half, upper=True)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues ``(p,)``, projections ``Q^T c (p, n_outputs)`` and basis ``D^{1/2} Q (p, p)``."""

    eigenvalues: Tensor
    projections: Tensor
    basis: Tensor

    def solve(self, filter_factors: Tensor) -> Tensor:
        """Return ``H = D^{1/2} Q diag(f) Q^T c`` of shape (p, n_outputs)."""
        return self.basis @ (filter_factors[:, None] * self.projections)


def rank_tolerance(size: int) -> float:
    """Return the share of the largest below which an eigenvalue is but rounding.

    Correlations summed over data are good to about 1e-15, eigenvalues to that for each input.
    """
    return 1e-13 + 10 * size * torch.finfo(torch.float64).eps


def rank_revealed_ridge(moments: Moments, weights: Tensor, penalty: float) -> Tensor:
    """Return ``H`` for the filter ``1/(lam + penalty)`` where the data leave directions unseen.

    Among those of least loss it is the one of least ``sum_j ||H_j||^2 / rho_j``; so is what
    ``penalty = 0`` returns. Which directions the data show is read from the correlations of the
    inputs, where it does not depend on the weights. With the correlations ``V diag(lam) V^T``, the
    inputs' deviations ``s`` and ``D^{1/2} s V = Q R``, the solution is ``H = D^{1/2} Q z``; pivots
    keep the digits of a ``D`` that spreads over many decades.
    """
    used = weights > 0
    scale = weights[used].sqrt()[:, None]
    scatter = moments.input_scatter[used][:, used] / moments.weight
    deviation = scatter.diagonal().clamp(min=0.0).sqrt()[:, None]
    deviation = torch.where(deviation > 0, deviation, 1.0)
    eigenvalues, vectors = torch.linalg.eigh(scatter / deviation / deviation.T)
    shown = eigenvalues > rank_tolerance(len(eigenvalues)) * eigenvalues.max()
    eigenvalues, vectors = eigenvalues[shown, None], vectors[:, shown]
    slope = vectors.T @ (moments.cross_scatter[used] / moments.weight / deviation)
    # SciPy has the pivots that PyTorch lacks.
    basis, curvatures, slopes = (
        tensor.cpu().numpy() for tensor in (scale * deviation * vectors, eigenvalues, slope)
    )
    theta = torch.from_numpy(_solve_shown(basis, curvatures, slopes, penalty)).to(scale.device)
    response = torch.zeros_like(moments.cross_scatter)
    response[used] = scale * theta
    return response


def _solve_shown(basis: NDArray, eigenvalues: NDArray, slope: NDArray, penalty: float) -> NDArray:
    """Return the ``theta`` of least norm that solves the ridge on the directions shown."""
    orthogonal, triangle, order = qr(basis, mode="economic", pivoting=True)
    eigenvalues, slope = eigenvalues[order], slope[order]
    if penalty == 0:
        return orthogonal @ solve_triangular(triangle, slope / eigenvalues, trans="T")
    curvature = (triangle * eigenvalues.T) @ triangle.T
    curvature[np.diag_indices_from(curvature)] += penalty
    return orthogonal @ solve(curvature, triangle @ slope, assume_a="pos")


def gradient_descent_filter(
    eigenvalues: Tensor, penalty: float, n_steps: int, learning_rate: float
) -> Tensor:
    """Return ``(1 - (1 - eta k)^n_steps) / k`` with ``k = lam + penalty``.

    This is where ``n_steps`` steps of gradient descent from zero have come on the ridge's loss.
    """
    curvature = eigenvalues + penalty
    step = learning_rate * curvature
    # Near zero 1 - (1 - step)^k cancels; past one the logarithm is not real.
    small = -torch.expm1(n_steps * torch.log1p(-step.clamp(max=0.5)))
    travelled = torch.where(step < 0.5, small, 1.0 - (1.0 - step) ** n_steps)
    return torch.where(curvature > 0, travelled / curvature, n_steps * learning_rate)
