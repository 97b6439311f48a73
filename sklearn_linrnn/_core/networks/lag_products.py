r"""The products between lags of which the tangent kernel of a linear RNN is made.

With ``A = n^{-1/2} W`` the response is ``H_j = n^{-1/2} C A^j F``. Let ``P_j = A^j F`` and ``L_j =
(A^T)^j C^T``, and let ``[j, k]`` be the inner products of their columns over ``n``, the mean over
channels or outputs. Then the sum over all parameters of ``dH_j dH_k`` is

    K[j, k] = P[j, k] + L[j, k] + sum_{i < j, l < k} L[i, l] P[j - 1 - i, k - 1 - l]

the shares of the readout, of the input and of the transition matrix. Each layer of a deep network
has states ``P`` and adjoints ``L`` of its own: the readout sees the states of the last one, the
input the adjoints of the first one, a transition matrix both of its layer, and a coupling the
adjoints of its layer with the states of the one below, without the time step between. The adjoints
are the states of the transposed network, in which the layers are in the opposite order.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sklearn_linrnn._core.networks.network import LinearRNNModel
from sklearn_linrnn._core.networks.parametrization import EQUAL_SHARES, NTK, Factors, Shares


class LagProducts(NamedTuple):
    """Mean products of the states and of the adjoints of a layer, each (n_lags, n_lags).

    Attributes
    ----------
    states : Tensor
        ``P[j, k]``, of ``A^j F`` and ``A^k F``.
    adjoints : Tensor
        ``L[j, k]``, of ``(A^T)^j C^T`` and ``(A^T)^k C^T``.
    """

    states: Tensor
    adjoints: Tensor

    @classmethod
    def of(
        cls, parameters: Sequence[Tensor], n_lags: int, factors: Factors | None = None
    ) -> LagProducts:
        """Return those of a network of one layer, in float64, as `LayerProducts.of` does."""
        (layer,) = LayerProducts.of(parameters, n_lags, factors)
        return layer

    def kernel(self, shares: Shares = EQUAL_SHARES) -> Tensor:
        """Return ``K``, by ``n_lags^4 / 2`` multiplications."""
        return LayerProducts([self]).kernel(shares)

    def lag_weights(self, shares: Shares = EQUAL_SHARES) -> Tensor:
        """Return the diagonal of ``K``, by ``n_lags^3 / 3`` multiplications."""
        return LayerProducts([self]).lag_weights(shares)

    def stacked(self, n_layers: int) -> LayerProducts:
        """Return the mean products of networks of layers that each have these.

        These are of inputs and readouts of variance one, as the couplings are. Random couplings
        part a layer from the one below, so that products of two layers are convolved.
        """
        states, adjoints = (
            list(itertools.accumulate(itertools.repeat(products, n_layers), _convolve))
            for products in self
        )
        return LayerProducts(map(LagProducts, states, reversed(adjoints)))


class LayerProducts(list[LagProducts]):
    """The products of all layers of a network, the first one first."""

    @classmethod
    def of(
        cls, parameters: Sequence[Tensor], n_lags: int, factors: Factors | None = None
    ) -> LayerProducts:
        """Return those of a network, in float64.

        They are without the factors of the input matrix and of the readout. For each layer they
        take ``2 n_lags`` products with its ``A``, and two more with its coupling.
        """
        own = [parameter.detach().double() for parameter in parameters]
        factors = NTK.equations(len(own[1])) if factors is None else factors
        inner = factors._replace(input=1.0, readout=1.0)
        networks = (LinearRNNModel(each, n_lags, factors=inner) for each in (own, transposed(own)))
        states, adjoints = ([_gram(layer) for layer in each.states()] for each in networks)
        return cls(map(LagProducts, states, reversed(adjoints)))

    def kernel(self, shares: Shares = EQUAL_SHARES) -> Tensor:
        """Return ``K``, by ``n_lags^4 / 2`` multiplications for each matrix between states."""
        kernel = shares.readout * self[-1].states + shares.input * self[0].adjoints
        for states, adjoints in self:
            by_transition = _convolve(adjoints[:-1, :-1], states[:-1, :-1])
            kernel[1:, 1:] += shares.transition * by_transition
        for below, layer in itertools.pairwise(self):
            kernel += shares.coupling * _convolve(layer.adjoints, below.states)
        return 0.5 * (kernel + kernel.mT)  # symmetric to the last digit

    def lag_weights(self, shares: Shares = EQUAL_SHARES) -> Tensor:
        """Return the diagonal of ``K``, by ``n_lags^3 / 3`` multiplications for each such one."""
        kernel = shares.readout * self[-1].states + shares.input * self[0].adjoints
        weights = kernel.diagonal().clone()
        for states, adjoints in self:
            by_transition = _convolved_diagonal(adjoints, states)[:-1]
            weights[1:] += shares.transition * by_transition
        for below, layer in itertools.pairwise(self):
            weights += shares.coupling * _convolved_diagonal(layer.adjoints, below.states)
        return weights


def transposed(parameters: Sequence[Tensor]) -> list[Tensor]:
    """Return the network whose response is the transposed one."""
    transition, inputs, readout, *couplings = parameters
    layers = transition if transition.ndim == 2 else transition.flip(0)
    inner = [coupling.flip(0).mT.contiguous() for coupling in couplings]
    return [layers.mT.contiguous(), readout.T, inputs.T, *inner]


def _gram(states: Tensor) -> Tensor:
    """Return the mean products of vectors (n_lags, n_vectors, n), (n_lags, n_lags)."""
    vectors = states.flatten(1)
    return vectors @ vectors.T / vectors.shape[1]


def _convolved_diagonal(first: Tensor, second: Tensor) -> Tensor:
    """Return the diagonal of the convolution of square matrices."""
    sizes = range(1, len(first) + 1)
    return torch.stack([(first[:j, :j] * second[:j, :j].flip(0, 1)).sum() for j in sizes])


def _convolve(first: Tensor, second: Tensor) -> Tensor:
    """Return the leading block, of their own shape, of the convolution of square matrices.

    Each entry is the sum of its own products, so that small ones keep their digits beside large
    ones. A transform would mix them: weights of lags differ by more decades than float64 has
    digits, and no scaling of the lags makes them flat once they fall and then rise.
    """
    length = len(first)
    result = torch.zeros_like(second)
    padded, turned = torch.cat([torch.zeros_like(first), first], dim=1), second.flip(1)
    for i in range(length):
        # Column k has first[i, k - l], or zero, for all l from the last to the first.
        windows = padded[i].unfold(0, length, 1)[1:]
        result[i:] += turned[: length - i] @ windows
    return result
