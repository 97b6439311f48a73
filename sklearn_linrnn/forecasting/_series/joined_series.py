"""The series of a panel one after another, as arrays: no series is an object of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._series.clocks import Clock, clock_of, without_frequency
from sklearn_linrnn.forecasting._series.growing_rows import GrowingRows
from sklearn_linrnn.forecasting._series.histories import History
from sklearn_linrnn.forecasting._series.panels import naming_series


@dataclass(frozen=True, eq=False)
class SharedTimes:
    """The times that some series of a panel share.

    Attributes
    ----------
    clock : Clock
        The clock.
    last : int, Period or Timestamp
        The last time.
    """

    clock: Clock
    last: Any

    def steps_ahead(self, fh: Any) -> NDArray:
        """Return a horizon in steps after the last time, (n_horizons,)."""
        return self.clock.steps_ahead(without_frequency(fh), self.last)


@dataclass(frozen=True, eq=False)
class PanelTimes:
    """The times of all series of a panel.

    Attributes
    ----------
    shared : tuple of SharedTimes
        Those that differ.
    place : ndarray of int, shape (n_series,)
        Which of them each series has.
    common : Clock
        The clock of the longest series.
    """

    shared: tuple[SharedTimes, ...]
    place: NDArray
    common: Clock

    def steps_ahead(self, fh: Any) -> NDArray:
        """Return a horizon in steps after the last time of each series, (n_series, n_horizons)."""
        return np.array([one.steps_ahead(fh) for one in self.shared])[self.place]

    def following(self, steps: NDArray) -> pd.Index:
        """Return the times of steps (n_series, n_horizons) after the last ones, in one index."""
        firsts = np.unique(self.place, return_index=True)[1]
        parts = [
            one.clock.at(one.last, steps[first])
            for one, first in zip(self.shared, firsts, strict=True)
        ]
        n_horizons = steps.shape[1]
        rows = self.place[:, None] * n_horizons + np.arange(n_horizons)
        return parts[0].append(parts[1:]).take(rows.ravel())


@dataclass(frozen=True, eq=False)
class JoinedSeries:
    """The series of a panel, one after another. Make it with `of`.

    Attributes
    ----------
    columns : pandas.Index
        Names of the columns.
    y : ndarray of shape (n_timesteps, n_columns)
        The steps of all series; NaN where not observed.
    starts, ends : ndarray of int, shape (n_series,)
        The first step of each series, and the one after its last.
    times : PanelTimes
        Their times.
    """

    columns: pd.Index
    y: NDArray
    starts: NDArray
    ends: NDArray
    times: PanelTimes

    @classmethod
    def of(cls, frame: pd.DataFrame) -> JoinedSeries:
        """Return the series of a panel or a hierarchy in the order in which they come.

        Raises
        ------
        ValueError
            If the times of a series are not equidistant.
        """
        series = series_numbers(frame)
        order, lengths = np.argsort(series, kind="stable"), np.bincount(series)
        ends = lengths.cumsum()
        times = _times(frame.index[order], ends - lengths, ends)
        y = frame.to_numpy(dtype=np.float64, na_value=np.nan)[order]
        return cls(frame.columns, y, ends - lengths, ends, times)

    @property
    def lengths(self) -> NDArray:
        """Number of steps of each series, (n_series,)."""
        return self.ends - self.starts

    @property
    def is_finite(self) -> NDArray:
        """Which series have no infinite value, (n_series,)."""
        return ~np.logical_or.reduceat(np.isinf(self.y).any(axis=1), self.starts)

    def history(self, place: int) -> History:
        """Return one of the series."""
        times = self.times.shared[self.times.place[place]]
        rows = GrowingRows(self.y[self.starts[place] : self.ends[place]].copy())
        return History(self.columns, pd.Index([]), times.clock, times.last, rows)

    def filled(self) -> NDArray:
        """Return the steps with the last value before each gap, else the first after it."""
        step = np.arange(len(self.y))[:, None]
        first = np.repeat(self.starts, self.lengths)[:, None]
        last = np.repeat(self.ends, self.lengths)[:, None] - 1
        known = ~np.isnan(self.y)
        before = np.maximum.accumulate(np.where(known, step, first))
        after = np.minimum.accumulate(np.where(known, step, last)[::-1])[::-1]
        column = np.arange(self.y.shape[1])
        values = self.y[before, column]
        return np.where(np.isnan(values), self.y[after, column], values)


def series_numbers(frame: pd.DataFrame) -> NDArray:
    """Return which series, in the order in which they come, each row of a panel is of, (n_rows,).

    Parameters
    ----------
    frame : DataFrame
        The panel, or a hierarchy.
    """
    levels = list(range(frame.index.nlevels - 1))
    return frame.groupby(level=levels, sort=False).ngroup().to_numpy()


def with_frequency(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a panel whose dates say how far apart they are, if those of all series together do.

    Else sktime finds it for each series, where three days in a row may be days or business days,
    and notes what it finds in the panel that was passed.

    Parameters
    ----------
    frame : DataFrame
        The panel, or a hierarchy.
    """
    level = frame.index.levels[-1]
    if not isinstance(level, pd.DatetimeIndex) or level.freq is not None or len(level) < 3:
        return frame
    dates = pd.DatetimeIndex(level, freq=pd.infer_freq(level))
    return frame.set_axis(frame.index.set_levels(dates, level=-1))


def _times(index: pd.MultiIndex, starts: NDArray, ends: NDArray) -> PanelTimes:
    """Return the times of series, from their codes in a level: few panels have many that differ."""
    level, codes = index.levels[-1], index.codes[-1]
    known: dict[bytes, int] = {}
    runs = [codes[start:end].tobytes() for start, end in zip(starts, ends, strict=True)]
    place = np.array([known.setdefault(run, len(known)) for run in runs])

    def times(series: int, common: Clock | None = None) -> SharedTimes:
        one = level.take(codes[starts[series] : ends[series]])
        with naming_series(index[starts[series]][:-1]):
            return SharedTimes(clock_of(one, "y", common), one[-1])

    longest = times(int((ends - starts).argmax()))
    firsts = np.unique(place, return_index=True)[1]
    shared = tuple(times(first, longest.clock) for first in firsts)
    return PanelTimes(shared, place, longest.clock)


def panel_frame(
    labels: pd.Index, names: Sequence[Any], times: pd.Index, values: NDArray, columns: pd.Index
) -> pd.DataFrame:
    """Return values of series as a panel.

    Parameters
    ----------
    labels : pandas.Index of length n_series
        What the series are called.
    names : sequence
        Names of the levels of the index.
    times : pandas.Index of length n_series * n_times
        The times of one series after another.
    values : ndarray of shape (n_series, n_times, n_columns)
        The values.
    columns : pandas.Index
        Names of the columns.
    """
    n_times = values.shape[1]
    levels = [labels.get_level_values(n).repeat(n_times) for n in range(labels.nlevels)]
    index = pd.MultiIndex.from_arrays([*levels, times], names=names)
    return pd.DataFrame(values.reshape(len(times), -1), index, columns)
