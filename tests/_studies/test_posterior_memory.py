"""How sure the data are of a memory."""

import numpy as np

from sklearn_linrnn._studies.posterior_memory import supported_memory


def delayed(delay, noise, n_windows=300, n_lags=10, n_channels=1):
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(n_windows, n_lags, n_channels))
    return windows, windows[:, -1 - delay, 0] + noise * rng.normal(size=n_windows)


def test_clear_data_know_the_memory_and_noisy_ones_do_not():
    clear = supported_memory(*delayed(4, 0.01), level=0.9, seed=0, nu_w=0.7)
    noisy = supported_memory(*delayed(4, 3.0), level=0.9, seed=0, nu_w=0.7)
    assert clear == (4.0, 4.0)
    assert noisy[0] < noisy[1]


def test_where_nothing_is_learned_nothing_is_said():
    windows, _ = delayed(0, 1.0)
    nothing = np.zeros(len(windows))
    assert np.isnan(supported_memory(windows, nothing, level=0.9, seed=0, prior="flat")).all()
