"""A forecast may trend and cycle; it does not blow up, unless the series itself grows so."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import toeplitz

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor
from sklearn_linrnn._core.statistics.serial_noise import SerialNoise
from sklearn_linrnn.forecasting import LagForecaster

LEAST_SQUARES = NTKConvRegressor(0.9, alpha=1e-9)
STEPS = range(1, 41)
# Where nothing varies, evidence may say that there is nothing to choose.
constants_may_warn = pytest.mark.filterwarnings("ignore:X or y does not vary")


def growing(n_timesteps=60, rate=1.08, noise=0.01, seed=0):
    """Return a series that grows by a share of itself, with a season that does not."""
    t, rng = np.arange(n_timesteps), np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * t / 5)
    return pd.Series(rate**t + wave + noise * rng.normal(size=n_timesteps) + 3.0)


def surging(n_timesteps=60, rate=1.5, noise=0.3, seed=0):
    """Return a series that grows so in its last ten steps alone."""
    t, rng = np.arange(n_timesteps), np.random.default_rng(seed)
    surge = np.where(t > n_timesteps - 10, rate ** (t - n_timesteps + 10.0), 0.0)
    wave = np.sin(2 * np.pi * t / 5)
    return pd.Series(surge + wave + noise * rng.normal(size=n_timesteps) + 3.0)


def surging_pair():
    a, noise = surging().to_numpy(), np.random.default_rng(1).normal(size=60)
    return pd.DataFrame({"a": a, "b": 1e3 * np.roll(a, 1) + 100 * noise})[1:]


def coefficients(estimator, normalize):
    """Return the coefficients of the recursion of an estimator of one column, and its intercept."""
    own = estimator.impulse_response_[0, 0].copy()
    if normalize == "last":
        own[0] += 1 - own.sum()
    elif normalize == "mean":
        own += (1 - own.sum()) / len(own)
    return own, estimator.intercept_[0]


def reflected(own, stabilized):
    """Return coefficients with some roots reflected, from the polynomial of all roots."""
    roots = np.roots(np.append(1.0, -own))
    for root, growth in zip(stabilized["root"], stabilized["growth"], strict=True):
        for each in {root, root.conjugate()}:
            near = np.abs(roots - each).argmin()
            assert_allclose(roots[near], each, rtol=1e-6)
            roots[near] = growth**2 / np.conj(each)
    return -np.poly(roots)[1:].real


def iterate(values, own, intercept, n_ahead):
    path = list(values)
    for _ in range(n_ahead):
        path.append(intercept + own @ path[: -len(own) - 1 : -1])
    return np.array(path[-n_ahead:])


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_forecasts_are_those_of_the_reflected_roots(normalize):
    y, n_lags = surging(), 6
    forecaster = LagForecaster(LEAST_SQUARES, n_lags, normalize=normalize).fit(y)
    own, _ = coefficients(forecaster.estimators_[0], normalize)
    changed = reflected(own, forecaster.stabilized_)
    assert len(forecaster.stabilized_) > 0
    values = y.to_numpy()
    if normalize is None:  # towards the mean of the targets
        centre = values[n_lags:].mean()
        expected = centre + iterate(values - centre, changed, 0.0, 40)
    else:  # at the mean step to a target
        line = np.diff(values)[n_lags - 1 :].mean() * np.arange(len(values) + 40)
        expected = line[-40:] + iterate(values - line[:-40], changed, 0.0, 40)
    assert_allclose(forecaster.predict(fh=STEPS), expected, rtol=1e-6)


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_what_does_not_blow_up_is_iterated_as_it_was_fitted(normalize):
    y = pd.Series(np.random.default_rng(0).normal(size=80).cumsum())
    forecaster = LagForecaster(NTKConvRegressor(0.5, alpha=1.0), 6, normalize=normalize).fit(y)
    own, intercept = coefficients(forecaster.estimators_[0], normalize)
    assert len(forecaster.stabilized_) == 0
    assert_allclose(forecaster.predict(fh=STEPS), iterate(y, own, intercept, 40), rtol=1e-9)


@constants_may_warn
@pytest.mark.parametrize("slope", [0.7, -1e-3, 1e5])
@pytest.mark.parametrize("n_timesteps", [12, 60, 400])
@pytest.mark.parametrize("normalize", ["last", "mean"])
def test_a_line_goes_on(slope, n_timesteps, normalize):
    line = 1.7 + slope * np.arange(n_timesteps + 100)
    forecaster = LagForecaster(normalize=normalize).fit(pd.Series(line[:n_timesteps]))
    found = forecaster.predict(fh=range(1, 101))
    assert_allclose(found, line[n_timesteps:], atol=1e-9 * np.ptp(line))
    assert len(forecaster.stabilized_) == 0


@pytest.mark.filterwarnings("ignore:.*onverge")  # its evidence is all but rounding
def test_a_line_that_is_all_but_exact_goes_on():
    rng = np.random.default_rng(1236380)
    rng.integers(0, [17, 5, 5])  # what comes next led the search to a singular curvature
    t = np.arange(300)
    line = rng.normal() * t
    y = pd.Series(line[:200] + 1e-6 * rng.normal(size=200))
    found = LagForecaster(normalize="mean").fit(y).predict(fh=range(1, 101))
    assert_allclose(found, line[200:], atol=1e-3)


def swinging(rate, n_timesteps=160, noise=0.01, seed=0):
    """Return a season whose amplitude grows, and noise that does not."""
    t = np.arange(n_timesteps)
    wave = rate**t * np.sin(2 * np.pi * t / 12)
    return pd.Series(wave + noise * np.random.default_rng(seed).normal(size=n_timesteps))


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
@pytest.mark.parametrize("series", [growing, lambda: swinging(1.02)], ids=["trend", "season"])
def test_a_series_that_grows_goes_on(series, normalize):
    y = series()
    forecaster = LagForecaster(LEAST_SQUARES, 6, normalize=normalize).fit(y[:-10])
    found = forecaster.predict(fh=range(1, 11))
    assert_allclose(found, y[-10:], atol=0.01 * np.ptp(y))


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
@pytest.mark.parametrize("season", [0.0, 1.0])
def test_growth_without_noise_is_forecast(season, normalize):
    t = np.arange(150)
    y = pd.Series(1.03**t * (2.0 + season * np.sin(2 * np.pi * t / 12)))
    forecaster = LagForecaster(LEAST_SQUARES, 4, normalize=normalize).fit(y[:100])
    assert_allclose(forecaster.predict(fh=range(1, 51)), y[100:], rtol=1e-3)


def test_growth_that_overflows_is_an_error():
    forecaster = LagForecaster(LEAST_SQUARES, 2, normalize=None).fit(
        pd.Series(10.0 ** np.arange(9))
    )
    assert_allclose(forecaster.predict(fh=[100]), [1e108], rtol=1e-3)
    with pytest.raises(ValueError, match="fh must not reach so far"):
        forecaster.predict(fh=[400])


@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_variances_that_overflow_are_an_error(strategy):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=43)})
    y = X["x"][:40] + 0.1 * rng.normal(size=40)
    forecaster = LagForecaster(NTKConvRegressor(alpha=1.0), 2, strategy=strategy)
    forecaster.fit(y, X[:40], fh=[1, 2])
    X.iloc[40, 0] = 1e200  # its square is out of range
    assert np.isfinite(forecaster.predict(X=X[40:])).all()
    with pytest.raises(ValueError, match=r"X is too large, or fh reaches too far.*2 steps"):
        forecaster.predict_var(X=X[40:])


@pytest.mark.parametrize("normalize", [None, "last"])
@pytest.mark.parametrize(
    "series", [surging, lambda: swinging(1.02, noise=0.1)], ids=["surging", "season"]
)
def test_growth_has_no_unit_and_no_level(series, normalize):
    y = series()
    forecaster = LagForecaster(LEAST_SQUARES, 6, normalize=normalize)
    plain = forecaster.clone().fit(y)
    other = forecaster.clone().fit(1e4 + 1e3 * y)
    assert_allclose(other.stabilized_["growth"], plain.stabilized_["growth"], rtol=1e-4)
    assert_allclose((other.predict(fh=STEPS) - 1e4) / 1e3, plain.predict(fh=STEPS), rtol=1e-3)


@pytest.mark.parametrize("place", [20, 60, 100])
def test_an_outlier_shows_no_growth(place):
    y = pd.Series(np.random.default_rng(0).normal(size=120))
    y[place] += 1e6
    forecaster = LagForecaster(LEAST_SQUARES, 12).fit(y)
    assert (forecaster.stabilized_["growth"] < 1.02).all()
    assert np.abs(forecaster.predict(fh=range(1, 201))).max() < 1e6


def test_what_is_learned_later_may_grow_later():
    y = growing(80)
    forecaster = LagForecaster(LEAST_SQUARES, 6).fit(y[:50])
    forecaster.update(y[50:70])
    whole = LagForecaster(LEAST_SQUARES, 6).fit(y[:70])
    found = forecaster.predict(fh=range(1, 11))
    assert_allclose(found, whole.predict(fh=range(1, 11)), rtol=1e-6)
    assert_allclose(found, y[70:], rtol=0.01)


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_growth_goes_on_beside_inputs_and_gaps(normalize):
    x = np.random.default_rng(0).normal(size=80) + 2.0
    X = pd.DataFrame({"x": x})
    y = growing(80) + 0.05 * x
    seen = y[:70].copy()
    seen[30] = np.nan
    forecaster = LagForecaster(LEAST_SQUARES, 6, normalize=normalize).fit(seen, X[:70])
    found = forecaster.predict(fh=range(1, 11), X=X[70:])
    assert_allclose(found, y[70:], rtol=0.02)


def test_errors_of_calibration_are_those_of_growth_too():
    y = growing(80)
    forecaster = LagForecaster(LEAST_SQUARES, 6, intervals="conformal", calibration_fraction=0.4)
    widths = np.diff(forecaster.fit(y).predict_interval(fh=[1, 5], coverage=0.5).to_numpy())
    assert (widths < 0.02 * y.max()).all()


def test_paths_grow_as_the_forecast():
    y = growing(80)
    forecaster = LagForecaster(LEAST_SQUARES, 6).fit(y[:70])
    paths = forecaster.simulate(fh=range(1, 11), n_paths=200, random_state=0)
    mean = paths.groupby(level=1).mean()
    assert_allclose(np.ravel(mean), np.ravel(forecaster.predict(fh=range(1, 11))), rtol=0.01)


def test_a_series_is_stored_once():
    y = pd.Series(np.random.default_rng(0).normal(size=50_000))
    forecaster = LagForecaster(NTKConvRegressor(0.5, alpha=1.0), 4).fit(y)
    assert len(pickle.dumps(forecaster._known)) < 1.1 * y.to_numpy().nbytes


def test_a_season_that_surges_is_seen():
    t = np.arange(132)
    wave = 1.3 ** np.maximum(t - 120.0, 0.0) * np.sin(2 * np.pi * t / 12)
    y = pd.Series(wave + 0.1 * np.random.default_rng(0).normal(size=132), name="sales")
    forecaster = LagForecaster(LEAST_SQUARES, 6).fit(y)
    (row,) = forecaster.stabilized_.itertuples()
    assert row.columns == ("sales",)
    assert abs(row.root) == pytest.approx(row.modulus)
    assert 2 * np.pi / np.angle(row.root) == pytest.approx(row.period)
    assert row.modulus > row.growth >= 1
    found = forecaster.predict(fh=range(1, 121))
    assert np.ptp(found[-12:]) < np.ptp(found[:12])


def test_the_rate_of_a_surge_is_seen():
    forecaster = LagForecaster(LEAST_SQUARES, 6).fit(surging())
    moved = forecaster.stabilized_
    assert list(moved.columns) == ["columns", "root", "modulus", "period", "growth"]
    first = moved.iloc[0]
    assert_allclose(first["modulus"], 1.5, rtol=0.05)
    assert first["period"] == np.inf
    assert forecaster.get_fitted_params()["stabilized"].equals(moved)


def test_forecasts_of_joint_columns_do_not_blow_up_in_any_unit():
    y, scale = surging_pair(), np.array([1e-2, 1e6])
    forecaster = LagForecaster(LEAST_SQUARES, 2, joint=True)
    plain = forecaster.clone().fit(y)
    assert list(plain.stabilized_["columns"]) == [("a", "b")] * len(plain.stabilized_)
    assert len(plain.stabilized_) > 0
    found = plain.predict(fh=range(1, 201)).to_numpy()
    steps = np.abs(np.diff(y, axis=0)).max(axis=0)
    assert (np.abs(np.diff(found, axis=0)).max(axis=0) < 2 * steps).all()
    # A penalty this small is nothing in any unit.
    scaled = forecaster.clone().fit(y * scale).predict(fh=range(1, 201))
    assert_allclose(scaled / scale, found, rtol=1e-3)


@pytest.mark.parametrize("nu_c", [1e30, 1e300])
def test_a_response_that_no_correction_leaves_digits_of_is_refused(nu_c):
    wild = LinearRNNRegressor(6, nu_c=nu_c, max_iter=2, random_state=0)
    forecaster = LagForecaster(wild, 4, normalize=None).fit(surging())
    for ask in (forecaster.predict, forecaster.predict_interval):
        with pytest.raises(ValueError, match="estimator's forecast of one step cannot be iterated"):
            ask(fh=STEPS)


def test_columns_of_their_own_are_changed_alone():
    y = pd.DataFrame({"calm": np.random.default_rng(0).normal(size=60), "wild": surging()})
    forecaster = LagForecaster(NTKConvRegressor(0.9, alpha=1e-3), 6).fit(y)
    assert set(forecaster.stabilized_["columns"]) == {("wild",)}
    alone = LagForecaster(NTKConvRegressor(0.9, alpha=1e-3), 6).fit(y["wild"])
    both = forecaster.predict(fh=STEPS)
    assert_allclose(both["wild"], alone.predict(fh=STEPS), rtol=1e-9)


@pytest.mark.parametrize("normalize", [None, "last"])
def test_inputs_keep_their_response(normalize):
    n_lags, x = 6, np.random.default_rng(0).normal(size=120) + 2.0
    X = pd.DataFrame({"x": x})
    y = surging(80) + 2.0 * X["x"][:80]
    forecaster = LagForecaster(LEAST_SQUARES, n_lags, normalize=normalize).fit(y, X[:80])
    assert len(forecaster.stabilized_) > 0
    found = forecaster.predict(fh=STEPS, X=X[80:])
    (estimator,) = forecaster.estimators_
    changed = reflected(coefficients(estimator, normalize)[0], forecaster.stabilized_)
    driven = estimator.impulse_response_[0, 1]
    seen = np.lib.stride_tricks.sliding_window_view(x[1:80], n_lags)[:, ::-1].mean(axis=0)
    # What is left of the series less its mean course goes on by itself and with the inputs.
    centre = y[n_lags:].mean() if normalize is None else 0.0
    slope = 0.0 if normalize is None else np.diff(y)[n_lags - 1 :].mean()
    course = centre + slope * np.arange(120)
    path = list(y - course[:80])
    for t in range(80, 120):
        inputs = x[t : t - n_lags : -1] - seen
        path.append(changed @ path[: -n_lags - 1 : -1] + driven @ inputs)
    assert_allclose(found, path[80:] + course[80:], rtol=1e-6)


@pytest.mark.parametrize("normalize", [None, "last", "mean"])
def test_forecasts_move_with_the_level(normalize):
    y, estimator = surging(), NTKConvRegressor(0.9, alpha=1e-4)
    forecaster = LagForecaster(estimator, 6, normalize=normalize)
    near, far = (forecaster.clone().fit(y + level).predict(fh=STEPS) for level in (0.0, 1e4))
    assert_allclose(far - 1e4, near, rtol=1e-4)


def test_a_recursion_without_intercept_has_none():
    estimator = NTKConvRegressor(0.9, alpha=1e-9, fit_intercept=False)
    y = surging() - 3.0
    forecaster = LagForecaster(estimator, 6, normalize=None).fit(y)
    assert len(forecaster.stabilized_) > 0
    mirrored = forecaster.clone().fit(-y).predict(fh=STEPS)
    assert_allclose(mirrored, -forecaster.predict(fh=STEPS), rtol=1e-6)


def test_one_step_after_another_is_the_same_for_all_ways_to_ask():
    y = surging()
    forecaster = LagForecaster(LEAST_SQUARES, 6).fit(y)
    rolling = forecaster.predict_rolling(y, fh=STEPS)
    assert_allclose(rolling[-1, :, 0], forecaster.predict(fh=STEPS), rtol=1e-9)
    in_sample = forecaster.predict(fh=[-3, 0])
    assert_allclose(in_sample, rolling[[-5, -2], 0, 0], rtol=1e-9)


def test_updates_and_pickles_forecast_as_a_fit_to_the_whole():
    y = surging()
    whole = LagForecaster(LEAST_SQUARES, 6).fit(y)
    grown = LagForecaster(LEAST_SQUARES, 6).fit(y[:57])
    before = len(grown.stabilized_)
    grown.update(y[57:])
    assert before > 0
    assert_allclose(grown.stabilized_["modulus"], whole.stabilized_["modulus"], rtol=1e-6)
    assert_allclose(grown.predict(fh=STEPS), whole.predict(fh=STEPS), rtol=1e-6)
    again = pickle.loads(pickle.dumps(whole))
    assert_allclose(again.predict(fh=STEPS), whole.predict(fh=STEPS), rtol=0)
    assert again.stabilized_.equals(whole.stabilized_)


def test_a_model_of_several_series_is_changed_once():
    parts = {name: surging(seed=seed).to_frame("y") for seed, name in enumerate("ab")}
    forecaster = LagForecaster(LEAST_SQUARES, 6, pooling="global").fit(pd.concat(parts))
    assert len(forecaster.stabilized_) == len(
        forecaster.clone().fit(pd.concat({"a": parts["a"]})).stabilized_
    )
    found = forecaster.predict(fh=STEPS)["y"]
    assert np.abs(found).max() < 3 * parts["a"].max().item()


def test_direct_forecasts_iterate_nothing():
    forecaster = LagForecaster(LEAST_SQUARES, 6, strategy="direct").fit(surging(), fh=[1, 2])
    assert len(forecaster.stabilized_) == 0
    step = LagForecaster(LEAST_SQUARES, 6).fit(surging())
    assert_allclose(forecaster.estimators_[0].impulse_response_[0].shape, (1, 6))
    assert len(step.stabilized_) > 0


@pytest.mark.parametrize("intervals", ["gaussian", "conformal"])
def test_intervals_are_around_what_is_forecast(intervals):
    forecaster = LagForecaster(LEAST_SQUARES, 6, intervals=intervals).fit(surging(120))
    assert len(forecaster.stabilized_) > 0
    quantiles = forecaster.predict_quantiles(fh=[1, 2, 5], alpha=[0.05, 0.5, 0.95]).to_numpy()
    assert_allclose(quantiles[:, 1], forecaster.predict(fh=[1, 2, 5]))
    assert (np.diff(quantiles, axis=1) > 0).all()


def test_variances_are_those_of_the_recursion_that_is_iterated():
    y, n_lags = surging(200), 6
    forecaster = LagForecaster(LEAST_SQUARES, n_lags).fit(y)
    (estimator,) = forecaster.estimators_
    own, intercept = coefficients(estimator, "last")
    changed = reflected(own, forecaster.stabilized_)
    assert len(forecaster.stabilized_) > 0
    windows = np.lib.stride_tricks.sliding_window_view(y, n_lags + 1)
    course = np.diff(y)[n_lags - 1 :].mean() * np.arange(n_lags + 1)
    fitted = windows[:, -1] - windows[:, -2::-1] @ own - intercept
    residuals = (windows - course)[:, -1] - (windows - course)[:, -2::-1] @ changed
    more = (np.square(residuals).sum() - np.square(fitted).sum()) / (len(windows) - 1)
    newest = y.to_numpy()[None, -n_lags:, None]
    std = np.ravel(estimator.predict(newest - newest[:, -1:], return_std=True)[1])[-1]
    uncertain = std**2 / estimator.noise_variance_.item()
    found = np.ravel(forecaster.predict_var(fh=STEPS))
    assert_allclose(found[0], (estimator.noise_variance_.item() + more) * uncertain, rtol=1e-6)
    weights = iterate(np.append(np.zeros(n_lags - 1), 1.0), changed, 0.0, 39)
    weights = np.append(1.0, weights)
    # The parameters are wrong by the same at all steps.
    past, seen = (windows - windows[:, [n_lags - 1]])[:, : n_lags - 1], len(windows)
    path = np.append(y, forecaster.predict(fh=STEPS))[-len(STEPS) - n_lags :]
    ahead = np.lib.stride_tricks.sliding_window_view(path, n_lags)[: len(STEPS)]
    ahead = (ahead - ahead[:, -1:])[:, : n_lags - 1] - past.mean(axis=0)
    scatter = (past - past.mean(axis=0)).T @ (past - past.mean(axis=0))
    together = ahead @ np.linalg.solve(scatter, ahead.T) + 1 / seen
    memory = SerialNoise.of([residuals]).memory  # they are not white
    correlations = np.correlate(memory, memory, "full")[len(memory) - 1 :][: len(STEPS)]
    together += toeplitz(np.pad(correlations, (0, len(STEPS) - len(correlations))))
    effects = np.array([np.append(weights[h::-1], np.zeros(len(STEPS) - 1 - h)) for h in range(40)])
    spread = np.einsum("hi,ij,hj->h", effects, together, effects)
    assert_allclose(found / found[0], spread / spread[0], rtol=1e-5)


HORIZON = 100  # steps ahead


def inner_step(rng, t):
    """Return a step after which others follow: a jump at the end may be the start of a trend."""
    return rng.integers(1, len(t) - 1)


def trend(rng, t):
    return 10 ** rng.uniform(-3, 1) * t + rng.normal(size=len(t))


def line(rng, t):
    return rng.normal() + rng.normal() * t


def season(rng, t):
    wave = np.sin(2 * np.pi * t / rng.integers(2, 25))
    return 10 * rng.uniform() * wave + 10 ** rng.uniform(-2, 0.5) * rng.normal(size=len(t))


def growing_season(rng, t):
    wave = 10 + 3 * np.sin(2 * np.pi * t / 12)
    return (1 + 0.02 * t) * wave + rng.uniform(0, 2) * rng.normal(size=len(t))


def jump(rng, t):
    return rng.normal(size=len(t)) + 10 ** rng.uniform(0, 3) * (t >= inner_step(rng, t))


def constant(rng, t):
    return np.full(len(t), 10 ** rng.uniform(-3, 6))


def outlier(rng, t):
    return rng.normal(size=len(t)) + 1e6 * (t == inner_step(rng, t))


def near_unit_root(rng, t):
    noise, root = rng.normal(size=len(t)), rng.uniform(0.95, 1.02)
    return np.array([np.sum(root ** (s - t[: s + 1]) * noise[: s + 1]) for s in t])


def bursts(rng, t):
    return np.exp(1.5 * rng.normal(size=len(t))) * (rng.uniform(size=len(t)) < 0.4)


KINDS = [
    trend,
    line,
    season,
    growing_season,
    jump,
    constant,
    outlier,
    near_unit_root,
    bursts,
]


def random_series(rng, n_series):
    """Yield series of all kinds in turn, some of them with a trend or an outlier more."""
    for i in range(n_series):
        kind = KINDS[i % len(KINDS)]
        t = np.arange(rng.integers(24, 150))
        y = kind(rng, t)
        if rng.uniform() < 0.3 and kind is not constant:
            y = y + 0.3 * rng.normal() * t
        if rng.uniform() < 0.15:
            y = y + 1e6 * rng.choice([-1, 1]) * (t == inner_step(rng, t))
        yield kind.__name__, y


def excess(y, forecasts):
    """Return how far forecasts leave the range of a series, as a share of what they may.

    They may go as far as ten times its width or, where the series itself grows so, on as steeply as
    it ever was over a quarter of its length.
    """
    quarter = len(y) // 4
    steepest = np.abs(y[quarter:] - y[:-quarter]).max() / quarter
    allowed = max(10 * np.ptp(y), HORIZON * steepest, 1e-9 * np.abs(y).max())
    return np.maximum(forecasts - y.max(), y.min() - forecasts).max() / allowed


def check_random_series(n_series, seed):
    rng = np.random.default_rng(seed)
    for kind, y in random_series(rng, n_series):
        found = LagForecaster().fit(pd.Series(y)).predict(fh=range(1, HORIZON + 1))
        assert excess(y, found.to_numpy()) <= 1, (kind, y)


@constants_may_warn
def test_forecasts_stay_near_what_was_seen():
    check_random_series(30, seed=0)


@constants_may_warn
@pytest.mark.slow
def test_forecasts_of_many_series_stay_near_what_was_seen():
    check_random_series(2000, seed=1)
