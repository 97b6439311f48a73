"""What a worker does with its part of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._core.scores import SummedErrors
from sklearn_linrnn._core.statistics.lag_statistics import LagStatistics
from sklearn_linrnn._core.threads import one_thread
from sklearn_linrnn._data.folds import steps_of
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.gaps import shares_of, totals_of_known
from sklearn_linrnn._data.lag_shape import lag_shape
from sklearn_linrnn._data.sequences import Past, Recordings
from sklearn_linrnn._data.training_data import TrainingData
from sklearn_linrnn._data.zero_state import head_steps
from sklearn_linrnn._estimators.gathering import gathering_of
from sklearn_linrnn.distributed._names import Names
from sklearn_linrnn.distributed._rows import Block


@dataclass(frozen=True, eq=False)
class PartSums:
    """What a model learns from a part of the data, and what the whole must know of it.

    Attributes
    ----------
    sums : tuple of LagStatistics or None
        The sums, on the CPU, of each part that will be held out, None of those that are elsewhere.
    heads : float
        The weight of the time steps with lags before their recording.
    longest : int
        Number of time steps of the longest recording, as far as it is seen from here; at least the
        number of lags if it has so many.
    form : DataForm
        The form of the data.
    features : mapping of str to object
        What scikit-learn records of X.
    past : Past
        What follows on the recordings goes on from this.
    names : Names or None
        The names of the recordings, if they have some.
    """

    sums: tuple[LagStatistics | None, ...]
    heads: float
    longest: int
    form: DataForm
    features: Mapping[str, Any]
    past: Past
    names: Names | None

    def __add__(self, later: PartSums) -> PartSums:
        """Return those of these data and of the data that follow them."""
        self._check_alike(later)
        return replace(
            self,
            sums=tuple(map(_sum_of_some, self.sums, later.sums)),
            heads=self.heads + later.heads,
            longest=max(self.longest, later.longest),
            past=followed(self.past, later.past),
            names=_sum_or_none(self.names, later.names),
        )

    @property
    def whole(self) -> LagStatistics:
        """The sums of all parts."""
        return reduce(add, (part for part in self.sums if part is not None))

    def _check_alike(self, other: PartSums) -> None:
        for what, mine, theirs in (
            ("columns of X", _columns(self.features), _columns(other.features)),
            ("axes of X and y", _axes(self.form), _axes(other.form)),
        ):
            if mine != theirs:
                raise ValueError(
                    f"All parts of the data must have the same {what}, but got {mine} and {theirs}."
                )


def _columns(features: Mapping[str, Any]) -> list[Any] | int:
    names = features.get("feature_names_in_")
    return int(features["n_features_in_"]) if names is None else list(names)


def _axes(form: DataForm) -> str:
    where = "at every time step" if form.every_step else "at the last time step"
    return f"targets {where}, {'without' if form.single_output else 'with'} an axis of outputs"


def _sum_of_some(first: LagStatistics | None, second: LagStatistics | None) -> LagStatistics | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def _sum_or_none(first: Any, second: Any) -> Any:
    return None if first is None or second is None else first + second


def followed(earlier: Past, later: Past) -> Past:
    """Return the past of what follows on some recordings and, after them, on others.

    Parameters
    ----------
    earlier, later : Past
        Of those that come first, and of the others, whose inputs are the last ones.
    """
    known = dict(zip(earlier.ids, earlier.inputs, strict=True))
    known.update(zip(later.ids, later.inputs, strict=True))
    return Past(list(known), list(known.values()))


def sum_part(
    reader: Any,
    n_lags: int | None,
    earlier: Past | None,
    level: Any,
    edges: Sequence[int],
    block: Block,
) -> PartSums | None:
    """Return the sums of a part of the data, or None if it has no rows.

    Parameters
    ----------
    reader : estimator
        Reads the data.
    n_lags : int or None
        Number of lags; ``None`` for those of windows.
    earlier : Past or None
        What the recordings of the whole go on from.
    level : ndarray of shape (n_channels,), float or None
        The inputs before recordings; ``None`` for zeros, NaN if unknown.
    edges : sequence of int, length n_parts + 1
        The first sample of each part that will be held out, and the one after the last.
    block : Block
        The part.
    """
    if len(block) == 0:
        return None
    data = gathering_of(reader).read(**block.given(), before=level)
    _, n_lags, _ = lag_shape(data.sequences, n_lags, goes_on=True)
    names = Names.of(block.own_ids)
    earlier = earlier or Past()
    if isinstance(data.sequences, Recordings):
        data = replace(data, sequences=replace(data.sequences, past=earlier))
    with one_thread():
        known = data.unrolled(n_lags)
        sums = _sums_of_parts(known, n_lags, reader.device, edges, block)
    heads, longest, past = 0.0, 0, Past()
    if isinstance(data.sequences, Recordings):
        n_first = n_lags - 1 + data.sequences.first_lag
        first = head_steps(np.array(data.sequences.lengths), n_first)
        heads = float(shares_of(data.observed, data.weights, first).sum())
        longest = data.sequences.longest
        past = _own(earlier.after(data.sequences, n_lags), names)
    return PartSums(sums, heads, longest, data.form, data.features, past, names)


def _sums_of_parts(
    data: TrainingData, n_lags: int, device: Any, edges: Sequence[int], block: Block
) -> tuple[LagStatistics | None, ...]:
    """Return the sums of the samples between the edges, None where there are none in the block."""
    sums: list[LagStatistics | None] = []
    for first, stop in pairwise(edges):
        start, end = max(first - block.first, 0), min(stop - block.first, block.n_samples)
        if start >= end:
            sums.append(None)
            continue
        part = data
        if end - start < block.n_samples:
            part = data.part(steps_of(data, block.n_before + np.arange(start, end)))
        sums.append(part.sums(n_lags, device).to("cpu"))
    return tuple(sums)


def _own(past: Past, names: Names | None) -> Past:
    """Return what follows on the recordings of a block alone, not on those before it."""
    own = {None} if names is None else set(names.known.tolist())
    kept = [k for k, name in enumerate(past.ids) if name in own]
    return Past([past.ids[k] for k in kept], [past.inputs[k] for k in kept])


def total_part(reader: Any, block: Block) -> NDArray | None:
    """Return the weighted sums of the known inputs of each channel, and of their weights.

    Parameters
    ----------
    reader : estimator
        Reads the data.
    block : Block
        The part.
    """
    if len(block) == 0:
        return None
    data: TrainingData = gathering_of(reader).read(**block.given(), before=None)
    if not isinstance(data.sequences, Recordings):
        return None
    shares = shares_of(data.observed, data.weights)
    return np.stack(totals_of_known(data.sequences.joined, shares))


@dataclass(frozen=True, eq=False)
class PartErrors:
    """The errors of predictions for a part of the data.

    Attributes
    ----------
    errors : SummedErrors
        The errors.
    names : Names or None
        The names of the recordings, if they have some.
    """

    errors: SummedErrors
    names: Names | None

    def __add__(self, later: PartErrors) -> PartErrors:
        """Return those of these data and of the data that follow them."""
        return PartErrors(self.errors + later.errors, _sum_or_none(self.names, later.names))


def errors_of_part(
    reader: Any,
    block: Block,
) -> PartErrors | None:
    """Return the errors of predictions for a part of the data, or None if it has no rows.

    Parameters
    ----------
    reader : estimator
        Predicts.
    block : Block
        The part.
    """
    if len(block) == 0:
        return None
    with one_thread():
        errors = gathering_of(reader).errors(**block.given())
    return PartErrors(errors, Names.of(block.own_ids))


def predict_part(
    reader: Any, nothing: NDArray, _checked: Names | None, block: Block, before: Block | None
) -> Any:
    """Return the predictions for a part of the data, with the index of a frame.

    Parameters
    ----------
    reader : estimator
        Predicts.
    nothing : ndarray of shape (0, ...)
        The predictions for no rows.
    _checked : Names or None
        The names of all recordings: those of different parts have been compared.
    block : Block
        The part.
    before : Block or None
        The rows before it that its lags reach.
    """
    predictions: Any = nothing
    index = block.X.index if hasattr(block.X, "iloc") else None
    if len(block) > 0:
        block = block if before is None else block.after(before)
        given = block.given()
        with one_thread():
            predictions = reader.predict(given["X"], sequence_id=given["sequence_id"])
        predictions = (predictions[0] if block.is_recording else predictions)[block.n_before :]
    return predictions if index is None else with_index(predictions, index)


def with_index(predictions: NDArray, index: Any) -> Any:
    """Return predictions as a series, or as a frame if they have an axis of outputs."""
    kind = pd.Series if predictions.ndim == 1 else pd.DataFrame
    return kind(predictions, index=index)
