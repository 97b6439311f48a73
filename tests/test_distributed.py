"""Data of Dask: whatever the chunks and the workers, the numbers are those of one array."""

import os
import pickle
import signal
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import dask
import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from dask.callbacks import Callback
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_linrnn import (
    LagStatistics,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    distributed,
)
from sklearn_linrnn.distributed._parts import sum_part
from sklearn_linrnn.distributed._rows import Block

N_STEPS, N_LAGS = 90, 6
RTOL, SUMS_RTOL = 1e-10, 1e-12
STEPS = {"rows": "timesteps", "n_lags": N_LAGS, "device": "cpu"}
ntk = partial(NTKConvRegressor, 0.7, **STEPS)
SUMS = "input_mean", "target_mean", "input_scatter", "cross_scatter", "target_scatter"


@pytest.fixture(scope="module")
def cluster():
    """Return a client of two processes."""
    distributed_ = pytest.importorskip("distributed")
    with (
        distributed_.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as machines,
        distributed_.Client(machines) as client,
    ):
        yield client


# -- Cases ---------------------------------------------------------------------------------


def recording(n_steps=N_STEPS, seed=0, n_outputs=1):
    """Return inputs and targets of one recording."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.3, 1.0, (n_steps, 2))
    taps = rng.normal(size=(2, n_outputs))
    y = x @ taps + 0.5 * np.roll(x, 3, axis=0) @ taps + rng.normal(size=(n_steps, n_outputs))
    return x, y


def case(name):
    """Return an estimator and what its methods take, as arrays."""
    rng = np.random.default_rng(1)
    x, y = recording()
    if name == "panel":
        panel = x.reshape(9, 10, 2), y.reshape(9, 10, 1)
        return clone(ntk()).set_params(rows="windows"), dict(zip("Xy", panel, strict=True))
    data = {"X": x, "y": y[:, 0]}
    if name == "several":
        data["sequence_id"] = np.repeat([3, 1, 7], [40, 4, 46])
    if name == "missing":
        data["y"][[4, 50, 51]] = np.nan
        data["y"][10:33] = np.nan
        data["X"][[0, 29, 60], [1, 0, 0]] = np.nan
    if name == "weights":
        data["sample_weight"] = rng.uniform(0.1, 2.0, N_STEPS)
        data["sample_weight"][20:45] = 0.0
    if name == "outputs":
        data["y"] = recording(n_outputs=3)[1]
    return ntk(), data


CASES = ["one", "several", "panel", "missing", "weights", "outputs"]


def as_arrays(data, length=17):
    """Return data as Dask arrays, each in its own chunks."""
    lengths = range(length, length + len(data))
    return {
        name: da.from_array(values, chunks=(size, *[1] * (values.ndim - 1)))
        for (name, values), size in zip(data.items(), lengths, strict=True)
    }


def in_frames(data):
    """Return data as DataFrames and Series in memory."""
    return {
        name: pd.Series(values)
        if values.ndim == 1
        else pd.DataFrame(values, columns=[f"{name} {k}" for k in range(values.shape[1])])
        for name, values in data.items()
    }


def as_frames(data):
    """Return data as Dask DataFrames and Series; some partitions are shorter than the lags."""
    ends = [0, 3, 4, 30, 31, 60, 85, len(data["X"])]
    return {
        name: dd.from_delayed([dask.delayed(frame.iloc[a:b]) for a, b in pairwise(ends)])
        for name, frame in in_frames(data).items()
    }


WAYS = {"arrays": (dict, as_arrays), "frames": (in_frames, as_frames)}


def learned(model):
    return [model.impulse_response_, model.intercept_, model.lag_weights_]


def sums_of(model):
    return model.solution_.statistics


def same_sums(one, other, rtol=SUMS_RTOL):
    assert_allclose(one.weight, other.weight, rtol=rtol)
    for name in SUMS:
        a, b = (getattr(each, name).numpy() for each in (one, other))
        assert_allclose(a, b, rtol=rtol, atol=rtol * max(np.abs(b).max(), 1.0), err_msg=name)


def same_fit(ours, plain):
    for mine, theirs in zip(learned(ours), learned(plain), strict=True):
        assert_allclose(mine, theirs, rtol=RTOL, atol=RTOL)
    same_sums(sums_of(ours), sums_of(plain))
    assert ours.n_features_in_ == plain.n_features_in_


def without(data, *names):
    return {name: values for name, values in data.items() if name not in names}


# -- The table -----------------------------------------------------------------------------


def check_fit(model, data, whole, make):
    same_fit(distributed.fit(clone(model), **make(data)), clone(model).fit(**whole(data)))


def check_partial_fit(model, data, whole, make):
    """Two pieces, which part in the middle of a recording, are the whole."""
    ours, plain = clone(model), clone(model)
    for rows in (slice(0, len(data["X"]) * 4 // 9), slice(len(data["X"]) * 4 // 9, None)):
        piece = {name: values[rows] for name, values in data.items()}
        distributed.partial_fit(ours, **make(piece))
        plain.partial_fit(**whole(piece))
    same_fit(ours, plain)
    if model.rows == "timesteps":
        same_sums(sums_of(ours), sums_of(clone(model).fit(**whole(data))))


def check_predict(model, data, whole, make):
    plain = clone(model).fit(**whole(data))
    given = without(data, "y", "sample_weight")
    found = distributed.predict(plain, **make(given))
    expected = plain.predict(**whole(given))
    computed = found.compute()
    assert_allclose(np.asarray(computed), expected, rtol=RTOL, atol=RTOL)
    if make is as_arrays:
        assert found.chunks[0] == make(given)["X"].chunks[0]
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    else:
        assert found.npartitions == make(given)["X"].npartitions
        assert list(computed.index) == list(range(N_STEPS))


def check_score(model, data, whole, make):
    plain = clone(model).fit(**whole(data))
    ours = distributed.score(plain, **make(data))
    assert_allclose(ours, plain.score(**whole(data)), rtol=RTOL)
    assert isinstance(ours, float)


METHODS = {
    "fit": check_fit,
    "partial_fit": check_partial_fit,
    "predict": check_predict,
    "score": check_score,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", WAYS)
def test_chunks_give_what_the_whole_gives(way, name, method):
    if way == "frames" and name == "panel":
        pytest.skip("a DataFrame has two axes")
    METHODS[method](*case(name), *WAYS[way])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CASES)
def test_processes_give_what_the_whole_gives(cluster, name, method):
    METHODS[method](*case(name), *WAYS["arrays"])


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    cuts=st.sets(st.integers(1, N_STEPS - 1)),
    n_lags=st.integers(1, 30),
    state=st.sampled_from(["zero", "mean", "unknown"]),
    names=st.booleans(),
    missing=st.booleans(),
)
def test_any_chunks_sum_to_the_whole(cuts, n_lags, state, names, missing):
    _, data = case("missing" if missing else "weights")
    if names:
        data["sequence_id"] = np.repeat(["c", "a", "b"], [31, 2, 57])
    edges = [0, *sorted(cuts), N_STEPS]
    lengths = tuple(np.diff(edges).tolist())
    lazy = {
        name: da.from_array(values, chunks=(lengths, *values.shape[1:]))
        for name, values in data.items()
    }
    model = ntk(n_lags=n_lags, initial_state=state)
    with dask.config.set(scheduler="sync"):
        ours = distributed.fit(clone(model), **lazy)
        plain = clone(model).fit(**data)
        same_fit(ours, plain)
        same_sums(
            distributed.lag_statistics(**lazy, n_lags=n_lags, initial_state=state), sums_of(plain)
        )
        given = without(data, "y", "sample_weight")
        predictions = distributed.predict(plain, **without(lazy, "y", "sample_weight"))
        assert_allclose(predictions.compute(), plain.predict(**given), rtol=RTOL, atol=RTOL)
        assert_allclose(distributed.score(plain, **lazy), plain.score(**data), rtol=RTOL, atol=RTOL)


ESTIMATORS = [
    NTKConvRegressor("auto", alpha=1.0),
    NTKConvRegressor(fit_intercept=False),
    NTKConvRegressor(n_steps="gcv"),
    NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 1.0], cv="gcv"),
    NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 1.0], cv="evidence"),
    WeightedConv1DRegressor(max_iter=20, tol=0.0),
    LinearRNNRegressor(20, max_iter=20, tol=0.0, random_state=0),
    LRURegressor(20, max_iter=20, tol=0.0, random_state=0),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_every_estimator_learns_the_same(model):
    _, data = case("several")
    model = clone(model).set_params(**STEPS)
    ours = distributed.fit(clone(model), **as_arrays(data))
    plain = clone(model).fit(**data)
    for mine, theirs in zip(learned(ours), learned(plain), strict=True):
        assert_allclose(mine, theirs, rtol=1e-8, atol=1e-9)
    new = {"X": data["X"][:20], "sequence_id": np.zeros(20)}
    assert_allclose(ours.predict(**new), plain.predict(**new), rtol=1e-8, atol=1e-9)
    ours = distributed.partial_fit(ours, **as_arrays(data))
    plain.partial_fit(**data)
    assert_allclose(ours.impulse_response_, plain.impulse_response_, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("name", CASES)
def test_folds_are_held_out_as_in_one_array(way, name, cv):
    if way == "frames" and name == "panel":
        pytest.skip("a DataFrame has two axes")
    whole, make = WAYS[way]
    model, data = case(name)
    shape = {name: getattr(model, name) for name in STEPS}
    model = NTKConvRegressorCV([0.2, 0.9], alphas=[0.1, 10.0], cv=cv, **shape)
    plain = clone(model).fit(**whole(data))
    ours = distributed.fit(clone(model), **make(data))
    assert ours.n_splits_ == plain.n_splits_
    for key, values in plain.cv_results_.items():
        if key.endswith("test_score"):
            assert_allclose(ours.cv_results_[key], values, rtol=1e-8, atol=1e-10, err_msg=key)
    assert ours.best_params_ == plain.best_params_
    same_fit(ours, plain)


@pytest.mark.parametrize("kind", ["arrays", "bag"])
def test_folds_of_lists_are_recordings(kind):
    x, y = recording()
    data = {"X": np.split(x, [20, 24, 50, 70]), "y": np.split(y, [20, 24, 50, 70])}
    lazy = {name: KINDS[kind](values) for name, values in data.items()}
    model = NTKConvRegressorCV([0.2, 0.9], alphas=[0.1, 10.0], cv=2, n_lags=N_LAGS, device="cpu")
    ours, plain = distributed.fit(clone(model), **lazy), clone(model).fit(**data)
    scores = [each.cv_results_["split0_test_score"] for each in (ours, plain)]
    assert_allclose(*scores, rtol=1e-8)


def test_folds_that_sums_cannot_form_are_refused():
    _, data = case("one")
    data["y"][:40] = np.nan
    model = NTKConvRegressorCV([0.5], cv=3, **STEPS)
    for learn in (clone(model).fit, lambda **given: distributed.fit(model, **as_arrays(given))):
        with pytest.raises(ValueError, match="cv must have observed targets in every part"):
            learn(**data)
    with pytest.raises(ValueError, match=r"cv=91 needs as many samples, .* n_samples=90"):
        distributed.fit(clone(model).set_params(cv=91), **as_arrays(case("one")[1]))
    with pytest.raises(ValueError, match=r"cv=3, unlike .*, needs the data themselves"):
        distributed.partial_fit(model, **as_arrays(data))


# -- Other kinds of data -------------------------------------------------------------------

KINDS = {
    "arrays": lambda parts: [da.from_array(part, chunks=(7, -1)) for part in parts],
    "delayed": lambda parts: [dask.delayed(part) for part in parts],
    "in memory": list,
    "bag": lambda parts: db.from_sequence(parts, npartitions=2),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", [False, True])
def test_lists_and_bags_of_recordings_are_lists_of_arrays(kind, weights):
    x, y = recording()
    y[50:55] = np.nan
    cuts = [40, 44]
    data = {"X": np.split(x, cuts), "y": np.split(y, cuts)}
    if weights:
        data["sample_weight"] = [np.linspace(1.0, 2.0, len(part)) for part in data["X"]]
    lazy = {
        name: KINDS[kind](values) if name != "sample_weight" or kind != "arrays" else values
        for name, values in data.items()
    }
    model = NTKConvRegressor(0.7, n_lags=N_LAGS, device="cpu")
    plain = clone(model).fit(**data)
    ours = distributed.fit(clone(model), **lazy)
    same_fit(ours, plain)
    assert_allclose(distributed.score(ours, **lazy), plain.score(**data), rtol=RTOL)
    (found,) = dask.compute(distributed.predict(ours, lazy["X"]), scheduler="threads")
    for mine, theirs in zip(found, plain.predict(data["X"]), strict=True):
        assert_allclose(mine, theirs, rtol=RTOL, atol=RTOL)


@pytest.mark.parametrize("axes", [2, 3])
def test_windows_are_rows(axes):
    x, y = recording(200)
    windows = np.stack([x[k : k + 8] for k in range(190)])
    y = y[7:197, 0]
    windows = windows if axes == 3 else windows[:, :, 0]
    lazy = da.from_array(windows, chunks=(33, *[3] * (axes - 1))), da.from_array(y, chunks=50)
    model = NTKConvRegressor(0.7, device="cpu")
    plain, ours = clone(model).fit(windows, y), distributed.fit(clone(model), *lazy)
    same_fit(ours, plain)
    assert_allclose(distributed.predict(ours, lazy[0]).compute(), plain.predict(windows))
    assert_allclose(distributed.score(ours, *lazy), plain.score(windows, y), rtol=RTOL)
    backwards = lazy[0][:, ::-1], lazy[1]
    with pytest.raises(ValueError, match="newest_first"):
        distributed.fit(clone(model), *backwards)


def test_frames_teach_the_names_of_their_columns():
    _, data = case("one")
    frames = as_frames(data)
    ours = distributed.fit(ntk(), **frames)
    assert list(ours.feature_names_in_) == ["X 0", "X 1"]
    found = distributed.predict(ours, frames["X"]).compute()
    assert_allclose(found, ours.predict(frames["X"].compute()), rtol=RTOL, atol=RTOL)
    other = frames["X"].rename(columns={"X 0": "Z"})
    with pytest.raises(ValueError, match="feature names"):
        distributed.predict(ours, other)


def test_files_in_parquet_are_read_by_the_workers(tmp_path):
    _, data = case("several")
    columns = {"a": data["X"][:, 0], "b": data["X"][:, 1]}
    frame = pd.DataFrame({**columns, "y": data["y"], "id": data["sequence_id"]})
    dd.from_pandas(frame, npartitions=5, sort=False).to_parquet(tmp_path)
    lazy = dd.read_parquet(tmp_path)
    given = {"X": lazy[["a", "b"]], "y": lazy["y"], "sequence_id": lazy["id"]}
    plain = ntk().fit(**data)
    same_fit(distributed.fit(ntk(), **given), plain)


def test_blocks_of_unknown_length_are_taken_as_they_come():
    _, data = case("missing")
    lazy = as_arrays(data, 10)
    keep = da.from_array(np.arange(N_STEPS) % 7 != 2, chunks=10)
    lazy = {name: values.rechunk({0: 10})[keep] for name, values in lazy.items()}
    assert np.isnan(lazy["X"].chunks[0]).all()
    rows = np.arange(N_STEPS) % 7 != 2
    plain = ntk().fit(data["X"][rows], data["y"][rows])
    same_fit(distributed.fit(ntk(), **lazy), plain)
    found = distributed.predict(plain, lazy["X"]).compute()
    assert_allclose(found, plain.predict(data["X"][rows]), rtol=RTOL, atol=RTOL)


def test_blocks_without_rows_change_nothing():
    _, data = case("one")
    lazy = as_arrays(data, 10)
    keep = np.arange(N_STEPS) // 10 != 3
    mask = da.from_array(keep, chunks=10)
    lazy = {name: values.rechunk({0: 10})[mask] for name, values in lazy.items()}
    plain = ntk().fit(data["X"][keep], data["y"][keep])
    same_fit(distributed.fit(ntk(), **lazy), plain)
    predictions = distributed.predict(plain, lazy["X"]).compute()
    assert_allclose(predictions, plain.predict(data["X"][keep]), rtol=RTOL, atol=RTOL)
    none = da.zeros(N_STEPS, dtype=bool, chunks=10)
    lazy = {name: da.from_array(values, chunks=10)[none] for name, values in data.items()}
    with pytest.raises(ValueError, match="X must have at least one row"):
        distributed.fit(ntk(), **lazy)


def test_a_recording_goes_on_in_the_estimators_own_method():
    _, data = case("several")
    ours = distributed.fit(ntk(), **as_arrays({k: v[:60] for k, v in data.items()}))
    ours.partial_fit(**{k: v[60:] for k, v in data.items()})
    same_sums(sums_of(ours), sums_of(ntk().fit(**data)))
    ours = ntk().fit(**{k: v[:60] for k, v in data.items()})
    distributed.partial_fit(ours, **as_arrays({k: v[60:] for k, v in data.items()}, 3))
    same_sums(sums_of(ours), sums_of(ntk().fit(**data)))


def test_statistics_are_those_of_the_series():
    x, y = recording(300)
    lazy = da.from_array(x, chunks=(41, 2)), da.from_array(y, chunks=(100, 1))
    same_sums(
        distributed.lag_statistics(*lazy, n_lags=20), LagStatistics.from_series(x, y, n_lags=20)
    )
    whole = LagStatistics.from_series(x, y, n_lags=20, start="full_windows")
    same_sums(distributed.lag_statistics(*lazy, n_lags=20, initial_state="unknown"), whole)


# -- What does not depend on the data's size -----------------------------------------------


@pytest.mark.parametrize("n_steps", [100, 100_000])
def test_a_worker_sends_the_scatter_and_little_else(n_steps):
    x, y = recording(n_steps)
    part = sum_part(ntk(), N_LAGS, None, None, [0, n_steps], Block(x, y))
    n_inputs = 2 * N_LAGS
    numbers = n_inputs**2 + 4 * n_inputs
    assert len(pickle.dumps(part)) < 8 * numbers + 3000


class Counter:
    """Reads chunks, and counts them."""

    def __init__(self, values, length):
        self.values, self.length, self.n_read = values, length, 0

    def read(self, first):
        self.n_read += 1
        return self.values[first : first + self.length]

    def array(self):
        shape = self.values.shape[1:]
        pieces = [
            da.from_delayed(
                dask.delayed(self.read, traverse=False)(first),
                (min(self.length, len(self.values) - first), *shape),
                self.values.dtype,
            )
            for first in range(0, len(self.values), self.length)
        ]
        return da.concatenate(pieces)


def test_predictions_are_lazy_and_read_what_they_need():
    _, data = case("one")
    model = ntk().fit(**data)
    counter = Counter(data["X"], 10)
    found = distributed.predict(model, counter.array())
    assert counter.n_read == 0
    computed = found[35:40].compute(scheduler="sync")  # in this process, where the counter is
    assert_allclose(computed, model.predict(data["X"])[35:40], rtol=RTOL, atol=RTOL)
    assert counter.n_read == 2  # its chunk and the one before, which is longer than the lags


def test_a_fit_reads_every_chunk_once():
    """Also where X and y are columns of one array, and chunks are shorter than the lags."""
    _, data = case("one")
    counter = Counter(np.column_stack([data["X"], data["y"]]), 4)
    table = counter.array()
    with dask.config.set(scheduler="sync"):  # in this process, where the counter is
        distributed.fit(ntk(), table[:, :2], table[:, 2] * 2.0)
    assert counter.n_read == -(-N_STEPS // 4)


def test_a_part_is_read_and_summed_up_in_one_task_that_waits_for_no_other():
    n_parts = 40
    x, y = (
        da.map_blocks(
            np.full, length, 0.5, chunks=((10,) * n_parts, *length[1:]), dtype=float, meta=empty
        )
        for length, empty in (((10, 2), np.empty((0, 2))), ((10,), np.empty(0)))
    )
    tasks = []
    with (
        dask.config.set(scheduler="sync"),
        Callback(pretask=lambda key, graph, state: tasks.append(key)),
    ):
        distributed.lag_statistics(x, y * 2.0, n_lags=N_LAGS)
    n_additions = 10 + 3 + 1  # of four parts each
    assert n_parts + n_additions <= len(tasks) < n_parts + n_additions + 10


def test_weights_may_fade_over_all_orders_of_magnitude():
    """The first chunk alone would be out of the range of float64."""
    x, y = recording(2000)
    data = {"X": x, "y": y, "sample_weight": np.exp(np.linspace(-709.0, 0.0, 2000))}
    same_fit(distributed.fit(ntk(), **as_arrays(data, 8)), ntk().fit(**data))


# -- What is wrong, and who says so --------------------------------------------------------


def test_zeros_before_inputs_far_from_zero_are_told_as_in_a_plain_fit():
    _, data = case("one")
    data["X"] += 30.0
    for learn in (ntk().fit, lambda **lazy: distributed.fit(ntk(), **as_arrays(lazy, 5))):
        with pytest.warns(UserWarning, match="adds .* times their own variance") as found:
            learn(**data)
        messages = [str(one.message) for one in found]
    assert messages


@pytest.mark.parametrize("chunk", [10, 45, 90])
@pytest.mark.parametrize("method", ["fit", "predict", "score"])
def test_recordings_that_come_twice_are_refused(chunk, method):
    _, data = case("one")
    data["sequence_id"] = np.repeat(["a", "b", "a"], 30)
    model = ntk().fit(**data)
    lazy = as_arrays(data)
    lazy["X"] = lazy["X"].rechunk((chunk, 2))
    call = partial(getattr(distributed, method), model, **lazy)
    if method == "predict":
        call = distributed.predict(model, **without(lazy, "y")).compute
    with pytest.raises(ValueError, match="got recording 'a' again after another one"):
        call()


WRONG = {
    "array": ({"X": np.zeros((9, 2))}, TypeError, "X must be a Dask array .* but got ndarray"),
    "axes": ({"X": da.zeros(9)}, ValueError, "X must have shape .* but got 1 axes"),
    "no y": ({"y": None}, ValueError, "y must be passed"),
    "short y": ({"y": da.zeros(80)}, ValueError, "y must have as many rows as X, 90, but got 80"),
    "infinite": ({"X": da.full((90, 2), np.inf)}, ValueError, "X contains infinity"),
    "one weight": ({"sample_weight": 2.0}, ValueError, "sample_weight must .* 90, but got a float"),
    "word": ({"y": "y"}, ValueError, "y must have as many rows as X, 90, but got a str"),
    "names": (
        {"sequence_id": da.full(90, np.nan)},
        ValueError,
        "sequence_id must .* missing names",
    ),
    "weights": ({"sample_weight": -da.ones(90)}, ValueError, "Negative values in .*sample_weight"),
    "nothing": ({"y": da.full(90, np.nan)}, ValueError, "nothing to learn from"),
    "no weight": ({"sample_weight": da.zeros(90)}, ValueError, "nothing to learn from"),
    "list": ({"y": [da.zeros(90)], "X": [da.zeros((90, 2))] * 2}, ValueError, "y must be a list"),
    "empty list": ({"y": [], "X": []}, ValueError, "X must have at least one recording"),
    "bag": ({"X": db.from_sequence([1])}, ValueError, "y must be a bag with the 1 partitions"),
}


@pytest.mark.parametrize(("change", "error", "message"), WRONG.values(), ids=list(WRONG))
def test_bad_data_are_errors_and_leave_an_earlier_fit(change, error, message):
    model, data = case("one")
    model.fit(**data)
    before = pickle.dumps(vars(model))
    with pytest.raises(error, match=message):
        distributed.fit(model, **{**as_arrays(data), **change})
    assert pickle.dumps(vars(model)) == before


def test_blocks_of_unknown_lengths_must_go_together():
    _, data = case("one")
    frames = as_frames(data)
    with pytest.raises(ValueError, match=r"y must have as many blocks as X, 7, .* but got 6"):
        distributed.fit(ntk(), frames["X"], da.from_array(data["y"], chunks=17))
    with pytest.raises(TypeError, match=r"y must be a Dask collection, .* but got ndarray"):
        distributed.fit(ntk(), frames["X"], data["y"])
    with pytest.raises(ValueError, match=r"y must have as many rows as X, .* but got"):
        distributed.fit(ntk(), frames["X"], da.from_array(data["y"], chunks=13))


def test_parts_of_different_forms_are_refused():
    x, y = recording()
    one, other = pd.DataFrame(x, columns=["a", "b"]), pd.DataFrame(x, columns=["b", "a"])
    model = NTKConvRegressor(n_lags=N_LAGS)
    with pytest.raises(ValueError, match=r"the same columns of X, but got \['a', 'b'\]"):
        distributed.fit(model, [dask.delayed(one), dask.delayed(other)], [y, y])
    with pytest.raises(ValueError, match=r"their n_channels agree|the same columns of X"):
        distributed.fit(model, [x, x[:, :1]], [y, y])
    with pytest.raises(ValueError, match=r"with an axis of outputs and .*without"):
        distributed.fit(model, [x, x], [y, y[:, 0]])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (NTKConvRegressorCV(cv="loo", **STEPS), "cv='loo', unlike .*, needs the data themselves"),
        (NTKConvRegressorCV(cv=KFold(2, shuffle=True), **STEPS), "cv=KFold.* needs the data"),
        (NTKConvRegressorCV(cv=1, **STEPS), "cv|n_splits"),
        (ntk(n_lags="auto"), "n_lags='auto' needs the data themselves"),
        (ntk(n_steps="loo"), "n_steps='loo' needs the data themselves"),
        (WeightedConv1DRegressor(early_stopping=True, **STEPS), "early_stopping=True needs"),
        (ntk(n_lags=None), "n_lags must be given for recordings"),
        (ntk(n_lags=N_STEPS + 1), "n_lags=91 needs as many time steps, .* n_timesteps=90"),
        (ntk(alpha=-1.0), "alpha"),
    ],
    ids=repr,
)
def test_what_sums_do_not_tell_is_refused_before_reading(model, message):
    _, data = case("one")
    with pytest.raises(ValueError, match=message):
        distributed.fit(model, **as_arrays(data))
    assert not hasattr(model, "impulse_response_")


def test_only_estimators_that_learn_from_sums_learn():
    _, data = case("one")
    for other in (Ridge(), NTKConvRegressor, None):
        with pytest.raises(TypeError, match="estimator must be a regressor of sklearn_linrnn"):
            distributed.fit(other, **as_arrays(data))
    with pytest.raises(NotFittedError):
        distributed.predict(ntk(), as_arrays(data)["X"])
    with pytest.raises(ValueError, match="n_lags must be at least 1, but got 0"):
        distributed.lag_statistics(**as_arrays(data), n_lags=0)
    with pytest.raises(TypeError, match="n_lags must be a whole number"):
        distributed.lag_statistics(**as_arrays(data), n_lags=2.0)
    with pytest.raises(ValueError, match="sequence_id is the recording that a row belongs to"):
        distributed.fit(
            NTKConvRegressor(), **as_arrays(data), sequence_id=da.zeros(N_STEPS, chunks=9)
        )


def test_names_are_asked_for_where_the_fit_had_them():
    model, data = case("several")
    model.fit(**data)
    with pytest.raises(ValueError, match="sequence_id must be given"):
        distributed.predict(model, as_arrays(data)["X"])


@pytest.mark.parametrize("call", ["fit", "predict", "score", "partial_fit", "lag_statistics"])
def test_without_dask_an_error_names_the_extra(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "dask.array", None)
    model, data = case("one")
    model.fit(**data)
    given = {"X": data["X"]} if call == "predict" else dict(data)
    arguments = (
        {"n_lags": 3, **given} if call == "lag_statistics" else {"estimator": model, **given}
    )
    with pytest.raises(ImportError, match=r"pip install 'sklearn-linrnn\[distributed\]'"):
        getattr(distributed, call)(**arguments)


# -- Clusters ------------------------------------------------------------------------------


def read_or_die(values, mark, first, length):
    """Return rows; the first worker that reads the middle dies."""
    if first == 40 and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return values[first : first + length]


@pytest.mark.slow
def test_a_worker_that_is_killed_changes_nothing(cluster, tmp_path):
    _, data = case("several")
    mark = str(tmp_path / "killed")
    pieces = [
        da.from_delayed(dask.delayed(read_or_die)(data["X"], mark, first, 10), (10, 2), float)
        for first in range(0, N_STEPS, 10)
    ]
    lazy = {**as_arrays(data), "X": da.concatenate(pieces)}
    ours = distributed.fit(ntk(), **lazy)
    assert Path(mark).exists()
    same_fit(ours, ntk().fit(**data))
    cluster.wait_for_workers(2, timeout=60)


@pytest.mark.slow
def test_parallel_searches_of_others_run_on_a_cluster(cluster):
    from sktime.forecasting.model_evaluation import evaluate
    from sktime.split import ExpandingWindowSplitter

    from sklearn_linrnn.forecasting import LagForecaster

    _, data = case("one")
    search = GridSearchCV(ntk(), {"alpha": [0.1, 1.0, 10.0]}, cv=3)
    expected = clone(search).fit(**data).cv_results_["mean_test_score"]
    with joblib.parallel_config(backend="dask"):
        found = clone(search).fit(**data).cv_results_["mean_test_score"]
    assert_allclose(found, expected, rtol=RTOL)
    series = pd.Series(data["y"])
    splitter = ExpandingWindowSplitter(fh=[1, 2], initial_window=60, step_length=10)
    model = LagForecaster(n_lags=5)
    columns = "test_MeanAbsolutePercentageError"
    plain = evaluate(model, splitter, series)[columns]
    ours = evaluate(model, splitter, series, backend="dask")[columns]
    assert_allclose(ours, plain, rtol=RTOL)
