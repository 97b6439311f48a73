"""The command that identifies a system: its tables, its page, and one-line errors."""

import re
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.signal import lfilter

from sklearn_linrnn.__main__ import main
from sklearn_linrnn._estimators import auto_choice


@pytest.fixture
def plant(tmp_path):
    rng = np.random.default_rng(0)
    flow, valve = rng.normal(size=(2, 600))
    heat = lfilter([0, 1], [1, -0.6], flow) + 0.5 * valve + rng.normal(size=600)
    pd.DataFrame({"flow": flow, "valve": valve, "heat": heat}).to_csv(
        tmp_path / "plant.csv", index=False
    )
    return tmp_path / "plant.csv"


def run(*arguments):
    return CliRunner().invoke(main, ["identify", *map(str, arguments)])


def words(text):
    return " ".join(text.split())


GIVEN = ("--target", "heat", "--inputs", "flow", "valve", "--lags", 12, "--delay", 0)


def test_it_prints_responses_tests_and_sentences_within_80_columns(plant):
    result = run(plant, *GIVEN)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    text = words(result.stdout)
    assert "Response of heat in plant.csv, 12 lags" in text
    rows = [line for line in result.stdout.splitlines() if line.startswith("│")]
    assert [row.split("│")[1].strip() for row in rows[:3]] == ["flow", "valve", "whiteness"]
    assert "follows the last 150 values of heat" in text
    assert "inputs: flow, valve" in result.stderr


def test_the_responses_are_written(plant, tmp_path):
    out = tmp_path / "responses.csv"
    result = run(plant, *GIVEN, "--sampling-time", 0.5, "--csv", out)
    assert result.exit_code == 0, result.output
    frame = pd.read_csv(out, index_col=["channel", "lag"])
    assert len(frame) == 2 * 12
    assert frame.loc[("flow", 4), "time"] == 2.0
    band = frame.loc["flow"]
    assert (band["lower"] < band["response"]).all()
    assert (band["response"] < band["upper"]).all()


def test_the_report_is_one_page_with_all_pictures(plant, tmp_path, monkeypatch):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    path = tmp_path / "plant.html"
    typed = ["identify", str(plant), *map(str, GIVEN), "--report", str(path)]
    monkeypatch.setattr(sys, "argv", ["sklearn-linrnn", *typed])
    result = CliRunner().invoke(main, typed)
    assert result.exit_code == 0, result.output
    page = path.read_text(encoding="utf-8")
    assert page.count("<figcaption>") == 5
    assert not re.search(r"@import|url\(|<script|src=\"http", page)
    assert f"<pre>sklearn-linrnn {' '.join(typed)}</pre>" in page
    for part in ("Held-out end", "Responses", "Does the model hold?", "Method"):
        assert f"<h2>{part}</h2>" in page


def test_a_report_without_its_libraries_is_refused_before_the_work(plant, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = run(plant, *GIVEN, "--report", tmp_path / "out.html")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "pip install 'sklearn-linrnn[report]'" in words(result.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "heat"], "Missing option '--inputs'"),
        (["--inputs", "flow"], "Missing option '--target'"),
        (["--target", "heat", "--inputs", "steam"], "no column called 'steam'"),
        ([*GIVEN, "--lags", "few"], "'few' is neither 'auto' nor a number from 1 on."),
        ([*GIVEN, "--delay", "-1"], "'-1' is neither 'auto' nor a number from 0 on."),
        ([*GIVEN, "--lags", 600, "--delay", 3], "Error: --lags 600 with --delay 3 needs"),
        ([*GIVEN, "--held-out", "1"], "1.0 is not in the range 0.0<x<1.0"),
        ([*GIVEN, "--level", "0.49"], "'--level': 0.49 is not in the range 0.5<=x<1.0"),
        ([*GIVEN, "--held-out", "0.001"], "--held-out leaves 1 observed value of heat in"),
        (
            [*GIVEN, "--lags", 5, "--delay", 440],
            "5 lags of 2 inputs after a dead time of 440 steps.",
        ),
    ],
)
def test_errors_speak_of_what_was_typed(plant, arguments, message):
    result = run(plant, *arguments)
    assert result.exit_code in (1, 2)
    assert message in words(result.stderr)
    assert "Traceback" not in result.output


def test_inputs_that_follow_from_others_are_named_before_the_work(plant):
    data = pd.read_csv(plant)
    data.assign(double=2.0 * data["flow"]).to_csv(plant, index=False)
    result = run(plant, "--target", "heat", "--inputs", "flow", "double", "--lags", 600)
    warning, error = result.stderr.splitlines()[-2:]
    assert warning.startswith("Warning: Inputs that follow from others cannot be told apart")
    assert "double from flow" in warning
    assert error.startswith("Error: --lags 600")


def test_a_target_that_does_not_vary_is_refused(plant):
    pd.read_csv(plant).assign(heat=5.0).to_csv(plant, index=False)
    result = run(plant, *GIVEN)
    assert result.exit_code == 1
    assert "--target heat must vary" in words(result.stderr)
    assert "is always 5 there" in words(result.stderr)


def test_too_few_values_for_the_tests_are_told_in_options(plant):
    pd.read_csv(plant).head(80).to_csv(plant, index=False)
    result = run(plant, *GIVEN)
    assert result.exit_code == 1
    assert (
        "--held-out leaves 20 observed values of heat, which do not test 12 lags of 2 inputs. "
        "Raise --held-out, or set fewer --lags."
    ) in words(result.stderr)


MISSING = {
    "everywhere": (slice(0, None), GIVEN, "lacks 600 values, so that 0 values of heat before the"),
    "before": (slice(0, 440), GIVEN, "lacks 441 values, so that 0 values of heat before the part"),
    "after": (slice(440, None), GIVEN, "lacks 160 values, so that 0 values of heat in the part"),
    "often": (
        slice(0, None, 5),
        GIVEN,
        "so that 0 values of heat before the part that is held out",
    ),
    "of delays": (
        slice(0, None, 20),
        (*GIVEN[:-2], "--delay", "auto"),
        "have 12 known lags after delays of 0 to 30 steps, but at least 20 are needed. Set --delay",
    ),
}


@pytest.mark.parametrize("where", MISSING)
def test_an_input_that_is_missing_too_often_is_named(plant, where):
    rows, given, message = MISSING[where]
    frame = pd.read_csv(plant)
    frame.loc[rows, "valve"] = np.nan
    frame.to_csv(plant, index=False)
    result = run(plant, *given)
    assert result.exit_code == 1
    assert "Error: --inputs valve lacks " in words(result.stderr)
    assert message in words(result.stderr)


@pytest.mark.parametrize("n_rows", [1, 39])
def test_a_recording_that_no_part_of_which_suffices_is_refused(plant, n_rows):
    pd.read_csv(plant).head(n_rows).to_csv(plant, index=False)
    result = run(plant, *GIVEN)
    assert result.exit_code == 1
    value = "value" if n_rows == 1 else "values"
    assert (
        f"--target heat has {n_rows} observed {value}, but at least 40 are needed: 20 to learn from"
    ) in words(result.stderr)


def test_numbers_that_are_too_large_are_those_of_columns(plant):
    (pd.read_csv(plant) * 1e200).to_csv(plant, index=False)
    result = run(plant, *GIVEN)
    assert result.exit_code == 1
    assert "--inputs or --target is too large" in words(result.stderr)


def test_an_input_that_does_not_vary_has_no_memory_and_no_tests(plant):
    pd.read_csv(plant).assign(valve=3.0).to_csv(plant, index=False)
    result = run(plant, *GIVEN)
    assert result.exit_code == 0, result.output
    rows = [line.replace("│", " ").split() for line in result.stdout.splitlines()]
    assert ["valve", "0", "0", "to", "0", "-", "-", "0", "0"] in rows
    assert [row[-1] for row in rows if row[1:2] == ["valve"]] == ["-", "-"]
    assert "nan" not in result.stdout
    sentence = "valve does not vary before the held-out end: nothing is known of its effect."
    assert sentence in words(result.stdout)


def test_an_input_that_varies_too_late_is_named(plant):
    frame = pd.read_csv(plant)
    frame.loc[:449, "flow"] = 0.0
    frame.to_csv(plant, index=False)
    assert "flow does not vary before the held-out end" in words(run(plant, *GIVEN).stdout)


def test_warnings_are_said_once_each_in_a_line(plant):
    frame = pd.read_csv(plant)
    frame.assign(flow=1.0, valve=3.0).to_csv(plant, index=False)
    result = run(plant, "--target", "heat", "--inputs", "flow", "valve")
    assert result.exit_code == 0, result.output
    told = [line for line in result.stderr.splitlines() if line.startswith("Warning: ")]
    nothing = "None of the --inputs varies before the part that is held out: nothing is learned."
    assert told == [f"Warning: {nothing}"]
    assert "flow and valve do not vary before" in words(result.stdout)
    assert "site-packages" not in result.stderr
    assert "1 lag\n" in re.sub(" +\n", "\n", result.stdout)


def test_an_exact_fit_is_not_printed_to_the_digits_of_rounding(plant):
    frame = pd.read_csv(plant)
    frame.assign(heat=frame["flow"]).to_csv(plant, index=False)
    result = run(plant, *GIVEN)
    assert result.exit_code == 0, result.output
    assert "with a fit of 100 % (100 to 100 %)" in words(result.stdout)


def test_warnings_speak_of_what_was_typed(plant):
    frame = pd.read_csv(plant)
    frame.loc[::2, "heat"] = np.nan
    frame.to_csv(plant, index=False)
    result = run(plant, *GIVEN)
    assert result.exit_code == 0, result.output
    assert "Warning: --noise ar needs observed time steps right before others" in result.stderr
    assert "noise=" not in result.stderr
    assert "The noise is taken for white" in result.stdout


def test_a_model_that_later_data_speak_against_comes_with_advice_that_can_be_followed(
    plant, monkeypatch
):
    monkeypatch.setattr(auto_choice, "r2_of_later_parts", lambda *_: -1.0)
    result = run(plant, *GIVEN, "--noise", "white")
    assert result.exit_code == 0, result.output
    assert "Nothing is learned. Take another --prior, or a part of the recording" in result.stderr
    assert "Set alpha" not in result.stderr


def test_a_level_is_printed_as_it_was_typed(plant):
    result = run(plant, *GIVEN, "--level", 0.9995)
    assert "Its bands of 99.95 % hold" in words(result.stdout)
