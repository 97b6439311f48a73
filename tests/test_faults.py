"""Faults while something is written: what is there after one is whole, and its error says where.

How the one writer of files takes them is in `_studies/test_whole_file.py` and
`_studies/test_results_file.py`; here are the commands, and that they write in no other way.
"""

import errno
import os
import random
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from sklearn_linrnn import memory_bias
from sklearn_linrnn.__main__ import main

STUDY = partial(memory_bias, n_hidden=4, n_seeds=2, max_iter=5)
BIAS = ["memory-bias", "series.csv", "--lags", "2", "--nu-w", "0.3"]
RANKING = ["benchmark", "series.csv", "--horizon", "2", "--folds", "1", "--lags", "2"]
COMMANDS = {
    "table": [*BIAS, "--csv", "out.csv"],
    "page": [*BIAS, "--report", "out.html"],
    "results": [*RANKING, "--csv", "out.csv"],
    "packed results": [*RANKING, "--csv", "out.csv.gz"],
}
N_MOMENTS = 3
PACKED = b"\x1f\x8b"  # how a file of gzip begins

every_command = pytest.mark.parametrize("name", COMMANDS)
posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run every test in a folder with a short series, and with a study of small networks."""
    for module in ("jinja2", "matplotlib"):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sklearn_linrnn._studies.memory_bias.memory_bias", STUDY)
    monkeypatch.setattr("sklearn_linrnn._studies.benchmark.make_forecasters", make_naive)
    walk = np.random.default_rng(0).normal(size=60).cumsum()
    pd.DataFrame({"y": walk}).to_csv("series.csv", index=False)
    return tmp_path


def make_naive(task, horizon, n_lags):
    from sktime.forecasting.naive import NaiveForecaster

    return {"Naive": NaiveForecaster, "Mean": partial(NaiveForecaster, "mean")}


def run(name):
    return CliRunner().invoke(main, COMMANDS[name])


def out_of(name, folder):
    return folder / COMMANDS[name][-1]


def beside(path):
    """Return what is in a folder besides a file, its lock and the series."""
    known = {path.name, f".{path.name}.lock", "series.csv"}
    return {file.name for file in path.parent.iterdir()} - known


def no_space(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


def no_permission(*arguments, **options):
    raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/.out.abc.tmp")


@every_command
@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_full_disk_is_said_in_one_line_and_leaves_the_file(name, moment, folder, monkeypatch):
    path = out_of(name, folder)
    if "results" in name:  # an old file that holds none would not be overwritten
        assert run(name).exit_code == 0
    else:
        path.write_bytes(b"old")
    before = path.read_bytes()
    monkeypatch.setattr(os, moment, no_space)
    failed = run(name) if "results" not in name else run_again(name)
    assert failed.exit_code == 1
    (line,) = failed.stderr.splitlines()[-1:]
    assert line.startswith("Error: ")
    assert line.endswith(f"{path.name} could not be written: No space left on device")
    assert path.read_bytes() == before
    assert beside(path) == set()


def run_again(name):
    """Run a benchmark whose results are not there yet."""
    return CliRunner().invoke(main, [*COMMANDS[name], "--overwrite"])


@every_command
def test_a_folder_that_refuses_is_named(name, folder, monkeypatch):
    """Some file systems say so only when something is written."""
    monkeypatch.setattr("tempfile.mkstemp", no_permission)
    failed = run(name)
    assert failed.exit_code == 1
    assert "Permission denied" in failed.stderr
    assert out_of(name, folder).name in failed.stderr.splitlines()[-1]
    assert ".tmp" not in failed.stderr


@every_command
def test_a_read_only_folder_is_refused_before_any_work(name, folder, monkeypatch):
    monkeypatch.setattr("sklearn_linrnn.__main__.load_series", pytest.fail)
    monkeypatch.setattr("sklearn_linrnn.__main__.load_all", pytest.fail)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    failed = run(name)
    assert failed.exit_code == 2
    assert "the folder '.' may not be written to" in " ".join(failed.stderr.split())


@every_command
@pytest.mark.parametrize(("place", "message"), [("series.csv", "no folder"), ("no", "no folder")])
def test_a_file_in_the_place_of_a_folder_is_refused(name, place, message):
    *command, path = COMMANDS[name]
    failed = CliRunner().invoke(main, [*command, f"{place}/{path}"])
    assert failed.exit_code == 2
    assert f"{message} '{place}'" in " ".join(failed.stderr.split())


@pytest.mark.parametrize(
    "content",
    [b"my notes\n", b"date,y\n2024,1\n", b"", b"\x00\x01\x02", PACKED + b"broken", b"{}\n"],
)
@pytest.mark.parametrize("name", ["results", "packed results"])
def test_a_foreign_file_is_never_overwritten(name, content, folder):
    path = out_of(name, folder)
    path.write_bytes(content)
    for command in (COMMANDS[name], [*COMMANDS[name], "--overwrite"]):
        failed = CliRunner().invoke(main, command)
        assert failed.exit_code == 1
        assert path.name in failed.stderr.splitlines()[-1]
        assert path.read_bytes() == content
    assert beside(path) == set()


WRITTEN = []  # what is opened to be written, while a test listens
LISTENING = []


def hear(event, arguments):
    if LISTENING and event == "open" and isinstance(arguments[2], int):
        name, _, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR) and isinstance(name, str):
            WRITTEN.append(name)


sys.addaudithook(hear)


@every_command
def test_commands_write_through_the_one_writer_alone(name, folder):
    """What is opened to be written is the file beside it, which then takes its place."""
    WRITTEN.clear()
    LISTENING.append(name)
    try:
        assert run(name).exit_code == 0
    finally:
        LISTENING.clear()
    path = out_of(name, folder)
    opened = {os.path.basename(file) for file in WRITTEN if str(folder) in os.path.abspath(file)}
    assert path.name not in opened
    assert opened
    for file in opened - {f".{path.name}.lock"}:
        assert file.startswith(f".{path.name}.")
        assert file.endswith(".tmp")


def start(arguments, folder):
    """Start a command in a process of its own."""
    command = [sys.executable, "-m", "sklearn_linrnn", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@posix
@pytest.mark.slow
@pytest.mark.parametrize("name", ["table", "page", "results"])
def test_a_command_that_is_killed_leaves_the_old_file_or_the_new_one(name, folder):
    """At any moment; the benchmark then goes on, and has all rows in the end."""
    path = out_of(name, folder)
    begun, process = time.monotonic(), start(COMMANDS[name], folder)
    process.communicate()
    seconds = time.monotonic() - begun
    assert process.returncode == 0
    new = path.read_bytes()
    count = len(new.splitlines())
    old = b"old" if name != "results" else b"".join(new.splitlines(keepends=True)[:2])
    rng = random.Random(0)
    for _ in range(N_MOMENTS):
        path.write_bytes(old)
        process = start(COMMANDS[name], folder)
        time.sleep(rng.uniform(0.3, 1.0) * seconds)
        process.kill()
        process.communicate()
        left = path.read_bytes()
        if name == "results":
            assert left.startswith(old)
            assert left.endswith(b"\n")
            assert pd.read_csv(path)["mase"].notna().all()
        else:
            assert left == old or len(left.splitlines()) == count
    process = start(COMMANDS[name], folder)
    process.communicate()
    assert process.returncode == 0
    assert len(path.read_bytes().splitlines()) == count
    assert beside(path) == set()


@pytest.mark.slow
def test_two_commands_at_once_lose_no_rows(folder):
    """Each of another horizon on one file of results."""
    path = folder / "out.csv"
    commands = [
        ["benchmark", "series.csv", "--horizon", h, "--folds", "1", "--lags", "2", "--csv", path]
        for h in ("2", "3")
    ]
    processes = [start(command, folder) for command in commands]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    counts = pd.read_csv(path)["horizon"].value_counts()
    assert set(counts.index) == {2, 3}
    assert counts[2] == counts[3] > 5
    assert beside(path) == set()
