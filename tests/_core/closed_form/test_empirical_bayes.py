"""The search for the highest evidence: no grid finds more, and what it says is so."""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import lfilter

import sklearn_linrnn._core.closed_form.empirical_bayes as module
from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form import climb
from sklearn_linrnn._core.closed_form.empirical_bayes import Search
from sklearn_linrnn._core.closed_form.evidence import log_evidence
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.identification import DC, DI, SS, TC, Flat
from sklearn_linrnn._core.priors.lag_prior import Given, LagPrior
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.priors.s4d import S4DLegS, S4DLin

N_LAGS = 20
SEARCHES = [
    (Flat(), ()),
    (LinearRNN(nu_f=0.5), ("nu_w",)),
    (LinearRNN(), ("nu_w", "nu_f")),
    (DI(), ("nu_w",)),
    (TC(), ("nu_w",)),
    (DC(), ("nu_w", "correlation")),
    (SS(), ("nu_w",)),
    (LeakyRNN(), ("nu_w", "leak")),
    (DeepLinearRNN(n_layers=3), ("nu_w",)),
    (LinearRNN(rates=(1.0, 0.2, 0.2)), ("nu_w",)),
    (LRU(), ("r_max", "max_phase")),
    (LRU(), ("r_min", "r_max", "max_phase")),
    (S4DLin(), ("dt_max",)),
    (S4DLegS(n_states=8), ("dt_min", "dt_max")),
]


def make_statistics(seed=0, n_timesteps=400, n_lags=N_LAGS, noise=0.5):
    """Return the statistics of a response that decays and oscillates, under white noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_timesteps)
    y = lfilter([1.0, 0.3], [1.0, -1.2, 0.6], x) + noise * rng.normal(size=n_timesteps)
    return LagStatistics.from_series(x, y, n_lags=n_lags)


def search(statistics, prior, sought=(), alpha=None, *, seeks_lags=False):
    return Search(statistics, prior, sought, alpha, seeks_lags)


def value_of(statistics, prior, alpha):
    root = PriorRoot.of(prior.root(statistics.n_lags), statistics.n_channels, torch.device("cpu"))
    return log_evidence(statistics, root, alpha)


def grid_of(prior, name, n_lags, size):
    scale = prior.scale(name, n_lags)
    return [scale.value(measure) for measure in np.linspace(*scale.bounds, size)[1:-1]]


# -- What is found -----------------------------------------------------------------------


@pytest.mark.parametrize(("prior", "sought"), SEARCHES)
def test_no_dense_grid_has_more_evidence(prior, sought):
    statistics = make_statistics()
    found = search(statistics, prior, sought).run()
    assert found.converged
    assert found.n_lags == N_LAGS
    assert_allclose(value_of(statistics, found.prior, found.alpha), found.value, rtol=1e-10)
    size = {0: 1, 1: 60, 2: 14, 3: 6}[len(sought)]
    grid = itertools.product(*(grid_of(prior, name, N_LAGS, size) for name in sought))
    priors = [replace(prior, **dict(zip(sought, values, strict=True))) for values in grid]
    alphas = found.alpha * np.array([1e-4, 1e-2, 0.3, 0.8, 1.0, 1.25, 3.0, 1e2, 1e4])
    values = [value_of(statistics, other, alpha) for other in priors for alpha in alphas]
    assert max(values) <= found.value + 1e-6


@pytest.mark.parametrize(("prior", "sought"), SEARCHES)
def test_where_it_ends_the_evidence_is_level_or_the_range_ends(prior, sought):
    """A Newton step from there, were it taken, would gain next to nothing."""
    statistics = make_statistics(seed=1)
    found = search(statistics, prior, sought).run()

    def value_at(point):
        values = {
            name: prior.scale(name, N_LAGS).value(measure)
            for name, measure in zip(sought, point, strict=False)
        }
        return value_of(statistics, replace(prior, **values), math.exp(point[-1]))

    scales = [prior.scale(name, N_LAGS) for name in sought]
    best = [s.measure(getattr(found.prior, n)) for n, s in zip(sought, scales, strict=True)]
    best = np.array([*best, math.log(found.alpha)])
    ends = [s.bounds for s in scales] + [(-np.inf, np.inf)]
    step = 1e-3
    for index, (low, high) in enumerate(ends):
        if not low + step < best[index] < high - step:
            continue
        unit = step * np.eye(len(best))[index]
        after, middle, before = value_at(best + unit), value_at(best), value_at(best - unit)
        slope, bend = (after - before) / (2 * step), (after - 2 * middle + before) / step**2
        assert slope**2 <= 2 * 1e-5 * max(-bend, 1e-3)


@pytest.mark.parametrize("alpha", [1e-3, 20.0])
def test_a_penalty_that_is_given_stays(alpha):
    statistics = make_statistics()
    found = search(statistics, TC(), ("nu_w",), alpha).run()
    assert found.alpha == alpha
    values = [value_of(statistics, TC(nu_w), alpha) for nu_w in grid_of(TC(), "nu_w", N_LAGS, 400)]
    assert max(values) <= found.value + 1e-6


def test_hyperparameters_that_are_not_sought_stay():
    found = search(make_statistics(), LinearRNN(0.9, 0.3, 2.0), ("nu_f",)).run()
    assert (found.prior.nu_w, found.prior.nu_c) == (0.9, 2.0)
    assert found.prior.nu_f != 0.3


@dataclass(frozen=True)
class Tabulated(LagPrior):
    """A prior with an array among its fields, which makes it unhashable."""

    table: np.ndarray

    def covariance(self, n_lags):
        return self.table[:n_lags, :n_lags]


@pytest.mark.parametrize("make", [Given, Tabulated])
def test_of_a_prior_without_hyperparameters_the_penalty_is_found(make):
    statistics = make_statistics()
    table = TC(0.8).covariance(N_LAGS)
    found = search(statistics, make(table)).run()
    assert_array_equal(found.prior.covariance(N_LAGS), table)
    same = search(statistics, TC(0.8)).run()
    assert_allclose(found.value, same.value, rtol=1e-10)
    assert_allclose(found.alpha, same.alpha, rtol=1e-3)


def test_of_two_variances_of_equal_effect_equal_ones_are_found():
    """Nothing is lost: ``(nu_f + nu_c) / alpha`` and ``nu_f nu_c / alpha`` can still be any."""
    statistics = make_statistics()
    both = search(statistics, LinearRNN(), ("nu_w", "nu_f", "nu_c")).run()
    assert both.prior.nu_f == both.prior.nu_c
    for nu_c in (0.1, 10.0):
        one = search(statistics, LinearRNN(nu_c=nu_c), ("nu_w", "nu_f")).run()
        assert one.value <= both.value + 1e-9


def test_what_has_no_effect_stays_at_the_first_start():
    """A model of one lag knows of no memory: the shortest one is taken."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 1))
    statistics = LagStatistics.from_windows(x, x[:, 0] + rng.normal(size=100))
    found = search(statistics, LinearRNN(), ("nu_w", "nu_f", "nu_c")).run()
    assert (found.prior.nu_f, found.prior.nu_c) == (1.0, 1.0)
    scale = LinearRNN().scale("nu_w", 1)
    assert_allclose(found.prior.nu_w, scale.value(scale.starts[0]), rtol=1e-15)


def test_drawn_responses_have_their_hyperparameters_found():
    """Of many outputs drawn from the prior, whose noise is theirs too."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(500, 30))
    responses = TC(0.8).root(30) @ rng.normal(size=(30, 200))
    y = X[:, ::-1] @ responses + 0.5 * rng.normal(size=(500, 200))
    found = search(LagStatistics.from_windows(X, y), TC(), ("nu_w",)).run()
    assert_allclose(found.prior.nu_w, 0.8, rtol=0.01)
    assert_allclose(found.alpha, 0.25, rtol=0.1)


@pytest.mark.parametrize("make", [S4DLin, S4DLegS])
def test_a_search_of_both_ends_of_steps_finds_more_than_where_it_looks(make):
    """Twenty states have tops of narrow and of wide ranges, of long and of short steps."""
    sought = ("dt_min", "dt_max", "nu_c")
    seeking = search(make_statistics(seed=3), make(n_states=20), sought)
    found = seeking.run()
    assert found.value >= max(candidate.value for candidate in seeking._peaks())
    assert found.prior.dt_min <= found.prior.dt_max


def test_a_walk_goes_uphill_and_keeps_a_penalty_that_is_given():
    for alpha in (None, 2.0):
        seeking = search(make_statistics(), S4DLin(n_states=8), ("dt_min", "dt_max"), alpha)
        for start in seeking._peaks():
            end = seeking._walk(start)
            assert end.value >= start.value
            assert alpha is None or end.alpha == alpha
            value = value_of(seeking.statistics, end.prior.ordered(), end.alpha)
            assert_allclose(value, end.value, rtol=1e-9)


def test_the_same_search_ends_at_the_same_point():
    searches = [search(make_statistics(), DC(), ("nu_w", "correlation")).run() for _ in range(2)]
    assert searches[0] == searches[1]


# -- The number of lags ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prior", "sought"),
    [(LinearRNN(), ("nu_w",)), (DI(), ("nu_w",)), (Flat(), ()), (TC(), ("nu_w",))],
    ids=str,
)
def test_a_short_response_among_many_lags_is_found_short(prior, sought):
    rng = np.random.default_rng(3)
    x = rng.normal(size=2000)
    y = lfilter([1.0, 0.8, -0.6, 0.5, 0.4], [1.0], x) + 0.3 * rng.normal(size=2000)
    statistics = LagStatistics.from_series(x, y, n_lags=40)
    found = search(statistics, prior, sought, seeks_lags=True).run()
    assert 5 <= found.n_lags <= 12
    short = statistics.first_lags(found.n_lags)
    assert_allclose(value_of(short, found.prior, found.alpha), found.value, rtol=0, atol=2e-3)
    every = search(statistics, prior, sought).run()
    assert found.value >= every.value - module.NEGLIGIBLE


@pytest.mark.parametrize("prior", [LinearRNN(), TC(), DC(), SS()], ids=str)
def test_the_number_of_lags_found_has_the_highest_evidence_but_for_what_is_negligible(prior):
    """One model for each number of lags, at the hyperparameters found."""
    statistics = make_statistics()
    found = search(statistics, prior, ("nu_w",), seeks_lags=True).run()
    values = np.array(
        [
            value_of(statistics.first_lags(n_lags), found.prior, found.alpha)
            for n_lags in range(1, N_LAGS + 1)
        ]
    )
    assert values[found.n_lags - 1] >= values.max() - 2 * module.NEGLIGIBLE


def test_lags_whose_weight_cannot_matter_are_left_out():
    """At ``nu_w = 1e-3`` the ninth lag has 1e-24 of the variance of the first."""
    found = search(make_statistics(noise=1e-6), DI(1e-3), seeks_lags=True).run()
    assert found.n_lags <= 9


# -- Nothing to learn, no end ------------------------------------------------------------


@pytest.mark.parametrize("alpha", [None, 2.0])
@pytest.mark.parametrize("constant", ["inputs", "targets"])
@pytest.mark.parametrize("weighted", [False, True])
def test_where_nothing_varies_nothing_is_learned(alpha, constant, weighted):
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.1, 2.0, 500) if weighted else None
    X, y = rng.normal(size=(500, 8)), rng.normal(size=500)
    if constant == "inputs":
        X = np.full_like(X, 3.3)
    else:
        y = np.full_like(y, 3.3)
    statistics = LagStatistics.from_windows(X, y, sample_weight=weights)
    found = search(statistics, LinearRNN(), ("nu_w",), alpha).run()
    assert found.alpha == (math.inf if alpha is None else alpha)
    assert found.prior == LinearRNN()
    assert found.converged


def test_targets_of_noise_alone_are_penalised_out_of_sight():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(300, 10)), rng.normal(size=300)
    statistics = LagStatistics.from_windows(X, y)
    found = search(statistics, TC(), ("nu_w",)).run()
    assert found.value >= value_of(statistics, TC(), math.inf) - 1e-6


def test_where_no_response_has_more_evidence_than_none_nothing_is_learned():
    """Noise whose scatter with the inputs is less than chance would make it, at any memory."""
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(300, 10)), rng.normal(size=300)
    y -= X @ np.linalg.lstsq(X, y)[0]
    statistics = LagStatistics.from_windows(X, y)
    for seeks_lags in (False, True):
        found = search(statistics, TC(), ("nu_w",), seeks_lags=seeks_lags).run()
        assert found.alpha == math.inf
        assert found.prior == TC()
        assert found.n_lags == (1 if seeks_lags else 10)
        assert_allclose(found.value, value_of(statistics, TC(), math.inf), rtol=1e-12)


def test_a_search_that_does_not_converge_keeps_its_best_point(monkeypatch):
    monkeypatch.setattr(climb, "MAX_ITERATIONS", 1)
    seeking = search(make_statistics(), DC(), ("nu_w", "correlation"))
    found = seeking.run()
    assert not found.converged
    assert math.isfinite(found.value)
    assert found.value >= max(start.value for start in seeking._starts())
    assert_allclose(value_of(seeking.statistics, found.prior, found.alpha), found.value, rtol=1e-10)
