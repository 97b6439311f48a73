"""Forecasts by the infinitely wide linear RNN in closed form."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import ArrayLike

from sklearn_linrnn._core.lag_priors import LagPrior
from sklearn_linrnn._ntk_conv import NTKConvRegressor
from sklearn_linrnn.forecasting._base import LagForecaster


class NTKConvForecaster(LagForecaster):
    """Forecaster."""

    _estimator_class = NTKConvRegressor

    def __init__(
        self,
        n_lags: int | Literal["auto"] = "auto",
        nu_w: float | Literal["auto"] = "auto",
        nu_f: float | Literal["auto"] = 1.0,
        nu_c: float | Literal["auto"] = 1.0,
        *,
        alpha: float | Literal["auto"] = "auto",
        prior: str | LagPrior | ArrayLike = "linear_rnn",
        correlation: float | Literal["auto"] = 0.9,
        n_steps: int | Literal["gcv"] | None = None,
        learning_rate: float | Literal["auto"] = "auto",
        fit_intercept: bool = True,
        strategy: Literal["direct", "recursive"] = "direct",
        normalize: Literal["last", "mean"] | None = None,
        joint: bool = False,
        pooling: Literal["local", "global"] = "local",
        intervals: Literal["gaussian", "conformal"] = "gaussian",
        calibration_fraction: float = 0.2,
        device: Any = "auto",
        verbose: bool | int = False,
    ) -> None:
        self.n_lags = n_lags
        self.nu_w = nu_w
        self.nu_f = nu_f
        self.nu_c = nu_c
        self.alpha = alpha
        self.prior = prior
        self.correlation = correlation
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.strategy = strategy
        self.normalize = normalize
        self.joint = joint
        self.pooling = pooling
        self.intervals = intervals
        self.calibration_fraction = calibration_fraction
        self.device = device
        self.verbose = verbose
        super().__init__()

    @property
    def _chooses_from_data(self) -> bool:
        choices = ("n_lags", "nu_w", "nu_f", "nu_c", "correlation", "alpha", "n_steps")
        return any(isinstance(getattr(self, name), str) for name in choices)

    def _make_estimator(self) -> NTKConvRegressor:
        estimator = super()._make_estimator()
        return estimator.set_params(n_lags="auto" if self.n_lags == "auto" else None)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict]:
        """Return small settings for sktime's contract tests."""
        small = {"n_lags": 4, "nu_w": 0.5, "alpha": 1.0}
        return [
            {},
            {**small, "strategy": "recursive", "normalize": "last", "pooling": "global"},
            {**small, "normalize": "mean", "joint": True, "intervals": "conformal"},
        ]
