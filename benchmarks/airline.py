"""A short series: fit and predict, where overheads rule."""

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sktime.datasets import load_airline

from benchmarks.measure import median_times, milliseconds, show
from sklearn_linrnn import LagWeighter, NTKConvRegressor

N_LAGS = 24


def run() -> None:
    """Print the times, and the largest relative difference of the predictions."""
    series = np.log(load_airline().to_numpy())
    windows = np.lib.stride_tricks.sliding_window_view(series, N_LAGS + 1)
    X, y = windows[:, :-1], windows[:, -1]
    models = {
        "NTKConvRegressor": NTKConvRegressor(device="cpu"),
        "LagWeighter and Ridge": make_pipeline(LagWeighter(), Ridge()),
        "Ridge alone": Ridge(),
    }
    times = median_times({name: lambda m=m: m.fit(X, y).predict(X) for name, m in models.items()})
    ours, peer, _ = (model.predict(X) for model in models.values())
    show(
        f"airline: fit and predict, {len(y)} windows of {N_LAGS} lags; predictions differ by "
        f"{np.abs(ours / peer - 1).max():.0e}",
        ("", "time", "ratio"),
        [
            (name, milliseconds(seconds), f"{seconds / times[0]:.2f}")
            for name, seconds in zip(models, times, strict=True)
        ],
    )
