"""After how many steps a series may repeat itself, by the steps of its index."""

from __future__ import annotations

from typing import Any

import pandas as pd

STEPS_PER_YEAR = {"Y": 1, "Q": 4, "M": 12, "W": 52}  # by the first letter of a frequency
STEPS_PER_WEEK = {"D": 7, "B": 5}
DAYS_PER_WEEK, WEEKS_PER_YEAR = 7, 52


def season_of(index: pd.Index) -> int:
    """Return the steps after which a series with this index may repeat itself; 1 for none.

    >>> season_of(pd.period_range("2000-01", periods=3, freq="M"))
    12
    >>> season_of(pd.RangeIndex(3))
    1
    """
    frequency = getattr(index, "freq", None)
    if frequency is None:
        return 1
    steps = STEPS_PER_WEEK.get(frequency.name) or STEPS_PER_YEAR.get(frequency.name[0])
    if steps is not None:
        return _whole_ratio(steps, frequency.n)
    if isinstance(frequency, pd.offsets.Tick):
        return _whole_ratio(pd.Timedelta(days=1), pd.Timedelta(frequency))
    return 1


def seasons_of(index: pd.Index) -> tuple[int, ...]:
    """Return all such numbers of steps, shortest first: of days also a year, of hours a week.

    >>> seasons_of(pd.period_range("2000-01-01", periods=3, freq="h"))
    (24, 168)
    >>> seasons_of(pd.RangeIndex(3))
    ()
    """
    season = season_of(index)
    if season == 1:
        return ()
    frequency = index.freq
    if isinstance(frequency, pd.offsets.Tick) and pd.Timedelta(frequency) < pd.Timedelta(days=1):
        return season, DAYS_PER_WEEK * season
    return (season, WEEKS_PER_YEAR * season) if frequency.name in STEPS_PER_WEEK else (season,)


def _whole_ratio(period: Any, step: Any) -> int:
    """Return how many steps a period has; 1 if it is not a whole number of them.

    >>> _whole_ratio(12, 3), _whole_ratio(12, 5)
    (4, 1)
    """
    return int(period // step) or 1 if period % step == 0 * step else 1
