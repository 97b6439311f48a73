r"""Sums of the powers of many poles over the lags, and their adjoint, without all the powers.

A lag is ``j = m a + b``: the power ``lambda^j = lambda^{m a} lambda^b`` is a product of one of few
long powers and one of few short ones. So a sum over the poles is a matrix product of the two with
``2 sqrt(n_lags)`` powers of each pole in place of ``n_lags``. Of ``k`` sums at once each has the
short powers times its weights, so that ``m`` is ``sqrt(n_lags / k)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor


class PolePowers:
    """The powers of ``n`` poles at some lags, as products of long and of short ones.

    All of it is in memory made once: with few lags the calls for new memory and new views of it
    would take as long as the arithmetic, and a CUDA graph needs what it reads to stay in its place.

    Parameters
    ----------
    n_poles, n_lags, n_sums : int
        ``n``, the number of lags, and ``k``.
    like : Tensor
        Of the real type of the sums, on their device.
    """

    def __init__(self, n_poles: int, n_lags: int, n_sums: int, like: Tensor) -> None:
        n_short = max(1, round(math.sqrt(n_lags / n_sums)))
        n_blocks = -(-n_lags // n_short)
        kind = torch.promote_types(like.dtype, torch.complex64)
        # Powers of the poles and of their m-th powers, side by side: the short and the long ones.
        shape = max(n_short, n_blocks, 2), 2, n_poles
        self._exact = like.new_ones(shape, dtype=torch.complex128)
        self._first = self._exact[1]
        self._doublings = list(_doublings(self._exact))
        exact = self._exact.real
        self._strides = exact.new_tensor([[-1.0, -n_short], [1.0, n_short]])[:, :, None]
        self._spans = exact.new_empty(2, 2, n_poles)
        self._size, self._angle = self._spans
        self._powers = self._exact.to(kind)
        self._short, self._long = self._powers[:n_short, :1], self._powers[:n_blocks, 1]
        self._conjugate = torch.empty_like(self._long)
        self._weighted = self._short.new_empty(n_short, n_sums, n_poles)
        self._left, self._right = _pairs(self._conjugate), _pairs(self._weighted).flatten(0, 1).T
        lags = torch.arange(n_lags).to(exact)
        self._lags = torch.stack([torch.ones_like(lags), lags], 1)[:, :, None]
        padded = like.new_zeros(n_blocks * n_short, 2, n_sums)
        self._columns = padded[:n_lags]
        self._by_block = padded.view(n_blocks, -1).T  # a row for each short lag and column
        self._long_pairs = _pairs(self._long)
        self._pulled = self._short.new_empty(n_short, 2 * n_sums, n_poles)
        self._product = _pairs(self._pulled).flatten(0, 1)

    def become(self, log_pole: Tensor) -> None:
        """Take the powers of the poles of these rates and phases (2, n), in float64.

        They are ``e^{-rate + i phase}``.
        """
        torch.mul(self._strides, log_pole[:, None], out=self._spans)
        torch.polar(self._size.exp_(), self._angle, out=self._first)
        for known, factor, new in self._doublings:
            torch.mul(known, factor, out=new)
        self._powers.copy_(self._exact)
        torch.conj_physical(self._long, out=self._conjugate)

    def sums(self, weights: Tensor) -> Tensor:
        """Return ``Re sum_i w_i lambda_i^j``, (n_lags, k), of complex weights (k, n)."""
        torch.mul(self._short, weights, out=self._weighted)
        return torch.mm(self._left, self._right).view(-1, len(weights))[: len(self._lags)]

    def pull(self, gradient: Tensor) -> Tensor:
        """Return ``sum_j g_j lambda^j`` and ``sum_j j g_j lambda^j``, of real ``g`` (n_lags, k).

        They are of shape (2, k, n).
        """
        torch.mul(gradient[:, None], self._lags, out=self._columns)
        torch.mm(self._by_block, self._long_pairs, out=self._product)
        return self._pulled.mul_(self._short).sum(0).unflatten(0, (2, -1))


def _pairs(numbers: Tensor) -> Tensor:
    """Return complex numbers (..., n) as real ones (..., 2 n), in the same memory."""
    return torch.view_as_real(numbers).flatten(-2)


def _doublings(powers: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield factors and products that make all powers, (n_powers, ...), of the first two."""
    n_known = 1
    while n_known < len(powers) - 1:
        n_new = min(n_known, len(powers) - 1 - n_known)
        new = powers[n_known + 1 : n_known + 1 + n_new]
        yield powers[1 : 1 + n_new], powers[n_known], new
        n_known += n_new
