"""Predictions that are written to what is passed as ``out``."""

import h5py
import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, WeightedConv1DRegressor
from sklearn_linrnn._data import stretches as module

N_STEPS, N_LAGS = 120, 4


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """Let a stretch hold few numbers, so that these data have several."""
    monkeypatch.setattr(module, "NUMBERS", 22)
    monkeypatch.setattr(module, "LEAST_SHARE", 2)


def in_file(folder, shape, dtype):
    return np.lib.format.open_memmap(folder / "out.npy", "w+", dtype, shape)


def in_hdf5(folder, shape, dtype):
    return h5py.File(folder / "out.h5", "w").create_dataset("out", shape, dtype)


def in_zarr(folder, shape, dtype):
    return zarr.create_array(folder / "out.zarr", shape=shape, dtype=dtype)


MAKERS = {
    "array": lambda folder, shape, dtype: np.full(shape, 7.0, dtype),
    "memory map": in_file,
    "HDF5": in_hdf5,
    "Zarr": in_zarr,
}


def data(form):
    """Return parameters, inputs, targets and recordings' names of one form."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(N_STEPS, 2)), rng.normal(size=(N_STEPS, 2))
    steps = {"rows": "timesteps"}
    return {
        "one recording": (steps, x, y, None),
        "one output": (steps, x, y[:, 0], None),
        "several recordings": (steps, x, y, np.repeat([0, 1, 2], [7, 100, 13])),
        "interleaved recordings": (steps, x, y, rng.integers(0, 3, N_STEPS)),
        "panel": ({}, x.reshape(6, 20, 2), y.reshape(6, 20, 2), None),
        "long panel": ({}, x.reshape(2, 60, 2), y.reshape(2, 60, 2), None),
        "panel, last step": ({}, x.reshape(12, 10, 2), y[:12], None),
        "windows": ({"n_channels": 2}, x.reshape(-1, 8), y[::4], None),
    }[form]


FORMS = [
    "one recording",
    "one output",
    "several recordings",
    "interleaved recordings",
    "panel",
    "long panel",
    "panel, last step",
    "windows",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_out_is_filled_with_what_predict_returns(tmp_path, form, maker, dtype):
    parameters, x, y, ids = data(form)
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters)
    model.fit(x, y, sequence_id=ids)
    expected = model.predict(x, sequence_id=ids)
    out = MAKERS[maker](tmp_path, expected.shape, dtype)
    assert model.predict(x, sequence_id=ids, out=out) is out
    assert_array_equal(out[:], expected.astype(dtype))


@pytest.mark.parametrize("maker", MAKERS)
def test_standard_deviations_are_written_beside_the_means(tmp_path, maker):
    parameters, x, y, _ = data("one recording")
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters).fit(x, y)
    expected = model.predict(x, return_std=True)
    (tmp_path / "std").mkdir()
    folders = tmp_path, tmp_path / "std"
    out = tuple(MAKERS[maker](folder, x.shape, "float64") for folder in folders)
    for X in (x, iter(np.split(x, [3, 50]))):
        found = model.predict(X, return_std=True, out=out)
        assert all(mine is theirs for mine, theirs in zip(found, out, strict=True))
        for mine, theirs in zip(out, expected, strict=True):
            np.testing.assert_allclose(mine[:], theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("model", [WeightedConv1DRegressor(), LinearRNNRegressor(n_hidden=8)])
def test_what_trains_by_iterations_fills_out_too(model):
    parameters, x, y, _ = data("one recording")
    model.set_params(n_lags=N_LAGS, max_iter=2, tol=0.0, device="cpu", **parameters).fit(x, y)
    out = np.empty(y.shape)
    assert model.predict(x, out=out) is out
    assert_array_equal(out, model.predict(x))


def test_a_list_of_recordings_fills_a_list():
    _, x, y, _ = data("one recording")
    x, y = (np.split(a, [7, 107]) for a in (x, y))
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu").fit(x, y)
    out = [np.empty(part.shape) for part in y]
    assert model.predict(x, out=out) is out
    for mine, theirs in zip(out, model.predict(x), strict=True):
        assert_array_equal(mine, theirs)


def test_a_frame_of_a_larger_array_is_filled_and_nothing_else():
    parameters, x, y, _ = data("one recording")
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters).fit(x, y)
    large = np.zeros((N_STEPS + 10, 4))
    model.predict(x, out=large[5:-5, 1:3])
    assert_array_equal(large[5:-5, 1:3], model.predict(x))
    large[5:-5, 1:3] = 0.0
    assert not large.any()


BAD = {
    "shape": (np.empty((N_STEPS, 1)), ValueError, r"out must have shape \(120, 2\).* \(120, 1\)"),
    "axes": (np.empty(N_STEPS), ValueError, r"out must have shape \(120, 2\).* got \(120,\)"),
    "whole numbers": (np.empty((N_STEPS, 2), int), TypeError, r"array of floats .* got ndarray"),
    "list": ([0.0] * N_STEPS, TypeError, r"array of floats .* got list of length 120"),
    "nothing": ("out.npy", TypeError, r"array of floats .* got str"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("whole", [True, False], ids=["array", "pieces"])
def test_what_cannot_be_filled_is_refused(bad, whole):
    parameters, x, y, _ = data("one recording")
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters).fit(x, y)
    out, kind, message = BAD[bad]
    with pytest.raises(kind, match=message):
        model.predict(x if whole else iter([x]), out=out)


@pytest.mark.parametrize("length", [N_STEPS - 1, N_STEPS + 1])
def test_out_has_as_many_rows_as_the_pieces(length):
    parameters, x, y, _ = data("one recording")
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters).fit(x, y)
    with pytest.raises(ValueError, match=rf"out must have .*120.* got .*\({length}, 2\)"):
        model.predict(iter(np.split(x, [50])), out=np.empty((length, 2)))


def test_arrays_that_cannot_be_written_are_named():
    parameters, x, y, _ = data("one recording")
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters).fit(x, y)
    out = np.empty(y.shape)
    out.setflags(write=False)
    with pytest.raises(ValueError, match="out: assignment destination is read-only"):
        model.predict(x, out=out)


def test_files_that_cannot_be_written_are_named(tmp_path):
    parameters, x, y, _ = data("one recording")
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters).fit(x, y)
    with h5py.File(tmp_path / "out.h5", "w") as file:
        file["out"] = np.zeros(y.shape)
    with h5py.File(tmp_path / "out.h5") as file:
        for inputs in (x, iter([x])):
            with pytest.raises(OSError, match=r"^out: .*no write intent"):
                model.predict(inputs, out=file["out"])


@pytest.mark.parametrize("out", [[], np.empty((0, 2), dtype=int)], ids=["list", "int"])
def test_arrays_are_looked_at_before_the_first_piece(out):
    parameters, x, y, _ = data("one recording")
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters).fit(x, y)
    with pytest.raises(TypeError, match="out must be an array of floats"):
        model.predict(iter([]), out=out)


def test_lists_and_standard_deviations_need_as_many_outputs():
    parameters, x, y, _ = data("one recording")
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters).fit(x, y)
    with pytest.raises(TypeError, match=r"out must be a tuple of 2 arrays.* got ndarray"):
        model.predict(x, return_std=True, out=np.empty(y.shape))
    lists = NTKConvRegressor(n_lags=N_LAGS, device="cpu").fit([x, x], [y, y])
    with pytest.raises(ValueError, match=r"out must be a list of 2 arrays.* got ndarray"):
        lists.predict([x, x], out=np.empty((2 * N_STEPS, 2)))
    with pytest.raises(ValueError, match="out must be None where X hands out lists"):
        lists.predict(iter([[x, x]]), out=np.empty((2 * N_STEPS, 2)))
