"""The forecast of a series that is too short to learn from: its last value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._estimators.base import LagRegressor
from sklearn_linrnn.forecasting._series.coverage import Coverage
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.panels import Steps
from sklearn_linrnn.forecasting._series.regressions import Regression, make_regressions


@dataclass(frozen=True, eq=False)
class LastValue:
    """The regression of a random walk, which has nothing to learn but the variance of its steps.

    Attributes
    ----------
    regression : Regression
        What is forecast from what.
    noise_variance : ndarray of shape (n_outputs,)
        Variances of the errors, infinite where no step is known.
    kept_stable : None
        Nothing is changed.
    """

    regression: Regression
    noise_variance: NDArray
    kept_stable: None = None

    @property
    def n_lags(self) -> int:
        """Number of lags that are read."""
        return self.regression.n_lags

    @property
    def response(self) -> NDArray:
        """What windows are multiplied by, (n_channels, n_outputs)."""
        channel = np.arange(self.regression.n_channels)[:, None]
        return (channel == np.array(self.regression.target_channels)).astype(np.float64)

    @property
    def iterated(self) -> LastValue:
        """The same: its roots are on the unit circle."""
        return self

    def predict(self, windows: NDArray) -> NDArray:
        """Return the forecasts (n_windows, n_outputs) from windows (n_windows, n_channels)."""
        return windows[:, list(self.regression.target_channels)]

    def variance(self, windows: NDArray) -> NDArray:
        """Return the variances of new targets, (n_windows, n_outputs)."""
        return np.tile(self.noise_variance, (len(windows), 1))

    def leverage(self, windows: NDArray) -> NDArray:
        """Return what is uncertain of forecasts, (n_windows, 0): nothing was learned."""
        return np.empty((len(windows), 0))


@dataclass(frozen=True, eq=False)
class NothingLearned:
    """The place of what would be learned from a series, were it longer.

    Attributes
    ----------
    models : list of LastValue
        What forecasts are made with.
    """

    models: list[LastValue]
    choice: None = None

    @property
    def coverage(self) -> Coverage:
        """No steps at all."""
        return Coverage((), {}, None)

    @property
    def estimators(self) -> list[LagRegressor]:
        """None."""
        return []

    def shifted(self, n_before: Steps) -> NothingLearned:
        """Return the same: no step has a part in it."""
        return self


def nothing_learned(history: History, horizons: Sequence[int]) -> NothingLearned:
    """Return the random walk that forecasts a series at some steps ahead.

    Parameters
    ----------
    history : History
        The series.
    horizons : sequence of int
        Steps ahead, at least 1 each.
    """
    n_exogenous = len(history.exogenous)
    regressions = make_regressions(
        len(history.columns), n_exogenous, tuple(horizons), joint=False, apart=n_exogenous > 0
    )
    squares = np.square(np.diff(history.y, axis=0))
    known = np.isfinite(squares)
    counts = known.sum(axis=0)
    variance = np.where(known, squares, 0.0).sum(axis=0) / np.maximum(counts, 1)
    variance[counts == 0] = np.inf
    return NothingLearned(
        [LastValue(one, np.array(one.horizons) * variance[one.columns[0]]) for one in regressions]
    )
