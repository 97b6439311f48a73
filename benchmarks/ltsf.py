"""Long horizons, as papers on transformers forecast them: ``python -m benchmarks.ltsf ETTh1``.

The protocol of Zeng et al. 2023: all columns are standardised by the training part, and the error
is the mean over all windows whose targets lie in the test part, all columns and all steps ahead,
however long the windows are. Ours, `benchmarks.linear_forecasts`, and the peer, NLinear on 336 past
steps, learn from the training part alone and settle everything else by the validation part.
Persistence forecasts the last value.

A line for each horizon has the horizon, our mean squared error and seconds, then the peer's, then
the error of persistence. Seconds are those of the fit with all that is chosen, our selection and
the peer's early stopping, in processor time of all threads.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import click
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks import linear_forecasts, nlinear

PEER_LAGS, HORIZONS = 336, (96, 192, 336, 720)
HOURS_PER_MONTH = 30 * 24
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Task:
    """A standardised series (n_timesteps, n_columns), and where its parts end."""

    series: NDArray
    n_training: int
    n_validation: int

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Return the task of ``folder/name.csv.gz``.

        The ETT series are split by months, others 70/10/20.
        """
        if not (path := folder / f"{name}.csv.gz").is_file():
            raise click.BadParameter(f"there is no {path}", param_hint="NAME")
        series = pd.read_csv(path).select_dtypes("number").to_numpy(float)
        if name.startswith("ETT"):
            month = HOURS_PER_MONTH * (4 if name.startswith("ETTm") else 1)
            n_training, n_validation = 12 * month, 4 * month
            series = series[: 20 * month]
        else:
            n_training = int(0.7 * len(series))
            n_validation = len(series) - n_training - int(0.2 * len(series))
        training = series[:n_training]
        return cls((series - training.mean(0)) / training.std(0), n_training, n_validation)

    @property
    def training(self) -> NDArray:
        """The training part."""
        return self.series[: self.n_training]

    @property
    def seen(self) -> NDArray:
        """Training and validation part."""
        return self.series[: self.n_training + self.n_validation]

    def validation(self, n_lags: int) -> NDArray:
        """Return the validation part with the window before it."""
        return self.seen[self.n_training - n_lags :]

    def test(self, n_lags: int) -> NDArray:
        """Return the test part with the window before it."""
        return self.series[len(self.seen) - n_lags :]


def run_ours(task: Task, horizon: int) -> tuple[float, float]:
    """Return the mean squared error on the test part, and the seconds of the fit."""
    (_, forecast), seconds = timed(
        lambda: linear_forecasts.learned(task.seen, task.n_training, horizon)
    )
    return float(forecast.errors(task.test(forecast.response.shape[1])).mean()), seconds


def run_peer(task: Task, horizon: int) -> tuple[float, float]:
    """Return the peer's mean squared error on the test part, and the seconds of its training."""
    layer, seconds = timed(
        lambda: nlinear.train(task.training, task.validation(PEER_LAGS), PEER_LAGS, horizon)
    )
    return nlinear.test_error(layer, task.test(PEER_LAGS)), seconds


def persistence(task: Task, horizon: int) -> float:
    """Return the mean squared error of the last value on the test part."""
    series = task.test(1)
    windows = np.lib.stride_tricks.sliding_window_view(series, horizon + 1, axis=0)
    return float(np.square(windows[..., 1:] - windows[..., :1]).mean())


def timed(action: Callable[[], Result]) -> tuple[Result, float]:
    """Return the result of an action, and the seconds that it takes of all processors."""
    start = time.process_time()
    result = action()
    return result, time.process_time() - start


@click.command()
@click.argument("name")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of NAME.csv.gz.",
)
@click.option(
    "--horizon",
    "horizons",
    type=click.IntRange(min=1),
    multiple=True,
    default=HORIZONS,
    show_default=True,
    help="Steps ahead; may be given several times.",
)
@click.option("--peer/--no-peer", default=True, help="Whether to train NLinear too.")
@click.option("--threads", default=2, show_default=True, help="Threads, for all libraries.")
def main(name: str, data: Path, horizons: tuple[int, ...], peer: bool, threads: int) -> None:
    """Forecast the series NAME (ETTh1, ETTh2, exchange_rate, ...) at long horizons."""
    torch.set_num_threads(threads)
    task = Task.load(data, name)
    columns = ["horizon", "MSE", "seconds", *["NLinear", "seconds"] * peer, "persistence"]
    with threadpool_limits(threads):
        print(" ".join(f"{column:>8}" for column in columns))
        for horizon in horizons:
            numbers = [*run_ours(task, horizon)]
            if peer:
                numbers += run_peer(task, horizon)
            numbers.append(persistence(task, horizon))
            print(f"{horizon:<8d}", *(f"{number:8.4f}" for number in numbers), flush=True)


if __name__ == "__main__":
    main()
