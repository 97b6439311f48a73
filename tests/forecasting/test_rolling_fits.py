"""Fits at all origins equal fits to the steps before each of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import lognorm, norm

from sklearn_linrnn._core.closed_form.averaged_ridge import averaged_ridge
from sklearn_linrnn.forecasting._automatic.forms import (
    MEMORIES,
    Form,
    as_far_as_ever,
    furthest_moves,
    make_forms,
)
from sklearn_linrnn.forecasting._automatic.rolling_fits import OriginFits, RollingForm

N_AHEAD = 9
DRIFTS = "free", "by evidence", "none"
PLAIN = Form(logarithm=False)
FORMS = [
    PLAIN,
    Form(logarithm=True),
    Form(logarithm=False, differences=(1,)),
    Form(logarithm=True, differences=(1, 1)),
    Form(logarithm=False, differences=(4,), season=4),
    Form(logarithm=False, season=4),
    Form(logarithm=True, differences=(1,), pattern=(4,)),
]


def series(n_timesteps=60, seed=0):
    rng, t = np.random.default_rng(seed), np.arange(n_timesteps)
    noise = 0.5 * rng.normal(size=n_timesteps)
    return 20.0 + 0.1 * t + 2.0 * np.sin(np.pi * t / 2) + noise + 0.2 * noise.cumsum()


def still(n_timesteps=60, seed=0):
    """Return a series without a trend: nothing that is learned from it blows up."""
    rng, t = np.random.default_rng(seed), np.arange(n_timesteps)
    return 20.0 + np.sin(np.pi * t / 2) + rng.normal(size=n_timesteps)


def remember(values, memory, over):
    found = []
    for t, value in enumerate(values):
        found.append(value + memory * (found[t - over] if t >= over else 0.0))
    return found


@pytest.mark.parametrize("form", [form for form in FORMS if not form.pattern], ids=str)
def test_an_origin_sees_the_steps_before_it_alone(form):
    y, ends = series(), np.array([11, 13, 17, 30, 60])
    drift = "none" if form.differences else "free"
    found = RollingForm.of(form, (drift,), y, ends).paths(N_AHEAD)
    for i, end in enumerate(ends):
        alone = RollingForm.of(form, (drift,), y[:end], ends[i : i + 1]).paths(N_AHEAD)
        assert_allclose(found.mean[:, i], alone.mean[:, 0], rtol=1e-7)
        assert_allclose(found.variance[:, i], alone.variance[:, 0], rtol=1e-7)


@pytest.mark.parametrize("form", FORMS[2:5], ids=str)
def test_differences_say_at_an_origin_what_a_fit_to_the_steps_before_it_says(form):
    y, ends = series(), np.array([11, 13, 17, 30, 60])
    found = RollingForm.of(form, ("none",), y, ends).evidence()[:, 0]
    for i, end in enumerate(ends):
        alone = RollingForm.of(form, ("none",), y[:end], ends[i : i + 1]).evidence()[:, 0]
        assert_allclose(found[:, i], alone[:, 0], rtol=1e-7)


@pytest.mark.parametrize("drift", ["free", "by evidence", "none"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_density_of_a_step_has_the_inverse_unit_of_the_series(form, drift):
    ends = np.array([20, 30, 60])
    found = RollingForm.of(form, (drift,), 1000.0 * series(), ends).evidence()[:, 0]
    expected = RollingForm.of(form, (drift,), series(), ends).evidence()[:, 0]
    assert_allclose(found[0], expected[0] - np.log(1000.0), rtol=1e-7)
    assert_allclose(found[1], expected[1])


def test_without_lags_evidence_is_the_likelihood_of_differences(monkeypatch):
    monkeypatch.setattr("sklearn_linrnn.forecasting._automatic.forms.MEMORIES", (0.0,))
    y, ends = np.array([3.0, 1.0, 4.0, 1.5]), np.array([4])
    plain = RollingForm.of(Form(logarithm=False, differences=(1,)), ("none",), y, ends).evidence()[
        :, 0
    ]
    changes = np.diff(y)
    expected = norm.logpdf(changes, scale=np.sqrt(np.mean(changes**2))).mean()
    assert_allclose(plain[:, 0], [expected, 3])
    logarithm = RollingForm.of(
        Form(logarithm=True, differences=(1,)), ("none",), y, ends
    ).evidence()[:, 0]
    ratios = np.diff(np.log(y))
    deviation = np.sqrt(np.mean(ratios**2))
    expected = lognorm.logpdf(y[1:], deviation, scale=y[:-1]).mean()
    assert_allclose(logarithm[:, 0], [expected, 3])


def test_an_origin_with_too_few_steps_says_nothing():
    form = Form(logarithm=False, differences=(4,), season=4)
    found = RollingForm.of(form, ("free",), series(), np.array([4, 5, 20])).evidence()[:, 0]
    assert np.isnan(found[:, :2]).all()
    assert np.isfinite(found[:, 2]).all()


@pytest.mark.parametrize("memory", [0.0, 0.6])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_forecasts_are_those_of_a_loop(form, memory, monkeypatch):
    monkeypatch.setattr("sklearn_linrnn.forecasting._automatic.forms.MEMORIES", (memory,))
    y = still()
    values = form.prepare(y)
    stages = [list(values - values.mean())]
    for over in form.differences:
        stages.append([b - a for a, b in zip(stages[-1], stages[-1][over:], strict=False)])
    fading, drift = [stages[-1]], [1.0] * (len(stages[-1]) + N_AHEAD)
    for over in form.differences:
        fading.append(remember(fading[-1], memory, over))
        drift = [(1.0 - memory) * one for one in remember(drift, memory, over)]
    scale, known = np.std(stages[-1]), len(stages[-1])
    changes = [change / scale for change in fading[-1]]
    first, waves = max(form.lags), form.waves(np.arange(known + N_AHEAD))

    def inputs(t):
        return np.append([changes[t - lag] for lag in form.lags], waves[t])

    X = np.array([inputs(t) for t in range(first, known)])
    target = np.array(changes[first:])
    once = np.array(drift[first:known])
    x_drift, drifted = once @ X / (once @ once), once @ target / (once @ once)
    z, v = X - np.outer(once, x_drift), target - once * drifted
    fit = averaged_ridge(
        z.T @ z, z.T @ v, v @ v, np.float64(len(v)), form.roots(form.lags), n_intercepts=1
    )
    for t in range(known, known + N_AHEAD):
        changes += [drift[t] * (drifted - x_drift @ fit.response) + inputs(t) @ fit.response]
    path = [change * scale for change in changes[known:]]
    for over, remembered in zip(form.differences[::-1], fading[:0:-1], strict=True):
        whole = remembered + path
        path = [whole[t] - memory * whole[t - over] for t in range(known, known + N_AHEAD)]
    for over, stage in zip(form.differences[::-1], stages[-2::-1], strict=True):
        for change in path:
            stage.append(change + stage[-over])
        path = stage[-N_AHEAD:]
    path = np.array(path) + values.mean()
    for ahead in range(1, N_AHEAD + 1):
        moves = [np.abs(values[step:] - values[:-step]).max() for step in range(1, ahead + 1)]
        path[ahead - 1] = np.clip(path[ahead - 1], values[-1] - max(moves), values[-1] + max(moves))
    expected = form.restore(path)
    found = RollingForm.of(form, ("free",), y, np.array([len(y)])).paths(N_AHEAD)
    assert_allclose(found.mean[0, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("memory", [0.0, 0.6])
@pytest.mark.parametrize("drift", ["free", "none"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_step_that_is_as_it_was_forecast_changes_no_forecast(form, drift, memory, monkeypatch):
    monkeypatch.setattr("sklearn_linrnn.forecasting._automatic.forms.MEMORIES", (memory,))
    y = still()
    fits = RollingForm.of(form, (drift,), y, np.array([30, 45, len(y)]))
    expected = fits.paths(N_AHEAD).mean[0, -1]
    longer = np.append(y, expected[:3])
    later = fits.followed_to(longer, np.array([len(longer)])).paths(N_AHEAD - 3)
    assert_allclose(later.mean[0, 0], expected[3:], rtol=1e-9)


def test_a_line_moves_on_as_far_as_it_did():
    line, ends = 3.0 - 2.0 * np.arange(6.0), np.array([3, 6])
    assert_allclose(furthest_moves(line, ends, 8), np.tile(2.0 * np.arange(1, 9), (2, 1)))
    paths = np.array([[1e9, -1e9, 0.0], [-1e9, 1e9, -7.0]])
    expected = [[1.0, -5.0, 0.0], [-9.0, -3.0, -7.0]]
    assert_allclose(as_far_as_ever(paths, line, ends), expected)


def test_a_season_is_left_as_fast_as_it_was_ever():
    y = np.tile([0.0, 5.0, 1.0, 2.0], 5)
    assert_allclose(furthest_moves(y, np.array([20]), 4), [[5.0, 5.0, 5.0, 5.0]])
    assert_allclose(furthest_moves(y, np.array([1]), 4), np.zeros((1, 4)))


def test_what_is_followed_is_not_learned_again(monkeypatch):
    y = still()
    fits = RollingForm.of(FORMS[0], DRIFTS, y, np.array([30, 45, len(y)]))
    expected = fits.paths(N_AHEAD)
    monkeypatch.setattr("sklearn_linrnn.forecasting._automatic.rolling_fits.averaged_ridge", None)
    ends = np.array([45, len(y), 45])
    found = fits.followed_to(y, ends).paths(N_AHEAD)
    assert_allclose(found.mean[:, 1], expected.mean[:, -1], rtol=1e-9)
    assert_allclose(found.mean[:, 0], found.mean[:, 2], rtol=1e-9)
    assert not np.allclose(found.mean[:, 0], expected.mean[:, 1])  # which knew less
    assert_allclose(found.variance, expected.variance[:, [-1, -1, -1]], rtol=1e-9)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_drifts_of_a_form_forecast_as_each_alone(form):
    y, ends = still(), np.array([30, 45, 60])
    together = RollingForm.of(form, DRIFTS, y, ends)
    for found in (together, together.followed_to(y, ends)):
        paths, errors = found.paths(N_AHEAD), found.residuals()
        for place, drift in enumerate(DRIFTS):
            alone = RollingForm.of(form, (drift,), y, ends)
            alone = alone if found is together else alone.followed_to(y, ends)
            expected = alone.paths(N_AHEAD)
            assert_allclose(paths.mean[place], expected.mean[0], rtol=1e-12)
            assert_allclose(paths.variance[place], expected.variance[0], rtol=1e-12)
            assert_allclose(errors[place], alone.residuals()[0], rtol=1e-12)
            assert alone.describe() == [found.describe()[place]]


def test_a_regression_forecasts_once_for_all_drifts(monkeypatch):
    asked, paths = [], OriginFits.paths
    monkeypatch.setattr(OriginFits, "paths", lambda *a: asked.append(a[0]) or paths(*a))
    rolling = RollingForm.of(FORMS[2], DRIFTS, still(), np.array([30, 45, 60]))
    rolling.paths(N_AHEAD)
    assert asked == [fit for pair in rolling.pairs for fit in pair]


@pytest.mark.parametrize("season", [2, 4, 7, 12])
def test_a_pattern_has_the_covariance_of_centred_effects(season):
    waves = Form(logarithm=False, pattern=(season,)).waves(np.arange(3 * season))
    centred = np.eye(season) - 1 / season
    assert_allclose(waves @ waves.T, np.tile(centred, (3, 3)), atol=1e-12)


def shares(form, y, drift):
    """Return the probabilities with an intercept, and without one if that is open."""
    found = RollingForm.of(form, (drift,), y, np.array([len(y)])).last_shares(drift)
    return [share for _, share in found]


def test_the_share_of_a_drift_follows_the_evidence():
    rng, t = np.random.default_rng(0), np.arange(80)
    form = Form(logarithm=False, differences=(1,))
    steps = rng.normal(size=80).cumsum()
    steps -= steps[-1] * t / 79  # no drift at all
    assert shares(form, steps, "by evidence")[0].sum() < 0.5
    assert shares(form, steps + 2.0 * t, "by evidence")[0].sum() > 0.99


@pytest.mark.parametrize("memory", range(len(MEMORIES)))
def test_the_memory_that_a_series_has_is_the_likeliest(memory):
    noise = np.random.default_rng(3).normal(size=2000)
    theta = MEMORIES[memory]
    y = noise.cumsum() - theta * np.append(0.0, noise[:-1].cumsum())
    (found,) = shares(Form(logarithm=False, differences=(1,)), y, "none")
    assert found.sum() == pytest.approx(1.0)
    assert found.argmax() == memory


def test_logarithms_are_for_positive_series_and_seasons_for_two_of_them():
    positive = np.full(20, 2.0)
    assert {form.logarithm for form, _ in make_forms(positive, ())} == {False, True}
    for other in (0.0, -1.0):
        y = np.append(positive, other)
        assert not any(form.logarithm for form, _ in make_forms(y, ()))
    seasons = {form.season for form, _ in make_forms(positive, (10, 11))}
    assert seasons == {1, 10}


def test_lags_do_not_reach_around_a_long_season():
    forms = [form for form, _ in make_forms(np.full(3000, 2.0), (24, 1000))]
    assert max(max(form.lags) for form in forms) == 25
    assert {form.pattern for form in forms} == {(), (24, 1000)}


DIFFERENCES = Form(logarithm=False, differences=(1,))
FEW = np.array([3.0, 1.0, 4.0, 1.5])  # too few for lags


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("n_known", [4, 7, 30])
def test_a_line_goes_on_whatever_is_remembered(n_known, memory, monkeypatch):
    monkeypatch.setattr("sklearn_linrnn.forecasting._automatic.forms.MEMORIES", (memory,))
    y = 3.0 + 0.5 * np.arange(n_known + N_AHEAD)
    line = RollingForm.of(DIFFERENCES, ("free",), y[:n_known], np.array([n_known])).paths(N_AHEAD)
    assert_allclose(line.mean[0, 0], y[n_known:])


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_without_lags_and_a_drift_forecasts_are_those_of_exponential_smoothing(memory, monkeypatch):
    monkeypatch.setattr("sklearn_linrnn.forecasting._automatic.forms.MEMORIES", (memory,))
    level = FEW[0]
    for value in FEW[1:]:
        level += (1.0 - memory) * (value - level)
    found = RollingForm.of(DIFFERENCES, ("none",), FEW, np.array([4])).paths(N_AHEAD)
    assert_allclose(found.mean[0, 0], level)


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_the_evidence_for_a_drift_is_the_likelihood_averaged_over_it(memory, monkeypatch):
    monkeypatch.setattr("sklearn_linrnn.forecasting._automatic.forms.MEMORIES", (memory,))
    changes, n = np.diff(FEW), 3
    back = memory ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))) * np.tri(n)
    errors, once = back @ changes, (1.0 - memory) * back.sum(axis=1)
    best = once @ errors / (once @ once)
    left = errors - best * once
    deviation = np.sqrt(left @ left / (n - 1))
    drifts = best + deviation / np.sqrt(once @ once) * np.linspace(-20, 20, 40_001)
    density = norm.logpdf(errors[:, None] - once[:, None] * drifts, scale=deviation).sum(axis=0)
    # The prior has the density that a normal one of the differences' deviation has at its mean.
    mean = np.log(np.trapezoid(np.exp(density), drifts) * norm.pdf(0.0, scale=changes.std()))
    found = RollingForm.of(DIFFERENCES, ("free",), FEW, np.array([4])).evidence()[:, 0, 0]
    assert_allclose(found, [mean / n, n])
