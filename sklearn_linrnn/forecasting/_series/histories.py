"""A series as far as it has been seen, on a clock without gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.forecasting.base import ForecastingHorizon

from sklearn_linrnn.forecasting._series.clocks import Clock, clock_of
from sklearn_linrnn.forecasting._series.growing_rows import GrowingRows


@dataclass(frozen=True)
class Change:
    """What an update did to the steps that were known.

    Attributes
    ----------
    n_before : int
        Number of new steps before the first one.
    first_revised : int or None
        The first step, of those known before, that has another value now.
    """

    n_before: int = 0
    first_revised: int | None = None


@dataclass(frozen=True, eq=False)
class History:
    """A series, its exogenous series, and their last time. Make it with `of`.

    Attributes
    ----------
    columns, exogenous : pandas.Index
        Names.
    clock : Clock
        The times.
    last : int, Period or Timestamp
        The last time.
    rows : GrowingRows
        The values of all steps.
    """

    columns: pd.Index
    exogenous: pd.Index
    clock: Clock
    last: pd.Period | pd.Timestamp | int
    rows: GrowingRows

    @classmethod
    def of(cls, y: pd.DataFrame, X: pd.DataFrame | None, *, like: Clock | None = None) -> History:
        """Return the history of a series.

        Parameters
        ----------
        y : DataFrame of shape (n_timesteps, n_columns)
            What is forecast; NaN where it was not observed.
        X : DataFrame of shape (n_timesteps or more, n_exogenous) or None
            Exogenous series at the same times; times beyond are left out.
        like : Clock, default=None
            The clock of a series that is too short to tell its own.
        """
        exogenous = pd.Index([]) if X is None else X.columns
        clock = clock_of(y.index, "y", like)
        rows = _numbers(y, "y")
        if X is not None:
            _check_covers(X, y.index)
            rows = np.hstack([rows, _numbers(X.loc[y.index], "X")])
        return cls(y.columns, exogenous, clock, y.index[-1], GrowingRows(rows))

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def level(self) -> NDArray:
        """The first value of each column, zero if there is none, (n_columns,)."""
        n_steps = 1  # more only where the series starts with a gap: the past sets no cost
        while n_steps < len(self) and np.isnan(self.y[:n_steps]).all(axis=0).any():
            n_steps *= 2
        observed = np.isfinite(self.y[:n_steps])
        first = observed.argmax(axis=0), np.arange(len(self.columns))
        return np.where(observed, self.y[:n_steps], 0.0)[first]

    @property
    def cutoff(self) -> pd.Index:
        """The last time, an index of one."""
        return self.clock.index(self.last)

    @property
    def y(self) -> NDArray:
        """The series, (n_timesteps, n_columns)."""
        return self.rows.values[:, : len(self.columns)]

    @property
    def x(self) -> NDArray:
        """The exogenous series, (n_timesteps, n_exogenous)."""
        return self.rows.values[:, len(self.columns) :]

    def part(self, first: int, last: int, *, levelled: bool) -> tuple[NDArray, NDArray]:
        """Return the steps from the first to the one before the last, of y and of X.

        Parameters
        ----------
        first, last : int
            Numbers of steps from the start; a negative first is the start.
        levelled : bool
            Whether the level is taken from y.
        """
        part = slice(max(first, 0), last)
        return self.y[part] - (self.level if levelled else 0.0), self.x[part]

    def updated(self, y: pd.DataFrame, X: pd.DataFrame | None) -> tuple[History, Change]:
        """Return the history with what is new, and what that changes.

        As sktime does where it remembers data, the newest value of a step counts, and a value that
        is missing takes none away. Steps without a value were not observed.
        """
        check_columns(y.columns, self.columns, "y")
        X = self.check_exogenous(X)
        steps, known = self.clock.find(self.last, y.index)
        if not known.all() or not y.index.is_unique:
            raise ValueError(
                f"y must go on at the step of the series that was fitted, which ends at "
                f"{self.last}, but its times are {list(y.index[:3])}."
            )
        places = steps + len(self) - 1
        blocks = [(places, slice(len(self.columns)), _numbers(y[self.columns], "y"))]
        if X is not None:
            _check_covers(X, y.index)
            steps, known = self.clock.find(self.last, X.index)
            also = steps + len(self) - 1
            known &= (also >= min(places.min(), 0)) & (also <= max(places.max(), len(self) - 1))
            blocks.append((also[known], slice(len(self.columns), None), _numbers(X[known], "X")))
        return self._merged(blocks)

    def _merged(self, blocks: list[tuple[NDArray, slice, NDArray]]) -> tuple[History, Change]:
        """Return the history with values at some places, from the first step, and columns."""
        n_known, n_columns = self.rows.values.shape
        first = min(n_known, *(int(places.min()) for places, _, _ in blocks if len(places)))
        end = max(n_known, *(int(places.max()) + 1 for places, _, _ in blocks if len(places)))
        new = np.full((end - first, n_columns), np.nan)
        for places, columns, values in blocks:
            new[places - first, columns] = values
        before, known, after = np.split(new, [max(-first, 0), n_known - first])
        was = self.rows.values[n_known - len(known) :]
        now = np.where(np.isnan(known), was, known)
        revised = np.flatnonzero(((now != was) & ~np.isnan(now)).any(axis=1))
        if len(before) or len(revised):
            unchanged = self.rows.values[: n_known - len(known)]
            rows = GrowingRows(np.vstack([before, unchanged, now, after]))
        else:
            rows = self.rows.followed_by(after)
        change = Change(len(before), n_known - len(known) + revised[0] if len(revised) else None)
        last = self.clock.at(self.last, np.array([len(after)]))[0]
        return replace(self, rows=rows, last=last), change

    def check_exogenous(self, X: pd.DataFrame | None) -> pd.DataFrame | None:
        """Return the exogenous columns in their order, or raise if one is missing or unknown."""
        if len(self.exogenous) == 0:
            if X is not None:
                raise ValueError(
                    "X must be None for a forecaster that was fitted without X, but got columns "
                    f"{list(X.columns)}."
                )
            return None
        if X is None:
            raise ValueError(
                f"X is missing: the forecaster was fitted with X of columns {list(self.exogenous)}."
            )
        return self._ordered(X)

    def _ordered(self, X: pd.DataFrame) -> pd.DataFrame:
        check_columns(X.columns, self.exogenous, "X")
        return X[self.exogenous]

    def future(self, X: pd.DataFrame | None, n_steps: int) -> NDArray:
        """Return the exogenous series of the next steps, (n_steps, n_exogenous).

        Raises
        ------
        ValueError
            If a value is missing.
        """
        if len(self.exogenous) == 0:
            self.check_exogenous(X)
            return np.empty((n_steps, 0))
        first, last = self.clock.at(self.last, np.array([1, n_steps]))
        if X is None:
            raise ValueError(
                f"X is missing: forecasts of {last} need X of columns {list(self.exogenous)} "
                f"from {first} on."
            )
        # Of one time more than X has, one is missing: no need to look further.
        rows = self._ordered(X).reindex(self.following(min(n_steps, len(X) + 1)))
        absent = rows.isna()
        if absent.any(axis=None):
            at = list(rows.index[absent.any(axis=1)][:5].astype(str))
            raise ValueError(
                f"X must have every time from {first} to {last}, but columns "
                f"{list(rows.columns[absent.any(axis=0)])} are missing at {', '.join(at)}."
            )
        return _numbers(rows, "X")

    def known_future(self, X: pd.DataFrame | None, n_steps: int) -> NDArray:
        """Return what X says of the next steps, (n_steps, n_exogenous); NaN where it does not."""
        if X is None:
            return np.full((n_steps, len(self.exogenous)), np.nan)
        return _numbers(X[self.exogenous].reindex(self.following(n_steps)), "X")

    def window(self, n_lags: int, X: pd.DataFrame | None, n_ahead: int) -> tuple[NDArray, NDArray]:
        """Return what forecasts from the end of the series read.

        Parameters
        ----------
        n_lags : int
            Number of its last steps.
        X : DataFrame or None
            The future of its exogenous series.
        n_ahead : int
            How far that is read.

        Returns
        -------
        y : ndarray of shape (n_lags, n_columns)
            The last steps, without gaps as in `newest`.
        x : ndarray of shape (n_lags + n_ahead, n_exogenous)
            The exogenous series at these and the next steps.
        """
        y, x = np.split(self.newest(n_lags), [len(self.columns)], axis=1)
        return y, np.vstack([x, self.future(X, n_ahead)])

    def newest(self, n_steps: int) -> NDArray:
        """Return the last steps of series and exogenous series, (n_steps, n_columns).

        Steps that were not observed have the last value before them. Where there is none, and
        before the first step, they have the first value after them; NaN if there is none at all.
        """
        first = len(self) - n_steps
        before, newest = np.split(self.rows.values, [max(first, 0)])
        if first < 0:
            newest = np.vstack([np.full((-first, newest.shape[1]), np.nan), newest])
        if not np.isnan(newest).any():
            return newest
        newest = newest.copy()
        for column, values in zip(before.T, newest.T, strict=True):
            seen = np.flatnonzero(np.isfinite(column))
            if np.isnan(values[0]) and len(seen):
                values[0] = column[seen[-1]]
        return pd.DataFrame(newest).ffill().bfill().to_numpy()

    @property
    def has_unseen_columns(self) -> bool:
        """Whether a column of y or X has no value at all."""
        return bool(np.isnan(self.rows.values).all(axis=0).any())

    def steps_ahead(self, fh: ForecastingHorizon) -> NDArray:
        """Return a horizon in steps after the last one, (n_horizons,)."""
        return self.clock.steps_ahead(fh, self.last)

    def following(self, n_steps: int) -> pd.Index:
        """Return the times of the next steps."""
        return self.clock.following(self.last, n_steps)


def check_columns(found: pd.Index, columns: pd.Index, name: str) -> None:
    """Raise unless the columns found are those of fit, in any order."""
    if len(found) != len(columns) or not found.isin(columns).all():
        raise ValueError(
            f"{name} must have the columns of fit, {list(columns)}, but got {list(found)}."
        )


def _numbers(frame: pd.DataFrame, name: str) -> NDArray:
    """Return the values of a frame, NaN where they are missing, or raise if one is infinite."""
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    if np.isinf(values).any():
        row, column = np.argwhere(np.isinf(values))[0]
        raise ValueError(
            f"{name} must be finite, or NaN where it was not observed, but column "
            f"{frame.columns[column]!r} is {values[row, column]} at {frame.index[row]}."
        )
    return values


def _check_covers(X: pd.DataFrame, times: pd.Index) -> None:
    missing = times.difference(X.index)
    if len(missing):
        raise ValueError(f"X must have every time of y, but {missing[0]} is missing.")
