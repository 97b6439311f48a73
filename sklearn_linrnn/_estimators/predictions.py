"""From a response to predictions, and to their score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_linrnn._core.scores import SummedErrors
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import calm, spread
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.inputs import read_inputs
from sklearn_linrnn._data.looking_ahead import looking_ahead
from sklearn_linrnn._data.outputs import (
    Blocks,
    check_outputs,
    collect,
    fill_in_order,
    without_overflow,
)
from sklearn_linrnn._data.pieces import (
    Pieces,
    check_alone,
    check_inputs,
    in_piece,
    is_empty,
    pieces_with_rows,
)
from sklearn_linrnn._data.sequences import Past, Recordings, Sequences
from sklearn_linrnn._data.targets import read_targets, read_weights
from sklearn_linrnn._estimators.scoring import Scored, errors_of, r2_of

Answer = Callable[[Sequences], Blocks]  # values at the time steps of inputs


class LagPredictor:
    """What predicts with an impulse response and an intercept."""

    _form: DataForm  # of the data that were learned from
    layout: str
    impulse_response_: NDArray
    intercept_: NDArray

    @property
    def first_lag_(self) -> int:
        """The lag at which the impulse response begins: the delay, or minus the leads."""
        return self._form.first_lag

    def predict(self, X: Any, *, sequence_id: Any = None, out: Any = None) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : array-like, list or iterator
            Inputs, in any of the shapes that `fit` takes. Of an iterator of such inputs the
            predictions are handed out one after another, too, by an iterator; with
            ``rows="timesteps"`` they are consecutive parts of one recording.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.
        out : array-like, default=None
            An array of floats to write the predictions to, of their shape: of NumPy, or anything
            that takes slices, as memory maps and arrays in HDF5 or Zarr files do; for a list of
            recordings a list of them. ``None`` for a new array.

        Returns
        -------
        y : ndarray, list of ndarray or iterator
            Predictions in the shape that y had in `fit`; at every time step if y had targets there.
            NaN where a lag is missing (NaN in X), or unknown with ``initial_state="unknown"``. With
            `out`, that.

        Raises
        ------
        ValueError
            If X does not have the features, channels or time steps that the model was fitted with,
            or `out` has another shape than the predictions.
        TypeError
            If `out` is no array of floats.
        """
        return self._answer(X, sequence_id, out, self._means)

    def score(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, sequence_id: Any = None
    ) -> float:
        """Return R^2 of the predictions, averaged over the outputs.

        Parameters
        ----------
        X : array-like, list or iterator
            Inputs, in any of the shapes that `fit` takes, or an iterator of pieces as in `fit`.
        y : array-like or list, default=None
            Targets, as in `fit`. Time steps that were not observed (NaN) do not count, nor do those
            that cannot be predicted because one of their lags is missing.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, as in `fit`.
        sequence_id : array-like of shape (n_samples,), default=None
            With ``rows="timesteps"``, the recording that each row belongs to; required if `fit`
            was given it.

        Returns
        -------
        score : float
            Coefficient of determination of all observed time steps together.

        Raises
        ------
        ValueError
            If y does not go with X or has another number of outputs than in `fit`, or nothing in it
            can be scored.
        """
        check_is_fitted(self)
        if not isinstance(X, Pieces):
            return r2_of(self._summed_errors(X, y, sample_weight, sequence_id))
        check_alone(y=y, sample_weight=sample_weight, sequence_id=sequence_id)
        return r2_of(errors_of(self._scored_pieces(X)))

    def __linrnn_residuals__(self, X: Any, y: Any, sequence_id: Any) -> tuple[Recordings, NDArray]:
        """Return recordings as they were read, and what predictions leave of their targets.

        The residuals have shape ``(n_supervised, n_outputs)``, and NaN where there is none; the
        recordings have their first lag at the target.
        """
        check_is_fitted(self)
        sequences = self._read(X, sequence_id)
        if not isinstance(sequences, Recordings):
            raise ValueError(
                "Residuals must be of recordings, with a target at every time step, but got "
                "windows: it is not known how these follow one another. Fit with "
                "rows='timesteps', a panel or a list of recordings."
            )
        blocks = self._scored(sequences, y, None)
        residuals = np.concatenate([targets - found for targets, found, _ in blocks])
        return sequences.from_lag(0), residuals

    def _summed_errors(self, X: Any, y: Any, sample_weight: Any, sequence_id: Any) -> SummedErrors:
        """Return the errors of predictions, of which those of parts of the data add up."""
        check_is_fitted(self)
        return errors_of(self._scored(self._read(X, sequence_id), y, sample_weight))

    def _read(self, X: Any, sequence_id: Any) -> Sequences:
        """Return X as it was read, of which the fitted response can predict."""
        first_lag, n_lags = self._form.first_lag, self.impulse_response_.shape[2]
        n_reached = n_lags + max(first_lag, 0)
        sequences = read_inputs(self, X, sequence_id, self._form, n_lags=n_reached)
        return sequences if first_lag == 0 else sequences.from_lag(first_lag)

    def _going_on(self, pieces: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Yield pieces with X as it was read, each going on where the one before ended.

        A piece is its number, X, and what belongs to it. What has no rows is handed on as it is.
        """
        past = Past()
        for read, *others in looking_ahead(self._each_read(pieces)):
            sequences = read
            if isinstance(read, Recordings):
                sequences = read if read.past.ids else replace(read, past=past)
                past = sequences.past.after(sequences, self.impulse_response_.shape[2])
            yield (sequences, *others)

    def _each_read(self, pieces: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        for number, X, *others in pieces:
            kept = deepcopy(others) if self._form.first_lag < 0 else others  # they may wait
            with in_piece(number):
                yield (X if is_empty(X) else self._read(X, None), number, *kept)

    def _means(self, sequences: Sequences) -> Blocks:
        """Return an iterator of predictions (n, n_outputs) in blocks, after their places."""
        return predictions_of(self.impulse_response_, self.intercept_, sequences)

    def _scored(self, sequences: Sequences, y: Any, sample_weight: Any) -> Iterator[Scored]:
        """Yield targets, predictions and weights of time steps, in blocks."""
        if y is None:
            raise ValueError(
                "y must be passed: predictions are scored against targets, but got None. Only an "
                "iterator of pieces (X, y) has its own."
            )
        targets, _ = read_targets(y, sequences)
        if targets.shape[1] != len(self.intercept_):
            raise ValueError(
                f"y must have n_outputs={len(self.intercept_)}, as the targets that the model was "
                f"fitted to, but got n_outputs={targets.shape[1]}."
            )
        weights = read_weights(sample_weight, sequences)
        for steps, predictions in self._means(sequences):
            yield targets[steps], predictions, None if weights is None else weights[steps]

    def _scored_pieces(self, pieces: Iterator[Any]) -> Iterator[Scored]:
        with_rows = ((number, *piece) for number, piece in pieces_with_rows(pieces))
        for sequences, number, *others in self._going_on(with_rows):
            with in_piece(number):
                yield from self._scored(sequences, *others)

    def _answer(self, X: Any, sequence_id: Any, out: Any, *answers: Answer) -> Any:
        """Return answers to X in the shape of y, or written to ``out``; a tuple of several."""
        check_is_fitted(self)
        if out is not None and len(answers) > 1:
            check_outputs(out, len(answers))
        outs = (out,) if len(answers) == 1 else out or (None,) * len(answers)
        if not isinstance(X, Pieces):
            return one_or_all(self._answer_to(self._read(X, sequence_id), answers, outs))
        check_alone(sequence_id=sequence_id)
        found = self._answers_to_pieces(X, answers)
        return map(one_or_all, found) if out is None else one_or_all(fill_in_order(outs, found))

    def _answers_to_pieces(
        self, pieces: Iterator[Any], answers: Sequence[Answer]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield answers to pieces; those to pieces without rows have none either."""
        numbered = ((number, check_inputs(piece, number)) for number, piece in enumerate(pieces))
        for found, _ in self._going_on(numbered):
            if isinstance(found, Sequences):
                yield self._answer_to(found, answers, (None,) * len(answers))
            else:
                yield tuple(self._answer_to_nothing(found) for _ in answers)

    def _answer_to_nothing(self, X: Any) -> Any:
        """Return what answers inputs without rows."""
        shape, every_step = getattr(X, "shape", ()), self._form.every_step
        if every_step and not shape:  # a list without recordings
            return []
        steps = shape[1 + (self.layout == "nct") :][:1] if every_step and len(shape) == 3 else ()
        outputs = () if self._form.single_output else self.intercept_.shape
        return np.empty((0, *steps, *outputs), self.intercept_.dtype)

    def _answer_to(
        self, sequences: Sequences, answers: Sequence[Answer], outs: Sequence[Any]
    ) -> tuple[Any, ...]:
        """Return answers to inputs in the shape of y, or written to arrays that were passed."""
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not handed out
            return tuple(
                collect(
                    sequences,
                    answer(sequences),
                    out,
                    n_outputs=len(self.intercept_),
                    single_output=self._form.single_output,
                )
                for answer, out in zip(answers, outs, strict=True)
            )


def predictions_of(response: NDArray, intercept: NDArray, sequences: Sequences) -> Blocks:
    """Return an iterator of predictions (n, n_outputs) in blocks, after their places.

    Parameters
    ----------
    response : ndarray of shape (n_outputs, n_channels, n_lags)
        ``H``.
    intercept : ndarray of shape (n_outputs,)
        ``b``.
    sequences : Sequences
        What to predict from.
    """
    blocks = sequences.responses(response)
    return ((steps, without_overflow(values + intercept)) for steps, values in blocks)


def spreads_of(
    sequences: Sequences, statistics: LagStatistics, root: Tensor, share: float = 1.0
) -> Blocks:
    """Yield ``||F^T (z_s - share * z_bar)||^2`` in blocks, after their places.

    Parameters
    ----------
    sequences : Sequences
        The inputs, whose lags are ``z_s``.
    statistics : LagStatistics
        Of the loss; they have the origin ``z_bar``.
    root : Tensor of shape (p, k)
        ``F``.
    share : float, default=1.0
        What of the origin belongs to inputs that are not filtered as those of the loss.
    """
    mean, first = share * statistics.origin[0].numpy(), 0
    for block in sequences.lags(statistics.n_lags):
        steps = slice(first, first + len(block))
        with calm(root.numel()), spread(len(block) * root.numel()):
            found = (torch.from_numpy(block - mean) @ root).square_().sum(1)
        yield steps, found.numpy()
        first = steps.stop


def one_or_all(answers: tuple[Any, ...]) -> Any:
    """Return the only one of several answers, or all of them.

    Parameters
    ----------
    answers : tuple
        The answers.
    """
    return answers[0] if len(answers) == 1 else answers
