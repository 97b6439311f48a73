"""The picture of a step response: its numbers against sums and draws of the impulse response."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import dstep, lfilter
from scipy.stats import norm

from sklearn_linrnn import LinearRNNRegressor, NTKConvRegressor, StepResponseDisplay
from sklearn_linrnn.inspection._posterior import draw_responses

N_LAGS = 6
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
NOISE = lfilter([1.0], [1.0, -0.7], RNG.normal(size=(200, 2)), axis=0)
Y = np.column_stack([X[:, 0], 3 * X[:, 1] - X[:, 2]]) + NOISE * [0.5, 2.0]


def ridge(**options):
    return NTKConvRegressor(**{"nu_w": 0.6, "rows": "timesteps", "n_lags": N_LAGS, **options})


@pytest.fixture
def model():
    return ridge(prior="tc", alpha=2.0).fit(X, Y)


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_the_band_is_that_of_the_covariance_of_the_impulse_response(model, coverage):
    rows = StepResponseDisplay.from_estimator(model, coverage=coverage).frame()
    sums = np.tri(N_LAGS)
    for output, channel in np.ndindex(2, 3):
        found = rows.loc[output, f"channel {channel}"]
        response = sums @ model.impulse_response_[output, channel]
        covariance = sums @ model.impulse_response_cov(channel, output) @ sums.T
        deviation = np.sqrt(np.diag(covariance))
        assert_allclose(found["response"], response, rtol=1e-12)
        assert_allclose(norm.cdf(found["upper"], response, deviation), (1 + coverage) / 2)
        assert_allclose(norm.cdf(found["lower"], response, deviation), (1 - coverage) / 2)


def test_the_band_holds_its_share_of_draws_from_the_posterior(model):
    assert model.noise_predictability_ > 0
    rows = StepResponseDisplay.from_estimator(model).frame()
    draws = draw_responses(model, 10_000, 0).cumsum(axis=-1).reshape(10_000, -1)
    inside = (draws > rows["lower"].to_numpy()) & (draws < rows["upper"].to_numpy())
    assert_allclose(inside.mean(axis=0), 0.9, atol=5 * 0.3 / 100)


def test_it_is_the_step_response_of_the_system(model):
    _, outputs = dstep(model.to_state_space(), n=N_LAGS)  # of each channel, (n_lags, n_outputs)
    rows = StepResponseDisplay.from_estimator(model).frame()["response"].to_numpy()
    assert_allclose(rows.reshape(2, 3, N_LAGS), np.array(outputs).transpose(2, 0, 1), atol=1e-12)


def test_without_a_posterior_there_is_no_band_and_the_legend_says_so():
    network = LinearRNNRegressor(5, max_iter=9, rows="timesteps", n_lags=N_LAGS).fit(X, Y)
    display = StepResponseDisplay.from_estimator(network)
    assert list(display.frame()) == ["time", "response"]
    axes = display.plot(Figure().subplots(2, 3)).axes_
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["response (no posterior)"]


def test_each_panel_shows_an_output_and_a_channel_in_real_time(model):
    display = StepResponseDisplay.from_estimator(model, sampling_time=0.08)
    axes = display.plot(Figure().subplots(2, 3)).axes_.reshape(2, 3)
    for output, channel in np.ndindex(2, 3):
        rows = display.frame().loc[output, f"channel {channel}"]
        ax = axes[output, channel]
        _, line = ax.get_lines()
        assert_array_equal(line.get_xdata(), 0.08 * np.arange(N_LAGS))
        assert_array_equal(line.get_ydata(), rows["response"])
        assert ax.get_title() == f"output {output} from channel {channel}"
        assert ax.get_ylabel() == "step response"
    assert {ax.get_xlabel() for ax in axes[1]} == {"time, in seconds"}


def test_bad_input_is_named(model):
    with pytest.raises(TypeError, match="one of this package's regressors, but got ndarray"):
        StepResponseDisplay.from_estimator(X)
    with pytest.raises(ValueError, match=r"coverage must be within \(0, 1\), but got 1.5"):
        StepResponseDisplay.from_estimator(model, coverage=1.5)
    with pytest.raises(ValueError, match="sampling_time must be a positive number"):
        StepResponseDisplay.from_estimator(model, sampling_time=0)
