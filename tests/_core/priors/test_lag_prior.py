"""Priors of the impulse response: the published formulas, and their roots."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import NTKConvRegressor, linear_rnn_lag_weights
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.identification import DC, DI, SS, TC, Flat
from sklearn_linrnn._core.priors.lag_prior import Given, LagPrior, lower_root
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._core.priors.s4d import S4DLegS, S4DLin
from sklearn_linrnn._core.priors.torch_rnn import TorchRNN

N_LAGS = 12
NAMED = [
    LinearRNN(0.7, 0.5, 2.0),
    Flat(),
    DI(0.7),
    TC(0.7),
    DC(0.7, 0.6),
    DC(0.7, -0.9),
    SS(0.7),
    LeakyRNN(0.7, 0.5, 2.0, 0.4),
    DeepLinearRNN(0.7, 0.5, 2.0, 1.5, 3),
    TorchRNN(),
    LRU(0.1, 0.9, 3.0, 0.7, 1.3),
    LRU(0.4, 0.95, 6.0, normalise=False),
    S4DLin(0.01, 0.3, 2.0, n_states=16),
    S4DLegS(0.002, 0.1, 0.5, n_states=8),
]


def table(entry, n_lags=N_LAGS):
    """Return the covariance of a formula of two lags, each at least 1 as in the papers."""
    return np.array(
        [[entry(j, k) for k in range(1, n_lags + 1)] for j in range(1, n_lags + 1)], dtype=float
    )


def full(array):
    return np.diag(array) if array.ndim == 1 else array


def assert_root(root, covariance):
    """The root is lower triangular, and its square agrees relative to the deviations."""
    assert root.shape == covariance.shape
    root, covariance = full(root), full(covariance)
    assert not np.triu(root, 1).any()
    deviation = np.sqrt(np.diagonal(covariance))
    assert (np.abs(root @ root.T - covariance) <= 1e-13 * np.outer(deviation, deviation)).all()


# -- Formulas ----------------------------------------------------------------------------


@pytest.mark.parametrize("nu_w", [0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(
    ("prior", "entry"),
    [
        (DI, lambda j, k, c: c**j if j == k else 0.0),
        (TC, lambda j, k, c: min(c**j, c**k)),
        (DC, lambda j, k, c: c ** ((j + k) / 2) * 0.9 ** abs(k - j)),
        (
            SS,
            lambda j, k, c: (
                c ** (2 * k) / 2 * (c**j - c**k / 3)
                if k >= j
                else c ** (2 * j) / 2 * (c**k - c**j / 3)
            ),
        ),
    ],
)
def test_priors_of_identification_are_the_published_ones_up_to_a_factor(prior, entry, nu_w):
    """DI, TC, DC and SS as Chen, Ohlsson and Ljung 2012 number the lags: from 1."""
    published = table(lambda j, k: entry(j, k, nu_w))
    ours = full(prior(nu_w).covariance(N_LAGS))
    assert_allclose(ours * published[0, 0] / ours[0, 0], published, rtol=1e-12, atol=0.0)


def test_the_prior_of_a_linear_rnn_is_its_lag_weights():
    assert_array_equal(
        LinearRNN(0.8, 0.5, 3.0).covariance(9), linear_rnn_lag_weights(9, 0.8, 0.5, 3.0)
    )


def test_the_flat_prior_is_ones():
    assert_array_equal(Flat().covariance(5), np.ones(5))


@pytest.mark.parametrize("nu_w", [0.2, 0.9, 1.0])
def test_tc_is_dc_with_the_root_of_the_decay_as_correlation(nu_w):
    ours = TC(nu_w).root(N_LAGS)
    if nu_w < 1:
        assert_allclose(ours, DC(nu_w, np.sqrt(nu_w)).root(N_LAGS), rtol=1e-13)
    assert_allclose(ours @ ours.T, TC(nu_w).covariance(N_LAGS), rtol=1e-12)


@pytest.mark.parametrize("nu_w", [0.0, 0.4, 1.0])
def test_di_is_dc_without_correlation(nu_w):
    assert_allclose(DC(nu_w, 0.0).covariance(N_LAGS), full(DI(nu_w).covariance(N_LAGS)), rtol=1e-13)


def test_standard_deviations_of_an_ensemble_are_the_initial_response_in_units_of_the_prior():
    prior = LinearRNN(0.6, 0.5, 2.0)
    gamma = [2.0 * 0.5 * 0.6**lag for lag in range(N_LAGS)]
    deviations = prior.ensemble_deviations(N_LAGS)
    assert_allclose(deviations**2 * prior.covariance(N_LAGS), gamma, rtol=1e-13)
    assert_allclose(LinearRNN(0.0).ensemble_deviations(4), [np.sqrt(0.5), 0.0, 0.0, 0.0])


# -- Roots -------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", NAMED, ids=str)
@pytest.mark.parametrize("n_lags", [1, 2, 40])
def test_the_root_is_lower_triangular_and_its_square_the_covariance(prior, n_lags):
    assert_root(prior.root(n_lags), prior.covariance(n_lags))


@pytest.mark.parametrize("prior", NAMED, ids=str)
def test_the_leading_block_of_the_root_is_the_root_of_the_first_lags(prior):
    whole = full(prior.root(N_LAGS))
    for n_lags in (1, 5):
        assert_allclose(whole[:n_lags, :n_lags], full(prior.root(n_lags)), rtol=1e-12)


def rank_one(n_lags=N_LAGS):
    response = np.random.default_rng(0).normal(size=n_lags)
    return np.outer(response, response)


def without_lag(lag, n_lags=N_LAGS):
    covariance = DC(0.9, 0.8).covariance(n_lags)
    covariance[lag] = covariance[:, lag] = 0.0
    return covariance


SINGULAR = {
    "tc of no decay": TC(1.0),
    "ss of no decay": SS(1.0),
    "tc at lag 0 alone": TC(0.0),
    "dc at lag 0 alone": DC(0.0, 0.5),
    "ss at lag 0 alone": SS(0.0),
    "di at lag 0 alone": DI(0.0),
    "rank one": Given(rank_one()),
    "rank two": Given(rank_one() + np.outer(*2 * [np.arange(N_LAGS)])),
    "without lag 0": Given(without_lag(0)),
    "without lag 3": Given(without_lag(3)),
    "one modulus and few phases": LRU(0.9, 0.9, 0.01),
    "one real pole": LRU(0.8, 0.8, 0.0, nu_f=0.0),
    "the unit circle": LRU(1.0, 1.0, 0.3, normalise=False),
    "steps that are all small": S4DLin(1e-5, 2e-5),
    "one step of one pair of poles": S4DLin(0.1, 0.1, n_states=2),
    "variances without lag 3": Given(np.diagonal(without_lag(3))),
}


@pytest.mark.parametrize("prior", SINGULAR.values(), ids=SINGULAR)
def test_a_singular_covariance_has_a_root(prior):
    assert_root(prior.root(N_LAGS), prior.covariance(N_LAGS))


def test_a_singular_covariance_that_is_known_to_ten_digits_has_a_root():
    """Pivots enlarge the error; eigenvectors do not."""
    error = 1e-11 * np.random.default_rng(0).normal(size=(200, 200))
    covariance = LRU(0.9, 0.9, 0.01).covariance(200)
    deviation = np.sqrt(covariance.diagonal())
    correlation = covariance / np.outer(deviation, deviation) + error + error.T
    np.fill_diagonal(correlation, 1.0)
    root = lower_root(correlation)
    assert not np.triu(root, 1).any()
    assert_allclose(root @ root.T, correlation, rtol=0, atol=2e-10)


@pytest.mark.parametrize("scale", [1e-300, 1e-285, 1e-200, 1.0, 1e200, 1e300])
def test_the_root_does_not_mind_the_unit(scale):
    root = lower_root(scale * TC(0.8).covariance(N_LAGS))
    assert_allclose(root / np.sqrt(scale), TC(0.8).root(N_LAGS), rtol=1e-12)


def test_the_root_keeps_the_digits_of_variances_over_many_decades():
    assert_allclose(lower_root(TC(1e-4).covariance(40)), TC(1e-4).root(40), rtol=1e-10)


# -- Slopes ------------------------------------------------------------------------------

HYPERPARAMETERS = [(prior, name) for prior in NAMED for name in prior.hyperparameters]


def difference(prior, name, n_lags, step=1e-4):
    """Return the derivative of the covariance by differences of the fourth order."""

    def at(change):
        value = getattr(prior, name) * (1 + change)
        return replace(prior, **{name: value}).covariance(n_lags)

    near, far = (at(h) - at(-h) for h in (step, 2 * step))
    return (8 * near - far) / (12 * step * getattr(prior, name))


@pytest.mark.parametrize(("prior", "name"), HYPERPARAMETERS, ids=str)
@pytest.mark.parametrize("n_lags", [1, 2, 40])
def test_the_slope_is_that_of_the_covariance(prior, name, n_lags):
    expected = difference(prior, name, n_lags)
    found = prior.covariance_slope(n_lags, name)
    assert found.shape == expected.shape
    assert_allclose(found, expected, rtol=1e-6, atol=1e-10)
    assert_allclose(LagPrior.covariance_slope(prior, n_lags, name), found, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.9])
def test_where_nothing_decays_yet_dc_has_the_slope_of_its_power(correlation):
    found = DC(0.0, correlation).covariance_slope(3, "nu_w")
    between = np.sign(correlation) * np.inf if correlation else 0.0
    expected = [[0.0, between, correlation**2], [between, 1.0, 0.0], [correlation**2, 0.0, 0.0]]
    assert_array_equal(found, expected)


@dataclass(frozen=True)
class Linear(LagPrior):
    """Variances that rise with a number."""

    rise: float = 1.0
    unit: float = 1.0

    def covariance(self, n_lags):
        return 1.0 + self.rise / self.unit * np.arange(n_lags)


@pytest.mark.parametrize(
    ("rise", "unit"), [(0.0, 1.0), (5e-324, 1.0), (1.0, 1.0), (np.finfo(np.float64).max, 1e308)]
)
def test_a_slope_by_differences_has_a_step_wherever_it_is_taken(rise, unit):
    found = Linear(rise, unit).covariance_slope(3, "rise")
    assert_allclose(found, np.arange(3) / unit, rtol=1e-8)


# -- Errors ------------------------------------------------------------------------------


def test_rounding_of_lags_that_hardly_vary_together_is_no_asymmetry():
    """Sums of 64 phases leave next to nothing between some lags, and rounding of it."""
    prior = S4DLin(8.891397050194613e-4, 0.06667607160816619)
    root = prior.root(400)
    deviations = np.sqrt(np.diagonal(root @ root.T))
    assert_allclose(root @ root.T, prior.covariance(400), atol=1e-9 * deviations.max() ** 2)


@pytest.mark.parametrize("change", [1e-8, -1e-3])
def test_an_asymmetry_beyond_rounding_is_an_error(change):
    array = TC(0.5).covariance(4)
    array[0, 3] += change
    with pytest.raises(ValueError, match="must be symmetric"):
        Given(array).root(4)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], "eigenvalue -"),
        ([[0.0, 1.0], [1.0, 1.0]], "lag without variance varies"),
        ([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]], "eigenvalue -"),
        ([[1.0, 1.001e-6], [1.001e-6, 1e-12]], "eigenvalue -"),
    ],
)
def test_a_matrix_that_is_no_covariance_is_an_error(array, what):
    array = np.array(array)
    with pytest.raises(ValueError, match=rf"must be positive semi-definite, but .*{what}"):
        Given(array).root(len(array))


@pytest.mark.parametrize("name", ["di", "tc", "dc", "ss"])
@pytest.mark.parametrize("nu_w", [1.0001, -0.1, np.nan])
def test_growing_priors_of_identification_are_an_error_that_names_nu_w(name, nu_w):
    prior = PRIORS[name](nu_w=nu_w)
    for of in (prior.covariance, prior.root):
        with pytest.raises(ValueError, match=f"prior='{name}' decays by nu_w .* but got {nu_w}"):
            of(5)


@pytest.mark.parametrize("correlation", [-1.0, 1.0, 1.5, np.nan])
def test_a_correlation_of_one_or_more_is_an_error(correlation):
    with pytest.raises(ValueError, match=f"between -1 and 1, but got {correlation}"):
        DC(0.5, correlation).covariance(4)


@pytest.mark.parametrize("shape", [(3,), (3, 3)])
def test_a_given_prior_is_for_its_number_of_lags_alone(shape):
    with pytest.raises(ValueError, match="given for 3 lags, but the model has n_lags=4"):
        Given(np.ones(shape)).covariance(4)


# -- A reader's own ----------------------------------------------------------------------


@dataclass(frozen=True)
class Exponential(LagPrior):
    """Lags that vary together the more, the nearer they are."""

    length: float = 2.0

    def covariance(self, n_lags):
        lag = np.arange(n_lags)
        return np.exp(-np.abs(np.subtract.outer(lag, lag)) / self.length)


def test_a_prior_of_the_readers_own_is_fitted_as_its_covariance():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 8)), rng.normal(size=60)
    prior = Exponential(3.0)
    model = NTKConvRegressor(prior=prior, alpha=5.0).fit(X, y)
    z = (X - X.mean(axis=0))[:, ::-1]
    P = prior.covariance(8)
    expected = P @ z.T @ np.linalg.solve(z @ P @ z.T + 5.0 * np.eye(60), y - y.mean())
    assert_allclose(model.impulse_response_[0, 0], expected, rtol=1e-10)
    assert model.prior_ == prior
    assert_array_equal(model.lag_weights_, np.ones(8))


@pytest.mark.parametrize("n_lags", [300, 1000])
@pytest.mark.parametrize("nu_w", np.linspace(0.02, 1.0, 25))
@pytest.mark.parametrize("make", [TC, SS])
def test_variances_that_underflow_leave_a_root(make, nu_w, n_lags):
    root, covariance = make(nu_w).root(n_lags), make(nu_w).covariance(n_lags)
    deviation = np.sqrt(np.diagonal(covariance))
    error = np.abs(root @ root.T - covariance)
    left_out = 1e-139  # the root of the least variance that is kept
    assert (error <= 1e-11 * np.outer(deviation, deviation) + left_out).all()


@pytest.mark.parametrize("make", [DI, TC, SS, DC])
@pytest.mark.parametrize("wrong", ["auto", None, [0.5], 1j, Fraction(1, 2)], ids=repr)
def test_what_is_no_number_is_named(make, wrong):
    for name in make().hyperparameters:
        with pytest.raises(TypeError, match=f"{name} must be a number, but got "):
            make(**{name: wrong}).covariance(4)
