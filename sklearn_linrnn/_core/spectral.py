r"""Closed-form solutions: ridges, gradient descent and least norm on one eigendecomposition.

With the lag weights ``rho`` on the diagonal of ``D`` and ``theta = D^{-1/2} H``, all estimators of
the package minimise

    loss(theta) = 1/2 theta^T A theta - c^T theta + const,
    A = D^{1/2} (G/m) D^{1/2} = Q diag(lam) Q^T,    c = D^{1/2} B/m,

and every solution on the path is ``H = D^{1/2} Q diag(f(lam)) Q^T c`` with a filter ``f``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
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
            moments.input_scatter * (scale / moments.weight) * scale.T,
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
        """Return ``H`` for the filter ``1/(lam + penalty)``, or None if it needs the spectrum.

        A Cholesky factorisation is the cheapest way to one ridge. Its error grows with
        ``lam_max / penalty``; where no digit may be left, None is returned.
        """
        size = float(torch.linalg.matrix_norm(self.curvature, 1)) if len(self.scale) else 0.0
        if penalty <= len(self.scale) * torch.finfo(torch.float64).eps * size:
            return None
        matrix = self.curvature.clone()
        matrix.diagonal().add_(penalty)
        factor, info = torch.linalg.cholesky_ex(matrix)
        if info:
            return None
        return self.scale * torch.cholesky_solve(self.slope, factor)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues ``(p,)``, projections ``Q^T c (p, n_outputs)`` and basis ``D^{1/2} Q (p, p)``."""

    eigenvalues: Tensor
    projections: Tensor
    basis: Tensor

    def solve(self, filter_factors: Tensor) -> Tensor:
        """Return ``H = D^{1/2} Q diag(f) Q^T c`` of shape (p, n_outputs)."""
        return self.basis @ (filter_factors[:, None] * self.projections)


def least_norm_filter(eigenvalues: Tensor) -> Tensor:
    """Return ``1/lam`` on the numerical range of the matrix, zero elsewhere."""
    cutoff = len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps * eigenvalues.max()
    return torch.where(eigenvalues > cutoff, 1.0 / eigenvalues, 0.0)


def ridge_filter(eigenvalues: Tensor, penalty: float) -> Tensor:
    """Return ``1/(lam + penalty)``; least norm at ``penalty = 0``."""
    return 1.0 / (eigenvalues + penalty) if penalty > 0 else least_norm_filter(eigenvalues)


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
