"""Excel and Parquet files as tables of text, so that they go the way of all files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from sklearn_linrnn._studies.files.delimited import Rows
from sklearn_linrnn._studies.files.heading import head_table
from sklearn_linrnn._studies.files.options import FileOptions
from sklearn_linrnn._studies.files.table import Table, quoted

EXCEL = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
PARQUET = (".parquet", ".pq")


def read_workbook(path: Path, options: FileOptions) -> Table:
    """Return a sheet of an Excel file.

    Raises
    ------
    ValueError
        If the file is damaged, or the sheet must be named.
    """
    sheets = _read(pd.read_excel, path, sheet_name=None, header=None, dtype=object)
    sheets = {name: sheet for name, sheet in sheets.items() if not sheet.empty}
    name = options.sheet or (next(iter(sheets)) if len(sheets) == 1 else None)
    if name not in sheets:
        raise ValueError(f"--sheet must name a sheet of {path}: {quoted(sheets)}; got {name!r}.")
    cells = [[_text(value) for value in row] for row in sheets[name].itertuples(index=False)]
    lines = [i for i, row in enumerate(cells, 1) if any(row)]
    rows = Rows([cells[i - 1] for i in lines], lines, [], "")
    return head_table(path.name, rows, options.header, (f"sheet {name}",))


def read_parquet(path: Path) -> Table:
    """Return a Parquet file; an index of times is a column.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    frame = _read(pd.read_parquet, path)
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    cells = frame.astype(object).map(_text).astype(object)
    cells.columns = [str(name).strip() for name in cells.columns]
    return Table(path.name, cells.set_axis(range(1, len(cells) + 1)), line="row")


def _read(reader: Any, path: Path, **options: Any) -> Any:
    try:
        return reader(path, **options)
    except ImportError as error:
        raise ValueError(
            f"{path} needs another package: pip install 'sklearn-linrnn[files]'. "
            f"{str(error).partition(chr(10))[0]}"
        ) from error
    except Exception as error:  # the engines have errors of their own
        raise ValueError(f"{path} could not be read: {error}") from error


def _text(value: Any) -> str:
    """Return what is in a cell, to the last digit."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ")
    return str(value).strip()
