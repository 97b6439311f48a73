"""10,000 origins, refitted one by one: `LagForecaster.backtest` and a loop with a ridge.

The loop is sktime's ``evaluate`` of ``make_reduction(Ridge())``, at every hundredth origin.
"""

import time
import warnings

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.model_evaluation import evaluate
from sktime.split import ExpandingWindowSplitter

from benchmarks.measure import Action, show
from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

N_ORIGINS, FIRST, PART = 10_000, 500, 100
ALL = ExpandingWindowSplitter(fh=1, initial_window=FIRST)
SOME = ExpandingWindowSplitter(fh=1, initial_window=FIRST, step_length=PART)


def seconds(action: Action, rounds: int = 1) -> float:
    """Return the least seconds of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def rows(y: pd.Series, n_lags: int) -> list[tuple[str, str, str]]:
    """Return the time of an origin, and how much longer the loop takes."""
    ours = LagForecaster(NTKConvRegressor(0.9, alpha=1.0, device="cpu"), n_lags)
    peer = make_reduction(Ridge(), window_length=n_lags)
    ours.backtest(y[: 2 * FIRST], ALL)
    once = seconds(lambda: ours.backtest(y, ALL), rounds=3) / N_ORIGINS
    loop = seconds(lambda: evaluate(peer, SOME, y, error_score="raise")) / (N_ORIGINS // PART)
    return [
        (f"backtest, {n_lags} lags", f"{1e6 * once:,.0f} µs", "1"),
        (f"evaluate, {n_lags} lags", f"{1e6 * loop:,.0f} µs", f"{loop / once:,.0f}"),
    ]


def run() -> None:
    """Print the times of an origin with 12 and with 48 lags."""
    values = np.random.default_rng(0).normal(size=N_ORIGINS + FIRST).cumsum()
    y = pd.Series(values)
    with warnings.catch_warnings(record=True):  # sktime's come back through filters
        table = [row for n_lags in (12, 48) for row in rows(y, n_lags)]
    show(
        f"backtest: {N_ORIGINS:,} origins from step {FIRST} on, a fit at each",
        ("", "time of an origin", "ratio"),
        table,
    )
