"""Targets and weights of every shape that users have, flat, one for each supervised time step."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight

from sklearn_linrnn._data.containers import (
    FLOATS,
    check_all_numbers,
    check_numbers,
    named,
    read_container,
)
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.gaps import shares_of
from sklearn_linrnn._data.inputs import FEATURES, is_at_every_step, read_inputs, read_new_inputs
from sklearn_linrnn._data.sequences import Recordings, Sequences
from sklearn_linrnn._data.sliced import SlicedArray, is_sliced, joined
from sklearn_linrnn._data.stretches import stretches
from sklearn_linrnn._data.training_data import TrainingData
from sklearn_linrnn._data.windows import Windows

TARGETS = {"dtype": FLOATS, "ensure_2d": False, "allow_nd": True}


def read_training_data(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    sequence_id: Any = None,
    *,
    groups: Any = None,
    form: DataForm | None = None,
    is_piece: bool = False,
) -> TrainingData:
    """Return the internal form of what was passed to ``fit``.

    With the ``form`` of earlier data that these go on, X and y must have that form, and X the
    features that the estimator knows. A piece of more data may have no target.
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None. Only "
            "an iterator of pieces (X, y) has targets of its own: of a list of pieces pass "
            "iter(pieces)."
        )
    if form is None:
        sequences, features = read_new_inputs(estimator, X, y, sequence_id)
    else:
        asked = replace(form, every_step=is_at_every_step(X, y))
        sequences = read_inputs(estimator, X, sequence_id, asked)
        features = {name: vars(estimator)[name] for name in FEATURES if name in vars(estimator)}
    targets, single_output = read_targets(y, sequences)
    if form is None and isinstance(sequences, Windows):
        _check_meaning(X, y, targets, sequences)
    weights = read_weights(sample_weight, sequences)
    observed = _observed(targets, weights, sequences)
    if form is None and not is_piece:
        _check_observed(targets, observed)
    if form is None and isinstance(sequences, Recordings) and estimator.initial_state != "zero":
        shares = partial(shares_of, observed, weights)
        sequences = sequences.starting_from(estimator.initial_state, shares)
    first_lag = first_lag_of(estimator) if form is None else form.first_lag
    if first_lag != 0:
        sequences = sequences.from_lag(first_lag)
    metadata = {"sample_weight": sample_weight, "sequence_id": sequence_id}
    metadata = {name: value for name, value in metadata.items() if value is not None}
    given = {"X": X, "y": y, "metadata": metadata}
    if isinstance(sequences, Windows):
        n_channels, columns = sequences.inputs.shape[2], sequences.columns
        seen = DataForm(False, single_output, columns, n_channels=n_channels, first_lag=first_lag)
    else:
        known = sequence_id is not None, sequences.before, sequences.n_channels, first_lag
        seen = DataForm(True, single_output, None, *known)
    if form is not None:
        _check_form(seen, form)
        _check_first_lag(estimator, form)
    return TrainingData(sequences, targets, weights, observed, seen, features, given, groups)


def first_lag_of(estimator: BaseEstimator) -> int:
    """Return the lag of the inputs that comes first: a delay, or minus the number of leads.

    It is 0 for a delay that is yet to be found.
    """
    delay = int(estimator.delay) if isinstance(estimator.delay, Integral) else 0
    return delay - int(getattr(estimator, "n_leads", 0))


def _check_form(seen: DataForm, form: DataForm) -> None:
    """Raise unless data have the form of earlier ones."""
    if (seen.every_step, seen.single_output) == (form.every_step, form.single_output):
        return
    raise ValueError(
        f"X and y must have the form of the earlier data: {_described(form)}, but got "
        f"{_described(seen)}."
    )


def _check_first_lag(estimator: BaseEstimator, form: DataForm) -> None:
    """Raise unless an estimator has the delay or the leads of earlier data."""
    if isinstance(estimator.delay, Integral) and first_lag_of(estimator) != form.first_lag:
        raise ValueError(
            f"Lags must begin where they do in the earlier data, at {form.first_lag}, but got "
            f"delay={estimator.delay} and n_leads={getattr(estimator, 'n_leads', 0)}."
        )


def _described(form: DataForm) -> str:
    where = "at every time step" if form.every_step else "at the last one of windows"
    return f"targets {where}, {'without' if form.single_output else 'with'} an axis of outputs"


def _check_meaning(X: Any, y: Any, targets: NDArray, windows: Windows) -> None:
    """Raise if y may hold one target for each time step of X, or as many outputs at its last."""
    n_samples, n_timesteps, n_channels = windows.inputs.shape
    n_outputs = targets.shape[1]
    if windows.columns is None and n_outputs == n_timesteps > 1:
        raise ValueError(
            f"y of shape ({n_samples}, {n_outputs}) beside X with n_timesteps={n_timesteps} can "
            "mean a target at every time step, or as many outputs at the last one. For the former "
            f"give y its axis of outputs, shape ({n_samples}, {n_timesteps}, 1); for the latter "
            f"pass flattened windows, X of shape ({n_samples}, {n_timesteps * n_channels}), and "
            f"n_channels={n_channels}."
        )
    are_lists = isinstance(X, (list, tuple)) and isinstance(y, (list, tuple))
    if are_lists and n_outputs == n_timesteps * n_channels > 1:
        raise ValueError(
            f"X and y are both lists of {n_samples} sequences of {n_outputs} numbers, which can "
            "mean recordings with a target at every time step, or windows with as many outputs. "
            "For recordings give each its axis of channels, a list of arrays of shape "
            "(n_timesteps_i, 1); for windows pass y as an array."
        )


def _observed(targets: NDArray, weights: NDArray | None, sequences: Sequences) -> NDArray:
    """Return which supervised time steps have a target and a weight."""
    if isinstance(sequences, Windows):  # which have no target that is missing
        return np.ones(len(targets), dtype=bool) if weights is None else weights > 0
    observed = observed_steps(targets)
    if weights is not None:
        for cut in stretches([len(observed)], 1):
            observed[cut.steps] &= weights[cut.steps] > 0
    return observed


def _check_observed(targets: NDArray, observed: NDArray) -> None:
    """Raise if no supervised time step has a target and a weight."""
    if observed.any():
        return
    if not observed_steps(targets).any():
        raise ValueError(
            "y must be observed at one time step at least, but Input y contains NaN only."
        )
    raise ValueError(
        "sample_weight must contain at least one non-zero number at an observed time step, but all "
        "of these weights are zero."
    )


def observed_steps(targets: NDArray) -> NDArray:
    """Return which rows of ``targets (n_supervised, n_outputs)`` have no NaN."""
    observed = np.empty(len(targets), dtype=bool)
    for cut in stretches([len(targets)], targets.shape[1]):
        block, missing = targets[cut.steps], observed[cut.steps]
        missing[:] = False
        with np.errstate(over="ignore", invalid="ignore"):
            total = block.sum()  # one pass, and rarely is there more to do
        if np.isnan(total):
            np.isnan(block).any(axis=1, out=missing)
    return np.logical_not(observed, out=observed)


def read_targets(y: Any, sequences: Sequences) -> tuple[Any, bool]:
    """Return flat targets (n_supervised, n_outputs), and whether y had no axis of outputs."""
    if isinstance(sequences, Windows):
        y = _check_target_array(y, "y", all_finite=True)
        _check_target_rows(y, len(sequences.inputs))
    elif sequences.rows is not None:
        y = _check_target_array(y, "y")
        _check_target_rows(y, sequences.n_supervised)
        y = y if isinstance(sequences.rows, slice) else y[sequences.rows]
    elif isinstance(sequences.parts, list):
        y = _check_list_of_targets(y, sequences.lengths)
    else:
        y = _check_panel_of_targets(y, sequences.parts.shape[:2])
    flat = y.in_columns() if isinstance(y, SlicedArray) else y.reshape(len(y), -1)
    return flat, y.ndim == 1


def _check_target_array(y: Any, name: str, *, all_finite: bool = False) -> NDArray:
    return check_numbers(
        y,
        name,
        sliced=() if all_finite else (1, 2),
        **TARGETS,
        ensure_all_finite=all_finite or "allow-nan",
    )


def _check_target_rows(y: NDArray, n_samples: int) -> None:
    if y.ndim not in (1, 2):
        raise ValueError(
            f"y must have shape (n_samples,) or (n_samples, n_outputs), but got {y.shape}."
        )
    if len(y) != n_samples:
        raise ValueError(f"y must have as many rows as X, {n_samples}, but got {len(y)}.")


def _check_panel_of_targets(y: Any, shape: tuple[int, ...]) -> NDArray:
    y = _check_target_array(y, "y")
    if y.ndim != 3 or y.shape[:2] != shape:
        raise ValueError(
            f"y must have shape ({shape[0]}, {shape[1]}, n_outputs), a target at every time step "
            f"of X, but got shape {y.shape}."
        )
    return y.reshape(-1, y.shape[2])


def _check_list_of_targets(y: Any, lengths: list[int]) -> NDArray:
    if not isinstance(y, (list, tuple)) or len(y) != len(lengths):
        got = f"{type(y).__name__} of length {len(y)}" if hasattr(y, "__len__") else repr(y)
        raise ValueError(
            f"X is a list of {len(lengths)} recordings, so y must be a list of as many arrays of "
            f"shape (n_timesteps_i, n_outputs), but got a {got}. For one target per recording, "
            "stack X to shape (n_sequences, n_timesteps, n_channels)."
        )
    parts = check_all_numbers(y, "y", sliced=(1, 2), **TARGETS, ensure_all_finite="allow-nan")
    for index, (part, length) in enumerate(zip(parts, lengths, strict=True)):
        if len(part) != length or part.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"y[{index}] must have shape {(length, *parts[0].shape[1:])}, a target at every "
                f"time step of X[{index}], but got shape {part.shape}."
            )
    return joined(parts)


def read_weights(sample_weight: Any, sequences: Sequences) -> NDArray | None:
    """Return flat weights (n_supervised,), or None; time steps have that of their recording."""
    return None if sample_weight is None else _read_weights(sample_weight, sequences)


@named("sample_weight")
def _read_weights(sample_weight: Any, sequences: Sequences) -> Any:
    rows = sequences.rows if isinstance(sequences, Recordings) else None
    if not isinstance(sample_weight, Real):  # which weighs all alike
        if isinstance(sequences, Recordings) and rows is None:
            sample_weight = _spread_over_steps(sample_weight, sequences)
        else:
            sample_weight = _check_part_of_weights(sample_weight, by_slices=rows is not None)
    if isinstance(sample_weight, SlicedArray):
        weights = _check_slices_of_weights(sample_weight, sequences.n_supervised)
    else:
        weights = _check_sample_weight(
            sample_weight,
            np.broadcast_to(0.0, (sequences.n_supervised, 1)),
            dtype=np.float64,
            ensure_non_negative=True,
            allow_all_zero_weights=True,  # which counts with the targets: see what is observed
        )
    return weights if rows is None or isinstance(rows, slice) else weights[rows]


def _check_part_of_weights(weights: Any, *, by_slices: bool) -> Any:
    """Return weights as an array, which is read by slices if it lies in a file."""
    if not (by_slices and is_sliced(weights)):
        return read_container(weights, "sample_weight")
    return check_numbers(
        weights, "sample_weight", sliced=(1,), dtype=FLOATS, ensure_2d=False, allow_nd=True
    )


def _check_slices_of_weights(weights: SlicedArray, n_supervised: int) -> SlicedArray:
    if weights.shape != (n_supervised,):
        raise ValueError(
            f"sample_weight must have shape ({n_supervised},), one entry for each time step of X, "
            f"but got {weights.shape}."
        )

    def check(part: NDArray) -> NDArray:
        if (part < 0).any():
            raise ValueError(f"sample_weight must not be negative, but got {part.min():g}.")
        return part.astype(np.float64, copy=False)

    return weights.changed(check)


def _spread_over_steps(sample_weight: Any, recordings: Recordings) -> Any:
    """Return the weights of all time steps from one for each recording, or for each of them."""
    lengths = recordings.lengths
    parts = [_check_part_of_weights(part, by_slices=True) for part in sample_weight]
    parts = [part if isinstance(part, SlicedArray) else np.asarray(part) for part in parts]
    if len(parts) == len(lengths):
        if all(part.ndim == 0 for part in parts):
            return np.repeat(np.array(parts), lengths)
        if all(part.shape == (length,) for part, length in zip(parts, lengths, strict=True)):
            return joined(parts)
    raise ValueError(
        f"sample_weight must have one entry for each of the {len(lengths)} recordings of X, a "
        f"number or an array with one for each time step, but got {len(parts)} of shapes "
        f"{sorted({part.shape for part in parts})}."
    )
