"""The command that identifies a system from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._studies.commands import (
    ListOptions,
    failed,
    output_option,
    say,
    typed,
    unwritten,
)
from sklearn_linrnn._studies.files.command_line import file_options
from sklearn_linrnn._studies.files.options import FileOptions
from sklearn_linrnn._studies.series import load_series

NO_RESPONSE = "X or y does not vary, so that there is no alpha to choose"
NO_TRUST = "Set alpha, or choose it by cross-validation (NTKConvRegressorCV)."
ARGUMENTS = {
    **{name: f"--{name}" for name in ("delay", "prior", "memory", "noise", "level")},
    "n_lags": "--lags",
    "held_out": "--held-out",
    "X, y or sample_weight": "--inputs or --target",
    NO_RESPONSE: "None of the --inputs varies before the part that is held out",
    NO_TRUST: "Take another --prior, or a part of the recording in which nothing changes.",
}


class NumberOrAuto(click.ParamType):
    """A whole number, or "auto".

    Parameters
    ----------
    least : int
        The least number.
    """

    name = "number"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> int | Literal["auto"]:
        """Return the number, or "auto"."""
        if value == "auto":
            return "auto"
        try:
            number = int(value)
        except ValueError:
            number = self.least - 1
        if number < self.least:
            self.fail(f"{value!r} is neither 'auto' nor a number from {self.least} on.", param, ctx)
        return number


@click.command("identify", cls=ListOptions, arguments=ARGUMENTS)
@click.argument("file")
@click.option("--target", metavar="COL", required=True, help="Column of the output.")
@click.option(
    "--inputs", metavar="COL ...", multiple=True, required=True, help="Columns of the inputs."
)
@click.option(
    "--lags",
    metavar="L",
    type=NumberOrAuto(1),
    default="auto",
    show_default=True,
    help="Number of lags.",
)
@click.option(
    "--delay",
    metavar="D",
    type=NumberOrAuto(0),
    default="auto",
    show_default=True,
    help="Steps that the inputs take to act.",
)
@click.option(
    "--prior",
    type=click.Choice(list(PRIORS)),
    default="tc",
    show_default=True,
    help="What is expected of the response.",
)
@click.option(
    "--memory",
    type=click.Choice(["channel", "shared"]),
    default="channel",
    show_default=True,
    help="Whether each input has a memory of its own.",
)
@click.option(
    "--noise",
    type=click.Choice(["ar", "white"]),
    default="ar",
    show_default=True,
    help="Whether the noise may go on from step to step.",
)
@click.option(
    "--held-out",
    metavar="SHARE",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    default=0.25,
    show_default=True,
    help="Share of the recording, its end, that tests the model.",
)
@click.option(
    "--level",
    metavar="P",
    type=click.FloatRange(0.5, 1.0, max_open=True),
    default=0.9,
    show_default=True,
    help="Probability of bands and intervals, at least 0.5.",
)
@click.option(
    "--sampling-time",
    metavar="S",
    type=click.FloatRange(min=0.0, min_open=True),
    help="Seconds from one row to the next; without it, what the times say.",
)
@file_options
@output_option("--csv", "OUT", "File for the impulse responses and their bands.")
@output_option(
    "--report", "OUT.html", "File for a page of HTML with pictures, that needs no other file."
)
def identify_command(
    *,
    file: str,
    target: str,
    inputs: tuple[str, ...],
    csv: Path | None,
    report: Path | None,
    options: FileOptions,
    lags: int | Literal["auto"],
    **design: Any,
) -> None:
    """Identify how a system responds to its inputs, and test whether the model holds.

    FILE is CSV of any separator, Excel or Parquet. The impulse responses from the inputs to the
    target are learned from the first part of the recording, everything that is not given chosen by
    its evidence, and simulate the rest.
    """
    # Imported here so that --help and wrong options answer at once.
    from sklearn_linrnn._studies.identification.identified_system import (  # noqa: PLC0415
        IdentificationDesign,
        identify,
    )
    from sklearn_linrnn._studies.identification.system_page import (  # noqa: PLC0415
        TEMPLATE,
        write_system_page,
    )
    from sklearn_linrnn._studies.identification.system_report import print_system  # noqa: PLC0415
    from sklearn_linrnn._studies.report_page import load_template  # noqa: PLC0415
    from sklearn_linrnn._studies.whole_file import replace_file  # noqa: PLC0415

    try:
        if report is not None:
            load_template(TEMPLATE)  # before the work, not after it
        series = load_series(file, target, inputs, options)
        say(series.line)
        system = identify(series, IdentificationDesign(n_lags=lags, **design))
    except (ValueError, ImportError) as error:
        raise failed(error) from error
    print_system(system)
    try:
        if csv is not None:
            replace_file(csv, system.responses().to_csv())
        if report is not None:
            write_system_page(system, report, typed())
    except OSError as error:
        raise unwritten(error.filename, error) from error
