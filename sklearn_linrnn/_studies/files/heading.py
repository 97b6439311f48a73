"""Where the names of the columns are, and where the values begin."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sklearn_linrnn._studies.files.delimited import Rows
from sklearn_linrnn._studies.files.number_cells import is_missing, is_number
from sklearn_linrnn._studies.files.table import Table, quoted
from sklearn_linrnn._studies.files.time_cells import looks_like_time

SAMPLE = 100  # rows of each column that show what it holds


def head_table(name: str, rows: Rows, header: int | None, remarks: tuple[str, ...]) -> Table:
    """Return rows as a table with names.

    Parameters
    ----------
    name : str
        Name of the file.
    rows : Rows
        All rows of the file.
    header : int or None
        Line of the names, 0 for none; ``None`` to find out.
    remarks : tuple of str
        What is known about the file.

    Returns
    -------
    table : Table

    Raises
    ------
    ValueError
        If it is not sure which row has the names, or a row has more or fewer cells than others.
    """
    if header is None:
        names, first = _find_names(name, rows)
    else:
        names, first = _given_names(name, rows, header)
    _refuse_ragged(name, rows, first)
    width = rows.width
    body = [row[:width] for row in rows.cells[first:]]
    if names is None:
        names = [""] * width
        remarks = (*remarks, "no line of names")
    elif rows.lines[first] > rows.lines[0] + 1:
        remarks = (*remarks, f"values from line {rows.lines[first]} on")
    named = [text or f"column {number}" for number, text in enumerate(names, 1)]
    cells = pd.DataFrame(body, index=rows.lines[first:], columns=named, dtype=object)
    empty = [not text and (cells.iloc[:, i] == "").all() for i, text in enumerate(names)]
    return Table(name, cells.loc[:, [not it for it in empty]], remarks, rows.separator)


def _given_names(name: str, rows: Rows, header: int) -> tuple[list[str] | None, int]:
    if header == 0:
        return None, next(i for i, row in enumerate(rows.cells) if len(row) == rows.width)
    if header not in rows.lines[:-1]:
        raise ValueError(f"--header got {header}, but {name} has no names with values in line "
                         f"{header}.")  # fmt: skip
    index = rows.lines.index(header)
    below = _first_values(rows, _columns_of_values(rows), index + 1)
    return _fitted(name, rows, index), index + 1 if below is None else below


def _find_names(name: str, rows: Rows) -> tuple[list[str] | None, int]:
    """Return the names, or None, and the index of the first row of values."""
    width = rows.width
    held = _columns_of_values(rows)
    if not held:
        raise ValueError(
            f"{name} has no column of numbers under a line of names; its line {rows.lines[-1]} has "
            f"the cells {quoted(rows.cells[-1][:5])}."
        )
    first = _first_values(rows, held, 0) or 0
    above = _rows_of_names(rows, first)
    if len(above) > 1:
        lines = " or ".join(str(rows.lines[i]) for i in above)
        raise ValueError(
            f"The names of {name} may stand in line {lines}: --header LINE says where."
        )
    if above:
        return _fitted(name, rows, above[0]), first
    if first > 0 and len(rows.cells[first - 1]) != width:
        return _fitted(name, rows, first - 1), first  # raises: names that do not fit
    words = [cell for cell in rows.cells[first] if cell and not _is_value(cell)]
    if words:
        line = rows.lines[first]
        raise ValueError(
            f"{name}, line {line} may hold names or values ({words[0]!r} beside "
            f"{rows.cells[first][held[-1]]!r}): --header {line} says names, --header 0 values."
        )
    commented = rows.comments[-1].split(rows.separator or None) if rows.comments else []
    return (commented if len(commented) == width else None), first


def _first_values(rows: Rows, columns: Sequence[int], start: int) -> int | None:
    """Return the first row, from one on, that has a value in one of the columns."""
    for index in range(start, len(rows.cells)):
        row = rows.cells[index]
        if len(row) == rows.width and any(_is_value(row[i]) for i in columns):
            return index
    return None


def _rows_of_names(rows: Rows, first: int) -> list[int]:
    """Return the rows right above the values that have text in every cell that has values."""
    above = []
    for index in range(first - 1, -1, -1):
        row = rows.cells[index]
        if len(row) not in (rows.width, rows.width - 1) or sum(map(bool, row)) < rows.width - 1:
            break
        if len(row) == rows.width - 1 and rows.cells[first][-1]:
            break
        above.append(index)
    return above[::-1]


def _columns_of_values(rows: Rows) -> list[int]:
    """Return the columns most of whose last cells are numbers or times."""
    body = [row for row in rows.cells if len(row) == rows.width][-SAMPLE:]
    columns = zip(*body, strict=True)
    return [i for i, column in enumerate(columns) if _are_values(column)]


def _are_values(cells: Sequence[str]) -> bool:
    held = [cell for cell in cells if not is_missing(cell)]
    return bool(held) and 2 * sum(map(_is_value, held)) >= len(held)


def _is_value(cell: str) -> bool:
    return is_number(cell) or looks_like_time(cell)


def _fitted(name: str, rows: Rows, index: int) -> list[str]:
    """Return the names of a row, one for each column of values."""
    names, width = rows.cells[index], rows.width
    short = len(names) == width - 1 and not any(row[-1] for row in rows.cells[index + 1 :])
    if len(names) != width and not short:
        raise ValueError(
            f"{name}, line {rows.lines[index]} has the names {quoted(names[:5])}, but line "
            f"{rows.lines[index + 1]} has {len(rows.cells[index + 1])} cells. {_advice(rows)}"
        )
    return names + [""] * (width - len(names))


def _advice(rows: Rows) -> str:
    """Return what may settle rows of cells that do not fit their names."""
    if rows.separator != ",":
        return "--sep says what stands between two cells."
    if rows.width == 2:
        return "If the comma is the decimal sign, --decimal , says so."
    return (
        "If some of the commas are decimal signs, nothing tells them from those between two cells: "
        "write the file with semicolons between its cells."
    )


def _refuse_ragged(name: str, rows: Rows, first: int) -> None:
    for row, line in zip(rows.cells[first:], rows.lines[first:], strict=True):
        if len(row) < rows.width or any(row[rows.width :]):
            raise ValueError(
                f"{name}, line {line} has {len(row)} {'cell' if len(row) == 1 else 'cells'}, but "
                f"most lines have {rows.width}; it begins with {', '.join(row)[:40]!r}."
            )
