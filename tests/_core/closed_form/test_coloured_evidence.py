"""The evidence's slopes by the noise, and the filter that its products suggest."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import lfilter

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._core.closed_form.coloured_evidence import ColouredEvidence
from sklearn_linrnn._core.closed_form.measures import Measures
from sklearn_linrnn._core.closed_form.noise_search import CommonMeasures, best_predictor
from sklearn_linrnn._core.priors.identification import DC
from sklearn_linrnn._core.priors.lag_weights import LinearRNN
from sklearn_linrnn._data.prewhitening import joint_sums
from sklearn_linrnn._data.targets import read_training_data

POLYNOMIAL = np.array([1.0, -0.7, 0.2])
N_LAGS = 6
PRIORS = {"independent": LinearRNN(0.6, 1.0, 1.0), "correlated": DC(0.6, 0.5)}


def make_joint(fit_intercept=True, scale=1.0):
    rng = np.random.default_rng(0)
    x = 2.0 + rng.normal(size=(150, 2))
    noise = lfilter([1.0], [1.0, -0.8], rng.normal(size=(2, 150)))
    y = np.stack([lfilter([1.0], [1.0, -0.6], x[:, 0]), 0.1 * x[:, 1]], axis=1)
    y = scale * (y + noise.T * [1.0, 0.1])
    model = NTKConvRegressor(rows="timesteps", n_lags=N_LAGS)
    data = read_training_data(model, x, y, None, None).with_lags(N_LAGS)[0]
    joint = joint_sums(data, N_LAGS, 4, "cpu")
    return joint if fit_intercept else joint.uncentred()


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_slopes_are_finite_differences(prior, fit_intercept):
    joint = make_joint(fit_intercept)
    for sought, alpha in (([], 2.0), ([("nu_w",)], None)):
        function = CommonMeasures(joint, Measures(prior, sought, alpha, N_LAGS))
        point = np.array([0.8] * len(sought) + [0.5] * (alpha is None) + [0.4, -0.3, 0.1])
        _, gradient = function(point[None], None)
        step = 1e-5
        for place in range(len(point)):
            move = step * np.eye(len(point))[place]
            high, low = (function((point + side)[None], None)[0][0] for side in (move, -move))
            assert_allclose(gradient[0, place], (high - low) / (2 * step), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_expected_products_have_the_same_slopes(prior, fit_intercept):
    """The bound that they make touches the evidence at the filter that they are expected at."""
    at = ColouredEvidence.at(make_joint(fit_intercept), POLYNOMIAL, prior.root(N_LAGS), 2.0)
    products = at.expected_products()
    assert_allclose(products, products.T, rtol=1e-9)
    assert np.linalg.eigvalsh(products).min() > 0
    assert_allclose(at.slopes(), -(products[:3, :3] @ POLYNOMIAL)[1:], rtol=1e-6, atol=1e-6)


def test_slopes_do_not_depend_on_the_unit():
    found = [
        ColouredEvidence.at(
            make_joint(scale=scale), POLYNOMIAL, LinearRNN(0.6, 1.0, 1.0).root(6), 2.0
        )
        for scale in (1.0, 1e-60)
    ]
    assert_allclose(found[1].slopes(), found[0].slopes(), rtol=1e-9)


def test_the_best_predictor_is_that_of_the_normal_equations():
    rng = np.random.default_rng(0)
    noise = lfilter([1.0], [1.0, -0.5, 0.4], rng.normal(size=5000))
    lagged = np.stack([noise[5 - lag : 5000 - lag] for lag in range(6)])
    products = lagged @ lagged.T
    found = best_predictor(products, 5000.0, 0.5 * np.log(5000.0))
    expected = np.linalg.solve(products[1:3, 1:3], -products[1:3, 0])
    assert_allclose(found, [1.0, *expected], rtol=1e-10)
    assert_allclose(best_predictor(np.eye(6), 5000.0, 4.0), [1.0])
