"""Parameters of the estimators: their constraints, and their values."""

from __future__ import annotations

from dataclasses import fields
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval as AnyInterval
from sklearn.utils._param_validation import StrOptions

from sklearn_linrnn._core.priors.lag_priors import PRIORS, Given, LagPrior, check_covariance
from sklearn_linrnn._core.priors.lag_weights import LARGEST, NUMBERS, linear_rnn_lag_weights
from sklearn_linrnn._core.tensors import check_device
from sklearn_linrnn._data.containers import check_numbers


class Interval(AnyInterval):
    """An interval of numbers that arrays can hold."""

    def is_satisfied_by(self, value: Any) -> bool:
        """Return whether a value is one of its numbers."""
        if not (isinstance(value, NUMBERS) and super().is_satisfied_by(value)):
            return False
        return not (isinstance(value, int) and value > LARGEST)


VARIANCES: dict[str, list] = {
    name: [Interval(Real, 0, np.inf, closed="left")] for name in ("nu_w", "nu_f", "nu_c")
}
SHAPES: dict[str, list] = {
    "n_lags": [Interval(Integral, 1, None, closed="left"), None],
    "rows": [StrOptions({"windows", "timesteps"})],
    "layout": [StrOptions({"ntc", "nct"})],
    "lag_order": [StrOptions({"infer", "oldest_first", "newest_first"})],
    "n_channels": [Interval(Integral, 1, None, closed="left"), None],
    "initial_state": [StrOptions({"zero", "mean", "unknown"})],
}
COMPUTING: dict[str, list] = {
    "fit_intercept": ["boolean"],
    "device": [str, torch.device],
    "dtype": [StrOptions({"float32", "float64"})],
    "verbose": ["verbose"],
}


class WithParameters(BaseEstimator):
    """An estimator that checks its parameters."""

    def _check_parameters(self) -> None:
        """Raise unless the parameters are what the class says of them."""
        self._validate_params()


def check_lag_weights(
    lag_weights: Any, n_lags: int, nu_w: float, nu_f: float, nu_c: float
) -> NDArray:
    """Return the weights ``(n_lags,)`` of "linear_rnn", "flat" or an array."""
    if isinstance(lag_weights, str):
        if lag_weights == "flat":
            return np.ones(n_lags)
        return linear_rnn_lag_weights(n_lags, nu_w, nu_f, nu_c)
    weights = check_numbers(lag_weights, "lag_weights", dtype=np.float64, ensure_2d=False)
    if weights.shape != (n_lags,):
        raise ValueError(
            f"lag_weights must have shape ({n_lags},), one weight for each lag, but got "
            f"shape {weights.shape}."
        )
    if (weights < 0).any() or not (weights > 0).any():
        raise ValueError(
            "lag_weights must not be negative and not all be zero, but got weights from "
            f"{weights.min():g} to {weights.max():g}."
        )
    return weights


def make_prior(prior: Any, **hyperparameters: Any) -> LagPrior:
    """Return the prior of a name, an array or a `LagPrior`.

    A named prior uses those of the ``hyperparameters`` that it has; "auto" is replaced by its
    default.
    """
    if isinstance(prior, LagPrior):
        return prior
    if prior is None or (isinstance(prior, str) and prior not in PRIORS):
        raise ValueError(
            f"prior must be one of {sorted(PRIORS)}, a LagPrior or an array, but got {prior!r}."
        )
    if isinstance(prior, str):
        made = PRIORS[prior]
        values = {field.name: hyperparameters[field.name] for field in fields(made)}
        return made(**{name: value for name, value in values.items() if value != "auto"})
    array = check_numbers(prior, "prior", dtype=np.float64, ensure_2d=False, copy=True)
    return Given(check_covariance(array, len(np.atleast_1d(array)), "prior"))


def torch_dtype(name: str) -> torch.dtype:
    """Return the type of tensors for a ``dtype``; TF32 is a way to multiply float32."""
    return torch.float64 if name == "float64" else torch.float32


def make_seed(random_state: Any) -> int:
    """Return a seed drawn from scikit-learn's ``random_state``."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


__all__ = [
    "COMPUTING",
    "SHAPES",
    "VARIANCES",
    "Interval",
    "StrOptions",
    "check_device",
    "check_lag_weights",
    "make_prior",
    "make_seed",
    "torch_dtype",
]
