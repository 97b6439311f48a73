"""How sure the data are of a memory."""

import numpy as np
from numpy.testing import assert_allclose

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._studies.posterior_memory import draw_responses, memory_interval


def delayed(delay, noise, n_windows=300, n_lags=10, n_channels=1):
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(n_windows, n_lags, n_channels))
    return windows, windows[:, -1 - delay, 0] + noise * rng.normal(size=n_windows)


def test_draws_are_those_of_the_posterior():
    windows, targets = delayed(3, 0.5, n_channels=2)
    model = NTKConvRegressor(0.6, alpha="auto").fit(windows, targets)
    draws = draw_responses(model, windows, 20_000, np.random.default_rng(0))
    assert_allclose(draws.mean(axis=0).T, model.impulse_response_[0], atol=0.01)
    assert_allclose(draws.std(axis=0).T, model.impulse_response_std_[0], rtol=0.05)
    predictions = np.einsum("nlc,dlc->dn", windows[:5, ::-1] - windows.mean(axis=0)[::-1], draws)
    _, std = model.predict(windows[:5], return_std=True, include_noise=False)
    # The posterior of the intercept is not that of the response.
    expected = np.sqrt(std**2 - model.noise_variance_ / len(windows))
    assert_allclose(predictions.std(axis=0), expected, rtol=0.05)


def test_clear_data_know_the_memory_and_noisy_ones_do_not():
    clear = memory_interval(*delayed(4, 0.01), level=0.9, seed=0, nu_w=0.7)
    noisy = memory_interval(*delayed(4, 3.0), level=0.9, seed=0, nu_w=0.7)
    assert clear == (4.0, 4.0)
    assert noisy[0] < noisy[1]


def test_where_nothing_is_learned_nothing_is_said():
    windows, _ = delayed(0, 1.0)
    nothing = np.zeros(len(windows))
    assert np.isnan(memory_interval(windows, nothing, level=0.9, seed=0, prior="flat")).all()
