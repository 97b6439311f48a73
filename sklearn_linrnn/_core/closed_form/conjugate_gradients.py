r"""Ridges over very many lags: conjugate gradients on an operator.

With the lag weights ``rho`` on the diagonal of ``D`` and ``theta = D^{-1/2} H``, a ridge solves

    (D^{1/2} G D^{1/2} + alpha I) theta = D^{1/2} B
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sklearn_linrnn._core.fourier import fast_length, irfft, rfft
from sklearn_linrnn._core.statistics.lag_operator import LagOperator

RATIO = 8.0  # of neighbouring shifts
MARGIN = 10.0  # how far shifts reach beyond the powers of the inputs
LEAST_POWER = 1e-12  # of a frequency, where 1 is the mean
COARSE = 1e-4  # residual of a correction, relative to it
LARGEST_ERROR = 1e-4  # of a response that is trusted

Map = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class IteratedRidge:
    """The response of a ridge, and how well it was found.

    Attributes
    ----------
    response : Tensor of shape (p, n_outputs)
        ``H``.
    n_iterations : int
        Number of products with the scatter that the iterations took.
    residual : float
        Norm of what is left of the right-hand side, relative to it; the largest of all outputs. In
        the norm of the preconditioner it is close to the relative error of the response, measured
        by what it predicts on the data and by its penalty. Where few data leave much to the
        penalty, predictions elsewhere may be off by this times the condition number.
    error : float
        What a correction for that residual changes of the response, relative to it; the largest of
        all outputs; zero without a penalty, for which there is none. Where a tiny penalty alone
        holds a direction, rounding of the residual becomes large there, however small it is itself.
    converged : bool
        Whether the residual is as small as was asked for, and the error small.
    """

    response: Tensor
    n_iterations: int
    residual: float
    error: float
    converged: bool


def iterated_ridge(
    operator: LagOperator,
    weights: Tensor,
    penalty_alpha: float,
    tolerance: float = 1e-10,
    max_iterations: int = 1000,
) -> IteratedRidge:
    """Return ``H`` of least ``sum_s w_s ||y_s - b - H^T z_s||^2 + alpha sum_j ||H_j||^2 / rho_j``.

    Parameters
    ----------
    operator : LagOperator
        The moments of the data.
    weights : Tensor of shape (p,)
        Weights ``rho`` of the inputs; an input of weight zero is not used.
    penalty_alpha : float
        ``alpha``, not negative. With 0, the response of least ``sum_j ||H_j||^2 / rho_j`` among
        those of least squares; that takes many iterations where the weights spread far, because a
        preconditioner would change which one is found.
    tolerance : float, default=1e-10
        The residual to reach.
    max_iterations : int, default=1000
        The most iterations, those of the correction included.

    Returns
    -------
    solution : IteratedRidge

    Notes
    -----
    All outputs go together, each with its own steps: Hestenes and Stiefel 1952. What the iterations
    leave is solved for once more, roughly: that is a correction, and it shows the error of what it
    corrects, which a small residual does not bound.
    """
    scale = weights.sqrt()[:, None]
    precondition = _preconditioner(operator, weights, penalty_alpha)

    row, goal = (mean[:, None] for mean in operator.mean_row)
    # Without an intercept the means are one more row of data. Beside a penalty it is taken in at
    # the end; without one, where there may be no inverse, it is part of the scatter.
    apart = penalty_alpha > 0 and not operator.n_intercepts

    def curve(theta: Tensor) -> Tensor:
        product = operator.apply(scale * theta)
        if not apart:
            product = product.addmm_(row, row.T @ (scale * theta), alpha=operator.weight)
        return scale * product + penalty_alpha * theta

    if apart:
        slope = scale * torch.hstack([operator.cross_scatter, operator.weight * row])
    else:
        slope = scale * operator.cross_scatter.addmm(row, goal.T, alpha=operator.weight)
    # Far from zero the means are nearly all of the slope: its residual must be small beside the
    # rest, which is what is to be learned.
    rest_of_slope = slope if apart else scale * operator.cross_scatter
    known, whole = (_dots(each, precondition(each)) for each in (rest_of_slope, slope))
    share = float(_ratios(known, whole).amin().clamp(max=1.0).sqrt()) or 1.0
    theta, n_iterations = _iterate(curve, precondition, slope, share * tolerance, max_iterations)
    residual = slope - curve(theta)  # the iterations' own drifts away from it by rounding
    energy = _dots(residual, precondition(residual))
    left = float(_ratios(energy, torch.where(known > 0, known, whole)).max().sqrt())
    # Without a penalty, what rounding left out of the range has no solution.
    rest = max_iterations - n_iterations if penalty_alpha > 0 else 0
    change, n_more = _iterate(curve, precondition, residual, COARSE, rest)
    response, correction = scale * theta, scale * change
    error = float(_ratios(_dots(correction, correction), _dots(response, response)).max().sqrt())
    converged = left <= 10 * tolerance and error <= LARGEST_ERROR and n_more < max(rest, 1)
    response = response + correction
    if apart:
        response, along = response.tensor_split([-1], dim=1)
        miss = (goal.T - row.T @ response) / (1.0 + row.T @ along)  # Sherman and Morrison 1950
        response = response + along @ miss
    return IteratedRidge(response, n_iterations + n_more, left, error, converged)


def _iterate(
    curve: Map, precondition: Map, slope: Tensor, tolerance: float, max_iterations: int
) -> tuple[Tensor, int]:
    """Return ``theta`` with ``curve(theta)`` near ``slope``, and the number of iterations."""
    theta, residual, n_iterations = torch.zeros_like(slope), slope, 0
    direction = precondition(residual)
    start = energy = _dots(residual, direction)
    while n_iterations < max_iterations and (energy > tolerance**2 * start).any():
        product = curve(direction)
        step = _ratios(energy, _dots(direction, product))
        theta = theta + step * direction
        residual = residual - step * product
        gradient = precondition(residual)
        previous, energy = energy, _dots(residual, gradient)
        direction = gradient + _ratios(energy, previous) * direction
        n_iterations += 1
    return theta, n_iterations


def _preconditioner(
    operator: LagOperator, weights: Tensor, alpha: float
) -> Callable[[Tensor], Tensor]:
    """Return an approximate inverse; without a penalty none, so that iterates stay in the range."""
    if alpha == 0:
        return lambda residual: residual
    return ShiftedCirculants.of(operator, weights, alpha).apply


def _unit_power(spectrum: Tensor, n_lags: int) -> Tensor:
    """Return cross-spectra (f, n_channels, n_channels) of channels of power 1, or 0 if silent."""
    own = spectrum.diagonal(dim1=1, dim2=2).T
    power = irfft(own, fast_length(n_lags))[:, 0]  # the mean over the circle
    scale = torch.where(power > 0, power, 1.0).rsqrt()
    return spectrum * scale[:, None] * scale


def _dots(left: Tensor, right: Tensor) -> Tensor:
    """Return the inner products of the columns."""
    return torch.linalg.vecdot(left, right, dim=0)


def _ratios(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return ratios, zero where there is nothing to divide by: such an output is solved."""
    return torch.where(denominator > 0, numerator / denominator, 0.0)


@dataclass(frozen=True, eq=False)
class ShiftedCirculants:
    """An approximate inverse of ``D^{1/2} G D^{1/2} + alpha I``, positive definite.

    With ``G = E C E`` for inputs of unit power, ``T = E D^{1/2}`` and ``delta = alpha T^{-2}``,
    which varies from lag to lag, the matrix is ``T (C + delta) T``. Where ``delta`` is near a
    constant ``d``, its inverse is nearly ``T^{-1} (C + d)^{-1} T^{-1}``, and cheap with a circulant
    ``C``. So lags share a few shifts ``d``, and each interpolates between the two next to its
    ``delta``:

        P = sum_d (F_d T^{-1}) (C + d)^{-1} (T^{-1} F_d),      sum_d F_d^2 = I

    Ng and Pan 2010, "Approximate inverse circulant-plus-diagonal preconditioners for
    Toeplitz-plus-diagonal matrices"; here symmetric, with ``F_d^2`` linear in ``log delta``.

    Attributes
    ----------
    shares : Tensor of shape (n_shifts, n_channels, n_lags)
        ``F_d T^{-1}``.
    vectors : Tensor of shape (n_frequencies, n_channels, n_channels)
        Eigenvectors of the blocks of ``C``.
    inverses : Tensor of shape (n_shifts, n_frequencies, n_channels)
        Eigenvalues of ``(C + d)^{-1}``.
    """

    shares: Tensor
    vectors: Tensor
    inverses: Tensor

    @classmethod
    def of(cls, operator: LagOperator, weights: Tensor, alpha: float) -> ShiftedCirculants:
        """Return the preconditioner of a ridge with ``alpha > 0``."""
        spectrum = operator.products.spectrum()
        n_lags = len(weights) // spectrum.shape[1]
        powers, vectors = torch.linalg.eigh(_unit_power(spectrum, n_lags))
        powers = powers.clamp(min=LEAST_POWER)
        delta = alpha / (weights * operator.products.diagonal().clamp(min=0.0)).view(n_lags, -1).T
        most = MARGIN * float(powers.max())
        least = min(max(float(delta.min()), float(powers.min()) / MARGIN), most)
        n_shifts = 1 + math.ceil(math.log(most / least, RATIO))
        shifts = torch.linspace(
            math.log(least), math.log(most), n_shifts, dtype=delta.dtype, device=delta.device
        )
        position = delta.clamp(least, most).log() - shifts[:, None, None]
        spacing = math.log(most / least) / max(n_shifts - 1, 1) or 1.0
        shares = (1.0 - position.abs() / spacing).clamp(min=0.0).sqrt()
        inverses = 1.0 / (powers + shifts.exp()[:, None, None])
        return cls(shares * (delta.clamp(max=most) / alpha).sqrt(), vectors, inverses)

    def apply(self, residual: Tensor) -> Tensor:
        """Return ``P r`` for ``r (p, k)``."""
        _, n_channels, n_lags = self.shares.shape
        n_circle = fast_length(n_lags)
        columns = residual.T.unflatten(1, (n_lags, n_channels)).mT  # (k, n_channels, n_lags)
        total = torch.zeros_like(columns)
        for share, inverse in zip(self.shares, self.inverses, strict=True):
            spectrum = rfft(share * columns, n_circle).permute(2, 1, 0)  # (f, n_channels, k)
            spectrum = self.vectors @ (inverse[:, :, None] * (self.vectors.mH @ spectrum))
            total += share * irfft(spectrum.permute(2, 1, 0), n_circle)[:, :, :n_lags]
        return total.mT.flatten(1).T
