"""The posterior heeds noise that goes on from step to step, and leaves white noise alone."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from sklearn_linrnn import LagStatistics, NTKConvRegressor
from sklearn_linrnn._core.statistics.hidden_noise import HiddenNoise, autocorrelations
from sklearn_linrnn._core.statistics.serial_noise import SerialNoise
from sklearn_linrnn._estimators import serial_residuals

RESPONSE = np.array([1.0, 0.6, 0.3, 0.1])


def recording(n_timesteps, poles, seed=0, input_pole=0.9):
    """Return inputs that are slow, what they do, and that with noise."""
    rng = np.random.default_rng(seed)
    x = lfilter([1.0], [1.0, -input_pole], rng.normal(size=n_timesteps + 200))[200:]
    noise = lfilter([1.0], np.append(1.0, -np.array(poles)), rng.normal(size=n_timesteps + 200))
    signal = lfilter(RESPONSE, [1.0], x)
    return x[:, None], signal, signal + noise[200:]


def model(**options):
    kind = {"alpha": 1.0, "rows": "timesteps", "n_lags": 4, **options}
    return NTKConvRegressor(0.5, **kind)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("poles", [[0.9], [1.5, -0.63], [-0.7]], ids=str)
def test_the_posterior_is_that_of_a_dense_twin(poles, fit_intercept):
    x, _, y = recording(2000, poles)
    fitted = model(fit_intercept=fit_intercept).fit(x, y)
    past = np.append(np.zeros(3), x[:, 0])
    lags = np.lib.stride_tricks.sliding_window_view(past, 4)[:, ::-1]
    lags = lags - fit_intercept * lags.mean(axis=0)
    residuals = y - fitted.predict(x)
    hidden = HiddenNoise.behind(SerialNoise.of([residuals]), [len(y)], int(fit_intercept))
    correlations = autocorrelations(hidden.noise.coefficients, len(y))
    noise = toeplitz(correlations) @ lags
    penalty = np.diag(1.0 / fitted.lag_weights_)
    inverse = np.linalg.inv(lags.T @ lags + penalty)
    spread = inverse @ (lags.T @ noise + penalty) @ inverse
    root = fitted.solution_.posterior_root.numpy()
    # Filtered inputs differ from it at the two ends of the recording.
    assert_allclose(root @ root.T, spread, atol=0.03 * np.abs(spread).max())
    lost = np.trace(inverse @ lags.T @ noise) + fit_intercept * hidden.inflation
    left = min(len(y) - lost, len(y) - fitted.effective_degrees_of_freedom_)
    variance = np.square(residuals).sum() / (left * (1 - 2 / hidden.n_independent))
    assert_allclose(fitted.noise_variance_, variance, rtol=1e-3)


def test_blocks_at_equal_distances_tell_as_much_of_a_long_recording(monkeypatch):
    x, _, y = recording(40_000, [0.8])
    whole = model().fit(x, y).noise_predictability_
    monkeypatch.setattr(serial_residuals, "ENOUGH_RESIDUALS", 8000)
    monkeypatch.setattr(serial_residuals, "LEAST_STEPS", 1)
    some = model().fit(x, y).noise_predictability_
    assert some != whole  # as other residuals tell it
    assert_allclose([some, whole], 0.8**2, atol=0.04)


def test_white_noise_changes_nothing():
    rng = np.random.default_rng(0)
    x, signal, _ = recording(1000, [0.0])
    y = signal + rng.normal(size=1000)
    fitted = model().fit(x, y)
    sums = LagStatistics.from_series(x, y, n_lags=4)  # which do not know it
    known = NTKConvRegressor(0.5, alpha=1.0).fit_statistics(sums)
    assert fitted.noise_predictability_ == known.noise_predictability_ == 0.0
    assert_allclose(fitted.impulse_response_std_, known.impulse_response_std_, rtol=1e-10)


def test_noise_that_is_noticed_is_said_and_saved():
    x, _, y = recording(2000, [0.9])
    fitted = model().fit(x, y)
    assert fitted.noise_predictability_ == pytest.approx(0.81, abs=0.05)
    again = pickle.loads(pickle.dumps(fitted))
    assert_allclose(again.impulse_response_std_, fitted.impulse_response_std_, rtol=1e-10)
    assert again.noise_predictability_ == fitted.noise_predictability_


def test_recordings_and_gaps_do_not_touch_each_other():
    x, _, y = recording(600, [0.9])
    ids = np.repeat([0, 1], 300)
    whole = model().fit(x, y, sequence_id=ids)
    x[300], y[100] = np.nan, np.nan
    gappy = model(initial_state="unknown").fit(x, y, sequence_id=ids)
    for one in (whole, gappy):
        assert one.noise_predictability_ == pytest.approx(0.8, abs=0.1)
    assert_allclose(gappy.impulse_response_std_, whole.impulse_response_std_, rtol=0.1)


@pytest.mark.parametrize("unit", [1e-100, 1e100])
def test_the_unit_of_the_targets_does_not_matter(unit):
    x, _, y = recording(500, [0.9])
    assert_allclose(
        model().fit(x, unit * y).impulse_response_std_ / unit,
        model().fit(x, y).impulse_response_std_,
        rtol=1e-8,
    )


def test_intervals_are_wide_where_noise_drifts():
    # Of 200 steps such noise shows a few waves, which the mean follows.
    held, held_if_white = [], []
    for seed in range(80):
        x, _, y = recording(290, [0.98], seed, 0.0)
        fitted = model(initial_state="unknown").fit(x[:200], y[:200])
        mean, std = (values[200:] for values in fitted.predict(x, return_std=True))
        held.append(np.abs(y[200:] - mean) < 1.645 * std)
        white = np.std(y[3:200] - fitted.predict(x)[3:200])
        held_if_white.append(np.abs(y[200:] - mean) < 1.645 * white)
    assert np.mean(held_if_white) < 0.78
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("poles", [[0.0], [0.7], [1.5, -0.63], [-0.7]], ids=str)
@pytest.mark.parametrize("input_pole", [0.0, 0.9])
def test_what_is_promised_is_held(poles, input_pole):
    held, held_of_signal = [], []
    for seed in range(100):
        x, signal, y = recording(700, poles, seed, input_pole)
        fitted = model(initial_state="unknown").fit(x[:500], y[:500])
        later = slice(550, 700)
        mean, std = (values[later] for values in fitted.predict(x, return_std=True))
        held.append(np.abs(y[later] - mean) < 1.645 * std)
        std = fitted.predict(x, return_std=True, include_noise=False)[1][later]
        held_of_signal.append(np.abs(signal[later] - mean) < 1.645 * std)
    assert np.mean(held) == pytest.approx(0.9, abs=0.03)
    assert np.mean(held_of_signal) == pytest.approx(0.9, abs=0.08)
