"""Weighted means and scatters of inputs and targets: a commutative monoid."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from sklearn_linrnn._core.statistics.residual_form import ResidualForm
from sklearn_linrnn._core.statistics.sum_range import OUT_OF_RANGE, check_range
from sklearn_linrnn._core.tensors import StoredAsNumPy, check_device

ROUNDING = 1e-14  # of a mean
WEIGHT_ROUNDING = 1e-12  # a remainder below this share of the weight is rounding


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
        1 where the moments are about the means, for a model with an intercept; 0 where they are
        about the origin.
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

    def reordered(self, order: Tensor) -> Self:
        """Return the moments of the rows ``(z[order], y)``.

        Parameters
        ----------
        order : Tensor of int, shape (p,)
            Which input comes first, which second, and so on.

        Returns
        -------
        moments : same type
            Those of the same rows with their inputs in that order.
        """
        return replace(
            self,
            input_mean=self.input_mean[order],
            input_scatter=self.input_scatter[order[:, None], order],
            cross_scatter=self.cross_scatter[order],
            peaks=self._peaks_of(order),
        )

    def _peaks_of(self, inputs: Tensor | slice) -> Tensor | None:
        """Return the peaks of some inputs and the targets."""
        if self.peaks is None:
            return None
        n_inputs = len(self.input_mean)
        return torch.cat([self.peaks[:n_inputs][inputs], self.peaks[n_inputs:]])

    @property
    def scatters(self) -> Tensor:
        """Scatter of each input and target, (p + n_outputs,)."""
        return torch.cat([self.input_scatter.diagonal(), self.target_scatter])

    @property
    def cancelled(self) -> float:
        """How many times what is left of an input or target the sums once held, at the most.

        Rounding of what they held is still in them: so many times larger it is, relative to them.
        """
        if self.peaks is None:
            return 1.0
        held = self.peaks > 0
        left = self.scatters[held].clamp(min=torch.finfo(self.peaks.dtype).tiny)
        return float((self.peaks[held] / left).max()) if held.any() else 1.0

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

    def check_rows(self, what: str) -> None:
        """Raise a ValueError unless ``what`` has rows to count: weights are numbers of them."""
        if self.weight <= self.n_intercepts:
            raise ValueError(
                f"{what} takes sample_weight as numbers of rows, which must sum to more than "
                f"{self.n_intercepts}, but they sum to {self.weight:g}."
            )

    def uncentred(self) -> Self:
        """Return the moments about the origin, from which a model without intercept learns.

        Returns
        -------
        moments : same type
            The same, with means of zero.
        """
        return replace(
            self,
            input_mean=torch.zeros_like(self.input_mean),
            target_mean=torch.zeros_like(self.target_mean),
            input_scatter=torch.addr(
                self.input_scatter, self.input_mean, self.input_mean, alpha=self.weight
            ),
            cross_scatter=torch.addr(
                self.cross_scatter, self.input_mean, self.target_mean, alpha=self.weight
            ),
            target_scatter=self.target_scatter + self.weight * self.target_mean.square(),
            n_intercepts=0,
        )

    def varies(self) -> bool:
        """Return whether there is something to learn.

        Returns
        -------
        varies : bool
            Whether inputs and targets vary by more than the rounding of constants.
        """
        floor = ROUNDING**2 * self.weight
        inputs = self.input_scatter.diagonal() > floor * self.input_mean.square()
        targets = self.target_scatter > floor * self.target_mean.square()
        return bool(inputs.any() and targets.any())

    def intercept(self, response: Tensor) -> Tensor:
        """Return the intercept ``b`` that goes best with a response.

        Parameters
        ----------
        response : Tensor of shape (p, n_outputs) or (p, n_responses, n_outputs)
            ``H``, or several.

        Returns
        -------
        intercept : Tensor of shape (n_outputs,) or (n_responses, n_outputs)
            ``y_bar - H^T z_bar``.
        """
        return self.target_mean - torch.tensordot(self.input_mean, response, dims=1)

    def profile_loss(self, response: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of a response with its best intercept, and its gradient.

        Parameters
        ----------
        response : Tensor of shape (p, n_outputs)
            ``H``.

        Returns
        -------
        loss : Tensor of shape ()
            ``1/(2m) (s_yy - 2 tr(H^T B) + tr(H^T G H))``, not less than zero.
        gradient : Tensor of shape (p, n_outputs)
            ``(G H - B)/m``.
        """
        pull = self.cross_scatter / self.weight
        gradient = self.input_scatter @ response / self.weight - pull
        half_variance = self.target_scatter.sum() / (2.0 * self.weight)
        loss = half_variance + 0.5 * (response * (gradient - pull)).sum()
        return loss.clamp(min=0.0), gradient

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
        miss = self.intercept(responses) - intercepts
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
        return replace(
            self,
            input_mean=self.input_mean.to(device),
            target_mean=self.target_mean.to(device),
            input_scatter=self.input_scatter.to(device),
            cross_scatter=self.cross_scatter.to(device),
            target_scatter=self.target_scatter.to(device),
            peaks=None if self.peaks is None else self.peaks.to(device),
        )

    def first(self, n_inputs: int) -> Self:
        """Return the moments of the first inputs and the targets.

        Parameters
        ----------
        n_inputs : int
            Number of inputs to keep.

        Returns
        -------
        moments : same type
            Those of the rows ``(z[:n_inputs], y)``.
        """
        return replace(
            self,
            input_mean=self.input_mean[:n_inputs],
            input_scatter=self.input_scatter[:n_inputs, :n_inputs].contiguous(),
            cross_scatter=self.cross_scatter[:n_inputs],
            peaks=self._peaks_of(slice(n_inputs)),
        )

    def merged(self, other: Moments, sign: int) -> Self:
        """Return the moments with ``other``'s rows added (``sign=1``) or taken away (``-1``).

        Chan, Golub and LeVeque 1983, equation 2.1; solved for one of the parts when ``sign=-1``.

        Parameters
        ----------
        other : Moments
            Moments of the same inputs and targets on other rows, or on some of these.
        sign : {1, -1}
            Whether to add them or to take them away.

        Returns
        -------
        moments : same type
            Those of all rows, or of the rows that are left.
        """
        weight = self.weight + sign * other.weight
        if abs(weight) <= WEIGHT_ROUNDING * self.weight:
            nothing = vars(no_rows(self.input_mean, self.target_mean))
            return replace(self, **nothing | {"n_intercepts": self.n_intercepts})
        input_gap = other.input_mean - self.input_mean
        target_gap = other.target_mean - self.target_mean
        share = sign * other.weight / weight
        spread = share * self.weight
        merged = replace(
            self,
            weight=weight,
            input_mean=self.input_mean + share * input_gap,
            target_mean=self.target_mean + share * target_gap,
            input_scatter=torch.add(self.input_scatter, other.input_scatter, alpha=sign).addr_(
                input_gap, input_gap, alpha=spread
            ),
            cross_scatter=torch.add(self.cross_scatter, other.cross_scatter, alpha=sign).addr_(
                input_gap, target_gap, alpha=spread
            ),
            target_scatter=torch.add(self.target_scatter, other.target_scatter, alpha=sign).add_(
                target_gap.square(), alpha=spread
            ),
        ).settled()
        known = [part for part in (self, other) if sign < 0 or part.peaks is not None]
        if not known:
            return merged
        held = [part.scatters if part.peaks is None else part.peaks for part in known]
        return replace(merged, peaks=torch.stack([*held, merged.scatters]).amax(0))

    def settled(self) -> Self:
        """Return the moments without what rounding makes of constants: their scatters are zero."""
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
