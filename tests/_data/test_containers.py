"""What users pass arrays in: what it means to its owner is what is read, or there is an error."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_linrnn import LagWeighter, NTKConvRegressor
from sklearn_linrnn._data.containers import read_container

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
        (X + 1j, ValueError, r"^X: .*Complex data"),
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
