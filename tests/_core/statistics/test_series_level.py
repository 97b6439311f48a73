"""The level that sums are about is near enough to the mean for them to keep their digits."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.statistics.displacement import DISTANCE, series_level

N_STEPS = 10_000


def series(kind):
    """Return a column with a large mean."""
    rng = np.random.default_rng(0)
    courses = {
        "noise": rng.normal(size=N_STEPS),
        "heavy tails": rng.standard_cauchy(N_STEPS),
        "drift": np.arange(N_STEPS),
        "one outlier": np.where(np.arange(N_STEPS) == DISTANCE, 1e6, 0.0),
        "a period of the distance": np.where(np.arange(N_STEPS) % DISTANCE == 0, 1.0, 0.0),
    }
    return 1e3 + courses[kind]


KINDS = ["noise", "heavy tails", "drift", "one outlier", "a period of the distance"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_within_a_few_deviations_of_the_mean(kind, weighted):
    column = series(kind)
    weights = np.random.default_rng(1).random(N_STEPS) if weighted else np.ones(N_STEPS)
    found = float(series_level(*map(torch.from_numpy, (column[:, None], weights))))
    mean = np.average(column, weights=weights)
    deviation = np.sqrt(np.average(np.square(column - mean), weights=weights))
    assert abs(found - mean) <= np.sqrt(2 * DISTANCE) * deviation


def test_where_steps_at_equal_distances_have_no_weight_all_are_taken():
    column = series("noise")
    weights = (np.arange(N_STEPS) % DISTANCE == 5).astype(float)
    found = series_level(*map(torch.from_numpy, (column[:, None], weights)))
    assert_allclose(found, np.average(column, weights=weights), rtol=1e-13)
    assert float(series_level(torch.ones(9, 1), torch.zeros(9))) == 0.0


@pytest.mark.parametrize("phase", [0, 5])
def test_targets_that_are_seldom_observed_lose_no_digits(phase):
    rng = np.random.default_rng(0)
    x = 1e6 + rng.normal(size=2000)
    y = np.where(np.arange(2000) % DISTANCE == phase, x, np.nan)
    found = LagStatistics.from_series(x, y, n_lags=1)
    assert_allclose(found.input_scatter, found.target_scatter[None], rtol=1e-12)
    seen = x[phase::DISTANCE]
    assert_allclose(found.target_scatter, np.square(seen - seen.mean()).sum(), rtol=1e-9)
