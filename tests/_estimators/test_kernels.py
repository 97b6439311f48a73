"""Priors as kernels, for scikit-learn's kernel methods."""

from math import comb

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklearn_linrnn import LagKernel, LagPrior, NTKConvRegressor, kernel_matrix
from sklearn_linrnn._core.priors.catalogue import PRIORS
from sklearn_linrnn._core.priors.identification import TC
from sklearn_linrnn._core.priors.leaky_rnn import LeakyRNN
from sklearn_linrnn.priors import S4DLegS, S4DLin

rng = np.random.default_rng(0)
N_LAGS, N_CHANNELS = 5, 2
PANEL = rng.normal(size=(12, N_LAGS, N_CHANNELS))
OTHERS = rng.normal(size=(4, N_LAGS, N_CHANNELS))
X = rng.normal(size=(40, 6))
y = X @ [0.1, 0.2, 0.3, 0.5, 0.7, 1.0] + 0.3 * rng.normal(size=40)
ROOT = np.tril(rng.normal(size=(N_LAGS, N_LAGS)))
NU = {"nu_w": 0.6, "nu_f": 1.5, "nu_c": 0.7, "correlation": -0.4}


def lru_on_the_disc(j, k, nu_f, nu_c):
    """Return the kernel of poles that are uniform on the unit disc, with normalisation."""
    p, q = (j + k) / 2, j - k
    g = 1 / (p + 1) - 1 / (p + 2)
    log_g = 1 / (2 * (p + 1) ** 3) - 1 / (2 * (p + 2) ** 3)
    square = 2 / q**2 if q else (2 * np.pi) ** 2 / 3
    plain = 2 * (nu_f + nu_c + nu_f * nu_c) * g * (q == 0)
    return plain + 2 * nu_f * nu_c * j * k * (log_g * (q == 0) + g * square)


def covariance_of(name, j, k):
    """Return the prior's covariance of two lags by its formula."""
    w, f, c, r = NU.values()
    return {
        "linear_rnn": (c * (j * f * w ** (j - 1) + w**j) + f * w**j) * (j == k),
        "flat": float(j == k),
        "di": w**j * (j == k),
        "tc": w ** max(j, k),
        "dc": w ** ((j + k) / 2) * r ** abs(j - k),
        "ss": w ** (j + k + max(j, k)) / 2 - w ** (3 * max(j, k)) / 6,
        "leaky_rnn": sum(
            comb(j, p) * comb(k, p) / 2 ** (j + k + 2) * ((f + c) * w**p + p * f * c * w ** (p - 1))
            for p in range(min(j, k) + 1)
        ),
        "deep_linear_rnn": (j + 1) * ((f + c + f * c) * w**j + j * f * c * w ** (j - 1)) * (j == k),
        "torch_rnn": (j + 2) / 3 ** (j + 1) * (j == k),
        "lru": lru_on_the_disc(j, k, f, c),
        "s4d_lin": S4DLin(nu_c=c).covariance(N_LAGS)[j, k],
        "s4d_legs": S4DLegS(nu_c=c).covariance(N_LAGS)[j, k],
        "variances": (j + 1.0) * (j == k),
        "covariance": ROOT[j] @ ROOT[k],
    }[name]


ARRAYS = {"variances": np.arange(1.0, 6.0), "covariance": ROOT @ ROOT.T}
NAMES = [*PRIORS, *ARRAYS]
every_prior = pytest.mark.parametrize("name", NAMES)


def literal_sum(name, left, right):
    """Return ``sum_jk P_jk <x_{t-j}, x'_{t-k}>``, one term after another."""
    total = np.zeros((len(left), len(right)))
    for j in range(N_LAGS):
        for k in range(N_LAGS):
            P_jk = covariance_of(name, j, k)
            total += P_jk * left[:, N_LAGS - 1 - j] @ right[:, N_LAGS - 1 - k].T
    return total


@every_prior
def test_the_gram_matrix_is_its_double_sum(name):
    prior = ARRAYS.get(name, name)
    expected = literal_sum(name, PANEL, OTHERS)
    assert_allclose(kernel_matrix(prior, PANEL, OTHERS, **NU), expected, rtol=1e-9, atol=1e-12)
    flat = PANEL.reshape(12, -1), OTHERS.reshape(4, -1)
    found = kernel_matrix(prior, *flat, **NU, n_channels=N_CHANNELS)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@every_prior
def test_the_gram_matrix_of_a_sample_is_a_covariance(name):
    many = np.random.default_rng(1).normal(size=(40, N_LAGS, 1))
    gram = kernel_matrix(ARRAYS.get(name, name), many, **NU)
    assert_allclose(gram, gram.T, rtol=0, atol=1e-14 * gram.max())
    eigenvalues = np.linalg.eigvalsh(gram)
    assert eigenvalues[0] > -1e-12 * eigenvalues[-1]
    assert np.linalg.matrix_rank(gram, hermitian=True) == N_LAGS


@every_prior
@pytest.mark.parametrize("alpha", [0.1, 5.0])
def test_kernel_ridge_is_the_estimator(name, alpha):
    prior = ARRAYS.get(name, name)
    target = np.random.default_rng(2).normal(size=(12, 3))
    ridge = KernelRidge(alpha=alpha, kernel="precomputed")
    ridge.fit(kernel_matrix(prior, PANEL, **NU), target)
    model = NTKConvRegressor(**NU, prior=prior, alpha=alpha, fit_intercept=False)
    model.fit(PANEL, target)
    expected = ridge.predict(kernel_matrix(prior, OTHERS, PANEL, **NU))
    assert_allclose(model.predict(OTHERS), expected, rtol=1e-8, atol=1e-10)


def test_a_prior_may_be_an_object():
    found = kernel_matrix(TC(0.3), X, nu_w=0.9)
    assert_allclose(found, kernel_matrix("tc", X, nu_w=0.3), rtol=1e-14)
    assert isinstance(TC(0.3), LagPrior)


def test_integers_and_lists_are_windows():
    counts = np.arange(12).reshape(3, 4)
    expected = kernel_matrix("flat", counts.astype(float))
    assert_array_equal(kernel_matrix("flat", counts), expected)
    assert_array_equal(kernel_matrix("flat", counts.tolist()), expected)
    assert_allclose(expected, counts @ counts.T)


# -- LagKernel ----------------------------------------------------------------------------


@pytest.mark.parametrize("prior", [n for n, make in PRIORS.items() if hasattr(make(), "nu_w")])
def test_the_gradient_is_that_of_finite_differences(prior):
    kernel = LagKernel(prior, 0.6)
    gram, gradient = kernel(X, eval_gradient=True)
    assert_allclose(gram, kernel(X))
    assert gradient.shape == (40, 40, 1)
    step = 1e-4
    up, down = (kernel.clone_with_theta(kernel.theta + sign * step)(X) for sign in (1, -1))
    expected = (up - down) / (2 * step)
    scale = np.abs(expected).max()
    assert_allclose(gradient[:, :, 0], expected, rtol=1e-5, atol=1e-6 * scale + 1e-12)
    assert scale > 0


@pytest.mark.parametrize("prior", ["di", "tc"])
def test_the_gradient_is_the_derivative(prior):
    """Of ``nu_w^j`` with respect to ``log nu_w``: ``j nu_w^j``."""
    lag = np.arange(6)[::-1]
    power = np.diag(lag) if prior == "di" else np.maximum.outer(lag, lag)
    weight = np.diag(0.6**lag) if prior == "di" else 0.6**power
    _, gradient = LagKernel(prior, 0.6)(X, eval_gradient=True)
    assert_allclose(gradient[:, :, 0], X @ (power * weight) @ X.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("nu_w", [0.3, 0.999, 1.0])
def test_the_gradient_is_finite_at_the_ends_of_the_range(nu_w):
    _, gradient = LagKernel("linear_rnn", nu_w)(X, eval_gradient=True)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_without_a_memory_nothing_changes_with_its_logarithm():
    gram, gradient = LagKernel("linear_rnn", 0.0)(X, eval_gradient=True)
    assert_allclose(gram, kernel_matrix("linear_rnn", X, nu_w=0.0))
    assert not gradient.any()


@pytest.mark.parametrize("prior", ["flat", "torch_rnn", np.eye(6), [1.0] * 6, LeakyRNN(0.3)])
def test_a_prior_that_does_not_take_the_memory_leaves_nothing_to_tune(prior):
    kernel = LagKernel(prior)
    gram, gradient = kernel(X, eval_gradient=True)
    assert_allclose(gram, kernel_matrix(prior, X))
    assert gradient.shape == (40, 40, 0)
    assert kernel.theta.shape == (0,)
    assert GaussianProcessRegressor(kernel, alpha=0.1).fit(X, y).kernel_.nu_w == 0.5
    assert repr(kernel)


@pytest.mark.parametrize(
    "windows", [np.ones(6), np.ones((2, 3, 1, 1)), 2.0, X + 1j, X.astype("datetime64[s]")]
)
def test_what_are_no_windows_is_an_error_that_names_them(windows):
    for name, given in (("X", [windows]), ("X2", [X, windows])):
        with pytest.raises((TypeError, ValueError), match=rf"^{name}\b"):
            kernel_matrix("tc", *given)


@pytest.mark.parametrize("windows", [np.ones((2, 0, 1)), np.ones((2, 3, 0)), np.ones((0, 3, 1))])
def test_windows_of_nothing_are_an_error_that_names_them(windows):
    with pytest.raises(ValueError, match=r"\bX\b"):
        kernel_matrix("linear_rnn", windows)


@pytest.mark.parametrize("n_channels", ["2", 2.0, None])
def test_channels_are_a_whole_number(n_channels):
    with pytest.raises(TypeError, match="n_channels must be a whole number, but got"):
        kernel_matrix("tc", X, n_channels=n_channels)


def test_a_fixed_memory_has_no_gradient():
    kernel = LagKernel("tc", 0.6, "fixed")
    gram, gradient = kernel(X, eval_gradient=True)
    assert gradient.shape == (40, 40, 0)
    assert kernel.theta.shape == (0,)
    assert kernel.bounds.shape[0] == 0
    assert_allclose(gram, kernel_matrix("tc", X, nu_w=0.6))
    process = GaussianProcessRegressor(kernel, alpha=0.1).fit(X, y)
    assert process.kernel_.nu_w == 0.6


@every_prior
def test_the_diagonal_is_that_of_the_matrix(name):
    kernel = LagKernel(ARRAYS.get(name, name), **NU, n_channels=N_CHANNELS)
    windows = PANEL.reshape(12, -1)
    assert_allclose(kernel.diag(windows), np.diagonal(kernel(windows)), rtol=1e-12)
    assert_allclose(kernel.diag(windows), np.diagonal(literal_sum(name, PANEL, PANEL)), rtol=1e-9)


def test_a_tuned_process_is_the_estimator_with_auto():
    kernel = ConstantKernel(1.0) * LagKernel("tc") + WhiteKernel(1.0)
    process = GaussianProcessRegressor(kernel, n_restarts_optimizer=2, random_state=0).fit(X, y)
    scale, lags = process.kernel_.k1.k1.constant_value, process.kernel_.k1.k2
    noise = process.kernel_.k2.noise_level
    model = NTKConvRegressor("auto", alpha="auto", prior="tc", fit_intercept=False).fit(X, y)
    assert_allclose(model.nu_w_, lags.nu_w, rtol=1e-2)
    assert_allclose(model.alpha_, noise / scale, rtol=2e-2)
    assert_allclose(model.noise_variance_, noise, rtol=1e-2)
    likelihood = process.log_marginal_likelihood_value_
    assert_allclose(model.log_marginal_likelihood(), likelihood, rtol=1e-5)
    assert_allclose(model.predict(X), process.predict(X), rtol=0, atol=1e-2)


def test_a_kernel_is_one_of_scikit_learns():
    kernel = LagKernel("dc", 0.4, (0.1, 0.9), correlation=0.2)
    again = clone(kernel)
    assert again == kernel
    assert again.get_params() == kernel.get_params()
    assert again != LagKernel("dc", 0.5, (0.1, 0.9), correlation=0.2)
    assert not kernel.is_stationary()
    assert_allclose(kernel.theta, [np.log(0.4)])
    assert_allclose(kernel.bounds, np.log([[0.1, 0.9]]))
    assert_allclose(kernel.clone_with_theta(np.log([0.7])).nu_w, 0.7)
    assert_allclose((kernel + kernel)(X), 2 * kernel(X))
    assert "nu_w" in repr(kernel) or "LagKernel" in repr(kernel)


def test_a_kernel_serves_kernel_ridge_and_searches():
    grid = {"kernel": [LagKernel(nu_w=nu_w) for nu_w in (0.2, 0.8)], "alpha": [0.1, 1.0]}
    search = GridSearchCV(KernelRidge(), grid, cv=3).fit(X, y)
    for parameters, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        model = NTKConvRegressor(
            parameters["kernel"].nu_w, alpha=parameters["alpha"], fit_intercept=False
        )
        assert_allclose(score, cross_val_score(model, X, y, cv=3).mean(), rtol=1e-8)
