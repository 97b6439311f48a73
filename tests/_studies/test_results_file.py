"""Rows of results in a file: found again, never half written, never another's file."""

import math
from pathlib import Path

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


def test_the_file_is_whole_after_every_row_and_alone_in_its_folder(path):
    results = ResultsFile(path, KEY, VALUES)
    for count in range(1, 4):
        results.add(row("lynx", folds=count))
        assert len(pd.read_csv(path)) == count
        assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file_as_it_was(path, monkeypatch):
    results = ResultsFile(path, KEY, VALUES)
    results.add(row("lynx"))
    before = path.read_bytes()

    def fill_the_disk(self, text, **options):
        self.write_bytes(text.encode()[:10])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        results.add(row("airline"))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_cleared_rows_are_in_the_file_until_there_is_a_new_one(path):
    ResultsFile(path, KEY, VALUES).add(row("lynx"))
    results = ResultsFile(path, KEY, VALUES)
    results.clear()
    assert results.find(row("lynx")) is None
    assert len(pd.read_csv(path)) == 1
    results.add(row("airline"))
    assert pd.read_csv(path)["series"].tolist() == ["airline"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("when,y\n1,2\n", "is not a file of results"),
        ("", "could not be read"),
        ("a\n1\n2,3", "could not be read"),
    ],
)
def test_another_file_is_refused_and_stays(path, content, message):
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        ResultsFile(path, KEY, VALUES)
    assert path.read_text() == content
