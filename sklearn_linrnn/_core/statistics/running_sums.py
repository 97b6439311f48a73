"""Sums over rows, added up block by block."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from sklearn_linrnn._core.statistics.moments import Moments, no_rows

Rows = tuple[Tensor, Tensor, Tensor]  # inputs, targets and weights


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
        weighted = targets * weights[:, None]
        self.weight += float(weights.sum())
        self.input_sum += weights @ inputs
        self.target_sum += weighted.sum(0)
        self.cross_square.addmm_(inputs.T, weighted)
        self.target_square += (weighted * targets).sum(0)
        left = inputs if (weights == 1).all() else inputs * weights[:, None]
        self.input_square.addmm_(left.T, inputs)

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


def sum_blocks(blocks: Iterable[Rows], level: Tensor, target_level: Tensor) -> Moments:
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
