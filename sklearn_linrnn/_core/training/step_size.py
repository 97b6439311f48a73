"""Sizes of the steps of gradient descent on a quadratic loss."""

from __future__ import annotations

from typing import Literal


def choose_learning_rate(learning_rate: float | Literal["auto"], curvature: float) -> float:
    """Return the size of the steps; "auto" is the inverse of the largest ``curvature``."""
    if learning_rate == "auto":
        return 1.0 / curvature if curvature > 0 else 1.0
    return float(learning_rate)


def stable_limit(curvature: float, momentum: float = 0.0, *, nesterov: bool = False) -> float:
    """Return the size from which on steps diverge along the largest ``curvature``.

    It is ``2 (1 + momentum) / curvature``, and with Nesterov's momentum
    ``2 (1 + momentum) / (1 + 2 momentum) / curvature``; infinite without curvature.
    """
    if curvature <= 0:
        return float("inf")
    return 2.0 * (1.0 + momentum) / (1.0 + 2.0 * momentum * nesterov) / curvature
