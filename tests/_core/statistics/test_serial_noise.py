"""Residuals that are not white are noticed, and remembered as long as they are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import solve_toeplitz, toeplitz
from scipy.signal import lfilter

from sklearn_linrnn._core.statistics.serial_noise import ResidualProducts, SerialNoise

AUTOREGRESSIONS = [[0.7], [-0.6], [1.5, -0.63], [0.2, 0.0, 0.6]]


def course(coefficients, n_timesteps=5000, seed=0):
    white = np.random.default_rng(seed).normal(size=n_timesteps + 500)
    return lfilter([1.0], np.append(1.0, -np.array(coefficients)), white)[500:]


@pytest.mark.parametrize("coefficients", AUTOREGRESSIONS, ids=str)
def test_autoregressions_are_found(coefficients):
    found = SerialNoise.of([course(coefficients)]).coefficients
    assert len(found) == len(coefficients)
    assert_allclose(found, coefficients, atol=0.05)


@pytest.mark.parametrize("coefficients", AUTOREGRESSIONS, ids=str)
def test_coefficients_solve_the_equations_of_yule_and_walker(coefficients):
    residuals = course(coefficients, 200)
    found = SerialNoise.of([residuals]).coefficients
    products = np.correlate(residuals, residuals, "full")[199 : 200 + len(found)]
    assert_allclose(found, solve_toeplitz(products[:-1], products[1:]), rtol=1e-8)


@pytest.mark.parametrize("coefficients", AUTOREGRESSIONS, ids=str)
def test_the_memory_has_the_autocorrelations_of_the_noise(coefficients):
    noise = SerialNoise(np.array(coefficients))
    found = np.correlate(noise.memory, noise.memory, "full")[len(noise.memory) - 1 :]
    order = len(coefficients)
    assert found[0] == pytest.approx(1.0)
    for lag in range(1, 30):
        before = [found[abs(lag - k)] for k in range(1, order + 1)]
        assert found[lag] == pytest.approx(np.dot(coefficients, before), abs=1e-6)
    assert noise.predictability == pytest.approx(1.0 - np.square(noise.memory)[0])


def test_white_noise_is_left_alone():
    rng = np.random.default_rng(0)
    noticed = [len(SerialNoise.of([rng.normal(size=500)]).coefficients) > 0 for _ in range(200)]
    assert np.mean(noticed) < 0.05
    white = SerialNoise.of([rng.normal(size=9)])
    assert white.predictability == 0.0
    assert_allclose(white.memory, [1.0])


def test_innovations_are_what_the_autoregression_leaves():
    noise, residuals = SerialNoise(np.array([0.5, -0.2])), course([0.5, -0.2], 30)
    residuals[10] = np.nan
    found = noise.whitened(residuals)
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, 1, 10, 11, 12]
    assert found[20] == pytest.approx(residuals[20] - 0.5 * residuals[19] + 0.2 * residuals[18])


def test_series_do_not_go_on_in_each_other():
    residuals = course([0.8], 400)
    whole = SerialNoise.of([residuals])
    apart = SerialNoise.of([residuals, np.full(50, np.nan), residuals])
    assert_allclose(apart.coefficients, whole.coefficients, rtol=1e-10)


def test_outputs_have_units_of_their_own():
    first, second = course([0.8], 400), course([0.8], 400, seed=1)
    found = SerialNoise.of([first], [1e6 * second]).coefficients
    expected = np.mean([SerialNoise.of([one]).coefficients for one in (first, second)], axis=0)
    assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_noise_has_no_unit(unit):
    residuals = course([0.8], 400)
    found = SerialNoise.of([unit * residuals]).coefficients
    assert_allclose(found, SerialNoise.of([residuals]).coefficients, rtol=1e-8)


def test_products_of_series_of_one_length_are_the_sums_of_each_alone():
    """Also of pieces that go on from residuals before them."""
    table = np.random.default_rng(0).normal(size=(5, 11))
    table[1, 4] = table[3, 0] = np.nan
    for n_before in (0, 4):
        together, apart = ResidualProducts(4), ResidualProducts(4)
        together.add(table[None], n_before)
        for row in table:
            apart.add(row[None, None], n_before)
        filled = np.nan_to_num(table)
        expected = [
            sum(row[t] * row[t - lag] for row in filled for t in range(max(n_before, lag), 11))
            for lag in range(5)
        ]
        for found in (together, apart):
            assert found.n_known == np.isfinite(table[:, n_before:]).sum()
            assert_allclose(found.sums[0] * np.nanmax(np.abs(table)) ** 2, expected, rtol=1e-10)


@pytest.mark.parametrize("parts", [[], [np.zeros(100)], [np.full(100, np.nan)], [np.ones(3)]])
def test_without_noise_there_is_nothing_to_notice(parts):
    assert SerialNoise.of(parts).predictability == 0.0


def test_toeplitz_matrices_of_the_memory_are_covariances():
    memory = SerialNoise(np.array([1.5, -0.63])).memory
    found = np.correlate(memory, memory, "full")[len(memory) - 1 :]
    assert np.linalg.eigvalsh(toeplitz(found[:50])).min() > 0
