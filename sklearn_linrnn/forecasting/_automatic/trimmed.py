"""Weighted means without the extremes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TRIMMED = 0.1  # weight on each side that is left out


def trimmed_mean(values: NDArray, weights: NDArray) -> NDArray:
    """Return the weighted mean over the first axis without `TRIMMED` at each end.

    Parameters
    ----------
    values : ndarray of shape (n_values, ...)
        What is averaged. A value that is NaN has no weight.
    weights : ndarray of shape (n_values,), or with some of the next axes of the values
        Their weights, not negative.
    """
    wide = weights.reshape(*weights.shape, *[1] * (values.ndim - weights.ndim))
    order = np.argsort(values, axis=0)  # NaN is last
    ordered = np.take_along_axis(values, order, axis=0)
    ranked = np.take_along_axis(np.broadcast_to(wide, values.shape), order, axis=0)
    shares = np.where(np.isfinite(ordered), ranked, 0.0)
    total = shares.sum(axis=0)
    upper = shares.cumsum(axis=0) / total
    lower = upper - shares / total
    kept = np.clip(np.minimum(upper, 1.0 - TRIMMED) - np.maximum(lower, TRIMMED), 0.0, None)
    return (kept * np.where(shares > 0, ordered, 0.0)).sum(axis=0) / kept.sum(axis=0)
