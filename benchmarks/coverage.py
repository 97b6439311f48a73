"""How often a 90 % interval contains the later value: ``python -m benchmarks coverage``.

Origins roll over each series. At each of them the forecaster has learned from all earlier values,
by `update`, and forecasts the series 1, 24 and 96 steps ahead. Airline (in logarithms) and
PBS are too short for 96 steps ahead to have a response of their own, so that their one-step
forecasts are iterated. ETTh1 needs the folder of real series (see
`benchmarks.real_series`); its figures are means over the seven columns.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sktime.datasets import load_airline, load_PBS_dataset

from benchmarks.measure import show
from benchmarks.real_series import FOLDER
from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

LEVEL, HORIZONS = 0.9, [1, 24, 96]
N_TRAINING_HOURS = 12 * 30 * 24


@dataclass(frozen=True)
class Case:
    """A series, its first origin and the distance between origins, and the forecaster."""

    load: Callable[[], pd.DataFrame]
    first_origin: int
    stride: int
    forecaster: LagForecaster


def load_etth1() -> pd.DataFrame:
    """Return the seven columns of the usual 20 months, (n_timesteps, 7)."""
    frame = pd.read_csv(FOLDER / "ETTh1.csv.gz").select_dtypes("number")
    return frame.iloc[: 20 * 30 * 24]


MONTHLY = LagForecaster(NTKConvRegressor(0.9, alpha=0.1, device="cpu"), 13)  # a year and a month
HOURLY = LagForecaster(  # a week
    NTKConvRegressor(0.98, alpha=10.0, fit_intercept=False, device="cpu"), 168, strategy="direct"
)
CASES = {
    "airline": Case(lambda: np.log(load_airline()).to_frame(), 40, 1, MONTHLY),
    "PBS": Case(lambda: load_PBS_dataset().to_frame(), 40, 1, MONTHLY),
    "ETTh1": Case(load_etth1, N_TRAINING_HOURS, 23, HOURLY),  # origins at all hours of the day
}


def covered(case: Case, intervals: str) -> NDArray:
    """Return whether each interval contains its value, (n_origins, n_horizons); NaN if unknown."""
    y = case.load()
    forecaster = case.forecaster.clone().set_params(intervals=intervals)
    origins = range(case.first_origin, len(y), case.stride)
    forecaster.fit(y.iloc[: origins[0]], fh=HORIZONS)
    rows = []
    for origin in origins:
        if origin > origins[0]:
            forecaster.update(y.iloc[origin - case.stride : origin])
        rows.append(_held(forecaster.predict_interval(coverage=LEVEL), y))
    return np.array(rows)


def _held(interval: pd.DataFrame, y: pd.DataFrame) -> NDArray:
    """Return the share of columns that lie in their intervals, (n_horizons,)."""
    lower, upper = (interval.xs(side, axis=1, level=-1).to_numpy() for side in ("lower", "upper"))
    values = y.reindex(interval.index).to_numpy()
    held = np.where(np.isfinite(values), (lower <= values) & (values <= upper), np.nan)
    return held.mean(axis=1)


def run() -> None:
    """Print the coverage at each horizon, and how many origins it is the mean of."""
    rows = []
    for name, case in CASES.items():
        if name == "ETTh1" and not (FOLDER / "ETTh1.csv.gz").is_file():
            print(
                "ETTh1 is left out: set LINRNN_DATA to the folder of real series, with ETTh1.csv.gz"
            )
            continue
        for intervals in ("gaussian", "conformal"):
            held = covered(case, intervals)
            cells = [
                f"{np.nanmean(column):.2f} ({np.isfinite(column).sum()})"
                if np.isfinite(column).any()
                else "-"
                for column in held.T
            ]
            rows.append((f"{name}, {intervals}", *cells))
    show(
        f"coverage: share of values within {LEVEL:.0%} intervals (and number of origins)",
        ("series, intervals", *(f"{horizon} ahead" for horizon in HORIZONS)),
        rows,
    )
