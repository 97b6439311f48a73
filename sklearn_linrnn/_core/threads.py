"""One thread for many small factorisations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread in the body.

    Threads that wait for work keep their cores busy. Between small factorisations they wait most of
    the time, and slow down what other libraries do meanwhile.
    """
    before = torch.get_num_threads()  # of the thread that asks
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
