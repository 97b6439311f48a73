"""Data that an iterator hands out piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import calm
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.gaps import shares_of
from sklearn_linrnn._data.known_sums import KnownSums
from sklearn_linrnn._data.lag_shape import lag_shape, needed_steps
from sklearn_linrnn._data.looking_ahead import looking_ahead
from sklearn_linrnn._data.pass_log import Watch, unwatched
from sklearn_linrnn._data.sequences import Past, Recordings, Sequences
from sklearn_linrnn._data.stretches import stretch_length
from sklearn_linrnn._data.targets import first_lag_of, read_training_data
from sklearn_linrnn._data.training_data import TrainingData
from sklearn_linrnn._data.windows import Windows
from sklearn_linrnn._data.zero_state import head_steps

Pieces = Iterator  # what hands them out one after another, as generators do


@contextmanager
def in_piece(number: int) -> Iterator[None]:
    """Let errors say in which piece something is wrong.

    Parameters
    ----------
    number : int
        How many pieces were handed out before.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        error.add_note(f"This is piece {number} of X.")
        raise


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


def is_empty(values: Any) -> bool:
    """Return whether what was passed has no rows.

    Parameters
    ----------
    values : object
        Inputs, targets or weights; what is no array-like is not empty.
    """
    shape = getattr(values, "shape", None)
    if shape is None:
        return hasattr(values, "__len__") and len(values) == 0
    return tuple(shape[:1]) == (0,)


def pieces_with_rows(pieces: Iterator[Any]) -> Iterator[tuple[int, tuple[Any, Any, Any]]]:
    """Yield the pieces that hold something, as `check_piece` returns them, after their numbers.

    Those without rows add nothing.

    Parameters
    ----------
    pieces : iterator of tuple
        Tuples ``(X, y)`` or ``(X, y, sample_weight)``.

    Raises
    ------
    TypeError, ValueError
        If something is no piece, or has targets or weights but no inputs; at the end, if no piece
        held anything.
    """
    found = False
    for number, piece in enumerate(pieces):
        X, y, sample_weight = check_piece(piece, number)
        if not is_empty(X):
            found = True
            yield number, (X, y, sample_weight)
            continue
        with in_piece(number):
            for name, values in (("y", y), ("sample_weight", sample_weight)):
                if values is not None and not is_empty(values):
                    raise ValueError(f"{name} must have as many rows as X, 0, but got some.")
    if not found:
        raise ValueError("X must hand out at least one piece, but got none that has rows.")


def check_inputs(piece: Any, number: int) -> Any:
    """Return the inputs that were handed out to be predicted from.

    Parameters
    ----------
    piece : object
        What was handed out.
    number : int
        How many pieces were handed out before, for the message.

    Raises
    ------
    TypeError
        If it is a tuple, as one of inputs and targets.
    """
    if isinstance(piece, tuple):
        raise TypeError(
            f"Where X is an iterator, predictions need inputs alone, but got as piece {number} a "
            f"tuple of length {len(piece)}."
        )
    return piece


def check_alone(**others: Any) -> None:
    """Raise if other arguments were passed beside an iterator of pieces, which have their own.

    Parameters
    ----------
    **others
        The other arguments by name.
    """
    for name, value in others.items():
        if value is not None:
            raise ValueError(
                f"{name} must be None where X is an iterator, whose pieces hold all there is, (X, "
                f"y) or (X, y, sample_weight), or X to predict from, but got "
                f"{type(value).__name__}."
            )


def sums_of_pieces(
    estimator: BaseEstimator,
    pieces: Iterator[Any],
    n_lags: int | None,
    device: Any,
    *,
    form: DataForm | None = None,
    past: Past | None = None,
    goes_on: bool = False,
    watch: Watch = unwatched,
) -> KnownSums:
    """Return the sums of what an iterator hands out.

    Parameters
    ----------
    estimator : estimator
        It says how pieces are read; with a ``form`` they must have its features.
    pieces : iterator of tuple
        Tuples ``(X, y)`` or ``(X, y, sample_weight)``, with X and y in one of the shapes of the
        user guide. Time steps of a recording go on from one piece to the next; a piece without
        rows adds nothing.
    n_lags : int or None
        Number of lags; ``None`` for those of the first piece's windows.
    device : torch.device
        Where to compute.
    form : DataForm, default=None
        The form of earlier data that these go on.
    past : Past, default=None
        Earlier inputs of recordings that go on.
    goes_on : bool, default=False
        Whether more data may follow, so that recordings may be shorter than the lags.
    watch : callable, default=unwatched
        Begins a pass, and is told how far it has come.

    Raises
    ------
    TypeError, ValueError
        If there are no pieces, or one is not what it must be.
    """
    if estimator.initial_state == "mean" and form is None:
        raise ValueError(
            "initial_state='mean' needs the mean of all inputs before the first ones are read, but "
            "got an iterator of pieces. Use initial_state='zero' or 'unknown', or subtract a mean."
        )
    if n_lags is not None:
        n_lags += max(-first_lag_of(estimator), 0)
    total, read = _Total(n_lags, device, past or Past()), _read(estimator, pieces, form)
    with watch(None) as count:
        for data in read if goes_on else _ahead(read):
            total.add(data)
            count(len(data.observed))
    return total.known(must_be_observed=form is None, must_be_long=not goes_on)


def _read(
    estimator: BaseEstimator, pieces: Iterator[Any], form: DataForm | None
) -> Iterator[TrainingData]:
    """Yield pieces as they are read, all of them in the form and with the features of the first."""
    reader = estimator
    for number, (X, y, sample_weight) in pieces_with_rows(pieces):
        with in_piece(number):
            data = read_training_data(reader, X, y, sample_weight, form=form, is_piece=True)
        if form is None:
            form = data.form
            reader = type(estimator)(**estimator.get_params(deep=False))
            vars(reader).update(data.features)
        yield data


def _ahead(read: Iterator[TrainingData]) -> Iterator[TrainingData]:
    """Yield pieces as they were read, those that wait for later inputs once these are there."""
    for sequences, data in looking_ahead((data.sequences, _kept(data)) for data in read):
        yield replace(data, sequences=sequences)


def _kept(data: TrainingData) -> TrainingData:
    """Return a piece that may wait: who made it may use the memory of its targets for the next."""
    if data.form.first_lag >= 0:
        return data
    weights = None if data.weights is None else np.array(data.weights)
    return replace(data, targets=np.array(data.targets), weights=weights, given={})


@dataclass
class _Total:
    """The sums of the pieces so far, and those that wait until there are enough to be summed.

    Attributes
    ----------
    n_lags : int or None
        Number of lags, the leads among them.
    device : torch.device
        Where to compute.
    past : Past
        Inputs with which recordings go on.
    sums : LagStatistics or None
        The sums so far.
    weight_of_heads : float
        Weight of the time steps that have zeros before recordings among their lags.
    was_observed : bool
        Whether there was a target.
    longest : int
        Number of time steps of the longest recording.
    """

    n_lags: int | None
    device: Any
    past: Past
    sums: LagStatistics | None = None
    weight_of_heads: float = 0.0
    was_observed: bool = False
    longest: int = 0
    form: DataForm | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    waiting: list[TrainingData] = field(default_factory=list)

    def add(self, data: TrainingData) -> None:
        """Add a piece. One that waits is copied: who made it may use its memory for the next."""
        n_lags = self._from_target(data)
        n_steps, self.n_lags, n_channels = lag_shape(data.sequences, n_lags, goes_on=True)
        if isinstance(data.sequences, Recordings) and data.sequences.past.ids:
            self.past = data.sequences.past
        if self.form is None:
            self.form, self.features = data.form, data.features
        self.was_observed |= bool(data.observed.any())
        goes_on = isinstance(data.sequences, Recordings) and data.sequences.rows is not None
        self.longest = max(self.longest, data.sequences.longest + self.longest * goes_on)
        enough = stretch_length(n_channels, self.n_lags - 1, (self.n_lags * n_channels) ** 2)
        if n_steps >= enough:
            self._sum_up()
            self._add(data)
            return
        self.waiting.append(_copied(data, self.n_lags))
        if sum(len(each.observed) for each in self.waiting) >= enough:
            self._sum_up()

    def known(self, *, must_be_observed: bool, must_be_long: bool) -> KnownSums:
        """Return the sums of all that was added."""
        self._sum_up()
        assert self.sums is not None  # of one piece at least
        assert self.form is not None
        if must_be_observed and not self.was_observed:
            raise ValueError(
                "y must be observed at one time step at least, with a sample_weight that is not "
                "zero, but got no such time step in any piece."
            )
        first_lag = self.form.first_lag
        needed = self.sums.n_lags + max(first_lag, 0) * self.form.every_step
        if must_be_long and self.longest < needed:
            known = needed_steps(self.sums.n_lags + min(first_lag, 0), first_lag)
            raise ValueError(
                f"{known}, but got pieces of an X whose longest recording has "
                f"n_timesteps={self.longest}."
            )
        if must_be_observed and self.sums.weight <= 0:
            raise ValueError(
                f"X must have an observed time step of which all n_lags={self.n_lags} lags are "
                "known, but got none in any piece: inputs are missing (NaN), or the recordings are "
                "too short for initial_state='unknown'. Use fewer lags."
            )
        share = self.weight_of_heads / self.sums.weight if self.sums.weight > 0 else 0.0
        past = self.past if self.form.every_step else None
        return KnownSums(
            self.sums,
            form=self.form,
            features=self.features,
            past=past,
            share_of_heads=share,
        )

    def _sum_up(self) -> None:
        """Sum up what waits."""
        waiting, self.waiting = self.waiting, []
        if waiting:
            self._add(_joined(waiting))

    def _from_target(self, data: TrainingData) -> int | None:
        """Return the number of lags without the leads of a piece."""
        return None if self.n_lags is None else self.n_lags + min(data.sequences.first_lag, 0)

    def _add(self, data: TrainingData) -> None:
        n_lags, earlier = self._from_target(data), data
        data, _, n_lags, n_channels = data.with_lags(n_lags, self.past, goes_on=True)
        self.weight_of_heads += self._heads_of(earlier, n_lags + earlier.sequences.first_lag)
        with calm((n_lags * n_channels) ** 2):
            sums = data.statistics(n_lags, self.device)
            self.sums = sums if self.sums is None else self.sums + sums
        self.past = data.past or self.past

    def _heads_of(self, data: TrainingData, n_lags: int) -> float:
        """Return the weight of the time steps that have zeros before recordings as lags."""
        recordings = data.sequences
        if isinstance(recordings, Windows) or recordings.before is not None:
            return 0.0
        n_known = max(map(len, self.past.of(recordings)))  # only one that is alone has a past
        heads = head_steps(np.array(recordings.lengths), max(n_lags - 1 - n_known, 0))
        return float(shares_of(data.observed, data.weights, heads).sum())


def _copied(data: TrainingData, n_lags: int) -> TrainingData:
    sequences: Sequences
    if isinstance(data.sequences, Windows):
        inputs = np.array(data.sequences.inputs[:, data.sequences.longest - n_lags :])
        sequences = replace(data.sequences, inputs=inputs, columns=None)
    else:
        sequences = replace(data.sequences, parts=[np.array(part) for part in data.sequences.parts])
    weights = None if data.weights is None else np.array(data.weights)
    return replace(data, sequences=sequences, targets=np.array(data.targets), weights=weights)


def _joined(pieces: list[TrainingData]) -> TrainingData:
    """Return pieces of one form as one: time steps of a recording, or more recordings or rows."""
    first, sequences = pieces[0], [piece.sequences for piece in pieces]
    weights = None
    if any(piece.weights is not None for piece in pieces):
        weights = np.concatenate(
            [np.ones(len(p.observed)) if p.weights is None else p.weights for p in pieces]
        )
    return replace(
        first,
        sequences=_joined_sequences(sequences),
        targets=np.concatenate([piece.targets for piece in pieces]),
        weights=weights,
        observed=np.concatenate([piece.observed for piece in pieces]),
    )


def _joined_sequences(sequences: list[Any]) -> Sequences:
    first = sequences[0]
    if isinstance(first, Windows):
        return replace(first, inputs=np.concatenate([each.inputs for each in sequences]))
    parts = [part for each in sequences for part in each.parts]
    if isinstance(first, Recordings) and first.rows is not None:
        parts = [np.concatenate(parts)]
    return replace(first, parts=parts)
