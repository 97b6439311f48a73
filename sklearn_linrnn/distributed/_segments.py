"""Sums over rows whose lags may lie on other machines.

No part waits for another one: each sums up the rows whose lags it has, and hands on its first rows
and its last inputs. Where parts are added up, the first rows of the later one follow on the last
inputs of the earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

from sklearn_linrnn.distributed._rows import Block, last_rows


@dataclass(frozen=True, eq=False)
class Segment:
    """What is known of consecutive rows.

    Attributes
    ----------
    head : Block
        The first rows, whose lags lie before them.
    found : object or None
        The sum of the others; None if there are none.
    tail : Block
        The last inputs, which the lags of later rows reach.
    """

    head: Block
    found: Any
    tail: Block


@dataclass(frozen=True, eq=False)
class Summing:
    """How what is known of blocks is summed up.

    Attributes
    ----------
    function : callable
        Returns what is summed up of a block, None of one without rows.
    n_before : int
        How many rows before a row its lags reach.
    """

    function: Callable[[Block], Any]
    n_before: int = 0

    def alone(self, block: Block) -> Any:
        """Return what is summed up of a block on which nothing follows.

        Parameters
        ----------
        block : Block
            The block.
        """
        return self.function(block)

    def segment(self, block: Block) -> Segment | None:
        """Return what is known of a block; None if it has no rows.

        Parameters
        ----------
        block : Block
            The block.
        """
        if len(block) == 0:
            return None
        found = None
        if len(block) > self.n_before:
            found = self.function(block.rest(self.n_before))
        return Segment(block.head(self.n_before), found, block.tail(self.n_before))

    def joined(self, segments: Sequence[Segment | None]) -> Segment | None:
        """Return consecutive segments as one; None if no one has rows.

        Parameters
        ----------
        segments : sequence
            The segments; those without rows are None.
        """
        return reduce(self._join, (each for each in segments if each is not None), None)

    def _join(self, earlier: Segment | None, later: Segment) -> Segment:
        if earlier is None:
            return later
        tail = last_rows(self.n_before, later.tail, earlier.tail)
        if len(earlier.tail) < self.n_before:  # all its rows are first ones, and more may be
            return Segment(earlier.head.followed_by(later.head), later.found, tail)
        seam = self.function(later.head.after(earlier.tail))
        return replace(earlier, found=total([earlier.found, seam, later.found]), tail=tail)

    def whole(self, segment: Segment | None) -> Any:
        """Return the sum of a segment before which nothing is.

        Parameters
        ----------
        segment : Segment or None
            The segment; None if it has no rows.
        """
        return None if segment is None else total([self.function(segment.head), segment.found])


def total(parts: Sequence[Any]) -> Any:
    """Return the sum of parts, in their order; those without rows are None.

    Parameters
    ----------
    parts : sequence
        The parts.
    """
    some = [part for part in parts if part is not None]
    return reduce(add, some) if some else None
