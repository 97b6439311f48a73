"""Scores of squared errors, as defined by scikit-learn's scorers of the same names."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.statistics.moments import Moments


def r2(squared_errors: Tensor, scatter: Tensor) -> Tensor:
    """Return R^2 averaged over the outputs, (n_rows,).

    Parameters
    ----------
    squared_errors : Tensor of shape (n_rows, n_outputs)
        Sums of squared errors.
    scatter : Tensor of shape (n_outputs,)
        Sums of squared differences of the targets from their means. For constant targets the score
        is 1 without an error and 0 with one.
    """
    constant = torch.where(squared_errors > 0, 0.0, 1.0)
    return torch.where(scatter > 0, 1.0 - squared_errors / scatter, constant).mean(dim=1)


class SummedErrors:
    """Squared errors of predictions, and the scatter of their targets, added block by block.

    Parameters
    ----------
    unit : float
        A power of two in which the squares of targets are within range; R^2 does not depend on it.

    Attributes
    ----------
    n_rows : int
        Number of rows so far.
    weight : float
        Their weight.
    origin : ndarray of shape (n_outputs,)
        The first target: from it targets that are constant differ by zero.
    mean, scatter, errors : ndarray of shape (n_outputs,)
        Of the targets from there the mean and the scatter, and the sum of the squared errors; all
        in that unit.
    """

    def __init__(self, unit: float) -> None:
        self.n_rows, self.weight = 0, 0.0
        self.unit = unit
        self.origin = self.mean = self.scatter = self.errors = np.zeros(1)

    def add(self, targets: NDArray, predictions: NDArray, weights: NDArray | None = None) -> None:
        """Add rows; a FloatingPointError if squares of their errors overflow.

        Parameters
        ----------
        targets, predictions : ndarray of shape (n_rows, n_outputs)
            The rows; finite.
        weights : ndarray of shape (n_rows,), default=None
            Their weights; ``None`` for ones.
        """
        shares = np.ones(len(targets)) if weights is None else weights.astype(np.float64)
        added = float(shares.sum())
        self.n_rows += len(targets)
        if added == 0.0:
            return
        targets = targets / self.unit
        with np.errstate(over="raise", under="ignore"):
            self.errors = self.errors + shares @ np.square(targets - predictions / self.unit)
            self.origin = self.origin if self.weight else targets[0].copy()
            targets = targets - self.origin
            mean = shares @ targets / added
            gap, together = mean - self.mean, self.weight + added
            between = np.square(gap) * (self.weight * added / together)
            self.scatter = self.scatter + shares @ np.square(targets - mean) + between
        self.mean = self.mean + gap * (added / together)
        self.weight = together

    def __add__(self, other: SummedErrors) -> SummedErrors:
        """Return the errors of both; a FloatingPointError if their squares overflow."""
        first, second = (one for one in (self, other)) if self.weight else (other, self)
        both = copy(first)
        both.n_rows = first.n_rows + second.n_rows
        if second.weight == 0.0:
            return both
        with np.errstate(over="raise", under="ignore"):
            unit = max(first.unit, second.unit)
            a, b = first.unit / unit, second.unit / unit  # powers of two, which round nothing
            both.unit, both.origin = unit, first.origin * a
            both.errors = first.errors * a**2 + second.errors * b**2
            gap = second.mean * b - first.mean * a + (second.origin * b - both.origin)
            both.weight = first.weight + second.weight
            between = np.square(gap) * (first.weight * second.weight / both.weight)
            both.scatter = first.scatter * a**2 + second.scatter * b**2 + between
            both.mean = first.mean * a + gap * (second.weight / both.weight)
        return both

    @property
    def r2(self) -> float:
        """R^2, averaged over the outputs."""
        return float(r2(torch.from_numpy(self.errors)[None], torch.from_numpy(self.scatter)))


def _r2(squared_errors: Tensor, part: Moments) -> Tensor:
    return r2(squared_errors, part.target_scatter)


def _neg_mean_squared_error(squared_errors: Tensor, part: Moments) -> Tensor:
    return -(squared_errors / part.weight).mean(dim=1)


def _neg_root_mean_squared_error(squared_errors: Tensor, part: Moments) -> Tensor:
    return -(squared_errors / part.weight).sqrt().mean(dim=1)


SCORES: dict[str, Callable[[Tensor, Moments], Tensor]] = {
    "r2": _r2,
    "neg_mean_squared_error": _neg_mean_squared_error,
    "neg_root_mean_squared_error": _neg_root_mean_squared_error,
}
