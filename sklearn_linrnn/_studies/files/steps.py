"""Even steps of time: which ones a column of times has, and which of them are missing."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ADJECTIVES = {
    "Y": "yearly",
    "Q": "quarterly",
    "M": "monthly",
    "W": "weekly",
    "D": "daily",
    "B": "business-daily",
    "h": "hourly",
    "min": "minutely",
    "s": "secondly",
}
NOUNS = {"Y": "year", "Q": "quarter", "M": "month", "W": "week", "D": "day", "B": "business day",
         "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}  # fmt: skip
MONTHLY = {3: "Q", 12: "Y"}  # frequencies of so many months
CALENDAR = re.compile(r"(\d*)([MQY])[SE]?")  # months, quarters and years, by their start or end
LEAST = 3  # times that show a step
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Steps:
    """Times on a grid.

    Attributes
    ----------
    index : Index of shape (n_timesteps,)
        All steps from the first time to the last one.
    positions : ndarray of shape (n_times,)
        Which steps the times are.
    word : str
        What the steps are: hourly, monthly.
    """

    index: pd.Index
    positions: NDArray[np.int64]
    word: str

    @property
    def is_full(self) -> bool:
        """Whether at least half of the steps have a time."""
        return 2 * len(self.positions) >= len(self.index)


def even_steps(times: pd.DatetimeIndex) -> Steps | None:
    """Return the steps of increasing times, or None if they are not even.

    Missing ones are allowed as long as they are fewer than the others. A month is a step though
    the months differ in length; so are a quarter, a year, and a day of five in the week.
    """
    if len(times) < LEAST:
        return None
    for candidate in (_months, _business_days, _durations, _any_day_of_month):
        steps = candidate(times)
        if steps is not None:
            return steps if steps.is_full else None
    return None


def forced_steps(times: pd.DatetimeIndex, freq: str) -> Steps:
    """Return the steps of a frequency in which increasing times lie.

    Raises
    ------
    ValueError
        If pandas knows no such frequency, or two times lie in one step.
    """
    try:
        steps = _forced(times, freq)
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"--freq got {freq!r}, which is no frequency of pandas.") from error
    repeated = np.flatnonzero(np.diff(steps.positions) <= 0)
    if len(repeated):
        first = times[repeated[0]]
        raise ValueError(f"--freq {freq} has two times in the step of {first}.")
    return steps


def even_numbers(values: NDArray[np.float64]) -> Steps | None:
    """Return the steps of increasing numbers, or None if they are not even."""
    if len(values) < LEAST:
        return None
    ratios = (values - values[0]) / np.diff(values).min()
    positions = np.rint(ratios).astype(np.int64)
    if np.abs(ratios - positions).max() > 0.01:
        return None
    steps = Steps(pd.RangeIndex(positions[-1] + 1), positions, "evenly spaced")
    return steps if steps.is_full else None


def _months(times: pd.DatetimeIndex) -> Steps | None:
    clock = times - times.normalize()
    same_day = (times.day == times.day[0]).all() or times.is_month_end.all()
    return _any_day_of_month(times) if same_day and (clock == clock[0]).all() else None


def _any_day_of_month(times: pd.DatetimeIndex) -> Steps | None:
    months = (12 * times.year + times.month).to_numpy()
    apart = np.diff(months)
    if (apart <= 0).any():
        return None
    step = int(np.gcd.reduce(apart))
    if step % 12 == 0:
        return _periods(times, f"{step // 12}Y")
    return _periods(times, f"{step // 3}Q" if step % 3 == 0 else f"{step}M")


def _periods(times: pd.DatetimeIndex, freq: str) -> Steps:
    unit = freq.lstrip("0123456789")
    count = int(freq.removesuffix(unit) or 1)
    periods = times.to_period(unit)
    positions = (periods.asi8 - periods.asi8[0]) // count
    index = pd.period_range(periods[0], periods=int(positions[-1]) + 1, freq=f"{count}{unit}")
    return Steps(index, positions, adjective(index.freq))


def _business_days(times: pd.DatetimeIndex) -> Steps | None:
    if (times != times.normalize()).any() or (times.dayofweek >= 5).any():
        return None
    if times[-1] - times[0] < 7 * DAY or np.diff(times).min() != DAY:
        return None
    return _on(times, pd.bdate_range(times[0], times[-1]))


def _durations(times: pd.DatetimeIndex) -> Steps | None:
    apart = np.diff(times.as_unit("ns").asi8)
    if (apart % apart.min()).any():
        return None
    step = pd.Timedelta(int(apart.min()), unit="ns")
    if len(times) * 2 < (times[-1] - times[0]) / step:
        return None
    return _on(times, pd.date_range(times[0], times[-1], freq=_offset(times[0], step)))


def _offset(start: pd.Timestamp, step: pd.Timedelta) -> pd.DateOffset:
    """Return a duration as an offset; weeks know their day."""
    if step % (7 * DAY) == pd.Timedelta(0):
        return pd.offsets.Week(n=step // (7 * DAY), weekday=start.dayofweek)
    if step % DAY == pd.Timedelta(0):
        return pd.offsets.Day(step // DAY)
    return pd.tseries.frequencies.to_offset(step)


def _on(times: pd.DatetimeIndex, index: pd.DatetimeIndex) -> Steps:
    return Steps(index, index.get_indexer(times), adjective(index.freq))


def _forced(times: pd.DatetimeIndex, freq: str) -> Steps:
    if (months := CALENDAR.fullmatch(freq)) is not None:
        return _periods(times, months[1] + months[2])
    offset = pd.tseries.frequencies.to_offset(freq)
    if offset.name == "B":
        days = times.normalize()
        return _on(days, pd.bdate_range(days[0], days[-1]))
    if isinstance(offset, pd.offsets.Tick | pd.offsets.Day):
        near = times.round(offset)
        return _on(near, pd.date_range(near[0], near[-1], freq=offset))
    return _periods(times, freq)


def adjective(offset: pd.DateOffset) -> str:
    """Return what steps of an offset are.

    >>> [adjective(pd.tseries.frequencies.to_offset(f)) for f in ("h", "15min", "2QE", "W-MON")]
    ['hourly', '15-minute', '2-quarter', 'weekly']
    """
    unit = offset.name.partition("-")[0]
    unit = unit if unit in NOUNS else unit[0]
    if offset.n == 1:
        return ADJECTIVES.get(unit, f"1-{NOUNS.get(unit, unit)}")
    return f"{offset.n}-{NOUNS.get(unit, unit)}"
