r"""The finite linear RNN: its impulse response and its exact gradient.

    h_t = n^{-1/2} W h_{t-1} + F x_t        y_t = n^{-1/2} C h_t + b

The response ``H_j = n^{-1/2} C (n^{-1/2} W)^j F`` determines all outputs of the network, and its
gradient ``g_j = d loss / d H_j`` is all that training needs of the data: nothing here depends on
the number of samples.

Responses and their gradients are matrices of shape (n_lags * n_channels, n_outputs), lag 0 first;
states are of shape (n_lags, n_channels, n_hidden), so that all products are of plain matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.networks.initialisation import TransitionInit, draw_transition


class RNNParameters(NamedTuple):
    """Transition ``W (n, n)``, input ``F (n, n_channels)`` and readout ``C (n_outputs, n)``."""

    transition: Tensor
    input: Tensor
    readout: Tensor

    def like(self, other: Tensor) -> RNNParameters:
        """Return the parameters in the type of a tensor, on its device."""
        return RNNParameters(*(parameter.to(other) for parameter in self))

    def numpy(self) -> tuple[NDArray, NDArray, NDArray]:
        """Return the parameters on the CPU as arrays, in the same memory."""
        return self.transition.numpy(), self.input.numpy(), self.readout.numpy()


def initialise(
    n_hidden: int,
    n_channels: int,
    n_outputs: int,
    variances: tuple[float, float, float],
    generator: torch.Generator,
    transition_init: TransitionInit = "gaussian",
) -> RNNParameters:
    """Draw ``W`` as `draw_transition` does, ``F_ij ~ N(0, nu_f)``, ``C_ij ~ N(0, nu_c)``."""
    nu_w, *others = variances
    transition = draw_transition(transition_init, n_hidden, nu_w, generator)
    shapes = (n_hidden, n_channels), (n_outputs, n_hidden)
    inputs, readout = (
        torch.randn(shape, generator=generator, dtype=torch.float64).mul_(variance**0.5)
        for shape, variance in zip(shapes, others, strict=True)
    )
    return RNNParameters(transition, inputs, readout)


class Recurrence:
    """Products with ``A = n^{-1/2} W`` along a chain of vectors, in memory that is made once.

    A matrix-vector product is limited by how fast ``A`` is read, and a BLAS reads it with one
    thread. So for a single channel each product is a batch of as many products with parts of
    ``A`` as there are threads. Nothing is allocated or read back between iterations, and all that
    the kernels of a GPU need stays in its place: an iteration can be captured as a CUDA graph.

    Parameters
    ----------
    transition : Tensor of shape (n_hidden, n_hidden)
        ``W``; read anew at every `propagate`.
    n_lags, n_channels : int
        Length of the chain, and number of vectors at each of its places.
    """

    def __init__(self, transition: Tensor, n_lags: int, n_channels: int) -> None:
        n_hidden = len(transition)
        self.transition = transition
        self.scaled = torch.empty_like(transition)
        self.states = transition.new_empty(n_lags, n_channels, n_hidden)
        self.adjoints = torch.empty_like(self.states)
        threads = torch.get_num_threads() if n_channels == 1 and not transition.is_cuda else 1
        n_parts = threads if n_hidden % threads == 0 else 1
        # A product x A^T has rows of A in its parts, a product x A has columns: both are views.
        self._rows = self.scaled.view(n_parts, -1, n_hidden).mT
        self._columns = self.scaled.view(n_hidden, n_parts, -1).transpose(0, 1)
        self._states = _places(self.states, n_parts)
        self._adjoints = _places(self.adjoints, n_parts)[::-1]

    def propagate(self, inputs: Tensor) -> Tensor:
        """Return the states ``P_j = A^j F``, transposed: (n_lags, n_channels, n_hidden)."""
        torch.mul(self.transition, len(self.transition) ** -0.5, out=self.scaled)
        self.states[0] = inputs.T
        for (source, _), (_, target) in zip(self._states, self._states[1:], strict=False):
            torch.bmm(source, self._rows, out=target)
        return self.states

    def propagate_back(self) -> Tensor:
        """Return ``a_j = e_j + A^T a_{j+1}``, for ``e`` in `adjoints`, in the shape of the states.

        ``A`` is that of the last `propagate`.
        """
        for (source, _), (_, target) in zip(self._adjoints, self._adjoints[1:], strict=False):
            target.baddbmm_(source, self._columns)
        return self.adjoints


def _places(chain: Tensor, n_parts: int) -> list[tuple[Tensor, Tensor]]:
    """Return the vectors at each place, as a factor of a batch of products and as its result."""
    return [
        (place.expand(n_parts, -1, -1), place.view(len(place), n_parts, -1).transpose(0, 1))
        for place in chain
    ]


class LinearRNNModel:
    """A linear RNN in training.

    Parameters
    ----------
    start : RNNParameters
        Initial parameters; they are trained in place.
    n_lags : int
        Number of lags of the response.
    origin : Tensor of shape (n_lags * n_channels, n_outputs), default=None
        What is subtracted from the response: the initial response, if training is to begin at
        zero. ``None`` for nothing.
    """

    def __init__(self, start: RNNParameters, n_lags: int, *, origin: Tensor | None = None) -> None:
        self.parameters = self.shown = list(start)
        self.origin = origin
        self.scale = len(start.transition) ** -0.5
        self.recurrence = Recurrence(start.transition, n_lags, start.input.shape[1])
        self.gradients = [torch.zeros_like(parameter) for parameter in start]
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        _, inputs, readout = self.parameters
        states = self.recurrence.propagate(inputs).flatten(0, 1)
        response = (states @ readout.T).mul_(self.scale).double()
        return response if self.origin is None else response - self.origin

    def backward(self, gradient: Tensor) -> None:
        """Set the parameters' ``grad`` from that of the response, at the last `response`.

        With the adjoints ``a_j = n^{-1/2} C^T g_j + A^T a_{j+1}`` it is ``dF = a_0``, ``dC =
        n^{-1/2} sum_j g_j P_j^T`` and ``dW = n^{-1/2} sum_j a_{j+1} P_j^T``.
        """
        readout, states = self.parameters[2], self.recurrence.states
        scaled = (gradient * self.scale).to(readout.dtype)
        torch.mm(scaled, readout, out=self.recurrence.adjoints.flatten(0, 1))
        adjoints = self.recurrence.propagate_back()
        later, earlier = adjoints[1:].flatten(0, 1), states[:-1].flatten(0, 1)
        by_transition, by_input, by_readout = self.gradients
        by_transition.addmm_(later.T, earlier, beta=0.0, alpha=self.scale)
        by_input.copy_(adjoints[0].T)
        torch.mm(scaled.T, states.flatten(0, 1), out=by_readout)
