"""LagWeighter carries the prior into any linear model."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import BayesianRidge, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_linrnn import LagWeighter, NTKConvRegressor, WeightedConv1DRegressor

rng = np.random.default_rng(0)
WINDOWS, Y = rng.normal(size=(40, 5, 2)) + 1.0, rng.normal(size=(40, 3))


def weights(n_lags, nu_w=0.5, nu_f=1.0, nu_c=1.0):
    """Return the kernel's weights, term by term."""
    return np.array(
        [
            nu_c * ((j * nu_f * nu_w ** (j - 1) if j else 0.0) + nu_w**j) + nu_f * nu_w**j
            for j in range(n_lags)
        ]
    )


@pytest.mark.parametrize("nu_w", [0.0, 0.3, 1.0, 1.4])
@pytest.mark.parametrize(
    ("form", "parameters"),
    [
        (WINDOWS, {}),
        (WINDOWS.reshape(40, 10), {"n_channels": 2}),
        (WINDOWS.swapaxes(1, 2), {"layout": "nct"}),
        (WINDOWS.swapaxes(1, 2).reshape(40, 10), {"layout": "nct", "n_channels": 2}),
        (WINDOWS[:, ::-1].reshape(40, 10), {"lag_order": "newest_first", "n_channels": 2}),
        (WINDOWS, {"n_lags": 3}),
        (WINDOWS[:, 0], {"rows": "timesteps", "n_lags": 3}),
    ],
    ids=["3-D", "flat", "nct", "flat nct", "newest first", "last lags", "timesteps"],
)
def test_ridge_after_the_weighter_is_the_kernel_regression(form, parameters, nu_w):
    pipeline = make_pipeline(LagWeighter(nu_w=nu_w, **parameters), Ridge(alpha=0.7)).fit(form, Y)
    kernel = NTKConvRegressor(nu_w, alpha=0.7, **parameters).fit(form, Y)
    assert_allclose(pipeline.predict(form), kernel.predict(form), rtol=1e-9)


def test_named_lags_are_scaled_where_they_are():
    frame = pd.DataFrame(WINDOWS[:, :3, 0], columns=["lag_2__u", "u_lag_9", "price"])
    scaled = LagWeighter(nu_w=0.3).fit_transform(frame)
    rho = weights(8, 0.3)
    assert_allclose(scaled, frame * np.sqrt([rho[0], rho[7], rho[0]]), rtol=1e-12)


@pytest.mark.parametrize("own", [[4.0, 1.0, 0.0, 9.0, 0.25], np.arange(5), (1, 2, 3, 4, 5)])
def test_own_weights_scale_lag_by_lag(own):
    x = WINDOWS[:, :, 0]
    model = LagWeighter(own).fit(x)
    assert_array_equal(model.lag_weights_, own)
    assert_allclose(model.transform(x), x * np.sqrt(own)[::-1], rtol=1e-14)


def test_flat_weights_change_nothing():
    x = WINDOWS[:, :, 0]
    assert_array_equal(LagWeighter("flat").fit_transform(x), x)


def test_earlier_time_steps_than_the_lags_get_weight_zero():
    x = WINDOWS[:, :, 0]
    scaled = LagWeighter("flat", n_lags=2).fit_transform(x)
    assert_array_equal(scaled, x * [0, 0, 0, 1, 1])


def test_the_weights_are_the_kernels():
    model = LagWeighter(nu_w=0.7, nu_f=0.4, nu_c=2.5).fit(np.zeros((2, 30)))
    assert_allclose(model.lag_weights_, weights(30, 0.7, 0.4, 2.5), rtol=1e-13)


@pytest.mark.parametrize("nu_w", [0.2, 0.9])
def test_only_the_sum_and_product_of_the_other_variances_matter(nu_w):
    one = LagWeighter(nu_w=nu_w, nu_f=0.3, nu_c=2.0).fit(np.zeros((2, 9)))
    other = LagWeighter(nu_w=nu_w, nu_f=2.0, nu_c=0.3).fit(np.zeros((2, 9)))
    assert_allclose(one.lag_weights_, other.lag_weights_, rtol=1e-14)


def test_recordings_have_a_zero_initial_state_and_do_not_touch():
    x = np.arange(1.0, 7.0)[:, None]
    scaled = LagWeighter("flat", rows="timesteps", n_lags=3)
    expected = [[0, 0, 1], [0, 1, 2], [0, 0, 3], [0, 3, 4], [3, 4, 5], [4, 5, 6]]
    ids = list("bbaaaa")
    assert_array_equal(scaled.fit_transform(x, sequence_id=ids), expected)
    order = [2, 0, 3, 4, 1, 5]  # interleaved; either recording still runs forward
    interleaved = scaled.transform(x[order], sequence_id=np.array(ids)[order])
    assert_array_equal(interleaved, np.array(expected)[order])


def test_a_list_of_recordings_stays_a_list():
    parts = [WINDOWS[0], WINDOWS[1][:3]]
    scaled = LagWeighter("flat", n_lags=2).fit_transform(parts)
    assert [z.shape for z in scaled] == [(5, 4), (3, 4)]
    assert_array_equal(scaled[1][2], parts[1][1:].ravel())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_floats_is_kept(dtype):
    for x in (WINDOWS, WINDOWS.reshape(40, 10)):
        assert LagWeighter().fit_transform(x.astype(dtype)).dtype == dtype


def test_names_of_columns_pass_through():
    frame = pd.DataFrame(WINDOWS[:, :2, 0], columns=["y_lag_1", "y_lag_2"])
    model = LagWeighter().set_output(transform="pandas")
    scaled = model.fit_transform(frame)
    assert list(scaled.columns) == ["y_lag_1", "y_lag_2"]
    assert_array_equal(
        LagWeighter().fit(np.zeros((2, 3))).get_feature_names_out(), ["x0", "x1", "x2"]
    )


@pytest.mark.parametrize(
    ("x", "parameters", "names"),
    [
        (
            pd.DataFrame(WINDOWS[:, 0], columns=["u", "v"]),
            {"rows": "timesteps", "n_lags": 2},
            ["u_lag_1", "v_lag_1", "u_lag_0", "v_lag_0"],
        ),
        (WINDOWS[:, :2], {}, ["x0_lag_1", "x1_lag_1", "x0_lag_0", "x1_lag_0"]),
        (WINDOWS[:, :2], {"n_lags": 1}, ["x0_lag_1", "x1_lag_1", "x0_lag_0", "x1_lag_0"]),
    ],
)
def test_lags_made_from_time_steps_are_named(x, parameters, names):
    model = LagWeighter(**parameters).fit(x)
    assert_array_equal(model.get_feature_names_out(), names)
    assert model.transform(x).shape[1] == len(names)


def test_names_of_lags_can_be_read_back():
    x = pd.DataFrame(WINDOWS[:, 0], columns=["u", "v"])
    model = LagWeighter("flat", rows="timesteps", n_lags=4).set_output(transform="pandas")
    frame = model.fit_transform(x)
    from_names = NTKConvRegressor().fit(frame, Y)
    from_steps = NTKConvRegressor(rows="timesteps", n_lags=4).fit(x, Y)
    assert_allclose(from_names.impulse_response_, from_steps.impulse_response_, rtol=1e-9)


def test_the_weighter_fits_in_front_of_other_linear_models():
    x = WINDOWS.reshape(40, 10)
    model = make_pipeline(LagWeighter(n_channels=2), BayesianRidge()).fit(x, Y[:, 0])
    check_is_fitted(model)
    assert clone(model).fit(x, Y[:, 0]).score(x, Y[:, 0]) == model.score(x, Y[:, 0])


def test_gradient_descent_on_scaled_lags_is_that_of_the_scaled_convolution():
    x, y = WINDOWS[:, :, 0], Y[:, 0]
    Z = LagWeighter(nu_w=0.6).fit_transform(x)
    Z, target = Z - Z.mean(axis=0), y - y.mean()
    theta, step = np.zeros(5), 1 / np.linalg.eigvalsh(Z.T @ Z / 40)[-1]
    for _ in range(25):
        theta -= step * Z.T @ (Z @ theta - target) / 40
    model = WeightedConv1DRegressor(nu_w=0.6, max_iter=25).fit(x, y)
    expected = theta[::-1] * np.sqrt(weights(5, 0.6))
    assert_allclose(model.impulse_response_[0, 0], expected, rtol=1e-9)
