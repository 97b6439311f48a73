"""Forecasts by the linear RNN of finite width."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from sklearn_linrnn._linear_rnn import LinearRNNRegressor
from sklearn_linrnn.forecasting._descent import DescentForecaster


class LinearRNNForecaster(DescentForecaster):
    """Forecaster."""

    _estimator_class = LinearRNNRegressor
    _horizons_apart = True  # one network for several would serve them all at once
    _tags = {"capability:random_state": True}

    def __init__(
        self,
        n_lags: int | Literal["auto"] = "auto",
        n_hidden: int = 512,
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        *,
        init: Literal["random", "centered"] = "random",
        solver: Literal["gd", "adam"] = "gd",
        learning_rate: float | Literal["auto"] = "auto",
        momentum: float = 0.0,
        max_iter: int = 500,
        tol: float = 0.0,
        fit_intercept: bool = True,
        strategy: Literal["direct", "recursive"] = "direct",
        normalize: Literal["last", "mean"] | None = None,
        joint: bool = False,
        pooling: Literal["local", "global"] = "local",
        intervals: Literal["gaussian", "conformal"] = "gaussian",
        calibration_fraction: float = 0.2,
        device: Any = "auto",
        dtype: Literal["float64", "float32"] = "float64",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.n_lags = n_lags
        self.n_hidden = n_hidden
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.init = init
        self.solver = solver
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.max_iter = max_iter
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.strategy = strategy
        self.normalize = normalize
        self.joint = joint
        self.pooling = pooling
        self.intervals = intervals
        self.calibration_fraction = calibration_fraction
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict]:
        """Return small settings for sktime's contract tests."""
        small = {"n_hidden": 10, "max_iter": 5, "random_state": 0}
        return [
            {**small, "n_lags": 3},
            {**small, "strategy": "recursive", "normalize": "last", "pooling": "global"},
        ]
