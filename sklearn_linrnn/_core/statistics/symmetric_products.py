"""Products that are symmetric, of which one half is computed."""

from __future__ import annotations

from torch import Tensor

BAND = 192  # columns taken together
ENOUGH = 512  # rows, from which on products take far longer than to read and write a sum


def add_symmetric(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add ``left^T right``, which is symmetric, to a sum.

    Parameters
    ----------
    total : Tensor of shape (p, p)
        The sum.
    left, right : Tensor of shape (n_rows, p)
        The same rows but for their weights.
    """
    n_columns = right.shape[1]
    for first in range(0, n_columns, BAND):
        own, later = slice(first, first + BAND), slice(first + BAND, n_columns)
        total[own, own].addmm_(left[:, own].T, right[:, own])
        if later.start < n_columns:
            beside = left[:, own].T @ right[:, later]
            total[own, later] += beside
            total[later, own] += beside.T
