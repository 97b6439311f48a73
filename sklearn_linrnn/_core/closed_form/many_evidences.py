r"""Evidence of many sets of rows side by side, for priors with independent lags.

It is that of `evidence`, with an intercept. With the lags' variances over the penalty, ``v_j``, in
``S = diag(sqrt(v))``, and ``A = I + S G S``,

    log p = - sum_k nu/2 (log(2 pi fit_k / nu) + 1) - n_outputs/2 (log det A + log m),
    fit_k = s_yy - B_k^T S A^{-1} S B_k,

so that a lag of variance zero is none, and its slope by ``log v_j`` is that of the response against
the share of the lag that the data show. Where a Cholesky factor of ``A`` loses half of the digits,
nothing is sure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_linrnn._core.closed_form.evidence import NOISE_FLOOR
from sklearn_linrnn._core.statistics.moving_moments import ManyMoments


@dataclass(frozen=True, eq=False)
class ManySums:
    """All that the evidence sees of several sets of rows. Make them with `of`.

    Targets are in units of ``sqrt(s_yy)``.

    Attributes
    ----------
    scatter : Tensor of shape (n_sets, p, p)
        ``G``.
    cross : Tensor of shape (n_sets, p, n_outputs)
        ``B``, in those units.
    log_units : ndarray of shape (n_sets,)
        Sums of the logarithms of the units' squares.
    units : Tensor of shape (n_sets, 1, n_outputs)
        The units.
    weight : ndarray of shape (n_sets,)
        ``m``.
    n_channels : int
        Number of channels.
    """

    scatter: Tensor
    cross: Tensor
    log_units: NDArray
    units: Tensor
    weight: NDArray
    n_channels: int

    @classmethod
    def of(cls, moments: ManyMoments, n_inputs: int, n_channels: int) -> ManySums:
        """Return the sums of rows ``(z, y)``: the inputs, lag by lag, then the targets."""
        scatter = torch.from_numpy(moments.scatter)
        squares = scatter.diagonal(dim1=1, dim2=2)[:, n_inputs:]
        units = squares.sqrt()[:, None]
        return cls(
            scatter[:, :n_inputs, :n_inputs],
            scatter[:, :n_inputs, n_inputs:] / units,
            squares.log().sum(dim=1).numpy(),
            units,
            moments.weight,
            n_channels,
        )

    def __getitem__(self, some: NDArray) -> ManySums:
        place = torch.from_numpy(some)
        tensors = self.scatter[place], self.cross[place]
        return ManySums(
            *tensors, self.log_units[some], self.units[place], self.weight[some], self.n_channels
        )

    @property
    def n_lags(self) -> int:
        """Number of lags."""
        return self.scatter.shape[1] // self.n_channels

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.cross.shape[2]

    @property
    def powers(self) -> NDArray:
        """Scatters of each lag, (n_sets, n_lags), summed over channels."""
        varies = self.scatter.diagonal(dim1=1, dim2=2)
        return self._of_lags(varies).numpy()

    @property
    def varies(self) -> NDArray:
        """Which sets have inputs and targets that vary, all of the latter, (n_sets,)."""
        return (self.powers > 0).any(axis=1) & np.isfinite(self.log_units)

    def evidence_of_no_response(self) -> NDArray:
        """Return ``log p`` without a response, (n_sets,)."""
        return self._log_density(np.ones((len(self.weight), self.n_outputs)), 0.0)

    def of_first_lags(self, variances: NDArray) -> NDArray:
        """Return the evidence of models with the first lags only: 1, 2 and so on, (n_sets, n_lags).

        The leading block of a Cholesky factor is the factor of the leading block. It is NaN where
        it is not sure.

        Parameters
        ----------
        variances : ndarray of shape (n_sets, n_lags)
            ``v``.
        """
        factor = self._factor(variances)
        last = slice(self.n_channels - 1, None, self.n_channels)  # channel of each lag
        left = (1.0 - factor.half.square().cumsum(dim=1).numpy()[:, last]).clip(min=0.0)
        fit = np.hypot(left, NOISE_FLOOR)
        values = self._log_density(fit, factor.log_pivots.cumsum(dim=1).numpy()[:, last])
        return np.where(factor.is_sure[:, None], values, np.nan)

    def at(self, variances: NDArray) -> tuple[NDArray, NDArray]:
        """Return the evidence, (n_sets,), and its slopes by ``log v``, (n_sets, n_lags).

        Where it is not sure it is minus infinity, without slopes.

        Parameters
        ----------
        variances : ndarray of shape (n_sets, n_lags)
            ``v``; zero for a lag that the model does not have.
        """
        factor = self._factor(variances)
        left = (1.0 - factor.half.square().sum(dim=1).numpy()).clip(min=0.0)
        fit = np.hypot(left, NOISE_FLOOR)
        value = self._log_density(fit, factor.log_pivots.sum(dim=1).numpy())
        precision = torch.from_numpy((self.weight - 1.0)[:, None] * left / np.square(fit))
        whitener = factor.whitener
        theta = whitener.mT @ factor.half
        fitted = (theta.square() * precision[:, None]).sum(dim=2)
        balance = fitted - self.n_outputs * (1.0 - whitener.square().sum(dim=1))
        slopes = 0.5 * self._of_lags(balance).numpy()
        sure = factor.is_sure
        return np.where(sure, value, -np.inf), np.where(sure[:, None], slopes, 0.0)

    def response(self, variances: NDArray) -> tuple[NDArray, NDArray]:
        """Return the responses, (n_sets, p, n_outputs), and which of them are sure, (n_sets,).

        Parameters
        ----------
        variances : ndarray of shape (n_sets, n_lags)
            ``v``.
        """
        factor = self._factor(variances)
        theta = factor.whitener.mT @ factor.half
        return (factor.scale * theta * self.units).numpy(), factor.is_sure

    def _factor(self, variances: NDArray) -> _Factor:
        roots = torch.from_numpy(np.sqrt(variances).repeat(self.n_channels, axis=1))
        return _Factor.of(self.scatter, self.cross, roots[:, :, None])

    def _log_density(self, fit: NDArray, log_volume: NDArray | float) -> NDArray:
        """Return ``log p`` from ``fit (n_sets, ..., n_outputs)`` and ``log det A``."""
        shape = (-1, *[1] * (fit.ndim - 2))
        weight, log_units = self.weight.reshape(shape), self.log_units.reshape(shape)
        freedom = weight - 1.0
        spread = np.log(2.0 * math.pi * fit / freedom[..., None]) + 1.0
        volume = log_volume + np.log(weight)
        return -0.5 * (freedom * (spread.sum(axis=-1) + log_units) + self.n_outputs * volume)

    def _of_lags(self, inputs: Tensor) -> Tensor:
        return inputs.unflatten(1, (-1, self.n_channels)).sum(dim=2)


@dataclass(frozen=True, eq=False)
class _Factor:
    """``A = U^{-1} R R^T U^{-1}``, scaled to a diagonal of ones by ``U``."""

    scale: Tensor  # diagonal of S, (n_sets, p, 1)
    unit: Tensor  # diagonal of U, (n_sets, p, 1)
    factor: Tensor  # R, (n_sets, p, p)
    log_pivots: Tensor  # (n_sets, p)
    half: Tensor  # R^{-1} U S B, (n_sets, p, n_outputs)
    is_sure: NDArray  # (n_sets,)

    @classmethod
    def of(cls, scatter: Tensor, cross: Tensor, scale: Tensor) -> _Factor:
        signal = scale[..., 0].square() * scatter.diagonal(dim1=1, dim2=2)
        unit = (1.0 + signal).rsqrt()[..., None]
        both = unit * scale
        matrix = (both * scatter) * both.mT
        matrix.diagonal(dim1=1, dim2=2).fill_(1.0)
        factor, failed = torch.linalg.cholesky_ex(matrix)
        pivots = factor.diagonal(dim1=1, dim2=2)
        half = torch.linalg.solve_triangular(factor, both * cross, upper=False)
        is_sure = (failed == 0) & (
            pivots.square().amin(dim=1) > torch.finfo(pivots.dtype).eps ** 0.5
        )
        is_sure &= half.isfinite().all(dim=2).all(dim=1)
        log_pivots = 2.0 * (pivots / unit[..., 0]).log()
        return cls(scale, unit, factor, log_pivots, half, is_sure.numpy())

    @property
    def whitener(self) -> Tensor:
        """``R^{-1} U``, of which the square is the inverse of ``A``, (n_sets, p, p)."""
        return torch.linalg.solve_triangular(
            self.factor, torch.diag_embed(self.unit[..., 0]), upper=False
        )
