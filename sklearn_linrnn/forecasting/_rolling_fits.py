"""A regression of a form at several origins, from sums that are added up, and its forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sklearn_linrnn._core.closed_form.averaged_ridge import AveragedRidge, averaged_ridge
from sklearn_linrnn._core.closed_form.stable_recursion import StableRecursion
from sklearn_linrnn.forecasting._forms import Drift, Form, within_reach

ROUNDING = 1e-12  # of differences, relative to the series
LEARNED = {"ridge", "recursion", "constant"}
UNIT_PRIOR = 0.5 * np.log(2.0 * np.pi)  # of a drift, in units of the differences' deviation


@dataclass(frozen=True, eq=False)
class Paths:
    """Forecasts from several origins; NaN where there are none.

    Attributes
    ----------
    mean : ndarray of shape (n_origins, n_ahead)
        Forecasts.
    variance : ndarray of the same shape
        Variances of their errors by the noise alone.
    """

    mean: NDArray
    variance: NDArray


@dataclass(frozen=True, eq=False)
class Differenced:
    """A series in the units of a form, ready for regressions on its past. Make it with `of`.

    Attributes
    ----------
    form : Form
        How the series is looked at.
    y : ndarray of shape (n_timesteps,)
        The series itself.
    series : ndarray of shape (n_timesteps,)
        The series on the scale of the form, less its mean.
    mean, scale : float
        That mean; and the unit of the differences.
    """

    form: Form
    y: NDArray
    series: NDArray
    mean: float
    scale: float

    @classmethod
    def of(cls, form: Form, y: NDArray) -> Differenced:
        """Return a series (n_timesteps,) in the units of a form."""
        series = form.prepare(y)
        mean = float(series.mean())
        changes = difference(series - mean, form.differences)
        spread = float(changes.std()) if len(changes) else 0.0
        level = ROUNDING * float(np.abs(series).max())
        return cls(form, y, series - mean, mean, spread if spread > level else 1.0)

    @cached_property
    def changes(self) -> NDArray:
        """The differences, (n_timesteps - form.n_lost,)."""
        return difference(self.series, self.form.differences) / self.scale

    def followed_to(self, y: NDArray) -> Differenced:
        """Return another series (n_timesteps,) in the same units."""
        return replace(self, y=y, series=self.form.prepare(y) - self.mean)

    def integrate(self, changes: NDArray, ends: NDArray) -> NDArray:
        """Return the paths (n_origins, n_ahead) on the scale of the form that changes lead to."""
        paths, stage = changes * self.scale, self.series
        stages = []
        for step in self.form.differences:
            stages.append((step, stage))
            stage = difference(stage, (step,))
        lost = self.form.n_lost
        for step, before in reversed(stages):
            lost -= step
            paths = undo_difference(paths, before[(ends - lost)[:, None] + np.arange(-step, 0)])
        return paths + self.mean

    def growth(self, weights: NDArray) -> NDArray:
        """Return what an error of the differences adds up to, from its weights, (..., n_ahead)."""
        for step in self.form.differences:
            weights = undo_difference(weights, np.zeros((len(weights), step)))
        return weights * self.scale


def difference(series: NDArray, steps: tuple[int, ...]) -> NDArray:
    """Return differences over some steps, one after another."""
    for step in steps:
        series = series[step:] - series[:-step]
    return series


def undo_difference(changes: NDArray, before: NDArray) -> NDArray:
    """Return paths (n_origins, n_ahead) from differences and the last values, (n_origins, step)."""
    step = before.shape[1]
    values = np.concatenate([before, changes], axis=1)
    for first in range(step):
        values[:, first::step] = values[:, first::step].cumsum(axis=1)
    return values[:, step:]


@dataclass(frozen=True, eq=False)
class OriginFits:
    """Regressions with the same lags, one for each of some origins.

    Attributes
    ----------
    data : Differenced
        The series.
    ends : ndarray of int, shape (n_origins,)
        Numbers of steps of the series that each has seen.
    lags : tuple of int
        Steps back from the target.
    intercept : bool
        Whether there is one.
    sums : ndarray of shape (n_origins, p + 2, p + 2) or (1, p + 2, p + 2)
        Products of one, the inputs and the target, added up; once where all forecast by the same.
    """

    data: Differenced
    ends: NDArray
    lags: tuple[int, ...]
    intercept: bool
    sums: NDArray

    @cached_property
    def ridge(self) -> AveragedRidge:
        """The responses, averaged over priors and penalties."""
        centred = self.sums[:, 1:, 1:] - self.intercept * (
            self._means[:, :, None] * self.sums[:, :1, 1:]
        )
        roots = self.data.form.roots(self.lags)
        return averaged_ridge(
            centred[:, :-1, :-1],
            centred[:, :-1, -1],
            centred[:, -1, -1],
            self.sums[:, 0, 0],
            roots,
            int(self.intercept),
        )

    @property
    def _means(self) -> NDArray:
        """Means of the inputs and of the target, (n_origins, p + 1)."""
        return self.sums[:, 0, 1:] / np.maximum(self.sums[:, :1, 0], 1.0)

    @cached_property
    def recursion(self) -> NDArray:
        """Stable weights of the last steps, newest first, (n_origins or 1, longest lag)."""
        weights = np.zeros((len(self.sums), max(self.lags, default=0)))
        weights[:, np.array(self.lags, dtype=int) - 1] = self.ridge.response[:, : len(self.lags)]
        stable = [StableRecursion.of(row[:, None, None], np.ones(1)) for row in weights]
        return weights + np.array([one.correction[:, 0, 0] for one in stable])

    @cached_property
    def constant(self) -> NDArray:
        """What is added at every step, (n_origins or 1,), so that the mean is what it was."""
        if not self.intercept:
            return np.zeros(len(self.ends))
        used = self.ridge.response.copy()
        used[:, : len(self.lags)] = self.recursion[:, np.array(self.lags, dtype=int) - 1]
        return self._means[:, -1] - np.einsum("oi,oi->o", self._means[:, :-1], used)

    def changes(self, n_ahead: int) -> NDArray:
        """Return forecasts of the differences, (n_origins, n_ahead)."""
        known = self.ends - self.data.form.n_lost
        n_lags = self.recursion.shape[1]
        steps = known[:, None] + np.arange(n_ahead)
        waves = self.data.form.waves(steps.ravel()).reshape(*steps.shape, -1)
        driven = np.einsum("ohi,oi->oh", waves, self.ridge.response[:, len(self.lags) :])
        path = np.zeros((len(known), n_lags + n_ahead))
        path[:, :n_lags] = self.data.changes[known[:, None] + np.arange(-n_lags, 0)]
        backwards = self.recursion[:, ::-1]
        for step in range(n_ahead):
            now = np.einsum("oj,oj->o", backwards, path[:, step : step + n_lags])
            path[:, n_lags + step] = self.constant + driven[:, step] + now
        return path[:, n_lags:]

    def shock_weights(self, n_ahead: int) -> NDArray:
        """Return what an error adds to the steps from its own on, (n_origins, n_ahead)."""
        n_lags = self.recursion.shape[1]
        path = np.zeros((len(self.ends), n_lags + n_ahead))
        path[:, n_lags] = 1.0
        backwards = self.recursion[:, ::-1]
        for step in range(1, n_ahead):
            path[:, n_lags + step] = np.einsum("oj,oj->o", backwards, path[:, step : step + n_lags])
        return self.data.growth(path[:, n_lags:])

    def variance(self, n_ahead: int) -> NDArray:
        """Return the variances of forecasts on the scale of the form, (n_origins, n_ahead)."""
        weights = self.shock_weights(n_ahead)
        return self.ridge.noise_variance[:, None] * np.square(weights).cumsum(axis=1)

    def followed_to(self, data: Differenced, ends: NDArray) -> OriginFits:
        """Return what the last origin learned, to forecast from other ends (n_origins,)."""
        found = replace(self, data=data, ends=ends, sums=self.sums[-1:])
        # What is known of them is not computed again.
        known = {name: value[-1:] for name, value in vars(self).items() if name in LEARNED}
        vars(found).update(known)
        return found

    def residuals(self) -> NDArray:
        """Return the one-step errors of the last origin, (n_rows,), on the scale of the form."""
        table = regression_table(self.data, self.lags)[:, 1:] - self.intercept * self._means[-1]
        return (table[:, -1] - table[:, :-1] @ self.ridge.response[-1]) * self.data.scale


def regression_table(data: Differenced, lags: tuple[int, ...]) -> NDArray:
    """Return one, the inputs and the target of each step with all its lags, (n_rows, p + 2)."""
    changes, first = data.changes, max(lags, default=0)
    steps = np.arange(first, len(changes))
    past = changes[steps[:, None] - np.array(lags, dtype=int)]
    columns = [np.ones((len(steps), 1)), past, data.form.waves(steps), changes[steps, None]]
    return np.concatenate(columns, axis=1)


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
        blocks = np.split(table[: rows[-1]], rows[:-1])
        sums = np.cumsum([block.T @ block for block in blocks], axis=0)
        yield OriginFits(data, some_ends, lags, True, sums)


@dataclass(frozen=True, eq=False)
class RollingForm:
    """A form fitted at several origins, with and without an intercept. Make it with `of`.

    Attributes
    ----------
    data : Differenced
        The series.
    ends : ndarray of int, shape (n_origins,)
        Numbers of steps seen, in ascending order.
    free, without : list of OriginFits
        With an intercept, and without one; of the origins that have steps enough.
    """

    data: Differenced
    ends: NDArray
    free: list[OriginFits]
    without: list[OriginFits]

    @classmethod
    def of(cls, form: Form, y: NDArray, ends: NDArray) -> RollingForm:
        """Return the fits to the first steps of a series (n_timesteps,)."""
        data = Differenced.of(form, y)
        free = list(fit_at_origins(data, ends[ends - form.n_lost > 1]))
        return cls(data, ends, free, [replace(fit, intercept=False) for fit in free])

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
        free, without = (
            [fit.followed_to(data, ends) for fit in fits[-1:]] for fits in (self.free, self.without)
        )
        return RollingForm(data, ends, free, without)

    @property
    def n_needed(self) -> int:
        """Number of last steps that the last origin forecasts from."""
        return self.data.form.n_lost + max(self.free[-1].lags, default=0)

    def paths(self, drift: Drift, n_ahead: int) -> Paths:
        """Return forecasts with a drift, (n_origins, n_ahead)."""
        form = self.data.form
        changes, variance = self._of_drift(drift, n_ahead)
        mean = np.full((len(self.ends), n_ahead), np.nan)
        known = np.isfinite(changes).all(axis=1)
        mean[known] = self.data.integrate(changes[known], self.ends[known])
        with np.errstate(over="ignore"):  # infinite is out of reach
            mean = within_reach(form.restore(mean), self.data.y, self.ends)
        return Paths(mean, variance * np.square(mean) if form.logarithm else variance)

    def residuals(self, drift: Drift) -> NDArray:
        """Return the one-step errors at the last steps on the scale of the form, (n_rows,)."""
        if drift == "none":
            return self.without[-1].residuals()
        free = self.free[-1].residuals()
        if drift == "free":
            return free
        share = self.share_of_drift[-1]
        return share * free + (1.0 - share) * self.without[-1].residuals()

    @cached_property
    def share_of_drift(self) -> NDArray:
        """Probability of a drift against none, (n_origins or 1,), as likely as not beforehand.

        The prior of a drift has the deviation of the differences.
        """
        with np.errstate(invalid="ignore"):  # both explain all there is
            odds = self._log_evidence(self.free) - UNIT_PRIOR - self._log_evidence(self.without)
        return expit(np.nan_to_num(odds, nan=0.0))

    def _log_evidence(self, fits: list[OriginFits]) -> NDArray:
        missing = np.full(self._n_missing, -np.inf)
        return np.concatenate([missing, *(fit.ridge.log_evidence for fit in fits)])

    @property
    def _n_missing(self) -> int:
        """Number of first origins that have too few steps."""
        return len(self.ends) - sum(len(fit.ends) for fit in self.free)

    def _of_drift(self, drift: Drift, n_ahead: int) -> tuple[NDArray, NDArray]:
        """Return forecasts of the differences and variances of those of the series."""
        if drift != "by evidence":
            return self._of_fits(self.free if drift == "free" else self.without, n_ahead)
        share = self.share_of_drift[:, None]
        free, without = (self._of_fits(fits, n_ahead) for fits in (self.free, self.without))
        mixed = [
            np.where(share > 0, share * np.where(share > 0, a, 0.0) + (1.0 - share) * b, b)
            for a, b in zip(free, without, strict=True)
        ]
        return mixed[0], mixed[1]

    def _of_fits(self, fits: list[OriginFits], n_ahead: int) -> tuple[NDArray, NDArray]:
        missing = np.full((self._n_missing, n_ahead), np.nan)
        changes = [missing, *(fit.changes(n_ahead) for fit in fits)]
        variances = [missing, *(fit.variance(n_ahead) for fit in fits)]
        return np.concatenate(changes), np.concatenate(variances)
