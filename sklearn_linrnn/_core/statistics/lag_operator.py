"""Scatters of very many lags, known by what they do to a response.

The scatter ``G`` of ``p = n_lags * n_channels`` inputs takes ``8 p^2`` bytes: 20 GB for 50,000
lags. Its products ``G v`` need only transforms of the series, in memory that grows with ``p`` and
with the length of the series.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.fourier import fast_length, irfft, rfft
from sklearn_linrnn._core.statistics.displacement import (
    lagged_products,
    positive_sum,
    series_level,
    weight_changes,
)
from sklearn_linrnn._core.statistics.series import Series, check_weights, observed
from sklearn_linrnn._core.tensors import as_float64, finite

SLAB = 2**20  # numbers taken together: 8 MiB


class Products(Protocol):
    """Sums ``R = sum_s w_s (z_s - l)(z_s - l)^T`` about some level ``l (p,)``, lag 0 first."""

    def apply(self, response: Tensor) -> Tensor:
        """Return ``R v`` for ``v (p, k)``."""

    def diagonal(self) -> Tensor:
        """Return the diagonal of ``R``, of shape (p,)."""

    def spectrum(self) -> Tensor:
        """Return the Hermitian blocks (n_frequencies, n_channels, n_channels) of a circulant.

        Up to a factor, it is much like ``R`` within the channels and between them. Its number of
        lags is `fast_length(n_lags)`.
        """


@dataclass(frozen=True, eq=False)
class LagOperator:
    """The moments of a linear model on very many lags; the scatter is an operator.

    The counterpart of `LagStatistics`, with ``p = n_lags * n_channels`` inputs, lag 0 first.

    Attributes
    ----------
    weight : float
        ``m``, the sum of the weights of the supervised time steps.
    input_mean : Tensor of shape (p,)
        ``z_bar``.
    target_mean : Tensor of shape (n_outputs,)
        ``y_bar``.
    cross_scatter : Tensor of shape (p, n_outputs)
        ``B = sum_s w_s (z_s - z_bar)(y_s - y_bar)^T``.
    target_scatter : Tensor of shape (n_outputs,)
        ``s_yy = sum_s w_s (y_s - y_bar)^2``.
    products : Products
        Sums of products of the inputs less a level.
    gap : Tensor of shape (p,)
        ``z_bar`` less that level.
    origin : Tensor of shape (p,)
        ``z_bar`` less the point that the moments are about: zero if they are centred.
    n_intercepts : int
        1 where the moments are centred, 0 where they are about the origin.
    """

    weight: float
    input_mean: Tensor
    target_mean: Tensor
    cross_scatter: Tensor
    target_scatter: Tensor
    products: Products
    gap: Tensor
    origin: Tensor
    n_intercepts: int = 1

    @classmethod
    def from_series(
        cls,
        X: Any,
        y: Any,
        *,
        n_lags: int,
        start: Literal["zero_state", "full_windows"] = "zero_state",
        sample_weight: Any = None,
        device: torch.device | str = "cpu",
    ) -> LagOperator:
        """Return the moments of recordings; the arguments are those of `LagStatistics`."""
        return cls.of_series(Series.glue(X, y, sample_weight, device), n_lags=n_lags, start=start)

    @classmethod
    def of_series(
        cls,
        series: Series,
        *,
        n_lags: int,
        start: Literal["zero_state", "full_windows"] = "zero_state",
    ) -> LagOperator:
        """Return the moments of recordings that are one series."""
        series = series.supervised(n_lags, start)
        x, weights = series.x, series.weights
        level, target_level = series_level(x, weights), series_level(series.y, weights)
        # A target of ones, which has no level, sums the inputs.
        targets = torch.hstack([series.y, torch.ones_like(weights)[:, None]])
        shift = torch.cat([level, target_level, torch.zeros_like(level[:1])])
        correlation, sums, squares = lagged_products(x, targets, weights, shift, n_lags)
        auto, cross = correlation.split([len(level), len(target_level) + 1], dim=1)
        return cls._of(
            SeriesProducts.of(x, weights, level, auto),
            level.repeat(n_lags),
            target_level,
            float(weights.sum()),
            cross.transpose(1, 2).flatten(0, 1),
            sums[len(level) : -1],
            squares[len(level) : -1],
        )

    @classmethod
    def from_windows(
        cls,
        X: Any,
        y: Any,
        *,
        n_lags: int | None = None,
        sample_weight: Any = None,
        device: torch.device | str = "cpu",
    ) -> LagOperator:
        """Return the moments of windows (n_windows, n_timesteps, n_channels), oldest first.

        The arguments are those of `LagStatistics`. X is kept, not copied.
        """
        n_windows, n_timesteps, _ = X.shape
        n_lags = n_timesteps if n_lags is None else n_lags
        if not 1 <= n_lags <= n_timesteps:
            raise ValueError(
                f"n_lags={n_lags} must lie between 1 and the {n_timesteps} time steps of a window."
            )
        targets = as_float64(y, device)
        targets = targets[:, None] if targets.ndim == 1 else targets
        weights = check_weights(sample_weight, n_windows, device)
        return cls.of_windows(X, *observed(targets, weights), n_lags=n_lags)

    @classmethod
    def of_windows(cls, X: Any, targets: Tensor, weights: Tensor, *, n_lags: int) -> LagOperator:
        """Return the moments of windows that were checked."""
        products = WindowProducts.of(X[:, X.shape[1] - n_lags :], weights)
        target_level = series_level(targets, weights)
        targets = targets - target_level
        weighted = weights[:, None] * targets
        return cls._of(
            products,
            products.level,
            target_level,
            float(weights.sum()),
            products.adjoint(torch.hstack([targets, torch.ones_like(targets[:, :1])])),
            weighted.sum(0),
            torch.linalg.vecdot(weighted, targets, dim=0),
        )

    @classmethod
    def _of(
        cls,
        products: Products,
        level: Tensor,
        target_level: Tensor,
        weight: float,
        cross: Tensor,
        target_sums: Tensor,
        target_squares: Tensor,
    ) -> LagOperator:
        """Return the centred moments from sums about levels.

        ``cross (p, n_outputs + 1)`` belongs to the targets and a column of ones.
        """
        divisor = weight if weight > 0 else 1.0
        gap, target_gap = cross[:, -1] / divisor, target_sums / divisor
        return cls(
            weight=weight,
            input_mean=level + gap,
            target_mean=target_level + target_gap,
            cross_scatter=torch.addr(cross[:, :-1], gap, target_gap, alpha=-weight),
            target_scatter=target_squares - weight * target_gap.square(),
            products=products,
            gap=gap,
            origin=torch.zeros_like(gap),
        )

    def apply(self, response: Tensor) -> Tensor:
        """Return ``G H``.

        Parameters
        ----------
        response : Tensor of shape (p, k)
            ``H``.

        Returns
        -------
        product : Tensor of shape (p, k)
        """
        product = self.products.apply(response)
        product.addr_(self.gap, self.gap @ response, alpha=-self.weight)
        return product.addr_(self.origin, self.origin @ response, alpha=self.weight)

    def diagonal(self) -> Tensor:
        """Return the diagonal of ``G``, of shape (p,)."""
        return self.products.diagonal() + self.weight * (self.origin.square() - self.gap.square())

    def uncentred(self) -> Self:
        """Return the moments about the origin, from which a model without intercept learns."""
        return replace(
            self,
            input_mean=torch.zeros_like(self.input_mean),
            target_mean=torch.zeros_like(self.target_mean),
            cross_scatter=torch.addr(
                self.cross_scatter, self.input_mean, self.target_mean, alpha=self.weight
            ),
            target_scatter=self.target_scatter + self.weight * self.target_mean.square(),
            origin=self.origin + self.input_mean,
            n_intercepts=0,
        )

    def intercept(self, response: Tensor) -> Tensor:
        """Return the intercept ``b = y_bar - H^T z_bar (n_outputs,)`` for ``H (p, n_outputs)``."""
        return self.target_mean - self.input_mean @ response


@dataclass(frozen=True, eq=False)
class SeriesProducts:
    """``R`` of a series: a Toeplitz matrix, and what stretches of the series add to it.

    A stretch of inputs ``u`` answers a response ``v`` with ``(Z v)_t = sum_k u_{t-k} v_k``, and

        R v = T v + sum_b Z_b^T diag(w_b) Z_b v

    With ``T = 0`` and the weights of the time steps, blocks of the series are the stretches. Where
    the weights seldom change, the auto-correlation of the series gives ``T``, and every change
    takes one stretch: summed down the diagonals, `displacement`'s ``R[k+1, j+1] = R[k, j] + D[k,
    j]`` says that a change after time step ``c`` adds ``(w_{c+1} - w_c) Z^T Z``, with the answers
    ``Z v`` after time step ``c`` to the inputs until then.

    Attributes
    ----------
    u : Tensor of shape (n_channels, half + n_timesteps)
        Inputs less their level, after the zero state that the first windows see.
    toeplitz : Tensor of shape (n_channels, n_channels, half + 1)
        Spectrum of ``T``, embedded in a circulant matrix of ``2 half`` lags.
    stretches : Tensor of shape (n_stretches, n_channels, half + 1)
        Spectra of stretches of ``2 half`` inputs.
    weights : Tensor of shape (n_stretches, half) or (n_stretches, 1)
        Weights of the answers in the second half of a stretch.
    n_lags : int
        Number of lags.
    """

    u: Tensor
    toeplitz: Tensor
    stretches: Tensor
    weights: Tensor
    n_lags: int

    @classmethod
    def of(cls, x: Tensor, weights: Tensor, level: Tensor, auto: Tensor) -> SeriesProducts:
        """Return ``R``, about a level, of inputs ``x (n_timesteps, n_channels)`` and weights.

        Lag 0 of one channel times lag ``d`` of another is in ``auto (n_lags, n_channels,
        n_channels)``: the first block row of ``R``.
        """
        n_lags, n_channels, _ = auto.shape
        n_steps, half = len(x), fast_length(n_lags)
        n_blocks = math.ceil(n_steps / half)
        padded = x.new_zeros(n_channels, n_steps + 2 * half)
        u = padded[:, : half + n_steps]
        if weights[: n_lags - 1].any():  # some window reaches back to the zero state
            padded[:, :half] = -level[:, None]
        padded[:, half : half + n_steps] = x.T - level[:, None]
        first = rfft(auto.permute(1, 2, 0), 2 * half)
        changes = weight_changes(weights)
        if changes_are_cheaper(len(changes), n_blocks):
            ends = torch.cat([changes, changes.new_tensor([-1, n_steps - 1])])
            inner = weights[changes + 1] - weights[changes]
            jumps = torch.cat([inner, weights[:1], -weights[-1:]])[:, None]
            stretches = padded.unfold(1, half, 1)[:, ends + 1]
            toeplitz = first.transpose(0, 1) + first.conj() - auto[0, :, :, None]
        else:
            jumps = pad(weights, (0, n_blocks * half - n_steps)).view(n_blocks, half)
            stretches = padded.unfold(1, 2 * half, half)[:, :n_blocks]
            toeplitz = torch.zeros_like(first)
        spectra = rfft(stretches, 2 * half).transpose(0, 1)
        return cls(u, toeplitz, spectra, jumps, n_lags)

    def apply(self, response: Tensor) -> Tensor:
        """Return ``R v`` for ``v (p, k)``."""
        half = self.stretches.shape[-1] - 1
        spectrum = rfft(response.T.unflatten(1, (self.n_lags, -1)).mT, 2 * half)
        total = torch.einsum("abf,kbf->kaf", self.toeplitz, spectrum)
        for stretch, weights in zip(self.stretches, self.weights, strict=True):
            answer = irfft((stretch * spectrum).sum(1), 2 * half)  # (k, 2 half)
            answer[:, :half] = 0.0
            answer[:, half:] *= weights
            total += rfft(answer, 2 * half)[:, None] * stretch.conj()
        return irfft(total, 2 * half)[:, :, : self.n_lags].mT.flatten(1).T

    def diagonal(self) -> Tensor:
        """Return the diagonal of ``R``, of shape (p,)."""
        half = self.stretches.shape[-1] - 1
        total = torch.zeros_like(self.stretches[0])
        for stretch, weights in zip(self.stretches, self.weights, strict=True):
            squares = rfft(irfft(stretch, 2 * half).square(), 2 * half)
            total += rfft(pad(weights.expand(half), (half, 0)), 2 * half) * squares.conj()
        constant = irfft(self.toeplitz.diagonal().T, 2 * half)[:, :1]
        return (constant + irfft(total, 2 * half)[:, : self.n_lags]).T.flatten()

    def spectrum(self) -> Tensor:
        """Return the blocks of a circulant like ``R``, from stretches of the series."""
        length = max(1, min(self.n_lags, self.u.shape[1] // 4))
        stretches = self.u.unfold(1, length, math.ceil(length / 4)).transpose(0, 1)
        return cross_spectra(stretches, self.n_lags)


@dataclass(frozen=True, eq=False)
class WindowProducts:
    """``R`` of windows, about their mean; every product goes through the windows.

    Attributes
    ----------
    X : array-like of shape (n_windows, n_lags, n_channels)
        Windows, oldest time step first.
    weights : Tensor of shape (n_windows,)
        Their weights.
    level : Tensor of shape (p,)
        Their mean, newest time step first.
    """

    X: Any
    weights: Tensor
    level: Tensor

    @classmethod
    def of(cls, X: Any, weights: Tensor) -> WindowProducts:
        """Return ``R`` of weighted windows."""
        raw = cls(X, weights, torch.zeros((), dtype=weights.dtype, device=weights.device))
        total = sum(w @ finite(z, "X") for z, w in raw._blocks())
        return replace(raw, level=total / positive_sum(weights))

    def _slices(self) -> list[slice]:
        """Return the slices of windows that are taken together."""
        n_windows, n_lags, n_channels = self.X.shape
        length = max(64, SLAB // (n_lags * n_channels))
        return [slice(first, first + length) for first in range(0, n_windows, length)]

    def _blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over blocks of windows less their level (b, p), newest first, and weights."""
        for block in self._slices():
            windows = as_float64(self.X[block], self.weights.device)
            yield windows.flip(1).flatten(1) - self.level, self.weights[block]

    def adjoint(self, targets: Tensor) -> Tensor:
        """Return ``sum_s w_s (z_s - level) y_s^T (p, k)`` for targets (n_windows, k)."""
        total = targets.new_zeros(len(self.level), targets.shape[1])
        for block, (z, w) in zip(self._slices(), self._blocks(), strict=True):
            total.addmm_(z.T, w[:, None] * targets[block])
        return total

    def apply(self, response: Tensor) -> Tensor:
        """Return ``R v`` for ``v (p, k)``."""
        total = torch.zeros_like(response)
        for z, w in self._blocks():
            total.addmm_(z.T, w[:, None] * (z @ response))
        return total

    def diagonal(self) -> Tensor:
        """Return the diagonal of ``R``, of shape (p,)."""
        total = torch.zeros_like(self.level)
        for z, w in self._blocks():
            total += w @ z.square_()
        return total

    def spectrum(self) -> Tensor:
        """Return the blocks of a circulant like ``R``, from the windows."""
        n_lags, n_channels = self.X.shape[1:]
        stretches = (
            (w.sqrt()[:, None] * z).view(-1, n_lags, n_channels).flip(1).mT
            for z, w in self._blocks()
        )
        return torch.stack([cross_spectra(block, n_lags) for block in stretches]).sum(0)


def changes_are_cheaper(n_changes: int, n_blocks: int) -> bool:
    """Whether the changes of the weights, and two ends, take fewer stretches than the series has.

    Each stretch takes two transforms of the same length in a product.
    """
    return n_changes + 2 < n_blocks


def cross_spectra(stretches: Tensor, n_lags: int) -> Tensor:
    """Return the sums of the cross-spectra of stretches (n_stretches, n_channels, length).

    They have the shape (n_frequencies, n_channels, n_channels), and belong to `fast_length(n_lags)`
    lags. A Hann window keeps strong frequencies from leaking into weak ones (Welch 1967, "The use
    of fast Fourier transform for the estimation of power spectra").
    """
    _, n_channels, length = stretches.shape
    n_circle = fast_length(n_lags)
    window = torch.hann_window(
        length + 2, periodic=False, dtype=stretches.dtype, device=stretches.device
    )[1:-1]
    total = window.new_zeros(n_circle // 2 + 1, n_channels, n_channels, dtype=torch.complex128)
    for block in stretches.split(max(1, SLAB // (n_channels * n_circle))):
        spectra = rfft(block * window, n_circle).permute(2, 1, 0)  # (f, n_channels, b)
        total.baddbmm_(spectra.conj(), spectra.mT)
    return total
