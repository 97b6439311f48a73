"""A network whose inputs are scaled, channel by channel, before they reach it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Network(Protocol):
    """A parametrisation of a response, (n_lags * n_channels, n_outputs)."""

    parameters: list[Tensor]
    rates: dict[str, list[float]]  # factors of their learning rates, where they differ, by solver

    @property
    def shown(self) -> list[Tensor]:
        """The parameters as they stand in the equations of the model."""

    def response(self) -> Tensor:
        """Return the response."""

    def backward(self, gradient: Tensor) -> None:
        """Set every parameter's ``grad`` from that of the response, at the last `response`."""

    def push(self, moves: list[Tensor]) -> Tensor:
        """Return the derivative of the response along ``moves``, at the last `response`."""


class ScaledInputs:
    """The response ``H = S H^net`` to inputs that are scaled by ``S`` on the way to a network.

    Parameters
    ----------
    network : Network
        What is trained: its parameters do not see the scale.
    deviations : Tensor of shape (n_channels,)
        Roots of the scales of the channels.
    """

    def __init__(self, network: Network, deviations: Tensor) -> None:
        self.network = network
        self.parameters = network.parameters
        self.rates = network.rates
        self.deviations = deviations

    @property
    def shown(self) -> list[Tensor]:
        """The parameters, with an input matrix for inputs that are not scaled."""
        return with_scaled_input(self.parameters, self.deviations)

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        return self._scaled(self.network.response())

    def backward(self, gradient: Tensor) -> None:
        """Set every parameter's ``grad`` from that of ``H``."""
        self.network.backward(self._scaled(gradient))

    def push(self, moves: list[Tensor]) -> Tensor:
        """Return the derivative of ``H`` along moves of the parameters."""
        return self._scaled(self.network.push(moves))

    def _scaled(self, columns: Tensor) -> Tensor:
        channels = columns.unflatten(0, (-1, len(self.deviations)))
        return (self.deviations[:, None] * channels).flatten(0, 1)


def with_scaled_input(parameters: list[Tensor], deviations: Tensor) -> list[Tensor]:
    """Return parameters with ``F S`` for ``F``, the second of them."""
    first, inputs, *rest = parameters
    return [first, inputs * deviations.to(inputs), *rest]
