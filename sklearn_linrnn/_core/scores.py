"""Scores of squared errors, as defined by scikit-learn's scorers of the same names."""

from __future__ import annotations

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

    Parameters
    ----------
    unit : float
        In which the squares of targets are within range; R^2 does not depend on it.

    Attributes
    ----------
    n_rows : int
        Number of rows so far.
    weight : float
        Their weight.
    """

    def __init__(self, unit: float) -> None:
        self.n_rows, self.weight = 0, 0.0
        self._unit = unit
        self._origin: NDArray | None = None  # a row: targets that are constant differ by zero
        self._mean = self._scatter = self._errors = np.zeros(1)

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
        targets = targets / self._unit
        with np.errstate(over="raise", under="ignore"):
            self._errors = self._errors + shares @ np.square(targets - predictions / self._unit)
            self._origin = targets[0].copy() if self._origin is None else self._origin
            targets = targets - self._origin
            mean = shares @ targets / added
            gap, together = mean - self._mean, self.weight + added
            between = np.square(gap) * (self.weight * added / together)
            self._scatter = self._scatter + shares @ np.square(targets - mean) + between
        self._mean = self._mean + gap * (added / together)
        self.weight = together

    @property
    def r2(self) -> float:
        """R^2, averaged over the outputs."""
        return float(r2(torch.from_numpy(self._errors)[None], torch.from_numpy(self._scatter)))


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
