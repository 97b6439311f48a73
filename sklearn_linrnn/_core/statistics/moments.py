"""Weighted means and scatters of inputs and targets: a commutative monoid."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

from sklearn_linrnn._core.statistics.residual_form import ResidualForm
from sklearn_linrnn._core.statistics.symmetric_products import ENOUGH, add_symmetric
from sklearn_linrnn._core.tensors import StoredAsNumPy, check_device

Rows = tuple[Tensor, Tensor, Tensor]  # inputs, targets and weights

ROUNDING = 1e-14  # of a mean
SMALLEST, LARGEST = 1e-305, 1e305  # sums of squares whose products with others keep their digits
LEAST_PENALTY = 1e-10  # of the inputs' sums, that keeps its digits
OUT_OF_RANGE = "X, y or sample_weight is too {}: sums of their products {} float64. Scale them."


@dataclass(frozen=True, eq=False)
class Moments(StoredAsNumPy):
    """First and second moments of weighted rows ``(z, y)``, centred on their means.

    Attributes
    ----------
    weight : float
        ``m``, the sum of the rows' weights.
    input_mean : Tensor of shape (p,)
        ``z_bar``.
    target_mean : Tensor of shape (n_outputs,)
        ``y_bar``.
    input_scatter : Tensor of shape (p, p)
        ``G = sum_s w_s (z_s - z_bar)(z_s - z_bar)^T``.
    cross_scatter : Tensor of shape (p, n_outputs)
        ``B = sum_s w_s (z_s - z_bar)(y_s - y_bar)^T``.
    target_scatter : Tensor of shape (n_outputs,)
        ``s_yy = sum_s w_s (y_s - y_bar)^2``.
    n_intercepts : int
        1 for a model with an intercept, whose loss is about the means; 0 for one without, whose
        loss is about the origin.
    peaks : Tensor of shape (p + n_outputs,) or None
        The largest scatter of each input and target that the sums ever held, of which rounding is
        a share; None if nothing was ever taken away.
    """

    weight: float
    input_mean: Tensor
    target_mean: Tensor
    input_scatter: Tensor
    cross_scatter: Tensor
    target_scatter: Tensor
    n_intercepts: int = field(default=1, kw_only=True)
    peaks: Tensor | None = field(default=None, kw_only=True)

    @classmethod
    def of_blocks(cls, blocks: Iterable[Rows], level: Tensor, target_level: Tensor) -> Moments:
        """Return the moments of rows that are read block by block.

        Parameters
        ----------
        blocks : iterable of tuple
            Inputs (m, p), targets (m, n_outputs) and weights (m,) of each block.
        level : Tensor of shape (p,)
            About the mean of the inputs: with it taken away first, products lose no digits.
        target_level : Tensor of shape (n_outputs,)
            About the mean of the targets.

        Returns
        -------
        moments : Moments
        """
        sums = RunningSums.about(level, target_level)
        for inputs, targets, weights in blocks:
            sums.add(inputs, targets, weights)
        return sums.moments()

    @property
    def scatters(self) -> Tensor:
        """Scatter of each input and target, (p + n_outputs,)."""
        return torch.cat([self.input_scatter.diagonal(), self.target_scatter])

    @property
    def is_finite(self) -> bool:
        """Whether no sum of products overflowed."""
        sums = self.input_scatter, self.cross_scatter, self.target_scatter
        if math.isfinite(sum(float(each.sum()) for each in sums) + self.weight):
            return True
        finite = all(bool(torch.isfinite(each).all()) for each in sums)
        return finite and math.isfinite(self.weight)  # the sum of finite sums may overflow

    def check_usable(self) -> Self:
        """Return the moments, or raise a ValueError if they are of nothing or out of range.

        Returns
        -------
        moments : same type
            These moments.
        """
        if not self.is_finite:
            raise ValueError(OUT_OF_RANGE.format("large", "overflow"))
        means = torch.cat([self.input_mean, self.target_mean])
        check_range(self.weight, self.scatters, means, n_inputs=len(self.input_mean))
        return self

    def uncentred(self) -> Self:
        """Return the moments for a model without intercept, whose loss is about the origin.

        Scatters stay about the means, and so keep their digits. To such a model the means are one
        more row of data, of weight ``m``.

        Returns
        -------
        moments : same type
            The same, with no intercept.
        """
        return replace(self, n_intercepts=0)

    @property
    def origin(self) -> tuple[Tensor, Tensor]:
        """The inputs (p,) and targets (n_outputs,) that the model's loss is about."""
        return self.n_intercepts * self.input_mean, self.n_intercepts * self.target_mean

    @property
    def mean_row(self) -> tuple[Tensor, Tensor]:
        """The means (p,) and (n_outputs,) as a row of data of weight ``m``; else zeros."""
        without = 1 - self.n_intercepts
        return without * self.input_mean, without * self.target_mean

    @property
    def input_squares(self) -> Tensor:
        """Sums of squares of the inputs about the origin of the loss, (p,)."""
        return self.input_scatter.diagonal() + self.weight * self.mean_row[0].square()

    @property
    def target_squares(self) -> Tensor:
        """Sums of squares of the targets about the origin of the loss, (n_outputs,)."""
        return self.target_scatter + self.weight * self.mean_row[1].square()

    @property
    def loss_of_zero(self) -> Tensor:
        """Loss of no response, with its best intercept if any, ()."""
        return self.target_squares.sum() / (2.0 * self.weight)

    def varies(self) -> bool:
        """Return whether there is something to learn.

        Returns
        -------
        varies : bool
            Whether inputs and targets vary; without an intercept, whether they are not zero.
        """
        return bool((self.input_squares > 0).any() and (self.target_squares > 0).any())

    def intercept(self, response: Tensor) -> Tensor:
        """Return the intercept ``b`` that goes best with a response.

        Parameters
        ----------
        response : Tensor of shape (p, n_outputs) or (p, n_responses, n_outputs)
            ``H``, or several.

        Returns
        -------
        intercept : Tensor of shape (n_outputs,) or (n_responses, n_outputs)
            ``y_bar - H^T z_bar``; zero for a model without one.
        """
        return self.n_intercepts * self._mean_miss(response)

    def _mean_miss(self, response: Tensor) -> Tensor:
        return self.target_mean - torch.tensordot(self.input_mean, response, dims=1)

    def profile_loss(self, response: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of a response with its best intercept, if any, and its gradient.

        Parameters
        ----------
        response : Tensor of shape (p, n_outputs)
            ``H``.

        Returns
        -------
        loss : Tensor of shape ()
            ``1/(2m) (s_yy - 2 tr(H^T B) + tr(H^T G H))``, not less than zero.
        gradient : Tensor of shape (p, n_outputs)
            ``(G H - B)/m``. Without an intercept both have the share of the means, too.
        """
        pull = self.cross_scatter / self.weight
        gradient = self.input_scatter @ response / self.weight - pull
        half_variance = self.target_scatter.sum() / (2.0 * self.weight)
        loss = (half_variance + 0.5 * (response * (gradient - pull)).sum()).clamp(min=0.0)
        if self.n_intercepts:
            return loss, gradient
        miss = self._mean_miss(response)
        return loss + 0.5 * miss.square().sum(), gradient.addr_(self.input_mean, miss, alpha=-1.0)

    def squared_errors(self, responses: Tensor, intercepts: Tensor) -> Tensor:
        """Return the weighted sums of squared errors of many responses on these rows.

        Parameters
        ----------
        responses : Tensor of shape (p, n_responses, n_outputs)
            ``H`` of each.
        intercepts : Tensor of shape (n_responses, n_outputs)
            ``b`` of each.

        Returns
        -------
        errors : Tensor of shape (n_responses, n_outputs)
            ``sum_s w_s (y_s - b - H^T z_s)^2``, not less than zero.
        """
        miss = self._mean_miss(responses) - intercepts
        return self._residual_form.squared_errors(responses) + self.weight * miss.square()

    @cached_property
    def _residual_form(self) -> ResidualForm:
        return ResidualForm.of(self.input_scatter, self.cross_scatter, self.target_scatter)

    def to(self, device: torch.device | str) -> Self:
        """Return the moments on a device.

        Parameters
        ----------
        device : torch.device or str
            Where to keep them.

        Returns
        -------
        moments : same type
            The same numbers.

        Raises
        ------
        ValueError
            If there is no such device.
        """
        if device != "cpu":  # which is always there
            device = check_device(device)
        kept: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        tensors = {name: each for name, each in kept.items() if isinstance(each, Tensor)}
        return replace(self, **kept | {name: each.to(device) for name, each in tensors.items()})

    def some(self, inputs: slice) -> Self:
        """Return the moments of some inputs and the targets.

        Parameters
        ----------
        inputs : slice
            The inputs to keep, which are neighbours.

        Returns
        -------
        moments : same type
            Those of the rows ``(z[inputs], y)``.
        """
        kept = self.peaks
        if kept is not None:
            kept = torch.cat([kept[: len(self.input_mean)][inputs], kept[len(self.input_mean) :]])
        return replace(
            self,
            input_mean=self.input_mean[inputs],
            input_scatter=self.input_scatter[inputs, inputs].contiguous(),
            cross_scatter=self.cross_scatter[inputs],
            peaks=kept,
        )

    def settled(self) -> Self:
        """Return the moments without what rounding makes of constants: their scatters are zero.

        Returns
        -------
        moments : same type
            The moments.
        """
        floor = ROUNDING**2 * self.weight
        constant = self.input_scatter.diagonal() <= floor * self.input_mean.square()
        still = self.target_scatter <= floor * self.target_mean.square()
        if not (constant.any() or still.any()):
            return self
        either = constant[:, None] | constant
        return replace(
            self,
            input_scatter=self.input_scatter.masked_fill(either, 0.0),
            cross_scatter=self.cross_scatter.masked_fill(constant[:, None] | still, 0.0),
            target_scatter=self.target_scatter.masked_fill(still, 0.0),
        )


def check_range(weight: float, scatters: Tensor, means: Tensor, n_inputs: int) -> None:
    """Raise a ValueError unless there are sums, of squares that keep their digits in float64.

    Parameters
    ----------
    weight : float
        Sum of the weights.
    scatters, means : Tensor of shape (p + n_outputs,)
        Of the inputs, one of which at least must not be too small, and of the targets; those of
        zeros may be zero.
    n_inputs : int
        ``p``.
    """
    if weight <= 0:
        raise ValueError(
            "There is nothing to learn from: the weights of the time steps at which y was observed "
            f"sum to {weight:g}."
        )
    sizes = (scatters.clamp(min=0.0) / weight).sqrt() + means.abs()  # do not underflow
    logs = 2.0 * sizes.log10() + math.log10(weight)
    penalty = logs[:n_inputs].amax() + math.log10(LEAST_PENALTY)
    needed = torch.stack([penalty, *logs[n_inputs:], logs.new_tensor(math.log10(weight))])
    if not logs.amax() <= math.log10(LARGEST):
        raise ValueError(OUT_OF_RANGE.format("large", "overflow"))
    if ((needed < math.log10(SMALLEST)) & (needed > -math.inf)).any():
        raise ValueError(OUT_OF_RANGE.format("small", "underflow"))


def no_rows(input_mean: Tensor, target_mean: Tensor) -> Moments:
    """Return the moments of no rows, with as many inputs and outputs as the means have entries."""
    return Moments(
        weight=0.0,
        input_mean=torch.zeros_like(input_mean),
        target_mean=torch.zeros_like(target_mean),
        input_scatter=input_mean.new_zeros(len(input_mean), len(input_mean)),
        cross_scatter=input_mean.new_zeros(len(input_mean), len(target_mean)),
        target_scatter=torch.zeros_like(target_mean),
    )


@dataclass(eq=False)
class RunningSums:
    """Sums and products of weighted rows ``(z - input_shift, y - target_shift)``.

    With shifts near the means, the products lose no digits when `moments` centres them
    (Chan, Golub and LeVeque 1983, section 3).
    """

    input_shift: Tensor  # (p,)
    target_shift: Tensor  # (n_outputs,)
    weight: float
    input_sum: Tensor  # (p,)
    target_sum: Tensor  # (n_outputs,)
    input_square: Tensor  # (p, p)
    cross_square: Tensor  # (p, n_outputs)
    target_square: Tensor  # (n_outputs,)

    @classmethod
    def about(cls, input_shift: Tensor, target_shift: Tensor) -> RunningSums:
        """Return the sums of no rows."""
        nothing = no_rows(input_shift, target_shift)
        return cls(
            input_shift,
            target_shift,
            weight=0.0,
            input_sum=nothing.input_mean,
            target_sum=nothing.target_mean,
            input_square=nothing.input_scatter,
            cross_square=nothing.cross_scatter,
            target_square=nothing.target_scatter,
        )

    def add(self, inputs: Tensor, targets: Tensor, weights: Tensor) -> None:
        """Add rows ``inputs (m, p)`` and ``targets (m, n_outputs)``."""
        inputs = inputs - self.input_shift
        targets = targets - self.target_shift
        weighted = (inputs, targets)
        if not (weights == 1).all():
            weighted = (inputs * weights[:, None], targets * weights[:, None])
        self.weight += float(weights.sum())
        self.input_sum += weights @ inputs
        self.target_sum += weights @ targets
        self.cross_square.addmm_(weighted[0].T, targets)
        self.target_square += (weighted[1] * targets).sum(0)
        if len(inputs) < ENOUGH:
            self.input_square.addmm_(weighted[0].T, inputs)
        else:
            add_symmetric(self.input_square, weighted[0], inputs)

    def moments(self) -> Moments:
        """Return the centred moments; uses up the sums.

        For a constant, rounding may leave a square slightly below zero; it is set to zero.
        """
        if self.weight == 0.0:
            return no_rows(self.input_shift, self.target_shift)
        input_mean, target_mean = self.input_sum / self.weight, self.target_sum / self.weight
        input_scatter = self.input_square.addr_(self.input_sum, input_mean, alpha=-1.0)
        input_scatter.diagonal().clamp_(min=0.0)
        return Moments(
            self.weight,
            input_mean + self.input_shift,
            target_mean + self.target_shift,
            input_scatter,
            self.cross_square.addr_(self.input_sum, target_mean, alpha=-1.0),
            (self.target_square - self.target_sum * target_mean).clamp_(min=0.0),
        ).settled()
