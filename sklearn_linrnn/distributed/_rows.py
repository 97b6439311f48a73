"""Blocks of rows, and the rows before them that their lags reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._data.containers import FLOATS, check_numbers


@dataclass(frozen=True, eq=False)
class Block:
    """Data as users pass them, or a block of them; before it is read, what is in it is delayed.

    Attributes
    ----------
    X, sequence_id : object
        As an estimator takes them, with the rows before the block; the latter may be None.
    y, sample_weight : object
        As an estimator takes them, of the block itself; they may be None.
    n_before : int
        Number of rows before the block.
    is_recording : bool
        Whether it is of a recording that is in a list with others.
    first : int
        The place of its first sample, as a splitter counts them.
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    sequence_id: Any = None
    n_before: int = 0
    is_recording: bool = False
    first: int = 0

    def __len__(self) -> int:
        return len(self.X) - self.n_before

    @property
    def beside(self) -> dict[str, Any]:
        """What there is beside X, by name."""
        beside = {name: getattr(self, name) for name in ("y", "sample_weight", "sequence_id")}
        return {name: values for name, values in beside.items() if values is not None}

    @property
    def n_samples(self) -> int:
        """Number of its samples; a recording in a list is one, in however many blocks."""
        return 1 if self.is_recording else len(self)

    @property
    def own_ids(self) -> NDArray | None:
        """The recordings that its own rows belong to, if they have names."""
        return None if self.sequence_id is None else np.asarray(self.sequence_id)[self.n_before :]

    def given(self) -> dict[str, Any]:
        """Return what an estimator reads: all rows, those before without targets."""
        y, weights = self.y, self.sample_weight
        if self.n_before > 0:
            y = None if y is None else _after(np.nan, self.n_before, y, "y")
            if weights is not None:
                weights = _after(0.0, self.n_before, weights, "sample_weight")
        given = {"X": self.X, "y": y, "sample_weight": weights, "sequence_id": self.sequence_id}
        if not self.is_recording:
            return given
        return {name: None if value is None else [value] for name, value in given.items()}

    def head(self, n_rows: int) -> Block:
        """Return a copy of the first rows of a block without rows before it.

        Parameters
        ----------
        n_rows : int
            How many, or all that there are.
        """
        columns = {"X": self.X, **self.beside}
        return replace(self, **{name: _rows(each, 0, n_rows) for name, each in columns.items()})

    def rest(self, n_rows: int) -> Block:
        """Return a block without its first rows, which come before it.

        Parameters
        ----------
        n_rows : int
            How many; there must be more.
        """
        beside = {name: each for name, each in self.beside.items() if name != "sequence_id"}
        own = {name: _from(each, n_rows) for name, each in beside.items()}
        first = self.first if self.is_recording else self.first + n_rows
        return replace(self, **own, n_before=n_rows, first=first)

    def tail(self, n_rows: int) -> Block:
        """Return a copy of the last rows, those before the block among them, without targets.

        Parameters
        ----------
        n_rows : int
            How many, or all that there are.
        """
        n_all = len(self.X)
        first = max(n_all - n_rows, 0)
        ids = None if self.sequence_id is None else _rows(self.sequence_id, first, n_all)
        return Block(_rows(self.X, first, n_all), sequence_id=ids)

    def after(self, before: Block) -> Block:
        """Return the block with the rows of another one before it.

        Parameters
        ----------
        before : Block
            The other one.
        """
        if len(before) == 0:
            return self
        columns = {name: getattr(self, name) for name in ("X", "sequence_id")}
        joined = {name: _joined(getattr(before, name), each) for name, each in columns.items()}
        return replace(self, **joined, n_before=len(before))

    def followed_by(self, later: Block) -> Block:
        """Return this block and the next one as one.

        Parameters
        ----------
        later : Block
            The next one.
        """
        columns = {"X": self.X, **self.beside}
        joined = {name: _joined(each, getattr(later, name)) for name, each in columns.items()}
        return replace(self, **joined)


def last_rows(n_rows: int, block: Block, before: Block | None = None) -> Block:
    """Return the last rows of a block, and of those before it if it has not so many.

    Parameters
    ----------
    n_rows : int
        How many.
    block : Block
        The block.
    before : Block, default=None
        The rows before it.
    """
    tail = block.tail(n_rows)
    if before is None or len(tail) == n_rows:
        return tail
    return before.followed_by(tail).tail(n_rows)


def _from(values: Any, first: int) -> Any:
    return values.iloc[first:] if hasattr(values, "iloc") else values[first:]


def _rows(values: Any, first: int, stop: int) -> Any:
    """Return a copy of some rows, so that the others are not kept."""
    if hasattr(values, "iloc"):
        return values.iloc[first:stop].copy()
    return np.array(values[first:stop])


def _joined(first: Any, second: Any) -> Any:
    if first is None:
        return second
    if hasattr(first, "iloc"):
        return pd.concat([first, second])
    return np.concatenate([first, second])


def _after(fill: float, n_before: int, values: Any, name: str) -> NDArray:
    array = check_numbers(
        values,
        name,
        dtype=FLOATS,
        ensure_2d=False,
        allow_nd=True,
        ensure_all_finite="allow-nan",
    )
    return np.concatenate([np.full((n_before, *array.shape[1:]), fill, array.dtype), array])
