"""From text to rows of cells, each with its line in the file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

SEPARATORS = [",", ";", "\t", "|", " "]  # a space is the weakest
CONFLICT = re.compile(r"(<{7}|>{7}|\|{7}) |={7}$")  # what git leaves where two versions differ
GAPLESS = dict.fromkeys(map(ord, "'\u2019\u00a0\u2009\u202f"))
SAMPLE = 200  # lines that show the separator
MOST_LINES = 2000  # among the first so many, where the table has begun


@dataclass(frozen=True)
class Rows:
    """Rows of cells, without empty lines.

    Attributes
    ----------
    cells : list of list of str
        Cells without spaces around them.
    lines : list of int
        Line of each row in the file, from 1.
    comments : list of str
        Lines that begin with ``#``, without it.
    separator : str
        What stands between two cells; empty where a line is one cell.
    """

    cells: list[list[str]]
    lines: list[int]
    comments: list[str]
    separator: str

    @cached_property
    def width(self) -> int:
        """Number of cells of most rows."""
        return Counter(map(len, self.cells)).most_common(1)[0][0]


def split_rows(name: str, text: str, separator: str | None, decimal: str | None) -> Rows:
    """Return the rows of a text.

    Parameters
    ----------
    name : str
        Name of the file, for errors.
    text : str
        What is in it.
    separator : str or None
        What stands between two cells; ``None`` to find out.
    decimal : str or None
        Decimal sign, which is no separator.

    Returns
    -------
    rows : Rows

    Raises
    ------
    ValueError
        If there is no row, a merge is left undone, or quotes are not closed.
    """
    lines = re.split("\r\n|\r|\n", text)
    _refuse_conflicts(name, lines)
    separator = _find_separator(lines, decimal) if separator is None else separator
    if separator == " ":
        lines = [" ".join(line.split()) for line in lines]
    rows = Rows([], [], [], separator)
    try:
        empty = _read(lines, rows)
    except csv.Error as error:
        raise ValueError(f"{name} could not be read as CSV: {error}.") from error
    if not rows.cells:
        raise ValueError(f"{name} could not be read as CSV: it is empty.")
    _refuse_holes(name, rows, empty)
    return rows


def _read(lines: list[str], rows: Rows) -> list[int]:
    """Read lines into rows, without those at the end that have no text; return the empty lines."""
    # Quotes stand around cells where there are cells; in a line of one cell they do, too.
    separator = rows.separator or "\x1f"
    ended = (f"{line}\n" for line in lines)
    reader = csv.reader(ended, delimiter=separator, skipinitialspace=True, strict=True)
    start, empty = 1, []
    for row in reader:
        cells = [cell.strip() for cell in row]
        if cells and _is_comment(cells, not rows.cells):
            rows.comments.append(lines[start - 1].lstrip("# "))
        elif cells:
            rows.cells.append(cells)
            rows.lines.append(start)
        else:
            empty.append(start)
        start = reader.line_num + 1
    while rows.cells and not any(rows.cells[-1]):
        del rows.cells[-1], rows.lines[-1]
    return empty


def _is_comment(cells: list[str], above: bool) -> bool:
    """Whether a line is a comment; below the names ``#N/A`` is a missing value."""
    return cells[0].startswith("#" if above else "# ") and (above or len(cells) == 1)


def _refuse_holes(name: str, rows: Rows, empty: list[int]) -> None:
    """Refuse an empty line between lines of one cell: it may be a missing value or nothing."""
    begun = [line for line in empty if rows.lines[0] < line < rows.lines[-1]]
    if rows.width == 1 and begun:
        raise ValueError(
            f"{name}, line {begun[0]} is empty: write NA into it if a value is missing there, or "
            "take it out."
        )


def _refuse_conflicts(name: str, lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        if CONFLICT.match(line):
            raise ValueError(
                f"{name}, line {number} is left from a merge of two versions ({line[:30]!r}): "
                "decide between them first."
            )


def _find_separator(lines: list[str], decimal: str | None) -> str:
    """Return the separator of the last lines of the beginning, which are below all headings."""
    from clevercsv import Detector  # noqa: PLC0415 - takes 0.2 seconds

    whole = [line for line in islice(lines, MOST_LINES) if line.strip()]
    # The detector knows numbers by their form, but not those with gaps between thousands.
    sample = "\n".join(whole[-SAMPLE:]).translate(GAPLESS)
    allowed = [sign for sign in SEPARATORS if sign != decimal]
    found = Detector().detect(sample, delimiters=allowed)
    separator = (found.delimiter or "") if found is not None else ""
    return _stronger(whole, allowed) or separator if separator == " " else separator


def _stronger(lines: list[str], allowed: list[str]) -> str | None:
    """Return a sign that all lines have equally often, names included; times have spaces, too."""
    for sign in allowed[:-1]:
        counts = {line.count(sign) for line in lines}
        if len(counts) == 1 and counts != {0}:
            return sign
    return None
