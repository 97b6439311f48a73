"""Passes over pieces of data, which may be gone on with after the pieces that were read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from sklearn_linrnn._core.tensors import whole_number
from sklearn_linrnn._data.pieces import check_piece
from sklearn_linrnn._data.series_pieces import SeriesPieces


@dataclass(frozen=True)
class Piece:
    """A piece of data, as `LagStream.add` takes it.

    Attributes
    ----------
    number : int
        How many pieces are before it.
    X, y, sample_weight : array-like
        Inputs, targets and weights, of which the last may be ``None``.
    new_recording : bool
        Whether a recording begins with it.
    """

    number: int
    X: Any
    y: Any
    sample_weight: Any
    new_recording: bool

    def give_to(self, add: Callable[..., Any]) -> None:
        """Call a stream's ``add``; an error says which piece it is.

        Parameters
        ----------
        add : callable
            The method.
        """
        try:
            add(
                self.X,
                self.y,
                sample_weight=self.sample_weight,
                new_recording=self.new_recording,
            )
        except (TypeError, ValueError) as error:
            error.add_note(f"This is piece {self.number}.")
            raise


@dataclass(frozen=True)
class PassProgress:
    """How far a pass has come, and what it is recognised by.

    Attributes
    ----------
    n_pieces : int
        Number of its pieces.
    new_recording : bool or list of int
        Whether a recording begins with each, or the numbers of those with which one begins.
    n_timesteps : int
        Number of time steps that had been added before it.
    n_added : int
        Number of its pieces that are added.
    lengths : list of int or None
        Number of time steps of a piece and of all of them, where they are known beforehand.
    """

    n_pieces: int
    new_recording: bool | list[int]
    n_timesteps: int
    n_added: int = 0
    lengths: list[int] | None = None

    def with_piece(self) -> PassProgress:
        """Return where the pass is after one more piece."""
        return replace(self, n_added=self.n_added + 1)

    def gone_on_from(self, stored: Mapping[str, Any] | None, path: Any) -> PassProgress:
        """Return where a pass was that is gone on with, or raise if this is another.

        Parameters
        ----------
        stored : mapping or None
            What a file holds of its progress.
        path : path-like
            The file, for messages.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or that of a pass over something else.
        """
        if stored is None:
            raise ValueError(
                f"checkpoint must be the file of a pass, but {path} is that of a stream which was "
                "saved by itself. Name another file; this one stays as it is."
            )
        was = PassProgress(**stored)
        for name, words in (
            ("n_pieces", "the number of pieces"),
            ("lengths", "[time steps of a piece, of all pieces]"),
            ("new_recording", "new_recording"),
            ("n_timesteps", "the number of time steps added before the pass"),
        ):
            theirs, ours = getattr(was, name), getattr(self, name)
            if theirs != ours and (theirs is not None and ours is not None):
                raise ValueError(
                    f"checkpoint must be the file of this pass, but {path} is that of another: "
                    f"{words} is {theirs} there, but got {ours}. Name another file, or remove "
                    "this one to begin again."
                )
        return was


@dataclass(frozen=True)
class PiecePass:
    """Pieces in their order, and with which of them a recording begins.

    Attributes
    ----------
    pieces : iterable
        The pieces.
    new_recording : bool or list of int
        Whether a recording begins with each, or the numbers of those with which one begins.
    """

    pieces: Any
    new_recording: bool | list[int]

    @classmethod
    def of(cls, pieces: Any, new_recording: Any) -> PiecePass:
        """Return a pass over pieces.

        Parameters
        ----------
        pieces : iterable
            The pieces; none is read yet.
        new_recording : bool or iterable of int
            Whether a recording begins with each, or the numbers of those with which one begins.

        Raises
        ------
        ValueError
            If there is no piece of some number.
        TypeError
            If `pieces` cannot be iterated, or a number is not whole.
        """
        is_iterable = isinstance(pieces, Iterable) and not isinstance(pieces, Mapping)
        if not (is_iterable or _is_sequence(pieces)):
            raise TypeError(
                "pieces must be an iterable of (X, y) or (X, y, sample_weight), but got "
                f"{pieces!r}."
            )
        if isinstance(new_recording, (bool, np.bool_)):
            return cls(pieces, bool(new_recording))
        if not isinstance(new_recording, Iterable):
            raise TypeError(
                "new_recording must be a bool, or the numbers of the pieces with which recordings "
                f"begin, but got {new_recording!r}."
            )
        numbers = sorted(
            {whole_number(each, "A number in new_recording") for each in new_recording}
        )
        most = len(pieces) - 1 if _is_sequence(pieces) else np.inf
        for number in numbers:
            if not 0 <= number <= most:
                raise ValueError(
                    f"new_recording must have numbers of pieces between 0 and {most}, but got "
                    f"{number}."
                )
        return cls(pieces, numbers)

    def progress(self, n_timesteps: int) -> PassProgress:
        """Return where the pass is before its first piece.

        Parameters
        ----------
        n_timesteps : int
            Number of time steps that had been added before it.

        Raises
        ------
        TypeError
            If pieces cannot be left out, since they come by iteration alone.
        """
        if not _is_sequence(self.pieces):
            raise TypeError(
                "pieces must have a length, and each piece by its number, where there is a "
                f"checkpoint, so that none is read again, but got a {type(self.pieces).__name__}."
            )
        lengths = self.pieces.lengths if isinstance(self.pieces, SeriesPieces) else None
        return PassProgress(len(self.pieces), self.new_recording, n_timesteps, lengths=lengths)

    def read(self, first: int) -> Iterator[Piece]:
        """Yield the pieces from one on; where they have numbers, those before are not read.

        Parameters
        ----------
        first : int
            The number of the first one.
        """
        if _is_sequence(self.pieces):
            numbered: Iterator[tuple[int, Any]] = (
                (n, self.pieces[n]) for n in range(first, len(self.pieces))
            )
        else:
            numbered = islice(enumerate(self.pieces), first, None)
        for number, piece in numbered:
            yield self._checked(number, piece)

    def _checked(self, number: int, piece: Any) -> Piece:
        begins = self.new_recording
        begins = begins if isinstance(begins, bool) else number in begins
        return Piece(number, *check_piece(piece, number), begins)


def _is_sequence(pieces: Any) -> bool:
    by_number = not isinstance(pieces, Mapping)
    return by_number and hasattr(pieces, "__len__") and hasattr(pieces, "__getitem__")
