"""Rows of results in a CSV file that is whole at any time, so that work can go on from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd


class ResultsFile:
    """Rows that are found again by some of their columns.

    Parameters
    ----------
    path : Path or None
        CSV file; what it has is kept. ``None`` keeps the rows in memory alone.
    key : sequence of str
        Columns that tell one row from another.
    values : sequence of str
        The other columns.

    Raises
    ------
    ValueError
        If the file exists and is not one of such rows: it is somebody's, and stays as it is.
    """

    def __init__(self, path: Path | None, key: Sequence[str], values: Sequence[str]) -> None:
        self.path = path
        self.key = list(key)
        columns = [*key, *values]
        if path is None or not path.exists():
            self.frame = pd.DataFrame(columns=columns)
            return
        try:
            self.frame = pd.read_csv(
                path,
                dtype=dict.fromkeys(key, str),
                float_precision="round_trip",
                keep_default_na=False,  # a series may be called NA
                na_values={name: [""] for name in values},
            )
        except (ValueError, OSError) as error:
            raise ValueError(f"{path} could not be read as a file of results: {error}") from error
        if list(self.frame.columns) != columns:
            raise ValueError(
                f"{path} is not a file of results (its columns are not {', '.join(columns)}): "
                "choose another name."
            )

    def clear(self) -> None:
        """Forget all rows; the file changes with the next one."""
        self.frame = self.frame.iloc[:0]

    def find(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row of a key, or None."""
        wanted = pd.Series({name: str(key[name]) for name in self.key})
        found = self.frame[(self.frame[self.key] == wanted).all(axis=1)]
        return None if found.empty else found.iloc[-1].to_dict()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row, and write the file anew before it takes the place of the old one."""
        texts = {name: str(row[name]) for name in self.key}
        added = pd.DataFrame([{**row, **texts}], columns=self.frame.columns)
        self.frame = added if self.frame.empty else pd.concat([self.frame, added])
        if self.path is not None:
            write_whole(self.path, self.frame.to_csv(index=False))


def write_whole(path: Path, text: str) -> None:
    """Write a file beside its place, which it takes once it is whole."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)  # of a write that was cut short
