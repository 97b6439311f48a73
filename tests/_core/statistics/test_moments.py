"""Moments: the loss, its gradient and the intercept, as sums over rows."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_linrnn import LagStatistics
from sklearn_linrnn._core.statistics.moments import RunningSums
from sklearn_linrnn._core.statistics.windows import reordered


@pytest.fixture
def rows():
    """Return rows z (m, p), y (m, n_outputs), w (m,), a response and the moments."""
    rng = np.random.default_rng(0)
    z, y = rng.normal(2.0, 1.0, (50, 6)), rng.normal(-1.0, 1.0, (50, 2))
    w, H = rng.uniform(0, 2, 50), rng.normal(size=(6, 2))
    # Windows run forward, statistics backward in time.
    moments = LagStatistics.from_windows(z[:, ::-1], y, sample_weight=w)
    return z, y, w, H, moments


def loss_of(z, y, w, H, b):
    return (w @ (y - b - z @ H) ** 2).sum() / (2 * w.sum())


def best_intercept(z, y, w, H):
    return w @ (y - z @ H) / w.sum()


def test_loss_is_the_weighted_mean_of_half_squares(rows):
    z, y, w, H, moments = rows
    b = np.array([0.3, -0.7])
    squares = moments.squared_errors(torch.from_numpy(H)[:, None], torch.from_numpy(b)[None])
    assert_allclose(squares.sum() / (2 * w.sum()), loss_of(z, y, w, H, b), rtol=1e-12)


def test_intercept_is_the_best_one(rows):
    z, y, w, H, moments = rows
    assert_allclose(moments.intercept(torch.from_numpy(H)), best_intercept(z, y, w, H), rtol=1e-12)


def test_profiled_loss_and_gradient_are_those_of_automatic_differentiation(rows):
    z, y, w, H, moments = rows
    z, y, w = map(torch.from_numpy, (z, y, w))
    H = torch.tensor(H, requires_grad=True)
    miss = y - z @ H
    miss = miss - w @ miss / w.sum()
    expected = (w @ miss.square()).sum() / (2 * w.sum())
    expected.backward()
    loss, gradient = moments.profile_loss(H.detach())
    assert_allclose(loss, expected.item(), rtol=1e-12)
    assert_allclose(gradient, H.grad, rtol=1e-11, atol=1e-12)


def test_loss_of_a_perfect_response_is_zero_and_not_less():
    z = np.random.default_rng(1).normal(size=(40, 5))
    for seed in range(20):
        H = np.random.default_rng(seed).normal(size=(5, 1))
        loss, _ = LagStatistics.from_windows(z[:, ::-1], z @ H).profile_loss(torch.from_numpy(H))
        assert 0.0 <= loss < 1e-14


def test_without_intercept_the_loss_is_about_the_origin(rows):
    z, y, w, H, moments = rows
    loss, _ = moments.uncentred().profile_loss(torch.from_numpy(H))
    assert_allclose(loss, loss_of(z, y, w, H, 0.0), rtol=1e-12)


def test_scatters_and_the_row_of_means_are_plain_products(rows):
    z, y, w, _, moments = rows
    about_origin = moments.uncentred()
    row, goal = about_origin.mean_row
    about, m = about_origin, about_origin.weight
    assert_allclose(about.input_scatter + m * row[:, None] * row, (z.T * w) @ z, rtol=1e-12)
    assert_allclose(about.cross_scatter + m * row[:, None] * goal, (z.T * w) @ y, atol=1e-11)
    assert_allclose(about.input_squares, w @ z**2, rtol=1e-12)
    assert_allclose(about.target_squares, w @ y**2, rtol=1e-12)
    assert not about_origin.intercept(torch.ones(6, 2, dtype=torch.float64)).any()


def test_reordered_moments_are_those_of_reordered_rows(rows):
    z, y, w, _, moments = rows
    order = np.random.default_rng(2).permutation(6)
    expected = LagStatistics.from_windows(z[:, order][:, ::-1], y, sample_weight=w)
    ours = reordered(moments, torch.from_numpy(order))
    assert_allclose(ours.input_mean, expected.input_mean, rtol=1e-13)
    assert_allclose(ours.input_scatter, expected.input_scatter, rtol=1e-11, atol=1e-11)
    assert_allclose(ours.cross_scatter, expected.cross_scatter, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("n_intercepts", [0, 1])
def test_squared_errors_are_sums_over_rows(rows, n_intercepts):
    z, y, w, _, moments = rows
    rng = np.random.default_rng(3)
    H, b = rng.normal(size=(6, 4, 2)), n_intercepts * rng.normal(size=(4, 2))
    moments = moments if n_intercepts else moments.uncentred()
    expected = np.zeros((4, 2))
    for row in range(50):
        for k in range(4):
            for output in range(2):
                miss = y[row, output] - b[k, output] - z[row] @ H[:, k, output]
                expected[k, output] += w[row] * miss**2
    ours = moments.squared_errors(torch.from_numpy(H), torch.from_numpy(b))
    assert_allclose(ours, expected, rtol=1e-11)


def test_squared_errors_of_a_perfect_response_are_not_less_than_zero():
    z = np.random.default_rng(1).normal(1.0, 1.0, (40, 5))
    H = np.random.default_rng(2).normal(size=(5, 60))
    moments = LagStatistics.from_windows(z[:, ::-1], z @ H)
    every = torch.from_numpy(H)[:, None]
    ours = moments.squared_errors(every, moments.intercept(every[:, 0])[None])
    assert (ours >= 0).all()
    assert (ours < 1e-11).all()


def test_moments_of_the_first_inputs_are_those_of_rows_without_the_rest(rows):
    z, y, w, _, moments = rows
    expected = LagStatistics.from_windows(z[:, 3::-1], y, sample_weight=w)
    ours = moments.some(slice(4))
    for name, numbers in vars(ours).items():
        if name not in ("n_lags", "peaks"):
            assert_allclose(numbers, getattr(expected, name), rtol=1e-12, atol=1e-12)
    assert ours.input_scatter.is_contiguous()


def test_moments_on_another_device_are_the_same_numbers(rows, monkeypatch):
    *_, moments = rows
    moved = moments.to("cpu")
    assert type(moved) is type(moments)
    assert all(
        np.array_equal(np.asarray(numbers), np.asarray(getattr(moments, name)))
        for name, numbers in vars(moved).items()
    )
    monkeypatch.setattr("sklearn_linrnn._core.statistics.moments.check_device", torch.device)
    nowhere = moments.to("meta")
    assert all(t.is_meta for t in vars(nowhere).values() if isinstance(t, torch.Tensor))


def test_a_constant_beside_others_has_no_negative_square():
    rng = np.random.default_rng(0)
    for constant in rng.uniform(0, 10, 100):
        z, y = rng.normal(size=(9, 3)), np.full((9, 1), constant)
        z[:, 1] = constant
        nothing = torch.zeros(3, dtype=torch.float64)
        sums = RunningSums.about(nothing, nothing[:1])
        sums.add(*map(torch.from_numpy, (z, y, rng.uniform(size=9))))
        moments = sums.moments()
        assert moments.input_scatter[1, 1] >= 0
        assert_allclose(moments.input_scatter[1, 1], 0.0, atol=1e-11)
        assert moments.target_scatter >= 0


@pytest.mark.parametrize("noise", [1.0, 1e-2, 1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_squared_errors_keep_their_digits_however_small_they_are(noise, unit):
    """Beside a common constant, of what no response explains."""
    rng = np.random.default_rng(0)
    z, H = rng.normal(1.0, 1.0, (60, 6)), rng.normal(size=(6, 1))
    y = z @ H + noise * rng.normal(size=(60, 1))
    every = H + noise * rng.normal(size=(6, 20))
    z[:, 1] *= unit
    every[1] /= unit
    moments = LagStatistics.from_windows(z[:, ::-1], y)
    responses = torch.from_numpy(every)[:, :, None]
    found = moments.squared_errors(responses, moments.intercept(responses))[:, 0].numpy()
    miss = (y - z @ every).astype(np.longdouble)
    expected = np.square(miss - miss.mean(axis=0)).sum(axis=0)
    assert_allclose(found, expected, rtol=1e-13 / noise + 1e-12, atol=1e-14 * np.square(y).sum())
    allowed = 1e-12 / noise  # the digits of the rows' own residuals
    assert_allclose(found - found[0], expected - expected[0], atol=allowed * expected.max())


# -- Range -------------------------------------------------------------------------------

TOO_SMALL = [(1e-160, 1.0, 1.0), (1.0, 1e-160, 1.0), (1.0, 1.0, 1e-308)]
TOO_LARGE = [(1e155, 1.0, 1.0), (1.0, 1e155, 1.0), (1.0, 1.0, 1e305), (1e100, 1.0, 1e150)]
FINE = [(1e-100, 1e100, 1.0), (1e100, 1e-100, 1.0), (1.0, 1.0, 1e-200), (1e-140, 1e-140, 1e200)]


@pytest.mark.parametrize("factors", TOO_SMALL + TOO_LARGE + FINE, ids=str)
def test_sums_are_in_the_range_of_float64_or_an_error(rows, factors):
    z, y, w, _, _ = rows
    scaled = [factor * array for factor, array in zip(factors, (z, y, w), strict=True)]

    def usable():
        return LagStatistics.from_windows(*scaled[:2], sample_weight=scaled[2]).check_usable()

    if factors in FINE:
        usable()
        return
    what = "too small: .* underflow" if factors in TOO_SMALL else "too large: .* overflow"
    with pytest.raises(ValueError, match=f"X, y or sample_weight is {what}"):
        usable()


def test_zeros_and_constants_are_in_range(rows):
    z, y, w, _, _ = rows
    z[:, :3], y[:, 0] = 0.0, 3.0
    moments = LagStatistics.from_windows(z, y, sample_weight=w)
    assert moments.check_usable() is moments
    nothing = LagStatistics.from_windows(0.0 * z, 0.0 * y, sample_weight=w)
    assert nothing.check_usable() is nothing


def test_sums_of_no_weight_are_an_error(rows):
    *_, moments = rows
    with pytest.raises(ValueError, match="nothing to learn from"):
        (moments - moments).check_usable()


@pytest.mark.parametrize("constant", [0.1, 1.0 / 3.0, 1e6 / 7.0, 0.0])
def test_a_constant_has_no_scatter_at_all(rows, constant):
    z, y, w, _, _ = rows
    z[:, 2] = y[:, 1] = constant
    moments = LagStatistics.from_windows(z[:, ::-1], y, sample_weight=w)
    assert not moments.input_scatter[2].any()
    assert not moments.input_scatter[:, 2].any()
    assert not moments.cross_scatter[2].any()
    assert not moments.cross_scatter[:, 1].any()
    assert moments.target_scatter[1] == 0.0
