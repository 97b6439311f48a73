"""A series in files: the fit by a cluster of two processes beside the fit by one.

``python -m benchmarks.cluster --timesteps 5000000`` for another number of time steps.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from benchmarks.measure import milliseconds, show
from benchmarks.memory_map import N_LAGS, N_TIMESTEPS, make_ours, maps, write
from sklearn_linrnn import LagStatistics, distributed

CHUNK = 5_000_000
WARM_UP, ROUNDS = 2_000_000, 3
# Workers of Dask return memory as soon as it is freed, and pay for each page when it is used again.
KEEP_MEMORY = {
    f"distributed.nanny.pre-spawn-environ.MALLOC_{name}_THRESHOLD_": 2**30
    for name in ("TRIM", "MMAP")
}

Block = dict[object, dict[str, tuple[tuple[int, int], ...]]]


def read(path: str, block_info: Block) -> np.ndarray:
    """Return the time steps of a chunk from a file; called by the worker that needs them."""
    (first, stop), *_ = block_info[None]["array-location"]
    return np.load(path, mmap_mode="r")[first:stop]


def chunked(path: Path, n_timesteps: int) -> da.Array:
    """Return an array in a file, of which only the path is sent."""
    whole = np.load(path, mmap_mode="r")
    lengths = tuple(min(CHUNK, n_timesteps - first) for first in range(0, n_timesteps, CHUNK))
    chunks = (lengths, *((size,) for size in whole.shape[1:]))
    meta = np.empty((0,) * whole.ndim, whole.dtype)
    return da.map_blocks(read, str(path), chunks=chunks, dtype=whole.dtype, meta=meta)


def fit_plainly(folder: Path, n_timesteps: int) -> LagStatistics:
    """Return the sums of a fit by this process."""
    return make_ours().fit(*maps(folder, n_timesteps)).solution_.statistics


def fit_by_workers(folder: Path, n_timesteps: int) -> LagStatistics:
    """Return the sums of a fit by the workers."""
    x, y = (chunked(folder / f"{name}.npy", n_timesteps) for name in "xy")
    return distributed.fit(make_ours(), x, y).solution_.statistics


def on_a_worker(client: Client, folder: Path, n_timesteps: int) -> LagStatistics:
    """Return the sums of a fit by a worker alone, which has one thread."""
    return client.submit(fit_plainly, folder, n_timesteps, pure=False).result()


def worked(client: Client) -> np.ndarray:
    """Return the processor time that the thread of each worker has taken so far, in seconds."""
    workers = list(client.scheduler_info()["workers"])
    times = [client.submit(time.thread_time, workers=[each], pure=False) for each in workers]
    return np.array(client.gather(times))


def seconds(
    client: Client, fit: Callable[[int], LagStatistics], n_timesteps: int
) -> tuple[float, float, LagStatistics]:
    """Return the median seconds of a fit, and of the worker that had most to do, and its sums."""
    fit(min(WARM_UP, n_timesteps))
    times = []
    for _ in range(ROUNDS):
        before, start = worked(client), time.perf_counter()
        sums = fit(n_timesteps)
        passed = time.perf_counter() - start
        times.append((passed, float((worked(client) - before).max())))
    passed, busy = map(median, zip(*times, strict=True))
    return passed, busy, sums


def difference(sums: LagStatistics, others: LagStatistics) -> float:
    """Return the largest difference of two scatters, relative to the largest entry."""
    scatter = others.input_scatter
    return float((sums.input_scatter - scatter).abs().max() / scatter.abs().max())


def run(n_timesteps: int = N_TIMESTEPS) -> None:
    """Print the times of a fit by one process and by clusters of one and two."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, n_timesteps)
        found = {}
        for n_workers in (1, 2):
            with (
                dask.config.set(KEEP_MEMORY),
                LocalCluster(
                    n_workers=n_workers, threads_per_worker=1, dashboard_address=":0"
                ) as machines,
                Client(machines) as client,
            ):
                if n_workers == 1:
                    alone = partial(on_a_worker, client, folder)
                    found["one process, NTKConvRegressor.fit"] = seconds(client, alone, n_timesteps)
                title = f"cluster of {n_workers}, distributed.fit"
                found[title] = seconds(client, partial(fit_by_workers, folder), n_timesteps)
    (first, _, plain), *_ = found.values()
    rows = [
        (
            title,
            milliseconds(duration),
            f"{first / duration:.2f}",
            milliseconds(busy),
            f"{difference(sums, plain):.1e}",
        )
        for title, (duration, busy, sums) in found.items()
    ]
    show(
        f"cluster: {n_timesteps:,} time steps in float32, {N_LAGS} lags; processes of one thread",
        ("", "time", "times faster", "processor, a worker", "relative difference of the sums"),
        rows,
    )


@click.command()
@click.option("--timesteps", default=N_TIMESTEPS, show_default=True, help="Time steps.")
def main(timesteps: int) -> None:
    """Run this benchmark alone."""
    run(timesteps)


if __name__ == "__main__":
    main()
