"""Which lag of which channel the columns of a window hold, by their names or by the layout."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _get_feature_names

# y_lag_3 (sktime's WindowSummarizer, make_reduction), lag_3__y and lag_1__lag_3__y (sktime's Lag).
SUFFIX = re.compile(r"(?:(?P<channel>.+)_)?lag_(?P<lag>\d+)")
PREFIX = re.compile(r"(?P<lags>(?:lag_\d+__)+)(?P<channel>.+)")


@dataclass(frozen=True)
class WindowColumns:
    """Place of each column in a window of shape (n_timesteps, n_channels), oldest time step first.

    Attributes
    ----------
    steps, channels : tuple of int, length n_columns
        Time step and channel of each column.
    n_timesteps, n_channels : int
        Shape of the window. Places without a column hold zeros.
    """

    steps: tuple[int, ...]
    channels: tuple[int, ...]
    n_timesteps: int
    n_channels: int

    def to_windows(self, X: NDArray) -> NDArray:
        """Return ``X (n_samples, n_columns)`` as windows (n_samples, n_timesteps, n_channels)."""
        size = self.n_timesteps * self.n_channels
        places = self.places
        if np.array_equal(places, np.arange(size)):
            windows = X
        else:
            windows = np.zeros((len(X), size), dtype=X.dtype)
            windows[:, places] = X
        return windows.reshape(len(X), self.n_timesteps, self.n_channels)

    @property
    def places(self) -> NDArray[np.intp]:
        """Index of each column in a flattened window."""
        return np.array(self.steps) * self.n_channels + np.array(self.channels)


def arrange_windows(
    estimator: BaseEstimator,
    X: Any,
    array: NDArray,
    n_channels: int | None,
    columns: WindowColumns | None,
) -> tuple[NDArray, WindowColumns]:
    """Return the rows of an array as windows (n_samples, n_timesteps, n_channels).

    Parameters
    ----------
    estimator : estimator
        Its ``lag_order``, ``layout`` and ``n_channels`` define which lags the columns hold.
    X : array-like
        The user's array or frame, with its names.
    array : ndarray of shape (n_samples, n_columns)
        Its values.
    n_channels : int or None
        Number of channels in ``fit``.
    columns : WindowColumns or None
        Places of the columns in ``fit``; ``None`` to find them.
    """
    if columns is None:
        columns = window_columns(estimator, X, array.shape[1], n_channels)
    return columns.to_windows(array), columns


def window_columns(
    estimator: BaseEstimator, X: Any, n_columns: int, n_channels: int | None
) -> WindowColumns:
    """Return which lag of which channel each column of a 2-D X holds."""
    levels = getattr(getattr(X, "columns", None), "nlevels", 1)
    if estimator.lag_order == "infer" and levels > 1:
        raise ValueError(
            f"lag_order='infer' reads one name from each column, but got column names of {levels} "
            "levels. Name them as in 'y_lag_3', or pass lag_order."
        )
    names = _get_feature_names(X)  # None for arrays, and for frames without names
    if names is not None and estimator.lag_order == "infer" and len(names) > 1:
        return columns_by_name(list(names))
    return columns_by_layout(
        n_columns,
        int(estimator.n_channels or n_channels or 1),
        estimator.layout,
        estimator.lag_order == "newest_first",
    )


def columns_by_layout(
    n_columns: int, n_channels: int, layout: str, newest_first: bool
) -> WindowColumns:
    """Return the columns of flattened windows: time-major for "ntc", channel-major for "nct"."""
    n_timesteps, rest = divmod(n_columns, n_channels)
    if rest:
        raise ValueError(
            f"n_channels={n_channels} must divide the number of columns of a flattened window, "
            f"but got an X of {n_columns} columns."
        )
    shape = (n_timesteps, n_channels) if layout == "ntc" else (n_channels, n_timesteps)
    steps, channels = np.indices(shape) if layout == "ntc" else np.indices(shape)[::-1]
    steps, channels = steps.ravel().tolist(), channels.ravel().tolist()
    if newest_first:
        steps = [n_timesteps - 1 - step for step in steps]
    return WindowColumns(tuple(steps), tuple(channels), n_timesteps, n_channels)


def columns_by_name(names: Sequence[str]) -> WindowColumns:
    """Return the columns of a frame whose names contain their lags.

    The smallest lag is the window's last time step, and every channel is aligned to it. A column
    without a lag is a channel of its own, with zeros before the last time step.

    Raises
    ------
    ValueError
        If no name contains a lag, or two names contain the same lag of a channel.
    """
    parsed = [parse_lag(name) for name in names]
    lags = [entry[1] for entry in parsed if entry is not None]
    if not lags:
        raise ValueError(
            "lag_order='infer' reads the order of lags from column names such as 'y_lag_3', "
            f"'lag_3__y' or 'lag_1__lag_3__y', but got columns named {_shortened(names)}. Rename "
            "them, or pass lag_order='oldest_first' or lag_order='newest_first'."
        )
    newest = min(lags)
    n_timesteps = max(lags) - newest + 1
    lagged = dict.fromkeys(entry[0] for entry in parsed if entry is not None)
    channel_of = {("lagged", channel): index for index, channel in enumerate(lagged)}
    places = []
    for name, entry in zip(names, parsed, strict=True):
        key = ("plain", name) if entry is None else ("lagged", entry[0])
        lag = 0 if entry is None else entry[1] - newest
        channel = channel_of.setdefault(key, len(channel_of))
        places.append((n_timesteps - 1 - lag, channel))
    count = Counter(places)
    twice = [name for name, place in zip(names, places, strict=True) if count[place] > 1]
    if twice:
        raise ValueError(
            "lag_order='infer' needs each lag of a channel once, but got the same lag from "
            f"{_shortened(twice)}."
        )
    steps, channels = zip(*places, strict=True)
    return WindowColumns(steps, channels, n_timesteps, len(channel_of))


def parse_lag(name: str) -> tuple[str, int] | None:
    """Return the channel and the lag in a column's name, or None.

    >>> parse_lag("y_lag_3"), parse_lag("lag_1__lag_3__y"), parse_lag("price")
    (('y', 3), ('y', 4), None)
    """
    if match := PREFIX.fullmatch(name):
        return match["channel"], sum(int(lag) for lag in re.findall(r"\d+", match["lags"]))
    if match := SUFFIX.fullmatch(name):
        return match["channel"] or "", int(match["lag"])
    return None


def _shortened(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"
