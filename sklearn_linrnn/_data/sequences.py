"""The one internal form of inputs: windows with a target each, or recordings with one per step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sklearn_linrnn._core.networks.scaled_convolution import convolve
from sklearn_linrnn._core.statistics.lag_operator import LagOperator
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics

S = TypeVar("S", LagStatistics, LagOperator)

BLOCK = 2**20  # numbers in a block of windows: 8 MiB


@final
@dataclass(frozen=True)
class Windows:
    """Windows ``(n_windows, n_timesteps, n_channels)``, oldest step first, target at the last."""

    inputs: NDArray

    @property
    def n_channels(self) -> int:
        """Number of input channels."""
        return self.inputs.shape[2]

    @property
    def longest(self) -> int:
        """Number of lags that the data show."""
        return self.inputs.shape[1]

    @property
    def n_supervised(self) -> int:
        """Number of steps that can have a target."""
        return len(self.inputs)

    def arrange(self, flat: NDArray) -> NDArray:
        """Return values of the supervised steps in the user's shape."""
        return flat

    def statistics(
        self, kind: type[S], n_lags: int, targets: NDArray, weights: NDArray | None, device: Any
    ) -> S:
        """Return the statistics for flat targets (n_supervised, n_outputs) and weights."""
        return kind.from_windows(
            self.inputs, targets, n_lags=n_lags, sample_weight=weights, device=device
        )

    def respond(self, impulse_response: NDArray) -> NDArray:
        """Return the convolution at the supervised steps, (n_supervised, n_outputs)."""
        n_lags = impulse_response.shape[2]
        recent = self.inputs[:, self.longest - n_lags :].reshape(len(self.inputs), -1)
        oldest_first = impulse_response[:, :, ::-1].transpose(2, 1, 0)
        return recent @ oldest_first.reshape(recent.shape[1], -1)

    def lags(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the lags of the supervised steps, (n_steps, n_lags * n_channels), in blocks."""
        yield from _blocks(self.inputs[:, self.longest - n_lags :])

    def part(self, selected: NDArray) -> tuple[Windows, NDArray]:
        """Return the form that holds some of the steps, and which of its steps those of this are.

        Parameters
        ----------
        selected : ndarray of bool, shape (n_supervised,)
            The steps to keep.
        """
        return Windows(self.inputs[selected]), np.flatnonzero(selected)


@final
@dataclass(frozen=True)
class Recordings:
    """Recordings ``(n_timesteps_i, n_channels)``, target at every step, at rest before the first.

    ``parts`` is a list of them, or an array of shape (n_recordings, n_timesteps, n_channels).
    Where the user's steps were rows of one array, ``rows`` says which, in the order of ``parts``.
    """

    parts: list[NDArray] | NDArray
    rows: NDArray | slice | None = None

    @property
    def n_channels(self) -> int:
        """Number of input channels."""
        return self.parts[0].shape[1]

    @property
    def longest(self) -> int:
        """Number of lags that the data show."""
        return max(self.lengths)

    @property
    def n_supervised(self) -> int:
        """Number of steps that can have a target."""
        return sum(self.lengths)

    @property
    def lengths(self) -> list[int]:
        """Number of steps of each recording."""
        return [len(part) for part in self.parts]

    def split(self, flat: NDArray) -> list[NDArray] | NDArray:
        """Return values of all steps, one recording after another, in the form of `parts`."""
        if isinstance(self.parts, np.ndarray):
            return flat.reshape(*self.parts.shape[:2], *flat.shape[1:])
        return np.split(flat, np.cumsum(self.lengths)[:-1])

    def arrange(self, flat: NDArray) -> list[NDArray] | NDArray:
        """Return values of the supervised steps in the user's shape."""
        if self.rows is None:
            return self.split(flat)
        arranged = np.empty_like(flat)
        arranged[self.rows] = flat
        return arranged

    def statistics(
        self, kind: type[S], n_lags: int, targets: NDArray, weights: NDArray | None, device: Any
    ) -> S:
        """Return the statistics for flat targets (n_supervised, n_outputs) and weights."""
        return kind.from_series(
            self.parts,
            self.split(targets),
            n_lags=n_lags,
            sample_weight=None if weights is None else self.split(weights),
            device=device,
        )

    def respond(self, impulse_response: NDArray) -> NDArray:
        """Return the convolution at the supervised steps, (n_supervised, n_outputs)."""
        if isinstance(self.parts, np.ndarray):
            return convolve(self.parts, impulse_response).reshape(-1, len(impulse_response))
        return np.concatenate([convolve(part, impulse_response) for part in self.parts])

    def lags(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the lags of the supervised steps, (n_steps, n_lags * n_channels), in blocks."""
        for recording in self.parts:
            yield from _blocks(zero_state_windows(recording, n_lags))

    def part(self, selected: NDArray) -> tuple[Recordings, NDArray]:
        """Return the form that holds some of the steps, and which of its steps those of this are.

        Parameters
        ----------
        selected : ndarray of bool, shape (n_supervised,)
            The steps to keep; with them stay the others of their recordings.
        """
        kept = [chosen.any() for chosen in self.split(selected)]
        steps = np.flatnonzero(np.repeat(kept, self.lengths))
        return Recordings(
            [part for part, keep in zip(self.parts, kept, strict=True) if keep]
        ), steps


Sequences = Windows | Recordings


def zero_state_windows(recording: NDArray, n_lags: int) -> NDArray:
    """Return the windows that end at each step of a recording, (n_timesteps, n_lags, n_channels).

    Oldest step first; before its first step a recording was at rest.
    """
    rest = np.zeros((n_lags - 1, recording.shape[1]), dtype=recording.dtype)
    windows = sliding_window_view(np.concatenate([rest, recording]), n_lags, axis=0)
    return windows.swapaxes(1, 2)


def _blocks(windows: NDArray) -> Iterator[NDArray]:
    """Yield windows (n_windows, n_lags, n_channels), flattened with lag 0 first, in blocks."""
    length = max(1, BLOCK // max(windows[0].size, 1)) if len(windows) else 1
    for first in range(0, len(windows), length):
        block = windows[first : first + length, ::-1]
        yield np.ascontiguousarray(block.reshape(len(block), -1), dtype=np.float64)


def observed_steps(targets: NDArray) -> NDArray:
    """Return which rows of ``targets (n_supervised, n_outputs)`` have no NaN."""
    missing = np.isnan(targets)
    return ~missing.any(axis=1) if missing.any() else np.ones(len(targets), dtype=bool)


@final
@dataclass(frozen=True)
class TrainingData:
    """Inputs with their targets and weights.

    ``targets (n_supervised, n_outputs)`` and ``weights (n_supervised,)`` or None are flat, one
    recording after another; NaN marks a step that was not observed. ``single_output`` says that
    the user's targets had no axis of outputs.
    """

    sequences: Sequences
    targets: NDArray
    weights: NDArray | None
    single_output: bool

    def statistics(self, n_lags: int, device: Any) -> LagStatistics:
        """Return the sums to learn from."""
        sequences = self.sequences
        return sequences.statistics(LagStatistics, n_lags, self.targets, self.weights, device)

    def operator(self, n_lags: int, device: Any) -> LagOperator:
        """Return the sums to learn from, without the scatter itself."""
        sequences = self.sequences
        return sequences.statistics(LagOperator, n_lags, self.targets, self.weights, device)

    def part(self, selected: NDArray) -> TrainingData:
        """Return the data with the targets of some steps alone.

        Parameters
        ----------
        selected : ndarray of bool, shape (n_supervised,)
            The steps to keep. Those of recordings keep the inputs before them.
        """
        sequences, steps = self.sequences.part(selected)
        weights = np.ones(len(self.targets)) if self.weights is None else self.weights
        weights = np.where(selected, weights, 0.0)[steps]
        return TrainingData(sequences, self.targets[steps], weights, self.single_output)

    def observed(self) -> NDArray:
        """Return which steps have a target and a weight, (n_supervised,)."""
        observed = observed_steps(self.targets)
        return observed if self.weights is None else observed & (self.weights > 0)

    def split(
        self, fraction: float, rng: np.random.Generator | None = None
    ) -> tuple[TrainingData, TrainingData]:
        """Return the data without a ``fraction`` of the observed steps, and those alone.

        They are the last ones, or drawn by ``rng``.
        """
        observed = np.flatnonzero(self.observed())
        n_held_out = int(np.ceil(fraction * len(observed)))
        if not 0 < n_held_out < len(observed):
            raise ValueError(
                f"validation_fraction={fraction} leaves nothing to train on or to validate on: y "
                f"has n_samples={len(observed)} observed steps."
            )
        if rng is None:
            held_out = np.arange(len(self.targets)) >= observed[-n_held_out]
        else:
            held_out = np.zeros(len(self.targets), dtype=bool)
            held_out[rng.choice(observed, n_held_out, replace=False)] = True
        return self.part(~held_out), self.part(held_out)
