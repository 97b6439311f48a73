"""What must hold for every call: documented errors, no NaN in silence, nothing changed."""

from __future__ import annotations

import copy
import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

# Besides the kinds of them that the package itself defines.
DOCUMENTED = {ValueError, TypeError, MemoryError, InvalidParameterError, NotFittedError}

# What scikit-learn and sktime say of X and y without naming them.
UNNAMED = re.compile(
    "feature names|Data seen by"
    "|Dtype of columns|number of splits|has not been fitted yet|are not contained in index"
)

TINY = 1e-300  # smaller numbers have fewer digits
Warnings = list[warnings.WarningMessage]


@contextmanager
def listening() -> Iterator[Warnings]:
    """Collect the warnings; those of NumPy itself are faults."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield said
    for warning in said:
        assert not issubclass(warning.category, RuntimeWarning), f"{warning.message}: {warning}"


def check_error(error: Exception, names: set[str]) -> None:
    """Raise unless an error is of a documented type, and names one of the arguments."""
    ours = isinstance(error, (ValueError, TypeError)) and type(error).__module__.startswith(
        "sklearn_linrnn."
    )
    if not (ours or type(error) in DOCUMENTED):
        raise AssertionError(f"a {type(error).__name__} is not documented: {error}") from error
    message = str(error)
    words = set(re.findall(r"\w+", message))
    if not (names & words or UNNAMED.search(message)):
        raise AssertionError(f"this names no argument: {message}") from error


def error_of(
    act: Callable[[], Any], names: set[str], heard: Warnings | None = None
) -> Exception | None:
    """Return the error of a call, if there is one; raise unless it says what is wrong.

    The warnings are added to what was ``heard``.
    """
    try:
        with listening() as said:
            act()
        if heard is not None:
            heard.extend(said)
    except Exception as error:
        check_error(error, names)
        return error
    return None


def _same_arrays(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.hasobject:
        return same(one.ravel().tolist(), other.ravel().tolist())
    return one.tobytes() == other.tobytes()


def _same_masked(one: np.ma.MaskedArray, other: np.ma.MaskedArray) -> bool:
    return _same_arrays(one.data, other.data) and np.array_equal(one.mask, other.mask)


def _same_tensors(one: torch.Tensor, other: torch.Tensor) -> bool:
    numbers = (tensor.detach().to(torch.float64).numpy() for tensor in (one, other))
    return one.requires_grad == other.requires_grad and _same_arrays(*numbers)


def _same_items(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(map(same, one, other))


def _same_values(one: dict, other: dict) -> bool:
    return list(one) == list(other) and _same_items(list(one.values()), list(other.values()))


EQUALITIES: list[tuple[Any, Callable[[Any, Any], bool]]] = [
    (np.ma.MaskedArray, _same_masked),
    (np.ndarray, _same_arrays),
    (torch.Tensor, _same_tensors),
    ((pd.DataFrame, pd.Series, pl.DataFrame, pl.Series), lambda one, other: one.equals(other)),
    ((list, tuple), _same_items),
    (dict, _same_values),
    (float, lambda one, other: one == other or (math.isnan(one) and math.isnan(other))),
]


def same(one: Any, other: Any) -> bool:
    """Whether two arguments or attributes are equal, with their types and to the last bit."""
    if one is other or type(one) is not type(other):
        return one is other
    for kinds, are_same in EQUALITIES:
        if isinstance(one, kinds):
            return are_same(one, other)
    if hasattr(one, "__dict__"):
        return same(vars(one), vars(other))
    return bool(np.all(one == other))


@contextmanager
def unchanged(*arguments: Any) -> Iterator[None]:
    """Raise if what was passed is not what it was."""
    before = copy.deepcopy(arguments)
    yield
    assert same(arguments, before), "an argument was changed"


def fitted(estimator: Any) -> dict[str, Any]:
    """Return the fitted attributes of an estimator."""
    return {
        name: value
        for name, value in vars(estimator).items()
        if name == "_form" or (name.endswith("_") and not name.startswith("_"))
    }


def is_finite(value: Any) -> bool:
    """Whether all numbers in an array or a list of them are finite."""
    if isinstance(value, (list, tuple)):
        return all(map(is_finite, value))
    return bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())


def check_close(one: Any, other: Any, scale: float, what: str) -> None:
    """Raise unless arrays, or lists of them, are equal but for rounding on a scale."""
    if isinstance(one, (list, tuple)):
        assert len(one) == len(other), what
        for first, second in zip(one, other, strict=True):
            check_close(first, second, scale, what)
        return
    if not math.isfinite(scale):
        return  # there is no number that rounding could be measured by
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape, f"{what}: {one.shape} and {other.shape}"
    np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-7 * scale + TINY, err_msg=what)
