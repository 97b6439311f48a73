"""Which column of a file holds the times, and which moments they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sklearn_linrnn._studies.files import time_cells
from sklearn_linrnn._studies.files.number_cells import is_missing, is_number, read_number
from sklearn_linrnn._studies.files.options import NONE, FileOptions
from sklearn_linrnn._studies.files.steps import even_numbers, even_steps
from sklearn_linrnn._studies.files.table import Table, quoted

NAMES = frozenset(
    ["date", "dates", "datetime", "day", "days", "month", "time", "times", "timestamp", "week",
     "quarter", "ds", "period", "t", "year", "step", "datum", "zeit", "zeitpunkt", "zeitstempel",
     "tag", "monat", "jahr", "uhrzeit", "fecha", "hora", "mes", "día", "dia", "año", "data", "ora",
     "giorno", "mese", "anno", "jour", "mois", "heure", "année", "horodatage", "tijd", "tid",
     "dato", "päivä", "aika", "дата", "время", "месяц", "日付", "日時", "年月日", "年月", "年",
     "日期", "时间", "時間", "날짜", "시간"]
)  # fmt: skip
PARTS = ("year", "month", "day", "hour", "minute")  # columns that make up a time together
SAMPLE = 200  # cells that show what a column holds
CODED = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}  # by digits
EPOCHS = {10: "s", 13: "ms"}  # units since 1970, by digits


@dataclass(frozen=True)
class TimeColumn:
    """The times of the rows of a file.

    Attributes
    ----------
    parts : tuple of str
        The column, or several that make up a time.
    times : Series of shape (n_rows,)
        Times without a zone, or numbers; the index holds the lines.
    remarks : tuple of str
        What is not a matter of course.
    """

    parts: tuple[str, ...]
    times: pd.Series
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The columns in words."""
        return " ".join(self.parts)


def find_times(table: Table, options: FileOptions, taken: Collection[str]) -> TimeColumn | None:
    """Return the times of a table, or None if it has no column of times.

    Parameters
    ----------
    table : Table
        What is in the file.
    options : FileOptions
        What the user says of its times.
    taken : collection of str
        Columns that hold something else.

    Returns
    -------
    times : TimeColumn or None

    Raises
    ------
    ValueError
        If a cell is no time, or the times may mean two things, or may be in two columns.
    """
    if options.time == (NONE,):
        return None
    if options.time:
        return _read(table, options.time, options)
    free = [name for name in dict.fromkeys(table.names) if name not in taken]
    free = [name for name in free if table.names.count(name) == 1]
    dated = [name for name in free if _holds_times(table, name)]
    if not dated:
        return _without_dates(table, options, free)
    names = _joined(table, dated)
    if names is None:
        raise ValueError(
            f"{table.name} has times in the columns {quoted(dated)}: --time says which to use."
        )
    return _read(table, names, options)


def _without_dates(table: Table, options: FileOptions, free: Sequence[str]) -> TimeColumn | None:
    """Return times that are plain numbers; refuse a column that is called a time and is none."""
    lower = {name.casefold(): name for name in free}
    parts = [lower[part] for part in PARTS if part in lower]
    if {"year", "month"} <= lower.keys():
        return _read(table, parts, options)
    for name in free:
        named = name.casefold() in NAMES or name == "column 1"
        cells = table.cells[name]
        if all(map(is_number, cells)):
            if named or (name == table.names[0] and _is_even_clock(cells)):
                return _read(table, [name], options)
        elif name.casefold() in NAMES:
            if options.time_format is not None:
                return _read(table, [name], options)
            odd = next(line for line, cell in cells.items() if not is_number(cell))
            _refuse(table, name, odd, "of a form that is known")
    return None


def _is_even_clock(cells: pd.Series) -> bool:
    values = np.array([read_number(cell, ".") or 0.0 for cell in cells])
    apart = np.diff(values)
    if (apart < 0).all():
        values, apart = values[::-1], -apart
    return bool((apart > 0).all()) and even_numbers(values) is not None


def _holds_times(table: Table, name: str) -> bool:
    cells = _sample(table.cells[name])
    if not cells:
        return False
    likely = [cell for cell in cells if time_cells.looks_like_time(cell)]
    numbers = [cell for cell in likely if is_number(cell)]  # 4.2008 is April, or a number
    return 2 * len(likely) > len(cells) and (not numbers or name.casefold() in NAMES)


def _sample(cells: pd.Series) -> list[str]:
    spread = cells.iloc[:: max(1, len(cells) // SAMPLE)]
    return [cell for cell in spread if not is_missing(cell)]


def _joined(table: Table, dated: Sequence[str]) -> list[str] | None:
    """Return the columns that make up one time: one of dates, or one beside one of clocks."""
    parts = {name: time_cells.split_times(pd.Series(_sample(table.cells[name]))) for name in dated}
    clocks = [name for name in dated if (parts[name]["date"] == "").all()]
    days = [name for name in dated if name not in clocks]
    if len(days) == 1 and not clocks:
        return days
    if len(days) == len(clocks) == 1 and (parts[days[0]]["clock"] == "").all():
        return [*days, *clocks]
    return None


def _read(table: Table, names: Sequence[str], options: FileOptions) -> TimeColumn:
    """Return the times of the columns, in whatever form they are."""
    cells, title = _cells_of(table, names), " ".join(names)
    for line, cell in cells.items():
        if is_missing(cell):
            _refuse(table, title, line, "at all")
    if options.time_format is not None:
        times = _strict(table, title, cells, options.time_format)
    elif all(map(is_number, cells)) and not all(map(time_cells.looks_like_time, cells)):
        times = _numbers(cells)
    else:
        times = _dates(table, title, cells)
    if options.zone is None or times.dtype.kind != "M":
        return TimeColumn(tuple(names), times)
    return TimeColumn(tuple(names), _in_utc(table, title, times, options.zone), ("times in UTC",))


def _cells_of(table: Table, names: Sequence[str]) -> pd.Series:
    """Return the cells of the columns, joined to one time for each row."""
    first, *others = [table.column(name) for name in names]
    if [name.casefold() for name in names] != list(PARTS[: len(names)]):
        return first.str.cat(others, sep=" ") if others else first
    day = first.str.cat(others[:2], sep="-")
    if len(names) <= 3:
        return day
    hour, minute = [*(cells.str.zfill(2) for cells in others[2:]), "00"][:2]
    return day + " " + hour + ":" + minute


def _strict(table: Table, title: str, cells: pd.Series, form: str) -> pd.Series:
    try:
        times = pd.to_datetime(cells, format=form, errors="coerce", utc="%z" in form)
    except ValueError as error:
        raise ValueError(f"--time-format got {form!r}: {error}.") from error
    _refuse_bad(table, title, cells, times, f"of the form {form!r}")
    return times.dt.tz_localize(None)


def _numbers(cells: pd.Series) -> pd.Series:
    """Return times that are written as numbers: 20240131, 2024, seconds since 1970, seconds."""
    (digits, *others) = set(cells.str.len()) if cells.str.isdecimal().all() else {0}
    if others:
        digits = 0
    if digits in EPOCHS:
        return pd.to_datetime(cells.astype("int64"), unit=EPOCHS[digits]).dt.as_unit("us")
    if digits in CODED:
        times = pd.to_datetime(cells, format=CODED[digits], errors="coerce")
        if times.notna().all():
            return times
    return pd.Series([read_number(cell, ".") or 0.0 for cell in cells], cells.index)


def _dates(table: Table, title: str, cells: pd.Series) -> pd.Series:
    parts = time_cells.split_times(cells)
    counts = Counter(form for day in parts["date"].unique() for form in time_cells.forms(day))
    most = max(counts.values(), default=0)
    readings: dict[str, pd.Series] = {}
    for form, count in counts.items():
        times = time_cells.moments(parts, form) if count == most else None
        if times is not None and not any(times.equals(other) for other in readings.values()):
            readings[form] = times
    if not readings:
        _refuse(table, title, cells.index[0], "of a form that is known")
    whole = {form: times for form, times in readings.items() if times.notna().all()}
    if not whole:
        times = next(iter(readings.values()))
        _refuse_bad(table, title, cells, times, "of the form of the others")
    return _on_one_clock(parts, _one_of(table, title, cells, whole))


def _one_of(
    table: Table, title: str, cells: pd.Series, readings: dict[str, pd.Series]
) -> pd.Series:
    """Return the reading under which the steps are even, if there is one alone."""
    if len(readings) == 1:
        return next(iter(readings.values()))
    even = [times for times in readings.values() if _is_even(times)]
    if len(even) == 1:
        return even[0]
    line = cells.index[0]
    meanings = " or ".join(
        f"{times.iloc[0]:%Y-%m-%d} (--time-format {form!r})" for form, times in readings.items()
    )
    raise ValueError(f"{table.place(title, line)}: {cells.iloc[0]!r} may mean {meanings}.")


def _on_one_clock(parts: pd.DataFrame, times: pd.Series) -> pd.Series:
    """Return times in UTC if their distance from it changes and they are even there."""
    ahead = time_cells.offsets(parts)
    if ahead.nunique() == 1:
        return times
    return times - ahead if _is_even(times - ahead) else times


def _in_utc(table: Table, title: str, times: pd.Series, zone: str) -> pd.Series:
    """Return times of a zone's clocks in UTC; where clocks go back, order tells which hour."""
    falling = bool(len(times) > 1 and times.iloc[0] > times.iloc[-1])
    ordered = times[::-1] if falling else times
    try:
        local = ordered.dt.tz_localize(zone, ambiguous="infer")
    except Exception as error:  # pandas has an error of its own for each kind
        raise ValueError(
            f"{table.name}, column {title!r} does not hold the times of clocks in --zone {zone}: "
            f"{error}."
        ) from error
    universal = local.dt.tz_convert("UTC").dt.tz_localize(None)
    return universal[::-1] if falling else universal


def _is_even(times: pd.Series) -> bool:
    return even_steps(pd.DatetimeIndex(times.drop_duplicates().sort_values())) is not None


def _refuse_bad(table: Table, title: str, cells: pd.Series, times: pd.Series, which: str) -> None:
    bad = cells.index[times.isna()]
    if len(bad):
        _refuse(table, title, bad[0], which, cells[bad[0]])


def _refuse(table: Table, title: str, line: int, which: str, cell: str | None = None) -> None:
    if cell is None:
        cell = table.cells[title].loc[line] if title in table.names else ""
    raise ValueError(
        f"{table.place(title, line)}: {cell!r} is no time {which}. --time-format says how to read "
        "it, --time which column holds the times, --time none that the rows follow each other."
    )
