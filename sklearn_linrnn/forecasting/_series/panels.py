"""Panels and hierarchies as the histories of their series, and forecasts as frames again."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._data.user_line import warn
from sklearn_linrnn.forecasting._series.clocks import Clock, clock_of
from sklearn_linrnn.forecasting._series.histories import Change, History, check_columns

Key = tuple[Hashable, ...]  # the instance levels of a panel's index; empty for a single series
Histories = Mapping[Key, History]
Steps = Mapping[Key, int]  # one step of each series


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
    def of(cls, y: pd.DataFrame, X: pd.DataFrame | None, clock: Clock | None = None) -> Panel:
        """Return the series of a frame with their exogenous series.

        Parameters
        ----------
        y, X : DataFrame
            The series; X may be None.
        clock : Clock, default=None
            That of a series that is too short to tell its own; ``None`` for that of the longest.
        """
        if y.empty:
            raise ValueError(
                f"y must have at least one time step and one column, but got shape {y.shape}."
            )
        levels = list(y.index.names) if isinstance(y.index, pd.MultiIndex) else None
        clock = clock or common_clock(split(y))
        histories = {}
        for key, *series in each_series(y, X):
            with naming_series(key):
                histories[key] = History.of(*series, like=clock)
        return cls(histories, levels)

    @property
    def lengths(self) -> dict[Key, int]:
        """Number of time steps of each series."""
        return {key: len(history) for key, history in self.histories.items()}

    @property
    def cutoff(self) -> pd.Index:
        """The last time of all series, as an index of one."""
        return max(self.histories.values(), key=lambda history: history.last).cutoff

    @property
    def first(self) -> History:
        """One of the series: in columns and clock they are alike."""
        return next(iter(self.histories.values()))

    def updated(self, y: pd.DataFrame, X: pd.DataFrame | None) -> tuple[Panel, dict[Key, Change]]:
        """Return the series with what is new, and what changes in those that were known."""
        histories, changes = dict(self.histories), {}
        for key, series, exogenous in each_series(y, X):
            with naming_series(key):
                if key in histories:
                    histories[key], changes[key] = histories[key].updated(series, exogenous)
                else:
                    new = History.of(series, exogenous, like=self.first.clock)
                    histories[key] = self.checked(new)
        return replace(self, histories=histories), changes

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


def common_clock(series: Mapping[Key, pd.DataFrame]) -> Clock:
    """Return the clock of the longest series, for those that are too short to tell theirs."""
    return clock_of(max(series.values(), key=len).index, "y")


def name(key: Key) -> str:
    """Return what a message calls a series."""
    return "y" if not key else f"series {key if len(key) > 1 else key[0]!r} of y"


@contextmanager
def naming_series(key: Key) -> Iterator[None]:
    """Add to errors which series of a panel they are of.

    Parameters
    ----------
    key : tuple
        That of the series; nothing is added for a single one.
    """
    try:
        yield
    except Exception as error:
        note = f"This is {name(key)}."
        if key and note not in getattr(error, "__notes__", []):  # as one call in another has told
            error.add_note(note)
        raise


def warn_of_short(panel: Panel, n_lags: int, known: Panel | None = None) -> None:
    """Warn of series without a full window to forecast from, if they were not there before.

    Parameters
    ----------
    panel : Panel
        The series.
    n_lags : int
        Number of steps of a window.
    known : Panel, default=None
        The series that were there before.
    """
    new = {
        name(key): history
        for key, history in panel.histories.items()
        if known is None or key not in known.histories
    }
    if short := [each for each, history in new.items() if len(history) < n_lags]:
        warn(
            f"Shorter than the window of n_lags={n_lags} steps that forecasts are made from: "
            f"{', '.join(short)}. Before the first step, its value stands in for those that are "
            "not there."
        )
    if unseen := [each for each, history in new.items() if history.has_unseen_columns]:
        warn(f"Without a value in at least one column: {', '.join(unseen)}. Forecasts are NaN.")


def each_series(
    y: pd.DataFrame, X: pd.DataFrame | None
) -> Iterator[tuple[Key, pd.DataFrame, pd.DataFrame | None]]:
    """Yield the key, the series and the exogenous series of each instance.

    Parameters
    ----------
    y, X : DataFrame
        The series; X may be None.

    Raises
    ------
    ValueError
        If X lacks a series of y.
    """
    exogenous = {} if X is None else split(X)
    for key, frame in split(y).items():
        if X is not None and key not in exogenous:
            raise ValueError(f"X must have every series of y, but {name(key)} is missing.")
        yield key, frame, exogenous.get(key)
