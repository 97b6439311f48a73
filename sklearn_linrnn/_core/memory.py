"""Errors for lack of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def explained_memory_errors(advice: str) -> Iterator[None]:
    """Advise what to lower when memory runs out."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On the CPU PyTorch has no class of its own for it.
        said = str(error)
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and (
            "allocate" not in said and "Storage size" not in said
        ):
            raise
        raise MemoryError(advice) from error
