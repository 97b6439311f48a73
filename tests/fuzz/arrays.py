"""Arrays of all kinds: their values, their types, and what they are passed in."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import torch
from hypothesis import strategies as st
from scipy import sparse

LARGEST = np.finfo(np.float64).max
SMALLEST = np.finfo(np.float64).smallest_subnormal
FOLDER = tempfile.TemporaryDirectory()  # of the memory maps, until the interpreter ends

Array = np.ndarray
Fill = Callable[[np.random.Generator, tuple[int, ...]], Array]


def _sprinkled(value: float) -> Fill:
    """Return normal numbers with a value among them."""

    def fill(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        array = np.asarray(rng.normal(size=shape))
        if array.size:
            array.flat[rng.integers(array.size)] = value
        return array

    return fill


def _first_channel(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return normal numbers whose last channel does not vary."""
    array = np.atleast_1d(rng.normal(size=shape))
    array[..., -1:] = 2.0
    return array.reshape(shape)


FILLS: dict[str, Fill] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "integers": lambda rng, shape: rng.integers(-3, 4, size=shape).astype(float),
    "bits": lambda rng, shape: rng.integers(0, 2, size=shape).astype(float),
    "walk": lambda rng, shape: rng.normal(size=shape).cumsum(axis=0),
    "zeros": lambda rng, shape: np.zeros(shape),
    "constant": lambda rng, shape: np.full(shape, -3.0),
    "one constant channel": _first_channel,
    "nearly constant": lambda rng, shape: 1.0 + 1e-15 * rng.normal(size=shape),
    "offset": lambda rng, shape: 1e6 + rng.normal(size=shape),
    "far offset": lambda rng, shape: 1e15 + rng.normal(size=shape),
    "outlier": _sprinkled(1e8),
    "large": lambda rng, shape: 1e60 * rng.normal(size=shape),
    "huge": lambda rng, shape: 1e160 * rng.normal(size=shape),
    "largest": lambda rng, shape: LARGEST * rng.choice([-1.0, 1.0], size=shape),
    "one largest": _sprinkled(LARGEST),
    "small": lambda rng, shape: 1e-60 * rng.normal(size=shape),
    "tiny": lambda rng, shape: 1e-160 * rng.normal(size=shape),
    "smallest": lambda rng, shape: SMALLEST * rng.integers(-3, 4, size=shape),
    "many orders": lambda rng, shape: np.exp(50.0 * rng.normal(size=shape)),
    "one missing": _sprinkled(np.nan),
    "all missing": lambda rng, shape: np.full(shape, np.nan),
    "one infinite": _sprinkled(np.inf),
}
ORDINARY_FILLS = ["normal", "integers", "bits", "walk", "offset"]

TYPES = [
    "float64", "float32", "float16", ">f8", "longdouble", "int8", "int64", "uint8", "uint64",
    "bool", "object", "complex128", "str", "datetime64[s]", "timedelta64[s]",
]  # fmt: skip
ORDINARY_TYPES = ["float64", "float32", "int64"]


def mostly(ordinary: list, odd: list, odds: int = 6) -> st.SearchStrategy:
    """Return one of the ordinary, and once in so many times one of the odd."""
    return st.integers(0, odds - 1).flatmap(
        lambda dice: st.sampled_from(odd if dice == odds - 1 else ordinary)
    )


def fills(odds: int = 4) -> st.SearchStrategy[str]:
    """Return names of what an array is filled with."""
    return mostly(ORDINARY_FILLS, list(FILLS), odds)


def cast(array: Array, dtype: str) -> Array:
    """Return numbers of another type, those of them that it can hold."""
    array = np.asarray(array)
    with np.errstate(all="ignore"):
        if np.dtype(dtype).kind in "iubmM":
            array = np.nan_to_num(array, nan=0.0, posinf=9.0, neginf=-9.0)
            if dtype != "bool":
                limits = np.iinfo("int32" if np.dtype(dtype).kind in "mM" else dtype)
                array = np.clip(array, limits.min / 2, limits.max / 2)
            if np.dtype(dtype).kind in "mM":
                array = array.astype(np.int64)
        return array.astype(dtype)


def _memory_map(array: Array) -> Array:
    """Return the numbers as a file that must not be written to."""
    if array.size == 0 or array.dtype.hasobject:
        return array
    path = Path(FOLDER.name) / "map.bin"
    path.unlink(missing_ok=True)
    array.tofile(path)
    return np.memmap(path, dtype=array.dtype, mode="r", shape=array.shape)


def _read_only(array: Array) -> Array:
    array = np.array(array)
    array.flags.writeable = False
    return array


def _masked(array: Array) -> Array:
    mask = np.zeros(array.shape, dtype=bool)
    mask.reshape(-1)[1:2] = True
    return np.ma.MaskedArray(array, mask=mask)


def _frame(array: Array) -> Any:
    """Return a series or a frame; arrays of other axes have none."""
    if array.ndim == 1:
        return pd.Series(array)
    return pd.DataFrame(array) if array.ndim == 2 else array


def _named(array: Array) -> Any:
    """Return a frame whose columns are named as lags, the oldest first."""
    if array.ndim != 2:
        return _frame(array)
    last = array.shape[1] - 1
    return pd.DataFrame(array, columns=[f"x_lag_{last - place}" for place in range(last + 1)])


def _nullable(array: Array) -> Any:
    """Return a frame of the types of pandas that know a missing value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas tries integers of any number
        return _frame(array).convert_dtypes() if array.ndim in (1, 2) else array


def _polars(array: Array) -> Any:
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
        return array
    array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("=")))
    if array.dtype.itemsize > 8 or array.dtype == np.float16:
        array = array.astype(np.float64)
    if array.ndim == 1:
        return pl.Series(array)
    names = [f"x_lag_{place}" for place in range(array.shape[1])][::-1]
    return pl.DataFrame({name: array[:, place] for place, name in enumerate(names)})


def _tensor(array: Array) -> Any:
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8 or array.dtype.byteorder == ">":
        return array
    return torch.from_numpy(np.array(array, order="C"))


def _gradient(array: Array) -> Any:
    tensor = _tensor(array)
    floating = isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
    return tensor.requires_grad_() if floating else tensor


def _brain_float(array: Array) -> Any:
    tensor = _tensor(array)
    return tensor.to(torch.bfloat16) if isinstance(tensor, torch.Tensor) else tensor


class Interface:
    """Something that NumPy can read, and knows nothing else of an array."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.array, dtype=dtype)


CONTAINERS: dict[str, Callable[[Array], Any]] = {
    "array": lambda array: array,
    "list": lambda array: array.tolist(),
    "frame": _frame,
    "named frame": _named,
    "nullable frame": _nullable,
    "polars frame": _polars,
    "tensor": _tensor,
    "tensor with gradient": _gradient,
    "tensor of 16 bits": _brain_float,
    "memory map": _memory_map,
    "read-only": _read_only,
    "Fortran order": np.asfortranarray,
    "strided": lambda array: np.repeat(array, 2, axis=0)[::2] if array.ndim else array,
    "reversed": lambda array: array[::-1].copy()[::-1] if array.ndim else array,
    "tuples": lambda array: tuple(map(tuple, array)) if array.ndim == 2 else array,
    "mask of nothing": lambda array: np.ma.MaskedArray(array, mask=False),
    "masked": _masked,
    "interface": Interface,
    "sparse": lambda array: sparse.csr_array(array) if array.ndim == 2 and array.dtype.kind in "fiu"
    and array.dtype.itemsize in (4, 8) and array.dtype.byteorder != ">" else array,
}  # fmt: skip
ORDINARY_CONTAINERS = [
    "array", "list", "frame", "named frame", "polars frame", "tensor", "memory map", "read-only",
    "Fortran order", "strided", "reversed", "mask of nothing",
]  # fmt: skip


def to_numbers(container: Any) -> Array | None:
    """Return what is in a container, for comparisons; None where that is nothing certain."""
    if isinstance(container, torch.Tensor):
        return container.detach().to(torch.float64).numpy()
    array = container if isinstance(container, np.ma.MaskedArray) else np.array(container)
    if array.dtype.kind == "c":
        return None
    if isinstance(array, np.ma.MaskedArray):
        return np.ma.filled(array.astype(np.float64), np.nan)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        return None
