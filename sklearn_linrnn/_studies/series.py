"""Series to study: those that come with sktime, and CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


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
    """

    name: str
    target: pd.Series
    inputs: pd.DataFrame | None


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


def load_series(
    name_or_csv: str, target: str | None = None, inputs: Sequence[str] = ()
) -> StudySeries:
    """Return one of sktime's bundled series, or columns of a CSV file.

    Parameters
    ----------
    name_or_csv : str
        A key of ``BUNDLED``, or the path of a CSV file (compressed ones too).
    target : str, default=None
        Column to predict; ``None`` where there is one column of numbers, or the data set says.
    inputs : sequence of str, default=()
        Columns to predict it from; none for its own past.

    Returns
    -------
    series : StudySeries

    Raises
    ------
    ValueError
        If there is no such series, file or column, or the target must be named.
    """
    path = Path(name_or_csv)
    if name_or_csv.lower() in BUNDLED:
        name, frame, usual = name_or_csv.lower(), *_bundled(name_or_csv.lower())
    elif path.is_file():
        name, frame, usual = path.name, _read_csv(path), None
    else:
        raise ValueError(
            f"{name_or_csv!r} is neither a file nor one of sktime's bundled series: "
            f"{', '.join(BUNDLED)}."
        )
    columns = list(frame.columns)
    target = target or usual or (columns[0] if len(columns) == 1 else None)
    if target is None:
        raise ValueError(f"target must say which column of {name} to predict: {_names(columns)}.")
    unknown = [column for column in (target, *inputs) if column not in columns]
    if unknown:
        raise ValueError(
            f"{name} has no column of numbers called {_names(unknown)}; it has {_names(columns)}."
        )
    if target in inputs:
        raise ValueError(f"target={target!r} must not be one of the inputs that predict it.")
    return StudySeries(name, frame[target], frame[list(inputs)] if inputs else None)


def _bundled(name: str) -> tuple[pd.DataFrame, str | None]:
    """Return all columns of a bundled data set, and its usual target."""
    from sktime import datasets  # noqa: PLC0415 - takes a second, and CSV files do without

    # The solar series would be asked of a server; without one a sample of it is stored.
    options = {"api_version": None} if name == "solar" else {}
    loaded = getattr(datasets, BUNDLED[name])(**options)
    if isinstance(loaded, tuple):
        return pd.concat(loaded, axis=1), str(loaded[0].name)
    if isinstance(loaded, pd.Series):
        return loaded.to_frame(), None
    return loaded, None


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} could not be read as CSV: {error}") from error
    numbers = frame.select_dtypes("number")
    if numbers.empty:
        raise ValueError(f"{path} has no column of numbers under a line of names.")
    return numbers


def _names(columns: Sequence[str]) -> str:
    return ", ".join(repr(str(column)) for column in columns)
