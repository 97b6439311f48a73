"""Regressions refitted at every origin, all of them in one pass over the series.

Their sums differ from origin to origin by a few rows. Origins whose regressions are not sure, and
those where a step is missing, are left to a fit of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sktime.forecasting.base import ForecastingHorizon

from sklearn_linrnn._core.statistics.moving_moments import moving_moments, windows_at_a_time
from sklearn_linrnn.forecasting._forecasts.forecasts import origins_at_a_time
from sklearn_linrnn.forecasting._learning.fitting import make_learner
from sklearn_linrnn.forecasting._learning.learner import Learner
from sklearn_linrnn.forecasting._learning.many_regressions import (
    ManyRegressions,
    RidgeRows,
    is_given,
    sure_forecasts,
)
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.origins import Origins
from sklearn_linrnn.forecasting._series.panels import Panel
from sklearn_linrnn.forecasting._series.regressions import Regression


@np.errstate(over="ignore", invalid="ignore")  # what overflows is not sure
def rolling_forecasts(settings: Any, history: History, origins: Origins) -> NDArray:
    """Return the forecasts of models that are fitted to the window of each origin.

    They have shape (n_origins, n_horizons, n_columns); NaN at an origin that needs a fit of its
    own.

    Parameters
    ----------
    settings : LagForecaster
        Its parameters alone are read.
    history : History
        The whole series.
    origins : Origins
        The windows.
    """
    found = np.full((len(origins), len(origins.steps), len(history.columns)), np.nan)
    if settings.n_lags == "auto" or not origins.ascend or (origins.steps < 1).any():
        return found
    panel = Panel({(): history}, None)
    learner = make_learner(settings, panel, ForecastingHorizon(origins.steps), None)
    if not is_given(learner.traits):
        return found
    recursive, furthest = settings.strategy == "recursive", int(origins.steps.max())
    rows = [_rows(learner, one, history) for one in learner.regressions]
    size = min(windows_at_a_time(one.rows.shape[1]) for one in rows)
    n_steps = max(one.regression.n_lags for one in rows) + (furthest if recursive else 0)
    size = min(size, origins_at_a_time(n_steps, history.rows.values.shape[1]))
    x = np.vstack([history.x, np.full((furthest, history.x.shape[1]), np.nan)])
    turns = zip(*(_fitted(one, origins, size, recursive=recursive) for one in rows), strict=True)
    for number, models in enumerate(turns):
        place = slice(number * size, (number + 1) * size)
        last = origins[place].ends - 1
        found[place] = sure_forecasts(
            models, history.y, x, last, origins.steps, recursive=recursive
        )
    return found


def _rows(learner: Learner, regression: Regression, history: History) -> RidgeRows:
    """Return all rows of a series."""
    y, x = history.part(0, len(history), levelled=bool(learner.normalize))
    ends = np.arange(regression.n_lags - 1, len(y) - regression.furthest)
    return RidgeRows.of(learner, regression, y, x, ends)


def _fitted(
    rows: RidgeRows, origins: Origins, at_a_time: int, *, recursive: bool
) -> Iterator[ManyRegressions]:
    """Yield the regression as it is learned at each origin, so many origins at a time."""
    starts = np.searchsorted(rows.ends, origins.starts + rows.regression.n_lags - 1)
    ends = np.searchsorted(rows.ends, origins.ends - rows.regression.furthest)
    ends, parts = np.maximum(ends, starts), []
    for place, moments in moving_moments(rows.rows, starts, ends, at_a_time):
        parts.append(rows.ridges(moments))
        if place.stop % at_a_time == 0 or place.stop == len(origins):
            found = rows.regressions(parts)
            yield found.only(found.may_be_iterated if recursive else found.is_sure)
            parts = []
