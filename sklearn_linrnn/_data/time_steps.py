"""Whether rows are one time step apart each, by the times of their index, as lags count rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._data.user_line import warn

FREE = (pd.DatetimeIndex, pd.TimedeltaIndex)  # of a frequency, unless they have one
TIMES = (*FREE, pd.PeriodIndex)
LONGER, SHORTER = 1.5, 0.5  # times the usual step, so that months and summer time are none
DAY = np.timedelta64(1, "D")
LEAST_INFERRED = 3  # times from which pandas infers a frequency
REMEDIES = (
    "Steps that were not observed are rows of NaN, as asfreq(...) makes them; "
    "reset_index(drop=True) takes the rows as they follow each other."
)


def check_times(
    frames: Sequence[Any],
    lengths: Sequence[int],
    rows: Any = slice(None),
    ids: Sequence[Any] | None = None,
) -> None:
    """Raise if times of X run backwards, and warn if their steps are uneven, as lags count rows.

    Parameters
    ----------
    frames : sequence of DataFrame
        The inputs as they were passed, of which the index may have times. Of one with several
        levels it is the last.
    lengths : sequence of int
        Number of time steps of each recording; there is no step from one to the next.
    rows : ndarray of int or slice, default=slice(None)
        The order in which the rows are those of one recording after another.
    ids : sequence, default=None
        Names of the recordings; ``None`` for their numbers.

    Raises
    ------
    ValueError
        If times run backwards, or one is missing.

    Warns
    -----
    UserWarning
        If steps are uneven; see `TimeSteps.uneven`.
    """
    times = _times(frames)
    if times is None:
        return
    steps = TimeSteps(times[rows], np.cumsum(lengths), ids)
    steps.check_order("X", "" if len(lengths) > 1 else " name its recordings by sequence_id,")
    if found := steps.uneven:
        warn(f"The times of X have {found}, but lags count rows. {REMEDIES}")


def even_times(index: pd.Index, name: str) -> pd.Index:
    """Return an index of which steps are even, with the frequency of its times if one fits them.

    Numbers and other labels say nothing about time, and stay as they are.

    >>> even_times(pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-03"]), "y").freqstr
    'D'

    Parameters
    ----------
    index : pandas.Index
        Times or labels of time steps.
    name : str
        What a message calls the series.

    Raises
    ------
    ValueError
        If times run backwards, one is missing, or steps are uneven; see `TimeSteps.uneven`.
    """
    if not isinstance(index, TIMES):
        return index
    steps = TimeSteps(index, np.array([len(index)]))
    steps.check_order(name)
    if found := steps.uneven:
        raise ValueError(f"{name} must have times in even steps, but got {found}. {REMEDIES}")
    if isinstance(index, pd.PeriodIndex):
        if (np.diff(index.asi8) == index.freq.n).all():
            return index
        index = index.to_timestamp()
    if index.freq is not None or len(index) < LEAST_INFERRED:
        return index
    return type(index)(index, freq=pd.infer_freq(index))


@dataclass(frozen=True)
class TimeSteps:
    """Steps from the time of each row to that of the next one.

    Attributes
    ----------
    times : DatetimeIndex, TimedeltaIndex or PeriodIndex of shape (n_rows,)
        Times of the rows of one recording after another.
    ends : ndarray of shape (n_recordings,)
        Where recordings end: there is no step from one to the next.
    ids : sequence or None
        Names of the recordings; ``None`` for their numbers.
    """

    times: Any
    ends: NDArray
    ids: Sequence[Any] | None = None

    def check_order(self, name: str, remedy: str = "") -> None:
        """Raise if a time is missing, or if they run backwards, with one more remedy."""
        if self.times.hasnans:
            missing = self.times.isna().sum()
            raise ValueError(f"{name} must have a time for each row, but got {missing} of NaT.")
        backwards = self._own & (np.diff(self.times.asi8) < 0)
        if backwards.any():
            raise ValueError(
                f"{name} must be in the order of time, but its index goes "
                f"{self._first(backwards)}. Sort it with sort_index(),{remedy} or take the rows as "
                "they follow each other, by reset_index(drop=True)."
            )

    @property
    def uneven(self) -> str:
        """Which steps of times in order are uneven, in words; empty if none is.

        A step is uneven if it is longer than one and a half of the usual one, the median of those
        that are any, or at most half of it: so months are even, and days of summer time. Where the
        times are business days, these are counted. Times with a frequency are even.
        """
        longer, shorter = self._longer_and_shorter()
        if not (longer.any() or shorter.any()):
            return ""
        counts = (
            _counted(longer, "gap", "gaps"),
            _counted(shorter, "step shorter than usual", "steps shorter than usual"),
        )
        return f"{' and '.join(filter(None, counts))}, the first {self._first(longer | shorter)}"

    @cached_property
    def _own(self) -> NDArray:
        """Which steps are within a recording, (n_rows - 1,)."""
        own = np.ones(max(len(self.times) - 1, 0), dtype=bool)
        own[self.ends[:-1] - 1] = False
        return own

    def _first(self, among: NDArray) -> str:
        step = int(np.flatnonzero(among)[0])
        number = int(np.searchsorted(self.ends, step, side="right"))
        where = f" in recording {number if self.ids is None else self.ids[number]!r}"
        where = where if len(self.ends) > 1 else ""
        return f"from {self.times[step]} to {self.times[step + 1]}{where}"

    def _longer_and_shorter(self) -> tuple[NDArray, NDArray]:
        times, own = self.times, self._own
        steps, none = np.diff(times.asi8), np.zeros(len(own), dtype=bool)
        among = steps[own]
        is_stated = isinstance(times, FREE) and times.freq is not None
        if is_stated or (among == among.max(initial=1)).all():
            return none, none
        days = _business_days(times)
        steps = steps if days is None else days
        moves = steps[own & (steps > 0)]
        usual = np.quantile(moves, 0.5, method="lower") if len(moves) else 0
        return own & (steps > LONGER * usual), own & (steps <= SHORTER * usual)


def _times(frames: Sequence[Any]) -> Any:
    """Return the times of the rows, one frame after another; None if some have none."""
    indexes = [frame.index for frame in frames]
    if not all(isinstance(index, pd.Index) for index in indexes):  # that of a lazy frame
        return None
    levels = [index.get_level_values(-1) for index in indexes]
    if not all(isinstance(level, TIMES) for level in levels):
        return None
    times = levels[0].append(levels[1:]) if levels[1:] else levels[0]
    return times if isinstance(times, TIMES) else None  # of several zones there is no order


def _business_days(times: Any) -> NDArray | None:
    """Return the steps as numbers of business days, if all times are on such days, one on each."""
    if isinstance(times, pd.TimedeltaIndex):
        return None
    if isinstance(times, pd.PeriodIndex):
        days = times.asfreq("D", "start").asi8.astype("datetime64[D]")
    else:
        days = times.tz_localize(None).to_numpy().astype("datetime64[D]")
    apart = np.diff(days)
    if 2 * np.count_nonzero(apart == DAY) < len(apart) or not np.is_busday(days).all():
        return None
    return np.busday_count(days[:-1], days[1:])


def _counted(steps: NDArray, one: str, several: str) -> str:
    number = np.count_nonzero(steps)
    return f"{number:,} {one if number == 1 else several}" if number else ""
