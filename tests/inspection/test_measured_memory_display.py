"""The picture of a measured memory shows its numbers."""

import copy

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from numpy.testing import assert_array_equal
from torch import nn

from sklearn_linrnn import MeasuredMemoryDisplay, measured_memory

X = np.random.default_rng(0).normal(size=(20, 12, 2))
N_LAGS = 9
OUTSTANDING = np.sort(X[:, 0, 1])[-2]


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    first = nn.GRU(2, 4, batch_first=True)
    second = copy.deepcopy(first)
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.mul_(2.0)
    return first, second


@pytest.fixture(scope="module")
def memory(networks):
    first, second = networks
    return measured_memory(second, X, n_lags=N_LAGS, initial=first)


def test_the_frame_holds_the_numbers(memory):
    frame = MeasuredMemoryDisplay(memory).frame()
    assert frame.index.name == "lag"
    assert_array_equal(frame.index, range(N_LAGS))
    names = ["energy", "lower", "upper", "start", "start_lower", "start_upper"]
    numbers = [memory.energy, *memory.interval, memory.at_start.energy, *memory.at_start.interval]
    assert list(frame.columns) == names
    assert_array_equal(frame.to_numpy().T, numbers)


def test_it_is_made_from_a_model_as_from_its_memory(networks, memory):
    first, second = networks
    display = MeasuredMemoryDisplay.from_model(second, X, n_lags=N_LAGS, initial=first)
    assert_array_equal(display.memory.energy, memory.energy)
    assert display.name == "GRU"
    assert display.memory.at_start is not None
    alone = MeasuredMemoryDisplay.from_model(first, X, n_lags=N_LAGS, horizon=2, coverage=0.5)
    assert (alone.memory.horizon, alone.memory.coverage) == (2, 0.5)
    assert list(alone.frame().columns) == ["energy", "lower", "upper"]

    def newest(X):
        return X[:, -1]

    assert MeasuredMemoryDisplay.from_model(newest, X, n_lags=2).name == "newest"


def test_the_plot_shows_the_numbers(memory):
    ax = Figure().subplots()
    display = MeasuredMemoryDisplay(memory, "GRU")
    assert display.plot(ax) is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    start, trained = ax.get_lines()
    assert_array_equal(trained.get_xdata(), range(N_LAGS))
    assert_array_equal(trained.get_ydata(), memory.energy)
    assert_array_equal(start.get_ydata(), memory.at_start.energy)
    for band, of in zip(ax.collections, (memory.at_start, memory), strict=True):
        drawn = band.get_paths()[0].vertices[:, 1]
        assert set(of.interval.ravel()) <= set(drawn)
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lag, in time steps", "squared sensitivity")
    assert ax.get_title() == "Measured memory of GRU"
    low, high = memory.effective_memory_interval
    first, last = memory.at_start.effective_memory_interval
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {
        f"trained, 90 % within lag {memory.effective_memory} ({low} to {high})",
        f"at initialisation, 90 % within lag {memory.at_start.effective_memory} "
        f"({first} to {last})",
    }


def fading(X):
    return X[:, ::-1, 0] @ 10.0 ** -np.arange(12)


def jumping(inputs):
    """Return outputs of which one sequence alone has any energy beyond lag 0."""
    return inputs[:, -1, 0] + inputs[:, -2, 0] * (inputs[:, 0, 1] > OUTSTANDING)


MODELS = {
    "nothing": lambda X: np.ones(len(X)),
    "one sequence": lambda X: X[:, -1],
    "a long tail": fading,
    "an open limit": jumping,
}


@pytest.mark.parametrize("name", MODELS)
def test_whatever_was_measured_can_be_drawn(name):
    some = X[:1] if name == "one sequence" else X
    display = MeasuredMemoryDisplay.from_model(MODELS[name], some, n_lags=N_LAGS)
    if name == "an open limit":
        assert np.isinf(display.memory.interval[1, 1])
    ax = display.plot(Figure().subplots()).ax_
    bottom, top = ax.get_ylim()
    assert np.isfinite([bottom, top]).all()
    assert bottom >= 1e-8 * display.memory.energy.max() or name == "nothing"
    display.figure_.canvas.draw()
