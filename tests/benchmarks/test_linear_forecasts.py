"""What the benchmark of long horizons learns: from all windows, by validation, and no further."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from benchmarks import linear_forecasts
from benchmarks.linear_forecasts import (
    KINDS,
    PLAIN,
    Forecast,
    Parts,
    better_beyond_doubt,
    learned,
    mean,
)
from sklearn_linrnn import NTKConvRegressorCV
from sklearn_linrnn._core.statistics.horizons import future_statistics
from sklearn_linrnn.forecasting import LagForecaster

N_TRAINING, N_VALIDATION, HORIZON = 150, 50, 3


@pytest.fixture
def seen():
    """Return two random walks, training and validation part."""
    return np.random.default_rng(0).normal(size=(N_TRAINING + N_VALIDATION, 2)).cumsum(0)


@pytest.fixture
def some_lags(monkeypatch):
    """Let windows be short."""
    monkeypatch.setattr(linear_forecasts, "N_LAGS", (4, 8))
    monkeypatch.setattr(linear_forecasts, "COMPARED", 4)


def forecast_of(seed, n_lags, error=1.0):
    rng = np.random.default_rng(seed)
    response = torch.from_numpy(rng.normal(size=(2, n_lags, HORIZON)))
    return Forecast(response, torch.from_numpy(rng.normal(size=(2, HORIZON))), error)


@pytest.mark.parametrize("n_lags", [7, 20])
def test_sums_for_fewer_lags_are_those_of_all_their_windows(seen, n_lags):
    found = Parts.of(seen, N_TRAINING, 20, HORIZON).with_lags(n_lags)
    columns = [column[:, None] for column in seen.T]
    steps = range(1, HORIZON + 1)
    training = future_statistics([one[:N_TRAINING] for one in columns], n_lags, steps)
    late = future_statistics([one[N_TRAINING - n_lags :] for one in columns], n_lags, steps)
    for one, other in zip(found, (training, late), strict=True):
        assert one.weight == other.weight
        for name in ("input_mean", "target_mean", "input_scatter", "cross_scatter"):
            assert_close(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-8)


def test_errors_are_those_of_a_loop(seen):
    forecast = forecast_of(0, 5)
    expected = []
    for end in range(5, len(seen) - HORIZON + 1):
        newest_first = seen[end - 5 : end][::-1]
        values = np.einsum("lc,clh->ch", newest_first, forecast.response.numpy())
        gap = values + forecast.intercept.numpy() - seen[end : end + HORIZON].T
        expected.append(np.square(gap).mean())
    np.testing.assert_allclose(forecast.errors(seen), expected, rtol=1e-10)


def test_the_mean_weighs_by_the_inverse_of_the_errors(seen):
    pair = forecast_of(0, 5, error=1.0), forecast_of(1, 3, error=3.0)
    found = mean(pair)
    short = torch.nn.functional.pad(pair[1].response, (0, 0, 0, 2))
    assert_close(found.response, 0.75 * pair[0].response + 0.25 * short)
    assert_close(found.intercept, 0.75 * pair[0].intercept + 0.25 * pair[1].intercept)


@pytest.mark.parametrize("level", ["last", "mean", None])
def test_one_length_is_the_forecaster_that_chooses_on_the_same_parts(seen, monkeypatch, level):
    monkeypatch.setattr(linear_forecasts, "N_LAGS", (4,))
    monkeypatch.setattr(linear_forecasts, "COMPARED", 4)
    monkeypatch.setattr(linear_forecasts, "better_beyond_doubt", lambda errors, plain: plain)
    monkeypatch.setattr(linear_forecasts, "LEVELS", (level,))
    kind, forecast = learned(seen, N_TRAINING, HORIZON)
    assert kind == PLAIN
    estimator = NTKConvRegressorCV(
        1.0, alphas=linear_forecasts.ALPHAS, prior="di", fit_intercept=False
    )
    twin = LagForecaster(
        estimator,
        4,
        strategy="direct",
        normalize=level,
        pooling="global",
        validation=N_VALIDATION,
        refit=False,
    )
    index = pd.MultiIndex.from_product([range(2), range(len(seen))])
    panel = pd.DataFrame({"value": seen.T.ravel()}, index=index)
    twin.fit(panel, fh=np.arange(1, HORIZON + 1))
    (response,) = forecast.response.numpy()
    for column in seen.T:
        expected = twin.predict_rolling(pd.DataFrame({"value": column[:-HORIZON]}))[-1, :, 0]
        newest_first = column[-HORIZON - 4 : -HORIZON][::-1]
        np.testing.assert_allclose(newest_first @ response, expected, rtol=1e-8)


def test_one_of_all_kinds_is_taken_with_the_room_of_the_longest_windows(seen, some_lags):
    kind, forecast = learned(seen, N_TRAINING, HORIZON)
    assert kind in KINDS
    assert forecast.response.shape == ((1, 8, HORIZON) if kind.shared else (2, 4, HORIZON))
    assert np.isfinite(forecast.errors(seen)).all()


@pytest.mark.parametrize(
    ("gains", "taken"),
    [
        ([0.2, 0.3, 0.25, 0.22], True),
        ([0.2, -0.3, 0.4, 0.1], False),
        ([-0.2, -0.3, -0.25, -0.22], False),
        ([0.9], False),
    ],
)
def test_another_kind_is_taken_where_its_gain_is_beyond_doubt(gains, taken):
    plain = np.linspace(1.0, 2.0, len(gains))
    assert better_beyond_doubt([plain, plain - gains], 0) == int(taken)
