"""Paths of the automatic forecaster are drawn from the joint distribution of steps and columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import toeplitz
from scipy.stats import norm

from sklearn_linrnn.forecasting import AutoLagForecaster, LagForecaster
from sklearn_linrnn.forecasting._automatic.correlated_forecasts import (
    error_correlations,
    triangular_root,
)
from sklearn_linrnn.forecasting._automatic.ensemble import Ensemble

N_PATHS = 20_000
SIGMAS = 5.0  # standard errors that a mean over paths may be off by
STEPS = [1, 2, 5]


def autoregression(n_timesteps, weight, seed=0):
    """Return a series with unit noise; a random walk for the weight 1."""
    y = np.random.default_rng(seed).normal(size=n_timesteps)
    for t in range(1, n_timesteps):
        y[t] += weight * y[t - 1]
    return y


def seasonal(n_timesteps=48, seed=0, level=20.0):
    rng, t = np.random.default_rng(seed), np.arange(n_timesteps)
    return level + 3 * np.sin(np.pi * t / 2) + 0.1 * t + rng.normal(size=n_timesteps)


def pair(n_timesteps=60):
    """Return two columns whose steps have a correlation of 0.8."""
    shocks = np.random.default_rng(3).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], n_timesteps)
    return pd.DataFrame(shocks.cumsum(axis=0), columns=["a", "b"])


def drawn(forecaster, fh=STEPS, n_paths=N_PATHS):
    """Return paths (n_paths, n_steps, n_columns)."""
    frame = forecaster.simulate(fh, n_paths, random_state=0)
    return frame.to_numpy().reshape(n_paths, len(fh), -1)


def assert_is_normal(paths, mean, variance):
    """Check the first two moments of paths, of which the errors are known."""
    assert np.abs((paths.mean(axis=0) - mean) / np.sqrt(variance / N_PATHS)).max() < SIGMAS
    assert np.abs(paths.var(axis=0) / variance - 1).max() < SIGMAS * (2 / N_PATHS) ** 0.5


SERIES = {
    "positive, with a season": (seasonal(), 4),
    "with a season": (seasonal(level=0.0), 4),
    "walk": (autoregression(60, 1.0), 1),
    "too short to judge by": (np.array([3.0, 1.0, 4.0, 1.0, 5.0]), 1),
    "three steps": (np.array([3.0, 1.0, 4.0]), 1),
}


@pytest.mark.parametrize("kind", SERIES)
def test_paths_have_the_means_and_variances_that_are_predicted(kind):
    y, sp = SERIES[kind]
    forecaster = AutoLagForecaster(sp).fit(pd.Series(y), fh=STEPS)
    mean, variance = forecaster.predict(), forecaster.predict_var()
    assert_is_normal(drawn(forecaster)[:, :, 0], mean.to_numpy(), variance.to_numpy()[:, 0])


def test_quantiles_of_paths_are_those_that_are_predicted():
    forecaster = AutoLagForecaster(4).fit(pd.Series(seasonal()), fh=STEPS)
    levels = np.array([0.05, 0.5, 0.9])
    found = np.quantile(drawn(forecaster)[:, :, 0], levels, axis=0).T
    expected = forecaster.predict_quantiles(alpha=levels.tolist()).to_numpy()
    deviation = np.sqrt(forecaster.predict_var().to_numpy())
    error = np.sqrt(levels * (1 - levels) / N_PATHS) / norm.pdf(norm.ppf(levels))
    assert (np.abs(found - expected) < SIGMAS * error * deviation).all()


@pytest.mark.parametrize("kind", ["positive, with a season", "walk"])
def test_sums_over_the_horizon_vary_as_the_correlations_say(kind):
    y, sp = SERIES[kind]
    forecaster = AutoLagForecaster(sp).fit(pd.Series(y), fh=range(1, 7))
    deviation = np.sqrt(forecaster.predict_var().to_numpy()[:, 0])
    correlations = error_correlations(Ensemble.fit(y, (sp,) if sp > 1 else (), 6), 6)
    expected = deviation @ correlations @ deviation
    totals = drawn(forecaster, range(1, 7)).sum(axis=(1, 2))
    assert_is_normal(totals, forecaster.predict().sum(), expected)
    assert expected > 1.5 * np.square(deviation).sum()


def effects(fit, number, n_ahead):
    """Return what a unit error of each step, a column, adds to all steps, (n_ahead, n_ahead).

    It goes through the recursion of one memory, and what adds up from it.
    """
    form, recursion = fit.data.form, fit.recursion[number, 0]
    found = np.zeros((n_ahead, n_ahead))
    for source in range(n_ahead):
        course = [0.0] * len(recursion)
        for step in range(n_ahead):
            now = sum(w * x for w, x in zip(recursion, course[::-1], strict=False))
            course.append(now + (step == source))
        whole = np.array(course[len(course) - n_ahead :], dtype=float)
        for over, memory in zip(form.differences, form.memories[number], strict=True):
            whole[over:] -= memory * whole[:-over].copy()
            for step in range(over, n_ahead):
                whole[step] += whole[step - over]
        found[:, source] = whole * fit.data.scale
    return found


@pytest.mark.parametrize("kind", SERIES)
def test_correlations_by_their_definition(kind):
    y, sp = SERIES[kind]
    n_ahead = 5
    ensemble = Ensemble.fit(y, (sp,) if sp > 1 else (), n_ahead)
    combined = ensemble.forecast(n_ahead)[0][0] / ensemble.unit
    mixture = np.zeros((n_ahead, n_ahead))
    candidates = [(member, drift) for member in ensemble.members for drift in member.drifts]
    mean, variance = ensemble.paths(n_ahead)
    for place, (member, drift) in enumerate(candidates):
        (path,), own = mean[place], np.zeros((n_ahead, n_ahead))
        for fit, shares in member.last_shares(drift):
            for number, share in enumerate(shares):
                effect = effects(fit, number, n_ahead)
                own += share * fit.ridge.noise_variance[number, 0] * effect @ effect.T
        if member.data.form.logarithm:
            own *= np.outer(path, path)
        assert_allclose(np.diagonal(own), variance[place, 0], rtol=1e-9, atol=1e-300)
        off = path - combined
        mixture += ensemble.combination.probabilities[place] * (own + np.outer(off, off))
    scale = np.sqrt(np.diagonal(mixture))
    found = error_correlations(ensemble, n_ahead)
    assert_allclose(found, mixture / np.outer(scale, scale), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("weight", "tolerance"), [(1.0, 0.1), (0.8, 0.2)])
def test_errors_of_known_processes_go_together_as_they_do(weight, tolerance):
    n_ahead = 6
    effect = np.tril(toeplitz(weight ** np.arange(n_ahead)))
    covariance = effect @ effect.T
    deviation = np.sqrt(np.diagonal(covariance))
    expected = covariance / np.outer(deviation, deviation)
    found = np.mean(
        [
            error_correlations(Ensemble.fit(autoregression(300, weight, seed), (), 6), n_ahead)
            for seed in range(6)
        ],
        axis=0,
    )
    for n_steps in range(2, n_ahead + 1):
        some = deviation[:n_steps]
        total, known = (some @ one[:n_steps, :n_steps] @ some for one in (found, expected))
        assert abs(total / known - 1) < tolerance


def test_a_root_may_be_of_a_singular_covariance():
    rng = np.random.default_rng(0)
    for rank in (0, 1, 3, 6):
        half = rng.normal(size=(6, rank))
        root = triangular_root(half @ half.T)
        assert_allclose(root @ root.T, half @ half.T, atol=1e-12)
        assert_allclose(root, np.tril(root))
        assert (np.diagonal(root) >= 0).all()


def test_errors_of_columns_correlate_as_those_that_were_made():
    y = pair()
    forecaster = AutoLagForecaster(1).fit(y, fh=STEPS)
    paths = drawn(forecaster)
    for column, name in enumerate(y):
        variance = forecaster.predict_var()[name].to_numpy()
        assert_is_normal(paths[:, :, column], forecaster.predict()[name].to_numpy(), variance)
    seen = forecaster.predict(range(-50, 1)) - y[-51:]
    seen = seen[seen.notna().all(axis=1)]
    expected = seen["a"] @ seen["b"] / np.sqrt(np.square(seen).sum().prod())
    assert abs(expected - 0.8) < 0.2
    error = SIGMAS / N_PATHS**0.5
    for step, tolerance in zip(range(3), (error, 0.1, 0.2), strict=True):
        assert abs(np.corrcoef(paths[:, step].T)[0, 1] - expected) < tolerance
    # In the other order there are the same correlations.
    swapped = drawn(AutoLagForecaster(1).fit(y[["b", "a"]]))
    assert_allclose(np.corrcoef(swapped[:, 0].T), np.corrcoef(paths[:, 0].T), atol=2 * error)


def test_columns_that_were_never_observed_together_are_independent():
    y = pair()
    y.loc[::2, "a"] = y.loc[1::2, "b"] = np.nan
    paths = drawn(AutoLagForecaster(1).fit(y))
    assert abs(np.corrcoef(paths[:, 0].T)[0, 1]) < SIGMAS / N_PATHS**0.5


def test_paths_begin_where_what_is_new_ends():
    y = pd.Series(seasonal())
    forecaster = AutoLagForecaster(4).fit(y[:40], fh=STEPS)
    forecaster.update(y[40:] + 30.0, update_params=False)
    variance = forecaster.predict_var().to_numpy()[:, 0]
    assert_is_normal(drawn(forecaster)[:, :, 0], forecaster.predict().to_numpy(), variance)
    assert list(forecaster.simulate(n_paths=1).loc[0].index) == [48, 49, 52]


def test_what_was_learned_of_logarithms_takes_no_part_in_paths_of_negative_values():
    y = pd.Series(seasonal())
    forecaster = AutoLagForecaster(4).fit(y, fh=STEPS)
    assert "logarithm" in set(forecaster.summary()["scale"])
    forecaster.update(pd.Series([-500.0, -400.0], [48, 49]), update_params=False)
    variance = forecaster.predict_var().to_numpy()[:, 0]
    assert_is_normal(drawn(forecaster)[:, :, 0], forecaster.predict().to_numpy(), variance)


@pytest.mark.parametrize("level", [0.0, -2.5, 1e9])
def test_a_constant_has_constant_paths(level):
    forecaster = AutoLagForecaster(4).fit(pd.Series(np.full(30, level)))
    assert_allclose(forecaster.simulate([1, 5], 3), level, rtol=1e-6)


def test_a_panel_has_one_frame_and_its_series_are_independent():
    index = pd.period_range("2000Q1", periods=48, freq="Q", name="quarter")
    parts = {name: pd.DataFrame({"a": seasonal(seed=1)}, index) for name in "uv"}
    parts["short"] = parts["u"][-2:]
    with pytest.warns(UserWarning, match="Too short"):
        forecaster = AutoLagForecaster().fit(pd.concat(parts, names=["shop"]), fh=STEPS)
    found = forecaster.simulate(n_paths=N_PATHS, random_state=0)
    forecast, variance = forecaster.predict(), forecaster.predict_var()
    assert found.index.names == ["path", "shop", "quarter"]
    assert found.loc[7].index.equals(forecast.index)
    paths = found.to_numpy().reshape(N_PATHS, 9)
    assert_is_normal(paths, forecast.to_numpy()[:, 0], variance.to_numpy()[:, 0])
    assert np.abs(np.corrcoef(paths.T)[:3, 3:]).max() < SIGMAS / N_PATHS**0.5


def test_a_seed_draws_the_same_paths():
    forecaster = AutoLagForecaster(4).fit(pd.Series(seasonal()), fh=STEPS)
    first, again, other = (forecaster.simulate(random_state=seed) for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)
    assert first.shape == (3000, 1)


@pytest.mark.parametrize("forecaster", [AutoLagForecaster(1), LagForecaster(n_lags=2)], ids=repr)
def test_a_call_that_fails_changes_nothing(forecaster):
    fitted = forecaster.clone().fit(pair(), fh=[1, 2])
    with pytest.raises(ValueError, match=r"fh must be after the cutoff.*but got -1 steps"):
        fitted.simulate([-1, 1])
    with pytest.raises(ValueError, match=r"n_paths must be an int of at least 1, but got 0"):
        fitted.simulate([5], n_paths=0)
    assert list(fitted.predict().index) == [60, 61]


def test_a_horizon_beyond_all_memory_says_what_it_needs():
    fitted = AutoLagForecaster(1).fit(pair())
    with pytest.raises(MemoryError, match=r"fh asks for 10000000 steps ahead.* GiB"):
        fitted.simulate([10**7])
