"""One very long series: the fit beside one transform of the series and one eigendecomposition."""

from functools import partial

import scipy.fft
from scipy.linalg import eigh

from benchmarks.many_lags import make_series
from benchmarks.measure import Action, first_time, median_times, milliseconds, show
from sklearn_linrnn import LagStatistics, NTKConvRegressor

N_TIMESTEPS, N_LAGS, NU_W, ALPHA = 1_000_000, 1_000, 0.99, 1.0


def make_ours() -> NTKConvRegressor:
    """Return our estimator."""
    return NTKConvRegressor(NU_W, alpha=ALPHA, rows="timesteps", n_lags=N_LAGS, device="cpu")


def prepare(n_timesteps: int) -> Action:
    """Return the fit."""
    x, y = make_series(n_timesteps, 0.0)
    return partial(make_ours().fit, x[:, None], y)


def run() -> None:
    """Print the times and their ratio."""
    x, y = make_series(N_TIMESTEPS, 0.0)
    model = make_ours()
    scatter = LagStatistics.from_series(x, y, n_lags=N_LAGS).input_scatter.numpy()
    times = median_times(
        {
            "fit": lambda: model.fit(x[:, None], y),
            "statistics": lambda: LagStatistics.from_series(x, y, n_lags=N_LAGS),
            "rfft": lambda: scipy.fft.rfft(x),
            "eigh": lambda: eigh(scatter),
        }
    )
    unit = times[2] + times[3]
    first, memory = first_time(prepare, 20_000, N_TIMESTEPS)
    names = "NTKConvRegressor", "its statistics", "one rfft of the series", "one eigh of the lags"
    rows = [*zip(names, times, strict=True), ("rfft and eigh", unit)]
    show(
        f"long_series: {N_TIMESTEPS:,} time steps, {N_LAGS:,} lags; the first fit of a process "
        f"takes {milliseconds(first)} and {1e-6 * memory:,.0f} MB",
        ("", "time", "in rfft and eigh"),
        [(name, milliseconds(seconds), f"{seconds / unit:.2f}") for name, seconds in rows],
    )
