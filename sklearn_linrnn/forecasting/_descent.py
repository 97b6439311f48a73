"""What the forecasters that train step by step share."""

from __future__ import annotations

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn.forecasting._base import LagForecaster
from sklearn_linrnn.forecasting._regressions import Regression


class DescentForecaster(LagForecaster):
    """A forecaster whose estimator cannot choose its number of lags."""

    def _count_lags(self, regression: Regression, sums: LagStatistics) -> int:
        """Return the number of the highest evidence for the estimator's infinite-width limit."""
        levels = self._levels(regression, sums.n_lags)
        limit = NTKConvRegressor(
            self.nu_w,
            self.nu_f,
            self.nu_c,
            alpha="auto",
            fit_intercept=self.fit_intercept,
            n_lags="auto",
            device=self.device,
        )
        limit.fit_statistics(sums if levels is None else levels.normalised(sums))
        return len(limit.lag_weights_)
