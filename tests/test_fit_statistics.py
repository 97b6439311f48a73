"""Learning from sums is learning from the data."""

import numpy as np
import pytest

from sklearn_linrnn import (
    LagStatistics,
    LinearRNNRegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    WeightedConv1DRegressor,
)

ESTIMATORS = [
    NTKConvRegressor(),
    NTKConvRegressor(nu_w="auto", alpha="auto", n_lags="auto"),
    NTKConvRegressor(n_steps="gcv"),
    NTKConvRegressor(fit_intercept=False),
    NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 1.0], cv="gcv"),
    NTKConvRegressorCV([0.2, 0.8], alphas=[0.1, 1.0], cv="evidence"),
    WeightedConv1DRegressor(max_iter=20),
    LinearRNNRegressor(20, max_iter=20, random_state=0),
]


@pytest.fixture(scope="module")
def recordings():
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(30, 2)) for _ in range(3)]
    y = [part[:, :1] - 0.3 * np.roll(part[:, 1:], 2, axis=0) for part in x]
    return x, y


@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_sums_of_parts_are_the_whole(recordings, model):
    x, y = recordings
    model.set_params(rows="timesteps")
    n_lags = model.n_lags or 5
    if model.n_lags is None:
        model.set_params(n_lags=n_lags)
    rows = np.concatenate(x), np.concatenate(y)
    model.fit(*rows, sequence_id=np.repeat([0, 1, 2], 30))
    expected = model.impulse_response_, model.intercept_
    most = 11 if n_lags == "auto" else n_lags  # a quarter of the steps, shared by two channels
    parts = [LagStatistics.from_series(*part, n_lags=most) for part in zip(x, y, strict=True)]
    model.fit_statistics(sum(parts))
    np.testing.assert_allclose(model.impulse_response_, expected[0], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model.intercept_, expected[1], rtol=1e-8, atol=1e-10)
    assert model.n_features_in_ == 2
    assert model.predict(x)[0].shape == (30, 1)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (NTKConvRegressor(n_steps="loo"), "n_steps='loo' needs the rows"),
        (NTKConvRegressor(n_steps="validation"), "n_steps='validation' needs the rows"),
        (NTKConvRegressorCV([0.5], cv=3), "cv=3 needs the rows"),
        (WeightedConv1DRegressor(early_stopping=True), "early_stopping=True needs the rows"),
        (NTKConvRegressor(n_lags=7), "n_lags=7 is not the number of lags of the statistics, 5"),
        (NTKConvRegressor(alpha=-1.0), "alpha"),
    ],
    ids=repr,
)
def test_what_sums_do_not_know(recordings, model, message):
    x, y = recordings
    statistics = LagStatistics.from_series(x, y, n_lags=5)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit_statistics(statistics)
    assert vars(model) == before


def test_names_of_an_earlier_fit_are_gone(recordings):
    pandas = pytest.importorskip("pandas")
    x, y = recordings
    frame = pandas.DataFrame(x[0], columns=["y_lag_1", "y_lag_2"])
    model = NTKConvRegressor().fit(frame, y[0][:, 0])
    model.fit_statistics(LagStatistics.from_series(x, y, n_lags=4))
    assert not hasattr(model, "feature_names_in_")
    assert len(model.predict(x)) == 3


@pytest.mark.parametrize("argument", [None, np.zeros((3, 3)), "sums"])
def test_anything_but_sums_is_refused(argument):
    with pytest.raises(TypeError, match="statistics must be LagStatistics"):
        NTKConvRegressor().fit_statistics(argument)
