"""Confidence limits of means, by the bootstrap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

LEAST_SAMPLES = 10  # with fewer, resamples are too much alike to tell anything
MOST_COUNTS = 2**20  # that are held at once
ROUNDING = 1e-12  # a deviation that is none, in units of the largest number


def limits_of_means(
    samples: NDArray,
    coverage: float,
    *,
    logarithmic: bool,
    n_resamples: int,
    random_state: Any,
) -> NDArray[np.float64]:
    """Return limits between which the expectations lie, each by itself, (2, n_quantities).

    The bootstrap-t: the distance of a mean from its expectation, in standard errors, is taken to be
    distributed as that of means of resamples from the mean. Unlike quantiles of these means it
    allows for samples that are few and skewed.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, n_quantities)
        Independent draws.
    coverage : float
        Probability that a quantity's expectation is between its limits.
    logarithmic : bool
        Whether distances are those of logarithms, for quantities that are not negative.
    n_resamples : int
        Number of resamples.
    random_state : int, RandomState instance or None
        Source of the resamples.

    Returns
    -------
    limits : ndarray of shape (2, n_quantities)
        Lower and upper ones; NaN if there are fewer than ten samples, and infinite where resamples
        leave one open.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman and Hall, 1993,
       chapter 12.
    """
    if len(samples) < LEAST_SAMPLES:
        return np.full((2, samples.shape[1]), np.nan)
    largest = np.abs(samples).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)  # in which no square overflows
    samples = samples / unit
    varies = samples.std(axis=0) > ROUNDING
    limits = np.tile(samples.mean(axis=0), (2, 1))
    known = samples[:, varies]
    if known.size:
        distances = _distances(known, logarithmic, n_resamples, random_state)
        tail = (1.0 - coverage) / 2.0
        # Some distances may be infinite: nothing is between two of them.
        upper, lower = np.quantile(distances, [tail, 1.0 - tail], axis=0, method="nearest")
        limits[:, varies] = _undone(known, np.array([lower, upper]), logarithmic)
    return limits * unit


def _distances(
    samples: NDArray, logarithmic: bool, n_resamples: int, random_state: Any
) -> NDArray[np.float64]:
    """Return how far means of resamples are from the mean, in their own standard deviations."""
    n_samples = len(samples)
    mean = samples.mean(axis=0)
    rest, generator = samples - mean, check_random_state(random_state)
    at_once = max(1, MOST_COUNTS // n_samples)
    found = []
    for first in range(0, n_resamples, at_once):
        n_here = min(at_once, n_resamples - first)
        counts = generator.multinomial(n_samples, np.full(n_samples, 1.0 / n_samples), n_here)
        shares = counts / n_samples
        moved = shares @ rest
        deviation = np.sqrt(np.maximum(shares @ rest**2 - moved**2, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            if logarithmic:
                change = np.where(moved < (ROUNDING - 1) * mean, -1.0, moved / mean)
                moved, deviation = np.log1p(change), deviation / (mean * (1.0 + change))
            distances = moved / deviation
        # A resample of one value alone is infinitely far from the mean, on its side of it.
        found.append(np.where(np.isfinite(distances), distances, np.copysign(np.inf, moved)))
    return np.concatenate(found)


def _undone(samples: NDArray, distances: NDArray, logarithmic: bool) -> NDArray[np.float64]:
    """Return what is so many standard deviations below the means."""
    mean, deviation = samples.mean(axis=0), samples.std(axis=0)
    if not logarithmic:
        return mean - distances * deviation
    with np.errstate(over="ignore"):
        return mean * np.exp(-distances * deviation / mean)
