"""Passes over pieces that are stopped anywhere go on: equal sums, next to nothing read twice."""

import contextlib
import json
import os
import subprocess
import sys
from itertools import pairwise

import h5py
import numpy as np
import pytest
import zarr

from sklearn_linrnn import LagStatistics, LagStream, SeriesPieces
from sklearn_linrnn._core.statistics import stream_sums

FIELDS = ("input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter")
N_STEPS, LENGTH = 430, 40  # eleven pieces, the last one shorter


class Reader:
    """Pieces that are counted when they are read, and may fail."""

    def __init__(self, pieces, fails=None, error=None):
        self.pieces, self.fails, self.error, self.log = pieces, fails, error, []

    def __len__(self):
        return len(self.pieces)

    def __getitem__(self, number):
        self.log.append(number)
        if number == self.fails:
            raise self.error
        return self.pieces[number]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pass.safetensors"


@pytest.fixture
def short_parts(monkeypatch):
    monkeypatch.setattr(stream_sums, "LEAST_STEPS", 100)


def make_series(seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(N_STEPS, 2)), rng.normal(size=(N_STEPS, 3))
    y[rng.random(N_STEPS) < 0.2] = np.nan
    return x, y, rng.uniform(0.5, 1.5, N_STEPS)


def make_pieces(seed=0):
    x, y, w = make_series(seed)
    return SeriesPieces(x, y, sample_weight=w, n_timesteps=LENGTH)


def assert_same(ours, theirs):
    np.testing.assert_allclose(ours.weight, theirs.weight, rtol=1e-12)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), 1e-11, 1e-11)


# -- Pieces --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, iter, lambda pieces: pieces], ids=["list", "iter", "own"])
def test_a_pass_is_the_pieces_added_one_after_another(kind):
    pieces = make_pieces()
    x, y, w = make_series()
    expected = LagStatistics.from_series(x, y, sample_weight=w, n_lags=6)
    assert_same(LagStream(6).add_pieces(kind(pieces)).statistics, expected)


@pytest.mark.parametrize("with_checkpoint", [False, True])
@pytest.mark.parametrize(
    ("new_recording", "begins"),
    [
        (False, [80]),  # the first piece goes on with what there is
        (True, [80, *range(80, 80 + N_STEPS, LENGTH)]),
        ([0, 3], [80, 80 + 3 * LENGTH]),
        (np.array([4]), [80 + 4 * LENGTH]),
    ],
)
def test_recordings_begin_where_it_is_said(path, with_checkpoint, new_recording, begins):
    first, second = make_series(1), make_series(2)
    joined = [np.concatenate([a[:80], b]) for a, b in zip(first, second, strict=True)]
    begins = sorted(set(begins) - ({80} if new_recording is False else set()))
    parts = [np.split(values, begins) for values in joined]
    stream = LagStream(6).add(*(values[:80] for values in first[:2]), sample_weight=first[2][:80])
    stream.add_pieces(
        make_pieces(2), new_recording=new_recording, checkpoint=path if with_checkpoint else None
    )
    expected = LagStatistics.from_series(*parts[:2], sample_weight=parts[2], n_lags=6)
    assert_same(stream.statistics, expected)


@pytest.mark.parametrize(("n_timesteps", "n_pieces"), [(1, 430), (40, 11), (43, 10), (431, 1)])
def test_series_pieces_are_all_of_the_series(n_timesteps, n_pieces):
    x, y, w = make_series()
    pieces = SeriesPieces(x, y, sample_weight=w, n_timesteps=n_timesteps)
    assert len(pieces) == len(list(pieces)) == n_pieces
    for whole, *parts in zip((x, y, w), *pieces, strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(pieces[-1][0], pieces[n_pieces - 1][0])
    assert len(pieces[:3]) == min(3, n_pieces)
    assert len(SeriesPieces(x[:0], y[:0])) == 0


def test_series_pieces_read_no_more_than_is_asked_for(tmp_path):
    class Sliced:
        def __init__(self, array):
            self.array, self.shape, self.dtype, self.read = array, array.shape, array.dtype, 0

        def __getitem__(self, key):
            part = self.array[key]
            self.read += len(part)
            return part

    x, y, _ = make_series()
    sources = Sliced(x), Sliced(y)
    pieces = SeriesPieces(*sources, n_timesteps=LENGTH)
    assert [source.read for source in sources] == [0, 0]
    np.testing.assert_array_equal(pieces[2][0], x[80:120])
    assert [source.read for source in sources] == [LENGTH, LENGTH]
    np.save(tmp_path / "x.npy", x)
    mapped = SeriesPieces(np.load(tmp_path / "x.npy", mmap_mode="r"), y, n_timesteps=LENGTH)
    assert type(mapped[0][0]) is np.ndarray
    assert_same(
        LagStream(6).add_pieces(mapped).statistics, LagStatistics.from_series(x, y, n_lags=6)
    )


@pytest.mark.parametrize("kind", ["HDF5", "Zarr", "memory map"])
def test_a_pass_over_arrays_in_files_is_that_over_their_numbers(path, tmp_path, kind):
    x, y, w = (values.astype(np.float32) for values in make_series())
    named = {"x": x, "y": y, "w": w}
    with contextlib.ExitStack() as stack:
        if kind == "HDF5":
            file = stack.enter_context(h5py.File(tmp_path / "series.h5", "w"))
            arrays = {name: file.create_dataset(name, data=v) for name, v in named.items()}
        elif kind == "Zarr":
            group = zarr.open_group(tmp_path / "series.zarr", mode="w")
            for name, values in named.items():
                group.create_array(name, shape=values.shape, dtype="f4", chunks=(64,) * values.ndim)
                group[name][:] = values
            arrays = {name: group[name] for name in named}
        else:
            for name, values in named.items():
                np.save(tmp_path / f"{name}.npy", values)
            arrays = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in named}
        pieces = SeriesPieces(
            arrays["x"], arrays["y"], sample_weight=arrays["w"], n_timesteps=LENGTH
        )
        with pytest.raises(OSError, match="gone"):
            LagStream(6).add_pieces(Reader(pieces, 7, OSError("gone")), checkpoint=path)
        stream = LagStream(6).add_pieces(pieces, checkpoint=path)
    expected = LagStatistics.from_series(x, y, sample_weight=w, n_lags=6)
    assert_same(stream.statistics, expected)


def test_series_pieces_refuse_what_does_not_go_together():
    x, y, w = make_series()
    with pytest.raises(ValueError, match="y must have as many time steps as X, 430, but got 429"):
        SeriesPieces(x, y[1:])
    with pytest.raises(ValueError, match=r"sample_weight must have as many .* but got 3"):
        SeriesPieces(x, y, sample_weight=w[:3])
    with pytest.raises(ValueError, match="n_timesteps must be at least 1, but got 0"):
        SeriesPieces(x, y, n_timesteps=0)
    with pytest.raises(TypeError, match=r"n_timesteps must be a whole number, but got 2\.5"):
        SeriesPieces(x, y, n_timesteps=2.5)
    for wrong, shape in ((1.0, r"\(\) of float"), (x[None], r"\(1, 430, 2\) of ndarray")):
        with pytest.raises(ValueError, match=f"X must have shape .* but got {shape}"):
            SeriesPieces(wrong, y)
        with pytest.raises(ValueError, match=f"y must have shape .* but got {shape}"):
            SeriesPieces(x, wrong)
    with pytest.raises(IndexError, match="There are 11 pieces, but got the number 11"):
        make_pieces()[11]
    with pytest.raises(TypeError, match="The number of a piece must be a whole number"):
        make_pieces()["0"]


# -- Passes that are stopped ---------------------------------------------------------------


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("window", [None, 90])
@pytest.mark.parametrize("half_life", [None, 70])
def test_a_pass_that_fails_anywhere_goes_on_there(path, window, half_life):
    """With other pieces before the pass, which a stream that goes on must have as well."""
    pieces = make_pieces()
    x, y, w = make_series(3)

    def begun():
        stream = LagStream(6, window=window).forget(half_life)
        return stream.add(x[:50], y[:50], sample_weight=w[:50])

    for fails in (0, 2, 3, 10):
        stream = begun()
        error = OSError("The disk is gone.") if fails < 3 else KeyboardInterrupt()
        with pytest.raises(type(error)):
            stream.add_pieces(Reader(pieces, fails, error), new_recording=[5], checkpoint=path)
        assert stream.n_timesteps == 50
        assert path.exists() is (fails > 0)
    last = Reader(pieces)
    stream.add_pieces(last, new_recording=[5], checkpoint=path)
    assert last.log == [10]
    expected = begun().add_pieces(pieces, new_recording=[5])
    assert_same(stream.statistics, expected.statistics)
    assert repr(stream) == repr(expected)


def test_an_interrupt_while_the_checkpoint_is_written_costs_one_piece(path, monkeypatch):
    pieces, fsync, calls = make_pieces(), os.fsync, []

    def interrupted(handle):
        calls.append(handle)
        if len(calls) == 9:
            raise KeyboardInterrupt
        fsync(handle)

    first, second = Reader(pieces), Reader(pieces)
    stream = LagStream(6)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stream.add_pieces(first, checkpoint=path)
    stream.add_pieces(second, checkpoint=path)
    assert second.log[0] == first.log[-1]
    assert first.log[:-1] + second.log == list(range(11))
    assert_same(stream.statistics, LagStream(6).add_pieces(pieces).statistics)
    assert list(path.parent.iterdir()) == [path]


def test_a_pass_that_fails_without_a_checkpoint_changes_nothing():
    stream = LagStream(6).add(np.ones((5, 2)), np.ones((5, 3)))
    with pytest.raises(ValueError, match="X must have 2 columns") as error:
        stream.add_pieces([*make_pieces()[:3], (np.ones(4), np.ones((4, 3)))])
    assert error.value.__notes__ == ["This is piece 3."]
    assert stream.n_timesteps == 5
    expected = LagStream(6).add(np.ones((5, 2)), np.ones((5, 3))).add_pieces(make_pieces())
    assert_same(stream.add_pieces(make_pieces()).statistics, expected.statistics)


def test_a_pass_that_is_complete_reads_nothing_and_is_not_added_twice(path):
    stream = LagStream(6).add_pieces(make_pieces(), checkpoint=path)
    again = Reader(make_pieces())
    assert_same(
        LagStream(6).add_pieces(again, checkpoint=path).statistics,
        stream.statistics,
    )
    assert again.log == []
    message = "time steps added before the pass is 0 there, but got 430"
    with pytest.raises(ValueError, match=message):
        stream.add_pieces(again, checkpoint=path)
    assert stream.n_timesteps == N_STEPS
    assert again.log == []


def test_a_checkpoint_is_also_a_stream(path):
    with pytest.raises(OSError, match="gone"):
        LagStream(6).add_pieces(Reader(make_pieces(), 4, OSError("gone")), checkpoint=path)
    expected = LagStream(6).add_pieces(make_pieces()[:4])
    assert_same(LagStream.load(path).statistics, expected.statistics)


def test_a_pass_without_pieces_changes_nothing(path):
    stream = LagStream(6).add_pieces([]).add_pieces([], checkpoint=path)
    assert stream.n_timesteps == 0
    assert not path.exists()


# -- Checkpoints of something else ---------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "pieces", "new_recording", "message"),
    [
        (LagStream(6), make_pieces()[:10], [2], "the number of pieces is 11 there, but got 10"),
        (LagStream(6), make_pieces(), False, r"new_recording is \[2\] there, but got False"),
        (LagStream(6), make_pieces(), [3], r"new_recording is \[2\] there, but got \[3\]"),
        (LagStream(5), make_pieces(), [2], "of n_lags=5, but got .*safetensors with n_lags=6"),
        (LagStream(6, window=9), make_pieces(), [2], "of window=9, but got .* window=None"),
        (LagStream(6).forget(4), make_pieces(), [2], r"half_life=4\.0, but got .* half_life=None"),
        (LagStream(6, start="full_windows"), make_pieces(), [2], "start='full_windows', but got"),
        (
            LagStream(6).add(np.ones((7, 2)), np.ones((7, 3))),
            make_pieces(),
            [2],
            "time steps added before the pass is 0 there, but got 7",
        ),
    ],
    ids=["fewer", "one recording", "recordings", "lags", "window", "half-life", "start", "before"],
)
def test_another_pass_is_refused_and_changes_nothing(path, stream, pieces, new_recording, message):
    error = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        LagStream(6).add_pieces(Reader(make_pieces(), 4, error), new_recording=[2], checkpoint=path)
    before, n_timesteps = path.read_bytes(), stream.n_timesteps
    with pytest.raises(ValueError, match=message) as refused:
        stream.add_pieces(pieces, new_recording=new_recording, checkpoint=path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == before
    assert stream.n_timesteps == n_timesteps


def test_the_file_of_a_stream_that_was_saved_is_not_overwritten(path):
    LagStream(6).save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"pass\.safetensors is that of a stream which was saved"):
        LagStream(6).add_pieces(make_pieces(), checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"text", bytes(1000)])
def test_a_damaged_checkpoint_is_an_error_that_names_it(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"pass\.safetensors is damaged"):
        LagStream(6).add_pieces(make_pieces(), checkpoint=path)
    assert path.read_bytes() == content


def test_no_byte_of_a_checkpoint_can_change_unseen(path):
    LagStream(6).add_pieces(make_pieces(), checkpoint=path)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    place = data.index(b'n_added\\": 11') + len('n_added\\": ')  # how many pieces were added
    for wrong_place in (place, *rng.integers(0, len(data), 20)):
        wrong = bytearray(data)
        wrong[wrong_place] ^= 1 << rng.integers(3)
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"pass\.safetensors"):
            LagStream(6).add_pieces(make_pieces(), checkpoint=path)


def test_a_checkpoint_that_cannot_be_written_is_an_error_that_names_it(path):
    stream = LagStream(6)
    with pytest.raises(FileNotFoundError) as error:
        stream.add_pieces(make_pieces(), checkpoint=path / "below")
    assert "below" in str(error.value.filename)
    assert stream.n_timesteps == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"pieces": 3}, TypeError, r"pieces must be an iterable of \(X, y\) .* but got 3"),
        (
            {"pieces": {0: 1}},
            TypeError,
            r"pieces must be an iterable of \(X, y\) .* but got {0: 1}",
        ),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path, but got 3"),
        ({"new_recording": 3}, TypeError, "new_recording must be a bool, or .* but got 3"),
        ({"new_recording": [0.5]}, TypeError, "in new_recording must be a whole number, .* 0.5"),
        ({"new_recording": [11]}, ValueError, "new_recording must have .* 0 and 10, but got 11"),
        ({"new_recording": [-1]}, ValueError, "new_recording must have .* 0 and 10, but got -1"),
        ({"pieces": make_series()[:2]}, TypeError, "A piece must be a tuple .* piece 0 a ndarray"),
        ({"pieces": [(1.0,)]}, TypeError, "A piece must be a tuple .* piece 0 a tuple of length 1"),
    ],
    ids=lambda value: None,
)
def test_what_is_no_pass_is_refused(arguments, error, message):
    stream = LagStream(6)
    with pytest.raises(error, match=message):
        stream.add_pieces(**{"pieces": make_pieces(), **arguments})
    assert stream.n_timesteps == 0


def test_a_checkpoint_without_a_folder_is_refused_before_the_first_piece(tmp_path):
    pieces = Reader(make_pieces())
    with pytest.raises(FileNotFoundError, match="checkpoint must be a file in a folder that is"):
        LagStream(6).add_pieces(pieces, checkpoint=tmp_path / "none" / "pass.safetensors")
    assert pieces.log == []


def test_a_folder_is_no_file(tmp_path):
    for call in (LagStream.load, lambda path: LagStream(6).add_pieces([], checkpoint=path)):
        with pytest.raises(IsADirectoryError, match="LagStream is needed, but got a folder"):
            call(tmp_path)


@pytest.mark.parametrize(
    ("length", "n_steps", "theirs"),
    [(LENGTH + 1, N_STEPS, [LENGTH + 1, N_STEPS]), (LENGTH, N_STEPS + 3, [LENGTH, N_STEPS + 3])],
    ids=["cut elsewhere", "longer"],
)
def test_a_series_that_is_cut_elsewhere_or_has_grown_is_another(path, length, n_steps, theirs):
    x, y = (np.ones((n_steps, k)) for k in (2, 3))
    LagStream(6).add_pieces(make_pieces(), checkpoint=path)
    pieces = SeriesPieces(x, y, n_timesteps=length)
    assert len(pieces) == len(make_pieces())
    with pytest.raises(ValueError, match=r"is \[40, 430\] there, but got ") as refused:
        LagStream(6).add_pieces(pieces, checkpoint=path)
    assert f"but got {theirs}" in str(refused.value)


def test_pieces_that_would_be_read_again_are_refused(path):
    with pytest.raises(TypeError, match=r"pieces must have a length, .* but got a generator"):
        LagStream(6).add_pieces((piece for piece in make_pieces()), checkpoint=path)


# -- Processes that are killed -------------------------------------------------------------

KILLED_AGAIN_AND_AGAIN = """
import json, os, signal, sys, time
from pathlib import Path
import numpy as np
from sklearn_linrnn import LagStream, SeriesPieces

folder = Path(sys.argv[1])
x, y = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in "xy")
pieces = SeriesPieces(x, y, n_timesteps=1000)

class Logged:
    def __init__(self, log):
        self.log = log
    def __len__(self):
        return len(pieces)
    def __getitem__(self, number):
        os.write(self.log, b"%d " % number)
        time.sleep(0.01)
        return pieces[number]

def go_on(log):
    stream = LagStream(20, window=json.loads(sys.argv[2]))
    stream.add_pieces(Logged(log), new_recording=[100], checkpoint=folder / "pass.safetensors")
    stream.save(folder / "sums.safetensors")

rng = np.random.default_rng(20)
reads, ends = [], []
while not ends or ends[-1] != 0:
    log, written = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(log)
        go_on(written)
        os._exit(0)
    os.close(written)
    read = b""
    if len(ends) < 20:
        n_pieces = rng.integers(0, 10)
        while read.count(b" ") < n_pieces:
            read += os.read(log, 1)
        time.sleep(rng.uniform(0.0, 0.04))
        os.kill(child, signal.SIGKILL)
    while more := os.read(log, 1000):
        read += more
    os.close(log)
    reads.append([int(number) for number in read.split()])
    ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps([reads, ends]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of POSIX")
@pytest.mark.parametrize("window", [None, 100_000])
def test_a_pass_that_is_killed_at_twenty_moments_reads_one_piece_twice_at_most(tmp_path, window):
    """The processes are forked from one that has imported the package and computed nothing."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 300_000))
    for name, values in (("x", x), ("y", y)):
        np.save(tmp_path / f"{name}.npy", values)
    command = [sys.executable, "-c", KILLED_AGAIN_AND_AGAIN, str(tmp_path), json.dumps(window)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    reads, ends = json.loads(done.stdout)
    assert ends == [-9] * 20 + [0]
    reads = [each for each in reads if each]  # one that was killed early has read nothing
    assert reads[0][0] == 0
    assert reads[-1][-1] == 299
    for each in reads:
        assert each == list(range(each[0], each[-1] + 1))
    for before, after in pairwise(reads):
        assert after[0] in (before[-1], before[-1] + 1)
    if window is None:
        parts = [np.split(values, [100_000]) for values in (x, y)]
    else:
        parts = x[200_000 - 19 :], y[200_000 - 19 :]
        parts[1][:19] = np.nan  # before the window
    expected = LagStatistics.from_series(*parts, n_lags=20)
    assert_same(LagStream.load(tmp_path / "sums.safetensors").statistics, expected)
