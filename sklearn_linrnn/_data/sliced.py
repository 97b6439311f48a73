"""Arrays that lie in files: memory maps, and what is known by its slices, read as it is needed."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray
from scipy import sparse

from sklearn_linrnn._data.stretches import stretch_length


@final
class SlicedArray:
    """An array of which only slices along the first axis are read, each of them checked.

    Whatever else asks for its numbers, as NumPy's functions do, reads the whole.

    Parameters
    ----------
    source : object with shape, dtype and slices
        The array in a file.
    check : callable
        Returns a slice that was read as an array of floats, or raises.
    rows : slice
        Its rows in the source.
    n_columns : int or None
        Number of columns of two axes; ``None`` for a single axis.
    """

    def __init__(
        self, source: Any, check: Callable[[Any], NDArray], rows: slice, n_columns: int | None
    ) -> None:
        self._source, self._check, self._rows, self._n_columns = source, check, rows, n_columns
        length = rows.stop - rows.start
        self.shape: tuple[int, ...] = (length,) if n_columns is None else (length, n_columns)
        self.ndim = len(self.shape)
        self.dtype = self._read(0, 0).dtype

    @classmethod
    def of(cls, source: Any, check: Callable[[Any], NDArray]) -> SlicedArray:
        """Return an array of one or two axes.

        Parameters
        ----------
        source : object with shape, dtype and slices
            The array in a file.
        check : callable
            Returns a slice that was read as an array of floats, or raises.
        """
        length, *columns = source.shape
        return cls(source, check, slice(0, int(length)), int(columns[0]) if columns else None)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray:
        """Return some of the rows; the whole is read for what is no slice."""
        if not isinstance(key, slice):
            return np.asarray(self)[key]
        start, stop, step = key.indices(len(self))
        if step == 1:
            return self._read(start, max(start, stop))
        if step < 1:
            return np.asarray(self)[key]
        parts = [self._read(start, start)]
        while start < stop:
            end = min(start + step * max(stretch_length(self._n_columns or 1, 0) // step, 1), stop)
            parts.append(self._read(start, end)[::step].copy())  # the others are not kept
            start = end
        return np.concatenate(parts)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        """Return the whole as an array."""
        whole = self._read(0, len(self))
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def between(self, start: int, stop: int) -> SlicedArray:
        """Return the rows from one place to another, which are not read yet.

        Parameters
        ----------
        start, stop : int
            The first row and the one after the last.
        """
        rows = slice(self._rows.start + start, self._rows.start + stop)
        return SlicedArray(
            self._source, self._check, rows, None if self.ndim == 1 else self.shape[1]
        )

    def in_columns(self) -> SlicedArray:
        """Return the same with two axes, of one column where there was one axis."""
        if self._n_columns is not None:
            return self
        return SlicedArray(self, lambda rows: rows[:, None], slice(0, len(self)), 1)

    def changed(self, change: Callable[[NDArray], NDArray]) -> SlicedArray:
        """Return the array that has all rows as a function makes them from these."""
        return SlicedArray(self, change, slice(0, len(self)), self._n_columns)

    def _read(self, start: int, stop: int) -> NDArray:
        first = self._rows.start
        rows = self._source[first + start : first + stop]
        if not isinstance(rows, np.memmap):
            return self._check(rows)
        read = np.array(self._check(rows))
        _release(rows)
        return read


class _Joined:
    """Arrays one after another, read by slices.

    Parameters
    ----------
    parts : sequence of ndarray or SlicedArray
        The arrays.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts, self._ends = parts, np.cumsum([len(part) for part in parts])
        self.shape = (int(self._ends[-1]), *parts[0].shape[1:])
        self.dtype = np.result_type(*{part.dtype for part in parts})

    def __getitem__(self, rows: slice) -> NDArray:
        first, last = np.searchsorted(self._ends, [rows.start, rows.stop], side="right")
        found = [np.empty((0, *self.shape[1:]), self.dtype)]
        for part, end in zip(self._parts[first : last + 1], self._ends[first:], strict=False):
            begin = int(end) - len(part)
            found.append(part[max(rows.start - begin, 0) : max(rows.stop - begin, 0)])
        return np.concatenate(found)


def joined(parts: Sequence[Any]) -> Any:
    """Return arrays one after another as one; of those in files nothing is read.

    Parameters
    ----------
    parts : sequence of ndarray or SlicedArray
        The arrays.
    """
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, SlicedArray) for part in parts):
        return SlicedArray.of(_Joined(parts), np.asarray)
    return np.concatenate(parts)


def changed(array: NDArray | SlicedArray, change: Callable[[NDArray], NDArray]) -> Any:
    """Return what a function makes of each row of an array; of one in a file, as it is read.

    Parameters
    ----------
    array : ndarray or SlicedArray
        The array.
    change : callable
        From some rows to as many.
    """
    return array.changed(change) if isinstance(array, SlicedArray) else change(array)


def parts_between(array: NDArray | SlicedArray, places: NDArray) -> list[Any]:
    """Return an array split before some of its rows, as NumPy's `split` does; nothing is read.

    Parameters
    ----------
    array : ndarray or SlicedArray
        The array.
    places : ndarray of int, shape (n_parts - 1,)
        The first row of each part but the first.
    """
    pairs = pairwise([0, *places.tolist(), len(array)])
    if isinstance(array, np.ndarray):  # faster than NumPy's, for very many parts
        return [array[first:last] for first, last in pairs]
    return [array.between(*pair) for pair in pairs]


def _release(rows: np.memmap) -> None:
    """Let the system take back the memory of rows that were read, which the file still has.

    Not that of a map whose changes are kept in memory alone (mode "c").
    """
    file: Any = rows
    while isinstance(file, np.ndarray):
        file = file.base
    if rows.mode == "c" or rows.size == 0 or not isinstance(file, mmap.mmap):
        return
    origin = np.frombuffer(file, dtype=np.uint8).ctypes.data
    first, last = (place - origin for place in byte_bounds(rows))
    first -= first % mmap.PAGESIZE
    if hasattr(mmap, "MADV_DONTNEED"):
        file.madvise(mmap.MADV_DONTNEED, first, last - first)


def is_sliced(value: Any) -> bool:
    """Return whether a value is an array of numbers in a file, or known by its slices alone.

    Parameters
    ----------
    value : object
        What was passed.
    """
    dtype = getattr(value, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "fiub" or sparse.issparse(value):
        return False
    if isinstance(value, (np.ndarray, np.generic)):
        return isinstance(value, np.memmap)
    return hasattr(value, "__getitem__") and hasattr(value, "shape") and not hasattr(value, "iloc")
