"""The picture of an impulse response: its numbers against what the estimator states."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    ImpulseResponseDisplay,
    LinearRNNRegressor,
    NTKConvRegressor,
    WeightedConv1DRegressor,
)

N_LAGS = 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
Y = np.column_stack([X[:, 0], 3 * X[:, 1] - X[:, 2]]) + RNG.normal(size=(80, 2)) * [0.5, 2.0]


def ridge(**options):
    return NTKConvRegressor(**{"nu_w": 0.6, "rows": "timesteps", "n_lags": N_LAGS, **options})


@pytest.fixture
def model():
    return ridge(alpha=2.0).fit(X, Y)


def band_of(patch):
    """Return the lower and the upper end of a filled area at each lag."""
    (path,) = patch.get_paths()
    corners = path.vertices
    by_lag = [corners[corners[:, 0] == lag, 1] for lag in range(N_LAGS)]
    return np.array([[values.min(), values.max()] for values in by_lag]).T


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_the_band_is_that_of_the_stated_deviations(model, coverage):
    frame = ImpulseResponseDisplay.from_estimator(model, coverage=coverage).frame()
    response, deviation = model.impulse_response_.ravel(), model.impulse_response_std_.ravel()
    assert_allclose(norm.cdf(frame["upper"], response, deviation), (1 + coverage) / 2, rtol=1e-9)
    assert_allclose(norm.cdf(frame["lower"], response, deviation), (1 - coverage) / 2, rtol=1e-9)
    assert_array_equal(frame["response"], response)


def test_the_envelope_is_the_posterior_before_the_data():
    """As good as without inputs, the posterior is the prior."""
    model = ridge(alpha=2.0).fit(1e-9 * X, Y)
    frame = ImpulseResponseDisplay.from_estimator(model).frame()
    assert_allclose(frame["upper"] - frame["response"], frame["prior_upper"], rtol=1e-9)
    assert_array_equal(frame["prior_lower"], -frame["prior_upper"])


def test_the_envelope_has_the_scale_of_the_penalty(model):
    display = ImpulseResponseDisplay.from_estimator(model)
    variance = np.outer(model.noise_variance_, model.lag_weights_) / model.alpha_
    for channel in range(display.response.shape[1]):
        assert_allclose(display.prior_deviation[:, channel] ** 2, variance, rtol=1e-13)
    assert display.is_scaled


WITHOUT_POSTERIOR = {
    "gradient descent": ridge(alpha=0.0, n_steps=5),
    "conjugate gradients": ridge(solver="cg"),
    "a network": LinearRNNRegressor(5, max_iter=9, rows="timesteps", n_lags=N_LAGS),
    "a convolution": WeightedConv1DRegressor(max_iter=3, rows="timesteps", n_lags=N_LAGS),
}


@pytest.mark.parametrize("estimator", WITHOUT_POSTERIOR.values(), ids=WITHOUT_POSTERIOR)
def test_without_a_posterior_the_prior_expects_the_energy_that_was_learned(estimator):
    display = ImpulseResponseDisplay.from_estimator(estimator.fit(X, Y))
    energy = np.square(estimator.impulse_response_).sum(axis=(1, 2))
    assert_allclose(np.square(display.prior_deviation).sum(axis=(1, 2)), energy, rtol=1e-6)
    shape = display.prior_deviation**2 / estimator.lag_weights_
    assert_allclose(shape, np.broadcast_to(shape[:, :1, :1], shape.shape), rtol=1e-6)
    assert not display.is_scaled
    assert "lower" not in display.frame()


@pytest.mark.parametrize("estimator", WITHOUT_POSTERIOR.values(), ids=WITHOUT_POSTERIOR)
def test_without_a_posterior_there_is_no_band_and_the_legend_says_so(estimator):
    axes = Figure().subplots(6)
    ImpulseResponseDisplay.from_estimator(estimator.fit(X, Y)).plot(axes)
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["prior, scaled to the response", "response (no posterior)"]
    assert [len(ax.collections) for ax in axes] == [1] * 6


def test_least_squares_have_a_posterior_and_a_prior_without_a_scale():
    display = ImpulseResponseDisplay.from_estimator(ridge(alpha=0.0).fit(X, Y))
    assert display.deviation is not None
    assert not display.is_scaled


def test_each_panel_shows_an_output_and_a_channel(model):
    axes = Figure().subplots(2, 3)
    display = ImpulseResponseDisplay.from_estimator(model)
    assert display.plot(axes) is display
    assert_array_equal(display.axes_, axes.ravel())
    assert display.ax_ is axes[0, 0]
    assert display.figure_ is axes[0, 0].figure
    for output, channel in np.ndindex(2, 3):
        ax, rows = axes[output, channel], display.frame().loc[output, f"channel {channel}"]
        assert ax.get_title() == f"output {output} from channel {channel}"
        prior, posterior = ax.collections
        assert_allclose(band_of(prior), rows[["prior_lower", "prior_upper"]].T, rtol=1e-12)
        assert_allclose(band_of(posterior), rows[["lower", "upper"]].T, rtol=1e-12)
        _, line = ax.get_lines()  # after that of zero
        assert_array_equal(line.get_xdata(), range(N_LAGS))
        assert_array_equal(line.get_ydata(), rows["response"])
        assert ax.get_ylabel() == "impulse response"
    assert {ax.get_xlabel() for ax in axes[1]} == {"lag, in time steps"}
    labels = [text.get_text() for text in axes[0, 0].get_legend().get_texts()]
    assert labels == ["prior, 90 %", "posterior, 90 %", "response"]


def test_channels_have_the_names_of_the_columns_that_they_are():
    frame = pd.DataFrame(X, columns=["rain", "sun", "wind"])
    display = ImpulseResponseDisplay.from_estimator(ridge().fit(frame, Y[:, 0]))
    assert display.channel_names == ["rain", "sun", "wind"]
    axes = Figure().subplots(3)
    titles = [ax.get_title() for ax in display.plot(axes).axes_]
    assert titles == ["rain", "sun", "wind"]


def test_lags_in_columns_are_no_channels():
    frame = pd.DataFrame(X, columns=["y_lag_3", "y_lag_2", "y_lag_1"])
    display = ImpulseResponseDisplay.from_estimator(NTKConvRegressor().fit(frame, Y[:, 0]))
    assert display.channel_names == ["channel 0"]


def test_a_plot_without_axes_makes_a_panel_for_each():
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    wide = np.random.default_rng(1).normal(size=(60, 5))
    display = ImpulseResponseDisplay.from_estimator(ridge().fit(wide, wide[:, 0])).plot()
    assert len(display.figure_.axes) == 5
    lowest = [ax for ax in display.axes_ if ax.get_xlabel()]
    assert lowest == list(display.axes_[2:])
    display.figure_.canvas.draw()
    plt.close(display.figure_)


def test_times_are_lags_in_units_of_the_sampling_time(model):
    display = ImpulseResponseDisplay.from_estimator(model, sampling_time=0.25)
    assert_array_equal(display.frame().loc[1, "channel 2"]["time"], 0.25 * np.arange(N_LAGS))
    steps = ImpulseResponseDisplay.from_estimator(model).frame()
    assert_array_equal(steps["time"], steps.index.get_level_values("lag"))
    axes = display.plot(Figure().subplots(2, 3)).axes_
    assert [ax.get_xlabel() for ax in axes] == [""] * 3 + ["time, in seconds"] * 3
    _, line = axes[0].get_lines()
    assert_array_equal(line.get_xdata(), 0.25 * np.arange(N_LAGS))


def test_residuals_that_are_not_white_are_named_beside_the_band():
    drift = np.cumsum(np.random.default_rng(1).normal(size=len(X)))
    model = ridge(alpha=2.0).fit(X, X[:, 0] + drift)
    display = ImpulseResponseDisplay.from_estimator(model)
    (ax,) = display.plot(Figure().subplots(1, 3)).axes_[:1]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    share = f"{100 * round(model.noise_predictability_, 2):g} %"
    assert model.noise_predictability_ > 0.5
    assert labels[1] == f"posterior, 90 % (residuals {share} predictable)"


@pytest.mark.parametrize("sampling_time", [0.0, -0.1, np.nan, "fast"])
def test_a_sampling_time_that_cannot_be_is_an_error(model, sampling_time):
    with pytest.raises(ValueError, match="sampling_time must be a positive number of seconds"):
        ImpulseResponseDisplay.from_estimator(model, sampling_time=sampling_time)


def test_bad_input_is_named(model):
    with pytest.raises(TypeError, match="one of this package's regressors, but got ndarray"):
        ImpulseResponseDisplay.from_estimator(X)
    with pytest.raises(NotFittedError):
        ImpulseResponseDisplay.from_estimator(NTKConvRegressor())
    with pytest.raises(ValueError, match=r"coverage must be within \(0, 1\), but got 90"):
        ImpulseResponseDisplay.from_estimator(model, coverage=90)
    with pytest.raises(ValueError, match="an axes for each of 6 panels, but got 2"):
        ImpulseResponseDisplay.from_estimator(model).plot(Figure().subplots(2))
