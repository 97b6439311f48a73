"""The benchmark's ranking, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sklearn_linrnn._studies.benchmark import NOMINAL, Failure
from sklearn_linrnn._studies.benchmark_task import Protocol
from sklearn_linrnn._studies.study_text import listed

SERIES_PER_TABLE = 5  # as many as fit into 80 columns
MISSING = "-"
LARGE = 1e4
LEGEND = f"""\
numbers  mean absolute error of the forecasts over that of the one-step naive
         forecast on the training part (MASE), mean over the folds
rank     mean of the ranks on the series; 1 is the best
in {NOMINAL:.0%}   per cent of the truth in the intervals of {NOMINAL:.0%}, with the standard error
         of that; mean over the series
fit      seconds to fit once, mean over the series
"""


def print_ranking(
    frame: pd.DataFrame,
    protocol: Protocol,
    failures: Sequence[Failure],
    without_inputs: Sequence[str] = (),
) -> None:
    """Print the results of the benchmark, best forecaster first, and what went wrong.

    Parameters
    ----------
    frame : pandas.DataFrame
        Results: one row for each forecaster and series.
    protocol : Protocol
        How the forecasts were asked for.
    failures : sequence of Failure
        What went wrong.
    without_inputs : sequence of str, default=()
        Forecasters that were given none of the inputs that others were given.
    """
    console = Console(highlight=False)
    if not frame.empty:
        console.print(describe_protocol(protocol))
        for table in make_tables(frame):
            console.print(table)
            console.print()
        console.print(LEGEND, style="dim")
    for failure in failures:
        text = f"{failure.subject} failed on {failure.series}: {_first_line(failure.message)}"
        console.print(escape(text), soft_wrap=True)
    if without_inputs:
        names = listed(list(without_inputs))
        console.print(escape(f"From the past alone, because they take no inputs: {names}."))


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
        result is the last one; ``coverage`` and its standard error ``coverage_error``, the mean
        over the series, NaN where there are no intervals; ``fit``, the mean seconds to fit; and a
        column of errors for each series.
    """
    forecasters, series = frame["forecaster"].unique(), frame["series"].unique()
    errors = frame.pivot(index="forecaster", columns="series", values="mase")
    errors = errors.loc[forecasters, series]
    seconds = frame.groupby("forecaster")["fit_seconds"].mean()
    ranks = errors.rank(na_option="bottom").mean(axis=1)
    covered = pool_coverage(frame)
    return errors.assign(rank=ranks, **covered, fit=seconds).sort_values("rank", kind="stable")


def pool_coverage(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how much of the truth the intervals of each forecaster held.

    Steps of one fold are wrong together, so that the standard error comes from the deviation
    between the folds. A few folds that are alike say little: one more counts, whose variance is
    that of an interval that holds all of a fold or nothing, as often as it should.

    Parameters
    ----------
    frame : pandas.DataFrame
        Results: one row for each forecaster and series.

    Returns
    -------
    covered : pandas.DataFrame
        Indexed by forecaster, ``coverage`` and its standard error ``coverage_error``: of the mean
        over those series that it has intervals for, NaN where there are none.
    """
    folds = frame["folds"]
    within = (folds - 1) * frame["coverage_std"].fillna(0.0) ** 2 + NOMINAL * (1 - NOMINAL)
    variance = (within / folds**2).where(frame["coverage"].notna())
    found = frame.assign(variance=variance).groupby("forecaster", sort=False)
    return pd.DataFrame(
        {
            "coverage": found["coverage"].mean(),
            "coverage_error": np.sqrt(found["variance"].mean() / found["variance"].count()),
        }
    )


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
    # Without lines between the columns, and one space instead of two, five series fit.
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False, show_edge=False)
    table.add_column("rank", justify="right")
    table.add_column("forecaster", no_wrap=True)
    for name in series:
        table.add_column(escape(name), justify="right", overflow="fold")
    table.add_column(f"in {NOMINAL:.0%}", justify="right", no_wrap=True)
    table.add_column("fit", justify="right", no_wrap=True)
    best = ranking[list(series)].min()
    for forecaster, row in ranking.iterrows():
        errors = [
            MISSING if pd.isna(row[name]) else _emphasised(row[name], row[name] == best[name])
            for name in series
        ]
        covered = _in_per_cent(row["coverage"], row["coverage_error"])
        seconds = f"{row['fit']:.2f}"
        table.add_row(f"{row['rank']:.1f}", escape(forecaster), *errors, covered, seconds)
    return table


def _in_per_cent(share: float, error: float) -> str:
    return MISSING if math.isnan(share) else f"{100 * share:.0f} ± {100 * error:.0f}"


def _emphasised(error: float, is_best: bool) -> str:
    text = f"{error:.3f}" if error < LARGE else f"{error:.1e}"
    return f"[bold]{text}[/bold]" if is_best else text
