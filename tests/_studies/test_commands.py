"""What the commands share: messages in the options that were typed."""

import pytest

from sklearn_linrnn._studies.commands import in_options

OPTIONS = {
    "n_lags": "--lags",
    "nu_w": "--nu-w",
    "delay": "--delay",
    "noise": "--noise",
    "log": "--log",
    "priors": "--family",
    "X or y does not vary": "Nothing varies",
}


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
