"""Numbers in words: with the digits that their uncertainty allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

ROUNDING = 1e-9  # of a value; smaller errors are those of the arithmetic


def rounded(value: float, error: float) -> str:
    """Return a number to the first digit of its error, or to the second if the first is 1 or 2.

    >>> rounded(36.716, 2.843), rounded(1180.97, 413.2), rounded(0.0612, 0.0)
    ('36.7', '1200', '0.0612')

    An error that is rounding alone allows no more digits than none:

    >>> rounded(0.9999999999, 1e-14)
    '1'

    Nothing, to these digits, has no sign:

    >>> rounded(-0.04, 3.0)
    '0'
    """
    if not (math.isfinite(error) and error > ROUNDING * abs(value)):
        return f"{value + 0.0:.4g}"
    decimals = decimals_of(error)
    return f"{round(value, decimals) + 0.0:.{max(decimals, 0)}f}"


def short_percent(share: float) -> str:
    """Return a share without a space, as narrow tables have it.

    >>> short_percent(0.9), short_percent(0.975)
    ('90%', '97.5%')
    """
    return f"{100 * share:g}%"


def decimals_of(error: float) -> int:
    """Return how many decimals an error allows; negative for tens and more.

    >>> decimals_of(2.843), decimals_of(9.1), decimals_of(413.2)
    (1, 0, -2)
    """
    return -math.floor(math.log10(error / 3.0))


def percent(share: float, low: float, high: float, sign: str = "+") -> str:
    """Return a share in per cent, to the digits that its interval allows.

    >>> percent(0.9321, 0.687, 1.252), percent(-0.0123, -0.0401, 0.0162)
    ('+93', '-1.2')
    """
    return _signed(share, _decimals(low, high), sign)


def percent_interval(low: float, high: float) -> str:
    """Return an interval in per cent; with a digit more where it would seem to hold zero.

    >>> percent_interval(0.687, 1.252), percent_interval(0.003, 0.209)
    ('+69 to +125', '+0.3 to +20.9')
    """
    decimals = _decimals(low, high)
    while low * high > 0 and 0.0 in (round(100 * low, decimals), round(100 * high, decimals)):
        decimals += 1
    return f"{_signed(low, decimals, '+')} to {_signed(high, decimals, '+')}"


def _decimals(low: float, high: float) -> int:
    half = 50.0 * (high - low)
    return decimals_of(half) if math.isfinite(half) and half > 0 else 1


def _signed(share: float, decimals: int, sign: str) -> str:
    number = round(100.0 * share, decimals)
    digits = max(decimals, 0)
    # Nothing, to these digits, has no sign.
    return f"{abs(number):.{digits}f}" if number == 0 else f"{number:{sign}.{digits}f}"


def cost_in_words(row: Any) -> str:
    """Return a cost with its interval, from a record with ``cost``, ``cost_low``, ``cost_high``."""
    bounds = row.cost_low, row.cost_high
    return f"{percent(row.cost, *bounds)} % ({percent_interval(*bounds)} %)"


def listed(words: Sequence[str], last_word: str = "and") -> str:
    """Return words as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b"], "or")
    ('a', 'a, b and c', 'a or b')
    """
    *first, last = words
    return f"{', '.join(first)} {last_word} {last}" if first else last


def moment(time: Any) -> str:
    """Return the label of a time step, without hours where they say nothing.

    >>> moment(pd.Timestamp("2020-03-01")), moment(7)
    ('2020-03-01', '7')
    """
    if isinstance(time, pd.Timestamp) and time == time.normalize():
        return str(time.date())
    return str(time)
