"""Arrays of any size: read stretch by stretch, they give what they give when read as a whole."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from sklearn_linrnn import (
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._data import stretches as module
from sklearn_linrnn._data import zero_state

N_STEPS, N_LAGS = 700, 5
RTOL = 1e-10


def make_data(seed=0, n_channels=1, n_outputs=1):
    """Return inputs and targets (n_timesteps, k) in float32, whose noise remembers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.2, 1.0, (N_STEPS, n_channels)).astype(np.float32)
    taps = rng.normal(size=(N_LAGS, n_channels, n_outputs))
    y = sum(np.roll(x, lag, axis=0) @ taps[lag] for lag in range(N_LAGS))
    noise = rng.normal(size=(N_STEPS + 3, n_outputs))
    return x, (y + noise[3:] + noise[2:-1] + noise[1:-2]).astype(np.float32)


def mapped(folder, name, array):
    """Return a memory map of an array."""
    np.save(folder / f"{name}.npy", array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


class Dataset:
    """An array that has a shape, a type and slices, and nothing else."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        assert rows.step is None
        return self._array[rows].copy()


CONTAINERS = {
    "memory map": mapped,
    "slices": lambda folder, name, array: Dataset(array),
    "array": lambda folder, name, array: array,
}
WEIGHTS = ["none", "random", "some zero"]
MISSING = ["nothing", "targets", "inputs"]


def cut_into_stretches(monkeypatch, numbers):
    """Let a stretch hold so many numbers at the most."""
    monkeypatch.setattr(module, "NUMBERS", numbers)
    monkeypatch.setattr(module, "LEAST_SHARE", 2)


def learned(model):
    """Return all that a fit hands out."""
    solution = model.solution_
    noise = model.noise_variance_, model.noise_predictability_, model.impulse_response_std_
    return [
        model.impulse_response_,
        model.intercept_,
        *noise,
        model.effective_degrees_of_freedom_,
        solution.statistics.weight,
    ]


def container_of(weights, missing):
    """Return one of the containers: each meets all weights, and all of what is missing."""
    each = list(CONTAINERS.values())
    return each[(WEIGHTS.index(weights) + MISSING.index(missing)) % len(each)]


def weights_of(kind, rng):
    """Return weights of the time steps, or none."""
    if kind == "none":
        return None
    weights = rng.uniform(0.5, 2.0, N_STEPS).astype(np.float32)
    if kind == "some zero":
        weights[200:420] = 0.0
    return weights


@pytest.mark.parametrize("numbers", [40, 300])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("recordings", ["one", "several"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("missing", MISSING)
def test_a_fit_by_stretches_is_the_plain_fit(
    tmp_path, monkeypatch, numbers, weights, recordings, fit_intercept, missing
):
    x, y = make_data(n_channels=2, n_outputs=2)
    rng = np.random.default_rng(1)
    w = weights_of(weights, rng)
    ids = None if recordings == "one" else np.repeat([3, 1, 2, 0], [30, 420, 230, 20])
    if missing == "targets":
        y[rng.random(N_STEPS) < 0.3] = np.nan
        y[100:190] = np.nan
    if missing == "inputs":
        x[[50, 51, 333, 600], [0, 1, 1, 0]] = np.nan
    model = NTKConvRegressor(
        0.7, rows="timesteps", n_lags=N_LAGS, fit_intercept=fit_intercept, device="cpu"
    )
    metadata = {"sample_weight": w, "sequence_id": ids}
    plain = model.fit(x.astype(np.float64), y.astype(np.float64), **metadata)
    expected = learned(plain), plain.predict(x, sequence_id=ids), plain.score(x, y, **metadata)
    assert plain.noise_predictability_ > 0.1
    cut_into_stretches(monkeypatch, numbers)
    contain = container_of(weights, missing)
    x, y = (contain(tmp_path, *pair) for pair in (("x", x), ("y", y)))
    ours = model.fit(x, y, **metadata)
    for mine, theirs in zip(learned(ours), expected[0], strict=True):
        assert_allclose(mine, theirs, rtol=RTOL, atol=RTOL)
    assert_allclose(ours.predict(x, sequence_id=ids), expected[1], rtol=RTOL, atol=RTOL)
    assert_allclose(ours.score(x, y, **metadata), expected[2], rtol=RTOL)


@pytest.mark.parametrize(("container", "missing"), list(zip(CONTAINERS, MISSING, strict=True)))
def test_coloured_noise_by_stretches_is_that_of_the_whole(
    tmp_path, monkeypatch, container, missing
):
    x, y = make_data(n_channels=2, n_outputs=2)
    ids = np.repeat([3, 1, 2, 0], [30, 420, 230, 20])
    if missing == "targets":
        y[[60, 300, 301, 690]] = np.nan
    if missing == "inputs":
        x[[50, 51, 333, 600], [0, 1, 1, 0]] = np.nan
    model = NTKConvRegressor(0.7, noise="ar", rows="timesteps", n_lags=N_LAGS, device="cpu")
    model.fit(x.astype(np.float64), y.astype(np.float64), sequence_id=ids)
    coefficients, expected = (
        model.noise_coefficients_,
        [
            model.predict(x, sequence_id=ids),
            *model.predict_one_step(x, y, sequence_id=ids, return_std=True),
        ],
    )
    assert len(coefficients) > 0
    cut_into_stretches(monkeypatch, 300)
    x, y = (CONTAINERS[container](tmp_path, *pair) for pair in (("x", x), ("y", y)))
    model.fit(x, y, sequence_id=ids)
    assert_allclose(model.noise_coefficients_, coefficients, rtol=1e-6)
    found = model.predict_one_step(x, y, sequence_id=ids, return_std=True)
    for mine, theirs in zip([model.predict(x, sequence_id=ids), *found], expected, strict=True):
        assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", ["list", "panel"])
def test_lists_and_panels_by_stretches_are_the_plain_fit(monkeypatch, shape):
    x, y = make_data(n_channels=2, n_outputs=2)
    if shape == "list":
        lengths = [30, 45, 75, 80, 420]
        x, y = (np.split(a, lengths) for a in (x, y))
    else:
        x, y = (a.reshape(7, 100, 2) for a in (x, y))
    model = NTKConvRegressor(0.7, n_lags=N_LAGS, initial_state="mean", device="cpu")
    expected = learned(model.fit(x, y)), np.concatenate(model.predict(x))
    cut_into_stretches(monkeypatch, 100)
    for mine, theirs in zip(learned(model.fit(x, y)), expected[0], strict=True):
        assert_allclose(mine, theirs, rtol=RTOL, atol=RTOL)
    assert_allclose(np.concatenate(model.predict(x)), expected[1], rtol=RTOL, atol=RTOL)


REFUSED = {
    "infinite input": "X contains infinity",
    "infinite target": "y contains infinity",
    "no channels": "0 feature",
    "too short": "y must have as many rows as X, 700, but got 699",
}


@pytest.mark.parametrize("shape", ["windows", "panel", "panel at every step", "list"])
def test_slices_are_arrays_in_every_shape(shape):
    x, y = make_data(n_channels=2, n_outputs=2)
    if shape == "list":
        x, y = ([a[:90], a[90:]] for a in (x, y))
        given = [Dataset(part) for part in x], [Dataset(part) for part in y]
    else:
        x = x if shape == "windows" else x.reshape(70, 10, 2)
        y = y.reshape(70, 10, 2) if shape == "panel at every step" else y[: len(x)]
        given = Dataset(x), Dataset(y)
    n_lags = 2 if shape == "windows" else N_LAGS
    model = NTKConvRegressor(0.7, n_lags=n_lags, device="cpu").fit(x, y)
    expected = model.impulse_response_, np.concatenate(model.predict(x)), model.score(x, y)
    model.fit(*given)
    assert_allclose(model.impulse_response_, expected[0], rtol=RTOL)
    assert_allclose(np.concatenate(model.predict(given[0])), expected[1], rtol=RTOL, atol=RTOL)
    assert_allclose(model.score(*given), expected[2], rtol=RTOL)


@pytest.mark.parametrize(("bad", "message"), REFUSED.items(), ids=list(REFUSED))
def test_arrays_in_files_are_refused_as_arrays_are(bad, message):
    x, y = make_data()
    if bad == "infinite input":
        x[300] = np.inf
    if bad == "infinite target":
        y[300] = np.inf
    x, y = x[:, : bad != "no channels"], y[: -1 if bad == "too short" else None]
    model = NTKConvRegressor(rows="timesteps", n_lags=N_LAGS, device="cpu")
    for given in ((x, y), (Dataset(x), Dataset(y))):
        with pytest.raises(ValueError, match=message):
            model.fit(*given)
    assert not hasattr(model, "impulse_response_")


def test_a_fit_to_memory_maps_copies_no_whole_array(tmp_path, monkeypatch):
    n_steps = 400_000
    rng = np.random.default_rng(0)
    x = mapped(tmp_path, "x", rng.normal(size=(n_steps, 1)).astype(np.float32))
    y = mapped(tmp_path, "y", (x[:, 0] + rng.normal(size=n_steps)).astype(np.float32))
    cut_into_stretches(monkeypatch, 2**13)
    monkeypatch.setattr(zero_state, "ENOUGH_STEPS", 2**12)
    model = NTKConvRegressor(rows="timesteps", n_lags=N_LAGS, device="cpu")
    model.fit(x[:1000], y[:1000])
    for action in (model.fit, model.score):
        tracemalloc.start()
        action(x, y)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < x.nbytes


OTHERS = {
    "cross-validation": NTKConvRegressorCV([0.3, 0.7], alphas=[1.0, 10.0]),
    "conjugate gradients": NTKConvRegressor(solver="cg"),
    "leaving one out": NTKConvRegressor(n_steps="loo", alpha=0.0),
    "validation": NTKConvRegressor(n_steps="validation", alpha=0.0),
    "evidence": NTKConvRegressor("auto", alpha="auto"),
    "unknown state": NTKConvRegressor(initial_state="unknown"),
    "mean state": NTKConvRegressor(initial_state="mean"),
    "convolution": WeightedConv1DRegressor(max_iter=20),
    "network": LinearRNNRegressor(n_hidden=4, max_iter=20, random_state=0),
    "unit": LRURegressor(n_hidden=4, max_iter=20, random_state=0),
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_estimator_learns_the_same_from_slices(name):
    x, y = make_data(n_channels=2)
    model = clone(OTHERS[name]).set_params(rows="timesteps", n_lags=N_LAGS, device="cpu")
    expected = model.fit(x, y).predict(x), model.score(x, y)
    model = clone(model).fit(Dataset(x), Dataset(y))
    assert_allclose(model.predict(Dataset(x)), expected[0], rtol=1e-9, atol=1e-9)
    assert_allclose(model.score(Dataset(x), Dataset(y)), expected[1], rtol=1e-9)


def test_pieces_of_a_file_add_up_to_the_whole():
    x, y = make_data(n_channels=2)
    whole = NTKConvRegressor(rows="timesteps", n_lags=N_LAGS, device="cpu").fit(x, y)
    pieces = clone(whole)
    for steps in (slice(0, 3), slice(3, 400), slice(400, None)):
        pieces.partial_fit(Dataset(x[steps]), Dataset(y[steps]))
    assert_allclose(pieces.impulse_response_, whole.impulse_response_, rtol=RTOL)
    mean, std = pieces.predict(Dataset(x), return_std=True)
    assert_allclose(mean, whole.predict(x), rtol=RTOL, atol=RTOL)
    assert std.shape == mean.shape
