"""The command line: series by name and from files, its table, and one-line errors."""

import gzip
import re
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal

from sklearn_linrnn import memory_bias
from sklearn_linrnn.__main__ import main
from sklearn_linrnn._studies.series import BUNDLED, load_series

STUDY = partial(memory_bias, n_hidden=10, n_seeds=2, max_iter=10)


@pytest.fixture(autouse=True)
def small_study(monkeypatch):
    """Let the commands train small networks, for a short time."""
    monkeypatch.setattr("sklearn_linrnn._studies.memory_bias.memory_bias", STUDY)


def run(*arguments):
    return CliRunner().invoke(main, ["memory-bias", *map(str, arguments)])


def words(text):
    """Return the text as one line; the console breaks lines where it likes."""
    return " ".join(text.split())


@pytest.fixture
def driven(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(100, 3)), columns=["flow", "rain", "melt"])
    frame.insert(0, "day", pd.date_range("2024-01-01", periods=100))
    frame.to_csv(tmp_path / "river.csv", index=False)
    return tmp_path / "river.csv"


def test_the_default_series_is_the_airline():
    named, default = (run(*name, "--lags", 4, "--nu-w", 0.3) for name in (["airline"], []))
    assert default.exit_code == 0, default.output
    assert default.stdout == named.stdout
    assert "Memory bias on airline, 4 lags" in default.stdout


def test_the_defaults_fit_into_80_columns_and_end_with_the_sentences():
    result = run("--lags", 6)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    study = STUDY(load_series("airline").target.rename("airline"), n_lags=6)
    assert words(result.stdout).endswith(study.summary)
    table = [line for line in result.stdout.splitlines() if line.startswith("│")]
    names = [line.split("│")[1].strip().rstrip("*") for line in table]
    assert names == ["0.1", "0.3", "0.5", "0.7", "0.9", "flat", "mean", "last", "season"]
    networks = study.table[study.table["model"] == "linear RNN"]
    for line, row in zip(table, networks.itertuples(), strict=False):
        low, cost, high = row.cost_low, row.cost, row.cost_high
        shown = re.findall(r"[-+]?\d+(?:\.\d+)?", line.split("│")[5] + line.split("│")[6])
        digits = 0.05 * (high - low)
        assert [float(number) / 100 for number in shown] == pytest.approx(
            [cost, low, high], abs=max(digits, 5e-3)
        )


@pytest.mark.parametrize(
    "variances",
    [["--nu-w", 0.2, 0.6], ["--nu-w", 0.2, "--nu-w", 0.6], ["--nu-w=0.2", "--nu-w=0.6"]],
)
def test_a_file_with_a_target_and_inputs(driven, tmp_path, variances):
    out = tmp_path / "out.csv"
    result = run(
        driven,
        "--target",
        "flow",
        "--inputs",
        "rain",
        "melt",
        "--lags",
        3,
        *variances,
        "--csv",
        out,
    )
    assert result.exit_code == 0, result.output
    assert "Memory bias on river.csv, 3 lags" in result.stdout
    data = pd.read_csv(driven)
    expected = STUDY(data["flow"], data[["rain", "melt"]], n_lags=3, nu_w=(0.2, 0.6)).table
    assert_frame_equal(pd.read_csv(out), expected)
    assert list(expected.columns[:3]) == ["model", "nu_w", "rmse"]
    assert list(dict.fromkeys(expected["model"]))[-2:] == ["flat convolution", "training mean"]


def test_a_series_may_be_treated_first():
    options = {"n_lags": 3, "nu_w": (0.3,), "log": True, "difference": True, "season": 6}
    result = run("--lags", 3, "--nu-w", 0.3, "--log", "--difference", "--season", 6)
    study = STUDY(load_series("airline").target.rename("airline"), **options)
    assert words(result.stdout).endswith(study.summary)


def test_the_report_says_what_was_typed(tmp_path, monkeypatch):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    path = tmp_path / "study.html"
    typed = ["memory-bias", "airline", "--lags", "3", "--nu-w", "0.3", "--report", str(path)]
    monkeypatch.setattr(sys, "argv", ["sklearn-linrnn", *typed])
    result = CliRunner().invoke(main, typed)
    assert result.exit_code == 0, result.output
    assert f"<pre>sklearn-linrnn {' '.join(typed)}</pre>" in path.read_text(encoding="utf-8")


def test_a_report_without_its_libraries_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = run("airline", "--report", tmp_path / "out.html")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "pip install 'sklearn-linrnn[report]'" in words(result.stderr)


def test_ctrl_c_ends_with_its_status_and_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_linrnn._studies.memory_bias.memory_bias", interrupted)
    result = run("airline", "--csv", tmp_path / "out.csv", "--report", tmp_path / "out.html")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["before", "after"])
def test_inputs_do_not_swallow_the_file_that_follows(driven, place):
    options = ["--target", "flow", "--inputs", "rain", "melt"]
    files = [[driven], []] if place == "before" else [[], [driven]]
    result = run(*files[0], *options, *files[1], "--lags", 3, "--nu-w", 0.3)
    assert result.exit_code == 0, result.output
    assert "Memory bias on river.csv" in result.stdout
    assert "inputs: rain, melt" in result.stderr


def test_a_file_that_is_not_there_is_no_input(driven):
    result = run("--target", "flow", "--inputs", "rain", "rivers.csv")
    assert "'rivers.csv' is neither a file nor one of" in result.stderr


def test_what_was_read_is_said_apart_from_the_table(driven):
    result = run(driven, "--target", "flow", "--lags", 3, "--nu-w", 0.3)
    line = "river.csv: 100 daily values of flow, 2024-01-01 to 2024-04-09, none missing; time: day"
    assert result.stderr.splitlines()[0] == line
    assert "values of flow" not in result.stdout


def test_the_own_past_and_the_inputs_together(driven, tmp_path):
    out = tmp_path / "out.csv"
    options = ["--inputs", "rain", "melt", "--past", "--lags", 3, "--nu-w", 0.3, "--csv", out]
    result = run(driven, "--target", "flow", *options)
    assert result.exit_code == 0, result.output
    data = pd.read_csv(driven)
    inputs = pd.concat([data["flow"].shift(1), data[["rain", "melt"]]], axis=1)
    expected = STUDY(data["flow"], inputs, n_lags=3, nu_w=(0.3,)).table
    assert_frame_equal(pd.read_csv(out), expected)


def test_what_the_file_does_not_say_is_said_by_options(tmp_path):
    values = np.random.default_rng(0).normal(size=60)
    lines = [f"x|{i}|{value:.2f}".replace(".", ",") for i, value in enumerate(values)]
    text = "\n".join(["größe|zeit|q", *lines, "y|0|1,0", "y|1|2,0", "y|2|-"])
    (tmp_path / "all.csv").write_bytes(text.encode("cp1252"))
    options = ["--id", "größe=x", "--time", "zeit", "--sep", "|", "--decimal", ",", "--encoding",
               "cp1252", "--header", 1, "--missing", "oops", "nil", "--lags", 2]  # fmt: skip
    result = run(*options, tmp_path / "all.csv", "--nu-w", 0.3)
    assert result.exit_code == 0, result.output
    assert "60 evenly spaced values of q, none missing; time: zeit" in result.stderr


def test_stand_ins_with_a_sign_are_no_options(tmp_path):
    values = np.random.default_rng(0).normal(size=60)
    values[[5, 6]] = -9999, -999
    pd.DataFrame({"y": values}).to_csv(tmp_path / "y.csv", index=False)
    options = ["--lags", 2, "--nu-w", 0.3]
    result = run("--missing", "-9999", "-999", tmp_path / "y.csv", *options)
    assert result.exit_code == 0, result.output
    assert "y.csv: 60 consecutive values of y, 2 missing" in result.stderr


def test_the_only_column_of_numbers_is_the_target(tmp_path):
    path = tmp_path / "one.csv.gz"
    values = np.random.default_rng(0).normal(size=60)
    pd.DataFrame({"station": ["x"] * 60, "y": values}).to_csv(path, index=False)
    result = run(path, "--lags", 2, "--nu-w", 0.3)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", ["data[red].csv", "data [bold]x.csv"])
def test_names_of_files_are_printed_as_they_are(tmp_path, name):
    values = np.random.default_rng(0).normal(size=60)
    pd.DataFrame({"y": values}).to_csv(tmp_path / name, index=False)
    result = run(tmp_path / name, "--lags", 2, "--nu-w", 0.3)
    assert words(result.stdout).count(name) == 2


def test_a_constant_series_has_no_nan_in_its_table(tmp_path):
    pd.DataFrame({"y": np.ones(60)}).to_csv(tmp_path / "constant.csv", index=False)
    result = run(tmp_path / "constant.csv", "--lags", 2, "--nu-w", 0.3)
    assert result.exit_code == 0, result.output
    assert "nan" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["airplane"], "'airplane' is neither a file nor one of .*airline, longley"),
        (["longley", "--target", "GNP!"], "longley has no column of numbers called 'GNP!'"),
        (["macroeconomic"], "--target must say which column of macroeconomic to predict"),
        (["airline", "--inputs", "fuel"], "airline has no column of numbers called 'fuel'"),
        (
            ["airline", "--lags", "144"],
            "--lags 144 needs a series of at least 145 time steps, but got 144. Lower --lags",
        ),
        (["airline", "--lags", "140"], "--lags 140 leaves 4 windows"),
        (["airline", "--lags", "0"], "0 is not in the range x>=1"),
        (["airline", "--lags", "many"], "'many' is not a valid integer"),
        (["airline", "--nu-w", "-0.1"], "-0.1 is not in the range"),
        (["airline", "--nu-w", "nan"], "--nu-w"),
        (["airline", "--nu-w", "1e200"], r"overflow: --nu-w 1e\+200"),
        (["airline", "--nu-w"], "'--nu-w' requires an argument"),
        (["airline", "--csv", "."], "is a directory"),
        (["airline", "--report", "no/folder/out.html"], "there is no folder 'no/folder'"),
        (["airline", "--season", "0"], "0 is not in the range x>=1"),
        (["airline", "--nu-w", "0.1", "--lags", "2", "--csv", "no/folder/out.csv"], "no/folder"),
    ],
)
def test_wrong_arguments_give_one_line(arguments, message):
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert re.search(message, line)
    assert result.stderr.splitlines()[-1] == line


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "could not be read as CSV"),
        ("words.csv", b"a,b\nx,y\n", "no column of numbers"),
        ("ragged.csv", b"a,b\n1,2\n3,4,5\n", "line 3 has 3 cells"),
        ("short.csv", b"y\n1\n2\n3\n", "--lags 24"),
        ("broken.csv.gz", b"not compressed", "could not be read"),
        ("cut.csv.gz", gzip.compress(b"y\n" + b"1\n" * 500, mtime=0)[:-12], "could not be read"),
    ],
    ids=lambda value: value if str(value).endswith(("csv", "gz")) else "",
)
def test_files_that_are_no_series_give_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    result = run(tmp_path / name)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert message in line


def test_a_column_of_words_is_no_target(driven):
    result = run(driven, "--target", "day")
    assert result.exit_code == 1
    assert "river.csv, column 'day', line 2: '2024-01-01' is no number" in result.stderr
    assert "Few cells of this column are numbers" in result.stderr


def test_a_wrong_decimal_sign_is_no_missing_value(tmp_path):
    (tmp_path / "sales.csv").write_text("x;y\n" + "1;1.200,50\n" * 40)
    result = run(tmp_path / "sales.csv", "--target", "y", "--decimal", ".")
    assert result.exit_code == 1
    assert "'1.200,50' is no number with the decimal sign '.'" in result.stderr
    assert "leave --decimal . out" in result.stderr


def test_a_file_of_several_columns_needs_a_target(driven):
    result = run(driven)
    assert result.exit_code == 1
    assert "--target must say which column of river.csv to predict" in result.stderr


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_series_load_as_numbers(name):
    series = load_series(name, {"macroeconomic": "realgdp", "uschange": "Income"}.get(name))
    assert pd.api.types.is_numeric_dtype(series.target)
    assert series.target.notna().sum() > 10
    assert series.inputs is None


def test_the_usual_target_of_longley_can_be_driven_by_its_inputs():
    series = load_series("Longley", inputs=["GNP", "POP"])
    assert series.target.name == "TOTEMP"
    assert list(series.inputs.columns) == ["GNP", "POP"]


@pytest.mark.parametrize("arguments", [["--help"], ["memory-bias", "--help"], ["-h"]])
def test_help_fits_into_80_columns(arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["--help"], "Usage: sklearn-linrnn "),
        (["memory-bias", "airline", "--lags", "3", "--family", "tc"], "Priors on airline"),
    ],
    ids=["help", "study"],
)
def test_the_module_is_a_program(arguments, start):
    command = [sys.executable, "-m", "sklearn_linrnn", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.lstrip().startswith(start)
    assert not done.stderr.strip()
