"""One thread for many small factorisations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch and the BLAS of NumPy and SciPy use one thread in the body.

    Threads that wait for work keep their cores busy. Between small factorisations they wait most of
    the time, and slow down each other and everything else.
    """
    before = torch.get_num_threads()  # of this thread
    torch.set_num_threads(1)
    try:
        with _blas().limit(limits=1):
            yield
    finally:
        torch.set_num_threads(before)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
