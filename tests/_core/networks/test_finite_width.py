"""Lag weights at finite width: exact means, their limit, and how far that reaches."""

from collections import Counter
from itertools import pairwise
from math import factorial, sqrt

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import finite_width_lag_weights, linear_rnn_lag_weights
from sklearn_linrnn._core.networks.finite_width import MULTIPLES, reach, width_tolerance
from sklearn_linrnn._core.networks.gaussian_powers import hermite_variances, mean_multiples
from sklearn_linrnn._core.networks.initialisation import draw_transition
from sklearn_linrnn._core.networks.lag_products import LagProducts
from sklearn_linrnn._core.networks.network import initialise

KINDS = ["gaussian", "orthogonal", "identity"]
NU = (0.8, 1.5, 0.7)


# -- Powers of a Gaussian matrix ---------------------------------------------------------


def pairings(letters):
    """Yield all ways to pair letters."""
    if not letters:
        yield []
        return
    first, *others = letters
    for place, second in enumerate(others):
        for rest in pairings(others[:place] + others[place + 1 :]):
            yield [(first, second), *rest]


def n_indices(pairs, ends):
    """Return how many indices stay free where paired entries are the same one."""
    name = list(range(len(ends)))
    for one, other in pairs:
        for k, l in zip(ends[one], ends[other], strict=True):
            name = [name[k] if value == name[l] else value for value in name]
    return len(set(name))


def wick_variances(m):
    """Return ``{r: {power of n: number}}`` of ``tr A^m`` by Wick's theorem, pairing by pairing.

    In ``E tr A^m tr B^m`` with correlated matrices, pairs of an ``A`` and a ``B`` count the degree.
    """
    ends = [(m * k + i, m * k + (i + 1) % m) for k in range(2) for i in range(m)]
    found = {}
    for pairs in pairings(list(range(2 * m))):
        degree = sum((one < m) != (other < m) for one, other in pairs)
        found.setdefault(degree, Counter())[n_indices(pairs, ends) - m] += 1
    return found


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_variances_of_the_trace_of_a_power_are_those_of_all_pairings(m):
    counts = wick_variances(m)
    for n in (1, 2, 3, 7, 100):
        expected = [
            sum(number * float(n) ** power for power, number in counts[r].items())
            for r in range(m, 0, -2)
        ]
        assert_allclose(hermite_variances(m, n), expected, rtol=1e-13)


@pytest.mark.parametrize("lag", range(12))
def test_of_one_unit_they_are_moments_of_a_normal_variable(lag):
    """``A`` is one number ``a``: ``E a^{2j}``, and ``j^2 E a^{2j-2}`` of the transition matrix."""
    moments = [factorial(2 * k) / (2**k * factorial(k)) for k in range(12)]
    states, transition = mean_multiples(lag, 1)
    assert_allclose(states, moments[lag], rtol=1e-12)
    if lag:
        assert_allclose(transition, lag * moments[lag - 1], rtol=1e-12)


def products_of(A, n_lags):
    """Return ``tau(A^j^T A^j)``, and the double sum over ``j`` from lag 1 on, of one matrix."""
    powers = [np.eye(len(A))]
    for _ in range(1, n_lags):
        powers.append(powers[-1] @ A)
    vectors = np.reshape(powers, (n_lags, -1))
    traces = vectors @ vectors.T / len(A)  # tau(A^i^T A^k) = tau(A^i A^k^T)
    double = [(traces[:j, :j] * traces[:j, :j][::-1, ::-1]).sum() / j for j in range(1, n_lags)]
    return [*traces.diagonal(), *double]


def draw(kind, n, generator):
    return draw_transition(kind, n, 1.0, generator).numpy() / n**0.5


def assert_is_the_mean(expected, samples):
    """Assert that numbers are within four standard errors of the means of columns of samples."""
    error = samples.std(axis=0, ddof=1) / sqrt(len(samples))
    assert (np.abs(samples.mean(axis=0) - expected) <= 4 * error + 1e-12).all()


CASES = [("gaussian", 5, 6, 2000), ("gaussian", 24, 10, 2000), ("orthogonal", 5, 9, 1000)]
LONG = [("gaussian", 24, 14, 20000), ("gaussian", 64, 18, 8000), ("orthogonal", 12, 30, 8000)]


@pytest.mark.parametrize(
    ("kind", "n", "n_lags", "n_draws"),
    CASES + [pytest.param(*case, marks=pytest.mark.slow) for case in LONG],
)
def test_means_are_those_of_random_matrices(kind, n, n_lags, n_draws):
    generator = torch.Generator().manual_seed(0)
    samples = np.array([products_of(draw(kind, n, generator), n_lags) for _ in range(n_draws)])
    states, transition = np.array([MULTIPLES[kind](lag, n) for lag in range(n_lags)]).T
    assert_is_the_mean(np.concatenate([states, transition[1:]]), samples)
    assert transition[-1] > 1.2, "they are not those of the limit"


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_the_means_of_the_kernels_of_networks(kind):
    n, n_lags, generator = 16, 9, torch.Generator().manual_seed(0)
    samples = np.stack(
        [
            LagProducts.of(initialise(n, 2, 2, NU, generator, kind), n_lags).lag_weights().numpy()
            for _ in range(500)
        ]
    )
    assert_is_the_mean(finite_width_lag_weights(n_lags, n, *NU, transition_init=kind), samples)


# -- Limits ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal"])
def test_the_limit_of_the_theory_is_approached_with_the_square_of_the_width(kind):
    widths, limit = [400, 800, 1600, 3200], linear_rnn_lag_weights(9, *NU)
    errors = [finite_width_lag_weights(9, n, *NU, transition_init=kind) / limit - 1 for n in widths]
    assert_allclose(
        [after / before for before, after in pairwise(np.stack(errors)[:, 3:])], 0.25, rtol=0.02
    )
    assert np.max(errors[-1]) < 1e-4


def test_an_identity_has_the_same_weights_at_any_width():
    weights = [finite_width_lag_weights(9, n, *NU, transition_init="identity") for n in (1, 1000)]
    assert_allclose(*weights, rtol=1e-14)


@pytest.mark.parametrize("u", [0.3, 1.0, 2.0])
def test_lags_of_the_order_of_the_root_of_the_width_have_one_scaling_function(u):
    """``sinh(u) / u``, but for an error that falls with the inverse root."""
    narrow, wide = ((n, round(sqrt(2 * u * n))) for n in (1600, 25600))
    errors = []
    for n, m in (narrow, wide):
        exact = m**2 / (2 * n)
        errors.append(np.array(mean_multiples(m - 1, n)) - np.sinh(exact) / exact)
    assert (errors[1] < 0.03 * np.sinh(u)).all()
    assert_allclose(errors[1] / errors[0], 1 / 4, rtol=0.35)


# -- How far the limit reaches -----------------------------------------------------------


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 16, 64, 300])
def test_the_reach_ends_where_a_share_leaves_its_tolerance(kind, n):
    end, most = reach(10**6, n, kind), 1 + width_tolerance(n)
    assert max(max(MULTIPLES[kind](lag, n)) for lag in range(end)) <= most
    assert max(MULTIPLES[kind](end, n)) > most
    assert reach(end - 1, n, kind) == end - 1
    for variances in ((0.1, 1.0, 1.0), (0.9, 0.1, 3.0)):
        weights = finite_width_lag_weights(end, n, *variances, transition_init=kind)
        assert (weights / linear_rnn_lag_weights(end, *variances) <= most * (1 + 1e-12)).all()


def test_a_gaussian_network_reaches_with_the_root_of_its_width_and_an_orthogonal_one_with_it():
    widths = np.array([400, 1600, 6400])
    gaussian, orthogonal = (
        np.array([reach(10**6, int(n), kind) for n in widths]) for kind in KINDS[:2]
    )
    assert_allclose(gaussian / np.sqrt(widths), 1.4, atol=0.07)
    assert_allclose(orthogonal / widths, 0.774, atol=0.01)  # j^2 / 3 n^2 = 0.2
    assert reach(10**6, 4, "identity") == 10**6


# -- Errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((5, 0), ValueError, r"n_hidden must be at least 1, but got 0"),
        ((5, 2.5), TypeError, r"n_hidden must be a whole number, but got 2\.5"),
        ((-1, 5), ValueError, "n_lags must not be negative"),
        ((5, 5, -1.0), ValueError, "nu_w"),
        ((160, 1), ValueError, "n_hidden=1 overflow within n_lags=160"),
    ],
)
def test_a_bad_argument_is_an_error_that_names_it(arguments, error, message):
    with pytest.raises(error, match=message):
        finite_width_lag_weights(*arguments)


@pytest.mark.parametrize("kind", ["uniform", lambda n, *_: np.eye(n)])
def test_of_other_initialisations_nothing_is_known(kind):
    with pytest.raises(ValueError, match="'gaussian', 'orthogonal' and 'identity', but got"):
        finite_width_lag_weights(5, 5, transition_init=kind)


def test_no_lags_have_no_weights():
    assert finite_width_lag_weights(0, 5).shape == (0,)
