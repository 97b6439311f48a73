"""Values for steps that were not observed."""

from __future__ import annotations

import pandas as pd
from numpy.typing import NDArray


def without_gaps(series: NDArray) -> NDArray:
    """Return a series (n_timesteps,) with gaps filled on straight lines, and level at its ends."""
    return pd.Series(series).interpolate(limit_direction="both").to_numpy()
