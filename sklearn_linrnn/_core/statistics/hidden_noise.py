"""Noise behind its residuals: what their mean hides of it, and how well they show its variance.

Noise that drifts looks better than it is. The mean of a recording follows it, so that residuals
are smaller and forget sooner than the noise does; and a few slow waves are few samples of a
variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter, lfiltic

from sklearn_linrnn._core.statistics.serial_noise import LONGEST, SerialNoise

MOST_ROUNDS = 50
SETTLED = 1e-10  # change of a coefficient


@dataclass(frozen=True, eq=False)
class HiddenNoise:
    """The noise of several series of which only the residuals were seen. Make it with `behind`.

    Attributes
    ----------
    noise : SerialNoise
        The noise.
    lengths : ndarray of int, shape (n_series,)
        Number of residuals of each series.
    n_means : int
        One if the mean of all was taken away, else zero.
    """

    noise: SerialNoise
    lengths: NDArray
    n_means: int

    @classmethod
    def behind(cls, residuals: SerialNoise, lengths: Sequence[int], n_means: int) -> HiddenNoise:
        """Return the noise whose residuals are expected to go on as some did.

        With the number of pairs ``N_k`` of residuals ``k`` steps apart, of ``m`` residuals, and the
        variance ``v`` of their mean, sums of products of residuals are ``N_k (r_k - v)`` on average
        for noise of autocorrelations ``r_k``. Roots stay a distance of ``1 / m`` from the unit
        circle: of noise that forgets in more steps than were seen, nothing else is known.

        Parameters
        ----------
        residuals : SerialNoise
            The autoregression of the residuals.
        lengths : sequence of int
            Number of residuals of each series.
        n_means : int
            One if their mean was taken away, else zero.
        """
        found = cls(residuals, np.array(lengths), n_means)
        n_known, order = found.lengths.sum(), len(residuals.coefficients)
        if order == 0:
            return found
        seen = autocorrelations(residuals.coefficients, order + 1)
        pairs = found._pairs[: order + 1] / n_known
        for _ in range(MOST_ROUNDS):
            before, hidden = found.noise.coefficients, found.mean_variance
            expected = found._correlations[: order + 1]
            missed = (expected - pairs * (expected - hidden)) / (1.0 - hidden)
            whole = seen + missed
            coefficients = _stable(solve_toeplitz(whole[:-1], whole[1:]), 1.0 - 1.0 / n_known)
            found = cls(SerialNoise(coefficients), found.lengths, n_means)
            if np.abs(coefficients - before).max() < SETTLED:
                break
        return found

    @property
    def mean_variance(self) -> float:
        """Variance of the mean that was taken away, over that of the noise; zero without one."""
        return self.n_means * self.inflation / self._n

    @property
    def inflation(self) -> float:
        """``1 + 2 sum_k r_k``, as far as series go: rows count that many times less in a mean."""
        return self._sum(self._correlations) / self._n

    @property
    def n_independent(self) -> float:
        """Number of independent residuals whose variance is as well known (Satterthwaite 1946)."""
        squares = self._sum(np.square(self._correlations))
        together = self.mean_variance * self._n
        with_mean = self.n_means * self._sums_of_rows() / self._n
        return float((self._n - together) ** 2 / (squares - 2.0 * with_mean + together**2))

    @property
    def _n(self) -> float:
        return float(self.lengths.sum())

    @cached_property
    def _pairs(self) -> NDArray:
        """Number of pairs of residuals that are so many steps apart, from 0 on."""
        longer = len(self.lengths) - np.cumsum(np.bincount(self.lengths))[:-1]
        return np.cumsum(longer[::-1])[::-1][:LONGEST].astype(np.float64)

    @cached_property
    def _correlations(self) -> NDArray:
        return autocorrelations(self.noise.coefficients, len(self._pairs))

    def _sum(self, by_lag: NDArray) -> float:
        """Return the sum over all pairs of residuals, in both orders."""
        return float(2.0 * self._pairs @ by_lag - self._pairs[0] * by_lag[0])

    def _sums_of_rows(self) -> float:
        """Return the sum of the squared sums of the rows of the correlation matrix."""
        total = 0.0
        for length, count in zip(*np.unique(self.lengths, return_counts=True), strict=True):
            known = self._correlations[:length]
            upto = np.cumsum(np.pad(known, (0, length - len(known))))
            total += count * float(np.square(upto + upto[::-1] - 1.0).sum())
        return total


def autocorrelations(coefficients: NDArray, n_lags: int) -> NDArray:
    """Return the autocorrelations of an autoregression from lag 0 on, (n_lags,)."""
    predictors = [coefficients]  # of all orders, by the Levinson recursion backwards
    while len(last := predictors[-1]) > 0:
        predictors.append((last[:-1] + last[-1] * last[-2::-1]) / (1.0 - last[-1] ** 2))
    found = np.ones(1)
    for predictor in predictors[-2::-1]:
        found = np.append(found, predictor @ found[::-1])
    poles = np.append(1.0, -coefficients)
    state = lfiltic([1.0], poles, found[:0:-1])
    later = lfilter([1.0], poles, np.zeros(max(n_lags - len(found), 0)), zi=state)[0]
    return np.append(found, later)[:n_lags]


def _stable(coefficients: NDArray, radius: float) -> NDArray:
    """Return an autoregression whose roots are moved towards zero into a circle."""
    largest = np.abs(np.roots(np.append(1.0, -coefficients))).max(initial=0.0)
    return coefficients * (radius / max(largest, radius)) ** np.arange(1, len(coefficients) + 1)
