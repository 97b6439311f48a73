"""Forecasts of candidates combined: by weights from their errors, and without the extremes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_ORIGINS = 6  # at most, to be judged at
N_HORIZONS = 6  # that they reach back, at most
POWER = 2.0  # of the inverse errors
PRIOR_HORIZONS = 6.0  # horizons of errors that count as much as equal weights do
TRIMMED = 0.1  # weight on each side that is left out
PRIOR_ORIGINS = 8.0  # origins that count as much as the next line does
PRIOR_SQUARE = 2.0  # of errors in units of deviations by the noise alone, before any are seen


@dataclass(frozen=True, eq=False)
class Combination:
    """Weights of candidates, and the factor of their spread. Make it with `of` or `equal`.

    Attributes
    ----------
    weights : ndarray of shape (n_candidates,)
        Their sum is 1.
    errors : ndarray of shape (n_candidates,)
        Mean absolute errors at earlier origins; NaN if there are none.
    inflation : float
        What deviations are multiplied by.
    """

    weights: NDArray
    errors: NDArray
    inflation: float

    @classmethod
    def equal(cls, n_candidates: int) -> Combination:
        """Return equal weights, for a series that is too short to be judged at."""
        weights = np.full(n_candidates, 1.0 / n_candidates)
        return cls(weights, np.full(n_candidates, np.nan), np.sqrt(PRIOR_SQUARE))

    @classmethod
    def of(cls, mean: NDArray, variance: NDArray, truth: NDArray, span: float) -> Combination:
        """Return what the errors at earlier origins suggest.

        Parameters
        ----------
        mean, variance : ndarray of shape (n_candidates, n_origins, n_ahead)
            Forecasts and variances; NaN where a candidate has none.
        truth : ndarray of shape (n_origins, n_ahead)
            What followed, NaN where it is not known.
        span : float
            Horizons that the origins reach back.
        """
        errors = _mean_errors(mean, truth)
        least = max(float(errors.min()), np.finfo(np.float64).tiny)
        own = (least / np.maximum(errors, least)) ** POWER
        trust = span / (span + PRIOR_HORIZONS)
        weights = trust * own / own.sum() + (1.0 - trust) / len(own)
        return cls(weights, errors, _inflation(mean, variance, truth, weights))

    def combine(self, mean: NDArray, variance: NDArray) -> tuple[NDArray, NDArray]:
        """Return the forecasts and variances of candidates, (n_candidates, ...), as one."""
        combined = trimmed_mean(mean, self.weights)
        spread = _spread(mean, variance, self.weights, combined)
        return combined, self.inflation**2 * spread


def trimmed_mean(values: NDArray, weights: NDArray) -> NDArray:
    """Return the weighted mean of values (n_candidates, ...) without `TRIMMED` at each end.

    A value that is NaN has no weight.
    """
    order = np.argsort(values, axis=0)  # NaN is last
    ordered = np.take_along_axis(values, order, axis=0)
    shares = np.where(np.isfinite(ordered), weights[order], 0.0)
    total = shares.sum(axis=0)
    upper = shares.cumsum(axis=0) / total
    lower = upper - shares / total
    kept = np.clip(np.minimum(upper, 1.0 - TRIMMED) - np.maximum(lower, TRIMMED), 0.0, None)
    return (kept * np.where(shares > 0, ordered, 0.0)).sum(axis=0) / kept.sum(axis=0)


def _mean_errors(mean: NDArray, truth: NDArray) -> NDArray:
    """Return mean absolute errors, (n_candidates,); for a missing one the worst of the others."""
    errors = np.abs(mean - truth)
    known = np.isfinite(truth)
    worst = np.nanmax(np.where(known, errors, np.nan), axis=0, where=known, initial=0.0)
    filled = np.where(np.isfinite(errors), errors, worst)
    return filled[:, known].mean(axis=1)


def _spread(mean: NDArray, variance: NDArray, weights: NDArray, centre: NDArray) -> NDArray:
    """Return the trimmed mean square of the candidates' distributions around a centre."""
    return trimmed_mean(variance + np.square(mean - centre), weights)


def _inflation(mean: NDArray, variance: NDArray, truth: NDArray, weights: NDArray) -> float:
    """Return the root mean square of the combination's errors in units of their deviations."""
    centre = trimmed_mean(mean, weights)
    spread = _spread(mean, variance, weights, centre)
    known = np.isfinite(truth) & (spread > 0)
    squares = np.where(known, np.square(truth - centre), 0.0) / np.where(known, spread, 1.0)
    judged = known.any(axis=1)
    seen = squares[judged].sum(axis=1) / known[judged].sum(axis=1)
    return float(np.sqrt((PRIOR_ORIGINS * PRIOR_SQUARE + seen.sum()) / (PRIOR_ORIGINS + len(seen))))


def choose_origins(n_steps: int, least: int, horizon: int) -> NDArray:
    """Return numbers of steps to forecast from, ascending, spread over the last horizons.

    Parameters
    ----------
    n_steps : int
        Steps of the series.
    least : int
        Steps that a fit needs.
    horizon : int
        Steps ahead.
    """
    furthest = min(N_HORIZONS * horizon, n_steps - least)
    if furthest < 1:
        return np.empty(0, dtype=int)
    back = np.linspace(furthest, 1, min(N_ORIGINS, furthest)).round().astype(int)
    return n_steps - np.unique(back)[::-1]
