"""Decoders learn from windows of one recording that they are not tested on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyRegressor

from benchmarks.decoders import AFTER, BEFORE, N_FOLDS, difference, folds, r2_of, windows_of
from benchmarks.neural_s1 import Recordings

N_BINS = BEFORE + 1 + AFTER


def test_windows_are_of_one_recording_and_have_their_target_inside():
    lengths = [30, N_BINS - 1, N_BINS]
    ids, steps = np.repeat([1, 2, 3], lengths), np.arange(sum(lengths))
    X, Y = windows_of(Recordings(np.column_stack([steps, ids]), np.column_stack([steps] * 2), ids))
    windows = X.reshape(len(X), N_BINS, 2)
    assert len(X) == 30 - N_BINS + 1 + 1
    assert (windows[:, :, 1] == windows[:, :1, 1]).all()
    assert (np.diff(windows[:, :, 0], axis=1) == 1).all()  # oldest bin first
    assert_array_equal(Y[:, 0], windows[:, BEFORE, 0])


@pytest.mark.parametrize("size", [100, 150, None])
def test_each_window_is_tested_once_on_a_model_of_others(size):
    parts = folds(1003, size)
    assert len(parts) == N_FOLDS
    assert_array_equal(np.concatenate([tested for _, tested in parts]), np.arange(1003))
    for learned, tested in parts:
        assert not np.intersect1d(learned, tested).size
        assert len(learned) == (1003 - len(tested) if size is None else size)
        if size is not None and tested[0] >= size:  # the last ones before it
            assert_array_equal(learned, np.arange(tested[0] - size, tested[0]))


def test_the_mean_has_no_r2():
    Y = np.random.default_rng(0).normal(size=(50, 2)) * [1.0, 100.0]
    assert_allclose(r2_of(DummyRegressor().fit(Y, Y), Y, Y), 0.0, atol=1e-12)


def test_a_difference_has_the_interval_of_the_mean():
    own, other = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4)
    assert difference(own, other) == "+1.5000 +- 2.0543"  # t (0.975, 3) = 3.1824, s = 1.2910
    assert difference(own, None) == ""
