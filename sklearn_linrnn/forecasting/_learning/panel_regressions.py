"""A model for every series of a panel, all of them learned at once.

Series whose regressions are not sure are left to a fit of their own, and so are those that are so
long that such a fit costs no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.closed_form.stable_recursion import TooLargeResponse
from sklearn_linrnn._core.statistics.moving_moments import ManyMoments, windows_at_a_time
from sklearn_linrnn._core.statistics.run_moments import run_moments
from sklearn_linrnn.forecasting._forecasts.forecasts import (
    BLOCK,
    needed_horizons,
    origins_at_a_time,
)
from sklearn_linrnn.forecasting._learning.learner import Learner
from sklearn_linrnn.forecasting._learning.many_regressions import (
    ManyRegressions,
    RidgeRows,
    is_ridge,
    sure_forecasts,
)
from sklearn_linrnn.forecasting._learning.one_step import OneStep
from sklearn_linrnn.forecasting._learning.traits import make_traits
from sklearn_linrnn.forecasting._series.joined_series import JoinedSeries
from sklearn_linrnn.forecasting._series.regressions import Regression, make_regressions
from sklearn_linrnn.forecasting._series.seen_steps import SeenSteps
from sklearn_linrnn.forecasting._series.whole_windows import considered_lags

MOST_PRODUCTS = 2**24  # that make the sums of a series: more take longer than a fit's overhead
ROUNDING = 2.0**-22  # of deviations, relative to the values


@dataclass(frozen=True, eq=False)
class PanelRegressions:
    """What series of a panel taught, one model each.

    Attributes
    ----------
    models : tuple of ManyRegressions
        The regressions, with a response of each series.
    windows : ndarray of shape (n_series, n_lags, n_columns)
        The last steps of each series, without gaps.
    recursive : bool
        Whether one-step models are iterated.
    """

    models: tuple[ManyRegressions, ...]
    windows: NDArray
    recursive: bool

    @property
    def is_sure(self) -> NDArray:
        """Which series have a model here, (n_series,)."""
        return np.all([model.is_sure for model in self.models], axis=0)

    def predict(self, steps: NDArray) -> NDArray:
        """Return forecasts, (n_series, n_horizons, n_columns); NaN where there is no model.

        Parameters
        ----------
        steps : ndarray of int, shape (n_series, n_horizons)
            Steps after the end of each series, at least 1 each.
        """
        found = np.full((*steps.shape, self.windows.shape[2]), np.nan)
        distinct, place = np.unique(steps, axis=0, return_inverse=True)
        for number, ahead in enumerate(distinct):
            some = np.flatnonzero((place == number) & self.is_sure)
            for block in self._blocks(some, int(ahead.max())):
                found[block] = self._forecast(block, ahead)
        return found

    def _blocks(self, places: NDArray, furthest: int) -> Iterator[NDArray]:
        """Yield as many series at a time as are forecast together."""
        _, n_lags, n_columns = self.windows.shape
        size = origins_at_a_time(n_lags + (furthest if self.recursive else 0), n_columns)
        for first in range(0, len(places), size):
            yield places[first : first + size]

    def _forecast(self, block: NDArray, ahead: NDArray) -> NDArray:
        n_lags, n_columns = self.windows.shape[1:]
        y = self.windows[block].reshape(-1, n_columns)
        origins = np.arange(1, len(block) + 1) * n_lags - 1
        models = [model[block] for model in self.models]
        x = np.empty((len(y) + int(ahead.max()), 0))
        return sure_forecasts(models, y, x, origins, ahead, recursive=self.recursive)


@np.errstate(over="ignore", invalid="ignore")  # what overflows is not sure
def panel_regressions(settings: Any, series: JoinedSeries, fh: Any) -> PanelRegressions | None:
    """Return what series teach, or None where a fit at once would not be that of each by itself.

    Parameters
    ----------
    settings : LagForecaster
        Its parameters alone are read.
    series : JoinedSeries
        The series.
    fh : ForecastingHorizon or None
        What is to be forecast.
    """
    traits = make_traits(settings.estimator, auto_lags=settings.n_lags == "auto")
    if not is_ridge(traits):
        return None
    horizons = _shared_horizons(settings, series, fh)
    if horizons is None:
        return None
    if traits.chooses:
        horizons = tuple(range(1, max(horizons) + 1))  # as `Learner.of` does
    recursive, kind = settings.strategy == "recursive", {"joint": settings.joint, "apart": False}
    regressions = make_regressions(series.y.shape[1], 0, horizons, **kind)
    learner, filled = Learner(traits, regressions, settings.normalize), series.filled()
    firsts = filled[series.starts]
    level = np.nan_to_num(firsts) if settings.normalize is not None else np.zeros_like(firsts)
    y = series.y - np.repeat(level, series.lengths, axis=0)
    lags = [_numbers_of_lags(settings, one, series) for one in regressions]
    most = max(int(each.max()) for each in lags)
    if most == 0:
        return None
    models = (
        _learned(learner, one.with_lags(most), series, y, n_lags, recursive=recursive)
        for one, n_lags in zip(regressions, lags, strict=True)
    )
    newest = np.maximum(series.ends[:, None] - most + np.arange(most), series.starts[:, None])
    return PanelRegressions(tuple(models), filled[newest], recursive)


def _numbers_of_lags(settings: Any, regression: Regression, series: JoinedSeries) -> NDArray:
    """Return the number of lags of each series, or the most to choose from, (n_series,).

    It is zero for a series that is so long that a fit by itself costs no more.
    """
    if settings.n_lags == "auto":
        gaps = np.logical_or.reduceat(np.isnan(series.y).any(axis=1), series.starts)
        # Without gaps the lengths say all.
        alike = np.where(gaps, -1 - np.arange(len(gaps)), series.lengths)
        _, firsts, place = np.unique(alike, return_index=True, return_inverse=True)
        found = [considered_lags(regression, {(): series.history(first)}) for first in firsts]
        n_lags = np.array(found)[place]
    else:
        n_lags = np.full(len(series.starts), int(settings.n_lags))
    n_numbers = n_lags * regression.n_channels + len(regression.target_channels)
    return np.where(series.lengths * n_numbers**2 <= MOST_PRODUCTS, n_lags, 0)


def _shared_horizons(settings: Any, series: JoinedSeries, fh: Any) -> tuple[int, ...] | None:
    """Return the steps ahead that are learned; None where they differ from series to series."""
    if settings.strategy == "recursive":
        return (1,)
    steps = series.times.steps_ahead(fh)
    return needed_horizons([steps[0]]) if (steps == steps[0]).all() else None


def _learned(
    learner: Learner,
    regression: Regression,
    series: JoinedSeries,
    y: NDArray,
    n_lags: NDArray,
    *,
    recursive: bool,
) -> ManyRegressions:
    """Return a regression as each series teaches it, on its own number of lags (n_series,)."""
    is_levelled = learner.normalize is not None
    found = ManyRegressions.unknown(regression, len(series.starts), is_levelled=is_levelled)
    for number in np.unique(n_lags[n_lags > 0]).tolist():
        own = regression.with_lags(number)
        for places in _blocks(own, series, n_lags == number):
            block = _Block.of(learner, own, series, y, places)
            found[places] = block.iterated() if recursive else block.fitted
    return found


def _blocks(regression: Regression, series: JoinedSeries, some: NDArray) -> Iterator[NDArray]:
    """Yield some series with windows of numbers, as many as have their rows in memory together."""
    n_numbers = regression.n_lags * regression.n_channels + len(regression.target_channels)
    has_windows = series.lengths > regression.n_lags + regression.furthest
    places = np.flatnonzero(some & has_windows & series.is_finite)
    turn = np.arange(len(places)) // windows_at_a_time(n_numbers)
    room = (series.lengths[places] * n_numbers).cumsum() // BLOCK
    edges = np.flatnonzero((np.diff(turn) > 0) | (np.diff(room) > 0)) + 1
    return (block for block in np.split(places, edges) if len(block))


@dataclass(frozen=True, eq=False)
class _Block:
    """A regression of some series of a panel."""

    series: JoinedSeries
    places: NDArray  # which of the series
    y: NDArray  # all steps from the first to the last of them, less a level of each
    rows: RidgeRows
    firsts: NDArray  # the first row of each series
    moments: ManyMoments

    @classmethod
    def of(
        cls,
        learner: Learner,
        regression: Regression,
        series: JoinedSeries,
        y: NDArray,
        places: NDArray,
    ) -> _Block:
        starts, ends = series.starts[places], series.ends[places]
        y, starts, ends = y[starts[0] : ends[-1]], starts - starts[0], ends - starts[0]
        spans = zip(starts + regression.n_lags - 1, ends - regression.furthest, strict=True)
        windows = np.concatenate([np.arange(*span) for span in spans])
        rows = RidgeRows.of(learner, regression, y, np.empty((len(y), 0)), windows)
        firsts, lasts = (np.searchsorted(rows.ends, some) for some in (starts, ends))
        return cls(series, places, y, rows, firsts, run_moments(rows.rows, firsts, lasts))

    @cached_property
    def fitted(self) -> ManyRegressions:
        """The regression as each series teaches it."""
        found = self.rows.regressions([self.rows.ridges(self.moments)])
        return found.only(found.is_sure)

    def iterated(self) -> ManyRegressions:
        """Return the regression of one step as it is iterated: it grows at most as its series."""
        found = self.fitted.only(self.fitted.may_be_iterated)
        for number in np.flatnonzero(self.fitted.is_sure & ~found.is_sure):
            one = self._one_step(number)
            # Of units that may be rounding alone, and of what is refused, a fit by itself knows.
            if (one.units > 0).all():
                with suppress(TooLargeResponse):
                    stable = one.stable
                    own = one.response + one.correction(stable)
                    found.response[number][: len(own)] = own
                    found.intercept[number] = one.intercept
                    if stable.is_moved.any() and self.rows.learner.traits.estimator.fit_intercept:
                        found.intercept[number] = one.placed_intercept(stable)
                    found.is_sure[number] = True
        return found

    def _one_step(self, number: Any) -> OneStep:
        """Return the regression of one of the series, by its number in the block."""
        regression, place = self.rows.regression, int(self.places[number])
        columns, is_levelled = list(regression.columns), self.fitted.is_levelled
        first, n_rows = self.firsts[number], int(self.moments.weight[number])
        n_read = self.fitted.n_read[number]
        ends = self.rows.ends[first : first + n_rows]
        targets = self.y[ends + 1][:, columns]
        rates = targets - self.y[ends][:, columns] if is_levelled else targets
        squares = self.moments.scatter[number].diagonal()[-len(columns) :]
        units = np.sqrt(squares / n_rows)
        known = units > ROUNDING * np.abs(targets).max(axis=0)
        history = self.series.history(place)
        return OneStep(
            regression,
            self.fitted.response[number][: n_read * regression.n_channels],
            self.fitted.intercept[number],
            np.empty((n_read, 0)),
            rates.mean(axis=0),
            np.where(known, units, 0.0),
            is_levelled,
            SeenSteps({(): history}, {(): len(history)}),
        )
