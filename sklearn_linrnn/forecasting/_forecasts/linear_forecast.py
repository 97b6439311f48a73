"""What a forecaster asks of a fitted regression."""

from __future__ import annotations

from typing import Protocol

from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.stable_recursion import StableRecursion
from sklearn_linrnn.forecasting._series.regressions import Regression


class LinearForecast(Protocol):
    """What forecasts are made with: a regression with its response."""

    @property
    def regression(self) -> Regression:
        """What is forecast from what."""

    @property
    def n_lags(self) -> int:
        """Number of lags that are read."""

    @property
    def response(self) -> NDArray:
        """What windows, newest step first, are multiplied by, (p, n_outputs)."""

    @property
    def iterated(self) -> LinearForecast:
        """The regression of one step as it is iterated: it grows at most as its series did."""

    @property
    def kept_stable(self) -> StableRecursion | None:
        """What was changed, in a regression that is iterated and would blow up."""

    @property
    def noise_variance(self) -> NDArray:
        """Variance of the residuals, (n_outputs,)."""

    def predict(self, windows: NDArray) -> NDArray:
        """Return the forecasts (n_windows, n_outputs) from windows (n_windows, p)."""

    def variance(self, windows: NDArray) -> NDArray:
        """Return the variances of new targets, (n_windows, n_outputs)."""

    def leverage(self, windows: NDArray) -> NDArray:
        """Return what is uncertain of forecasts, (n_windows, n_sources)."""
