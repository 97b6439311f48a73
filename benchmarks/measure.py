"""Times of actions taken in turn, the first one of a fresh process and its memory, and tables."""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

from rich.console import Console
from rich.table import Table

Action = Callable[[], object]
Result = TypeVar("Result")


def median_times(actions: dict[str, Action], rounds: int = 5, least: float = 0.2) -> list[float]:
    """Return the median seconds of each action.

    In every round each action in turn runs at least once, and again until ``least`` seconds are
    over: what disturbs the machine disturbs all of them. The median is over the rounds' medians.
    """
    medians: dict[str, list[float]] = {name: [] for name in actions}
    for action in actions.values():
        action()
    for _ in range(rounds):
        for name, action in actions.items():
            times = []
            end = time.perf_counter() + least
            while (start := time.perf_counter()) < end:
                action()
                times.append(time.perf_counter() - start)
            medians[name].append(median(times))
    return [median(values) for values in medians.values()]


def first_time(prepare: Callable[[int], Action], warm_up: int, size: int) -> tuple[float, float]:
    """Return the seconds and the bytes, at its peak, of ``prepare(size)()`` in a fresh process.

    What ``prepare`` makes does not count, nor do the libraries, which ``prepare(warm_up)()`` loads.
    But the memory that the action asks for has not been used by the process before.
    """
    return fresh(_first, prepare, warm_up, size)


def fresh(function: Callable[..., Result], *arguments: object) -> Result:
    """Return what a function returns in a process that has done nothing before."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawned) as executor:
        return executor.submit(function, *arguments).result()


def _first(prepare: Callable[[int], Action], warm_up: int, size: int) -> tuple[float, float]:
    prepare(warm_up)()
    action = prepare(size)
    return with_peak(partial(_seconds, action))


def with_peak(action: Callable[[], Result]) -> tuple[Result, float]:
    """Return what an action returns, and the bytes at its peak above those before it."""
    if not sys.platform.startswith("linux"):  # the peak so far cannot be forgotten
        unit = 1 if sys.platform == "darwin" else 1024
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = action()
        return result, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    result = action()
    return result, _resident("VmHWM") - before


def _seconds(action: Action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _resident(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith(field))


def milliseconds(seconds: float) -> str:
    """Return a time for a table."""
    return f"{1e3 * seconds:,.2f} ms"


def show(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a title and a table; all columns but the first are numbers."""
    table = Table()
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    console = Console(width=100, highlight=False)
    console.print(f"[bold]{title}[/bold]")
    console.print(table)
