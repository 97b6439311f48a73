"""Array-likes to tensors."""

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


def as_float64(array: Any, device: torch.device | str = "cpu") -> Tensor:
    """Return a float64 tensor on ``device``; it may share memory, so never write to it."""
    if isinstance(array, Tensor):
        return array.detach().to(device=device, dtype=torch.float64)
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Arrays must hold real numbers, but got dtype {array.dtype}.")
    # PyTorch supports neither read-only memory nor foreign byte orders nor extended precision, nor
    # strides that are negative or not multiples of the size of a number.
    plain = all(stride >= 0 and stride % array.itemsize == 0 for stride in array.strides)
    dtype = np.float64 if array.itemsize > 8 else array.dtype.newbyteorder("=")
    native = np.require(array, dtype, ("W",) if plain else ("W", "C"))
    return torch.from_numpy(native).to(device=device, dtype=torch.float64)


def all_finite(tensor: Tensor) -> bool:
    """Whether ``tensor`` contains neither NaN nor infinity."""
    # A finite sum has finite terms; it needs one pass, and no memory.
    return bool(torch.isfinite(tensor.sum()) or torch.isfinite(tensor).all())


def finite(tensor: Tensor, name: str) -> Tensor:
    """Return ``tensor``; raise a ValueError that names it ``name`` if it has NaN or infinity."""
    if not all_finite(tensor):
        raise ValueError(f"{name} must be finite, but it contains NaN or infinity.")
    return tensor
