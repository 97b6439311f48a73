"""The benchmark: the package's forecasters and sktime's on real series, by rolling origins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sktime.benchmarking.forecasting import ForecastingBenchmark
from sktime.forecasting.base import BaseForecaster
from sktime.performance_metrics.base import BaseMetric
from sktime.performance_metrics.forecasting import MeanAbsoluteScaledError
from sktime.performance_metrics.forecasting.probabilistic import EmpiricalCoverage

from sklearn_linrnn._studies.benchmark_task import Protocol, Task
from sklearn_linrnn._studies.competitors import (
    Make,
    make_forecasters,
    takes_inputs,
    undisturbed,
)
from sklearn_linrnn._studies.results_file import ResultsFile

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
SCORES = ("mase", "mase_std", "coverage", "coverage_std", "fit_seconds", "predict_seconds")
NOMINAL = 0.9  # share of the truth that the intervals are to hold


@dataclass(frozen=True)
class Failure:
    """What raised on a series, a forecaster or its interval, and what it said."""

    series: str
    subject: str
    message: str


def open_results(path: Path | None) -> ResultsFile:
    """Return the results in a file; none where there is no file yet."""
    return ResultsFile(path, SETTINGS, SCORES, NOTES)


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
            A forecaster that raised, which without a result is tried again next time, or an
            interval that did, whose coverage stays empty.
        """
        jobs = list(self._jobs())
        with _bar(progress) as bar:
            tracked = bar.add_task("", total=len(jobs))
            for task, name, make in jobs:
                bar.update(tracked, description=f"{name} on {task.name}")
                key = self._key(task, name)
                if results.find(key) is None:
                    found, failure = _score(task, self.protocol, name, make)
                    if failure is not None:
                        yield failure
                    if found is not None:
                        results.add({**key, **found})
                bar.advance(tracked)

    def collect(self, results: ResultsFile) -> pd.DataFrame:
        """Return the results that are there, one row for each forecaster and series."""
        keys = [self._key(task, name) for task, name, _ in self._jobs()]
        rows = [{**found, **key} for key in keys if (found := results.find(key)) is not None]
        return pd.DataFrame(rows, columns=[*SETTINGS, *SCORES, *NOTES])

    def without_inputs(self) -> list[str]:
        """Return who forecasts series with inputs from their past alone, because it takes none."""
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

    def _jobs(self) -> Iterator[tuple[Task, str, Make]]:
        for task in self.tasks:
            for name, make in self._makers(task).items():
                heeded = task.X is None or takes_inputs(make)
                yield (task if heeded else task.without_inputs()), name, make

    def _makers(self, task: Task) -> dict[str, Make]:
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
    task: Task, protocol: Protocol, name: str, make: Make
) -> tuple[dict[str, Any] | None, Failure | None]:
    """Return the scores of a forecaster on a series, and what failed of it.

    An interval that fails costs the forecasts nothing.
    """
    error, coverage = MeanAbsoluteScaledError(), EmpiricalCoverage(coverage=NOMINAL)
    with undisturbed():
        forecaster = make()
    if not forecaster.get_tag("capability:pred_int"):
        return _evaluate(task, protocol, name, forecaster, [error])
    found, failure = _evaluate(task, protocol, name, forecaster, [error, coverage])
    if found is not None:
        return found, None
    found, without = _evaluate(task, protocol, name, forecaster, [error])
    if found is None or failure is None:
        return None, without
    return found, Failure(task.name, f"The interval of {name}", failure.message)


def _evaluate(
    task: Task,
    protocol: Protocol,
    name: str,
    forecaster: BaseForecaster,
    metrics: Sequence[BaseMetric],
) -> tuple[dict[str, Any] | None, Failure | None]:
    """Return the scores by some metrics, computed by sktime's benchmark, or why there are none."""
    benchmark = ForecastingBenchmark()
    data = (task.y,) if task.X is None else (task.y, task.X)
    benchmark.add_task(data, protocol.splitter(len(task.y)), list(metrics), task_id=task.name)
    with undisturbed():
        benchmark.add_estimator(forecaster, name)
        frame = benchmark.run()
    if benchmark.failed_experiments:
        (failed,) = benchmark.failed_experiments
        message = f"{failed.exception_type}: {failed.exception_message}"
        return None, Failure(task.name, name, message)
    row = frame.iloc[0]
    return {
        "mase": float(row["MeanAbsoluteScaledError_mean"]),
        "mase_std": float(row["MeanAbsoluteScaledError_std"]),
        "coverage": float(row.get("EmpiricalCoverage_mean", math.nan)),
        "coverage_std": float(row.get("EmpiricalCoverage_std", math.nan)),
        "fit_seconds": float(row["fit_time_mean"]),
        "predict_seconds": float(row["pred_time_mean"]),
        "settings": " ".join(repr(forecaster).split()),
    }, None


def _bar(progress: bool) -> Progress:
    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not progress)
