"""What each value that was observed adds to a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._calls.series_by_series import SeriesBySeries
from sklearn_linrnn.forecasting._calls.simulation import steps_after
from sklearn_linrnn.forecasting._forecasts.forecasts import forecast, longest_window
from sklearn_linrnn.forecasting._forecasts.linear_forecast import LinearForecast
from sklearn_linrnn.forecasting._learning.state import State
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.panels import split

INTERCEPT = "intercept"


class Explaining(SeriesBySeries):
    """A forecaster with linear models and the histories of its series."""

    strategy: str
    _known: State

    def explain(self, fh: Any = None, X: Any = None) -> pd.DataFrame:
        """Return what each observed value adds to each forecast.

        Forecasts are linear, so that these are exact: a row adds up to its forecast. Those of
        "recursive" are followed through all its steps back to the values that were observed.

        Parameters
        ----------
        fh : int, list or ForecastingHorizon, default=None
            Steps after the cutoff; ``None`` for those of `fit`.
        X : DataFrame, default=None
            Future of the exogenous series, as in `predict`.

        Returns
        -------
        contributions : DataFrame of shape (n_forecasts, n_values + 1)
            In the unit of y. The index is that of `predict`, with the column of y as last level
            ``column``. The columns are ``input``, the name of a column of y or X, and ``lag``, how
            many steps before the cutoff its value was observed: 0 is the newest, and future values
            of X have negative lags. The last one is ``("intercept", 0)``, what is forecast where
            all values are zero.

        Raises
        ------
        ValueError
            If a time is not after the cutoff, or a step ahead is not one that was learned.

        Notes
        -----
        The level of `normalize` is a part of what its values add. Values that stand in for missing
        ones count as if they had been observed.
        """
        self.check_is_fitted()
        fh = self._check_fh(fh)
        if self._is_vectorized:
            return self._explain_each(fh, X)
        exogenous = {} if X is None else split(self._check_X(X=X))
        frames = {
            key: self._explain_one(history, fh, exogenous.get(key))
            for key, history in self._known.panel.histories.items()
        }
        if self._known.panel.levels is None:
            return frames[()]
        names = [*self._known.panel.levels, "column"]
        return pd.concat(frames, names=names)

    def _explain_one(self, history: History, fh: Any, X: pd.DataFrame | None) -> pd.DataFrame:
        """Return the contributions to the forecasts of one series."""
        models, steps = self._known.learned.models, steps_after(history, fh)
        recursive = self.strategy == "recursive"
        values = contributions(models, history, X, steps, recursive=recursive)
        n_lags, furthest = longest_window(models), max(steps)
        blocks = [(history.columns, n_lags), (history.exogenous, n_lags + furthest)]
        inputs = [
            (name, n_lags - 1 - step)
            for names, n_steps in blocks
            for step in range(n_steps)
            for name in names
        ]
        columns = pd.MultiIndex.from_tuples([*inputs, (INTERCEPT, 0)], names=["input", "lag"])
        times = history.clock.at(history.last, np.array(steps))
        index = pd.MultiIndex.from_product([times, history.columns], names=[times.name, "column"])
        return pd.DataFrame(values.reshape(len(index), -1), index, columns)

    def _explain_each(self, fh: Any, X: Any) -> pd.DataFrame:
        """Return the contributions of series with a forecaster each."""
        exogenous = {} if X is None else split(X)
        parts = self._ask_each(lambda key, one: one.explain(fh, exogenous.get(key)))
        return pd.concat(parts, names=[*self._yvec.X_multiindex.index.names, "column"])


def contributions(
    models: Sequence[LinearForecast],
    history: History,
    X: pd.DataFrame | None,
    steps: Sequence[int],
    *,
    recursive: bool,
) -> NDArray:
    """Return what the newest values of a series add to its forecasts.

    They have shape (n_steps, n_columns, n_values + 1): all values of y from the oldest step of the
    window on, then those of X up to the furthest step ahead, and the intercept.

    Parameters
    ----------
    models : sequence of LinearForecast
        All of a forecaster.
    history : History
        The series.
    X : DataFrame or None
        The future of its exogenous series.
    steps : sequence of int
        Steps ahead, at least 1 each.
    recursive : bool
        Whether one-step models are iterated.
    """
    n_lags, furthest, n_columns = longest_window(models), max(steps), len(history.columns)
    y, x = history.window(n_lags, X, furthest)
    # Each value alone, and none at all, as series one after another.
    alone = np.diag(np.concatenate([y.ravel(), x.ravel(), [0.0]]))
    own, driven, _ = np.split(alone, [y.size, y.size + x.size], axis=1)
    own = np.pad(own.reshape(len(alone), *y.shape), ((0, 0), (0, furthest), (0, 0)))
    length = n_lags + furthest
    origins = np.arange(len(alone)) * length + n_lags - 1
    own, driven = own.reshape(-1, n_columns), driven.reshape(len(alone) * length, -1)
    kind: dict[str, Any] = {"recursive": recursive, "uncertain": False}
    found = forecast(models, own, driven, origins, list(steps), **kind).mean
    found[:-1] -= found[-1]
    return found.transpose(1, 2, 0)
