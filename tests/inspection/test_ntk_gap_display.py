"""The gap over widths: each network has the gap that it has alone, and the picture shows them."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKGap,
    NTKGapDisplay,
    ntk_gap,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = X @ np.array([0.1, 0.2, 0.4, 0.8])
PARTS = ["total", "width", "movement", "kernel"]


def network(**options):
    return LinearRNNRegressor(init="centered", max_iter=10, **options)


def test_each_row_is_the_gap_of_one_network():
    estimator = network(nu_w=0.4)
    frame = NTKGapDisplay.from_estimator(estimator, X, Y, widths=[8, 20], n_seeds=3).frame()
    assert list(zip(frame["n_hidden"], frame["seed"], strict=True)) == [
        (n_hidden, seed) for n_hidden in (8, 20) for seed in range(3)
    ]
    for row in frame.itertuples(index=False):
        alone = network(nu_w=0.4, n_hidden=row.n_hidden, random_state=row.seed).fit(X, Y)
        assert row[2:] == tuple(ntk_gap(alone))
    assert not hasattr(estimator, "transition_")


def test_metadata_reaches_the_fits():
    estimator, ids = network(rows="timesteps", n_lags=3), np.repeat([0, 1], 45)
    display = NTKGapDisplay.from_estimator(estimator, X, Y, [8], 1, sequence_id=ids)
    alone = network(rows="timesteps", n_lags=3, n_hidden=8, random_state=0)
    expected = ntk_gap(alone.fit(X, Y, sequence_id=ids))
    assert display.frame()["total"].tolist() == [expected.total]


@pytest.fixture
def display():
    widths, rng = [100, 400], np.random.default_rng(1)
    gaps = [[NTKGap(*rng.uniform(0.1, 1.0, 5), 0) for _ in range(5)] for _ in widths]
    return NTKGapDisplay.from_gaps(widths, gaps)


def test_the_curves_are_medians_and_the_bars_ranges(display):
    ax = Figure().subplots()
    assert display.plot(ax) is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    *curves, guide = ax.get_lines()
    frame = display.frame()
    for part, curve, bars in zip(PARTS, curves, ax.collections, strict=True):
        values = [frame.loc[frame["n_hidden"] == width, part] for width in (100, 400)]
        assert_array_equal(curve.get_xdata(), [100, 400])
        assert_allclose(curve.get_ydata(), [np.median(each) for each in values], rtol=1e-13)
        drawn = [segment[:, 1] for segment in bars.get_segments()]
        assert_array_equal(drawn, [(min(each), max(each)) for each in values])
    low, high = guide.get_ydata()
    assert_allclose(low / high, 2.0, rtol=1e-13)
    assert low == curves[1].get_ydata()[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "distance",
        "of it, by the width",
        "of it, by movement",
        "change of the kernel",
        "slope -1/2",
    ]


def test_a_plot_without_axes_makes_its_own(display):
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    figure = display.plot().figure_
    figure.canvas.draw()
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["100", "400"]
    plt.close(figure)


@pytest.mark.parametrize(("widths", "n_gaps"), [([8], []), ([8, 9], [1]), ([8], [0]), ([], [])])
def test_each_width_needs_a_gap(widths, n_gaps):
    gaps = [[NTKGap(0.1, 0.1, 0.1, 0.1, 0.1, 0)] * number for number in n_gaps]
    with pytest.raises(ValueError, match=f"got {len(widths)} widths and gaps of lengths"):
        NTKGapDisplay.from_gaps(widths, gaps)


def test_what_is_no_network_has_no_gap():
    with pytest.raises(ValueError, match="n_hidden"):
        NTKGapDisplay.from_estimator(NTKConvRegressor(), X, Y)
