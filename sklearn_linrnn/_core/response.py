"""The impulse response: one shape outside, one inside, and its convolution with inputs.

Outside, in fitted attributes, it is an array ``(n_outputs, n_channels, n_lags)``, lag 0 first, in
the order of PyTorch's `conv1d`, not flipped. Inside it is a matrix ``(n_lags * n_channels,
n_outputs)``, lag 0 first and its channels side by side, as the lags of a time step are stacked in
`LagStatistics`. Both may have further axes, of several responses, before the outputs.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.tensors import as_float64

FRAME = 1024  # time steps transformed together, unless there are many lags
SLAB = 2**17  # numbers transformed at a time: 1 MiB, which stays in cache


def as_matrix(impulse_response: NDArray) -> Tensor:
    """Return ``(..., n_outputs, n_channels, n_lags)`` as ``(p, ..., n_outputs)``, in float64."""
    response = torch.from_numpy(np.asarray(impulse_response, dtype=np.float64))
    return response.movedim((-1, -2), (0, 1)).flatten(0, 1)


def as_impulse_response(response: Tensor, n_lags: int) -> Tensor:
    """Return ``(p, ..., n_outputs)`` as a view ``(..., n_outputs, n_channels, n_lags)``."""
    return response.unflatten(0, (n_lags, -1)).movedim((0, 1), (-1, -2))


def causal_response(impulse_response: NDArray, lags: NDArray) -> NDArray:
    """Return a response from lag 0 on, with zeros before its first lag.

    Parameters
    ----------
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``.
    lags : ndarray of int, shape (n_lags,)
        Its lags, one after another.

    Raises
    ------
    ValueError
        If it reads inputs of later time steps.
    """
    if lags[0] < 0:
        raise ValueError(
            "A system in state space must have lags from 0 on, but got a response that begins at "
            f"lag {lags[0]}: it reads later inputs."
        )
    return np.pad(impulse_response, ((0, 0), (0, 0), (int(lags[0]), 0)))


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
    Overlapping FFT blocks: ``n_timesteps log(n_lags)`` for each channel and each output.
    """
    recordings = as_float64(inputs if inputs.ndim == 3 else inputs[None]).transpose(1, 2)
    kernel = as_float64(impulse_response)
    outputs = _overlap_save(recordings, kernel).transpose(1, 2).numpy()
    if not math.isfinite(outputs.sum()):
        outputs[np.isnan(outputs)] = np.inf  # sums of infinities that differ in sign
    return outputs if inputs.ndim == 3 else outputs[0]


def _overlap_save(recordings: Tensor, kernel: Tensor) -> Tensor:
    """Return the convolutions (n_recordings, n_outputs, n_timesteps), summed over the channels.

    Parameters
    ----------
    recordings : Tensor of shape (n_recordings, n_channels, n_timesteps)
        Inputs.
    kernel : Tensor of shape (n_outputs, n_channels, n_lags)
        What they are convolved with.
    """
    n_recordings, n_channels, n_timesteps = recordings.shape
    n_outputs, _, n_lags = kernel.shape
    length = 2 ** math.ceil(math.log2(min(max(FRAME, 4 * n_lags), n_timesteps + n_lags - 1)))
    fresh = length - n_lags + 1  # outputs of a frame that nothing before it reaches
    n_frames = -(-n_timesteps // fresh)
    frames = pad(recordings, (n_lags - 1, n_frames * fresh - n_timesteps)).unfold(2, length, fresh)
    response = torch.fft.rfft(kernel, length)
    outputs = kernel.new_empty(n_recordings, n_outputs, n_frames, fresh)
    at_once = max(1, SLAB // (n_recordings * max(n_channels, n_outputs) * length))
    for first in range(0, n_frames, at_once):
        slab = slice(first, first + at_once)
        spectra = _sum_over_channels(torch.fft.rfft(frames[:, :, slab]), response[:, :, None])
        outputs[:, :, slab] = torch.fft.irfft(spectra, length)[..., n_lags - 1 :]
    return outputs.flatten(2)[:, :, :n_timesteps]


def _sum_over_channels(spectra: Tensor, response: Tensor) -> Tensor:
    """Return the spectra (n_recordings, n_outputs, ...) of outputs.

    Of inputs ``(n_recordings, n_channels, ...)`` and responses ``(n_outputs, n_channels, ...)``.
    Products are taken entry by entry, since for matrix products spectra would be transposed.
    """
    if len(response) <= spectra.shape[1]:
        return torch.stack([(spectra * each).sum(1) for each in response], dim=1)
    total = spectra[:, 0, None] * response[:, 0]
    for channel in range(1, spectra.shape[1]):
        total.addcmul_(spectra[:, channel, None], response[:, channel])
    return total
