"""The lags of a response."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def response_lags(estimator: Any) -> NDArray[np.int64]:
    """Return the lags of the impulse response of a fitted estimator, (n_lags,), in time steps."""
    n_lags = estimator.impulse_response_.shape[2]
    return estimator.first_lag_ + np.arange(n_lags, dtype=np.int64)
