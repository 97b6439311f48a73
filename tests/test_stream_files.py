"""Files of streams: they go on as they were, are there whole or not at all, and run nothing."""

import errno
import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from sklearn_linrnn import LagStatistics, LagStream
from sklearn_linrnn._core.statistics import stream_sums

FIELDS = ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stream.safetensors"


def make_series(n_timesteps, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n_timesteps, 2)), rng.normal(size=(n_timesteps, 3))
    y[rng.random(n_timesteps) < 0.2] = np.nan
    return x, y, rng.uniform(0.5, 1.5, n_timesteps)


def assert_same(ours, theirs):
    np.testing.assert_allclose(ours.weight, theirs.weight, rtol=1e-12)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), 1e-11, 1e-11)


@pytest.mark.parametrize("window", [None, 8, 90, 2000])
@pytest.mark.parametrize("half_life", [None, 70])
@pytest.mark.parametrize("start", ["zero_state", "full_windows"])
def test_a_stream_goes_on_in_the_middle_of_a_recording(path, monkeypatch, window, half_life, start):
    """Saved at several moments: within the first lags, within a part, and right at its end."""
    monkeypatch.setattr(stream_sums, "LEAST_STEPS", 100)
    x, y, w = make_series(400)
    stopped = LagStream(6, window=window, start=start).forget(half_life)
    through = LagStream(6, window=window, start=start).forget(half_life)
    for rows in np.split(np.arange(400), [3, 100, 170, 173, 300, 301]):
        piece = {"sample_weight": w[rows], "new_recording": rows[0] == 170}
        through.add(x[rows], y[rows], **piece)
        stopped.add(x[rows], y[rows], **piece).save(path)
        stopped = LagStream.load(path)
    assert_same(stopped.statistics, through.statistics)
    assert repr(stopped) == repr(through)
    assert (stopped.window, stopped.start) == (window, start)


def test_a_stream_that_has_not_begun_is_kept_as_well(path):
    LagStream(4, window=9).forget(3.5).save(path)
    again = LagStream.load(str(path)).add(np.arange(5.0), np.arange(5.0) ** 2)
    expected = LagStream(4, window=9).forget(3.5).add(np.arange(5.0), np.arange(5.0) ** 2)
    assert_same(again.statistics, expected.statistics)


def test_saving_changes_nothing_and_the_file_is_small(path):
    x, y, w = make_series(3000)
    stream = LagStream(5, window=200).add(x, y, sample_weight=w)
    before = pickle.dumps(stream)
    stream.save(path)
    assert pickle.dumps(stream) == before
    assert path.stat().st_size < 300 * 8 * (2 + 3 + 3) + 3000


def test_other_tools_can_read_the_file(path):
    """It has names, and what it needs to be understood beside them."""
    x, y, _ = make_series(50)
    LagStream(5).add(x, y).save(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        assert np.array_equal(file.get_tensor("inputs"), x)
    assert metadata["kind"] == "sklearn_linrnn.LagStream"
    assert metadata["format"] == "1"
    assert json.loads(metadata["settings"])["n_lags"] == 5


# -- Files that are damaged, or others -----------------------------------------------------


def saved(path, window=None):
    x, y, _ = make_series(60)
    LagStream(5, window=window).add(x, y).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99, 0.9999])
def test_a_file_that_is_cut_off_is_an_error_that_names_it(path, share):
    data = saved(path)
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"stream\.safetensors is damaged"):
        LagStream.load(path)


@pytest.mark.parametrize("window", [None, 20])
def test_no_byte_of_a_file_can_change_unseen(path, window):
    data = saved(path, window)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 60):
        wrong = bytearray(data)
        wrong[place] ^= 1 << rng.integers(8)
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"stream\.safetensors"):
            LagStream.load(path)


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps(print), bytes(1000)])
def test_a_file_of_something_else_is_an_error_that_names_it(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"stream\.safetensors is damaged, or no file of a Lag"):
        LagStream.load(path)


def test_the_arrays_of_another_program_are_an_error_that_names_the_file(path):
    save_file({"inputs": np.ones(3)}, path)
    with pytest.raises(ValueError, match=r"stream\.safetensors is no file of a LagStream"):
        LagStream.load(path)


def test_a_file_of_a_later_version_says_which(path):
    saved(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    save_file(load_file(path), path, {**metadata, "format": "2", "package": "9.8.7"})
    with pytest.raises(ValueError, match=r"stream\.safetensors has format 2, of version 9\.8\.7"):
        LagStream.load(path)


def test_a_file_that_is_not_there_is_the_usual_error(path):
    with pytest.raises(FileNotFoundError, match=r"stream\.safetensors"):
        LagStream.load(path)
    with pytest.raises(FileNotFoundError) as error:
        LagStream(3).save(path / "below")
    assert "below" in str(error.value.filename)


def test_there_must_be_the_device(path):
    saved(path)
    with pytest.raises(ValueError, match="device must be"):
        LagStream.load(path, device="abacus")


# -- Writers that do not get to the end ----------------------------------------------------


def test_a_full_disk_leaves_the_file_as_it_was(path, monkeypatch):
    before = saved(path)

    def fill_the_disk(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fill_the_disk)
        with pytest.raises(OSError, match="No space left") as error:
            LagStream(3).save(path)
    assert error.value.filename == str(path)
    assert path.read_bytes() == before


ENDLESS = """
import sys
import numpy as np
from sklearn_linrnn import LagStream
stream = LagStream(50, window=5000)
x = np.sin(np.arange(100.0) ** 2)
print("ready", flush=True)
while True:
    stream.add(x, x[::-1]).save(sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("milliseconds", [400, 550, 730])
def test_a_writer_that_is_killed_leaves_a_stream_that_goes_on(path, milliseconds):
    """With the time steps that it had when it was last saved, and no others."""
    x = np.sin(np.arange(100.0) ** 2)
    LagStream(50, window=5000).add(x, x[::-1]).save(path)
    command = [sys.executable, "-c", ENDLESS, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(milliseconds / 1000)
        writer.send_signal(signal.SIGKILL)
    stream = LagStream.load(path)
    n_timesteps = stream.n_timesteps
    stream.add(x, x[::-1]).save(path)
    count = min((n_timesteps + 100) // 100, 60)
    both = np.tile(x, count), np.tile(x[::-1], count)
    weights = (np.arange(100 * count)[::-1] < 5000).astype(float)
    expected = LagStatistics.from_series(*both, n_lags=50, sample_weight=weights)
    assert_same(LagStream.load(path).statistics, expected)
    assert list(path.parent.iterdir()) == [path]
