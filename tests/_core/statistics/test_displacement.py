"""The scatter of a series' lags follows from its first block row and the changes of the weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn._core.statistics import displacement
from sklearn_linrnn._core.statistics.series import Series
from sklearn_linrnn._core.statistics.windows import formed_window_moments


@pytest.mark.parametrize("n_rows", [1, 4, 1000])
@pytest.mark.parametrize(("n_lags", "n_channels"), [(1, 2), (2, 1), (30, 1), (9, 4)])
def test_bands_of_rows_give_what_windows_give(monkeypatch, n_rows, n_lags, n_channels):
    n_inputs = n_lags * n_channels
    monkeypatch.setattr(displacement, "CACHED", n_rows * n_inputs)
    monkeypatch.setattr(displacement, "BAND", n_rows)
    rng = np.random.default_rng(0)
    weights = np.ones(400)
    weights[50:60], weights[200:] = 0.0, 2.0
    x, y = 3.0 + rng.normal(size=(400, n_channels)), rng.normal(size=(400, 2))
    series = Series.of(x, y, weights, [400])
    changes = displacement.weight_changes(series.weights)
    found = displacement.full_window_moments(series.x, series.y, series.weights, changes, n_lags)
    expected = formed_window_moments(series, n_lags)
    assert_allclose(found.input_scatter, expected.input_scatter, rtol=1e-11, atol=1e-9)
    assert_allclose(found.cross_scatter, expected.cross_scatter, rtol=1e-11, atol=1e-9)
    assert_allclose(found.input_mean, expected.input_mean, rtol=1e-12)
