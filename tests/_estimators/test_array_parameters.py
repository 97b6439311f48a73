"""Parameters that may be arrays: what they take as one, and what they say of anything else."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import (
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    kernel_matrix,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X[:, 0] + 0.1 * RNG.normal(size=60)
RECORDING = {"rows": "timesteps", "n_lags": 4}

NOT_NUMBERS = {
    "a word": (["auto", 0.5, 0.3], "'auto' among"),
    "words": (["0.5", "0.5", "0.5"], "'0.5' among"),
    "an array of words": (np.array(["auto"] * 3), "'auto' among"),
    "a series of words": (pd.Series(["auto"] * 3), "'auto' among"),
    "none": ([None, 0.5, 0.3], "None among"),
    "complex numbers": ([1j, 2, 3], "1j among"),
    "lists of different lengths": ([[0.1, 0.2], [0.3]], r"\[0.1, 0.2\] among"),
    "names": ({"a": 0.5}, "{'a': 0.5} among"),
    "one number": (np.array(0.5), r"array\(0.5\)"),
    "nothing": ([], r"shape \(0,\)"),
}
BY_CHANNEL = [
    (NTKConvRegressor, "channel_scale"),
    (NTKConvRegressorCV, "channel_scale"),
    (WeightedConv1DRegressor, "channel_scale"),
    (WeightedConv1DRegressor, "nu_w"),
    (LinearRNNRegressor, "channel_scale"),
    (LRURegressor, "channel_scale"),
]


@pytest.mark.parametrize("given", NOT_NUMBERS)
@pytest.mark.parametrize(("make", "name"), BY_CHANNEL)
def test_what_is_no_number_for_each_channel_is_told_from_what_is(make, name, given):
    value, got = NOT_NUMBERS[given]
    need = r"one number for each of 3 channels, an array of shape \(3,\)"
    with pytest.raises(ValueError, match=f"^{name} must be {need}, but got {got}"):
        make(**{name: value}, **RECORDING).fit(X, Y)


@pytest.mark.parametrize(
    "given", [name for name in NOT_NUMBERS if name not in ("one number", "nothing")]
)
@pytest.mark.parametrize(
    ("make", "need"),
    [
        (lambda value: NTKConvRegressor(prior=value, **RECORDING), "prior must be one of .*'tc'"),
        (
            lambda value: WeightedConv1DRegressor(value, **RECORDING),
            "lag_weights must be 'linear_rnn', 'flat' or an array of one number for each lag",
        ),
    ],
    ids=["prior", "lag_weights"],
)
def test_what_is_no_number_for_each_lag_is_told_from_what_is(make, need, given):
    value, got = NOT_NUMBERS[given]
    with pytest.raises(ValueError, match=f"^{need}.*, but got {got}"):
        make(value).fit(X, Y)


@pytest.mark.parametrize("given", ["a word", "an array of words", "a series of words"])
def test_each_channel_has_a_memory_of_its_own_by_another_parameter(given):
    value, _ = NOT_NUMBERS[given]
    message = "nu_w='auto' .* all channels, with memory='channel' for each .* got 'auto' among"
    with pytest.raises(ValueError, match=message):
        NTKConvRegressor(nu_w=value, **RECORDING).fit(X, Y)


def test_a_kernel_says_what_its_prior_needs():
    with pytest.raises(ValueError, match=r"^prior must be .* array of numbers, but got 'tc' among"):
        kernel_matrix(["tc", "dc"], X)


@pytest.mark.parametrize(
    ("memory", "got"),
    [
        ([[1], [2, 3]], r"shape \(2,\)"),
        ([{}, {}, {}], "{} among"),
        ([np.nan, 1, 2], "nan among"),
        (np.array([1.0, np.nan, np.nan]), "nan among"),
    ],
    ids=["lists", "dicts", "not a number", "an array with some"],
)
@pytest.mark.parametrize("make", [NTKConvRegressor, NTKConvRegressorCV])
def test_labels_can_be_told_from_each_other(make, memory, got):
    with pytest.raises(ValueError, match=rf"^memory must be .*3 channels.*, but got {got}"):
        make(memory=memory, **RECORDING).fit(X, Y)


NUMBERS = [
    ("list", list),
    ("tuple", tuple),
    ("series", pd.Series),
    ("objects", lambda values: pd.Series(values, dtype=object)),
    ("tensor", torch.tensor),
]
every_container = pytest.mark.parametrize(
    "container", [each for _, each in NUMBERS], ids=[name for name, _ in NUMBERS]
)


@every_container
@pytest.mark.parametrize("make", [NTKConvRegressor, WeightedConv1DRegressor])
def test_numbers_are_the_same_in_every_container(make, container):
    values = [0.3, 0.5, 0.7]
    expected = make(nu_w=np.array(values), **RECORDING).fit(X, Y)
    found = make(nu_w=container(values), channel_scale=container([1.0, 1.0, 1.0]), **RECORDING)
    assert_allclose(found.fit(X, Y).lag_weights_, expected.lag_weights_, rtol=1e-6)


@every_container
@pytest.mark.parametrize("memory", ["shared", "channel"])
def test_grids_are_the_same_in_every_container(memory, container):
    known = {"alphas": [0.5, 5.0], "memory": memory, "cv": 3, **RECORDING}
    expected = NTKConvRegressorCV(np.array([0.25, 0.75]), **known).fit(X, Y)
    alphas = container(known.pop("alphas"))
    found = NTKConvRegressorCV(container([0.25, 0.75]), alphas=alphas, **known).fit(X, Y)
    assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-12
    )


@pytest.mark.parametrize("memory", ["shared", "channel"])
def test_a_number_in_an_array_of_no_axis_is_a_grid_of_one(memory):
    search = NTKConvRegressorCV(np.array(0.25), memory=memory, cv=3, **RECORDING).fit(X, Y)
    assert np.all(search.nu_w_ == 0.25)
