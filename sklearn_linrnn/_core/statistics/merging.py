"""Moments of rows put together or taken away, and what that costs in digits."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch

from sklearn_linrnn._core.statistics.moments import Moments, no_rows

WEIGHT_ROUNDING = 1e-12  # a remainder below this share of the weight is rounding

AnyMoments = TypeVar("AnyMoments", bound=Moments)


def merged(moments: AnyMoments, other: Moments, sign: int) -> AnyMoments:
    """Return the moments with ``other``'s rows added (``sign=1``) or taken away (``-1``).

    Chan, Golub and LeVeque 1983, equation 2.1; solved for one of the parts when ``sign=-1``.

    Parameters
    ----------
    moments : Moments
        Moments of some rows.
    other : Moments
        Moments of the same inputs and targets on other rows, or on some of these.
    sign : {1, -1}
        Whether to add them or to take them away.

    Returns
    -------
    moments : same type
        Those of all rows, or of the rows that are left.
    """
    weight = moments.weight + sign * other.weight
    if abs(weight) <= WEIGHT_ROUNDING * moments.weight:
        nothing = vars(no_rows(moments.input_mean, moments.target_mean))
        return replace(moments, **nothing | {"n_intercepts": moments.n_intercepts})
    input_gap = other.input_mean - moments.input_mean
    target_gap = other.target_mean - moments.target_mean
    share = sign * other.weight / weight
    spread = share * moments.weight
    together = replace(
        moments,
        weight=weight,
        input_mean=moments.input_mean + share * input_gap,
        target_mean=moments.target_mean + share * target_gap,
        input_scatter=torch.add(moments.input_scatter, other.input_scatter, alpha=sign).addr_(
            input_gap, input_gap, alpha=spread
        ),
        cross_scatter=torch.add(moments.cross_scatter, other.cross_scatter, alpha=sign).addr_(
            input_gap, target_gap, alpha=spread
        ),
        target_scatter=torch.add(moments.target_scatter, other.target_scatter, alpha=sign).add_(
            target_gap.square(), alpha=spread
        ),
    ).settled()
    known = [part for part in (moments, other) if sign < 0 or part.peaks is not None]
    if not known:
        return together
    held = [part.scatters if part.peaks is None else part.peaks for part in known]
    return replace(together, peaks=torch.stack([*held, together.scatters]).amax(0))


def cancelled(moments: Moments) -> float:
    """Return how many times what is left of an input or target the sums once held, at the most.

    Rounding of what they held is still in them: so many times larger it is, relative to them.
    """
    if moments.peaks is None:
        return 1.0
    held = moments.peaks > 0
    left = moments.scatters[held].clamp(min=torch.finfo(moments.peaks.dtype).tiny)
    return float((moments.peaks[held] / left).max()) if held.any() else 1.0
