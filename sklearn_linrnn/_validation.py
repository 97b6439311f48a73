"""The one door: what users hand over becomes the internal form, or a clear error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
    _check_sample_weight,
    _get_feature_names,
    check_is_fitted,
    validate_data,
)
from sklearn.utils.validation import (
    _check_feature_names_in as check_feature_names_in,
)

from sklearn_linrnn._core.lag_weights import linear_rnn_lag_weights
from sklearn_linrnn._lag_columns import WindowColumns, columns_by_layout, columns_by_name
from sklearn_linrnn._sequences import Recordings, Sequences, TrainingData, Windows

FLOATS = (np.float64, np.float32)

VARIANCES: dict[str, list] = {
    name: [Interval(Real, 0, None, closed="left")] for name in ("nu_w", "nu_f", "nu_c")
}
SHAPES: dict[str, list] = {
    "n_lags": [Interval(Integral, 1, None, closed="left"), None],
    "rows": [StrOptions({"windows", "timesteps"})],
    "layout": [StrOptions({"ntc", "nct"})],
    "lag_order": [StrOptions({"infer", "oldest_first", "newest_first"})],
    "n_channels": [Interval(Integral, 1, None, closed="left"), None],
}
COMPUTING: dict[str, list] = {
    "fit_intercept": ["boolean"],
    "device": [str, torch.device],
    "dtype": [StrOptions({"float32", "float64"})],
    "verbose": ["verbose"],
}


def validate_parameters(estimator: BaseEstimator) -> None:
    """Raise unless every parameter is of the type and in the range that its class declares."""
    estimator._validate_params()


@contextmanager
def restored_on_failure(estimator: BaseEstimator) -> Iterator[None]:
    """Leave the attributes of an estimator as they were if the body raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_training_data(
    estimator: BaseEstimator, X: Any, y: Any, sample_weight: Any, sequence_id: Any
) -> TrainingData:
    """Return the internal form of what came to ``fit``; sets the names and number of features."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    every_step = number_of_axes(X) != 3 or number_of_axes(y) == 3
    sequences = check_inputs(
        estimator, X, sequence_id, reset=True, every_step=every_step, n_channels=None
    )
    targets, single_output = check_targets(y, sequences)
    weights = check_weights(sample_weight, sequences)
    observed = ~np.isnan(targets).any(axis=1)
    if not observed.any():
        raise ValueError("y must be observed at one step at least, but Input y contains NaN only.")
    if weights is not None and not weights[observed].any():
        raise ValueError(
            "sample_weight must contain at least one non-zero number at an observed step, but "
            "all such weights are zero."
        )
    return TrainingData(sequences, targets, weights, single_output)


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
    return Windows(window_columns(estimator, X, array.shape[1], n_channels).to_windows(array))


def window_columns(
    estimator: BaseEstimator, X: Any, n_columns: int, n_channels: int | None = None
) -> WindowColumns:
    """Return which lag of which channel each column of a 2-D X holds."""
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
    _, code, counts = np.unique(sequence_id, return_inverse=True, return_counts=True)
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
    _check_feature_names(estimator, X[0], reset=reset)
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


def check_targets(y: Any, sequences: Sequences) -> tuple[NDArray, bool]:
    """Return flat targets (n_supervised, n_outputs), and whether y had no axis of outputs."""
    if isinstance(sequences, Windows):
        y = _check_target_array(y, "y", all_finite=True)
        _check_target_rows(y, sequences)
    elif sequences.rows is not None:
        y = _check_target_array(y, "y")
        _check_target_rows(y, sequences)
        y = y[sequences.rows]
    elif isinstance(sequences.parts, list):
        y = _check_list_of_targets(y, sequences.lengths)
    else:
        y = _check_panel_of_targets(y, sequences.parts.shape[:2])
    return y.reshape(len(y), -1), y.ndim == 1


def _check_target_array(y: Any, name: str, *, all_finite: bool = False) -> NDArray:
    return check_array(
        y,
        dtype=np.float64,
        ensure_2d=False,
        allow_nd=True,
        ensure_all_finite=True if all_finite else "allow-nan",
        input_name=name,
    )


def _check_target_rows(y: NDArray, sequences: Sequences) -> None:
    if y.ndim not in (1, 2):
        raise ValueError(
            f"y must have shape (n_samples,) or (n_samples, n_outputs), but {y.shape} came."
        )
    check_consistent_length(np.empty(sequences.n_supervised), y)


def _check_panel_of_targets(y: Any, shape: tuple[int, ...]) -> NDArray:
    y = _check_target_array(y, "y")
    if y.ndim != 3 or y.shape[:2] != shape:
        raise ValueError(
            f"y must have shape ({shape[0]}, {shape[1]}, n_outputs), a target at every step of X, "
            f"but shape {y.shape} came."
        )
    return y.reshape(-1, y.shape[2])


def _check_list_of_targets(y: Any, lengths: list[int]) -> NDArray:
    if not isinstance(y, (list, tuple)) or len(y) != len(lengths):
        came = f"{type(y).__name__} of length {len(y)}" if hasattr(y, "__len__") else repr(y)
        raise ValueError(
            f"X is a list of {len(lengths)} recordings, so y must be a list of as many arrays of "
            f"shape (n_timesteps_i, n_outputs), but a {came} came. For one target per recording, "
            "stack X to shape (n_sequences, n_timesteps, n_channels)."
        )
    parts = [_check_target_array(part, f"y[{index}]") for index, part in enumerate(y)]
    for index, (part, length) in enumerate(zip(parts, lengths, strict=True)):
        if len(part) != length or part.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"y[{index}] must have shape {(length, *parts[0].shape[1:])}, a target at every "
                f"step of X[{index}], but shape {part.shape} came."
            )
    return np.concatenate(parts)


def check_weights(sample_weight: Any, sequences: Sequences) -> NDArray | None:
    """Return flat weights (n_supervised,), or None; a recording's weight is that of its steps."""
    if sample_weight is None:
        return None
    if isinstance(sequences, Windows) or sequences.rows is not None:
        weights = _check_sample_weight(
            sample_weight,
            np.empty((sequences.n_supervised, 1)),
            dtype=np.float64,
            ensure_non_negative=True,
        )
        return weights if isinstance(sequences, Windows) else weights[sequences.rows]
    if number_of_axes(sample_weight) == 1:  # one for each recording
        sample_weight = np.repeat(sample_weight, sequences.lengths)
    elif isinstance(sequences.parts, np.ndarray):
        sample_weight = np.ravel(sample_weight)
    else:
        sample_weight = np.concatenate([np.ravel(part) for part in sample_weight])
    return _check_sample_weight(
        sample_weight,
        np.empty((sequences.n_supervised, 1)),
        dtype=np.float64,
        ensure_non_negative=True,
    )


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


def check_lag_weights(lag_weights: Any, n_lags: int, estimator: BaseEstimator) -> NDArray:
    """Return the weights ``(n_lags,)`` that "linear_rnn", "flat" or an array stands for."""
    if isinstance(lag_weights, str):
        if lag_weights == "flat":
            return np.ones(n_lags)
        return linear_rnn_lag_weights(n_lags, estimator.nu_w, estimator.nu_f, estimator.nu_c)
    weights = check_array(lag_weights, dtype=np.float64, ensure_2d=False, input_name="lag_weights")
    if weights.shape != (n_lags,):
        raise ValueError(
            f"lag_weights must have shape ({n_lags},), one weight for each lag, but shape "
            f"{weights.shape} came."
        )
    if (weights < 0).any() or not (weights > 0).any():
        raise ValueError(
            "lag_weights must not be negative and not all be zero, but they range from "
            f"{weights.min():g} to {weights.max():g}."
        )
    return weights


def check_device(device: str | torch.device) -> torch.device:
    """Return the device to compute on; "auto" is CUDA where there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        checked = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', but {device!r} came."
        ) from error
    if checked.type not in ("cpu", "cuda"):
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', which compute in float64, but "
            f"{device!r} came."
        )
    if checked.type == "cuda" and (checked.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device={device!r} is not available: PyTorch sees {torch.cuda.device_count()} CUDA "
            "devices. Use device='cpu' or 'auto'."
        )
    return checked


def torch_dtype(name: str) -> torch.dtype:
    """Return the torch type that goes by a NumPy name, "float32" or "float64"."""
    return {"float32": torch.float32, "float64": torch.float64}[name]


def make_generator(random_state: Any) -> torch.Generator:
    """Return a generator of its own, on the CPU, seeded from scikit-learn's ``random_state``."""
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    return torch.Generator().manual_seed(int(seed))


__all__ = [
    "COMPUTING",
    "SHAPES",
    "VARIANCES",
    "Interval",
    "StrOptions",
    "check_device",
    "check_feature_names_in",
    "check_inputs",
    "check_is_fitted",
    "check_lag_weights",
    "check_n_lags",
    "check_targets",
    "check_training_data",
    "check_weights",
    "check_window_length",
    "make_generator",
    "number_of_axes",
    "restored_on_failure",
    "torch_dtype",
    "validate_parameters",
    "window_columns",
]
