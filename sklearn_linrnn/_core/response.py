"""The impulse response: one shape outside, one inside, and its convolution with inputs.

Outside, in fitted attributes, it is an array ``(n_outputs, n_channels, n_lags)``, lag 0 first, in
the order of PyTorch's `conv1d`, not flipped. Inside it is a matrix ``(n_lags * n_channels,
n_outputs)``, lag 0 first and its channels side by side, as the lags of a time step are stacked in
`LagStatistics`. Both may have further axes, of several responses, before the outputs.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import oaconvolve
from torch import Tensor


def as_matrix(impulse_response: NDArray) -> Tensor:
    """Return ``(..., n_outputs, n_channels, n_lags)`` as ``(p, ..., n_outputs)``, in float64."""
    response = torch.from_numpy(np.asarray(impulse_response, dtype=np.float64))
    return response.movedim((-1, -2), (0, 1)).flatten(0, 1)


def as_impulse_response(response: Tensor, n_lags: int) -> Tensor:
    """Return ``(p, ..., n_outputs)`` as a view ``(..., n_outputs, n_channels, n_lags)``."""
    return response.unflatten(0, (n_lags, -1)).movedim((0, 1), (-1, -2))


def respond(windows: NDArray, impulse_response: NDArray) -> NDArray:
    """Return ``sum_j H_j x_{t-j}`` at the last time steps of windows, (n_windows, n_outputs).

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_timesteps, n_channels)
        Oldest time step first; at least ``n_lags`` of them.
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first.
    """
    n_timesteps, n_lags = windows.shape[1], impulse_response.shape[2]
    recent = windows[:, n_timesteps - n_lags :].reshape(len(windows), -1)
    oldest_first = impulse_response[:, :, ::-1].transpose(2, 1, 0)
    return recent @ oldest_first.reshape(recent.shape[1], -1)


def convolve(inputs: NDArray, impulse_response: NDArray) -> NDArray:
    """Return ``sum_j H_j x_{t-j}`` at every time step of recordings, from a zero initial state.

    Parameters
    ----------
    inputs : ndarray of shape (n_timesteps, n_channels) or (n_recordings, n_timesteps, n_channels)
        One recording, or several.
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first.

    Returns
    -------
    outputs : ndarray of shape (n_timesteps, n_outputs) or (n_recordings, n_timesteps, n_outputs)
        Infinite where the transform overflows.

    Notes
    -----
    Overlapping FFT blocks (`scipy.signal.oaconvolve`): ``n_timesteps log(n_lags)`` for each pair.
    """
    n_timesteps = inputs.shape[-2]
    columns = []
    for response in impulse_response:
        kernel = response.T if inputs.ndim == 2 else response.T[None]
        full = oaconvolve(inputs, kernel, axes=-2)
        columns.append(full[..., :n_timesteps, :].sum(axis=-1))
    outputs = np.stack(columns, axis=-1)
    outputs[np.isnan(outputs)] = np.inf  # sums of infinities that differ in sign
    return outputs
