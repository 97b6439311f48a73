"""The benchmark: the package's forecasters and sktime's on real series, by rolling origins."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sklearn.linear_model import Ridge
from sktime.benchmarking import benchmarks
from sktime.benchmarking.forecasting import ForecastingBenchmark
from sktime.forecasting.base import BaseForecaster
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.ets import AutoETS
from sktime.forecasting.ltsf import LTSFNLinearForecaster
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.theta import ThetaForecaster
from sktime.performance_metrics.forecasting import MeanAbsoluteScaledError
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter

from sklearn_linrnn._data.season import season_of
from sklearn_linrnn._estimators.linear_rnn import LinearRNNRegressor
from sklearn_linrnn._estimators.weighted_conv import WeightedConv1DRegressor
from sklearn_linrnn._studies.results_file import ResultsFile
from sklearn_linrnn.forecasting import LagForecaster

SETTINGS = (
    "series",
    "target",
    "inputs",
    "checksum",
    "season",
    "horizon",
    "folds",
    "window",
    "forecaster",
    "versions",
)
NOTES = ("settings",)
SCORES = ("mase", "mase_std", "fit_seconds", "predict_seconds")
LONGEST_ETS_SEASON = 24
SEASONS = {"uschange": 4}  # quarters, which its index does not say


@dataclass(frozen=True)
class Protocol:
    """How forecasts are asked for: from several origins, each for all steps up to a horizon.

    Attributes
    ----------
    horizon : int
        Number of steps ahead.
    folds : int
        Number of origins. The test parts are the last ``folds * horizon`` steps, one after another.
    window : {"expanding", "sliding"}
        Whether the training part keeps its start, or its length.
    """

    horizon: int = 12
    folds: int = 5
    window: Literal["expanding", "sliding"] = "expanding"

    def splitter(self, n_timesteps: int) -> ExpandingWindowSplitter | SlidingWindowSplitter:
        """Return sktime's splitter for a series of so many steps."""
        options = {"step_length": self.horizon, "fh": range(1, self.horizon + 1)}
        length = self.first_training_length(n_timesteps)
        if self.window == "sliding":
            return SlidingWindowSplitter(window_length=length, **options)
        return ExpandingWindowSplitter(initial_window=length, **options)

    def first_training_length(self, n_timesteps: int) -> int:
        """Return the number of steps before the first test part."""
        return n_timesteps - self.folds * self.horizon


@dataclass(frozen=True)
class Task:
    """A series without gaps to forecast.

    Attributes
    ----------
    name : str
        Name of the series.
    y : Series of shape (n_timesteps,)
        The series.
    season : int
        Steps after which it may repeat itself; 1 for none.
    X : DataFrame of shape (n_timesteps, n_inputs) or None
        Inputs, known for the steps ahead too.
    """

    name: str
    y: pd.Series
    season: int
    X: pd.DataFrame | None = None

    @property
    def checksum(self) -> str:
        """What tells these values from others of the same name."""
        data = self.y if self.X is None else pd.concat([self.y, self.X], axis=1)
        values = np.ascontiguousarray(data.to_numpy(dtype=np.float64))
        return hashlib.sha256(values.tobytes()).hexdigest()[:12]

    @property
    def inputs(self) -> str:
        """Names of the inputs."""
        return "" if self.X is None else ", ".join(map(str, self.X.columns))


@dataclass(frozen=True)
class Failure:
    """A forecaster that raised on a series, and what it said."""

    series: str
    forecaster: str
    message: str


def make_task(
    name: str,
    y: pd.Series,
    season: int | None,
    protocol: Protocol,
    X: pd.DataFrame | None = None,
) -> Task:
    """Return the task of forecasting a series.

    Parameters
    ----------
    name : str
        Name of the series.
    y : Series of shape (n_timesteps,)
        The series; missing values before its first and after its last observation are cut off.
    season : int or None
        Seasonal period; ``None`` for the one that the frequency of the index says.
    protocol : Protocol
        How it will be forecast.
    X : DataFrame of shape (n_timesteps, n_inputs), default=None
        Inputs.

    Returns
    -------
    task : Task

    Raises
    ------
    ValueError
        If the series has gaps, or is too short for the protocol.
    """
    y = y.loc[y.first_valid_index() : y.last_valid_index()]
    X = None if X is None else X.loc[y.index]
    for column in [y] if X is None else [y, *(X[each] for each in X)]:
        _refuse_gaps(name, column)
    season = season or SEASONS.get(name) or season_of(y.index)
    length, least = protocol.first_training_length(len(y)), max(10, protocol.horizon, 2 * season)
    if length < least:
        raise ValueError(
            f"{name} has {len(y)} steps: --horizon {protocol.horizon} and --folds {protocol.folds} "
            f"leave {max(length, 0)} before the first test part, but a --season of {season} and "
            f"this horizon need {least}. Lower one of them."
        )
    return Task(name, y, season, X)


def _refuse_gaps(name: str, column: pd.Series) -> None:
    gaps = column.index[column.isna()]
    if len(gaps):
        raise ValueError(
            f"{name} must have a value at every step, but {len(gaps)} of {len(column)} of "
            f"{column.name} are missing, the first at {gaps[0]}: not all forecasters of the "
            "benchmark know what to do with gaps. If the steps without a row are days off, --time "
            "none takes the rows as they follow each other; --season then says the season."
        )


def open_results(path: Path | None) -> ResultsFile:
    """Return the results in a file; none where there is no file yet."""
    return ResultsFile(path, SETTINGS, SCORES, NOTES)


def make_forecasters(
    task: Task, horizon: int, n_lags: Sequence[int]
) -> dict[str, Callable[[], BaseForecaster]]:
    """Return who competes on a series: by name, how to make each forecaster.

    Parameters
    ----------
    task : Task
        The series; its season and its sign settle what its peers are told.
    horizon : int
        Number of steps ahead.
    n_lags : sequence of int
        Windows of the peers that do not choose one.

    Returns
    -------
    makers : dict of str to callable
    """
    multiplicative = task.season > 1 and bool((task.y > 0).all())
    makers: dict[str, Callable[[], BaseForecaster]] = {
        "NTKConv": LagForecaster,
        "WeightedConv1D": partial(LagForecaster, WeightedConv1DRegressor()),
        "LinearRNN": partial(LagForecaster, LinearRNNRegressor(init="centered", random_state=0)),
        "Naive": partial(NaiveForecaster, sp=task.season),
        "Theta": partial(ThetaForecaster, sp=task.season, deseasonalize=multiplicative),
    }
    season = task.season if task.season <= LONGEST_ETS_SEASON else 1
    makers["AutoETS"] = partial(AutoETS, auto=True, sp=season)
    for length in n_lags:
        makers[f"Ridge {length}"] = partial(make_reduction, Ridge(), window_length=length)
        makers[f"NLinear {length}"] = partial(LTSFNLinearForecaster, length, horizon)
    return makers


def takes_inputs(make: Callable[[], BaseForecaster]) -> bool:
    """Whether a forecaster makes use of inputs."""
    return bool(make().get_tag("capability:exogenous"))


@dataclass(frozen=True)
class Benchmark:
    """Every forecaster on every series.

    Attributes
    ----------
    tasks : sequence of Task
        The series.
    protocol : Protocol
        How they are forecast.
    n_lags : sequence of int
        Windows of the peers that do not choose one.
    """

    tasks: Sequence[Task]
    protocol: Protocol
    n_lags: Sequence[int]

    def run(self, results: ResultsFile, *, progress: bool = False) -> Iterator[Failure]:
        """Compute what is not among the results, and add each result as soon as it is there.

        Parameters
        ----------
        results : ResultsFile
            What was computed before; what is computed now is added.
        progress : bool, default=False
            Whether to show a progress bar, on standard error.

        Yields
        ------
        failure : Failure
            A forecaster that raised; without a result it is tried again next time.
        """
        jobs = list(self._jobs())
        with _bar(progress) as bar:
            tracked = bar.add_task("", total=len(jobs))
            for task, name, make in jobs:
                bar.update(tracked, description=f"{name} on {task.name}")
                key = self._key(task, name)
                if results.find(key) is None:
                    found = _score(task, self.protocol, name, make)
                    if isinstance(found, Failure):
                        yield found
                    else:
                        results.add({**key, **found})
                bar.advance(tracked)

    def collect(self, results: ResultsFile) -> pd.DataFrame:
        """Return the results that are there, one row for each forecaster and series."""
        keys = [self._key(task, name) for task, name, _ in self._jobs()]
        rows = [{**found, **key} for key in keys if (found := results.find(key)) is not None]
        return pd.DataFrame(rows, columns=[*SETTINGS, *SCORES, *NOTES])

    def left_out(self) -> list[str]:
        """Return who does not compete on series with inputs, because it takes none."""
        found = {
            name: None
            for task in self.tasks
            if task.X is not None
            for name, make in self._makers(task).items()
            if not takes_inputs(make)
        }
        return list(found)

    def __len__(self) -> int:
        return sum(1 for _ in self._jobs())

    def _jobs(self) -> Iterator[tuple[Task, str, Callable[[], BaseForecaster]]]:
        for task in self.tasks:
            for name, make in self._makers(task).items():
                if task.X is None or takes_inputs(make):
                    yield task, name, make

    def _makers(self, task: Task) -> dict[str, Callable[[], BaseForecaster]]:
        return make_forecasters(task, self.protocol.horizon, self.n_lags)

    def _key(self, task: Task, forecaster: str) -> dict[str, Any]:
        """Return all that a result depends on but changes of the code within a version."""
        return {
            "series": task.name,
            "target": str(task.y.name),
            "inputs": task.inputs,
            "checksum": task.checksum,
            "season": task.season,
            **asdict(self.protocol),
            "forecaster": forecaster,
            "versions": versions(),
        }


def versions() -> str:
    """Return the versions of the packages whose forecasters compete."""
    return ", ".join(f"{name} {version(name)}" for name in ("sklearn-linrnn", "sktime"))


def _score(
    task: Task, protocol: Protocol, name: str, make: Callable[[], BaseForecaster]
) -> dict[str, Any] | Failure:
    """Return the scores of a forecaster on a series, by sktime's benchmark."""
    benchmark, metric = ForecastingBenchmark(), MeanAbsoluteScaledError()
    data = (task.y,) if task.X is None else (task.y, task.X)
    benchmark.add_task(data, protocol.splitter(len(task.y)), [metric], task_id=task.name)
    with _undisturbed():
        forecaster = make()
        benchmark.add_estimator(forecaster, name)
        frame = benchmark.run()
    if benchmark.failed_experiments:
        (failed,) = benchmark.failed_experiments
        return Failure(task.name, name, f"{failed.exception_type}: {failed.exception_message}")
    row = frame.iloc[0]
    return {
        "mase": float(row[f"{metric.name}_mean"]),
        "mase_std": float(row[f"{metric.name}_std"]),
        "fit_seconds": float(row["fit_time_mean"]),
        "predict_seconds": float(row["pred_time_mean"]),
        "settings": " ".join(repr(forecaster).split()),
    }


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep warnings and log lines of forecasters away, and PyTorch's generator as it is.

    What the filter lets through, because sktime resets it, is recorded instead of shown.
    """
    logger = logging.getLogger(benchmarks.__name__)
    before = logger.disabled
    with warnings.catch_warnings(record=True, action="ignore"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        logger.disabled = True
        try:
            yield
        finally:
            logger.disabled = before


def _bar(progress: bool) -> Progress:
    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not progress)
