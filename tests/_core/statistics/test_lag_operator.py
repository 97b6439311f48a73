"""LagOperator: its products against the dense scatter of LagStatistics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import sklearn_linrnn._core.statistics.scatter_products as module
from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.statistics.lag_operator import LagOperator

MOMENTS = ("weight", "input_mean", "target_mean", "cross_scatter", "target_scatter")


def assert_same(operator, statistics, rtol=1e-10):
    """Each entry agrees relative to the standard deviations (one at least) of its variables."""
    m, G = statistics.weight, statistics.input_scatter
    dz = G.diagonal().clamp(min=m).sqrt()
    dy = statistics.target_scatter.clamp(min=m).sqrt()
    scales = (1.0, dz / m**0.5, dy / m**0.5, torch.outer(dz, dy), dy**2) if m else (1.0,) * 5
    for name, scale in zip(MOMENTS, scales, strict=True):
        gap = torch.as_tensor(getattr(operator, name) - getattr(statistics, name))
        assert float((gap.abs() / scale).max()) <= rtol, name
    ours = operator.apply(torch.eye(len(G), dtype=G.dtype))
    atol = rtol * float(dz.max() ** 2)
    assert_allclose(ours, G, rtol=0, atol=atol)
    assert_allclose(operator.diagonal(), G.diagonal(), rtol=0, atol=atol)


def make_data(seed, lengths, n_channels=1, n_outputs=1, weights="none", missing=False):
    """Return lists of recordings x, y and w of unit scale."""
    rng = np.random.default_rng(seed)
    x = [rng.normal(0.5, 1.0, (n, n_channels)) for n in lengths]
    y = [rng.normal(-0.5, 1.0, (n, n_outputs)) for n in lengths]
    if missing:
        for part in y:
            part[rng.random(part.shape) < 0.3] = np.nan
    draw = {
        "none": np.ones,
        "random": lambda n: rng.uniform(0.1, 2.0, n),
        "long gaps": lambda n: np.repeat(rng.integers(0, 2, n // 7 + 1), 7)[:n].astype(float),
    }[weights]
    return x, y, [draw(n) for n in lengths]


def both(x, y, w, **options):
    return tuple(
        kind.from_series(x, y, sample_weight=w, **options) for kind in (LagOperator, LagStatistics)
    )


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    n_lags=st.integers(1, 9),
    n_channels=st.integers(1, 3),
    n_outputs=st.integers(1, 3),
    weights=st.sampled_from(["none", "random", "long gaps"]),
    missing=st.booleans(),
    start=st.sampled_from(["zero_state", "full_windows"]),
)
def test_the_operator_is_the_scatter(
    seed, lengths, n_lags, n_channels, n_outputs, weights, missing, start
):
    data = make_data(seed, lengths, n_channels, n_outputs, weights, missing)
    assert_same(*both(*data, n_lags=n_lags, start=start))


@pytest.mark.parametrize("n_lags", [1, 300])
def test_one_lag_and_more_lags_than_time_steps(n_lags):
    assert_same(*both(*make_data(0, [100, 20], 2, 2), n_lags=n_lags))


@pytest.mark.parametrize("n_intercepts", [0, 1])
def test_without_an_intercept_the_means_are_a_row(n_intercepts):
    both_kinds = both(*make_data(1, [200], 2, 2, missing=True), n_lags=7)
    operator, statistics = (k if n_intercepts else k.uncentred() for k in both_kinds)
    assert_same(operator, statistics)
    for ours, theirs in zip(operator.mean_row, statistics.mean_row, strict=True):
        assert_allclose(ours, theirs, rtol=1e-10)
        assert bool(ours.any()) != n_intercepts
    response = torch.ones(len(operator.input_mean), 2, dtype=torch.float64)
    assert_allclose(operator.intercept(response), statistics.intercept(response), rtol=1e-10)


def test_a_mean_of_a_million_standard_deviations_costs_no_digits():
    x, y, w = make_data(2, [3000, 2000], 2, 2, "random")
    x, y = [part + 1e6 for part in x], [part - 1e6 for part in y]
    operator, statistics = both(x, y, w, n_lags=12, start="full_windows")
    G = statistics.input_scatter
    ours = operator.apply(torch.eye(len(G), dtype=G.dtype))
    assert_allclose(ours, G, rtol=0, atol=1e-8 * float(G.abs().max()))
    for name in MOMENTS:
        theirs = np.asarray(getattr(statistics, name))
        atol = 1e-8 * np.abs(theirs).max()
        assert_allclose(getattr(operator, name), theirs, rtol=0, atol=atol)


def test_a_mean_of_a_million_standard_deviations_after_zeros_costs_no_digits():
    x, y, w = make_data(3, [5000], 2)
    assert_same(*both([x[0] + 1e6], [y[0] + 1e6], w, n_lags=12), rtol=1e-8)


def test_through_the_data_and_through_the_changes_are_the_same(monkeypatch):
    x, y, w = make_data(4, [195], 2, 2, "random")
    response = torch.from_numpy(np.random.default_rng(0).normal(size=(20, 3)))
    products = []
    for choice, shape in ((True, (196, 1)), (False, (20, 10))):
        monkeypatch.setattr(module, "changes_are_cheaper", lambda *_, choice=choice: choice)
        operator = LagOperator.from_series(x, y, n_lags=10, sample_weight=w)
        assert operator.products.weights.shape == shape
        products.append(operator.apply(response))
    assert_allclose(*products, rtol=1e-12, atol=1e-12 * float(products[0].abs().max()))


@pytest.mark.parametrize("weights", ["none", "random"])
def test_the_spectrum_is_that_of_the_inputs(weights):
    """Two channels, the second the first one a lag later: coherent, with a phase of one lag."""
    x = np.random.default_rng(5).normal(size=20_001)
    x = np.stack([x[1:], x[:-1]], axis=1)
    w = make_data(5, [20_000], weights=weights)[2]
    spectrum = LagOperator.from_series(x, x[:, 0], n_lags=500, sample_weight=w).products.spectrum()
    own = spectrum.diagonal(dim1=1, dim2=2).real
    assert_allclose(own / own.mean(), 1.0, atol=0.6)
    phase = torch.exp(-2j * np.pi * torch.arange(251) / 500)
    assert_allclose(spectrum[:, 0, 1] / own.mean() * phase.conj(), 1.0, atol=0.6)


# -- Windows -----------------------------------------------------------------------------


def windows_of(seed, shape, n_outputs=2, mean=0.0):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(mean, 1.0, shape), rng.normal(mean, 1.0, (shape[0], n_outputs))
    y[3, 0] = np.nan
    return X, y, rng.uniform(0.1, 2.0, shape[0])


@pytest.mark.parametrize("n_lags", [1, 4, 9])
def test_windows(n_lags, monkeypatch):
    monkeypatch.setattr(module, "SLAB", 1)
    X, y, w = windows_of(6, (200, 9, 3))
    kinds = (LagOperator, LagStatistics)
    operator, statistics = (
        kind.from_windows(X, y, n_lags=n_lags, sample_weight=w) for kind in kinds
    )
    assert_same(operator, statistics)


def test_windows_with_a_mean_of_a_million_standard_deviations_cost_no_digits():
    X, y, w = windows_of(7, (3000, 4, 2), mean=1e6)
    kinds = (LagOperator, LagStatistics)
    assert_same(*(kind.from_windows(X, y, sample_weight=w) for kind in kinds), rtol=1e-8)


def test_windows_of_a_series_have_its_spectrum():
    rng = np.random.default_rng(8)
    x = np.convolve(rng.normal(size=40_000), 0.9 ** np.arange(100))[:40_000]
    x = np.stack([x[2:], x[:-2]], axis=1)
    X = np.lib.stride_tricks.sliding_window_view(x, 40, axis=0)[::20].transpose(0, 2, 1)
    spectra = (
        LagOperator.from_windows(X, X[:, -1, 0]).products.spectrum(),
        LagOperator.from_series(x, x[:, 0], n_lags=40).products.spectrum(),
    )
    ours, theirs = (spectrum / spectrum.abs().max() for spectrum in spectra)
    assert_allclose(ours, theirs, atol=0.05)


# -- What comes in -----------------------------------------------------------------------


def test_the_response_that_goes_best_has_this_intercept():
    operator, statistics = both(*make_data(9, [100], 2, 2), n_lags=3)
    response = torch.ones(6, 2, dtype=torch.float64)
    assert_allclose(operator.intercept(response), statistics.intercept(response), rtol=1e-12)


def test_nothing_observed_is_nothing():
    x, y, w = make_data(10, [30])
    operator = LagOperator.from_series(x, [np.full_like(y[0], np.nan)], n_lags=3, sample_weight=w)
    assert operator.weight == 0.0
    for moment in (operator.apply(torch.eye(3, dtype=torch.float64)), operator.cross_scatter):
        assert_allclose(moment, 0.0)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (LagOperator.from_series, {"n_lags": 0}, "n_lags"),
        (LagOperator.from_series, {"n_lags": 3, "start": "steady"}, "start.*'steady'"),
        (LagOperator.from_windows, {"n_lags": 0}, "n_lags=0"),
        (LagOperator.from_windows, {"n_lags": 9}, "n_lags=9"),
    ],
)
def test_bad_arguments_are_an_error(make, options, message):
    X, y, _ = make_data(11, [20])
    X = X[0] if make == LagOperator.from_series else X[0][:, :, None]
    with pytest.raises(ValueError, match=message):
        make(X, y[0], **options)
