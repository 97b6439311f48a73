"""Forecasts by the scaled convolution, trained by gradient descent."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import ArrayLike

from sklearn_linrnn._weighted_conv import WeightedConv1DRegressor
from sklearn_linrnn.forecasting._descent import DescentForecaster


class WeightedConv1DForecaster(DescentForecaster):
    """Forecaster."""

    _estimator_class = WeightedConv1DRegressor

    def __init__(
        self,
        n_lags: int | Literal["auto"] = "auto",
        lag_weights: ArrayLike | Literal["linear_rnn", "flat"] = "linear_rnn",
        nu_w: float = 0.5,
        nu_f: float = 1.0,
        nu_c: float = 1.0,
        *,
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
        verbose: bool | int = False,
    ) -> None:
        self.n_lags = n_lags
        self.lag_weights = lag_weights
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
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
        self.verbose = verbose
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict]:
        """Return small settings for sktime's contract tests."""
        return [
            {"n_lags": 4, "max_iter": 20},
            {"max_iter": 5, "strategy": "recursive", "normalize": "last", "pooling": "global"},
        ]
