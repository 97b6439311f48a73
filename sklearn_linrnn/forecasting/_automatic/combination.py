"""Forecasts of candidates combined: by weights from their errors, and without the extremes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._automatic.mixture import StepsExplained, mixture_variance
from sklearn_linrnn.forecasting._automatic.trimmed import trimmed_mean

N_ORIGINS = 6  # at most, to be judged at
N_HORIZONS = 6  # that they reach back, at most
POWER = 2.0  # of the inverse errors
PRIOR_HORIZONS = 6.0  # horizons of errors that count as much as equal weights do
COST = 30.0  # steps: of n that were learned from, errors have 1 + COST / n times the variance
PRIOR_ORIGINS = 8.0  # origins that count as if their errors had been as large as expected
LARGEST_SQUARE = 10.0  # of the errors from an origin in units of their variance, that counts


@dataclass(frozen=True, eq=False)
class Combination:
    """Weights of candidates, and the factor of their spread. Make it with `of` or `equal`.

    Attributes
    ----------
    weights : ndarray of shape (n_candidates,)
        Their sum is 1.
    errors : ndarray of shape (n_candidates,)
        Mean absolute errors at earlier origins; NaN if there are none.
    probabilities : ndarray of shape (n_candidates,)
        How likely each is.
    inflation : float
        What deviations are multiplied by.
    """

    weights: NDArray
    errors: NDArray
    probabilities: NDArray
    inflation: float

    @classmethod
    def equal(cls, evidence: StepsExplained) -> Combination:
        """Return equal weights, for a series that is too short to be judged at.

        Parameters
        ----------
        evidence : StepsExplained
            Of the whole series.
        """
        n_candidates = len(evidence.log_density)
        weights = np.full(n_candidates, 1.0 / n_candidates)
        probabilities = evidence.probabilities(weights)[:, -1]
        inflation = float(np.sqrt(_cost(evidence.n_steps)[-1]))
        return cls(weights, np.full(n_candidates, np.nan), probabilities, inflation)

    @classmethod
    def of(
        cls, mean: NDArray, variance: NDArray, truth: NDArray, evidence: StepsExplained, span: float
    ) -> Combination:
        """Return what the errors at earlier origins suggest.

        Parameters
        ----------
        mean, variance : ndarray of shape (n_candidates, n_origins, n_ahead)
            Forecasts and variances; NaN where a candidate has none.
        truth : ndarray of shape (n_origins, n_ahead)
            What followed, NaN where it is not known.
        evidence : StepsExplained
            Of the steps before each origin, and last of the whole series.
        span : float
            Horizons that the origins reach back.
        """
        errors = _mean_errors(mean, truth)
        least = max(float(errors.min()), np.finfo(np.float64).tiny)
        own = (least / np.maximum(errors, least)) ** POWER
        trust = span / (span + PRIOR_HORIZONS)
        weights = trust * own / own.sum() + (1.0 - trust) / len(own)
        probabilities, cost = evidence.probabilities(weights), _cost(evidence.n_steps)
        centre = trimmed_mean(mean, weights)
        expected = mixture_variance(mean, variance, probabilities[:, :-1], centre)
        excess = _excess(truth - centre, cost[:-1, None] * expected)
        return cls(weights, errors, probabilities[:, -1], float(np.sqrt(cost[-1] * excess)))

    def combine(self, mean: NDArray, variance: NDArray) -> tuple[NDArray, NDArray]:
        """Return the forecasts and variances of candidates, (n_candidates, ...), as one."""
        combined = trimmed_mean(mean, self.weights)
        spread = mixture_variance(mean, variance, self.probabilities, combined)
        return combined, self.inflation**2 * spread


def _mean_errors(mean: NDArray, truth: NDArray) -> NDArray:
    """Return mean absolute errors, (n_candidates,); for a missing one the worst of the others."""
    errors = np.abs(mean - truth)
    known = np.isfinite(truth)
    worst = np.nanmax(np.where(known, errors, np.nan), axis=0, where=known, initial=0.0)
    filled = np.where(np.isfinite(errors), errors, worst)
    return filled[:, known].mean(axis=1)


def _cost(n_steps: NDArray) -> NDArray:
    """Return the variances of errors in units of those by the noise alone, (n_origins,)."""
    return 1.0 + COST / n_steps


def _excess(errors: NDArray, variance: NDArray) -> float:
    """Return how much more errors vary than was expected of them.

    Origins count alike, however many errors they have, and an outlier as much as
    `LARGEST_SQUARE` does.

    Parameters
    ----------
    errors, variance : ndarray of shape (n_origins, n_ahead)
        Errors of the combination, NaN where they are not known, and their variances.
    """
    known = np.isfinite(errors) & (variance > 0)
    squares = np.where(known, np.square(errors), 0.0) / np.where(known, variance, 1.0)
    judged = known.any(axis=1)
    seen = squares[judged].sum(axis=1) / known[judged].sum(axis=1)
    total = PRIOR_ORIGINS + np.minimum(seen, LARGEST_SQUARE).sum()
    return float(total / (PRIOR_ORIGINS + len(seen)))


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
