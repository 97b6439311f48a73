"""Blocks of rows, and the rows before them that their lags reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._data.containers import FLOATS, check_numbers


@dataclass(frozen=True, eq=False)
class LastRows:
    """The last rows of X before a block, and the recordings that they belong to.

    Attributes
    ----------
    X : ndarray or DataFrame of shape (n_rows, n_channels)
        The rows.
    sequence_id : ndarray of shape (n_rows,) or None
        The recordings.
    """

    X: Any
    sequence_id: Any

    def __len__(self) -> int:
        return len(self.X)

    def after(self, before: LastRows) -> LastRows:
        """Return these rows after others."""
        ids = self.sequence_id
        if ids is not None:
            ids = np.concatenate([before.sequence_id, ids])
        if hasattr(self.X, "iloc"):
            return LastRows(pd.concat([before.X, self.X]), ids)
        return LastRows(np.concatenate([before.X, self.X]), ids)


def last_rows(n_rows: int, block: Block) -> LastRows:
    """Return the last rows of a block, and of those before it if it has not so many.

    Parameters
    ----------
    n_rows : int
        How many.
    block : Block
        The block.
    """
    before, first = block.before, max(len(block) - n_rows, 0)
    ids = None if block.sequence_id is None else np.asarray(block.sequence_id)[first:].copy()
    last = LastRows(_copied(_rows(block.X, first)), ids)  # the block itself is not kept
    if before is None or len(last) == n_rows or len(before) == 0:
        return last
    first = max(len(before) + len(last) - n_rows, 0)
    ids = None if before.sequence_id is None else before.sequence_id[first:]
    earlier = LastRows(_rows(before.X, first), ids)
    return last.after(earlier) if len(last) else earlier


def _rows(X: Any, first: int) -> Any:
    return X.iloc[first:] if hasattr(X, "iloc") else X[first:]


def _copied(X: Any) -> Any:
    return X.copy() if hasattr(X, "iloc") else np.array(X)


@dataclass(frozen=True, eq=False)
class Block:
    """Data as users pass them, or a block of them; before it is read, what is in it is delayed.

    Attributes
    ----------
    X, y, sample_weight, sequence_id : object
        As an estimator takes them; all but X may be None.
    before : LastRows or None
        The rows before it that its lags reach.
    is_recording : bool
        Whether it is of a recording that is in a list with others.
    length : int or None
        Number of rows, if it is known before it is read.
    first : int
        The place of its first sample, as a splitter counts them.
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    sequence_id: Any = None
    before: Any = None
    is_recording: bool = False
    length: int | None = None
    first: int = 0

    def __len__(self) -> int:
        return len(self.X)

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
    def n_before(self) -> int:
        """Number of rows before the block."""
        return 0 if self.before is None else len(self.before)

    def given(self) -> dict[str, Any]:
        """Return what an estimator reads: the block after the rows before it, without targets."""
        ids, y, weights = self.sequence_id, self.y, self.sample_weight
        rows = LastRows(self.X, None if ids is None else np.asarray(ids))
        if self.n_before > 0:
            rows = rows.after(self.before)
            y = None if y is None else _after(np.nan, self.n_before, y, "y")
            if np.ndim(weights) > 0:
                weights = _after(0.0, self.n_before, weights, "sample_weight")
        given = {
            "X": rows.X,
            "y": y,
            "sample_weight": weights,
            "sequence_id": rows.sequence_id,
        }
        if not self.is_recording:
            return given
        return {name: None if value is None else [value] for name, value in given.items()}


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
