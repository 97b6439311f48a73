"""A file of series: its table, its times, and what was read of it in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sklearn_linrnn._studies.files.columns import (
    find_decimal,
    missing_remark,
    number_columns,
    read_values,
)
from sklearn_linrnn._studies.files.decoding import read_text
from sklearn_linrnn._studies.files.delimited import split_rows
from sklearn_linrnn._studies.files.heading import head_table
from sklearn_linrnn._studies.files.options import FileOptions
from sklearn_linrnn._studies.files.table import Table, quoted
from sklearn_linrnn._studies.files.time_column import find_times
from sklearn_linrnn._studies.files.timeline import Timeline, make_timeline
from sklearn_linrnn._studies.files.workbook import EXCEL, PARQUET, read_parquet, read_workbook


@dataclass(frozen=True)
class FileSeries:
    """What was read from a file.

    Attributes
    ----------
    target : Series of shape (n_timesteps,)
        What is predicted, at even steps.
    inputs : DataFrame of shape (n_timesteps, n_inputs) or None
        The inputs at the same steps.
    line : str
        What was read, in one line.
    """

    target: pd.Series
    inputs: pd.DataFrame | None
    line: str


def read_table(path: Path, options: FileOptions) -> Table:
    """Return the cells of a file of any kind that is known.

    Raises
    ------
    ValueError
        If the file cannot be read, or not in one way alone.
    """
    if path.suffix.lower() in EXCEL:
        return read_workbook(path, options)
    if path.suffix.lower() in PARQUET:
        return read_parquet(path)
    text, remarks = read_text(path, options.encoding)
    rows = split_rows(path.name, text, options.separator, options.decimal)
    return head_table(path.name, rows, options.header, remarks)


def series_ids(table: Table, options: FileOptions) -> list[str]:
    """Return the names of the stacked series that are asked for; none if ``id`` names no column.

    Raises
    ------
    ValueError
        If there is no such column, or no such series.
    """
    if options.id_column is None:
        return []
    names = list(table.column(options.id_column).unique())
    if options.id_value is None:
        return names
    if options.id_value not in names:
        raise ValueError(
            f"--id got {options.id!r}, but column {options.id_column!r} of {table.name} has "
            f"{quoted(names[:20])}."
        )
    return [options.id_value]


def read_series(
    table: Table, target: str | None, inputs: Sequence[str], options: FileOptions
) -> FileSeries:
    """Return a target and its inputs from a table of one series.

    Parameters
    ----------
    table : Table
        The rows of the series.
    target : str or None
        Column to predict; ``None`` if there is one column of numbers.
    inputs : sequence of str
        Columns of inputs.
    options : FileOptions
        What the user says of the file.

    Returns
    -------
    series : FileSeries

    Raises
    ------
    ValueError
        If something is not sure, or wrong; the message names the cell and the option.
    """
    chosen = [name for name in (target, *inputs) if name is not None]
    apart = {options.id_column} if options.id_column is not None else set()
    numbers = number_columns(table, but=apart | set(options.time))
    alone = numbers[0] if target is None and len(numbers) == 1 else None
    times = find_times(table, options, {*chosen, *apart, *([alone] if alone else ())})
    numbers = [name for name in numbers if times is None or name not in times.parts]
    target = choose_target(table, target, inputs, numbers)
    timeline = make_timeline(table, times, options.freq, [target, *inputs])
    decimal = find_decimal(table, numbers, options)
    columns = {
        name: timeline.place(read_values(table, name, decimal, options), name)
        for name in (target, *inputs)
    }
    taken = pd.DataFrame({name: columns[name] for name in inputs}) if inputs else None
    line = _describe(table, timeline, columns[target], taken, decimal)
    return FileSeries(columns[target], taken, line)


def choose_target(
    table: Table, target: str | None, inputs: Sequence[str], numbers: Sequence[str]
) -> str:
    """Return the target, after a look at whether the columns that are asked for are there."""
    if not numbers:
        row = list(table.cells.iloc[-1])
        raise ValueError(
            f"{table.name} has no column of numbers; its last {table.line} has the cells "
            f"{quoted(row[:5])}."
        )
    unknown = [name for name in (target, *inputs) if name is not None and name not in table.names]
    if unknown:
        raise ValueError(
            f"{table.name} has no column called {quoted(unknown)}; it has {quoted(table.names)}."
        )
    free = [name for name in numbers if name not in inputs]
    if target is None and len(free) == 1:
        return free[0]
    if target is None:
        raise ValueError(
            f"--target must say which column of {table.name} to predict: {quoted(numbers)}."
        )
    return target


def _describe(
    table: Table,
    timeline: Timeline,
    target: pd.Series,
    inputs: pd.DataFrame | None,
    decimal: str,
) -> str:
    """Return in one line what was read."""
    index, missing = target.index, int(target.isna().sum())
    span = "" if isinstance(index, pd.RangeIndex) else f", {_span(index)}"
    parts = [
        f"{table.name}: {len(target):,} {timeline.steps.word} values of {target.name}{span}, "
        + (f"{missing:,} missing" if missing else "none missing"),
        f"time: {timeline.time}" if timeline.time is not None else "no column of times",
    ]
    if inputs is not None:
        columns = [inputs[name] for name in inputs]
        parts.append(f"inputs: {missing_remark(inputs.columns, columns)}")
    comma = ("decimal comma",) if decimal == "," else ()
    return "; ".join([*parts, *timeline.remarks, *comma, *table.remarks])


def _span(index: pd.Index) -> str:
    """Return the first and the last step; clocks where the days do not tell them apart."""
    first, last = index[0], index[-1]
    if isinstance(index, pd.PeriodIndex):
        return f"{first} to {last}"
    short = last - first < pd.Timedelta(days=2)
    return f"{first} to {last}" if short else f"{first.date()} to {last.date()}"
