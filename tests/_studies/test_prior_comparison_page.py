"""The comparison as a page, and its command."""

import re
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal

from sklearn_linrnn import compare_priors
from sklearn_linrnn.__main__ import main
from sklearn_linrnn._studies.prior_comparison.page import render_comparison
from sklearn_linrnn._studies.prior_comparison.report import comparison_cells, comparison_legend
from sklearn_linrnn._studies.series import load_series
from sklearn_linrnn.priors import TC

SMALL = {"priors": ["tc", "flat"], "n_lags": 4, "n_splits": 2}


def words(text):
    """Return what a reader sees, as one line."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)
    return " ".join(text.split())


def run(*arguments):
    return CliRunner().invoke(main, ["memory-bias", *map(str, arguments)])


@pytest.fixture(scope="module")
def result():
    index = pd.period_range("2000-01", periods=120, freq="M")
    values = np.random.default_rng(0).normal(size=120).cumsum()
    return compare_priors(pd.Series(values, index=index, name="<a> & b.csv"), **SMALL)


# -- The page ----------------------------------------------------------------------------


def test_the_page_needs_no_network_and_has_verdict_table_method_and_command(result):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    page = render_comparison(result, "sklearn-linrnn memory-bias 'b c.csv' --family tc flat")
    assert page.count("data:image/svg+xml") == 6, "three pictures, light and dark"
    assert not re.search(r"@import|url\(|<script|https?:", page)
    text = words(page)
    for part in ("Which of these preferences suits", "Pictures", "All priors", "Method",
                 "Hyperparameters of the highest evidence", "Part by part", "Hansen"):  # fmt: skip
        assert part in text
    assert "sklearn-linrnn memory-bias &#39;b c.csv&#39; --family tc flat" in page
    assert "&lt;a&gt; &amp; b.csv" in page
    assert "<a> &" not in page
    assert f"nu_w {result.priors['tc'].nu_w:.3g}" in text
    assert page == render_comparison(
        result, "sklearn-linrnn memory-bias 'b c.csv' --family tc flat"
    )


def test_without_a_command_the_page_has_the_call(result):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    text = words(render_comparison(result)).replace("&#39;", "'")
    assert "compare_priors( y, priors={'flat': Flat(), 'tc': TC(nu_w='auto')}, n_lags=4" in text


def test_a_page_is_written(result, tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    result.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_the_cells_are_the_numbers_of_the_table(result):
    first, second, mean, *others = comparison_cells(result)
    names = [row[0] for row in (first, second, mean, *others)]
    assert names == [*result.priors, "mean", "last", "season"]
    assert first[1].rstrip("*") == "0"
    assert float(second[1].rstrip("* ")) <= 0
    assert ("*" in second[3]) == (len(result.held_out_set) == 2)
    assert mean[1] == mean[2] == ""


# -- The command -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["airline", "--family", "tc", "flat"],
        ["--family", "tc", "flat", "airline"],
        ["airline", "--family=tc", "--family=flat"],
        ["--family", "tc", "--family", "flat", "tc", "airline"],
    ],
)
def test_names_may_follow_the_option_in_a_row(arguments):
    result = run(*arguments, "--lags", 4)
    assert result.exit_code == 0, result.output
    assert "Priors on airline, 4 lags" in result.stdout
    y = load_series("airline").target.rename("airline")
    expected = compare_priors(y, priors=["tc", "flat"], n_lags=4)
    assert words(result.stdout).endswith(expected.summary)


@pytest.mark.parametrize("arguments", [["--family", "airline"], ["airline", "--family"]])
def test_without_names_all_priors_are_compared(monkeypatch, arguments):
    asked = []

    def study(y, X, *, priors, **parameters):
        asked.append(priors)
        return compare_priors(y[:60], X, priors=["tc", "flat"], n_lags=3, n_splits=2)

    monkeypatch.setattr("sklearn_linrnn._studies.prior_comparison.comparison.compare_priors", study)
    assert run(*arguments).exit_code == 0
    assert asked == [None]


def test_the_table_fits_into_80_columns():
    result = run("airline", "--family", "tc", "flat", "linear_rnn", "torch_rnn", "--log")
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_file_its_table_and_its_page(tmp_path, monkeypatch):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 2)), columns=["flow", "rain"])
    frame.to_csv(tmp_path / "river.csv", index=False)
    typed = ["memory-bias", str(tmp_path / "river.csv"), "--target", "flow", "--inputs", "rain",
             "--family", "tc", "--lags", "3", "--csv", str(tmp_path / "out.csv"), "--report",
             str(tmp_path / "out.html")]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["sklearn-linrnn", *typed])
    result = CliRunner().invoke(main, typed)
    assert result.exit_code == 0, result.output
    expected = compare_priors(frame["flow"], frame[["rain"]], priors={"tc": TC("auto")}, n_lags=3)
    found = pd.read_csv(tmp_path / "out.csv")
    assert_frame_equal(found, expected.table, check_dtype=False, rtol=1e-9)
    assert f"<pre>sklearn-linrnn {' '.join(typed)}</pre>" in (tmp_path / "out.html").read_text()


def test_ctrl_c_ends_with_its_status_and_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    place = "sklearn_linrnn._studies.prior_comparison.comparison.compare_priors"
    monkeypatch.setattr(place, partial(interrupted))
    result = run("airline", "--family", "--csv", tmp_path / "out.csv")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["airline", "--family", "lur"], r"--family must be among \['.*'tc'.*\], but got 'lur'"),
        (["--family", "lur", "airline"], "--family must be among .* but got 'lur'"),
        (["airline", "--family", "--nu-w", "0.3"], "--nu-w says how networks start"),
        (
            ["airline", "--family", "tc", "--lags", "144"],
            "--lags 144 needs a series of at least 145 .* got 144",
        ),
        (["--family=tc", "no.csv"], "'no.csv' is neither a file nor one of"),
    ],
)
def test_wrong_arguments_give_one_line(arguments, message):
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert re.search(message, line)


def test_the_legend_of_the_terminal_fits_80_columns(result):
    assert max(map(len, comparison_legend(result).splitlines())) < 80
