"""Recordings with a target at every time step, and the one internal form of inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sklearn_linrnn._core.equal_lengths import alike_steps, stacked
from sklearn_linrnn._core.response import convolve
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._data.gaps import any_missing, totals_of_known, whole_windows
from sklearn_linrnn._data.lag_shift import moved
from sklearn_linrnn._data.sliced import changed, joined, parts_between
from sklearn_linrnn._data.stretches import Stretch, stretches
from sklearn_linrnn._data.windows import S, Windows, lag_blocks


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
        nothing = np.empty((0, recordings.n_channels), recordings.parts[0].dtype)
        if recordings.ids is None:
            return [nothing] * len(recordings.parts)
        return [known.get(name, nothing) for name in recordings.ids]

    def after(self, recordings: Recordings, n_lags: int) -> Past:
        """Return the past of what follows some recordings, for models of ``n_lags``."""
        if recordings.ids is None:
            return self
        known = dict(zip(self.ids, self.inputs, strict=True))
        n_kept = n_lags - 1 + max(recordings.first_lag, 0)
        ends = zip(recordings.ids, self.of(recordings), recordings.parts, strict=True)
        for name, earlier, part in ends:
            inputs = np.concatenate([earlier, part[max(len(part) - n_kept, 0) :]])
            known[name] = inputs[max(len(inputs) - n_kept, 0) :]
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
        The inputs before the first time step of each recording, and after the last one: ``None``
        for zeros, NaN if unknown.
    ids : list or None
        The name of each recording, by which it goes on; ``None`` if they end here.
    past : Past
        Inputs from before, of recordings that go on here.
    own : ndarray of bool, shape (n_supervised,), or None
        Which time steps are the user's; ``None`` for all.
    first_lag : int
        The lag of the inputs that comes first: a delay, or minus the number of leads.
    """

    parts: list[NDArray] | NDArray
    rows: NDArray | slice | None = None
    before: NDArray | None = None
    ids: list[Any] | None = None
    past: Past = field(default_factory=Past)
    own: NDArray | None = None
    first_lag: int = 0

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
        return any(any_missing(self.stretch(cut).joined) for cut in cuts)

    @property
    def is_plain(self) -> bool:
        """Whether all lags are known: of the recordings themselves, or zeros before them."""
        if self.first_lag != 0 or self.before is not None or self.past.ids:
            return False
        return not self.has_gaps

    @property
    def joined(self) -> NDArray:
        """All time steps, one recording after another, (n_supervised, n_channels)."""
        if isinstance(self.parts, np.ndarray):
            return self.parts.reshape(-1, self.n_channels)
        return joined(self.parts)

    def split(self, flat: NDArray) -> list[NDArray] | NDArray:
        """Return values of all time steps, one recording after another, in the form of `parts`."""
        if isinstance(self.parts, np.ndarray):
            return flat.reshape(*self.parts.shape[:2], *flat.shape[1:])
        return parts_between(flat, np.cumsum(self.lengths)[:-1])

    def totals(self, flat: NDArray) -> NDArray:
        """Return the sums of values of all time steps over each recording, (n_recordings,)."""
        lengths = np.array(self.lengths)
        dtype = int if flat.dtype == bool else None
        return np.add.reduceat(flat, np.cumsum(lengths) - lengths, dtype=dtype)

    def of_some(self, kept: NDArray, flat: NDArray) -> NDArray:
        """Return values of all time steps of some recordings, from those of all recordings."""
        parts = self.split(flat)
        if isinstance(parts, np.ndarray):
            return parts[kept].reshape(-1, *flat.shape[1:])
        return joined([part for part, keep in zip(parts, kept, strict=True) if keep])

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
        if cut.goes_on or self.ids is None:
            return Recordings(parts, before=self.before)
        return Recordings(parts, None, self.before, self.ids[cut.recordings], self.past)

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
        n_before, moved_here = impulse_response.shape[2] - 1, self.from_lag_0
        for cut in stretches(self.lengths, self.n_channels, n_before):
            stretch = moved_here.stretch(cut)
            yield cut.steps, _respond(stretch, impulse_response)[cut.n_before :]

    def windows(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the windows that end at the time steps, (n, n_lags, n_channels), in blocks.

        They are in order, none of more than one recording; oldest time step first.
        """
        n_before, moved_here = n_lags - 1, self.from_lag_0
        for cut in stretches(self.lengths, self.n_channels, n_before):
            stretch = moved_here.stretch(cut)
            for known, inputs in zip(stretch.past.of(stretch), stretch.parts, strict=True):
                head = np.zeros((n_before, self.n_channels), dtype=inputs.dtype)
                if self.before is not None:
                    head[:] = self.before
                extended = np.concatenate([head[len(known) :], known, inputs])
                windows = sliding_window_view(extended, n_lags, axis=0).swapaxes(1, 2)
                yield windows[cut.n_before :]

    def lags(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the lags of the supervised time steps, (n, n_lags * n_channels), in blocks."""
        for windows in self.windows(n_lags):
            yield from lag_blocks(windows)

    def starting_from(
        self, initial_state: str, shares: Callable[[slice], NDArray] | None = None
    ) -> Recordings:
        """Return the recordings with inputs before them: "zero", their "mean", or "unknown".

        Parameters
        ----------
        initial_state : str
            What is assumed.
        shares : callable, default=None
            From some time steps to their weights in the mean; ``None`` for ones.
        """
        if initial_state == "zero":
            return self
        before = np.full(self.n_channels, np.nan)
        if initial_state == "mean":
            total, mass = np.zeros((2, self.n_channels))
            for cut in stretches(self.lengths, self.n_channels):
                weights = None if shares is None else shares(cut.steps)
                added = totals_of_known(self.stretch(cut).joined, weights)
                total, mass = total + added[0], mass + added[1]
            with np.errstate(invalid="ignore"):  # a channel that is never seen is unknown
                before = total / mass
        return replace(self, before=before)

    @property
    def reads_on(self) -> bool:
        """Whether lags reach beyond the end of recordings that may go on."""
        return self.first_lag < 0 and self.ids is not None

    def from_lag(self, first_lag: int) -> Recordings:
        """Return the recordings with another first lag."""
        return replace(self, first_lag=first_lag)

    @cached_property
    def from_lag_0(self) -> Recordings:
        """The recordings with inputs that are moved in time, so that their first lag is lag 0.

        The first inputs of recordings with leads are then their past.
        """
        if self.first_lag == 0:
            return self
        fill = np.zeros(self.n_channels) if self.before is None else self.before
        earlier, parts = moved(self.past.of(self), self.parts, self.first_lag, fill)
        found = Recordings(parts, self.rows, self.before, self.ids, own=self.own)
        if not any(map(len, earlier)):
            return found
        names = list(range(len(parts))) if self.ids is None else self.ids
        return replace(found, ids=names, past=Past(names, earlier))

    def unrolled(self, n_lags: int) -> Unrolled:
        """Return the recordings with the inputs before them that their lags need.

        Parameters
        ----------
        n_lags : int
            Number of lags.
        """
        if self.first_lag != 0:
            found = self.from_lag_0.unrolled(n_lags)
            return replace(found, recordings=replace(found.recordings, ids=self.ids))
        heads = self.past.of(self)
        if self.before is not None:
            fill = np.tile(self.before, (n_lags - 1, 1))
            heads = [np.concatenate([fill[len(head) :], head]) for head in heads]
        n_before = [len(head) for head in heads]
        pieces = np.column_stack([n_before, self.lengths])
        own = np.repeat(np.tile([False, True], len(heads)), pieces.ravel())
        values = _interleaved(heads, self.parts)
        lengths = pieces.sum(axis=1)
        parts = parts_between(changed(values, _without_gaps), np.cumsum(lengths)[:-1])
        known = Recordings(parts_between(values, np.cumsum(lengths)[:-1]))
        unrolled = Recordings(parts, self.rows, ids=self.ids, own=own)
        return Unrolled(unrolled, known.whole(n_lags), n_before)

    def whole(self, n_lags: int) -> NDArray:
        """Return at which time steps no lag is missing, (n_supervised,)."""
        whole = np.empty(self.n_supervised, dtype=bool)
        for cut in stretches(self.lengths, self.n_channels, n_lags - 1):
            stretch = self.stretch(cut)
            lengths = np.array(stretch.lengths)
            found = whole_windows(np.isnan(stretch.joined), lengths, n_lags)
            whole[cut.steps] = found[cut.n_before :]
        return whole

    def after_heads(self, flat: NDArray, n_before: list[int], fill: float) -> NDArray:
        """Return values of all time steps, and something else at those before the recordings."""
        if not any(n_before):
            return flat
        heads = [np.full((n, *flat.shape[1:]), fill, flat.dtype) for n in n_before]
        return _interleaved(heads, self.split(flat))


@final
@dataclass(frozen=True)
class Unrolled:
    """Recordings with what was before them.

    Attributes
    ----------
    recordings : Recordings
        They start from zero, and have zeros for what is missing.
    whole : ndarray of bool, shape (n_supervised,)
        At which time steps all lags are known.
    n_before : list of int
        How many of the time steps of each come before it.
    """

    recordings: Recordings
    whole: NDArray
    n_before: list[int]


Sequences = Windows | Recordings


def _respond(recordings: Recordings, impulse_response: NDArray) -> NDArray:
    """Return the convolution at all time steps of recordings, formed at once."""
    if recordings.is_plain:
        if isinstance(recordings.parts, np.ndarray):
            return convolve(recordings.parts, impulse_response).reshape(-1, len(impulse_response))
        # Each output side by side in memory, as they are convolved.
        response = np.empty((len(impulse_response), recordings.n_supervised)).T
        for inputs, steps in recordings.alike():
            response[steps] = convolve(inputs, impulse_response[:, :, : inputs.shape[1]])
        return response
    unrolled = recordings.unrolled(impulse_response.shape[2])
    response = _respond(unrolled.recordings, impulse_response)
    response[~unrolled.whole] = np.nan
    return response[unrolled.recordings.own]


def _interleaved(heads: Sequence[NDArray], parts: Sequence[NDArray] | NDArray) -> NDArray:
    """Return parts one after another, each after its head."""
    return joined([piece for pair in zip(heads, parts, strict=True) for piece in pair])


def _without_gaps(inputs: NDArray) -> NDArray:
    """Return inputs with zeros for what is missing."""
    return np.where(np.isnan(inputs), inputs.dtype.type(0), inputs)
