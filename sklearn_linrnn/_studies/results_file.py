"""Rows of results in a CSV file that is whole at any time and shared by all who work on it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from sklearn_linrnn._studies.files.decoding import read_text
from sklearn_linrnn._studies.whole_file import replace_file

Row = tuple[str, ...]


class ResultsFile:
    """Rows that are found again by some of their columns.

    Several processes may add to one file: each takes in what the others wrote. A row that is cut
    off is none.

    Parameters
    ----------
    path : Path or None
        CSV file, compressed if its name says so; what it has is kept. ``None`` keeps the rows in
        memory alone.
    key : sequence of str
        Columns that tell one row from another.
    values : sequence of str
        Columns of numbers; without the first of them a row is none.
    notes : sequence of str, default=()
        Columns of text.

    Raises
    ------
    ValueError
        If the file exists and is not one of such rows: it is somebody's, and stays as it is.
    OSError
        If nothing can be written to its folder.
    """

    def __init__(
        self,
        path: Path | None,
        key: Sequence[str],
        values: Sequence[str],
        notes: Sequence[str] = (),
    ) -> None:
        self.path = path
        self.key = list(key)
        self.values = list(values)
        self.notes = list(notes)
        self._forgotten: set[Row] = set()
        self._rows: dict[Row, Row] = {}
        if path is not None:
            self._lock = FileLock(path.resolve().with_name(f".{path.resolve().name}.lock"))
            with self._lock:
                self._rows = self._read(path)

    @property
    def columns(self) -> list[str]:
        """Names of all columns, in their order."""
        return [*self.key, *self.values, *self.notes]

    def __len__(self) -> int:
        return len(self._rows)

    def clear(self) -> None:
        """Forget all rows; the file changes with the next one."""
        self._forgotten |= {key + row for key, row in self._rows.items()}
        self._rows = {}

    def find(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row of a key, or None."""
        texts = self._key_of(key)
        row = self._rows.get(texts)
        if row is None:
            return None
        count = len(self.values)
        numbers = [float(text) if text else math.nan for text in row[:count]]
        return dict(zip(self.columns, [*texts, *numbers, *row[count:]], strict=True))

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row, and replace the file by one that has it, too."""
        key = self._key_of(row)
        numbers = [_text(row[name]) for name in self.values]
        added = {key: (*numbers, *(str(row[name]) for name in self.notes))}
        if self.path is None:
            self._rows |= added
            return
        with self._lock:
            theirs = {
                key: row for key, row in self._read(self.path).items()
                if key + row not in self._forgotten
            }  # fmt: skip
            rows = {**theirs, **self._rows, **added}
            replace_file(self.path, self._write(rows))
            self._rows = rows

    def _key_of(self, row: Mapping[str, Any]) -> Row:
        return tuple(str(row[name]) for name in self.key)

    def _write(self, rows: Mapping[Row, Row]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(key + row for key, row in rows.items())
        return text.getvalue()

    def _read(self, path: Path) -> dict[Row, Row]:
        """Return the whole rows of a file, the last of each key."""
        if not path.exists():
            return {}
        text, _ = read_text(path, "utf-8")
        try:
            heading, *rows = csv.reader(io.StringIO(text, newline=""))
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path} could not be read as a file of results.") from error
        if heading != self.columns:
            raise ValueError(
                f"{path} is not a file of results of this version (its columns are not "
                f"{', '.join(self.columns)}): choose another name."
            )
        if rows and not text.endswith("\n"):
            del rows[-1]  # its last number may have had more digits
        count = len(self.key)
        return {tuple(row[:count]): tuple(row[count:]) for row in rows if self._is_whole(row)}

    def _is_whole(self, row: Sequence[str]) -> bool:
        if len(row) != len(self.columns):
            return False
        start = len(self.key)
        first, *others = row[start : start + len(self.values)]
        return _is_number(first) and all(not text or _is_number(text) for text in others)


def _text(value: float) -> str:
    """Return a number to its last digit, and nothing for NaN."""
    return "" if math.isnan(value) else repr(float(value))


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False
