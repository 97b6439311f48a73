"""Intervals whose widths are errors that were seen, and what stands in where there are too few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from sklearn_linrnn.forecasting._forecasts.seen_errors import errors_after
from sklearn_linrnn.forecasting._learning.learner import Learned
from sklearn_linrnn.forecasting._series.panels import Histories


@dataclass(frozen=True, eq=False)
class Conformal:
    """Errors at some times, and the deviations that stand in where they are too few.

    Attributes
    ----------
    errors : ndarray of shape (n_errors, n_times, n_columns)
        Errors of forecasts as many steps ahead, NaN where there is none, from data that the model
        which made them has not seen.
    deviation : ndarray of shape (n_times, n_columns)
        Standard deviations of a normal distribution as wide as errors of few steps are.
    n_free : ndarray of shape (n_columns,)
        How many errors that width was estimated from; infinite if from none.
    """

    errors: NDArray
    deviation: NDArray
    n_free: NDArray

    @property
    def variance(self) -> NDArray:
        """Mean squares of the errors, (n_times, n_columns); those that stand in without any."""
        known = np.isfinite(self.errors)
        n_errors = known.sum(axis=0)
        squares = np.square(np.where(known, self.errors, 0.0)).sum(axis=0)
        mean = squares / np.maximum(n_errors, 1)
        return np.where(n_errors > 0, mean, np.square(self.deviation))

    def half_widths(self, coverages: NDArray) -> NDArray:
        r"""Return half the widths of intervals, (n_times, n_columns, n_coverages).

        Of ``n`` absolute errors it is the ``ceil((n + 1) * coverage)``-th smallest (Lei, G'Sell,
        Rinaldo, Tibshirani and Wasserman 2018). Where that is more than there are, it is the
        quantile of Student's t distribution, at least as much as the largest error.

        Parameters
        ----------
        coverages : ndarray of shape (n_coverages,)
            Probabilities of the intervals.
        """
        n_errors = np.isfinite(self.errors).sum(axis=0)
        rank = np.ceil((n_errors[:, :, None] + 1) * coverages - 1e-9).astype(int)
        # No error is larger than none at all. NaN is last.
        nothing = np.zeros((1, *n_errors.shape))
        ordered = np.sort(np.concatenate([nothing, np.abs(self.errors)]), axis=0)
        place = np.minimum(rank, n_errors[:, :, None])
        ranked = np.take_along_axis(ordered, place.transpose(2, 0, 1), axis=0).transpose(1, 2, 0)
        quantile = student_t.ppf((1.0 + coverages) / 2.0, self.n_free[:, None])
        wide = self.deviation[:, :, None] * quantile
        return np.where(rank <= n_errors[:, :, None], ranked, np.maximum(wide, ranked))


@dataclass(frozen=True, eq=False)
class HeldOutErrors:
    """The errors that a model of the first part of series makes on the rest. Make it with `of`.

    Attributes
    ----------
    horizons : tuple of int
        Steps ahead.
    errors : ndarray of shape (n_errors, n_horizons, n_columns)
        The errors; NaN where there is none.
    scale : ndarray of shape (n_columns,)
        Mean square of those of the shortest forecasts, in variances that the model gives them; one
        without any.
    n_free : ndarray of shape (n_columns,)
        How many of these do not overlap; infinite without any.
    """

    horizons: tuple[int, ...]
    errors: NDArray
    scale: NDArray
    n_free: NDArray

    @classmethod
    def of(
        cls,
        calibration: Learned,
        histories: Histories,
        horizons: tuple[int, ...],
        *,
        recursive: bool,
    ) -> HeldOutErrors:
        """Return the errors some steps ahead after what a model learned from."""
        models, seen = calibration.models, calibration.coverage.upto
        kind = {"recursive": recursive}
        shortest = 1 if recursive else min(calibration.learner.horizons)
        errors = errors_after(models, seen, histories, horizons, **kind)
        units = errors_after(models, seen, histories, (shortest,), standardised=True, **kind)[:, 0]
        known = np.isfinite(units)
        n_units = known.sum(axis=0)
        mean = np.square(np.where(known, units, 0.0)).sum(axis=0) / np.maximum(n_units, 1)
        # Where there is nothing to judge it by, the model is taken at its word.
        scale = np.where(n_units > 0, mean, 1.0)
        n_free = np.where(n_units > 0, np.ceil(n_units / shortest), np.inf)
        return cls(horizons, errors, scale, n_free)

    def around(self, steps: NDArray, variance: NDArray) -> Conformal:
        """Return the errors at some steps after the cutoff, those in a sample at one step.

        Parameters
        ----------
        steps : ndarray of int, shape (n_times,)
            Steps after the cutoff.
        variance : ndarray of shape (n_times, n_columns)
            What the model of all steps says of its variances there.
        """
        places = [self.horizons.index(max(step, 1)) for step in steps]
        return Conformal(self.errors[:, places], np.sqrt(self.scale * variance), self.n_free)
