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
    rest : ndarray of shape (n_outputs,)
        Mean squares of the targets that no response explains.
    all_shown : bool
        Whether the data show all directions of the inputs that the prior uses.
    """

    root: PriorRoot
    orthogonal: NDArray
    triangle: NDArray
    roots: NDArray
    goals: NDArray
    rest: NDArray
    all_shown: bool

    @classmethod
    def of(cls, moments: Moments, root: PriorRoot) -> ShownDirections:
        """Return the directions that ``moments`` show under a prior."""
        used = root.scale[:, 0] > 0
        scatter = moments.input_scatter[used][:, used] / moments.weight
        cross = moments.cross_scatter[used] / moments.weight
        deviation, vectors, roots, goals = shown_correlations(scatter, cross)
        rest = (moments.target_scatter / moments.weight - goals.square().sum(0)).clamp(min=0.0)
        if not moments.n_intercepts:
            row, goal = moments.input_mean[used] / deviation[:, 0], moments.target_mean
            roots, vectors, goals, missed = append_row(roots, vectors, goals, row, goal)
            shown = roots > 10 * len(row) * torch.finfo(roots.dtype).eps * roots.max()
            rest = rest + missed + goals[~shown].square().sum(0)
            roots, vectors, goals = roots[shown], vectors[:, shown], goals[shown]
        inputs = torch.zeros(len(used), vectors.shape[1]).to(vectors)
        inputs[used] = deviation * vectors
        # SciPy has the pivots that PyTorch lacks.
        basis = root.pull(inputs).cpu().numpy()
        orthogonal, triangle, order = qr(basis, mode="economic", pivoting=True)
        rank = np.count_nonzero(np.diagonal(triangle)) if root.is_diagonal else _rank(basis)
        return cls(
            root,
            orthogonal[:, :rank],
            triangle[:rank],
            roots[:, None].cpu().numpy()[order],
            goals.cpu().numpy()[order],
            rest.cpu().numpy(),
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
            basis, factor = self._factor(penalty)
            theta = solve_triangular(factor, basis.T @ self.goals)
        return self._respond(self.orthogonal @ theta)

    def degrees_of_freedom(self, penalty: float) -> float:
        """Return the trace of the hat matrix of a ridge, ``sum lam / (lam + penalty)``."""
        return float(np.square(self._factor(penalty)[0]).sum())

    def mean_squares(self, penalty: float) -> Tensor:
        """Return the mean squares that a ridge leaves of the targets, (n_outputs,)."""
        basis, _ = self._factor(penalty)
        left = self.goals - basis @ (basis.T @ self.goals)
        return self._tensor(np.square(left).sum(axis=0) + self.rest)

    def seen(self, penalty: float) -> tuple[Tensor, Tensor]:
        """Return the ridge ``F C`` with ``F (p, rank)`` and ``C (rank, n_outputs)``.

        As rows of data see it, ``F F^T`` is ``L (A + penalty)^+ L^T``.
        """
        if penalty == 0 and self.rank == len(self.roots):
            half = np.diag(1.0 / self.roots[:, 0])
            theta, found = solve_triangular(self.triangle, half, trans="T"), self.goals
        else:
            basis, factor = self._factor(penalty)
            theta, found = solve_triangular(factor, np.eye(self.rank)), basis.T @ self.goals
        return self._respond(self.orthogonal @ theta), self._tensor(found)

    def spread(self, penalty: float) -> Tensor:
        """Return ``F (p, k)`` with ``F F^T = L (A + penalty)^+ L^T``.

        Directions that the data do not show have the prior's variance. Where they show all, what
        is left is rounding of the prior, and varies as far as the penalty is above that of ``A``.
        """
        seen, _ = self.seen(penalty)
        rounding = rank_tolerance(len(seen)) * self.roots[0] * self.triangle[0, 0]
        if penalty == 0 or (self.all_shown and penalty <= np.square(rounding)):
            return seen
        unseen = np.linalg.qr(self.orthogonal, mode="complete")[0][:, self.rank :]
        return torch.hstack([seen, self._respond(unseen / np.sqrt(penalty))])

    def _factor(self, penalty: float) -> tuple[NDArray, NDArray]:
        """Return ``B`` and ``U`` of rows ``B U``, so that ``U^T U`` is their scatter and a penalty.

        The rows of data are those of ``A`` in the basis ``Q``.
        """
        rows = self.roots * self.triangle.T
        basis, factor = np.linalg.qr(np.vstack([rows, np.sqrt(penalty) * np.eye(self.rank)]))
        return basis[: len(rows)], factor

    def _respond(self, theta: NDArray) -> Tensor:
        return self.root.respond(self._tensor(theta))

    def _tensor(self, array: NDArray) -> Tensor:
        return torch.from_numpy(array).to(self.root.lags.device)


def _rank(basis: NDArray) -> int:
    """Return the rank of ``L^T C``: how small the variances of the prior are does not matter.

    A row belongs to a coordinate of the prior; in units of its length, what is but rounding is so
    beside one.
    """
    lengths = np.abs(basis).max(axis=1, initial=0.0)
    rows = basis[lengths > 0] / lengths[lengths > 0, None]
    triangle, _ = qr(rows, mode="r", pivoting=True)
    pivots = np.abs(np.diagonal(triangle))
    return int((pivots > rank_tolerance(len(basis)) * pivots.max(initial=0.0)).sum())


def shown_correlations(scatter: Tensor, cross: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the directions in which inputs vary, one in units of its deviation.

    Parameters
    ----------
    scatter : Tensor of shape (p, p)
        ``G``.
    cross : Tensor of shape (p, n_outputs)
        ``B``.

    Returns
    -------
    deviation : Tensor of shape (p, 1)
        ``s``, the roots of the diagonal; 1 of inputs that do not vary.
    vectors : Tensor of shape (p, k)
        ``V``, with the correlations ``V diag(lam) V^T``, where they are more than rounding.
    roots : Tensor of shape (k,)
        ``lam^{1/2}``.
    goals : Tensor of shape (k, n_outputs)
        ``lam^{-1/2} V^T s^{-1} B``.
    """
    deviation = scatter.diagonal().clamp(min=0.0).sqrt()[:, None]
    deviation = torch.where(deviation > 0, deviation, 1.0)
    eigenvalues, vectors = torch.linalg.eigh(scatter / deviation / deviation.T)
    shown = eigenvalues > rank_tolerance(len(eigenvalues)) * eigenvalues.max()
    vectors, roots = vectors[:, shown], eigenvalues[shown].sqrt()
    goals = vectors.T @ (cross / deviation)
    return deviation, vectors, roots, goals / roots[:, None]


def rows_of_sums(
    scatter: NDArray, cross: NDArray, row: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Return rows of data that have given sums, and a row beside them without their rounding.

    Parameters
    ----------
    scatter : ndarray of shape (p, p)
        ``G``.
    cross : ndarray of shape (p, n_outputs)
        ``B``.
    row : ndarray of shape (p,)
        A row that ``G`` does not contain.

    Returns
    -------
    rows : ndarray of shape (k, p)
        ``J`` with ``J^T J = G``.
    goals : ndarray of shape (k, n_outputs)
        Their targets: ``J^T g = B``.
    row : ndarray of shape (p,)
        The row, or where no more than rounding of it lies outside of the rows, what lies in them.
    """
    sums = torch.from_numpy(scatter), torch.from_numpy(cross)
    deviation, vectors, roots, goals = (each.numpy() for each in shown_correlations(*sums))
    relative = row / deviation[:, 0]
    inside = vectors @ (vectors.T @ relative)
    outside = np.linalg.norm(relative - inside)
    if outside <= rank_tolerance(len(row)) * np.linalg.norm(relative):
        row = inside * deviation[:, 0]
    return roots[:, None] * vectors.T * deviation.T, goals, row


def rank_tolerance(size: int) -> float:
    """Return the share of the largest below which an eigenvalue is but rounding.

    Correlations summed over data are good to about 1e-15, eigenvalues to that for each input.
    """
    return 1e-13 + 10 * size * torch.finfo(torch.float64).eps
