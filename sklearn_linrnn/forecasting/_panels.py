"""Panels and hierarchies as the histories of their series, and forecasts as frames again."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._histories import History, check_columns

Key = tuple[Hashable, ...]  # the instance levels of a panel's index; empty for a single series


@dataclass(frozen=True, eq=False)
class Panel:
    """The series that forecasts are made of; perhaps a single one. Make it with `of`.

    Attributes
    ----------
    histories : dict of tuple to History
        The series by key.
    levels : list or None
        Names of the index, None for a single series.
    """

    histories: dict[Key, History]
    levels: list[Hashable] | None

    @classmethod
    def of(cls, y: pd.DataFrame, X: pd.DataFrame | None) -> Panel:
        """Return the series of a frame with their exogenous series."""
        levels = list(y.index.names) if isinstance(y.index, pd.MultiIndex) else None
        return cls({key: History(*series) for key, *series in _each_series(y, X)}, levels)

    @property
    def lengths(self) -> dict[Key, int]:
        """Number of time steps of each series."""
        return {key: len(history) for key, history in self.histories.items()}

    @property
    def first(self) -> History:
        """One of the series: in columns and clock they are alike."""
        return next(iter(self.histories.values()))

    def append(self, y: pd.DataFrame, X: pd.DataFrame | None) -> None:
        """Append what is new to the series that are known, and take up those that are not."""
        for key, series, exogenous in _each_series(y, X):
            if key in self.histories:
                self.histories[key].append(series, exogenous)
            else:
                self.histories[key] = self.checked(History(series, exogenous))

    def checked(self, history: History) -> History:
        """Return a new series if it has the columns of the others, else raise."""
        check_columns(history.columns, self.first.columns, "y")
        check_columns(history.exogenous, self.first.exogenous, "X")
        return history

    def join(
        self, parts: Mapping[Key, tuple[pd.Index, NDArray]], columns: pd.Index | None = None
    ) -> pd.DataFrame:
        """Return values of all series at some times as one frame; columns are those of y if None.

        Parameters
        ----------
        parts : mapping of tuple to tuple
            Of each series its times, and its values of shape (n_times, n_columns).
        columns : pandas.Index, default=None
            Names of the columns.
        """
        columns = self.first.columns if columns is None else columns
        frames = {
            key: pd.DataFrame(values, index=index, columns=columns)
            for key, (index, values) in parts.items()
        }
        if self.levels is None:
            return frames[()]
        frame = pd.concat(frames)
        frame.index.names = self.levels
        return frame


def split(frame: pd.DataFrame) -> dict[Key, pd.DataFrame]:
    """Return the series of a panel or a hierarchy by key; a single series has the empty key."""
    if not isinstance(frame.index, pd.MultiIndex):
        return {(): frame}
    levels = list(range(frame.index.nlevels - 1))
    # By a list of one level pandas 2 gives bare keys, and pandas 3 tuples; by the level all do so.
    is_one = len(levels) == 1
    groups = frame.groupby(level=0 if is_one else levels, sort=False)
    return {(key,) if is_one else key: part.droplevel(levels) for key, part in groups}


def name(key: Key) -> str:
    """Return what a message calls a series."""
    return "y" if not key else f"series {key if len(key) > 1 else key[0]!r} of y"


def _each_series(
    y: pd.DataFrame, X: pd.DataFrame | None
) -> Iterator[tuple[Key, pd.DataFrame, pd.DataFrame | None]]:
    """Yield the key, the series and the exogenous series of each instance."""
    exogenous = {} if X is None else split(X)
    for key, frame in split(y).items():
        if X is not None and key not in exogenous:
            raise ValueError(f"X must have every series of y, but {name(key)} is missing.")
        yield key, frame, exogenous.get(key)
