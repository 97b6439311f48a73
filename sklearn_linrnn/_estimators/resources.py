"""The precision of matrix products in training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def matrix_precision(dtype: str, device: torch.device) -> Iterator[None]:
    """Let a CUDA device round the factors of float32 products to TF32 if ``dtype`` is "tf32".

    PyTorch has one switch for that, which all threads share; it is put back at the end.
    """
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high" if dtype == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
