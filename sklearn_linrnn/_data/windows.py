"""Windows with a target each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.response import respond
from sklearn_linrnn._core.statistics.lag_operator import LagOperator
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.tensors import as_float64
from sklearn_linrnn._data.lag_columns import WindowColumns

S = TypeVar("S", LagStatistics, LagOperator)

BLOCK = 2**20  # numbers in a block of windows: 8 MiB


@final
@dataclass(frozen=True)
class Windows:
    """Windows ``(n_windows, n_timesteps, n_channels)``, oldest first, target at the last time step.

    If they were rows of a 2-D array, ``columns`` has the lag of each of its columns. With a
    ``first_lag`` below zero the target is as many time steps before the last one; windows with a
    delay end where it begins.
    """

    inputs: NDArray
    columns: WindowColumns | None = None
    first_lag: int = 0

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

    def from_lag(self, first_lag: int) -> Windows:
        """Return the windows with another first lag: without the last ones, if it is a delay."""
        n_timesteps, delay = self.longest, max(first_lag, 0)
        if delay >= n_timesteps:
            raise ValueError(
                f"delay={delay} needs windows of more time steps, but got an X whose windows have "
                f"n_timesteps={n_timesteps}."
            )
        return replace(self, inputs=self.inputs[:, : n_timesteps - delay], first_lag=first_lag)

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
        """Return an iterator of what `respond` returns in blocks, after their places in it."""
        n_windows, length = len(self.inputs), max(1, BLOCK // self.inputs[0].size)
        cuts = (
            slice(first, min(first + length, n_windows)) for first in range(0, n_windows, length)
        )
        return ((steps, respond(self.inputs[steps], impulse_response)) for steps in cuts)

    def lags(self, n_lags: int) -> Iterator[NDArray]:
        """Yield the lags of the supervised time steps, (n, n_lags * n_channels), in blocks."""
        yield from lag_blocks(self.inputs[:, self.longest - n_lags :])


def lag_blocks(windows: NDArray) -> Iterator[NDArray]:
    """Yield windows (n_windows, n_lags, n_channels), flattened with lag 0 first, in blocks.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_lags, n_channels)
        Oldest time step first.
    """
    length = max(1, BLOCK // max(windows[0].size, 1)) if len(windows) else 1
    for first in range(0, len(windows), length):
        block = windows[first : first + length, ::-1]
        yield np.ascontiguousarray(block.reshape(len(block), -1), dtype=np.float64)
