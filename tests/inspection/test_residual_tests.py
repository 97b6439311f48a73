"""Tests of residuals: against dense twins and regressions, false alarms, and what they find."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import lfilter
from scipy.stats import binom, norm
from scipy.stats import f as f_distribution
from sklearn.exceptions import NotFittedError
from statsmodels.stats.diagnostic import acorr_ljungbox

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, ResidualDisplay, residual_tests
from sklearn_linrnn._data.sequences import Recordings
from sklearn_linrnn.inspection._residual_spread import ResidualSpread
from sklearn_linrnn.inspection._residual_sums import AlignedResiduals
from sklearn_linrnn.inspection._residual_tests import ResidualCheck

N_LAGS, AROUND = 4, 3  # of the model, and of the tests on both sides
RESPONSE = np.array([1.0, 0.7, 0.3, -0.2])


def inputs(n_timesteps, n_channels=1, pole=0.8, seed=0):
    noise = np.random.default_rng(seed).normal(size=(n_timesteps + 100, n_channels))
    return lfilter([1.0], [1.0, -pole], noise, axis=0)[100:]


def recording(n_timesteps=300, n_channels=2, seed=0, response=RESPONSE, noise_pole=0.0):
    x = inputs(n_timesteps, n_channels, seed=seed)
    noise = np.random.default_rng(seed + 10**6).normal(size=n_timesteps + 100)
    noise = lfilter([1.0], [1.0, -noise_pole], noise)[100:]
    return x, lfilter(response, [1.0], x[:, 0]) + noise


def ridge(**options):
    return NTKConvRegressor(**{"nu_w": 0.7, "rows": "timesteps", "n_lags": N_LAGS, **options})


def p_values(tests):
    return tests.set_index(["input", "test"])["p_value"]


# -- Twins -------------------------------------------------------------------------------


def lags_around(x, lags):
    """Return the inputs at all lags of every time step, NaN after the end, zero before."""
    found = np.zeros((len(x), len(lags), x.shape[1]))
    for place, lag in enumerate(lags):
        for step in range(len(x)):
            if step - lag >= len(x):
                found[step, place] = np.nan
            elif step - lag >= 0:
                found[step, place] = x[step - lag]
    return found


LAGS = np.arange(-AROUND, N_LAGS + AROUND)


def dense(model, x, y):
    """Return centred inputs at all lags (n, n_lags, n_channels) and residuals, where all known."""
    around, residuals = lags_around(x, LAGS), y - model.predict(x)
    known = ~np.isnan(around).any(axis=(1, 2)) & ~np.isnan(residuals)
    around, residuals = around[known], residuals[known]
    return around - around.mean(axis=0), residuals - residuals.mean()


def squares_left(residuals, *regressors):
    design = np.concatenate([part.reshape(len(residuals), -1) for part in regressors], axis=1)
    coefficients, _, rank, _ = np.linalg.lstsq(design, residuals, rcond=1e-8)
    return np.square(residuals - design @ coefficients).sum(), rank


def f_statistic(residuals, given, tested):
    """Return the F statistic and p-value of more regressors, with the variance without them."""
    before, rank = squares_left(residuals, given)
    after, more = squares_left(residuals, given, tested)
    n_residual, count = len(residuals) - 1 - rank, more - rank
    statistic = (before - after) / count / (before / n_residual)
    return statistic, count, f_distribution.sf(statistic, count, n_residual)


WITHOUT_POSTERIOR = {
    "gradient descent": ridge(alpha=0.0, n_steps=50),
    "a network": LinearRNNRegressor(
        20, max_iter=30, rows="timesteps", n_lags=N_LAGS, random_state=0
    ),
}
EVERY = {"posterior": ridge(), **WITHOUT_POSTERIOR}


@pytest.mark.parametrize("estimator", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("is_training", [True, False])
def test_feedback_is_the_regression_on_later_inputs_besides_all_others(estimator, is_training):
    x, y = recording(seed=1)
    model = estimator.fit(x, y)
    if not is_training:
        x, y = recording(seed=2)
    around, residuals = dense(model, x, y)
    tests = residual_tests(model, x, y, n_lags=AROUND).set_index(["input", "test"])
    for channel in range(2):
        statistic, count, p_value = f_statistic(
            residuals, around[:, AROUND:], around[:, :AROUND, channel]
        )
        found = tests.loc[f"channel {channel}", "feedback"]
        assert_allclose(found["statistic"], statistic, rtol=1e-7)
        assert found["degrees_of_freedom"] == count == AROUND
        assert_allclose(found["p_value"], p_value, rtol=1e-6)
        assert (found["first_lag"], found["last_lag"]) == (-AROUND, -1)


@pytest.mark.parametrize("estimator", WITHOUT_POSTERIOR.values(), ids=WITHOUT_POSTERIOR)
def test_without_a_posterior_dynamics_are_the_regression_on_lags_that_the_model_lacks(estimator):
    x, y = recording(seed=1)
    model = estimator.fit(x, y)
    around, residuals = dense(model, x, y)
    tests = residual_tests(model, x, y, n_lags=AROUND).set_index(["input", "test"])
    own = around[:, AROUND : AROUND + N_LAGS]
    for channel in range(2):
        statistic, count, p_value = f_statistic(
            residuals, own, around[:, AROUND + N_LAGS :, channel]
        )
        found = tests.loc[f"channel {channel}", "dynamics"]
        assert found["degrees_of_freedom"] == count == AROUND
        assert_allclose(found["statistic"], statistic, rtol=1e-7)
        assert_allclose(found["p_value"], p_value, rtol=1e-6)
        assert (found["first_lag"], found["last_lag"]) == (0, N_LAGS + AROUND - 1)


@pytest.mark.parametrize("alpha", [1e-3, 3.0, 300.0])
@pytest.mark.parametrize("is_training", [True, False])
def test_bounds_are_those_of_the_dense_covariance_of_residuals(alpha, is_training):
    x, y = recording(seed=3)
    model = ridge(alpha=alpha).fit(x, y)
    assert model.noise_predictability_ == 0.0
    if not is_training:
        x, y = recording(seed=4)
    around, residuals = dense(model, x, y)
    own = around[:, AROUND : AROUND + N_LAGS].reshape(len(around), -1)
    root = model.solution_.posterior_root.numpy()
    sign = -1.0 if is_training else 1.0
    learned = sign * own @ root @ root.T @ own.T
    covariance = np.eye(len(own)) + learned
    variance = np.square(residuals).sum() / (len(own) - 1 + np.trace(learned))
    rows = ResidualDisplay.from_estimator(model, x, y, n_lags=AROUND, coverage=0.9).frame()
    for channel in range(2):
        found = rows.loc[(0, f"channel {channel}")]
        seen = around[:, :, channel]
        scale = np.sqrt(np.square(seen).sum(axis=0) * np.square(residuals).sum())
        assert_allclose(found["correlation"], seen.T @ residuals / scale, atol=1e-10)
        deviation = np.sqrt(variance * np.einsum("sl,st,tl->l", seen, covariance, seen)) / scale
        assert_allclose(found["upper"], norm.ppf(0.95) * deviation, rtol=1e-6, atol=1e-9)
        assert_allclose(found["lower"], -found["upper"])
        assert_array_equal(found.index, LAGS)


@pytest.mark.parametrize(("given", "lag"), [({"delay": 3}, 5), ({"n_leads": 2}, -4)])
def test_what_is_missing_is_found_at_its_lag_after_a_delay_and_beside_leads(given, lag):
    x = inputs(300, pole=0.0)
    y = np.roll(x[:, 0], lag)
    model = NTKConvRegressor(alpha=1.0, rows="timesteps", n_lags=2, **given).fit(x, y)
    found = ResidualDisplay.from_estimator(model, x, y, n_lags=4).frame()
    correlation = found.loc[(0, "channel 0"), "correlation"]
    assert correlation.idxmax() == lag
    assert correlation.max() > 0.9


@pytest.mark.parametrize("state", ["zero", "mean", "unknown"])
def test_residuals_of_coloured_noise_are_those_of_filtered_data(state):
    """A white fit to inputs and targets that were filtered by hand has the same tests."""
    x, y = recording(noise_pole=0.8)
    given = {"alpha": 2.0, "initial_state": state}
    model = ridge(noise="ar", **given).fit(x, y)
    polynomial = np.append(1.0, model.noise_coefficients_)
    order = len(polynomial) - 1
    assert order > 0
    before = {"zero": np.zeros((1, 2)), "mean": x.mean(axis=0)[None], "unknown": x[:1] * np.nan}
    padded = np.concatenate([np.repeat(before[state], order + 60, axis=0), x])
    filtered = lfilter(polynomial, [1.0], padded, axis=0)[order:]
    if state == "unknown":
        filtered = filtered[60:]
    targets = lfilter(polynomial, [1.0], y)
    targets[:order] = np.nan
    targets = np.append(np.full(len(filtered) - len(x), np.nan), targets)
    white = ridge(**{**given, "initial_state": "unknown"}).fit(filtered, targets)
    assert_allclose(model.impulse_response_, white.impulse_response_, atol=1e-10)
    ours, theirs = residual_tests(model, x, y), residual_tests(white, filtered, targets)
    assert_allclose(ours["statistic"], theirs["statistic"], rtol=1e-6)
    assert_allclose(ours["p_value"], theirs["p_value"], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("n_lags", [1, 5, 20])
def test_whiteness_is_statsmodels_test_of_ljung_and_box(n_lags):
    x, y = recording(noise_pole=0.2)
    model = ridge(alpha=0.0, n_steps=50).fit(x, y)
    found = residual_tests(model, x, y, n_lags=n_lags).iloc[0]
    theirs = acorr_ljungbox(y - model.predict(x), lags=[n_lags]).iloc[0]
    assert tuple(found[["input", "test", "first_lag", "last_lag"]]) == (
        "residuals", "whiteness", 1, n_lags,
    )  # fmt: skip
    assert_allclose(found["statistic"], theirs["lb_stat"], rtol=1e-9)
    assert_allclose(found["p_value"], theirs["lb_pvalue"], rtol=1e-8)
    assert found["degrees_of_freedom"] == n_lags


@pytest.mark.parametrize("is_training", [True, False])
def test_what_a_fit_leaves_in_autocorrelations_is_where_they_are_on_average(is_training):
    """Few slow data of many lags: learning from them makes residuals look unlike the noise."""
    errors = []
    for seed in range(150):
        x = inputs(150, pole=0.95, seed=seed)
        noise, other = np.random.default_rng(seed + 10**6).normal(size=(2, 150))
        model = ridge(alpha=1e-6, n_lags=12, prior="flat").fit(x, noise)
        seen, target = (
            (x, noise) if is_training else (inputs(150, pole=0.95, seed=-seed % 997), other)
        )
        found, expected, deviation = ResidualCheck(model, seen, target, 8, None).autocorrelations(0)
        errors.append((found - expected) / deviation)
    # Taking the mean costs 1 / n on top.
    assert np.abs(np.mean(errors, axis=0)).max() < 0.25 + 150**-0.5


@pytest.mark.parametrize("first", [-2, 0, 2, 6])
def test_the_lags_of_a_model_may_begin_anywhere(first):
    """Those before are the later inputs that the test of feedback is about."""
    x, residuals = recording(seed=8, response=[0.0])
    model = np.arange(first, first + N_LAGS)
    lags = np.arange(min(first - AROUND, 0), first + N_LAGS + AROUND)
    (sums,) = AlignedResiduals.of(Recordings([x]), residuals[:, None], lags).sums(first)
    around = lags_around(x, lags)
    known = ~np.isnan(around).any(axis=(1, 2))
    around, left = around[known], residuals[known]
    around, left = around - around.mean(axis=0), left - left.mean()
    later = first - lags[0]
    spread = ResidualSpread(sums, model, None)
    statistic, count, p_value = f_statistic(left, around[:, later:], around[:, :later, 1])
    found = spread.feedback(1)
    assert (found.degrees_of_freedom, count) == (later, later)
    assert_allclose([found.statistic, found.p_value], [statistic, p_value], rtol=1e-6)
    own = around[:, later : later + N_LAGS]
    statistic, count, p_value = f_statistic(left, own, around[:, later + N_LAGS :, 0])
    found = spread.dynamics(0)
    assert (found.degrees_of_freedom, count) == (AROUND, AROUND)
    assert_allclose([found.statistic, found.p_value], [statistic, p_value], rtol=1e-6)


# -- Forms of data -----------------------------------------------------------------------


def test_recordings_in_a_list_a_panel_or_by_their_names_are_the_same():
    parts = [recording(150, seed=seed) for seed in range(3)]
    x, y = ([part[place] for part in parts] for place in (0, 1))
    names = np.repeat(["a", "b", "c"], 150)
    rows = ridge().fit(np.concatenate(x), np.concatenate(y), sequence_id=names)
    by_name = residual_tests(
        rows, np.concatenate(x), np.concatenate(y), n_lags=5, sequence_id=names
    )
    panel = ridge().fit(np.stack(x), np.stack(y)[..., None])
    of_panel = residual_tests(panel, np.stack(x), np.stack(y)[..., None], n_lags=5)
    columns = [part[:, None] for part in y]
    of_list = residual_tests(ridge().fit(x, columns), x, columns, n_lags=5)
    for other in (of_panel, of_list):
        pd.testing.assert_frame_equal(by_name, other, rtol=1e-7)


def test_no_lag_crosses_from_one_recording_into_the_next():
    parts = [recording(120, seed=seed) for seed in range(2)]
    x, y = [part[0] for part in parts], [part[1][:, None] for part in parts]
    model = ridge(alpha=0.0, n_steps=40, fit_intercept=False).fit(x, y)
    residuals = [b[:, 0] - p[:, 0] for b, p in zip(y, model.predict(x), strict=True)]
    around = [lags_around(part, LAGS) for part in x]
    known = [~np.isnan(part).any(axis=(1, 2)) for part in around]
    joined = np.concatenate([part[keep] for part, keep in zip(around, known, strict=True)])
    left = np.concatenate([part[keep] for part, keep in zip(residuals, known, strict=True)])
    joined, left = joined - joined.mean(axis=0), left - left.mean()
    statistic, _, _ = f_statistic(left, joined[:, AROUND:], joined[:, :AROUND, 1])
    tests = residual_tests(model, x, y, n_lags=AROUND).set_index(["input", "test"])
    assert_allclose(tests.loc["channel 1", "feedback"]["statistic"], statistic, rtol=1e-7)


def test_time_steps_of_which_something_is_missing_do_not_count():
    x, y = recording()
    model = ridge(alpha=0.0, n_steps=40).fit(x, y)
    x, y = x.copy(), y.copy()
    x[50, 0] = np.nan
    y[[100, 101, 200]] = np.nan
    around, residuals = dense(model, x, y)
    statistic, _, _ = f_statistic(residuals, around[:, AROUND:], around[:, :AROUND, 1])
    tests = residual_tests(model, x, y, n_lags=AROUND).set_index(["input", "test"])
    assert_allclose(tests.loc["channel 1", "feedback"]["statistic"], statistic, rtol=1e-7)


def test_each_output_is_tested_by_itself():
    x, y = recording()
    _, other = recording(seed=5, noise_pole=0.9)
    both = np.column_stack([y, other])
    tests = residual_tests(ridge().fit(x, both), x, both, n_lags=5)
    assert tests["output"].tolist() == [0] * 5 + [1] * 5
    alone = residual_tests(ridge(alpha=0.0, n_steps=40).fit(x, y), x, y, n_lags=5)
    together = residual_tests(ridge(alpha=0.0, n_steps=40).fit(x, both), x, both, n_lags=5)
    pd.testing.assert_frame_equal(together[:5], alone, rtol=1e-7)


def test_units_and_levels_do_not_matter():
    x, y = recording(seed=6, noise_pole=0.5)
    options = {"alpha": "auto", "initial_state": "mean"}
    plain = residual_tests(ridge(**options).fit(x, y), x, y)
    scaled = 1e3 + 50.0 * x, 1e-3 * y - 7.0
    moved = residual_tests(ridge(**options).fit(*scaled), *scaled)
    pd.testing.assert_frame_equal(plain, moved, rtol=1e-4)


def test_channels_have_their_names():
    x, y = recording()
    frame = pd.DataFrame(x, columns=["valve", "heat"])
    tests = residual_tests(ridge().fit(frame, y), frame, y)
    assert tests["input"].tolist() == ["residuals", "valve", "valve", "heat", "heat"]
    assert tests["test"].tolist() == ["whiteness"] + ["dynamics", "feedback"] * 2


def test_where_nothing_is_left_there_is_no_p_value():
    step = np.arange(400)
    x = np.column_stack([np.ones(400), np.sin(0.3 * step), inputs(400)[:, 0]])
    y = x[:, 2] + np.random.default_rng(0).normal(size=400)
    model = ridge(initial_state="unknown").fit(x, y)
    tests = residual_tests(model, x, y, n_lags=5).set_index(["input", "test"])
    for channel, test in [("channel 0", "dynamics"), ("channel 0", "feedback"),
                          ("channel 1", "feedback")]:  # fmt: skip
        found = tests.loc[channel, test]
        assert np.isnan(found["p_value"])
        assert np.isnan(found["statistic"])
        assert found["degrees_of_freedom"] == 0
    assert not np.isnan(tests.loc["channel 2", "feedback"]["p_value"])
    rows = ResidualDisplay.from_estimator(model, x, y, n_lags=5).frame()
    assert_array_equal(rows.loc[(0, "channel 0")]["correlation"], 0.0)


# -- What they find ----------------------------------------------------------------------


def in_a_loop(n_timesteps, gain, seed=0):
    """Return input and output of a system whose output is fed back to its input."""
    rng = np.random.default_rng(seed)
    wanted, noise = rng.normal(size=(2, n_timesteps))
    x, y = np.zeros((2, n_timesteps))
    for step in range(2, n_timesteps):
        y[step] = x[step - 1] + 0.5 * x[step - 2] + noise[step]
        x[step] = wanted[step] - gain * y[step - 1]
    return x[:, None], y


def test_feedback_is_found_and_nothing_else():
    x, y = in_a_loop(1000, gain=0.5)
    found = p_values(residual_tests(ridge(alpha=0.01).fit(x, y), x, y, n_lags=10))
    assert found["channel 0", "feedback"] < 1e-6
    assert found["channel 0", "dynamics"] > 1e-3
    assert found["residuals", "whiteness"] > 1e-3


@pytest.mark.parametrize("noise_pole", [0.0, 0.6])
def test_dynamics_that_are_missing_are_found_and_are_no_feedback(noise_pole):
    x, y = recording(1000, response=0.8 ** np.arange(30), noise_pole=noise_pole)
    found = p_values(residual_tests(ridge(alpha="auto").fit(x, y), x, y))
    assert found["channel 0", "dynamics"] < 1e-6
    assert found["channel 0", "feedback"] > 1e-3
    assert found["channel 1", "dynamics"] > 1e-3
    assert found["channel 1", "feedback"] > 1e-3


def test_a_response_that_is_held_too_small_is_found():
    x, y = recording(1000)
    found = p_values(residual_tests(ridge(alpha=1e5).fit(x, y), x, y))
    assert found["channel 0", "dynamics"] < 1e-6


def test_a_response_that_has_changed_is_found():
    model = ridge(alpha=1.0).fit(*recording(1000))
    same = p_values(residual_tests(model, *recording(1000, seed=7)))
    changed = p_values(residual_tests(model, *recording(1000, seed=7, response=0.7 * RESPONSE)))
    assert same["channel 0", "dynamics"] > 1e-3
    assert changed["channel 0", "dynamics"] < 1e-6


def test_noise_that_goes_on_is_not_white_and_no_more_than_that():
    x, y = recording(1000, noise_pole=0.8)
    found = p_values(residual_tests(ridge(alpha=1.0).fit(x, y), x, y))
    assert found["residuals", "whiteness"] < 1e-6
    assert (found.drop(("residuals", "whiteness")) > 1e-3).all()


FALSE_ALARMS = {
    "evidence, its own data": ({"alpha": "auto", "nu_w": "auto"}, True, 0.0),
    "evidence, other data": ({"alpha": "auto", "nu_w": "auto"}, False, 0.0),
    "least squares, its own data": ({"alpha": 1e-9}, True, 0.0),
    "least squares, other data": ({"alpha": 1e-9}, False, 0.0),
    "no posterior": ({"alpha": 0.0, "n_steps": 30}, False, 0.0),
    "coloured noise": ({"alpha": 1.0}, True, 0.7),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "is_training", "noise_pole"), FALSE_ALARMS.values(), ids=FALSE_ALARMS
)
def test_a_right_model_is_rejected_as_often_as_the_level_says(options, is_training, noise_pole):
    n_draws, alarms = 200, []
    for seed in range(n_draws):
        x, y = recording(500, seed=seed, noise_pole=noise_pole)
        model = ridge(**options, n_lags=6).fit(x, y)
        if not is_training:
            x, y = recording(500, seed=seed + 5000, noise_pole=noise_pole)
        alarms.append(p_values(residual_tests(model, x, y, n_lags=10)) < 0.05)
    counts = pd.DataFrame(alarms).sum()
    if noise_pole:
        assert counts.pop(("residuals", "whiteness")) == n_draws
    assert counts.between(*binom.ppf([1e-3, 1 - 1e-3], n_draws, 0.05)).all(), counts


# -- The picture -------------------------------------------------------------------------


def test_each_panel_shows_a_series_with_bounds_and_p_values():
    x, y = recording(1000, response=0.8 ** np.arange(30))
    both = np.column_stack([y, y[::-1]])
    model = ridge().fit(x, both)
    display = ResidualDisplay.from_estimator(model, x, both, n_lags=5, sampling_time=0.5)
    axes = Figure().subplots(2, 3)
    assert display.plot(axes) is display
    assert_array_equal(display.axes_, axes.ravel())
    rows = display.frame()
    for output, place in np.ndindex(2, 3):
        name = ["residuals", "channel 0", "channel 1"][place]
        ax, shown = axes[output, place], rows.loc[(output, name)]
        title = ax.get_title().split("\n")
        assert title[0] == f"output {output}, {name}"
        tests = display.tests.query("output == @output and input == @name")
        assert [line.split(" p ")[0] for line in title[1:]] == tests["test"].tolist()
        points = [line for line in ax.get_lines() if line.get_marker() == "."]
        values = np.nansum([line.get_ydata() for line in points], axis=0)
        assert_array_equal(values, shown["correlation"])
        assert_array_equal(points[0].get_xdata(), 0.5 * shown.index)
        outside = ~np.isnan(points[1].get_ydata())
        beyond = (shown["correlation"] < shown["lower"]) | (shown["correlation"] > shown["upper"])
        assert_array_equal(outside, beyond)
    assert axes[0, 0].get_title().endswith("whiteness p < 0.001")
    assert {ax.get_xlabel() for ax in axes[1]} == {"lag, in seconds"}


def test_numbers_are_those_of_the_tests():
    x, y = recording()
    model = ridge().fit(x, y)
    display = ResidualDisplay.from_estimator(model, x, y, n_lags=5)
    pd.testing.assert_frame_equal(display.tests, residual_tests(model, x, y, n_lags=5))


# -- Errors ------------------------------------------------------------------------------


def test_bad_input_is_named():
    x, y = recording()
    model = ridge().fit(x, y)
    with pytest.raises(TypeError, match="one of this package's regressors, but got ndarray"):
        residual_tests(x, x, y)
    with pytest.raises(NotFittedError):
        residual_tests(ridge(), x, y)
    with pytest.raises(TypeError, match=r"n_lags must be a whole number, but got 2.5"):
        residual_tests(model, x, y, n_lags=2.5)
    with pytest.raises(ValueError, match="y must be passed"):
        residual_tests(model, x, None)
    with pytest.raises(ValueError, match=r"coverage must be within \(0, 1\), but got 95"):
        ResidualDisplay.from_estimator(model, x, y, coverage=95)
    with pytest.raises(ValueError, match="sampling_time must be a positive number"):
        ResidualDisplay.from_estimator(model, x, y, sampling_time=0)


@pytest.mark.parametrize("n_lags", [0, -1, 300])
def test_lags_that_cannot_be_are_an_error(n_lags):
    x, y = recording()
    with pytest.raises(ValueError, match=f"at least 1 and less than the 300.*but got {n_lags}"):
        residual_tests(ridge().fit(x, y), x, y, n_lags=n_lags)


@pytest.mark.parametrize(("initial_state", "n_known"), [("zero", 40), ("unknown", 17)])
def test_recordings_that_are_too_short_are_an_error(initial_state, n_known):
    x, y = recording(60)
    model = ridge(initial_state=initial_state).fit(x, y)
    with pytest.raises(ValueError, match=rf"n_lags=20 .*than 89 observed.*but got {n_known}\."):
        residual_tests(model, x, y, n_lags=20)


def test_targets_that_were_not_observed_are_an_error():
    x, y = recording(60)
    with pytest.raises(ValueError, match=r"n_lags=2 .*more than 17 observed time.*but got 0\."):
        residual_tests(ridge().fit(x, y), x, np.full(60, np.nan), n_lags=2)


def test_windows_are_an_error():
    x, y = recording()
    with pytest.raises(ValueError, match=r"must be of recordings.*but got windows"):
        residual_tests(NTKConvRegressor(n_channels=2).fit(x, y), x, y)


def test_too_many_coefficients_are_an_error():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 2))
    model = ridge(n_lags=5).fit(x, x[:, 0])
    with pytest.raises(ValueError, match=r"the scatter of 4410 coefficients.*4096 at most"):
        residual_tests(model, x, x[:, 0], n_lags=1100)
