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
        Whether it is level there, but for measures at their bounds.
    """

    point: NDArray
    value: float
    converged: bool


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
    point = np.clip(start, *bounds.T)
    value, gradient = function(point)
    steps = _nearby(point, bounds)
    gradients = np.array([function(point + step)[1] for step in steps])
    curvature = _curvature((gradients - gradient) / steps.sum(axis=1)[:, None])
    idle = _is_rounding(np.vstack([gradients, gradient]), value).all(axis=0)
    bounds = np.where(idle[:, None], point[:, None], bounds)
    longest = LONGEST
    for _ in range(MAX_ITERATIONS):
        step = newton_step(point, gradient, curvature, bounds)
        gain = 0.5 * float(gradient @ step)
        rounding = VALUE_ROUNDING * max(abs(value), 1.0)
        if _is_level(step, gradient, value):
            return Summit(point, value, True)
        new = advance(point, step, longest, bounds)
        new_value, new_gradient = function(new)
        rise = new_value - value
        if abs(rise) <= rounding:
            new_step = newton_step(new, new_gradient, curvature, bounds)
            rise = gain - 0.5 * float(new_gradient @ new_step)
        if rise > 0:
            curvature = _updated(curvature, new - point, gradient - new_gradient)
            longest = min(LONGEST, 4.0 * longest)
            point, value, gradient = new, new_value, new_gradient
        elif gain <= rounding:
            return Summit(point, value, True)
        else:
            longest = 0.25 * float(np.abs(new - point).max())
    return Summit(point, value, False)


def newton_step(point: NDArray, gradient: NDArray, curvature: NDArray, bounds: NDArray) -> NDArray:
    """Return the step to the top of a quadratic model.

    A measure at its bound stays there if the gradient or the step leads beyond.
    """
    low, high = bounds.T
    free, step = np.ones(len(point), dtype=bool), gradient
    while True:
        stuck = free & (((point <= low) & (step < 0)) | ((point >= high) & (step > 0)))
        free &= ~stuck
        if step is not gradient and not stuck.any():
            return step
        step = np.zeros(len(point))
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])


def advance(point: NDArray, step: NDArray, longest: float, bounds: NDArray) -> NDArray:
    """Return the point after a step, or after that part of it that ends at a bound."""
    ends = np.where(step > 0, bounds[:, 1], bounds[:, 0])
    moves = step != 0
    shares = np.full(len(point), np.inf)
    shares[moves] = (ends - point)[moves] / step[moves]
    share = min(1.0, longest / float(np.abs(step).max()), float(shares.min()))
    return np.where(shares <= share, ends, point + share * step)


def _is_level(step: NDArray, gradient: NDArray, value: float) -> bool:
    level = (np.abs(step) <= SHORTEST).all() or _is_rounding(gradient[step != 0], value).all()
    return bool(level)


def _is_rounding(slopes: NDArray, value: float) -> NDArray[np.bool_]:
    return np.abs(slopes) <= SLOPE_ROUNDING * max(abs(value), 1.0)


def _nearby(point: NDArray, bounds: NDArray) -> NDArray:
    """Return a step of each measure, within its bounds, as the rows of a diagonal matrix."""
    return np.diag(np.where(point + STEP <= bounds[:, 1], STEP, -STEP))


def _curvature(hessian: NDArray) -> NDArray[np.float64]:
    """Return minus a Hessian, made positive definite."""
    curvatures, vectors = np.linalg.eigh(-0.5 * (hessian + hessian.T))
    curvatures = np.abs(curvatures)
    least = max(LEAST_CURVATURE * curvatures.max(initial=0.0), np.finfo(np.float64).tiny ** 0.5)
    return (vectors * np.maximum(curvatures, least)) @ vectors.T


def _updated(curvature: NDArray, step: NDArray, fall: NDArray) -> NDArray:
    """Return the curvature, such that the gradient falls along the step as it did (BFGS)."""
    bend = float(fall @ step)
    pull = curvature @ step
    if bend <= LEAST_CURVATURE * float(pull @ step):
        return curvature
    return curvature + np.outer(fall, fall) / bend - np.outer(pull, pull) / float(pull @ step)
