"""Long horizons, as papers on transformers forecast them: ``python -m benchmarks.ltsf ETTh1``.

The protocol of Zeng et al. 2023: 336 past steps; all columns, standardised by the training part,
share one model; hyperparameters are chosen on the validation part; the error is the mean over all
windows whose targets lie in the test part, all columns and all steps ahead. Ours and the peer learn
from the training part alone. Seconds are those of the fit, our selection and the peer's early
stopping included; both have the same threads.

A line for each horizon has the horizon, our mean squared error and seconds, then the peer's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self, TypeVar

import click
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks import nlinear
from sklearn_linrnn import NTKConvRegressorCV
from sklearn_linrnn.forecasting import LagForecaster

N_LAGS, HORIZONS = 336, (96, 192, 336, 720)
N_FITS = 3  # of ours, which is over in a moment
HOURS_PER_MONTH = 30 * 24
Result = TypeVar("Result")

# The lags' weights are those of a linear RNN whose readout alone is trained, nu_w^j; with nu_w=1
# they are a ridge's.
NU_W, ALPHAS = (0.99, 1.0), tuple(10.0**power for power in range(8))


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
    def validation(self) -> NDArray:
        """The validation part with the window before it."""
        return self.series[self.n_training - N_LAGS : self.n_training + self.n_validation]

    @property
    def test(self) -> NDArray:
        """The test part with the window before it."""
        return self.series[self.n_training + self.n_validation - N_LAGS :]

    def panel(self) -> pd.DataFrame:
        """Return training and validation part as a panel of univariate series."""
        seen = self.series[: self.n_training + self.n_validation]
        index = pd.MultiIndex.from_product(
            [range(seen.shape[1]), range(len(seen))], names=["column", "time"]
        )
        return pd.DataFrame({"value": seen.T.ravel()}, index=index)


def run_ours(task: Task, horizon: int) -> tuple[float, float]:
    """Return the mean squared error on the test part, and the median seconds of the fits."""
    y, fh = task.panel(), np.arange(1, horizon + 1)
    forecaster = LagForecaster(
        NTKConvRegressorCV(NU_W, alphas=ALPHAS, prior="di", fit_intercept=False, device="cpu"),
        N_LAGS,
        strategy="direct",
        pooling="global",
        validation=task.n_validation,
        refit=False,
    )
    seconds = median(timed(lambda: forecaster.fit(y, fh=fh))[1] for _ in range(N_FITS))
    squares = [
        np.square(forecast_column(forecaster, column, horizon) - targets(column, horizon)).mean()
        for column in task.test.T
    ]
    return float(np.mean(squares)), seconds


def forecast_column(forecaster: LagForecaster, column: NDArray, horizon: int) -> NDArray:
    """Return the forecasts (n_origins, horizon) from all windows with known targets."""
    return forecaster.predict_rolling(pd.DataFrame({"value": column[:-horizon]}))[:, :, 0]


def targets(column: NDArray, horizon: int) -> NDArray:
    """Return what follows each full window, (n_origins, horizon)."""
    return np.lib.stride_tricks.sliding_window_view(column[N_LAGS:], horizon)


def run_peer(task: Task, horizon: int) -> tuple[float, float]:
    """Return the peer's mean squared error on the test part, and the seconds of its training."""
    layer, seconds = timed(lambda: nlinear.train(task.training, task.validation, N_LAGS, horizon))
    return nlinear.test_error(layer, task.test), seconds


def timed(action: Callable[[], Result]) -> tuple[Result, float]:
    """Return the result of an action, and the seconds that it takes."""
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


@click.command()
@click.argument("name")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of NAME.csv.gz.",
)
@click.option("--peer/--no-peer", default=True, help="Whether to train NLinear too.")
@click.option("--threads", default=2, show_default=True, help="Threads, for all libraries.")
def main(name: str, data: Path, peer: bool, threads: int) -> None:
    """Forecast the series NAME (ETTh1, ETTh2, exchange_rate, ...) at long horizons."""
    torch.set_num_threads(threads)
    task = Task.load(data, name)
    warm_up = min(HORIZONS)
    with threadpool_limits(threads):
        run_ours(task, warm_up)  # what the first call loads is not its speed
        print(
            f"{'horizon':>7} {'MSE':>7} {'seconds':>8}" + peer * f" {'NLinear':>8} {'seconds':>8}"
        )
        for horizon in HORIZONS:
            error, seconds = run_ours(task, horizon)
            line = f"{horizon:<7d} {error:7.4f} {seconds:8.3f}"
            if peer:
                peer_error, peer_seconds = run_peer(task, horizon)
                line += f" {peer_error:8.4f} {peer_seconds:8.3f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
