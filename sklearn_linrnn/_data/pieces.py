"""Data that an iterator hands out piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def are_pieces(value: Any) -> bool:
    """Return whether a value hands out pieces one after another, as generators do.

    Parameters
    ----------
    value : object
        What was passed.
    """
    return isinstance(value, Iterator)


def check_piece(piece: Any, number: int) -> tuple[Any, Any, Any]:
    """Return the inputs, the targets and the weights of a piece, of which the last may be None.

    Parameters
    ----------
    piece : object
        What was handed out.
    number : int
        How many pieces were handed out before, for the message.

    Raises
    ------
    TypeError
        If it is not a tuple of two or three.
    """
    if not isinstance(piece, tuple) or len(piece) not in (2, 3):
        kind = type(piece).__name__
        got = f"{kind} of length {len(piece)}" if isinstance(piece, (list, tuple)) else kind
        raise TypeError(
            "A piece must be a tuple (X, y) or (X, y, sample_weight), but got as piece "
            f"{number} a {got}."
        )
    X, y, *weights = piece
    return X, y, weights[0] if weights else None
