"""A forecast with its uncertainty: Gaussian, or calibrated on errors that were seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts of a series at several times.

    Attributes
    ----------
    index : pandas.Index of length n_times
        The times.
    mean : ndarray of shape (n_times, n_columns)
        Point forecasts.
    variance : ndarray of shape (n_times, n_columns)
        Variances of what is forecast, NaN if they were not asked for.
    errors : ndarray of shape (n_errors, n_times, n_columns) or None
        Errors of forecasts as many steps ahead, NaN where there is none, from data that the model
        which made them has not seen; ``None`` for Gaussian quantiles.
    """

    index: pd.Index
    mean: NDArray
    variance: NDArray
    errors: NDArray | None = None

    def quantiles(self, levels: NDArray) -> NDArray:
        """Return quantiles, (n_times, n_columns, n_levels)."""
        if self.errors is None:
            offset = norm.ppf(levels) * np.sqrt(self.variance)[:, :, None]
        else:
            widths = half_widths(self.errors, np.abs(2.0 * levels - 1.0))
            offset = np.where(levels == 0.5, 0.0, np.sign(levels - 0.5) * widths)
        return self.mean[:, :, None] + offset


def half_widths(errors: NDArray, coverages: NDArray) -> NDArray:
    r"""Return half the widths of split-conformal intervals, (n_times, n_columns, n_coverages).

    Of ``n`` absolute errors it is the ``ceil((n + 1) * coverage)``-th smallest (Lei, G'Sell,
    Rinaldo, Tibshirani and Wasserman 2018); infinite where there is none.

    Parameters
    ----------
    errors : ndarray of shape (n_errors, n_times, n_columns)
        Errors, NaN where there is none.
    coverages : ndarray of shape (n_coverages,)
        Probabilities of the intervals.
    """
    n_errors = np.isfinite(errors).sum(axis=0)
    # NaN comes last, and behind all of them what a rank beyond the errors asks for.
    ordered = np.sort(np.abs(errors), axis=0)
    rank = np.ceil((n_errors[:, :, None] + 1) * coverages - 1e-9).astype(int)
    known = (rank <= n_errors[:, :, None]) & (rank > 0)
    place = np.where(known, rank - 1, 0)
    if len(ordered) == 0:
        return np.full(place.shape, np.inf)
    picked = np.take_along_axis(ordered, place.transpose(2, 0, 1), axis=0).transpose(1, 2, 0)
    return np.where(known, picked, np.where(rank == 0, 0.0, np.inf))


def mean_square(errors: NDArray) -> NDArray:
    """Return the mean squares of errors (n_errors, n_times, n_columns); infinite without errors."""
    known = np.isfinite(errors)
    squares = np.square(np.where(known, errors, 0.0)).sum(axis=0)
    n_errors = known.sum(axis=0)
    return np.where(n_errors > 0, squares / np.maximum(n_errors, 1), np.inf)
