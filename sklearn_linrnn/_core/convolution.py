"""Causal convolution with an impulse response, and that response in training."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import oaconvolve
from torch import Tensor


def convolve(inputs: NDArray, impulse_response: NDArray) -> NDArray:
    """Return ``sum_j H_j x_{t-j}`` at every step of recordings at rest before their starts.

    Parameters
    ----------
    inputs : ndarray of shape (n_timesteps, n_channels) or (n_recordings, n_timesteps, n_channels)
        One recording, or several.
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first.

    Returns
    -------
    outputs : ndarray of shape (n_timesteps, n_outputs) or (n_recordings, n_timesteps, n_outputs)

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
    return np.stack(columns, axis=-1)


class ScaledConvolution:
    """The response ``H = D^{1/2} theta`` in training, from ``theta = 0``.

    Parameters
    ----------
    scale : Tensor of shape (n_lags * n_channels, 1)
        Square roots of the lag weights, the diagonal of ``D^{1/2}``.
    n_outputs : int
        Number of outputs.
    """

    def __init__(self, scale: Tensor, n_outputs: int) -> None:
        self.scale = scale
        self.parameters = [torch.zeros(len(scale), n_outputs).to(scale)]

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        return (self.scale * self.parameters[0]).double()

    def backward(self, gradient: Tensor) -> None:
        """Set the ``grad`` of ``theta``."""
        self.parameters[0].grad = self.scale * gradient.to(self.scale)
