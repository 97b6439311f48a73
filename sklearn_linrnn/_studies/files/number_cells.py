"""Cells that are numbers, with either decimal sign, and cells that mean that there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

MISSING = frozenset(
    ["", "-", "--", "---", ".", "..", "...", ":", "?", "*", "#n/a", "#na", "<na>", "n/a", "na",
     "n.a.", "n. a.", "nan", "-nan", "nat", "nil", "none", "null", "missing", "\u2013", "\u2014"]
)  # fmt: skip
GAPS = " _'\u2019\u00a0\u2009\u202f"  # stand between thousands in some countries
UNGROUPED = str.maketrans({"\u2212": "-", **dict.fromkeys(GAPS)})
OTHER = {".": ",", ",": "."}
INFINITE = frozenset(f"{sign}{word}" for sign in ("", "+", "-") for word in ("inf", "infinity"))
THREE_DIGITS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")  # thousands, or three decimals
MANY_GROUPS = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{2,3})(?:\1\d{2,3})*\1\d{3}")


@cache
def number_pattern(decimal: str) -> re.Pattern[str]:
    """Return the form of a number with this decimal sign; thousands may stand in groups."""
    gap = f"[{re.escape(GAPS + OTHER[decimal])}]"
    whole = rf"(?:\d+|\d{{1,3}}(?:{gap}\d{{2,3}})*{gap}\d{{3}})"
    point = re.escape(decimal)
    return re.compile(rf"[+\-\u2212]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+\-\u2212]?\d+)?")


def is_number(cell: str) -> bool:
    """Whether a cell is a number with one of the decimal signs, or infinite."""
    return any(number_pattern(decimal).fullmatch(cell) for decimal in OTHER) or (
        cell.casefold() in INFINITE
    )


def read_number(cell: str, decimal: str) -> float | None:
    """Return the number in a cell, or None if there is no number with this decimal sign.

    >>> read_number("1.234,5", ",")
    1234.5
    >>> read_number("1,5", ".") is None
    True
    """
    if cell.casefold() in INFINITE:
        return float(cell)
    if number_pattern(decimal).fullmatch(cell) is None:
        return None
    text = cell.translate(UNGROUPED).replace(OTHER[decimal], "").replace(decimal, ".")
    return float(text)


def is_missing(cell: str, words: Sequence[str] = ()) -> bool:
    """Whether a cell means that there is no value."""
    return cell.casefold() in MISSING or cell in words


def sure_decimal(cells: Iterable[str]) -> str | None:
    """Return the decimal sign that the first telling cell has; None if none tells.

    >>> sure_decimal(["1,000", "1,000.5"])
    '.'
    >>> sure_decimal(["1,000", "950"]) is None
    True
    """
    return next((sign for cell in cells if (sign := _sign_of(cell)) is not None), None)


def is_unsure(cell: str) -> bool:
    """Whether a number may be read with either sign, and means two things.

    >>> [is_unsure(cell) for cell in ("1,234", "0,234", "1.23", "12")]
    [True, False, False, False]
    """
    return THREE_DIGITS.fullmatch(cell.translate(UNGROUPED)) is not None


def _sign_of(cell: str) -> str | None:
    """Return the only decimal sign that a cell can have, or None."""
    if "." not in cell and "," not in cell:
        return None
    plain = cell.translate(UNGROUPED)
    if is_unsure(plain) or not is_number(cell):
        return None
    grouped = MANY_GROUPS.fullmatch(plain)
    if grouped is not None:
        return OTHER[grouped[1]]
    return max(OTHER, key=plain.rfind)
