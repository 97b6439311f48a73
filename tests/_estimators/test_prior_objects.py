"""Priors as objects: their hyperparameters are their own, and may be "auto"."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_linrnn import (
    LagKernel,
    MemoryDisplay,
    NTKConvRegressor,
    NTKConvRegressorCV,
    effective_memory,
    kernel_matrix,
    memory_interval,
    priors,
)
from sklearn_linrnn.forecasting import LagForecaster
from sklearn_linrnn.inspection import ImpulseResponseDisplay
from sklearn_linrnn.priors import (
    DC,
    DI,
    LRU,
    TC,
    DeepLinearRNN,
    LagPrior,
    LeakyRNN,
    LinearRNN,
    S4DLegS,
    S4DLin,
    TorchRNN,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 2))
RESPONSE = 0.8 ** np.arange(8)
Y = np.convolve(X[:, 0], RESPONSE)[:300] + 0.5 * X[:, 1] + RNG.normal(size=300)
SLOW = np.convolve(RNG.normal(size=200), 0.9 ** np.arange(30))[:200]
RECORDING = {"rows": "timesteps", "n_lags": 12}

NAMED = {
    "linear_rnn": (
        LinearRNN("auto", "auto", "auto"),
        {"nu_w": "auto", "nu_f": "auto", "nu_c": "auto"},
    ),
    "di": (DI("auto"), {"nu_w": "auto"}),
    "dc": (DC("auto", correlation="auto"), {"nu_w": "auto", "correlation": "auto"}),
    "tc": (TC(0.7), {"nu_w": 0.7}),
    "leaky_rnn": (LeakyRNN("auto"), {"nu_w": "auto"}),
    "deep_linear_rnn": (DeepLinearRNN("auto", "auto"), {"nu_w": "auto", "nu_f": "auto"}),
    "torch_rnn": (TorchRNN(), {"nu_w": "auto"}),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("more", [{}, {"n_leads": 2}, {"memory": "channel"}], ids=str)
def test_an_object_with_auto_is_the_name_with_auto(name, more):
    prior, hyperparameters = NAMED[name]
    of_object = NTKConvRegressor(prior=prior, alpha="auto", **more, **RECORDING).fit(X, Y)
    of_name = NTKConvRegressor(
        prior=name, alpha="auto", **hyperparameters, **more, **RECORDING
    ).fit(X, Y)
    assert_allclose(of_object.impulse_response_, of_name.impulse_response_, rtol=1e-12)
    assert_allclose(of_object.alpha_, of_name.alpha_, rtol=1e-12)


def test_what_is_not_auto_stays():
    model = NTKConvRegressor(prior=DC(0.6, correlation="auto"), alpha="auto", **RECORDING)
    model.fit(X, Y)
    assert model.nu_w_ == 0.6
    assert model.correlation_ != DC().correlation


DIAGONAL = [
    LRU(r_max="auto", max_phase="auto"),
    LRU(0.1, "auto", nu_f="auto", nu_c="auto", normalise=False),
    S4DLin(0.002, "auto", n_states=8),
    S4DLegS("auto", "auto", "auto", n_states=6),
]


@pytest.mark.parametrize("prior", DIAGONAL, ids=str)
@pytest.mark.parametrize("more", [{}, {"n_leads": 2}, {"n_lags": "auto"}], ids=str)
def test_what_is_found_of_poles_has_the_highest_evidence_nearby(prior, more):
    model = NTKConvRegressor(prior=prior, alpha="auto", **{**RECORDING, **more}).fit(X, Y)
    best = model.log_marginal_likelihood()
    found = model.prior_.hyperparameters
    for name in prior.sought:
        for factor in (0.98, 1.02):
            moved = {name: found[name] * factor}
            if name in ("nu_f", "nu_c"):  # sought as one
                moved = {each: found[each] * factor for each in ("nu_f", "nu_c") if each in found}
            lower, upper = np.exp(model.prior_.scale(name, 12).bounds)
            if name[:2] == "r_" or lower < moved[name] < upper:
                assert model.log_marginal_likelihood(**moved) <= best + 1e-6


@pytest.mark.parametrize("prior", [LRU(0.1, "auto"), S4DLin(0.05, "auto", n_states=6)], ids=str)
def test_each_channel_has_poles_of_its_own(prior):
    model = NTKConvRegressor(prior=prior, alpha="auto", memory="channel", **RECORDING).fit(X, Y)
    shared = NTKConvRegressor(prior=prior, alpha="auto", **RECORDING).fit(X, Y)
    assert model.log_marginal_likelihood() >= shared.log_marginal_likelihood() - 1e-9
    (name,) = prior.sought
    assert model.prior_.values(name).shape == (2,)


@pytest.mark.parametrize("prior", [LRU(0.1, 0.9, 2.0), S4DLin(0.05, 0.5), S4DLegS()], ids=str)
def test_inspection_takes_diagonal_priors(prior):
    model = NTKConvRegressor(prior=prior, **RECORDING).fit(X, Y)
    low, high = memory_interval(model, random_state=0)[:2]
    assert np.all(low <= high)
    ImpulseResponseDisplay.from_estimator(model)


def test_diagonal_priors_are_candidates_of_a_cross_validation():
    grid = [LRU(r_max=0.8), S4DLin(0.05, 0.5), "lru", "s4d_legs", "tc"]
    for cv in (3, "evidence", "loo"):
        search = NTKConvRegressorCV([0.5], prior=grid, cv=cv, **RECORDING).fit(X, Y)
        assert np.isfinite(search.best_score_)


def test_an_object_is_cloned_and_searched_over():
    grid = {"prior": [DI(0.5), TC(0.9), LinearRNN(0.5, nu_f="auto"), LeakyRNN(leak="auto")]}
    search = GridSearchCV(NTKConvRegressor(**RECORDING, alpha="auto"), grid, cv=3).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert clone(search.best_estimator_).prior == search.best_params_["prior"]


def test_a_leak_is_found_where_the_response_has_one():
    """A first-order lag, ``a sum_j (1 - a)^j x_{t-j}``, is a network without recurrence."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=2000)
    y = np.convolve(x, 0.2 * 0.8 ** np.arange(60))[:2000] + 0.05 * rng.normal(size=2000)
    options = {"alpha": "auto", "rows": "timesteps", "n_lags": 30}
    found = NTKConvRegressor(prior=LeakyRNN(1e-6, leak="auto"), **options).fit(x[:, None], y)
    leak, best = found.prior_.leak, found.log_marginal_likelihood()
    assert_allclose(leak, 0.2, rtol=0.05)
    assert max(found.log_marginal_likelihood(leak=leak * change) for change in (0.8, 1.2)) < best
    both = NTKConvRegressor(prior=LeakyRNN("auto", leak="auto"), **options).fit(x[:, None], y)
    plain = NTKConvRegressor("auto", **options).fit(x[:, None], y)
    evidence = [model.log_marginal_likelihood() for model in (found, both, plain)]
    assert evidence[1] >= evidence[0] - 0.1  # the least nu_w of a search is not zero
    assert evidence[1] > evidence[2] + 10


NETWORKS = [
    LinearRNN(0.6, rates=(1.0, 0.0, 2.0)),
    DeepLinearRNN(0.6, n_layers=3),
    LeakyRNN(0.6, leak=0.4),
    TorchRNN(),
]


@pytest.mark.parametrize("prior", NETWORKS, ids=lambda prior: type(prior).__name__)
def test_a_network_is_its_covariance_in_all_that_takes_a_prior(prior):
    covariance = prior.covariance(12)
    model, same = (
        NTKConvRegressor(prior=each, alpha=2.0, **RECORDING).fit(X, Y)
        for each in (prior, covariance)
    )
    assert_allclose(model.impulse_response_, same.impulse_response_, rtol=1e-8, atol=1e-12)
    assert_allclose(model.impulse_response_std_, same.impulse_response_std_, rtol=1e-8)
    assert_allclose(model.log_marginal_likelihood(), same.log_marginal_likelihood(), rtol=1e-10)
    variances = covariance if covariance.ndim == 1 else np.diagonal(covariance)
    assert_allclose(model.lag_weights_, variances, rtol=1e-12)
    shown, same_shown = MemoryDisplay.from_estimator(model), MemoryDisplay.from_estimator(same)
    assert shown.prior_memory_ == effective_memory(variances)
    assert shown.fit_memory_interval_ == same_shown.fit_memory_interval_
    assert memory_interval(model) == memory_interval(same)
    windows = np.lib.stride_tricks.sliding_window_view(X[:, 0], 12)[:40]
    assert_allclose(kernel_matrix(prior, windows), kernel_matrix(covariance, windows), rtol=1e-10)
    assert_allclose(LagKernel(prior)(windows), kernel_matrix(prior, windows), rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"memory": "channel"}], ids=str)
def test_a_lag_that_nothing_trains_is_not_the_only_one(options):
    """A transition matrix says nothing of lag 0, which is all that the target has."""
    prior = LinearRNN("auto", rates=(1.0, 0.0, 0.0))
    model = NTKConvRegressor(prior=prior, alpha="auto", rows="timesteps", n_lags="auto", **options)
    model.fit(X, X[:, 0] + 0.1 * np.random.default_rng(1).normal(size=300))
    assert model.impulse_response_.shape[2] >= 2
    assert not model.impulse_response_[:, :, 0].any()


@pytest.mark.parametrize("cv", ["evidence", "gcv", 3])
def test_a_grid_of_networks_is_searched(cv):
    search = NTKConvRegressorCV(prior=NETWORKS, alphas=[0.1, 1.0, 10.0], cv=cv, **RECORDING)
    search.fit(X, Y)
    assert search.best_params_["prior"] in NETWORKS
    assert len(search.cv_results_["params"]) == 12


@pytest.mark.parametrize("prior", ["leaky_rnn", "deep_linear_rnn", "torch_rnn"])
def test_a_forecaster_knows_their_names(prior):
    model = NTKConvRegressor("auto", prior=prior, alpha="auto")
    assert np.isfinite(LagForecaster(model, n_lags="auto").fit(SLOW).predict([1, 2, 3])).all()


def test_a_forecaster_chooses_poles():
    model = NTKConvRegressor(prior=LRU(r_max="auto", max_phase="auto"), alpha="auto")
    forecaster = LagForecaster(model, n_lags=10).fit(SLOW)
    assert np.isfinite(np.asarray(forecaster.predict([1, 2, 3]))).all()


@pytest.mark.parametrize("prior", [DI("auto"), DC(0.5, "auto")], ids=str)
def test_a_forecaster_chooses_what_is_auto(prior):
    name, auto = type(prior).__name__.lower(), dict.fromkeys(prior.sought, "auto")
    kept = {"nu_w": 0.5} if "nu_w" not in auto else {}
    of_object = NTKConvRegressor(prior=prior, alpha="auto")
    of_name = NTKConvRegressor(prior=name, alpha="auto", **auto, **kept)
    forecasts = [
        LagForecaster(each, n_lags=10).fit(SLOW).predict([1, 2, 3]) for each in (of_object, of_name)
    ]
    assert_allclose(*forecasts, rtol=1e-10)


def test_the_variances_of_columns_are_those_of_each():
    @dataclass(frozen=True)
    class Power(LagPrior):
        exponent: float = 1.0

        def covariance(self, n_lags):
            return (1.0 + np.arange(n_lags)) ** -self.exponent

    exponents = [0.5, 1.0, 2.0]
    together = Power(np.array(exponents)[:, None]).variances(5)
    assert_allclose(together, [Power(e).covariance(5) for e in exponents], rtol=1e-15)


@pytest.mark.parametrize("make", [LagKernel, NTKConvRegressorCV], ids=lambda make: make.__name__)
def test_what_cannot_choose_says_so(make):
    model = make(prior=TC("auto"))
    with pytest.raises(ValueError, match=r'nu_w="auto" of TC is chosen by NTKConvRegressor alone'):
        model(X) if make is LagKernel else model.fit(X, Y)


@pytest.mark.parametrize("prior", [LinearRNN(nu_w="auto"), LeakyRNN(leak="auto"), S4DLin("auto")])
def test_conjugate_gradients_cannot_choose(prior):
    with pytest.raises(ValueError, match=rf"{prior.sought[0]}='auto' needs the .*solver='cg'"):
        NTKConvRegressor(prior=prior, solver="cg", **RECORDING).fit(X, Y)


def test_leads_stay_where_a_penalty_leaves_fewer_lags_to_matter():
    options = {"n_lags": "auto", "alpha": 1e300, "n_leads": 3, "rows": "timesteps"}
    model = NTKConvRegressor("auto", prior="tc", **options).fit(X, Y)
    assert model.impulse_response_.shape == (1, 2, 4)


def test_auto_for_the_estimator_is_not_that_of_the_object():
    model = NTKConvRegressor("auto", prior=TC(), **RECORDING)
    with pytest.raises(ValueError, match='hyperparameters of its own, which may be "auto"'):
        model.fit(X, Y)


def test_a_word_that_is_not_auto_is_an_error():
    with pytest.raises(ValueError, match='nu_w of TC must be a number, or "auto"'):
        NTKConvRegressor(prior=TC("long"), **RECORDING).fit(X, Y)


def test_every_public_prior_is_one():
    made = [getattr(priors, name) for name in priors.__all__]
    assert all(issubclass(each, LagPrior) for each in made)
