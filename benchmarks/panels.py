"""20,000 series of 50 steps with a model each: fit and predict of `LagForecaster`.

All series are learned at once, with given hyperparameters and with those of the highest evidence
("auto"). The peer, sktime's ``make_reduction(Ridge())``, has a clone for each series of a panel; a
part of the series is timed.
"""

import time
import warnings

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sktime.forecasting.base import BaseForecaster
from sktime.forecasting.compose import make_reduction

from benchmarks.measure import Action, show
from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

N_SERIES, N_STEPS, N_LAGS, HORIZON = 20_000, 50, 8, range(1, 13)
PART = 200  # of the series, for the peer


def panel(n_series: int) -> pd.DataFrame:
    """Return random walks of months."""
    values = np.random.default_rng(0).normal(size=(n_series, N_STEPS)).cumsum(axis=1)
    times = pd.period_range("2000-01", periods=N_STEPS, freq="M")
    index = pd.MultiIndex.from_product([range(n_series), times], names=["series", "month"])
    return pd.DataFrame({"y": values.ravel()}, index)


def seconds(action: Action) -> float:
    """Return the seconds of the processor that an action takes: neighbours add little to them."""
    start = time.process_time()
    action()
    return time.process_time() - start


def row(name: str, forecaster: BaseForecaster, n_series: int) -> tuple[str, ...]:
    """Return how long fit and predict of some series take, and would take of all."""
    y, times = panel(n_series), N_SERIES / n_series
    fit = times * seconds(lambda: forecaster.fit(y, fh=HORIZON))
    predict = times * seconds(forecaster.predict)
    return name, f"{n_series:,}", f"{fit:,.1f} s", f"{predict:,.1f} s"


def run() -> None:
    """Print the seconds of fit and predict, of the processor."""
    given = NTKConvRegressor(0.5, alpha=1.0, device="cpu")
    chosen = NTKConvRegressor("auto", alpha="auto", device="cpu")
    peer = make_reduction(Ridge(), window_length=N_LAGS)
    with warnings.catch_warnings(record=True):  # sktime's come back through filters
        for forecaster in (LagForecaster(given, N_LAGS), LagForecaster(chosen, N_LAGS), peer):
            forecaster.fit(panel(2), fh=HORIZON).predict()  # a warm-up
        table = [
            row(f"LagForecaster, {N_LAGS} lags", LagForecaster(given, N_LAGS), N_SERIES),
            row(f"LagForecaster, {N_LAGS} lags, auto", LagForecaster(chosen, N_LAGS), N_SERIES),
            row("LagForecaster(), all auto", LagForecaster(), N_SERIES),
            row(f"make_reduction(Ridge()), {N_LAGS} lags", peer.clone(), PART),
        ]
    show(
        f"panels: {N_SERIES:,} series of {N_STEPS} steps, a model each, {len(HORIZON)} steps ahead",
        ("", "series timed", "fit", "predict"),
        table,
    )
