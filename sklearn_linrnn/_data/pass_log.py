"""How far a long pass over data has come, for those who want to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Count = Callable[[int], None]  # is told of time steps that were read
Watch = Callable[[int | None], AbstractContextManager[Count]]  # begins a pass over so many of them

SECONDS = 10.0  # between two lines; a shorter pass has none


@contextmanager
def unwatched(_n_steps: int | None) -> Iterator[Count]:
    """Begin a pass that nobody wants to know of.

    Parameters
    ----------
    _n_steps : int or None
        Number of time steps of the data; ``None`` if it is not known.

    Yields
    ------
    count : callable
        Is told of time steps that were read.
    """
    yield lambda _: None


class PassLog:
    """Lines that say how far a pass has come.

    Parameters
    ----------
    say : callable
        Prints a line, if it is asked for.
    n_steps : int or None
        Number of time steps of the data; ``None`` if it is not known.
    """

    def __init__(self, say: Callable[[str], None], n_steps: int | None = None) -> None:
        self._say, self._n_steps, self._n_read = say, n_steps, 0
        self._begun = self._said = time.monotonic()

    def add(self, n_read: int) -> None:
        """Count time steps that were read, and say so if it is time to."""
        self._n_read += n_read
        now = time.monotonic()
        if now - self._said < SECONDS or self._n_read == self._n_steps:
            return
        self._said = now
        if self._n_steps is None:
            self._say(f"{self._n_read:,} time steps read")
            return
        left = (now - self._begun) * (self._n_steps / self._n_read - 1.0)
        self._say(f"{self._n_read:,} of {self._n_steps:,} time steps read, {left:.0f} s left")
