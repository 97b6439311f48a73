"""Decisions of a training loop, on Python numbers or on 0-d tensors.

A loop on the CPU decides with Python numbers, which cost nothing. On a GPU the host would have to
wait for every such number; there the same loop runs with 0-d tensors, and a branch becomes a
selection on the device.
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def select(condition: Any, one: T, other: T) -> T:
    """Return ``one`` if the condition holds, else ``other``."""
    if isinstance(condition, Tensor):
        return torch.where(condition, one, other)  # type: ignore[call-overload]
    return one if condition else other


def invert(condition: Any) -> Any:
    """Return whether the condition does not hold."""
    return ~condition if isinstance(condition, Tensor) else not condition


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


def subtract(target: Tensor, rate: Any, direction: Tensor) -> None:
    """Subtract ``rate * direction`` from the target."""
    if isinstance(rate, Tensor):
        target.addcmul_(direction, rate.to(target.dtype), value=-1.0)
    else:
        target.sub_(direction, alpha=rate)
