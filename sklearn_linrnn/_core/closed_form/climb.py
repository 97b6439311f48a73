"""The top of a smooth function of a few measures in a box, to the last digits.

A climb that stops where the function is level to rounding leaves half of the digits of the point to
chance: a function is flat at its top. This one ends where its gradient is zero to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Function = Callable[[NDArray], tuple[float, NDArray]]

MAX_ITERATIONS = 100
LONGEST = 2.0  # step, in units of the measures
SHORTEST = 1e-10  # step
STEP = 1e-4  # of differences of the gradient
VALUE_ROUNDING = 1e-12  # of a value, relative to it
SLOPE_ROUNDING = 1e-14  # of a gradient, relative to the value
LEAST_CURVATURE = 1e-8  # relative to the largest
LEVEL = 1e-6  # gain that is not worth a word where rounding of the function hides the rest


@dataclass(frozen=True, eq=False)
class Summit:
    """Where a climb ended.

    Attributes
    ----------
    point : ndarray of shape (n,)
        The measures.
    value : float
        The function there.
    converged : bool
        Whether next to nothing is left to climb, but for measures at their bounds.
    """

    point: NDArray
    value: float
    converged: bool


@dataclass(frozen=True, eq=False)
class Place:
    """A point with the function's value and gradient."""

    point: NDArray
    value: float
    gradient: NDArray

    def gain(self, step: NDArray) -> float:
        """Return the rise to the top of the quadratic model that the step leads to."""
        return 0.5 * float(self.gradient @ step)

    @property
    def scale(self) -> float:
        """What rounding is relative to."""
        return max(abs(self.value), 1.0)

    def is_level(self, step: NDArray) -> bool:
        """Whether nothing but rounding is left to climb by a step."""
        slopes = self.gradient[step != 0]
        level = np.abs(slopes) <= SLOPE_ROUNDING * self.scale
        return bool(level.all() or (np.abs(step) <= SHORTEST).all())


def climb(function: Function, start: NDArray, bounds: NDArray) -> Summit:
    """Return the maximum of a function uphill from a start.

    Newton's method with curvatures from differences of the gradient at the start, brought up to
    date from step to step (BFGS). Far from the top a step must lead uphill; near it, where values
    differ by rounding alone, to a smaller gradient. A measure without effect stays where it is.

    Parameters
    ----------
    function : callable
        From a point, (n,), to the value and the gradient, (n,).
    start : ndarray of shape (n,)
        Where to begin.
    bounds : ndarray of shape (n, 2)
        Least and greatest measures.
    """
    here = _place(function, np.clip(start, *bounds.T))
    curvature, bounds = _survey(function, here, bounds)
    longest = LONGEST
    for _ in range(MAX_ITERATIONS):
        step = newton_step(here, curvature, bounds)
        if here.is_level(step):
            return Summit(here.point, here.value, True)
        there = _place(function, advance(here.point, step, longest, bounds))
        move = there.point - here.point
        rounding = VALUE_ROUNDING * here.scale
        rise = there.value - here.value
        if abs(rise) <= rounding:
            rise = here.gain(step) - there.gain(newton_step(there, curvature, bounds))
        if rise > 0:
            curvature = _updated(curvature, move, here.gradient - there.gradient)
            here, longest = there, min(LONGEST, 4.0 * longest)
        elif here.gain(step) <= rounding:
            return Summit(here.point, here.value, True)
        else:
            longest = 0.25 * float(np.abs(move).max())
    left = here.gain(newton_step(here, curvature, bounds))
    return Summit(here.point, here.value, left <= LEVEL)


def _place(function: Function, point: NDArray) -> Place:
    return Place(point, *function(point))


def _survey(function: Function, place: Place, bounds: NDArray) -> tuple[NDArray, NDArray]:
    """Return the curvature by differences of the gradient, and the bounds of what has effect."""
    steps = np.where(place.point + STEP <= bounds[:, 1], STEP, -STEP)
    gradients = np.array([function(place.point + step)[1] for step in np.diag(steps)])
    hessian = (gradients - place.gradient) / steps[:, None]
    slopes = np.abs(np.vstack([gradients, place.gradient]))
    idle = (slopes <= SLOPE_ROUNDING * place.scale).all(axis=0)
    return _positive(-hessian), np.where(idle[:, None], place.point[:, None], bounds)


def _positive(curvature: NDArray) -> NDArray[np.float64]:
    """Return a curvature, made symmetric and positive definite."""
    curvatures, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    curvatures = np.abs(curvatures)
    least = max(LEAST_CURVATURE * curvatures.max(), np.finfo(np.float64).tiny ** 0.5)
    return (vectors * np.maximum(curvatures, least)) @ vectors.T


def newton_step(place: Place, curvature: NDArray, bounds: NDArray) -> NDArray:
    """Return the step to the top of a quadratic model.

    A measure at its bound stays there if the gradient or the step leads beyond.
    """
    at_low, at_high = place.point <= bounds[:, 0], place.point >= bounds[:, 1]
    free = ~((at_low & (place.gradient < 0)) | (at_high & (place.gradient > 0)))
    while True:
        step = np.zeros(len(free))
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], place.gradient[free])
        stuck = free & ((at_low & (step < 0)) | (at_high & (step > 0)))
        if not stuck.any():
            return step
        free &= ~stuck


def advance(point: NDArray, step: NDArray, longest: float, bounds: NDArray) -> NDArray:
    """Return the point after a step, or after that part of it that ends at a bound."""
    ends = np.where(step > 0, bounds[:, 1], bounds[:, 0])
    moves = step != 0
    shares = np.full(len(point), np.inf)
    shares[moves] = (ends - point)[moves] / step[moves]
    share = min(1.0, longest / float(np.abs(step).max()), float(shares.min()))
    return np.where(shares <= share, ends, point + share * step)


def _updated(curvature: NDArray, step: NDArray, fall: NDArray) -> NDArray:
    """Return the curvature, such that the gradient falls along the step as it did (BFGS).

    Where it rose instead, as at the start the curvature is taken for positive.
    """
    fall = fall if fall @ step > 0 else -fall
    bend, pull = float(fall @ step), curvature @ step
    if bend <= LEAST_CURVATURE * float(pull @ step):
        return curvature
    given, taken = np.outer(fall / bend, fall), np.outer(pull / float(pull @ step), pull)
    return curvature + given - taken
