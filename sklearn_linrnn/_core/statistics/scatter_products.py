"""Products with the scatter of very many lags, of a series or of windows, about some level."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.fourier import fast_length, irfft, rfft
from sklearn_linrnn._core.statistics.displacement import positive_sum, weight_changes
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
