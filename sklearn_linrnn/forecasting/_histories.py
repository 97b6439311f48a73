"""A series as far as it has been seen, on a clock without gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.forecasting.base import ForecastingHorizon


@dataclass(frozen=True)
class Clock:
    """Equidistant times.

    Attributes
    ----------
    frequency : DateOffset or None
        The step of a `pandas.DatetimeIndex`; ``None`` for other indices, which know theirs.
    """

    frequency: Any

    @classmethod
    def of(cls, index: pd.Index, name: str) -> Clock:
        """Return the clock of an index.

        Raises
        ------
        ValueError
            If times are not in order, not unique, or are not equidistant.
        """
        if not index.is_unique:
            raise ValueError(
                f"{name} must have every time once, but {index[index.duplicated()][0]} comes twice."
            )
        if not index.is_monotonic_increasing:
            raise ValueError(f"{name} must be in the order of time; sort it with sort_index().")
        clock = cls(_frequency(index, name))
        clock.check(index, name)
        return clock

    def check(self, index: pd.Index, name: str) -> None:
        """Raise unless the times follow each other at this clock's step."""
        expected = self.between(index[0], index[-1])
        if len(index) == len(expected) and (index == expected).all():
            return
        missing = expected.difference(index)
        if len(missing) == 0:
            raise ValueError(
                f"{name} must have equidistant times, but {index[~index.isin(expected)][0]} is off "
                "the grid."
            )
        raise ValueError(
            f"{name} must have equidistant times, but {missing[0]} is missing. Steps that were not "
            "observed are rows of NaN."
        )

    def between(self, first: Any, last: Any) -> pd.Index:
        """Return the times from the first to the last, both included."""
        if isinstance(first, pd.Period):
            return pd.period_range(first, last)
        if self.frequency is not None:
            return pd.date_range(first, last, freq=self.frequency)
        return pd.RangeIndex(int(first), int(last) + 1)

    def following(self, time: Any, n_steps: int) -> pd.Index:
        """Return the next times after one."""
        step = time.freq if isinstance(time, pd.Period) else self.frequency
        return self.between(time, time + n_steps * (1 if step is None else step))[1:]

    def cutoff(self, time: Any) -> pd.Index:
        """Return a time as sktime has its cutoffs: an index of one, with its frequency."""
        if self.frequency is not None:
            return pd.DatetimeIndex([time], freq=self.frequency)
        return pd.PeriodIndex([time]) if isinstance(time, pd.Period) else pd.Index([time])


class History:
    """A series, its exogenous series, and their last time.

    Steps are kept in an array with room to spare, so that to append costs what is appended.

    Parameters
    ----------
    y : DataFrame of shape (n_timesteps, n_columns)
        What is forecast; NaN where it was not observed.
    X : DataFrame of shape (n_timesteps or more, n_exogenous) or None
        Exogenous series at the same times; times beyond are left out.

    Attributes
    ----------
    columns, exogenous : pandas.Index
        Names.
    clock : Clock
        The times.
    cutoff : pandas.Index of length 1
        The last time.
    level : ndarray of shape (n_columns,)
        The first value of each column, zero if there is none.
    """

    def __init__(self, y: pd.DataFrame, X: pd.DataFrame | None) -> None:
        self.columns = y.columns
        self.exogenous = pd.Index([]) if X is None else X.columns
        self.clock = Clock.of(y.index, "y")
        self.cutoff = self.clock.cutoff(y.index[-1])
        self._steps, self._length = _values(y, X), len(y)
        observed = np.isfinite(self.y)
        first = observed.argmax(axis=0), np.arange(len(self.columns))
        self.level = np.where(observed, self.y, 0.0)[first]

    def __len__(self) -> int:
        return self._length

    @property
    def y(self) -> NDArray:
        """The series, (n_timesteps, n_columns)."""
        return self._steps[: self._length, : len(self.columns)]

    @property
    def x(self) -> NDArray:
        """The exogenous series, (n_timesteps, n_exogenous)."""
        return self._steps[: self._length, len(self.columns) :]

    def part(self, first: int, last: int, *, levelled: bool) -> tuple[NDArray, NDArray]:
        """Return the steps from the first to the one before the last, of y and of X.

        Parameters
        ----------
        first, last : int
            Numbers of steps from the start; a negative first is the start.
        levelled : bool
            Whether the level is taken from y.
        """
        part = slice(max(first, 0), last)
        return self.y[part] - (self.level if levelled else 0.0), self.x[part]

    def append(self, y: pd.DataFrame, X: pd.DataFrame | None) -> None:
        """Append what is new.

        Steps at or before the cutoff have been seen. Steps between it and the first new one were
        not observed.
        """
        check_columns(y.columns, self.columns, "y")
        y = y[self.columns]
        X = self.check_exogenous(X)
        new = y.index > self.cutoff[0]
        if not new.any():
            return
        times = self.clock.between(self.cutoff[0], y.index[-1])[1:]
        if not y.index[new].isin(times).all() or not y.index.is_unique:
            raise ValueError(
                f"y must go on at the step of the series that was fitted, which ends at "
                f"{self.cutoff[0]}, but its times are {list(y.index[new][:3])}."
            )
        values = _values(y[new], X)
        rows = np.full((len(times), values.shape[1]), np.nan)
        rows[times.get_indexer(y.index[new])] = values
        self._reserve(len(rows))
        self._steps[self._length : self._length + len(rows)] = rows
        self._length += len(rows)
        self.cutoff = self.clock.cutoff(times[-1])

    def check_exogenous(self, X: pd.DataFrame | None) -> pd.DataFrame | None:
        """Return the exogenous columns in their order, or raise if one is missing or unknown."""
        if len(self.exogenous) == 0:
            if X is not None:
                raise ValueError(
                    "X must be None for a forecaster that was fitted without X, but got columns "
                    f"{list(X.columns)}."
                )
            return None
        if X is None:
            raise ValueError(
                f"X is missing: the forecaster was fitted with X of columns {list(self.exogenous)}."
            )
        return self._ordered(X)

    def _ordered(self, X: pd.DataFrame) -> pd.DataFrame:
        check_columns(X.columns, self.exogenous, "X")
        return X[self.exogenous]

    def future(self, X: pd.DataFrame | None, n_steps: int) -> NDArray:
        """Return the exogenous series of the next steps, (n_steps, n_exogenous).

        Raises
        ------
        ValueError
            If a value is missing.
        """
        if len(self.exogenous) == 0:
            self.check_exogenous(X)
            return np.empty((n_steps, 0))
        times = self.following(n_steps)
        if X is None:
            raise ValueError(
                f"X is missing: forecasts of {times[-1]} need X of columns {list(self.exogenous)} "
                f"from {times[0]} on."
            )
        rows = self._ordered(X).reindex(times)
        absent = rows.isna()
        if absent.any(axis=None):
            at = list(rows.index[absent.any(axis=1)][:5].astype(str))
            raise ValueError(
                f"X must have every time from {times[0]} to {times[-1]}, but columns "
                f"{list(rows.columns[absent.any(axis=0)])} are missing at {', '.join(at)}."
            )
        return rows.to_numpy(dtype=np.float64)

    def known_future(self, X: pd.DataFrame | None, n_steps: int) -> NDArray:
        """Return what X says of the next steps, (n_steps, n_exogenous); NaN where it does not."""
        if X is None:
            return np.full((n_steps, len(self.exogenous)), np.nan)
        return X[self.exogenous].reindex(self.following(n_steps)).to_numpy(dtype=np.float64)

    def newest(self, n_steps: int) -> NDArray:
        """Return the last steps of series and exogenous series, (n_steps, n_columns).

        Steps that were not observed have the last value before them; NaN if there is none.
        """
        first = self._length - n_steps
        newest = self._steps[first : self._length].copy()
        if not np.isnan(newest).any():
            return newest
        before = self._steps[:first]
        for column, values in zip(before.T, newest.T, strict=True):
            seen = np.flatnonzero(np.isfinite(column))
            if np.isnan(values[0]) and len(seen):
                values[0] = column[seen[-1]]
        return pd.DataFrame(newest).ffill().to_numpy()

    def steps_ahead(self, fh: ForecastingHorizon) -> NDArray:
        """Return a horizon in steps after the last one, (n_horizons,)."""
        return np.asarray(fh.to_relative(self.cutoff).to_numpy(), dtype=np.int64)

    def following(self, n_steps: int) -> pd.Index:
        """Return the times of the next steps."""
        return self.clock.following(self.cutoff[0], n_steps)

    def _reserve(self, n_more: int) -> None:
        needed = self._length + n_more
        if needed > len(self._steps):
            roomier = np.empty((2 * needed, self._steps.shape[1]))
            roomier[: self._length] = self._steps[: self._length]
            self._steps = roomier


def check_columns(found: pd.Index, columns: pd.Index, name: str) -> None:
    """Raise unless the columns found are those of fit, in any order."""
    if len(found) != len(columns) or not found.isin(columns).all():
        raise ValueError(
            f"{name} must have the columns of fit, {list(columns)}, but got {list(found)}."
        )


def _frequency(index: pd.Index, name: str) -> Any:
    if not isinstance(index, pd.DatetimeIndex):
        return None
    if index.freq is not None:
        return index.freq
    found = pd.infer_freq(index) if len(index) > 2 else None
    if found is None:
        raise ValueError(
            f"{name} must have equidistant times, but no frequency fits {len(index)} times from "
            f"{index[0]} to {index[-1]}. Steps that were not observed are rows of NaN, as "
            "asfreq() makes them."
        )
    return pd.tseries.frequencies.to_offset(found)


def _values(y: pd.DataFrame, X: pd.DataFrame | None) -> NDArray:
    """Return series and exogenous series side by side, at the times of y."""
    values = y.to_numpy(dtype=np.float64, copy=True)
    if X is None:
        return values
    missing = y.index.difference(X.index)
    if len(missing):
        raise ValueError(f"X must have every time of y, but {missing[0]} is missing.")
    return np.hstack([values, X.loc[y.index].to_numpy(dtype=np.float64)])
