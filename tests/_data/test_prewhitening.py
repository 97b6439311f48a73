"""Filtered recordings, and their sums from those of lags of inputs and targets."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._data.prewhitening import (
    joint_sums,
    most_usable_order,
    n_known_before,
    prewhitened,
    usable_steps,
)
from sklearn_linrnn._data.targets import read_training_data

POLYNOMIAL = np.array([1.0, -0.8, 0.3])
N_LAGS = 4
rng = np.random.default_rng(0)


def recordings(lengths=(40, 25, 2), **parameters):
    """Return recordings with two inputs and outputs far from zero, some targets missing."""
    X = [3.0 + rng.normal(size=(n, 2)) for n in lengths]
    y = [5.0 + rng.normal(size=(n, 2)) for n in lengths]
    y[0][[7, 8, 30]] = np.nan
    weights = [rng.uniform(0.5, 2.0, size=n) for n in lengths]
    model = NTKConvRegressor(rows="timesteps", n_lags=N_LAGS, **parameters)
    data = read_training_data(model, X, y, weights, None)
    return data.with_lags(N_LAGS)[0]


def test_how_many_are_known_before():
    observed = np.array([1, 1, 0, 1, 1, 1, 1, 1], dtype=bool)
    assert_array_equal(n_known_before(observed, np.array([6, 2])), [0, 1, 2, 0, 1, 2, 0, 1])


def test_the_greatest_order_leaves_a_share_of_the_steps():
    data = recordings()
    for share in (0.5, 0.8, 0.95):
        found = most_usable_order(data, 10, share)
        shares = [usable_steps(data, order).sum() / data.observed.sum() for order in range(11)]
        assert found == max(order for order in range(11) if shares[order] >= share)


@pytest.mark.parametrize("initial_state", ["zero", "mean", "unknown"])
def test_filtered_recordings_are_those_of_a_loop(initial_state):
    data = recordings(initial_state=initial_state)
    filtered = prewhitened(data, POLYNOMIAL)
    inputs, found = data.sequences.joined, filtered.sequences.joined
    start = 0
    for length in data.sequences.lengths:
        for step in range(start, start + length):
            past = [step - lag for lag in range(3) if step - lag >= start]
            expected = sum(POLYNOMIAL[step - each] * inputs[each] for each in past)
            assert_allclose(found[step], expected, rtol=1e-12, atol=1e-12)
            whole = len(past) == 3 and data.observed[past].all()
            assert filtered.observed[step] == whole
            if whole:
                assert_allclose(filtered.targets[step], POLYNOMIAL @ data.targets[past], rtol=1e-12)
        start += length


@pytest.mark.parametrize("initial_state", ["zero", "mean", "unknown"])
def test_sums_of_filtered_data_follow_from_joint_sums(initial_state):
    data = recordings(initial_state=initial_state)
    joint = joint_sums(data, N_LAGS, 3, "cpu")
    filtered = prewhitened(data, POLYNOMIAL)
    filtered = replace(filtered, observed=usable_steps(data, 3))
    for n_lags in (N_LAGS, 2):
        found = joint.first_lags(n_lags).filtered(POLYNOMIAL)
        expected = filtered.statistics(n_lags, "cpu")
        assert found.n_lags == n_lags
        assert found.weight == pytest.approx(expected.weight)
        for name in ("input_mean", "target_mean", "input_scatter", "cross_scatter"):
            values = getattr(expected, name).numpy()
            assert_allclose(getattr(found, name).numpy(), values, atol=1e-11, err_msg=name)
        assert_allclose(found.target_scatter.numpy(), expected.target_scatter.numpy(), rtol=1e-11)
