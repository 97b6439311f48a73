"""Equidistant times, and how horizons are counted on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.frequencies import to_offset
from sktime.forecasting.base import ForecastingHorizon

from sklearn_linrnn._data.season import FIXED, duration_of

# What pandas raises, the last one for years that a time zone does not have.
NO_SUCH_TIME = (
    OverflowError,
    pd.errors.OutOfBoundsDatetime,
    pd.errors.OutOfBoundsTimedelta,
    NotImplementedError,
)


class Clock(ABC):
    """Equidistant times. Make it with `clock_of`."""

    @abstractmethod
    def index(self, time: Any) -> pd.Index:
        """Return a time as sktime has its cutoffs: an index of one, with its frequency."""

    @abstractmethod
    def count(self, cutoff: Any, steps: NDArray) -> pd.Index:
        """Return the times some steps after a cutoff, in ascending order."""

    def at(self, cutoff: Any, steps: NDArray) -> pd.Index:
        """Return the times some steps after a cutoff, in ascending order.

        Raises
        ------
        ValueError
            If there are no such times.
        """
        try:
            return self.count(cutoff, steps)
        except NO_SUCH_TIME as e:
            furthest = steps[np.abs(steps).argmax()]
            raise ValueError(
                f"fh must ask for times that pandas has, but {furthest} steps of {self} from "
                f"{cutoff} on there are none."
            ) from e

    @abstractmethod
    def find(self, cutoff: Any, times: pd.Index) -> tuple[NDArray, NDArray]:
        """Return how many steps after a cutoff times are, and which of them are on this clock."""

    @abstractmethod
    def durations(self, cutoff: Any, durations: pd.TimedeltaIndex) -> tuple[NDArray, NDArray]:
        """Return what `find` does for the times some durations after a cutoff."""

    def following(self, cutoff: Any, n_steps: int) -> pd.Index:
        """Return the next times after a cutoff."""
        return self.at(cutoff, np.arange(1, n_steps + 1))

    def steps_ahead(self, fh: ForecastingHorizon, cutoff: Any) -> NDArray:
        """Return a horizon in steps after a cutoff, (n_horizons,).

        Parameters
        ----------
        fh : ForecastingHorizon
            Steps, durations or times.
        cutoff : int, Period or Timestamp
            A time of this clock.

        Raises
        ------
        ValueError
            If a time or a duration is not on this clock.
        """
        values = fh.to_pandas()
        if isinstance(values, pd.TimedeltaIndex):
            steps, known = self.durations(cutoff, values)
        elif fh.is_relative:
            return np.asarray(values, dtype=np.int64)
        else:
            steps, known = self.find(cutoff, values)
        if not known.all():
            raise ValueError(
                f"fh must ask for times of the series, which go on from {cutoff} at steps of "
                f"{self}, but got {values[~known][0]}."
            )
        return steps


@dataclass(frozen=True)
class IntegerClock(Clock):
    """Integers, one after the other."""

    def __str__(self) -> str:
        return "1"

    def index(self, time: Any) -> pd.Index:
        """Return an integer as an index of one."""
        return pd.Index([time])

    def count(self, cutoff: Any, steps: NDArray) -> pd.Index:
        """Return the integers some steps after a cutoff."""
        return pd.Index(int(cutoff) + steps)

    def find(self, cutoff: Any, times: pd.Index) -> tuple[NDArray, NDArray]:
        """Return the distances of integers from a cutoff."""
        if not pd.api.types.is_integer_dtype(times):
            return _none_of(times)
        steps = np.asarray(times, dtype=np.int64) - int(cutoff)
        return steps, np.ones(len(times), dtype=bool)

    def durations(self, cutoff: Any, durations: pd.TimedeltaIndex) -> tuple[NDArray, NDArray]:
        """Return nothing: integers have no duration."""
        return _none_of(durations)


@dataclass(frozen=True)
class PeriodClock(Clock):
    """Periods of a `pandas.PeriodIndex`.

    Attributes
    ----------
    frequency : DateOffset
        Their step.
    """

    frequency: Any

    def __str__(self) -> str:
        return str(pd.PeriodIndex([], freq=self.frequency).freqstr)

    def index(self, time: Any) -> pd.Index:
        """Return a period as an index of one."""
        return pd.PeriodIndex([time], freq=self.frequency)

    def count(self, cutoff: Any, steps: NDArray) -> pd.Index:
        """Return the periods some steps after a cutoff."""
        ordinals = cutoff.ordinal + steps * self.frequency.n
        return pd.PeriodIndex.from_ordinals(ordinals, freq=self.frequency)

    def find(self, cutoff: Any, times: pd.Index) -> tuple[NDArray, NDArray]:
        """Return the distances of periods from a cutoff."""
        if not isinstance(times, pd.PeriodIndex) or times.freq != self.frequency:
            return _none_of(times)
        return _whole(times.asi8 - cutoff.ordinal, self.frequency.n)

    def durations(self, cutoff: Any, durations: pd.TimedeltaIndex) -> tuple[NDArray, NDArray]:
        """Return durations in steps, where these have a length."""
        if not isinstance(self.frequency, FIXED):
            return _none_of(durations)
        return _whole_steps(durations, self.frequency)


class DateClock(Clock):
    """Times of a `pandas.DatetimeIndex`."""

    frequency: Any

    def __str__(self) -> str:
        return str(self.frequency.freqstr)

    def index(self, time: Any) -> pd.Index:
        """Return a time as an index of one."""
        return pd.DatetimeIndex([time], freq=self.frequency)


@dataclass(frozen=True)
class ElapsedClock(DateClock):
    """Times of a `pandas.DatetimeIndex` that are a duration apart, whatever the time of day.

    Attributes
    ----------
    frequency : Tick
        Their step, of hours or less.
    """

    frequency: Any

    def count(self, cutoff: Any, steps: NDArray) -> pd.Index:
        """Return the times some steps after a cutoff."""
        return _with_frequency(cutoff + steps * duration_of(self.frequency), steps, self.frequency)

    def find(self, cutoff: Any, times: pd.Index) -> tuple[NDArray, NDArray]:
        """Return the distances of times from a cutoff."""
        if not _is_comparable(times, cutoff):
            return _none_of(times)
        return _whole_steps(times - cutoff, self.frequency)

    def durations(self, cutoff: Any, durations: pd.TimedeltaIndex) -> tuple[NDArray, NDArray]:
        """Return durations in steps."""
        return _whole_steps(durations, self.frequency)


@dataclass(frozen=True)
class CalendarClock(DateClock):
    """Times of a `pandas.DatetimeIndex` that follow the calendar, where days differ in length.

    Attributes
    ----------
    frequency : DateOffset
        Their step: days, business days, weeks, months and the like.
    """

    frequency: Any

    def count(self, cutoff: Any, steps: NDArray) -> pd.Index:
        """Return the times some steps after a cutoff."""
        back, ahead = max(-int(steps.min()), 0), max(int(steps.max()), 0)
        grid = self._until(cutoff, back).append(self._from(cutoff, ahead)[1:])
        return _with_frequency(grid[steps + back], steps, self.frequency)

    def find(self, cutoff: Any, times: pd.Index) -> tuple[NDArray, NDArray]:
        """Return the distances of times from a cutoff."""
        if not _is_comparable(times, cutoff):
            return _none_of(times)
        times = times.tz_convert(cutoff.tz) if cutoff.tz is not None else times
        n_steps = len(times)
        while (before := self._until(cutoff, n_steps))[0] > times.min():
            n_steps *= 2
        after = pd.date_range(cutoff, max(times.max(), cutoff), freq=self.frequency)
        place = before.append(after[1:]).get_indexer(times)
        return place - n_steps, place >= 0

    def durations(self, cutoff: Any, durations: pd.TimedeltaIndex) -> tuple[NDArray, NDArray]:
        """Return durations in steps: of the calendar where it counts in days."""
        if isinstance(self.frequency, FIXED):
            return _whole_steps(durations, self.frequency)
        return self.find(cutoff, cutoff + durations)

    def _until(self, cutoff: Any, n_steps: int) -> pd.Index:
        return pd.date_range(end=cutoff, periods=n_steps + 1, freq=self.frequency)

    def _from(self, cutoff: Any, n_steps: int) -> pd.Index:
        return pd.date_range(start=cutoff, periods=n_steps + 1, freq=self.frequency)


def clock_of(index: pd.Index, name: str, like: Clock | None = None) -> Clock:
    """Return the clock of an index.

    Parameters
    ----------
    index : pandas.Index
        Times or integers.
    name : str
        What a message calls the series.
    like : Clock, default=None
        That of dates that are too few to tell their own.

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
    is_known = not isinstance(index, pd.DatetimeIndex) or index.freq is not None or len(index) > 2
    clock = _clock(index, name) if is_known or like is None else like
    _check(clock, index, name)
    return clock


def without_frequency(fh: Any) -> Any:
    """Return a horizon whose dates do not say how far apart they are, as the clock knows.

    sktime refuses every other day of a series of days.
    """
    if isinstance(fh, ForecastingHorizon) and isinstance(fh.to_pandas(), pd.DatetimeIndex):
        return ForecastingHorizon(pd.DatetimeIndex(fh.to_pandas(), freq=None), is_relative=False)
    return fh


def _clock(index: pd.Index, name: str) -> Clock:
    if isinstance(index, pd.PeriodIndex):
        return PeriodClock(index.freq)
    if pd.api.types.is_integer_dtype(index.dtype):
        return IntegerClock()
    if not isinstance(index, pd.DatetimeIndex):
        raise TypeError(
            f"{name} must have an index of whole numbers, dates or periods, but got one of "
            f"{index.dtype}."
        )
    frequency = _frequency(index, name)
    is_elapsed = isinstance(frequency, pd.offsets.Tick) and not isinstance(
        frequency, pd.offsets.Day
    )
    return ElapsedClock(frequency) if is_elapsed else CalendarClock(frequency)


def _check(clock: Clock, index: pd.Index, name: str) -> None:
    """Raise unless the times of an index follow each other at a clock's step."""
    expected = clock.at(index[0], np.arange(len(index)))  # a far last time would be many more
    differs = np.asarray(index != expected)
    if not differs.any():
        return
    first = int(differs.argmax())
    if index[first] < expected[first]:
        raise ValueError(
            f"{name} must have equidistant times, but {index[first]} is between steps of {clock}."
        )
    raise ValueError(
        f"{name} must have equidistant times, but {expected[first]} is missing from steps of "
        f"{clock}. Steps that were not observed are rows of NaN."
    )


def _frequency(index: pd.DatetimeIndex, name: str) -> Any:
    if index.freq is not None:
        return index.freq
    found = pd.infer_freq(index) if len(index) > 2 else None
    if found is None:
        raise ValueError(
            f"{name} must have equidistant times, but no frequency fits {len(index)} times from "
            f"{index[0]} to {index[-1]}. Steps that were not observed are rows of NaN, as "
            "asfreq() makes them."
        )
    return to_offset(found)


def _whole_steps(durations: pd.TimedeltaIndex, frequency: Any) -> tuple[NDArray, NDArray]:
    step = duration_of(frequency)
    return np.asarray(durations // step, dtype=np.int64), np.asarray(durations % step == 0 * step)


def _whole(differences: NDArray, step: int) -> tuple[NDArray, NDArray]:
    return differences // step, differences % step == 0


def _none_of(times: pd.Index) -> tuple[NDArray, NDArray]:
    return np.zeros(len(times), dtype=np.int64), np.zeros(len(times), dtype=bool)


def _is_comparable(times: pd.Index, cutoff: pd.Timestamp) -> bool:
    """Return whether times are dates, with a time zone if and only if a cutoff has one."""
    return isinstance(times, pd.DatetimeIndex) and (times.tz is None) == (cutoff.tz is None)


def _with_frequency(times: pd.DatetimeIndex, steps: NDArray, frequency: Any) -> pd.DatetimeIndex:
    """Return times with their frequency where they are contiguous."""
    contiguous = len(steps) and int(steps[-1]) - int(steps[0]) == len(steps) - 1
    return pd.DatetimeIndex(times, freq=frequency if contiguous else None)
