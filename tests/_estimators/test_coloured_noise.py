"""Noise that is an autoregression: the fit beside a dense Gaussian process, and what it covers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from sklearn_linrnn import LagStatistics, NTKConvRegressor
from sklearn_linrnn._estimators import closed_form
from sklearn_linrnn.forecasting import LagForecaster

N, N_LAGS = 240, 6
OPTIONS = {"rows": "timesteps", "n_lags": N_LAGS, "device": "cpu"}


def simulate(n_steps=N, seed=0, poles=(1.0, -0.9), level=3.0):
    """Return inputs, targets and the targets without noise."""
    rng = np.random.default_rng(seed)
    x = 2.0 + rng.normal(size=(n_steps, 1))
    noise = lfilter([1.0], poles, rng.normal(size=n_steps + 200))[200:]
    mean = level + lfilter(0.8 ** np.arange(N_LAGS), [1.0], x[:, 0])
    return x, mean + noise, mean


def lags_of(x, n_lags=N_LAGS):
    padded = np.concatenate([np.zeros((n_lags - 1, x.shape[1])), x])
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_lags, axis=0)
    return windows[:, :, ::-1].transpose(0, 2, 1).reshape(len(x), -1)


def covariance_of(coefficients, n_steps):
    """Return the covariance of noise with innovations of variance one, by its impulse response."""
    memory = lfilter([1.0], np.append(1.0, coefficients), np.eye(1, 20000)[0])
    return toeplitz([memory[: 20000 - lag] @ memory[lag:] for lag in range(n_steps)])


class Dense:
    """Generalised least squares with the covariance of the noise, given the first steps."""

    def __init__(self, model, x, y, *, fit_intercept=True):
        order, alpha = len(model.noise_coefficients_), model.alpha_
        noise = covariance_of(model.noise_coefficients_, len(x))
        past = noise[order:, :order] @ np.linalg.inv(noise[:order, :order])
        noise = noise[order:, order:] - past @ noise[:order, order:]
        ones = np.ones((len(x), int(fit_intercept)))
        design, constant, y = (
            each[order:] - past @ each[:order]
            for each in (lags_of(x), ones, np.reshape(y, (-1, 1)))
        )
        root = model.prior_.root(N_LAGS)
        root = np.diag(root) if root.ndim == 1 else root
        prior = root @ root.T
        inverse = np.linalg.inv(noise + design @ prior @ design.T / alpha)
        information = constant.T @ inverse @ constant
        self.intercept = np.linalg.solve(information, constant.T @ inverse @ y).ravel()
        left = y - constant @ self.intercept[:, None]
        self.response = (prior @ design.T @ inverse @ left / alpha).ravel()
        freedom = len(y) - int(fit_intercept)
        fit = (left.T @ inverse @ left).item()
        # The flat prior is that of the filtered intercept.
        gain = 1.0 + model.noise_coefficients_.sum()
        volume = -np.linalg.slogdet(inverse)[1] + np.linalg.slogdet(information / gain**2)[1]
        self.evidence = -0.5 * (freedom * (np.log(2 * np.pi * fit / freedom) + 1.0) + volume)
        both, white = np.hstack([constant, design]), np.linalg.inv(noise)
        precision = both.T @ white @ both
        n_means = int(fit_intercept)
        precision[n_means:, n_means:] += alpha * np.linalg.inv(prior)
        self.covariance = np.linalg.inv(precision)  # of intercept and response


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("prior", ["linear_rnn", "dc"])
def test_the_fit_is_generalised_least_squares(prior, fit_intercept):
    x, y, _ = simulate(poles=(1.0, -1.2, 0.4), level=3.0 * fit_intercept)
    model = NTKConvRegressor(
        0.7, alpha=0.8, noise="ar", prior=prior, fit_intercept=fit_intercept, **OPTIONS
    ).fit(x, y)
    assert model.noise_coefficients_.shape == (2,)
    assert model.noise_predictability_ == 0.0  # nothing of the innovations can be told
    dense = Dense(model, x, y, fit_intercept=fit_intercept)
    assert_allclose(model.impulse_response_[0, 0], dense.response, rtol=1e-8, atol=1e-10)
    assert_allclose(model.log_marginal_likelihood(), dense.evidence, rtol=1e-9)
    n_means = int(fit_intercept)
    if fit_intercept:
        assert_allclose(model.intercept_, dense.intercept, rtol=1e-8)
    deviations = np.sqrt(dense.covariance.diagonal() * model.innovation_variance_)
    assert_allclose(model.impulse_response_std_[0, 0], deviations[n_means:], rtol=1e-8)
    assert_allclose(
        model.noise_variance_ / model.innovation_variance_,
        covariance_of(model.noise_coefficients_, 1)[0],
        rtol=1e-8,
    )
    both = np.hstack([np.ones((len(x), n_means)), lags_of(x)])
    variances = np.einsum("ij,jk,ik->i", both, dense.covariance, both)
    variances *= model.innovation_variance_
    found = model.predict(x, return_std=True, include_noise=False)[1]
    assert_allclose(np.square(found), variances, rtol=1e-8)
    found = model.predict(x, return_std=True)[1]
    assert_allclose(np.square(found), variances + model.noise_variance_, rtol=1e-8)


def test_one_step_predictions_are_those_of_the_joint_gaussian():
    x, y, _ = simulate(poles=(1.0, -1.2, 0.4))
    model = NTKConvRegressor(0.7, alpha=0.8, noise="ar", **OPTIONS).fit(x, y)
    dense = Dense(model, x, y)
    x, y, _ = simulate(30, seed=1, poles=(1.0, -1.2, 0.4))
    y[12] = np.nan
    found, std = model.predict_one_step(x, y, return_std=True)
    noise = covariance_of(model.noise_coefficients_, len(x))
    both = np.hstack([np.ones((len(x), 1)), lags_of(x)])
    simulated = model.predict(x)
    for step in range(len(x)):
        first = 13 if step > 12 else 0  # what was before the gap is forgotten
        past = slice(max(first, step - 2) if step > 12 else first, step)
        weights = np.linalg.solve(noise[past, past], noise[past, step])
        assert_allclose(found[step], simulated[step] + weights @ (y - simulated)[past], rtol=1e-8)
        row = both[step] - weights @ both[past]
        variance = noise[step, step] - weights @ noise[past, step] + row @ dense.covariance @ row
        assert_allclose(std[step] ** 2, variance * model.innovation_variance_[0], rtol=1e-8)


def test_with_gaps_in_inputs_one_step_predictions_are_those_of_the_parts():
    x, y, _ = simulate()
    options = {**OPTIONS, "initial_state": "unknown"}
    model = NTKConvRegressor(0.7, noise="ar", **options).fit(x, y)
    holed = x.copy()
    holed[100] = np.nan
    found = model.predict_one_step(holed, y, return_std=True)
    later = model.predict_one_step(x[101:], y[101:], return_std=True)
    for one, other in zip(found, later, strict=True):
        assert np.isnan(one[100 : 100 + N_LAGS]).all()
        assert_allclose(one[101:], other, rtol=1e-10)


def test_descent_on_the_filtered_loss_ends_at_the_fit():
    x, y, _ = simulate()
    model = NTKConvRegressor(0.7, noise="ar", **OPTIONS).fit(x, y)
    (last,) = model.staged_predict(x, [2**30])
    assert_allclose(last, model.predict(x), rtol=1e-8)


def test_white_noise_is_order_zero_exactly():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 2))
    y = x @ [1.0, 0.5] + rng.normal(size=N)
    auto = {**OPTIONS, "alpha": "auto", "nu_w": "auto", "n_lags": "auto"}
    white = NTKConvRegressor(**auto).fit(x, y)
    coloured = NTKConvRegressor(**auto, noise="ar").fit(x, y)
    assert coloured.noise_coefficients_.shape == (0,)
    assert_array_equal(coloured.impulse_response_, white.impulse_response_)
    assert_array_equal(coloured.predict(x, return_std=True), white.predict(x, return_std=True))
    assert_array_equal(coloured.predict_one_step(x, y), white.predict(x))
    assert_array_equal(coloured.innovation_variance_, white.noise_variance_)
    assert coloured.log_marginal_likelihood() == white.log_marginal_likelihood()


def test_the_fit_does_not_depend_on_the_units():
    x, y, _ = simulate()
    auto = {**OPTIONS, "alpha": "auto", "nu_w": "auto", "noise": "ar"}
    one = NTKConvRegressor(**auto).fit(x, y)
    other = NTKConvRegressor(**auto).fit(1e3 * x, 1e-40 * y)
    assert_allclose(other.noise_coefficients_, one.noise_coefficients_, rtol=1e-6)
    assert_allclose(1e43 * other.impulse_response_, one.impulse_response_, rtol=1e-6)
    assert_allclose(
        1e40 * other.predict(1e3 * x, return_std=True)[1],
        one.predict(x, return_std=True)[1],
        rtol=1e-6,
    )


def test_the_noise_has_the_highest_evidence():
    x, y, _ = simulate()
    model = NTKConvRegressor(0.7, alpha=0.8, noise="ar", **OPTIONS).fit(x, y)
    assert 0.8 < -model.noise_coefficients_[0] < 0.95
    highest = Dense(model, x, y).evidence
    for change in (-0.01, 0.01):
        model._noise_ = model._noise_ + change
        assert Dense(model, x, y).evidence < highest
        model._noise_ = model._noise_ - change


def test_several_recordings_and_a_panel_are_alike():
    parts = [simulate(60, seed) for seed in range(4)]
    X, y = [part[0] for part in parts], [part[1] for part in parts]
    model = NTKConvRegressor(0.7, noise="ar", **OPTIONS)
    listed, panel = model.fit(X, y), NTKConvRegressor(0.7, noise="ar", **OPTIONS)
    panel.fit(np.stack(X), np.stack(y)[:, :, None])
    rows = NTKConvRegressor(0.7, noise="ar", **OPTIONS)
    rows.fit(np.concatenate(X), np.concatenate(y), sequence_id=np.repeat(np.arange(4), 60))
    found = np.concatenate(listed.predict_one_step(X, y))
    for other, mine in (
        (panel, panel.predict_one_step(np.stack(X), np.stack(y)[:, :, None]).ravel()),
        (
            rows,
            rows.predict_one_step(
                np.concatenate(X), np.concatenate(y), sequence_id=np.repeat(np.arange(4), 60)
            ),
        ),
    ):
        assert_allclose(other.noise_coefficients_, listed.noise_coefficients_, rtol=1e-8)
        assert_allclose(mine, found, rtol=1e-8)


def test_rounding_does_not_change_what_is_found():
    x, y, _ = simulate(poles=(1.0, -1.2, 0.4))
    auto = {**OPTIONS, "alpha": "auto", "nu_w": "auto", "n_lags": "auto", "noise": "ar"}
    expected = NTKConvRegressor(**auto).fit(x, y)
    other = NTKConvRegressor(**auto).fit(np.nextafter(x, np.inf), np.nextafter(y, -np.inf))
    assert other.impulse_response_.shape == expected.impulse_response_.shape
    assert_allclose(other.noise_coefficients_, expected.noise_coefficients_, rtol=1e-6)
    assert_allclose(other.alpha_, expected.alpha_, rtol=1e-6)
    assert_allclose(other.predict(x), expected.predict(x), atol=1e-8 * np.std(y))


@pytest.mark.parametrize("y", [np.ones(N), np.zeros(N)], ids=["constant", "zero"])
def test_targets_that_do_not_vary_have_no_noise(y):
    x = simulate()[0]
    model = NTKConvRegressor(noise="ar", **OPTIONS).fit(x, y)
    assert_allclose(model.predict_one_step(x, y), y, atol=1e-12)


def test_lags_that_expect_no_response_have_the_noise_of_the_targets():
    x, noise = np.full((30, 1), 3.0), np.random.default_rng(0).normal(size=30)
    options = {"rows": "timesteps", "n_lags": "auto", "delay": 3, "memory": "channel"}
    model = NTKConvRegressor(noise="ar", prior="deep_linear_rnn", **options).fit(x, noise)
    assert np.isfinite(model.predict(x)).all()


def test_targets_without_noise():
    x, _, y = simulate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = NTKConvRegressor("auto", alpha="auto", noise="ar", **OPTIONS).fit(x, y)
    assert_allclose(model.predict(x), y, rtol=1e-5)


def test_weights_may_be_very_large():
    x, y, _ = simulate()
    model = NTKConvRegressor(noise="ar", **OPTIONS).fit(x, y, np.full(N, 1e20))
    assert len(model.noise_coefficients_) > 0
    assert np.isfinite(model.predict(x, return_std=True)).all()


def test_targets_that_seldom_follow_one_another_have_white_noise():
    x, y, _ = simulate()
    y[::2] = np.nan
    with pytest.warns(UserWarning, match="noise='ar' needs observed time steps right before"):
        model = NTKConvRegressor(noise="ar", **OPTIONS).fit(x, y)
    white = NTKConvRegressor(**OPTIONS).fit(x, y)
    assert_array_equal(model.impulse_response_, white.impulse_response_)


def test_what_noise_needs():
    x, y, _ = simulate()
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"noise='ar' needs time steps .* got windows"):
        NTKConvRegressor(noise="ar").fit(rng.normal(size=(50, 4)), rng.normal(size=50))
    for name, value in (("n_steps", 10), ("alpha", 0.0), ("solver", "cg")):
        model = NTKConvRegressor(noise="ar", **OPTIONS).set_params(**{name: value})
        with pytest.raises(ValueError, match=rf"noise='ar' .* but got {name}={value!r}"):
            model.fit(x, y)
    with pytest.raises(ValueError, match=r"'noise' parameter .* Got 'pink'"):
        NTKConvRegressor(noise="pink", **OPTIONS).fit(x, y)
    model = NTKConvRegressor(noise="ar", **OPTIONS)
    statistics = LagStatistics.from_series(x, y, n_lags=N_LAGS)
    with pytest.raises(ValueError, match="noise='ar' needs the rows of the data"):
        model.fit_statistics(statistics)
    with pytest.raises(ValueError, match="noise='ar' needs the rows of the data"):
        model.fit(iter([(x, y)]))
    assert not hasattr(model, "partial_fit")


def test_forecasters_learn_from_windows():
    y = pd.Series(np.arange(40.0))
    estimator = NTKConvRegressor(noise="ar")
    for series in (y, pd.concat({"a": y, "b": y}, names=["series", "time"])):
        with pytest.raises(ValueError, match="noise of estimator must be 'white', but got 'ar'"):
            LagForecaster(estimator=estimator, n_lags=4).fit(series, fh=[1])


def test_what_one_step_predictions_need():
    x, y, _ = simulate()
    model = NTKConvRegressor(noise="ar", **OPTIONS).fit(x, y)
    with pytest.raises(ValueError, match="y must have n_outputs=1"):
        model.predict_one_step(x, np.stack([y, y], axis=1))
    with pytest.raises(ValueError, match="but got an iterator of pieces"):
        model.predict_one_step(iter([x]), y)
    rng = np.random.default_rng(0)
    windows = NTKConvRegressor().fit(rng.normal(size=(50, 4)), rng.normal(size=50))
    with pytest.raises(ValueError, match="but got a model of windows"):
        windows.predict_one_step(rng.normal(size=(50, 4)), rng.normal(size=50))


def coverage(n_draws, noise, monkeypatch):
    """Return how often 90 % intervals hold the mean of the targets and the response.

    With white noise the residuals are not looked at.
    """
    if noise == "white":
        monkeypatch.setattr(closed_form, "heeding_residuals", lambda solution, data: solution)
    means, responses = [], []
    for seed in range(n_draws):
        rng = np.random.default_rng(seed)
        true = 0.8 ** np.arange(30) * rng.normal(size=30)
        x = lfilter([1.0], [1.0, -0.8], rng.normal(size=800))
        e = lfilter([1.0], [1.0, -0.9], rng.normal(size=1000))[200:]
        mean = 1.0 + lfilter(true, [1.0], x)
        model = NTKConvRegressor(
            0.64, alpha="auto", prior="di", noise=noise, **{**OPTIONS, "n_lags": 30}
        )
        with warnings.catch_warnings():  # of noise that is not white
            warnings.filterwarnings("ignore", "The highest evidence is that of", UserWarning)
            model.fit(x[:500, None], (mean + e)[:500])
        deviations = np.abs(model.impulse_response_[0, 0] - true)
        responses.append(np.mean(deviations <= 1.645 * model.impulse_response_std_[0, 0]))
        found, std = model.predict(x[:, None], return_std=True, include_noise=False)
        means.append(np.mean((np.abs(found - mean) <= 1.645 * std)[500:]))
    print(f"{noise}: {np.mean(means):.3f}, {np.mean(responses):.3f}")  # noqa: T201 - asked for
    return np.mean(means), np.mean(responses)


@pytest.mark.slow
def test_intervals_cover_what_they_say(monkeypatch):
    for covered in coverage(200, "ar", monkeypatch):
        assert 0.85 <= covered <= 0.95
    assert coverage(200, "white", monkeypatch)[0] < 0.7


def test_intervals_of_a_few_draws_cover_more_than_those_of_white_noise(monkeypatch):
    coloured, white = (coverage(12, noise, monkeypatch) for noise in ("ar", "white"))
    assert coloured[0] > white[0] + 0.15
