"""How much memory a model has: numbers against loops, and what the picture shows."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    ImpulseResponseDisplay,
    LinearRNNRegressor,
    MemoryDisplay,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
    effective_memory,
    measured_memory,
    memory_interval,
    prior_of_memory,
)
from sklearn_linrnn.inspection import response_energy
from sklearn_linrnn.priors import TC


def memory_by_loop(energy, share):
    total, so_far = sum(energy), 0.0
    for lag, one in enumerate(energy):
        so_far += one
        if so_far >= share * total:
            return lag
    raise AssertionError


@pytest.fixture
def model():
    X = np.random.default_rng(0).normal(size=(300, 2))
    Y = np.column_stack([np.roll(X[:, 0], 2), 3 * X[:, 1]])
    return NTKConvRegressor(0.7, rows="timesteps", n_lags=9).fit(X, Y)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("seed", range(5))
def test_effective_memory_is_the_first_lag_that_holds_the_share(share, seed):
    energy = np.random.default_rng(seed).exponential(size=40) * 0.8 ** np.arange(40)
    assert effective_memory(energy, share=share) == memory_by_loop(energy, share)


@pytest.mark.parametrize(
    ("energy", "share", "lag"),
    [
        ([1.0], 0.9, 0),
        ([0.0, 0.0, 5.0, 0.0], 0.9, 2),
        ([9.0, 1.0], 0.9, 0),
        ([9.0, 1.0], 0.91, 1),
        ([1.0, 1.0, 0.0, 0.0], 1.0, 1),
        ([0.1] * 10, 1.0, 9),
        ([0.0, 0.0], 0.9, 0),
        ([1, 2, 3], 0.5, 1),
        ([1e-300, 1e-300], 1.0, 1),
    ],
)
def test_effective_memory_of_simple_energies(energy, share, lag):
    assert effective_memory(energy, share=share) == lag


def test_effective_memory_does_not_depend_on_the_unit():
    energy = np.random.default_rng(0).exponential(size=30)
    assert {effective_memory(energy * scale) for scale in (1e-200, 1.0, 1e200)} == {
        memory_by_loop(energy, 0.9)
    }


@pytest.mark.parametrize("unit", [1e307, 1e-310])
def test_effective_memory_of_extreme_units(unit):
    energy = np.array([1.0, 4.0, 2.0, 3.0, 1.0])
    assert effective_memory(unit * energy) == effective_memory(energy) == 3


@pytest.mark.parametrize("energy", [[1j, 2j], ["1", "2"], [None, 1.0]])
def test_the_energy_must_be_real(energy):
    with pytest.raises(TypeError, match="energy must hold real numbers"):
        effective_memory(energy)


@pytest.mark.parametrize(
    ("energy", "share", "message"),
    [
        ([], 0.9, r"energy must have shape \(n_lags,\)"),
        (3.0, 0.9, r"energy must have shape \(n_lags,\)"),
        ([[1.0]], 0.9, r"energy must have shape .*got shape \(1, 1\)"),
        ([1.0, -1e-9], 0.9, "energy must be finite and not negative"),
        ([1.0, np.nan], 0.9, "energy must be finite"),
        ([1.0, np.inf], 0.9, "energy must be finite"),
        ([1.0], 0.0, r"share must be within \(0, 1\], but got 0.0"),
        ([1.0], 1.1, "share must be within .*got 1.1"),
        ([1.0], np.nan, "share must be within .*got nan"),
    ],
)
def test_energies_that_are_none(energy, share, message):
    with pytest.raises(ValueError, match=message):
        effective_memory(energy, share=share)


def test_the_energy_of_a_response_sums_over_outputs_and_channels():
    H = np.random.default_rng(0).normal(size=(3, 2, 5))
    expected = [sum(H[o, c, j] ** 2 for o in range(3) for c in range(2)) for j in range(5)]
    assert_allclose(response_energy(H), expected, rtol=1e-13)


def test_the_display_holds_the_shares_of_prior_and_fit(model):
    display = MemoryDisplay.from_estimator(model)
    rho, energy = model.lag_weights_, response_energy(model.impulse_response_)
    assert_allclose(display.prior, rho / rho.sum(), rtol=1e-13)
    assert_allclose(display.fit, energy / energy.sum(), rtol=1e-13)
    assert display.prior_memory_ == memory_by_loop(rho, 0.9)
    assert display.fit_memory_ == memory_by_loop(energy, 0.9)
    assert display.name == "NTKConvRegressor"


def test_the_frame_holds_what_the_display_shows(model):
    display = MemoryDisplay.from_estimator(model)
    frame = display.frame()
    assert frame.index.name == "lag"
    assert_array_equal(frame.index, range(9))
    band, channels = ["fit_lower", "fit_upper"], ["channel 0", "channel 1"]
    assert list(frame.columns) == ["prior", "fit", *band, *channels]
    assert_array_equal(frame["prior"], display.prior)
    assert_array_equal(frame["fit"], display.fit)
    assert_array_equal(frame[band].T, display.fit_band_)
    assert_array_equal(frame[channels].T, display.channels)
    assert_allclose(frame[channels].sum(axis=1), display.fit, rtol=1e-13)


@pytest.mark.parametrize(
    "estimator", [WeightedConv1DRegressor("flat", max_iter=3), LinearRNNRegressor(5, max_iter=3)]
)
def test_every_regressor_can_be_shown(estimator):
    X = np.random.default_rng(0).normal(size=(20, 4))
    display = MemoryDisplay.from_estimator(estimator.fit(X, X[:, 0]))
    assert display.frame().to_numpy().sum() == pytest.approx(2.0)


def test_a_model_without_any_response_has_no_energy():
    X = np.random.default_rng(0).normal(size=(20, 4))
    display = MemoryDisplay.from_estimator(NTKConvRegressor().fit(X, np.ones(20)))
    assert_array_equal(display.fit, 0.0)
    assert display.fit_memory_ == 0


def test_an_unfitted_model_cannot_be_shown():
    with pytest.raises(NotFittedError, match="NTKConvRegressor"):
        MemoryDisplay.from_estimator(NTKConvRegressor())


def test_the_plot_shows_the_numbers(model):
    ax = Figure().subplots()
    display = MemoryDisplay.from_estimator(model)
    assert display.plot(ax) is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    (line,) = ax.get_lines()
    assert_array_equal(line.get_xdata(), range(9))
    assert_array_equal(line.get_ydata(), display.prior)
    assert_array_equal([bar.get_height() for bar in ax.patches], display.fit)
    assert_allclose([bar.get_x() + bar.get_width() / 2 for bar in ax.patches], range(9), atol=1e-12)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lag, in time steps", "share of energy")
    (bands,) = ax.collections
    drawn = [(start[1], end[1]) for start, end in bands.get_segments()]
    assert_array_equal(drawn, display.fit_band_.T)
    labels = {text.get_text() for text in ax.get_legend().get_texts()}
    low, high = display.fit_memory_interval_
    share = round(model.noise_predictability_, 2)
    assert share > 0  # the penalty leaves what goes on from step to step
    assert labels == {
        f"fit, 90 % within lag {display.fit_memory_} ({low} to {high})",
        f"posterior of the fit, 90 % (residuals {100 * share:g} % predictable)",
        f"prior, 90 % within lag {display.prior_memory_}",
    }


def test_a_plot_of_the_channels_shows_each_by_itself(model):
    axes = Figure().subplots(2)
    display = MemoryDisplay.from_estimator(model).plot(axes, by_channel=True)
    assert_array_equal(display.axes_, axes)
    for ax, energy, memory, interval, draws in zip(
        axes,
        display.channels,
        display.channel_memory_,
        display.channel_memory_interval_,
        display.draws.swapaxes(0, 1),
        strict=True,
    ):
        heights = [bar.get_height() for bar in ax.patches]
        assert_allclose(heights, energy / energy.sum(), rtol=1e-13)
        assert memory == memory_by_loop(energy, 0.9)
        memories = sorted(memory_by_loop(draw, 0.9) for draw in draws)
        assert interval == (memories[49], memories[949])
        assert ax.get_title().endswith(
            f"{energy.sum():.0%} of the energy\n90 % within lag {memory} "
            f"({interval[0]} to {interval[1]})".replace("%", " %", 1)
        )


def test_axes_that_do_not_fit_the_panels_are_an_error(model):
    with pytest.raises(ValueError, match="ax must have an axes for each of 2 panels, but got 1"):
        MemoryDisplay.from_estimator(model).plot(Figure().subplots(), by_channel=True)


def test_a_plot_without_axes_makes_its_own(model, monkeypatch):
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    display = MemoryDisplay.from_estimator(model).plot()
    assert plt.fignum_exists(display.figure_.number)
    display.figure_.canvas.draw()
    plt.close(display.figure_)


# -- How sure a memory is ----------------------------------------------------------------


def noisy(n_timesteps, *, n_lags=12, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_timesteps, 1))
    y = np.convolve(x[:, 0], 0.7 ** np.arange(n_lags))[:n_timesteps]
    return x, y + noise * rng.normal(size=n_timesteps)


def ridge(n_lags=12, **options):
    return NTKConvRegressor(**{"nu_w": 0.7, "rows": "timesteps", "n_lags": n_lags, **options})


@pytest.mark.parametrize("channel", [0, 1])
def test_the_memory_of_a_channel_is_that_of_its_own_response(channel):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.convolve(X[:, 0], 0.8 ** np.arange(20))[:400] + X[:, 1] + 0.5 * rng.normal(size=400)
    model = NTKConvRegressor("auto", alpha="auto", rows="timesteps", n_lags=20).fit(X, y)
    own = NTKConvRegressor(model.nu_w_, alpha=model.alpha_, rows="timesteps", n_lags=20)
    own = own.fit(X[:, [channel]], y - model.predict(X) + np.convolve(
        X[:, channel], model.impulse_response_[0, channel])[:400])  # fmt: skip
    found = memory_interval(model, channel=channel, n_draws=4000)
    assert_allclose(found, memory_interval(own, n_draws=4000), atol=1)
    assert found[1] < 3 if channel else found[1] > 3


@pytest.mark.parametrize(
    ("channel", "error"), [(2, ValueError), (-1, ValueError), (0.5, TypeError)]
)
def test_a_channel_must_be_there(model, channel, error):
    with pytest.raises(error, match="channel must be"):
        memory_interval(model, channel=channel)


def test_the_interval_is_that_of_draws_from_the_joint_posterior():
    """The covariance by its definition, another generator: quantiles agree but for chance."""
    x, y = noisy(100)
    model = ridge(fit_intercept=False).fit(x, y)
    lagged = np.column_stack([np.r_[np.zeros(j), x[: 100 - j, 0]] for j in range(12)])
    precision = lagged.T @ lagged + np.diag(1.0 / model.lag_weights_)
    covariance = model.noise_variance_ * np.linalg.inv(precision)
    draws = np.random.default_rng(7).multivariate_normal(
        model.impulse_response_[0, 0], covariance, size=4000
    )
    memories = np.sort([memory_by_loop(draw**2, 0.8) for draw in draws])
    interval = memory_interval(model, share=0.8, coverage=0.6, n_draws=4000)
    for found, probability in zip(interval, (0.2, 0.8), strict=True):
        below, upto = np.mean(memories < found), np.mean(memories <= found)
        assert below - 0.03 <= probability <= upto + 0.03


def test_draws_have_the_mean_and_the_deviation_that_the_estimator_states():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    Y = np.column_stack([x[:, 0], 5 * np.roll(x[:, 1], 1)]) + rng.normal(size=(60, 2)) * [1, 5]
    model = ridge(n_lags=3).fit(x, Y)
    display = MemoryDisplay.from_estimator(model, n_draws=20_000)
    expected = np.square(model.impulse_response_) + np.square(model.impulse_response_std_)
    shares = expected.sum(axis=0) / expected.sum()
    assert_allclose(display.draws.mean(axis=0), shares, atol=0.02)


def test_the_interval_closes_on_the_memory_as_the_data_grow():
    widths = []
    for n_timesteps in (50, 500, 50_000):
        low, high = memory_interval(ridge().fit(*noisy(n_timesteps)))
        widths.append(high - low)
    assert widths[0] >= widths[1] >= widths[2] == 0
    truth = memory_by_loop(0.49 ** np.arange(12), 0.9)
    assert (low, high) == (truth, truth)


def test_more_coverage_is_never_a_shorter_interval():
    model = ridge().fit(*noisy(60))
    intervals = [memory_interval(model, coverage=coverage) for coverage in (0.2, 0.5, 0.9, 0.99)]
    lows, highs = np.transpose(intervals)
    assert (np.diff(lows) <= 0).all()
    assert (np.diff(highs) >= 0).all()
    assert lows[0] > lows[-1] or highs[0] < highs[-1]


def test_the_interval_does_not_depend_on_the_units_of_the_target():
    x, y = noisy(80)
    assert len({memory_interval(ridge().fit(x, scale * y)) for scale in (1e-6, 1.0, 1e6)}) == 1


@pytest.mark.parametrize("exponent", [-330, 330])
def test_responses_whose_squares_leave_the_range_have_a_memory(exponent):
    x, y = noisy(80)
    size = 2.0**exponent
    usual = ridge().fit(x, y)
    other = ridge().set_params(alpha=size**2 * usual.alpha_).fit(size * x, y / size)
    assert memory_interval(other) == memory_interval(usual)
    shown, expected = map(MemoryDisplay.from_estimator, (other, usual))
    assert_allclose(shown.frame(), expected.frame(), rtol=1e-9)
    free, without = (ridge().set_params(alpha=0) for _ in range(2))
    shown = ImpulseResponseDisplay.from_estimator(free.fit(size * x, y / size)).frame()
    expected = ImpulseResponseDisplay.from_estimator(without.fit(x, y)).frame()
    assert_allclose(shown.drop(columns="time") * size**2, expected.drop(columns="time"), rtol=1e-9)


def test_a_response_that_is_known_to_be_zero_has_no_memory():
    x, _ = noisy(50)
    assert memory_interval(ridge().fit(x, np.ones(50))) == (0, 0)


def test_the_display_and_the_function_tell_the_same_interval(model):
    display = MemoryDisplay.from_estimator(model, coverage=0.5, random_state=3)
    expected = memory_interval(model, coverage=0.5, random_state=3)
    assert display.fit_memory_interval_ == expected


def test_the_cross_validated_estimator_has_a_posterior_too():
    search = NTKConvRegressorCV(rows="timesteps", n_lags=12).fit(*noisy(200))
    low, high = memory_interval(search)
    assert 0 <= low <= high < 12


WITHOUT_POSTERIOR = {
    "gradient descent": NTKConvRegressor(alpha=0.0, n_steps=5),
    "conjugate gradients": NTKConvRegressor(solver="cg", rows="timesteps", n_lags=2),
    "a network": LinearRNNRegressor(5, max_iter=3),
    "a convolution": WeightedConv1DRegressor(max_iter=3),
}


@pytest.mark.parametrize("estimator", WITHOUT_POSTERIOR.values(), ids=WITHOUT_POSTERIOR)
def test_without_a_posterior_there_is_neither_interval_nor_band(estimator):
    X = np.random.default_rng(0).normal(size=(20, 4))
    model = estimator.fit(X, X[:, 0])
    with pytest.raises(ValueError, match=f"needs a posterior, which this {type(model).__name__}"):
        memory_interval(model)
    display = MemoryDisplay.from_estimator(model)
    assert display.fit_band_ is None
    assert display.fit_memory_interval_ is None
    ax = Figure().subplots()
    display.plot(ax)
    assert not ax.collections


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1.0, np.nan])
def test_a_coverage_is_a_probability(model, coverage):
    for ask in (memory_interval, MemoryDisplay.from_estimator):
        with pytest.raises(ValueError, match=r"coverage must be within \(0, 1\), but got"):
            ask(model, coverage=coverage)


def test_what_is_none_of_the_regressors_has_no_interval():
    with pytest.raises(TypeError, match="but got ndarray"):
        memory_interval(np.eye(2))


# -- A delay, and lags on both sides ----------------------------------------------------------


def test_a_delay_counts_in_the_lag_that_holds_the_share():
    energy = np.random.default_rng(0).exponential(size=20)
    for delay in (0, 1, 7):
        padded = np.concatenate([np.zeros(delay), energy])
        assert effective_memory(energy, first_lag=delay) == effective_memory(padded)
    assert effective_memory(np.zeros(3), first_lag=7) == 7


@pytest.mark.parametrize("share", [0.3, 0.9, 1.0])
@pytest.mark.parametrize("n_leads", [1, 5, 19])
def test_leads_count_by_their_distance(share, n_leads):
    energy = np.random.default_rng(n_leads).exponential(size=20)
    memory = effective_memory(energy, share=share, first_lag=-n_leads)
    distance = np.abs(np.arange(20) - n_leads)
    held = [energy[distance <= most].sum() for most in range(memory + 1)]
    assert held[-1] >= share * energy.sum() * (1 - 1e-12)
    assert all(less < share * energy.sum() for less in held[:-1])


def test_the_first_lag_is_whole():
    with pytest.raises(TypeError, match="first_lag"):
        effective_memory([1.0, 2.0], first_lag=0.5)


@pytest.mark.parametrize(("given", "first"), [({"delay": 3}, 3), ({"n_leads": 2}, -2)])
def test_the_display_begins_at_the_first_lag(given, first):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 1))
    model = NTKConvRegressor(0.4, rows="timesteps", n_lags=6, **given).fit(x, np.roll(x, 4))
    display = MemoryDisplay.from_estimator(model)
    frame = display.frame()
    assert frame.index[0] == first
    assert frame["fit"].idxmax() == display.fit_memory_ == 4
    assert memory_interval(model) == display.fit_memory_interval_ == (4, 4)
    bars = display.plot().ax_.patches
    assert bars[0].get_x() + bars[0].get_width() / 2 == pytest.approx(first)
    labels = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    where = "lag 4" if first > 0 else "4 time steps of the target"
    assert any(f"90 % within {where}" in label for label in labels)
    Figure.clear(display.figure_)


@pytest.mark.parametrize("wrong", ["a", None, [0.5], 1j], ids=repr)
def test_a_share_that_is_no_number_is_named(wrong):
    message = " must be a number, but got "
    with pytest.raises(TypeError, match=f"share{message}"):
        effective_memory([1.0, 0.5], share=wrong)
    with pytest.raises(TypeError, match=f"share{message}"):
        prior_of_memory(TC(), 2, n_lags=9, share=wrong)
    for name in ("share", "coverage"):
        with pytest.raises(TypeError, match=f"{name}{message}"):
            measured_memory(np.sum, np.ones((12, 3)), n_lags=2, **{name: wrong})


def test_a_seed_that_is_none_is_named():
    with pytest.raises(ValueError, match="random_state: 'a'"):
        measured_memory(np.sum, np.ones((12, 3)), n_lags=2, random_state="a")
