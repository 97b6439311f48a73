"""Roots that grow more than they may are reflected, and nothing else is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import solve_discrete_are
from scipy.optimize import linear_sum_assignment

from sklearn_linrnn._core.closed_form.stable_recursion import (
    StableRecursion,
    companion,
    roots_outside,
)


def one_column(coefficients):
    return np.reshape(np.asarray(coefficients, dtype=np.float64), (-1, 1, 1))


def of_roots(roots):
    """Return the coefficients of the recursion with some roots."""
    return one_column(-np.poly(roots)[1:].real)


def seasonal(n_lags, period, growth, seed=0):
    """Return a recursion that repeats a season, larger each time, and a little of all lags."""
    rng = np.random.default_rng(seed)
    coefficients = 0.005 * rng.normal(size=n_lags)
    coefficients[period - 1] += growth**period
    return one_column(coefficients)


def random_recursion(n_lags, n_columns, scale, seed=0):
    shape = (n_lags, n_columns, n_columns)
    rng = np.random.default_rng(seed)
    return scale / np.sqrt(n_lags * n_columns) * rng.normal(size=shape)


def spectrum(coefficients):
    return np.linalg.eigvals(companion(coefficients))


def distance(found, expected):
    """Return how far two sets of roots are apart, matched at best."""
    apart = np.abs(found[:, None] - expected)
    return apart[linear_sum_assignment(apart)].max()


PAIRS = [1.2 * np.exp(0.5j), 1.2 * np.exp(-0.5j), 1.05 * np.exp(2j), 1.05 * np.exp(-2j)]


@pytest.mark.parametrize(
    "roots",
    [[1.5], [-1.1], [1.1, 0.9, -0.5], [1.3, 1.1, 1.02, 0.4], [*PAIRS, 0.8, 1.01, -1.4, -0.9]],
    ids=str,
)
def test_coefficients_are_those_of_the_reflected_roots(roots):
    found = StableRecursion.of(of_roots(roots), np.ones(1))
    reflected = [1 / np.conj(root) if abs(root) > 1 else root for root in roots]
    coefficients = of_roots(roots)
    assert_allclose(coefficients + found.correction, of_roots(reflected), atol=1e-12)
    outside = [root for root in roots if abs(root) > 1 and np.imag(root) >= 0]
    assert_allclose(found.outside, sorted(outside, key=abs, reverse=True), rtol=1e-9)


@pytest.mark.parametrize(
    "roots", [[1e7, 2.3, 0.5], [-3e5, 200.0, 1.2], [4e3j, -4e3j, 5.0]], ids=str
)
def test_large_roots_are_reflected_with_the_digits_that_are_left(roots):
    coefficients = of_roots(roots)
    reflected = [1 / np.conj(root) if abs(root) > 1 else root for root in roots]
    after = coefficients + StableRecursion.of(coefficients, np.ones(1)).correction
    rounding = np.abs(coefficients).max() * np.finfo(float).eps
    assert_allclose(after, of_roots(reflected), atol=100 * rounding)


def test_large_roots_of_several_columns_are_all_reflected():
    coefficients = random_recursion(3, 3, 1e5)
    found = StableRecursion.of(coefficients, np.ones(3))
    assert len(found.outside) > 1
    assert np.abs(spectrum(coefficients + found.correction)).max() < 1


@pytest.mark.parametrize("largest", [1e9, 1e148, 1e300])
@pytest.mark.parametrize("make", [StableRecursion.of, StableRecursion.of_levelled])
def test_coefficients_whose_correction_has_no_digits_are_an_error(make, largest):
    with pytest.raises(ValueError, match="estimator's forecast of one step cannot be iterated"):
        make(one_column([largest, -largest, 1.0]), np.ones(1))


@pytest.mark.parametrize(
    "coefficients",
    [
        seasonal(250, 24, 1.01),
        seasonal(250, 168, 1.002),
        seasonal(170, 168, 1.002),
        random_recursion(250, 1, 3.0),
        random_recursion(60, 1, 3.0),
        random_recursion(20, 4, 2.0),
        random_recursion(5, 3, 2.0),
    ],
    ids=["24", "168", "168 of 170", "250", "60", "20 x 4", "5 x 3"],
)
def test_other_roots_stay_where_they_are(coefficients):
    n_columns = coefficients.shape[1]
    found = StableRecursion.of(coefficients, np.ones(n_columns))
    before, after = spectrum(coefficients), spectrum(coefficients + found.correction)
    assert len(found.outside) > 1
    assert np.abs(after).max() <= 1
    outside = np.abs(before) > 1
    expected = np.where(outside, 1 / before.conj(), before)
    assert distance(after, expected) < 1e-8


@pytest.mark.parametrize(
    "coefficients",
    [
        one_column([0.5, 0.3]),
        one_column([1.0]),
        one_column([-1.0]),
        one_column([2.0, -1.0]),  # a straight line
        one_column([2.0 * np.cos(0.5), -1.0]),  # a cycle
        one_column([*np.zeros(23), 1.0]),  # a season
        one_column([1.0, *np.zeros(10), 1.0, -1.0]),  # a season and a trend
        one_column([]),
        random_recursion(12, 2, 0.5),
    ],
    ids=lambda c: str(np.ravel(c)[:3]),
)
def test_what_does_not_blow_up_is_left_alone(coefficients):
    found = StableRecursion.of(coefficients, np.ones(coefficients.shape[1]))
    assert len(found.outside) == 0
    assert found.correction.shape == coefficients.shape
    assert not found.correction.any()


@pytest.mark.parametrize(("n_lags", "n_columns"), [(1, 1), (4, 1), (3, 2), (6, 3)])
def test_the_correction_is_the_regulator_whose_state_costs_nothing(n_lags, n_columns):
    coefficients = random_recursion(n_lags, n_columns, 5.0, seed=1)
    units = np.exp(np.random.default_rng(0).normal(size=n_columns))
    found = StableRecursion.of(coefficients, units)
    matrix = companion(coefficients)
    inputs = np.eye(len(matrix), n_columns)
    cost = np.diag(units**-2.0)
    value = solve_discrete_are(matrix, inputs, np.zeros_like(matrix), cost)
    gain = np.linalg.solve(cost + inputs.T @ value @ inputs, inputs.T @ value @ matrix)
    assert len(found.outside) > 0
    correction = found.correction.transpose(1, 0, 2).reshape(n_columns, -1)
    assert_allclose(correction, -gain, rtol=1e-9, atol=1e-9 * np.abs(gain).max())


def growing_by(factor):
    return lambda _root, _left: factor


@pytest.mark.parametrize("n_columns", [1, 3])
def test_what_grows_no_more_than_it_may_is_left_alone(n_columns):
    coefficients = random_recursion(5, n_columns, 2.0)
    largest = np.abs(spectrum(coefficients)).max()
    found = StableRecursion.of(coefficients, np.ones(n_columns), growing_by(largest))
    assert len(found.outside) > 0
    assert not found.is_moved.any()
    assert not found.correction.any()
    assert_allclose(found.placed, found.outside)


@pytest.mark.parametrize("n_columns", [1, 3])
def test_growth_is_what_a_recursion_divided_by_it_has_not(n_columns):
    coefficients, growth = random_recursion(5, n_columns, 4.0), 1.2
    units = np.exp(np.random.default_rng(0).normal(size=n_columns))
    powers = growth ** np.arange(1.0, 6.0)[:, None, None]
    found = StableRecursion.of(coefficients, units, growing_by(growth))
    divided = StableRecursion.of(coefficients / powers, units)
    assert 0 < found.is_moved.sum() == len(divided.outside)
    assert_allclose(found.correction, divided.correction * powers, rtol=1e-9, atol=1e-12)


def test_each_root_has_its_own_growth():
    roots = [1.3, 1.2, 1.1, 0.5]
    allowed = {1.3: 1.05, 1.2: 1.0, 1.1: 1.15}
    found = StableRecursion.of(
        of_roots(roots), np.ones(1), lambda r, _left: allowed[round(r.real, 6)]
    )
    expected = [1.05**2 / 1.3, 1 / 1.2, 1.1, 0.5]
    assert_allclose(of_roots(roots) + found.correction, of_roots(expected), atol=1e-12)
    assert_allclose(found.placed, expected[:3])


def test_growth_is_asked_for_along_the_left_eigenvectors_in_the_units_of_the_series():
    coefficients, units = random_recursion(4, 3, 2.5), np.array([1.0, 1e3, 1e-4])
    steps = np.random.default_rng(0).normal(size=(5, 3)) * units  # newest first
    following = np.einsum("jab,jb->a", coefficients, steps[1:])
    asked = []
    StableRecursion.of(coefficients, units, lambda *pair: asked.append(pair) or 1.0)
    assert len(asked) > 0
    for root, left in asked:
        before = np.sum(left * steps[1:])
        after = np.sum(left * np.vstack([following, steps[1:-1]]))
        assert_allclose(after, root * before, rtol=1e-9)


def test_corrections_have_the_units_of_their_columns():
    coefficients, units = random_recursion(4, 3, 2.5), np.array([1.0, 1e3, 1e-4])
    scale = units[:, None] / units
    plain = StableRecursion.of(coefficients, np.ones(3))
    scaled = StableRecursion.of(coefficients * scale, units)
    assert_allclose(scaled.correction, plain.correction * scale, rtol=1e-9)
    assert_allclose(scaled.outside, plain.outside, rtol=1e-12)


def test_the_power_spectrum_keeps_its_shape():
    coefficients = random_recursion(30, 1, 2.5)
    found = StableRecursion.of(coefficients, np.ones(1))
    before, after = (
        np.abs(np.fft.rfft(np.append(1.0, -np.ravel(each)), 256))
        for each in (coefficients, coefficients + found.correction)
    )
    pairs = np.where(found.outside.imag > 0, 2, 1)
    factor = np.prod(np.abs(found.outside) ** pairs)
    assert_allclose(before / after, factor, rtol=1e-10)


@pytest.mark.parametrize("roots", [[1.1] * 2, [1.1] * 4, [1.05j, -1.05j] * 2, [1.2, 1.2, 1.0]])
def test_repeated_roots_are_all_reflected(roots):
    coefficients = of_roots(roots)
    after = spectrum(coefficients + StableRecursion.of(coefficients, np.ones(1)).correction)
    reflected = [1 / np.conj(root) if abs(root) > 1 else root for root in roots]
    assert distance(after, np.array(reflected)) < 1e-3  # the fourth root of a rounding
    assert np.abs(after).max() < 1 + 1e-6


@pytest.mark.parametrize("n_columns", [1, 2])
def test_the_root_of_the_level_stays_exactly(n_columns):
    differences = random_recursion(5, n_columns, 3.0, seed=2)
    edge, one = np.zeros_like(differences[:1]), np.eye(n_columns)
    coefficients = np.diff(differences, axis=0, prepend=edge, append=edge)
    coefficients[0] += one
    found = StableRecursion.of_levelled(coefficients, np.ones(n_columns))
    plain = StableRecursion.of(differences, np.ones(n_columns))
    assert len(found.outside) > 0
    assert_allclose(found.outside, plain.outside, rtol=1e-10)
    assert_allclose(found.correction.sum(axis=0), 0.0, atol=1e-14)
    after = spectrum(coefficients + found.correction)
    expected = np.append(spectrum(differences + plain.correction), np.ones(n_columns))
    assert distance(after, expected) < 1e-7  # levels of several columns are a repeated root


def test_a_level_alone_has_nothing_to_move():
    found = StableRecursion.of_levelled(np.ones((1, 1, 1)), np.ones(1))
    assert found.correction.shape == (1, 1, 1)
    assert not found.correction.any()


def test_small_coefficients_need_no_eigenvalues(monkeypatch):
    monkeypatch.setattr(np.linalg, "eigvals", None)
    assert len(roots_outside(one_column([0.5, -0.25, 0.25]))) == 0
