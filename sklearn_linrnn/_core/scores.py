"""Scores of squared errors, as defined by scikit-learn's scorers of the same names."""

from __future__ import annotations

from collections.abc import Callable

import torch
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
