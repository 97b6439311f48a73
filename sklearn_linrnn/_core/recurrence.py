r"""The finite linear RNN: its start, its impulse response and its exact gradient.

    h_t = n^{-1/2} W h_{t-1} + F x_t        y_t = n^{-1/2} C h_t + b

The response ``H_j = n^{-1/2} C (n^{-1/2} W)^j F`` is all that inputs see of the network, and its
gradient ``g_j = d loss / d H_j`` all that the network sees of the data: nothing here depends on
the number of samples.

Responses and their gradients are matrices of shape (n_lags * n_channels, n_outputs), lag 0 first;
states are of shape (n_lags, n_channels, n_hidden), so that all products are of plain matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class RNNParameters(NamedTuple):
    """Transition ``W (n, n)``, input ``F (n, n_channels)`` and readout ``C (n_outputs, n)``."""

    transition: Tensor
    input: Tensor
    readout: Tensor


def initialise(
    n_hidden: int,
    n_channels: int,
    n_outputs: int,
    variances: tuple[float, float, float],
    generator: torch.Generator,
) -> RNNParameters:
    """Draw ``W_ij ~ N(0, nu_w)``, ``F_ij ~ N(0, nu_f)`` and ``C_ij ~ N(0, nu_c)`` in float64."""
    shapes = (n_hidden, n_hidden), (n_hidden, n_channels), (n_outputs, n_hidden)
    return RNNParameters(
        *(
            torch.randn(shape, generator=generator, dtype=torch.float64).mul_(variance**0.5)
            for shape, variance in zip(shapes, variances, strict=True)
        )
    )


def propagate(parameters: RNNParameters, n_lags: int) -> Tensor:
    """Return the states ``P_j = (n^{-1/2} W)^j F``, transposed: (n_lags, n_channels, n_hidden)."""
    transition, inputs, _ = parameters
    n_hidden, n_channels = inputs.shape
    states = inputs.new_empty(n_lags, n_channels, n_hidden)
    states[0] = inputs.T
    for lag in range(1, n_lags):
        states[lag].addmm_(states[lag - 1], transition.T, beta=0.0, alpha=n_hidden**-0.5)
    return states


def impulse_response(parameters: RNNParameters, states: Tensor) -> Tensor:
    """Return ``H_j = n^{-1/2} C P_j`` as a matrix (n_lags * n_channels, n_outputs)."""
    readout = parameters.readout
    return states.flatten(0, 1) @ readout.T * readout.shape[1] ** -0.5


def gradient(parameters: RNNParameters, states: Tensor, response_gradient: Tensor) -> RNNParameters:
    """Return the gradient of the loss from that of the response, ``g``.

    With the adjoints ``a_j = n^{-1/2} (C^T g_j + W^T a_{j+1})`` it is ``dF = a_0``,
    ``dC = n^{-1/2} sum_j g_j P_j^T`` and ``dW = n^{-1/2} sum_j a_{j+1} P_j^T``.
    """
    transition, _, readout = parameters
    n_lags, _, n_hidden = states.shape
    scale = n_hidden**-0.5
    adjoints = (response_gradient @ readout).mul_(scale).view_as(states)
    for lag in range(n_lags - 1, 0, -1):
        adjoints[lag - 1].addmm_(adjoints[lag], transition, alpha=scale)
    later, earlier = adjoints[1:].flatten(0, 1), states[:-1].flatten(0, 1)
    return RNNParameters(
        (later.T @ earlier).mul_(scale),
        adjoints[0].T,
        (response_gradient.T @ states.flatten(0, 1)).mul_(scale),
    )


class LinearRNN:
    """A linear RNN in training.

    Parameters
    ----------
    start : RNNParameters
        Initial parameters; they are trained in place.
    n_lags : int
        Number of lags of the response.
    centred : bool
        Whether the response at the start is subtracted, so that training begins at zero.
    """

    def __init__(self, start: RNNParameters, n_lags: int, *, centred: bool) -> None:
        self.parameters = list(start)
        self.n_lags = n_lags
        self.states = propagate(start, n_lags)
        response = impulse_response(start, self.states)
        self.origin = response if centred else torch.zeros_like(response)

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        parameters = RNNParameters(*self.parameters)
        self.states = propagate(parameters, self.n_lags)
        return (impulse_response(parameters, self.states) - self.origin).double()

    def backward(self, gradient_of_response: Tensor) -> None:
        """Set the parameters' ``grad`` from that of the response."""
        parameters = RNNParameters(*self.parameters)
        cast = gradient_of_response.to(self.states.dtype)
        for parameter, grad in zip(
            parameters, gradient(parameters, self.states, cast), strict=True
        ):
            parameter.grad = grad
