"""After how many steps a series may repeat itself, by the steps of its index."""

from __future__ import annotations

from typing import Any

import pandas as pd

STEPS_PER_YEAR = {"HY": 2, "Q": 4, "M": 12, "WOM": 12, "LWOM": 12, "SM": 24}  # of the calendar
BUSINESS_DAYS = {"B": 5}  # of a week
DAYS_PER_WEEK, WEEKS_PER_YEAR = 7, 52
FIXED = (pd.offsets.Tick, pd.offsets.Day, pd.offsets.Week)  # frequencies that have a duration
DAY, WEEK = pd.Timedelta(days=1), pd.Timedelta(weeks=1)


def season_of(index: pd.Index) -> int:
    """Return the steps after which a series with this index may repeat itself; 1 for none.

    >>> season_of(pd.period_range("2000-01", periods=3, freq="M"))
    12
    >>> season_of(pd.RangeIndex(3))
    1
    """
    return next(iter(seasons_of(index)), 1)


def seasons_of(index: pd.Index) -> tuple[int, ...]:
    """Return all such numbers of steps, shortest first: of days also a year, of hours a week.

    >>> seasons_of(pd.period_range("2000-01-01", periods=3, freq="h"))
    (24, 168)
    >>> seasons_of(pd.RangeIndex(3))
    ()
    """
    frequency = getattr(index, "freq", None)
    if frequency is None:
        return ()
    if (days := BUSINESS_DAYS.get(frequency.name)) is not None:
        season, longer = _whole_ratio(days, frequency.n), WEEKS_PER_YEAR
    elif not isinstance(frequency, FIXED):
        per_year = STEPS_PER_YEAR.get(_unit(frequency), 1)
        season, longer = _whole_ratio(per_year, frequency.n), 1
    elif (step := duration_of(frequency)) < DAY:
        season, longer = _whole_ratio(DAY, step), DAYS_PER_WEEK
    elif step % WEEK == pd.Timedelta(0):
        season, longer = _whole_ratio(WEEKS_PER_YEAR, step // WEEK), 1
    else:
        season, longer = _whole_ratio(WEEK, step), WEEKS_PER_YEAR
    if season == 1:
        return ()
    return (season, longer * season) if longer > 1 else (season,)


def duration_of(frequency: Any) -> pd.Timedelta:
    """Return the nominal length of a step, for those that are `FIXED`, whatever its name.

    >>> duration_of(pd.offsets.Week(2)) == duration_of(pd.offsets.Hour(336))
    True
    """
    days = {pd.offsets.Day: 1, pd.offsets.Week: 7}.get(type(frequency))
    return pd.Timedelta(frequency) if days is None else pd.Timedelta(days=days * frequency.n)


def _unit(frequency: Any) -> str:
    """Return the unit of a frequency, whichever day of it the times are, such as M of BME."""
    return str(frequency.name).partition("-")[0].lstrip("CB").rstrip("ES")


def _whole_ratio(period: Any, step: Any) -> int:
    """Return how many steps a period has; 1 if it is not a whole number of them.

    >>> _whole_ratio(12, 3), _whole_ratio(12, 5)
    (4, 1)
    """
    return int(period // step) or 1 if period % step == 0 * step else 1
