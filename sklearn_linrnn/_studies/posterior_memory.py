"""How sure the data are of the memory of a response: its posterior, by draws."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn.inspection import memory_interval


def supported_memory(
    windows: NDArray, targets: NDArray, *, level: float, seed: int, **prior: Any
) -> tuple[float, float]:
    """Return the interval of the lag that holds 90 % of the energy of a response.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_lags, n_channels)
        Inputs, oldest step first.
    targets : ndarray of shape (n_windows,)
        Targets.
    level : float
        Level of the interval.
    seed : int
        Seed of the draws.
    **prior : Any
        Parameters of `NTKConvRegressor` that say what the prior is; its strength is that of the
        highest evidence.

    Returns
    -------
    low, high : float
        NaN where no strength is trusted, so that nothing is learned.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that nothing is learned: NaN says so
        model = NTKConvRegressor(alpha="auto", **prior).fit(windows, targets)
    if not np.isfinite(model.alpha_):
        return np.nan, np.nan
    low, high = memory_interval(model, coverage=level, random_state=seed)
    return float(low), float(high)
