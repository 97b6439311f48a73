"""Ridges and least norms where the data, or the prior, leave directions out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular
from torch import Tensor

from sklearn_linrnn._core.closed_form.mean_row import append_row
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.moments import Moments


@dataclass(frozen=True, eq=False)
class ShownDirections:
    """The directions of the inputs that the data show, in the coordinates of the prior.

    Which directions the data show is read from the correlations of the inputs, where it does not
    depend on the prior. With the correlations ``V diag(lam) V^T``, the inputs' deviations ``s`` and
    ``L^T s V = Q R``, the curvature is ``A = Q R diag(lam) R^T Q^T``; pivots keep the digits of an
    ``L`` that spreads over many decades. Without an intercept the means are a row of data more.

    Attributes
    ----------
    root : PriorRoot
        ``L``.
    orthogonal : ndarray of shape (p, rank)
        ``Q``.
    triangle : ndarray of shape (rank, n_shown)
        ``R``.
    roots : ndarray of shape (n_shown, 1)
        ``lam^{1/2}``.
    goals : ndarray of shape (n_shown, n_outputs)
        ``lam^{-1/2} V^T s^{-1} B/m``.
    all_shown : bool
        Whether the data show all directions of the inputs that the prior uses.
    """

    root: PriorRoot
    orthogonal: NDArray
    triangle: NDArray
    roots: NDArray
    goals: NDArray
    all_shown: bool

    @classmethod
    def of(cls, moments: Moments, root: PriorRoot) -> ShownDirections:
        """Return the directions that ``moments`` show under a prior."""
        used = root.scale[:, 0] > 0
        scatter = moments.input_scatter[used][:, used] / moments.weight
        deviation = scatter.diagonal().clamp(min=0.0).sqrt()[:, None]
        deviation = torch.where(deviation > 0, deviation, 1.0)
        eigenvalues, vectors = torch.linalg.eigh(scatter / deviation / deviation.T)
        shown = eigenvalues > rank_tolerance(len(eigenvalues)) * eigenvalues.max()
        vectors, roots = vectors[:, shown], eigenvalues[shown].sqrt()
        goals = vectors.T @ (moments.cross_scatter[used] / moments.weight / deviation)
        goals = goals / roots[:, None]
        if not moments.n_intercepts:
            row = moments.input_mean[used] / deviation[:, 0]
            roots, vectors, goals, _ = append_row(roots, vectors, goals, row, moments.target_mean)
            shown = roots > 10 * len(row) * torch.finfo(roots.dtype).eps * roots.max()
            roots, vectors, goals = roots[shown], vectors[:, shown], goals[shown]
        inputs = torch.zeros(len(used), vectors.shape[1]).to(vectors)
        inputs[used] = deviation * vectors
        # SciPy has the pivots that PyTorch lacks.
        basis = root.pull(inputs).cpu().numpy()
        orthogonal, triangle, order = qr(basis, mode="economic", pivoting=True)
        pivots = np.abs(np.diagonal(triangle))
        # Variances of independent lags may spread; smaller pivots of others are ruled out.
        rounding = 0.0 if root.is_diagonal else rank_tolerance(len(used))
        rank = np.count_nonzero(pivots > rounding * pivots.max(initial=0.0))
        return cls(
            root,
            orthogonal[:, :rank],
            triangle[:rank],
            roots[:, None].cpu().numpy()[order],
            goals.cpu().numpy()[order],
            len(roots) == len(vectors),
        )

    @property
    def rank(self) -> int:
        """Number of directions that the data show and the prior allows."""
        return len(self.triangle)

    def ridge(self, penalty: float) -> Tensor:
        """Return ``H`` for the filter ``1/(lam + penalty)``, (p, n_outputs).

        Among those of least loss it is the one of least ``||theta||``; so is what ``penalty = 0``
        returns.
        """
        if penalty == 0 and self.rank == len(self.goals):
            theta = solve_triangular(self.triangle, self.goals / self.roots, trans="T")
        else:
            rows = np.vstack([self.roots * self.triangle.T, np.sqrt(penalty) * np.eye(self.rank)])
            goal = np.vstack([self.goals, np.zeros((self.rank, self.goals.shape[1]))])
            basis, factor = np.linalg.qr(rows)
            theta = solve_triangular(factor, basis.T @ goal)
        return self._respond(theta)

    def least_squares_spread(self) -> Tensor:
        """Return ``F`` with ``F F^T = L A^+ L^T``, (p, rank)."""
        if self.rank == len(self.roots):
            spread = solve_triangular(self.triangle, np.diag(1.0 / self.roots[:, 0]), trans="T")
        else:
            half = np.linalg.qr((self.triangle * self.roots.T).T, mode="r")
            spread = solve_triangular(half, np.eye(self.rank))
        return self._respond(spread)

    def _respond(self, theta: NDArray) -> Tensor:
        lags = self.root.lags
        return self.root.respond(torch.from_numpy(self.orthogonal @ theta).to(lags.device))


def rank_tolerance(size: int) -> float:
    """Return the share of the largest below which an eigenvalue is but rounding.

    Correlations summed over data are good to about 1e-15, eigenvalues to that for each input.
    """
    return 1e-13 + 10 * size * torch.finfo(torch.float64).eps
