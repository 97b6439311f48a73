"""One long series and very many lags: conjugate gradients where no scatter fits into memory.

The unit is one transform of the series, which no method can do without.
"""

import io
import re
from contextlib import redirect_stdout
from functools import partial
from itertools import product

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import lfilter

from benchmarks.measure import Action, first_time, median_times, milliseconds, show
from sklearn_linrnn import NTKConvRegressor

N_TIMESTEPS, N_LAGS, ALPHA = 1_000_000, 50_000, 1.0
INPUTS = {"white": 0.0, "AR(1) 0.95": 0.95}  # and the correlation of neighbouring time steps
NU_W = (0.9, 0.999, 0.99999)


def make_series(n_timesteps: int, keeps: float) -> tuple[NDArray, NDArray]:
    """Return the input and the output of a system with a long memory, (n_timesteps,) each."""
    rng = np.random.default_rng(0)
    shocks, noise = rng.standard_normal((2, n_timesteps))
    x = lfilter([1.0], [1.0, -keeps], shocks)
    return x, lfilter([1.0], [1.0, -0.999], x) + noise


def make_model(nu_w: float) -> NTKConvRegressor:
    """Return the estimator."""
    return NTKConvRegressor(
        nu_w, alpha=ALPHA, rows="timesteps", n_lags=N_LAGS, device="cpu", verbose=True
    )


def fit(x: NDArray, y: NDArray, nu_w: float) -> tuple[str, str]:
    """Fit, and return the number of iterations and the residual, as the estimator prints them."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        make_model(nu_w).fit(x[:, None], y)
    found = re.search(r"(\d+) iterations, residual (\S+)", printed.getvalue())
    return (found[1], found[2]) if found else ("", "")


def prepare(n_timesteps: int) -> Action:
    """Return the fit to coloured inputs that takes longest."""
    return partial(fit, *make_series(n_timesteps, INPUTS["AR(1) 0.95"]), NU_W[-1])


def compare(name: str, keeps: float, nu_w: float) -> tuple[str, ...]:
    """Return a row of the table."""
    x, y = make_series(N_TIMESTEPS, keeps)
    printed = [("", "")]
    actions = {
        "fit": lambda: printed.append(fit(x, y, nu_w)),
        "rfft": lambda: scipy.fft.rfft(x),
    }
    seconds, unit = median_times(actions, rounds=3)
    return name, str(nu_w), milliseconds(seconds), f"{seconds / unit:.0f}", *printed[-1]


def run() -> None:
    """Print time, iterations and residual for each kind of input and each ``nu_w``, and memory."""
    rows = [compare(*inputs, nu_w) for inputs, nu_w in product(INPUTS.items(), NU_W)]
    first, memory = first_time(prepare, 100_000, N_TIMESTEPS)
    show(
        f"many_lags: {N_TIMESTEPS:,} time steps, {N_LAGS:,} lags; the first fit of a process takes "
        f"{milliseconds(first)} and {1e-6 * memory:,.0f} MB",
        ("inputs", "nu_w", "time", "in transforms", "iterations", "residual"),
        rows,
    )
