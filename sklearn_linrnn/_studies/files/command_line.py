"""The options of the command line that say what a file does not say by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import reduce, wraps
from typing import Any

import click

from sklearn_linrnn._studies.files.options import FileOptions

OPTIONS = (
    click.option("--time", metavar="COL ...", multiple=True,
                 help="Column of the times, or several that make one up; none for rows that follow "
                 "each other."),
    click.option("--time-format", metavar="F", help="Form of the times, such as %d/%m/%Y."),
    click.option("--zone", metavar="Z",
                 help="Time zone whose clocks the times are, such as Europe/Berlin."),
    click.option("--freq", metavar="F",
                 help="Time from one row to the next where it is not even: 15min, D, M."),
    click.option("--id", metavar="COL=VALUE", help="Which of several stacked series to read."),
    click.option("--missing", metavar="CELL ...", multiple=True,
                 help="Cells that stand for a missing value, such as -9999; none for none."),
    click.option("--sep", metavar="S", help="Separator of the cells; tab and space too."),
    click.option("--decimal", type=click.Choice([".", ","]), help="Decimal sign."),
    click.option("--encoding", metavar="E", help="Encoding of the text, such as cp1252."),
    click.option("--header", metavar="LINE", type=click.IntRange(min=0),
                 help="Line of the names; 0 for none."),
    click.option("--sheet", metavar="NAME", help="Sheet of an Excel file."),
)  # fmt: skip


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of files to a command, which gets them as one argument ``options``."""

    @wraps(command)
    def with_options(**arguments: Any) -> Any:
        told = {field.name: arguments.pop(field.name) for field in fields(FileOptions)}
        return command(**arguments, options=FileOptions(**told))

    return reduce(lambda wrapped, option: option(wrapped), reversed(OPTIONS), with_options)
