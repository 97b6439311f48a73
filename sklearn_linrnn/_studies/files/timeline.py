"""Rows in the order of their times, on even steps, of which some may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_linrnn._studies.files.number_cells import is_number
from sklearn_linrnn._studies.files.steps import Steps, even_numbers, even_steps, forced_steps
from sklearn_linrnn._studies.files.table import Table
from sklearn_linrnn._studies.files.time_column import TimeColumn


@dataclass(frozen=True)
class Timeline:
    """Where the rows of a file belong.

    Attributes
    ----------
    steps : Steps
        All steps, and those of the rows in their right order.
    order : ndarray of shape (n_rows,)
        Rows in the order of their times.
    time : str or None
        Column of the times; ``None`` if the rows are taken as they follow each other.
    remarks : tuple of str
        What is not a matter of course.
    """

    steps: Steps
    order: NDArray[np.int64]
    time: str | None
    remarks: tuple[str, ...] = ()

    def place(self, values: NDArray[np.float64], name: str) -> pd.Series:
        """Return the values of the rows at their steps; NaN at steps without a row."""
        placed = np.full(len(self.steps.index), np.nan)
        placed[self.steps.positions] = values[self.order]
        return pd.Series(placed, self.steps.index, name=name)


def make_timeline(
    table: Table, times: TimeColumn | None, freq: str | None, values: Sequence[str]
) -> Timeline:
    """Return where the rows of a table belong.

    Parameters
    ----------
    table : Table
        Rows of one series.
    times : TimeColumn or None
        Their times.
    freq : str or None
        Time from one row to the next, as in pandas; ``None`` to find out.
    values : sequence of str
        Columns that hold values, which tell no series from another.

    Returns
    -------
    timeline : Timeline

    Raises
    ------
    ValueError
        If a time is repeated, or the steps are not even.
    """
    n_rows = len(table.cells)
    if times is None:
        every = np.arange(n_rows)
        return Timeline(Steps(pd.RangeIndex(n_rows), every, "consecutive"), every, None)
    order = np.argsort(times.times.to_numpy(), kind="stable")
    ordered = times.times.iloc[order]
    _refuse_repeated(table, times, ordered, values)
    if ordered.dtype.kind != "M":
        steps = even_numbers(ordered.to_numpy(np.float64))
    elif freq is not None:
        steps = forced_steps(pd.DatetimeIndex(ordered), freq)
    else:
        steps = even_steps(pd.DatetimeIndex(ordered))
    if steps is None:
        raise ValueError(_uneven(table, times.name, ordered))
    return Timeline(steps, order, times.name, (*times.remarks, *_order_remark(order)))


def _order_remark(order: NDArray[np.int64]) -> tuple[str, ...]:
    if (np.diff(order) > 0).all():
        return ()
    return ("newest first in the file",) if (np.diff(order) < 0).all() else ("sorted by time",)


def _refuse_repeated(
    table: Table, times: TimeColumn, ordered: pd.Series, values: Sequence[str]
) -> None:
    repeated = ordered.duplicated(keep=False)
    if not repeated.any():
        return
    first = ordered[repeated].iloc[0]
    one, other, *_ = ordered.index[ordered == first]
    text = f"{table.name} has the time {first} in the {table.line}s {one} and {other}"
    likely = _likely_id(table, times, values)
    if likely is not None:
        some = table.cells[likely].unique()[:3]
        raise ValueError(
            f"{text}: column {likely!r} seems to tell several series apart "
            f"({', '.join(map(repr, some))}): --id {likely}={some[0]} reads one."
        )
    parts = {name.casefold(): name for name in table.names}
    raise ValueError(
        f"{text}. Only one row may be there for each time"
        + (": --zone says whose clocks these are, if they were turned back" if _on_clock(first)
           else f": --time {times.name} {parts['month']}, perhaps" if "month" in parts else "")
        + "."
    )  # fmt: skip


def _on_clock(time: object) -> bool:
    return isinstance(time, pd.Timestamp) and time != time.normalize()


def _likely_id(table: Table, times: TimeColumn, values: Sequence[str]) -> str | None:
    """Return the column with the fewest words that tells all rows of one time apart."""
    moments = times.times.to_numpy()
    found: dict[str, int] = {}
    for position, name in enumerate(table.names):
        cells = table.cells.iloc[:, position]
        if name in times.parts or name in values or not _is_code(cells):
            continue
        if not pd.DataFrame({"time": moments, "id": cells.to_numpy()}).duplicated().any():
            found[name] = cells.nunique()
    return min(found, key=found.__getitem__) if found else None


def _is_code(cells: pd.Series) -> bool:
    """Whether cells may name series: words or whole numbers, each of them several times."""
    words = cells.unique()
    whole = all(word.isdecimal() or not is_number(word) for word in words)
    return whole and 2 * len(words) <= len(cells)


def _uneven(table: Table, name: str, ordered: pd.Series) -> str:
    if len(ordered) < 3:
        return f"{table.name} has {len(ordered)} rows, too few to see the time from one to the next"
    apart = ordered.diff().iloc[1:]
    usual = apart.mode().iloc[0]
    odd = int(np.flatnonzero((apart != usual).to_numpy())[0]) + 1
    return (
        f"{table.name}, column {name!r}: the times are not even. From one to the next it is mostly "
        f"{usual}, but {apart.iloc[odd - 1]} from {table.line} {ordered.index[odd - 1]} to "
        f"{ordered.index[odd]}. --freq puts them on even steps (--freq 15min), and --time none "
        "takes the rows as they follow each other."
    )
