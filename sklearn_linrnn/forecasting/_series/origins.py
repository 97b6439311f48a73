"""The windows that a splitter of sktime makes of a series, as their first and last steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_integer
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter
from sktime.utils.validation.forecasting import check_fh

Split = tuple[NDArray, NDArray]


@dataclass(frozen=True, eq=False)
class Origins:
    """Windows to learn from, and the steps ahead that are forecast from the end of each.

    Attributes
    ----------
    starts, ends : ndarray of int, shape (n_origins,)
        The first step of each window, and the one after its last.
    steps : ndarray of int, shape (n_horizons,)
        Steps ahead of the last one.
    """

    starts: NDArray
    ends: NDArray
    steps: NDArray

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, place: Any) -> Origins:
        return Origins(self.starts[place], self.ends[place], self.steps)

    @property
    def targets(self) -> NDArray:
        """The steps that are forecast, (n_origins, n_horizons)."""
        return self.ends[:, None] - 1 + self.steps

    @property
    def ascend(self) -> bool:
        """Whether no window starts or ends before the one that comes before it."""
        return all((np.diff(some) >= 0).all() for some in (self.starts, self.ends))


def origins_of(cv: Any, times: pd.Index) -> list[Origins]:
    """Return the origins of a splitter, those in a row with the same steps ahead together.

    Parameters
    ----------
    cv : splitter of sktime
        How a series is split.
    times : pandas.Index
        The times of one series.

    Raises
    ------
    ValueError
        If there is no window, or one has gaps.
    """
    splits = cv.split(times)
    first = next(splits, None)
    if first is None or len(first[0]) == 0:
        raise ValueError(
            f"cv must make windows with steps to learn from, but the first one that {cv} makes of "
            f"{len(times)} steps has none."
        )
    if _slides(cv):
        return _sliding(cv, times, first)
    return list(_together([first, *splits]))


def _slides(cv: Any) -> bool:
    """Return whether windows follow from their cutoffs alone, with the same steps ahead.

    sktime lists the steps of every window, which costs more than forecasts from there.
    """
    if type(cv) not in (ExpandingWindowSplitter, SlidingWindowSplitter):
        return False
    is_counted = is_integer(cv.window_length) and is_integer(cv.step_length)
    steps = check_fh(cv.fh).to_pandas()
    return is_counted and pd.api.types.is_integer_dtype(steps) and min(steps) > 0


def _sliding(cv: Any, times: pd.Index, first: Split) -> list[Origins]:
    """Return the origins of windows that expand or slide."""
    ends = np.asarray(cv.get_cutoffs(times)) + 1
    starts = np.full(len(ends), first[0][0])
    if isinstance(cv, SlidingWindowSplitter):
        starts = np.maximum(ends - cv.window_length, 0)
        starts[0] = first[0][0]
    return [Origins(starts, ends, first[1] - first[0][-1])]


def _together(splits: list[Split]) -> Iterator[Origins]:
    """Yield origins in a row that have the same steps ahead."""
    parts = [(*_span(train), tuple(test - train[-1])) for train, test in splits]
    for steps, group in groupby(parts, lambda part: part[2]):
        starts, ends, _ = zip(*group, strict=True)
        yield Origins(np.array(starts), np.array(ends), np.array(steps, dtype=np.int64))


def _span(train: NDArray) -> tuple[int, int]:
    if len(train) == 0 or train[-1] - train[0] != len(train) - 1:
        raise ValueError(
            f"cv must make windows of steps that follow each other, but got {train} to learn from."
        )
    return int(train[0]), int(train[-1]) + 1
