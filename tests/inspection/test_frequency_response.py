"""The Bode plot: against SciPy, draws from the posterior, and distributions that are known."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.signal import freqz, lfilter
from scipy.stats import norm, rice

from sklearn_linrnn import FrequencyResponseDisplay, LinearRNNRegressor, NTKConvRegressor
from sklearn_linrnn.inspection._complex_bands import half_widths, normal_points
from sklearn_linrnn.inspection._posterior import draw_responses

N_LAGS = 12
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
SLOW = lfilter([1.0], [1.0, -1.2, 0.5], X, axis=0)
NOISE = lfilter([1.0], [1.0, -0.7], RNG.normal(size=(300, 2)), axis=0)
Y = np.column_stack([SLOW[:, 0], 3 * X[:, 1] - SLOW[:, 2]]) + NOISE * [0.5, 2.0]
ANGLES = np.array([0.05, 0.3, 1.0, 2.0, 3.0])


def ridge(**options):
    return NTKConvRegressor(**{"nu_w": 0.7, "rows": "timesteps", "n_lags": N_LAGS, **options})


@pytest.fixture(scope="module")
def model():
    return ridge(prior="tc", alpha=2.0).fit(X, Y)


def test_it_is_scipys_frequency_response(model):
    frame = FrequencyResponseDisplay.from_estimator(model, frequencies=ANGLES).frame()
    for output, channel in np.ndindex(2, 3):
        _, expected = freqz(model.impulse_response_[output, channel], worN=ANGLES)
        rows = frame.loc[output, f"channel {channel}"]
        assert_allclose(rows["magnitude"], np.abs(expected), rtol=1e-12)
        turns = (rows["phase"] - np.degrees(np.angle(expected))) / 360
        assert_allclose(turns, turns.round(), atol=1e-12)


def test_the_bands_hold_their_share_of_draws_from_the_posterior(model):
    assert model.noise_predictability_ > 0
    display = FrequencyResponseDisplay.from_estimator(model, frequencies=ANGLES)
    frame, n_draws = display.frame(), 10_000
    draws = draw_responses(model, n_draws, 0) @ np.exp(-1j * np.outer(np.arange(N_LAGS), ANGLES))
    magnitude = np.abs(draws).reshape(n_draws, -1)
    inside = (magnitude >= frame["lower"].to_numpy()) & (magnitude <= frame["upper"].to_numpy())
    error = 5 * (0.9 * 0.1 / n_draws) ** 0.5
    assert_allclose(inside.mean(axis=0), 0.9, atol=error)
    phase = np.degrees(np.angle(draws)).reshape(n_draws, -1)
    away = np.abs((phase - frame["phase"].to_numpy() + 180) % 360 - 180)
    inside = away <= (frame["phase_upper"] - frame["phase"]).to_numpy()
    assert_allclose(inside.mean(axis=0), 0.9, atol=error)


def widths_of(mean, root, coverage=0.9):
    """Return the widths of one number, root ``(k,)``."""
    found = half_widths(
        np.array([[[mean]]]), np.array(root, complex)[None, None, :, None], coverage
    )
    return found[:, 0, 0, 0]


@pytest.mark.parametrize("size", [0.0, 0.5, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.99])
def test_where_all_directions_err_alike_the_magnitude_has_the_distribution_of_rice(size, coverage):
    def beyond(width):
        inside = rice.cdf(size + width, size) - rice.cdf(max(size - width, 0.0), size)
        return inside - coverage

    expected = brentq(beyond, 0.0, size + 10.0)
    magnitude, _ = widths_of(size * np.exp(0.7j), [1.0, 1.0j], coverage)
    assert_allclose(magnitude, expected, rtol=0.01)


def test_a_phase_of_which_nothing_is_known_is_uniform():
    _, phase = widths_of(0.0, [1.0, 1.0j])
    assert_allclose(phase, 0.9 * 180, rtol=2e-3)


def test_small_errors_are_those_along_and_across_the_response():
    along, across = 1e-3, 3e-3
    turn = np.exp(2.1j)
    magnitude, phase = widths_of(2.0 * turn, [along * turn, across * 1j * turn])
    assert_allclose(magnitude, norm.ppf(0.95) * along, rtol=0.01)
    assert_allclose(phase, np.degrees(norm.ppf(0.95) * across / 2.0), rtol=0.01)


@pytest.mark.parametrize("size", [0.5, -0.5, 2.0])
def test_numbers_on_a_line_have_a_phase_of_zero_or_half_a_turn(size):
    magnitude, phase = widths_of(size, [1.0, 0.0])
    turned = norm.cdf(-abs(size))
    assert phase == pytest.approx(180.0 if turned > 0.1 else 0.0, abs=1e-9)
    draws = np.abs(size + np.random.default_rng(0).normal(size=100_000))
    assert np.mean(np.abs(draws - abs(size)) <= magnitude) == pytest.approx(0.9, abs=0.01)


def test_what_is_certain_has_no_band():
    assert_array_equal(widths_of(1.0 + 1.0j, [0.0, 0.0]), [0.0, 0.0])


def test_the_points_have_the_moments_of_a_standard_normal():
    points = normal_points()
    assert_allclose(points.mean(axis=1), 0.0, atol=2e-3)
    assert_allclose(np.cov(points), np.eye(2), atol=5e-3)


@pytest.mark.parametrize("delay", [0, 3, 11])
def test_a_delay_turns_the_phase_without_a_jump(delay):
    y = np.append(np.zeros(delay), X[: len(X) - delay, 0])
    delayed = ridge(alpha=1e-9).fit(X[:, :1], y)
    frame = FrequencyResponseDisplay.from_estimator(delayed, frequencies=[0.1, 3.0]).frame()
    assert_allclose(frame["phase"], -np.degrees([0.1 * delay, 3.0 * delay]), atol=1e-4)


def test_a_response_that_turns_the_sign_begins_at_half_a_turn():
    turned = ridge(alpha=1e-9).fit(X[:, :1], -X[:, 0])
    frame = FrequencyResponseDisplay.from_estimator(turned, frequencies=[0.1, 3.0]).frame()
    assert_allclose(np.abs(frame["phase"]), 180.0, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "nyquist", "label"),
    [
        ({}, np.pi, "frequency, in rad per time step"),
        ({"unit": "Hz"}, 0.5, "frequency, in cycles per time step"),
        ({"sampling_time": 0.01}, 100 * np.pi, "frequency, in rad/s"),
        ({"sampling_time": 0.01, "unit": "Hz"}, 50.0, "frequency, in Hz"),
    ],
)
def test_frequencies_reach_to_half_a_cycle_in_a_time_step(model, options, nyquist, label):
    display = FrequencyResponseDisplay.from_estimator(model, **options)
    plain = FrequencyResponseDisplay.from_estimator(model)
    assert_allclose(display.frequencies[-1], nyquist)
    assert_allclose(display.frequencies[0], nyquist / (5 * N_LAGS))
    assert_allclose(display.response, plain.response)
    axes = display.plot(Figure().subplots(6, 2)).axes_
    assert [ax.get_xlabel() for ax in axes if ax.get_xlabel()] == [label] * 3


def test_each_panel_shows_magnitude_and_phase_of_a_pair(model):
    display = FrequencyResponseDisplay.from_estimator(model)
    axes = Figure().subplots(2, 3, squeeze=False), Figure().subplots(2, 3, squeeze=False)
    flat = np.stack(axes, axis=-1).ravel()
    assert display.plot(flat) is display
    assert_array_equal(display.axes_, flat)
    for output, channel in np.ndindex(2, 3):
        rows = display.frame().loc[output, f"channel {channel}"]
        magnitude, phase = axes[0][output, channel], axes[1][output, channel]
        assert magnitude.get_title() == f"output {output} from channel {channel}"
        (line,) = magnitude.get_lines()
        assert_allclose(line.get_ydata(), 20 * np.log10(rows["magnitude"]), rtol=1e-12)
        (line,) = phase.get_lines()
        assert_array_equal(line.get_ydata(), rows["phase"])
        assert magnitude.get_xscale() == phase.get_xscale() == "log"
        assert (magnitude.get_ylabel(), phase.get_ylabel()) == (
            "magnitude, in dB", "phase, in degrees",
        )  # fmt: skip
        assert len(magnitude.collections) == len(phase.collections) == 1
    assert not (display.frame()["lower"] < 0).any()


def test_a_plot_without_axes_puts_each_phase_below_its_magnitude(model):
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    wide = np.random.default_rng(1).normal(size=(60, 4))
    figure = FrequencyResponseDisplay.from_estimator(ridge().fit(wide, wide[:, 0])).plot().figure_
    figure.canvas.draw()
    pairs = np.reshape(figure.axes, (-1,))
    assert len(pairs) == 8
    magnitudes = [ax for ax in pairs if ax.get_title()]
    phases = [ax for ax in pairs if not ax.get_title()]
    for magnitude, phase in zip(magnitudes, phases, strict=True):
        assert magnitude.get_position().x0 == pytest.approx(phase.get_position().x0, abs=0.01)
        assert magnitude.get_position().y0 > phase.get_position().y1
    plt.close(figure)


def test_without_a_posterior_there_is_no_band_and_the_legend_says_so():
    network = LinearRNNRegressor(8, max_iter=9, rows="timesteps", n_lags=N_LAGS).fit(X, Y[:, 0])
    display = FrequencyResponseDisplay.from_estimator(network)
    assert list(display.frame()) == ["magnitude", "phase"]
    axes = display.plot(Figure().subplots(3, 2)).axes_
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["response (no posterior)"]


def test_panels_have_the_names_of_channels_in_their_order():
    frame = pd.DataFrame(X, columns=["wind", "rain", "sun"])
    display = FrequencyResponseDisplay.from_estimator(ridge().fit(frame, Y[:, 0]))
    axes = display.plot(Figure().subplots(3, 2)).axes_
    assert [ax.get_title() for ax in axes[::2]] == ["wind", "rain", "sun"]
    (line,) = axes[2].get_lines()
    rain = display.frame().xs("rain", level="channel")["magnitude"]
    assert_allclose(line.get_ydata(), 20 * np.log10(rain))


def test_a_channel_that_says_nothing_can_be_drawn():
    silent = ridge().fit(np.column_stack([X[:, 0], np.zeros(len(X))]), Y[:, 0])
    display = FrequencyResponseDisplay.from_estimator(silent).plot(Figure().subplots(2, 2))
    display.figure_.canvas.draw()
    assert_array_equal(display.frame().loc[0, "channel 1"]["magnitude"], 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "rpm"}, r"unit must be 'rad/s' or 'Hz', but got 'rpm'"),
        ({"frequencies": [0.0, 1.0]}, r"frequencies must rise, from above 0 to Nyquist's 3.14159"),
        ({"frequencies": [1.0, 4.0]}, r"Nyquist's 3.14159 rad/s at most, but got \[1. 4.\]"),
        ({"frequencies": [2.0, 1.0]}, "frequencies must rise"),
        ({"frequencies": [1.0, np.nan]}, "frequencies must rise"),
        ({"frequencies": 1.0}, r"frequencies must have shape \(n_frequencies,\), but got shape"),
        ({"sampling_time": -1.0}, "sampling_time must be a positive number of seconds"),
        ({"coverage": 90}, r"coverage must be within \(0, 1\), but got 90"),
    ],
)
def test_bad_input_is_named(model, options, message):
    with pytest.raises(ValueError, match=message):
        FrequencyResponseDisplay.from_estimator(model, **options)
