"""The regressions that a forecaster consists of: from the steps of series to sums over windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sklearn_linrnn._core.statistics.horizons import future_statistics
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.statistics.levels import LevelName, Levels


@dataclass(frozen=True)
class Regression:
    """Some columns of a series, some steps ahead, from the last steps of the same columns.

    Attributes
    ----------
    columns : tuple of int
        The columns that are read, and forecast.
    horizons : tuple of int
        Steps ahead, at least 1 each.
    n_exogenous : int
        Number of exogenous channels. Their lags count from the time that is forecast, not from
        that of the forecast, so that with any of them there is one horizon.
    n_lags : int
        Number of lags of its sums.
    """

    columns: tuple[int, ...]
    horizons: tuple[int, ...]
    n_exogenous: int = 0
    n_lags: int = 1

    @property
    def furthest(self) -> int:
        """The furthest step ahead."""
        return max(self.horizons)

    def with_lags(self, n_lags: int) -> Regression:
        """Return the same regression on another number of lags."""
        return replace(self, n_lags=n_lags)

    @property
    def n_channels(self) -> int:
        """Number of input channels."""
        return len(self.columns) + self.n_exogenous

    @property
    def target_channels(self) -> tuple[int, ...]:
        """The channel of each target; targets are ordered by horizon, then by column."""
        return tuple(range(len(self.columns))) * len(self.horizons)

    def levels(self, level: LevelName, n_lags: int) -> Levels:
        """Return the levels of its windows; exogenous channels have none."""
        exogenous = range(len(self.columns), self.n_channels)
        return Levels.of(level, n_lags, self.n_channels, self.target_channels, exogenous)

    def longest_windows(self, y: NDArray, x: NDArray) -> NDArray:
        """Return the length of the longest whole window at each origin, (n_origins,).

        It is zero where a target is missing. The last origin is that of the last target.

        Parameters
        ----------
        y, x : ndarray of shape (n_timesteps, n_columns) and (n_timesteps, n_exogenous)
            The series and the exogenous series, NaN where not observed.
        """
        n_origins = max(len(y) - self.furthest, 0)
        observed = ~np.isnan(y[:, list(self.columns)]).any(axis=1)
        whole = observed[:n_origins].copy()
        if self.n_exogenous:
            whole &= ~np.isnan(x[self.furthest :]).any(axis=1)
        lengths = run_lengths(whole)
        for horizon in self.horizons:
            lengths[~observed[horizon : horizon + n_origins]] = 0
        return lengths

    def sums(self, parts: Sequence[tuple[NDArray, NDArray]], device: Any) -> LagStatistics:
        """Return the sums over all full windows with all their targets.

        A window that touches a missing value, or one of whose targets is missing, is left out.

        Parameters
        ----------
        parts : sequence of tuple
            Of each series its steps, ``(n_timesteps, n_columns)``, NaN where not observed, and
            those of its exogenous series, ``(n_timesteps, n_exogenous)``.
        device : torch.device or str
            Where to compute.

        Returns
        -------
        sums : LagStatistics
            On the CPU.
        """
        columns = list(self.columns)
        if not self.n_exogenous:
            steps = [y[:, columns] for y, _ in parts]
            return future_statistics(steps, self.n_lags, self.horizons, device).to("cpu")
        (horizon,) = self.horizons
        pairs = [_aligned(y[:, columns], x, horizon, self.n_lags) for y, x in parts]
        inputs, targets = zip(*pairs, strict=True)
        sums = LagStatistics.from_series(
            inputs, targets, n_lags=self.n_lags, start="full_windows", device=device
        )
        return sums.to("cpu")

    def windows(self, y: NDArray, x: NDArray, origins: NDArray, n_lags: int) -> NDArray:
        """Return windows as rows (n_origins, n_lags * n_channels), newest step first.

        Parameters
        ----------
        y : ndarray of shape (n_timesteps, n_columns)
            The series.
        x : ndarray of shape (n_timesteps + max(horizons), n_exogenous)
            The exogenous series.
        origins : ndarray of int, shape (n_origins,)
            Last steps of the windows.
        n_lags : int
            Number of lags.
        """
        own = _windows_at(y[:, list(self.columns)], origins, n_lags)
        if self.n_exogenous:
            driven = _windows_at(x, origins + self.horizons[0], n_lags)
            own = np.concatenate([own, driven], axis=2)
        return own.reshape(len(origins), -1)


def make_regressions(
    n_columns: int, n_exogenous: int, horizons: tuple[int, ...], *, joint: bool, apart: bool
) -> tuple[Regression, ...]:
    """Return the regressions of a forecaster.

    There is one for all columns if they are ``joint``, else one for each. All horizons share it,
    and the windows that have the targets of all of them, unless they are to be ``apart``, as
    exogenous channels need.
    """
    columns = [tuple(range(n_columns))] if joint else [(c,) for c in range(n_columns)]
    groups = [(h,) for h in horizons] if apart else [horizons]
    return tuple(Regression(some, group, n_exogenous) for group in groups for some in columns)


def run_lengths(observed: NDArray) -> NDArray:
    """Return how many steps in a row are observed up to each, (n_timesteps,).

    Parameters
    ----------
    observed : ndarray of bool, shape (n_timesteps,)
        Whether a step is observed.
    """
    step = np.arange(len(observed))
    return step - np.maximum.accumulate(np.where(observed, -1, step))


def _windows_at(steps: NDArray, ends: NDArray, n_lags: int) -> NDArray:
    """Return windows (n_ends, n_lags, n_channels), newest step first."""
    windows = sliding_window_view(steps, n_lags, axis=0)[ends - n_lags + 1]
    return windows[:, :, ::-1].transpose(0, 2, 1)


def _aligned(y: NDArray, x: NDArray, horizon: int, n_lags: int) -> tuple[NDArray, NDArray]:
    """Return inputs and targets at each origin; where windows have gaps, targets are NaN."""
    n_origins = len(y) - horizon
    if n_origins < 1:
        return np.zeros((1, y.shape[1] + x.shape[1])), np.full((1, y.shape[1]), np.nan)
    inputs, targets = np.hstack([y[:n_origins], x[horizon:]]), y[horizon:].copy()
    missing = np.isnan(inputs)
    if missing.any() and n_origins >= n_lags:
        touched = sliding_window_view(missing.any(axis=1), n_lags).any(axis=1)
        targets[n_lags - 1 :][touched] = np.nan
    return np.where(missing, 0.0, inputs), targets
