"""A network to first order in its parameters, around the initial ones."""

from __future__ import annotations

from torch import Tensor

from sklearn_linrnn._core.networks.scaled_inputs import Network


class LinearisedNetwork:
    """The first-order expansion of a network in training.

    It learns with the kernel that the network has at initialisation, however far its parameters
    move (Lee et al. 2019, section 2.2). So it is what the network of this width would be if it did
    not leave the kernel regime.

    Parameters
    ----------
    network : Network
        The network, around whose parameters it is expanded; they are not changed.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.rates = network.rates
        self.initial_response = network.response()
        self.parameters = self.shown = [parameter.clone() for parameter in network.parameters]
        for own, parameter in zip(self.parameters, network.parameters, strict=True):
            own.grad = parameter.grad

    def response(self) -> Tensor:
        """Return ``H^0 + sum_p dH/dp (p - p^0)`` in float64."""
        starts = zip(self.parameters, self.network.parameters, strict=True)
        return self.initial_response + self.network.push([own - start for own, start in starts])

    def backward(self, gradient: Tensor) -> None:
        """Set the parameters' ``grad``: the same map of ``gradient`` for all parameters."""
        self.network.backward(gradient)
