"""Consecutive time steps of a stream that are summed together."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.aged_sums import AgedSums
from sklearn_linrnn._core.statistics.fading import fading_statistics
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.series import Series, Start
from sklearn_linrnn._core.threads import calm

MOST_ROWS = 2**18  # summed at a time, if the scatter is not larger; with zeros between recordings


def rows_of_a_scatter(n_inputs: int, n_columns: int) -> int:
    """Return how many rows take as much memory as a scatter.

    Parameters
    ----------
    n_inputs, n_columns : int
        Number of inputs of a model, ``n_lags * n_channels``, and of columns of a row.
    """
    return n_inputs**2 // n_columns


@dataclass(frozen=True, eq=False)
class StreamRows:
    """Time steps one after another.

    Attributes
    ----------
    inputs : ndarray of shape (n_rows, n_channels)
        Inputs.
    targets : ndarray of shape (n_rows, n_outputs)
        Targets, zero where they were not observed.
    weights : ndarray of shape (n_rows,)
        Weights, zero where a target was not observed.
    rates : ndarray of shape (n_rows,)
        Half-lives that pass in each time step.
    places : ndarray of int, shape (n_rows,)
        The place of each time step in its recording.
    """

    inputs: NDArray
    targets: NDArray
    weights: NDArray
    rates: NDArray
    places: NDArray

    @classmethod
    def room(cls, n_rows: int, n_channels: int, n_outputs: int) -> StreamRows:
        """Return room for that many rows, in which there is nothing yet."""
        return cls(
            np.empty((n_rows, n_channels)),
            np.empty((n_rows, n_outputs)),
            np.empty(n_rows),
            np.empty(n_rows),
            np.empty(n_rows, dtype=np.int64),
        )

    @classmethod
    def joined(cls, several: list[StreamRows]) -> StreamRows:
        """Return several, one after another."""
        columns = zip(*(some.columns for some in several), strict=True)
        return cls(*map(np.concatenate, columns))

    @property
    def columns(self) -> list[NDArray]:
        """The arrays, in the order of the attributes."""
        return [getattr(self, each.name) for each in fields(self)]

    def __len__(self) -> int:
        return len(self.weights)

    def __getitem__(self, rows: slice) -> StreamRows:
        return StreamRows(*(column[rows] for column in self.columns))

    def write(self, rows: StreamRows) -> None:
        """Fill these with others, as many."""
        for mine, theirs in zip(self.columns, rows.columns, strict=True):
            mine[:] = theirs


@dataclass(frozen=True, eq=False)
class StreamPart:
    """Consecutive time steps of a stream, with those before them that their lags reach.

    Rows are written beyond those that there are, which changes nothing: a part with more rows is
    another object with the same memory. So one that could not be completed was never there.

    Attributes
    ----------
    rows : StreamRows
        Room for all rows; first those before.
    n_before : int
        Number of rows before the part.
    n_rows : int
        Number of rows that there are, those before included.
    n_summed : int
        Number of those that are summed up, those before included.
    sums : AgedSums
        Their sums.
    nothing : AgedSums
        Sums of nothing.
    start : {"zero_state", "full_windows"}
        What was before recordings, as in `LagStatistics.from_series`.
    """

    rows: StreamRows
    n_before: int
    n_rows: int
    n_summed: int
    sums: AgedSums
    nothing: AgedSums
    start: Start

    @classmethod
    def begin(cls, before: StreamRows, n_steps: int, nothing: AgedSums, start: Start) -> StreamPart:
        """Return a part without time steps.

        Parameters
        ----------
        before : StreamRows
            The rows that its first lags reach.
        n_steps : int
            Number of time steps to have room for.
        nothing : AgedSums
            Sums of nothing.
        start : {"zero_state", "full_windows"}
            What was before recordings.
        """
        n_before = len(before)
        shape = before.inputs.shape[1], before.targets.shape[1]
        rows = StreamRows.room(n_before + n_steps, *shape)
        rows[:n_before].write(before)
        return cls(rows, n_before, n_before, n_before, nothing, nothing, start)

    @property
    def n_steps(self) -> int:
        """Number of time steps."""
        return self.n_rows - self.n_before

    @property
    def n_left(self) -> int:
        """Number of time steps that there still is room for."""
        return len(self.rows) - self.n_rows

    @property
    def present(self) -> StreamRows:
        """The rows that there are."""
        return self.rows[: self.n_rows]

    @property
    def steps(self) -> StreamRows:
        """The rows of the part itself."""
        return self.rows[self.n_before : self.n_rows]

    @property
    def n_lags(self) -> int:
        """Number of lags."""
        return self.sums.statistics.n_lags

    def with_steps(
        self, inputs: NDArray, targets: NDArray, weights: NDArray, place: int, rate: float
    ) -> StreamPart:
        """Return the part with time steps added, for which there must be room.

        Parameters
        ----------
        inputs : ndarray of shape (n_steps, n_channels)
            Inputs; finite.
        targets : ndarray of shape (n_steps, n_outputs)
            Targets; finite, or NaN where they were not observed.
        weights : ndarray of shape (n_steps,)
            Weights.
        place : int
            The place of the first one in its recording.
        rate : float
            Half-lives that pass in a time step.
        """
        missing = np.isnan(targets).any(axis=1)
        if missing.any():
            targets = np.where(missing[:, None], 0.0, targets)
            weights = np.where(missing, 0.0, weights)
        rates = np.broadcast_to(rate, len(inputs))
        places = place + np.arange(len(inputs))
        return self.with_rows(StreamRows(inputs, targets, weights, rates, places))

    def with_rows(self, rows: StreamRows) -> StreamPart:
        """Return the part with rows added, for which there must be room.

        Parameters
        ----------
        rows : StreamRows
            The rows.
        """
        n_rows = self.n_rows + len(rows)
        self.rows[self.n_rows : n_rows].write(rows)
        return replace(self, n_rows=n_rows)

    def summed(self) -> StreamPart:
        """Return the part with all its time steps summed up."""
        if self.n_summed == self.n_rows:
            return self
        sums = self.sums.followed_by(self._sums(self.n_summed, self.n_rows))
        return replace(self, n_summed=self.n_rows, sums=sums)

    def sums_of_last(self, n_steps: int) -> AgedSums:
        """Return the sums of the last time steps alone.

        Parameters
        ----------
        n_steps : int
            How many, at least one.
        """
        return self._sums(self.n_rows - n_steps, self.n_rows)

    def _sums(self, first: int, stop: int) -> AgedSums:
        """Return the sums of some rows, which are formed anew."""
        n_lags, places = self.n_lags, self.rows.places
        begins = np.flatnonzero(places[first + 1 : stop] == 0) + first + 1
        n_rows, n_channels = stop - first, self.rows.inputs.shape[1]
        n_inputs, n_columns = n_lags * n_channels, n_channels + self.rows.targets.shape[1]
        most = max(MOST_ROWS, rows_of_a_scatter(n_inputs, n_columns))
        if n_rows > 1 and n_rows + len(begins) * (n_lags - 1) > most:
            middle = (first + stop) // 2
            return self._sums(first, middle).followed_by(self._sums(middle, stop))
        statistics = self._sum_up(first, stop, begins)
        return AgedSums(statistics, float(self.rows.rates[first:stop].sum()))

    def _sum_up(self, first: int, stop: int, begins: NDArray) -> LagStatistics:
        """Return the sums of rows, of which later recordings begin at some."""
        n_lags = self.n_lags
        head = first - min(n_lags - 1, int(self.rows.places[first]))
        rows = self.rows[head:stop]
        weights = rows.weights.copy()
        weights[: first - head] = 0.0
        rates = rows.rates[first - head + 1 :]  # those that make the first time step older
        rate = float(rows.rates[-1])
        fades_evenly = bool((rates == rate).all())
        if not fades_evenly:
            weights[first - head : -1] *= np.exp2(-rates[::-1].cumsum()[::-1])
        lengths = np.diff([head, *begins, stop])
        device = self.sums.statistics.input_mean.device
        series = Series.of(rows.inputs, rows.targets, weights, lengths.tolist(), device)
        with calm((n_lags * rows.inputs.shape[1]) ** 2):
            if fades_evenly and rate > 0.0:
                return fading_statistics(series, n_lags, self.start, rate)
            return LagStatistics.of_series(series, n_lags=n_lags, start=self.start)
