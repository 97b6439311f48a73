"""Command line: ``sklearn-linrnn``, also ``python -m sklearn_linrnn``."""

from __future__ import annotations

import math
from pathlib import Path

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from sklearn_linrnn._memory_bias import FLAT, LIMIT, RNN, SCALED, describe, memory_bias
from sklearn_linrnn._series import BUNDLED, load_series

LEGEND = """\
error   RMSE on the steps after the training part, in five parts
cost    the RNN's error against that of the flat convolution, which has no bias
memory  lag that holds 90 % of the energy of the prior, and of the fit; 0 is the newest
gap     distance of the RNN's impulse response from its infinite-width limit's
"""


class ListOptions(click.Command):
    """A command whose repeatable options also take several values in a row."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat an option before each of the values that follow it."""
        several = {
            flag
            for parameter in self.params
            if isinstance(parameter, click.Option) and parameter.multiple
            for flag in parameter.opts
        }
        spread: list[str] = []
        current = None
        for token in args:
            if token.startswith("--"):
                current = token if token in several else None
            elif current is not None and spread[-1] != current:
                spread.append(current)
            spread.append(token)
        return super().parse_args(ctx, spread)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sklearn-linrnn")
def main() -> None:
    """Linear RNNs, their infinite-width limit, and how much memory they really have."""


@main.command("memory-bias", cls=ListOptions, epilog=f"Bundled series: {', '.join(BUNDLED)}.")
@click.argument("name_or_csv", default="airline")
@click.option("--target", metavar="COL", help="Column to predict.")
@click.option(
    "--inputs",
    metavar="COL ...",
    multiple=True,
    help="Columns to predict it from; without any, its own past.",
)
@click.option("--lags", metavar="L", default=24, show_default=True, help="Number of lags.")
@click.option(
    "--nu-w",
    metavar="V ...",
    multiple=True,
    type=click.FloatRange(min=0.0),
    default=(0.1, 0.3, 0.5, 0.7, 0.9),
    show_default=True,
    help="Initial variances of the transition matrix.",
)
@click.option(
    "--csv",
    metavar="OUT",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File for the table, one row for each model and variance.",
)
def memory_bias_command(
    name_or_csv: str,
    target: str | None,
    inputs: tuple[str, ...],
    lags: int,
    nu_w: tuple[float, ...],
    csv: Path | None,
) -> None:
    """Show what the bias to short memory costs on a series.

    NAME_OR_CSV is one of sktime's bundled series or a CSV file with a line of names. A linear RNN,
    its infinite-width limit, the scaled and the flat convolution take the same number of steps of
    gradient descent and predict the steps that follow.
    """
    try:
        series = load_series(name_or_csv, target, inputs)
        frame = memory_bias(series.target, series.inputs, n_lags=lags, nu_w=nu_w, progress=True)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    console = Console(highlight=False)
    console.print(make_table(frame, series.name, lags))
    console.print(LEGEND, style="dim")
    console.print(describe(frame, series.name), style="bold")
    if csv is not None:
        frame.to_csv(csv, index=False)


def make_table(frame: pd.DataFrame, name: str, n_lags: int) -> Table:
    """Return the study's table, one row for each ``nu_w`` and one without bias."""
    table = Table(title=f"Memory bias on {name}, {n_lags} lags", title_justify="left")
    for heading in (
        "nu_w",
        "error\nRNN",
        "\nlimit",
        "\nconvolution",
        "\ncost",
        "memory\nprior",
        "\nfit",
        "\ngap",
    ):
        table.add_column(heading, justify="right")
    decimals = max(0, 3 - math.floor(math.log10(frame["rmse"].max() or 1.0)))
    by_model = {model: rows.set_index("nu_w") for model, rows in frame.groupby("model")}
    for nu_w, rnn in by_model[RNN].iterrows():
        errors = (by_model[model].loc[nu_w, "rmse"] for model in (RNN, LIMIT, SCALED))
        table.add_row(
            f"{nu_w:g}",
            *(f"{error:.{decimals}f}" for error in errors),
            f"{rnn['cost']:+.1%}",
            str(rnn["prior_memory"]),
            str(rnn["fit_memory"]),
            f"{rnn['gap']:.1%}",
        )
    flat = by_model[FLAT].iloc[0]
    memory = (str(flat["prior_memory"]), str(flat["fit_memory"]))
    table.add_section()
    table.add_row("flat", "", "", f"{flat['rmse']:.{decimals}f}", "", *memory, "")
    return table


if __name__ == "__main__":
    main(prog_name="sklearn-linrnn")
