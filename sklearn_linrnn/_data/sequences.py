"""The one internal form of inputs: windows with a target each, or recordings with many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar, final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sklearn_linrnn._core.equal_lengths import alike_steps, stacked
from sklearn_linrnn._core.response import convolve, respond
from sklearn_linrnn._core.statistics.lag_operator import LagOperator
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._core.tensors import as_float64
from sklearn_linrnn._data.gaps import whole_windows
from sklearn_linrnn._data.lag_columns import WindowColumns
from sklearn_linrnn._data.sliced import parts_between
from sklearn_linrnn._data.stretches import Stretch, stretches

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

    def responses(self, impulse_response: NDArray) -> Iterator[tuple[slice, NDArray]]:
        """Yield what `respond` returns in blocks, after their places in it."""
        length = max(1, BLOCK // self.inputs[0].size)
        for first in range(0, len(self.inputs), length):
            steps = slice(first, min(first + length, len(self.inputs)))
            yield steps, respond(self.inputs[steps], impulse_response)

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
@dataclass(frozen=True, eq=False)
class Past:
    """The last inputs of recordings that may go on, as many as later time steps have as lags.

    Attributes
    ----------
    ids : list
        The names of the recordings.
    inputs : list of ndarray of shape (n_kept, n_channels)
        Fewer of a recording that had fewer so far.
    """

    ids: list[Any] = field(default_factory=list)
    inputs: list[NDArray] = field(default_factory=list)

    def of(self, recordings: Recordings) -> list[NDArray]:
        """Return the inputs that are known from before each of some recordings."""
        known = dict(zip(self.ids, self.inputs, strict=True))
        nothing = np.empty((0, recordings.n_channels))
        if recordings.ids is None:
            return [nothing] * len(recordings.parts)
        return [known.get(name, nothing) for name in recordings.ids]

    def after(self, recordings: Recordings, n_lags: int) -> Past:
        """Return the past of what follows some recordings, for models of ``n_lags``."""
        if recordings.ids is None:
            return self
        known = dict(zip(self.ids, self.inputs, strict=True))
        ends = zip(recordings.ids, self.of(recordings), recordings.parts, strict=True)
        for name, earlier, part in ends:
            inputs = np.concatenate([earlier, part[max(len(part) - n_lags + 1, 0) :]])
            known[name] = inputs[max(len(inputs) - n_lags + 1, 0) :]
        return Past(list(known), list(known.values()))


@final
@dataclass(frozen=True)
class Recordings:
    """Recordings ``(n_timesteps_i, n_channels)``, target at every time step.

    Attributes
    ----------
    parts : list of ndarray, or ndarray of shape (n_recordings, n_timesteps, n_channels)
        The recordings; NaN where an input is missing.
    rows : ndarray or slice or None
        Where the time steps were rows of one array, their places in the order of `parts`; -1 for a
        time step that was none of them.
    before : ndarray of shape (n_channels,) or None
        The inputs before the first time step of each recording: ``None`` for zeros, NaN if unknown.
    ids : list or None
        The name of each recording, by which it goes on; ``None`` if they end here.
    """

    parts: list[NDArray] | NDArray
    rows: NDArray | slice | None = None
    before: NDArray | None = None
    ids: list[Any] | None = None

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

    @cached_property
    def lengths(self) -> list[int]:
        """Number of time steps of each recording."""
        return [len(part) for part in self.parts]

    @cached_property
    def has_gaps(self) -> bool:
        """Whether an input is missing."""
        cuts = stretches(self.lengths, self.n_channels)
        return any(np.isnan(self.stretch(cut).joined).any() for cut in cuts)

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
        return parts_between(flat, np.cumsum(self.lengths)[:-1])

    def totals(self, flat: NDArray) -> NDArray:
        """Return the sums of values of all time steps over each recording, (n_recordings,)."""
        lengths = np.array(self.lengths)
        return np.add.reduceat(flat, np.cumsum(lengths) - lengths)

    def alike(self) -> Iterator[tuple[NDArray, Any]]:
        """Yield recordings of one length, (n, n_timesteps, n_channels), and their `alike_steps`."""
        for places, steps in alike_steps(self.lengths):
            yield stacked(self.parts, places), steps

    def stretch(self, cut: Stretch) -> Recordings:
        """Return the recordings of a stretch, or the time steps of one, as it says."""
        parts = self.parts[cut.recordings]
        if isinstance(parts, list):
            parts = [part[cut.inputs] for part in parts]
        else:
            parts = parts[:, cut.inputs]
        return Recordings(parts, before=self.before)

    def arrange(self, flat: NDArray) -> list[NDArray] | NDArray:
        """Return values of the supervised time steps in the user's shape."""
        if self.rows is None:
            return self.split(flat)
        if isinstance(self.rows, slice):
            return flat
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
        """Return the convolution at the supervised time steps, (n_supervised, n_outputs).

        It is NaN where one of the lags is missing or unknown.
        """
        response = np.empty((self.n_supervised, len(impulse_response)))
        for steps, block in self.responses(impulse_response):
            response[steps] = block
        return response

    def responses(self, impulse_response: NDArray) -> Iterator[tuple[slice, NDArray]]:
        """Yield what `respond` returns in blocks, after their places in it."""
        n_before = impulse_response.shape[2] - 1
        for cut in stretches(self.lengths, self.n_channels, n_before):
            yield cut.steps, _respond(self.stretch(cut), impulse_response)[cut.n_before :]

    def windows(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the windows of each recording, (n_timesteps, n_lags, n_channels).

        They end at each of its time steps; oldest time step first.
        """
        for recording in self.parts:
            head = np.zeros((n_lags - 1, self.n_channels), dtype=recording.dtype)
            if self.before is not None:
                head[:] = self.before
            extended = np.concatenate([head, recording])
            yield sliding_window_view(extended, n_lags, axis=0).swapaxes(1, 2)

    def lags(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the lags of the supervised time steps, (n, n_lags * n_channels), in blocks."""
        for windows in self.windows(n_lags):
            yield from _blocks(windows)

    def starting_from(self, initial_state: str, weights: NDArray | None = None) -> Recordings:
        """Return the recordings with inputs before them: "zero", their "mean", or "unknown".

        Parameters
        ----------
        initial_state : str
            What is assumed.
        weights : ndarray of shape (n_supervised,), default=None
            Weights of the time steps in the mean.
        """
        if initial_state == "zero":
            return self
        before = np.full(self.n_channels, np.nan)
        if initial_state == "mean":
            total, mass = np.zeros((2, self.n_channels))
            for cut in stretches(self.lengths, self.n_channels):
                inputs = self.stretch(cut).joined.astype(np.float64, copy=False)
                known = ~np.isnan(inputs)
                shares = known if weights is None else known * weights[cut.steps, None]
                total += (np.where(known, inputs, 0.0) * shares).sum(axis=0)
                mass += shares.sum(axis=0)
            with np.errstate(invalid="ignore"):  # a channel that is never seen is unknown
                before = total / mass
        return replace(self, before=before)

    def unrolled(self, n_lags: int, past: Past | None = None) -> Unrolled:
        """Return the recordings with the inputs before them that their lags need.

        Parameters
        ----------
        n_lags : int
            Number of lags.
        past : Past, default=None
            Earlier inputs of the recordings that go on.
        """
        heads = (past or Past()).of(self)
        if self.before is not None:
            fill = np.tile(self.before, (n_lags - 1, 1))
            heads = [np.concatenate([fill[len(head) :], head]) for head in heads]
        pieces = np.column_stack([[len(head) for head in heads], self.lengths])
        own = np.repeat(np.tile([False, True], len(heads)), pieces.ravel())
        values = np.empty((len(own), self.n_channels))
        values[own], values[~own] = self.joined, np.concatenate(heads)
        lengths = pieces.sum(axis=1)
        missing = np.isnan(values)
        whole = whole_windows(missing, lengths, n_lags)
        rows = self.rows
        if rows is not None:
            rows = np.full(len(own), -1)
            rows[own] = np.arange(self.n_supervised)[self.rows]
        values[missing] = 0.0
        parts = parts_between(values, np.cumsum(lengths)[:-1])
        return Unrolled(Recordings(parts, rows), own, whole)

    def part(self, selected: NDArray) -> tuple[Recordings, NDArray]:
        """Return the form of some time steps, and the places of all its time steps in this one.

        Parameters
        ----------
        selected : ndarray of bool, shape (n_supervised,)
            The time steps to keep, together with the others of their recordings.
        """
        kept = self.totals(selected) > 0
        steps = np.flatnonzero(np.repeat(kept, self.lengths))
        parts = [part for part, keep in zip(self.parts, kept, strict=True) if keep]
        return Recordings(parts), steps


@final
@dataclass(frozen=True)
class Unrolled:
    """Recordings with what was before them.

    Attributes
    ----------
    recordings : Recordings
        They start from zero, and have zeros for what is missing.
    own : ndarray of bool, shape (n_supervised,)
        Which of their time steps are those of the recordings before.
    whole : ndarray of bool, shape (n_supervised,)
        At which time steps all lags are known.
    """

    recordings: Recordings
    own: NDArray
    whole: NDArray


Sequences = Windows | Recordings


def lag_shape(
    sequences: Sequences, n_lags: int | None, *, goes_on: bool = False
) -> tuple[int, int, int]:
    """Return the supervised time steps, lags and channels; the lags of windows for ``None``.

    Recordings that go on may be shorter than the lags.
    """
    longest = sequences.longest
    if n_lags is None:
        if isinstance(sequences, Recordings) and isinstance(sequences.parts, list):
            raise ValueError(
                "n_lags must be given for recordings with a target at every time step "
                "(rows='timesteps' or a list), but got None: their shape does not contain it."
            )
        n_lags = longest
    n_lags = int(n_lags)  # NumPy's may be too short for products
    if n_lags > longest and not (goes_on and isinstance(sequences, Recordings)):
        what = "windows have" if isinstance(sequences, Windows) else "longest recording has"
        raise ValueError(
            f"n_lags={n_lags} needs as many time steps, but got an X of "
            f"n_samples={sequences.n_supervised}, whose {what} n_timesteps={longest}."
        )
    return sequences.n_supervised, n_lags, sequences.n_channels


def _respond(recordings: Recordings, impulse_response: NDArray) -> NDArray:
    """Return the convolution at all time steps of recordings, formed at once."""
    if recordings.before is None and not recordings.has_gaps:
        if isinstance(recordings.parts, np.ndarray):
            return convolve(recordings.parts, impulse_response).reshape(-1, len(impulse_response))
        response = np.empty((recordings.n_supervised, len(impulse_response)))
        for inputs, steps in recordings.alike():
            response[steps] = convolve(inputs, impulse_response[:, :, : inputs.shape[1]])
        return response
    unrolled = recordings.unrolled(impulse_response.shape[2])
    response = _respond(unrolled.recordings, impulse_response)
    response[~unrolled.whole] = np.nan
    return response[unrolled.own]


def _blocks(windows: NDArray) -> Iterator[NDArray]:
    """Yield windows (n_windows, n_lags, n_channels), flattened with lag 0 first, in blocks."""
    length = max(1, BLOCK // max(windows[0].size, 1)) if len(windows) else 1
    for first in range(0, len(windows), length):
        block = windows[first : first + length, ::-1]
        yield np.ascontiguousarray(block.reshape(len(block), -1), dtype=np.float64)
