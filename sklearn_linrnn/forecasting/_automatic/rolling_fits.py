"""Regressions of a form at several origins, from sums that are added up, and their forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from sklearn_linrnn._core.closed_form.averaged_ridge import AveragedRidge, averaged_ridge
from sklearn_linrnn._core.closed_form.stable_recursion import StableRecursion
from sklearn_linrnn.forecasting._automatic.differenced import Differenced
from sklearn_linrnn.forecasting._automatic.forms import Drift, Form, as_far_as_ever, within_reach

LEARNED = {"ridge", "recursion", "constant"}
LARGEST = 1e300  # logarithm of an evidence
TINY = np.finfo(np.float64).tiny
UNIT_PRIOR = 0.5 * np.log(2.0 * np.pi)  # of a drift, in units of the differences' deviation


@dataclass(frozen=True, eq=False)
class Paths:
    """Forecasts from several origins; NaN where there are none.

    Attributes
    ----------
    mean : ndarray of shape (n_drifts, n_origins, n_ahead)
        Forecasts.
    variance : ndarray of the same shape
        Variances of their errors by the noise alone.
    """

    mean: NDArray
    variance: NDArray


@dataclass(frozen=True, eq=False)
class OriginFits:
    """Regressions with the same lags, one for each memory and each of some origins.

    Attributes
    ----------
    data : Differenced
        The series.
    ends : ndarray of int, shape (n_origins,)
        Numbers of steps of the series that each has seen.
    lags : tuple of int
        Steps back from the target.
    n_targets : ndarray of int, shape (n_origins or 1,)
        Number of steps that each has learned from; once where all forecast by the same.
    intercept : bool
        Whether there is a drift.
    sums : ndarray of shape (n_memories, n_origins or 1, p + 2, p + 2)
        Products of what a drift adds, the inputs and the target, added up.
    """

    data: Differenced
    ends: NDArray
    lags: tuple[int, ...]
    n_targets: NDArray
    intercept: bool
    sums: NDArray

    @cached_property
    def ridge(self) -> AveragedRidge:
        """The responses, averaged over priors and penalties."""
        totals = self.sums[..., :1, 1:]
        centred = self.sums[..., 1:, 1:] - self.intercept * (self._slopes[..., :, None] * totals)
        roots = self.data.form.roots(self.lags)
        return averaged_ridge(
            centred[..., :-1, :-1],
            centred[..., :-1, -1],
            centred[..., -1, -1],
            np.broadcast_to(self.n_targets, centred.shape[:2]).astype(float),
            roots,
            int(self.intercept),
        )

    @property
    def log_evidence(self) -> NDArray:
        """Logarithm of the evidence, (n_memories, n_origins or 1).

        The prior of a drift has the deviation of the differences. Infinite evidence explains all
        there is, as all do that have it.
        """
        found = self.ridge.log_evidence
        if self.intercept:
            # The ridge has the evidence for a mean, which all steps tell as much of.
            told = self.sums[..., 0, 0] / np.maximum(self.n_targets, 1)
            found = found - UNIT_PRIOR - 0.5 * np.log(np.maximum(told, TINY))
        return np.clip(found, -LARGEST, LARGEST)

    @property
    def _slopes(self) -> NDArray:
        """The drifts of the inputs and of the target, (n_memories, n_origins or 1, p + 1)."""
        return self.sums[..., 0, 1:] / np.maximum(self.sums[..., :1, 0], TINY)

    @cached_property
    def recursion(self) -> NDArray:
        """Stable weights of the last steps, newest first.

        They have shape (n_memories, n_origins or 1, longest lag).
        """
        weights = np.zeros((*self.sums.shape[:2], max(self.lags, default=0)))
        weights[..., self._places] = self.ridge.response[..., : len(self.lags)]
        for at in np.ndindex(weights.shape[:-1]):
            stable = StableRecursion.of(weights[at][:, None, None], np.ones(1))
            weights[at] += stable.correction[:, 0, 0]
        return weights

    @property
    def _places(self) -> NDArray:
        return np.array(self.lags, dtype=int) - 1

    @cached_property
    def constant(self) -> NDArray:
        """What a drift adds at every step in the end, so that it is what it was.

        It has shape (n_memories, n_origins or 1).
        """
        if not self.intercept:
            return np.zeros(self.sums.shape[:2])
        used = self.ridge.response.copy()
        used[..., : len(self.lags)] = self.recursion[..., self._places]
        return self._slopes[..., -1] - (self._slopes[..., :-1] * used).sum(axis=-1)

    def paths(self, n_ahead: int) -> NDArray:
        """Return forecasts on the scale of the form, (n_memories, n_origins, n_ahead)."""
        known = self.ends - self.data.form.n_lost
        n_lags = self.recursion.shape[-1]
        steps = known[:, None] + np.arange(n_ahead)
        waves = self.data.form.waves(steps.ravel()).reshape(*steps.shape, -1)
        pattern = self.ridge.response[..., len(self.lags) :]
        driven = self.constant[..., None] * self.data.drift(steps)
        driven += np.einsum("ohi,koi->koh", waves, pattern)
        before = self.data.changes[:, known[:, None] + np.arange(-n_lags, 0)]
        return self.data.integrate(run_on(self.recursion, before, driven), self.ends)

    def shock_weights(self, n_ahead: int) -> NDArray:
        """Return what an error adds to the steps from its own on.

        They have shape (n_memories, n_origins or 1, n_ahead).
        """
        at_rest = np.zeros_like(self.recursion)
        shock = np.zeros((*self.sums.shape[:2], n_ahead))
        shock[..., :1] = 1.0
        return self.data.growth(run_on(self.recursion, at_rest, shock))

    def variances(self, n_ahead: int) -> NDArray:
        """Return those of forecasts by the noise alone, (n_memories, n_origins or 1, n_ahead)."""
        weights = self.shock_weights(n_ahead)
        return self.ridge.noise_variance[..., None] * np.square(weights).cumsum(axis=-1)

    def followed_to(self, data: Differenced, ends: NDArray) -> OriginFits:
        """Return what the last origin learned, to forecast from other ends (n_origins,)."""
        n_targets, sums = self.n_targets[-1:], self.sums[:, -1:]
        found = replace(self, data=data, ends=ends, n_targets=n_targets, sums=sums)
        # What is known of them is not computed again.
        known = {name: value[:, -1:] for name, value in vars(self).items() if name in LEARNED}
        vars(found).update(known)
        return found

    def residuals(self) -> NDArray:
        """Return the one-step errors of the last origin on the scale of the form.

        They have shape (n_memories, n_rows).
        """
        table = regression_table(self.data, self.lags)
        drift = self.intercept * table[..., :1] * self._slopes[:, -1:]
        table = table[..., 1:] - drift
        found = np.einsum("kri,ki->kr", table[..., :-1], self.ridge.response[:, -1])
        return (table[..., -1] - found) * self.data.scale


def run_on(recursion: NDArray, before: NDArray, driven: NDArray) -> NDArray:
    """Return what recursions lead to, (n_memories, n_origins, n_ahead).

    Parameters
    ----------
    recursion : ndarray of shape (n_memories, n_origins or 1, n_lags)
        Weights of the last steps, newest first.
    before : ndarray of shape (n_memories, n_origins, n_lags)
        The steps before, oldest first.
    driven : ndarray of shape (n_memories, n_origins, n_ahead)
        What is added at each step.
    """
    n_lags, n_ahead = before.shape[-1], driven.shape[-1]
    path, backwards = np.concatenate([before, driven], axis=-1), recursion[..., ::-1]
    for step in range(n_ahead):
        last = path[..., step : step + n_lags]
        path[..., n_lags + step] += np.einsum("koj,koj->ko", backwards, last)
    return path[..., n_lags:]


def regression_table(data: Differenced, lags: tuple[int, ...]) -> NDArray:
    """Return what a drift adds, the inputs and the target of each step with all its lags.

    It has shape (n_memories, n_rows, p + 2).
    """
    changes, first = data.changes, max(lags, default=0)
    steps = np.arange(first, changes.shape[1])
    n_rows = (len(changes), len(steps))
    waves = data.form.waves(steps)
    columns = [
        data.drift(steps)[..., None],
        changes[:, steps[:, None] - np.array(lags, dtype=int)],
        np.broadcast_to(waves, (*n_rows, waves.shape[-1])),
        changes[:, steps, None],
    ]
    return np.concatenate(columns, axis=-1)


def fit_at_origins(data: Differenced, ends: NDArray) -> Iterator[OriginFits]:
    """Yield the regressions of all origins; those with room for fewer lags have fewer.

    Parameters
    ----------
    data : Differenced
        The series.
    ends : ndarray of int, shape (n_origins,)
        Numbers of steps seen, in ascending order; each at least two more than differences cost.
    """
    pairs = zip(ends - data.form.n_lost, ends, strict=True)
    for lags, group in groupby(pairs, lambda pair: data.form.lags_of(pair[0])):
        some_known, some_ends = map(np.array, zip(*group, strict=True))
        table = regression_table(data, lags)
        rows = some_known - max(lags, default=0)
        blocks = np.split(table[:, : rows[-1]], rows[:-1], axis=1)
        sums = np.cumsum([block.mT @ block for block in blocks], axis=0)
        yield OriginFits(data, some_ends, lags, rows, True, sums.swapaxes(0, 1))


@dataclass(frozen=True, eq=False)
class RollingForm:
    """A form with its drifts, fitted at several origins. Make it with `of`.

    Attributes
    ----------
    data : Differenced
        The series.
    ends : ndarray of int, shape (n_origins,)
        Numbers of steps seen, in ascending order.
    drifts : tuple of str
        What is known of a drift: each makes a candidate.
    pairs : list of tuple of OriginFits
        With an intercept, and without one, for each number of lags; of the origins that have steps
        enough.
    """

    data: Differenced
    ends: NDArray
    drifts: tuple[Drift, ...]
    pairs: list[tuple[OriginFits, OriginFits]]

    @classmethod
    def of(cls, form: Form, drifts: tuple[Drift, ...], y: NDArray, ends: NDArray) -> RollingForm:
        """Return the fits to the first steps of a series (n_timesteps,)."""
        data = Differenced.of(form, y)
        fits = fit_at_origins(data, ends[ends - form.n_lost > 1])
        return cls(data, ends, drifts, [(free, replace(free, intercept=False)) for free in fits])

    def followed_to(self, y: NDArray, ends: NDArray) -> RollingForm:
        """Return what the last origin learned, to forecast another series.

        Parameters
        ----------
        y : ndarray of shape (n_timesteps,)
            The series.
        ends : ndarray of int, shape (n_origins,)
            Numbers of its steps after which forecasts begin.
        """
        data = self.data.followed_to(y)
        free, without = (fit.followed_to(data, ends) for fit in self.pairs[-1])
        return replace(self, data=data, ends=ends, pairs=[(free, without)])

    @property
    def n_needed(self) -> int:
        """Number of last steps that the last origin cannot forecast without."""
        return self.data.form.n_lost + max(self.pairs[-1][0].lags, default=0)

    def describe(self) -> list[dict[str, object]]:
        """Return the candidates in the words of a summary."""
        memories = np.array(self.data.form.memories)
        found = []
        for drift in self.drifts:
            shares = sum(share for _, share in self.last_shares(drift))
            said = {"drift": drift, "memory": tuple(map(float, shares @ memories))}
            found.append(self.data.form.describe() | said)
        return found

    def paths(self, n_ahead: int) -> Paths:
        """Return the forecasts of all candidates, (n_drifts, n_origins, n_ahead)."""
        paths, variances = cache(OriginFits.paths), cache(OriginFits.variances)  # for all drifts
        mean, variance = np.full((2, len(self.drifts), len(self.ends), n_ahead), np.nan)
        for some, pair in self._in_turn():
            for place, drift in enumerate(self.drifts):
                shared = [(fit, share[..., None]) for fit, share in _shares(pair, drift)]
                mean[place, some] = sum((s * paths(fit, n_ahead)).sum(axis=0) for fit, s in shared)
                variance[place, some] = sum(
                    (s * variances(fit, n_ahead)).sum(axis=0) for fit, s in shared
                )
        form = self.data.form
        mean = form.restore(as_far_as_ever(mean, form.prepare(self.data.y), self.ends))
        mean = within_reach(mean, self.data.y, self.ends)
        return Paths(mean, variance * np.square(mean) if form.logarithm else variance)

    def evidence(self) -> NDArray:
        """Return what the candidates say of the steps before each origin, (2, n_drifts, n_origins).

        That is the mean logarithm of the density of a step of the series, given those before, and
        the number of steps that it is the mean over; NaN for origins without a fit.
        """
        found, form = np.full((2, len(self.drifts), len(self.ends)), np.nan), self.data.form
        # The density of a value is that on the scale of the form times the slope of the scale.
        slopes = np.append(0.0, form.log_slopes(self.data.y).cumsum())
        for places, pair in self._in_turn():
            n_targets, ends = pair[0].n_targets, pair[0].ends
            for number, drift in enumerate(self.drifts):
                evidence = np.concatenate([fit.log_evidence for fit in _averaged(pair, drift)])
                total = logsumexp(evidence, axis=0) - np.log(len(evidence))
                total += slopes[ends] - slopes[ends - n_targets]
                found[0, number, places] = total / n_targets - np.log(self.data.scale)
                found[1, number, places] = n_targets
        return found

    def residuals(self) -> NDArray:
        """Return the one-step errors of all candidates at the last steps.

        They are on the scale of the form, (n_drifts, n_rows).
        """
        errors = cache(OriginFits.residuals)
        shared = map(self.last_shares, self.drifts)
        return np.array([sum(share @ errors(fit) for fit, share in fits) for fits in shared])

    def last_shares(self, drift: Drift) -> list[tuple[OriginFits, NDArray]]:
        """Return what forecasts from the last origin, with the share of each memory."""
        return [(fit, share[:, -1]) for fit, share in _shares(self.pairs[-1], drift)]

    def _in_turn(self) -> Iterator[tuple[slice, tuple[OriginFits, OriginFits]]]:
        """Yield places of origins with the regressions that are fitted there."""
        first = len(self.ends) - sum(len(free.ends) for free, _ in self.pairs)
        for pair in self.pairs:
            last = first + len(pair[0].ends)
            yield slice(first, last), pair
            first = last


def _shares(pair: tuple[OriginFits, OriginFits], drift: Drift) -> list[tuple[OriginFits, NDArray]]:
    """Return the regressions that a drift averages, and their probabilities.

    All are as likely as any other beforehand. These have shape (n_memories, n_origins or 1).
    """
    fits = _averaged(pair, drift)
    shares = softmax(np.concatenate([fit.log_evidence for fit in fits]), axis=0)
    return list(zip(fits, np.split(shares, len(fits)), strict=True))


def _averaged(pair: tuple[OriginFits, OriginFits], drift: Drift) -> tuple[OriginFits, ...]:
    return {"free": pair[:1], "none": pair[1:], "by evidence": pair}[drift]
