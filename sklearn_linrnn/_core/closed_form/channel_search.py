"""Hyperparameters of each group of channels of the highest evidence.

The search climbs from the optimum that all channels share, and from where each group is best given
the others. Where a climb has ended, each group is tried elsewhere again, given the others.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.channel_measures import (
    ChannelMeasures,
    EvidenceAtChannelMeasures,
    covariances_of,
)
from sklearn_linrnn._core.closed_form.conditional_evidence import ChannelsAlone
from sklearn_linrnn._core.closed_form.empirical_bayes import (
    NEGLIGIBLE,
    ROUNDING,
    Candidate,
    Search,
)
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums
from sklearn_linrnn._core.closed_form.many_measures import climb_by_curvature
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors
from sklearn_linrnn._core.priors.lag_prior import LagPrior

# Effective parameters to try, as a prior without noise would have them.
SIGNALS = (1.0, 10.0, 100.0, 1e4, 1e6)
ROUNDS = 4  # of trying groups elsewhere


@dataclass(frozen=True, eq=False)
class ChannelSearch(Search):
    """What is known and what is sought, with a prior for each channel.

    Attributes
    ----------
    prior : ChannelPriors
        Hyperparameters that are not sought have their values; its scales, where they are given.
    group : ndarray of int, shape (n_channels,)
        The group of each channel: those of a group share what is sought.
    seeks_scale : bool
        Whether to find the scales. The largest is 1 if the penalty is sought, too.
    """

    prior: ChannelPriors
    group: NDArray
    seeks_scale: bool

    @cached_property
    def _in_common(self) -> Search:
        """The search for what all channels share."""
        prior = self.prior.priors[0]
        return Search(self.statistics, prior, self.sought, self.alpha, self.seeks_lags)

    @property
    def least_lags(self) -> int:
        """Those of each channel."""
        return self._in_common.least_lags

    @cached_property
    def _shared(self) -> Candidate:
        """The optimum that all channels share, with a prior for each of them."""
        found = self._in_common.run()
        values = {name: found.prior.hyperparameters[name] for name in self.sought}
        found = replace(found, prior=self.prior.with_values(**values))
        if np.isinf(found.alpha):  # a channel may say something nevertheless
            n_lags = self.statistics.n_lags
            signal = self._sums.signal(found.prior.root(n_lags))
            found = replace(found, alpha=signal, n_lags=n_lags)
        return found

    def _starts(self) -> list[Candidate]:
        shared = self._shared
        function = self._function(self.statistics.n_lags)
        point = function.measures.point_of(shared.prior, shared.alpha)
        starts = [shared]
        if (better := self._tried_elsewhere(function, point)) is not None:
            prior, alpha = function.measures.at(better)
            if np.isfinite(alpha):
                root = prior.root(self.statistics.n_lags)
                weighted = self._sums.under(root, alpha)
                starts.append(self._with_best_lags(prior, alpha, weighted))
        return starts

    def _function(self, n_lags: int) -> EvidenceAtChannelMeasures:
        powers = self._sums.channel_powers[:, :n_lags]
        names = self.prior.priors[0].groups(self.sought)
        measures = ChannelMeasures(
            self.prior, self.group, names, self.seeks_scale, self.alpha, powers
        )
        return EvidenceAtChannelMeasures(self._sums, measures)

    def _climb(self, start: Candidate) -> Candidate:
        function = self._function(start.n_lags)
        measures = function.measures
        if not (len(measures.bounds) and measures.powers.any()):
            return start
        point = measures.point_of(start.prior, start.alpha)
        best = climb_by_curvature(function, function.hessian, point, measures.bounds)
        for _ in range(ROUNDS):
            better = self._tried_elsewhere(function, best[0])
            if better is None:
                break
            again = climb_by_curvature(function, function.hessian, better, measures.bounds)
            if again[1] - best[1] <= ROUNDING * abs(best[1]):
                break
            best = again
        prior, alpha = measures.at(best[0])
        return Candidate(self._with_known_values(prior), alpha, start.n_lags, best[1], best[2])

    def _with_known_values(self, prior: ChannelPriors) -> ChannelPriors:
        """Return priors where those of channels that are left out have the shared values."""
        known = zip(prior.priors, self._shared.prior.priors, prior.scale, strict=True)
        return replace(
            prior, priors=tuple(own if scale > 0 else shared for own, shared, scale in known)
        )

    def _tried_elsewhere(
        self, function: EvidenceAtChannelMeasures, point: NDArray
    ) -> NDArray | None:
        """Return a point with each group where it is best given the others; None if all are."""
        alone = ChannelsAlone.of(self._sums, function.place(point).found)
        moved = point.copy()
        for group in range(function.measures.n_groups):
            channels = np.flatnonzero(self.group == group)
            trial = GroupTrial(function.measures, alone.sums_of(channels), channels)
            if (best := trial.best(point)) is not None:
                moved[function.measures.index[: len(best), channels[0]]] = best
        return None if np.array_equal(moved, point) else moved


@dataclass(frozen=True, eq=False)
class GroupTrial:
    """A group of channels, given the others.

    Attributes
    ----------
    measures : ChannelMeasures
        Of all groups.
    sums : EvidenceSums
        What the others leave of the sums of the group.
    channels : ndarray of int
        The channels of the group.
    """

    measures: ChannelMeasures
    sums: EvidenceSums
    channels: NDArray

    def best(self, point: NDArray) -> list[float] | None:
        """Return the measures of a grid that have more evidence than those at a point, if any."""
        measures, place = self.measures, self.channels[0]
        row = measures.rows(point)[place].tolist()
        n_own = len(measures.names) + measures.seeks_scale
        everywhere = measures.factors(point, measures.signals(self._covariances_at(point)))
        factors = everywhere[self.channels]
        best, most = None, self._evidence(self._priors(row), factors) + NEGLIGIBLE
        starts = [scale.starts for scale in measures.of_channel[place].scales]
        for own in itertools.product(*starts):
            priors = self._priors(list(own))
            trials: list[tuple[list[float], NDArray]] = [([], factors)]
            if measures.seeks_scale:
                signal = self._signal(priors)
                trials = [([float(np.log(s))], np.full(len(priors), s / signal)) for s in SIGNALS]
            for more, some in trials:
                value = self._evidence(priors, some)
                if value > most:
                    best, most = [*own, *more], value
        return best if best is None else best[:n_own]

    def _covariances_at(self, point: NDArray) -> NDArray:
        return covariances_of(self.measures.priors_at(point), self.measures.n_lags)

    def _priors(self, row: list[float]) -> tuple[LagPrior, ...]:
        measures = self.measures
        own = np.array(row[: len(measures.names)])
        return tuple(measures.of_channel[channel].prior_at(own) for channel in self.channels)

    def _signal(self, priors: tuple[LagPrior, ...]) -> float:
        ones = np.ones(len(priors))
        root = ChannelPriors(priors, ones).root(self.measures.n_lags)
        variances = np.square(root).sum(axis=2)
        return float(np.vdot(variances, self.measures.powers[self.channels])) or 1.0

    def _evidence(self, priors: tuple[LagPrior, ...], factors: NDArray) -> float:
        if not factors.any():
            return self.sums.evidence_of_no_response()
        root = ChannelPriors(priors, factors).root(self.measures.n_lags)
        return self.sums.under(root, 1.0).at(1.0).value
