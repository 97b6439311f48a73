"""Modules of PyTorch that predict by an impulse response which they compute."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad


class ResponseModule(nn.Module):
    r"""A truncated convolution whose response is computed from parameters at every call.

    .. math:: y_t = b + \sum_{j < n_\mathrm{lags}} H_j x_{t-\mathrm{delay}-j}

    Subclasses define ``H`` (`response`).

    Parameters
    ----------
    parameters : mapping of str to array-like
        The parameters by name, which are copied: "input" with axes (n_hidden, n_channels),
        "readout" (n_outputs, n_hidden), "bias" (n_outputs,) and others, or ``None`` for one that
        the network has not.
    n_lags : int
        Number of lags, the present time step included.
    every_step : bool
        Whether there is a prediction at every time step, or at the last one alone.
    delay : int, default=0
        Number of time steps that inputs take to act, the lag of ``H_0``.
    origin : array-like of shape (n_outputs, n_channels, n_lags), default=None
        A response that is subtracted and not trained; ``None`` for zeros.

    Attributes
    ----------
    origin : Tensor of shape (n_outputs, n_channels, n_lags)
        The response that is subtracted, a buffer.

    Raises
    ------
    ValueError
        If the shapes of "bias" and ``origin`` do not agree with the others.
    """

    input: nn.Parameter
    readout: nn.Parameter
    bias: nn.Parameter
    origin: Tensor

    def __init__(
        self,
        parameters: Mapping[str, ArrayLike | None],
        *,
        n_lags: int,
        every_step: bool,
        delay: int = 0,
        origin: ArrayLike | None = None,
    ) -> None:
        super().__init__()
        for name, array in parameters.items():
            parameter = None if array is None else nn.Parameter(torch.tensor(array))
            self.register_parameter(name, parameter)
        self.n_lags = n_lags
        self.every_step = every_step
        self.delay = delay
        shape = len(self.readout), self.input.shape[1], n_lags
        zeros = self.input.new_zeros(shape)
        self.register_buffer("origin", zeros if origin is None else torch.tensor(origin).to(zeros))
        self._check("bias", shape[:1])
        self._check("origin", shape)

    @abstractmethod
    def response(self) -> Tensor:
        """Return the impulse response ``H``, (n_outputs, n_channels, n_lags)."""

    def forward(self, x: Tensor) -> Tensor:
        """Predict the targets.

        Parameters
        ----------
        x : Tensor of shape (n_sequences, n_timesteps, n_channels)
            Sequences, oldest time step first, from a zero initial state; of the dtype and on the
            device of the parameters.

        Returns
        -------
        y : Tensor of shape (n_sequences, n_timesteps, n_outputs) or (n_sequences, n_outputs)
            Predictions at every time step, or at the last one. The estimator leaves out the axis of
            outputs if its targets had none.

        Raises
        ------
        ValueError
            If x is not of that shape.
        """
        n_channels = self.input.shape[1]
        if x.ndim != 3 or x.shape[2] != n_channels:
            raise ValueError(
                f"x must have shape (n_sequences, n_timesteps, {n_channels}), but got shape "
                f"{tuple(x.shape)}."
            )
        acting = pad(x.mT, (self.delay, 0))[..., : x.shape[1]]
        seen = acting if self.every_step else acting[..., -self.n_lags :]
        rest = self.n_lags - (1 if self.every_step else seen.shape[2])
        padded = pad(seen, (rest, 0))
        # PyTorch's convolution is a correlation: the oldest lag comes first.
        outputs = conv1d(padded, self.response().flip(-1), self.bias).mT
        return outputs if self.every_step else outputs[:, -1]

    def extra_repr(self) -> str:
        """Return what `print` shows of the module."""
        n_outputs, n_channels, n_lags = self.origin.shape
        return (
            f"n_hidden={len(self.input)}, n_channels={n_channels}, n_outputs={n_outputs}, "
            f"n_lags={n_lags}, every_step={self.every_step}, delay={self.delay}"
        )

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        given = tuple(getattr(self, name).shape)
        if given != shape:
            raise ValueError(
                f"{name} must have shape {shape}, as inputs, readout and n_lags have it, but got "
                f"shape {given}."
            )
