"""A long recording, cut into pieces that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._data.containers import read_container
from sklearn_linrnn._data.sliced import SlicedArray, is_sliced
from sklearn_linrnn._data.stream_inputs import check_count
from sklearn_linrnn._data.time_steps import check_times


class SeriesPieces(Sequence):
    """Consecutive pieces of one recording, each of which is read when it is asked for.

    Parameters
    ----------
    X : array-like of shape (n_timesteps,) or (n_timesteps, n_channels)
        Inputs: an array, a memory map, or anything with ``shape``, ``dtype`` and slices, such as an
        HDF5 or Zarr array.
    y : array-like of shape (n_timesteps,) or (n_timesteps, n_outputs)
        Targets, likewise.
    sample_weight : array-like of shape (n_timesteps,), default=None
        Weights, likewise; ``None`` for ones.
    n_timesteps : int, default=1_000_000
        Number of time steps of a piece, at least 1. The last piece has what is left.

    Raises
    ------
    ValueError
        If X, y and weights differ in their number of time steps or have not one or two axes, or
        `n_timesteps` is less than 1.
    TypeError
        If `n_timesteps` is not whole.

    See Also
    --------
    LagStream.add_pieces : Adds them to the sums of a stream.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import SeriesPieces
    >>> pieces = SeriesPieces(np.arange(10.0), np.ones(10), n_timesteps=4)
    >>> len(pieces)
    3
    >>> pieces[2]
    (array([8., 9.]), array([1., 1.]))
    """

    def __init__(
        self, X: Any, y: Any, *, sample_weight: Any = None, n_timesteps: int = 1_000_000
    ) -> None:
        self.n_timesteps = check_count(n_timesteps, "n_timesteps")
        named = {"X": X, "y": y} | (
            {} if sample_weight is None else {"sample_weight": sample_weight}
        )
        self._arrays = [_sliceable(values, name) for name, values in named.items()]
        self._length = len(self._arrays[0])
        for name, array in zip(named, self._arrays, strict=True):
            if len(array) != self._length:
                raise ValueError(
                    f"{name} must have as many time steps as X, {self._length}, but got "
                    f"{len(array)}."
                )
        if hasattr(X, "iloc"):
            check_times([X], [self._length])

    @property
    def lengths(self) -> list[int]:
        """Number of time steps of a piece, unless it is the last one, and of all of them."""
        return [self.n_timesteps, self._length]

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(range(0, self._length, self.n_timesteps))

    def __getitem__(self, number: Any) -> Any:
        """Return ``(X, y)`` or ``(X, y, sample_weight)`` of a piece; of several for a slice."""
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        place = whole_number(number, "The number of a piece")
        if not -len(self) <= place < len(self):
            raise IndexError(f"There are {len(self)} pieces, but got the number {place}.")
        first = (place % len(self)) * self.n_timesteps
        return tuple(array[first : first + self.n_timesteps] for array in self._arrays)


def _sliceable(values: Any, name: str) -> NDArray | SlicedArray:
    array = values if is_sliced(values) else np.asarray(read_container(values, name))
    if len(array.shape) not in (1, 2):
        raise ValueError(
            f"{name} must have shape (n_timesteps,) or two axes, the first of them time, but got "
            f"{array.shape} of {type(values).__name__}."
        )
    return SlicedArray.of(values, np.asarray) if is_sliced(values) else array
