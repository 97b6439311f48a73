"""How many threads a piece of work gets: by its size, and only for as long as it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

T = TypeVar("T")

SMALL = 2**16  # entries of a matrix; products with a smaller one gain nothing from more threads


def run_by_size(size: int, function: Callable[[], T]) -> T:
    """Return what a function returns; if its largest matrix is small, it runs with one thread.

    Threads wait actively for each other. Where operations are short they wait most of the time, and
    with another busy process on the machine many times as long as one thread takes for all.

    Parameters
    ----------
    size : int
        Number of entries of the largest matrix that is multiplied or factorised.
    function : callable
        What is to be done.
    """
    with one_thread() if size < SMALL else nullcontext():
        return function()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch and the BLAS of NumPy and SciPy use one thread in the body.

    Of a BLAS with one pool for the whole process threadpoolctl lets one thread set the limit, so
    that nobody else's is lost. PyTorch hands the number that was set last to new threads: while
    one of them is limited, others may begin with its limit, and go back to what is usual.
    """
    if _here.is_limited:  # by a context around this one
        yield
        return
    before = _limited.enter()
    _here.is_limited = True
    try:
        with _blas().limit(limits=1):
            yield
    finally:
        _here.is_limited = False
        _limited.leave(before)


class _Here(threading.local):
    """What is known of the thread that asks."""

    is_limited = False


class _Limited:
    """The threads of the process that PyTorch has limited to one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_threads = 0
        self.usual = 0  # PyTorch's number before the first of them was limited

    def enter(self) -> int:
        """Limit the thread that asks; return the number that it goes back to."""
        with self.lock:
            if self.n_threads == 0:
                self.usual = torch.get_num_threads()
            before = torch.get_num_threads()
            self.n_threads += 1
            torch.set_num_threads(1)
            return self.usual if before == 1 else before

    def leave(self, before: int) -> None:
        """Free the thread that asks."""
        with self.lock:
            self.n_threads -= 1
            torch.set_num_threads(before)


_here, _limited = _Here(), _Limited()


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
