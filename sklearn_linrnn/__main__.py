"""Command line: ``sklearn-linrnn``, also ``python -m sklearn_linrnn``."""

from __future__ import annotations

from pathlib import Path

import click

from sklearn_linrnn._series import BUNDLED, load_series


class ListOptions(click.Command):
    """A command whose repeatable options also take several values in a row."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat an option before each of the values that follow it."""
        several = {
            flag: parameter
            for parameter in self.params
            if isinstance(parameter, click.Option) and parameter.multiple
            for flag in parameter.opts
        }
        spread: list[str] = []
        current = None  # the repeatable option whose values these are
        for token in args:
            flag, equals, _ = token.partition("=")
            if token.startswith("--"):
                current = flag if flag in several else None
                takes_next = not equals
            elif current is not None:
                if not takes_next and not _is_value(token, several[current], ctx):
                    current = None
                elif not takes_next:
                    spread.append(current)
                takes_next = False
            spread.append(token)
        return super().parse_args(ctx, spread)


def _is_value(token: str, option: click.Option, ctx: click.Context) -> bool:
    """Whether a token can be a value of an option."""
    try:
        option.type.convert(token, option, ctx)
    except click.BadParameter:
        return False
    return True


def _in_a_folder(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that could not be written, before the work instead of after it."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}.", ctx, parameter)
    return path


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
@click.option(
    "--lags",
    metavar="L",
    type=click.IntRange(min=1),
    default=24,
    show_default="24",
    help="Number of lags.",
)
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
    callback=_in_a_folder,
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
    # Imported here so that --help and wrong options answer at once.
    from sklearn_linrnn._memory_bias import memory_bias  # noqa: PLC0415
    from sklearn_linrnn._report import print_report  # noqa: PLC0415

    try:
        series = load_series(name_or_csv, target, inputs)
        frame = memory_bias(series.target, series.inputs, n_lags=lags, nu_w=nu_w, progress=True)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    print_report(frame, series.name, lags)
    if csv is not None:
        frame.to_csv(csv, index=False)


if __name__ == "__main__":
    main(prog_name="sklearn-linrnn")
