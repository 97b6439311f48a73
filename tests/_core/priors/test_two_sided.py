"""Priors on both sides of the target."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.identification import DC, DI, SS, TC, Flat
from sklearn_linrnn._core.priors.lag_prior import LagPrior
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.two_sided import TwoSided

N_LEADS, N_LAGS = 4, 11  # leads among them
LAG = np.arange(N_LAGS) - N_LEADS


@dataclass(frozen=True)
class Own(LagPrior):
    """A user's prior, whose slopes are differences."""

    length: float = 2.0

    def covariance(self, n_lags):
        lag = np.arange(n_lags)
        return np.exp(-((lag[:, None] - lag) ** 2) / self.length - lag[:, None] - lag)


PRIORS = [
    LinearRNN(0.7, 0.5, 2.0),
    Flat(),
    DI(0.7),
    TC(0.7),
    DC(0.7, -0.6),
    SS(0.7),
    LeakyRNN(0.7, 0.5, 2.0, 0.4),
    DeepLinearRNN(0.7),
    Own(),
]
every_prior = pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: type(prior).__name__)


def full(array):
    return np.diag(array) if array.ndim == 1 else array


def twin(prior):
    """Return the covariance by its definition, entry by entry."""
    one_side = full(prior.covariance(N_LAGS))
    found = np.zeros((N_LAGS, N_LAGS))
    for row, j in enumerate(LAG):
        for column, k in enumerate(LAG):
            found[row, column] = (
                one_side[abs(j), 0] * one_side[0, abs(k)] / one_side[0, 0]
                if j * k < 0
                else one_side[abs(j), abs(k)]
            )
    return found


@every_prior
def test_the_covariance_is_that_of_one_side_on_each_and_independent_across_given_lag_0(prior):
    found = full(TwoSided(prior, N_LEADS).covariance(N_LAGS))
    assert_allclose(found, twin(prior), rtol=1e-14)
    deviation = np.sqrt(np.diagonal(found))
    assert np.linalg.eigvalsh(found / np.outer(deviation, deviation)).min() > -1e-12
    before, after = LAG < 0, LAG > 0
    zero = np.flatnonzero(LAG == 0)
    given = np.outer(found[:, zero], found[zero]) / found[zero, zero]
    assert_allclose((found - given)[np.ix_(before, after)], 0.0, atol=1e-15)


@every_prior
def test_the_root_is_one(prior):
    sides = TwoSided(prior, N_LEADS)
    root = full(sides.root(N_LAGS))
    assert not np.triu(root, 1).any()
    assert_allclose(root @ root.T, full(sides.covariance(N_LAGS)), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(("prior", "correlation"), [(TC(0.7), 0.7**0.5), (DC(0.7, -0.6), -0.6)])
def test_the_tuned_and_diagonal_correlated_kernels_keep_their_formula(prior, correlation):
    distance = np.abs(LAG[:, None] - LAG)
    decay = 0.7 ** (np.abs(LAG) / 2)
    formula = np.outer(decay, decay) * correlation**distance
    assert_allclose(TwoSided(prior, N_LEADS).covariance(N_LAGS), formula, rtol=1e-13)


@every_prior
def test_without_leads_it_is_the_prior(prior):
    assert_array_equal(TwoSided(prior, 0).covariance(N_LAGS), prior.covariance(N_LAGS))


@every_prior
def test_slopes_equal_differences(prior):
    sides, step = TwoSided(prior, N_LEADS), 1e-6
    assert sides.hyperparameters == prior.hyperparameters
    for name, value in sides.hyperparameters.items():
        above, below = (sides.with_values(**{name: value + s}) for s in (step, -step))
        rise = (above.covariance(N_LAGS) - below.covariance(N_LAGS)) / (2 * step)
        assert_allclose(sides.covariance_slope(N_LAGS, name), rise, rtol=1e-5, atol=1e-7)


@every_prior
def test_the_first_lags_have_the_leading_block(prior):
    sides = TwoSided(prior, N_LEADS)
    some = full(sides.covariance(N_LEADS + 2))
    assert_allclose(some, full(sides.covariance(N_LAGS))[: len(some), : len(some)], rtol=1e-15)


def test_columns_of_hyperparameters_stand_for_as_many_priors():
    values = np.array([[0.3], [0.8]])
    many = TwoSided(DI(values), N_LEADS).variances(N_LAGS)
    each = [TwoSided(DI(value), N_LEADS).covariance(N_LAGS) for value in values[:, 0]]
    assert_allclose(many, each, rtol=1e-14)
