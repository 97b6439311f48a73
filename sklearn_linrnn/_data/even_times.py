"""Times of an index that are one step apart each, as lags count steps."""

from __future__ import annotations

import numpy as np
import pandas as pd


def even_times(index: pd.Index, name: str) -> pd.Index:
    """Return an index whose times, if it has any, say how far apart they are.

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
        If times do not follow each other in even steps.
    """
    if not isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex | pd.PeriodIndex):
        return index
    if not index.is_monotonic_increasing:
        raise ValueError(f"{name} must be in the order of time; sort it with sort_index().")
    if isinstance(index, pd.PeriodIndex):
        even, known = index, bool((np.diff(index.asi8) == index.freq.n).all())
    else:
        frequency = pd.infer_freq(index) if index.freq is None and len(index) > 2 else index.freq
        known = frequency is not None or len(index) <= 2
        even = type(index)(index, freq=frequency)
    if not known:
        raise ValueError(
            f"{name} must have times in even steps, but got {len(index)} from {index[0]} to "
            f"{index[-1]} that no frequency fits. Steps that were not observed are rows of NaN, as "
            f"{name}.asfreq(...) makes them; {name}.to_numpy() takes the rows as they follow each "
            "other."
        )
    return even
