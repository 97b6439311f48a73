"""Causal convolution with an impulse response, and that response in training."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import oaconvolve
from torch import Tensor


def convolve(inputs: NDArray, impulse_response: NDArray) -> NDArray:
    """Return ``sum_j H_j x_{t-j}`` at every step of one recording at rest before its start.

    Parameters
    ----------
    inputs : ndarray of shape (n_timesteps, n_channels)
        The recording.
    impulse_response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``, lag 0 first.

    Returns
    -------
    outputs : ndarray of shape (n_timesteps, n_outputs)

    Notes
    -----
    Overlapping FFT blocks (`scipy.signal.oaconvolve`): ``n_timesteps log(n_lags)`` for each pair.
    """
    columns = [
        oaconvolve(inputs, response.T, axes=0)[: len(inputs)].sum(axis=1)
        for response in impulse_response
    ]
    return np.stack(columns, axis=1)


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
