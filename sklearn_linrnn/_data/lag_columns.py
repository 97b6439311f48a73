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

# y_lag_3 (sktime's WindowSummarizer and make_reduction, feature-engine), lag_3 (skforecast), lag3
# and y_lag3 (mlforecast), y__lag_3 (in the style of tsfresh); lag_3__y, lag_1__lag_3__y (sktime's
# Lag).
SUFFIX = re.compile(r"(?:(?P<channel>.+?)__?)?lag_?(?P<lag>\d+)")
PREFIX = re.compile(r"(?P<lags>(?:lag_\d+__)+)(?P<channel>.+)")
# Lag_3, ylag3, y.lag.3, y_lag_-3, y_lag_3h, lag_3_y; y(t-3), y_t-3; y.L3, L3.y. Neither flag_3, nor
# what has a lag in its midst, as the rolling_mean_lag1_window_size7 of mlforecast.
ALMOST = re.compile(
    r"(.*(?<!f))?lags?[^a-z]*\d[^a-z]*[a-z]{0,3}|lags?[^a-z]*\d.*|"
    r".*(\b|_)t ?- ?\d+\)?|.*\.l\d+|l\d+\..+",
    re.IGNORECASE,
)
FORMS = "'y_lag_3', 'y_lag3', 'y__lag_3', 'lag_3', 'lag3' or 'lag_3__y'"

LEAST_PAIRS = 16  # of neighbouring rows that tell an order: as many coins agree once in 65,536
MOST_PAIRS = 256  # that are looked at


@dataclass(frozen=True)
class WindowColumns:
    """Place of each column in a window of shape (n_timesteps, n_channels), oldest time step first.

    Attributes
    ----------
    steps, channels : tuple of int, length n_columns
        Time step and channel of each column.
    n_timesteps, n_channels : int
        Shape of the window. Places without a column hold zeros.
    named : bool
        Whether names said so, or an order that was stated.
    """

    steps: tuple[int, ...]
    channels: tuple[int, ...]
    n_timesteps: int
    n_channels: int
    named: bool = False

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
    *,
    learns: bool,
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
    learns : bool
        Whether the windows are learned from, so that they must not show another order.
    """
    if columns is None:
        columns = window_columns(estimator, X, array.shape[1], n_channels)
    windows = columns.to_windows(array)
    if learns and not columns.named:
        check_order(windows, estimator.lag_order)
    return windows, columns


def check_order(windows: NDArray, lag_order: str) -> None:
    """Raise if windows that were read as oldest first show that they run the other way.

    Of consecutive windows each is the one before, moved on by one time step: ``windows[1:, :-1]``
    is ``windows[:-1, 1:]``. Where instead ``windows[1:, 1:]`` is ``windows[:-1, :-1]``, and the
    former is not so, time runs backwards, in the windows or from row to row. Some neighbouring rows
    are looked at. What is both says nothing, as constants do; breaks between series are neither.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_timesteps, n_channels)
        Windows as they were read.
    lag_order : str
        The order that was stated.
    """
    n_pairs = len(windows) - 1
    if n_pairs < LEAST_PAIRS or windows.shape[1] == 1:
        return
    first = np.unique(np.linspace(0, n_pairs - 1, MOST_PAIRS).astype(int))
    earlier, later = windows[first], windows[first + 1]
    forward = later[:, :-1] == earlier[:, 1:]
    backward = later[:, 1:] == earlier[:, :-1]
    contrary = (backward & ~forward).sum(axis=0)
    breaks = (~backward & ~forward).sum(axis=0)
    agrees = (forward & ~backward).any(axis=0)
    turned = (contrary >= LEAST_PAIRS) & (contrary > breaks) & ~agrees
    if turned.any():
        raise ValueError(_turned_order(lag_order, everywhere=bool(turned.all())))


def _turned_order(lag_order: str, *, everywhere: bool) -> str:
    """Return what is wrong with windows of the other order, and what to do about it."""
    read, seen = "oldest_first", "newest_first"
    if lag_order == "newest_first":
        read, seen = seen, read
    remedy = f"pass lag_order={seen!r}"
    if not everywhere:
        remedy = (
            "as not all columns do so, pass a DataFrame that names the lags ('lag_1', ...), and "
            "the other columns in another way"
        )
    return (
        f"lag_order={lag_order!r} reads windows as {read}, but from row to row the values move the "
        f"other way, as in {seen} windows. If they are that, {remedy}. If instead the rows of X "
        "run back in time, turn X and y round (X[::-1], y[::-1]), which changes nothing else."
    )


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
        If no name contains a lag, or two names contain the same lag of a channel, or one name is
        almost one that contains a lag.
    """
    parsed = [parse_lag(name) for name in names]
    lags = [entry[1] for entry in parsed if entry is not None]
    almost = [
        name
        for name, entry in zip(names, parsed, strict=True)
        if entry is None and ALMOST.fullmatch(name)
    ]
    if almost:
        raise ValueError(
            f"lag_order='infer' reads lags from names such as {FORMS}, but among the columns of X "
            f"are {_shortened(almost)}, which are like them and none of them. Name a lag as one of "
            "these, and what is no lag in another way."
        )
    if not lags:
        raise ValueError(
            f"lag_order='infer' reads the order of lags from column names such as {FORMS}, but got "
            f"columns named {_shortened(names)}. If a row is one time step, and these are its "
            "channels, pass rows='timesteps' and n_lags. If a row is a window, rename its columns, "
            "or pass lag_order='oldest_first' or lag_order='newest_first'."
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
    return WindowColumns(steps, channels, n_timesteps, len(channel_of), named=True)


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
