"""The benchmark's ranking, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sklearn_linrnn._studies.benchmark import Failure, Protocol

SERIES_PER_TABLE = 5  # as many as fit into 80 columns
MISSING = "-"
LARGE = 1e4
LEGEND = """\
numbers  mean absolute error of the forecasts over that of the one-step naive
         forecast on the training part (MASE), mean over the folds
rank     mean of the ranks on the series; 1 is the best
fit      seconds to fit once, mean over the series
"""


def print_ranking(frame: pd.DataFrame, protocol: Protocol, failures: Sequence[Failure]) -> None:
    """Print the results of the benchmark, best forecaster first, and what went wrong."""
    console = Console(highlight=False)
    if not frame.empty:
        console.print(describe_protocol(protocol))
        for table in make_tables(frame):
            console.print(table)
        console.print(LEGEND, style="dim")
    for failure in failures:
        text = f"{failure.forecaster} failed on {failure.series}: {_first_line(failure.message)}"
        console.print(escape(text), soft_wrap=True)


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0]


def rank(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the scaled errors by forecaster and series, best forecaster first.

    Parameters
    ----------
    frame : pandas.DataFrame
        Results: one row for each forecaster and series.

    Returns
    -------
    ranking : pandas.DataFrame
        Indexed by forecaster: ``rank``, the mean of its ranks on the series, where a missing
        result is the last one; ``fit``, the mean seconds to fit; and a column of errors for each
        series.
    """
    forecasters, series = frame["forecaster"].unique(), frame["series"].unique()
    errors = frame.pivot(index="forecaster", columns="series", values="mase")
    errors = errors.loc[forecasters, series]
    seconds = frame.groupby("forecaster")["fit_seconds"].mean()
    ranks = errors.rank(na_option="bottom").mean(axis=1)
    return errors.assign(rank=ranks, fit=seconds).sort_values("rank", kind="stable")


def describe_protocol(protocol: Protocol) -> str:
    """Return in words how the forecasts were asked for."""
    steps = "1 step" if protocol.horizon == 1 else f"1 to {protocol.horizon} steps"
    folds = "1 fold" if protocol.folds == 1 else f"{protocol.folds} folds"
    return f"Scaled error of forecasts {steps} ahead, {folds}, {protocol.window} window"


def make_tables(frame: pd.DataFrame) -> list[Table]:
    """Return the ranking as tables that are narrow enough, each with some of the series."""
    ranking = rank(frame)
    series = list(frame["series"].unique())
    parts = [series[i : i + SERIES_PER_TABLE] for i in range(0, len(series), SERIES_PER_TABLE)]
    return [_make_table(ranking, part) for part in parts]


def _make_table(ranking: pd.DataFrame, series: Sequence[str]) -> Table:
    table = Table()
    table.add_column("rank", justify="right")
    table.add_column("forecaster", no_wrap=True)
    for name in series:
        table.add_column(escape(name), justify="right", overflow="fold")
    table.add_column("fit", justify="right", no_wrap=True)
    best = ranking[list(series)].min()
    for forecaster, row in ranking.iterrows():
        errors = [
            MISSING if pd.isna(row[name]) else _emphasised(row[name], row[name] == best[name])
            for name in series
        ]
        table.add_row(f"{row['rank']:.1f}", escape(forecaster), *errors, f"{row['fit']:.2f}")
    return table


def _emphasised(error: float, is_best: bool) -> str:
    text = f"{error:.3f}" if error < LARGE else f"{error:.1e}"
    return f"[bold]{text}[/bold]" if is_best else text
