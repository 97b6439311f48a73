"""What users pass arrays in: what it means to its owner is what is read, or there is an error."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.utils import check_array

from sklearn_linrnn import LagWeighter, NTKConvRegressor
from sklearn_linrnn._data import containers
from sklearn_linrnn._data.containers import read_container
from sklearn_linrnn._data.sliced import SlicedArray

rng = np.random.default_rng(0)
X, y = rng.normal(size=(30, 4)).astype(np.float32), rng.normal(size=30).astype(np.float32)
DAYS = np.datetime64("2024-01-01", "ns") + np.arange(30).astype("m8[D]")
RECORDED = {"rows": "timesteps", "n_lags": 2}


def response(inputs, targets, weights=None, **parameters):
    return NTKConvRegressor(**parameters).fit(inputs, targets, weights).impulse_response_


@pytest.mark.parametrize(
    "pass_in",
    [
        torch.tensor,
        lambda array: torch.tensor(array, requires_grad=True),
        lambda array: np.ma.MaskedArray(array, mask=False),
        np.ma.MaskedArray,
        lambda array: array.tolist(),
    ],
)
def test_the_same_numbers_are_the_same_data(pass_in):
    weights = np.linspace(1, 2, 30, dtype=np.float32)
    found = response(*map(pass_in, (X, y, weights)))
    assert_array_equal(found, response(X, y, weights))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_tensors_of_few_bits_are_read_to_their_last(dtype):
    inputs, targets = torch.tensor(X).to(dtype), torch.tensor(y).to(dtype)
    found = response(inputs, targets)
    assert_array_equal(found, response(inputs.double().numpy(), targets.double().numpy()))


def test_lists_of_tensors_are_recordings():
    tensors = [torch.tensor(X[:15], requires_grad=True), torch.tensor(X[15:])]
    targets = [torch.tensor(y[:15]), torch.tensor(y[15:], requires_grad=True)]
    found = response(tensors, targets, n_lags=2)
    assert_array_equal(found, response([X[:15], X[15:]], [y[:15], y[15:]], n_lags=2))


def test_masked_values_are_missing_ones():
    """Numbers under a mask are none, whatever they are."""
    mask = np.zeros(X.shape, dtype=bool)
    mask[5] = True
    hidden = np.ma.MaskedArray(np.where(mask, np.float32(1e9), X), mask)
    missing = np.where(mask, np.nan, X)
    assert_array_equal(response(hidden, y, **RECORDED), response(missing, y, **RECORDED))
    with pytest.raises(ValueError, match="X contains NaN"):
        NTKConvRegressor().fit(hidden, y)
    with pytest.raises(ValueError, match="X contains NaN"):
        LagWeighter().fit(hidden)


@pytest.mark.parametrize("name", ["X", "y"])
def test_masked_complex_numbers_are_refused_like_others(name):
    data = {"X": np.arange(12.0).reshape(6, 2), "y": np.arange(6.0)}
    data[name] = np.ma.masked_greater(data[name], 4.0) + 1j
    assert np.ma.is_masked(data[name])
    with pytest.raises(ValueError, match="Complex data not supported"):
        NTKConvRegressor().fit(**data)


def test_masked_targets_are_not_observed():
    mask = np.arange(30) == 7
    hidden = np.ma.MaskedArray(np.where(mask, 999, y), mask)
    found = response(X, hidden, **RECORDED)
    assert_array_equal(found, response(X, np.where(mask, np.nan, y), **RECORDED))


@pytest.mark.parametrize(
    "times",
    [
        DAYS,
        DAYS - DAYS[0],
        pd.Series(DAYS),
        pd.Series(DAYS).dt.tz_localize("UTC"),
        pd.Series(DAYS).dt.to_period("D"),
        pl.Series(DAYS),
        DAYS.astype("M8[D]").tolist(),
        [dt.datetime(2024, 1, 1)] * 30,
    ],
    ids=lambda times: f"{type(times).__name__} {getattr(times, 'dtype', '')}",
)
def test_times_are_no_numbers(times):
    """Not even where NumPy would count the seconds since 1970."""
    with pytest.raises(TypeError, match=r"\by\b"):
        NTKConvRegressor(n_lags=1).fit(X, times)
    columns = {pd.Series: pd.DataFrame, pl.Series: pl.DataFrame}
    frame = columns.get(type(times), lambda column: np.asarray(column["x"])[:, None])({"x": times})
    with pytest.raises(TypeError, match=r"\bX\b"):
        NTKConvRegressor(n_lags=1).fit(frame, y)


def test_one_column_of_times_among_numbers_is_named():
    frame = pd.DataFrame({"x_lag_1": y, "x_lag_0": DAYS})
    with pytest.raises(TypeError, match=r"X must hold numbers, but got datetime64\[ns\]"):
        NTKConvRegressor().fit(frame, y)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (X[:, 0], ValueError, r"^X: Expected 2D array"),
        (X[:0], ValueError, r"^X: Found array with 0 sample"),
        (X + 1j, ValueError, r"^X must hold real .* but got complex64\. Complex data"),
        ([[1.0, (2.0, 3.0)]], ValueError, "^X must be .* of different lengths"),
        (np.array([[1.0, (2.0, 3.0)]], dtype=object), ValueError, "^X: setting an array element"),
        (np.array([[{}]]), TypeError, r"^X: float\(\) argument"),
        (np.full((30, 4), "a"), ValueError, "^X: could not convert"),
        (np.where(X > 1, np.nan, X), ValueError, "^Input X contains NaN"),
    ],
)
def test_errors_name_the_argument_once(wrong, error, message):
    with pytest.raises(error, match=message):
        NTKConvRegressor().fit(wrong, y[: len(wrong)])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (["a"] * 30, "sample_weight: could not convert"),
        (np.ones((30, 2)), "sample_weight: Sample weights must be 1D"),
        (np.zeros(30), "sample_weight"),
        (DAYS, "sample_weight must hold numbers, but got datetime64"),
    ],
)
def test_errors_of_weights_name_them(weights, message):
    with pytest.raises((TypeError, ValueError), match=message):
        NTKConvRegressor().fit(X, y, weights)


def test_arrays_and_frames_are_not_copied():
    for value in (X, pd.DataFrame(X), pl.DataFrame(X)):
        assert read_container(value, "X") is value


# -- Lists of recordings -----------------------------------------------------------------

MANY = [length for length in range(1, 12) for _ in range(3)]


def recordings(n_columns, dtype=np.float64):
    return [rng.normal(size=(length, n_columns)).astype(dtype) for length in MANY]


def test_many_recordings_are_looked_at_a_few_times(monkeypatch):
    looks = []

    def counted(value, **checks):
        looks.append(len(value))
        return check_array(value, **checks)

    monkeypatch.setattr(containers, "check_array", counted)
    inputs, targets = recordings(2), recordings(1)
    response(inputs, targets, **RECORDED)
    assert looks == [sum(MANY)] * 2


@pytest.mark.parametrize("argument", ["X", "y"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda part: np.full_like(part, np.inf), "infinity"),
        (lambda part: part.astype(complex), "[Cc]omplex"),
        (lambda part: np.zeros(part.shape, "m8[s]"), "must hold numbers"),
        (lambda part: part[:0], "0 sample"),
        (lambda part: np.full(part.shape, "a", dtype=object), "could not convert"),
    ],
    ids=["infinite", "complex", "times", "empty", "words"],
)
def test_an_error_names_the_recording_that_is_wrong(argument, spoil, message):
    given = {"X": recordings(2), "y": recordings(1)}
    given[argument][17] = spoil(given[argument][17])
    with pytest.raises((TypeError, ValueError), match=message) as error:
        response(given["X"], given["y"], **RECORDED)
    assert f"{argument}[17]" in str(error.value)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float16, np.float32, ">f8", np.longdouble])
def test_recordings_of_any_types_are_their_numbers(dtype):
    """All of one type, or one of another type among them."""
    inputs, targets = recordings(2, dtype), recordings(1)
    numbers = [np.asarray(part, dtype=np.float64) for part in inputs]
    expected = response(numbers, targets, **RECORDED)
    assert_array_equal(response(inputs, targets, **RECORDED), expected)
    mixed = [*inputs[:-1], numbers[-1].astype(np.float32)]
    expected = response([*numbers[:-1], numbers[-1].astype(np.float32)], targets, **RECORDED)
    assert_array_equal(response(mixed, targets, **RECORDED), expected)


def test_a_recording_in_a_file_is_not_read_with_the_others(tmp_path):
    inputs = recordings(2)
    np.save(tmp_path / "inputs.npy", inputs[17])
    given = list(inputs)
    given[17] = np.load(tmp_path / "inputs.npy", mmap_mode="r")
    read = containers.check_all_numbers(given, "X", sliced=(2,), dtype=containers.FLOATS)
    assert isinstance(read[17], SlicedArray)
    for found, expected in zip(read, inputs, strict=True):
        assert_array_equal(found, expected)


def test_long_recordings_are_not_copied(monkeypatch):
    monkeypatch.setattr(containers, "SHORT", 0)
    inputs = recordings(2)
    read = containers.check_all_numbers(inputs, "X", dtype=containers.FLOATS)
    assert all(np.shares_memory(*pair) for pair in zip(inputs, read, strict=True))
