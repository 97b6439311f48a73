"""An identified system, for the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sklearn_linrnn._studies.identification.identified_system import IdentifiedSystem
from sklearn_linrnn._studies.identification.system_sentences import (
    failed_tests,
    system_sentences,
)
from sklearn_linrnn._studies.study_text import rounded
from sklearn_linrnn.inspection._pictures import as_percent
from sklearn_linrnn.inspection._residual_tests import as_p_value


def print_system(system: IdentifiedSystem) -> None:
    """Print the table of the inputs, that of the tests, and the sentences."""
    console = Console(highlight=False)
    console.print(_inputs(system))
    console.print(input_legend(system), style="dim")
    console.print(_tests(system))
    verdict, *others = system_sentences(system)
    console.print(escape(verdict), style="bold")
    for sentence in others:
        console.print(escape(sentence))


def _inputs(system: IdentifiedSystem) -> Table:
    title = f"Response of {escape(system.target)} in {escape(system.name)}, {_lags(system.n_lags)}"
    table = Table(title=title, title_justify="left")
    table.add_column("\ninput", overflow="fold")
    for heading in input_headings(system):
        table.add_column("\n".join(heading), justify="right", no_wrap=True)
    for name, *cells in input_cells(system):
        table.add_row(escape(name), *cells)
    return table


def _lags(number: int) -> str:
    return "1 lag" if number == 1 else f"{number} lags"


def input_headings(system: IdentifiedSystem) -> list[tuple[str, str]]:
    """Return the headings of the columns behind the names, in two lines."""
    level, unit = as_percent(system.design.level), system.unit.name
    return [
        ("", "gain"), ("", level), ("memory", unit), ("", level), ("share", "%"),
        ("", "relevance"),
    ]  # fmt: skip


def input_cells(system: IdentifiedSystem) -> list[tuple[str, ...]]:
    """Return the rows of the table of inputs as they are printed."""
    return [_input(str(row.Index), row) for row in system.inputs.itertuples()]


def _input(name: str, row: Any) -> tuple[str, ...]:
    error = (row.gain_high - row.gain_low) / 2.0
    return (
        name,
        rounded(row.gain, error),
        f"{rounded(row.gain_low, error)} to {rounded(row.gain_high, error)}",
        *_memory(row),
        f"{100.0 * row.share:.2g}" if row.share < 0.995 else "100",
        f"{row.relevance:.2g}",
    )


def _memory(row: Any) -> tuple[str, str]:
    if np.isnan(row.memory):
        return "-", "-"
    return f"{row.memory:g}", f"{row.memory_low:g} to {row.memory_high:g}"


def _tests(system: IdentifiedSystem) -> Table:
    table = Table(title="Residuals of the held-out end", title_justify="left")
    for heading, side in (("test", "left"), ("of", "left"), ("lags", "right"), ("p", "right")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for row in test_cells(system):
        table.add_row(*map(escape, row))
    return table


def test_cells(system: IdentifiedSystem) -> list[tuple[str, ...]]:
    """Return the rows of the table of tests as they are printed; a star where one fails."""
    return [
        (
            row.test,
            row.input,
            f"{row.first_lag} to {row.last_lag}",
            f"{as_p_value(row.p_value)}{'*' if row.failed else ' '}",
        )
        for row in failed_tests(system).itertuples()
    ]


def input_legend(system: IdentifiedSystem) -> str:
    """Return what the columns are."""
    return f"""\
gain    sum of the response: what the output moves by in the end for an input
        that has moved by one; {as_percent(system.design.level)}: interval of the posterior
memory  time up to which the response has 90 % of its energy
share   of the variances that the inputs bring to the simulation
relevance: what the prior expects of an input, over the most relevant one's;
        0 says nothing
"""
