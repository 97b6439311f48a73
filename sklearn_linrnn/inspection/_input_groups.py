"""Inputs of every shape, with the place of each lag in what a model is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.equal_lengths import alike
from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._data.containers import check_all_numbers, check_numbers
from sklearn_linrnn._data.inputs import number_of_axes
from sklearn_linrnn._data.lag_columns import check_order, window_columns

CHOICES = {
    "layout": ("ntc", "nct"),
    "lag_order": ("infer", "oldest_first", "newest_first"),
}


@dataclass(frozen=True)
class Reading:
    """How the axes and columns of inputs are read.

    Attributes
    ----------
    layout : {"ntc", "nct"}
        Order of the axes of sequences.
    lag_order : {"infer", "oldest_first", "newest_first"}
        Order of the columns of windows.
    n_channels : int
        Number of channels in flattened windows.
    rows : {"windows", "timesteps"}
        What the rows of a 2-D X are.
    is_wrapped : bool
        Whether the estimator that knows this is inside of another, which may not take lists.
    """

    layout: str
    lag_order: str
    n_channels: int
    rows: str
    is_wrapped: bool

    @classmethod
    def of(cls, model: Any, **stated: Any) -> Reading:
        """Return what was stated, and what was not (None) as an estimator has it, or as usual."""
        inner = _innermost(getattr(model, "__self__", model))  # that of a method
        inner = inner if hasattr(inner, "get_params") else None
        response = getattr(inner, "impulse_response_", None)
        usual = {
            "layout": "ntc",
            "lag_order": "infer",
            "n_channels": 1 if response is None else response.shape[1],
            "rows": "windows",
        }
        found: dict[str, Any] = {}
        for name, default in usual.items():
            known = (stated.get(name), getattr(inner, name, None), default)
            found[name] = next(value for value in known if value is not None)
        for name, choices in CHOICES.items():
            if found[name] not in choices:
                raise ValueError(f"{name} must be one of {choices}, but got {found[name]!r}.")
        found["n_channels"] = whole_number(found["n_channels"], "n_channels")
        if found["n_channels"] < 1:
            raise ValueError(f"n_channels must be at least 1, but got {found['n_channels']}.")
        return cls(**found, is_wrapped=inner is not model)


@dataclass(frozen=True, eq=False)
class InputGroup:
    """Sequences of one shape.

    Attributes
    ----------
    values : ndarray of shape (n_sequences, ...)
        What a model is given.
    places : ndarray of int, shape (n_lags, n_channels)
        Where each lag is in a sequence that is flattened; -1 if it is not there.
    form : {"windows", "panel", "list", "recording"}
        What X was, and so what a method `predict` is given; a recording, by itself each.
    time_axis : int
        The axis of the time steps, in a panel.
    columns : sequence or None
        Names of the columns, of what is given as a frame of pandas.
    knows_steps : bool
        Whether the model is known to have an output at every time step.
    """

    values: NDArray
    places: NDArray
    form: str
    time_axis: int = 1
    columns: Any = None
    knows_steps: bool = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def rows(self) -> NDArray:
        """The sequences, each flattened."""
        return self.values.reshape(len(self.values), -1)

    def predicted(self, predict: Callable[[Any], Any], values: NDArray) -> NDArray:
        """Return what a method `predict` says of sequences, which it gets as X was."""
        if self.form == "recording":
            return np.stack([np.asarray(predict(self._named(each))) for each in values])
        if self.form == "list":
            return np.asarray(predict([self._named(each) for each in values]))
        return predict(self._named(values))

    def _named(self, table: NDArray) -> Any:
        return table if self.columns is None else pd.DataFrame(table, columns=self.columns)


def read_groups(X: Any, reading: Reading, n_lags: int, horizon: int) -> list[InputGroup]:
    """Return the sequences of X, those of one length together.

    Parameters
    ----------
    X : array-like or list
        Windows, a panel, a recording or a list of recordings.
    reading : Reading
        How it is read.
    n_lags : int
        Number of lags, of each of which the place is needed.
    horizon : int
        Number of time steps at the end of each sequence that come after lag 0.

    Raises
    ------
    TypeError, ValueError
        If it is none of them, or sequences are too short.
    """
    groups = _read_list(X) if _is_list(X) else [_read_array(X, reading)]
    return [_with_lags(group, n_lags, horizon) for group in groups]


def channel_scales(groups: list[InputGroup]) -> NDArray[np.float64]:
    """Return the standard deviation of each channel, (n_channels,).

    That of a constant one is taken to be as large as its value, or one.

    Parameters
    ----------
    groups : list of InputGroup
        All sequences.
    """
    scales = []
    for channel in range(groups[0].places.shape[1]):
        known = [(group.rows, group.places[:, channel]) for group in groups]
        values = np.concatenate([rows[:, places[places >= 0]].ravel() for rows, places in known])
        size = np.abs(values).max() or 1.0  # squares neither overflow nor underflow
        scales.append(size * ((values / size).std() or 1.0))
    return np.array(scales)


def _read_list(X: Any) -> list[InputGroup]:
    """Return recordings, those of one length together, with the places of all their time steps."""
    parts = check_all_numbers(X, "X", dtype=np.float64)
    widths = sorted({part.shape[1] for part in parts})
    if len(widths) > 1:
        raise ValueError(
            f"All recordings in X must have the same number of channels, but got {widths}."
        )
    stacks = [np.stack([parts[i] for i in places]) for places in alike(list(map(len, parts)))]
    known: dict[str, Any] = {"form": "list", "columns": _columns(X[0]), "knows_steps": True}
    return [InputGroup(values, _grid_of(values, "ntc"), **known) for values in stacks]


def _read_array(X: Any, reading: Reading) -> InputGroup:
    """Return the sequences of an array, with the places of all their time steps."""
    n_axes = number_of_axes(X)
    if n_axes not in (2, 3):
        raise ValueError(
            "X must be sequences (n_sequences, n_timesteps, n_channels), windows (n_samples, "
            "n_timesteps * n_channels) or a list of recordings (n_timesteps_i, n_channels), but "
            f"got an X with {n_axes} axes."
        )
    values = check_numbers(X, "X", dtype=np.float64, allow_nd=True)
    if n_axes == 3:
        if 0 in values.shape:
            raise ValueError(
                f"X must have a time step and a channel, but got shape {values.shape}."
            )
        time_axis = 1 if reading.layout == "ntc" else 2
        known = reading.rows == "timesteps"
        grid = _grid_of(values, reading.layout)
        return InputGroup(values, grid, "panel", time_axis, knows_steps=known)
    if reading.rows == "timesteps":
        grid = _grid_of(values[None], "ntc")
        form = "recording" if reading.is_wrapped else "list"
        return InputGroup(values[None], grid, form, columns=_columns(X), knows_steps=True)
    columns = window_columns(reading, X, values.shape[1], None)
    if not columns.named:
        check_order(columns.to_windows(values), reading.lag_order)
    grid = np.full((columns.n_timesteps, columns.n_channels), -1)
    grid[list(columns.steps), list(columns.channels)] = np.arange(values.shape[1])
    return InputGroup(values, grid, "windows", columns=_columns(X))


def _with_lags(group: InputGroup, n_lags: int, horizon: int) -> InputGroup:
    """Return a group whose places are those of the lags, instead of those of all time steps."""
    n_timesteps = len(group.places)
    if n_timesteps < n_lags + horizon:
        raise ValueError(
            f"X must have at least n_lags + horizon = {n_lags + horizon} time steps in each "
            f"sequence, but got {n_timesteps}. Lower n_lags, or pass longer sequences."
        )
    lags = group.places[::-1][horizon : horizon + n_lags].copy()
    return replace(group, places=lags)


def _grid_of(values: NDArray, layout: str) -> NDArray:
    """Return the place of each time step and channel in a flattened sequence."""
    places = np.arange(values[0].size).reshape(values.shape[1:])
    return places if layout == "ntc" else places.T


def _is_list(X: Any) -> bool:
    """Whether X is a list of recordings, and not nested lists of numbers."""
    return (
        isinstance(X, (list, tuple)) and len(X) > 0 and all(number_of_axes(part) == 2 for part in X)
        and all(hasattr(part, "shape") for part in X)
    )  # fmt: skip


def _columns(X: Any) -> Any:
    return getattr(X, "columns", None)  # of frames of pandas and of others


def _innermost(model: Any) -> Any:
    """Return what predicts in the end: the last step of a pipeline, the best of a search."""
    while True:
        steps = getattr(model, "steps", None)
        inner = steps[-1][1] if isinstance(steps, list) and steps else None
        for name in ("best_estimator_", "regressor_"):
            inner = getattr(model, name, None) if inner is None else inner
        if inner is None:
            return model
        model = inner
