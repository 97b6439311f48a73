"""Estimators that were fitted before, and what must hold of what they learned."""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from .invariants import Warnings, is_finite

# What may be out of the range of numbers where a warning says so.
SAID = {
    "loss_curve_": "diverged",
    "validation_loss_curve_": "diverged",
    "validation_scores_": "diverged",
    "best_score_": "No candidate has a score",
}
LEARNED = (
    "impulse_response_", "intercept_", "lag_weights_", "loss_curve_", "validation_loss_curve_",
    "validation_scores_", "learning_rate_", "best_score_", "noise_variance_",
    "effective_degrees_of_freedom_", "impulse_response_std_",
)  # fmt: skip


@cache
def earlier(make: Any) -> bytes:
    """Return an estimator that was fitted before, as a pickle."""
    rng = np.random.default_rng(0)
    return pickle.dumps(make().fit(rng.normal(size=(20, 4)), rng.normal(size=20)))


def check_learned(model: BaseEstimator, heard: Warnings) -> None:
    """Raise unless what was learned is finite, is not there, or was warned of."""
    for name in LEARNED:
        try:
            value = getattr(model, name)
        except AttributeError:
            continue
        if name in SAID and any(SAID[name] in str(said.message) for said in heard):
            continue
        assert is_finite(value), f"{name} is {value}"
