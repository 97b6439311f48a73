"""How many time steps the season of a series has, as far as its index says."""

from __future__ import annotations

import pandas as pd

STEPS_PER_YEAR = {"Y": 1, "Q": 4, "M": 12, "W": 52}  # by the first letter of a frequency
STEPS_PER_WEEK = {"D": 7, "B": 5}


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
    if isinstance(frequency, pd.offsets.Tick):  # of a day
        return max(int(pd.Timedelta(days=1) / pd.Timedelta(frequency)), 1)
    letter = frequency.name[0]
    steps = STEPS_PER_WEEK.get(frequency.name) or STEPS_PER_YEAR.get(letter, 1)
    return max(steps // frequency.n, 1)
