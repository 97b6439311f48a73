"""The time from one row to the next."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

MINUTE = pd.Timedelta(minutes=1)


@dataclass(frozen=True)
class TimeUnit:
    """How times are written.

    Attributes
    ----------
    step : float
        Time from one row to the next.
    name : str
        Unit of it, "s" or "steps".
    """

    step: float
    name: str

    def of(self, n_steps: int) -> str:
        """Return the time of so many steps.

        >>> TimeUnit(0.08, "s").of(3), TimeUnit(1.0, "steps").of(1)
        ('0.24 s', '1 step')
        """
        name = "step" if self.name == "steps" and n_steps == 1 else self.name
        return f"{n_steps * self.step:.6g} {name}"


def time_unit(index: pd.Index, sampling_time: float | None) -> TimeUnit:
    """Return the unit of a series' steps: seconds of what is faster than a minute, else steps.

    >>> time_unit(pd.date_range("2024-01-01", periods=3, freq="500ms"), None)
    TimeUnit(step=0.5, name='s')
    >>> time_unit(pd.RangeIndex(3), 0.08)
    TimeUnit(step=0.08, name='s')
    >>> time_unit(pd.date_range("2024-01-01", periods=3, freq="D"), None)
    TimeUnit(step=1.0, name='steps')

    Parameters
    ----------
    index : Index
        Labels of the time steps.
    sampling_time : float or None
        Seconds from one step to the next; ``None`` for what the index says.

    Returns
    -------
    unit : TimeUnit
    """
    if sampling_time is not None:
        return TimeUnit(float(sampling_time), "s")
    frequency = getattr(index, "freq", None)
    if isinstance(frequency, pd.offsets.Tick) and (step := pd.Timedelta(frequency)) < MINUTE:
        return TimeUnit(step.total_seconds(), "s")
    return TimeUnit(1.0, "steps")
