"""Units in which numbers keep their digits."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def binary_unit(values: NDArray) -> float:
    """Return a power of two as large as the largest size, 1 of zeros.

    In it no square overflows and none that matters underflows, and no digit changes.
    """
    largest = float(np.abs(values).max(initial=0.0))
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if 0 < largest < math.inf else 1.0
