"""A series in files: the fit to memory maps beside sums of pieces that are added by hand."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.measure import Action, first_time, median_times, milliseconds, show
from sklearn_linrnn import LagStatistics, NTKConvRegressor

N_TIMESTEPS, N_LAGS, N_PIECES = 50_000_000, 100, 50
WARM_UP = 1_000_000  # more than one block


def write(folder: Path, n_timesteps: int) -> None:
    """Write inputs and targets in float32, piece by piece."""
    rng = np.random.default_rng(0)
    response = 0.9 ** np.arange(N_LAGS)
    shapes = {"x": (n_timesteps, 1), "y": (n_timesteps,)}
    x, y = (
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, shape)
        for name, shape in shapes.items()
    )
    before = np.zeros(N_LAGS - 1)
    for steps in pieces(n_timesteps):
        inputs = rng.standard_normal(steps.stop - steps.start)
        noise = rng.standard_normal(len(inputs))
        before = np.concatenate([before, inputs])
        x[steps, 0] = inputs
        y[steps] = np.convolve(before, response, mode="valid") + noise
        before = before[len(before) - N_LAGS + 1 :]


def pieces(n_timesteps: int) -> Iterator[slice]:
    """Yield the steps of each piece."""
    length = -(-n_timesteps // N_PIECES)
    for first in range(0, n_timesteps, length):
        yield slice(first, min(first + length, n_timesteps))


def maps(folder: Path, n_timesteps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets as memory maps."""
    x, y = (np.load(folder / f"{name}.npy", mmap_mode="r")[:n_timesteps] for name in "xy")
    return x, y


def make_ours() -> NTKConvRegressor:
    """Return our estimator."""
    return NTKConvRegressor(0.9, rows="timesteps", n_lags=N_LAGS, device="cpu")


def fit_to_sums(x: np.ndarray, y: np.ndarray) -> NTKConvRegressor:
    """Return our estimator, fitted to sums of pieces that are added by hand."""
    sums = []
    for steps in pieces(len(x)):
        first = max(steps.start - N_LAGS + 1, 0)
        weights = np.ones(steps.stop - first)
        weights[: steps.start - first] = 0.0
        piece = slice(first, steps.stop)
        sums.append(
            LagStatistics.from_series(x[piece], y[piece], n_lags=N_LAGS, sample_weight=weights)
        )
    return make_ours().fit_statistics(sum(sums[1:], sums[0]))


def prepare(what: str, folder: Path, n_timesteps: int) -> Action:
    """Return what is measured."""
    x, y = maps(folder, n_timesteps)
    if what == "pieces":
        return partial(fit_to_sums, x, y)
    if what == "fit":
        return partial(make_ours().fit, x, y)
    model = make_ours().fit(x[:WARM_UP], y[:WARM_UP])
    return partial(model.score, x, y)


def run() -> None:
    """Print the times and the memory of a fit, beside those of its sums."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, N_TIMESTEPS)
        actions = {
            "pieces": "sums of pieces, by hand",
            "fit": "NTKConvRegressor.fit",
            "score": "NTKConvRegressor.score",
        }
        times = median_times({what: prepare(what, folder, N_TIMESTEPS) for what in actions}, 3)
        rows = []
        for (what, title), seconds in zip(actions.items(), times, strict=True):
            _, memory = first_time(partial(prepare, what, folder), WARM_UP, N_TIMESTEPS)
            ratio = f"{seconds / times[0]:.2f}"
            rows.append((title, milliseconds(seconds), ratio, f"{1e-6 * memory:,.0f} MB"))
    show(
        f"memory_map: {N_TIMESTEPS:,} time steps in float32, {N_LAGS} lags; memory at its peak",
        ("", "time", "in sums by hand", "memory"),
        rows,
    )
