"""The number of threads for a piece of work: by its size, and for its duration only.

Threads wait actively for each other. If operations are short they wait most of the time, and with
another busy process on the machine many times as long as one thread needs for everything. NumPy,
SciPy and PyTorch have a pool of threads each, and those of one go on waiting for some ten
milliseconds beside the work of the next. So there is one rule for closed forms (`calm`): each
operation has one thread, and all of them work on

* the items of long work that go `side_by_side`, each with a thread of its own;
* products of matrices that take one thread a millisecond (`spread`), by PyTorch alone;
* everything, where the largest matrix takes a tenth of a second to factorise.

Training has one thread if its largest matrix is small, else all of them (`run_by_size`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

S = TypeVar("S")
T = TypeVar("T")

LARGE = 2**22  # entries of a matrix: it is copied in milliseconds, and factorised in 0.1 s
SMALL = 2**16  # entries of a matrix; products with a smaller one gain nothing from more threads
WORTH = 2**24  # multiply-adds of a product: they take one thread a millisecond


def run_by_size(size: int, function: Callable[[], T]) -> T:
    """Return what a function returns; if its largest matrix is small, it runs with one thread.

    Parameters
    ----------
    size : int
        Number of entries of the largest matrix that is multiplied or factorised.
    function : callable
        The work.
    """
    with one_thread() if size < SMALL else nullcontext():
        return function()


def side_by_side(function: Callable[[S], T], items: Sequence[S]) -> Iterator[T]:
    """Yield what a function returns for each of several items, in their order.

    As many run at a time as PyTorch may use threads, and each has one: none waits for another
    before it is done. What is returned depends on no number of threads.

    Parameters
    ----------
    function : callable
        The work for an item, of many short operations.
    items : sequence
        The items.
    """

    def alone(item: S) -> T:
        with one_thread():
            return function(item)

    n_workers = min(_here.n_workers or torch.get_num_threads(), len(items))
    if n_workers < 2:
        yield from map(alone, items)
        return
    with ThreadPoolExecutor(n_workers) as executor:
        yield from executor.map(alone, items)


@contextmanager
def calm(size: int) -> Iterator[None]:
    """Let each operation in the body use one thread, but for what is `spread` or `side_by_side`.

    For sums and copies of matrices, which wait for memory, and for factorisations and
    decompositions, whose threads wait for each other between many short products.

    Parameters
    ----------
    size : int
        Number of entries of the largest matrix that is kept; a larger one than some is worth all
        threads.
    """
    if size > LARGE or _here.is_limited:
        yield
        return
    with one_thread() as before:
        _here.n_workers = before
        try:
            yield
        finally:
            _here.n_workers = 0


@contextmanager
def spread(n_operations: int) -> Iterator[None]:
    """Let PyTorch use all threads for a product of matrices in `calm` work, if it is large.

    Parameters
    ----------
    n_operations : int
        Number of multiply-adds.
    """
    n_workers = _here.n_workers
    if n_workers < 2 or n_operations < WORTH:
        yield
        return
    _here.n_workers, _here.is_limited = 0, False
    torch.set_num_threads(n_workers)
    try:
        yield
    finally:
        torch.set_num_threads(1)
        _here.n_workers, _here.is_limited = n_workers, True


@contextmanager
def one_thread() -> Iterator[int]:
    """Let PyTorch and the BLAS of NumPy and SciPy use one thread in the body.

    It yields the number of threads that PyTorch returns to.

    For a BLAS with one pool for the whole process threadpoolctl lets one thread set the limit, so
    that no other limit is lost. PyTorch gives new threads the number that was set last: while one
    thread is limited, others may begin with its limit, and return to the usual number.
    """
    if _here.is_limited:  # by a context around this one
        yield 1
        return
    before = _limited.enter()
    _here.is_limited = True
    try:
        with _blas().limit(limits=1):
            yield before
    finally:
        _here.is_limited = False
        _limited.leave(before)


class _Here(threading.local):
    """The state of the current thread."""

    is_limited = False
    n_workers = 0  # that work side by side; none for as many as PyTorch may use


class _Limited:
    """The threads of the process that PyTorch has limited to one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_threads = 0
        self.usual = 0  # PyTorch's number before the first of them was limited

    def enter(self) -> int:
        """Limit the current thread; return the number that it returns to."""
        with self.lock:
            if self.n_threads == 0:
                self.usual = torch.get_num_threads()
            before = torch.get_num_threads()
            self.n_threads += 1
            torch.set_num_threads(1)
            return self.usual if before == 1 else before

    def leave(self, before: int) -> None:
        """Free the current thread."""
        with self.lock:
            self.n_threads -= 1
            torch.set_num_threads(before)


_here, _limited = _Here(), _Limited()


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
