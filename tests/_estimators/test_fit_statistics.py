"""Learning from sums is learning from the data."""

import numpy as np
import pytest
from sklearn.metrics import mean_squared_error, r2_score

from sklearn_linrnn import (
    LagStatistics,
    LinearRNNRegressor,
    LRURegressor,
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
    LRURegressor(20, max_iter=20, random_state=0),
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
    most = 11 if n_lags == "auto" else n_lags  # a quarter of the time steps, shared by two channels
    parts = [LagStatistics.from_series(*part, n_lags=most) for part in zip(x, y, strict=True)]
    model.fit_statistics(sum(parts))
    np.testing.assert_allclose(model.impulse_response_, expected[0], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model.intercept_, expected[1], rtol=1e-8, atol=1e-10)
    assert model.n_features_in_ == 2
    assert model.predict(x)[0].shape == (30, 1)


@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_sums_of_nothing_are_an_error(recordings, model):
    x, y = recordings
    whole = LagStatistics.from_series(x, y, n_lags=5)
    with pytest.raises(ValueError, match=r"nothing to learn from: the weights .* sum to 0"):
        model.fit_statistics(whole - whole)


@pytest.mark.parametrize("model", [*ESTIMATORS, NTKConvRegressor(solver="cg")], ids=repr)
@pytest.mark.parametrize("factor", [1e-308, 1e304])
def test_weights_beyond_the_range_of_float64_are_an_error(recordings, model, factor):
    x, y = recordings
    weights = np.full(90, factor)
    with pytest.raises(ValueError, match="sample_weight is too"):
        model.set_params(rows="timesteps", n_lags=model.n_lags or 5).fit(
            np.concatenate(x), np.concatenate(y), sample_weight=weights
        )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (NTKConvRegressor(n_steps="loo"), "n_steps='loo' needs the rows"),
        (NTKConvRegressor(n_steps="validation"), "n_steps='validation' needs the rows"),
        (NTKConvRegressorCV([0.5], cv=3), "cv=3 needs the rows"),
        (WeightedConv1DRegressor(early_stopping=True), "early_stopping=True needs the rows"),
        (
            NTKConvRegressor(n_lags=7),
            "n_lags must be that of the statistics, 5, or None, but got 7",
        ),
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


@pytest.mark.parametrize("scoring", ["neg_mean_squared_error", "r2"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_outputs", [1, 30])
def test_sums_that_are_held_out_choose_what_their_rows_would(n_outputs, fit_intercept, scoring):
    rng = np.random.default_rng(1)
    x = rng.normal(1.0, 1.0, (90, 1))
    y = np.hstack([x + k * np.roll(x, k, axis=0) for k in range(n_outputs)])
    y += rng.normal(size=y.shape)
    early, late = (
        LagStatistics.from_series(x[part], y[part], n_lags=6)
        for part in (slice(0, 60), slice(60, None))
    )
    search = NTKConvRegressorCV(
        [0.2, 0.8], alphas=[0.0, 1.0, 100.0], fit_intercept=fit_intercept, scoring=scoring
    ).fit_statistics(early, held_out=late)
    kind = r2_score if scoring == "r2" else mean_squared_error
    sign = 1.0 if scoring == "r2" else -1.0
    for candidate, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        one = NTKConvRegressor(**candidate, fit_intercept=fit_intercept).fit_statistics(early)
        assert score == pytest.approx(sign * kind(y[60:], one.predict([x[60:]])[0]), rel=1e-9)
        if candidate == search.best_params_:
            np.testing.assert_allclose(search.impulse_response_, one.impulse_response_, atol=1e-12)
    assert search.n_splits_ == 1
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])


def test_held_out_sums_must_be_alike(recordings):
    x, y = recordings
    statistics = LagStatistics.from_series(x, y, n_lags=5)
    search = NTKConvRegressorCV([0.5])
    with pytest.raises(TypeError, match="held_out must be LagStatistics, but got ndarray"):
        search.fit_statistics(statistics, held_out=np.zeros(3))
    with pytest.raises(ValueError, match="their n_lags agree, but got 5 and 4"):
        search.fit_statistics(statistics, held_out=LagStatistics.from_series(x, y, n_lags=4))
    with pytest.raises(ValueError, match="held_out must have at least one row"):
        search.fit_statistics(statistics, held_out=statistics - statistics)
    with pytest.raises(ValueError, match="cv=None needs the rows"):
        search.fit_statistics(statistics)
