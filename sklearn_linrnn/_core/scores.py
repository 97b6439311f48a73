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
    """

    def __init__(self) -> None:
        self.n_rows, self.weight = 0, 0.0
        self._unit = self._error_unit = 0.0
        self._origin: NDArray | None = None  # a row: targets that are constant differ by zero
        self._mean = self._scatter = self._errors = np.zeros(1)

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
            unit = max(self._unit, _unit_of(targets))
            smaller, targets = self._unit / (unit or 1.0), targets / (unit or 1.0)
            origin = targets[0] if self._origin is None else self._origin * smaller
            targets = targets - origin
            mean = shares @ targets / added
            gap, together = mean - self._mean * smaller, self.weight + added
            between = np.square(gap) * (self.weight * added / together)
            scatter = self._scatter * smaller**2 + shares @ np.square(targets - mean) + between
        self._unit, self._origin, self._scatter = unit, origin, scatter
        self._mean = mean - gap * (self.weight / together)
        self.weight = together

    def _add_errors(self, errors: NDArray, shares: NDArray) -> None:
        unit = max(self._error_unit, _unit_of(errors))
        smaller, errors = self._error_unit / (unit or 1.0), errors / (unit or 1.0)
        self._errors = self._errors * smaller**2 + shares @ np.square(errors)
        self._error_unit = unit

    @property
    def r2(self) -> float:
        """R^2, averaged over the outputs; a FloatingPointError if it overflows."""
        with np.errstate(over="raise", under="ignore"):
            unit = np.float64(self._error_unit) / (self._unit or 1.0)
            errors = self._errors * np.square(unit)
        return float(r2(torch.from_numpy(errors)[None], torch.from_numpy(self._scatter)))


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
