"""Intervals of the automatic forecaster on processes of which the law of the future is known."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from sklearn_linrnn.forecasting._automatic.ensemble import Ensemble

N_AHEAD = 12
AHEAD = np.arange(1, N_AHEAD + 1)
BURN_IN = 100


def noise(shocks):
    return shocks, np.zeros(N_AHEAD), np.ones(N_AHEAD)


def autoregression(shocks, weight=0.95):
    y = shocks.copy()
    for t in range(1, len(y)):
        y[t] += weight * y[t - 1]
    return y, weight**AHEAD * y[-1], (1 - weight ** (2 * AHEAD)) / (1 - weight**2)


def walk(shocks):
    y = shocks.cumsum()
    return y, np.full(N_AHEAD, y[-1]), 1.0 * AHEAD


def smoothed(shocks, memory=0.6):
    """An integrated moving average, what simple exponential smoothing is the best for."""
    y = shocks.cumsum() - memory * np.append(0.0, shocks[:-1].cumsum())
    return y, np.full(N_AHEAD, y[-1] - memory * shocks[-1]), 1 + (AHEAD - 1) * (1 - memory) ** 2


def trend(shocks):
    mean = 0.2 * np.arange(len(shocks) + N_AHEAD)
    return mean[: len(shocks)] + shocks, mean[len(shocks) :], np.ones(N_AHEAD)


def seasonal_walk(shocks, season=4):
    y = shocks.copy()
    for t in range(season, len(y)):
        y[t] += y[t - season]
    return y, y[-season:][(AHEAD - 1) % season], np.ceil(AHEAD / season)


PROCESSES = {
    "noise": (noise, ()),
    "autoregression": (autoregression, ()),
    "walk": (walk, ()),
    "moving average of differences": (smoothed, ()),
    "trend": (trend, ()),
    "seasonal walk": (seasonal_walk, (4,)),
}


def draws(kind, n_timesteps, n_draws):
    """Yield forecast, deviation, and mean and deviation of what follows, (N_AHEAD,) each."""
    process, seasons = PROCESSES[kind]
    for seed in range(n_draws):
        shocks = np.random.default_rng(seed).normal(size=BURN_IN + n_timesteps)
        y, mean, variance = process(shocks)
        (forecast,), (deviation,) = Ensemble.fit(y[BURN_IN:], seasons, N_AHEAD).forecast(N_AHEAD)
        yield forecast, deviation, mean, np.sqrt(variance)


def chance(forecast, deviation, mean, scale, coverage):
    """Return how likely what follows is in the interval, (N_AHEAD,)."""
    half = norm.ppf(0.5 + coverage / 2) * deviation
    upper, lower = ((forecast + sign * half - mean) / scale for sign in (1, -1))
    return norm.cdf(upper) - norm.cdf(lower)


@pytest.mark.parametrize("kind", PROCESSES)
def test_what_follows_is_in_the_interval_about_as_often_as_it_says(kind):
    found = [chance(*draw, 0.95) for draw in draws(kind, 200, 12)]
    assert np.mean(found, axis=0).min() > 0.93
    assert np.mean(found, axis=0).max() < 0.985


@pytest.mark.parametrize("kind", PROCESSES)
def test_variances_are_those_of_the_errors(kind):
    predicted, true = np.zeros(N_AHEAD), np.zeros(N_AHEAD)
    for forecast, deviation, mean, scale in draws(kind, 200, 12):
        predicted += deviation**2
        true += scale**2 + (forecast - mean) ** 2
    assert (predicted / true > 0.85).all()
    assert (predicted / true < 1.5).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", PROCESSES)
def test_numbers_inside_are_binomial(kind):
    n_draws, rng = 200, np.random.default_rng(0)
    off = []
    for forecast, deviation, mean, scale in draws(kind, 300, n_draws):
        truth = mean + scale * rng.normal(size=N_AHEAD)
        off.append(np.abs(truth - forecast) / deviation)
    for outside in (0.2, 0.05):
        inside = (np.array(off) <= norm.isf(outside / 2)).sum(axis=0)
        assert (binom.cdf(inside, n_draws, 1 - 1.4 * outside) > 1e-3).all()
        assert (binom.sf(inside - 1, n_draws, 1 - 0.6 * outside) > 1e-3).all()
