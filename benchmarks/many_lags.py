"""One long series and very many lags: conjugate gradients where no scatter fits into memory.

The unit is one transform of the series, which no method can do without.
"""

from itertools import product

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter

from benchmarks.measure import Action, first_time, median_times, milliseconds, show
from sklearn_linrnn._core.conjugate_gradients import IteratedRidge, iterated_ridge
from sklearn_linrnn._core.lag_operator import LagOperator
from sklearn_linrnn._core.lag_weights import linear_rnn_lag_weights

N_TIMESTEPS, N_LAGS, ALPHA = 1_000_000, 50_000, 1.0
INPUTS = {"white": 0.0, "AR(1) 0.95": 0.95}  # and how much of a step the next one keeps
NU_W = (0.9, 0.99, 0.999, 0.9999, 0.99999)


def make_series(n_timesteps: int, keeps: float) -> tuple[NDArray, NDArray]:
    """Return the input and the output of a system that forgets slowly, (n_timesteps,) each."""
    rng = np.random.default_rng(0)
    shocks, noise = rng.standard_normal((2, n_timesteps))
    x = lfilter([1.0], [1.0, -keeps], shocks)
    return x, lfilter([1.0], [1.0, -0.999], x) + noise


def fit(x: NDArray, y: NDArray, nu_w: float) -> IteratedRidge:
    """Return the ridge on ``N_LAGS`` lags."""
    operator = LagOperator.from_series(x, y, n_lags=N_LAGS)
    return iterated_ridge(operator, torch.from_numpy(linear_rnn_lag_weights(N_LAGS, nu_w)), ALPHA)


def prepare(n_timesteps: int) -> Action:
    """Return the fit to coloured inputs that takes longest."""
    x, y = make_series(n_timesteps, INPUTS["AR(1) 0.95"])
    return lambda: fit(x, y, NU_W[-1])


def run() -> None:
    """Print time, iterations and residual for each kind of input and each ``nu_w``, and memory."""
    rows = []
    for (name, keeps), nu_w in product(INPUTS.items(), NU_W):
        x, y = make_series(N_TIMESTEPS, keeps)
        solution = fit(x, y, nu_w)
        seconds, least = median_times(
            {
                "fit": lambda x=x, y=y, nu_w=nu_w: fit(x, y, nu_w),
                "rfft": lambda x=x: scipy.fft.rfft(x),
            },
            rounds=3,
        )
        rows.append(
            (
                name,
                str(nu_w),
                milliseconds(seconds),
                f"{seconds / least:.0f}",
                str(solution.n_iterations),
                f"{solution.residual:.0e}",
            )
        )
    first, memory = first_time(prepare, 100_000, N_TIMESTEPS)
    show(
        f"many lags: {N_TIMESTEPS:,} steps, {N_LAGS:,} lags; the first fit of a process takes "
        f"{milliseconds(first)} and {1e-6 * memory:,.0f} MB",
        ("inputs", "nu_w", "time", "in transforms", "iterations", "residual"),
        rows,
    )
