"""Moments of all full windows of one long series, without forming the windows.

The scatter of a series' lags has displacement structure: with weights ``w_s`` on the time steps,

    R[k + 1, j + 1] = sum_s w_s x_{s-1-k} x_{s-1-j}^T
                    = R[k, j] + sum_s (w_{s+1} - w_s) x_{s-k} x_{s-j}^T

so it follows from its first block row, a weighted auto-correlation, and from the few time steps at
which the weights change (the ends of the series, gaps). Kailath, Kung and Morf 1979, "Displacement
ranks of matrices and linear equations".
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from sklearn_linrnn._core.statistics.moments import Moments, RunningSums
from sklearn_linrnn._core.threads import one_thread, side_by_side

SLAB = 2**15  # complex numbers transformed at a time: 512 KiB, which stays in cache
STRETCH = 2**16  # time steps that one thread sums up at a time: some milliseconds
EDGES = 1024  # time steps at which weights change, taken together
BAND = 64  # rows mirrored at a time


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
    increments, sum_increments = displacement(x, weights, changes, level, n_lags)
    input_sums = torch.vstack([sums[None, :n_channels], sum_increments]).cumsum(0)
    running = RunningSums(
        level.repeat(n_lags),
        target_level,
        float(weights.sum()),
        input_sums.flatten(),
        sums[n_channels:],
        accumulate_diagonals(auto, increments),
        cross.transpose(1, 2).reshape(n_lags * n_channels, -1),
        squares[n_channels:],
    )
    return running.moments()


def series_level(columns: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean of ``columns (n_timesteps, k)``; zeros if nothing has weight."""
    return torch.einsum("s,sk->k", weights, columns) / positive_sum(weights)


def positive_sum(weights: Tensor) -> Tensor:
    """Return the sum of the weights, or if that is zero something to divide zero by."""
    return weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)


def weight_changes(weights: Tensor) -> Tensor:
    """Return the time steps ``s`` with ``w_{s+1} != w_s``."""
    return torch.nonzero(weights[1:] != weights[:-1]).flatten()


def displacement(
    x: Tensor, weights: Tensor, changes: Tensor, level: Tensor, n_lags: int
) -> tuple[Tensor, Tensor]:
    """Return what takes the scatter, and the sums, from one lag to the next.

    ``sum_s (w_{s+1} - w_s) e_s e_s^T`` and ``sum_s (w_{s+1} - w_s) e_s`` with lags 0 to
    ``n_lags - 2`` of the inputs less their level in ``e_s``; of shapes ``((n_lags - 1) n_channels,
    (n_lags - 1) n_channels)`` and ``(n_lags - 1, n_channels)``.
    """
    steps = torch.cat([changes, changes.new_tensor([-1, len(weights) - 1])])  # zero beyond the ends
    jumps = torch.cat([weights[changes + 1] - weights[changes], weights[:1], -weights[-1:]])
    lags = torch.arange(n_lags - 1, device=x.device)
    n_inputs = (n_lags - 1) * x.shape[1]
    scatter, sums = x.new_zeros(n_inputs, n_inputs), x.new_zeros(n_inputs)
    for step, jump in zip(steps.split(EDGES), jumps.split(EDGES), strict=True):
        index = step[:, None] - lags
        inputs = x[index.clamp(min=0)].masked_fill((index < 0)[:, :, None], 0.0)
        edges = (inputs - level).flatten(1)
        scatter.addmm_(edges.T * jump, edges)
        sums += jump @ edges
    return scatter, sums.view(n_lags - 1, x.shape[1])


def lagged_products(
    x: Tensor, y: Tensor, weights: Tensor, level: Tensor, n_lags: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return weighted sums over the time steps of ``u = [x, y] - level``.

    They are ``sum_s w_s u_s v_{s-j}^T``, with ``v`` the inputs in ``u``, as a tensor of shape
    (n_lags, n_channels + n_outputs, n_channels), then ``sum_s w_s u_s`` and ``sum_s w_s u_s^2``.

    Overlapping blocks: those of ``h >= n_lags`` time steps of ``u``, padded to ``2 h``, are
    correlated with the inputs in them and in the ``h`` time steps before. Stretches of many blocks
    are summed side by side.
    """
    n_steps, n_channels = x.shape
    block = 2 ** math.ceil(math.log2(max(n_lags, min(1024 // n_channels, n_steps), 1)))
    n_columns = n_channels + y.shape[1]
    stride = block * max(1, SLAB // ((n_columns + n_channels) * (block + 1)))
    spectrum = x.new_zeros(block + 1, n_columns, n_channels, dtype=torch.complex128)
    sums, squares = x.new_zeros(2, n_columns)

    def add_up(steps: range) -> tuple[Tensor, Tensor, Tensor]:
        return _stretch_products(x, y, weights, level, block, steps)

    for more in side_by_side(add_up, _stretches(n_steps, stride)):
        for total, part in zip((spectrum, sums, squares), more, strict=True):
            total.add_(part)
    correlation = torch.fft.irfft(spectrum, dim=0)[block : block + n_lags]
    return correlation, sums, squares


def _stretches(n_steps: int, stride: int) -> list[range]:
    """Return the first time steps of the slabs of each stretch."""
    firsts = range(0, n_steps, stride)
    n_slabs = max(1, STRETCH // stride)
    return [firsts[first : first + n_slabs] for first in range(0, len(firsts), n_slabs)]


def _stretch_products(
    x: Tensor, y: Tensor, weights: Tensor, level: Tensor, block: int, firsts: range
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the spectrum of the products of a stretch, and its sums, slab by slab."""
    n_channels = x.shape[1]
    n_columns = n_channels + y.shape[1]
    spectrum = x.new_zeros(block + 1, n_columns, n_channels, dtype=torch.complex128)
    sums, squares = x.new_zeros(2, n_columns)
    before = -level[:n_channels, None].expand(-1, block)  # zero state
    if firsts.start > 0:
        before = x[firsts.start - block : firsts.start].T - level[:n_channels, None]
    for first in firsts:
        slab = slice(first, first + firsts.step)
        rows = torch.vstack([x[slab].T, y[slab].T]).sub_(level[:, None])
        weighted = rows * weights[slab]
        sums += weighted.sum(1)
        squares += torch.linalg.vecdot(weighted, rows)
        missing = -rows.shape[1] % block
        inputs = torch.cat([before, pad(rows[:n_channels], (0, missing))], dim=1)
        before = inputs[:, -block:]
        blocks = pad(weighted, (0, missing)).view(n_columns, -1, block)
        present = torch.fft.rfft(blocks, n=2 * block)
        recent = torch.fft.rfft(inputs.unfold(1, 2 * block, block))
        spectrum.baddbmm_(present.permute(2, 0, 1), recent.permute(2, 1, 0).conj())
    return spectrum, sums, squares


def accumulate_diagonals(first: Tensor, increments: Tensor) -> Tensor:
    """Return the symmetric ``R`` with ``R[0, j] = first[j]``, ``R[k+1, j+1] = R[k, j] + D[k, j]``.

    Parameters
    ----------
    first : Tensor of shape (n_lags, n_channels, n_channels)
        ``first[j][a, b]`` belongs to lag 0 of channel ``a`` and lag ``j`` of channel ``b``.
    increments : Tensor of shape ((n_lags - 1) * n_channels, (n_lags - 1) * n_channels)
        ``D``, lag-major.

    Returns
    -------
    R : Tensor of shape (n_lags * n_channels, n_lags * n_channels)

    Notes
    -----
    In memory of row length ``p = n_lags * n_channels``, stepping by ``n_channels (p + 1)`` walks
    down a diagonal of blocks. So each of them is one column of a strided view, and one cumulative
    sum does them all; what runs past the end of a row lands below the diagonal, which is then
    overwritten by symmetry.
    """
    n_lags, n_channels, _ = first.shape
    p = n_lags * n_channels
    memory = first.new_zeros(p * (p + 1))
    matrix = memory[: p * p].view(p, p)
    matrix[:n_channels] = first.transpose(0, 1).reshape(n_channels, p)
    matrix[n_channels:, n_channels:] = increments
    memory.as_strided((n_lags, n_channels * p), (n_channels * (p + 1), 1)).cumsum_(0)
    return mirror_upper(matrix)


def mirror_upper(matrix: Tensor) -> Tensor:
    """Copy the upper triangle of a square matrix onto its lower one, in place.

    Band by band: a transposed copy of the whole would cost more than all the rest here. Bands are
    small, and threads would wait for each other at each of them.
    """
    with one_thread():
        for first in range(0, len(matrix), BAND):
            band = matrix[first : first + BAND]
            diagonal = band[:, first : first + BAND]
            diagonal.copy_(diagonal.triu() + diagonal.triu(1).T)
            matrix[first + BAND :, first : first + BAND] = band[:, first + BAND :].T
    return matrix
