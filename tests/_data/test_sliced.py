"""Arrays in files: what is read of them is what NumPy reads of the array."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sklearn_linrnn._data import stretches as module
from sklearn_linrnn._data.containers import check_numbers
from sklearn_linrnn._data.sliced import is_sliced, parts_between

KEYS = (
    slice(None), slice(3, 9), slice(9, 3), slice(-4, None), slice(None, None, 3), slice(5, 40, 7),
    slice(None, None, -1), slice(30, 2, -4), 4, [1, 5, 1], np.arange(50) % 3 == 0,
)  # fmt: skip


@pytest.fixture(params=[(50,), (50, 3)], ids=str)
def array(request, monkeypatch):
    monkeypatch.setattr(module, "NUMBERS", 12)
    return np.random.default_rng(0).normal(size=request.param).astype(np.float32)


def mapped(folder, array):
    np.save(folder / "array.npy", array)
    return np.load(folder / "array.npy", mmap_mode="r")


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_what_is_read_is_what_is_there(tmp_path, array, key):
    sliced = check_numbers(mapped(tmp_path, array), "X", sliced=(1, 2), ensure_2d=False)
    assert sliced.shape == array.shape
    assert len(sliced) == len(array)
    assert_array_equal(sliced[key], array[key])
    assert_array_equal(np.asarray(sliced), array)
    assert_array_equal(sliced.in_columns()[3:9], array.reshape(50, -1)[3:9])
    for ours, theirs in zip(
        parts_between(sliced, np.array([9, 30])), np.split(array, [9, 30]), strict=True
    ):
        assert_array_equal(ours[1:5], theirs[1:5])


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4", "float64", "int16", "bool"])
def test_numbers_of_all_types_are_floats(tmp_path, dtype):
    array = np.arange(20).reshape(10, 2).astype(dtype)
    sliced = check_numbers(mapped(tmp_path, array), "X", sliced=(2,))
    expected = np.float32 if dtype == "float32" else np.float64
    assert sliced.dtype == sliced[2:4].dtype == expected
    assert_array_equal(sliced[2:4], array[2:4].astype(np.float64))


def test_arrays_in_memory_frames_and_scalars_are_read_at_once():
    array = np.ones((3, 2))
    for value in (array, array.tolist(), pd.DataFrame(array), pd.Series(array[:, 0]), array[0, 0]):
        assert not is_sliced(value)
    assert not is_sliced(sparse.csr_array(array))


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_reading_changes_no_memory_map(tmp_path, mode):
    array = np.arange(40_000.0).reshape(-1, 2)
    np.save(tmp_path / "array.npy", array)
    whole = np.load(tmp_path / "array.npy", mmap_mode=mode)
    if mode != "r":
        whole[5_000:9_000] = array[5_000:9_000] = -1.0
    part = whole[1_234:]
    sliced = check_numbers(part, "X", sliced=(2,))
    assert_array_equal(sliced[2_000:], array[1_234:][2_000:])
    assert_array_equal(sliced[:3_000], array[1_234:][:3_000])
    assert_array_equal(whole, array)
    if mode == "r+":
        whole.flush()
        assert_array_equal(np.load(tmp_path / "array.npy"), array)
