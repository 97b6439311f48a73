"""The steps of series that a regression has learned from, for what its sums do not say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn.forecasting._series.panels import Histories, Steps


@dataclass(frozen=True, eq=False)
class SeenSteps:
    """The first steps of series, which stay where they are.

    Attributes
    ----------
    histories : mapping of tuple to History
        The series.
    ends : mapping of tuple to int
        Number of first steps of each series; one without is not there.
    """

    histories: Histories
    ends: Steps

    def filtered(
        self, weights: NDArray, columns: tuple[int, ...], *, differences: bool
    ) -> Iterator[NDArray]:
        """Yield what each series is after a filter, (n_timesteps - n_weights + 1,).

        Values are NaN where the filter touches a missing value.

        Parameters
        ----------
        weights : ndarray of shape (n_weights, n_columns)
            Those of the newest step first.
        columns : tuple of int
            The columns.
        differences : bool
            Whether the filter is one of differences between steps, of which there is one less.
        """
        for key, end in self.ends.items():
            steps = self.histories[key].y[:end, list(columns)]
            if differences:
                steps = np.diff(steps, axis=0)
            if len(steps) >= len(weights):
                parts = zip(steps.T, weights.T, strict=True)
                yield np.sum([np.convolve(*part, mode="valid") for part in parts], axis=0)
