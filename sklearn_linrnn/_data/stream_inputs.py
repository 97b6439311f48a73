"""Time steps that are added to a stream, and counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._data.containers import FLOATS, check_numbers
from sklearn_linrnn._data.time_steps import check_times


def check_count(value: Any, name: str) -> int:
    """Return a whole number of at least 1, or raise.

    Parameters
    ----------
    value : object
        What was passed.
    name : str
        What it is called.

    Raises
    ------
    ValueError
        If it is less than 1.
    TypeError
        If it is not whole.
    """
    number = whole_number(value, name)
    if number < 1:
        raise ValueError(f"{name} must be at least 1, but got {number}.")
    return number


def check_steps(X: Any, y: Any, sample_weight: Any) -> tuple[NDArray, NDArray, NDArray]:
    """Return time steps as two axes of inputs and of targets, and one of weights.

    Parameters
    ----------
    X : array-like of shape (n_timesteps,) or (n_timesteps, n_channels)
        Inputs.
    y : array-like of shape (n_timesteps,) or (n_timesteps, n_outputs)
        Targets; a NaN is one that was not observed.
    sample_weight : array-like of shape (n_timesteps,) or None
        Weights, ones if there are none.

    Raises
    ------
    ValueError
        If shapes disagree, X or a weight is not finite, or a weight is negative.
    TypeError
        If something holds anything but real numbers.
    """
    inputs = _columns(X, "X", "n_channels")
    targets = _columns(y, "y", "n_outputs", allow_nan=True)
    if len(targets) != len(inputs):
        raise ValueError(
            f"y must have as many time steps as X, {len(inputs)}, but got {len(targets)}."
        )
    if hasattr(X, "iloc"):
        check_times([X], [len(inputs)])
    return inputs, targets, _weights(sample_weight, len(inputs))


def _columns(value: Any, name: str, columns: str, *, allow_nan: bool = False) -> NDArray:
    """Return time steps as an array of shape (n_timesteps, n_columns)."""
    array = check_numbers(
        value,
        name,
        dtype=FLOATS,
        ensure_2d=False,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_all_finite="allow-nan" if allow_nan else True,
    )
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{name} must have shape (n_timesteps,) or (n_timesteps, {columns}), but got "
            f"{array.shape}."
        )
    return array[:, None] if array.ndim == 1 else array


def _weights(sample_weight: Any, n_timesteps: int) -> NDArray:
    if sample_weight is None:
        return np.broadcast_to(1.0, n_timesteps)
    weights = check_numbers(
        sample_weight, "sample_weight", dtype=FLOATS, ensure_2d=False, ensure_min_samples=0
    )
    if weights.shape != (n_timesteps,):
        raise ValueError(
            f"sample_weight must have shape ({n_timesteps},), a weight for each time step of X, "
            f"but got {weights.shape}."
        )
    if (weights < 0).any():
        raise ValueError(f"sample_weight must not be negative, but got {weights.min()}.")
    return weights
