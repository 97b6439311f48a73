"""Series to study: those that come with sktime, and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from sklearn_linrnn._studies.files.options import FileOptions
from sklearn_linrnn._studies.files.series_file import read_series, read_table, series_ids
from sklearn_linrnn._studies.files.table import Table, quoted


@dataclass(frozen=True)
class StudySeries:
    """A target and, where it is driven by inputs, those.

    Attributes
    ----------
    name : str
        Name, for titles.
    target : Series of shape (n_timesteps,)
        What is predicted.
    inputs : DataFrame of shape (n_timesteps, n_inputs) or None
        What it is predicted from; ``None`` for its own past.
    line : str
        What was read from its file; empty for the bundled ones.
    part : str
        Which series of its file it is; empty where there is one.
    """

    name: str
    target: pd.Series
    inputs: pd.DataFrame | None
    line: str = ""
    part: str = ""

    def with_past(self) -> StudySeries:
        """Return the series with its own past, one step before, as the first of its inputs."""
        if self.inputs is None:
            return self
        past = self.target.shift(1).rename(f"{self.target.name}, one step before")
        return replace(self, inputs=pd.concat([past, self.inputs], axis=1))


BUNDLED = {
    "airline": "load_airline",
    "longley": "load_longley",
    "lynx": "load_lynx",
    "macroeconomic": "load_macroeconomic",
    "pbs": "load_PBS_dataset",
    "shampoo": "load_shampoo_sales",
    "solar": "load_solar",
    "uschange": "load_uschange",
}  # names, and their loaders in sktime.datasets
ONE = FileOptions()  # nothing is said of the file


def load_series(
    name_or_file: str,
    target: str | None = None,
    inputs: Sequence[str] = (),
    options: FileOptions = ONE,
) -> StudySeries:
    """Return one of sktime's bundled series, or columns of a file.

    Parameters
    ----------
    name_or_file : str
        A key of ``BUNDLED``, or the path of a file: text of any separator, compressed or not,
        Excel or Parquet.
    target : str, default=None
        Column to predict; ``None`` where there is one column of numbers, or the data set says.
    inputs : sequence of str, default=()
        Columns to predict it from; none for its own past.
    options : FileOptions
        What the file does not say by itself.

    Returns
    -------
    series : StudySeries

    Raises
    ------
    ValueError
        If there is no such series, file or column, or something about them is not sure; the
        message names the option that settles it.
    """
    found = load_all(name_or_file, target, inputs, options)
    if len(found) > 1:
        column, names = options.id_column, [series.part for series in found]
        raise ValueError(
            f"{name_or_file} has {len(found)} series ({quoted(names[:5])}): --id {column}=... says "
            "which."
        )
    return found[0]


def load_all(
    name_or_file: str,
    target: str | None = None,
    inputs: Sequence[str] = (),
    options: FileOptions = ONE,
) -> list[StudySeries]:
    """Return what `load_series` does, and all series where ``options.id`` is a column alone."""
    if target in inputs:
        raise ValueError(f"--target {target} must not be one of the --inputs that predict it.")
    if name_or_file.lower() in BUNDLED:
        return [_bundled_series(name_or_file.lower(), target, inputs)]
    if not Path(name_or_file).is_file():
        raise ValueError(
            f"{name_or_file!r} is neither a file nor one of sktime's bundled series: "
            f"{', '.join(BUNDLED)}."
        )
    table = read_table(Path(name_or_file), options)
    ids = series_ids(table, options)
    parts = {one: _rows_of(table, options, one) for one in ids} or {"": table}
    found = {one: read_series(part, target, inputs, options) for one, part in parts.items()}
    return [
        StudySeries(f"{table.name} {part}".strip(), one.target, one.inputs, one.line, part)
        for part, one in found.items()
    ]


def _rows_of(table: Table, options: FileOptions, one: str) -> Table:
    part = table.take(table.column(str(options.id_column)) == one)
    return replace(part, remarks=(*part.remarks, f"{options.id_column}: {one}"))


def _bundled_series(name: str, target: str | None, inputs: Sequence[str]) -> StudySeries:
    frame, usual = _bundled(name)
    columns = list(frame.columns)
    target = target or usual or (columns[0] if len(columns) == 1 else None)
    if target is None:
        raise ValueError(f"--target must say which column of {name} to predict: {quoted(columns)}.")
    unknown = [column for column in (target, *inputs) if column not in columns]
    if unknown:
        raise ValueError(
            f"{name} has no column of numbers called {quoted(unknown)}; it has {quoted(columns)}."
        )
    if target in inputs:
        raise ValueError(f"--target {target} must not be one of the --inputs that predict it.")
    return StudySeries(name, frame[target], frame[list(inputs)] if inputs else None)


def _bundled(name: str) -> tuple[pd.DataFrame, str | None]:
    """Return all columns of a bundled data set, and its usual target."""
    from sktime import datasets  # noqa: PLC0415 - takes a second, and files do without

    # The solar series would be asked of a server; without one a sample of it is stored.
    options = {"api_version": None} if name == "solar" else {}
    loaded = getattr(datasets, BUNDLED[name])(**options)
    if isinstance(loaded, tuple):
        return pd.concat(loaded, axis=1), str(loaded[0].name)
    if isinstance(loaded, pd.Series):
        return loaded.to_frame(), None
    return loaded, None
