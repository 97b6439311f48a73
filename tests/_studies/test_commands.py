"""What the commands share: messages in the options that were typed."""

import io
import sys
from itertools import pairwise

import click
import pytest
from click.testing import CliRunner

from sklearn_linrnn._studies import commands
from sklearn_linrnn._studies.commands import ListOptions, in_options, in_whole_words

OPTIONS = {
    "n_lags": "--lags",
    "nu_w": "--nu-w",
    "delay": "--delay",
    "noise": "--noise",
    "log": "--log",
    "priors": "--family",
    "X or y does not vary": "Nothing varies",
}


class Terminal(io.StringIO):
    """Standard error that somebody looks at."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("n_lags=5 with delay=2", "--lags 5 with --delay 2"),
        ("Lower nu_w or n_lags.", "Lower --nu-w or --lags."),
        ("without a delay the noise is white", "without a delay the noise is white"),
        ("noise='ar' needs steps", "--noise ar needs steps"),
        ("log=True needs a y that is positive", "--log needs a y that is positive"),
        ("priors must differ", "--family must differ"),
        ("of TC(nu_w=0.5), nu_w=0.3", "of TC(nu_w=0.5), --nu-w 0.3"),
        (
            "column 'n_lags' or 'a delay=2' and my_n_lags",
            "column 'n_lags' or 'a delay=2' and my_n_lags",
        ),
        ("X or y does not vary: stop", "Nothing varies: stop"),
    ],
)
def test_arguments_become_options_and_words_stay(message, expected):
    assert in_options(message, OPTIONS) == expected


def test_a_command_without_arguments_says_what_was_said():
    assert in_options("n_lags=5", {}) == "n_lags=5"


LINE = "The interval of --level 0.9 must lie within the half-open range"


@pytest.mark.parametrize("width", [12, 24, 40, 200])
def test_a_terminal_gets_lines_that_end_between_words(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stderr", Terminal())
    lines = in_whole_words(LINE).splitlines()
    assert " ".join(lines) == LINE
    for line, after in pairwise(lines):
        assert len(line) <= width < len(f"{line} {after.split()[0]}")


def test_files_and_programs_get_whole_lines(monkeypatch):
    monkeypatch.setenv("COLUMNS", "12")
    assert in_whole_words(LINE) == LINE


@pytest.mark.parametrize(
    ("error", "code"), [(click.UsageError(LINE), 2), (click.ClickException(LINE), 1)]
)
@pytest.mark.parametrize("stage", ["parse_args", "invoke"])
def test_errors_of_every_stage_are_said_in_whole_words(monkeypatch, error, code, stage):
    def fail(*_):
        raise error

    monkeypatch.setattr(commands, "in_whole_words", lambda line: line.replace("must", "MUST"))
    monkeypatch.setattr(click.Command, stage, fail)
    result = CliRunner().invoke(ListOptions("study", callback=lambda: None))
    assert result.exit_code == code
    assert result.stderr.endswith(f"Error: {LINE.replace('must', 'MUST')}\n")
