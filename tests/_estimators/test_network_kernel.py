"""The mean of a network's lag weights over its initialisation, and the warning of many lags."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    LinearRNNRegressor,
    WeightedConv1DRegressor,
    finite_width_lag_weights,
    linear_rnn_lag_weights,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(80, 60)), RNG.normal(size=80)
MANY = {"n_hidden": 64, "nu_w": 0.95}  # 60 lags, of which 13 are near the limit


def network(**options):
    return LinearRNNRegressor(**{"max_iter": 1, "random_state": 0, **options})


def without_warnings(model, x=X, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.fit(x, y)


# -- The mean over initialisations -------------------------------------------------------


@pytest.mark.parametrize("transition_init", ["gaussian", "orthogonal", "identity"])
def test_expected_lag_weights_are_the_mean_of_networks_at_initialisation(transition_init):
    options = {"n_hidden": 20, "nu_w": 0.8, "nu_f": 1.5, "transition_init": transition_init}
    models = [network(**options, random_state=seed).fit(X[:, :6], Y) for seed in range(100)]
    samples = np.array([model.empirical_lag_weights(at_start=True) for model in models])
    error = samples.std(axis=0, ddof=1) / len(samples) ** 0.5
    expected = models[0].expected_lag_weights()
    assert (np.abs(samples.mean(axis=0) - expected) < 4 * error).all()
    assert_allclose(
        expected, finite_width_lag_weights(6, 20, 0.8, 1.5, transition_init=transition_init)
    )


def test_rates_multiply_the_shares_of_their_matrices():
    options = {"n_hidden": 20, "nu_w": 0.8, "nu_f": 1.5}
    model = network(**options, rates=(3.0, 0.5, 2.0)).fit(X[:, :6], Y)
    shares = [
        network(**options, rates=rates).fit(X[:, :6], Y).expected_lag_weights()
        for rates in ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    assert_allclose(model.expected_lag_weights(), np.dot([3.0, 0.5, 2.0], shares), rtol=1e-12)
    at_start = [
        network(**options, rates=(0, 1, 0), random_state=seed)
        .fit(X[:, :6], Y)
        .empirical_lag_weights(at_start=True)
        for seed in range(100)
    ]
    error = np.std(at_start, axis=0, ddof=1) / 10
    assert (np.abs(np.mean(at_start, axis=0) - shares[1]) < 4 * error).all()


@pytest.mark.parametrize("unknown", [{"leak": 0.5}, {"n_layers": 2}], ids=str)
def test_with_a_leak_or_layers_the_mean_is_not_known_and_nothing_is_warned_of(unknown):
    model = network(n_hidden=6, nu_w=0.95, **unknown)
    without_warnings(model, X[:, :20])
    name, value = next(iter(unknown.items()))
    message = f"networks of one layer without leak, .*but got .*{name}={value}"
    with pytest.raises(ValueError, match=message):
        model.expected_lag_weights()


def test_they_are_those_of_what_was_fitted():
    model = network(n_hidden=20).fit(X[:, :6], Y)
    before = model.expected_lag_weights()
    model.set_params(n_hidden=3, nu_w=0.1, transition_init="orthogonal")
    assert_allclose(model.expected_lag_weights(), before, rtol=0)


def test_scales_of_channels_scale_them():
    x = np.random.default_rng(0).normal(size=(50, 4, 2))
    model = network(channel_scale=[2.0, 0.5], dtype="float32").fit(x, Y[:50])
    expected = np.outer([2.0, 0.5], finite_width_lag_weights(4, 512))
    found = model.expected_lag_weights()
    assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32


def test_an_untrained_network_has_no_lags_yet():
    with pytest.raises(NotFittedError):
        network().expected_lag_weights()


def test_of_a_function_as_initialisation_the_mean_is_not_known():
    def shift(n_hidden, nu_w, rng):
        return np.roll(np.eye(n_hidden), 1, axis=0) * (n_hidden * nu_w) ** 0.5

    model = network(n_hidden=20, transition_init=shift).fit(X[:, :3], Y)
    with pytest.raises(ValueError, match="'gaussian', 'orthogonal' and 'identity', but got"):
        model.expected_lag_weights()


# -- The warning -------------------------------------------------------------------------


def test_lags_past_the_reach_of_the_width_are_warned_of():
    weights = linear_rnn_lag_weights(60, 0.95)
    past = f"{weights[13:].sum() / weights.sum():.0%}"
    message = (
        rf"n_lags=60 is past the reach of n_hidden=64: .* up to lag 12 .* {past} of its lag weights"
        r".*Raise n_hidden or lower n_lags, or take transition_init='orthogonal'"
    )
    with pytest.warns(UserWarning, match=message) as found:
        network(**MANY).fit(X, Y)
    assert len(found) == 1
    assert found[0].filename == __file__


def test_an_orthogonal_network_is_told_of_no_other_initialisation():
    with pytest.warns(UserWarning, match="n_hidden=8.*Raise n_hidden or lower n_lags\\.$"):
        network(n_hidden=8, nu_w=0.99, transition_init="orthogonal").fit(X, Y)


@pytest.mark.parametrize(
    "remedy",
    [
        {"n_hidden": 1024, "nu_w": 0.8},
        {"n_lags": 13},
        {"transition_init": "orthogonal"},
        {"transition_init": "identity"},
        {"nu_w": 0.5},
    ],
    ids=str,
)
def test_what_removes_the_cause_removes_the_warning(remedy):
    options = {**MANY, **remedy}
    without_warnings(network(**options), X[:, -options.pop("n_lags", 60) :])


def test_later_lags_without_weight_do_not_matter():
    """There are 31 lags of 512 units near the limit, and all that counts is in them."""
    x = np.random.default_rng(0).normal(size=(300, 1))
    without_warnings(network(rows="timesteps", n_lags=200), x, x[:, 0])


def test_it_is_said_when_a_network_is_drawn_and_not_when_it_goes_on():
    model = network(**MANY, warm_start=True)
    with pytest.warns(UserWarning, match="past the reach"):
        model.fit(X, Y)
    without_warnings(model)


def test_a_convolution_has_no_width():
    without_warnings(WeightedConv1DRegressor(linear_rnn_lag_weights(60, 0.95), max_iter=1))
