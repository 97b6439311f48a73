"""Array-likes to tensors."""

import operator
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor


class StoredAsNumPy:
    """A frozen dataclass whose tensors are stored as arrays: it loads on any machine.

    What is cached beyond its fields is not stored.
    """

    def __getstate__(self) -> dict[str, Any]:
        state = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {
            name: value.cpu().numpy() if isinstance(value, Tensor) else value
            for name, value in state.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Arrays that are mapped from a file may be read-only, which PyTorch does not support.
        vars(self).update(
            (name, torch.from_numpy(np.require(value, requirements="W")))
            if isinstance(value, np.ndarray)
            else (name, value)
            for name, value in state.items()
        )


def real_numbers(value: Any, name: str = "Arrays") -> Any:
    """Return a tensor, without its gradient, or an array-like as an array; of real numbers.

    Masked values are missing ones.

    Parameters
    ----------
    value : array-like or Tensor
        What was passed.
    name : str, default="Arrays"
        What a message calls it.

    Raises
    ------
    ValueError
        If it cannot be read as an array.
    TypeError
        If it holds anything else.
    """
    array: Any
    if isinstance(value, Tensor):
        array, is_real = value.detach(), not value.is_complex()
    else:
        try:
            array = value if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{name} could not be read as an array: {error}") from error
        is_real = array.dtype.kind in "fiub"
    if not is_real:
        raise TypeError(f"{name} must hold real numbers, but got dtype {array.dtype}.")
    if np.ma.is_masked(array):
        return np.ma.filled(array.astype(np.float64), np.nan)
    return array


def as_float64(array: Any, device: torch.device | str = "cpu", name: str = "Arrays") -> Tensor:
    """Return `real_numbers` as a float64 tensor on ``device``.

    It may share memory with them, so never write to it. The device may have any of the names that
    `check_device` knows.
    """
    device = check_device(device)
    array = real_numbers(array, name)
    if isinstance(array, Tensor):
        return array.to(device=device, dtype=torch.float64)
    array = np.asarray(array)
    # PyTorch supports neither read-only memory nor foreign byte orders nor extended precision, nor
    # strides that are negative or not multiples of the size of a number.
    plain = all(stride >= 0 and stride % array.itemsize == 0 for stride in array.strides)
    dtype = np.float64 if array.itemsize > 8 else array.dtype.newbyteorder("=")
    # A copy, since NumPy takes an axis of one for contiguous whatever its stride.
    native = np.require(array, dtype, "W") if plain else np.array(array, dtype, order="C")
    return torch.from_numpy(native).to(device=device, dtype=torch.float64)


def row_norms(matrix: Tensor) -> Tensor:
    """Return the Euclidean norms of the rows of ``matrix (n, k)``, (n, 1).

    The squares neither overflow nor underflow.
    """
    unit = matrix.abs().sum(1, keepdim=True)
    unit = torch.where(unit > 0, unit, 1.0)
    return unit * (matrix / unit).square().sum(1, keepdim=True).sqrt()


def all_finite(tensor: Tensor) -> bool:
    """Whether ``tensor`` contains neither NaN nor infinity."""
    # A finite sum has finite terms; it needs one pass, and no memory.
    return bool(torch.isfinite(tensor.sum()) or torch.isfinite(tensor).all())


def finite(tensor: Tensor, name: str) -> Tensor:
    """Return ``tensor``; raise a ValueError that names it ``name`` if it has NaN or infinity."""
    if not all_finite(tensor):
        raise ValueError(f"{name} must be finite, but it contains NaN or infinity.")
    return tensor


def blank(n_numbers: int, device: torch.device, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return memory that is to be written to, of any numbers."""
    if device.type != "cpu":
        return torch.empty(n_numbers, dtype=dtype, device=device)
    kind = np.float64 if dtype == torch.float64 else np.float32
    return torch.from_numpy(np.empty(n_numbers, kind))  # huge pages, if it is large, unlike PyTorch


def whole_number(value: Any, name: str) -> int:
    """Return a Python integer, which does not overflow as NumPy's may; others are a TypeError."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, but got {value!r}.") from None


def check_device(device: Any) -> torch.device:
    """Return the device to compute on; "auto" is CUDA where there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        checked = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', but got {device!r}."
        ) from error
    if checked.type not in ("cpu", "cuda"):
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', which compute in float64, but "
            f"got {device!r}."
        )
    if checked.type == "cuda" and (checked.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device={device!r} is not available: PyTorch finds {torch.cuda.device_count()} CUDA "
            "devices. Use device='cpu' or 'auto'."
        )
    return checked


def place_among(number: Any, n_known: int, name: str) -> int:
    """Return a whole number as the place of one of so many things, or raise."""
    place = whole_number(number, name)
    if not 0 <= place < n_known:
        raise ValueError(f"{name} must be from 0 to {n_known - 1}, but got {place}.")
    return place
