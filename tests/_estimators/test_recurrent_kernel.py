"""The tangent kernel of wide recurrent networks, as a kernel of scikit-learn."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVR

from sklearn_linrnn import LagKernel, RecurrentKernel, kernel_matrix

NU = {"nu_w": 0.6, "nu_f": 1.5, "nu_c": 0.7}
N_LAGS, N_CHANNELS = 7, 2
FIXED = dict.fromkeys(("nu_w_bounds", "nu_f_bounds", "nu_c_bounds"), "fixed")

rng = np.random.default_rng(0)
PANEL, OTHERS = rng.normal(size=(12, N_LAGS, N_CHANNELS)), rng.normal(size=(4, N_LAGS, N_CHANNELS))
X = rng.normal(size=(40, 6))
y = np.tanh(X @ [0.1, 0.2, 0.3, 0.5, 0.7, 1.0]) + 0.1 * rng.normal(size=40)

ACTIVATIONS = ["erf", "relu", "identity"]
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


# -- What it equals ------------------------------------------------------------------------


@pytest.mark.parametrize("nu_w", [0.0, 0.5, 1.0, 1.7])
def test_a_linear_network_has_the_lag_weights(nu_w):
    variances = NU | {"nu_w": nu_w}
    kernel = RecurrentKernel("identity", **variances, n_channels=N_CHANNELS)
    expected = kernel_matrix("linear_rnn", PANEL, OTHERS, **variances)
    assert_allclose(kernel(PANEL, OTHERS), expected, rtol=1e-12, atol=1e-12 * expected.max())
    assert_allclose(
        kernel(PANEL), kernel_matrix("linear_rnn", PANEL, **variances), rtol=1e-12, atol=1e-11
    )
    lags = LagKernel("linear_rnn", **variances, n_channels=N_CHANNELS)
    assert_allclose(kernel.diag(PANEL), lags.diag(PANEL), rtol=1e-12)


def test_a_linear_networks_slope_is_that_of_the_lag_weights():
    bounds = {"nu_f_bounds": "fixed", "nu_c_bounds": "fixed"}
    _, found = RecurrentKernel("identity", 0.6, **bounds)(X, eval_gradient=True)
    _, expected = LagKernel("linear_rnn", 0.6)(X, eval_gradient=True)
    assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("size", [1e-5, 1e-60, 1e-130])
def test_small_inputs_are_remembered_as_by_a_linear_network(size):
    """Of variances that the squared slope at zero, 4 / pi, multiplies."""
    scaled = {name: 4 / np.pi * value for name, value in NU.items()}
    found = RecurrentKernel("erf", **NU)(size * X) / size**2
    expected = RecurrentKernel("identity", **scaled)(X)
    assert_allclose(found, expected, rtol=0, atol=1e-7 * expected.max())


def test_without_a_recurrence_two_time_steps_are_left():
    """One hidden layer at the last; the matrix, being trained, adds the share of the one before."""
    last, before = X[:, -1:], X[:, -2:-1]
    kernel = RecurrentKernel("erf", **NU | {"nu_w": 0.0})
    size = 1 + 2 * NU["nu_f"] * np.square(last)
    gain = 4 / np.pi / np.sqrt(size * size.T - np.square(2 * NU["nu_f"] * last * last.T))
    root = np.sqrt(1 + 2 * NU["nu_f"] * np.square(before))
    product = 2 / np.pi * np.arcsin(2 * NU["nu_f"] * before * before.T / (root * root.T))
    expected = kernel(last) + NU["nu_c"] * gain * product
    assert_allclose(kernel(X), expected, rtol=1e-12, atol=1e-13)


def test_a_rectified_network_scales_with_its_input():
    kernel = RecurrentKernel("relu", **NU)
    assert_allclose(kernel(3.0 * X, X), 3.0 * kernel(X), rtol=1e-12, atol=1e-13)


def test_an_error_function_without_a_bias_is_odd():
    kernel = RecurrentKernel("erf", **NU)
    assert_allclose(kernel(-X, X), -kernel(X), rtol=1e-12, atol=1e-13)
    assert kernel.set_params(nu_b=1.0)(-X[:1], X[:1]) > -kernel(X[:1])


def redrawn(kernel, windows, lag):
    """Return by how much a new draw of the input at a lag changes functions of the prior."""
    changed = windows.copy()
    changed[:, -1 - lag] = np.random.default_rng(3).normal(size=len(windows)) * windows.std()
    between = np.diagonal(kernel(windows, changed))
    return np.mean(kernel.diag(windows) + kernel.diag(changed) - 2 * between) / 2


def test_a_saturated_network_forgets_faster():
    """What it remembers of a small input passes through units that large ones hold."""
    windows = np.random.default_rng(2).normal(size=(60, 12))
    kernel = RecurrentKernel("erf", nu_w=0.7)
    ratios = {
        size: redrawn(kernel, size * windows, 4) / redrawn(kernel, size * windows, 0)
        for size in (1e-3, 0.3, 3.0)
    }
    assert ratios[1e-3] > ratios[0.3] > ratios[3.0]


def test_a_rectified_network_remembers_as_a_linear_one_of_half_the_variance():
    windows = np.random.default_rng(2).normal(size=(100, 14))
    kernels = [RecurrentKernel("relu", 1.2), RecurrentKernel("identity", 0.6)]
    rates = [(redrawn(each, windows, 10) / redrawn(each, windows, 6)) ** 0.25 for each in kernels]
    assert_allclose(rates[0], rates[1], rtol=0.15)


# -- A kernel of scikit-learn ----------------------------------------------------------------


@every_activation
@pytest.mark.parametrize("nu_b", [0.0, 0.5])
def test_a_gram_matrix_is_a_covariance(activation, nu_b):
    kernel = RecurrentKernel(activation, **NU, nu_b=nu_b)
    gram = kernel(X)
    assert (gram == gram.T).all()
    eigenvalues = np.linalg.eigvalsh(gram)
    assert eigenvalues[0] > -1e-13 * eigenvalues[-1]
    assert_allclose(kernel.diag(X), np.diagonal(gram), rtol=1e-12)
    assert_allclose(kernel(X, X), gram, rtol=1e-12, atol=1e-13)
    assert_allclose(kernel(X[:3], X[5:]), gram[:3, 5:], rtol=1e-11, atol=1e-13)


@every_activation
def test_rounding_stays_rounding(activation):
    """Windows that differ in their last digits have the kernel of one window, kinks or none."""
    kernel, gram = RecurrentKernel(activation, **NU), RecurrentKernel(activation, **NU)(X)
    size = np.sqrt(np.outer(np.diagonal(gram), np.diagonal(gram)))
    nudged = np.nextafter(X, np.where(np.random.default_rng(1).random(X.shape) < 0.5, -9.0, 9.0))
    assert (np.abs(kernel(nudged, X) - gram) < 1e-13 * size).all()
    assert (np.abs(kernel(nudged) - gram) < 1e-13 * size).all()


@every_activation
def test_channels_are_flat_or_an_axis(activation):
    kernel = RecurrentKernel(activation, **NU, n_channels=N_CHANNELS)
    flat = PANEL.reshape(12, -1), OTHERS.reshape(4, -1)
    assert_allclose(kernel(*flat), kernel(PANEL, OTHERS), rtol=1e-14)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(N_CHANNELS, N_CHANNELS)))[0]
    assert_allclose(kernel(PANEL @ turn), kernel(PANEL), rtol=1e-10, atol=1e-12)
    one = RecurrentKernel(activation, **NU)
    silent = np.stack([X, 0.0 * X], axis=-1)
    assert_allclose(kernel(silent), one(X), rtol=1e-12, atol=1e-13)


@every_activation
def test_the_gradient_is_that_of_finite_differences(activation):
    kernel = RecurrentKernel(activation, **NU, nu_b=0.4, nu_b_bounds=(0.1, 1.0))
    gram, gradient = kernel(X, eval_gradient=True)
    assert_allclose(gram, kernel(X), rtol=1e-14)
    assert gradient.shape == (40, 40, 4)
    for index, step in enumerate(1e-5 * np.eye(4)):
        up, down = (kernel.clone_with_theta(kernel.theta + each)(X) for each in (step, -step))
        expected = (up - down) / 2e-5
        assert_allclose(gradient[..., index], expected, rtol=1e-6, atol=1e-8)


def test_fixed_variances_have_no_gradient():
    kernel = RecurrentKernel(**NU, **FIXED)
    assert kernel(X, eval_gradient=True)[1].shape == (40, 40, 0)
    assert kernel.theta.shape == (0,)
    tuned = RecurrentKernel(**NU, **FIXED | {"nu_f_bounds": (0.1, 10.0)})
    assert_allclose(tuned.theta, [np.log(NU["nu_f"])])
    assert_allclose(tuned.bounds, np.log([[0.1, 10.0]]))
    every = RecurrentKernel(**NU)
    assert_allclose(every.theta, np.log([NU["nu_c"], NU["nu_f"], NU["nu_w"]]))
    expected = every(X, eval_gradient=True)[1][..., 1:2]
    assert_allclose(tuned(X, eval_gradient=True)[1], expected, rtol=1e-14)


@every_activation
def test_a_kernel_is_one_of_scikit_learns(activation):
    kernel = RecurrentKernel(activation, 0.4, nu_b=1.0, nu_w_bounds=(0.1, 0.9))
    for again in (clone(kernel), pickle.loads(pickle.dumps(kernel))):
        assert again == kernel
        assert again.get_params() == kernel.get_params()
    assert RecurrentKernel(activation, 0.5, nu_b=1.0, nu_w_bounds=(0.1, 0.9)) != kernel
    assert not kernel.is_stationary()
    assert_allclose(kernel.clone_with_theta(np.log([2.0, 3.0, 0.7])).get_params()["nu_w"], 0.7)
    assert_allclose((2.0 * kernel + WhiteKernel(0.5))(X), 2 * kernel(X) + 0.5 * np.eye(40))
    assert (
        repr(kernel)
        == f"RecurrentKernel(activation='{activation}', nu_w=0.4, nu_f=1, nu_c=1, nu_b=1)"
    )


@every_activation
def test_a_process_climbs_to_a_higher_likelihood(activation):
    kernel = ConstantKernel(1.0) * RecurrentKernel(activation, nu_c_bounds="fixed")
    kernel = kernel + WhiteKernel(1.0)
    start = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)
    found = GaussianProcessRegressor(kernel).fit(X, y)
    assert found.log_marginal_likelihood_value_ > start.log_marginal_likelihood_value_ + 1.0
    _, slope = found.log_marginal_likelihood(found.kernel_.theta, eval_gradient=True)
    inside = ~np.isclose(found.kernel_.theta[:, None], found.kernel_.bounds, atol=0.1).any(axis=1)
    assert inside.sum() >= 2
    assert_allclose(slope[inside], 0.0, atol=1e-2)


@every_activation
def test_kernel_methods_take_it(activation):
    kernel = RecurrentKernel(activation, nu_b=0.5)
    ridge = KernelRidge(alpha=0.1, kernel=kernel).fit(X, y)
    given = KernelRidge(alpha=0.1, kernel="precomputed").fit(kernel(X), y)
    process = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None).fit(X, y)
    new = np.random.default_rng(5).normal(size=(10, 6))
    expected = process.predict(new)
    assert_allclose(given.predict(kernel(new, X)), expected, rtol=1e-8, atol=1e-9)
    assert_allclose(ridge.predict(new), expected, rtol=1e-8, atol=1e-9)
    machine = SVR(kernel=kernel, C=10.0, epsilon=0.05).fit(X, y)
    assert machine.score(X, y) > 0.8


def test_a_nonlinearity_learns_what_no_linear_memory_can():
    draw = np.random.default_rng(7)
    windows = draw.normal(size=(220, 4))
    target = windows[:, -1] * windows[:, -2]
    grid = {"kernel": [RecurrentKernel(each, nu_b=1.0) for each in ("identity", "erf", "relu")]}
    search = GridSearchCV(KernelRidge(alpha=0.1), grid, cv=4).fit(windows, target)
    linear, *others = search.cv_results_["mean_test_score"]
    assert linear < 0.0
    assert min(others) > 0.5


# -- Errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"activation": "tanh"}, ValueError, "activation must be one of .*'relu', but got 'tanh'"),
        ({"activation": None}, ValueError, "activation must be one of .*, but got None"),
        ({"nu_w": -0.1}, ValueError, "nu_w is a variance and must not be negative, but got -0.1"),
        ({"nu_b": np.nan}, ValueError, "nu_b is a variance and must not be negative, but got nan"),
        ({"nu_f": "1"}, TypeError, "nu_f is a variance and must be a number, but got '1'"),
        ({"nu_f": 0, "nu_c": 0}, ValueError, "kernel is zero: with nu_f=0, nu_c=0, nu_b=0.0"),
        ({"nu_f": 0, "activation": "relu"}, ValueError, "kernel is zero: with nu_f=0"),
        ({"n_channels": 4}, ValueError, "X has 6 columns, which n_channels=4 does not divide"),
        ({"n_channels": 0}, ValueError, "n_channels must be at least 1, but got 0"),
    ],
    ids=str,
)
def test_wrong_parameters(options, error, message):
    kernel = RecurrentKernel(**options)
    for ask in (kernel, kernel.diag):
        with pytest.raises(error, match=message):
            ask(X)


@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_a_memory_that_overflows_names_it(activation):
    kernel, windows = RecurrentKernel(activation, nu_w=1e3), np.ones((3, 200))
    for ask in (kernel, kernel.diag):
        with pytest.raises(ValueError, match=r"overflows: nu_w=1000.0 over n_lags=200 .* Lower"):
            ask(windows)


@every_activation
def test_inputs_that_overflow_are_an_error(activation):
    kernel = RecurrentKernel(activation)
    for ask in (kernel, kernel.diag):
        assert np.isfinite(ask(1e100 * X)).all()
        with pytest.raises(ValueError, match="X is too large: its kernel overflows"):
            ask(1e200 * X)


@pytest.mark.parametrize(
    ("windows", "error", "message"),
    [
        (np.where(X > 1, np.nan, X), ValueError, "contains NaN"),
        (np.where(X > 1, np.inf, X), ValueError, "contains infinity"),
        (X + 1j, (TypeError, ValueError), "X"),
        (X[:, 0], ValueError, "Expected 2D array, got 1D"),
        (
            np.ones((2, 3, 1, 1)),
            ValueError,
            r"X must have shape .*\(2, 3, 1, 1\)",
        ),
        (np.ones((2, 0, 1)), ValueError, r"\bX\b"),
    ],
    ids=["nan", "inf", "complex", "one axis", "four axes", "empty"],
)
def test_what_are_no_windows(windows, error, message):
    for ask in (RecurrentKernel(), RecurrentKernel().diag):
        with pytest.raises(error, match=message):
            ask(windows)


def test_windows_have_one_form():
    with pytest.raises(ValueError, match=r"X and X2 .* \(40, 6, 1\) and \(40, 5, 1\)"):
        RecurrentKernel()(X, X[:, :5])
