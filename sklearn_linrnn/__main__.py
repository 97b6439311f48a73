"""Command line: ``sklearn-linrnn``, also ``python -m sklearn_linrnn``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from sklearn_linrnn._studies.commands import (
    INTERRUPTED,
    ListOptions,
    OptionalValues,
    failed,
    output_option,
    say,
    typed,
    unwritten,
    was_typed,
)
from sklearn_linrnn._studies.files.command_line import file_options
from sklearn_linrnn._studies.files.options import FileOptions
from sklearn_linrnn._studies.identification.command import identify_command
from sklearn_linrnn._studies.memory_studies import WHOLE_FAMILY, family_study, network_study
from sklearn_linrnn._studies.series import BUNDLED, load_all, load_series

ARGUMENTS = {
    "n_lags": "--lags",
    "nu_w": "--nu-w",
    "priors": "--family",
    "log": "--log",
    "difference": "--difference",
    "season": "--season",
}
BENCHMARKED = ("airline", "lynx", "pbs", "solar", "uschange")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sklearn-linrnn")
def main() -> None:
    """Linear RNNs, their infinite-width limit, and how much memory they really have."""


@main.command(
    "memory-bias",
    cls=ListOptions,
    arguments=ARGUMENTS,
    epilog=f"Bundled series: {', '.join(BUNDLED)}.",
)
@click.argument("name_or_file", default="airline")
@click.option("--target", metavar="COL", help="Column to predict.")
@click.option(
    "--inputs",
    metavar="COL ...",
    multiple=True,
    help="Columns to predict it from; without any, its own past.",
)
@click.option("--past", is_flag=True, help="Predict it from its own past and from the inputs.")
@click.option(
    "--lags",
    metavar="L",
    type=click.IntRange(min=1),
    default=24,
    show_default=True,
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
    "--family",
    metavar="[NAME ...]",
    cls=OptionalValues,
    flag_value=WHOLE_FAMILY,
    help="Compare what other recurrences prefer to remember, instead of training networks: all "
    "priors, or those of these names, such as lru.",
)
@click.option(
    "--season",
    metavar="S",
    type=click.IntRange(min=1),
    help="Steps after which the series repeats itself; without it, what its dates say.",
)
@click.option("--log", is_flag=True, help="Study the logarithms of the target.")
@click.option(
    "--difference", is_flag=True, help="Study differences of neighbouring steps, of inputs too."
)
@output_option("--csv", "OUT", "File for the table, one row for each model or prior.")
@file_options
@output_option(
    "--report", "FILE", "File for a page of HTML with pictures, that needs no other file."
)
def memory_bias_command(
    *,
    name_or_file: str,
    target: str | None,
    inputs: tuple[str, ...],
    past: bool,
    lags: int,
    nu_w: tuple[float, ...],
    family: tuple[str, ...],
    season: int | None,
    log: bool,
    difference: bool,
    csv: Path | None,
    report: Path | None,
    options: FileOptions,
) -> None:
    """Test what the bias to short memory costs on a series.

    NAME_OR_FILE is one of sktime's bundled series or a file: CSV of any separator, Excel, Parquet.
    Linear RNNs, their infinite-width limit and a convolution without bias are trained on its
    beginning, stopped by one rule, and predict what follows, one step ahead; so do forecasts
    without a model. --family asks which recurrence's memory suits the series, by evidence and by
    held-out error.
    """
    from sklearn_linrnn._studies.report_page import load_template  # noqa: PLC0415
    from sklearn_linrnn._studies.whole_file import replace_file  # noqa: PLC0415

    if family and was_typed("nu_w"):
        raise click.UsageError(
            "--nu-w says how networks start, and --family trains none: leave out one of them."
        )
    try:
        study = family_study(family) if family else network_study(nu_w)
        if report is not None:
            load_template(study.template)  # before the work, not after it
        series = load_series(name_or_file, target, inputs, options)
        series = series.with_past() if past else series
        say(series.line)
        result = study.run(
            series.target.rename(series.name),
            series.inputs,
            n_lags=lags,
            season=season,
            log=log,
            difference=difference,
            progress=True,
        )
    except (ValueError, ImportError) as error:
        raise failed(error) from error
    study.show(result)
    try:
        if csv is not None:
            replace_file(csv, result.table.to_csv(index=False))
        if report is not None:
            result.to_html(report, command=typed())
    except OSError as error:
        raise unwritten(error.filename, error) from error


@main.command("benchmark", cls=ListOptions, epilog=f"Bundled series: {', '.join(BUNDLED)}.")
@click.argument("names_or_files", nargs=-1, metavar="[NAME_OR_FILE]...")
@click.option("--target", metavar="COL", help="Column to forecast, of files with several.")
@click.option(
    "--inputs",
    metavar="COL ...",
    multiple=True,
    help="Columns that are known ahead, for those forecasters that take inputs.",
)
@click.option(
    "--season",
    metavar="S",
    type=click.IntRange(min=1),
    help="Steps after which the series repeat themselves; without it, what their dates say.",
)
@click.option(
    "--horizon",
    metavar="H",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="Number of steps to forecast.",
)
@click.option(
    "--folds",
    metavar="K",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Number of test parts, each H steps long, at the end of the series.",
)
@click.option(
    "--window",
    type=click.Choice(["expanding", "sliding"]),
    default="expanding",
    show_default=True,
    help="Whether the training part before each keeps its start, or its length.",
)
@click.option(
    "--lags",
    metavar="L ...",
    multiple=True,
    type=click.IntRange(min=1),
    default=(12, 24),
    show_default=True,
    help="Windows of the peers that do not choose one.",
)
@output_option(
    "--csv",
    "OUT",
    "File for the results; those that it has are not computed again.",
    default="benchmark.csv",
    show_default=True,
)
@click.option("--overwrite", is_flag=True, help="Forget the results that the file has.")
@file_options
def benchmark_command(
    *,
    names_or_files: tuple[str, ...],
    target: str | None,
    inputs: tuple[str, ...],
    season: int | None,
    horizon: int,
    folds: int,
    window: Literal["expanding", "sliding"],
    lags: tuple[int, ...],
    csv: Path,
    overwrite: bool,
    options: FileOptions,
) -> None:
    """Rank this package's forecasters and sktime's on real series.

    NAME_OR_FILE is one of sktime's bundled series or a file: CSV of any separator, Excel, Parquet.
    --id COL reads all stacked series of a file. Without a name: airline, lynx, pbs, solar and
    uschange. A result is in the file OUT as soon as it is there: after Ctrl-C or a failure the same
    command goes on.
    """
    from sklearn_linrnn._studies.benchmark import Benchmark, open_results  # noqa: PLC0415
    from sklearn_linrnn._studies.benchmark_report import print_ranking  # noqa: PLC0415
    from sklearn_linrnn._studies.benchmark_task import Protocol, make_task  # noqa: PLC0415

    protocol = Protocol(horizon, folds, window)
    given = names_or_files or BENCHMARKED
    names = dict.fromkeys(name.lower() if name.lower() in BUNDLED else name for name in given)
    try:
        tasks = []
        for name in names:
            for series in load_all(name, target, inputs, options):
                say(series.line)
                title = f"{name} {series.part}".strip()
                tasks.append(make_task(title, series.target, season, protocol, series.inputs))
        results = open_results(csv)
    except ValueError as error:
        raise failed(error) from error
    except OSError as error:
        raise unwritten(csv, error) from error
    if overwrite:
        results.clear()
    benchmark, failures, stopped = Benchmark(tasks, protocol, sorted(set(lags))), [], False
    try:
        for failure in benchmark.run(results, progress=True):
            failures.append(failure)  # noqa: PERF402 - those before Ctrl-C count
    except KeyboardInterrupt:
        stopped = True
    except (OSError, ValueError) as error:
        raise unwritten(csv, error) from error
    frame = benchmark.collect(results)
    print_ranking(frame, protocol, failures, benchmark.without_inputs())
    click.echo(f"{len(frame)} of {len(benchmark)} results are in {csv}.")
    if stopped:
        click.echo("Stopped; the same command goes on from there.", err=True)
        raise SystemExit(INTERRUPTED)


main.add_command(identify_command)


if __name__ == "__main__":
    main(prog_name="sklearn-linrnn")
