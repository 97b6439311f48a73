"""Intervals are those of the theory, and hold what they promise."""

import numpy as np
import pandas as pd
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose
from scipy.linalg import toeplitz
from scipy.signal import lfilter
from scipy.stats import norm
from scipy.stats import t as student_t

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, WeightedConv1DRegressor
from sklearn_linrnn._core.statistics.serial_noise import SerialNoise
from sklearn_linrnn.forecasting import LagForecaster
from sklearn_linrnn.forecasting._learning import state

N_LAGS = 3
GIVEN = NTKConvRegressor(0.5, alpha=1.0)
MEMORY = NTKConvRegressor(0.5, "auto", "auto", alpha="auto")


def autoregression(n_timesteps, seed=0, coefficients=(0.6, 0.3)):
    noise = np.random.default_rng(seed).normal(size=n_timesteps + 50)
    y = np.zeros(n_timesteps + 50)
    for t in range(2, len(y)):
        y[t] = coefficients[0] * y[t - 1] + coefficients[1] * y[t - 2] + noise[t]
    return pd.Series(y[50:])


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_direct_variances_are_the_posterior_of_the_windows(normalize):
    y, horizons = autoregression(80), [1, 4]
    options = {"strategy": "direct", "normalize": normalize}
    forecaster = LagForecaster(NTKConvRegressor(0.5, alpha=2.0), N_LAGS, **options)
    found = forecaster.fit(y, fh=horizons).predict_var()
    windows = sliding_window_view(y.to_numpy(), N_LAGS)
    level = {
        None: lambda w: 0.0 * w[:, :1],
        "last": lambda w: w[:, -1:],
        "mean": lambda w: w.mean(axis=1, keepdims=True),
    }[normalize]
    known, newest = windows[:-4], windows[-1:]
    targets = np.stack([y[N_LAGS - 1 + h : len(y) - 4 + h] for h in horizons], axis=1)
    model = NTKConvRegressor(0.5, alpha=2.0).fit(known - level(known), targets - level(known))
    std = model.predict(newest - level(newest), return_std=True)[1]
    assert_allclose(np.ravel(found), std[0] ** 2, rtol=1e-7)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_variances_approach_those_of_an_autoregression(strategy):
    y = autoregression(20_000)
    options = {"strategy": strategy, "normalize": None}
    forecaster = LagForecaster(NTKConvRegressor(0.5, alpha=1e-3), N_LAGS, **options)
    found = forecaster.fit(y, fh=[1, 2, 3]).predict_var()
    psi = np.array([1.0, 0.6, 0.6 * 0.6 + 0.3])
    assert_allclose(np.ravel(found), np.cumsum(psi**2), rtol=0.05)


@pytest.mark.parametrize("intervals", ["gaussian", "conformal"])
def test_quantiles_and_intervals_are_one(intervals):
    y = autoregression(200)
    forecaster = LagForecaster(n_lags=N_LAGS, intervals=intervals).fit(y, fh=[1, 3])
    interval = forecaster.predict_interval(coverage=[0.8, 0.9])
    quantiles = forecaster.predict_quantiles(alpha=[0.1, 0.9, 0.05, 0.95, 0.5])
    assert_allclose(interval, quantiles.iloc[:, :4])
    assert_allclose(quantiles.iloc[:, 4], forecaster.predict())
    assert (np.diff(interval.iloc[:, [2, 0, 1, 3]], axis=1) > 0).all()


def test_the_distribution_is_normal():
    y = autoregression(200)
    forecaster = LagForecaster(n_lags=N_LAGS).fit(y, fh=[1, 3])
    law = forecaster.predict_proba()
    assert_allclose(np.ravel(law.mean()), forecaster.predict())
    assert_allclose(np.ravel(law.var()), np.ravel(forecaster.predict_var()))
    std = np.sqrt(np.ravel(forecaster.predict_var()))
    upper = forecaster.predict_quantiles(alpha=[0.9]).iloc[:, 0]
    assert_allclose(upper, forecaster.predict() + norm.ppf(0.9) * std)


TRANSITION = np.array([[0.5, 0.3], [-0.2, 0.6]])


def vector_autoregression(n_timesteps, noise, seed=0):
    errors = np.random.default_rng(seed).multivariate_normal([0, 0], noise, size=n_timesteps)
    y = np.zeros((n_timesteps, 2))
    for t in range(1, len(y)):
        y[t] = TRANSITION @ y[t - 1] + errors[t]
    return pd.DataFrame(y)


@pytest.mark.parametrize("correlation", [0.0, 0.8, -0.8])
def test_joint_recursive_variances_are_those_of_the_process(correlation):
    noise = np.array([[1.0, correlation], [correlation, 1.0]])
    forecaster = LagForecaster(NTKConvRegressor(0.5, alpha=1e-3), 2, normalize=None, joint=True)
    y = vector_autoregression(20_000, noise)
    found = forecaster.fit(y, fh=[1, 2, 5]).predict_var()
    covariance, powers = np.zeros((2, 2)), np.eye(2)
    expected = []
    for _ in range(5):
        covariance += powers @ noise @ powers.T
        powers = TRANSITION @ powers
        expected.append(np.diagonal(covariance).copy())
    assert_allclose(found, np.array(expected)[[0, 1, 4]], rtol=0.05)


def test_joint_recursive_variances_are_those_of_a_dense_twin():
    # Of 30 steps, where the parameters matter; errors of all steps as one long vector.
    y = vector_autoregression(30, np.array([[1.0, 0.8], [0.8, 1.0]])).to_numpy()
    n_ahead, kind = 6, {"normalize": None, "joint": True}
    forecaster = LagForecaster(NTKConvRegressor(0.5, alpha=0.0), 1, **kind).fit(pd.DataFrame(y))
    path = np.vstack([y[-1:], forecaster.predict(fh=range(1, n_ahead + 1))])[:-1]
    design = np.column_stack([np.ones(len(y) - 1), y[:-1]])
    parameters = np.linalg.lstsq(design, y[1:])[0]
    residuals = y[1:] - design @ parameters
    noise = residuals.T @ residuals / (len(design) - 3)
    rows = np.column_stack([np.ones(n_ahead), path])
    together = np.eye(n_ahead) + rows @ np.linalg.solve(design.T @ design, rows.T)
    powers = [np.linalg.matrix_power(parameters[1:].T, i) for i in range(n_ahead)]
    effects = np.block(
        [
            [powers[h - i] if i <= h else np.zeros((2, 2)) for i in range(n_ahead)]
            for h in range(n_ahead)
        ]
    )
    expected = np.diagonal(effects @ np.kron(together, noise) @ effects.T)
    found = forecaster.predict_var(fh=range(1, n_ahead + 1))
    assert_allclose(np.ravel(found), expected, rtol=1e-8)


def swinging(n_timesteps, seed=0, n_columns=1):
    """Return series that swing, of which one lag does not know whether they rise or fall."""
    noise = np.random.default_rng(seed).normal(size=(n_timesteps + 200, n_columns))
    noise[:, 1:] += noise[:, :1]
    return pd.DataFrame(lfilter([1.0], [1.0, -1.5, 0.63], noise, axis=0)[200:])


@pytest.mark.parametrize("joint", [False, True])
def test_errors_that_are_not_white_add_up_as_those_of_paths(joint):
    y, n_paths, fh = swinging(300, n_columns=2), 20_000, [1, 2, 5, 12]
    forecaster = LagForecaster(GIVEN, 1, normalize=None, joint=joint).fit(y, fh=fh)
    assert (forecaster.noise_predictability_ > 0.1).all()
    paths = forecaster.simulate(fh, n_paths, random_state=0).to_numpy().reshape(n_paths, 4, 2)
    assert_allclose(paths.var(axis=0), forecaster.predict_var(), rtol=6 * (2 / n_paths) ** 0.5)


def test_errors_that_are_not_white_add_up_as_in_a_dense_twin():
    y, n_ahead = swinging(200), 8
    forecaster = LagForecaster(NTKConvRegressor(0.5, alpha=0.0), 1, normalize=None).fit(y)
    found = np.ravel(forecaster.predict_var(fh=range(1, n_ahead + 1)))
    (estimator,) = forecaster.estimators_
    slope, variance = estimator.impulse_response_.item(), estimator.noise_variance_.item()
    course = y.to_numpy()[:, 0]
    residuals = course[1:] - slope * course[:-1] - estimator.intercept_
    memory = SerialNoise.of([residuals]).memory
    assert len(memory) > 1
    correlations = np.correlate(memory, memory, "full")[len(memory) - 1 :][:n_ahead]
    ahead = np.append(course[-1:], forecaster.predict(fh=range(1, n_ahead)))
    design = np.column_stack([np.ones(len(course) - 1), course[:-1]])
    rows = np.column_stack([np.ones(n_ahead), ahead])
    together = toeplitz(correlations) + rows @ np.linalg.solve(design.T @ design, rows.T)
    effects = np.tril(slope ** np.clip(np.subtract.outer(range(n_ahead), range(n_ahead)), 0, None))
    assert_allclose(found, variance * np.diagonal(effects @ together @ effects.T), rtol=1e-7)


def test_series_are_passed_once_for_their_noise(monkeypatch):
    passes, found = [], state.one_step_noise
    monkeypatch.setattr(state, "one_step_noise", lambda *all: passes.append(1) or found(*all))
    y = swinging(120)
    forecaster = LagForecaster(GIVEN, 1).fit(y[:100], fh=[1, 2])
    forecaster.predict()
    assert len(passes) == 0  # which needs none
    forecaster.predict_var()
    forecaster.predict_interval(fh=[5])
    forecaster.simulate(n_paths=2, random_state=0)
    assert len(passes) == 1
    found_before = forecaster.noise_predictability_
    assert not found_before.equals(forecaster.update(y[100:]).noise_predictability_)
    assert len(passes) == 2


def test_whether_errors_are_white_is_said():
    y = autoregression(500)
    assert LagForecaster(GIVEN, 2, normalize=None).fit(y).noise_predictability_.tolist() == [0.0]
    (found,) = LagForecaster(GIVEN, 1, normalize=None).fit(swinging(5000)).noise_predictability_
    # The variance of an autoregression of order one is the innovations' over 1 - 0.63^2.
    assert found == pytest.approx(0.63**2, abs=0.03)
    direct = LagForecaster(GIVEN, 2, strategy="direct").fit(y, fh=[1, 2])
    assert len(direct.noise_predictability_) == 0


@pytest.mark.slow
def test_intervals_of_a_model_with_too_few_lags_cover_what_they_promise():
    fh, inside = [1, 2, 5], []
    for seed in range(300):
        y = swinging(205, seed)
        forecaster = LagForecaster(GIVEN, 1, normalize=None).fit(y[:200], fh=fh)
        lower, upper = forecaster.predict_interval(coverage=0.9).to_numpy().T
        truth = y.to_numpy()[[200, 201, 204], 0]
        inside.append((lower <= truth) & (truth <= upper))
    assert_allclose(np.mean(inside, axis=0), 0.9, atol=0.06)


@pytest.mark.parametrize(
    "forecaster",
    [
        LagForecaster(n_lags=N_LAGS),
        LagForecaster(n_lags=N_LAGS, normalize=None),
        LagForecaster(n_lags=N_LAGS, intervals="conformal"),
        LagForecaster(n_lags=N_LAGS, strategy="direct"),
        LagForecaster(n_lags=N_LAGS, strategy="direct", intervals="conformal"),
        LagForecaster(NTKConvRegressor(0.5, alpha=0.0, n_steps=200), N_LAGS),
        LagForecaster(WeightedConv1DRegressor(), N_LAGS),
        LagForecaster(LinearRNNRegressor(50, random_state=0), N_LAGS),
    ],
    ids=repr,
)
def test_intervals_cover_what_they_promise(forecaster):
    y = autoregression(1500)
    forecaster = forecaster.clone().fit(y[:500], fh=[1, 6])
    inside = []
    for end in range(500, 1490, 3):
        interval = forecaster.predict_interval(coverage=0.9).to_numpy()
        truth = y.iloc[[end, end + 5]].to_numpy()
        inside.append((interval[:, 0] <= truth) & (truth <= interval[:, 1]))
        forecaster.update(y[end : end + 3], update_params=False)
    covered = np.mean(inside, axis=0)
    assert ((covered > 0.85) & (covered < 0.95)).all(), covered


def test_conformal_widths_are_ranks_of_errors_that_were_held_out():
    y = autoregression(100)
    forecaster = LagForecaster(MEMORY, N_LAGS, intervals="conformal")
    found = forecaster.fit(y, fh=[1, 2]).predict_interval(coverage=[0.5, 0.9, 0.99])
    early = LagForecaster(MEMORY, N_LAGS).fit(y[:80], fh=[1, 2])
    rolling = early.predict_rolling(y)[80 - N_LAGS :, :, 0]
    for h, row in zip([1, 2], found.to_numpy(), strict=True):
        truth = y[79 + h :].to_numpy()
        errors = np.sort(np.abs(truth - rolling[: len(truth), h - 1]))
        half = (row[1::2] - row[::2]) / 2
        n = len(errors)
        ranks = [int(np.ceil((n + 1) * coverage)) for coverage in (0.5, 0.9)]
        assert_allclose(half[:2], errors[np.array(ranks) - 1])
        assert half[2] >= errors[-1]  # no rank among so few errors


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_few_errors_scale_the_variances_of_the_model(strategy):
    # Ten errors of one step do not have the rank of 95 %, and there is none 12 steps ahead.
    y, fh, options = autoregression(50), [1, 12], {"strategy": strategy, "normalize": None}
    forecaster = LagForecaster(GIVEN, N_LAGS, intervals="conformal", **options).fit(y, fh=fh)
    found = forecaster.predict_interval(coverage=0.95).to_numpy()
    early = LagForecaster(GIVEN, N_LAGS, **options).fit(y[:40], fh=fh)
    units = []
    for end in range(40, 50):
        mean, variance = early.predict(), early.predict_var().iloc[0, 0]
        units.append((y[end] - mean.iloc[0]) / variance**0.5)
        early.update(y[end : end + 1], update_params=False)
    own = LagForecaster(GIVEN, N_LAGS, **options).fit(y, fh=fh).predict_var().to_numpy()[:, 0]
    expected = student_t.ppf(0.975, len(units)) * np.sqrt(np.mean(np.square(units)) * own)
    assert_allclose((found[:, 1] - found[:, 0]) / 2, expected, rtol=1e-8)
    variance = forecaster.predict_var().iloc[1, 0]
    assert_allclose(variance, np.mean(np.square(units)) * own[1], rtol=1e-8)


def test_wider_intervals_contain_narrower_ones_where_ranks_end():
    coverages = [0.5, 0.8, 0.9, 0.92, 0.95, 0.999]
    forecaster = LagForecaster(GIVEN, N_LAGS, intervals="conformal")
    for seed in range(10):
        found = forecaster.fit(autoregression(60, seed), fh=[1]).predict_interval(
            coverage=coverages
        )
        assert (np.diff(found.to_numpy()[:, 1::2]) >= 0).all()


def test_without_a_first_part_to_learn_from_intervals_are_gaussian():
    y = autoregression(6)
    gaussian, conformal = (
        LagForecaster(GIVEN, N_LAGS, intervals=intervals).fit(y, fh=[1, 2])
        for intervals in ("gaussian", "conformal")
    )
    assert_allclose(conformal.predict_interval(), gaussian.predict_interval())
    assert_allclose(conformal.predict_var(), gaussian.predict_var())


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_conformal_intervals_of_short_series_cover_what_they_promise(strategy):
    # Of 20 steps, where four errors do not have the rank of 90 %.
    forecaster = LagForecaster(GIVEN, 2, normalize=None, strategy=strategy, intervals="conformal")
    inside = []
    for seed in range(400):
        y = autoregression(21, seed)
        lower, upper = forecaster.fit(y[:20], fh=[1]).predict_interval(coverage=0.9).iloc[0]
        inside.append(lower <= y[20] <= upper)
    assert 0.85 < np.mean(inside) < 0.95


def test_conformal_forecasts_are_those_of_all_data():
    y = autoregression(100)
    gaussian = LagForecaster(n_lags=N_LAGS).fit(y, fh=[1, 2])
    conformal = LagForecaster(n_lags=N_LAGS, intervals="conformal").fit(y, fh=[1, 2])
    assert_allclose(conformal.predict(), gaussian.predict(), rtol=1e-9)


def test_covariances_are_not_there():
    forecaster = LagForecaster(n_lags=N_LAGS).fit(autoregression(60), fh=[1, 2])
    with pytest.raises(NotImplementedError, match="cov=False"):
        forecaster.predict_var(cov=True)


@pytest.mark.parametrize("power", [*range(-516, -498, 3), -490, -300, 300, 480])
def test_intervals_have_the_unit_of_the_series_or_it_is_refused(power):
    rng = np.random.default_rng(0)
    y = pd.Series(np.sin(np.arange(60) / 5) + 0.3 * rng.normal(size=60))
    forecaster, scaled = LagForecaster(n_lags=4), np.ldexp(y, power)
    if power < -498:
        with pytest.raises(ValueError, match="is too small"):
            forecaster.fit(scaled, fh=[1, 2])
        return
    expected = forecaster.fit(y, fh=[1, 2]).predict_interval(coverage=0.9)
    found = forecaster.fit(scaled, fh=[1, 2]).predict_interval(coverage=0.9)
    assert_allclose(np.ldexp(found, -power), expected, rtol=1e-6)
