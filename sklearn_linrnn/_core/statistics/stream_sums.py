"""The sums of a stream: of all that was added, or of its last time steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.aged_sums import AgedSums
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.series import Start
from sklearn_linrnn._core.statistics.stream_parts import StreamPart, StreamRows, rows_of_a_scatter
from sklearn_linrnn._core.tensors import as_float64

SUMS = (
    "weight",
    "input_mean",
    "target_mean",
    "input_scatter",
    "cross_scatter",
    "target_scatter",
)

LEAST_STEPS = 2**16  # of a part of a stream without a window: one sum costs as much as some rows
LEAST_WINDOW_STEPS = 2**13  # of a part of a window, if that is not too short for it
FEWEST_PARTS, MOST_PARTS = 4, 64  # of a window


def part_length(window: int | None, n_inputs: int, n_columns: int) -> int:
    """Return the number of time steps of a part.

    The rows of a part take about as much memory as its sums, and so about the same time.

    Parameters
    ----------
    window : int or None
        Number of time steps of the window, if there is one.
    n_inputs, n_columns : int
        Number of inputs of a model, ``n_lags * n_channels``, and of columns of a row.
    """
    balanced = rows_of_a_scatter(n_inputs, n_columns)
    if window is None:
        return max(LEAST_STEPS, balanced)
    fewest, most = -(-window // MOST_PARTS), -(-window // FEWEST_PARTS)
    return max(fewest, min(most, max(balanced, LEAST_WINDOW_STEPS)))


@dataclass(frozen=True, eq=False)
class AllParts:
    """All parts that are complete.

    Attributes
    ----------
    sums : AgedSums
        Their sums.
    """

    sums: AgedSums

    @property
    def kept(self) -> tuple[StreamPart, ...]:
        """The parts whose rows are kept: none."""
        return ()

    def with_part(self, part: StreamPart) -> AllParts:
        """Return these and the next one."""
        return AllParts(self.sums.followed_by(part.summed().sums))

    def before(self, n_steps: int) -> AllParts:
        """Return these, which stay whatever comes later."""
        return self


@dataclass(frozen=True, eq=False)
class LastParts:
    """The parts that are complete and have time steps in a window.

    A queue of two stacks: sums of the early parts from each of them on, and one sum of the later
    parts. So the sum of all is that of two, and a part leaves by being left out. Of the part that
    is leaving, the rows that are still in the window are summed anew. Nothing is taken away.

    Attributes
    ----------
    window : int
        Number of time steps of the window.
    nothing : AgedSums
        Sums of nothing.
    parts : tuple of StreamPart
        The parts that are in the window as a whole, oldest first, summed up.
    early : tuple of AgedSums
        Sums of the first of them: from each to the last of these.
    late : AgedSums
        Sums of the others.
    leaving : StreamPart or None
        The part before them.
    n_leaving : int
        How many of its time steps are still in the window.
    """

    window: int
    nothing: AgedSums
    parts: tuple[StreamPart, ...]
    early: tuple[AgedSums, ...]
    late: AgedSums
    leaving: StreamPart | None = None
    n_leaving: int = 0

    @property
    def kept(self) -> tuple[StreamPart, ...]:
        """The parts whose rows are kept, oldest first."""
        return self.parts if self.leaving is None else (self.leaving, *self.parts)

    @property
    def sums(self) -> AgedSums:
        """The sums of all time steps in the window."""
        sums = self.early[0].followed_by(self.late) if self.early else self.late
        if self.leaving is None or self.n_leaving == 0:
            return sums
        return self.leaving.sums_of_last(self.n_leaving).followed_by(sums)

    def with_part(self, part: StreamPart) -> LastParts:
        """Return these and the next one, less what is no longer in the window."""
        part = part.summed()
        parts, late = (*self.parts, part), self.late.followed_by(part.sums)
        return replace(self, parts=parts, late=late).before(0)

    def before(self, n_steps: int) -> LastParts:
        """Return what is in the window when some time steps have come after these parts."""
        moved, n_free = self, self.window - n_steps
        while moved.n_whole > n_free:
            moved = moved._without_oldest()
        if moved.leaving is None:
            return moved
        return replace(moved, n_leaving=min(n_free - moved.n_whole, moved.leaving.n_steps))

    @property
    def n_whole(self) -> int:
        """Number of time steps of the parts that are in the window as a whole."""
        return sum(part.n_steps for part in self.parts)

    def _without_oldest(self) -> LastParts:
        """Return these with the oldest part leaving."""
        early, late = self.early, self.late
        if not early:  # the later parts become the early ones
            backwards = (part.sums for part in reversed(self.parts))
            early = tuple(accumulate(backwards, lambda sums, part: part.followed_by(sums)))[::-1]
            late = self.nothing
        oldest, *parts = self.parts
        return replace(self, parts=tuple(parts), early=early[1:], late=late, leaving=oldest)


@dataclass(frozen=True, eq=False)
class StreamSums:
    """All that a stream keeps; adding to it makes another one.

    Attributes
    ----------
    complete : AllParts or LastParts
        The parts that are complete.
    part : StreamPart
        The one that time steps are added to.
    length : int
        Number of time steps of a part.
    place : int
        The place of the next time step in its recording.
    n_timesteps : int
        Number of time steps that were added.
    """

    complete: AllParts | LastParts
    part: StreamPart
    length: int
    place: int = 0
    n_timesteps: int = 0

    @classmethod
    def begin(cls, nothing: AgedSums, window: int | None, start: Start) -> StreamSums:
        """Return what a stream keeps before its first time step.

        Parameters
        ----------
        nothing : AgedSums
            Sums of nothing, of the shape of its own.
        window : int or None
            Number of time steps of the window, if there is one.
        start : {"zero_state", "full_windows"}
            What was before recordings.
        """
        statistics = nothing.statistics
        n_channels, n_outputs = statistics.n_channels, len(statistics.target_mean)
        length = part_length(window, len(statistics.input_mean), n_channels + n_outputs)
        part = StreamPart.begin(StreamRows.room(0, n_channels, n_outputs), length, nothing, start)
        if window is None:
            return cls(AllParts(nothing), part, length)
        return cls(LastParts(window, nothing, (), (), nothing), part, length)

    @property
    def statistics(self) -> LagStatistics:
        """The sums of what is summed up; see `summed`."""
        return self.complete.sums.followed_by(self.part.sums).statistics

    def summed(self) -> StreamSums:
        """Return the same with all that was added summed up."""
        part = self.part.summed()
        return replace(self, part=part, complete=self.complete.before(part.n_steps))

    def at_a_new_recording(self) -> StreamSums:
        """Return the same where a new recording begins."""
        return replace(self, place=0)

    def with_steps(
        self, inputs: NDArray, targets: NDArray, weights: NDArray, rate: float
    ) -> StreamSums:
        """Return what a stream keeps after more time steps.

        Parameters
        ----------
        inputs : ndarray of shape (n_steps, n_channels)
            Inputs; finite.
        targets : ndarray of shape (n_steps, n_outputs)
            Targets; finite, or NaN where they were not observed.
        weights : ndarray of shape (n_steps,)
            Weights.
        rate : float
            Half-lives that pass in a time step.
        """
        kept, first = self, 0
        while first < len(inputs):
            if kept.part.n_left == 0:
                kept = kept._with_next_part()
            new = slice(first, first + kept.part.n_left)
            part = kept.part.with_steps(inputs[new], targets[new], weights[new], kept.place, rate)
            n_new = part.n_steps - kept.part.n_steps
            kept = replace(
                kept, part=part, place=kept.place + n_new, n_timesteps=kept.n_timesteps + n_new
            )
            first += n_new
        return kept

    def _with_next_part(self) -> StreamSums:
        complete = self.complete.with_part(self.part)
        return replace(self, complete=complete, part=self.begin_part(self.part.present))

    def begin_part(self, earlier: StreamRows) -> StreamPart:
        """Return the part that begins after earlier rows.

        Parameters
        ----------
        earlier : StreamRows
            The rows that its lags may reach, or more.
        """
        n_before = min(self.part.n_lags - 1, self.place)
        before = earlier[len(earlier) - n_before :]
        return StreamPart.begin(before, self.length, self.part.nothing, self.part.start)

    # -- Stored ----------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray]:
        """Return all that is kept as arrays by name."""
        first, *others = *self.complete.kept, self.part
        rows = StreamRows.joined([first.present, *(part.steps for part in others)])
        steps = [first.n_before, *(part.n_steps for part in (first, *others))]
        counts = np.array([self.place, self.n_timesteps])
        arrays = {**vars(rows), "ends": np.cumsum(steps), "counts": counts}
        if isinstance(self.complete, AllParts):
            arrays |= _sums_as_arrays(self.complete.sums.statistics)
        return arrays

    def with_arrays(self, arrays: Mapping[str, NDArray]) -> StreamSums:
        """Return what was stored, from what such a stream keeps before its first time step.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            What was stored.
        """
        rows = StreamRows(*(arrays[each.name] for each in fields(StreamRows)))
        kept = self
        if isinstance(self.complete, AllParts):
            sums = _sums_from_arrays(self.complete.sums.statistics, arrays)
            kept = replace(kept, complete=AllParts(AgedSums(sums)))
        place, n_timesteps = map(int, arrays["counts"])
        for number, (first, stop) in enumerate(pairwise(arrays["ends"].tolist())):
            if number > 0:
                kept = replace(kept, complete=kept.complete.with_part(kept.part))
            kept = replace(kept, place=int(rows.places[first]) if first < stop else place)
            part = kept.begin_part(rows[:first]).with_rows(rows[first:stop])
            kept = replace(kept, part=part)
        return replace(kept, place=place, n_timesteps=n_timesteps)


def _sums_as_arrays(statistics: LagStatistics) -> dict[str, NDArray]:
    return {name: np.asarray(getattr(statistics.to("cpu"), name)) for name in SUMS}


def _sums_from_arrays(like: LagStatistics, arrays: Mapping[str, NDArray]) -> LagStatistics:
    device = like.input_mean.device
    sums: dict[str, Any] = {name: as_float64(arrays[name], device) for name in SUMS}
    return replace(like, **sums | {"weight": float(sums["weight"])})
