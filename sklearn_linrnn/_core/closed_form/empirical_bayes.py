"""Hyperparameters of the highest evidence: a search by gradients, from several starts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.ndimage import maximum_filter
from scipy.optimize import minimize

from sklearn_linrnn._core.closed_form.evidence import evidence, evidence_of_first_lags
from sklearn_linrnn._core.priors.lag_priors import LagPrior
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import one_thread

CPU = torch.device("cpu")  # many small steps
MAX_ITERATIONS = 100  # of one local search
LOOSE, TIGHT = 0.5, 1e-6  # gains of evidence, in nats, that end a climb and the last one
ROUNDING = 1e-10  # gains relative to the evidence that are but rounding
FLAT = 1e-2  # slope of the evidence, in nats for each unit of the measures, at its top
NEGLIGIBLE = 1e-3  # evidence, in nats, that is not worth one more lag
# The signal's variance under the prior relative to the noise's, (alpha/m) / tr(A).
NOISE_TO_SIGNAL = (1e-9, 1e-4, 1e-2, 1.0)
LEAST_NOISE, MOST_NOISE = 1e-16, 1e8
SMALLEST_PIVOT = 1e-7  # of a prior's root that is divided by
STEP = 1e-5  # of central differences of a prior's root


@dataclass(frozen=True)
class Scale:
    """An unbounded measure of a hyperparameter, with its range and starts.

    Attributes
    ----------
    measure, value : callable
        From the hyperparameter to its measure, and back.
    bounds : tuple of float
        Least and greatest measure.
    starts : sequence of float
        Measures to start from.
    """

    measure: Callable[[float], float]
    value: Callable[[float], float]
    bounds: tuple[float, float]
    starts: Sequence[float]


def make_scale(name: str, n_lags: int) -> Scale:
    """Return the scale of a hyperparameter for a model of ``n_lags``.

    That of ``nu_w`` is the logarithm of the time, in lags, in which the prior falls to ``1/e``.
    """
    if name == "nu_w":
        return Scale(
            measure=lambda nu_w: float(-np.log(-np.log(nu_w))),
            value=lambda log_time: float(np.exp(-np.exp(-log_time))),
            bounds=(np.log(0.1), np.log(100.0 * n_lags)),
            starts=np.log(np.geomspace(1.0, max(n_lags, 2), 9)).tolist(),
        )
    if name == "correlation":
        return Scale(
            measure=lambda correlation: float(np.arctanh(correlation)),
            value=lambda measure: float(np.tanh(measure)),
            bounds=(-5.0, 5.0),
            starts=(0.0, 2.0),
        )
    return Scale(
        measure=lambda variance: float(np.log(variance)),
        value=lambda logarithm: float(np.exp(logarithm)),
        bounds=(np.log(1e-4), np.log(1e4)),
        starts=(0.0,),
    )


@dataclass(frozen=True)
class Candidate:
    """A prior with its penalty and number of lags, and the evidence for it."""

    prior: LagPrior
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
    prior : LagPrior
        Its hyperparameters that are not sought have their values.
    sought : tuple of str
        Names of the prior's hyperparameters to find.
    alpha : float or None
        The penalty; None to find it.
    seeks_lags : bool
        Whether to find the number of lags.
    n_intercepts : int
        1 with an intercept, else 0.
    """

    statistics: LagStatistics
    prior: LagPrior
    sought: tuple[str, ...]
    alpha: float | None
    seeks_lags: bool
    n_intercepts: int

    def run(self) -> Candidate:
        """Return the candidate of the highest evidence that was found.

        If the inputs or the targets do not vary, there is nothing to learn: ``alpha`` is infinite.
        """
        if not self.statistics.varies():
            alpha = np.inf if self.alpha is None else self.alpha
            return Candidate(self.prior, alpha, self.statistics.n_lags, 0.0)
        with one_thread():
            found = max(map(self._refine, self._starts()), key=lambda found: found.value)
            return self._climb(found, TIGHT)

    def _starts(self) -> list[Candidate]:
        """Return the starts on a grid that no neighbour exceeds."""
        n_lags = self.statistics.n_lags
        scales = [make_scale(name, n_lags) for name in self.sought]
        grid = itertools.product(*(map(scale.value, scale.starts) for scale in scales))
        priors = [
            replace(self.prior, **dict(zip(self.sought, values, strict=True))) for values in grid
        ]
        starts = [
            max(
                (self._with_best_lags(prior, alpha) for alpha in self._penalties(prior)),
                key=lambda start: start.value,
            )
            for prior in priors
        ]
        values = np.reshape([start.value for start in starts], [len(s.starts) for s in scales])
        peaks = values >= maximum_filter(values, size=3, mode="nearest") if scales else values
        return [start for start, is_peak in zip(starts, peaks.flat, strict=True) if is_peak]

    def _penalties(self, prior: LagPrior) -> list[float]:
        if self.alpha is not None:
            return [self.alpha]
        signal = self._signal(prior)
        return [ratio * signal for ratio in NOISE_TO_SIGNAL]

    def _signal(self, prior: LagPrior) -> float:
        """Return ``tr(L^T G L)``, the scatter that the prior expects of the response."""
        root = PriorRoot.of(prior.root(self.statistics.n_lags), self.statistics.n_channels, CPU)
        return float(self.statistics.input_scatter.diagonal() @ root.scale[:, 0].square())

    def _with_best_lags(self, prior: LagPrior, alpha: float) -> Candidate:
        """Return the candidate with the fewest lags that lose no evidence to speak of."""
        n_lags = self.statistics.n_lags
        root = self._root(prior, alpha, n_lags)
        statistics = self._first(len(root.lags))
        if not self.seeks_lags:
            found = evidence(statistics, root, alpha, self.n_intercepts)
            return Candidate(prior, alpha, n_lags, found.value)
        values = evidence_of_first_lags(statistics, root, alpha, self.n_intercepts)
        best = int(np.argmax(values >= values.max() - NEGLIGIBLE))
        return Candidate(prior, alpha, best + 1, float(values[best]))

    def _refine(self, start: Candidate) -> Candidate:
        """Climb, and choose the number of lags again, until it stays."""
        found = self._climb(start, LOOSE)
        while self.seeks_lags:
            again = self._with_best_lags(found.prior, found.alpha)
            if again.n_lags == found.n_lags or again.value <= found.value:
                return replace(found, n_lags=min(again.n_lags, found.n_lags))
            found = self._climb(again, LOOSE)
        return found

    def _climb(self, start: Candidate, tolerance: float) -> Candidate:
        """Return the maximum of the evidence uphill from a start, for its number of lags.

        The search stops where a step gains no more evidence than the tolerance.
        """
        scales = [make_scale(name, start.n_lags) for name in self.sought]
        first = [
            scale.measure(getattr(start.prior, name))
            for name, scale in zip(self.sought, scales, strict=True)
        ]
        bounds = [scale.bounds for scale in scales]
        if self.alpha is None:
            signal = self._signal(start.prior)
            first.append(np.log(start.alpha))
            bounds.append((np.log(LEAST_NOISE * signal), np.log(MOST_NOISE * signal)))
        if not first:
            return start
        result = minimize(
            partial(self._descend, scales=scales, n_lags=start.n_lags),
            np.clip(first, *np.transpose(bounds)),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={
                "maxiter": MAX_ITERATIONS,
                "ftol": max(tolerance / max(abs(start.value), 1.0), ROUNDING),
            },
        )
        prior, alpha = self._at(result.x, scales)
        downhill = np.clip(result.x - result.jac, *np.transpose(bounds))
        converged = result.success or bool(np.abs(result.x - downhill).max() < FLAT)
        return Candidate(prior, alpha, start.n_lags, -float(result.fun), converged)

    def _at(self, point: NDArray, scales: list[Scale]) -> tuple[LagPrior, float]:
        values = {
            name: scale.value(measure)
            for name, scale, measure in zip(self.sought, scales, point[: len(scales)], strict=True)
        }
        alpha = float(np.exp(point[-1])) if self.alpha is None else self.alpha
        return replace(self.prior, **values), alpha

    def _descend(self, point: NDArray, scales: list[Scale], n_lags: int) -> tuple[float, NDArray]:
        """Return minus the evidence at a point, and its gradient."""
        prior, alpha = self._at(point, scales)
        root = self._root(prior, alpha, n_lags)
        found = evidence(self._first(len(root.lags)), root, alpha, self.n_intercepts)
        sensitivity = found.sensitivity()
        gradient = [
            self._slope(point, scales, index, root, sensitivity) for index in range(len(scales))
        ]
        if self.alpha is None:
            total = sensitivity.sum() if root.is_diagonal else np.trace(sensitivity)
            gradient.append(-0.5 * total)
        return -found.value, -np.array(gradient)

    def _slope(
        self,
        point: NDArray,
        scales: list[Scale],
        index: int,
        root: PriorRoot,
        sensitivity: NDArray,
    ) -> float:
        """Return how the evidence changes with a measure, by central differences of the root.

        The change ``X = L^{-1} dL`` is that of the evidence itself where ``L`` has no inverse.
        """
        step = STEP * np.eye(len(point))[index]
        n_lags = len(root.lags)
        near = [self._at(point + sign * step, scales) for sign in (1, -1)]
        after, before = (prior.root(n_lags) for prior, _ in near)
        difference, lower = (after - before) / (2 * STEP), root.lags.numpy()
        if root.is_diagonal:
            used = lower > 0
            return float(sensitivity[used] @ (difference[used] / lower[used]))
        unit = np.linalg.norm(lower, axis=1, keepdims=True)
        if not np.abs(lower.diagonal() / unit[:, 0]).min() > SMALLEST_PIVOT:
            roots = (PriorRoot.of(lags, root.n_channels, CPU) for lags in (after, before))
            above, below = (
                evidence(self._first(n_lags), near_root, alpha, self.n_intercepts).value
                for near_root, (_, alpha) in zip(roots, near, strict=True)
            )
            return (above - below) / (2 * STEP)
        change = solve_triangular(lower / unit, difference / unit, lower=True)
        return float(np.sum(sensitivity * change))

    def _root(self, prior: LagPrior, alpha: float, n_lags: int) -> PriorRoot:
        """Return the prior's root on the lags that can matter."""
        statistics = self.statistics
        root = PriorRoot.of(prior.root(n_lags), statistics.n_channels, CPU)
        n_inputs = n_lags * statistics.n_channels
        return root.relevant(statistics.input_scatter.diagonal()[:n_inputs], alpha)

    def _first(self, n_lags: int) -> LagStatistics:
        return self.statistics.first_lags(n_lags)
