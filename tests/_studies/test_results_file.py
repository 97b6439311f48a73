"""Rows of results in a file: found again, never half written, shared, never another's file."""

import math
import subprocess
import sys

import pandas as pd
import pytest

from sklearn_linrnn._studies.results_file import ResultsFile

KEY, VALUES = ["series", "folds"], ["error", "deviation"]


def row(series, folds=3, error=0.1 + 0.2, deviation=math.nan):
    return {"series": series, "folds": folds, "error": error, "deviation": deviation}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.csv"


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_row_is_found_by_its_key_alone(path, in_memory):
    results = ResultsFile(None if in_memory else path, KEY, VALUES)
    assert results.find(row("lynx")) is None
    results.add(row("lynx"))
    results.add(row("lynx", folds=4, error=2.0))
    assert results.find({"series": "lynx", "folds": 3})["error"] == 0.1 + 0.2
    assert results.find({"series": "lynx", "folds": 4})["error"] == 2.0
    assert results.find({"series": "lynx", "folds": 5}) is None
    assert path.exists() is not in_memory


@pytest.mark.parametrize("name", ["lynx", "NA", "007", "a,b\nc", "été", ""])
def test_what_is_written_is_read_again_to_the_last_digit(path, name):
    ResultsFile(path, KEY, VALUES).add(row(name))
    found = ResultsFile(path, KEY, VALUES).find(row(name))
    assert found["error"] == 0.1 + 0.2
    assert math.isnan(found["deviation"])


def test_the_file_is_whole_after_every_row_and_beside_its_lock_alone(path):
    results = ResultsFile(path, KEY, VALUES)
    for count in range(1, 4):
        results.add(row("lynx", folds=count))
        assert len(pd.read_csv(path)) == count
        assert {file.name for file in path.parent.iterdir()} <= {path.name, f".{path.name}.lock"}


def test_notes_come_back_as_text(path):
    ResultsFile(path, KEY, VALUES, ["settings"]).add({**row("lynx"), "settings": "Naive(sp=12)"})
    found = ResultsFile(path, KEY, VALUES, ["settings"]).find(row("lynx"))
    assert found == {**row("lynx"), "folds": "3", "settings": "Naive(sp=12)"} | {
        "deviation": found["deviation"]
    }


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.bz2", ".csv.xz"])
def test_compressed_files_are_read_again(tmp_path, suffix):
    path = tmp_path / f"results{suffix}"
    for name in ("lynx", "airline"):
        ResultsFile(path, KEY, VALUES).add(row(name))
    assert pd.read_csv(path)["series"].tolist() == ["lynx", "airline"]


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_row_that_is_cut_is_none_and_the_others_stay(path, cut):
    results = ResultsFile(path, KEY, VALUES)
    results.add(row("lynx"))
    whole = path.read_bytes()
    results.add(row("airline", error=1.2345678901, deviation=0.5))
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(path.read_bytes()) > len(whole)
    again = ResultsFile(path, KEY, VALUES)
    assert again.find(row("lynx"))["error"] == 0.1 + 0.2
    assert again.find(row("airline")) is None
    again.add(row("airline"))
    assert len(ResultsFile(path, KEY, VALUES)) == 2


@pytest.mark.parametrize("line", ["airline,3,,", "airline,3,many,", "airline,3", "airline,3,1,2,3"])
def test_a_row_without_its_number_is_none(path, line):
    ResultsFile(path, KEY, VALUES).add(row("lynx"))
    path.write_text(f"{path.read_text()}{line}\n")
    results = ResultsFile(path, KEY, VALUES)
    assert results.find(row("airline")) is None
    assert len(results) == 1


def test_cleared_rows_are_in_the_file_until_there_is_a_new_one(path):
    ResultsFile(path, KEY, VALUES).add(row("lynx"))
    results = ResultsFile(path, KEY, VALUES)
    results.clear()
    assert results.find(row("lynx")) is None
    assert len(pd.read_csv(path)) == 1
    results.add(row("airline"))
    assert pd.read_csv(path)["series"].tolist() == ["airline"]


def test_rows_that_others_add_are_kept(path):
    one, other = (ResultsFile(path, KEY, VALUES) for _ in range(2))
    one.add(row("lynx"))
    other.add(row("airline"))
    one.add(row("pbs"))
    assert set(pd.read_csv(path)["series"]) == {"lynx", "airline", "pbs"}
    assert one.find(row("airline")) is not None


def test_only_rows_that_were_seen_are_cleared(path):
    ResultsFile(path, KEY, VALUES).add(row("lynx"))
    one, other = (ResultsFile(path, KEY, VALUES) for _ in range(2))
    one.clear()
    other.add(row("airline"))
    one.add(row("pbs"))
    assert set(pd.read_csv(path)["series"]) == {"airline", "pbs"}


WRITER = """
import sys
from pathlib import Path
from sklearn_linrnn._studies.results_file import ResultsFile
name, path = sys.argv[1], Path(sys.argv[2])
results = ResultsFile(path, ["series", "folds"], ["error", "deviation"])
print("ready", flush=True)
sys.stdin.readline()
for i in range(50):
    results.add({"series": name, "folds": i, "error": i / 3, "deviation": i / 7})
"""


def test_two_writers_at_once_lose_no_row(path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name, str(path)], **pipes)
        for name in ("one", "other")
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    results = ResultsFile(path, KEY, VALUES)
    assert len(results) == 100
    for name in ("one", "other"):
        for i in range(50):
            assert results.find(row(name, folds=i))["error"] == i / 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("when,y\n1,2\n", "is not a file of results"),
        ("", "could not be read"),
        ("a\n1\n2,3", "is not a file of results"),
        ("\0\0\0", "not a text file"),
    ],
)
def test_another_file_is_refused_and_stays(path, content, message):
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        ResultsFile(path, KEY, VALUES)
    assert path.read_text() == content
