"""Hyperparameters of the highest evidence for many sets of rows: the search of each, side by side.

From the same starts as that of `empirical_bayes`, in the same ranges, to the same tops. A set is
not sure where a Cholesky factorisation on its way would lose half of the digits, or where its
search does not converge: it is left to a search of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from sklearn_linrnn._core.closed_form.climb import climb
from sklearn_linrnn._core.closed_form.empirical_bayes import (
    NEGLIGIBLE,
    NOISE_TO_SIGNAL,
    NOTHING,
    ROUNDING,
)
from sklearn_linrnn._core.closed_form.many_evidences import ManySums
from sklearn_linrnn._core.closed_form.measures import Measures
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.threads import one_thread


@dataclass(frozen=True, eq=False)
class ManyCandidates:
    """Models of some of the sets.

    Attributes
    ----------
    place : ndarray of int, shape (n_candidates,)
        The sets.
    measures : ndarray of shape (n_candidates, n_groups)
        The measures of their priors.
    alpha : ndarray of shape (n_candidates,)
        Their penalties.
    n_lags : ndarray of int, shape (n_candidates,)
        Their numbers of lags.
    value : ndarray of shape (n_candidates,)
        The evidence for them.
    """

    place: NDArray
    measures: NDArray
    alpha: NDArray
    n_lags: NDArray
    value: NDArray

    def __getitem__(self, some: NDArray) -> ManyCandidates:
        return ManyCandidates(*(getattr(self, each.name)[some] for each in fields(self)))

    def put(self, some: NDArray, others: ManyCandidates) -> None:
        """Put others in the place of some."""
        for each in fields(self):
            getattr(self, each.name)[some] = getattr(others, each.name)

    @classmethod
    def joined(cls, parts: Iterable[ManyCandidates]) -> ManyCandidates:
        """Return the candidates of parts, one after another."""
        parts = list(parts)
        return cls(
            *(np.concatenate([getattr(p, each.name) for p in parts]) for each in fields(cls))
        )


@dataclass(frozen=True, eq=False)
class ManySearches:
    """What is known and what is sought.

    Attributes
    ----------
    sums : ManySums
        The data, with as many lags as models may have.
    prior : LagPrior
        One of independent lags. Its hyperparameters that are not sought have their values.
    sought : sequence of str
        Names of the prior's hyperparameters to find.
    alpha : float or None
        The penalty; None to find it.
    seeks_lags : bool
        Whether to find the number of lags.
    """

    sums: ManySums
    prior: LagPrior
    sought: Sequence[str]
    alpha: float | None
    seeks_lags: bool

    @cached_property
    def is_sure(self) -> NDArray:
        """Which sets are sure, as far as was seen, (n_sets,)."""
        return self.sums.varies

    @np.errstate(all="ignore")  # what leaves the range of numbers is not sure
    def run(self) -> NDArray:
        """Return the lags' variances over the penalty, (n_sets, n_lags).

        They are zero for a lag that a model does not have, and where no response has more evidence
        than none.
        """
        with one_thread():
            found = self._best(self._refined(self._starts()))
        weights = self._weights(found.measures) * self._has_lag(found.n_lags)
        if self.alpha is None:
            least = self.sums.evidence_of_no_response()[found.place] + NOTHING
            weights[found.value <= least] = 0.0
        variances = np.zeros((len(self.is_sure), self.sums.n_lags))
        variances[found.place] = weights / found.alpha[:, None]
        return variances

    @cached_property
    def _powers(self) -> NDArray:
        return self.sums.powers

    def _measures(self, n_lags: int) -> Measures:
        return Measures(self.prior, self.prior.groups(self.sought), self.alpha, n_lags)

    def _weights(self, measures: NDArray) -> NDArray:
        """Return the prior variances of all lags, (n_candidates, n_lags)."""
        priors = self._measures(self.sums.n_lags).priors_at(measures)
        return np.broadcast_to(
            priors.variances(self.sums.n_lags), (len(measures), self.sums.n_lags)
        )

    def _has_lag(self, n_lags: NDArray) -> NDArray:
        """Return which lags candidates have, (n_candidates, n_lags)."""
        return np.arange(self.sums.n_lags) < n_lags[:, None]

    def _worth(self, values: NDArray, n_lags: NDArray) -> NDArray:
        """Return the evidence less a little for each lag: one that adds nothing is left out."""
        return values - NEGLIGIBLE / self.sums.n_lags * n_lags

    def _best(self, candidates: ManyCandidates) -> ManyCandidates:
        """Return the first candidate of each set that is worth most but for rounding."""
        worth, place = self._worth(candidates.value, candidates.n_lags), candidates.place
        best = np.full(len(self.is_sure), -np.inf)
        np.maximum.at(best, place, worth)
        good = np.flatnonzero(worth >= (best - ROUNDING * np.abs(best))[place])
        return candidates[good[np.unique(place[good], return_index=True)[1]]]

    def _starts(self) -> ManyCandidates:
        """Return the starts on a grid that no neighbour exceeds."""
        axes = [scale.starts for scale in self._measures(self.sums.n_lags).scales]
        grid = np.array(list(itertools.product(*axes)))
        starts = [self._start(measures) for measures in grid]
        values = np.full((len(grid), len(self.is_sure)), -np.inf)
        for own, start in zip(values, starts, strict=True):
            own[start.place] = start.value
        shape = (*map(len, axes), -1)
        highest = maximum_filter(values.reshape(shape), (*[3] * len(axes), 1), mode="nearest")
        highest = highest.reshape(values.shape)
        peaks = (values >= highest - ROUNDING * np.abs(highest)) & self.is_sure
        pairs = zip(starts, peaks, strict=True)
        return ManyCandidates.joined(start[is_peak[start.place]] for start, is_peak in pairs)

    def _start(self, measures: NDArray) -> ManyCandidates:
        """Return candidates of one prior with the best of a few penalties."""
        weights = self._weights(measures[None])
        signal = (self._powers * weights).sum(axis=1)
        alphas = [ratio * signal for ratio in NOISE_TO_SIGNAL]
        if self.alpha is not None:
            alphas = [np.full(len(signal), self.alpha)]
        place = np.flatnonzero(self.is_sure)
        same = np.tile(measures, (len(place), 1))
        options = [self._with_best_lags(place, same, alpha[place], weights) for alpha in alphas]
        return self._best(ManyCandidates.joined(options))

    def _with_best_lags(
        self, place: NDArray, measures: NDArray, alpha: NDArray, weights: NDArray
    ) -> ManyCandidates:
        """Return candidates with the number of lags that is worth most, if that is sought."""
        values = self.sums[place].of_first_lags(weights / alpha[:, None])
        sure = np.isfinite(values).all(axis=1)
        self.is_sure[place[~sure]] = False
        best = np.full(len(place), self.sums.n_lags)
        if self.seeks_lags:
            worth = self._worth(values, np.arange(1, self.sums.n_lags + 1))
            best = np.where(np.isnan(worth), -np.inf, worth).argmax(axis=1) + 1
        value = np.take_along_axis(values, best[:, None] - 1, axis=1)[:, 0]
        value[~sure] = -np.inf
        return ManyCandidates(place, measures, alpha, best, value)

    def _refined(self, starts: ManyCandidates) -> ManyCandidates:
        """Climb, and choose the number of lags again, as long as that is worth more."""
        found = self._climbed(starts)
        left = np.arange(len(found.place) if self.seeks_lags else 0)
        while len(left):
            before = found[left]
            weights = self._weights(before.measures)
            again = self._with_best_lags(before.place, before.measures, before.alpha, weights)
            more = self._worth(again.value, again.n_lags) > self._worth(before.value, before.n_lags)
            more &= again.n_lags != before.n_lags
            left = left[more]
            found.put(left, self._climbed(again[more]))
        return found

    def _climbed(self, starts: ManyCandidates) -> ManyCandidates:
        """Return the maxima of the evidence uphill from starts, for their numbers of lags."""
        has_lag = self._has_lag(starts.n_lags)
        varies = (self._powers[starts.place] * has_lag).any(axis=1)
        if not (varies.any() and len(self._measures(self.sums.n_lags).bounds)):
            return starts
        moving, found = starts[varies], starts[np.arange(len(varies))]
        function = ManyEvidencesAtMeasures(
            self.sums[moving.place], self._measures(self.sums.n_lags), has_lag[varies]
        )
        points = function.points_of(moving.measures, moving.alpha)
        summits = climb(function, points, function.bounds)
        self.is_sure[moving.place[~summits.converged]] = False
        self.is_sure[moving.place[~np.isfinite(summits.value)]] = False
        measures, alpha = function.at(summits.point)
        top = ManyCandidates(moving.place, measures, alpha, moving.n_lags, summits.value)
        found.put(varies, top)
        return found


@dataclass(frozen=True, eq=False)
class ManyEvidencesAtMeasures:
    """The evidence of models, each for a set of rows, as a function of measures.

    Attributes
    ----------
    sums : ManySums
        The set of each model.
    measures : Measures
        Of what is sought, for models of all lags.
    has_lag : ndarray of bool, shape (n_models, n_lags)
        Which lags each model has, the first ones.
    """

    sums: ManySums
    measures: Measures
    has_lag: NDArray

    @cached_property
    def _powers(self) -> NDArray:
        return self.sums.powers

    @property
    def bounds(self) -> NDArray:
        """Least and greatest measures, (n_models, n_measures, 2)."""
        of = cache(lambda n_lags: replace(self.measures, n_lags=n_lags).bounds)
        return np.array([of(n_lags) for n_lags in self.has_lag.sum(axis=1).tolist()])

    def points_of(self, measures: NDArray, alpha: NDArray) -> NDArray:
        """Return the points of priors' measures (n_models, n_groups) and penalties (n_models,)."""
        if self.measures.alpha is not None:
            return measures
        return np.column_stack([measures, np.log(alpha / self._signals(measures))])

    def at(self, points: NDArray) -> tuple[NDArray, NDArray]:
        """Return the priors' measures, (n_models, n_groups), and the penalties, (n_models,)."""
        signals = self._signals(points)
        alphas = np.broadcast_to(self.measures.penalties_at(points, signals), signals.shape)
        return points[:, : len(self.measures.groups)], alphas

    def __call__(self, points: NDArray, models: NDArray) -> tuple[NDArray, NDArray]:
        """Return the evidence at a point of each of some models, and the gradients.

        Parameters
        ----------
        points : ndarray of shape (n_points, n_measures)
            The points.
        models : ndarray of int, shape (n_points,)
            The models that they are of.
        """
        priors, n_lags = self.measures.priors_at(points), self.sums.n_lags
        has_lag, powers = self.has_lag[models], self._powers[models]
        weights = has_lag * priors.variances(n_lags)
        signals = np.vecdot(powers, weights)
        alphas = np.broadcast_to(self.measures.penalties_at(points, signals), signals.shape)
        value, slopes = self.sums[models].at(weights / alphas[:, None])
        by_weight = np.divide(slopes, weights, out=np.zeros_like(slopes), where=weights > 0)
        total = slopes.sum(axis=1)
        if self.measures.alpha is None:  # the penalty goes with the signal
            by_weight -= (total / signals)[:, None] * powers
        by_weight *= has_lag
        gradient = [np.vecdot(by_weight, one) for one in self.measures.changes(priors, n_lags)]
        if self.measures.alpha is None:
            gradient.append(-total)
        return value, np.stack(gradient, axis=1)

    def _signals(self, points: NDArray) -> NDArray:
        """Return the signals that the priors at points expect, (n_models,)."""
        weights = self.measures.priors_at(points).variances(self.sums.n_lags)
        return np.vecdot(self._powers, self.has_lag * weights)
