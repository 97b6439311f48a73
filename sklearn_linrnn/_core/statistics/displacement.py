"""Moments of all full windows of one long series, without forming the windows.

The scatter of a series' lags has displacement structure: with weights ``w_s`` on the time steps,

    R[k + 1, j + 1] = sum_s w_s x_{s-1-k} x_{s-1-j}^T
                    = R[k, j] + sum_s (w_{s+1} - w_s) x_{s-k} x_{s-j}^T

so it follows from its first block row, a weighted auto-correlation, and from the few time steps at
which the weights change (the ends of the series, gaps). Kailath, Kung and Morf 1979, "Displacement
ranks of matrices and linear equations".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.fourier import fast_length, irfft, rfft
from sklearn_linrnn._core.statistics.moments import Moments, RunningSums
from sklearn_linrnn._core.tensors import blank
from sklearn_linrnn._core.threads import one_thread, side_by_side, spread

SLAB = 2**17  # complex numbers of spectra at a time: 2 MiB, which stays in cache
SUMS = 2**19  # complex numbers that spectra are summed up in: 8 MiB
REPEATED, SHORTEST = 8, 256  # lengths of transforms, the former in lags
STRETCH = 2**19  # inputs that one thread sums up at a time: it takes milliseconds to begin
ENOUGH_BLOCKS = 64  # for a matrix product to be fast
DISTANCE = 16  # of the time steps that a level is taken from
EDGES = 1024  # time steps at which weights change, taken together
BAND = 64  # rows of a matrix taken together
CACHED = 2**17  # numbers that stay in cache: 1 MiB


def full_window_moments(
    x: Tensor, y: Tensor, weights: Tensor, changes: Tensor, n_lags: int
) -> Moments:
    """Return the moments of ``z_s = [x_s, x_{s-1}, ..., x_{s-n_lags+1}]`` and ``y_s``.

    Parameters
    ----------
    x : Tensor of shape (n_timesteps, n_channels)
        Inputs.
    y : Tensor of shape (n_timesteps, n_outputs)
        Targets; finite also where their weight is zero.
    weights : Tensor of shape (n_timesteps,)
        Weights of the time steps, zero on those whose windows are not full.
    changes : Tensor of int, shape (n_changes,)
        Time steps after which the weights change, as `weight_changes` returns them.
    n_lags : int
        Number of lags.

    Notes
    -----
    The sums are about the series' level, so that rounding is relative to its standard
    deviation.
    """
    n_channels = x.shape[1]
    level, target_level = series_level(x, weights), series_level(y, weights)
    shift = torch.cat([level, target_level])
    correlation, sums, squares = lagged_products(x, y, weights, shift, n_lags)
    auto, cross = correlation[:, :n_channels], correlation[:, n_channels:]
    scatter = Diagonals.of(auto)
    sum_increments = displacement(x, weights, changes, level, n_lags, out=scatter.increments)
    input_sums = torch.vstack([sums[None, :n_channels], sum_increments]).cumsum(0)
    running = RunningSums(
        level.repeat(n_lags),
        target_level,
        float(weights.sum()),
        input_sums.flatten(),
        sums[n_channels:],
        scatter.accumulate(),
        cross.transpose(1, 2).reshape(n_lags * n_channels, -1),
        squares[n_channels:],
    )
    return running.moments()


def series_level(columns: Tensor, weights: Tensor) -> Tensor:
    """Return about the weighted mean of ``columns (n_timesteps, k)``; zeros if nothing has weight.

    It is that of time steps at equal distances, if they have their share of the weight. Their mean
    is at most ``sqrt(W / W')`` standard deviations from that of all, where ``W'`` of the weight
    ``W`` is theirs, so that sums about it keep their digits.
    """
    some = slice(None, None, DISTANCE)
    if 2 * DISTANCE * weights[some].sum() < weights.sum():
        some = slice(None)
    return weights[some] @ columns[some] / positive_sum(weights[some])


def positive_sum(weights: Tensor) -> Tensor:
    """Return the sum of the weights, or if that is zero something to divide zero by."""
    return weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)


def weight_changes(weights: Tensor) -> Tensor:
    """Return the time steps ``s`` with ``w_{s+1} != w_s``."""
    return torch.nonzero(weights[1:] != weights[:-1]).flatten()


def displacement(
    x: Tensor, weights: Tensor, changes: Tensor, level: Tensor, n_lags: int, out: Tensor
) -> Tensor:
    """Write and return what takes the scatter, and the sums, from one lag to the next.

    The upper triangle of ``sum_s (w_{s+1} - w_s) e_s e_s^T``, of shape ``((n_lags - 1) n_channels,
    (n_lags - 1) n_channels)``, is written to ``out``, and ``sum_s (w_{s+1} - w_s) e_s`` of shape
    ``(n_lags - 1, n_channels)`` returned, with lags 0 to ``n_lags - 2`` of the inputs less their
    level in ``e_s``.
    """
    steps = torch.cat([changes, changes.new_tensor([-1, len(weights) - 1])])  # zero beyond the ends
    jumps = torch.cat([weights[changes + 1] - weights[changes], weights[:1], -weights[-1:]])
    lags = torch.arange(n_lags - 1, device=x.device)
    sums = x.new_zeros((n_lags - 1) * x.shape[1])
    share = 0  # of what is there
    for step, jump in zip(steps.split(EDGES), jumps.split(EDGES), strict=True):
        index = step[:, None] - lags
        inputs = x[index.clamp(min=0)].masked_fill((index < 0)[:, :, None], 0.0)
        edges = (inputs - level).flatten(1)
        weighted = edges.T * jump
        with spread(len(step) * out.numel()):
            for band in _bands(len(out)):  # the lower triangle follows by symmetry
                out[band, band.start :].addmm_(weighted[band], edges[:, band.start :], beta=share)
        sums += jump @ edges
        share = 1
    return sums.view(n_lags - 1, x.shape[1])


def lagged_products(
    x: Tensor, y: Tensor, weights: Tensor, level: Tensor, n_lags: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return weighted sums over the time steps of ``u = [x, y] - level``.

    They are ``sum_s w_s u_s v_{s-j}^T``, with ``v`` the inputs in ``u``, as a tensor of shape
    (n_lags, n_channels + n_outputs, n_channels), then ``sum_s w_s u_s`` and ``sum_s w_s u_s^2``.

    Overlapping blocks: one of ``u``, followed by zeros, is correlated with the inputs in it and in
    the ``n_lags - 1`` time steps before. Stretches of many blocks are summed side by side.
    """
    n_steps, n_channels = x.shape
    n_columns, before = len(level), n_lags - 1
    length = transform_length(n_steps, n_lags, n_channels * n_columns)
    half, block = length // 2 + 1, length - before
    at_once = max(SLAB // (half * (n_columns + n_channels)), min(n_channels, ENOUGH_BLOCKS))
    levels = level.split([n_channels, n_columns - n_channels])
    totals = [x.new_zeros(half, n_channels, len(each), dtype=torch.complex128) for each in levels]
    totals += [torch.zeros_like(level), torch.zeros_like(level)]

    def add_up(slabs: range) -> list[Tensor]:
        return _stretch_products(x, y, weights, levels, block, before, slabs)

    for parts in side_by_side(add_up, _stretches(range(0, n_steps, block * at_once), n_channels)):
        for total, part in zip(totals, parts, strict=True):
            total.add_(part)
    *spectra, sums, squares = totals
    # A block is `before` steps behind the inputs that it is correlated with.
    lags = [irfft(spectrum, length, dim=0).roll(before, 0)[:n_lags] for spectrum in spectra]
    return torch.cat(lags, dim=2).mT, sums, squares


def _stretches(slabs: range, n_channels: int) -> list[range]:
    """Return the first time steps of the slabs of each stretch, by those of all slabs."""
    n_slabs = max(1, STRETCH // (slabs.step * n_channels))
    return [slabs[first : first + n_slabs] for first in range(0, len(slabs), n_slabs)]


def _stretch_products(
    x: Tensor,
    y: Tensor,
    weights: Tensor,
    levels: Sequence[Tensor],
    block: int,
    before: int,
    slabs: range,
) -> list[Tensor]:
    """Return the spectra of inputs and of targets, the sums and the squares, of a stretch."""
    length, n_channels = block + before, x.shape[1]
    half = length // 2 + 1
    spectra = [x.new_zeros(half, n_channels, len(each), dtype=torch.complex128) for each in levels]
    sums = [torch.zeros_like(each) for each in levels]
    squares = [torch.zeros_like(each) for each in levels]
    is_weighted = not bool((weights[slabs.start : slabs.stop] == 1).all())
    earlier = -levels[0].expand(before, -1)  # zero state
    if slabs.start > 0:
        earlier = x[slabs.start - before : slabs.start] - levels[0]
    for first in slabs:
        slab = slice(first, first + slabs.step)
        parts = [
            _whole_blocks(columns[slab] - each, block)
            for columns, each in zip((x, y), levels, strict=True)
        ]
        weighted = parts
        if is_weighted:
            shares = _whole_blocks(weights[slab, None], block)
            weighted = [part * shares for part in parts]
        seen = torch.cat([earlier, parts[0]])
        earlier = seen[len(seen) - before :]
        recent = rfft(seen.unfold(0, length, block).mT, length, dim=1).conj_physical_()
        recent = recent.permute(1, 2, 0).contiguous()
        for kind, (part, counted) in enumerate(zip(parts, weighted, strict=True)):
            present = rfft(counted.unflatten(0, (-1, block)), length, dim=1)
            spectra[kind].baddbmm_(recent, present.transpose(0, 1))
            sums[kind] += present[:, 0].real.sum(0)  # at frequency zero
            squares[kind] += (part * counted).sum(0)
    return [*spectra, torch.cat(sums), torch.cat(squares)]


def transform_length(n_steps: int, n_lags: int, n_products: int) -> int:
    """Return the length of the transforms of `lagged_products`.

    Long ones repeat few of the ``n_lags - 1`` time steps before a block; but their sums, one for
    each frequency and each of ``n_products`` pairs of columns, shall stay in cache.
    """
    least, best = 2 * n_lags, max(REPEATED * n_lags, SHORTEST)
    length = 2 ** round(math.log2(max(min(best, 2 * SUMS // n_products), least)))
    return fast_length(min(max(length, least), n_steps + n_lags - 1))


def _whole_blocks(rows: Tensor, block: int) -> Tensor:
    """Return rows, followed by zeros up to a whole number of blocks."""
    missing = -len(rows) % block
    return pad(rows, (0, 0, 0, missing)) if missing else rows


@dataclass(frozen=True, eq=False)
class Diagonals:
    """The symmetric ``R`` with ``R[0, j] = first[j]`` and ``R[k+1, j+1] = R[k, j] + D[k, j]``.

    In memory of row length ``n``, stepping by ``n_channels (n + 1)`` walks down a diagonal of
    blocks. So each of them is one column of a strided view, and one cumulative sum does them all;
    what runs past the end of a row lands below the diagonal, which is then overwritten by symmetry.
    That is done in bands of rows, each of which stays in cache until its mirror image is written.

    Attributes
    ----------
    matrix : Tensor of shape (p, p)
        The first block row of ``R``, and the increments; anything below the diagonal.
    n_channels : int
        Number of channels.
    """

    matrix: Tensor
    n_channels: int

    @classmethod
    def of(cls, first: Tensor) -> Diagonals:
        """Return the diagonals whose increments are yet to be written.

        Parameters
        ----------
        first : Tensor of shape (n_lags, n_channels, n_channels)
            ``first[j][a, b]`` belongs to lag 0 of channel ``a`` and lag ``j`` of channel ``b``.
        """
        n_lags, n_channels, _ = first.shape
        p = n_lags * n_channels
        matrix = blank(p * p, first.device).view(p, p)
        matrix[:n_channels] = first.transpose(0, 1).reshape(n_channels, p)
        return cls(matrix, n_channels)

    @property
    def increments(self) -> Tensor:
        """``D``, lag-major: ((n_lags - 1) * n_channels, (n_lags - 1) * n_channels)."""
        return self.matrix[self.n_channels :, self.n_channels :]

    def accumulate(self) -> Tensor:
        """Return ``R``, (p, p), in the place of its increments."""
        matrix, step = self.matrix, self.n_channels
        p = len(matrix)
        height = step * max(1, CACHED // (p * step))
        memory = matrix.new_empty(min(height, p) * (p + 1))
        with one_thread():
            for first in range(0, p, height):
                source = matrix[first : first + height, first:]
                rows = memory[: source.numel()].view_as(source).copy_(source)
                if first > 0:
                    rows[:step] += matrix[first - step : first, first - step : p - step]
                n_rows, n_columns = rows.shape
                by_block = (n_rows // step, step * n_columns), (step * (n_columns + 1), 1)
                memory.as_strided(*by_block).cumsum_(0)
                source.copy_(rows)
                _mirror_band(matrix, first, rows)
        return matrix


def mirror_upper(matrix: Tensor) -> Tensor:
    """Copy the upper triangle of a square matrix onto its lower one, in place.

    Band by band: a transposed copy of the whole would cost more than all the rest here. Bands are
    small, and threads would wait for each other at each of them.
    """
    with one_thread():
        for band in _bands(len(matrix)):
            _mirror_band(matrix, band.start, matrix[band, band.start :])
    return matrix


def _mirror_band(matrix: Tensor, first: int, rows: Tensor) -> None:
    """Write the image of rows of the upper triangle, from the diagonal on, to the lower one."""
    after = first + len(rows)
    square = rows[:, : len(rows)]
    matrix[first:after, first:after] = square.triu() + square.triu(1).T
    matrix[after:, first:after] = rows[:, len(rows) :].T


def _bands(n_rows: int) -> Iterator[slice]:
    """Yield consecutive rows of a matrix, some at a time."""
    for first in range(0, n_rows, BAND):
        yield slice(first, min(first + BAND, n_rows))
