"""Rows that grow at the cost of what is new."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class GrowingRows:
    """The rows of a table, which never change; longer tables share them.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        The rows, not to be changed by others.
    """

    def __init__(self, rows: NDArray) -> None:
        self._room, self._length = _Room(rows, len(rows)), len(rows)

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> NDArray:
        """The rows, (n_rows, n_columns)."""
        return self._room.rows[: self._length]

    def followed_by(self, rows: NDArray) -> GrowingRows:
        """Return these rows and others after them."""
        length = self._length + len(rows)
        room = self._room
        if room.used != self._length or length > len(room.rows):
            room = _Room(np.empty((2 * length, rows.shape[1])), self._length)
            room.rows[: self._length] = self.values
        room.rows[self._length : length] = rows
        room.used = length
        longer = object.__new__(GrowingRows)
        longer._room, longer._length = room, length
        return longer


class _Room:
    """An array, and how many of its rows have an owner."""

    def __init__(self, rows: NDArray, used: int) -> None:
        self.rows, self.used = rows, used
