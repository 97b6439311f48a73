"""Unbounded scales of hyperparameters, along which a search climbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit


@dataclass(frozen=True)
class Scale:
    """An unbounded measure of a hyperparameter, with its range and starts.

    Attributes
    ----------
    measure, value : callable
        From the hyperparameter to its measure, and back; of arrays entry by entry.
    slope : callable
        From the hyperparameter to its derivative by the measure; of arrays entry by entry.
    bounds : tuple of float
        Least and greatest measure.
    starts : sequence of float
        Measures to start from.
    stride : float, default=None
        Distance of the measures that are looked at from a start on before a search climbs; None to
        climb from the starts.
    """

    measure: Callable[[Any], Any]
    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    bounds: tuple[float, float]
    starts: Sequence[float]
    stride: float | None = None


def log_scale(bounds: tuple[float, float], starts: Sequence[float]) -> Scale:
    """Return the scale of the logarithm, with bounds and starts in logarithms."""
    return Scale(np.log, np.exp, lambda value: value, bounds, starts)


def octave_scale(bounds: tuple[float, float], starts: Sequence[float]) -> Scale:
    """Return the scale of the logarithm to the base of two, on which a search strides by octaves.

    Bounds and starts are such logarithms.
    """
    return Scale(np.log2, np.exp2, lambda value: np.log(2.0) * value, bounds, starts, 1.0)


VARIANCE = log_scale((np.log(1e-4), np.log(1e4)), (0.0,))

CORRELATION = Scale(
    measure=np.arctanh,
    value=np.tanh,
    slope=lambda correlation: (1.0 - correlation) * (1.0 + correlation),
    bounds=(-5.0, 5.0),
    starts=(0.0, 2.0),
)

SHARE = Scale(
    measure=logit,
    value=expit,
    slope=lambda share: share * (1.0 - share),
    bounds=(-7.0, 7.0),
    starts=(-2.0, 0.0, 2.0),
)


def decay_scale(n_lags: int, starts: Sequence[float] | None = None) -> Scale:
    """Return the scale of a decay from lag to lag, for a model of ``n_lags``.

    It is the logarithm of the time, in lags, in which the prior falls to ``1/e``; starts, too, are
    such logarithms, by default from one lag to all.
    """
    if starts is None:
        starts = np.log(np.geomspace(1.0, max(n_lags, 2), 9)).tolist()
    return Scale(
        measure=lambda decay: -np.log(-np.log(decay)),
        value=lambda log_time: np.exp(-np.exp(-log_time)),
        slope=lambda decay: -decay * np.log(decay),
        bounds=(np.log(0.1), np.log(100.0 * n_lags)),
        starts=starts,
    )
