"""Inputs of every shape that users have, as the internal form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names, _get_feature_names, validate_data

from sklearn_linrnn._data.lag_columns import WindowColumns, columns_by_layout, columns_by_name
from sklearn_linrnn._data.sequences import Recordings, Sequences, Windows

FLOATS = (np.float64, np.float32)


def check_inputs(
    estimator: BaseEstimator,
    X: Any,
    sequence_id: Any,
    *,
    reset: bool,
    every_step: bool,
    n_channels: int | None,
) -> Sequences:
    """Return the internal form of X.

    Parameters
    ----------
    estimator : estimator
        Its ``rows``, ``layout``, ``lag_order`` and ``n_channels`` say how to read X.
    X : array-like or list
        One of the shapes of the user guide.
    sequence_id : array-like of shape (n_samples,) or None
        Which recording each row of ``rows="timesteps"`` belongs to.
    reset : bool
        Whether this is ``fit``.
    every_step : bool
        Whether a 3-D X has a target at every step.
    n_channels : int or None
        Number of channels seen in ``fit``.
    """
    is_list, ndim = _is_list_of_recordings(X), number_of_axes(X)
    if sequence_id is not None and (ndim == 3 or is_list or estimator.rows != "timesteps"):
        raise ValueError(
            "sequence_id says which recording a row belongs to, so it needs rows='timesteps' and "
            f"X of shape (n_samples, n_channels), but rows={estimator.rows!r} and X with "
            f"{ndim} dimensions came."
        )
    sequences: Sequences
    if reset:
        estimator._window_columns = None  # set for 2-D windows, whose columns keep their places
    if is_list:
        sequences = _check_list(estimator, X, reset=reset)
    elif ndim == 3:
        sequences = _check_panel(estimator, X, reset=reset, every_step=every_step)
    elif estimator.rows == "timesteps":
        sequences = _check_timesteps(estimator, X, sequence_id, reset=reset)
    else:
        sequences = _check_windows(estimator, X, reset=reset, n_channels=n_channels)
    if isinstance(sequences, Recordings) and estimator.lag_order == "newest_first":
        raise ValueError(
            "lag_order='newest_first' describes windows, but X holds recordings with a target at "
            "every step, which run forward in time."
        )
    for expected, origin in ((estimator.n_channels, "n_channels"), (n_channels, "fit")):
        if expected is not None and sequences.n_channels != expected:
            raise ValueError(
                f"X has {sequences.n_channels} channels, but {origin} says {expected}."
            )
    return sequences


def _check_windows(
    estimator: BaseEstimator, X: Any, *, reset: bool, n_channels: int | None
) -> Windows:
    array = validate_data(estimator, X, reset=reset, dtype=FLOATS)
    columns = None if reset else estimator._window_columns
    if columns is None:
        columns = window_columns(estimator, X, array.shape[1], n_channels)
    if reset:
        estimator._window_columns = columns
    return Windows(columns.to_windows(array))


def window_columns(
    estimator: BaseEstimator, X: Any, n_columns: int, n_channels: int | None = None
) -> WindowColumns:
    """Return which lag of which channel each column of a 2-D X holds."""
    levels = getattr(getattr(X, "columns", None), "nlevels", 1)
    if estimator.lag_order == "infer" and levels > 1:
        raise ValueError(
            f"lag_order='infer' reads one name from each column, but those of X have {levels} "
            "levels. Name them as in 'y_lag_3', or pass lag_order."
        )
    names = _get_feature_names(X)  # None for arrays, and for frames without names
    if names is not None and estimator.lag_order == "infer" and len(names) > 1:
        return columns_by_name(list(names))
    return columns_by_layout(
        n_columns,
        estimator.n_channels or n_channels or 1,
        estimator.layout,
        estimator.lag_order == "newest_first",
    )


def _check_timesteps(
    estimator: BaseEstimator, X: Any, sequence_id: Any, *, reset: bool
) -> Recordings:
    array = validate_data(estimator, X, reset=reset, dtype=FLOATS)
    if sequence_id is None:
        return Recordings([array], rows=slice(None))
    sequence_id = np.asarray(sequence_id)
    if sequence_id.shape != (len(array),):
        raise ValueError(
            f"sequence_id must have shape ({len(array)},), one entry for each row of X, but shape "
            f"{sequence_id.shape} came."
        )
    try:
        _, code, counts = np.unique(sequence_id, return_inverse=True, return_counts=True)
    except TypeError as error:
        raise ValueError(
            f"sequence_id must hold numbers or strings, not a mixture, but {error}."
        ) from error
    rows = slice(None) if (np.diff(code) >= 0).all() else np.argsort(code, kind="stable")
    return Recordings(np.split(array[rows], np.cumsum(counts)[:-1]), rows)


def _check_panel(estimator: BaseEstimator, X: Any, *, reset: bool, every_step: bool) -> Sequences:
    array = check_array(X, dtype=FLOATS, allow_nd=True, input_name="X", estimator=estimator)
    if estimator.layout == "nct":
        array = array.swapaxes(1, 2)
    _, n_timesteps, n_channels = array.shape
    if n_timesteps == 0 or n_channels == 0:
        raise ValueError(
            f"X of shape {np.shape(X)} has no steps or no channels: n_timesteps={n_timesteps}, "
            f"n_channels={n_channels}."
        )
    _check_feature_names(estimator, X, reset=reset)
    if reset:
        estimator.n_features_in_ = n_channels if every_step else n_timesteps * n_channels
    if every_step:
        return Recordings(array)
    return Windows(array[:, ::-1] if estimator.lag_order == "newest_first" else array)


def _check_list(estimator: BaseEstimator, X: Sequence[Any], *, reset: bool) -> Recordings:
    parts = [
        check_array(part, dtype=FLOATS, input_name=f"X[{index}]", estimator=estimator)
        for index, part in enumerate(X)
    ]
    widths = sorted({part.shape[1] for part in parts})
    if len(widths) > 1:
        raise ValueError(
            f"All recordings in X must have the same number of channels, but {widths} came."
        )
    for index, part in enumerate(X):
        _check_feature_names(estimator, part, reset=reset and index == 0)
    if reset:
        estimator.n_features_in_ = widths[0]
    return Recordings(parts)


def _is_list_of_recordings(X: Any) -> bool:
    """Whether X is a list of arrays or frames with two axes; nested lists of numbers are not."""
    return (
        isinstance(X, (list, tuple))
        and len(X) > 0
        and all(getattr(part, "ndim", None) == 2 for part in X)
    )


def number_of_axes(array: Any) -> int:
    """Return the number of axes of an array-like; 0 for ragged nested lists."""
    if hasattr(array, "ndim"):
        return int(array.ndim)
    try:
        return np.asarray(array).ndim
    except ValueError:  # scikit-learn will say what is wrong with it
        return 0


def check_n_lags(estimator: BaseEstimator, sequences: Sequences) -> int:
    """Return the number of lags; that of the windows where it was left open."""
    n_lags, longest = estimator.n_lags, sequences.longest
    if n_lags is None:
        if isinstance(sequences, Recordings) and isinstance(sequences.parts, list):
            raise ValueError(
                "n_lags must be given for recordings with a target at every step "
                "(rows='timesteps' or a list): how far back the model looks is not in their shape."
            )
        return longest
    if n_lags > longest:
        what = "windows have" if isinstance(sequences, Windows) else "longest recording has"
        raise ValueError(
            f"n_lags={n_lags} needs as many steps, but X has n_samples={sequences.n_supervised}, "
            f"and its {what} n_timesteps={longest}."
        )
    return n_lags


def check_window_length(sequences: Sequences, n_lags: int) -> None:
    """Raise if windows are too short for the lags of a fitted model."""
    if isinstance(sequences, Windows) and sequences.longest < n_lags:
        raise ValueError(
            f"X has windows of n_timesteps={sequences.longest}, but the model was fitted with "
            f"n_lags={n_lags}."
        )
