"""The picture of contributions shows what `explain` returns."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from sklearn_linrnn import ContributionDisplay, NTKConvRegressor
from sklearn_linrnn.forecasting import LagForecaster


@pytest.fixture(scope="module")
def fitted():
    values = np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0)
    y = pd.DataFrame(values, columns=["a", "b"])
    return LagForecaster(NTKConvRegressor(0.6, alpha=0.3), 5, joint=True).fit(y)


def test_the_numbers_are_those_of_explain(fitted):
    display = ContributionDisplay.from_forecaster(fitted, [1, 3])
    assert display.frame().equals(fitted.explain([1, 3]))


def test_the_plot_shows_the_numbers(fitted):
    display = ContributionDisplay.from_forecaster(fitted, [1, 3])
    axes = Figure().subplots(4)
    assert display.plot(axes) is display
    assert display.ax_ is axes[0]
    assert list(display.axes_) == list(axes)
    forecasts = fitted.predict([1, 3]).to_numpy().ravel()
    for ax, (of, row), forecast in zip(axes, display.frame().iterrows(), forecasts, strict=True):
        expected = [*row["a"], *row["b"]]
        assert_allclose([bar.get_height() for bar in ax.patches], expected)
        places = np.array([bar.get_x() + bar.get_width() / 2 for bar in ax.patches])
        assert list(places.round()) == [*row["a"].index, *row["b"].index]
        assert len(set(places)) == 10
        heading, value = ax.get_title().split("\n")
        assert heading == f"{of[0]}, {of[1]}"
        assert float(value.split(",")[0]) == pytest.approx(forecast, rel=1e-3)
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["a", "b"]


def test_a_plot_without_axes_makes_its_own(fitted):
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    display = ContributionDisplay.from_forecaster(fitted, 1).plot()
    assert len(display.axes_) == 2
    display.figure_.canvas.draw()
    plt.close(display.figure_)
