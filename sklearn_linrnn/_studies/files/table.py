"""Named columns of text cells that know their lines: what every kind of file is read into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd


@dataclass(frozen=True)
class Table:
    """Cells of a file as text.

    Attributes
    ----------
    name : str
        Name of the file.
    cells : DataFrame of shape (n_rows, n_columns)
        Text without spaces around it; the index holds the line of each row in the file.
    remarks : tuple of str
        What was found out about the file and is not a matter of course.
    separator : str
        What stands between two cells; empty where the file is no text.
    line : str
        What a line of the file is called.
    """

    name: str
    cells: pd.DataFrame
    remarks: tuple[str, ...] = ()
    separator: str = ""
    line: str = "line"

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.cells.columns)

    def column(self, name: str) -> pd.Series:
        """Return the cells of a column.

        Raises
        ------
        ValueError
            If there is none of this name, or several.
        """
        count = self.names.count(name)
        if count == 0:
            raise ValueError(f"{self.name} has no column {name!r}; it has {quoted(self.names)}.")
        if count > 1:
            raise ValueError(f"{self.name} has {count} columns {name!r}; rename all but one.")
        return self.cells[name]

    def place(self, name: str, line: int) -> str:
        """Return in words where a cell is."""
        return f"{self.name}, column {name!r}, {self.line} {line}"

    def take(self, rows: pd.Series) -> Table:
        """Return the rows for which a mask holds."""
        return replace(self, cells=self.cells[rows.to_numpy()])


def quoted(names: Iterable[str]) -> str:
    """Return names in quotes, with commas between them."""
    return ", ".join(repr(str(name)) for name in names)
