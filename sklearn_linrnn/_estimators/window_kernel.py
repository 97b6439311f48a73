"""What kernels of windows share: how they read windows, and what scikit-learn asks of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import Kernel

from sklearn_linrnn._core.saved_state import SavedState
from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._data.containers import check_numbers


class WindowKernel(SavedState, Kernel):
    """A kernel of `sklearn.gaussian_process` between windows."""

    def is_stationary(self) -> bool:
        """Return False: the kernel of two windows is not that of their difference.

        Returns
        -------
        stationary : bool
            False.
        """
        return False


def read_windows(X: Any, name: str, n_channels: int) -> NDArray:
    """Return windows (n_samples, n_timesteps, n_channels), lag 0 first."""
    if hasattr(X, "columns"):
        raise TypeError(
            f"{name} must be an array, oldest time step first, but got a {type(X).__name__}, whose "
            "columns may hold lags in any order. Pass an array of them in order."
        )
    windows = check_numbers(X, name, dtype=np.float64, allow_nd=True)
    n_channels = whole_number(n_channels, "n_channels")
    if n_channels < 1:
        raise ValueError(f"n_channels must be at least 1, but got {n_channels}.")
    if windows.ndim > 3:
        raise ValueError(
            f"{name} must have shape (n_samples, n_timesteps * n_channels) or (n_samples, "
            f"n_timesteps, n_channels), but its shape is {windows.shape}."
        )
    if windows.size == 0:
        raise ValueError(
            f"{name} must have at least one window, time step and channel, but its shape is "
            f"{windows.shape}."
        )
    if windows.ndim == 3 and n_channels not in (1, windows.shape[2]):
        raise ValueError(
            f"{name} has {windows.shape[2]} channels, but got n_channels={n_channels}."
        )
    if windows.ndim == 2:
        if windows.shape[1] % n_channels:
            raise ValueError(
                f"{name} has {windows.shape[1]} columns, which n_channels={n_channels} does not "
                "divide."
            )
        windows = windows.reshape(len(windows), -1, n_channels)
    return windows[:, ::-1]


def read_two_windows(X: Any, X2: Any, n_channels: int) -> tuple[NDArray, NDArray | None]:
    """Return windows and others of the same form, or None where there are no others."""
    windows = read_windows(X, "X", n_channels)
    if X2 is None:
        return windows, None
    others = read_windows(X2, "X2", n_channels)
    if windows.shape[1:] != others.shape[1:]:
        raise ValueError(
            "X and X2 must have windows of the same time steps and channels, but their shapes are "
            f"{windows.shape} and {others.shape}."
        )
    return windows, others


def finite_kernel(kernel: NDArray) -> NDArray:
    """Return a kernel, or raise a ValueError if it overflowed."""
    if not np.isfinite(kernel).all():
        raise ValueError("X is too large: its kernel overflows float64. Scale it.")
    return kernel
