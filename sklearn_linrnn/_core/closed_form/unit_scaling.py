"""A positive definite matrix, scaled to a diagonal of ones."""

from __future__ import annotations

import torch
from torch import Tensor

from sklearn_linrnn._core.tensors import blank

BAND = 2**16  # numbers scaled at a time: 512 KiB, which stay in cache


def scaled_triangle(matrix: Tensor, scale: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return the upper triangle of ``S M S``, with a diagonal of ones; below it is anything.

    Parameters
    ----------
    matrix : Tensor of shape (p, p)
        ``M``.
    scale : Tensor of shape (p, 1)
        Diagonal of ``S``.
    dtype : torch.dtype, default=torch.float64
        The precision of what is returned; products are taken in that of the matrix.
    """
    n_rows = len(matrix)
    scaled = blank(n_rows * n_rows, matrix.device, dtype).view(n_rows, n_rows)
    height = max(1, BAND // n_rows)
    for first in range(0, n_rows, height):
        band = slice(first, first + height)
        rows = matrix[band, first:] * scale[band]
        torch.mul(rows, scale[first:].T, out=scaled[band, first:])
    scaled.diagonal().fill_(1.0)
    return scaled
