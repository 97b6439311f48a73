"""How sure the data are of the memory of a response: its posterior, by draws."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_linrnn._estimators.ntk_conv import NTKConvRegressor
from sklearn_linrnn.inspection import effective_memory

N_DRAWS = 1000


def memory_interval(
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
    responses = draw_responses(model, windows, N_DRAWS, np.random.default_rng(seed))
    energies = np.square(responses).sum(axis=2)
    memories = [effective_memory(energy) for energy in energies]
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(memories, [tail, 1.0 - tail], method="inverted_cdf")
    return float(low), float(high)


def draw_responses(
    model: NTKConvRegressor, windows: NDArray, n_draws: int, rng: np.random.Generator
) -> NDArray:
    """Return responses from the joint posterior, (n_draws, n_lags, n_channels).

    Parameters
    ----------
    model : NTKConvRegressor
        Fitted with a penalty, to one output.
    windows : ndarray of shape (n_windows, n_lags, n_channels)
        What it was fitted to.
    n_draws : int
        Number of responses.
    rng : Generator
        Source of the draws.
    """
    n_lags, n_channels = windows.shape[1:]
    lagged = windows[:, ::-1].reshape(len(windows), -1)  # lag 0 first
    scale = np.sqrt(model.lag_weights_).repeat(n_channels)
    scaled = (lagged - lagged.mean(axis=0)) * scale
    eigenvalues, vectors = np.linalg.eigh(scaled.T @ scaled)
    deviations = np.sqrt(model.noise_variance_ / (np.maximum(eigenvalues, 0.0) + model.alpha_))
    spread = rng.standard_normal((n_draws, len(scale))) * deviations @ vectors.T * scale
    mean = model.impulse_response_[0].T.ravel()
    return (mean + spread).reshape(n_draws, n_lags, n_channels)
