"""What residuals hide of noise is given back: its drift, and how little they show its variance."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import block_diag, toeplitz
from scipy.signal import lfilter

from sklearn_linrnn._core.statistics.hidden_noise import HiddenNoise, autocorrelations
from sklearn_linrnn._core.statistics.serial_noise import SerialNoise

AUTOREGRESSIONS = [[0.9], [-0.6], [1.5, -0.63], [0.2, 0.0, 0.6]]


def dense(noise, lengths, n_means):
    """Return the covariance of residuals of noise of variance one, and that of the noise."""
    n_known = sum(lengths)
    known = autocorrelations(noise.coefficients, max(lengths))
    whole = block_diag(*(toeplitz(known[:length]) for length in lengths))
    maker = np.eye(n_known) - n_means / n_known
    return maker @ whole @ maker, whole


@pytest.mark.parametrize("coefficients", [[], *AUTOREGRESSIONS], ids=str)
def test_autocorrelations_are_those_of_the_memory(coefficients):
    memory = SerialNoise(np.array(coefficients)).memory
    expected = np.correlate(memory, memory, "full")[len(memory) - 1 :]
    expected = np.pad(expected, (0, 50))[:50]
    found = autocorrelations(np.array(coefficients), 50)
    assert_allclose(found, expected, atol=1e-7)
    assert_allclose(autocorrelations(np.array(coefficients), 2), found[:2])


@pytest.mark.parametrize("n_means", [0, 1])
@pytest.mark.parametrize("coefficients", AUTOREGRESSIONS, ids=str)
def test_means_and_degrees_of_freedom_are_those_of_dense_twins(coefficients, n_means):
    lengths = [30, 50, 1, 0, 30]
    hidden = HiddenNoise(SerialNoise(np.array(coefficients)), np.array(lengths), n_means)
    residuals, whole = dense(hidden.noise, lengths, n_means)
    assert hidden.inflation == pytest.approx(whole.sum() / len(whole))
    assert hidden.mean_variance == pytest.approx(n_means * whole.sum() / len(whole) ** 2)
    expected = np.trace(residuals) ** 2 / np.square(residuals).sum()
    assert hidden.n_independent == pytest.approx(expected)


@pytest.mark.parametrize("lengths", [[300], [150, 150]], ids=str)
@pytest.mark.parametrize("coefficients", AUTOREGRESSIONS, ids=str)
def test_the_noise_is_expected_to_leave_the_residuals_that_were_seen(coefficients, lengths):
    seen = SerialNoise(np.array(coefficients))
    found = HiddenNoise.behind(seen, lengths, 1).noise
    residuals, _ = dense(found, lengths, 1)
    parts = np.split(np.arange(300), np.cumsum(lengths)[:-1])
    sums = [
        sum(np.trace(residuals[np.ix_(part, part)], lag) for part in parts)
        for lag in range(len(coefficients) + 1)
    ]
    expected = autocorrelations(seen.coefficients, len(sums))
    # Steps at the ends, which the mean follows less, are taken for those in the middle.
    assert_allclose(np.array(sums) / sums[0], expected, atol=2e-3)
    assert not np.allclose(found.coefficients, coefficients, atol=1e-4)


def test_white_noise_hides_nothing():
    hidden = HiddenNoise.behind(SerialNoise(np.empty(0)), [80, 20], 1)
    assert len(hidden.noise.coefficients) == 0
    assert hidden.inflation == pytest.approx(1.0)
    assert hidden.n_independent == pytest.approx(99.0)


def drift(n_timesteps, pole, seed):
    white = np.random.default_rng(seed).normal(size=n_timesteps + 1000)
    return lfilter([1.0], [1.0, -pole], white)[1000:]


def test_the_variance_of_drifting_noise_is_found():
    pole, n_timesteps = 0.95, 200
    raw, corrected, forgets = [], [], []
    for seed in range(300):
        residuals = drift(n_timesteps, pole, seed)
        residuals -= residuals.mean()
        hidden = HiddenNoise.behind(SerialNoise(np.array([pole])), [n_timesteps], 1)
        raw.append(residuals.var())
        corrected.append(residuals.var() / (1.0 - hidden.mean_variance))
        seen = SerialNoise.of([residuals])
        behind = HiddenNoise.behind(seen, [n_timesteps], 1).noise
        forgets.append([1.0 - one.coefficients.sum() for one in (seen, behind)])
    variance = 1.0 / (1.0 - pole**2)
    assert np.mean(raw) < 0.9 * variance
    assert np.mean(corrected) == pytest.approx(variance, rel=0.1)
    early, late = np.median(forgets, axis=0)
    assert abs(late - (1.0 - pole)) < 0.5 * abs(early - (1.0 - pole))


def test_noise_without_an_end_stays_finite():
    walk = np.cumsum(np.random.default_rng(0).normal(size=200))
    hidden = HiddenNoise.behind(SerialNoise.of([walk - walk.mean()]), [200], 1)
    roots = np.roots(np.append(1.0, -hidden.noise.coefficients))
    assert np.abs(roots).max() <= 1.0 - 1.0 / 200 + 1e-9
    assert 0.0 < hidden.mean_variance < 1.0
    assert 1.0 < hidden.n_independent < 10.0
