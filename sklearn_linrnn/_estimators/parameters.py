"""Parameters of the estimators: their constraints, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_linrnn._core.priors.lag_priors import PRIORS, Given, LagPrior, check_covariance
from sklearn_linrnn._core.priors.lag_weights import linear_rnn_lag_weights

VARIANCES: dict[str, list] = {
    name: [Interval(Real, 0, np.inf, closed="left")] for name in ("nu_w", "nu_f", "nu_c")
}
SHAPES: dict[str, list] = {
    "n_lags": [Interval(Integral, 1, None, closed="left"), None],
    "rows": [StrOptions({"windows", "timesteps"})],
    "layout": [StrOptions({"ntc", "nct"})],
    "lag_order": [StrOptions({"infer", "oldest_first", "newest_first"})],
    "n_channels": [Interval(Integral, 1, None, closed="left"), None],
}
COMPUTING: dict[str, list] = {
    "fit_intercept": ["boolean"],
    "device": [str, torch.device],
    "dtype": [StrOptions({"float32", "float64"})],
    "verbose": ["verbose"],
}


def validate_parameters(estimator: BaseEstimator) -> None:
    """Raise unless every parameter is of the type and in the range that its class declares."""
    estimator._validate_params()


@contextmanager
def restored_on_failure(estimator: BaseEstimator) -> Iterator[None]:
    """Leave the attributes of an estimator as they were if the body raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_lag_weights(lag_weights: Any, n_lags: int, estimator: Any) -> NDArray:
    """Return the weights ``(n_lags,)`` that "linear_rnn", "flat" or an array stands for."""
    if isinstance(lag_weights, str):
        if lag_weights == "flat":
            return np.ones(n_lags)
        return linear_rnn_lag_weights(n_lags, estimator.nu_w, estimator.nu_f, estimator.nu_c)
    weights = check_array(lag_weights, dtype=np.float64, ensure_2d=False, input_name="lag_weights")
    if weights.shape != (n_lags,):
        raise ValueError(
            f"lag_weights must have shape ({n_lags},), one weight for each lag, but shape "
            f"{weights.shape} came."
        )
    if (weights < 0).any() or not (weights > 0).any():
        raise ValueError(
            "lag_weights must not be negative and not all be zero, but they range from "
            f"{weights.min():g} to {weights.max():g}."
        )
    return weights


def make_prior(prior: Any, estimator: BaseEstimator) -> LagPrior:
    """Return the prior that a name, an array or a `LagPrior` stands for.

    A hyperparameter that is "auto" in the estimator has its default.
    """
    if isinstance(prior, LagPrior):
        return prior
    if prior is None or (isinstance(prior, str) and prior not in PRIORS):
        raise ValueError(
            f"prior must be one of {sorted(PRIORS)}, a LagPrior or an array, but {prior!r} came."
        )
    if isinstance(prior, str):
        made = PRIORS[prior]
        values = {field.name: getattr(estimator, field.name) for field in fields(made)}
        return made(**{name: value for name, value in values.items() if value != "auto"})
    array = check_array(prior, dtype=np.float64, ensure_2d=False, input_name="prior", copy=True)
    return Given(check_covariance(array, len(np.atleast_1d(array)), "prior"))


def check_device(device: str | torch.device) -> torch.device:
    """Return the device to compute on; "auto" is CUDA where there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        checked = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', but {device!r} came."
        ) from error
    if checked.type not in ("cpu", "cuda"):
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', which compute in float64, but "
            f"{device!r} came."
        )
    if checked.type == "cuda" and (checked.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device={device!r} is not available: PyTorch sees {torch.cuda.device_count()} CUDA "
            "devices. Use device='cpu' or 'auto'."
        )
    return checked


def numpy_dtype(name: str) -> np.dtype:
    """Return the type of arrays that go with a ``dtype``; TF32 is a way of computing float32."""
    return np.dtype("float32" if name == "tf32" else name)


def torch_dtype(name: str) -> torch.dtype:
    """Return the type of tensors that go with a ``dtype``."""
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
    "numpy_dtype",
    "restored_on_failure",
    "torch_dtype",
    "validate_parameters",
]
