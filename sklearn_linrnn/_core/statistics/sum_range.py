"""The range of float64 in which sums of products keep their digits."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SMALLEST, LARGEST = 1e-305, 1e305  # sums of squares whose products with others keep their digits
OUT_OF_RANGE = "X, y or sample_weight is too {}: sums of their products {} float64. Scale them."


def check_range(weight: float, scatters: Tensor, means: Tensor, n_inputs: int) -> None:
    """Raise a ValueError unless there are sums, of squares that keep their digits in float64.

    Parameters
    ----------
    weight : float
        Sum of the weights.
    scatters, means : Tensor of shape (p + n_outputs,)
        Of the inputs, one of which at least must not be too small, and of the targets; those of
        zeros may be zero.
    n_inputs : int
        ``p``.
    """
    if weight <= 0:
        raise ValueError(
            "There is nothing to learn from: the weights of the observed time steps sum to "
            f"{weight:g}."
        )
    sizes = (scatters.clamp(min=0.0) / weight).sqrt() + means.abs()  # do not underflow
    logs = 2.0 * sizes.log10() + math.log10(weight)
    needed = torch.stack(
        [logs[:n_inputs].amax(), *logs[n_inputs:], logs.new_tensor(math.log10(weight))]
    )
    if not logs.amax() <= math.log10(LARGEST):
        raise ValueError(OUT_OF_RANGE.format("large", "overflow"))
    if ((needed < math.log10(SMALLEST)) & (needed > -math.inf)).any():
        raise ValueError(OUT_OF_RANGE.format("small", "underflow"))
