"""Ctrl-C at any moment: the status that shells know, no table, and nothing half done is kept."""

import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

N_MOMENTS = 20
STATUSES = (130, -signal.SIGINT)  # of our own end, and of an interpreter that is still starting
STUDIED = ("airline", "--lags", "12", "--nu-w", "0.3", "0.6")
BIAS = ("memory-bias", *STUDIED, "--csv", "table.csv", "--report", "page.html")
RANKING = ("benchmark", "airline", "--horizon", "3", "--folds", "2", "--lags", "6")


def start(arguments, folder):
    command = [sys.executable, "-m", "sklearn_linrnn", *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": folder}
    return subprocess.Popen(command, **options)


def whole(arguments, folder):
    """Return how long an undisturbed command takes, and its output."""
    begun, process = time.monotonic(), start(arguments, folder)
    output, _ = process.communicate()
    assert process.returncode == 0
    return time.monotonic() - begun, output


@pytest.fixture(scope="module")
def whole_bias(tmp_path_factory):
    """Return the time, the output and the table of an undisturbed study."""
    folder = tmp_path_factory.mktemp("bias")
    return *whole(BIAS, folder), (folder / "table.csv").read_text()


@pytest.fixture(scope="module")
def whole_ranking(tmp_path_factory):
    """Return how long an undisturbed benchmark takes, and its results."""
    folder = tmp_path_factory.mktemp("ranking")
    seconds, _ = whole(RANKING, folder)
    return seconds, pd.read_csv(folder / "benchmark.csv")


def interrupted(arguments, folder, moment):
    """Return the status and the output of a command after Ctrl-C at a moment."""
    process = start(arguments, folder)
    time.sleep(moment)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def moments(seconds, seed):
    rng = random.Random(seed)
    return [rng.uniform(0.05, 0.95) * seconds for _ in range(N_MOMENTS)]


def test_an_interrupted_study_leaves_nothing_half_done(whole_bias, tmp_path):
    """Until it ends there is no table; what is there then is all of it, in each of the places."""
    seconds, table, rows = whole_bias
    n_stopped = 0
    for moment in moments(seconds, seed=0):
        status, output = interrupted(BIAS, tmp_path, moment)
        files = {path.name: path.read_text() for path in tmp_path.iterdir()}
        if status != 0:
            assert status in STATUSES
            n_stopped += 1
        assert output in ("", table)
        assert files.get("table.csv", rows) == rows
        assert files.get("page.html", "</html>").rstrip().endswith("</html>")
        assert set(files) <= (set() if output == "" else {"table.csv", "page.html"})
        for name in files:
            (tmp_path / name).unlink()
    assert n_stopped > N_MOMENTS // 2


def test_rows_of_an_interrupted_benchmark_are_those_of_a_whole_one(whole_ranking, tmp_path):
    """The file goes through all twenty interrupts, and is whole in the end."""
    seconds, expected = whole_ranking
    scores, file = ["mase", "mase_std"], tmp_path / "benchmark.csv"
    key = [name for name in expected if name not in (*scores, "fit_seconds", "predict_seconds")]
    for moment in moments(0.6 * seconds, seed=1):
        status, _ = interrupted(RANKING, tmp_path, moment)
        assert status in (0, *STATUSES)
        if file.exists():
            found = pd.read_csv(file)
            both = found.merge(expected, on=key, suffixes=("", "_expected"))
            assert len(both) == len(found)
            for name in scores:
                assert (both[name] == both[f"{name}_expected"]).all()
    whole(RANKING, tmp_path)
    assert len(pd.read_csv(file)) == len(expected)
