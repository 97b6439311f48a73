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
        """Return ``H`` for the filter ``1/(lam + penalty)``, or None if the matrix is singular.

        A Cholesky factorisation is the cheapest way to one ridge. Scaled to a diagonal of ones, its
        pivots do not depend on how far the weights spread; where one of them is no more than
        rounding, None is returned.
        """
        matrix = self.curvature.clone()
        matrix.diagonal().add_(penalty)
        unit = matrix.diagonal().rsqrt()[:, None]
        factor, info = torch.linalg.cholesky_ex(matrix.mul_(unit).mul_(unit.T))
        if info or not factor.diagonal().square().min() > rank_tolerance(len(factor)):
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
    """Return the share of the largest below which an eigenvalue or a pivot is but rounding.

    Correlations summed over data are good to about 1e-15, eigenvalues to that for each input.
    """
    return 1e-13 + 10 * size * torch.finfo(torch.float64).eps


def ridge_filter(eigenvalues: Tensor, penalty: float) -> Tensor:
    """Return ``1/(lam + penalty)``."""
    return 1.0 / (eigenvalues + penalty)


def least_norm(moments: Moments, weights: Tensor) -> Tensor:
    """Return the ``H`` with the smallest ``sum_j ||H_j||^2 / rho_j`` among those of least loss.

    Which directions the data show is read from the correlations of the inputs, where it does not
    depend on the weights; in the others, those of the null space, the norm decides.
    """
    used = weights > 0
    scatter = moments.input_scatter[used][:, used]
    deviation = scatter.diagonal().clamp(min=0.0).sqrt()
    unit = torch.where(deviation > 0, 1.0 / deviation, 1.0)[:, None]
    eigenvalues, vectors = torch.linalg.eigh(scatter * unit * unit.T)
    shown = eigenvalues > rank_tolerance(len(eigenvalues)) * eigenvalues.max()
    seen, unseen = unit * vectors[:, shown], unit * vectors[:, ~shown]
    response = seen @ ((seen.T @ moments.cross_scatter[used]) / eigenvalues[shown, None])
    scale = weights[used].sqrt()[:, None]
    rest = torch.linalg.lstsq(unseen / scale, -response / scale).solution
    full = torch.zeros_like(moments.cross_scatter)
    full[used] = response + unseen @ rest
    return full


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
