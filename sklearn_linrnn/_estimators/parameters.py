"""Parameters of the estimators: their constraints, and their values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval as AnyInterval
from sklearn.utils._param_validation import StrOptions

from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.channel_priors import ChannelPriors, Prior
from sklearn_linrnn._core.priors.lag_prior import Given, LagPrior, check_covariance
from sklearn_linrnn._core.priors.lag_weights import LARGEST, NUMBERS, linear_rnn_lag_weights
from sklearn_linrnn._core.priors.prior_parameters import with_changed_priors
from sklearn_linrnn._core.priors.two_sided import TwoSided
from sklearn_linrnn._core.tensors import check_device
from sklearn_linrnn._data.containers import check_numbers


class Interval(AnyInterval):
    """An interval of numbers that arrays can hold."""

    def is_satisfied_by(self, value: Any) -> bool:
        """Return whether a value is one of its numbers."""
        if not (isinstance(value, NUMBERS) and super().is_satisfied_by(value)):
            return False
        return not (isinstance(value, int) and value > LARGEST)


class ThreeOf(Interval):
    """Three numbers of an interval that begins at zero; not all of them zero."""

    def is_satisfied_by(self, value: Any) -> bool:
        """Return whether a value has three such numbers."""
        is_row = isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim == 1)
        if not is_row or len(value) != 3:
            return False
        return all(super(ThreeOf, self).is_satisfied_by(each) for each in value) and any(value)

    def __str__(self) -> str:
        """Return what errors say."""
        return f"three numbers, each {super().__str__()} and not all of them 0"


VARIANCES: dict[str, list] = {
    name: [Interval(Real, 0, np.inf, closed="left")] for name in ("nu_w", "nu_f", "nu_c")
}
BY_CHANNEL: dict[str, list] = {"channel_scale": ["array-like", None]}
SHAPES: dict[str, list] = {
    "n_lags": [Interval(Integral, 1, None, closed="left"), None],
    "rows": [StrOptions({"windows", "timesteps"})],
    "layout": [StrOptions({"ntc", "nct"})],
    "lag_order": [StrOptions({"infer", "oldest_first", "newest_first"})],
    "n_channels": [Interval(Integral, 1, None, closed="left"), None],
    "initial_state": [StrOptions({"zero", "mean", "unknown"})],
}
DELAY: dict[str, list] = {"delay": [Interval(Integral, 0, None, closed="left")]}
LEADS: dict[str, list] = {"n_leads": [Interval(Integral, 0, None, closed="left")]}
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
        n_leads, delay = getattr(self, "n_leads", 0), getattr(self, "delay", 0)
        if n_leads != 0 and not (isinstance(delay, Integral) and delay == 0):
            raise ValueError(
                "n_leads reads time steps after the target, and delay leaves out those up to it: "
                f"one of them must be 0, but got n_leads={n_leads} and delay={delay!r}."
            )


class TakesPrior:
    """An estimator or kernel whose prior may be an object with parameters of its own."""

    def set_params(self, **params: Any) -> Self:
        """Set the parameters.

        Parameters
        ----------
        **params : object
            Values by name; ``prior__nu_w`` is that of ``nu_w`` of a prior object, in whose place a
            copy of it is put.

        Returns
        -------
        self : object
            The estimator.
        """
        inner: Any = super()
        return inner.set_params(**with_changed_priors(self.get_params(deep=False), params))  # type: ignore[attr-defined]


def check_lag_weights(
    lag_weights: Any, n_lags: int, nu_w: float, nu_f: float, nu_c: float, *, n_leads: int = 0
) -> NDArray:
    """Return the weights ``(n_lags,)`` of "linear_rnn", "flat" or an array; the leads' first."""
    if isinstance(lag_weights, str):
        if lag_weights == "flat":
            return np.ones(n_lags)
        distances = np.abs(np.arange(-n_leads, n_lags - n_leads))
        return linear_rnn_lag_weights(int(distances.max()) + 1, nu_w, nu_f, nu_c)[distances]
    need = "'linear_rnn', 'flat' or an array of one number for each lag"
    weights = read_numbers(lag_weights, "lag_weights", need)
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


def check_channel_weights(
    lag_weights: Any,
    n_lags: int,
    n_channels: int,
    nu_w: Any,
    nu_f: float,
    nu_c: float,
    channel_scale: Any,
    *,
    n_leads: int = 0,
) -> NDArray:
    """Return the weights of `check_lag_weights`, (n_lags,), or of each channel where they differ.

    They do, (n_channels, n_lags), where ``nu_w`` is an array or scales are given.
    """
    one = isinstance(nu_w, NUMBERS)
    if one and channel_scale is None:
        return check_lag_weights(lag_weights, n_lags, nu_w, nu_f, nu_c, n_leads=n_leads)
    decays = np.full(n_channels, nu_w) if one else check_channels(nu_w, "nu_w", n_channels)
    each = [
        check_lag_weights(lag_weights, n_lags, nu, nu_f, nu_c, n_leads=n_leads)
        for nu in decays.tolist()
    ]
    return check_channel_scale(channel_scale, n_channels)[:, None] * np.array(each)


def make_prior(prior: Any, n_leads: int = 0, **hyperparameters: Any) -> LagPrior:
    """Return the prior of a name, an array or a `LagPrior`; with leads one on both sides.

    A named prior uses those of the ``hyperparameters`` that it has; "auto" is replaced by its
    default, which a prior object must be already (`LagPrior.settled`). An array has the variances
    or the covariance of all lags, the leads among them.
    """
    if n_leads > 0:
        one_side = make_prior(prior, **hyperparameters)
        return one_side if isinstance(one_side, Given) else TwoSided(one_side, int(n_leads))
    if isinstance(prior, LagPrior):
        if prior.sought:
            raise ValueError(
                f'{prior.sought[0]}="auto" of {type(prior).__name__} is chosen by NTKConvRegressor '
                "alone; here it must be a number."
            )
        return prior
    need = f"one of {sorted(PRIORS)}, a LagPrior or an array of numbers"
    if prior is None or (isinstance(prior, str) and prior not in PRIORS):
        raise ValueError(f"prior must be {need}, but got {prior!r}.")
    if isinstance(prior, str):
        made = PRIORS[prior]
        known = {field.name for field in fields(made)} & set(hyperparameters)
        values = {name: hyperparameters[name] for name in sorted(known)}
        return made(**{name: value for name, value in values.items() if value != "auto"})
    array = read_numbers(prior, "prior", need)
    return Given(check_covariance(array, len(np.atleast_1d(array)), "prior"))


def make_priors(
    prior: Any,
    n_channels: int,
    *,
    n_leads: int = 0,
    channel_scale: Any = None,
    memory: Any = "shared",
    **hyperparameters: Any,
) -> Prior:
    """Return the prior as `make_prior` does, or one for each channel where these may differ.

    They may where ``nu_w`` is an array, scales are given, or a memory is not shared.
    """
    decays = hyperparameters["nu_w"]
    shares_decay = isinstance(decays, (*NUMBERS, str))
    if shares_decay and is_shared(memory) and channel_scale is None:
        return make_prior(prior, n_leads, **hyperparameters)
    if not shares_decay:
        if any(isinstance(each, str) and each == "auto" for each in _entries(decays)):
            raise ValueError(
                "nu_w='auto' is chosen for all channels, with memory='channel' for each of them, "
                f"but got 'auto' among the entries of an array: nu_w={decays!r}."
            )
        decays = check_channels(decays, "nu_w", n_channels)
        hyperparameters = {**hyperparameters, "nu_w": float(decays[0])}
    made = make_prior(prior, n_leads, **hyperparameters)
    takes = isinstance(prior, str) and "nu_w" in made.hyperparameters and not shares_decay
    channel_groups(memory, n_channels)  # checks it
    scale = check_channel_scale(channel_scale, n_channels)
    return ChannelPriors.of(made, decays if takes else None, scale)


def with_hyperparameters(prior: Prior, values: dict[str, Any]) -> Prior:
    """Return a prior with other hyperparameters: numbers, or of channels one for each, too."""
    channels = prior if isinstance(prior, ChannelPriors) else None
    known = set((prior if isinstance(prior, LagPrior) else prior.priors[0]).hyperparameters)
    for name, value in values.items():
        is_array = channels is not None and np.shape(value) == channels.scale.shape
        if name not in known or not (isinstance(value, Real) or is_array):
            raise TypeError(
                f"This prior takes numbers for {sorted(known | {'alpha'})}, but got "
                f"{name}={value!r}."
            )
    return prior.with_values(**values)


def check_channel_scale(channel_scale: Any, n_channels: int) -> NDArray:
    """Return the scales of channels, (n_channels,); ones for None."""
    if channel_scale is None:
        return np.ones(n_channels)
    scale = check_channels(channel_scale, "channel_scale", n_channels)
    if not (scale > 0).any():
        raise ValueError("channel_scale must have a positive number, but got zeros alone.")
    return scale


def check_channels(values: Any, name: str, n_channels: int) -> NDArray:
    """Return numbers that are not negative, one for each channel, (n_channels,)."""
    need = f"one number for each of {n_channels} channels, an array of shape ({n_channels},)"
    numbers = read_numbers(values, name, need)
    if numbers.shape != (n_channels,):
        raise ValueError(f"{name} must be {need}, but got shape {numbers.shape}.")
    if (numbers < 0).any():
        raise ValueError(f"{name} must not be negative, but got {numbers.min():g}.")
    return numbers


def read_numbers(values: Any, name: str, need: str) -> NDArray:
    """Return a copy of a parameter that is an array-like of numbers, or raise what it needs.

    Words are refused, those too that NumPy would read as numbers.
    """
    for entry in _entries(values):
        if isinstance(entry, str) or not hasattr(entry, "__float__"):
            raise ValueError(f"{name} must be {need}, but got {entry!r} among its entries.")
    if np.ndim(values) == 0:
        raise ValueError(f"{name} must be {need}, but got {values!r}.")
    checks: dict[str, Any] = {"dtype": np.float64, "ensure_2d": False, "ensure_min_samples": 0}
    return check_numbers(values, name, copy=True, **checks)


def _entries(values: Any) -> NDArray:
    """Return the entries of an array-like whose type does not say that they are numbers."""
    if getattr(getattr(values, "dtype", None), "kind", "O") in "OSU":
        with suppress(RuntimeError, TypeError, ValueError):  # of which `check_numbers` says why
            return np.ravel(np.asarray(values, dtype=object))
    return np.empty(0)


def is_shared(memory: Any) -> bool:
    """Return whether all channels share a memory."""
    return isinstance(memory, str) and memory == "shared"


def channel_groups(memory: Any, n_channels: int) -> NDArray:
    """Return the group of each channel, 0 and so on, for "shared", "channel" or labels."""
    if isinstance(memory, str):
        return np.arange(n_channels) if memory == "channel" else np.zeros(n_channels, dtype=int)
    labels = np.asarray(memory, dtype=object)
    need = f"one label for each of {n_channels} channels, an array of shape ({n_channels},)"
    if labels.shape != (n_channels,):
        raise ValueError(
            f"memory must be 'shared', 'channel' or {need}, but got shape {labels.shape}."
        )
    numbers: dict[Any, int] = {}
    for label in labels:
        if not isinstance(label, Hashable) or label != label:  # noqa: PLR0124 - NaN is none
            raise ValueError(f"memory must be {need}, but got {label!r} among them.")
        numbers.setdefault(label, len(numbers))
    return np.array([numbers[label] for label in labels])


def torch_dtype(name: str) -> torch.dtype:
    """Return the type of tensors for a ``dtype``; TF32 is a way to multiply float32."""
    return torch.float64 if name == "float64" else torch.float32


def make_seed(random_state: Any) -> int:
    """Return a seed drawn from scikit-learn's ``random_state``."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


__all__ = [
    "BY_CHANNEL",
    "COMPUTING",
    "DELAY",
    "LEADS",
    "SHAPES",
    "VARIANCES",
    "Interval",
    "StrOptions",
    "TakesPrior",
    "channel_groups",
    "check_channel_scale",
    "check_channel_weights",
    "check_device",
    "check_lag_weights",
    "is_shared",
    "make_prior",
    "make_priors",
    "make_seed",
    "torch_dtype",
    "with_hyperparameters",
]
