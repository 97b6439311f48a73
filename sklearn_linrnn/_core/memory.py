"""Errors for lack of memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# What PyTorch says on the CPU, where it has no class of its own for it; the last two of sizes whose
# product is beyond all integers.
OUT_OF_MEMORY = re.compile("allocate|Storage size|multiplication overflow")


@contextmanager
def explained_memory_errors(advice: str) -> Iterator[None]:
    """Advise what to lower when memory runs out."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        is_known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not (is_known or OUT_OF_MEMORY.search(str(error))):
            raise
        raise MemoryError(advice) from error
