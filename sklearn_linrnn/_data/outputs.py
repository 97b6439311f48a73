"""Where predictions go: into an array that is handed out, or into one that was passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._data.containers import named
from sklearn_linrnn._data.sequences import Recordings, Sequences

Blocks = Iterable[tuple[slice, NDArray]]


def collect(
    sequences: Sequences, blocks: Blocks, out: Any, *, n_outputs: int, single_output: bool
) -> Any:
    """Return values of all supervised time steps in the user's shape, in a new array or ``out``.

    Parameters
    ----------
    sequences : Sequences
        The inputs that the values belong to.
    blocks : iterable of tuple
        Values ``(n, n_outputs)`` of some supervised time steps, after their places.
    out : array, list of arrays or None
        What was passed to be filled: anything that has a shape and a type and takes slices.
    n_outputs : int
        Number of outputs.
    single_output : bool
        Whether the user's targets had no axis of outputs.

    Raises
    ------
    TypeError, ValueError
        If ``out`` has not the shape of y, or cannot hold such numbers.
    """
    outputs = () if single_output else (n_outputs,)
    if out is None:
        return sequences.arrange(_joined(blocks, (sequences.n_supervised, *outputs)))
    write = _writer(out, sequences, outputs)
    for steps, block in blocks:
        with named("out"):
            write(steps.start, block.reshape(len(block), *outputs))
    return out


def fill_in_order(outs: tuple[Any, ...], answers: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return arrays that were passed, filled with answers one after another.

    Parameters
    ----------
    outs : tuple of array
        What was passed: anything that has a shape and a type and takes slices.
    answers : iterable of tuple of ndarray
        For each of them an array; together these have its shape.

    Raises
    ------
    TypeError, ValueError
        If one cannot hold such numbers, or has another shape.
    """
    for out in outs:
        _check_kind(out, "out")
    first = 0
    for answer in answers:
        for out, array in zip(outs, answer, strict=True):
            _check_next(out, array, first)
            with named("out"):
                out[first : first + len(array)] = array
        first += len(answer[0])
    for out in outs:
        if first != out.shape[0]:  # Zarr's arrays have no length
            raise ValueError(
                f"out must have as many rows as X hands out, {first}, but got shape "
                f"{tuple(out.shape)}."
            )
    return outs


def without_overflow(predictions: NDArray) -> NDArray:
    """Return predictions, or raise if they overflowed.

    Parameters
    ----------
    predictions : ndarray
        The predictions.
    """
    if np.isinf(predictions).any():
        raise ValueError("X is too large: what is predicted from it overflows. Scale it.")
    return predictions


def check_outputs(out: Any, number: int) -> None:
    """Raise unless there are as many arrays to be filled as answers.

    Parameters
    ----------
    out : object
        What was passed.
    number : int
        Number of answers.
    """
    if not isinstance(out, tuple) or len(out) != number:
        raise TypeError(
            f"out must be a tuple of {number} arrays, as many as are returned, but got "
            f"{_described(out)}."
        )


def _check_next(out: Any, array: Any, first: int) -> None:
    if not isinstance(array, np.ndarray):
        raise ValueError(
            "out must be None where X hands out lists of recordings, whose predictions are lists, "
            f"too, but got {_described(out)}."
        )
    n_rows = first + len(array), *getattr(out, "shape", ())[:1]
    _check(out, "out", (max(n_rows), *array.shape[1:]))


def _joined(blocks: Blocks, shape: tuple[int, ...]) -> NDArray:
    blocks = iter(blocks)
    first = next(blocks)
    flat = np.empty(shape, first[1].dtype)
    for steps, block in chain([first], blocks):
        flat[steps] = block.reshape(flat[steps].shape)
    return flat


def _writer(out: Any, sequences: Sequences, outputs: tuple[int, ...]) -> Any:
    """Return a function that writes values at some of the supervised time steps on."""
    rows = sequences.rows if isinstance(sequences, Recordings) else slice(None)
    if rows is None:
        return _writer_of_recordings(out, sequences, outputs)
    _check(out, "out", (sequences.n_supervised, *outputs))

    def write(first: int, values: NDArray) -> None:
        if isinstance(rows, slice):
            out[first : first + len(values)] = values
            return
        places = rows[first : first + len(values)]
        for start, stop in _runs(places):
            out[int(places[start]) : int(places[stop - 1]) + 1] = values[start:stop]

    return write


def _writer_of_recordings(out: Any, sequences: Any, outputs: tuple[int, ...]) -> Any:
    lengths = np.array(sequences.lengths)
    ends = np.cumsum(lengths)
    is_panel = isinstance(sequences.parts, np.ndarray)
    if is_panel:
        _check(out, "out", (len(lengths), lengths[0], *outputs))
    elif not isinstance(out, (list, tuple)) or len(out) != len(lengths):
        raise ValueError(
            f"out must be a list of {len(lengths)} arrays, as X is a list of recordings, but got "
            f"{_described(out)}."
        )
    else:
        for index, (part, length) in enumerate(zip(out, lengths, strict=True)):
            _check(part, f"out[{index}]", (length, *outputs))

    def write(first: int, values: NDArray) -> None:
        last = first + len(values)
        first_touched, last_touched = np.searchsorted(ends, [first + 1, last])
        for index in range(first_touched, last_touched + 1):
            begin = int(ends[index] - lengths[index])
            start, stop = max(first, begin), min(last, int(ends[index]))
            steps, block = slice(start - begin, stop - begin), values[start - first : stop - first]
            if is_panel:
                out[index, steps] = block
            else:
                out[index][steps] = block

    return write


def _runs(places: NDArray) -> Iterator[tuple[int, int]]:
    """Yield where runs of places that follow each other begin and end."""
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    return pairwise([0, *breaks.tolist(), len(places)])


def _check(out: Any, name: str, shape: tuple[int, ...]) -> None:
    """Raise unless an array has a shape, and can hold floats."""
    _check_kind(out, name)
    if tuple(out.shape) != shape:
        raise ValueError(
            f"{name} must have shape {tuple(map(int, shape))}, that of the predictions, but got "
            f"{tuple(out.shape)}."
        )


def _check_kind(out: Any, name: str) -> None:
    """Raise unless something is an array that can hold floats."""
    dtype = getattr(out, "dtype", None)
    if not hasattr(out, "__setitem__") or not isinstance(dtype, np.dtype) or dtype.kind != "f":
        raise TypeError(
            f"{name} must be an array of floats that takes slices, but got {_described(out)}."
        )


def _described(out: Any) -> str:
    kind, dtype = type(out).__name__, getattr(out, "dtype", None)
    if dtype is not None:
        return f"{kind} of {dtype}"
    return f"{kind} of length {len(out)}" if isinstance(out, (list, tuple)) else kind
