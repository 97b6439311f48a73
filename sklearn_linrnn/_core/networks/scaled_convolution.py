"""Causal convolution with an impulse response, and that response in training."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import oaconvolve
from torch import Tensor

from sklearn_linrnn._core.priors.prior_root import PriorRoot


def convolve(inputs: NDArray, impulse_response: NDArray) -> NDArray:
    """Return ``sum_j H_j x_{t-j}`` at every time step of recordings, with zeros before them.

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
    """The response ``H = H^0 + L theta`` in training, from ``theta = 0``.

    Parameters
    ----------
    root : PriorRoot
        ``L``; for independent lags the square roots of their weights.
    n_outputs : int
        Number of outputs.
    dtype : torch.dtype
        Type of ``theta``.
    start : Tensor of shape (n_lags * n_channels, n_outputs), default=None
        ``H^0`` in float64; ``None`` for zero.
    """

    def __init__(
        self, root: PriorRoot, n_outputs: int, dtype: torch.dtype, start: Tensor | None = None
    ) -> None:
        self.root = PriorRoot(root.lags.to(dtype), root.n_channels)
        theta = self.root.lags.new_zeros(len(root.scale), n_outputs)
        theta.grad = torch.zeros_like(theta)
        self.parameters = [theta]
        self.start = start

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        response = self.root.respond(self.parameters[0]).double()
        return response if self.start is None else response + self.start

    def backward(self, gradient: Tensor) -> None:
        """Set the ``grad`` of ``theta``."""
        (theta,) = self.parameters
        assert theta.grad is not None
        theta.grad.copy_(self.root.pull(gradient.to(theta.dtype)))
