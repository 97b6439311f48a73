"""A memory and a scale for each channel, in all estimators."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_linrnn import (
    ImpulseResponseDisplay,
    LinearRNNRegressor,
    MemoryDisplay,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    linear_rnn_lag_weights,
    ntk_gap,
)
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.identification import TC
from sklearn_linrnn._core.priors.lru import LRU
from sklearn_linrnn.forecasting import LagForecaster

N, C, J = 200, 3, 6
rng = np.random.default_rng(0)
X = rng.normal(size=(N, J * C))
COEFFICIENTS = 0.5 ** np.arange(J)[::-1, None] * np.array([1.0, 0.5, 0.0])
Y = X @ COEFFICIENTS.ravel() + rng.normal(size=N)
DECAYS, SCALE = [0.2, 0.9, 0.5], [1.0, 0.25, 4.0]
WEIGHTS = np.array(SCALE)[:, None] * [linear_rnn_lag_weights(J, nu_w) for nu_w in DECAYS]
AUTO = {"nu_w": "auto", "alpha": "auto", "memory": "channel"}


def ntk(**options):
    return NTKConvRegressor(**{"nu_w": DECAYS, "channel_scale": SCALE, "n_channels": C, **options})


# -- Given memories and scales -----------------------------------------------------------


def scaled(windows, weights=WEIGHTS):
    """Return windows, oldest step first, times the roots of lag weights."""
    steps = windows.reshape(len(windows), J, C)
    return (steps * np.sqrt(weights.T[::-1])).reshape(len(windows), -1)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.3, 5.0])
def test_it_is_a_ridge_on_scaled_lags(alpha, fit_intercept):
    ridge = Ridge(alpha=alpha, fit_intercept=fit_intercept).fit(scaled(X), Y)
    model = ntk(alpha=alpha, fit_intercept=fit_intercept).fit(X, Y)
    assert_allclose(model.predict(X), ridge.predict(scaled(X)), atol=1e-10)
    assert_allclose(model.lag_weights_, WEIGHTS, rtol=1e-12)
    assert_array_equal(model.nu_w_, DECAYS)
    assert_array_equal(model.channel_scale_, SCALE)
    variances = X.reshape(N, J, C).var(axis=0).mean(axis=0)
    assert_allclose(model.channel_relevance_, WEIGHTS.sum(axis=1) * variances, rtol=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_equal_memories_are_a_shared_one(prior):
    """The same numbers on other ways, for what a fit has besides its response, too."""
    shared = NTKConvRegressor(0.7, prior=prior, n_channels=C).fit(X, Y)
    for options in ({"nu_w": [0.7] * C}, {"channel_scale": [1.0] * C}, {"memory": "channel"}):
        model = NTKConvRegressor(**{"nu_w": 0.7, **options}, prior=prior, n_channels=C).fit(X, Y)
        assert_allclose(model.impulse_response_, shared.impulse_response_, atol=1e-11)
        assert_allclose(model.impulse_response_std_, shared.impulse_response_std_, rtol=1e-8)
        assert_allclose(model.noise_variance_, shared.noise_variance_, rtol=1e-9)
        evidence = model.log_marginal_likelihood(), shared.log_marginal_likelihood()
        assert_allclose(*evidence, rtol=1e-10)
        assert_allclose(model.channel_relevance_, shared.channel_relevance_, rtol=1e-9)
        assert_array_equal(model.lag_weights_, [shared.lag_weights_] * C)


@pytest.mark.parametrize("prior", ["linear_rnn", "tc"])
def test_a_channel_of_scale_zero_is_none(prior):
    others = np.delete(X.reshape(N, J, C), 1, axis=2).reshape(N, -1)
    options = {"prior": prior, "nu_w": [0.2, 0.5], "channel_scale": [1.0, 4.0], "n_channels": 2}
    expected = NTKConvRegressor(**options).fit(others, Y)
    model = ntk(prior=prior, channel_scale=[1.0, 0.0, 4.0]).fit(X, Y)
    assert_allclose(model.predict(X), expected.predict(others), atol=1e-10)
    assert_array_equal(model.impulse_response_[:, 1], 0.0)
    assert model.channel_relevance_[1] == 0.0


@pytest.mark.parametrize("options", [{"solver": "cg"}, {"n_steps": 20}, {"n_steps": "gcv"}])
def test_all_solvers_take_them(options):
    """They are those of lags that are scaled before."""
    plain = NTKConvRegressor(prior="flat", n_channels=C, **options).fit(scaled(X), Y)
    model = ntk(**options).fit(X, Y)
    assert_allclose(model.predict(X), plain.predict(scaled(X)), atol=1e-7)


def test_windows_fewer_than_coefficients_take_them(monkeypatch):
    monkeypatch.setattr("sklearn_linrnn._estimators.ntk_conv.MOST_DIRECT", 1)
    few, target = X[:12], Y[:12]
    model = ntk().fit(few, target)
    assert model.solution_ is None
    assert_allclose(model.predict(few), ntk(solver="direct").fit(few, target).predict(few))
    assert model.channel_relevance_.shape == (C,)


def test_a_convolution_trained_long_is_the_ridge():
    convolution = WeightedConv1DRegressor(
        nu_w=DECAYS, channel_scale=SCALE, weight_decay=0.05, max_iter=5000, n_channels=C
    ).fit(X, Y)
    ridge = ntk(alpha=0.05 * N).fit(X, Y)
    assert_allclose(convolution.impulse_response_, ridge.impulse_response_, atol=1e-9)
    assert_allclose(convolution.lag_weights_, ridge.lag_weights_, rtol=1e-12)


@pytest.mark.parametrize("lag_weights", ["linear_rnn", "flat", np.arange(1.0, J + 1)], ids=str)
def test_a_convolution_is_as_many_steps_in_closed_form(lag_weights):
    options = {"channel_scale": SCALE, "n_channels": C}
    convolution = WeightedConv1DRegressor(lag_weights, 0.6, max_iter=30, **options).fit(X, Y)
    prior = lag_weights if isinstance(lag_weights, str) else lag_weights.copy()
    model = NTKConvRegressor(0.6, alpha=0.0, n_steps=30, prior=prior, **options).fit(X, Y)
    assert_allclose(convolution.impulse_response_, model.impulse_response_, atol=1e-10)
    assert_allclose(convolution.lag_weights_, model.lag_weights_)


def network(**options):
    return LinearRNNRegressor(
        **{"n_hidden": 20, "channel_scale": SCALE, "n_channels": C, "random_state": 0, **options}
    )


def with_scaled_inputs(windows):
    return scaled(windows, np.tile(np.array(SCALE)[:, None], (1, J)))


@pytest.mark.parametrize("init", ["random", "centered"])
@pytest.mark.parametrize("solver", ["gd", "adam"])
def test_a_network_sees_scaled_inputs(init, solver):
    options = {"init": init, "solver": solver, "max_iter": 30}
    plain = network(channel_scale=None, **options).fit(with_scaled_inputs(X), Y)
    model = network(**options).fit(X, Y)
    assert_allclose(model.predict(X), plain.predict(with_scaled_inputs(X)), atol=1e-8)
    assert_allclose(model.lag_weights_, np.array(SCALE)[:, None] * plain.lag_weights_)
    weights = model.empirical_lag_weights(), plain.empirical_lag_weights()
    assert_allclose(weights[0], np.array(SCALE)[:, None] * weights[1], rtol=1e-7)
    with torch.no_grad():
        outputs = model.to_torch()(torch.from_numpy(X.reshape(N, J, C)))
    assert_allclose(outputs[:, 0], model.predict(X), atol=1e-9)
    system, impulse = model.to_state_space(), model.impulse_response_
    first = np.stack([system.D, system.C @ system.B], axis=2)
    assert_allclose(first, impulse[:, :, :2], atol=1e-9)
    if solver == "gd":
        gaps = [ntk_gap(each, metric="prediction")[:4] for each in (model, plain)]
        assert_allclose(*gaps, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_a_wide_network_is_the_limit():
    limit = NTKConvRegressor(alpha=0.0, n_steps=100, channel_scale=SCALE, n_channels=C).fit(X, Y)
    errors = []
    for n_hidden in (64, 4096):
        model = network(n_hidden=n_hidden, init="centered", max_iter=100).fit(X, 1e-3 * Y)
        difference = 1e3 * model.impulse_response_ - limit.impulse_response_
        errors.append(np.linalg.norm(difference) / np.linalg.norm(limit.impulse_response_))
    assert errors[1] < 0.05
    assert errors[1] < 0.5 * errors[0]


def test_training_goes_on_with_scales():
    for model in (
        network(max_iter=20),
        WeightedConv1DRegressor(nu_w=DECAYS, channel_scale=SCALE, max_iter=20, n_channels=C),
    ):
        once = clone(model).set_params(max_iter=40).fit(X, Y)
        twice = clone(model).set_params(warm_start=True).fit(X, Y).fit(X, Y)
        assert_allclose(twice.impulse_response_, once.impulse_response_, atol=1e-9)


# -- Those of the highest evidence -------------------------------------------------------


def draw(seed, n=1000, n_silent=2, noise=1.0):
    """Return inputs and targets of a system, of which some inputs say nothing."""
    source = np.random.default_rng(seed)
    system = [(1.0, 0.3), (0.7, 0.8), (0.5, 0.0)] + [(0.0, 0.0)] * n_silent
    x = source.normal(size=(n, len(system))) * source.uniform(0.5, 2.0, size=len(system))
    parts = [
        size * np.convolve(x[:, c] / x[:, c].std(), decay ** np.arange(8.0))[:n]
        for c, (size, decay) in enumerate(system)
    ]
    return x, sum(parts) + noise * source.normal(size=n)


STEPS = {"rows": "timesteps", "n_lags": 8}


@pytest.mark.parametrize("prior", ["linear_rnn", "flat", "di", "tc", "dc", "ss", "lru", "s4d_lin"])
@pytest.mark.parametrize("n_leads", [0, 2])
def test_memories_have_the_evidence_that_is_said(prior, n_leads):
    x, y = draw(0, 300)
    options = {**STEPS, "prior": prior, "correlation": "auto", "n_leads": n_leads}
    model = NTKConvRegressor(**AUTO, **options).fit(x, y)
    shared = NTKConvRegressor("auto", alpha="auto", **options).fit(x, y)
    best = model.log_marginal_likelihood()
    assert best > shared.log_marginal_likelihood() + 1.0
    assert model.channel_scale_.max() == 1.0
    for name in {"nu_w", "correlation"} & set(model.prior_.priors[0].hyperparameters):
        values = getattr(model, f"{name}_")
        for channel in np.flatnonzero(values > 1e-3):  # not at its lower bound
            for factor in (0.99, 1.01):
                moved = values.copy()
                moved[channel] = np.clip(moved[channel] * factor, -0.99, 0.99)
                assert model.log_marginal_likelihood(**{name: moved}) <= best + 1e-9
    for factor in (0.98, 1.02):
        assert model.log_marginal_likelihood(alpha=factor * model.alpha_) <= best + 1e-9


@pytest.mark.parametrize("prior", ["tc", "dc", "leaky_rnn", "lru", "s4d_lin"])
def test_memories_of_a_single_lag(prior):
    x, y = draw(0, 300)
    one_lag = {**AUTO, "rows": "timesteps", "n_lags": 1}
    model = NTKConvRegressor(**one_lag, prior=prior).fit(x, y)
    flat = NTKConvRegressor(**one_lag, prior="flat").fit(x, y)
    assert_allclose(model.log_marginal_likelihood(), flat.log_marginal_likelihood(), rtol=1e-9)


@pytest.mark.parametrize("prior", ["tc", "dc", LRU(max_phase="auto")], ids=str)
def test_memories_under_a_penalty_that_leaves_one_lag_to_matter(prior):
    x, y = draw(0, 300)
    decay = {} if prior == LRU(max_phase="auto") else {"nu_w": "auto"}
    model = NTKConvRegressor(**decay, alpha=1e300, channel_scale=[1.0] * 5, prior=prior, **STEPS)
    assert_allclose(model.fit(x, y).predict(x), y.mean(), rtol=1e-12)


@pytest.mark.parametrize("labels", [["a"] * 5, [3] * 5, [None] * 5])
@pytest.mark.parametrize("n_lags", [8, "auto"])
def test_one_label_is_a_shared_memory(labels, n_lags):
    x, y = draw(1, 300)
    options = {**STEPS, "n_lags": n_lags, "nu_w": "auto", "alpha": "auto"}
    model = NTKConvRegressor(memory=labels, **options).fit(x, y)
    shared = NTKConvRegressor(**options).fit(x, y)
    assert_allclose(model.nu_w_, [shared.nu_w_] * 5, rtol=1e-12)
    assert_allclose(model.alpha_, shared.alpha_, rtol=1e-12)
    assert_allclose(model.predict(x), shared.predict(x), atol=1e-9)


def test_leads_stay_where_no_later_lag_is_worth_it():
    source = np.random.default_rng(0)
    x = source.normal(size=(400, 2))
    y = np.append(x[2:, 0], [0.0, 0.0]) + 0.5 * source.normal(size=400)  # two steps ahead alone
    model = NTKConvRegressor(**AUTO, rows="timesteps", n_lags="auto", n_leads=2).fit(x, y)
    assert model.first_lag_ == -2
    assert model.impulse_response_.shape[2] >= 3
    assert abs(model.impulse_response_[0, 0, 0] - 1.0) < 0.1


def test_where_all_channels_share_a_memory_that_is_found():
    """The optimum of each channel is near the shared one, and has hardly more evidence."""
    source = np.random.default_rng(0)
    x = source.normal(size=(20_000, 4))
    y = sum(np.convolve(x[:, c], 0.8 ** np.arange(20))[: len(x)] for c in range(4))
    y = y + source.normal(size=len(x))
    options = {"rows": "timesteps", "n_lags": 20, "prior": "tc"}
    model = NTKConvRegressor(**AUTO, **options).fit(x, y)
    shared = NTKConvRegressor("auto", alpha="auto", **options).fit(x, y)
    gain = model.log_marginal_likelihood() - shared.log_marginal_likelihood()
    assert 0.0 <= gain < 10.0  # seven more hyperparameters
    assert_allclose(model.nu_w_, shared.nu_w_, rtol=0.3)
    assert model.channel_scale_.min() > 0.3


def test_groups_share_what_is_found():
    x, y = draw(2, 400)
    labels = ["a", None, "a", 1, 1]
    model = NTKConvRegressor(**{**AUTO, "memory": labels}, **STEPS).fit(x, y)
    for found in (model.nu_w_, model.channel_scale_):
        assert found[0] == found[2]
        assert found[3] == found[4]
    alone = NTKConvRegressor(**AUTO, **STEPS).fit(x, y)
    evidence = [each.log_marginal_likelihood() for each in (model, alone)]
    assert evidence[0] <= evidence[1] + 1e-6


@pytest.mark.parametrize("prior", [np.eye(8) + 0.5, np.arange(8.0, 0.0, -1.0), TC(0.4)], ids=str)
@pytest.mark.parametrize("memory", ["channel", [0, 0, 0, 0, 0]], ids=str)
def test_a_prior_of_your_own_has_scales(prior, memory):
    x, y = draw(4, 300)
    options = {"prior": prior, "alpha": "auto", **STEPS}
    model = NTKConvRegressor(memory=memory, **options).fit(x, y)
    shared = NTKConvRegressor(**options).fit(x, y)
    if memory == "channel":
        assert model.log_marginal_likelihood() > shared.log_marginal_likelihood()
    else:
        assert_array_equal(model.channel_scale_, 1.0)
        assert_allclose(model.predict(x), shared.predict(x), atol=1e-9)


def test_outputs_are_taken_together():
    x, y = draw(3, 300)
    both = np.column_stack([y, np.roll(y, 1)])
    model = NTKConvRegressor(**AUTO, **STEPS).fit(x, both)
    assert model.nu_w_.shape == (5,)
    assert model.predict(x).shape == both.shape


@pytest.mark.parametrize("seed", range(4))
def test_channels_of_noise_fade_out(seed):
    x, y = draw(seed, 2000, n_silent=3)
    model = NTKConvRegressor(**AUTO, **STEPS).fit(x, y)
    assert model.channel_relevance_[3:].max() < 0.01 * model.channel_relevance_.max()
    assert (model.channel_relevance_[:3] > 0.05 * model.channel_relevance_.max()).all()


@pytest.mark.slow
def test_channels_of_noise_among_ten_fade_out():
    faded = []
    for seed in range(100):
        x, y = draw(seed, 2000, n_silent=7)
        relevance = NTKConvRegressor(**AUTO, **STEPS).fit(x, y).channel_relevance_
        faded.append(relevance[3:].max() < 0.01 * relevance.max())
    assert np.mean(faded) >= 0.95


def test_what_fades_out_has_no_response():
    x, y = draw(5, 500)
    found = NTKConvRegressor(**AUTO, **STEPS).fit(x, y)
    out = found.channel_scale_ == 0
    assert_array_equal(found.impulse_response_[:, out], 0.0)
    assert_array_equal(found.lag_weights_[out], 0.0)


def test_a_unit_of_a_channel_does_not_matter():
    x, y = draw(6, 400)
    units = np.array([1e3, 1e-3, 1.0, 10.0, 1e-6])
    model = NTKConvRegressor(**AUTO, **STEPS).fit(x, y)
    other = NTKConvRegressor(**AUTO, **STEPS).fit(x * units, y)
    used = model.channel_scale_ > 0
    assert_allclose(other.nu_w_[used], model.nu_w_[used], rtol=1e-5)
    assert_allclose(other.predict(x * units), model.predict(x), atol=1e-6)
    relevance = [each.channel_relevance_ / each.channel_relevance_.max() for each in (model, other)]
    assert_allclose(relevance[1], relevance[0], rtol=1e-4, atol=1e-6)


def test_given_scales_leave_the_decays_to_be_found():
    x, y = draw(7, 400)
    scale = [1.0, 1.0, 0.5, 0.0, 0.0]
    for memory in ("shared", "channel"):
        options = {**AUTO, "memory": memory, "channel_scale": scale}
        model = NTKConvRegressor(**options, **STEPS).fit(x, y)
        assert_array_equal(model.channel_scale_, scale)
        used = np.unique(model.nu_w_[:3])
        assert len(used) == (1 if memory == "shared" else 3)


def test_where_there_is_nothing_to_learn_nothing_is():
    x, _ = draw(8, 200)
    targets = np.random.default_rng(0).normal(size=200)
    windows = np.column_stack([np.roll(x, lag, axis=0) for lag in range(8)])
    windows = np.hstack([windows, np.ones((200, 1))])
    residual = targets - windows @ np.linalg.lstsq(windows, targets)[0]
    model = NTKConvRegressor(**AUTO, n_channels=5).fit(
        np.flip(windows[:, :-1].reshape(200, 8, 5), axis=1).reshape(200, -1), residual
    )
    assert model.alpha_ == np.inf
    assert_allclose(model.predict(windows[:, :-1]), residual.mean(), atol=1e-12)


# -- Cross-validation --------------------------------------------------------------------


@pytest.mark.parametrize("cv", [KFold(3), "gcv", "loo", "evidence"], ids=str)
def test_a_memory_of_each_channel_by_its_score(cv):
    x, y = draw(0, 300)
    grid = {"nu_w": [0.1, 0.8], "alphas": [1.0, 100.0], "cv": cv, **STEPS}
    shared = NTKConvRegressorCV(**grid).fit(x, y)
    model = NTKConvRegressorCV(memory="channel", **grid).fit(x, y)
    assert model.best_score_ > shared.best_score_
    assert model.best_index_ == len(model.cv_results_["params"]) - 1
    assert set(model.nu_w_) <= {0.1, 0.8}
    again = NTKConvRegressor(**model.best_params_, **STEPS).fit(x, y)
    assert_allclose(again.impulse_response_, model.impulse_response_, atol=1e-9)
    assert_allclose(again.channel_relevance_, model.channel_relevance_)


@pytest.mark.parametrize("prior", ["flat", "tc", ["flat", "tc"], np.eye(8)], ids=str)
@pytest.mark.parametrize("nu_w", [0.5, (0.2, 0.7)], ids=str)
def test_what_a_memory_of_each_channel_is_tried_for(prior, nu_w):
    """Whatever is chosen, the best parameters are those of a single fit."""
    x, y = draw(2, 120)
    grid = {"prior": prior, "alphas": [1.0], "cv": "evidence", **STEPS}
    model = NTKConvRegressorCV(nu_w, memory="channel", **grid).fit(x, y)
    options = {"prior": prior, **model.best_params_} if not isinstance(prior, list) else {}
    options = options or model.best_params_
    again = NTKConvRegressor(**options, **STEPS).fit(x, y)
    assert_allclose(again.impulse_response_, model.impulse_response_, atol=1e-9)


def test_no_change_of_one_channel_has_a_better_score():
    x, y = draw(1, 200)
    grid = {"cv": "evidence", "alphas": [1.0, 10.0], **STEPS}
    found = NTKConvRegressorCV([0.1, 0.5], memory="channel", **grid).fit(x, y)
    for channel in range(5):
        for decay in (0.1, 0.5):
            moved = np.where(np.arange(5) == channel, decay, found.nu_w_)
            candidate = NTKConvRegressorCV([moved], channel_scale=found.channel_scale_, **grid)
            assert candidate.fit(x, y).best_score_ <= found.best_score_ + 1e-9


def test_candidates_may_be_arrays():
    candidates = [0.5, DECAYS, np.array([0.1, 0.1, 0.9])]
    model = NTKConvRegressorCV(candidates, alphas=[1.0], n_channels=C, cv="evidence").fit(X, Y)
    evidence = [
        NTKConvRegressor(nu_w, n_channels=C).fit(X, Y).log_marginal_likelihood()
        for nu_w in candidates
    ]
    assert_allclose(model.cv_results_["mean_test_score"], evidence, rtol=1e-10)
    assert_array_equal(model.cv_results_["param_nu_w"][1], DECAYS)


def test_a_grid_search_over_memories():
    search = GridSearchCV(
        NTKConvRegressor("auto", alpha="auto", n_channels=C),
        {"memory": ["shared", "channel", [0, 1, 1]]},
        cv=3,
    ).fit(X, Y)
    assert search.best_estimator_.predict(X).shape == (N,)


# -- Around them -------------------------------------------------------------------------


@pytest.mark.parametrize("model", [ntk(), NTKConvRegressor(**AUTO, n_channels=C)], ids=str)
def test_copies_and_files_are_the_same(model):
    fitted = clone(model).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(fitted))
    for name in ("nu_w_", "channel_scale_", "channel_relevance_", "lag_weights_"):
        assert_array_equal(getattr(loaded, name), getattr(fitted, name))
    assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert_allclose(clone(fitted).fit(X, Y).predict(X), fitted.predict(X), atol=1e-9)


def test_displays_show_the_prior_of_each_channel():
    model = ntk().fit(X, Y)
    frame = ImpulseResponseDisplay.from_estimator(model).frame()
    variances = WEIGHTS * model.noise_variance_ / model.alpha_
    half = frame["prior_upper"].to_numpy().reshape(C, J)
    assert_allclose(half / half[0, 0], np.sqrt(variances / variances[0, 0]), rtol=1e-9)
    display = MemoryDisplay.from_estimator(model)
    assert_allclose(display.prior, WEIGHTS.sum(axis=0) / WEIGHTS.sum())
    each = WEIGHTS / WEIGHTS.sum(axis=1, keepdims=True)
    assert_allclose(display.channel_priors, each)


def test_an_ensemble_of_networks_has_scales():
    """With equal scales it is the one of a shared prior."""
    shared = NTKConvRegressor(alpha=2.0, n_channels=C).fit(X, Y).predict_ensemble(X)
    model = NTKConvRegressor(alpha=2.0, channel_scale=[1.0] * C, n_channels=C).fit(X, Y)
    assert_allclose(model.predict_ensemble(X), shared, atol=1e-10)


def test_forecasts_from_channels_of_their_own():
    steps = pd.RangeIndex(150)
    source = np.random.default_rng(0)
    x = pd.DataFrame(source.normal(size=(150, 2)), index=steps, columns=["u", "v"])
    y = pd.Series(0.5 * x["u"].shift(1, fill_value=0.0) + 0.1 * source.normal(size=150))
    regressor = NTKConvRegressor("auto", alpha="auto", memory="channel")
    forecaster = LagForecaster(regressor, n_lags=4).fit(y[:-3], X=x[:-3], fh=[1, 2, 3])
    assert np.isfinite(forecaster.predict(X=x[-3:])).all()


BAD = [
    (ntk(nu_w=[0.5, 0.5]), r"nu_w must be one number for each of 3 channels.*got shape \(2,\)"),
    (ntk(nu_w=[0.5, -0.5, 0.1]), "nu_w must not be negative, but got -0.5"),
    (ntk(channel_scale=[1.0]), r"channel_scale must be one number.*\(3,\), but got shape \(1,\)"),
    (ntk(channel_scale=[1.0, 1.0, -2.0]), "channel_scale must not be negative, but got -2"),
    (ntk(channel_scale=[0.0] * C), "channel_scale must have a positive number, but got zeros"),
    (ntk(channel_scale=[1.0, np.nan, 1.0]), "channel_scale"),
    (ntk(memory=[0, 1]), r"memory must be 'shared'.*\(3,\), but got shape \(2,\)"),
    (ntk(memory="own"), "memory"),
    (ntk(nu_w="auto", memory=[[0, 1, 2]]), r"memory must be.*shape \(1, 3\)"),
    (network(channel_scale=[1.0, 1.0]), "channel_scale must be one number"),
    (
        WeightedConv1DRegressor(nu_w=[0.5, 0.5], n_channels=C),
        "nu_w must be one number for each of 3 channels",
    ),
    (NTKConvRegressorCV([[0.5, 0.5]], n_channels=C), "nu_w must be one number for each"),
    (NTKConvRegressorCV([[0.5, "a", 1]], n_channels=C), "nu_w must be numbers of at least 0"),
    (NTKConvRegressorCV(memory=["a"], n_channels=C), "memory must be 'shared'"),
]


@pytest.mark.parametrize(("model", "message"), BAD, ids=range(len(BAD)))
def test_bad_channels_are_errors(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)


def test_a_forecaster_does_not_search_memories_by_its_own_score():
    with pytest.raises(ValueError, match="memory of estimator must be one of"):
        LagForecaster(NTKConvRegressorCV(memory="channel"), n_lags=3)
