"""How likely candidates are, and the errors of a combination if one of them is true."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn.forecasting._automatic.combination import (
    COST,
    LARGEST_SQUARE,
    PRIOR_ORIGINS,
)
from sklearn_linrnn.forecasting._automatic.ensemble import Ensemble
from sklearn_linrnn.forecasting._automatic.mixture import (
    COUNTED,
    StepsExplained,
    mixture_variance,
)
from sklearn_linrnn.forecasting._automatic.rolling_fits import RollingForm
from sklearn_linrnn.forecasting._automatic.trimmed import trimmed_mean

WEIGHTS = np.array([0.5, 0.3, 0.2])


def explained(log_density, n_targets):
    """Return what is said before one origin."""
    columns = (np.array(one, dtype=float)[:, None] for one in (log_density, n_targets))
    return StepsExplained(np.array([99]), *columns)


def test_probabilities_are_shares_of_the_densities_of_common_steps():
    log_density, n_targets = [-1.0, -1.2, -3.0], [20, 12, 16]
    densities = [math.exp(COUNTED * 12 * one) for one in log_density]
    expected = [
        (12 * density / sum(densities) + weight) / 13
        for density, weight in zip(densities, WEIGHTS, strict=True)
    ]
    (found,) = explained(log_density, n_targets).probabilities(WEIGHTS).T
    assert_allclose(found, expected)
    assert_allclose(found.sum(), 1.0)


def test_a_candidate_without_a_fit_is_as_likely_as_one_step_says():
    (found,) = explained([-1.0, np.nan, -1.0], [9, np.nan, 9]).probabilities(WEIGHTS).T
    assert_allclose(found, (9 * np.array([0.5, 0.0, 0.5]) + WEIGHTS) / 10)
    (found,) = explained([np.nan] * 3, [np.nan] * 3).probabilities(WEIGHTS).T
    assert_allclose(found, WEIGHTS)


@pytest.mark.parametrize("worse", [-1e3, -1e300, -np.inf])
def test_what_explains_all_is_not_certain(worse):
    (found,) = explained([np.inf, worse, worse], [9, 9, 9]).probabilities(WEIGHTS).T
    assert_allclose(found, (9 * np.array([1.0, 0.0, 0.0]) + WEIGHTS) / 10)
    (found,) = explained([np.inf, np.inf, worse], [9, 9, 9]).probabilities(WEIGHTS).T
    assert_allclose(found, (9 * np.array([0.5, 0.5, 0.0]) + WEIGHTS) / 10)


def test_a_mixture_without_extremes_has_the_mean_square_of_draws():
    rng = np.random.default_rng(0)
    mean, deviation = np.zeros(20), rng.uniform(1, 1.001, size=20)
    mean[:10], mean[10:] = 1.0, 3.0
    which = rng.integers(20, size=200_000)
    draws = mean[which] + deviation[which] * rng.normal(size=len(which))
    found = mixture_variance(mean, deviation**2, np.full(20, 0.05), np.array(2.0))
    assert_allclose(found, np.mean((draws - 2.0) ** 2), rtol=0.01)


def ensemble_by_definition(y, seasons, horizon):
    """Return variances (horizon,) of the combined forecast, by loops over origins and steps."""
    ensemble = Ensemble.fit(y, seasons, horizon)
    y, weights = ensemble.y, ensemble.combination.weights
    ends = [*ensemble.origins, len(y)]
    members = [
        RollingForm.of(member.data.form, (drift,), y, np.array(ends))
        for member in ensemble.members
        for drift in member.drifts
    ]
    paths, said = [one.paths(horizon) for one in members], [one.evidence()[:, 0] for one in members]
    squares, variances = [], []
    for origin, end in enumerate(ends):
        fitted = [one for one in said if np.isfinite(one[0, origin])]
        n_common = min((one[1, origin] for one in fitted), default=0)
        likelihoods = [math.exp(COUNTED * n_common * one[0, origin]) for one in fitted]
        shares = iter(n_common * np.array(likelihoods) / sum(likelihoods))
        probabilities = [
            (weight + (next(shares) if np.isfinite(one[0, origin]) else 0.0)) / (n_common + 1)
            for one, weight in zip(said, weights, strict=True)
        ]
        errors, variances = [], []
        for step in range(horizon):
            mean = np.array([path.mean[0, origin, step] for path in paths])
            own = np.array([path.variance[0, origin, step] for path in paths])
            centre = float(trimmed_mean(mean, weights))
            spread = float(trimmed_mean(own + (mean - centre) ** 2, np.array(probabilities)))
            variances.append((1 + COST / end) * spread)
            if end + step < len(y):
                errors.append((y[end + step] - centre) ** 2 / variances[-1])
        if errors:
            squares.append(min(np.mean(errors), LARGEST_SQUARE))
    excess = (PRIOR_ORIGINS + sum(squares)) / (PRIOR_ORIGINS + len(squares))
    return ensemble.unit**2 * excess * np.array(variances)


def autoregression(n_timesteps, seed=0):
    y = np.random.default_rng(seed).normal(size=n_timesteps)
    for t in range(1, n_timesteps):
        y[t] += 0.8 * y[t - 1]
    return y


@pytest.mark.parametrize("level", [0.0, 30.0])
@pytest.mark.parametrize("seasons", [(), (4,)])
@pytest.mark.parametrize("n_timesteps", [4, 9, 30])
def test_variances_by_their_definition(n_timesteps, seasons, level):
    y, horizon = level + autoregression(n_timesteps), 5
    expected = ensemble_by_definition(y, seasons, horizon)
    _, (deviation,) = Ensemble.fit(y, seasons, horizon).forecast(horizon)
    assert_allclose(deviation**2, expected, rtol=1e-7)


def test_second_differences_of_a_long_series_of_noise_are_all_but_impossible():
    ensemble = Ensemble.fit(np.random.default_rng(0).normal(size=300), (), 6)
    twice = np.repeat(
        [member.data.form.differences == (1, 1) for member in ensemble.members],
        [len(member.drifts) for member in ensemble.members],
    )
    assert ensemble.combination.weights[twice].sum() > 0.1
    assert ensemble.combination.probabilities[twice].sum() < 0.01
