"""What users pass arrays in, as something that scikit-learn reads rightly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _get_feature_names,
)

from sklearn_linrnn._data.sliced import SlicedArray, is_sliced

FLOATS = (np.float64, np.float32)  # types of inputs that stay as they are
SHORT = 2**14  # numbers of an array, as many as are looked at in the time that a look takes anyway


@contextmanager
def named(name: str) -> Iterator[None]:
    """Let errors that do not say which argument is wrong begin with its name."""
    try:
        with np.errstate(invalid="ignore"):  # scikit-learn adds numbers up to see if all are finite
            yield
    except (TypeError, ValueError, OSError) as error:
        message = str(error)
        if name in re.findall(r"[\w\[\]]+", message):
            raise
        kind = next(kind for kind in (ValueError, OSError, TypeError) if isinstance(error, kind))
        raise kind(f"{name}: {message}") from error


def check_numbers(value: Any, name: str, *, sliced: tuple[int, ...] = (), **checks: Any) -> Any:
    """Return an array-like as an array of numbers.

    Parameters
    ----------
    value : array-like
        What was passed.
    name : str
        What a message calls it.
    sliced : tuple of int, default=()
        Numbers of axes of which an array in a file is read by slices, as floats.
    **checks
        What scikit-learn's `check_array` shall look at.

    Raises
    ------
    TypeError, ValueError
        If it is not what it must be.
    """
    if sliced and is_sliced(value) and len(value.shape) in sliced:
        return _by_slices(value, name, **checks)
    value = read_container(value, name)
    with named(name):
        return check_array(value, input_name=name, **checks)


def _by_slices(source: Any, name: str, **checks: Any) -> SlicedArray:
    """Return an array in a file, of which the shape is checked now and the numbers as they come."""
    _check_kinds(_dtypes(source), name)
    with named(name):  # of an array of that shape that takes no memory
        shape = np.broadcast_to(np.zeros((), np.float32), source.shape)
        check_array(shape, input_name=name, **checks | {"ensure_all_finite": False})

    def check(rows: Any) -> np.ndarray:
        with named(name):
            return check_array(
                np.asarray(rows),
                input_name=name,
                dtype=FLOATS,
                ensure_2d=False,
                ensure_min_samples=0,
                ensure_all_finite=checks.get("ensure_all_finite", True),
            )

    return SlicedArray.of(source, check)


def check_all_numbers(
    values: Sequence[Any], name: str, *, sliced: tuple[int, ...] = (), **checks: Any
) -> list[Any]:
    """Return several array-likes, as of recordings, as arrays of numbers.

    Short arrays that are alike are looked at together, in a copy, since each look costs as much as
    thousands of numbers. If something is wrong, each is looked at by itself, and a message says
    which.

    Parameters
    ----------
    values : sequence of array-like
        What was passed.
    name : str
        What a message calls it.
    sliced : tuple of int, default=()
        Numbers of axes of which arrays in files are read by slices, each by itself.
    **checks
        What scikit-learn's `check_array` shall look at.

    Raises
    ------
    TypeError, ValueError
        If one is not what it must be.
    """
    read = [
        value
        if type(value) is np.ndarray or is_sliced(value)
        else read_container(value, f"{name}[{index}]")
        for index, value in enumerate(values)
    ]
    if _are_alike(read):
        with suppress(TypeError, ValueError):
            joined = check_numbers(np.concatenate(read), name, **checks)
            ends = accumulate(map(len, read))
            return [joined[end - len(part) : end] for end, part in zip(ends, read, strict=True)]
    return [
        check_numbers(value, f"{name}[{index}]", sliced=sliced, **checks)
        for index, value in enumerate(read)
    ]


def _are_alike(values: Sequence[Any]) -> bool:
    """Whether all are short arrays of numbers that differ in nothing but their length."""
    if not all(type(value) is np.ndarray and value.ndim > 0 and len(value) for value in values):
        return False
    if sum(value.size for value in values) > SHORT * len(values):
        return False
    dtypes, shapes = {value.dtype for value in values}, {value.shape[1:] for value in values}
    return len(dtypes) == len(shapes) == 1 and dtypes.pop().kind in "fiub"


def read_rows(estimator: BaseEstimator, X: Any, *, learns: bool, **checks: Any) -> Any:
    """Return a 2-D X as an array of floats, with the features that an estimator knows.

    Parameters
    ----------
    estimator : estimator
        Whose features they are.
    X : array-like of shape (n_samples, n_features)
        What was passed.
    learns : bool
        Whether it is about to learn them from this X.
    **checks
        What `check_numbers` shall look at besides.

    Raises
    ------
    TypeError, ValueError
        If it is not what it must be.
    """
    with named("X"):
        if learns:
            _get_feature_names(X)  # which must be names all of them, or none
        else:
            _check_feature_names(estimator, X, reset=False)
    array = check_numbers(X, "X", estimator=estimator, dtype=FLOATS, **checks)
    with named("X"):
        if not learns:
            _check_n_features(estimator, array, reset=False)
    return array


def read_container(value: Any, name: str) -> Any:
    """Return an array-like that means to scikit-learn what it means to its owner.

    A tensor is read without its gradient, wherever it is; masked values are missing ones. Frames
    and arrays go through as they are.

    Parameters
    ----------
    value : array-like
        What was passed.
    name : str
        What a message calls it.

    Raises
    ------
    TypeError
        If it holds times, which are no numbers, or cannot be read as an array.
    ValueError
        If it is made of lists of different lengths, or holds complex numbers.
    """
    if isinstance(value, torch.Tensor):
        value = _from_tensor(value)
    elif isinstance(value, np.ma.MaskedArray):
        value = _without_mask(value)
    elif not (isinstance(value, np.ndarray) or hasattr(value, "iloc") or _is_other_frame(value)):
        value = _as_array(value, name)
    _check_kinds(_dtypes(value), name)
    return value


def _check_kinds(dtypes: Sequence[Any], name: str) -> None:
    """Raise if there are types of times, or of complex numbers."""
    if times := sorted({str(dtype) for dtype in dtypes if _is_time(dtype)}):
        raise TypeError(f"{name} must hold numbers, but got {', '.join(times)}.")
    if pairs := sorted({str(each) for each in dtypes if getattr(each, "kind", "") == "c"}):
        raise ValueError(
            f"{name} must hold real numbers, but got {', '.join(pairs)}. Complex data not "
            "supported: pass real and imaginary parts as columns of their own."
        )


def _without_mask(array: np.ma.MaskedArray) -> np.ndarray:
    if not np.ma.is_masked(array):
        return array.data
    # Complex numbers stay so, and are refused like those of other arrays.
    numbers = array if array.dtype.kind == "c" else array.astype(np.float64)
    return np.ma.filled(numbers, np.nan)


def _from_tensor(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.element_size() < 4:  # NumPy may not have the type
        tensor = tensor.float()
    return tensor.numpy()


def _is_other_frame(value: Any) -> bool:
    return sparse.issparse(value) or hasattr(value, "columns") or hasattr(value, "__dataframe__")


def _as_array(value: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(value[:] if is_sliced(value) else value)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{name} could not be read as an array: {error}") from error


def _dtypes(value: Any) -> list[Any]:
    """Return the types of the columns of a frame, or that of an array."""
    dtypes = getattr(value, "dtypes", None)
    if dtypes is None:
        return [getattr(value, "dtype", None)]
    return list(dtypes) if hasattr(dtypes, "__iter__") else [dtypes]


def _is_time(dtype: Any) -> bool:
    """Whether a type of NumPy, pandas or polars is one of times or of durations."""
    is_temporal = getattr(dtype, "is_temporal", None)
    return getattr(dtype, "kind", "") in ("m", "M") or bool(is_temporal and is_temporal())
