"""A memory for each of 64 channels, by evidence, beside the memory that all of them share."""

from time import perf_counter

import numpy as np

from benchmarks.measure import show
from sklearn_linrnn import NTKConvRegressor

N_STEPS, N_CHANNELS, N_LAGS = 100_000, 64, 40
N_SILENT = 16


def draw(
    n_steps: int, n_channels: int, n_lags: int, n_silent: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs, of which the last say nothing, and a target with a decay for each of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_steps, n_channels))
    y = np.sqrt(n_channels) * rng.normal(size=n_steps)
    for channel in range(n_channels - n_silent):
        size, decay = rng.uniform(0.2, 1.0), rng.uniform(0.1, 0.95)
        y += np.convolve(x[:, channel], size * decay ** np.arange(n_lags))[:n_steps]
    return x, y


def run(
    n_steps: int = N_STEPS,
    n_channels: int = N_CHANNELS,
    n_lags: int = N_LAGS,
    n_silent: int = N_SILENT,
) -> None:
    """Print the times of both fits and their ratio, the evidence, and the share that faded out."""
    x, y = draw(n_steps, n_channels, n_lags, n_silent)
    options = {"nu_w": "auto", "alpha": "auto", "rows": "timesteps", "n_lags": n_lags}
    rows, first = [], 0.0
    for memory in ("shared", "channel"):
        model = NTKConvRegressor(memory=memory, device="cpu", **options)
        start = perf_counter()
        model.fit(x, y)
        seconds = perf_counter() - start
        first = first or seconds
        relevance = model.channel_relevance_ / model.channel_relevance_.max()
        faded = np.mean(relevance[n_channels - n_silent :] < 0.01)
        rows.append(
            (
                f"memory={memory!r}",
                f"{seconds:.1f} s",
                f"{seconds / first:.1f}",
                f"{model.log_marginal_likelihood():.1f}",
                f"{faded:.0%}",
            )
        )
    show(
        f"{n_steps:,} steps of {n_channels} channels, {n_lags} lags, all hyperparameters by "
        "evidence",
        ("", "time", "ratio", "evidence", "silent channels below 1 %"),
        rows,
    )


if __name__ == "__main__":
    run()
