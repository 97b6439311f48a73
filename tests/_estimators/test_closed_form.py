"""The closed form: evidence, posterior, ensembles, early stopping and many lags.

Each is held against scikit-learn, a dense formula, brute force, or the training of networks.
"""

import copy
import io
import pickle
import warnings
from contextlib import nullcontext

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error

from sklearn_linrnn import (
    LagKernel,
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    kernel_matrix,
    linear_rnn_lag_weights,
)
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.deep_linear_rnn import DeepLinearRNN
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn._core.statistics.hidden_noise import HiddenNoise
from sklearn_linrnn._core.statistics.serial_noise import SerialNoise
from sklearn_linrnn.priors import LRU, S4DLegS

rng = np.random.default_rng(0)
N, N_LAGS = 80, 8
X = rng.normal(size=(N, N_LAGS))
Y = X @ rng.normal(size=(N_LAGS, 2)) * 0.5 + rng.normal(size=(N, 2))
X_NEW = rng.normal(size=(15, N_LAGS))
every_prior = pytest.mark.parametrize("prior", PRIORS)


def dense_prior(model):
    """Return the prior's covariance of flattened windows, oldest time step first, as a matrix."""
    covariance = model.prior_.covariance(len(model.lag_weights_))
    covariance = covariance if covariance.ndim == 2 else np.diag(covariance)
    return covariance[::-1, ::-1]


# -- The posterior ------------------------------------------------------------------------


def make_process(model, prior, noise_variance):
    """Return scikit-learn's Gaussian process with the prior, penalty and noise of a model."""
    scale = ConstantKernel(noise_variance / model.alpha_, "fixed")
    kernel = scale * LagKernel(prior, model.nu_w, "fixed")
    return GaussianProcessRegressor(kernel, alpha=noise_variance, optimizer=None)


@every_prior
@pytest.mark.parametrize("alpha", [0.3, 10.0])
def test_the_posterior_is_that_of_a_gaussian_process(prior, alpha):
    model = NTKConvRegressor(0.7, alpha=alpha, prior=prior, fit_intercept=False).fit(X, Y)
    for output, noise_variance in enumerate(model.noise_variance_):
        process = make_process(model, prior, noise_variance).fit(X, Y[:, output])
        mean, std = process.predict(X_NEW, return_std=True)
        found_mean, found_std = model.predict(X_NEW, return_std=True, include_noise=False)
        assert_allclose(found_mean[:, output], mean, rtol=1e-7, atol=1e-9)
        assert_allclose(found_std[:, output], std, rtol=1e-7)
        _, with_noise = model.predict(X_NEW, return_std=True)
        assert_allclose(with_noise[:, output], np.hypot(std, noise_variance**0.5), rtol=1e-7)


@every_prior
def test_the_evidence_is_that_of_a_gaussian_process(prior):
    model = NTKConvRegressor(0.7, alpha=2.0, prior=prior, fit_intercept=False).fit(X, Y)
    expected = 0.0
    for target in Y.T:
        covariance = kernel_matrix(prior, X, nu_w=0.7) / 2.0 + np.eye(N)
        noise_variance = target @ np.linalg.solve(covariance, target) / N
        process = make_process(model, prior, noise_variance).fit(X, target)
        expected += process.log_marginal_likelihood()
    assert_allclose(model.log_marginal_likelihood(), expected, rtol=1e-9)
    wider = NTKConvRegressor(0.9, alpha=5.0, prior=prior, fit_intercept=False).fit(X, Y)
    decays = "nu_w" in model.prior_.hyperparameters
    names = {"alpha": 5.0, "nu_w": 0.9} if decays else {"alpha": 5.0}
    assert_allclose(model.log_marginal_likelihood(**names), wider.log_marginal_likelihood())


@every_prior
def test_the_evidence_with_an_intercept_is_that_of_contrasts(prior):
    """A flat prior on the intercept: the likelihood of ``m - 1`` contrasts, ``V`` restricted."""
    model = NTKConvRegressor(0.7, alpha=2.0, prior=prior).fit(X, Y)
    V = X @ dense_prior(model) @ X.T / 2.0 + np.eye(N)
    contrasts = np.linalg.qr(np.c_[np.ones(N), np.eye(N)[:, 1:]])[0][:, 1:]
    restricted, expected = contrasts.T @ V @ contrasts, 0.0
    for target in Y.T:
        rest = contrasts.T @ target
        variance = rest @ np.linalg.solve(restricted, rest) / (N - 1)
        log_determinant = np.linalg.slogdet(restricted)[1] + np.log(N)
        expected -= 0.5 * ((N - 1) * (np.log(2 * np.pi * variance) + 1) + log_determinant)
    assert_allclose(model.log_marginal_likelihood(), expected, rtol=1e-10)


@every_prior
@pytest.mark.parametrize("weighted", [False, True])
def test_the_posterior_with_an_intercept_is_dense_linear_regression(prior, weighted):
    w = np.random.default_rng(1).uniform(0.2, 3.0, N) if weighted else np.ones(N)
    model = NTKConvRegressor(0.7, alpha=3.0, prior=prior).fit(X, Y, w)
    design, new = np.c_[np.ones(N), X], np.c_[np.ones(15), X_NEW]
    precision = np.zeros((N_LAGS + 1, N_LAGS + 1))
    precision[1:, 1:] = 3.0 * np.linalg.inv(dense_prior(model))
    unit = np.linalg.inv((design.T * w) @ design + precision)
    coefficients = unit @ (design.T * w) @ Y
    freedom = np.trace(unit @ (design.T * w) @ design)
    noise_variance = w @ np.square(Y - design @ coefficients) / (w.sum() - freedom)
    spread = np.einsum("si,ij,sj->s", new, unit, new)
    mean, std = model.predict(X_NEW, return_std=True)
    _, clean = model.predict(X_NEW, return_std=True, include_noise=False)
    assert_allclose(model.effective_degrees_of_freedom_, freedom, rtol=1e-9)
    assert_allclose(model.noise_variance_, noise_variance, rtol=1e-9)
    assert_allclose(mean, new @ coefficients, rtol=1e-8, atol=1e-10)
    assert_allclose(std, np.sqrt((1 + spread)[:, None] * noise_variance), rtol=1e-8)
    assert_allclose(clean, np.sqrt(spread[:, None] * noise_variance), rtol=1e-8)
    deviation = np.sqrt(np.outer(noise_variance, unit.diagonal()[:0:-1]))
    assert_allclose(model.impulse_response_std_[:, 0], deviation, rtol=1e-8)


def test_the_posterior_without_a_penalty_is_ordinary_least_squares():
    model = NTKConvRegressor(alpha=0.0).fit(X, Y)
    design = np.c_[np.ones(N), X]
    coefficients = np.linalg.lstsq(design, Y)[0]
    variance = np.square(Y - design @ coefficients).sum(axis=0) / (N - N_LAGS - 1)
    unit = np.linalg.inv(design.T @ design).diagonal()
    expected = np.sqrt(np.outer(variance, unit[:0:-1]))
    assert_allclose(model.impulse_response_std_[:, 0], expected, rtol=1e-9)


def test_the_posterior_has_no_unit():
    model = NTKConvRegressor(nu_c=1e300, alpha=1e-280)  # of which a square is out of range
    deviation = model.fit(X, Y).impulse_response_std_
    assert np.isfinite(deviation).all()
    assert_allclose(model.fit(X, 1e20 * Y).impulse_response_std_, 1e20 * deviation, rtol=1e-9)
    few = model.fit(X[:2], Y[:2]).impulse_response_std_
    assert_allclose(model.fit(X[:2], 1e20 * Y[:2]).impulse_response_std_, 1e20 * few, rtol=1e-9)


def test_standard_deviations_have_the_form_of_the_predictions():
    panel = np.random.default_rng(1).normal(size=(5, 12, 3))
    every = panel[:, :, :2] + np.random.default_rng(2).normal(size=(5, 12, 2))
    recordings = [panel[k][: 6 + k] for k in range(5)]
    targets = [every[k][: 6 + k] for k in range(5)]
    model = NTKConvRegressor(n_lags=4).fit(panel, every)
    mean, std = model.predict(panel, return_std=True)
    assert mean.shape == std.shape == (5, 12, 2)
    assert model.impulse_response_std_.shape == model.impulse_response_.shape == (2, 3, 4)
    last = NTKConvRegressor(n_lags=4).fit(panel[:, -4:], every[:, -1, 0])
    assert last.predict(panel[:, -4:], return_std=True)[1].shape == (5,)
    model.fit(recordings, targets)
    means, stds = model.predict(recordings, return_std=True)
    for k in range(5):
        assert means[k].shape == stds[k].shape == (6 + k, 2)
        again = model.predict([recordings[k]], return_std=True)[1][0]
        assert_allclose(stds[k], again, rtol=1e-12)


def draw_from_the_prior(seed, n=120, n_lags=8, alpha=2.0, nu_w=0.6):
    """Return windows, noisy targets and the targets without noise; the last 20 are fresh."""
    draw = np.random.default_rng(seed)
    H = draw.normal(size=n_lags) * np.sqrt(linear_rnn_lag_weights(n_lags, nu_w) / alpha)
    windows = draw.normal(size=(n + 20, n_lags))
    clean = windows @ H[::-1] + 1.0
    return windows, clean + draw.normal(size=n + 20), clean


@pytest.mark.parametrize("prior", ["linear_rnn", pytest.param("tc", marks=pytest.mark.slow)])
def test_nominal_intervals_hold_what_they_promise(prior):
    """90 % intervals cover 85 to 95 % of fresh targets and of the true responses' outputs."""
    covered, covered_clean = [], []
    for seed in range(100):
        windows, noisy, clean = draw_from_the_prior(seed)
        model = NTKConvRegressor("auto", alpha="auto", prior=prior)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of draws in which there is no signal
            model.fit(windows[:120], noisy[:120])
        mean, std = model.predict(windows[120:], return_std=True)
        _, clean_std = model.predict(windows[120:], return_std=True, include_noise=False)
        covered.append(np.abs(noisy[120:] - mean) < 1.6449 * std)
        covered_clean.append(np.abs(clean[120:] - mean) < 1.6449 * clean_std)
    assert 0.85 <= np.mean(covered) <= 0.95
    assert 0.85 <= np.mean(covered_clean) <= 0.95


# -- The ensemble -------------------------------------------------------------------------


def test_an_ensemble_of_trained_networks_has_the_distribution_that_is_predicted():
    """Mean and standard deviation of 60 networks of 600 units after 6 iterations.

    The error of a mean is ``std / sqrt(60)``. The variance is compared summed over new windows and
    outputs. It is that of 4 outputs x 3 channels x 4 lags = 48 nearly independent coefficients, of
    which some 20 carry it, so that its relative error is ``sqrt(2 / (59 * 20))``, about 4 %; 15 %
    are allowed, which also holds the finite width's share.
    """
    n_seeds, n_steps = 60, 6
    nu = {"nu_w": 0.5, "nu_f": 0.3, "nu_c": 0.3}
    draw = np.random.default_rng(5)
    windows, new = draw.normal(size=(2, 100, 4, 3))
    teacher = draw.normal(size=(4, 3, 4)) * 0.5 ** np.arange(4)[::-1, None, None]
    target = 0.3 * np.einsum("nti,tio->no", windows, teacher)
    rows = windows.reshape(100, -1)  # as many outputs as lags: a panel could mean every step
    limit = NTKConvRegressor(**nu, alpha=0.0, n_steps=n_steps, n_channels=3).fit(rows, target)
    mean, std = limit.predict_ensemble(new)
    outputs = np.stack(
        [
            LinearRNNRegressor(
                600, **nu, init="random", max_iter=n_steps, random_state=seed, n_channels=3
            )
            .fit(rows, target)
            .predict(new)
            for seed in range(n_seeds)
        ]
    )
    standard_error = outputs.std(axis=0, ddof=1) / n_seeds**0.5
    z = (outputs.mean(axis=0) - mean) / standard_error
    assert np.abs(z).max() < 5.0
    assert np.sqrt(np.square(z).mean()) < 1.5
    variance = outputs.var(axis=0, ddof=1)
    assert_allclose(np.sum(variance), np.sum(std**2), rtol=0.15)
    assert_allclose(variance.mean(axis=1).max(), (std**2).mean(axis=1).max(), rtol=0.4)
    assert np.sqrt(np.square(mean).mean()) > 10 * standard_error.mean(), "a mean to speak of"
    start = np.sum(np.square(new) * 0.3**2 * 0.5 ** np.arange(4)[::-1, None], axis=(1, 2))
    assert np.mean(std[:, 0] ** 2) < 0.8 * start.mean(), "training has shrunk the start"


def test_an_ensemble_by_its_definition():
    """``E ||z^T D^{1/2} (I - eta A)^k D^{-1/2} H_0||^2`` with ``H_0 ~ N(0, diag(gamma))``."""
    nu, n_steps, alpha = {"nu_w": 0.8, "nu_f": 0.5, "nu_c": 2.0}, 7, 3.0
    model = NTKConvRegressor(**nu, alpha=alpha, n_steps=n_steps).fit(X, Y)
    rho = linear_rnn_lag_weights(N_LAGS, **nu)
    gamma = 1.0 * 0.8 ** np.arange(N_LAGS)
    centred = (X - X.mean(axis=0))[:, ::-1] * np.sqrt(rho)
    A = centred.T @ centred / N + alpha / N * np.eye(N_LAGS)
    forget = np.linalg.matrix_power(np.eye(N_LAGS) - A / np.linalg.norm(A, 2), n_steps)
    root = np.sqrt(rho)[:, None] * forget * np.sqrt(gamma / rho)
    expected = np.linalg.norm((X_NEW - X.mean(axis=0))[:, ::-1] @ root, axis=1)
    mean, std = model.predict_ensemble(X_NEW)
    assert_array_equal(mean, model.predict(X_NEW))
    assert_allclose(std, np.c_[expected, expected], rtol=1e-9)


@pytest.mark.parametrize(
    "prior",
    [
        LinearRNN(0.8, 0.5, 2.0, (0.5, 2.0, 3.0)),
        DeepLinearRNN(0.8, 0.5, 2.0),
        LeakyRNN(0.8, 0.5, 2.0, 0.7),
    ],
    ids=lambda prior: type(prior).__name__,
)
def test_an_ensemble_of_any_network_by_its_definition(prior):
    """``E ||z^T L (I - eta A)^k L^{-1} H_0||^2`` with ``H_0 ~ N(0, gamma)``."""
    n_steps, alpha = 7, 3.0
    model = NTKConvRegressor(prior=prior, alpha=alpha, n_steps=n_steps).fit(X, Y)
    K, gamma = (
        np.diag(each) if each.ndim == 1 else each
        for each in (prior.covariance(N_LAGS), prior.initial_covariance(N_LAGS))
    )
    z = (X - X.mean(axis=0))[:, ::-1]
    L = np.linalg.cholesky(K)
    A = L.T @ z.T @ z @ L / N + alpha / N * np.eye(N_LAGS)
    forget = np.linalg.matrix_power(np.eye(N_LAGS) - A / np.linalg.norm(A, 2), n_steps)
    root = L @ forget @ np.linalg.solve(L, np.linalg.cholesky(gamma))
    expected = np.linalg.norm((X_NEW - X.mean(axis=0))[:, ::-1] @ root, axis=1)
    assert_allclose(model.predict_ensemble(X_NEW)[1], np.c_[expected, expected], rtol=1e-7)


def test_a_fully_trained_ensemble_agrees_where_the_data_speak():
    trained = NTKConvRegressor(alpha=0.0).fit(X, Y)
    assert trained.predict_ensemble(X_NEW)[1].max() < 1e-6
    few = NTKConvRegressor(alpha=0.0).fit(X[:4], Y[:4])
    mean, std = few.predict_ensemble(X[:4])
    assert_allclose(mean, Y[:4], atol=1e-9)
    assert std.max() < 1e-6
    assert few.predict_ensemble(X_NEW)[1].min() > 1e-3


# -- The whole path of training -----------------------------------------------------------


@pytest.mark.parametrize("prior", ["linear_rnn", "tc"])
@pytest.mark.parametrize("alpha", [0.0, 2.0])
@pytest.mark.parametrize("learning_rate", ["auto", 0.05])
def test_stages_are_refits(prior, alpha, learning_rate):
    stages = [1, 2, 10, 500]
    options = {"prior": prior, "alpha": alpha, "learning_rate": learning_rate}
    model = NTKConvRegressor(**options).fit(X, Y)
    responses = model.staged_impulse_response(stages)
    assert responses.shape == (4, 2, 1, N_LAGS)
    predictions = list(model.staged_predict(X_NEW, stages))
    for stage, response, prediction in zip(stages, responses, predictions, strict=True):
        refit = NTKConvRegressor(**options, n_steps=stage).fit(X, Y)
        assert_allclose(response, refit.impulse_response_, rtol=1e-9, atol=1e-11)
        assert_allclose(prediction, refit.predict(X_NEW), rtol=1e-9, atol=1e-11)


def test_stages_of_recordings_have_the_form_of_the_predictions():
    draw = np.random.default_rng(3)
    recordings = [draw.normal(size=(length, 2)) for length in (9, 14)]
    targets = [part[:, 0] for part in recordings]
    model = NTKConvRegressor(n_lags=3).fit(recordings, targets)
    for stage, prediction in zip([1, 8], model.staged_predict(recordings, [1, 8]), strict=True):
        refit = NTKConvRegressor(n_lags=3, n_steps=stage).fit(recordings, targets)
        for found, expected in zip(prediction, refit.predict(recordings), strict=True):
            assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_the_default_stages_are_powers_of_two():
    model = NTKConvRegressor(alpha=1.0).fit(X, Y)
    responses = model.staged_impulse_response()
    assert len(responses) == len(list(model.staged_predict(X))) == 21
    expected = model.staged_impulse_response([1, 2, 4])
    assert_allclose(responses[:3], expected)
    assert_allclose(responses[-1], model.impulse_response_, rtol=1e-6)


def noisy_task(seed):
    """Return windows with a weak response, so that it pays to stop early."""
    draw = np.random.default_rng(seed)
    windows = draw.normal(size=(60, 25)) * np.linspace(0.2, 2.0, 25)
    return windows, windows[:, -1] - 0.5 * windows[:, -3] + 3.0 * draw.normal(size=60)


def gcv_error(windows, target, n_steps, **options):
    """Return the error of generalised cross-validation by the trace of the hat matrix."""
    model = NTKConvRegressor(n_steps=n_steps, **options).fit(windows, target)
    columns = NTKConvRegressor(n_steps=n_steps, **options).fit(windows, np.eye(len(target)))
    freedom = np.trace(columns.predict(windows))
    residual = np.square(target - model.predict(windows)).sum()
    return residual / (1 - freedom / len(target)) ** 2


def loo_error(windows, target, n_steps, **options):
    columns = NTKConvRegressor(n_steps=n_steps, **options).fit(windows, np.eye(len(target)))
    hat = columns.predict(windows)
    return np.square((target - hat @ target) / (1 - hat.diagonal())).sum()


def validation_error(windows, target, n_steps, **options):
    model = NTKConvRegressor(n_steps=n_steps, **options).fit(windows[:-6], target[:-6])
    return mean_squared_error(target[-6:], model.predict(windows[-6:]))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("n_steps", "error"),
    [("gcv", gcv_error), ("loo", loo_error), ("validation", validation_error)],
)
def test_the_number_of_iterations_has_the_least_expected_error(n_steps, error, seed, alpha):
    windows, target = noisy_task(seed)
    options = {"nu_w": 0.9, "alpha": alpha}
    model = NTKConvRegressor(n_steps=n_steps, **options).fit(windows, target)
    least = error(windows, target, model.n_steps_, **options)
    grid = np.unique(np.geomspace(1, 2**20, 24).astype(int))
    near = [model.n_steps_ + step for step in (-2, -1, 1, 2) if model.n_steps_ + step > 0]
    others = [error(windows, target, int(number), **options) for number in (*near, *grid)]
    assert least <= min(others) * (1 + 1e-9)
    assert max(others) > 1.05 * least, "it matters when to stop"
    same = NTKConvRegressor(n_steps=model.n_steps_, **options).fit(windows, target)
    assert_allclose(model.impulse_response_, same.impulse_response_, rtol=1e-10)


def test_validation_is_on_the_last_observed_time_steps():
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(200, 1)), draw.normal(size=200)
    target[50::3] = np.nan
    target[180:] = np.nan
    observed = np.flatnonzero(~np.isnan(target))
    held_out = observed[-int(np.ceil(0.25 * len(observed))) :]
    early = target.copy()
    early[held_out] = np.nan
    options = {"rows": "timesteps", "n_lags": 12, "alpha": 0.0}
    model = NTKConvRegressor(n_steps="validation", validation_fraction=0.25, **options)
    model.fit(x, target)

    def error(number):
        fit = NTKConvRegressor(n_steps=int(number), **options).fit(x, early)
        return mean_squared_error(target[held_out], fit.predict(x)[held_out])

    others = [error(number) for number in np.unique(np.geomspace(1, 2**20, 40).astype(int))]
    assert error(model.n_steps_) <= min(others) * (1 + 1e-9)


# -- "auto" -------------------------------------------------------------------------------


def make_recording(seed=0, n=400, n_channels=1, n_outputs=1):
    draw = np.random.default_rng(seed)
    H = draw.normal(size=(n_outputs, n_channels, 6)) * 0.6 ** np.arange(6)
    x = draw.normal(size=(n, n_channels))
    clean = sum(np.pad(x, ((j, 0), (0, 0)))[:n] @ H[:, :, j].T for j in range(6))
    return x, clean + 0.5 * draw.normal(size=(n, n_outputs)), H


AUTO = {"nu_w": "auto", "alpha": "auto", "n_lags": "auto"}
x1, y1, _ = make_recording()
x2, y2, _ = make_recording(n_channels=2, n_outputs=3)
windows_of = np.lib.stride_tricks.sliding_window_view
FORMS = {
    "windows": (windows_of(x1[:, 0], 15), y1[14:, 0], {}),
    "windows, two channels, three outputs": (
        windows_of(x2, 15, axis=0).swapaxes(1, 2),
        y2[14:],
        {},
    ),
    "timesteps": (x1, y1[:, 0], {"rows": "timesteps"}),
    "timesteps, two channels, three outputs": (x2, y2, {"rows": "timesteps"}),
    "panel": (x2.reshape(8, 50, 2), y2.reshape(8, 50, 3), {}),
    "list": (list(np.split(x2, [90, 130, 300])), list(np.split(y2, [90, 130, 300])), {}),
}


def at_random_points(model, seed, n_points=10):
    """Return evidences of hyperparameters around those that were found."""
    draw = np.random.default_rng(seed)
    for _ in range(n_points):
        alpha = model.alpha_ * np.exp(draw.normal())
        nu_w = np.exp(-np.exp(np.log(-np.log(model.nu_w_)) + draw.normal()))
        yield model.log_marginal_likelihood(alpha=alpha, nu_w=nu_w)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("prior", ["linear_rnn", "dc"])
def test_auto_finds_the_highest_evidence(form, prior):
    inputs, target, options = FORMS[form]
    model = NTKConvRegressor(**AUTO, prior=prior, **options).fit(inputs, target)
    found = model.log_marginal_likelihood()
    assert found >= max(at_random_points(model, 0)) - 1e-6
    outputs, channels, n_lags = model.impulse_response_.shape
    assert 3 <= n_lags <= 15
    assert model.lag_weights_.shape == (n_lags,)
    assert model.impulse_response_std_.shape == (outputs, channels, n_lags)
    assert model.noise_variance_.shape == model.intercept_.shape == (outputs,)
    assert_allclose(model.noise_variance_, 0.25, rtol=0.3)
    fixed = NTKConvRegressor(
        model.nu_w_, alpha=model.alpha_, n_lags=n_lags, prior=prior, **options
    ).fit(inputs, target)
    assert_allclose(fixed.impulse_response_, model.impulse_response_, rtol=1e-8, atol=1e-10)
    for number in range(1, 16):
        other = fixed.set_params(n_lags=number).fit(inputs, target).log_marginal_likelihood()
        assert other < found + 1e-3
        assert number >= n_lags or other < found, "fewer lags would do"


@pytest.mark.parametrize("name", ["nu_w", "alpha", "correlation", "nu_f"])
def test_each_hyperparameter_alone_may_be_auto(name):
    options = {"nu_c": 0.01, name: "auto"}
    if name == "correlation":
        options["prior"] = "dc"
    model = NTKConvRegressor(**options).fit(FORMS["windows"][0], y1[14:, 0])
    best = model.log_marginal_likelihood()
    value = getattr(model, f"{name}_")
    for other in (0.98 * value, 1.02 * value):
        if name != "correlation" or other < 1:
            assert model.log_marginal_likelihood(**{name: other}) < best
    others = {"nu_w": 0.5, "alpha": 1.0, "nu_f": 1.0, "nu_c": 0.01}
    for other in set(others) - {name}:
        if hasattr(model, f"{other}_"):
            assert_allclose(getattr(model, f"{other}_"), others[other], rtol=1e-12)


def test_the_noise_variance_at_the_highest_evidence_is_the_one_that_maximises_it():
    inputs, target, _ = FORMS["windows"]
    model = NTKConvRegressor("auto", alpha="auto").fit(inputs, target)
    centred = target - target.mean()
    fitted = model.predict(inputs) - target.mean()
    expected = centred @ (centred - fitted) / (len(target) - 1)
    assert_allclose(model.noise_variance_, expected, rtol=1e-4)


def test_auto_recovers_the_prior_that_the_data_were_drawn_from():
    found = []
    for seed in range(20):
        windows, noisy, _ = draw_from_the_prior(seed, n=1000, n_lags=20, alpha=0.1, nu_w=0.7)
        model = NTKConvRegressor("auto", alpha="auto").fit(windows, noisy)
        found.append([model.nu_w_, np.log(model.alpha_), np.log(model.noise_variance_[0])])
    nu_w, log_alpha, log_noise = np.mean(found, axis=0)
    assert abs(nu_w - 0.7) < 0.08
    assert abs(log_alpha - np.log(0.1)) < 0.5
    assert abs(log_noise) < 0.05


def narrow_band_failure(seed):
    """Return an input of one pitch, and an output that has the same pitch by chance alone."""
    draw = np.random.default_rng(seed)

    def resonance():
        noise, state = draw.normal(size=700), np.zeros(702)
        for t in range(700):
            state[t + 2] = 1.97 * state[t + 1] - 0.985 * state[t] + noise[t]
        return state[-600:]

    return resonance()[:, None], resonance()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_that_is_not_white_is_not_learned(seed):
    x, target = narrow_band_failure(seed)
    model = NTKConvRegressor(**{**AUTO, "n_lags": 40}, rows="timesteps")
    with pytest.warns(UserWarning, match=r"later parts .* worse than by their mean .*noise is not"):
        model.fit(x, target)
    assert model.alpha_ == np.inf
    assert_array_equal(model.impulse_response_, 0.0)
    mean, std = model.predict(x, return_std=True)
    assert_allclose(mean, target.mean(), rtol=1e-12)
    # Of such noise the mean is less certain than of white noise, and so is its variance.
    seen = SerialNoise.of([target - target.mean()])
    noise = HiddenNoise.behind(seen, [600], 1)
    variance = 600 * target.var() / (600 - noise.inflation) * (1 + noise.inflation / 600)
    assert noise.inflation > 1
    assert noise.n_independent < 100
    variance /= 1 - 2 / noise.n_independent
    assert_allclose(std, np.sqrt(variance), rtol=1e-6)
    assert_array_equal(model.impulse_response_std_, 0.0)
    assert_allclose(model.effective_degrees_of_freedom_, 1.0)


# -- Odd data -----------------------------------------------------------------------------

time = np.arange(200.0)
trend = windows_of(time, 12)
noise = np.random.default_rng(7).normal(size=200)
ODD = {
    "constant y": (X, np.full(N, 7.0)),
    "zero y": (X, np.zeros(N)),
    "constant X": (np.full_like(X, -3.0), Y[:, 0]),
    "duplicated lags": (np.repeat(X, 2, axis=1), Y[:, 0]),
    "trend": (trend, time[11:] + noise[11:]),
    "exact trend": (trend, time[11:]),
    "y with a mean of 1e6": (X, Y + 1e6),
    "X with a mean of 1e6": (X + 1e6, Y),
    "a newest lag that is constant": (X * (np.arange(X.shape[1]) < X.shape[1] - 1), Y),
    "no noise": (X, X[:, -1] - X[:, -2]),
    "an output that is constant": (X, np.c_[Y[:, 0], np.ones(N)]),
    "fewer windows than lags": (X[:5], Y[:5]),
    "two windows": (X[:2], Y[:2]),
}
MODES = {
    "auto": AUTO,
    "auto tc": {**AUTO, "prior": "tc"},
    "auto ss": {**AUTO, "prior": "ss"},
    "auto dc": {**AUTO, "prior": "dc", "correlation": "auto"},
    "auto lru": {"alpha": "auto", "prior": LRU(r_max="auto", max_phase="auto")},
    "auto s4d": {"alpha": "auto", "prior": S4DLegS("auto", "auto", n_states=8)},
    "auto lags": {"n_lags": "auto"},
    "growing": {"nu_w": 1.3, "alpha": 1e-3},
    "gcv": {"n_steps": "gcv", "alpha": 0.0},
    "loo": {"n_steps": "loo", "alpha": 0.0},
    "validation": {"n_steps": "validation", "alpha": 0.0},
    "cg": {"solver": "cg"},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.filterwarnings("ignore:The search for the highest evidence did not converge")
@pytest.mark.filterwarnings("ignore:The highest evidence is that of")
def test_odd_data_give_finite_answers(mode, odd):
    inputs, target = ODD[odd]
    nothing_varies = "constant y" in odd or "zero y" in odd or "constant X" in odd
    seeks_alpha = MODES[mode].get("alpha") == "auto"
    warned = pytest.warns(UserWarning, match="X or y does not vary")
    with warned if nothing_varies and seeks_alpha else nullcontext():
        model = NTKConvRegressor(**MODES[mode]).fit(inputs, target)
    parts = [model.impulse_response_, model.intercept_, model.lag_weights_, model.predict(inputs)]
    if mode != "cg":
        parts += [model.noise_variance_, model.effective_degrees_of_freedom_]
    if mode.startswith(("auto", "growing")):
        parts += [*model.predict(inputs, return_std=True), model.impulse_response_std_]
    for part in parts:
        assert np.isfinite(part).all()
    if nothing_varies:
        assert_array_equal(model.impulse_response_, 0.0)
        assert_allclose(model.predict(inputs), np.mean(target), rtol=1e-12)


def test_where_nothing_is_learned_all_that_is_asked_is_finite():
    with pytest.warns(UserWarning, match="X or y does not vary"):
        model = NTKConvRegressor(**AUTO).fit(X, np.full(N, 7.0))
    assert np.isinf(model.alpha_)
    assert_array_equal(model.staged_impulse_response([1, 100]), 0.0)
    assert_allclose(next(model.staged_predict(X, [3])), 7.0)
    mean, std = model.predict_ensemble(X)
    assert_allclose(mean, 7.0)
    assert np.isfinite(std).all()


@pytest.mark.parametrize("learning_rate", ["auto", 0.1])
@pytest.mark.parametrize("n_steps", [1, 100, "gcv", "loo", "validation"])
def test_no_iterations_learn_from_noise_what_the_evidence_does_not(n_steps, learning_rate):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    assert np.isinf(NTKConvRegressor(alpha="auto").fit(x, y).alpha_)
    model = NTKConvRegressor(alpha="auto", n_steps=n_steps, learning_rate=learning_rate).fit(x, y)
    assert_array_equal(model.impulse_response_, 0.0)
    assert_allclose(model.predict(x), y.mean())


def test_a_fitted_model_keeps_its_prior_when_the_array_changes():
    prior = np.ones(N_LAGS)
    model = NTKConvRegressor(prior=prior).fit(X, Y)
    before = model.log_marginal_likelihood()
    prior[:] = 100.0
    assert_array_equal(model.lag_weights_, 1.0)
    assert model.log_marginal_likelihood() == before


@pytest.mark.parametrize("mode", ["auto", "auto tc", "gcv", "loo", "validation"])
def test_level_and_unit_of_the_targets_do_not_matter(mode):
    one = NTKConvRegressor(**MODES[mode]).fit(X, Y)
    other = NTKConvRegressor(**MODES[mode]).fit(X, 1e6 + 100.0 * Y)
    assert one.n_steps_ == other.n_steps_
    assert_allclose(other.predict(X), 1e6 + 100.0 * one.predict(X), rtol=1e-8)
    if mode.startswith("auto"):
        assert_allclose(other.nu_w_, one.nu_w_, rtol=1e-2)
        found, expected = (each.impulse_response_std_ for each in (other, one))
        assert_allclose(found, 100.0 * expected, rtol=1e-2)


def test_a_duplicated_channel_shares_its_response():
    model = NTKConvRegressor(0.7, alpha="auto", prior="tc").fit(X, Y)
    twice = NTKConvRegressor(0.7, alpha="auto", prior="tc", n_channels=2)
    twice.fit(np.repeat(X, 2, axis=1), Y)
    assert_allclose(twice.alpha_, 2 * model.alpha_, rtol=1e-3)
    assert_allclose(2 * twice.impulse_response_[:, 1], model.impulse_response_[:, 0], rtol=1e-3)


# -- An estimator like any other ----------------------------------------------------------

MODELS = {
    "auto": NTKConvRegressor(**AUTO),
    "tc": NTKConvRegressor(prior="tc"),
    "a matrix": NTKConvRegressor(prior=np.eye(N_LAGS) + 0.5, alpha="auto"),
    "steps": NTKConvRegressor(n_steps="loo"),
    "cg": NTKConvRegressor(solver="cg"),
}


def through_joblib(model):
    stream = io.BytesIO()
    joblib.dump(model, stream)
    stream.seek(0)
    return joblib.load(stream)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), through_joblib],
    ids=["deepcopy", "pickle", "joblib"],
)
def test_copies_are_the_same_model(name, copied):
    model = clone(MODELS[name]).fit(X, Y)
    again = copied(model)
    assert_array_equal(again.predict(X_NEW), model.predict(X_NEW))
    if name not in ("steps", "cg"):
        found, expected = (each.predict(X_NEW, return_std=True)[1] for each in (again, model))
        assert_array_equal(found, expected)
        assert again.log_marginal_likelihood() == model.log_marginal_likelihood()
    refit = clone(again).fit(X, Y)
    assert_array_equal(refit.impulse_response_, model.impulse_response_)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "cg"])
def test_float32_is_the_type_of_all_that_is_fitted(name):
    double, single = clone(MODELS[name]).fit(X, Y), clone(MODELS[name])
    single.set_params(dtype="float32").fit(X, Y)
    for attribute in ("impulse_response_", "intercept_", "noise_variance_"):
        found, expected = (getattr(each, attribute) for each in (single, double))
        assert found.dtype == np.float32
        assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    if name != "steps":
        std = single.predict(X_NEW.astype(np.float32), return_std=True)[1]
        assert std.dtype == np.float32
        assert_allclose(std, double.predict(X_NEW, return_std=True)[1], rtol=1e-5)
    assert single.staged_impulse_response([3]).dtype == np.float32


def test_a_refit_forgets_hyperparameters_that_its_prior_lacks():
    model = NTKConvRegressor(**AUTO, prior="dc", correlation="auto").fit(*FORMS["windows"][:2])
    assert {"nu_w_", "correlation_"} <= set(vars(model))
    assert "nu_f_" not in vars(model)
    model.set_params(prior="flat").fit(X, Y)
    assert not {"nu_w_", "nu_f_", "nu_c_", "correlation_"} & set(vars(model))
    model.set_params(prior="linear_rnn").fit(X, Y)
    assert {"nu_w_", "nu_f_", "nu_c_"} <= set(vars(model))
    assert "correlation_" not in vars(model)


def test_parameters_stay_as_they_were_given():
    model = NTKConvRegressor(**AUTO, n_steps="gcv").fit(X, Y)
    for name, value in {**AUTO, "n_steps": "gcv"}.items():
        assert getattr(model, name) == value
    assert isinstance(model.alpha_, float)
    assert isinstance(model.nu_w_, float)
    assert isinstance(model.n_steps_, int)


# -- Conjugate gradients ------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "options",
    [{"nu_w": 0.9}, {"nu_w": 1.1}, {"prior": "flat"}, {"nu_w": 0.9, "fit_intercept": False}],
    ids=["0.9", "1.1", "flat", "without intercept"],
)
def test_conjugate_gradients_are_the_direct_solution(form, weighted, options):
    inputs, target, more = FORMS[form]
    weights = np.random.default_rng(1).uniform(0.1, 2.0, len(inputs)) if weighted else None
    options = {**options, **more, "n_lags": 14, "alpha": 0.5}
    direct = NTKConvRegressor(**options, solver="direct").fit(inputs, target, weights)
    iterated = NTKConvRegressor(**options, solver="cg").fit(inputs, target, weights)
    for name in ("impulse_response_", "intercept_"):
        expected = getattr(direct, name)
        assert_allclose(getattr(iterated, name), expected, rtol=1e-8, atol=1e-8)
    assert iterated.alpha_ == pytest.approx(direct.alpha_)
    assert_allclose(iterated.lag_weights_, direct.lag_weights_)


def test_conjugate_gradients_leave_out_time_steps_that_were_not_observed():
    target = np.where(np.random.default_rng(1).uniform(size=y2.shape[0]) < 0.4, np.nan, y2[:, 0])
    options = {"nu_w": 0.9, "rows": "timesteps", "n_lags": 30}
    ids = np.repeat([0, 1, 2, 3], 100)
    one, other = (
        NTKConvRegressor(**options, solver=solver).fit(x2, target, sequence_id=ids)
        for solver in ("direct", "cg")
    )
    assert_allclose(other.impulse_response_, one.impulse_response_, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    "options",
    [{"nu_w": 0.0}, {"nu_w": 0.3}, {"prior": np.r_[np.ones(5), np.zeros(115)]}],
    ids=["no memory", "short memory", "zeros"],
)
def test_conjugate_gradients_do_without_lags_that_cannot_matter(options):
    windows = np.random.default_rng(2).normal(size=(150, 120))
    target = windows[:, -1] + 0.5 * windows[:, -2]
    one, other = (
        NTKConvRegressor(**options, solver=solver).fit(windows, target)
        for solver in ("direct", "cg")
    )
    assert other.impulse_response_.shape == (1, 1, 120)
    assert_allclose(other.impulse_response_, one.impulse_response_, rtol=0, atol=1e-8)
    assert_allclose(other.intercept_, one.intercept_, rtol=0, atol=1e-8)


def test_without_a_penalty_conjugate_gradients_are_of_least_norm():
    few = X[:5], Y[:5]
    one, other = (
        NTKConvRegressor(alpha=0.0, solver=solver).fit(*few) for solver in ("direct", "cg")
    )
    assert_allclose(other.impulse_response_, one.impulse_response_, rtol=0, atol=1e-8)
    assert_allclose(other.predict(few[0]), few[1], atol=1e-8)


def many_lags(n_lags):
    draw = np.random.default_rng(3)
    return draw.normal(size=(25, n_lags)), draw.normal(size=25)


@pytest.mark.parametrize("nu_w", [0.5, 0.99])
def test_more_than_4096_coefficients_are_iterated(nu_w):
    """The residual is 1e-10, and the condition of the problem at 0.99 is 1.6e4."""
    windows, target = many_lags(4097)
    model = NTKConvRegressor(nu_w, fit_intercept=False).fit(windows, target)
    ridge = KernelRidge(alpha=1.0, kernel="precomputed")
    ridge.fit(kernel_matrix("linear_rnn", windows, nu_w=nu_w), target)
    new = np.random.default_rng(4).normal(size=(6, 4097))
    expected = ridge.predict(kernel_matrix("linear_rnn", new, windows, nu_w=nu_w))
    assert_allclose(model.predict(new), expected, rtol=0, atol=1.6e-6)
    assert model.n_steps_ is None


@pytest.mark.parametrize(
    ("what", "ask"),
    [
        ("The posterior", lambda model: model.predict(X, return_std=True)),
        ("The posterior", lambda model: model.impulse_response_std_),
        ("predict_ensemble", lambda model: model.predict_ensemble(X)),
        ("staged_impulse_response", lambda model: model.staged_impulse_response()),
        ("staged", lambda model: next(model.staged_predict(X))),
        ("log_marginal_likelihood", lambda model: model.log_marginal_likelihood()),
        ("noise_variance_", lambda model: model.noise_variance_),
        ("effective_degrees_of_freedom_", lambda model: model.effective_degrees_of_freedom_),
    ],
)
def test_what_needs_the_spectrum_says_so(what, ask):
    model = NTKConvRegressor(solver="cg").fit(X, Y)
    with pytest.raises(ValueError, match=rf"{what}.* needs the spectrum .*n_lags=8"):
        ask(model)


@pytest.mark.parametrize(
    "options",
    [{"nu_w": "auto"}, {"alpha": "auto"}, {"n_steps": 10}, {"n_steps": "gcv"}],
)
def test_many_lags_without_a_spectrum_to_choose_by(options):
    windows, target = many_lags(4097)
    (name, value), *_ = options.items()
    with pytest.raises(ValueError, match=rf"{name}='?{value}'?"):
        NTKConvRegressor(**options).fit(windows, target)


def test_what_the_prior_has_not_is_not_chosen():
    plain = NTKConvRegressor(prior="flat", solver="cg").fit(X, Y)
    model = NTKConvRegressor("auto", prior="flat", correlation="auto", solver="cg").fit(X, Y)
    assert_allclose(model.impulse_response_, plain.impulse_response_, rtol=1e-12)


def test_lags_are_counted_with_their_channels():
    windows, target = many_lags(4098)
    options = {"nu_w": 0.99, "n_channels": 2}
    model = NTKConvRegressor(n_lags=2049, **options).fit(windows, target)
    with pytest.raises(ValueError, match=r"needs the spectrum .*n_lags=2049, n_channels=2"):
        model.log_marginal_likelihood()


every_model_in_float32 = pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor(dtype="float32"),
        NTKConvRegressor(dtype="float32", solver="cg"),
        NTKConvRegressorCV([0.5], dtype="float32"),
    ],
    ids=repr,
)


# -- Nothing but numbers -----------------------------------------------------------------


@pytest.mark.parametrize("constant", [3.0, 0.1, 0.0])
@pytest.mark.parametrize("n_lags", [1, 4])
@pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor(alpha=0),
        NTKConvRegressor(alpha=0, solver="cg"),
        NTKConvRegressor(alpha=0, n_steps="gcv"),
        NTKConvRegressorCV([0.5], alphas=[0.0, 1.0], cv=3),
        NTKConvRegressorCV([0.5], alphas=[0.0, 1.0], cv="gcv"),
    ],
    ids=repr,
)
def test_constant_inputs_have_no_response(model, n_lags, constant):
    targets = np.random.default_rng(0).normal(size=20)
    model = clone(model).fit(np.full((20, n_lags), constant), targets)
    assert_array_equal(model.impulse_response_, 0.0)
    assert_allclose(model.intercept_, targets.mean())


def test_a_constant_input_beside_others_has_no_response():
    beside = np.column_stack([X[:, :3], np.full(N, 0.1)])
    found = NTKConvRegressor(alpha=0).fit(beside, Y)
    expected = LinearRegression().fit(X[:, :3], Y)
    assert_array_equal(found.impulse_response_[:, 0, 0], 0.0)
    assert_allclose(found.impulse_response_[:, 0, :0:-1], expected.coef_, rtol=1e-9)


@pytest.mark.parametrize("alpha", ["auto", 1.0, 0.0])
@pytest.mark.parametrize(
    ("x_unit", "y_unit"), [(1e155, 1.0), (1.0, 1e155), (1e-160, 1.0), (1.0, 1e-160)]
)
def test_what_leaves_the_range_of_float64_is_an_error(alpha, x_unit, y_unit):
    with pytest.raises(ValueError, match=r"X, y or sample_weight is too (large|small)"):
        NTKConvRegressor(alpha=alpha).fit(X * x_unit, Y * y_unit)


@pytest.mark.parametrize("unit", [1e39, 1e80])
@pytest.mark.parametrize("shift", [0.0, 1.0])
@every_model_in_float32
def test_float32_holds_what_is_learned_or_that_is_an_error(model, unit, shift):
    """A response or an intercept may be too large for it."""
    with pytest.raises(ValueError, match="dtype='float32' cannot hold"):
        clone(model).fit(X, unit * (Y[:, 0] if shift == 0 else shift + 1e-9 * Y[:, 0]))


@pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor(alpha="auto"),
        NTKConvRegressor(n_steps="gcv"),
        NTKConvRegressorCV([0.5], cv="evidence"),
        NTKConvRegressorCV([0.5], cv="gcv"),
    ],
    ids=repr,
)
def test_weights_that_are_no_numbers_of_rows_are_an_error(model):
    shares = np.full(N, 1.0 / N)
    with pytest.raises(ValueError, match=r"sample_weight as numbers of rows, .* sum to 0.9"):
        clone(model).fit(X, Y, sample_weight=0.9 * shares)
    fitted = NTKConvRegressor().fit(X, Y, sample_weight=shares)
    with pytest.raises(ValueError, match="evidence takes sample_weight as numbers of rows"):
        fitted.log_marginal_likelihood()


UNITS = [(1e100, 1e-100), (1e-140, 1e140), (1e145, 1e-145), (1e-70, 1e70)]


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nu_w": "auto"},
        {"prior": "tc", "nu_w": "auto"},
        {"prior": "dc", "nu_w": "auto", "correlation": "auto"},
        {"n_lags": "auto"},
    ],
    ids=str,
)
@pytest.mark.parametrize("units", UNITS, ids=str)
def test_the_highest_evidence_does_not_depend_on_units(units, options, fit_intercept):
    model = NTKConvRegressor(alpha="auto", fit_intercept=fit_intercept, **options)
    expected = model.fit(X, Y).predict(X)
    x_unit, y_unit = units
    found = model.fit(x_unit * X, y_unit * Y).predict(x_unit * X) / y_unit
    assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("prior", ["linear_rnn", "tc", "dc"])
def test_the_evidence_of_very_many_rows_is_in_range(prior):
    """All data repeated so often that next to nothing is left to the prior."""
    model = NTKConvRegressor(prior=prior, alpha="auto", nu_w="auto")
    model.fit(X, Y, sample_weight=np.full(N, 1e200))
    expected = LinearRegression().fit(X, Y).predict(X)
    assert_allclose(model.predict(X), expected, rtol=1e-6, atol=1e-6)


# -- Far from zero, without an intercept -------------------------------------------------


def far_from_zero(offset, n_channels=1):
    rng = np.random.default_rng(3)
    x = offset + rng.normal(size=(200, 5 * n_channels))
    return x, x @ rng.normal(size=(5 * n_channels, 2)) + 0.5 * rng.normal(size=(200, 2))


def least_squares(x, y, variances, alpha):
    """Return coefficients of rows that nothing was squared of."""
    rows = np.vstack([x, np.diag(np.sqrt(alpha / variances))])
    return np.linalg.lstsq(rows, np.vstack([y, np.zeros((len(rows) - len(y), 2))]))[0]


WITHOUT_INTERCEPT = [
    NTKConvRegressor(alpha=0.0),
    NTKConvRegressor(alpha=1.0),
    NTKConvRegressor(alpha=1e-9),
    NTKConvRegressor(alpha=1.0, solver="cg"),
    NTKConvRegressor(alpha="auto"),
    NTKConvRegressor(alpha="auto", nu_w="auto"),
    NTKConvRegressor(alpha="auto", n_lags="auto"),
    NTKConvRegressorCV([0.5, 0.9]),
    NTKConvRegressorCV([0.5, 0.9], cv="loo"),
    NTKConvRegressorCV([0.5, 0.9], cv="gcv"),
    NTKConvRegressorCV([0.5, 0.9], cv="evidence"),
]


@pytest.mark.parametrize("offset", [0.0, 10.0, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("model", WITHOUT_INTERCEPT, ids=repr)
def test_a_model_without_intercept_keeps_its_digits_far_from_zero(model, offset):
    x, y = far_from_zero(offset)
    model = clone(model).set_params(fit_intercept=False).fit(x, y)
    expected = least_squares(x, y, model.lag_weights_[::-1], model.alpha_)
    atol = 1e-10 + 1e-15 * offset
    assert_allclose(model.impulse_response_[:, 0, ::-1].T, expected, rtol=0, atol=atol)
    assert_allclose(model.intercept_, 0.0)
    if getattr(model, "solver", "") != "cg":
        residual = np.square(y - x @ expected).sum(axis=0)
        left = len(x) - model.effective_degrees_of_freedom_
        assert_allclose(model.noise_variance_, residual / left, rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"prior": "tc"}, {"prior": "dc", "correlation": 0.3}])
@pytest.mark.parametrize("offset", [10.0, 1e3, 1e5])
def test_posterior_and_evidence_without_intercept_are_those_of_the_rows(options, offset):
    """By dense formulas, in coordinates in which no direction is larger than another."""
    x, y = far_from_zero(offset)
    x, y = x[:60], y[:60, :1]
    model = NTKConvRegressor(alpha=0.3, fit_intercept=False, **options).fit(x, y)
    P = dense_prior(model)
    far = offset + np.random.default_rng(4).normal(size=(4, 5))
    basis = np.linalg.svd(x)[2].T
    basis = basis @ np.diag(1.0 / np.linalg.norm(x @ basis, axis=0))
    z, root = x @ basis, np.linalg.solve(basis, np.linalg.cholesky(P))
    precision = z.T @ z / 0.3 + np.linalg.inv(root @ root.T)
    new = far @ basis
    variance = np.linalg.solve(precision, new.T).T @ new.T / 0.3
    _, std = model.predict(far, return_std=True, include_noise=False)
    noise = model.noise_variance_[0]
    assert_allclose(std[:, 0], np.sqrt(np.diag(variance) * noise), rtol=1e-6)
    response = np.linalg.solve(precision, z.T @ y / 0.3)
    fit = np.square(y - z @ response).sum()
    fit += 0.3 * (response.T @ np.linalg.solve(root @ root.T, response)).item()
    volume = np.linalg.slogdet(precision)[1] + np.linalg.slogdet(root @ root.T)[1]
    expected = -0.5 * (60 * (np.log(2 * np.pi * fit / 60) + 1) + volume)
    assert_allclose(model.log_marginal_likelihood(), expected, rtol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e2, 1e4, 1e6])
def test_iterations_without_penalty_or_intercept_are_near_or_warn(offset):
    x, y = far_from_zero(offset)
    model = NTKConvRegressor(alpha=0.0, fit_intercept=False)
    expected = model.fit(x, y).impulse_response_
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = clone(model).set_params(solver="cg").fit(x, y).impulse_response_
    assert [each.category for each in caught] == [ConvergenceWarning] * (offset > 1e3)
    if not caught:
        assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("offset", [0.0, 3.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor(n_steps=1000),
        WeightedConv1DRegressor(max_iter=1000),
        WeightedConv1DRegressor(max_iter=1000, momentum=0.5),
        WeightedConv1DRegressor(max_iter=1000, tol=1e-3),
        LinearRNNRegressor(12, max_iter=1000, random_state=0),
    ],
    ids=repr,
)
def test_descent_without_intercept_says_where_it_has_learned_the_mean_alone(model, offset):
    x, y = far_from_zero(offset)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = clone(model).set_params(fit_intercept=False).fit(x, y)
    said = [str(each.message) for each in caught if "inputs are far from zero" in str(each.message)]
    assert len(said) == (offset > 10)
    clone(model).fit(x, y)  # with an intercept the mean is no matter
    if offset > 10:
        unlearned = np.square(y - found.predict(x)).mean(axis=0)
        noise = np.square(y - NTKConvRegressor(alpha=0).fit(x, y).predict(x)).mean(axis=0)
        assert (unlearned > 2 * noise).all()


@pytest.mark.parametrize(
    "model",
    [
        NTKConvRegressor(n_steps="gcv"),
        NTKConvRegressorCV([0.5], cv="gcv"),
        NTKConvRegressorCV([0.5], cv="evidence"),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:No candidate has a score that is a number")
def test_a_single_row_is_its_mean(model):
    assert_allclose(clone(model).fit(X[:1], Y[:1]).predict(X), np.repeat(Y[:1], N, axis=0))


# -- What is asked of a fit --------------------------------------------------------------

FITTED = [
    NTKConvRegressor(),
    WeightedConv1DRegressor(max_iter=3),
    LinearRNNRegressor(8, max_iter=3, random_state=0),
]


@pytest.mark.parametrize("model", FITTED, ids=repr)
@pytest.mark.parametrize("unit", [1e160, 1e-170, 1e-290])
def test_scores_have_no_unit(model, unit):
    model = clone(model).fit(X, Y)
    expected = model.score(X, Y)
    model.impulse_response_ = unit * model.impulse_response_
    model.intercept_ = unit * model.intercept_
    assert_allclose(model.score(X, unit * Y), expected, rtol=1e-9)


@pytest.mark.parametrize("model", FITTED, ids=repr)
def test_predictions_that_overflow_are_an_error(model):
    model = clone(model).fit(X, Y)
    signs = np.sign(model.impulse_response_[0, 0, ::-1])[None]
    assert np.isfinite(model.predict(1e300 * signs)).all()
    model.impulse_response_ = 1e9 * model.impulse_response_
    for ask in (model.predict, lambda z: model.score(z, Y[:1])):
        with pytest.raises(ValueError, match="X is too large: what is predicted from it overflows"):
            ask(1e300 * signs)
    with pytest.raises(ValueError, match="X is too large: squares of what is predicted"):
        model.score(1e200 * X, Y)


def test_priors_that_overflow_beside_x_are_an_error_in_a_search_too():
    X, y = np.random.default_rng(0).normal(size=(40, 8)), np.arange(40.0)
    for nu_w in (0.5, "auto"):
        with pytest.raises(ValueError, match="X times the lag weights leaves the range"):
            NTKConvRegressor(nu_w, nu_c=1.7e307, alpha="auto").fit(X, y)


def test_deviations_that_overflow_are_an_error():
    model = NTKConvRegressor().fit(X, Y)
    assert np.isfinite(model.predict(1e100 * X, return_std=True)[1]).all()
    with pytest.raises(ValueError, match="X is too large: what is predicted from it overflows"):
        model.predict(1e200 * X, return_std=True)


def test_kernels_that_overflow_are_an_error():
    for ask in (lambda z: kernel_matrix("tc", z), LagKernel("tc"), LagKernel("tc").diag):
        assert np.isfinite(ask(1e100 * X)).all()
        with pytest.raises(ValueError, match="X is too large: its kernel overflows"):
            ask(1e200 * X)


# -- Warnings of what nobody asked for ---------------------------------------------------


@pytest.mark.parametrize("constant", ["X", "y"])
@pytest.mark.parametrize("options", [{}, {"nu_w": "auto", "n_lags": "auto"}], ids=str)
def test_where_nothing_varies_auto_warns(constant, options):
    given = {"X": X, "y": Y[:, 0]}
    given[constant] = np.full_like(given[constant], 0.1)
    with pytest.warns(UserWarning, match=r"X or y does not vary.*nothing is learned"):
        model = NTKConvRegressor(alpha="auto", **options).fit(**given)
    assert_allclose(model.impulse_response_, 0.0)
    assert_allclose(model.predict(X), given["y"].mean())


GROWING = [
    NTKConvRegressor(1.3),
    NTKConvRegressor(1.3, solver="cg"),
    NTKConvRegressorCV([1.3]),
    WeightedConv1DRegressor(nu_w=1.3, max_iter=2),
    LinearRNNRegressor(4, nu_w=1.3, max_iter=2, random_state=0, transition_init="identity"),
]


@pytest.mark.parametrize("model", GROWING, ids=repr)
def test_a_prior_that_grows_by_decades_is_warned_of(model):
    many = np.random.default_rng(0).normal(size=(60, 80))
    with pytest.warns(UserWarning, match=r"nu_w=1.3 makes the prior grow by \d+ decades .* lag 79"):
        clone(model).fit(many, many[:, -1])


@pytest.mark.parametrize("model", GROWING, ids=repr)
def test_a_prior_that_grows_a_little_is_not(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(model).fit(X, Y[:, 0])


@pytest.mark.parametrize("value", [1.7e308, -1.7e308])
@pytest.mark.parametrize("n_timesteps", [5, 200])
def test_recordings_whose_response_overflows_are_an_error(value, n_timesteps):
    recording = np.random.default_rng(0).normal(size=(100, 1))
    model = NTKConvRegressor(n_lags=4, rows="timesteps").fit(recording, recording.cumsum())
    with pytest.raises(ValueError, match="X is too large: what is predicted from it overflows"):
        model.predict(np.full((n_timesteps, 1), value))


def test_deviations_that_overflow_are_an_error_without_noise_too():
    rng = np.random.default_rng(0)
    windows, target = rng.normal(size=(8, 3, 1)), rng.normal(size=8)
    model = NTKConvRegressor().fit(windows, target, sample_weight=np.eye(8)[0])
    windows[2, 1] = 1.7e308
    with pytest.raises(ValueError, match="X is too large"):
        model.predict(windows, return_std=True)
