"""Times of rows that are taken as consecutive time steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._data.user_line import warn

FREE = (pd.DatetimeIndex, pd.TimedeltaIndex)  # of a frequency, unless they have one
TIMES = (*FREE, pd.PeriodIndex)
LONGER, SHORTER = 1.5, 0.5  # times the usual step, so that months and summer time are none
DAY = np.timedelta64(1, "D")


def check_times(
    frames: Sequence[Any],
    lengths: Sequence[int],
    rows: Any = slice(None),
    ids: Sequence[Any] | None = None,
) -> None:
    """Raise if times of X run backwards, and warn if their steps are uneven, as lags count rows.

    A step is uneven if it is longer than one and a half of the usual one, the median of those that
    are any, or shorter than half of it: so months are even, and days of summer time. Where the
    times are business days, these are counted.

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
        If steps are uneven.
    """
    times = _times(frames)
    if times is None:
        return
    times = times[rows]
    if times.hasnans:
        raise ValueError(f"X must have a time for each row, but got {times.isna().sum()} of NaT.")
    ends = np.cumsum(lengths)
    own = np.ones(max(len(times) - 1, 0), dtype=bool)
    own[ends[:-1] - 1] = False

    def first(steps: NDArray) -> str:
        step = int(np.flatnonzero(steps)[0])
        number = int(np.searchsorted(ends, step, side="right"))
        where = f" in recording {number if ids is None else ids[number]!r}"
        return f"from {times[step]} to {times[step + 1]}{where if len(ends) > 1 else ''}"

    backwards = own & (np.diff(times.asi8) < 0)
    if backwards.any():
        several = "" if len(ends) > 1 else " name its recordings by sequence_id,"
        raise ValueError(
            f"X must be in the order of time, but its index goes {first(backwards)}. Sort it with "
            f"sort_index(),{several} or take the rows as they follow each other, by "
            "reset_index(drop=True)."
        )
    longer, shorter = _uneven(times, own)
    if longer.any() or shorter.any():
        counts = (
            _counted(longer, "gap", "gaps"),
            _counted(shorter, "step shorter than usual", "steps shorter than usual"),
        )
        warn(
            f"The times of X have {' and '.join(filter(None, counts))}, the first "
            f"{first(longer | shorter)}, but lags count rows. Steps that were not observed are "
            "rows of NaN, as asfreq(...) makes them; reset_index(drop=True) takes the rows as they "
            "follow each other."
        )


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


def _uneven(times: Any, own: NDArray) -> tuple[NDArray, NDArray]:
    """Return which steps are longer than the usual one, and which are shorter."""
    steps, none = np.diff(times.asi8), np.zeros(len(own), dtype=bool)
    among = steps[own]
    is_stated = isinstance(times, FREE) and times.freq is not None
    if is_stated or (among == among[:1]).all():
        return none, none
    days = _business_days(times)
    steps = steps if days is None else days
    moves = steps[own & (steps > 0)]
    usual = np.quantile(moves, 0.5, method="lower") if len(moves) else 0
    return own & (steps > LONGER * usual), own & (steps < SHORTER * usual)


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
