"""Inputs of every shape that users have, as the internal form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_feature_names, _get_feature_names

from sklearn_linrnn._data.containers import (
    FLOATS,
    check_all_numbers,
    check_numbers,
    named,
    read_rows,
)
from sklearn_linrnn._data.form import DataForm
from sklearn_linrnn._data.lag_columns import arrange_windows, check_order
from sklearn_linrnn._data.sequences import Recordings, Sequences
from sklearn_linrnn._data.sliced import is_sliced, parts_between
from sklearn_linrnn._data.time_steps import check_times
from sklearn_linrnn._data.windows import Windows

FEATURES = ("n_features_in_", "feature_names_in_")  # what scikit-learn records of X


def read_inputs(
    estimator: BaseEstimator,
    X: Any,
    sequence_id: Any,
    form: DataForm,
    *,
    learns: bool = False,
    n_lags: int = 1,
) -> Sequences:
    """Return the internal form of X.

    Parameters
    ----------
    estimator : estimator
        Its ``rows``, ``layout``, ``lag_order`` and ``n_channels`` define how X is read. X must have
        the features that it knows.
    X : array-like or list
        One of the shapes of the user guide.
    sequence_id : array-like of shape (n_samples,) or None
        Which recording each row of ``rows="timesteps"`` belongs to.
    form : DataForm
        The form in ``fit``: whether a 3-D X has a target at every time step, the places of the
        columns in windows, or none to find them, whether there was a ``sequence_id``, what was
        before each recording, and the number of channels.
    learns : bool, default=False
        Whether it is about to learn the features from this X; see `read_new_inputs`.
    n_lags : int, default=1
        The lags of a fitted model, as many as windows must have at the least.

    Warns
    -----
    UserWarning
        If the times of recordings are not even; see `check_times`.
    """
    sequences = _read(estimator, X, sequence_id, form, learns)
    if isinstance(sequences, Recordings) and estimator.lag_order == "newest_first":
        raise ValueError(
            "lag_order='newest_first' is for windows, but got an X of recordings with a target at "
            "every time step, which are in order of time."
        )
    for expected, origin in ((estimator.n_channels, "n_channels"), (form.n_channels, "fit")):
        if expected is not None and sequences.n_channels != expected:
            raise ValueError(
                f"X must have {expected} channels, as in {origin}, but got {sequences.n_channels}."
            )
    if isinstance(sequences, Windows):
        _check_window_length(sequences, n_lags)
        return sequences
    frames = X if isinstance(X, (list, tuple)) else [X]
    if all(hasattr(frame, "iloc") for frame in frames):
        rows = slice(None) if sequences.rows is None else sequences.rows
        check_times(frames, sequences.lengths, rows, sequences.ids)
    if form.before is not None:
        sequences = replace(sequences, before=form.before)
    return sequences


def read_new_inputs(
    estimator: BaseEstimator, X: Any, y: Any, sequence_id: Any
) -> tuple[Sequences, dict[str, Any]]:
    """Return the internal form of an X that is passed to ``fit``, and the features to publish.

    Of y only the number of axes is read: a panel may have a target at every time step.
    """
    form = DataForm(is_at_every_step(X, y))
    sequences = read_inputs(estimator, X, sequence_id, form, learns=True)
    names = _get_feature_names(X[0] if _is_list_of_recordings(X) else X)
    features = {"n_features_in_": _n_features(sequences)}
    return sequences, features if names is None else {**features, "feature_names_in_": names}


def _n_features(sequences: Sequences) -> int:
    """Return the number of columns of a 2-D X, channels of recordings or entries of a window."""
    if isinstance(sequences, Recordings):
        return sequences.n_channels
    columns = sequences.columns
    return sequences.inputs[0].size if columns is None else len(columns.steps)


def _read(
    estimator: BaseEstimator,
    X: Any,
    sequence_id: Any,
    form: DataForm,
    learns: bool,
) -> Sequences:
    has_recordings, ndim = _is_list_of_recordings(X), number_of_axes(X)
    if sequence_id is not None and (ndim == 3 or has_recordings or estimator.rows != "timesteps"):
        raise ValueError(
            "sequence_id is the recording that a row belongs to: it needs rows='timesteps' and X "
            f"of shape (n_samples, n_channels), but got rows={estimator.rows!r} and X with {ndim} "
            "dimensions."
        )
    if has_recordings:
        return _read_list(estimator, X, learns=learns)
    if not has_recordings and _is_ragged(X, ndim):
        raise ValueError(
            "X must be an array, or for recordings a list of arrays, each of shape (n_timesteps_i, "
            "n_channels), with as many arrays of targets; but got sequences of different lengths."
        )
    if ndim == 3:
        return _read_panel(estimator, X, learns=learns, every_step=form.every_step)
    if estimator.rows == "timesteps":
        if sequence_id is None and form.has_ids:
            raise ValueError(
                f"sequence_id must be given: {type(estimator).__name__} was fitted with it, and "
                "without it lags would cross from one recording into the next. For a single "
                "recording pass sequence_id=np.zeros(len(X)). What cannot pass it on, such "
                "as an iterator of pieces, needs X and y as lists of recordings, or in "
                "cross-validation metadata routing and the estimator's own score (scoring=None): "
                "other scorers know X alone."
            )
        return _read_timesteps(estimator, X, sequence_id, learns=learns)
    array = read_rows(estimator, X, learns=learns)
    windows = arrange_windows(estimator, X, array, form.n_channels, form.columns, learns=learns)
    return Windows(*windows)


def _read_timesteps(
    estimator: BaseEstimator, X: Any, sequence_id: Any, *, learns: bool
) -> Recordings:
    array = read_rows(estimator, X, learns=learns, ensure_all_finite="allow-nan", sliced=(2,))
    if sequence_id is None:
        return Recordings([array], rows=slice(None), ids=[None])
    with named("sequence_id"):
        sequence_id = np.asarray(sequence_id)
    if sequence_id.shape != (len(array),):
        raise ValueError(
            f"sequence_id must have shape ({len(array)},), one entry for each row of X, but got "
            f"shape {sequence_id.shape}."
        )
    if pd.isna(sequence_id).any():
        raise ValueError(
            "sequence_id must say of each row to which recording it belongs, but got missing names "
            f"(NaN or None) at {int(pd.isna(sequence_id).sum())} rows."
        )
    try:
        ids, code, counts = np.unique(sequence_id, return_inverse=True, return_counts=True)
    except TypeError as error:
        raise ValueError(
            f"sequence_id must hold numbers or strings, but got a mixture: {error}."
        ) from error
    rows = slice(None) if (np.diff(code) >= 0).all() else np.argsort(code, kind="stable")
    array = array if isinstance(rows, slice) else array[rows]
    return Recordings(parts_between(array, np.cumsum(counts)[:-1]), rows, ids=ids.tolist())


def _read_panel(estimator: BaseEstimator, X: Any, *, learns: bool, every_step: bool) -> Sequences:
    array = check_numbers(
        X,
        "X",
        dtype=FLOATS,
        allow_nd=True,
        ensure_all_finite="allow-nan" if every_step else True,
        estimator=estimator,
    )
    if estimator.layout == "nct":
        array = array.swapaxes(1, 2)
    _, n_timesteps, n_channels = array.shape
    if n_timesteps == 0 or n_channels == 0:
        raise ValueError(
            f"X must have at least one time step and one channel, but got shape {np.shape(X)}: "
            f"n_timesteps={n_timesteps}, n_channels={n_channels}."
        )
    if not learns:
        _check_feature_names(estimator, X, reset=False)
    if every_step:
        return Recordings(array)
    windows = array[:, ::-1] if estimator.lag_order == "newest_first" else array
    if learns:
        check_order(windows, estimator.lag_order)
    return Windows(windows)


def _read_list(estimator: BaseEstimator, X: Sequence[Any], *, learns: bool) -> Recordings:
    checks = {"dtype": FLOATS, "ensure_all_finite": "allow-nan", "estimator": estimator}
    parts = check_all_numbers(X, "X", sliced=(2,), **checks)
    widths = sorted({part.shape[1] for part in parts})
    if len(widths) > 1:
        raise ValueError(
            f"All recordings in X must have the same number of channels, but got {widths}."
        )
    if learns:
        _check_same_names(X)
    else:
        for part in _with_all_names(X):
            _check_feature_names(estimator, part, reset=False)
    return Recordings(parts)


def _with_all_names(X: Sequence[Any]) -> list[Any]:
    """Return the recordings that may have names of columns, and one of those that have none."""
    nameless = [part for part in X if type(part) is np.ndarray]
    return [*nameless[:1], *(part for part in X if type(part) is not np.ndarray)]


def _check_same_names(X: Sequence[Any]) -> None:
    """Raise unless all recordings have the same names of columns in the same order, or none."""
    seen = {
        None if names is None else tuple(names)
        for names in map(_get_feature_names, _with_all_names(X))
    }
    if len(seen) > 1:
        names = " and ".join(sorted(map(repr, seen)))
        raise ValueError(
            "All recordings in X must have the same feature names in the same order, but got "
            f"{names}."
        )


def _is_list_of_recordings(X: Any) -> bool:
    """Whether X is a list of 2-D arrays or frames, and not nested lists of numbers."""
    return (
        isinstance(X, (list, tuple))
        and len(X) > 0
        and all(len(getattr(part, "shape", ())) == 2 for part in X)
    )


def _is_ragged(X: Any, ndim: int) -> bool:
    """Whether X is a sequence of sequences that are no array: nested lists, or of dtype object."""
    if isinstance(X, (list, tuple)):
        return ndim == 0
    return isinstance(X, np.ndarray) and ndim == 1 and X.dtype == object


def is_at_every_step(X: Any, y: Any) -> bool:
    """Return whether y has a target at every time step of an X that is not a 2-D X of windows."""
    return number_of_axes(X) != 3 or number_of_axes(y) == 3


def number_of_axes(array: Any) -> int:
    """Return the number of axes of an array-like; 0 for ragged nested lists."""
    if hasattr(array, "ndim"):
        return int(array.ndim)
    if is_sliced(array):
        return len(array.shape)
    try:
        return np.asarray(array).ndim
    except (TypeError, ValueError, RuntimeError):  # who reads it raises the error
        return 0


def _check_window_length(windows: Windows, n_lags: int) -> None:
    """Raise if windows are too short for the lags of a fitted model."""
    n_timesteps = windows.inputs.shape[1]
    if n_timesteps < n_lags:
        raise ValueError(
            f"X has windows of n_timesteps={n_timesteps}, but the model was fitted with "
            f"n_lags={n_lags}."
        )
