"""The top of a smooth function of many measures in a box, by Newton's method.

It ends where the gradient is zero to rounding, as `climb` does for a few measures. A step is made
of steps along the principal directions of the curvature, none of them longer than some: one along
which the function is nearly level does not shorten the others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.climb import (
    LEAST_CURVATURE,
    LEVEL,
    LONGEST,
    VALUE_ROUNDING,
    Places,
)

MAX_ITERATIONS = 200


def climb_by_curvature(
    function: Callable[[NDArray], tuple[float, NDArray]],
    hessian: Callable[[NDArray], NDArray],
    start: NDArray,
    bounds: NDArray,
) -> tuple[NDArray, float, bool]:
    """Return the point that a climb ends at, its value, and whether it is a top.

    Parameters
    ----------
    function : callable
        From a point (n,) to its value and gradient.
    hessian : callable
        From a point to its second derivatives, (n, n).
    start : ndarray of shape (n,)
        Where to begin.
    bounds : ndarray of shape (n, 2)
        Least and greatest measures.
    """
    here = _place(function, np.clip(start, *bounds.T))
    bend, longest = -hessian(here.point[0]), LONGEST
    for _ in range(MAX_ITERATIONS):
        step = _step(here, bend, bounds, longest)
        if here.are_level(step)[0]:
            return here.point[0], float(here.value[0]), True
        there = _place(function, np.clip(here.point[0] + step[0], *bounds.T))
        rounding = VALUE_ROUNDING * here.scale[0]
        rise, gain = float(there.value[0] - here.value[0]), float(here.gain(step)[0])
        if abs(rise) <= rounding:  # then the gradient tells the higher one
            rise = gain - float(there.gain(_step(there, bend, bounds, longest))[0])
        if rise > 0:
            here, longest = there, min(LONGEST, 4.0 * longest)
            bend = -hessian(here.point[0])
        elif gain <= rounding:
            return here.point[0], float(here.value[0]), True
        else:
            longest = 0.25 * float(np.abs(step).max())
    left = here.gain(_step(here, bend, bounds, LONGEST))
    return here.point[0], float(here.value[0]), float(left[0]) <= LEVEL


def _place(function: Callable[[NDArray], tuple[float, NDArray]], point: NDArray) -> Places:
    value, gradient = function(point)
    return Places(point[None], np.array([value]), gradient[None])


def _step(here: Places, bend: NDArray, bounds: NDArray, longest: float) -> NDArray:
    """Return a step uphill, (1, n), towards the top of the quadratic model.

    A measure at its bound stays there if the gradient or the step leads beyond.
    """
    (point,), (gradient,) = here.point, here.gradient
    at_low, at_high = point <= bounds[:, 0], point >= bounds[:, 1]
    free = ~((at_low & (gradient < 0)) | (at_high & (gradient > 0)))
    while True:
        step = np.zeros(len(point))
        step[free] = _free_step(gradient[free], bend[np.ix_(free, free)], longest)
        stuck = free & ((at_low & (step < 0)) | (at_high & (step > 0)))
        if not stuck.any():
            return step[None]
        free &= ~stuck


def _free_step(gradient: NDArray, bend: NDArray, longest: float) -> NDArray:
    if not len(gradient):
        return gradient
    curvatures, directions = np.linalg.eigh(0.5 * (bend + bend.T))
    size = np.abs(curvatures)
    least = max(LEAST_CURVATURE * float(size.max()), np.finfo(np.float64).tiny ** 0.5)
    along = directions.T @ gradient / np.maximum(size, least)
    return directions @ np.clip(along, -longest, longest)
