"""How much memory a model has: numbers against loops, and what the picture shows."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sklearn_linrnn import (
    LinearRNNRegressor,
    MemoryDisplay,
    NTKConvRegressor,
    WeightedConv1DRegressor,
    effective_memory,
)
from sklearn_linrnn.inspection import response_energy


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
    assert list(frame.columns) == ["prior", "fit"]
    assert_array_equal(frame["prior"], display.prior)
    assert_array_equal(frame["fit"], display.fit)


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
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lag", "share of energy")
    labels = {text.get_text() for text in ax.get_legend().get_texts()}
    assert labels == {
        f"fit, 90 % within lag {display.fit_memory_}",
        f"prior, 90 % within lag {display.prior_memory_}",
    }


def test_a_plot_without_axes_makes_its_own(model, monkeypatch):
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    display = MemoryDisplay.from_estimator(model).plot()
    assert plt.fignum_exists(display.figure_.number)
    display.figure_.canvas.draw()
    plt.close(display.figure_)
