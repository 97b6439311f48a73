"""The lags of a response."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def response_lags(estimator: Any) -> NDArray[np.int64]:
    """Return the lags of the impulse response of a fitted estimator, (n_lags,), in time steps."""
    return np.arange(estimator.impulse_response_.shape[2], dtype=np.int64)
