r"""The products between lags of which the tangent kernel of a linear RNN is made.

With ``A = n^{-1/2} W`` the response is ``H_j = n^{-1/2} C A^j F``. Let ``P_j = A^j F`` and ``L_j =
(A^T)^j C^T``, and let ``[j, k]`` be the inner products of their columns over ``n``, the mean over
channels or outputs. Then the sum over all parameters of ``dH_j dH_k`` is

    K[j, k] = P[j, k] + L[j, k] + sum_{i < j, l < k} L[i, l] P[j - 1 - i, k - 1 - l]

the shares of the readout, of the input and of the transition matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sklearn_linrnn._core.networks.network import RNNParameters


class LagProducts(NamedTuple):
    """Mean products of a network's states and of its adjoints, each (n_lags, n_lags).

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
    def of(cls, parameters: RNNParameters, n_lags: int) -> LagProducts:
        """Return those of a network, in float64, by ``2 n_lags`` products with its ``A``."""
        transition, inputs, readout = (p.detach().double() for p in parameters)
        A = transition / len(transition) ** 0.5
        return cls(_chain_gram(A, inputs, n_lags), _chain_gram(A.T, readout.T, n_lags))

    def kernel(self) -> Tensor:
        """Return ``K``, by ``n_lags^4 / 2`` multiplications."""
        kernel = self.states + self.adjoints
        kernel[1:, 1:] += _convolve(self.adjoints[:-1, :-1], self.states[:-1, :-1])
        return 0.5 * (kernel + kernel.mT)  # symmetric to the last digit

    def lag_weights(self) -> Tensor:
        """Return the diagonal of ``K``, by ``n_lags^3 / 3`` multiplications."""
        by_transition = [
            (self.adjoints[:j, :j] * self.states[:j, :j].flip(0, 1)).sum()
            for j in range(len(self.states))
        ]
        return (self.states + self.adjoints).diagonal() + torch.stack(by_transition)


def _chain_gram(A: Tensor, start: Tensor, n_lags: int) -> Tensor:
    """Return the mean products of ``A^j start`` and ``A^k start``, (n_lags, n_lags)."""
    chain = [start]
    for _ in range(1, n_lags):
        chain.append(A @ chain[-1])
    vectors = torch.stack(chain).flatten(1)
    return vectors @ vectors.T / vectors.shape[1]


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
