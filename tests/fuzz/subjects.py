"""The estimators, small, and values of their parameters, those that are wrong among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold, TimeSeriesSplit

from sklearn_linrnn import (
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._core.priors import catalogue
from sklearn_linrnn.forecasting import AutoLagForecaster, LagForecaster
from sklearn_linrnn.priors import LRU, DeepLinearRNN, LeakyRNN, LinearRNN, S4DLegS, S4DLin

Values = dict[str, list]


def falling(step: int) -> float:
    """Return a schedule's share."""
    return 0.9**step


def endless(step: int) -> float:
    """Return what no schedule may return."""
    return np.nan


def orthogonal_like(n_hidden: int, *_: Any) -> Any:
    """Return a transition matrix."""
    return np.eye(n_hidden)


HUGE = 10**400  # beyond float64
VARIANCE = [
    0.1, 0.9, 0, 1, 1.3, 3.0, 1e-8, 1e-300, 1e3, 1e300, np.float32(0.5), Fraction(1, 2),
    np.int8(1), True, HUGE, -0.5, np.nan, np.inf, None, "0.5", [0.5], 1j,
]  # fmt: skip
SHARE = [0.2, 0.5, 0.9, 1e-9, np.float32(0.3), Fraction(1, 3), 0, 1, 2, True, np.nan, "0.1", None]
POSITIVE = [HUGE, 1e-3, 0.1, 1, 1e3, 1e-300, 1e300, np.float32(0.1), Fraction(1, 8), 0, -1, np.inf,
            np.nan, "auto", "fast", None]  # fmt: skip
NOT_NEGATIVE = [
    HUGE, 0, 0.1, 1, np.float32(0.1), Fraction(1, 8), 1e-300, 1e300, -1, np.inf, np.nan, None,
]  # fmt: skip
COUNT = [1, 2, 3, np.int8(2), np.int64(1), np.uint8(3), True, 0, -1, 2.0, 2.5, "2", None, [2]]
SWITCH = [True, False, np.bool_(True), 1, 0, "yes", None]
WEIGHTS_OF_LAGS = [
    "flat", "flat", [1.0, 0.5, 0.25], (1, 2), np.ones(2), np.array([1, 0, 0, 1]), [0.0, 0.0],
    [-1.0, 1.0, 1.0], [np.nan, 1.0], [np.inf, 1.0], [1e300, 1.0], [1e-300, 1e-300], [],
    "sharp", None, 2.0, torch.ones(2), np.ones((2, 2)), ["a", "b"],
]  # fmt: skip

FORM: Values = {
    "n_lags": [*COUNT, 4, 7, 1000, 10**12, "auto"],
    "rows": ["windows", "timesteps", "steps", None],
    "layout": ["ntc", "nct", "nct", "tnc", None],
    "lag_order": ["infer", "oldest_first", "oldest_first", "newest_first", "first", None],
    "n_channels": [*COUNT, 10**12],
    "initial_state": ["mean", "mean", "unknown", "unknown", "zero", "one", None],
}
COMPUTING: Values = {
    "fit_intercept": [False, *SWITCH],
    "device": ["cpu", "auto", torch.device("cpu"), "cuda", "cuda:7", "mps", "meta", "cpu:1", 0,
               None],
    "dtype": ["float64", "float32", "float32", "tf32", "float16", np.float32, None],
    "verbose": [False, 0, -1, "loud", None],
}  # fmt: skip
NETWORK: Values = dict.fromkeys(("nu_w", "nu_f", "nu_c"), VARIANCE)
CHOSEN: Values = {name: [*VARIANCE, "auto", "auto"] for name in NETWORK}
SCALES = {
    "channel_scale": [None, None, [1.0], [2.0, 1.0], [0.0, 1.0, 1.0], (1e-300, 1e300), [0.0, 0.0],
                      [-1.0, 1.0], [np.nan, 1.0], 1.0, "auto", [], [[1.0]], ["a"]],
}  # fmt: skip
CHANNELS: Values = {
    **SCALES,
    "memory": ["channel", "channel", "shared", [0, 1], ["a", "a"], [0, 1, 0], np.array([1, 0]),
               [0], [], [[0, 1]], "own", 1, None],
}  # fmt: skip
DECAYS = [[0.5], [0.2, 0.9], np.array([0.1, 0.9, 0.5]), [-0.5, 0.5], [np.inf, 0.1], []]
TRAINING: Values = {
    "solver": ["gd", "adam", "lbfgs", "sgd", None],
    "learning_rate": POSITIVE,
    "schedule": ["constant", "linear", "cosine", "inverse_sqrt", falling, endless, "step", None],
    "momentum": SHARE,
    "nesterov": SWITCH,
    "weight_decay": NOT_NEGATIVE,
    "max_grad_norm": POSITIVE,
    "max_iter": COUNT,
    "max_time": [60.0, *POSITIVE],
    "tol": [1e-3, 0, 1e-300, 0.5, 1, -1, np.nan, None],
    "early_stopping": [True, *SWITCH],
    "validation_fraction": SHARE,
    "validation_split": ["last", "random", "first", None],
    "n_iter_no_change": COUNT,
    "warm_start": SWITCH,
    "random_state": [0, np.int32(1), -1, 2.0, "seed"],
}
PRIORS = [
    *catalogue.PRIORS,
    LeakyRNN(leak=0.3), LeakyRNN(leak=2), DeepLinearRNN(n_layers=3), LinearRNN(rates=(1, 0, 2)),
    LinearRNN(rates=(1, 2)), "wide", None, 3, np.eye(2), np.eye(3), [1.0, 0.5],
    LRU(0.2, 0.9), LRU(r_max="auto", max_phase="auto"), LRU(r_max=2.0), S4DLin(0.01, "auto"),
    S4DLegS(n_states=4), S4DLegS(n_states=3),
    [1.0, 0.5, 0.25], [[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.5], [0.0, 1.0]], [np.nan, 1.0],
    [-1.0, 1.0], [0.0, 0.0], [], [1e300, 1e300], [1e-300, 1e-300], np.ones((2, 2, 2)), ["a", "b"],
]  # fmt: skip


def _closed_form() -> NTKConvRegressor:
    return NTKConvRegressor()


def _cross_validated() -> NTKConvRegressorCV:
    return NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 10.0], cv="gcv")


def _searched() -> NTKConvRegressorCV:
    return NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 10.0])


def _convolution() -> WeightedConv1DRegressor:
    return WeightedConv1DRegressor(max_iter=5, random_state=0)


def _network() -> LinearRNNRegressor:
    return LinearRNNRegressor(6, max_iter=4, random_state=0)


def _unit() -> LRURegressor:
    return LRURegressor(6, max_iter=4, random_state=0)


def _weighter() -> LagWeighter:
    return LagWeighter()


@dataclass(frozen=True)
class Subject:
    """An estimator of which calls are made.

    Attributes
    ----------
    make : callable
        Returns a small one.
    parameters : dict of list
        Values to try of each parameter.
    """

    make: Callable[[], BaseEstimator]
    parameters: Values

    @property
    def name(self) -> str:
        """Name of its class."""
        return type(self.make()).__name__


SUBJECTS = [
    Subject(
        _closed_form,
        {
            **FORM,
            **COMPUTING,
            **CHOSEN,
            **CHANNELS,
            "nu_w": [*CHOSEN["nu_w"], *DECAYS],
            "alpha": [0, 0.1, 1e-10, 1e10, "auto", "auto", *NOT_NEGATIVE, "1", [1.0]],
            "prior": PRIORS,
            "correlation": [0.5, 0, -0.9, 0.999999, "auto", 1, -1, 2, np.nan, None, "0.5"],
            "noise": ["white", "ar", "ar", "pink", None, 1],
            "n_steps": [1, 5, 1000, 10**9, 10**18, "gcv", "loo", "validation", *COUNT],
            "validation_fraction": SHARE,
            "learning_rate": POSITIVE,
            "solver": ["auto", "direct", "cg", "cg", "qr", None],
        },
    ),
    Subject(
        _cross_validated,
        {
            **FORM,
            **COMPUTING,
            **{name: [*VARIANCE, [0.1, 0.5], np.array([0.3]), (), [-1.0]] for name in NETWORK},
            **CHANNELS,
            "nu_w": [0.3, [0.1, 0.5], (0.2, [0.1, 0.9]), [[0.5]], np.eye(2), [["a"]], -1.0, "auto"],
            "shape": [None, 1.0, [0.5, 2.0], [0.0], -1, "a", np.nan],
            "alphas": [1.0, [0, 1.0], [1e-300, 1e300], (1,), np.array([0.1, 1]), [], [-1.0],
                       [np.nan], "auto", None, [[1.0]]],
            "n_steps": [None, 3, [1, 100], [None, 2], [10**18], [], [0], [2.5], True, "gcv"],
            "prior": [["flat", "tc"], "dc", ("di", "ss"), *PRIORS],
            "correlation": [0.5, [0.1, 0.9], 1, [2.0], None],
            "cv": ["gcv", "loo", "evidence", None, 2, 3, KFold(2), TimeSeriesSplit(2), 1, 0, -1,
                   1000, "k", 2.5, [([0, 1], [2, 3])], [([0], [0])], []],
            "scoring": ["r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "mse", None],
            "learning_rate": POSITIVE,
        },
    ),
    Subject(
        _convolution,
        {
            **FORM,
            **COMPUTING,
            **NETWORK,
            **TRAINING,
            **SCALES,
            "nu_w": [*VARIANCE, *DECAYS],
            "lag_weights": WEIGHTS_OF_LAGS,
        },
    ),
    Subject(
        _network,
        {
            **FORM,
            **COMPUTING,
            **NETWORK,
            **TRAINING,
            **SCALES,
            "n_hidden": [1, 2, 16, *COUNT],
            "transition_init": ["orthogonal", "identity", orthogonal_like, "zero", None],
            "parametrization": ["ntk", "standard", "mup", "sp", None],
            "rates": [(1.0, 1.0, 1.0), [0, 1, 2.5], (1.0, -1.0, 1.0), (0, 0, 0), "abc", None],
            "leak": [0.1, 0.5, 1, 1e-9, 0.0, 1.5, np.nan, None],
            "n_layers": [1, 2, 3, 0, 1.5, None],
            "init": ["random", "centered", "zero", None],
        },
    ),
    Subject(
        _unit,
        {
            **FORM,
            **COMPUTING,
            **{name: values for name, values in NETWORK.items() if name != "nu_w"},
            **TRAINING,
            **SCALES,
            "n_hidden": [1, 2, 16, *COUNT],
            "r_min": [0.0, 0.5, 0.9, *SHARE],
            "r_max": [1.0, 0.99, 0.5, *SHARE],
            "max_phase": [0.1, np.pi, 2 * np.pi, *VARIANCE],
            "normalise": SWITCH,
            "init": ["random", "centered", "zero", None],
        },
    ),
    Subject(_weighter, {**FORM, **NETWORK, "lag_weights": WEIGHTS_OF_LAGS}),
]  # fmt: skip

FORECASTER: Values = {
    "n_lags": [1, 2, 3, 6, 12, "auto", "auto", 1000, 10**6, 10**12, *COUNT],
    "strategy": ["direct", "direct", "recursive", "both", None],
    "normalize": ["last", "mean", "mean", None, "first", 1],
    "joint": [True, *SWITCH],
    "pooling": ["global", "global", "local", "some", None],
    "intervals": ["conformal", "conformal", "gaussian", "bootstrap"],
    "calibration_fraction": SHARE,
    "validation": [0.3, 4, *SHARE, *COUNT],
    "refit": SWITCH,
}


def _forecaster(make: Callable[[], BaseEstimator] | None) -> Callable[[], LagForecaster]:
    return lambda: LagForecaster(None if make is None else make(), 4)


def inner(subject: Subject) -> Values:
    """Return the parameters of something that has such an estimator."""
    return {f"estimator__{name}": values for name, values in subject.parameters.items()}


REGRESSORS = [subject for subject in SUBJECTS if subject.make is not _weighter]
SEASONS: Values = {
    "sp": [1, 4, 12, 1000, 10**12, [2, 3], (4,), np.array([3, 4]), [], np.int8(3), *COUNT]
}
FORECASTERS = {
    "AutoLagForecaster": Subject(AutoLagForecaster, SEASONS),
    "LagForecaster": Subject(_forecaster(None), FORECASTER),
    **{
        f"LagForecaster({subject.name})": Subject(
            _forecaster(_searched if subject.make is _cross_validated else subject.make),
            FORECASTER | inner(subject),
        )
        for subject in REGRESSORS
    },
}
