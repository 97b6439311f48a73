r"""The tangent kernel between lags of one linear recurrent unit, exactly.

With ``w = c norm b`` of a pole, channel and output, and ``P_j = lambda^j``, the derivatives of a
lag multiply to sums over the poles of

    Re(P_j P_k^*) norm^2 (|b|^2 + |c|^2)                            input and readout
    Re(w P_j) Re(w P_k)                                             log norm
    j k (log(r)^2 Re(w P_j) Re(w P_k) + theta^2 Im(w P_j) Im(w P_k))    the pole

over ``n``, where ``Re(w P_j) Re(w P_k) = Re(|w|^2 P_j P_k^* + w^2 P_j P_k) / 2``, and so for the
imaginary parts with a minus. Means over channels and outputs act on ``|w|^2`` and ``w^2`` alone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sklearn_linrnn._core.networks.lru import LRUParameters


class PoleProducts(NamedTuple):
    """What the tangent kernel of a linear recurrent unit is a sum of.

    Attributes
    ----------
    powers : Tensor of shape (n_lags, n)
        ``lambda^j``, complex.
    conjugate : Tensor of shape (2, n)
        The factors of ``P_j P_k^*`` over ``n``: plain, and of ``j k``.
    plain : Tensor of shape (2, n)
        Those of ``P_j P_k``, complex.
    """

    powers: Tensor
    conjugate: Tensor
    plain: Tensor

    @classmethod
    def of(cls, parameters: LRUParameters, n_lags: int) -> PoleProducts:
        """Return those of a network, in float64."""
        exact = parameters.like(parameters.log_rate.new_empty(0, dtype=torch.float64))
        _, driven, readout = exact.equations()
        size, phase = -exact.log_rate.exp(), exact.log_phase.exp()
        norm = torch.ones_like(size) if exact.log_norm is None else exact.log_norm.exp()
        trains_norm = 0.0 if exact.log_norm is None else 0.5
        driven_square, readout_square = (
            driven.abs().square().mean(1),
            readout.abs().square().mean(0),
        )
        together = driven_square * readout_square
        squared = driven.square().mean(1) * readout.square().mean(0)
        ends = driven_square + norm.square() * readout_square
        n = len(size)
        conjugate = ends + trains_norm * together, 0.5 * together * (size.square() + phase.square())
        plain = trains_norm * squared, 0.5 * squared * (size.square() - phase.square())
        return cls(exact.powers(n_lags), torch.stack(conjugate) / n, torch.stack(plain) / n)

    def kernel(self) -> Tensor:
        """Return the kernel, (n_lags, n_lags)."""
        P, lag = self.powers, torch.arange(len(self.powers), device=self.powers.device)
        plain, by_lag = (
            ((P * of_conjugate) @ P.mH + (P * of_plain) @ P.mT).real
            for of_conjugate, of_plain in zip(self.conjugate, self.plain, strict=True)
        )
        kernel = plain + torch.outer(lag, lag) * by_lag
        return 0.5 * (kernel + kernel.mT)  # symmetric to the last digit

    def lag_weights(self) -> Tensor:
        """Return the diagonal of the kernel, (n_lags,)."""
        lag = torch.arange(len(self.powers), device=self.powers.device)
        squares, plain = self.powers.abs().square(), self.powers.square()
        weights = squares @ self.conjugate.T + (plain @ self.plain.T).real
        return weights[:, 0] + lag.square() * weights[:, 1]
