"""Schedules: the step size as a share of the learning rate, over the iterations of training."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from numbers import Real

Schedule = Callable[[int], float]

SCHEDULES = "constant", "linear", "cosine", "inverse_sqrt"


def scheduled_share(name: str, step: int, max_iter: int) -> float:
    """Return the share of the learning rate that an iteration takes.

    Parameters
    ----------
    name : str
        One of `SCHEDULES`. "linear" falls by the same amount at each iteration, "cosine" along half
        a cosine (Loshchilov and Hutter 2017, one period), both to zero at the end; "inverse_sqrt"
        with the root of the number of the iteration.
    step : int
        Number of iterations before it.
    max_iter : int
        Most iterations.
    """
    match name:
        case "linear":
            return 1.0 - step / max_iter
        case "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * step / max_iter))
        case "inverse_sqrt":
            return (1.0 + step) ** -0.5
    return 1.0


def checked_schedule(schedule: Schedule) -> Schedule:
    """Return a schedule that asks a user's function once for each step, and checks its answer."""

    @cache
    def checked(step: int) -> float:
        share = schedule(step)
        if not (isinstance(share, Real) and 0 <= share < math.inf):
            raise ValueError(
                f"schedule must return a finite number of at least 0, but for iteration {step} it "
                f"returned {share!r}."
            )
        return float(share)

    return checked
