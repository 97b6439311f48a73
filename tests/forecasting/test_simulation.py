"""Paths are drawn from the joint distribution of steps and columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster

GIVEN = NTKConvRegressor(0.5, alpha=1e-3)
N_PATHS = 20_000
TRANSITION = np.array([[0.5, 0.3], [-0.2, 0.6]])
NOISE = np.array([[1.0, 0.8], [0.8, 1.0]])


def pair(n_timesteps, seed=0):
    """Return two columns that drive each other, with noise that correlates."""
    noise = np.random.default_rng(seed).multivariate_normal([0, 0], NOISE, size=n_timesteps)
    y = np.zeros((n_timesteps, 2))
    for t in range(1, n_timesteps):
        y[t] = TRANSITION @ y[t - 1] + noise[t]
    return pd.DataFrame(y, columns=["a", "b"])


def drawn(forecaster, fh, **kwargs):
    """Return paths (n_paths, n_steps, n_columns)."""
    frame = forecaster.simulate(fh, N_PATHS, random_state=0, **kwargs)
    return frame.to_numpy().reshape(N_PATHS, len(fh), -1)


def weights_of(coefficients, n_ahead):
    """Return what one error does in the following steps."""
    weights = [0.0, 1.0]
    for _ in range(n_ahead - 1):
        weights.append(coefficients[0] * weights[-1] + coefficients[1] * weights[-2])
    return weights[1:]


def covariance(paths):
    return np.cov(paths.reshape(len(paths), -1).T)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_paths_have_the_covariances_of_the_process(strategy):
    fh = [1, 2, 4]
    forecaster = LagForecaster(GIVEN, 2, strategy=strategy, normalize=None, joint=True)
    paths = drawn(forecaster.fit(pair(20_000), fh=fh), fh)
    powers = [np.linalg.matrix_power(TRANSITION, i) for i in range(4)]
    expected = np.block(
        [
            [
                sum(powers[a - s] @ NOISE @ powers[b - s].T for s in range(1, min(a, b) + 1))
                for b in fh
            ]
            for a in fh
        ]
    )
    assert_allclose(covariance(paths), expected, atol=0.1)
    assert_allclose(paths.mean(axis=0), forecaster.predict(), atol=0.06)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_variances_of_paths_are_those_of_predict_var(strategy, joint, normalize):
    fh = [1, 3, 7]
    forecaster = LagForecaster(
        NTKConvRegressor(0.5, alpha=2.0), 3, strategy=strategy, joint=joint, normalize=normalize
    ).fit(pair(40), fh=fh)
    assert_allclose(
        drawn(forecaster, fh).var(axis=0), forecaster.predict_var(), rtol=6 * (2 / N_PATHS) ** 0.5
    )


def test_one_step_ahead_both_strategies_draw_alike():
    y = pair(40)
    recursive, direct = (
        drawn(LagForecaster(GIVEN, 3, strategy=strategy, joint=True).fit(y, fh=[1]), [1])
        for strategy in ("recursive", "direct")
    )
    assert_allclose(recursive, direct, rtol=1e-6)


def test_parameters_are_drawn_once_for_a_path():
    # The slow twin draws parameters from the posterior, and iterates each path by itself, from far
    # off, where the parameters matter.
    y, n_ahead, rng = pair(600)["a"], 6, np.random.default_rng(0)
    forecaster = LagForecaster(GIVEN, 2, normalize=None).fit(y)
    far = pd.Series([30.0, 25.0], index=[600, 601], name="a")
    forecaster.update(far, update_params=False)
    found = drawn(forecaster, range(1, n_ahead + 1))[:, :, 0]
    windows = np.lib.stride_tricks.sliding_window_view(y, 3)
    design = np.column_stack([np.ones(len(windows)), windows[:, 1], windows[:, 0]])
    (estimator,) = forecaster.estimators_
    noise = estimator.noise_variance_.item()
    # The penalty is next to nothing here.
    spread = np.linalg.cholesky(noise * np.linalg.inv(design.T @ design))
    mean = np.append(estimator.intercept_, estimator.impulse_response_[0, 0])
    parameters = mean + rng.normal(size=(N_PATHS, 3)) @ spread.T
    path = np.tile(far, (N_PATHS, 1))
    for _ in range(n_ahead):
        newest = np.column_stack([np.ones(N_PATHS), path[:, -1], path[:, -2]])
        ahead = (parameters * newest).sum(axis=1) + noise**0.5 * rng.normal(size=N_PATHS)
        path = np.column_stack([path, ahead])
    expected = covariance(path[:, 2:])
    assert np.diagonal(expected).max() > 1.5 * noise * np.square(weights_of(mean[1:], 6)).sum()
    assert_allclose(covariance(found), expected, atol=0.04 * expected.max())
    # What is not of first order is a small part of a standard deviation.
    assert_allclose(found.mean(axis=0), path[:, 2:].mean(axis=0), atol=0.1 * expected.max() ** 0.5)


def test_paths_of_what_was_stabilized_do_not_blow_up():
    t = np.arange(60)
    y = pd.Series(1.08**t + 0.1 * np.random.default_rng(0).normal(size=60))
    forecaster = LagForecaster(NTKConvRegressor(0.9, alpha=1e-6), 4).fit(y)
    assert len(forecaster.stabilized_) > 0
    paths = drawn(forecaster, [1, 100])
    assert_allclose(np.median(paths, axis=0)[:, 0], forecaster.predict(fh=[1, 100]), rtol=0.05)


def test_inputs_move_the_paths():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=90)})
    y = pd.Series(3.0 * X["x"][:80] + rng.normal(size=80))
    forecaster = LagForecaster(GIVEN, 2, normalize=None).fit(y, X[:80])
    paths = drawn(forecaster, [1, 9], X=X[80:])
    assert_allclose(paths.mean(axis=0)[:, 0], forecaster.predict([1, 9], X=X[80:]), atol=0.06)


def test_a_network_has_noise_alone():
    y = pair(80)["a"]
    forecaster = LagForecaster(LinearRNNRegressor(5, max_iter=5, random_state=0), 2).fit(y)
    variance = forecaster.predict_var(fh=[1, 2]).to_numpy()
    found = drawn(forecaster, [1, 2]).var(axis=0)
    assert_allclose(found, variance, rtol=6 * (2 / N_PATHS) ** 0.5)


def test_a_constant_series_has_constant_paths():
    forecaster = LagForecaster(GIVEN, 2).fit(pd.Series(np.full(30, 7.0)))
    assert_allclose(forecaster.simulate([1, 5], 3), 7.0)


def test_a_seed_draws_the_same_paths():
    forecaster = LagForecaster(GIVEN, 2).fit(pair(60), fh=[1, 2])
    first, again, other = (forecaster.simulate(random_state=seed) for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)
    assert first.shape == (2000, 2)


@pytest.mark.parametrize("pooling", ["local", "global"])
def test_panels_have_one_frame(pooling):
    index = pd.period_range("2000-01", periods=60, freq="M", name="month")
    parts = {name: pair(60, seed)[["a"]].set_index(index) for seed, name in enumerate("uv")}
    panel = pd.concat(parts, names=["shop"])
    forecaster = LagForecaster(GIVEN, 2, pooling=pooling).fit(panel)
    found = forecaster.simulate([1, 3], 500, random_state=0)
    forecast = forecaster.predict([1, 3])
    assert found.index.names == ["path", "shop", "month"]
    for path in (0, 499):
        assert found.loc[path].index.equals(forecast.index)
    assert_allclose(found.groupby(["shop", "month"]).mean(), forecast, atol=0.5)


@pytest.mark.parametrize("n_paths", [0, -1, 1.5, True, "many"])
def test_the_number_of_paths_is_checked(n_paths):
    forecaster = LagForecaster(GIVEN, 2).fit(pair(60))
    with pytest.raises(ValueError, match=r"n_paths must be an int of at least 1, but got"):
        forecaster.simulate([1], n_paths)


def test_paths_begin_after_the_cutoff():
    forecaster = LagForecaster(GIVEN, 2).fit(pair(60))
    with pytest.raises(ValueError, match=r"fh must be after the cutoff.*but got -1 steps"):
        forecaster.simulate([-1, 1])


def test_direct_paths_are_of_the_steps_that_were_learned():
    forecaster = LagForecaster(GIVEN, 2, strategy="direct").fit(pair(60), fh=[1, 2])
    with pytest.raises(ValueError, match="fh"):
        forecaster.simulate([3])
