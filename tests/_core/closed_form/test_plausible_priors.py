"""Which hyperparameters the data do not refuse."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.empirical_bayes import Search
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums
from sklearn_linrnn._core.closed_form.measures import EvidenceAtMeasures, Measures
from sklearn_linrnn._core.closed_form.plausible_priors import plausible_priors
from sklearn_linrnn.priors import DC, DI, TC, Flat


def sums(n_timesteps=400, n_lags=12, decay=0.8):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n_timesteps)
    response = rng.normal(size=n_lags) * decay ** (np.arange(n_lags) / 2)
    y = np.convolve(x, response)[:n_timesteps] + rng.normal(size=n_timesteps)
    return LagStatistics.from_series(x, y, n_lags=n_lags)


def found_and_near(statistics, prior, level=0.9, n_points=400):
    found = Search(statistics, prior.settled(), prior.sought, None, False).run()
    rng = np.random.default_rng(0)
    return found, plausible_priors(statistics, found, prior.sought, level, n_points, rng)


def function_of(statistics, prior, sought):
    measures = Measures(prior, prior.groups(sought), None, statistics.n_lags)
    return EvidenceAtMeasures(EvidenceSums.of(statistics, 1), measures)


@pytest.mark.parametrize("kind", [DI, TC])
def test_their_range_is_that_of_the_profile_of_the_evidence(kind):
    statistics = sums()
    found, near = found_and_near(statistics, kind("auto"))
    function = function_of(statistics, kind(), ("nu_w",))
    (low, high), noise = function.measures.bounds
    grid = np.linspace(low, high, 200)

    def profile(measure):
        of_noise = lambda ratio: -function.value(np.array([measure, ratio]))  # noqa: E731
        return -minimize_scalar(of_noise, bounds=noise, method="bounded").fun

    is_near = np.array([profile(one) for one in grid]) >= found.value - chi2.ppf(0.9, 1) / 2
    expected = grid[is_near]
    measures = [function.measures.of(prior)[0] for prior in near]
    step = 2 * (high - low) / 199
    assert_allclose([min(measures), max(measures)], [expected[0], expected[-1]], atol=2 * step)


def test_the_best_one_is_among_them_and_all_have_an_evidence_near_its():
    statistics, prior = sums(), DC("auto", "auto")
    found, near = found_and_near(statistics, prior)
    assert near[0] == found.prior
    assert len(near) > 20
    function = function_of(statistics, DC(), ("nu_w", "correlation"))
    for one in near[1:]:
        at_best_noise = minimize_scalar(
            lambda ratio, one=one: -function.value(np.array([*function.measures.of(one), ratio])),
            bounds=function.measures.bounds[-1],
            method="bounded",
        )
        assert -at_best_noise.fun >= found.value - chi2.ppf(0.9, 1) / 2 - 1e-6


def test_a_higher_level_refuses_less():
    statistics = sums()
    ranges = [
        np.ptp([one.nu_w for one in found_and_near(statistics, DI("auto"), level)[1]])
        for level in (0.5, 0.9, 0.99)
    ]
    assert ranges[0] < ranges[1] < ranges[2]


def test_what_was_not_sought_does_not_vary():
    for prior in (Flat(), DI(0.7)):
        _, near = found_and_near(sums(), prior)
        assert near == [prior]
    _, near = found_and_near(sums(), DC("auto", 0.3))
    assert {one.correlation for one in near} == {0.3}
