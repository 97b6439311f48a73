"""Pieces of a recording whose lags reach into the pieces after them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._data.sequences import Past, Recordings

Piece = tuple[Any, ...]  # inputs as they were read, and what belongs to them


def looking_ahead(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield pieces, those of a recording with leads with inputs that are moved to lag 0.

    Such a piece waits until there are as many later inputs as it has leads, or no more. The first
    one has the first inputs of the recording as its past. Others are handed on as they are, in
    their turn.

    Parameters
    ----------
    pieces : iterable of tuple
        The inputs of each piece, which are copied, and what belongs to them, which may wait.
    """
    queue = _Queue()
    for piece in pieces:
        queue.add(*piece)
        yield from queue.released()
    queue.end()
    yield from queue.released()


class _Queue:
    """Pieces that wait, and the inputs from the first of them on."""

    def __init__(self) -> None:
        self._waiting: deque[Piece] = deque()
        self._inputs: list[NDArray] = []
        self._is_first = True

    def add(self, recordings: Any, *others: Any) -> None:
        """Add a piece."""
        self._waiting.append((recordings, *others))
        if _reads_on(recordings):
            self._inputs = [np.concatenate([*self._inputs, recordings.parts[0]])]

    def end(self) -> None:
        """Add the inputs after the end."""
        for recordings in [piece[0] for piece in self._waiting if _reads_on(piece[0])][:1]:
            fill = np.zeros(recordings.n_channels)
            fill = fill if recordings.before is None else recordings.before
            self._inputs.append(np.tile(fill, (-recordings.first_lag, 1)))
            self._inputs = [np.concatenate(self._inputs)]

    def released(self) -> Iterator[Piece]:
        """Yield the pieces whose later inputs are there."""
        while self._waiting:
            recordings, *others = self._waiting[0]
            if not _reads_on(recordings):
                yield self._waiting.popleft()
                continue
            (inputs,), n_leads, length = self._inputs, -recordings.first_lag, recordings.longest
            if len(inputs) < n_leads + length:
                return
            self._waiting.popleft()
            past = Past(recordings.ids, [inputs[:n_leads]]) if self._is_first else Past()
            self._inputs, self._is_first = [inputs[length:]], False
            parts = [inputs[n_leads : n_leads + length]]
            yield replace(recordings, parts=parts, past=past, first_lag=0), *others


def _reads_on(inputs: Any) -> bool:
    return isinstance(inputs, Recordings) and inputs.reads_on
