"""One new point: `LagForecaster.update` after a short and after a long series.

The forecaster keeps sums, and of the series what the next windows read, so that an update costs
the same for any length of the series.
"""

import time
from collections.abc import Iterator
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.measure import milliseconds, show
from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

N_POINTS, N_UPDATES, N_LAGS, HORIZONS = (10, 100_000), 200, 4, [1, 2, 3]


def seconds_of_updates(n_points: int) -> Iterator[float]:
    """Yield the seconds of each update with one new point after ``n_points``."""
    series = np.random.default_rng(0).standard_normal(n_points + N_UPDATES).cumsum()
    y = pd.Series(series, index=pd.RangeIndex(len(series)))
    estimator = NTKConvRegressor(0.5, alpha=1.0, device="cpu")
    forecaster = LagForecaster(estimator, N_LAGS, strategy="direct", normalize=None)
    forecaster.fit(y.iloc[:n_points], fh=HORIZONS)
    for step in range(n_points, len(y)):
        new = y.iloc[step : step + 1]
        start = time.perf_counter()
        forecaster.update(new)
        yield time.perf_counter() - start


def run() -> None:
    """Print the median times, taken in turn, and their ratio."""
    turns = zip(*(seconds_of_updates(n_points) for n_points in N_POINTS), strict=True)
    times = [median(column) for column in zip(*turns, strict=True)]
    show(
        f"update: one new point, {N_LAGS} lags, {len(HORIZONS)} horizons",
        ("points before", "time", "ratio"),
        [
            (f"{n_points:,}", milliseconds(seconds), f"{seconds / times[0]:.2f}")
            for n_points, seconds in zip(N_POINTS, times, strict=True)
        ],
    )
