"""Confidence limits of means, by the bootstrap: what they hold, and how often."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn.inspection._bootstrap_limits import limits_of_means


def limits(samples, *, logarithmic=True, coverage=0.9, n_resamples=1000, seed=0):
    options = {"logarithmic": logarithmic, "n_resamples": n_resamples, "random_state": seed}
    return limits_of_means(np.asarray(samples, dtype=float), coverage, **options)


def limits_by_loop(samples, coverage, *, logarithmic, n_resamples, seed):
    """The bootstrap-t of one quantity, as the book has it."""
    rng = np.random.RandomState(seed)
    n = len(samples)
    values, scale = (samples, 1.0) if not logarithmic else (samples, samples.mean())
    distances = []
    for counts in rng.multinomial(n, np.full(n, 1 / n), n_resamples):
        resample = np.repeat(values, counts)
        if logarithmic:
            moved = np.log(resample.mean() / samples.mean())
            distances.append(moved / (resample.std() / resample.mean()))
        else:
            distances.append((resample.mean() - samples.mean()) / resample.std())
    low, high = np.quantile(distances, [(1 - coverage) / 2, (1 + coverage) / 2], method="nearest")
    if logarithmic:
        return samples.mean() * np.exp(-np.array([high, low]) * samples.std() / scale)
    return samples.mean() - np.array([high, low]) * samples.std()


@pytest.mark.parametrize("logarithmic", [True, False])
def test_they_are_those_of_the_bootstrap_t(logarithmic):
    samples = np.random.default_rng(0).exponential(size=(25, 3)) * [1.0, 1e-8, 1e5]
    options = {"logarithmic": logarithmic, "n_resamples": 300, "seed": 7}
    for coverage in (0.5, 0.9):
        found = limits(samples, coverage=coverage, **options)
        for column, each in zip(found.T, samples.T, strict=True):
            assert_allclose(column, limits_by_loop(each, coverage, **options), rtol=1e-9)


def test_resamples_in_blocks_are_the_same_ones(monkeypatch):
    samples = np.random.default_rng(0).exponential(size=(25, 3))
    whole = limits(samples)
    monkeypatch.setattr("sklearn_linrnn.inspection._bootstrap_limits.MOST_COUNTS", 100)
    assert_allclose(limits(samples), whole, rtol=1e-12)


@pytest.mark.parametrize("logarithmic", [True, False])
def test_what_does_not_vary_is_known(logarithmic):
    constant = np.full((20, 3), [0.0, 0.1, 1e-300])
    constant[:, 1] *= 1 + 1e-15 * np.arange(20)  # rounding
    found = limits(constant, logarithmic=logarithmic)
    assert_allclose(found, [constant.mean(axis=0)] * 2, rtol=1e-13)


def test_of_few_samples_nothing_is_told():
    samples = np.random.default_rng(0).exponential(size=(9, 2))
    assert np.isnan(limits(samples)).all()


def test_one_that_stands_out_leaves_the_upper_limit_open():
    """Where a third of the resamples miss the only value, the mean may be anything."""
    samples = np.zeros((12, 1))
    samples[3] = 5.0
    lower, upper = limits(samples)
    assert 0 < lower < samples.mean()
    assert_array_equal(upper, np.inf)


def test_they_widen_with_the_coverage_and_close_with_the_samples():
    samples = np.random.default_rng(0).exponential(size=(2000, 1))
    ranges = [np.ptp(limits(samples, coverage=coverage)) for coverage in (0.5, 0.8, 0.95)]
    assert ranges == sorted(ranges)
    assert ranges[0] < ranges[-1]
    assert np.ptp(limits(samples)) < np.ptp(limits(samples[:20])) / 5
    expected = 2 * 1.645 * samples.std() / 2000**0.5  # Gaussian, of so many samples
    assert np.ptp(limits(samples, logarithmic=False)) == pytest.approx(expected, rel=0.1)


DISTRIBUTIONS = {
    "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
    "log-normal": (lambda rng, size: rng.lognormal(0.0, 0.7, size=size), np.exp(0.7**2 / 2)),
    "uniform": (lambda rng, size: rng.uniform(size=size), 0.5),
}


def coverage_of(name, n_samples, n_trials, *, data=1, **options):
    """Return the share of samples whose limits hold the mean; trials are columns."""
    draw, mean = DISTRIBUTIONS[name]
    lower, upper = limits(draw(np.random.default_rng(data), (n_samples, n_trials)), **options)
    return np.mean((lower <= mean) & (mean <= upper))


@pytest.mark.parametrize("logarithmic", [True, False])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_they_hold_the_mean_as_often_as_they_say(name, logarithmic):
    # The standard error of 1000 trials is 0.01, and that of the quantiles of resamples adds to it.
    found = coverage_of(name, 40, 1000, logarithmic=logarithmic, n_resamples=500)
    assert found == pytest.approx(0.9, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("coverage", [0.5, 0.9])
@pytest.mark.parametrize(("n_samples", "error"), [(10, 0.04), (100, 0.02)])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_they_do_so_with_few_samples_and_with_many(name, n_samples, error, coverage):
    options = {"coverage": coverage, "n_resamples": 500}
    held = [coverage_of(name, n_samples, 400, data=i, seed=i, **options) for i in range(20)]
    assert np.mean(held) == pytest.approx(coverage, abs=error)
