"""The estimated kernel: within its own error of the closed forms, and as wide as it takes."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import linear_rnn_lag_covariance
from sklearn_linrnn._core.networks.monte_carlo import TOLERANCE, Networks, estimate_kernel

NU = (0.6, 1.5, 0.7)


def gaussian(n_hidden, nu_w, rng):
    return rng.normal(size=(n_hidden, n_hidden)) * nu_w**0.5


def orthogonal(n_hidden, nu_w, rng):
    Q, R = np.linalg.qr(rng.normal(size=(n_hidden, n_hidden)))
    return Q * np.sign(np.diag(R)) * (n_hidden * nu_w) ** 0.5


def identity(n_hidden, nu_w, rng):
    return np.eye(n_hidden) * (n_hidden * nu_w) ** 0.5


CALLABLES = [gaussian, orthogonal, identity]


def estimate(function, n_lags, nu_w=0.6, *, seed=0, n_hidden=256, max_hidden=256, **options):
    generator = torch.Generator().manual_seed(seed)
    networks = Networks(function, n_lags, (nu_w, *NU[1:]), generator, **options)
    return estimate_kernel(networks, n_hidden, max_hidden)


def limit_of(function, n_lags, nu_w=0.6):
    name = function.__name__
    covariance = linear_rnn_lag_covariance(n_lags, nu_w, *NU[1:], transition_init=name)
    return np.diag(covariance) if covariance.ndim == 1 else covariance


def relative(ours, limit):
    """Return the errors of a kernel beside the diagonals of its own lags."""
    size = np.sqrt(np.diag(ours))
    return np.abs(ours - limit) / size / size[:, None]


# -- Its error ---------------------------------------------------------------------------


@pytest.mark.parametrize("function", CALLABLES)
@pytest.mark.parametrize(("n_lags", "nu_w"), [(6, 0.6), (40, 0.4), (40, 0.95)])
@pytest.mark.parametrize("seed", range(2))
def test_closed_forms_are_within_the_error(function, n_lags, nu_w, seed):
    ours = estimate(function, n_lags, nu_w, seed=seed)
    errors = relative(ours.covariance, limit_of(function, n_lags, nu_w))
    assert (np.diag(errors) <= ours.error).all()
    blocks = [errors[:j, :j] for j in range(1, n_lags + 1)]
    assert ([np.sqrt((block**2).mean()) for block in blocks] <= ours.error).all()


@pytest.mark.parametrize("function", CALLABLES)
def test_the_error_says_something(function):
    """It is a bound, and not a hundred times what is true."""
    limit = limit_of(function, 5)
    found = [estimate(function, 5, seed=seed) for seed in range(8)]
    true = np.mean([np.diag(relative(ours.covariance, limit)) for ours in found], axis=0)
    assert (np.mean([ours.error for ours in found], axis=0) < 12 * true).all()


def test_the_error_never_falls_with_the_lag():
    assert (np.diff(estimate(gaussian, 40).error) >= 0).all()


def test_the_error_falls_with_the_inverse_root_of_the_networks():
    numbers = [4, 16, 64]
    limit = limit_of(gaussian, 6)
    found = [
        [estimate(gaussian, 6, n_hidden=128, n_networks=n, n_probes=2, seed=s) for s in range(8)]
        for n in numbers
    ]
    true = [np.mean([np.linalg.norm(ours.covariance - limit) for ours in row]) for row in found]
    stated = [np.mean([ours.error for ours in row]) for row in found]
    for errors in (true, stated):
        assert -0.7 < np.polyfit(np.log(numbers), np.log(errors), 1)[0] < -0.25


def test_networks_that_forget_at_once_have_no_error_at_lags_without_weight():
    ours = estimate(gaussian, 5, 0.0)
    assert not ours.covariance[2:, 2:].any()
    assert ours.reach == 5


# -- Its width ---------------------------------------------------------------------------


def test_networks_are_as_wide_as_the_lags_need():
    short, long = (estimate(gaussian, n, n_hidden=64, max_hidden=2048) for n in (3, 8))
    assert short.reach == 3
    assert long.reach == 8
    assert 64 <= short.n_hidden < long.n_hidden <= 2048


def test_lags_that_no_width_allowed_can_reach_are_not_tried():
    ours = estimate(gaussian, 200, n_hidden=64, max_hidden=128)
    assert ours.n_hidden == 64
    assert ours.reach < 200
    assert ours.needed_width > 128
    assert (ours.error[: ours.reach] <= TOLERANCE).all()
    assert ours.error[ours.reach] > TOLERANCE


def test_a_callable_that_depends_on_its_width_is_never_believed():
    def unscaled(n_hidden, nu_w, rng):
        return rng.normal(size=(n_hidden, n_hidden)) * (n_hidden * nu_w) ** 0.5

    assert estimate(unscaled, 4).reach == 1  # lag 0 needs no transition


def test_the_estimate_is_that_of_its_seed():
    one, same, other = (estimate(gaussian, 4, seed=seed).covariance for seed in (0, 0, 1))
    assert_allclose(one, same, rtol=0, atol=0)
    assert np.abs(one - other).max() > 0
