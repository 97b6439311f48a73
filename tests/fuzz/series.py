"""Calls of a forecaster: series of all kinds on all kinds of clocks, and what is asked of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from sktime.forecasting.base import ForecastingHorizon

from .arrays import FILLS, ORDINARY_TYPES, TYPES, Array, cast, fills, mostly

N_FUTURE = 8  # steps after the end of what is fitted to

CLOCKS: dict[str, Callable[[int], pd.Index]] = {
    "range": pd.RangeIndex,
    "later range": lambda n: pd.RangeIndex(100, 100 + n),
    "integers": lambda n: pd.Index(np.arange(n) + 7),
    "months": lambda n: pd.period_range("2001-01", periods=n, freq="M"),
    "quarters": lambda n: pd.period_range("2001Q1", periods=n, freq="Q"),
    "days": lambda n: pd.date_range("2020-02-20", periods=n, freq="D"),
    "hours of a zone": lambda n: pd.date_range(
        "2024-03-30", periods=n, freq="h", tz="Europe/Berlin"
    ),
    "business days": lambda n: pd.date_range("2020-02-20", periods=n, freq="B"),
    "month ends": lambda n: pd.date_range("2020-01-31", periods=n, freq="ME"),
    "dates alone": lambda n: pd.DatetimeIndex(pd.date_range("2020", periods=n, freq="D").values),
    "wide range": lambda n: pd.RangeIndex(0, 3 * n, 3),
    "reversed": lambda n: pd.RangeIndex(n - 1, -1, -1),
    "repeated": lambda n: pd.Index(np.arange(n) // 2),
    "irregular": lambda n: pd.DatetimeIndex(
        np.datetime64("2020-01-01", "D") + np.cumsum(1 + np.arange(n) % 3)
    ),
    "floats": lambda n: pd.Index(np.arange(n) + 0.5),
    "names": lambda n: pd.Index([f"t{i:03d}" for i in range(n)]),
    "durations": lambda n: pd.timedelta_range("0s", periods=n, freq="s"),
}
ORDINARY_CLOCKS = ["range", "months", "days", "hours of a zone"]


def _horizon(times: pd.Index) -> Any:
    """Return times as a horizon, or as they are where sktime makes none of them."""
    try:
        return ForecastingHorizon(times, is_relative=False)
    except (TypeError, ValueError):
        return times


Steps = dict[str, Callable[[pd.Index, int], Any]]  # of all times, and the number of those seen

STEPS: Steps = {
    "three": lambda index, n: [1, 2, 3],
    "one": lambda index, n: 1,
    "range": lambda index, n: range(1, 4),
    "array": lambda index, n: np.arange(1, 4),
    "some": lambda index, n: [2, 5],
    "horizon": lambda index, n: ForecastingHorizon([1, 4]),
    "times": lambda index, n: _horizon(index[n : n + 3]),
    "index": lambda index, n: index[n : n + 3],
    "in sample": lambda index, n: [-2, -1, 0, 1],
    "past alone": lambda index, n: [-1],
    "out of order": lambda index, n: [3, 1],
    "whole floats": lambda index, n: [1.0, 2.0],
    "none": lambda index, n: None,
    "repeated": lambda index, n: [1, 1],
    "nothing": lambda index, n: [],
    "half": lambda index, n: [1.5],
    "name": lambda index, n: "next",
    "missing": lambda index, n: [np.nan],
    "durations": lambda index, n: ForecastingHorizon(pd.to_timedelta([1, 2], unit="D")),
    "offset": lambda index, n: pd.offsets.Day(2),
    "very far": lambda index, n: [10**9],
    "long ago": lambda index, n: [-(10**9)],
}
ORDINARY_STEPS = ["three", "one", "some", "horizon", "times", "range", "array"]


def _series(numbers: Array, index: pd.Index) -> Any:
    if numbers.shape[1] == 1:
        return pd.Series(numbers[:, 0], index)
    return pd.DataFrame(numbers, index)


def _panel(numbers: Array, index: pd.Index) -> Any:
    frame = pd.DataFrame(numbers, index)
    frame.columns = [f"c{place}" for place in range(numbers.shape[1])]
    other = frame.iloc[::-1].set_axis(index)
    return pd.concat({"a": frame, "b": other}, names=["series", "time"])


def _hierarchy(numbers: Array, index: pd.Index) -> Any:
    return pd.concat({"top": _panel(numbers, index)}, names=["region"])


def _nullable(numbers: Array, index: pd.Index) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas tries integers of any number
        return pd.DataFrame(numbers, index).convert_dtypes()


CONTAINERS: dict[str, Callable[[Array, pd.Index], Any]] = {
    "series": _series,
    "frame": pd.DataFrame,
    "named frame": lambda a, index: pd.DataFrame(a, index, [f"c{i}" for i in range(a.shape[1])]),
    "panel": _panel,
    "hierarchy": _hierarchy,
    "array": lambda numbers, index: numbers[:, 0] if numbers.shape[1] == 1 else numbers,
    "two axes": lambda numbers, index: numbers,
    "list": lambda numbers, index: numbers.tolist(),
    "list of frames": lambda numbers, index: [pd.DataFrame(numbers, index)] * 2,
    "three axes": lambda numbers, index: numbers[None].swapaxes(1, 2),
    "nullable": _nullable,
}
ORDINARY_CONTAINERS = ["series", "frame", "named frame", "panel"]


@dataclass(frozen=True)
class SeriesCase:
    """What the calls of a forecaster are made from."""

    n: int
    n_columns: int
    n_exogenous: int
    fill: str
    dtype: str
    exogenous_fill: str
    container: str
    clock: str
    steps: str
    later_steps: str
    n_new: int
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make what is passed."""
        rng = np.random.default_rng(self.seed)
        n_all = self.n + N_FUTURE
        index = CLOCKS[self.clock](n_all)
        y = cast(FILLS[self.fill](rng, (n_all, self.n_columns)), self.dtype)
        x = FILLS[self.exogenous_fill](rng, (n_all, self.n_exogenous))
        stored = {"index": index, "numbers": y, "exogenous": x}
        for name, value in stored.items():
            object.__setattr__(self, name, value)

    def y(self, start: int, stop: int) -> Any:
        """Return the series between two steps."""
        return CONTAINERS[self.container](self.numbers[start:stop], self.index[start:stop])

    def X(self, start: int, stop: int) -> Any:
        """Return the exogenous series between two steps, if there are any."""
        if self.n_exogenous == 0:
            return None
        frame = pd.DataFrame(self.exogenous[start:stop], self.index[start:stop])
        frame.columns = [f"x{place}" for place in range(self.n_exogenous)]
        if self.container in ("panel", "hierarchy"):
            frame = pd.concat({"a": frame, "b": frame}, names=["series", "time"])
        if self.container == "hierarchy":
            frame = pd.concat({"top": frame}, names=["region"])
        return frame

    @property
    def size(self) -> float:
        """The largest number of the series, without those that are infinite; 0 if there is none."""
        try:
            numbers = np.abs(self.numbers.astype(np.float64))
        except (TypeError, ValueError):
            return 0.0
        return float(numbers[np.isfinite(numbers)].max(initial=0.0))

    @property
    def is_finite(self) -> bool:
        """Whether nothing in the series is missing or infinite."""
        try:
            numbers = [self.numbers.astype(np.float64), self.exogenous]
        except (TypeError, ValueError):
            return False
        return all(np.isfinite(part).all() for part in numbers)

    def fh(self, steps: str) -> Any:
        """Return a horizon."""
        return STEPS[steps](self.index, self.n)


def series_cases(parameters: dict[str, list]) -> st.SearchStrategy[SeriesCase]:
    """Return cases of a forecaster that has such parameters, each with a few values of them."""
    pairs = [(name, value) for name, values in parameters.items() for value in values]
    return st.builds(
        SeriesCase,
        n=mostly(list(range(16, 40)), list(range(16)), 8),
        n_columns=mostly([1, 1, 2], [0, 3], 12),
        n_exogenous=mostly([0, 0, 1], [2], 6),
        fill=fills(),
        dtype=mostly(ORDINARY_TYPES, TYPES, 10),
        exogenous_fill=fills(6),
        container=mostly(ORDINARY_CONTAINERS, list(CONTAINERS), 6),
        clock=mostly(ORDINARY_CLOCKS, list(CLOCKS), 5),
        steps=mostly(ORDINARY_STEPS, list(STEPS), 6),
        later_steps=mostly(["none", *ORDINARY_STEPS], list(STEPS), 6),
        n_new=mostly([1, 3], [0, 2, N_FUTURE], 4),
        seed=st.integers(0, 2**16),
        parameters=st.lists(st.sampled_from(pairs), max_size=3).map(dict),
    )
