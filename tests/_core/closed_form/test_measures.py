"""The evidence as a function of measures: its slopes, its bounds, and what does not matter."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.closed_form.evidence import EvidenceSums
from sklearn_linrnn._core.closed_form.measures import EvidenceAtMeasures, Measures, expected
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.identification import DC, DI, SS, TC, Flat
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._core.priors.s4d import S4DLegS, S4DLin

N_LAGS = 8
rng = np.random.default_rng(0)
X = rng.normal(0.5, 1.0, (60, N_LAGS, 2))
Y = X[:, -3:].sum(axis=(1, 2))[:, None] + rng.normal(size=(60, 2))
SUMS = EvidenceSums.of(LagStatistics.from_windows(X, Y), 2)
SOUGHT = [
    (Flat(), []),
    (LinearRNN(0.7, 0.5, 2.0), [("nu_w",), ("nu_f",)]),
    (LinearRNN(0.7, 0.6, 0.6), [("nu_w",), ("nu_f", "nu_c")]),
    (DI(0.7), [("nu_w",)]),
    (TC(0.7), [("nu_w",)]),
    (DC(0.7, -0.4), [("nu_w",), ("correlation",)]),
    (SS(0.8), [("nu_w",)]),
    (LinearRNN(0.7, 0.5, 2.0, (0.5, 2.0, 3.0)), [("nu_w",), ("nu_f",), ("nu_c",)]),
    (LeakyRNN(0.7, 0.5, 2.0, 0.4), [("nu_w",), ("nu_f",), ("nu_c",), ("leak",)]),
    (DeepLinearRNN(0.7, 0.5, 2.0, 1.5), [("nu_w",), ("nu_f",), ("nu_c",), ("nu_u",)]),
    (DeepLinearRNN(0.7, 0.6, 2.0, 0.6, 3), [("nu_w",), ("nu_f", "nu_u")]),
    (LRU(0.2, 0.9, 2.0, 0.5, 2.0), [("r_min",), ("r_max",), ("max_phase",), ("nu_f",)]),
    (LRU(0.9, 0.2, 0.5, normalise=False), [("r_min",), ("r_max",), ("nu_f", "nu_c")]),
    (S4DLin(0.02, 0.5, n_states=4), [("dt_min",), ("dt_max",), ("nu_c",)]),
    (S4DLegS(0.1, 0.01, 2.0, n_states=4), [("dt_min",), ("dt_max",)]),
]


FADING = [S4DLin(1.0, 1.5), S4DLegS(1.2, 1.2), LRU(0.0, 0.4, 1.0)]


@pytest.mark.parametrize("prior", FADING, ids=str)
def test_the_root_is_that_of_lags_that_matter_and_the_evidence_that_of_all(prior):
    n_lags = 60
    x = rng.normal(size=(150, n_lags, 1))
    y = x[:, -1] + rng.normal(size=(150, 1))
    sums = EvidenceSums.of(LagStatistics.from_windows(x, y), 1)
    signal, root_at = expected(prior, n_lags, sums)
    full = prior.root(n_lags)
    assert_allclose(signal, sums.signal(full), rtol=1e-12)
    alpha = 0.1 * signal
    root = root_at(alpha)
    assert 1 < len(root) < n_lags
    covariance = (full @ full.T)[: len(root), : len(root)]
    assert_allclose(root @ root.T, covariance, rtol=0, atol=1e-12 * covariance.max())
    expected_value = sums.under(full).at(alpha).value
    assert_allclose(sums.under(root, alpha).at(alpha).value, expected_value, rtol=1e-12)


EVERY = [(make(), name) for make in PRIORS.values() for name in make().hyperparameters]


@pytest.mark.parametrize(("prior", "name"), EVERY, ids=str)
def test_a_scale_goes_there_and_back_and_knows_its_slope(prior, name):
    scale = prior.scale(name, N_LAGS)
    for measure in [*scale.starts, *scale.bounds]:
        value = scale.value(measure)
        assert_allclose(scale.measure(value), measure, rtol=1e-6, atol=1e-12)
        assert scale.bounds[0] <= measure <= scale.bounds[1]
        slope = (scale.value(measure + 1e-4) - scale.value(measure - 1e-4)) / 2e-4
        assert_allclose(scale.slope(value), slope, rtol=1e-6)


@pytest.mark.parametrize(("prior", "groups"), SOUGHT, ids=str)
@pytest.mark.parametrize("alpha", [None, 2.0])
def test_the_gradient_is_that_of_the_value(prior, groups, alpha):
    function = EvidenceAtMeasures(SUMS, Measures(prior, groups, alpha, N_LAGS))
    point = function.point_of(prior, 2.0)
    value, gradient = function(point)
    assert (
        len(point)
        == len(gradient)
        == len(function.measures.bounds)
        == len(groups) + (alpha is None)
    )
    assert_allclose(value, SUMS.under(prior.root(N_LAGS)).at(2.0).value, rtol=1e-12)
    for index, slope in enumerate(gradient):
        unit = 1e-4 * np.eye(len(point))[index]
        rise = function(point + unit)[0] - function(point - unit)[0]
        assert_allclose(slope, rise / 2e-4, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("prior", "groups"), SOUGHT, ids=str)
def test_a_point_goes_there_and_back(prior, groups):
    function = EvidenceAtMeasures(SUMS, Measures(prior, groups, None, N_LAGS))
    again, alpha = function.at(function.point_of(prior, 2.0))
    assert_allclose(alpha, 2.0, rtol=1e-12)
    assert_allclose(again.covariance(N_LAGS), prior.covariance(N_LAGS), rtol=1e-12)


def test_ends_that_a_search_has_swapped_are_returned_in_order():
    prior = LRU(0.9, 0.2)
    function = EvidenceAtMeasures(SUMS, Measures(prior, [("r_min",), ("r_max",)], 1.0, N_LAGS))
    found, _ = function.at(function.point_of(prior, 1.0))
    assert_allclose([found.r_min, found.r_max], [0.2, 0.9], rtol=1e-12)


def test_a_common_factor_of_the_prior_does_not_matter():
    """Where the share of the readout is lost, ``nu_c`` is a factor of all lag weights."""
    one, other = (
        EvidenceAtMeasures(SUMS, Measures(LinearRNN(0.7, 1.0, nu_c), [], None, N_LAGS))
        for nu_c in (1e6, 1e9)
    )
    point = np.array([-3.0])
    assert_allclose(one(point)[0], other(point)[0], rtol=1e-6)
    assert_allclose(one(point)[1], other(point)[1], rtol=1e-5)


def test_hyperparameters_of_a_group_share_a_value():
    prior = LinearRNN(0.7, 0.5, 2.0)
    function = EvidenceAtMeasures(SUMS, Measures(prior, [("nu_f", "nu_c")], 1.0, N_LAGS))
    assert function.at(np.log([0.3]))[0] == replace(prior, nu_f=0.3, nu_c=0.3)
