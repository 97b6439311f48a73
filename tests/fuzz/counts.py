"""How many cases of each class were fitted, and how many were refused by which exception."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

PROPERTY = "fuzz"  # of a test's report: the class, and how often each thing happened


def table(parts: Iterable[tuple[str, Mapping[str, int]]]) -> list[str]:
    """Return the lines of a table of counts by class."""
    counts: dict[str, Counter] = {}
    for name, part in parts:
        counts.setdefault(name, Counter()).update(part)
    total: Counter = sum(counts.values(), Counter())
    outcomes = [outcome for outcome, _ in total.most_common()]
    rows = [("class", "cases", *outcomes)]
    for name, count in [*sorted(counts.items()), ("all", total)]:
        numbers = (f"{count[outcome]:,}" for outcome in outcomes)
        rows.append((name, f"{sum(count.values()):,}", *numbers))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
