"""How much memory there is, and errors for lack of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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


def available_bytes(device: torch.device) -> float:
    """Return the memory that can be used on a device without swapping; infinity if unknown."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        kibibytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
        return min(1024.0 * int(kibibytes), _left_to_the_container())
    with suppress(AttributeError, OSError, ValueError):  # half of all, if use is unknown
        return 0.5 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return float("inf")


def _left_to_the_container() -> float:
    """Return what a control group of Linux leaves, infinity if it sets no limit."""
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):
        most, used = ((group / name).read_text() for name in ("memory.max", "memory.current"))
        return float(int(most) - int(used))  # "max" is no number
    return float("inf")
