"""The sums that every estimator of the package learns from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from sklearn_linrnn._core.memory import explained_memory_errors
from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._core.statistics.merging import WEIGHT_ROUNDING, cancelled, merged
from sklearn_linrnn._core.statistics.moments import OUT_OF_RANGE, Moments
from sklearn_linrnn._core.statistics.series import Series, check_weights, observed
from sklearn_linrnn._core.statistics.windows import series_moments, window_moments
from sklearn_linrnn._core.tensors import (
    as_float64,
    check_device,
    finite,
    real_numbers,
    whole_number,
)

MOST_CANCELLED = 1e8  # times what is left, of a difference: then half of the digits are gone


@dataclass(frozen=True, eq=False, repr=False)
class LagStatistics(SavedState, Moments):
    """Sufficient statistics of a linear model on lagged inputs.

    With the lags of time step ``s`` stacked in ``z_s = [x_s, x_{s-1}, ..., x_{s - n_lags + 1}]``,
    all that least squares, its regularised forms and full-batch gradient descent see of the data
    are ``m = sum_s w_s`` and the centred moments of ``z`` and ``y``. Statistics of disjoint data
    add up with ``+`` and can be taken away again with ``-``: folds, recordings and the workers of
    a cluster are one sum.

    Make them with `from_windows` or `from_series`.

    Attributes
    ----------
    weight : float
        ``m``, the sum of the sample weights of the supervised time steps.
    input_mean : Tensor of shape (n_lags * n_channels,)
        Weighted mean of ``z``. Here and below lag 0 comes first, its channels side by side.
    target_mean : Tensor of shape (n_outputs,)
        Weighted mean of ``y``.
    input_scatter : Tensor of shape (n_lags * n_channels, n_lags * n_channels)
        ``G = sum_s w_s (z_s - z_bar)(z_s - z_bar)^T``.
    cross_scatter : Tensor of shape (n_lags * n_channels, n_outputs)
        ``B = sum_s w_s (z_s - z_bar)(y_s - y_bar)^T``.
    target_scatter : Tensor of shape (n_outputs,)
        ``s_yy = sum_s w_s (y_s - y_bar)^2``, each output by itself.
    n_lags, n_channels : int
        Number of lags, the present time step included, and of input channels.

    Notes
    -----
    All tensors are float64 and centred, so that a series far from zero loses no digits; merging
    follows Chan, Golub and LeVeque [1]_.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance:
       analysis and recommendations", The American Statistician 37, 1983, equation 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_linrnn import LagStatistics
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 1000))
    >>> whole = LagStatistics.from_series(x, y, n_lags=3)
    >>> whole.weight
    1000.0
    >>> recordings = [x[:400], x[400:]], [y[:400], y[400:]]
    >>> both = LagStatistics.from_series(*recordings, n_lags=3)
    >>> first = LagStatistics.from_series(x[:400], y[:400], n_lags=3)
    >>> (both - first).weight
    600.0
    """

    n_lags: int
    n_channels: int

    @classmethod
    def from_windows(
        cls,
        X: Any,
        y: Any,
        *,
        n_lags: int | None = None,
        sample_weight: Any = None,
        device: torch.device | str = "cpu",
    ) -> LagStatistics:
        """Return the statistics of windows, each with a target at its last time step.

        Parameters
        ----------
        X : array-like of shape (n_windows, n_timesteps) or (n_windows, n_timesteps, n_channels)
            Windows, oldest time step first; finite.
        y : array-like of shape (n_windows,) or (n_windows, n_outputs)
            Targets at the last time steps. A window with a NaN among its targets is left out.
        n_lags : int, default=None
            How many of the last time steps to use; ``None`` for all.
        sample_weight : array-like of shape (n_windows,), default=None
            Weights, not negative; ``None`` for ones.
        device : torch.device or str, default="cpu"
            Where to compute and to keep the statistics.

        Returns
        -------
        statistics : LagStatistics

        Raises
        ------
        ValueError
            If shapes disagree, `n_lags` is not between 1 and ``n_timesteps``, X or a weight is not
            finite, a weight is negative, sums of products overflow, or there is no such device.
        TypeError
            If X, y or a weight holds anything but real numbers, or `n_lags` is not whole.
        """
        device = check_device(device)
        X = real_numbers(X, "X")
        X = X[:, :, None] if X.ndim == 2 else X
        if X.ndim != 3:
            raise ValueError(f"X must have 2 or 3 dimensions, but its shape is {tuple(X.shape)}.")
        if 0 in X.shape:
            raise ValueError(
                "X must have at least one window, time step and channel, but its shape is "
                f"{tuple(X.shape)}."
            )
        n_windows, n_timesteps, _ = X.shape
        n_lags = n_timesteps if n_lags is None else whole_number(n_lags, "n_lags")
        if not 1 <= n_lags <= n_timesteps:
            raise ValueError(
                f"n_lags={n_lags} must lie between 1 and the {n_timesteps} time steps of a window."
            )
        targets = as_float64(y, device, "y")
        targets = targets[:, None] if targets.ndim == 1 else targets
        if targets.ndim != 2 or len(targets) != n_windows:
            raise ValueError(
                f"y must have shape ({n_windows},) or ({n_windows}, n_outputs), a target for each "
                f"window, but got shape {tuple(targets.shape)}."
            )
        weights = check_weights(sample_weight, n_windows, device)
        statistics = cls.of_windows(X, *observed(targets, weights), n_lags=n_lags)
        if not statistics.is_finite:
            finite(as_float64(X), "X")
        return _in_range(statistics)

    @classmethod
    def of_windows(cls, X: Any, targets: Tensor, weights: Tensor, *, n_lags: int) -> LagStatistics:
        """Return the statistics of windows that were checked.

        Parameters
        ----------
        X : array-like of shape (n_windows, n_timesteps, n_channels)
            Windows, oldest time step first; finite.
        targets : Tensor of shape (n_windows, n_outputs)
            Targets; finite.
        weights : Tensor of shape (n_windows,)
            Weights.
        n_lags : int
            How many of the last time steps to use.

        Returns
        -------
        statistics : LagStatistics
        """
        _, n_timesteps, n_channels = X.shape
        moments = window_moments(X[:, n_timesteps - n_lags :], targets, weights)
        return cls._of(moments, n_lags, n_channels)

    @classmethod
    def from_series(
        cls,
        X: Any,
        y: Any,
        *,
        n_lags: int,
        start: Literal["zero_state", "full_windows"] = "zero_state",
        sample_weight: Any = None,
        device: torch.device | str = "cpu",
    ) -> LagStatistics:
        """Return the statistics of recordings with a target at every time step.

        Lags never cross from one recording into another.

        Parameters
        ----------
        X : array-like of shape (n_timesteps,), (n_timesteps, n_channels) or \
                (n_recordings, n_timesteps, n_channels), or list of the first two
            One recording, or several, also as a nested list; finite.
        y : array-like or list, of the same form as X with ``n_outputs`` for ``n_channels``
            Targets. A time step with a NaN among its targets is not observed and is left out.
        n_lags : int
            Number of lags, the present time step included; at least 1.
        start : {"zero_state", "full_windows"}, default="zero_state"
            What was before the first time step of a recording: a zero state (inputs of zero), or
            something unknown, so that its first ``n_lags - 1`` time steps are left out.
        sample_weight : array-like or list of shape (n_timesteps,) for each recording, default=None
            Weights of the time steps, not negative; ``None`` for ones.
        device : torch.device or str, default="cpu"
            Where to compute and to keep the statistics.

        Returns
        -------
        statistics : LagStatistics

        Raises
        ------
        ValueError
            If shapes disagree, `n_lags` is less than 1, `start` is unknown, X or a weight is not
            finite, a weight is negative, sums of products overflow, or there is no such device.
        TypeError
            If X, y or a weight holds anything but real numbers, or `n_lags` is not whole.
        MemoryError
            If the sums of so many lags need more memory than there is.

        Notes
        -----
        One matrix product over the lags of all time steps costs
        ``n_timesteps * (n_lags * n_channels)^2``. Where the weights seldom change along the series,
        a weighted auto-correlation and the displacement structure of the scatter give the same in
        ``n_timesteps * log(n_lags) + n_lags^2``. The cheaper of the two is taken.
        """
        n_lags = whole_number(n_lags, "n_lags")
        series = Series.glue(X, y, sample_weight, check_device(device))
        with explained_memory_errors(
            f"There is not enough memory for the sums of n_lags={n_lags}. Lower n_lags."
        ):
            return _in_range(cls.of_series(series, n_lags=n_lags, start=start))

    @classmethod
    def of_series(
        cls,
        series: Series,
        *,
        n_lags: int,
        start: Literal["zero_state", "full_windows"] = "zero_state",
    ) -> LagStatistics:
        """Return the statistics of recordings that were joined to one series.

        Parameters
        ----------
        series : Series
            The recordings, checked.
        n_lags : int
            Number of lags.
        start : {"zero_state", "full_windows"}, default="zero_state"
            What was before each recording, as in `from_series`.

        Returns
        -------
        statistics : LagStatistics
        """
        series = series.supervised(n_lags, start).trimmed(n_lags - 1)
        return cls._of(series_moments(series, n_lags), n_lags, series.x.shape[1])

    def first_lags(self, n_lags: int) -> LagStatistics:
        """Return the statistics of the first lags alone; no data is read.

        Parameters
        ----------
        n_lags : int
            Number of lags to keep, the present time step included.

        Returns
        -------
        statistics : LagStatistics
            What the same time steps give with fewer lags.

        Raises
        ------
        ValueError
            If `n_lags` is not between 1 and the number of lags that there are.
        """
        n_lags = whole_number(n_lags, "n_lags")
        if not 1 <= n_lags <= self.n_lags:
            raise ValueError(f"n_lags={n_lags} must lie between 1 and {self.n_lags}.")
        return self.lags_from(0, n_lags)

    def lags_from(self, delay: int, n_lags: int) -> LagStatistics:
        """Return the statistics of some of the lags, for inputs that act after a delay.

        Parameters
        ----------
        delay : int
            The lag that is to be the first one.
        n_lags : int
            Number of lags to keep; at most those that there are from there on.

        Returns
        -------
        statistics : LagStatistics
            What the same time steps give with inputs that are moved by the delay.
        """
        first, stop = delay * self.n_channels, (delay + n_lags) * self.n_channels
        return replace(self.some(slice(first, stop)), n_lags=n_lags)

    @classmethod
    def _of(cls, moments: Moments, n_lags: int, n_channels: int) -> LagStatistics:
        return cls(**vars(moments), n_lags=n_lags, n_channels=n_channels)

    def __add__(self, other: LagStatistics) -> LagStatistics:
        """Return the statistics of both data together."""
        if not isinstance(other, LagStatistics):
            return NotImplemented
        self.check_alike(other)
        return merged(self, other, 1)

    def __radd__(self, other: Literal[0]) -> LagStatistics:
        """Let ``sum`` start from 0."""
        return self if other == 0 else NotImplemented

    def __sub__(self, other: LagStatistics) -> LagStatistics:
        """Return the statistics of this data without ``other``, which must be a part of it.

        A ValueError if half of the digits of some scatter are lost: where the part varied so much
        more than what is left of the data, that must be summed up anew.
        """
        if not isinstance(other, LagStatistics):
            return NotImplemented
        self.check_alike(other)
        if other.weight > self.weight * (1.0 + WEIGHT_ROUNDING):
            raise ValueError(
                f"Statistics of weight {other.weight:g} cannot be taken away from statistics of "
                f"weight {self.weight:g}."
            )
        left = merged(self, other, -1)
        if (times := cancelled(left)) > MOST_CANCELLED:
            raise ValueError(
                "Too few digits are left after taking away statistics: of an input or a target "
                f"there was {times:.2g} times the scatter that is left. Sum up anew what "
                "shall be left. Or what was taken away is no part of these data."
            )
        return left

    def __repr__(self) -> str:
        """Say how much data of which shape there is."""
        return (
            f"{type(self).__name__}(weight={self.weight:g}, n_lags={self.n_lags}, "
            f"n_channels={self.n_channels}, n_outputs={len(self.target_mean)})"
        )

    def check_alike(self, other: LagStatistics) -> None:
        """Raise a ValueError unless two statistics have the same shapes and are on one device.

        Parameters
        ----------
        other : LagStatistics
            Statistics to combine with these.
        """
        for name, mine, theirs in (
            ("n_lags", self.n_lags, other.n_lags),
            ("n_channels", self.n_channels, other.n_channels),
            ("n_outputs", len(self.target_mean), len(other.target_mean)),
            ("device", self.input_mean.device, other.input_mean.device),
        ):
            if mine != theirs:
                raise ValueError(
                    f"Statistics go together when their {name} agree, but got {mine} and {theirs}."
                )


def _in_range(statistics: LagStatistics) -> LagStatistics:
    """Return statistics, or raise a ValueError if their sums overflowed."""
    if not statistics.is_finite:
        raise ValueError(OUT_OF_RANGE.format("large", "overflow"))
    return statistics
