"""Scores of squared errors, as defined by scikit-learn's scorers of the same names."""

from __future__ import annotations

import math
from collections.abc import Callable

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

    Both are kept in units in which the largest so far has a square that is within range.

    Attributes
    ----------
    n_rows : int
        Number of rows so far.
    weight : float
        Their weight.
    unit, error_unit : float
        The units of the targets and of the errors, powers of two; 0 where all were zero.
    origin : ndarray of shape (n_outputs,)
        A target: from it targets that are constant differ by zero.
    mean, scatter, errors : ndarray of shape (n_outputs,)
        Of the targets from there the mean and the scatter, and the sum of squared errors.
    """

    def __init__(self) -> None:
        self.n_rows, self.weight = 0, 0.0
        self.unit = self.error_unit = 0.0
        self.origin = self.mean = self.scatter = self.errors = np.zeros(1)

    def add(self, targets: NDArray, predictions: NDArray, weights: NDArray | None = None) -> None:
        """Add rows; a FloatingPointError if their errors overflow.

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
        targets = targets.astype(np.float64, copy=False)
        with np.errstate(over="raise", under="ignore"):
            self._add_errors(targets - predictions, shares)
            unit = max(self.unit, _unit_of(targets))
            smaller, targets = self.unit / (unit or 1.0), targets / (unit or 1.0)
            origin = self.origin * smaller if self.weight else targets[0]
            targets = targets - origin
            mean = shares @ targets / added
            gap, together = mean - self.mean * smaller, self.weight + added
            between = np.square(gap) * (self.weight * added / together)
            scatter = self.scatter * smaller**2 + shares @ np.square(targets - mean) + between
        self.unit, self.origin, self.scatter = unit, origin, scatter
        self.mean = mean - gap * (self.weight / together)
        self.weight = together

    def _add_errors(self, errors: NDArray, shares: NDArray) -> None:
        unit = max(self.error_unit, _unit_of(errors))
        smaller, errors = self.error_unit / (unit or 1.0), errors / (unit or 1.0)
        self.errors = self.errors * smaller**2 + shares @ np.square(errors)
        self.error_unit = unit

    def __add__(self, other: SummedErrors) -> SummedErrors:
        """Return the errors of the rows of both."""
        both = SummedErrors()
        both.n_rows, both.weight = self.n_rows + other.n_rows, self.weight + other.weight
        if other.weight == 0.0 or self.weight == 0.0:
            known = self if other.weight == 0.0 else other
            vars(both).update({**vars(known), "n_rows": both.n_rows})
            return both
        both.unit = max(self.unit, other.unit)
        both.error_unit = max(self.error_unit, other.error_unit)
        with np.errstate(under="ignore"):
            a, b = (one.unit / (both.unit or 1.0) for one in (self, other))
            both.origin, share = self.origin * a, other.weight / both.weight
            gap = other.mean * b - self.mean * a + (other.origin * b - both.origin)
            both.mean = self.mean * a + gap * share
            between = np.square(gap) * (self.weight * share)
            both.scatter = self.scatter * a**2 + other.scatter * b**2 + between
            a, b = (one.error_unit / (both.error_unit or 1.0) for one in (self, other))
            both.errors = self.errors * a**2 + other.errors * b**2
        return both

    @property
    def r2(self) -> float:
        """R^2, averaged over the outputs; a FloatingPointError if it overflows."""
        with np.errstate(over="raise", under="ignore"):
            unit = np.float64(self.error_unit) / (self.unit or 1.0)
            errors = self.errors * np.square(unit)
        return float(r2(torch.from_numpy(errors)[None], torch.from_numpy(self.scatter)))


def _unit_of(values: NDArray) -> float:
    """Return a power of two near the largest of values; 0 if they are zeros."""
    largest = float(np.abs(values).max())
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if largest > 0.0 else 0.0


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
