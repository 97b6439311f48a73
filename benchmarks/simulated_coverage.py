"""How often 90 % intervals of short series hold: ``python -m benchmarks simulated_coverage``.

Each series is new, of a process that is known, and the forecaster learns from all of it but the
last 12 steps, which it forecasts. The share of these inside their intervals is a mean over series,
with its standard error: the steps of a series are inside or outside together.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from sktime.forecasting.base import BaseForecaster

from benchmarks.measure import show
from sklearn_linrnn.forecasting import AutoLagForecaster, LagForecaster

LEVEL, N_AHEAD, N_SERIES, N_BEFORE = 0.9, 12, 200, 300
LENGTHS = (30, 60, 300)
Process = Callable[[NDArray], NDArray]  # of independent normal numbers

PROCESSES: dict[str, Process] = {
    "white noise": lambda new: new,
    "trend": lambda new: 0.15 * np.arange(len(new)) + new,
    "AR(1), 0.8": lambda new: lfilter([1.0], [1.0, -0.8], new),
    "ARMA, 0.9 and 0.8": lambda new: lfilter([1.0, 0.8], [1.0, -0.9], new),
    "season of 12": lambda new: lfilter(
        [1.0], np.convolve([1.0, -0.5], [1.0, *[0.0] * 11, -0.7]), new
    ),
    "random walk": np.cumsum,
}
FORECASTERS: dict[str, BaseForecaster] = {
    "LagForecaster": LagForecaster(),
    "conformal": LagForecaster(intervals="conformal"),
    "AutoLagForecaster": AutoLagForecaster(),
}


def held(forecaster: BaseForecaster, process: Process, n_steps: int, seed: int) -> float:
    """Return the share of the steps ahead that lie in their intervals."""
    new = np.random.default_rng(seed).normal(size=N_BEFORE + n_steps + N_AHEAD)
    months = pd.period_range("1950-01", periods=n_steps + N_AHEAD, freq="M")
    y = pd.Series(process(new)[N_BEFORE:], months)
    forecaster = forecaster.clone().fit(y[:n_steps], fh=range(1, N_AHEAD + 1))
    lower, upper = forecaster.predict_interval(coverage=LEVEL).to_numpy().T
    return float(((lower <= y[n_steps:]) & (y[n_steps:] <= upper)).mean())


def run() -> None:
    """Print the coverage for each process and number of steps."""
    rows = []
    for length in LENGTHS:
        for name, process in PROCESSES.items():
            cells = []
            for forecaster in FORECASTERS.values():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # sktime's of its own
                    found = [held(forecaster, process, length, seed) for seed in range(N_SERIES)]
                cells.append(f"{np.mean(found):.3f} ± {np.std(found) / np.sqrt(N_SERIES):.3f}")
            rows.append((f"{length} steps, {name}", *cells))
    show(
        f"simulated_coverage: share of {N_AHEAD} steps ahead within {LEVEL:.0%} intervals",
        ("series", *FORECASTERS),
        rows,
    )
