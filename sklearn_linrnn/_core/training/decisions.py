"""Decisions of a training loop, on Python numbers or on 0-d tensors.

A loop on the CPU decides with Python numbers, which cost nothing. On a GPU the host would have to
wait for every such number; there the same loop runs with 0-d tensors, and a branch becomes a
selection on the device.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def copy_if(condition: Any, sources: list[Tensor], targets: list[Tensor]) -> None:
    """Copy each source to its target if the condition holds."""
    if isinstance(condition, Tensor):
        for source, target in zip(sources, targets, strict=True):
            torch.where(condition, source, target, out=target)
    elif condition:
        for source, target in zip(sources, targets, strict=True):
            target.copy_(source)


def clear_unless(condition: Any, tensors: list[Tensor]) -> None:
    """Set tensors to zero, whatever they hold, unless the condition holds."""
    if isinstance(condition, Tensor):
        for tensor in tensors:
            tensor.masked_fill_(~condition, 0.0)
    elif not condition:
        for tensor in tensors:
            tensor.zero_()


def subtract(targets: list[Tensor], rates: list[Any], directions: list[Tensor]) -> None:
    """Subtract its rate times its direction from each target."""
    for target, rate, direction in zip(targets, rates, directions, strict=True):
        if isinstance(rate, Tensor):
            target.addcmul_(direction, rate.to(target.dtype), value=-1.0)
        else:
            target.sub_(direction, alpha=rate)
