"""Where training in closed form arrives, and all that follows from there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from sklearn_linrnn._core.closed_form.rank_revealing import ShownDirections
from sklearn_linrnn._core.closed_form.spectral import (
    Quadratic,
    Spectrum,
    degrees_of_freedom,
    gradient_descent_filter,
    ridge,
    ridge_filter,
)
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.tensors import StoredAsNumPy
from sklearn_linrnn._core.threads import calm


@dataclass(frozen=True)
class Descent:
    """So many steps of gradient descent of such a size."""

    n_steps: int
    learning_rate: float


@dataclass(frozen=True, eq=False)
class Problem(StoredAsNumPy):
    """What is minimised, but for the penalty: data and a prior.

    The decompositions are made when they are first asked for, and shared by all solutions of the
    problem; they are not stored with it.

    Attributes
    ----------
    statistics : LagStatistics
        The data; about the origin for a model without intercept.
    root : PriorRoot
        ``L``, the root of the prior's covariance.
    """

    statistics: LagStatistics
    root: PriorRoot

    def to(self, device: torch.device | str) -> Problem:
        """Return the problem on a device."""
        if self.root.lags.device == torch.device(device):
            return self
        root = replace(self.root, lags=self.root.lags.to(device))
        return Problem(self.statistics.to(device), root)

    @cached_property
    def spectrum(self) -> Spectrum:
        """The eigendecomposition, with what to see there."""
        with calm(self.statistics.input_scatter.numel()):
            return Quadratic.of(self.statistics, self.root).decompose()

    @cached_property
    def shown(self) -> ShownDirections:
        """The directions that the data show."""
        with calm(self.statistics.input_scatter.numel()):
            return ShownDirections.of(self.statistics, self.root)

    def ridge(self, penalty: float) -> Tensor:
        """Return ``H`` for the filter ``1/(lam + penalty)``, (p, n_outputs)."""
        response = ridge(self.statistics, self.root, penalty)
        return self.shown.ridge(penalty) if response is None else response


@dataclass(frozen=True, eq=False)
class LongRun(StoredAsNumPy):
    """What noise that is not white does to sums over rows.

    Attributes
    ----------
    scatter : Tensor of shape (p, p)
        ``sum_st r_{s-t} z_s z_t^T`` about the origin of the loss, with the autocorrelations ``r_k``
        of the noise: the covariance of ``sum_s z_s e_s`` over the noise variance.
    inflation : float
        ``1 + 2 sum_k r_k``: the same for a constant, over the number of rows.
    predictability : float
        Share of the noise variance that the noise before explains.
    n_independent : float
        Number of independent residuals that would show the noise variance as well.
    """

    scatter: Tensor
    inflation: float
    predictability: float
    n_independent: float


@dataclass(frozen=True, eq=False)
class Solution(StoredAsNumPy):
    """A ridge, or gradient descent towards it.

    Attributes
    ----------
    problem : Problem
        Data and prior.
    alpha : float
        Strength of the penalty; infinite if nothing is to be learned.
    descent : Descent or None
        None for the minimum.
    long_run : LongRun or None
        What is known of the noise besides its variance; None if it is white.
    """

    problem: Problem
    alpha: float
    descent: Descent | None = None
    long_run: LongRun | None = None

    def to(self, device: torch.device | str) -> Solution:
        """Return the solution on a device."""
        long_run = self.long_run
        if long_run is not None:
            long_run = replace(long_run, scatter=long_run.scatter.to(device))
        return replace(self, problem=self.problem.to(device), long_run=long_run)

    @property
    def statistics(self) -> LagStatistics:
        """The data."""
        return self.problem.statistics

    @property
    def root(self) -> PriorRoot:
        """``L``."""
        return self.problem.root

    @property
    def spectrum(self) -> Spectrum:
        """The eigendecomposition of the problem."""
        return self.problem.spectrum

    @property
    def penalty(self) -> float:
        """``alpha / m``."""
        return self.alpha / self.problem.statistics.weight

    @cached_property
    def response(self) -> Tensor:
        """``H``, (p, n_outputs)."""
        if self.penalty == torch.inf:
            return torch.zeros_like(self.statistics.cross_scatter)
        if self.descent is not None:
            return self.spectrum.solve(self.filter)
        return self.problem.ridge(self.penalty)

    @cached_property
    def largest_curvature(self) -> float:
        """Largest eigenvalue of the loss: steps are stable below twice its inverse."""
        return float(self.spectrum.eigenvalues.max()) + self.penalty

    @property
    def is_least_squares(self) -> bool:
        """Whether this is the minimum without a penalty."""
        return self.penalty == 0 and self.descent is None

    @cached_property
    def filter(self) -> Tensor:
        """``f(lam)``, (p,)."""
        return self.descent_filter(self.descent)

    def descent_filter(self, descent: Descent | None) -> Tensor:
        """Return ``f(lam)``, (p,), after another number of steps; None for the minimum."""
        eigenvalues = self.spectrum.eigenvalues
        if self.penalty == torch.inf:
            return torch.zeros_like(eigenvalues)
        if descent is not None:
            return gradient_descent_filter(
                eigenvalues, self.penalty, descent.n_steps, descent.learning_rate
            )
        return ridge_filter(self.spectrum, self.penalty)

    @cached_property
    def degrees_of_freedom(self) -> float:
        """Trace of the hat matrix, that of the intercept included."""
        if self.shows_rounding:
            shown = self.problem.shown.degrees_of_freedom(self.penalty)
            return self.statistics.n_intercepts + shown
        used = float(degrees_of_freedom(self.spectrum.eigenvalues, self.filter))
        return self.statistics.n_intercepts + used

    @cached_property
    def noise_variance(self) -> Tensor:
        """Residual sum of squares over the degrees of freedom that are left, (n_outputs,).

        Where ``alpha`` maximises the evidence this is the noise variance that does so too (MacKay
        1992; of several outputs in the mean). It is zero if no degree of freedom is left. Noise
        that is not white takes as many as it hides of itself in the response and the intercept, and
        if little of it is independent, a variance that small samples easily miss is larger on
        average: by ``nu / (nu - 2)`` for ``nu`` degrees of freedom, three times at most.
        """
        statistics, response = self.statistics, self.response
        left = statistics.weight - self.degrees_of_freedom
        if self.long_run is not None and self.has_posterior:
            hidden = float((self._white_root.T @ self.long_run.scatter @ self._white_root).trace())
            hidden += statistics.n_intercepts * self.long_run.inflation
            left = min(left, max(statistics.weight - hidden, 1.0))
            left *= max(1.0 - 2.0 / self.long_run.n_independent, 1.0 / 3.0)
        intercept = statistics.intercept(response)
        residual = statistics.squared_errors(response[:, None], intercept[None])[0]
        return residual / left if left > 0 else torch.zeros_like(residual)

    @cached_property
    def shows_rounding(self) -> bool:
        """Whether the penalty of a minimum lets rounding of the eigenvalues show.

        They are good to rounding of the largest: those of a prior that spreads over many decades
        are less than that, and only `ShownDirections` has their digits.
        """
        if self.descent is not None or self.penalty == 0:
            return self.descent is None
        curvature = self.spectrum.eigenvalues + self.penalty
        half_of_the_digits = torch.finfo(curvature.dtype).eps ** 0.5
        return not bool(curvature.min() >= half_of_the_digits * curvature.max())

    @property
    def is_determined(self) -> bool:
        """Whether data and penalty together determine the response."""
        return self.penalty > 0 or self.problem.shown.all_shown

    @property
    def has_posterior(self) -> bool:
        """Whether there is a posterior: at the minimum of the loss, where it is determined."""
        return self.descent is None and self.is_determined

    @cached_property
    def posterior_root(self) -> Tensor:
        """``F`` of shape (p, k); ``noise_variance * F F^T`` is the covariance of the response.

        Noise that is not white adds to it what its errors of the sums are more than those of white
        noise: with ``F_0`` of the latter and the scatter ``G`` about the origin of the loss, the
        covariance is ``F_0 (I + F_0^T (W - G) F_0) F_0^T`` for the long-run scatter ``W``.
        """
        root = self._white_root
        if self.long_run is None:
            return root
        statistics, mean = self.statistics, self.statistics.mean_row[0]
        scatter = statistics.input_scatter + statistics.weight * torch.outer(mean, mean)
        more = root.T @ (self.long_run.scatter - scatter) @ root
        with calm(more.numel()):
            values, vectors = torch.linalg.eigh(torch.eye(len(more), dtype=more.dtype) + more)
        return root @ (vectors * values.clamp(min=0.0).sqrt())

    @property
    def intercept_variance(self) -> float:
        """Variance of the intercept at the mean of the inputs, over that of the noise."""
        inflation = 1.0 if self.long_run is None else self.long_run.inflation
        return self.statistics.n_intercepts * inflation / self.statistics.weight

    @cached_property
    def _white_root(self) -> Tensor:
        """``F_0``, ``F`` if noise is white."""
        if self.shows_rounding:
            with calm(self.statistics.input_scatter.numel()):
                return self.problem.shown.spread(self.penalty) / self.statistics.weight**0.5
        curvature = self.statistics.weight * (self.spectrum.eigenvalues + self.penalty)
        return self.root.respond(self.spectrum.vectors * curvature.rsqrt())

    def ensemble_root(self, start: Tensor) -> Tensor:
        """Return ``E`` of shape (p, p): ``E E^T`` is the response's covariance over networks.

        Gradient descent shrinks what a network was at its start, ``theta ~ N(0, diag(start^2))``,
        by ``1 - (lam + penalty) f(lam)`` along each eigenvector.

        Parameters
        ----------
        start : Tensor of shape (p,)
            Deviations of ``theta`` at initialisation.
        """
        if self.penalty == torch.inf:
            return torch.zeros_like(self.spectrum.vectors)
        left = 1.0 - (self.spectrum.eigenvalues + self.penalty) * self.filter
        vectors = self.spectrum.vectors
        return self.root.respond((vectors * left) @ (vectors.T * start))
