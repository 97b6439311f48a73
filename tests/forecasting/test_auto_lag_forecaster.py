"""The automatic forecaster: what it does on series of all kinds, and what it says of itself."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sktime.datasets import load_airline

from sklearn_linrnn.forecasting import AutoLagForecaster

STEPS = range(1, 9)
QUANTILES = [0.025, 0.5, 0.975]


def forecasts(y, sp=1, steps=STEPS):
    return AutoLagForecaster(sp).fit(pd.Series(y), fh=steps).predict().to_numpy()


def seasonal(n_timesteps=60, season=4, noise=0.3, seed=0):
    rng, t = np.random.default_rng(seed), np.arange(n_timesteps)
    return np.sin(2 * np.pi * t / season) + 0.05 * t + noise * rng.normal(size=n_timesteps)


@pytest.mark.parametrize("sp", [1, 4])
def test_forecasts_have_the_unit_of_the_series(sp):
    y = seasonal() + 5.0
    assert_allclose(forecasts(1e6 * y, sp), 1e6 * forecasts(y, sp), rtol=1e-6)


def said(y):
    """Return forecasts, variances, quantiles and paths."""
    forecaster = AutoLagForecaster(1).fit(pd.DataFrame(y), fh=STEPS)
    quantiles = forecaster.predict_quantiles(alpha=QUANTILES)
    paths = forecaster.simulate([1, 5], 3, random_state=0)
    found = forecaster.predict(), forecaster.predict_var(), quantiles, paths
    return [one.to_numpy() for one in found]


@settings(max_examples=4, deadline=None)
@given(st.integers(-950, 455), st.booleans(), st.integers(0, 2**16))
@example(-565, True, 0)
@example(-950, False, 0)
def test_what_is_said_has_the_unit_of_the_series_down_to_the_last_digit(power, positive, seed):
    y = seasonal(16, seed=seed)[:, None] + (3.0 if positive else -0.5) + [[0.0, 1.0]]
    mean, variance, quantiles, paths = said(y)
    found = said(np.ldexp(y, power))
    for place, expected in ((0, mean), (2, quantiles), (3, paths)):
        assert_array_equal(found[place], np.ldexp(expected, power))
    if power > -450:  # else they are too small for float64
        assert_array_equal(found[1], np.ldexp(variance, 2 * power))


@pytest.mark.parametrize("sp", [1, 4])
def test_forecasts_of_series_without_logarithms_move_with_their_level_and_sign(sp):
    y = seasonal() - 1.5
    found = forecasts(y, sp)
    assert_allclose(forecasts(y - 100.0, sp), found - 100.0, rtol=1e-6)
    assert_allclose(forecasts(-y, sp), -found, rtol=1e-6)


@pytest.mark.parametrize("n_timesteps", [3, 4, 5, 9, 30])
@pytest.mark.parametrize("level", [0.0, 7.0, -2.5, 1e9])
def test_a_constant_goes_on_and_is_certain(level, n_timesteps):
    forecaster = AutoLagForecaster(4).fit(pd.Series(np.full(n_timesteps, level)), fh=STEPS)
    assert_allclose(forecaster.predict(), level, rtol=1e-9)
    assert_allclose(forecaster.predict_quantiles(alpha=QUANTILES), level, rtol=1e-6)


@pytest.mark.parametrize("level", [0.0, -40.0, 10.0])
def test_a_pattern_without_noise_goes_on(level):
    y = level + np.tile([3.0, -1.0, 4.0, 1.0, -5.0], 14)
    assert_allclose(forecasts(y[:60], sp=5), y[60:68], atol=0.05)


def test_a_line_goes_on():
    line = 5.0 + 2.0 * np.arange(48)
    assert_allclose(forecasts(line[:40]), line[40:], rtol=1e-3)
    assert_allclose(forecasts(30.0 - line[:40]), 30.0 - line[40:], rtol=1e-3)


KINDS = {
    "noise": lambda rng, n: rng.normal(size=n),
    "walk": lambda rng, n: rng.normal(size=n).cumsum(),
    "counts": lambda rng, n: rng.poisson(0.3, n).astype(float),
    "growth": lambda rng, n: np.exp(0.2 * np.arange(n) + 0.01 * rng.normal(size=n)),
    "outlier": lambda rng, n: rng.normal(size=n) + 1e6 * (np.arange(n) == n // 2),
    "jump": lambda rng, n: rng.uniform(1, 2, size=n) + 1e3 * (np.arange(n) > n // 2),
    "tiny": lambda rng, n: 1e-300 * rng.uniform(1, 2, size=n),
    "huge": lambda rng, n: 1e100 * rng.normal(size=n),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_timesteps", [3, 5, 8, 26])
def test_forecasts_stay_near_what_was_seen(kind, n_timesteps):
    y = KINDS[kind](np.random.default_rng(0), n_timesteps)
    n_ahead = 3 * n_timesteps
    forecaster = AutoLagForecaster(4).fit(pd.Series(y))
    found = forecaster.predict(fh=range(1, n_ahead + 1)).to_numpy()
    beyond = np.maximum(found - y.max(), y.min() - found).max()
    assert beyond <= 8.0 * np.ptp(y)  # five widths, and three for the horizon
    quantiles = forecaster.predict_quantiles(fh=STEPS, alpha=QUANTILES).to_numpy()
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_forecasts_far_ahead_stay_within_ten_widths(kind):
    y = KINDS[kind](np.random.default_rng(1), 7)
    found = AutoLagForecaster(1).fit(pd.Series(y)).predict(fh=range(1, 101)).to_numpy()
    beyond = np.maximum(found - y.max(), y.min() - found).max()
    assert beyond <= 10.0 * np.ptp(y) * (1.0 + 1e-12)


def test_intervals_hold_about_as_often_as_they_say():
    inside = []
    for seed in range(40):
        y = np.random.default_rng(seed).normal(size=72).cumsum()
        forecaster = AutoLagForecaster(1).fit(pd.Series(y[:60]), fh=range(1, 13))
        low, high = forecaster.predict_interval(coverage=0.9).to_numpy().T
        inside.append((y[60:] >= low) & (y[60:] <= high))
    assert 0.8 < np.mean(inside) < 1.0


@pytest.mark.parametrize(
    ("frequency", "seasons"),
    [("M", (12,)), ("Q", (4,)), ("Y", ()), ("W", (52,)), ("D", (7, 364)), ("h", (24, 168))],
)
def test_the_index_says_the_seasons(frequency, seasons):
    index = pd.period_range("2000-01-03", periods=30, freq=frequency)
    y = pd.Series(np.random.default_rng(0).normal(size=30), index=index)
    assert AutoLagForecaster().fit(y).seasons_ == seasons
    assert AutoLagForecaster(5).fit(y).seasons_ == (5,)
    assert AutoLagForecaster([6, 3]).fit(y).seasons_ == (3, 6)
    assert AutoLagForecaster(1).fit(y).seasons_ == ()


def test_several_seasons_are_all_of_use():
    t, rng = np.arange(200), np.random.default_rng(0)
    y = np.sin(2 * np.pi * t / 7) + np.cos(2 * np.pi * t / 31) ** 3 + 0.3 * rng.normal(size=200)
    both, one = (
        np.abs(forecasts(y[:170], sp, range(1, 31)) - y[170:]).mean() for sp in ([7, 31], 7)
    )
    assert both < 0.8 * one


def test_a_season_is_looked_for_from_two_of_its_lengths_on():
    y = pd.Series(seasonal(24, season=12))
    short, whole = (AutoLagForecaster(12).fit(part).summary() for part in (y[:23], y))
    assert set(short["pattern"]) == {()}
    assert (12,) in set(whole["pattern"])


def test_the_summary_says_what_was_combined_and_why():
    forecaster = AutoLagForecaster(4).fit(pd.Series(seasonal() + 5.0), fh=STEPS)
    summary = forecaster.summary()
    assert_allclose(summary["weight"].sum(), 1.0)
    assert (np.diff(summary["weight"]) <= 0).all()
    assert (np.diff(summary["mean_absolute_error"]) >= 0).all()
    assert set(summary["scale"]) == {"as is", "logarithm"}
    fitted = forecaster.get_fitted_params()
    assert fitted["candidates"].equals(summary)
    assert fitted["horizon"] == 8
    assert fitted["n_origins"] == 6
    assert fitted["seasons"] == (4,)


def test_a_series_too_short_to_judge_by_has_equal_weights():
    forecaster = AutoLagForecaster(1).fit(pd.Series([1.0, 3.0, 2.0, 5.0, 4.0]))
    assert forecaster.n_origins_ == 0
    assert len(set(forecaster.summary()["weight"])) == 1
    assert forecaster.summary()["mean_absolute_error"].isna().all()


def test_the_horizon_is_that_of_fit_or_follows_the_season():
    y = pd.Series(seasonal())
    assert AutoLagForecaster(4).fit(y, fh=[2, 11]).horizon_ == 11
    assert [AutoLagForecaster(sp).fit(y).horizon_ for sp in (1, 4, 12)] == [6, 6, 18]


def test_a_gap_is_filled_on_a_line():
    y = pd.Series(seasonal())
    gap, line = y.copy(), y.copy()
    gap[20:22] = np.nan
    line[20], line[21] = y[19] + (y[22] - y[19]) / 3, y[19] + 2 * (y[22] - y[19]) / 3
    assert_allclose(forecasts(gap, 4), forecasts(line, 4), rtol=1e-9)


def test_update_learns_what_a_fit_to_the_whole_would():
    y = load_airline()
    whole = AutoLagForecaster().fit(y, fh=STEPS)
    grown = AutoLagForecaster().fit(y[:100], fh=STEPS).update(y[100:])
    assert_allclose(grown.predict(), whole.predict(), rtol=1e-12)
    assert grown.predict().index.equals(whole.predict().index)


def test_an_update_without_learning_forecasts_from_what_is_new():
    y = load_airline()
    kept, lifted = (AutoLagForecaster().fit(y[:100], fh=[1, 2, 3]) for _ in range(2))
    candidates = kept.summary()
    kept.update(y[100:104], update_params=False)
    lifted.update(y[100:104] + 200.0, update_params=False)
    for one in (kept, lifted):
        assert one.summary().equals(candidates)
        assert one.predict().index.equals(y.index[104:107])
    assert (lifted.predict() > kept.predict() + 50.0).all()


def test_what_was_learned_of_logarithms_says_nothing_of_negative_values():
    y = load_airline()
    forecaster = AutoLagForecaster().fit(y[:100], fh=[1, 2, 3])
    assert "logarithm" in set(forecaster.summary()["scale"])
    forecaster.update(y[100:104] - 500.0, update_params=False)
    assert np.isfinite(forecaster.predict_interval()).all(axis=None)
    assert (forecaster.predict() < 200.0).all()


def test_forecasts_in_the_past_are_of_one_step():
    y = load_airline()
    forecaster = AutoLagForecaster().fit(y)
    found = forecaster.predict(fh=range(-59, 1))
    assert found.index.equals(y.index[-60:])
    errors, steps = np.abs(found - y[-60:]), np.abs(np.diff(y))[-60:]
    assert errors.mean() < 0.5 * steps.mean()
    early = forecaster.predict(fh=[-143, -142])
    assert early.isna().all()


def test_what_it_learns_does_not_depend_on_what_follows():
    y = load_airline()
    short, long = (AutoLagForecaster().fit(y, fh=[12]) for _ in range(2))
    first = short.predict(fh=[1, 2, 3])
    assert_array_equal(first, long.predict(fh=range(1, 40))[:3])


def test_long_series_are_no_trouble():
    y = seasonal(20_000, season=24)
    found = forecasts(y, sp=24, steps=range(1, 49))
    t = 20_000 + np.arange(48)
    assert_allclose(found, np.sin(2 * np.pi * t / 24) + 0.05 * t, atol=0.3)


@pytest.mark.parametrize("sp", [0, -1, 2.5, True, "12", [4, 0]])
def test_a_season_must_be_a_number_of_steps(sp):
    with pytest.raises(ValueError, match=r"sp must be None, an int of at least 1 .* but got"):
        AutoLagForecaster(sp)


def test_two_observations_are_too_few():
    with pytest.raises(ValueError, match=r"y must have 3 observations .* column 0 has 2"):
        AutoLagForecaster().fit(pd.Series([1.0, np.nan, 2.0]))


@pytest.mark.parametrize("kind", [1e150, -1.7e308])
def test_what_has_no_squares_is_too_large(kind):
    y = pd.Series(seasonal())
    forecaster = AutoLagForecaster(4).fit(y[:50])
    y[55] = kind
    for call in (forecaster.clone().fit, forecaster.update):
        with pytest.raises(ValueError, match="y is too large: its squares overflow float64"):
            call(y)
    assert np.isfinite(forecaster.predict_var(fh=STEPS)).all(axis=None)
