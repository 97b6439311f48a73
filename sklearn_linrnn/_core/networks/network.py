r"""The finite linear RNN: its impulse response and its exact gradient.

    h_t = n^{-1/2} W h_{t-1} + F x_t        y_t = n^{-1/2} C h_t + b

The response ``H_j = n^{-1/2} C (n^{-1/2} W)^j F`` determines all outputs of the network, and its
gradient ``g_j = d loss / d H_j`` is all that training needs of the data: nothing here depends on
the number of samples. Other parametrisations, and a leak, have other factors (`Factors`); a further
layer has the states of the one below as its inputs, by a coupling ``U``.

Responses and their gradients are matrices of shape (n_lags * n_channels, n_outputs), lag 0 first;
states are of shape (n_lags, n_channels, n_hidden), so that all products are of plain matrices.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.networks.initialisation import TransitionInit, draw_transition
from sklearn_linrnn._core.networks.parametrization import NTK, Factors


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


def with_layers(
    first: Sequence[Tensor],
    n_layers: int,
    nu_w: float,
    generator: torch.Generator,
    transition_init: TransitionInit,
) -> list[Tensor]:
    """Return the parameters of a network with further layers: ``W``, ``F``, ``C``, ``U``.

    Those of the layers are drawn as the first is; the couplings ``U_ij ~ N(0, 1)``.
    """
    transition, inputs, readout = first
    further = [
        draw_transition(transition_init, len(transition), nu_w, generator)
        for _ in range(1, n_layers)
    ]
    shape = n_layers - 1, *transition.shape
    couplings = torch.randn(shape, generator=generator, dtype=torch.float64)
    return [torch.stack([transition, *further]), inputs, readout, couplings]


class Recurrence:
    """Products with ``A = keep I + factor W`` along a chain of vectors, in memory made once.

    A matrix-vector product is limited by how fast ``A`` is read, and a BLAS reads it with one
    thread. So for a single channel each product is a batch of as many products with parts of
    ``A`` as there are threads. Nothing is allocated or read back between iterations, and all that
    the kernels of a GPU need stays in its place: an iteration can be captured as a CUDA graph.

    Parameters
    ----------
    transition : Tensor of shape (n_hidden, n_hidden)
        ``W``; read anew at every `propagate` and `drive`.
    factors : Factors
        Of the network.
    n_lags, n_channels : int
        Length of the chain, and number of vectors at each of its places.
    """

    def __init__(self, transition: Tensor, factors: Factors, n_lags: int, n_channels: int) -> None:
        n_hidden = len(transition)
        self.transition = transition
        self.keep, self.factor = factors.keep, factors.transition
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

    def propagate(self, first: Tensor) -> Tensor:
        """Return the states ``A^j F`` of ``first``, ``F^T``: (n_lags, n_channels, n_hidden)."""
        self._scale()
        self.states[0] = first
        for (source, _), (_, target) in itertools.pairwise(self._states):
            torch.bmm(source, self._rows, out=target)
        return self.states

    def drive(self) -> Tensor:
        """Return ``s_j = e_j + A s_{j-1}``, for ``e`` in `states`, in their place."""
        self._scale()
        for (source, _), (_, target) in itertools.pairwise(self._states):
            target.baddbmm_(source, self._rows)
        return self.states

    def propagate_back(self) -> Tensor:
        """Return ``a_j = e_j + A^T a_{j+1}``, for ``e`` in `adjoints`, in the shape of the states.

        ``A`` is that of the last `propagate`.
        """
        for (source, _), (_, target) in itertools.pairwise(self._adjoints):
            target.baddbmm_(source, self._columns)
        return self.adjoints

    def _scale(self) -> None:
        torch.mul(self.transition, self.factor, out=self.scaled)
        if self.keep:
            self.scaled.diagonal().add_(self.keep)


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
    start : sequence of Tensor
        Initial parameters; they are trained in place. ``W``, ``F`` and ``C``; of a network of
        ``L`` layers ``W (L, n, n)`` and, fourth, the couplings ``U (L - 1, n, n)``.
    n_lags : int
        Number of lags of the response.
    origin : Tensor of shape (n_lags * n_channels, n_outputs), default=None
        What is subtracted from the response: the initial response, if training is to begin at
        zero. ``None`` for nothing.
    factors : Factors, default=None
        Those in its equations; ``None`` for those of the theory.
    rates : dict of str to list of float, default=None
        Factors of the learning rates of the parameters, by the name of the optimiser; ``None`` for
        ones.
    """

    def __init__(
        self,
        start: Sequence[Tensor],
        n_lags: int,
        *,
        origin: Tensor | None = None,
        factors: Factors | None = None,
        rates: dict[str, list[float]] | None = None,
    ) -> None:
        transition, inputs, _, *couplings = start
        transitions = transition[None] if transition.ndim == 2 else transition
        self.parameters = self.shown = list(start)
        self.rates = rates or {}
        self.origin = origin
        self.factors = NTK.equations(len(inputs)) if factors is None else factors
        self.gradients = [torch.zeros_like(parameter) for parameter in start]
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        self._layers = [
            Recurrence(each, self.factors, n_lags, inputs.shape[1]) for each in transitions
        ]
        self._couplings = [each for stack in couplings for each in stack]
        by_transition, _, _, *by_couplings = self.gradients
        self._by_transition = by_transition.view(transitions.shape).unbind()
        self._by_coupling = [each for stack in by_couplings for each in stack]

    def response(self) -> Tensor:
        """Return ``H`` in float64."""
        readout = self.parameters[2]
        states = self.states()[-1].flatten(0, 1)
        response = (states @ readout.T).mul_(self.factors.readout).double()
        return response if self.origin is None else response - self.origin

    def states(self) -> list[Tensor]:
        """Return the states of each layer, (n_lags, n_channels, n_hidden); overwritten later."""
        first, *others = self._layers
        found = [first.propagate(self.parameters[1].T * self.factors.input)]
        for layer, coupling in zip(others, self._couplings, strict=True):
            self._fill(layer.states, found[-1], coupling.T)
            found.append(layer.drive())
        return found

    def backward(self, gradient: Tensor) -> None:
        """Set the parameters' ``grad`` from that of the response, at the last `response`.

        With the adjoints ``a_j = n^{-1/2} C^T g_j + A^T a_{j+1}`` it is ``dF = a_0``, ``dC =
        n^{-1/2} sum_j g_j P_j^T`` and ``dW = n^{-1/2} sum_j a_{j+1} P_j^T``. The adjoints of a
        layer below have ``n^{-1/2} U^T a_j`` in place of the first term, and ``dU = n^{-1/2}
        sum_j a_j P_j^T`` with the states below.
        """
        _, by_input, by_readout, *_ = self.gradients
        readout, top = self.parameters[2], self._layers[-1]
        scaled = (gradient * self.factors.readout).to(readout.dtype)
        torch.mm(scaled.T, top.states.flatten(0, 1), out=by_readout)
        torch.mm(scaled, readout, out=top.adjoints.flatten(0, 1))
        for index in reversed(range(len(self._layers))):
            layer = self._layers[index]
            adjoints = layer.propagate_back()
            self._add_up(self._by_transition[index], adjoints[1:], layer.states[:-1])
            if index:
                below = self._layers[index - 1]
                self._add_up(self._by_coupling[index - 1], adjoints, below.states)
                self._fill(below.adjoints, adjoints, self._couplings[index - 1])
        torch.mul(adjoints[0].T, self.factors.input, out=by_input)

    def push(self, moves: list[Tensor]) -> Tensor:
        """Return ``sum_p dH/dp dp`` for moves ``dp`` of the parameters, at the last `response`."""
        by_transition, by_input, by_readout, *by_couplings = moves
        by_layer = by_transition[None] if by_transition.ndim == 2 else by_transition
        pushed = driven = torch.zeros_like(self._layers[0].states)
        driven[0] = by_input.T * self.factors.input
        for index, (layer, by_own) in enumerate(zip(self._layers, by_layer, strict=True)):
            if index:
                below, coupling = self._layers[index - 1].states, self._couplings[index - 1]
                driven = pushed @ coupling.T + below @ by_couplings[0][index - 1].T
                driven *= self.factors.transition
            chain = [driven[0]]  # the moves of the states P_j
            for state, drive in zip(layer.states[:-1], driven[1:], strict=True):
                moved = drive.addmm(state, by_own.T, alpha=self.factors.transition)
                chain.append(moved.addmm_(chain[-1], layer.scaled.T))
            pushed = torch.stack(chain)
        of_states = pushed.flatten(0, 1) @ self.parameters[2].T
        of_readout = self._layers[-1].states.flatten(0, 1) @ by_readout.T
        return (of_states + of_readout).mul_(self.factors.readout).double()

    def _fill(self, places: Tensor, sources: Tensor, coupling: Tensor) -> None:
        """Set vectors at all places to products of others with a coupling."""
        product = sources.flatten(0, 1), coupling
        places.flatten(0, 1).addmm_(*product, beta=0.0, alpha=self.factors.transition)

    def _add_up(self, gradient: Tensor, later: Tensor, earlier: Tensor) -> None:
        """Set a gradient to the sum of the outer products of adjoints and states."""
        product = later.flatten(0, 1).T, earlier.flatten(0, 1)
        gradient.addmm_(*product, beta=0.0, alpha=self.factors.transition)
