"""Series of a panel that were learned at once, and have a forecaster each when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._series.joined_series import PanelTimes


class ManyModels(Protocol):
    """Models of the series of a panel."""

    @property
    def is_sure(self) -> NDArray:
        """Which series have a model, (n_series,)."""

    def predict(self, steps: NDArray) -> NDArray:
        """Return the forecasts of steps, (n_series, n_horizons, n_columns); NaN without a model."""


@dataclass(frozen=True, eq=False)
class AtOnce:
    """What was learned of series at once, and what fits one of them by itself.

    Attributes
    ----------
    models : ManyModels
        What was learned.
    times : PanelTimes
        The times of the series.
    unfitted : forecaster
        It is cloned for a series.
    fh : ForecastingHorizon or None
        The horizon of `fit`.
    """

    models: ManyModels
    times: PanelTimes
    unfitted: Any
    fh: Any

    @property
    def own(self) -> NDArray:
        """The series that are fitted by themselves, (n_series,).

        One of the others is, too: it finds what is wrong with the parameters, and says it.
        """
        own = ~self.models.is_sure
        own[np.argmin(own)] = True
        return own

    def predict(self, steps: NDArray, own: NDArray) -> NDArray:
        """Return the forecasts of all series, (n_series, n_horizons, n_columns).

        Parameters
        ----------
        steps : ndarray of int, shape (n_series, n_horizons)
            Steps after the end of each series, at least 1 each.
        own : ndarray of shape (n_own, n_horizons, n_columns)
            The forecasts of those that are fitted by themselves.
        """
        values = self.models.predict(steps)
        values[self.own] = own
        return values
