"""Cells that are times: in which form, and which moments they are."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

import pandas as pd

ORDERS = {
    3: ("Ymd", "dmY", "mdY", "dmy", "mdy", "ymd", "dbY", "bdY", "Ybd", "dby"),
    2: ("Ym", "mY", "bY", "by", "Yb"),
}  # of the parts of a date, by how many it has; letters as in strptime
WITHOUT_POINTS = ("mdY", "mdy", "ymd", "Ym")  # nobody writes these orders with points
MONTHS = {
    name.casefold(): sign
    for sign, names in (("B", calendar.month_name), ("b", calendar.month_abbr))
    for name in names
    if name
}  # directives by the English names of the months
PARTS = re.compile(r"\d+|[^\W\d年月日년월일]+")
CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
MOMENT = re.compile(
    rf"(?P<date>.*?)(?:(?:^|[ T:,]+)(?P<clock>{CLOCK})\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
WEEKDAY = re.compile(r"[^\W\d]{2,9}\.?,\s*(?=[\w])|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\.?\s+(?=\d)")
RANGE = re.compile(r"(.*\d:\d\d)\s*[-\u2013]\s+.*\d:\d\d.*")  # from one time to another
CODES = {
    re.compile(r"(\d{4})[-/ ]?Q([1-4])", re.I): lambda y, q: date(int(y), 3 * int(q) - 2, 1),
    re.compile(r"Q([1-4])[-/ ]?(\d{4})", re.I): lambda q, y: date(int(y), 3 * int(q) - 2, 1),
    re.compile(r"(\d{4})[-/ ]?M(\d{1,2})", re.I): lambda y, m: date(int(y), int(m), 1),
    re.compile(r"(\d{4})[-/ ]?W(\d{1,2})", re.I): lambda y, w: date.fromisocalendar(
        int(y), int(w), 1
    ),
}  # quarters, months and weeks by number


def tidy(cell: str) -> str:
    """Return a time without weekday and end of its range; numbered quarters and weeks as dates.

    >>> tidy("2024 Q2"), tidy("Mon, 5 Feb 2024"), tidy("5.2.2024 00:00 - 5.2.2024 01:00")
    ('2024-04-01', '5 Feb 2024', '5.2.2024 00:00')
    """
    text = cell
    if (day := WEEKDAY.match(text)) is not None and not _is_month(text):
        text = text[day.end() :]
    if (ranged := RANGE.fullmatch(text)) is not None:
        text = ranged[1]
    for code, first_day in CODES.items():
        if (found := code.fullmatch(text)) is not None:
            try:
                return str(first_day(*found.groups()))
            except ValueError:
                return cell
    return text


def _is_month(text: str) -> bool:
    return PARTS.findall(text)[0].casefold() in MONTHS


@lru_cache(maxsize=10_000)
def looks_like_time(cell: str) -> bool:
    """Whether a cell has the form of a date or of a clock; a number without points has none.

    >>> [looks_like_time(cell) for cell in ("1.2.2024", "2024Q1", "Jan-49", "7:30", "15", "day 3")]
    [True, True, True, True, False, False]
    """
    found = MOMENT.fullmatch(tidy(cell))
    if found is None:
        return False
    return bool(found["clock"]) if not found["date"] else any(True for _ in forms(found["date"]))


def forms(day: str) -> Iterator[str]:
    """Yield the forms that a date may have, as for strptime.

    >>> list(forms("3/4/2024")), list(forms("3.4.2024")), list(forms("Apr 3, 2024"))
    (['%d/%m/%Y', '%m/%d/%Y'], ['%d.%m.%Y'], ['%b %d, %Y'])
    """
    parts, between = PARTS.findall(day), PARTS.split(day)
    if between[0] or any(len(text) > 2 for text in between):
        return
    for order in ORDERS.get(len(parts), ()):
        signs = [_directive(part, sign) for part, sign in zip(parts, order, strict=True)]
        if None not in signs and not ("." in between and order in WITHOUT_POINTS):
            pieces = zip([f"%{sign}" for sign in signs], between[1:], strict=True)
            yield "".join(f"{sign}{text}" for sign, text in pieces)


def _directive(part: str, sign: str) -> str | None:
    """Return the directive of strptime under which a part of a date can be read, or None."""
    if sign == "b":
        return MONTHS.get(part.casefold())
    if not part.isdecimal():
        return None
    least, most, widths = {
        "Y": (1000, 9999, (4,)),
        "y": (0, 99, (2,)),
        "m": (1, 12, (1, 2)),
        "d": (1, 31, (1, 2)),
    }[sign]
    return sign if len(part) in widths and least <= int(part) <= most else None


def split_times(cells: pd.Series) -> pd.DataFrame:
    """Return the ``date``, ``clock``, ``half`` of the day and ``offset`` of each cell, as text."""
    found = [MOMENT.fullmatch(tidy(cell)) for cell in cells]
    groups = [("",) * 4 if one is None else one.groups("") for one in found]
    return pd.DataFrame(groups, cells.index, ["date", "clock", "half", "offset"], dtype=object)


def moments(parts: pd.DataFrame, form: str) -> pd.Series:
    """Return the times of split cells on their own clocks; NaT where the date has another form."""
    days = pd.to_datetime(parts["date"], format=form, errors="coerce")
    return days + clocks(parts)


def clocks(parts: pd.DataFrame) -> pd.Series:
    """Return the time since midnight of split cells."""
    seconds = parts["clock"].str.count(":") == 2
    text = parts["clock"].str.replace(",", ".").where(seconds, parts["clock"] + ":00")
    since = pd.to_timedelta(text.where(parts["clock"] != "", "0:00:00"), errors="coerce")
    halves = parts["half"].str.casefold().str[:1]
    twelve = pd.Timedelta(hours=12)
    since = since.where(halves == "", since % twelve)
    return since + twelve * (halves == "p").astype(int)


def offsets(parts: pd.DataFrame) -> pd.Series:
    """Return by how much the clocks of split cells are ahead of UTC."""
    digits = parts["offset"].str.extract(r"([+-])(\d\d):?(\d\d)").fillna("0")
    minutes = 60 * digits[1].astype(int) + digits[2].astype(int)
    return pd.to_timedelta(minutes.where(digits[0] != "-", -minutes), unit="min")
