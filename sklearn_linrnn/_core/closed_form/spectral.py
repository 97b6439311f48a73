r"""Closed-form solutions: ridges, gradient descent and least norm on one eigendecomposition.

With a prior covariance ``L L^T`` of the response (of independent lags ``L`` is diagonal, with the
square roots of the lag weights) and ``H = L theta``, all estimators of the package minimise

    loss(theta) = 1/2 theta^T A theta - c^T theta + const,
    A = L^T (G/m) L = Q diag(lam) Q^T,    c = L^T B/m,

and every solution on the path is ``H = L Q diag(f(lam)) Q^T c`` with a filter ``f``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sklearn_linrnn._core.closed_form.mean_row import append_row
from sklearn_linrnn._core.closed_form.row_count import check_rows
from sklearn_linrnn._core.closed_form.unit_factor import solve_scaled
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.moments import Moments
from sklearn_linrnn._core.threads import spread


def in_range(curvature: Tensor) -> Tensor:
    """Return a curvature, or raise if it is not made of numbers."""
    if not torch.isfinite(curvature).all():
        raise ValueError(
            "X times the lag weights leaves the range of float64. Scale X, or lower nu_w, nu_f and "
            "nu_c, or the variances of the prior."
        )
    return curvature


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The loss as a function of ``theta``, the response in units of its prior.

    Attributes
    ----------
    scatter : Tensor of shape (p, p)
        ``G``.
    weight : float
        ``m``.
    slope : Tensor of shape (p, n_outputs)
        ``c``.
    variance: Tensor of shape (n_outputs,)
        ``s_yy / m``, the loss at zero.
    root : PriorRoot
        ``L``.
    mean : tuple of Tensor or None
        Of a model without intercept ``L^T z_bar (p, 1)`` and ``y_bar (1, n_outputs)``, a row of
        data beside those of ``A`` and ``c``; None with an intercept.
    """

    scatter: Tensor
    weight: float
    slope: Tensor
    variance: Tensor
    root: PriorRoot
    mean: tuple[Tensor, Tensor] | None = None

    @classmethod
    def of(cls, moments: Moments, root: PriorRoot) -> Quadratic:
        """Return the loss of ``moments`` for a prior."""
        mean = None
        if not moments.n_intercepts:
            mean = root.pull(moments.input_mean[:, None]), moments.target_mean[None]
        return cls(
            moments.input_scatter,
            moments.weight,
            root.pull(moments.cross_scatter).div_(moments.weight),
            moments.target_scatter / moments.weight,
            root,
            mean,
        )

    @cached_property
    def curvature(self) -> Tensor:
        """``A``, (p, p)."""
        return in_range(self.root.congruence(self.scatter).div_(self.weight))

    def largest_eigenvalue(self) -> float:
        """Return ``lam_max``; gradient descent is stable for steps up to ``2 / lam_max``."""
        whole = self.curvature
        if self.mean is not None:
            whole = whole + self.mean[0] @ self.mean[0].T
        return float(torch.linalg.eigvalsh(in_range(whole))[-1].clamp(min=0.0))

    def decompose(self) -> Spectrum:
        """Return the eigendecomposition; eigenvalues that rounding made negative become zero."""
        eigenvalues, vectors = torch.linalg.eigh(self.curvature)
        eigenvalues, projections = eigenvalues.clamp(min=0.0), vectors.T @ self.slope
        rounding = len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps
        least = rounding * float(eigenvalues.amax())
        shown, roots = eigenvalues[:, None] > least, eigenvalues.sqrt()
        goals = torch.where(shown, projections / roots[:, None], 0.0)
        rest = (self.variance - goals.square().sum(0)).clamp(min=0.0)
        if self.mean is not None:
            row, goal = self.mean[0][:, 0], self.mean[1][0]
            roots, vectors, goals, missed = append_row(roots, vectors, goals, row, goal)
            eigenvalues, projections = roots.square(), roots[:, None] * goals
            least += (rounding * float(roots.amax())) ** 2
            rest = rest + missed
        return Spectrum(eigenvalues, projections, vectors, self.root, goals, rest, least)

    def ridge(self, penalty: float) -> Tensor | None:
        """Return ``H`` for the filter ``1/(lam + penalty)``, or None if rounding would show.

        A Cholesky factorisation is the cheapest way to one ridge. Where one of its pivots would
        cost half of the digits, None is returned.
        """
        goals = self.slope if self.mean is None else torch.hstack([self.slope, self.mean[0]])
        theta = solve_scaled(
            *self._matrix_and_scale(), penalty, goals, beside_zeros=self.mean is None
        )
        if theta is None:
            return None
        if self.mean is not None:
            row, goal = self.mean
            theta, along = theta.tensor_split([-1], 1)
            miss = (goal - row.T @ theta) / (1.0 + row.T @ along)  # Sherman and Morrison 1950
            theta = theta + along @ miss
        return self.root.respond(theta)

    def _matrix_and_scale(self) -> tuple[Tensor, Tensor]:
        """Return ``M`` and the diagonal of ``S``, (p, 1), with ``A = S M S``."""
        if not self.root.is_diagonal:
            return self.curvature, torch.ones_like(self.root.scale)
        scale = self.root.scale / self.weight**0.5
        # No entry is larger than the largest of the diagonal: `A` itself is not needed.
        in_range(scale.square() * self.scatter.diagonal()[:, None])
        return self.scatter, scale


def ridge(moments: Moments, root: PriorRoot, penalty: float) -> Tensor | None:
    """Return ``H`` of a single ridge, or None where a Cholesky factorisation loses digits."""
    return Quadratic.of(moments, root).ridge(penalty)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The loss in the directions in which it separates.

    Attributes
    ----------
    eigenvalues : Tensor of shape (p,)
        ``lam``.
    projections : Tensor of shape (p, n_outputs)
        ``Q^T c``.
    vectors : Tensor of shape (p, p)
        ``Q``.
    root : PriorRoot
        ``L``.
    goals : Tensor of shape (p, n_outputs)
        ``Q^T c / sqrt(lam)``, zero where ``lam`` is but rounding.
    rest : Tensor of shape (n_outputs,)
        Mean squares of the targets that no response explains.
    rounding : float
        Eigenvalues up to this one may be but rounding.
    """

    eigenvalues: Tensor
    projections: Tensor
    vectors: Tensor
    root: PriorRoot
    goals: Tensor
    rest: Tensor
    rounding: float

    def solve(self, filters: Tensor) -> Tensor:
        """Return ``H = L Q diag(f) Q^T c``.

        Parameters
        ----------
        filters : Tensor of shape (p,) or (p, n_filters)
            ``f(lam)`` of one filter or several.

        Returns
        -------
        responses : Tensor of shape (p, n_outputs) or (p, n_filters, n_outputs)
        """
        several = filters.view(len(filters), -1, 1) * self.projections[:, None, :]
        theta = self.vectors @ several.flatten(1)
        responses = self.root.respond(theta)
        return responses if filters.ndim == 1 else responses.view(several.shape)


def ridge_filter(spectrum: Spectrum, penalty: float) -> Tensor:
    """Return ``1 / (lam + penalty)``, and zero in directions that neither data nor penalty show."""
    curvature = spectrum.eigenvalues + penalty
    return torch.where(curvature > spectrum.rounding, 1.0 / curvature, 0.0)


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


def degrees_of_freedom(eigenvalues: Tensor, filters: Tensor) -> Tensor:
    """Return ``sum_i lam_i f_i`` of filters (p, n_filters): the trace of the hat matrices."""
    return eigenvalues @ filters


def residual_squares(spectrum: Spectrum, filters: Tensor) -> Tensor:
    """Return the residual mean squares, (n_filters, n_outputs), of filters (p, n_filters).

    ``s_yy/m - sum_i (2 f_i - lam_i f_i^2) c_i^2``, as what least squares leave and what a filter
    leaves of the rest, ``sum_i (1 - lam_i f_i)^2 c_i^2 / lam_i``: small ones keep their digits.
    """
    left = (1.0 - spectrum.eigenvalues[:, None] * filters).square()
    return left.mT @ spectrum.goals.square() + spectrum.rest


def generalised_cross_validation(moments: Moments, squares: Tensor, shares: Tensor) -> Tensor:
    """Return the mean squared error that GCV expects, (n_smoothers, n_outputs).

    ``(RSS/m) / (1 - df/m)^2`` (Craven and Wahba 1979), with ``df`` the trace of the hat matrix, the
    intercept's share included; infinite where no degree of freedom is left, and where gradient
    descent diverges: there the trace is negative.

    Parameters
    ----------
    moments : Moments
        The data.
    squares : Tensor of shape (n_smoothers, n_outputs)
        Residual mean squares.
    shares : Tensor of shape (n_smoothers,)
        Degrees of freedom without the intercept's.
    """
    check_rows(moments, "Generalised cross-validation")
    used = moments.n_intercepts + shares
    left = (1.0 - used / moments.weight)[:, None]
    return torch.where((left > 0) & (left <= 1), squares / left.square(), torch.inf)


def held_out_squares(
    spectrum: Spectrum, filters: Tensor, training: Moments, held_out: Moments
) -> Tensor:
    """Return sums of squared errors on held-out rows, all outputs together, (n_filters,).

    They are those of the responses of filters (p, n_filters) with the intercepts that are best for
    the training rows, ``b = y_bar - H^T z_bar``. In the spectrum's coordinates they are a quadratic
    form of the filter itself, so that no response is formed, however many outputs there are.
    """
    input_origin, target_origin = training.origin
    vectors, projections, root = spectrum.vectors, spectrum.projections, spectrum.root
    matrix = root.congruence(held_out.input_scatter)
    with spread(len(vectors) ** 3):
        seen = vectors.mT @ matrix @ vectors
    curvature = seen * (projections @ projections.mT)
    slope = torch.linalg.vecdot(projections, vectors.mT @ root.pull(held_out.cross_scatter))
    total = held_out.target_scatter.sum()
    squares = total - 2.0 * slope @ filters + ((curvature @ filters) * filters).sum(0)
    # What the rows' means are from where the training rows put them, squared last.
    gap = vectors.mT @ root.pull((held_out.input_mean - input_origin)[:, None])
    reached = filters.mT @ (gap * projections)
    miss = held_out.target_mean - target_origin - reached
    return squares.clamp(min=0.0) + held_out.weight * miss.square().sum(1)
