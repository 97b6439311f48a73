"""Searches side by side end where each alone ends; where one is not sure, it says so."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import sklearn_linrnn._core.closed_form.climb as climbing
from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.empirical_bayes import Search
from sklearn_linrnn._core.closed_form.evidence import log_evidence
from sklearn_linrnn._core.closed_form.many_evidences import ManySums
from sklearn_linrnn._core.closed_form.many_searches import ManyEvidencesAtMeasures, ManySearches
from sklearn_linrnn._core.closed_form.measures import Measures
from sklearn_linrnn._core.closed_form.spectral import ridge
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.identification import DI, Flat
from sklearn_linrnn._core.priors.lag_prior import Given
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.prior_root import PriorRoot
from sklearn_linrnn._core.statistics.moving_moments import ManyMoments

N_SETS, N_ROWS, N_LAGS = 10, 40, 6
KINDS = [
    (LinearRNN(), ("nu_w", "nu_f", "nu_c"), None),
    (LinearRNN(0.7, 0.5, 2.0), ("nu_w",), None),
    (LinearRNN(), ("nu_f",), 3.0),
    (DI(), ("nu_w",), 2.0),
    (LinearRNN(rates=(0.5, 2.0, 3.0)), ("nu_w",), None),
    (DeepLinearRNN(), ("nu_w", "nu_f", "nu_c", "nu_u"), None),
    (Flat(), (), None),
    (Given(0.6 ** np.arange(N_LAGS)), (), None),
]


def make_rows(n_channels=1, n_outputs=1, seed=0):
    """Return windows (n_sets, n_rows, n_lags, n_channels), newest step first, and targets.

    Responses of all sizes under noise of all sizes; some windows wander, some say nothing.
    """
    rng = np.random.default_rng(seed)
    windows = rng.normal(size=(N_SETS, N_ROWS, N_LAGS, n_channels))
    windows[::2] = windows[::2].cumsum(axis=1)
    response = rng.normal(size=(N_SETS, N_LAGS, n_channels, n_outputs))
    response *= 0.7 ** np.arange(N_LAGS)[:, None, None]
    response[::3] = 0.0
    noise = rng.normal(size=(N_SETS, N_ROWS, n_outputs))
    noise *= rng.uniform(0.1, 3.0, size=(N_SETS, 1, 1))
    return windows, 1e3 * (np.einsum("srlc,slco->sro", windows, response) + noise)


def sums_of(windows, targets):
    rows = np.concatenate([windows.reshape(*windows.shape[:2], -1), targets], axis=2)
    mean = rows.mean(axis=1)
    centred = rows - mean[:, None]
    moments = ManyMoments(np.full(len(rows), float(N_ROWS)), mean, centred.mT @ centred)
    n_lags, n_channels = windows.shape[2:]
    return ManySums.of(moments, n_lags * n_channels, n_channels)


def statistics_of(windows, targets):
    return [
        LagStatistics.from_windows(x[:, ::-1], y) for x, y in zip(windows, targets, strict=True)
    ]


def root_of(variances, n_channels):
    return PriorRoot.of(np.sqrt(variances), n_channels, torch.device("cpu"))


SHAPES = pytest.mark.parametrize(("n_channels", "n_outputs"), [(1, 1), (2, 1), (1, 3)])


@SHAPES
def test_evidence_and_response_are_those_of_each(n_channels, n_outputs):
    rows = make_rows(n_channels, n_outputs)
    sums, statistics = sums_of(*rows), statistics_of(*rows)
    variances = 10.0 ** np.random.default_rng(1).uniform(-4, 0, size=(N_SETS, N_LAGS))
    values, _ = sums.at(variances)
    of_first, (response, is_sure) = sums.of_first_lags(variances), sums.response(variances)
    assert is_sure.all()
    assert_allclose(of_first[:, -1], values, rtol=1e-12)
    for number, own in enumerate(statistics):
        root = root_of(variances[number], n_channels)
        assert_allclose(values[number], log_evidence(own, root, 1.0), rtol=1e-11)
        assert_allclose(of_first[number, 2], log_evidence(own.first_lags(3), root.first(3), 1.0))
        alone = ridge(own, root, 1.0 / own.weight).numpy()
        assert_allclose(response[number], alone, rtol=1e-9, atol=1e-9)
        none = log_evidence(own, root, np.inf)
        assert_allclose(sums.evidence_of_no_response()[number], none, rtol=1e-11)


@SHAPES
@pytest.mark.parametrize(("prior", "sought", "alpha"), KINDS[:5], ids=str)
def test_the_gradient_is_that_of_the_value(prior, sought, alpha, n_channels, n_outputs):
    sums = sums_of(*make_rows(n_channels, n_outputs))
    measures = Measures(prior, [(name,) for name in sought], alpha, N_LAGS)
    n_lags = np.where(np.arange(N_SETS) % 3 == 0, 4, N_LAGS)
    function = ManyEvidencesAtMeasures(sums, measures, np.arange(N_LAGS) < n_lags[:, None])
    points = np.tile(measures.of(prior), (N_SETS, 1))
    points = function.points_of(points, np.linspace(1.0, 9.0, N_SETS))
    models = np.arange(N_SETS)[::-2].copy()
    values, gradients = function(points[models], models)
    assert_allclose(values, function(points, np.arange(N_SETS))[0][models], rtol=1e-12)
    for index, slope in enumerate(gradients.T):
        unit = 1e-4 * np.eye(points.shape[1])[index]
        after, before = (function(points[models] + sign * unit, models)[0] for sign in (1, -1))
        assert_allclose(slope, (after - before) / 2e-4, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("seeks_lags", [False, True])
@SHAPES
@pytest.mark.parametrize(("prior", "sought", "alpha"), KINDS, ids=str)
def test_searches_end_where_each_alone_ends(
    prior, sought, alpha, n_channels, n_outputs, seeks_lags
):
    if seeks_lags and isinstance(prior, Given):
        prior = Flat()  # an array is of one number of lags
    rows = make_rows(n_channels, n_outputs)
    searches = ManySearches(sums_of(*rows), prior, sought, alpha, seeks_lags)
    variances = searches.run()
    assert searches.is_sure.all()
    n_none = 0
    for own, found in zip(statistics_of(*rows), variances, strict=True):
        alone = Search(own, prior, sought, alpha, seeks_lags).run()
        expected = np.zeros(N_LAGS)
        if np.isfinite(alone.alpha):
            expected[: alone.n_lags] = alone.prior.covariance(alone.n_lags) / alone.alpha
        assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * expected.max())
        n_none += not expected.any()
    assert n_none < N_SETS
    assert (n_none > 0) == (alpha is None)


def test_what_would_lose_digits_or_does_not_vary_is_not_sure():
    windows, targets = make_rows()
    windows[3, :, 1] = windows[3, :, 0] * (1.0 + 1e-9)  # two lags that are all but one
    windows[5], targets[6] = 2.0, 5.0
    searches = ManySearches(sums_of(windows, targets), DI(), ("nu_w",), None, False)
    variances = searches.run()
    assert_array_equal(np.flatnonzero(~searches.is_sure), [3, 5, 6])
    others = np.delete(np.arange(N_SETS), [3, 5, 6])
    alone = ManySearches(sums_of(windows, targets)[others], DI(), ("nu_w",), None, False)
    assert_allclose(variances[others], alone.run(), rtol=1e-12)


def test_a_search_that_is_cut_short_is_not_sure(monkeypatch):
    monkeypatch.setattr(climbing, "MAX_ITERATIONS", 1)
    sums = sums_of(*make_rows())
    searches = ManySearches(sums, LinearRNN(), ("nu_w", "nu_f", "nu_c"), None, False)
    searches.run()
    assert not searches.is_sure.all()


def test_nothing_is_sought_where_no_set_is_sure():
    windows, targets = make_rows()
    searches = ManySearches(sums_of(windows, 0.0 * targets), DI(), ("nu_w",), None, True)
    assert_array_equal(searches.run(), 0.0)
    assert not searches.is_sure.any()


@pytest.mark.parametrize("prior", [LinearRNN(0.3, 0.5, 2.0), DI(0.4)])
def test_a_prior_of_columns_is_as_many_priors(prior):
    values = np.array([0.0, 0.3, 0.95])
    many = replace(prior, nu_w=values[:, None])
    each = [replace(prior, nu_w=value) for value in values]
    assert_allclose(many.variances(5), [one.covariance(5) for one in each], rtol=1e-14)
    slopes = [one.covariance_slope(5, "nu_w") for one in each]
    assert_allclose(many.covariance_slope(5, "nu_w"), slopes, rtol=1e-14)
