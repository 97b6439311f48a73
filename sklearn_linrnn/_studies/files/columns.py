"""Columns of numbers: which ones a table has, and their values, each cell sure or refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._studies.files.number_cells import (
    is_missing,
    is_number,
    is_unsure,
    read_number,
    sure_decimal,
)
from sklearn_linrnn._studies.files.options import NONE, FileOptions
from sklearn_linrnn._studies.files.table import Table

SAMPLE = 500  # cells that show whether a column holds numbers
LARGE = 1e15  # more than a measurement has, and less than what netCDF and others put for none


def number_columns(table: Table, but: Collection[str]) -> list[str]:
    """Return the columns at least half of whose cells are numbers, of those that are there."""
    return [
        name
        for position, name in enumerate(table.names)
        if name not in but and _holds_numbers(table.cells.iloc[:, position])
    ]


def _holds_numbers(cells: pd.Series) -> bool:
    spread = cells.iloc[:: max(1, len(cells) // SAMPLE)]
    held = [cell for cell in spread if not is_missing(cell)]
    return bool(held) and 2 * sum(map(is_number, held)) >= len(held)


def find_decimal(table: Table, names: Sequence[str], options: FileOptions) -> str:
    """Return the decimal sign of the columns of numbers.

    Raises
    ------
    ValueError
        If no cell tells, and some may be thousands.
    """
    if options.decimal is not None:
        return options.decimal
    columns = [table.cells[name] for name in names if table.names.count(name) == 1]
    found = sure_decimal(cell for cells in columns for cell in cells)
    if found is not None:
        return found
    for cells in columns:
        _refuse_unsure(table, cells)
    return "."


def _refuse_unsure(table: Table, cells: pd.Series) -> None:
    """Refuse what may be thousands, unless every cell has three decimals after a point."""
    held = [(line, cell) for line, cell in cells.items() if not is_missing(cell)]
    unsure = [(line, cell) for line, cell in held if is_unsure(cell)]
    plain = len(unsure) == len(held) and table.separator != ";"
    if unsure and not (plain and all("." in cell for _, cell in unsure)):
        line, cell = unsure[0]
        raise ValueError(
            f"{table.place(str(cells.name), line)}: {cell!r} may be a number of thousands or have "
            "three decimals: --decimal says which sign is the decimal one."
        )


def read_values(table: Table, name: str, decimal: str, options: FileOptions) -> NDArray[np.float64]:
    """Return the numbers of a column; NaN where they are missing.

    Raises
    ------
    ValueError
        If a cell is no number, or infinite, or a number seems to mean that none is there.
    """
    cells = table.column(name)
    values = np.array(
        [_value(table, name, line, cell, decimal, options) for line, cell in cells.items()]
    )
    stand_ins = [read_number(word, decimal) for word in options.missing]
    values[np.isin(values, [number for number in stand_ins if number is not None])] = np.nan
    if options.missing != (NONE,):
        _refuse_sentinel(table, name, cells, values)
    return values


def _value(
    table: Table, name: str, line: int, cell: str, decimal: str, options: FileOptions
) -> float:
    if is_missing(cell, options.missing):
        return np.nan
    value = read_number(cell, decimal)
    if value is None:
        raise ValueError(
            f"{table.place(name, line)}: {cell!r} is no number with the decimal sign {decimal!r}. "
            f"{_remedy(table, name, cell, options)}"
        )
    if np.isinf(value):
        raise ValueError(f"{table.place(name, line)}: {cell!r} is infinite.")
    return value


def _remedy(table: Table, name: str, cell: str, options: FileOptions) -> str:
    """Say what helps where a cell is no number: in a column of words another column."""
    if not _holds_numbers(table.column(name)):
        return "Few cells of this column are numbers, if any: it is none to compute with."
    if options.decimal is not None and is_number(cell):
        return f"It is one with the other sign: leave --decimal {options.decimal} out."
    return f"--missing {cell!r} reads such cells as missing."


def _refuse_sentinel(
    table: Table, name: str, cells: pd.Series, values: NDArray[np.float64]
) -> None:
    """Refuse nines, or a huge number, that lie far from all other values."""
    for extreme in (np.nanmin, np.nanmax) if np.isfinite(values).any() else ():
        value = extreme(values)
        others = values[np.isfinite(values) & (values != value)]
        if not len(others) or not _is_nines(value):
            continue
        distance = min(abs(value - others.min()), abs(value - others.max()))
        if distance > 2 * (others.max() - others.min()) and distance > 0:
            line = cells.index[values == value][0]
            raise ValueError(
                f"{table.place(name, line)}: {cells[line]!r} lies far from all other values, "
                f"{others.min():g} to {others.max():g}, and seems to stand for a missing one: "
                f"--missing={cells[line]} says so, --missing none that it is a value."
            )


def _is_nines(value: float) -> bool:
    """Whether a number has no digits but nines, or is too large for a measurement."""
    digits = f"{abs(value):.10g}".replace(".", "").lstrip("0")
    return (set(digits) == {"9"} and abs(value) >= 9) or abs(value) > LARGE


def missing_remark(names: Iterable[str], values: Iterable[pd.Series]) -> str:
    """Return in words the inputs and how many of their values are missing."""
    counts = [(name, int(column.isna().sum())) for name, column in zip(names, values, strict=True)]
    return ", ".join(f"{name} ({count:,} missing)" if count else name for name, count in counts)
