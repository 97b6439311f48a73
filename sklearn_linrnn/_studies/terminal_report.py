"""What the reports of studies in the terminal share."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sklearn_linrnn._studies.study_data import LAST, MEAN, SEASONAL

SHORT_NULLS = {MEAN: "mean", LAST: "last", SEASONAL: "season"}
WITHOUT_MODEL = {
    MEAN: "no model: the mean of the training part",
    LAST: "no model: the last value",
    SEASONAL: "no model: the value one season ago",
}


def print_study(table: Table, legend: str, sentences: Iterable[str]) -> None:
    """Print a table, what its columns are, and what is to be said, the verdict first.

    Parameters
    ----------
    table : Table
        The table.
    legend : str
        What its columns are.
    sentences : iterable of str
        The verdict and the others.
    """
    console = Console(highlight=False)
    console.print(table)
    console.print(escape(legend), style="dim")
    verdict, *others = sentences
    console.print(escape(verdict), style="bold")
    for sentence in others:
        console.print(escape(sentence))
