"""The tops of smooth functions of a few measures in a box, to the last digits, side by side.

A climb that stops where the function is level to rounding leaves half of the digits of the point to
chance: a function is flat at its top. This one ends where its gradient is zero to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Function = Callable[[NDArray, NDArray], tuple[NDArray, NDArray]]

MAX_ITERATIONS = 100
LONGEST = 2.0  # step, in units of the measures
SHORTEST = 1e-10  # step
STEP = 1e-4  # of differences of the gradient
VALUE_ROUNDING = 1e-12  # of a value, relative to it
SLOPE_ROUNDING = 1e-14  # of a gradient, relative to the value
LEAST_CURVATURE = 1e-8  # relative to the largest
CURVATURE_ROUNDING = 1e-14  # relative to the largest
LEVEL = 1e-6  # gain that is not worth a word where rounding of the function hides the rest


@dataclass(frozen=True, eq=False)
class Summits:
    """Where climbs ended.

    Attributes
    ----------
    point : ndarray of shape (n_climbs, n)
        The measures.
    value : ndarray of shape (n_climbs,)
        The functions there.
    converged : ndarray of bool, shape (n_climbs,)
        Whether next to nothing is left to climb, but for measures at their bounds.
    """

    point: NDArray
    value: NDArray
    converged: NDArray

    def keep(self, some: NDArray, places: Places) -> None:
        """Put places where some climbs ended."""
        self.point[some], self.value[some] = places.point, places.value


@dataclass(frozen=True, eq=False)
class Places:
    """Points, (n_climbs, n), with the functions' values and gradients."""

    point: NDArray
    value: NDArray
    gradient: NDArray

    def __getitem__(self, some: NDArray) -> Places:
        return Places(self.point[some], self.value[some], self.gradient[some])

    def become(self, some: NDArray, others: Places) -> None:
        """Put others into the places of some."""
        self.point[some], self.value[some] = others.point, others.value
        self.gradient[some] = others.gradient

    def gain(self, step: NDArray) -> NDArray:
        """Return the rises to the tops of the quadratic models that steps lead to."""
        return 0.5 * np.vecdot(self.gradient, step)

    @property
    def scale(self) -> NDArray:
        """What rounding is relative to."""
        return np.maximum(np.abs(self.value), 1.0)

    def are_level(self, step: NDArray) -> NDArray:
        """Whether nothing but rounding is left to climb by steps."""
        level = np.abs(self.gradient) <= SLOPE_ROUNDING * self.scale[:, None]
        return (level | (step == 0)).all(axis=1) | (np.abs(step) <= SHORTEST).all(axis=1)


def climb(function: Function, starts: NDArray, bounds: NDArray) -> Summits:
    """Return the maxima of functions of the same measures, each uphill from a start.

    Newton's method with curvatures from differences of the gradient at the start, brought up to
    date from step to step (BFGS). Far from the top a step must lead uphill; near it, where values
    differ by rounding alone, to a smaller gradient. A measure without effect stays where it is.

    Parameters
    ----------
    function : callable
        From points, (k, n), and the numbers of the climbs that they belong to, (k,), to values,
        (k,), and gradients, (k, n).
    starts : ndarray of shape (n_climbs, n)
        Where to begin.
    bounds : ndarray of shape (n_climbs, n, 2)
        Least and greatest measures.
    """
    climbs = np.arange(len(starts))
    here = _places(function, np.clip(starts, bounds[..., 0], bounds[..., 1]), climbs)
    curvature, bounds = _survey(function, here, bounds)
    now = _Climbs(climbs, here, curvature, bounds, np.full(len(starts), LONGEST))
    found = Summits(here.point.copy(), here.value.copy(), np.zeros(len(starts), dtype=bool))
    for _ in range(MAX_ITERATIONS):
        step = now.steps()
        if (level := now.here.are_level(step)).any():
            now, step = now.without(level, found), step[~level]
        if not len(now.number):
            break
        at_top = now.advanced(function, step)
        if at_top.any():
            now = now.without(at_top, found)
    found.converged[now.number] = now.here.gain(now.steps()) <= LEVEL
    found.keep(now.number, now.here)
    return found


@dataclass(frozen=True, eq=False)
class _Climbs:
    """Climbs that have not ended."""

    number: NDArray  # of each
    here: Places
    curvature: NDArray  # (n_climbs, n, n)
    bounds: NDArray  # (n_climbs, n, 2)
    longest: NDArray  # step

    def steps(self) -> NDArray:
        """Return the steps to the tops of the quadratic models."""
        return newton_step(self.here, self.curvature, self.bounds)

    def without(self, ended: NDArray, found: Summits) -> _Climbs:
        """Return the others, with those that have ended among the summits that were found."""
        found.keep(self.number[ended], self.here[ended])
        found.converged[self.number[ended]] = True
        kept = ~ended
        number, here, longest = self.number[kept], self.here[kept], self.longest[kept]
        return _Climbs(number, here, self.curvature[kept], self.bounds[kept], longest)

    def advanced(self, function: Function, step: NDArray) -> NDArray:
        """Take steps that lead uphill; return which of the others were at a top."""
        here = self.here
        there = _places(function, advance(here.point, step, self.longest, self.bounds), self.number)
        rounding = VALUE_ROUNDING * here.scale
        rise, gain = there.value - here.value, here.gain(step)
        if (near := np.abs(rise) <= rounding).any():
            left = there.gain(newton_step(there, self.curvature, self.bounds))
            rise = np.where(near, gain - left, rise)
        up, move = rise > 0, there.point - here.point
        shorter = 0.25 * np.abs(move).max(axis=1)
        self.longest[:] = np.where(up, np.minimum(LONGEST, 4.0 * self.longest), shorter)
        if up.any():
            bent = _updated(self.curvature, move, here.gradient - there.gradient)
            self.curvature[up] = bent[up]
            here.become(up, there[up])
        return ~up & (gain <= rounding)


def _places(function: Function, points: NDArray, climbs: NDArray) -> Places:
    return Places(points, *function(points, climbs))


def _survey(function: Function, places: Places, bounds: NDArray) -> tuple[NDArray, NDArray]:
    """Return curvatures by differences of the gradient, and the bounds of what has effect."""
    point, climbs = places.point, np.arange(len(places.point))
    steps = np.where(point + STEP <= bounds[..., 1], STEP, -STEP)
    moved = point[:, None] + steps[:, :, None] * np.eye(point.shape[1])
    gradients = np.stack([function(moved[:, i], climbs)[1] for i in range(point.shape[1])], axis=1)
    hessian = (gradients - places.gradient[:, None]) / steps[:, :, None]
    slopes = np.abs(np.concatenate([gradients, places.gradient[:, None]], axis=1))
    idle = (slopes <= SLOPE_ROUNDING * places.scale[:, None, None]).all(axis=1)
    return _positive(-hessian), np.where(idle[..., None], point[..., None], bounds)


def _positive(curvature: NDArray) -> NDArray[np.float64]:
    """Return curvatures, made symmetric and positive definite."""
    curvatures, vectors = np.linalg.eigh(0.5 * (curvature + curvature.mT))
    curvatures = np.abs(curvatures)
    least = LEAST_CURVATURE * curvatures.max(axis=1, keepdims=True)
    least = np.maximum(least, np.finfo(np.float64).tiny ** 0.5)
    return (vectors * np.maximum(curvatures, least)[:, None]) @ vectors.mT


def newton_step(places: Places, curvature: NDArray, bounds: NDArray) -> NDArray:
    """Return the steps to the tops of quadratic models.

    A measure at its bound stays there if the gradient or the step leads beyond.
    """
    at_low, at_high = places.point <= bounds[..., 0], places.point >= bounds[..., 1]
    free = ~((at_low & (places.gradient < 0)) | (at_high & (places.gradient > 0)))
    alone = np.eye(free.shape[1])
    while True:
        matrix = np.where(free[:, :, None] & free[:, None, :], curvature, alone)
        slope = np.where(free, places.gradient, 0.0)
        step = np.linalg.solve(matrix, slope[..., None])[..., 0]
        stuck = free & ((at_low & (step < 0)) | (at_high & (step > 0)))
        if not stuck.any():
            return step
        free &= ~stuck


def advance(points: NDArray, steps: NDArray, longest: NDArray, bounds: NDArray) -> NDArray:
    """Return the points after steps, or after that part of each that ends at a bound."""
    ends = np.where(steps > 0, bounds[..., 1], bounds[..., 0])
    shares = np.full(points.shape, np.inf)
    np.divide(ends - points, steps, out=shares, where=steps != 0)
    share = np.minimum(1.0, longest / np.abs(steps).max(axis=1))
    share = np.minimum(share, shares.min(axis=1))[:, None]
    return np.where(shares <= share, ends, points + share * steps)


def _updated(curvature: NDArray, steps: NDArray, falls: NDArray) -> NDArray:
    """Return curvatures, such that gradients fall along steps as they did (BFGS).

    Where one rose instead, as at the start the curvature is taken for positive.
    """
    along, pull = np.vecdot(falls, steps), np.matvec(curvature, steps)
    bend, size = np.abs(along), np.vecdot(pull, steps)
    known = bend > LEAST_CURVATURE * size
    bend, size = (np.where(known, each, 1.0)[:, None, None] for each in (bend, size))
    given = falls[:, :, None] / bend * falls[:, None, :]
    taken = pull[:, :, None] / size * pull[:, None, :]
    bent = np.where(known[:, None, None], curvature + given - taken, curvature)
    # Where falls are all but rounding, so may be what is left of the least curvatures.
    curvatures = np.linalg.eigvalsh(bent)
    lost = curvatures[:, 0] <= CURVATURE_ROUNDING * curvatures[:, -1]
    if lost.any():
        bent[lost] = _positive(bent[lost])
    return bent
