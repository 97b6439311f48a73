"""The one internal form of inputs: windows with a target each, or recordings with many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sklearn_linrnn._core.response import convolve, respond
from sklearn_linrnn._core.statistics.lag_operator import LagOperator
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._core.tensors import as_float64
from sklearn_linrnn._data.lag_columns import WindowColumns

S = TypeVar("S", LagStatistics, LagOperator)

BLOCK = 2**20  # numbers in a block of windows: 8 MiB


@final
@dataclass(frozen=True)
class Windows:
    """Windows ``(n_windows, n_timesteps, n_channels)``, oldest first, target at the last time step.

    If they were rows of a 2-D array, ``columns`` has the lag of each of its columns.
    """

    inputs: NDArray
    columns: WindowColumns | None = None

    @property
    def n_channels(self) -> int:
        """Number of input channels."""
        return self.inputs.shape[2]

    @property
    def longest(self) -> int:
        """Largest number of lags in the data."""
        return self.inputs.shape[1]

    @property
    def n_supervised(self) -> int:
        """Number of time steps that can have a target."""
        return len(self.inputs)

    def arrange(self, flat: NDArray) -> NDArray:
        """Return values of the supervised time steps in the user's shape."""
        return flat

    def statistics(
        self, kind: type[S], n_lags: int, targets: NDArray, weights: NDArray | None, device: Any
    ) -> S:
        """Return the statistics for flat targets (n_supervised, n_outputs) and weights."""
        goals = as_float64(targets, device)
        shares = goals.new_ones(len(goals)) if weights is None else as_float64(weights, device)
        return kind.of_windows(self.inputs, goals, shares, n_lags=n_lags)

    def respond(self, impulse_response: NDArray) -> NDArray:
        """Return the convolution at the supervised time steps, (n_supervised, n_outputs)."""
        return respond(self.inputs, impulse_response)

    def lags(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the lags of the supervised time steps, (n, n_lags * n_channels), in blocks."""
        yield from _blocks(self.inputs[:, self.longest - n_lags :])

    def part(self, selected: NDArray) -> tuple[Windows, NDArray]:
        """Return the form of some time steps, and the places of all its time steps in this one.

        Parameters
        ----------
        selected : ndarray of bool, shape (n_supervised,)
            The time steps to keep.
        """
        return Windows(self.inputs[selected]), np.flatnonzero(selected)


@final
@dataclass(frozen=True)
class Recordings:
    """Recordings ``(n_timesteps_i, n_channels)``, target at every time step, zeros before them.

    ``parts`` is a list of them, or an array of shape (n_recordings, n_timesteps, n_channels).
    If the time steps were rows of one array, ``rows`` has their places, in the order of ``parts``.
    """

    parts: list[NDArray] | NDArray
    rows: NDArray | slice | None = None

    @property
    def n_channels(self) -> int:
        """Number of input channels."""
        return self.parts[0].shape[1]

    @property
    def longest(self) -> int:
        """Largest number of lags in the data."""
        return max(self.lengths)

    @property
    def n_supervised(self) -> int:
        """Number of time steps that can have a target."""
        return sum(self.lengths)

    @property
    def lengths(self) -> list[int]:
        """Number of time steps of each recording."""
        return [len(part) for part in self.parts]

    @property
    def joined(self) -> NDArray:
        """All time steps, one recording after another, (n_supervised, n_channels)."""
        if isinstance(self.parts, np.ndarray):
            return self.parts.reshape(-1, self.n_channels)
        return self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts)

    def split(self, flat: NDArray) -> list[NDArray] | NDArray:
        """Return values of all time steps, one recording after another, in the form of `parts`."""
        if isinstance(self.parts, np.ndarray):
            return flat.reshape(*self.parts.shape[:2], *flat.shape[1:])
        return np.split(flat, np.cumsum(self.lengths)[:-1])

    def arrange(self, flat: NDArray) -> list[NDArray] | NDArray:
        """Return values of the supervised time steps in the user's shape."""
        if self.rows is None:
            return self.split(flat)
        arranged = np.empty_like(flat)
        arranged[self.rows] = flat
        return arranged

    def statistics(
        self, kind: type[S], n_lags: int, targets: NDArray, weights: NDArray | None, device: Any
    ) -> S:
        """Return the statistics for flat targets (n_supervised, n_outputs) and weights."""
        series = Series.of(self.joined, targets, weights, self.lengths, device)
        return kind.of_series(series, n_lags=n_lags)

    def respond(self, impulse_response: NDArray) -> NDArray:
        """Return the convolution at the supervised time steps, (n_supervised, n_outputs)."""
        if isinstance(self.parts, np.ndarray):
            return convolve(self.parts, impulse_response).reshape(-1, len(impulse_response))
        return np.concatenate([convolve(part, impulse_response) for part in self.parts])

    def lags(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the lags of the supervised time steps, (n, n_lags * n_channels), in blocks."""
        for recording in self.parts:
            yield from _blocks(zero_state_windows(recording, n_lags))

    def part(self, selected: NDArray) -> tuple[Recordings, NDArray]:
        """Return the form of some time steps, and the places of all its time steps in this one.

        Parameters
        ----------
        selected : ndarray of bool, shape (n_supervised,)
            The time steps to keep, together with the others of their recordings.
        """
        kept = [chosen.any() for chosen in self.split(selected)]
        steps = np.flatnonzero(np.repeat(kept, self.lengths))
        return Recordings(
            [part for part, keep in zip(self.parts, kept, strict=True) if keep]
        ), steps


Sequences = Windows | Recordings


def lag_shape(sequences: Sequences, n_lags: int | None) -> tuple[int, int, int]:
    """Return the supervised time steps, lags and channels; the lags of windows for ``None``."""
    longest = sequences.longest
    if n_lags is None:
        if isinstance(sequences, Recordings) and isinstance(sequences.parts, list):
            raise ValueError(
                "n_lags must be given for recordings with a target at every time step "
                "(rows='timesteps' or a list), but got None: their shape does not contain it."
            )
        n_lags = longest
    n_lags = int(n_lags)  # NumPy's may be too short for products
    if n_lags > longest:
        what = "windows have" if isinstance(sequences, Windows) else "longest recording has"
        raise ValueError(
            f"n_lags={n_lags} needs as many time steps, but got an X of "
            f"n_samples={sequences.n_supervised}, whose {what} n_timesteps={longest}."
        )
    return sequences.n_supervised, n_lags, sequences.n_channels


def zero_state_windows(recording: NDArray, n_lags: int) -> NDArray:
    """Return the windows up to each time step of a recording, (n_timesteps, n_lags, n_channels).

    Oldest time step first; with zeros before the first one of the recording.
    """
    before = np.zeros((n_lags - 1, recording.shape[1]), dtype=recording.dtype)
    windows = sliding_window_view(np.concatenate([before, recording]), n_lags, axis=0)
    return windows.swapaxes(1, 2)


def _blocks(windows: NDArray) -> Iterator[NDArray]:
    """Yield windows (n_windows, n_lags, n_channels), flattened with lag 0 first, in blocks."""
    length = max(1, BLOCK // max(windows[0].size, 1)) if len(windows) else 1
    for first in range(0, len(windows), length):
        block = windows[first : first + length, ::-1]
        yield np.ascontiguousarray(block.reshape(len(block), -1), dtype=np.float64)
