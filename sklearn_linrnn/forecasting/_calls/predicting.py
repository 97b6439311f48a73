"""What sktime asks of a forecaster, from the forecasts of its series with their distributions."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster

from sklearn_linrnn.forecasting._distributions.intervals import Prediction
from sklearn_linrnn.forecasting._series.panels import Key


class Predicting(BaseForecaster):
    """A forecaster of the series of a panel."""

    _known: Any  # its `panel` is read

    @abstractmethod
    def _forecast(
        self, fh: Any, X: pd.DataFrame | None, *, uncertain: bool
    ) -> dict[Key, Prediction]:
        """Return the forecasts of all series; with variances if `uncertain`."""

    def _predict(self, fh: Any, X: pd.DataFrame | None) -> pd.DataFrame:
        found = self._forecast(fh, X, uncertain=False)
        return self._known.panel.join({key: (one.index, one.mean) for key, one in found.items()})

    def _predict_var(
        self, fh: Any, X: pd.DataFrame | None = None, cov: bool = False
    ) -> pd.DataFrame:
        if cov:
            raise NotImplementedError("Variances are of each time by itself: use cov=False.")
        found = self._forecast(fh, X, uncertain=True)
        return self._known.panel.join(
            {key: (one.index, one.variance) for key, one in found.items()}
        )

    def _predict_quantiles(
        self, fh: Any, X: pd.DataFrame | None, alpha: list[float]
    ) -> pd.DataFrame:
        levels = np.array(alpha, dtype=np.float64)
        parts = {}
        for key, one in self._forecast(fh, X, uncertain=True).items():
            quantiles = one.quantiles(levels)  # (n_steps, n_columns, n_levels)
            parts[key] = one.index, quantiles.reshape(len(quantiles), -1)
        return self._known.panel.join(
            parts, self._get_columns(method="predict_quantiles", alpha=alpha)
        )

    def _predict_proba(self, fh: Any, X: pd.DataFrame | None, marginal: bool = True) -> Any:
        # That there is a method tells sktime that its own normal distribution is enough.
        return super()._predict_proba(fh=fh, X=X, marginal=marginal)
