"""A network to first order in its parameters, around the initial ones."""

from __future__ import annotations

import torch
from torch import Tensor

from sklearn_linrnn._core.networks.network import LinearRNNModel, RNNParameters


class LinearisedRNN:
    """The first-order expansion of a linear RNN in training.

    It learns with the kernel that the network has at initialisation, however far its parameters
    move (Lee et al. 2019, section 2.2). So it is what the network of this width would be if it did
    not leave the kernel regime.

    Parameters
    ----------
    start : RNNParameters
        Initial parameters, around which the network is expanded; they are not changed.
    n_lags : int
        Number of lags of the response.
    origin : Tensor of shape (n_lags * n_channels, n_outputs), default=None
        What is subtracted from the response; ``None`` for nothing.
    """

    def __init__(self, start: RNNParameters, n_lags: int, *, origin: Tensor | None = None) -> None:
        self.network = LinearRNNModel(start, n_lags, origin=origin)
        self.initial_response = self.network.response()
        self.parameters = self.shown = [parameter.clone() for parameter in start]
        for parameter, gradient in zip(self.parameters, self.network.gradients, strict=True):
            parameter.grad = gradient

    def response(self) -> Tensor:
        """Return ``H^0 + sum_p dH/dp (p - p^0)`` in float64."""
        by_transition, by_input, by_readout = (
            moved - start
            for moved, start in zip(self.parameters, self.network.parameters, strict=True)
        )
        _, _, readout = self.network.parameters
        recurrence = self.network.recurrence
        scale, states = self.network.scale, recurrence.states
        tangents = [by_input.T]  # of the states P_j
        for state in states[:-1]:
            pushed = tangents[-1] @ recurrence.scaled.T
            tangents.append(torch.addmm(pushed, state, by_transition.T, alpha=scale))
        moved = torch.cat(tangents) @ readout.T + states.flatten(0, 1) @ by_readout.T
        return self.initial_response + (scale * moved).double()

    def backward(self, gradient: Tensor) -> None:
        """Set the parameters' ``grad``: the same map of ``gradient`` for all parameters."""
        self.network.backward(gradient)
