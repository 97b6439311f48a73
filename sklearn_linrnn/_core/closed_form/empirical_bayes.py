"""Hyperparameters of the highest evidence: a search by gradients, from several starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from sklearn_linrnn._core.closed_form.climb import climb
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums, WeightedSums
from sklearn_linrnn._core.closed_form.measures import (
    LEAST_NOISE,
    MOST_NOISE,
    EvidenceAtMeasures,
    Measures,
    expected,
)
from sklearn_linrnn._core.closed_form.model_selection import first_best
from sklearn_linrnn._core.closed_form.pattern_search import walk
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors
from sklearn_linrnn._core.priors.root_arrays import root_variances
from sklearn_linrnn._core.priors.two_sided import TwoSided
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import run_by_size

NEGLIGIBLE = 1e-3  # evidence, in nats, that is not worth all lags together
ROUNDING = 1e-12  # of evidence, relative to it
NOTHING = 1e-6  # evidence, in nats, by which any response must exceed none
# The noise's variance relative to the signal's under the prior, (alpha/m) / tr(A).
NOISE_TO_SIGNAL = (1e-9, 1e-4, 1e-2, 1.0)
NOISE_STRIDE = 1.5  # of its logarithm, in a walk
N_WALKS = 3  # at most, from the highest peaks


@dataclass(frozen=True)
class Candidate:
    """A prior with its penalty and number of lags, and the evidence for it."""

    prior: Any  # LagPrior or ChannelPriors
    alpha: float
    n_lags: int
    value: float
    converged: bool = True


@dataclass(frozen=True, eq=False)
class Search:
    """What is known and what is sought.

    Attributes
    ----------
    statistics : LagStatistics
        The data, on the CPU, with as many lags as the model may have.
    prior : LagPrior or ChannelPriors
        Its hyperparameters that are not sought have their values.
    sought : tuple of str
        Names of the prior's hyperparameters to find. A search for all that are `tied` finds equal
        ones.
    alpha : float or None
        The penalty; None to find it.
    seeks_lags : bool
        Whether to find the number of lags.
    """

    statistics: LagStatistics
    prior: Any
    sought: tuple[str, ...]
    alpha: float | None
    seeks_lags: bool

    def run(self) -> Candidate:
        """Return the candidate of the highest evidence that was found.

        If the inputs or the targets do not vary, or no response has more evidence than none, there
        is nothing to learn: ``alpha`` is infinite.
        """
        if not self.statistics.varies():
            return self._nothing(0.0)
        found = run_by_size(self._sums.scatter.size, self._refined)
        least = self._sums.evidence_of_no_response() + NOTHING
        if self.alpha is None and found.value <= least:
            return self._nothing(least - NOTHING)
        return found

    def _refined(self) -> Candidate:
        return self._best(list(map(self._refine, self._starts())))

    def _walk(self, start: Candidate) -> Candidate:
        """Return the best candidate that strides lead to from a start."""
        measures = self._measures(self.statistics.n_lags)
        point = np.array(measures.of(start.prior))
        known = {tuple(point.tolist()): start}

        def look(point: NDArray) -> Candidate:
            key = tuple(point.tolist())
            if key not in known:
                near = max(known.values(), key=self._worth)
                known[key] = self._near(measures.prior_at(point), near)
            return known[key]

        return walk(look, self._worth, point, measures.strides, measures.bounds[: len(point)])

    def _near(self, prior: Any, other: Candidate) -> Candidate:
        """Return the candidate of the best penalty near that of another one, but for a stride."""
        (signal, root_at), (before, _) = (
            expected(one, self.statistics.n_lags, self._sums) for one in (prior, other.prior)
        )
        if self.alpha is not None:
            return self._with_best_lags(prior, self.alpha, self._sums.under(root_at(self.alpha)))
        alpha = other.alpha / before * signal
        least = alpha * math.exp(-NOISE_STRIDE)
        weighted = self._sums.under(root_at(least), least)

        def look(point: NDArray) -> Candidate:
            return self._with_best_lags(prior, float(np.exp(point[0])), weighted)

        bounds = np.log(signal) + np.log([[LEAST_NOISE, MOST_NOISE]])
        return walk(look, self._worth, np.log([alpha]), np.array([NOISE_STRIDE]), bounds)

    def _nothing(self, value: float) -> Candidate:
        alpha = np.inf if self.alpha is None else self.alpha
        n_lags = self.least_lags if self.seeks_lags else self.statistics.n_lags
        return Candidate(self.prior, alpha, n_lags, value)

    @cached_property
    def least_lags(self) -> int:
        """The leads, and the lags from the target on up to the first one with a weight."""
        prior: Any = self.prior
        one = prior.priors[0] if isinstance(prior, ChannelPriors) else prior
        weights = root_variances(one.root(self.statistics.n_lags))
        n_leads = one.n_leads if isinstance(one, TwoSided) else 0
        return max(n_leads, int(np.flatnonzero(weights)[0])) + 1

    @cached_property
    def _sums(self) -> EvidenceSums:
        return EvidenceSums.of(self.statistics, self.statistics.n_channels)

    def _of_lags(self, n_lags: int) -> EvidenceAtMeasures:
        return EvidenceAtMeasures(self._sums, self._measures(n_lags))

    def _measures(self, n_lags: int) -> Measures:
        return Measures(self.prior, self.prior.groups(self.sought), self.alpha, n_lags)

    def _worth(self, candidate: Candidate) -> float:
        """Return the evidence less a little for each lag: one that adds nothing is left out."""
        return candidate.value - self._cost * candidate.n_lags

    @property
    def _cost(self) -> float:
        return NEGLIGIBLE / self.statistics.n_lags

    def _best(self, candidates: list[Candidate]) -> Candidate:
        """Return the first candidate that is worth most but for rounding."""
        return candidates[first_best(np.array(list(map(self._worth, candidates))), ROUNDING)]

    def _starts(self) -> list[Candidate]:
        """Return the starts of climbs: all peaks, or where the best of walks from them ends."""
        peaks = self._peaks()
        if not self._measures(self.statistics.n_lags).strides.any():
            return peaks
        highest = sorted(peaks, key=self._worth, reverse=True)[:N_WALKS]
        return [self._best(list(map(self._walk, highest)))]

    def _peaks(self) -> list[Candidate]:
        """Return the points of grids that no neighbour exceeds."""
        measures = self._measures(self.statistics.n_lags)
        grids = self.prior.start_grids(measures.groups, measures.n_lags)
        return [peak for grid in grids for peak in self._peaks_of(measures, grid)]

    def _peaks_of(self, measures: Measures, grid: NDArray) -> list[Candidate]:
        *axes, n_groups = grid.shape
        starts = [
            self._start(measures.prior_at(point))
            for point in grid.reshape(math.prod(axes), n_groups)
        ]
        values = np.reshape([start.value for start in starts], axes)
        highest = maximum_filter(values, size=3, mode="nearest") if axes else values
        peaks = values >= highest - ROUNDING * np.abs(highest)
        return [start for start, is_peak in zip(starts, peaks.flat, strict=True) if is_peak]

    def _start(self, prior: Any) -> Candidate:
        """Return the candidate with the best of a few penalties."""
        signal, root_at = expected(prior, self.statistics.n_lags, self._sums)
        alphas = [r * signal for r in NOISE_TO_SIGNAL] if self.alpha is None else [self.alpha]
        weighted = self._sums.under(root_at(alphas[0]), alphas[0])
        return self._best([self._with_best_lags(prior, alpha, weighted) for alpha in alphas])

    def _with_best_lags(self, prior: Any, alpha: float, weighted: WeightedSums) -> Candidate:
        """Return the candidate with the number of lags that is worth most, if that is sought."""
        n_lags = self.statistics.n_lags
        if not self.seeks_lags:
            return Candidate(prior, alpha, n_lags, weighted.at(alpha).value)
        values = weighted.at_first_lags(alpha, self._cost)
        # Where fewer lags than the least number can matter, the rest of these changes nothing.
        fewer = self.least_lags - 1
        enough = values[min(fewer, len(values) - 1) :]
        more = int(np.argmax(enough - self._cost * np.arange(len(enough))))
        return Candidate(prior, alpha, fewer + more + 1, float(enough[more]))

    def _refine(self, start: Candidate) -> Candidate:
        """Climb, and choose the number of lags again, as long as that is worth more."""
        found = self._climb(start)
        while self.seeks_lags:
            root = found.prior.root(self.statistics.n_lags)
            weighted = self._sums.under(root, found.alpha)
            again = self._with_best_lags(found.prior, found.alpha, weighted)
            if again.n_lags == found.n_lags or self._worth(again) <= self._worth(found):
                break
            found = self._climb(again)
        return found

    def _climb(self, start: Candidate) -> Candidate:
        """Return the maximum of the evidence uphill from a start, for its number of lags."""
        function = self._of_lags(start.n_lags)
        if function.is_level:
            return start
        point = function.point_of(start.prior, start.alpha)
        summit = climb(function.of_one_climb, point[None], function.measures.bounds[None])
        prior, alpha = function.at(summit.point[0])
        value, converged = float(summit.value[0]), bool(summit.converged[0])
        return Candidate(prior, alpha, start.n_lags, value, converged)
