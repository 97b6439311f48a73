"""One more row of data in a spectrum, without squaring it.

A model without an intercept sees the scatter about the origin, ``G + m z_bar z_bar^T``. Far from
zero the second term takes the digits of the first. As a row of its own, beside rows that have the
scatter ``G``, the mean costs but as many digits as it is larger, and not twice as many.
"""

from __future__ import annotations

import torch
from torch import Tensor


def append_row(
    roots: Tensor, vectors: Tensor, goals: Tensor, row: Tensor, goal: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the rows ``diag(s) V^T`` and one more in their singular value decomposition.

    Parameters
    ----------
    roots : Tensor of shape (k,)
        ``s``.
    vectors : Tensor of shape (p, k)
        ``V``.
    goals : Tensor of shape (k, n_outputs)
        The rows' targets.
    row : Tensor of shape (p,)
        The row to append.
    goal : Tensor of shape (n_outputs,)
        Its targets.

    Returns
    -------
    roots, vectors, goals : Tensor
        The same of all rows, of as many directions as rows or as ``p``; roots rise.
    missed : Tensor of shape (n_outputs,)
        Squares of the targets that no response reaches.
    """
    rows, targets = torch.vstack([roots[:, None] * vectors.T, row]), torch.vstack([goals, goal])
    left, singular, right = torch.linalg.svd(rows, full_matrices=False)
    found = left.T @ targets
    missed = (targets - left @ found).square().sum(0)
    return singular.flip(0), right.T.flip(1), found.flip(0), missed
