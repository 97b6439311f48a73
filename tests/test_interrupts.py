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
BIAS = ("memory-bias", "airline", "--lags", "12", "--nu-w", "0.3", "0.6")
RANKING = ("benchmark", "airline", "--horizon", "3", "--folds", "2", "--lags", "6")


def start(arguments, folder):
    command = [sys.executable, "-m", "sklearn_linrnn", *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": folder}
    return subprocess.Popen(command, **options)


@pytest.fixture(scope="module")
def whole_bias(tmp_path_factory):
    """Return how long an undisturbed study takes."""
    begun = time.monotonic()
    done = start(BIAS, tmp_path_factory.mktemp("bias"))
    assert "Memory bias on airline" in done.communicate()[0]
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def whole_ranking(tmp_path_factory):
    """Return how long an undisturbed benchmark takes, and its results."""
    folder, begun = tmp_path_factory.mktemp("ranking"), time.monotonic()
    assert start(RANKING, folder).wait() == 0
    return time.monotonic() - begun, pd.read_csv(folder / "benchmark.csv")


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


def test_an_interrupted_study_prints_no_table_and_leaves_no_file(whole_bias, tmp_path):
    n_stopped = 0
    for moment in moments(whole_bias, seed=0):
        arguments = (*BIAS, "--csv", "table.csv", "--report", "page.html")
        status, output = interrupted(arguments, tmp_path, moment)
        if status == 0:  # it was done before
            (tmp_path / "table.csv").unlink()
            (tmp_path / "page.html").unlink()
            continue
        n_stopped += 1
        assert status in STATUSES
        assert output == ""
        assert list(tmp_path.iterdir()) == []
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
    assert start(RANKING, tmp_path).wait() == 0
    assert len(pd.read_csv(file)) == len(expected)
