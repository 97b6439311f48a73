"""Many channels with few lags: what ``solver="auto"`` takes, beside the scatter of the lags.

The unit is ``solver="direct"``, where it is measured.
"""

from functools import partial

import numpy as np

from benchmarks.measure import milliseconds, show
from benchmarks.panels import seconds
from sklearn_linrnn import NTKConvRegressor

N_TIMESTEPS, N_LAGS = 3000, 3
CHANNELS = {1300: True, 1400: True, 5000: False}  # and whether the scatter is formed beside


def times(n_channels: int, solvers: list[str]) -> list[float]:
    """Return the seconds of the processor of a fit by each solver, the least of three."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(N_TIMESTEPS, n_channels))
    targets = inputs[:, 0] + rng.normal(size=N_TIMESTEPS)
    models = [
        NTKConvRegressor(rows="timesteps", n_lags=N_LAGS, solver=solver, device="cpu")
        for solver in solvers
    ]
    fits = [partial(model.fit, inputs, targets) for model in models]
    return [min(seconds(fit) for _ in range(3)) for fit in fits]


def run() -> None:
    """Print the seconds of fits with many channels, of the processor."""
    rows = []
    for n_channels, is_formed in CHANNELS.items():
        found, *unit = times(n_channels, ["auto", "direct"] if is_formed else ["auto"])
        direct = [milliseconds(each) for each in unit] or [""]
        ratio = [f"{found / each:.2f}" for each in unit] or [""]
        rows.append((f"{n_channels:,}", milliseconds(found), *direct, *ratio))
    show(
        f"solver_choice: {N_TIMESTEPS:,} time steps, {N_LAGS} lags",
        ("channels", '"auto"', '"direct"', "ratio"),
        rows,
    )
