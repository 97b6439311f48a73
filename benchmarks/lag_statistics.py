"""The two paths of `LagStatistics.from_series`, and the choice between them.

The regret is the time of the path that was chosen over that of the faster one. This is where the
factors of `sklearn_linrnn._core.statistics.windows.displacement_is_cheaper` come from.
"""

from itertools import product

import numpy as np

from benchmarks.measure import median_times, milliseconds, show
from sklearn_linrnn._core.statistics.displacement import full_window_moments, weight_changes
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._core.statistics.windows import displacement_is_cheaper, formed_window_moments

N_TIMESTEPS, N_LAGS, N_CHANNELS = (300, 3_000, 30_000), (1, 4, 16, 64, 256), (1, 4, 16)
MOST_INPUTS, MOST_WORK = 1_024, 1e10  # larger problems take long, and their choice is clear


def compare(n_timesteps: int, n_lags: int, n_channels: int) -> tuple[str, float]:
    """Return the table's row, tab-separated, and the regret."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((n_timesteps, n_channels)), rng.standard_normal(n_timesteps)
    series = Series.glue(x, y, None, "cpu").rested(n_lags - 1)
    changes = weight_changes(series.weights)
    formed, displaced = median_times(
        {
            "formed": lambda: formed_window_moments(series, n_lags),
            "displaced": lambda: full_window_moments(
                series.x, series.y, series.weights, changes, n_lags
            ),
        },
        least=0.02,
    )
    chosen = displacement_is_cheaper(series, len(changes), n_lags)
    regret = (displaced if chosen else formed) / min(displaced, formed)
    choice = "displacement" if chosen else "windows"
    cells = f"{n_timesteps:,}", str(n_lags), str(n_channels), milliseconds(formed)
    return "\t".join([*cells, milliseconds(displaced), choice, f"{regret:.2f}"]), regret


def run() -> None:
    """Print the times of both paths over a grid of shapes, and the regret."""
    shapes = [
        (n_timesteps, n_lags, n_channels)
        for n_timesteps, n_lags, n_channels in product(N_TIMESTEPS, N_LAGS, N_CHANNELS)
        if n_lags < n_timesteps
        and n_lags * n_channels <= MOST_INPUTS
        and n_timesteps * (n_lags * n_channels) ** 2 <= MOST_WORK
    ]
    rows = [compare(*shape) for shape in shapes]
    regrets = np.array([regret for _, regret in rows])
    show(
        f"lag_statistics: regret {np.exp(np.log(regrets).mean()):.2f} in the geometric mean, "
        f"{regrets.max():.2f} at most, above 2 in {(regrets > 2).sum()} of {len(rows)}",
        ("n_timesteps", "n_lags", "n_channels", "windows", "displacement", "chosen", "regret"),
        [row.split("\t") for row, _ in rows],
    )
