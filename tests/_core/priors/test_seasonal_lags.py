"""The prior of lags around a season: its formula, its limits, and its slopes."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn._core.priors.identification import DI
from sklearn_linrnn._core.priors.seasonal_lags import SeasonalLags


def test_variances_are_those_of_the_formula():
    prior = SeasonalLags(4, nu_w=0.7, season_share=0.3, season_decay=0.6)
    expected = [
        0.7**lag + (0.3 * 0.6 ** ((lag + 1) // 4 - 1) if (lag + 1) % 4 == 0 else 0.0)
        for lag in range(14)
    ]
    assert_allclose(prior.covariance(14), expected, rtol=1e-14)


def test_without_a_share_or_room_for_a_season_it_is_di():
    assert_array_equal(
        SeasonalLags(4, 0.7, season_share=0.0).covariance(20), DI(0.7).covariance(20)
    )
    assert_array_equal(SeasonalLags(21, 0.7).covariance(20), DI(0.7).covariance(20))


def test_its_root_squared_is_the_covariance():
    prior = SeasonalLags(5, 0.8)
    assert_allclose(np.square(prior.root(12)), prior.covariance(12), rtol=1e-14)


@pytest.mark.parametrize("name", ["nu_w", "season_share", "season_decay"])
def test_slopes_are_those_of_differences(name):
    prior, step = SeasonalLags(3, 0.7, 0.4, 0.6), 1e-6
    up, down = (
        replace(prior, **{name: getattr(prior, name) + change}).covariance(12)
        for change in (step, -step)
    )
    slope = (up - down) / (2 * step)
    assert_allclose(prior.covariance_slope(12, name), slope, rtol=1e-7, atol=1e-9)


def test_a_decay_above_one_is_an_error():
    with pytest.raises(ValueError, match=r"nu_w .* between 0 and 1, but got 1.2"):
        SeasonalLags(4, 1.2).covariance(3)
