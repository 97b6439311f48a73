"""Priors of diagonal recurrences: means over poles, random networks, limits, and bad numbers."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn._core.priors.oscillating_rule import (
    OscillatingRule,
    nodes_needed,
    spherical_bessel,
)
from sklearn_linrnn._core.priors.s4d import S4DLegS, S4DLin
from sklearn_linrnn._core.priors.s4d_kernel import SHARED_LAGS, edge

PRIORS = [
    LRU(0.2, 0.95, 1.0),
    LRU(),
    LRU(max_phase=0.3, normalise=False),
    S4DLin(),
    S4DLin(0.05, 0.6, 2.0, n_states=8),
    S4DLegS(),
    S4DLegS(0.1, 0.5, 0.3, n_states=12),
]


def relative(found, expected):
    """Return the greatest error relative to the deviations of both lags."""
    deviation = np.sqrt(expected.diagonal())
    return np.abs((found - expected) / np.outer(deviation, deviation)).max()


def many_nodes(n_panels):
    """Return nodes and weights on [-1, 1]: twenty of Gauss and Legendre in each panel."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    centres = (2 * np.arange(n_panels) + 1) / n_panels - 1
    return np.add.outer(centres, nodes / n_panels).ravel(), np.tile(weights / n_panels, n_panels)


# -- S4D as a mean over its steps ---------------------------------------------------------


def s4d_kernel_at(prior, dt, lag):
    """Return the kernel of models whose steps are all ``dt``, by features of each pole."""
    A = -0.5 + 1j * np.array(prior.frequencies())[:, None]
    pole = np.exp(dt * A)
    held = np.expm1(dt * A) / A
    held_slope = (dt * pole * A - np.expm1(dt * A)) / A**2
    by_readout = held * pole**lag
    by_pole = pole**lag * (held_slope + lag * dt * held)
    by_step = dt * pole**lag * (pole + lag * (pole - 1))
    shares = [(X.T @ X.conj()).real for X in (by_readout, by_pole, by_step)]
    return 4 * shares[0] + 2 * prior.nu_c * ((0.5**2 + 1) * shares[1] + shares[2])


def s4d_kernel(prior, lag, n_panels):
    """Return the mean over ``log dt`` by panels enough for each turn of the poles."""
    nodes, weights = many_nodes(n_panels)
    half = (prior.dt_max - prior.dt_min) / 2
    steps = prior.dt_min + half * (nodes + 1)
    shares = weights * half / steps / np.log1p(2 * half / prior.dt_min)
    pairs = zip(steps, shares, strict=True)
    return sum(weight * s4d_kernel_at(prior, dt, lag) for dt, weight in pairs)


@pytest.mark.parametrize(
    ("prior", "n_lags", "n_panels"),
    [
        (S4DLin(), 20, 40),
        (S4DLin(nu_c=0.3), 60, 100),
        (S4DLin(0.5, 2.0, n_states=8), 15, 20),
        (S4DLin(1e-5, 1e-3), 20, 4),
        (S4DLegS(n_states=16), 30, 40),
        (S4DLegS(0.001, 0.02), 12, 40),
        (S4DLegS(0.1, 0.5, n_states=12), 300, 800),
        (S4DLin(0.05, 3.0, n_states=6), 200, 500),
        (S4DLegS(0.004, 0.00400001), 40, 2),
        pytest.param(S4DLegS(), 120, 2500, marks=pytest.mark.slow),
        pytest.param(S4DLin(), 1000, 1600, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_s4d_is_the_mean_over_many_steps(prior, n_lags, n_panels):
    lag = np.unique(np.geomspace(1, n_lags, 9).astype(int)) - 1
    found = prior.covariance(n_lags)[np.ix_(lag, lag)]
    assert relative(found, s4d_kernel(prior, lag, n_panels)) < 1e-10


@pytest.mark.parametrize("make", [S4DLin, S4DLegS])
@pytest.mark.parametrize("dt", [1e-4, 0.03, 1.0])
def test_a_range_of_steps_that_narrows_becomes_one_step(make, dt):
    one = make(dt, dt, 0.7)
    assert relative(one.covariance(30), s4d_kernel_at(one, dt, np.arange(30))) < 1e-12
    for width in (1e-12, 1e-6):
        near = replace(one, dt_max=dt * (1 + width))
        assert relative(near.covariance(30), one.covariance(30)) < 1e-11 + 1e3 * width


@pytest.mark.parametrize("width", [1.0, 1 + 1e-9, 3.0, 1e8])
@pytest.mark.parametrize("dt", [1e3, 1e8, 1e16, 1e100])
@pytest.mark.parametrize("make", [S4DLin, S4DLegS])
def test_of_long_steps_lag_0_alone_is_left(make, dt, width):
    """``4 / |A|^2`` by the readout, and ``2 nu_c (Re^2 A + 1) / |A|^4`` by the poles."""
    prior = make(dt, width * dt, 0.7, n_states=8)
    size = 0.25 + np.square(prior.frequencies())
    expected = np.zeros((30, 30))
    expected[0, 0] = (4 / size + 2 * 0.7 * 1.25 / size**2).sum()
    assert_allclose(prior.covariance(30), expected, rtol=1e-12, atol=1e-200)
    assert_allclose(prior.quick_variances(30), expected.diagonal(), rtol=1e-12, atol=1e-200)


@pytest.mark.parametrize("width", [1.0, 10.0])
def test_of_steps_whose_squares_underflow_nothing_is_left(width):
    with pytest.raises(ValueError, match="dt_min must be finite and positive, but got 5e-324"):
        S4DLin(5e-324, width).covariance(2)
    with pytest.raises(ValueError, match=r"All lag weights of S4DLin.*dt_min=1e-300.* are zero"):
        S4DLin(1e-300, width * 1e-300).covariance(5)


@pytest.mark.parametrize("width", [0.0, 1e-9, 9e-7, 1.1e-6])
def test_both_ends_of_a_narrow_range_move_it_by_half(width):
    prior = S4DLegS(0.05, 0.05 * (1 + width), n_states=8)

    def at(change):
        return s4d_kernel_at(prior, 0.05 + change, np.arange(8))

    h = 1e-4
    expected = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h) / 2
    for name in ("dt_min", "dt_max"):
        found = prior.covariance_slope(8, name)
        assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("make", [S4DLin, S4DLegS])
@pytest.mark.parametrize("exponents", [(-16, -15), (-15, 2), (0, 6), (-20, -9)])
def test_a_range_from_edge_to_edge_is_the_limit_of_ranges_beside_it(make, exponents):
    """What is kept of whole parts is what is computed anew a little to the side of them."""
    begin, end = map(edge, exponents)
    beside = make(begin * (1 + 1e-10), end * (1 + 1e-10)).covariance(60)
    assert relative(make(begin, end).covariance(60), beside) < 1e-7
    variances = make(begin, end).quick_variances(60)
    assert_allclose(variances, beside.diagonal(), rtol=1e-7)


def test_more_lags_than_are_kept_have_the_same_first_ones():
    prior = S4DLin(edge(-9), edge(-2), n_states=8)
    many = prior.covariance(SHARED_LAGS + 1)
    assert relative(prior.covariance(SHARED_LAGS), many[:-1, :-1]) < 1e-10


def test_frequencies_of_s4d_legs_are_those_of_hippo():
    n_states = 12
    n = np.arange(n_states)
    hippo = -np.tril(np.sqrt(np.outer(2 * n + 1, 2 * n + 1)), -1) - np.diag(n + 1.0)
    root = np.sqrt(n + 0.5)
    eigenvalues = np.linalg.eigvals(hippo + np.outer(root, root))
    assert_allclose(eigenvalues.real, -0.5, rtol=1e-10)
    expected = np.sort(eigenvalues.imag)[n_states // 2 :]
    assert_allclose(S4DLegS(n_states=n_states).frequencies(), expected, rtol=1e-10)


# -- S4D as random networks ---------------------------------------------------------------


def s4d_response(log_decay, frequency, log_step, real, imaginary, n_lags):
    """Return the response of one copy of a state-space model, (n_lags,)."""
    A = torch.complex(-log_decay.exp(), frequency)
    pole = torch.exp(log_step.exp() * A)
    readout = torch.complex(real, imaginary) * (pole - 1) / A
    lag = torch.arange(n_lags)
    return 2 * (readout[:, None] * pole[:, None] ** lag).sum(0).real


def kernels_of_random_copies(prior, n_copies, n_lags, seed=0):
    """Return the tangent kernels of copies at initialisation, by automatic differentiation."""
    draw = torch.Generator().manual_seed(seed)
    n_pairs = prior.n_states // 2
    steps = torch.empty(n_copies, dtype=torch.float64)
    steps.uniform_(np.log(prior.dt_min), np.log(prior.dt_max), generator=draw)
    readout = torch.randn(2, n_copies, n_pairs, dtype=torch.float64, generator=draw)
    readout *= (prior.nu_c / 2) ** 0.5
    same = torch.full((n_copies, n_pairs), np.log(0.5), dtype=torch.float64)
    frequency = torch.tensor(prior.frequencies(), dtype=torch.float64).expand(n_copies, -1)
    trained = (same, frequency, steps, *readout)

    def each(*numbers):
        return s4d_response(*numbers, n_lags)

    jacobian = torch.func.vmap(torch.func.jacrev(each, argnums=tuple(range(5))))(*trained)
    flat = torch.cat([part.reshape(n_copies, n_lags, -1) for part in jacobian], dim=2)
    return (flat @ flat.mT).numpy()


@pytest.mark.parametrize(
    "prior", [S4DLin(0.05, 0.6, 2.0, n_states=8), S4DLegS(0.1, 0.5, 0.3, n_states=12)], ids=str
)
def test_s4d_is_the_mean_kernel_of_random_networks(prior):
    draws = kernels_of_random_copies(prior, 2000, 12)
    error = draws.std(0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(0) - prior.covariance(12)) <= 5 * error + 1e-12).all()


def test_the_kernel_of_a_random_network_approaches_it_as_its_inverse_root_width():
    prior = S4DLin(0.05, 0.6, n_states=8)
    draws = kernels_of_random_copies(prior, 4096, 10)
    expected = prior.covariance(10)

    def typical_error(width):
        networks = draws.reshape(-1, width, 10, 10).mean(1) - expected
        return np.sqrt(np.square(networks).mean())

    assert_allclose(typical_error(4) / typical_error(64), 4.0, rtol=0.25)


@pytest.mark.parametrize("prior", [S4DLin(nu_c=0.4), S4DLegS(), S4DLegS(0.02, 0.01)], ids=str)
@pytest.mark.parametrize("name", ["dt_min", "dt_max", "nu_c"])
def test_slopes_of_fast_poles_are_differences(prior, name):
    value, step = getattr(prior, name), 1e-5

    def at(change):
        return replace(prior, **{name: value * (1 + change)}).covariance(20)

    expected = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step * value)
    found = prior.covariance_slope(20, name)
    assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


# -- The linear recurrent unit ------------------------------------------------------------


@pytest.mark.parametrize("normalise", [True, False])
def test_the_ends_of_the_ring_of_lru_may_be_in_either_order(normalise):
    numbers = {"max_phase": 2.0, "nu_f": 0.7, "nu_c": 1.3, "normalise": normalise}
    one, other = LRU(0.3, 0.9, **numbers), LRU(0.9, 0.3, **numbers)
    assert_array_equal(one.covariance(20), other.covariance(20))
    assert_array_equal(one.covariance_slope(9, "r_min"), other.covariance_slope(9, "r_max"))
    assert_array_equal(one.covariance_slope(9, "r_max"), other.covariance_slope(9, "r_min"))
    assert other.ordered() == one


def test_on_the_whole_disc_input_and_readout_fade_as_a_power_and_trained_phases_do_not():
    lag = np.array([50, 100, 200, 400])
    plain, by_poles = (np.diagonal(share)[lag] for share in LRU().shares(401))
    powers = np.diff(np.log(plain)) / np.diff(np.log(lag))
    assert_allclose(powers, -2.0, atol=0.06)  # 1/((j + 1)(j + 2))
    limit = (2 * np.pi) ** 2 / 3  # E[theta^2]
    assert_allclose(by_poles, limit, rtol=0.06)
    without = np.diagonal(LRU(normalise=False).shares(401)[1])[lag]
    assert_allclose(without[1:] / without[:-1], 2.0, rtol=0.03)


# -- Both ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", PRIORS, ids=str)
@pytest.mark.parametrize("n_lags", [1, 2, 300])
def test_it_is_symmetric_and_positive_semidefinite(prior, n_lags):
    covariance = prior.covariance(n_lags)
    deviation = np.sqrt(covariance.diagonal())
    correlation = covariance / np.outer(deviation, deviation)
    assert_allclose(correlation, correlation.T, rtol=0, atol=1e-14)
    assert np.linalg.eigvalsh(correlation)[0] > -1e-11


@pytest.mark.parametrize("prior", PRIORS, ids=str)
def test_the_first_lags_have_the_covariance_of_fewer(prior):
    assert relative(prior.covariance(40)[:9, :9], prior.covariance(9)) < 1e-12


@pytest.mark.parametrize("prior", [*PRIORS, S4DLin(0.3, 2.0), S4DLegS(0.4, 0.4)], ids=str)
@pytest.mark.parametrize("n_lags", [1, 2, 120])
def test_quick_variances_are_the_diagonal(prior, n_lags):
    assert_allclose(prior.quick_variances(n_lags), prior.covariance(n_lags).diagonal(), rtol=1e-12)


@pytest.mark.parametrize("prior", PRIORS, ids=str)
def test_what_is_kept_of_it_cannot_be_changed(prior):
    expected = prior.covariance(5).copy()
    prior.covariance(5)[:] = 0.0
    assert_array_equal(prior.covariance(5), expected)
    with pytest.raises(ValueError, match="read-only"):
        prior.shares(5)[:] = 0.0


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (LRU(r_max=1.1), r"0 <= r_min <= r_max <= 1 .* r_max=1.1"),
        (LRU(r_min=-0.1), r"0 <= r_min <= r_max <= 1 .* r_min=-0.1"),
        (LRU(1.0, 1.0), "r_min must be below 1 with normalise=True, .* but got r_min=1.0 and"),
        (LRU(max_phase=-1.0), "max_phase must be finite and not negative, but got -1.0"),
        (LRU(nu_f=np.nan), "nu_f is a variance and must not be negative, but got nan"),
        (S4DLin(dt_min=0.0), "dt_min must be finite and positive, but got 0.0"),
        (S4DLegS(dt_max=np.inf), "dt_max must be finite and positive, but got inf"),
        (S4DLin(nu_c=-1.0), "nu_c is a variance and must not be negative, but got -1.0"),
        (S4DLegS(n_states=3), "n_states .* must be even and positive, but got 3"),
        (S4DLin(n_states=0), "n_states .* must be even and positive, but got 0"),
        (S4DLin(n_states=4.0), "n_states .* must be even and positive, but got 4.0"),
    ],
    ids=str,
)
def test_bad_numbers_are_named(prior, message):
    with pytest.raises(ValueError, match=message):
        prior.covariance(4)


WRONG = ["auto", None, [0.5], 1j, 10**400, Fraction(1, 2)]


@pytest.mark.parametrize("make", [LRU, S4DLin, S4DLegS])
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_number_is_named(make, wrong):
    for name in make().hyperparameters:
        with pytest.raises(TypeError, match=f"{name} must be a number, but got "):
            make(**{name: wrong}).covariance(4)


def test_a_normalisation_is_there_or_not():
    with pytest.raises(TypeError, match="normalise must be True or False, but got 'yes'"):
        LRU(normalise="yes").covariance(4)


def test_late_lags_of_small_variances_have_a_root():
    """In their own unit they would vanish, and the rest be no covariance."""
    small, large = (LRU(0.1, 0.7, nu_f=nu, nu_c=nu).root(60) for nu in (1e-300, 1e-100))
    deviations = np.linalg.norm(large, axis=1, keepdims=True)
    assert_allclose(1e100 * small / deviations, large / deviations, rtol=0, atol=1e-12)


def test_the_longest_of_steps_are_named():
    with pytest.raises(ValueError, match=r"overflow: those of S4DLin\(dt_min=0.001, dt_max=1.7e"):
        S4DLin(1e-3, 1.7e308).covariance(3)


@pytest.mark.parametrize("prior", [LRU(nu_f=1e200, nu_c=1e200), LRU(nu_c=1e308)], ids=str)
def test_variances_that_overflow_are_named(prior):
    with pytest.raises(ValueError, match=r"lag weights overflow: .*nu_c=1e\+"):
        prior.covariance(4)


@pytest.mark.parametrize("make", [S4DLin, S4DLegS])
def test_slopes_of_a_range_over_many_decades(make):
    prior = make(1e-200, 1.0, n_states=4)
    by_most, step = prior.covariance_slope(3, "dt_max"), 1e-6
    rise = make(1e-200, 1 + step, n_states=4).covariance(3)
    rise -= make(1e-200, 1 - step, n_states=4).covariance(3)
    assert_allclose(by_most, rise / (2 * step), rtol=1e-4, atol=1e-6 * by_most.max())
    # That of the short end falls as the inverse of the number of decades: the mean is over a
    # logarithm.
    by_least = [
        end * make(end, 1.0, n_states=4).covariance_slope(3, "dt_min") for end in (1e-50, 1e-100)
    ]
    assert_allclose(by_least[0], 4 * by_least[1], rtol=1e-6)


# -- The rule for what oscillates ---------------------------------------------------------


def test_bessel_functions_are_means_of_phases_over_polynomials():
    z = np.concatenate([[0.0, 1e-9, 1e-3], np.linspace(0.1, 60.0, 90), [1e4]])
    nodes, weights = many_nodes(600)
    polynomials = np.polynomial.legendre.legvander(nodes, 15)
    phases = np.exp(1j * np.multiply.outer(z, nodes)) * weights
    expected = (phases @ polynomials) * (-1j) ** np.arange(16) / 2
    assert_allclose(spherical_bessel(z, 16), expected.real.T, rtol=0, atol=1e-13)


@pytest.mark.parametrize("frequency", [0.0, 0.3, 30.0, 1300.0])
def test_phases_are_integrated_exactly(frequency):
    n_lags, begin, end = 8, 0.06, 0.1
    rule = OscillatingRule.on(np.array([frequency]), n_lags, begin, end, 16)
    nodes, weights = many_nodes(30)
    t = (begin + end) / 2 + (end - begin) / 2 * nodes

    def smooth(t):
        return t * np.exp(-20 * t)

    for lag in range(n_lags):
        phases = np.exp(1j * frequency * lag * t) / t
        expected = (end - begin) / 2 * (weights * smooth(t) * phases).sum()
        real, imaginary = (part[:, lag, 0] @ smooth(rule.nodes) for part in rule.weights())
        assert_allclose([real, imaginary], [expected.real, expected.imag], rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("begin", "end", "origin", "rate"),
    [
        (1.0, 1.000001, 1.0, 120.0),
        (0.003, 0.01, 0.001, 10.0),
        (1.0, 1.4, 1.0, 120.0),
        (1.0, 2.0, 0.8, 1000.0),
        (0.5, 2.0, 0.5, 20.0),
    ],
)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_rule_has_the_nodes_that_decays_need(begin, end, origin, rate, share):
    n_nodes = nodes_needed(begin, end, origin, rate)
    rule = OscillatingRule.on(np.array([50.0]), 2, begin, end, n_nodes)
    nodes, weights = many_nodes(60)
    half = (end - begin) / 2
    t = begin + half * (nodes + 1)

    def decay(t):
        return np.exp(-share * rate * (t - origin))

    expected = half * (weights * decay(t) / t * np.exp(50j * t)).sum()
    real, imaginary = (part[:, 1, 0] @ decay(rule.nodes) for part in rule.weights())
    scale = half / begin  # the digits are those of the values at the origin
    assert_allclose(real + 1j * imaginary, expected, rtol=0, atol=1e-12 * scale)


def test_an_interval_on_which_decays_need_too_many_nodes_is_known():
    assert nodes_needed(1.0, 2.0, 1.0, 1000.0) is None
    assert nodes_needed(0.01, 1.0, 0.01, 1.0) is None


def test_sums_of_poles_are_those_of_the_weights():
    frequencies = np.array([0.0, 3.0, 200.0])
    rule = OscillatingRule.on(frequencies, 30, 0.2, 0.5, 24)
    numbers = np.array([[1.0, 2.0, -0.5], [0.3j, 1.0 - 2.0j, 4.0]])
    real, imaginary = rule.weights()
    expected = np.einsum("vn,iqn->qvi", numbers, real + 1j * imaginary).real
    assert_allclose(rule.real_sums(numbers), expected, rtol=0, atol=1e-14)


# -- Where searches begin -----------------------------------------------------------------


@pytest.mark.parametrize("n_lags", [1, 2, 9, 120, 1000])
def test_both_ends_of_a_range_of_steps_never_coincide_on_the_lattice_of_a_search(n_lags):
    prior, groups = S4DLin(), [("dt_min",), ("dt_max",)]
    scales = [prior.scale(name, n_lags) for (name,) in groups]
    low, high = np.transpose([scale.bounds for scale in scales])
    for grid in prior.start_grids(groups, n_lags):
        starts = grid.reshape(-1, 2)
        assert ((low <= starts) & (starts <= high)).all()
        assert_array_equal([scale.stride for scale in scales], 1.0)
        assert_array_equal((starts[:, 0] - starts[:, 1]) % 1.0, 0.5)


def test_with_one_end_given_a_search_begins_with_the_other():
    (grid,) = S4DLin(dt_min=0.01).start_grids([("dt_max",), ("nu_c",)], 50)
    assert grid.shape[-1] == 2
    assert np.unique(grid[..., 0]).tolist() == sorted(S4DLin().scale("dt_max", 50).starts)
