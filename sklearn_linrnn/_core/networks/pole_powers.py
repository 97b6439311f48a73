r"""Sums of the powers of many poles over the lags, and their adjoint, without all the powers.

A lag is ``j = m a + b``: the power ``lambda^j = lambda^{m a} lambda^b`` is a product of one of few
long powers and one of few short ones. So a sum over the poles is a matrix product of the two with
``2 sqrt(n_lags)`` powers of each pole in place of ``n_lags``. Of ``k`` sums at once each has the
short powers times its weights, so that ``m`` is ``sqrt(n_lags / k)``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class PolePowers(NamedTuple):
    """The powers of ``n`` poles at ``n_lags`` lags, as products of long and of short ones.

    Attributes
    ----------
    long : Tensor of shape (n_blocks, n)
        ``lambda^{m a}``, complex.
    short : Tensor of shape (m, n)
        ``lambda^b``, complex.
    n_lags : int
        Number of lags, at most ``n_blocks * m``.
    """

    long: Tensor
    short: Tensor
    n_lags: int

    @classmethod
    def of(cls, poles: Tensor, n_lags: int, n_sums: int, dtype: torch.dtype) -> PolePowers:
        """Return those of poles (n,) in complex128, for so many sums in a real ``dtype``."""
        n_short = 2 ** max(0, round(math.log2(n_lags / n_sums) / 2))
        short, beyond = _powers(poles, n_short)
        long, _ = _powers(beyond, -(-n_lags // n_short))
        kind = torch.promote_types(dtype, torch.complex64)
        return cls(long.to(kind), short.to(kind), n_lags)

    def sums(self, weights: Tensor) -> Tensor:
        """Return ``Re sum_i w_i lambda_i^j``, (n_lags, k), of complex weights (k, n)."""
        left = torch.view_as_real(self.long.conj_physical()).flatten(1)
        right = torch.view_as_real(self.short[:, None] * weights).flatten(2).flatten(0, 1)
        return (left @ right.T).view(-1, len(weights))[: self.n_lags]

    def pull(self, gradient: Tensor) -> Tensor:
        """Return ``sum_j g_j lambda^j``, (k, n), of real gradients (n_lags, k)."""
        n_short, n_columns = len(self.short), gradient.shape[1]
        padded = gradient.new_zeros(len(self.long) * n_short, n_columns)
        padded[: self.n_lags] = gradient
        by_block = padded.view(len(self.long), -1).T  # a row for each short lag and column
        product = by_block @ torch.view_as_real(self.long).flatten(1)
        pairs = torch.view_as_complex(product.view(n_short, n_columns, -1, 2))
        return (pairs * self.short[:, None]).sum(0)


def _powers(base: Tensor, n_powers: int) -> tuple[Tensor, Tensor]:
    """Return ``base^0, base^1, ...``, (n_powers, n), and the least power of two not below them."""
    powers = base.new_empty(n_powers, len(base))
    powers[0] = 1.0
    n_known = 1
    while n_known < n_powers:
        n_new = min(n_known, n_powers - n_known)
        torch.mul(powers[:n_new], base, out=powers[n_known : n_known + n_new])
        n_known, base = 2 * n_known, base * base
    return powers, base
