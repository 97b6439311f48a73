"""What the commands share: options with several values, files to write, and what is said."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sklearn_linrnn._studies.series import BUNDLED

ERROR = "Error: "  # what errors begin with
INTERRUPTED = 130  # exit status after Ctrl-C
FILES = (".csv", ".tsv", ".txt", ".dat", ".gz", ".bz2", ".xz", ".zip", ".xlsx", ".xls", ".parquet")


class ListOptions(click.Command):
    """A command whose options take several values in a row, and that ends and warns in a line.

    Parameters
    ----------
    *args, **settings
        Those of `click.Command`.
    arguments : mapping of str to str
        The option of each argument that messages speak of, as `in_options` has them.
    """

    def __init__(
        self, *args: Any, arguments: Mapping[str, str] | None = None, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.arguments = arguments or {}

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; after Ctrl-C, end with the status that shells know for it."""
        try:
            with _said_once(self.arguments), _in_whole_words():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Read the command line; what is wrong with it is said in whole words."""
        with _in_whole_words():
            return super().make_context(*args, **settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat an option before each of the values that follow it."""
        several = {
            flag: parameter
            for parameter in self.params
            if isinstance(parameter, click.Option) and parameter.multiple
            for flag in parameter.opts
        }
        spread, rest = [], list(args)
        while rest:
            token = rest.pop(0)
            flag, equals, _ = token.partition("=")
            if flag not in several:
                spread.append(token)
                continue
            option = several[flag]
            may_be_alone = bool(equals) or isinstance(option, OptionalValues)
            values = _take_values(rest, option, ctx, least=0 if may_be_alone else 1)
            if equals or not (values or may_be_alone):
                spread.append(token)
            elif not values:
                values = [option.flag_value]
            spread += [f"{flag}={value}" for value in values]
        return super().parse_args(ctx, spread)


class OptionalValues(click.Option):
    """An option with several values in a row, or none, which stands for its ``flag_value``."""

    def __init__(self, names: Sequence[str], **settings: Any) -> None:
        several: dict[str, Any] = {**settings, "multiple": True, "is_flag": False}
        super().__init__(names, **several)


def _take_values(
    rest: list[str], option: click.Option, ctx: click.Context, *, least: int
) -> list[str]:
    """Take the values of an option from the tokens that follow it: the first ones in any case."""
    values: list[str] = []
    while rest and not rest[0].startswith("--"):
        if len(values) >= least and not _is_value(rest[0], option, ctx):
            break
        values.append(rest.pop(0))
    return values


def _is_value(token: str, option: click.Option, ctx: click.Context) -> bool:
    """Whether a token can be a value of an option, and is not the file that follows it."""
    if isinstance(option.type, click.types.StringParamType) and _is_file(token):
        return False
    try:
        option.type.convert(token, option, ctx)
    except click.BadParameter:
        return False
    return True


def _is_file(token: str) -> bool:
    return token.lower().endswith(FILES) or token.lower() in BUNDLED or Path(token).is_file()


def _in_a_folder(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that could not be written, before the work instead of after it."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}.", ctx, parameter)
    if path is not None and not os.access(path.parent, os.W_OK):
        folder = str(path.parent)
        raise click.BadParameter(f"the folder {folder!r} may not be written to.", ctx, parameter)
    return path


def typed() -> str:
    """Return the command line as it was typed."""
    return shlex.join(["sklearn-linrnn", *sys.argv[1:]])


def was_typed(name: str) -> bool:
    """Return whether a parameter of the command that runs was typed, and is no default."""
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def in_options(message: str, options: Mapping[str, str]) -> str:
    """Return a message about arguments as one about the options that the user typed.

    What a message quotes, as the name of a column, stays as it is; so do words that are the names
    of arguments, too, unless a value or what they must be follows.

    >>> in_options("n_lags=5 with delay=2", {"n_lags": "--lags", "delay": "--delay"})
    '--lags 5 with --delay 2'
    >>> in_options("log=True makes noise of noise='ar'", {"log": "--log", "noise": "--noise"})
    '--log makes noise of --noise ar'

    Parameters
    ----------
    message : str
        The message.
    options : mapping of str to str
        The option of each argument; also what stands for a phrase of the message.
    """
    if not options:
        return message
    names = "|".join(map(re.escape, sorted(options, key=len, reverse=True)))
    value = r"(?:=(True\b)?(?:'([^']*)')?)?"
    argument = rf"(?<![\w-])(?<!\w\()({names})(?!\w){value}(?= (must|needs))?"
    quoted = r"(?<!\w)'[^']*'"

    def as_option(found: re.Match[str]) -> str:
        name, switch, word, need = found.groups()
        has_value = found[0] != name
        if name is None or (name.isalpha() and name.islower() and not has_value and need is None):
            return found[0]
        return options[name] + (" " if has_value and not switch else "") + (word or "")

    return re.sub(f"{quoted}|{argument}", as_option, message)


def failed(error: Exception) -> click.ClickException:
    """Return an error as what the command that runs says of it."""
    command = click.get_current_context().command
    arguments = command.arguments if isinstance(command, ListOptions) else {}
    return click.ClickException(in_options(str(error), arguments))


def unwritten(path: Path | str, error: Exception) -> click.ClickException:
    reason = getattr(error, "strerror", None) or error
    return click.ClickException(f"{path} could not be written: {reason}")


@contextmanager
def _said_once(arguments: Mapping[str, str]) -> Iterator[None]:
    """Say each of the package's warnings once, in a line and of options, when it comes."""
    told = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        line = in_options(str(message), arguments)
        if line not in told:
            told.add(line)
            say(f"Warning: {line}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


@contextmanager
def _in_whole_words() -> Iterator[None]:
    """Let errors be said in lines that end between words."""
    try:
        yield
    except click.ClickException as error:
        message = in_whole_words(f"{ERROR}{error.format_message()}").removeprefix(ERROR)
        if isinstance(error, click.UsageError):
            raise click.UsageError(message, error.ctx) from error
        raise click.ClickException(message) from error


def in_whole_words(line: str) -> str:
    """Return a line in several, as wide as the terminal that shows it, if one does.

    Files and programs get it whole.

    Parameters
    ----------
    line : str
        What is said on standard error.
    """
    if not sys.stderr.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(part, width, break_long_words=False, break_on_hyphens=False)
        for part in line.splitlines()
    )


def say(line: str) -> None:
    """Say on standard error what was read, so that standard output is the table."""
    if line:
        click.echo(in_whole_words(line), err=True)


def output_option(flag: str, metavar: str, text: str, **settings: Any) -> Callable[..., Any]:
    """Return an option that names a file to write, which is refused before the work."""
    kind = click.Path(dir_okay=False, writable=True, path_type=Path)
    return click.option(
        flag, metavar=metavar, type=kind, callback=_in_a_folder, help=text, **settings
    )
