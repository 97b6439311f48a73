"""One thread for many small factorisations."""

from __future__ import annotations

import threading

import torch


class OneThread:
    """A context in which PyTorch uses one thread, until the last of those inside leaves.

    Threads that wait for work keep their cores busy. Between small factorisations they wait most of
    the time, and slow down what other libraries do meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._n_threads = 1

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._n_threads = torch.get_num_threads()
                torch.set_num_threads(1)
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                torch.set_num_threads(self._n_threads)


one_thread = OneThread()
