"""One thread for many small factorisations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch and the BLAS of NumPy and SciPy use one thread in the body.

    Threads that wait for work keep their cores busy. Between small factorisations they wait most of
    the time, and slow down each other and all else.
    """
    before = torch.get_num_threads()  # of the thread that asks
    torch.set_num_threads(1)
    _blas.enter()
    try:
        yield
    finally:
        _blas.leave()
        torch.set_num_threads(before)


class _OneBLASThread:
    """BLAS libraries have one number of threads for all; the last body to leave restores it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._limiter: Any = None

    def enter(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._limiter = _libraries().limit(limits=1)
            self._n_inside += 1

    def leave(self) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._limiter.restore_original_limits()


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


_blas = _OneBLASThread()
