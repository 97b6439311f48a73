"""Wherever data come from, what is learned and predicted is that of plain arrays.

A source is a function that takes arrays and returns what is passed to an estimator instead. Another
one is added to `SOURCES` with its name, and to `CALLS` if it is not passed to the estimator's own
methods. What needs the rows of a generator is an error: see ``_data/test_pieces.py``.
"""

import re
from itertools import pairwise

import dask
import dask.array as da
import h5py
import numpy as np
import pytest
import zarr
from distributed import Client, LocalCluster
from numpy.testing import assert_allclose
from sklearn.base import clone

from sklearn_linrnn import (
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    distributed,
)
from sklearn_linrnn._data import pass_log, zero_state
from sklearn_linrnn._data import stretches as module

N_STEPS, N_LAGS = 240, 4
TOLERANCE = 1e-10
CUTS = [0, 2, 3, 50, 51, 180, N_STEPS]  # of pieces, also shorter than the lags

# -- The data ----------------------------------------------------------------------------------


def make_steps(seed=0):
    """Return time steps of inputs and of targets, (n_timesteps, k)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.2, 1.0, (N_STEPS, 2))
    y = x @ rng.normal(size=(2, 2)) + 0.5 * np.roll(x, 1, axis=0) + rng.normal(size=(N_STEPS, 2))
    return x, y


def one_recording():
    """Return the time steps of a recording, with their targets."""
    return {"rows": "timesteps"}, *make_steps(), None


def several_recordings():
    """Return recordings of several lengths."""
    places = [90, 95, 180]
    return {}, *(np.split(array, places) for array in make_steps()), None


def panel():
    """Return a panel with a target at every time step."""
    return {}, *(array.reshape(12, 20, 2) for array in make_steps()), None


def missing_targets():
    """Return a recording in which targets were not always observed."""
    parameters, x, y, _ = one_recording()
    y[np.random.default_rng(1).random(N_STEPS) < 0.3] = np.nan
    y[40:70] = np.nan
    return parameters, x, y, None


def weights():
    """Return a recording with weights of its time steps."""
    w = np.random.default_rng(1).uniform(0.5, 2.0, N_STEPS)
    w[100:120] = 0.0
    return *one_recording()[:3], w


def windows():
    """Return windows with a target at their last time step."""
    x, y = make_steps()
    return {"n_channels": 2}, x.reshape(-1, 8), y[::4], None


DATA = {
    "one recording": one_recording,
    "several recordings": several_recordings,
    "panel": panel,
    "missing targets": missing_targets,
    "weights": weights,
    "windows": windows,
}

# -- Where they come from ----------------------------------------------------------------------


def of_all(make):
    """Return a source that makes something else of each array, also of those in lists."""

    def source(folder, *arrays):
        def made(name, value):
            if value is None:
                return None
            if isinstance(value, list):
                return [made(f"{name}-{i}", part) for i, part in enumerate(value)]
            return make(folder, name, value)

        return tuple(made(str(number), value) for number, value in enumerate(arrays))

    return source


def mapped(folder, name, array):
    """Return a memory map of an array."""
    np.save(folder / f"{name}.npy", array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def in_hdf5(folder, name, array):
    """Return a data set in an HDF5 file."""
    chunks = (min(len(array), 100), *array.shape[1:])
    return h5py.File(folder / f"{name}.h5", "w").create_dataset("data", data=array, chunks=chunks)


def in_zarr(folder, name, array):
    """Return a Zarr array."""
    chunks = (min(len(array), 70), *array.shape[1:])
    return zarr.create_array(folder / f"{name}.zarr", data=array, chunks=chunks)


def in_dask(folder, name, array):
    """Return an array of Dask, with chunks along the first axis that are shorter than the lags."""
    chunks = np.diff([0, 2, 3, len(array)]) if len(array) > 3 else len(array)
    return da.from_array(array, chunks=(tuple(chunks), *array.shape[1:]))


def generated(folder, *arrays):
    """Return a generator of pieces; inputs alone, if there are only these."""
    arrays = [array for array in arrays if array is not None]
    n_cuts = [cut for cut in CUTS if cut < len(arrays[0])] + [len(arrays[0])]

    def pieces():
        buffers = {}
        for start, stop in pairwise(n_cuts):
            piece = []
            for number, array in enumerate(arrays):
                part = array[start:stop]
                if isinstance(part, np.ndarray):  # as where one buffer is filled again and again
                    buffer = buffers.setdefault(number, np.empty_like(array))
                    buffer[: len(part)] = part
                    part = buffer[: len(part)]
                piece.append(part)
            yield tuple(piece) if len(piece) > 1 else piece[0]
            for buffer in buffers.values():
                buffer[:] = np.nan

    return (pieces(),)


SOURCES = {
    "arrays": of_all(lambda folder, name, array: array),
    "memory map": of_all(mapped),
    "HDF5": of_all(in_hdf5),
    "Zarr": of_all(in_zarr),
    "generator": generated,
    "Dask threaded": of_all(in_dask),
    "Dask cluster": of_all(in_dask),
}
SLOW = {"Dask cluster": [pytest.mark.slow]}


def by_itself(model, method, *given):
    """Call a method of an estimator."""
    return getattr(model, method)(*given)


def by_dask(model, method, *given):
    """Call a function of `distributed`, and compute what it returns."""
    weights = dict(zip(["sample_weight"], given[2:], strict=False))
    answer = getattr(distributed, method)(model, *given[:2], **weights)
    return dask.compute(answer)[0] if method == "predict" else answer


CALLS = {"Dask threaded": by_dask, "Dask cluster": by_dask}


def call(source, folder, model, method, *arrays):
    """Call a method of an estimator with arrays that come from a source."""
    return CALLS.get(source, by_itself)(model, method, *SOURCES[source](folder, *arrays))


MODELS = {
    "closed form": NTKConvRegressor(0.7),
    "evidence": NTKConvRegressor("auto", alpha=2.0),
    "cross-validation": NTKConvRegressorCV([0.3, 0.7], alphas=[1.0, 10.0], cv="gcv"),
    "convolution": WeightedConv1DRegressor(max_iter=20, tol=0.0),
    "network": LinearRNNRegressor(n_hidden=4, max_iter=20, tol=0.0, random_state=0),
    "unit": LRURegressor(n_hidden=4, max_iter=20, tol=0.0, random_state=0),
}


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """Let a stretch hold few numbers, so that these data have several."""
    monkeypatch.setattr(module, "NUMBERS", 60)
    monkeypatch.setattr(module, "LEAST_SHARE", 2)


def joined(predictions):
    """Return predictions of any form, also in pieces, as one array (n_supervised, n_outputs)."""
    if isinstance(predictions, np.ndarray):
        return predictions.reshape(-1, predictions.shape[-1])
    return np.concatenate([joined(part) for part in predictions])


@pytest.fixture(scope="module")
def cluster():
    """Return a client of two processes."""
    machines = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    with machines, Client(machines) as client:
        yield client


@pytest.fixture
def scheduler(request, source):
    """Let Dask compute where a source says."""
    if source == "Dask cluster":
        with request.getfixturevalue("cluster").as_current():
            yield
    else:
        with dask.config.set(scheduler="threads"):
            yield


@pytest.mark.usefixtures("scheduler")
@pytest.mark.parametrize("source", [pytest.param(s, marks=SLOW.get(s, ())) for s in SOURCES])
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", MODELS)
class TestTable:
    """Each source, with each kind of data and each estimator."""

    def plain(self, name, data):
        """Return the plain fit, its predictions and its score, and the data."""
        parameters, x, y, w = DATA[data]()
        model = clone(MODELS[name]).set_params(**parameters, n_lags=N_LAGS, device="cpu")
        model.fit(x, y, w)
        return model, (x, y, w)

    def test_fit(self, tmp_path, source, data, name):
        plain, arrays = self.plain(name, data)
        ours = call(source, tmp_path, clone(plain), "fit", *arrays)
        for attribute in ("impulse_response_", "intercept_", "lag_weights_"):
            expected = getattr(plain, attribute)
            assert_allclose(getattr(ours, attribute), expected, rtol=TOLERANCE, atol=TOLERANCE)
        assert ours.n_features_in_ == plain.n_features_in_

    def test_partial_fit(self, tmp_path, source, data, name):
        plain, (x, y, w) = self.plain(name, data)
        ours = clone(plain)
        if data == "weights":
            first = x[:100], y[:100], w[:100]
            second = x[100:], y[100:], w[100:]
        else:
            half = len(x) // 2
            first, second = (x[:half], y[:half], None), (x[half:], y[half:], None)
        for number, part in enumerate((first, second)):
            (tmp_path / str(number)).mkdir()
            call(source, tmp_path / str(number), ours, "partial_fit", *part)
        twice = clone(plain)
        twice.partial_fit(*first).partial_fit(*second)
        assert_allclose(
            ours.impulse_response_, twice.impulse_response_, rtol=TOLERANCE, atol=TOLERANCE
        )
        if hasattr(plain, "solution_"):
            expected = plain.solution_.statistics.input_scatter
            found = ours.solution_.statistics.input_scatter
            assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)

    def test_predict(self, tmp_path, source, data, name):
        plain, (x, _, _) = self.plain(name, data)
        expected = joined(plain.predict(x))
        found = joined(call(source, tmp_path, plain, "predict", x))
        assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)

    def test_score(self, tmp_path, source, data, name):
        plain, arrays = self.plain(name, data)
        expected = plain.score(*arrays)
        found = call(source, tmp_path, plain, "score", *arrays)
        assert_allclose(found, expected, rtol=TOLERANCE)


# -- How they are read -------------------------------------------------------------------------

KINDS = {"float64": np.float64, "float32": np.float32, "big-endian": ">f8", "int16": np.int16}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", ["memory map", "HDF5", "Zarr"])
def test_numbers_of_every_type_are_those_of_arrays(tmp_path, source, kind):
    parameters, *arrays = weights()
    x, y, w = (np.round(10 * array).astype(KINDS[kind]) for array in arrays)
    model = NTKConvRegressor(n_lags=N_LAGS, device="cpu", **parameters)
    expected = model.fit(x, y, w).predict(x), model.score(x, y, w)
    given = SOURCES[source](tmp_path, x, y, w)
    assert_allclose(model.fit(*given).predict(given[0]), expected[0], rtol=1e-10, atol=1e-10)
    assert_allclose(model.score(*given), expected[1], rtol=1e-10)


class Counted:
    """An array that is known by its slices alone, and by how many rows of it were read at once."""

    most = 0

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        read = self._array[rows].copy()
        Counted.most = max(Counted.most, len(read))
        return read


def gaps():
    """Return a weighted recording in which inputs are missing."""
    parameters, x, y, w = weights()
    x[[30, 31, 150, 199]] = np.nan
    return parameters, x, y, w


READ = {
    "closed form": MODELS["closed form"],
    "standard deviations": MODELS["closed form"],
    "evidence": NTKConvRegressor("auto", alpha="auto"),
    "unknown state": NTKConvRegressor(initial_state="unknown"),
    "mean state": NTKConvRegressor(initial_state="mean"),
    "cross-validation": NTKConvRegressorCV([0.3], alphas=[1.0, 10.0], cv=3),
    "leaving one out": NTKConvRegressor(n_steps="loo", alpha=0.0),
    "convolution": MODELS["convolution"],
    "early stopping": clone(MODELS["convolution"]).set_params(early_stopping=True),
    "network": MODELS["network"],
}


@pytest.mark.parametrize("data", ["weights", "several recordings", "gaps"])
@pytest.mark.parametrize("name", READ)
def test_at_most_a_stretch_is_read_at_a_time(monkeypatch, data, name):
    monkeypatch.setattr(zero_state, "ENOUGH_STEPS", 20)
    parameters, x, y, w = (DATA | {"gaps": gaps})[data]()
    model = clone(READ[name]).set_params(**parameters, n_lags=N_LAGS, device="cpu")
    expected = joined(model.fit(x, y, w).predict(x)), model.score(x, y, w)
    given = of_all(lambda folder, number, array: Counted(array))(None, x, y, w)
    out = [np.empty_like(part) for part in y] if isinstance(x, list) else np.empty_like(y)
    Counted.most = 0
    model.fit(*given)
    score = model.score(*given)
    if name == "standard deviations" and not isinstance(x, list):
        model.predict(given[0], return_std=True, out=(out, np.empty_like(y)))
    model.predict(given[0], out=out)
    if hasattr(model, "partial_fit") and "early" not in name:
        model.partial_fit(*given).partial_fit(*given)
    assert 20 < Counted.most <= 70
    assert_allclose(joined(out), expected[0], rtol=1e-9, atol=1e-9)
    assert_allclose(score, expected[1], rtol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_a_long_pass_says_how_far_it_has_come(monkeypatch, capsys, name):
    parameters, x, y, _ = one_recording()
    model = clone(MODELS[name]).set_params(**parameters, n_lags=N_LAGS, device="cpu", verbose=True)
    read = r"\d+ time steps read|\d+ of 240 time steps read, \d+ s left"
    model.fit(x, y)
    assert not re.findall(read, capsys.readouterr().out)  # it was short
    monkeypatch.setattr(pass_log, "SECONDS", 0.0)
    model.fit(x, y)
    lines = re.findall(read, capsys.readouterr().out)
    assert len(lines) > 2
    assert all("of 240" in line for line in lines)
    model.fit(*generated(None, x, y))
    lines = re.findall(read, capsys.readouterr().out)
    assert [int(line.split()[0]) for line in lines] == CUTS[1:]
