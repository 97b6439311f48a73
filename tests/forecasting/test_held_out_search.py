"""The search of held-out windows against really forecasting all held-out windows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sklearn_linrnn import NTKConvRegressor, NTKConvRegressorCV
from sklearn_linrnn.forecasting import LagForecaster

N_STEPS, N_HELD_OUT, N_LAGS = 60, 20, 3
GRID = {"nu_w": [0.2, 0.8], "alphas": [0.1, 100.0], "device": "cpu"}
OF_THE_GRID = {"prior", "fit_intercept"}


def walk(n_columns=1, seed=0):
    values = np.random.default_rng(seed).normal(size=(N_STEPS, n_columns)).cumsum(0)
    return pd.DataFrame(values, columns=[f"y{k}" for k in range(n_columns)])


def panel(n_series=3):
    return pd.concat(
        {k: walk(seed=k) + 100.0 * k for k in range(n_series)}, names=["series", "time"]
    )


def scored(search):
    """Yield the candidates and their scores."""
    results = search.cv_results_
    return zip(results["params"], results["mean_test_MeanSquaredError"], strict=True)


def search_for(*, validation=N_HELD_OUT, **parameters):
    """Return the forecaster that searches; some of the parameters are its estimator's."""
    of_grid = {name: parameters.pop(name) for name in OF_THE_GRID & set(parameters)}
    options = {"strategy": "direct", "validation": validation, **parameters}
    return LagForecaster(NTKConvRegressorCV(**GRID, **of_grid), N_LAGS, **options)


def fixed(candidate, **parameters):
    """Return the forecaster of one candidate."""
    of_estimator = {name: parameters.pop(name) for name in OF_THE_GRID & set(parameters)}
    estimator = NTKConvRegressor(**candidate, **of_estimator, device="cpu")
    return LagForecaster(estimator, N_LAGS, **{"strategy": "direct", **parameters})


def one_by_one(early, y, fh, candidate, X=None, **parameters):
    """Return the squared errors of the forecasts from each held-out window of a series."""
    forecaster = fixed(candidate, **parameters)
    forecaster.fit(early, X=X, fh=fh)
    squares = []
    for origin in range(N_STEPS - N_HELD_OUT, N_STEPS - max(fh) + 1):
        known = y.iloc[:origin]
        forecaster.update(known, X=None if X is None else X.loc[known.index], update_params=False)
        forecast = forecaster.predict(X=X)
        squares.append((forecast - y.loc[forecast.index]).to_numpy() ** 2)
    return squares


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"normalize": None},
        {"fit_intercept": False},
        {"normalize": "mean", "joint": True},
        {"prior": "tc"},
    ],
    ids=repr,
)
def test_scores_are_errors_of_all_forecasts_of_held_out_steps(parameters):
    y, fh = walk(n_columns=2), [1, 3]
    search = search_for(**parameters).fit(y, fh=fh)
    for candidate, score in scored(search):
        early = y.iloc[:-N_HELD_OUT]
        squares = one_by_one(early, y, fh, candidate, **parameters)
        assert_allclose(score, np.mean(squares), rtol=1e-9)


def test_scores_with_exogenous_series():
    y, X, fh = walk(), walk(2, seed=7).add_prefix("x"), [1, 2]
    y.iloc[2:] += X.iloc[:-2, :1].to_numpy()
    search = search_for()
    search.fit(y, X=X, fh=fh)
    early = y.iloc[:-N_HELD_OUT]
    for candidate, score in scored(search):
        forecaster = fixed(candidate)
        forecaster.fit(early, X=X.loc[early.index], fh=fh)
        forecasts = forecaster.predict_rolling(y, X)[:, :, 0]  # from step N_LAGS - 1 on
        squares = []
        for place, step in enumerate(fh):  # each has its own windows, all with targets held out
            origins = np.arange(N_STEPS - N_HELD_OUT - step, N_STEPS - step)
            targets = y.to_numpy()[origins + step, 0]
            squares.append((forecasts[origins - N_LAGS + 1, place] - targets) ** 2)
        assert_allclose(score, np.mean(squares), rtol=1e-9)


def test_scores_of_a_panel_are_those_of_all_its_series():
    y, fh = panel(), [1, 2]
    parameters = {"pooling": "global"}
    search = search_for(**parameters).fit(y, fh=fh)
    early = y.groupby(level=0, group_keys=False).apply(lambda one: one.iloc[:-N_HELD_OUT])
    for candidate, score in scored(search):
        forecaster = fixed(candidate, **parameters)
        forecaster.fit(early, fh=fh)
        squares = []
        for key in range(3):
            values = y.loc[key].to_numpy()[:, 0]
            forecasts = forecaster.predict_rolling(y.loc[key])[:, :, 0]
            origins = np.arange(N_STEPS - N_HELD_OUT - 1, N_STEPS - 2)
            targets = np.stack([values[origins + step] for step in fh], axis=1)
            squares.append((forecasts[origins - N_LAGS + 1] - targets) ** 2)
        assert_allclose(score, np.mean(squares), rtol=1e-9)


@pytest.mark.parametrize("pooling", ["local", "global"])
def test_the_best_candidate_learns_from_all_or_from_what_came_before(pooling):
    y, fh = walk(), [2, 3]
    for refit, seen in ((True, y), (False, y.iloc[:-N_HELD_OUT])):
        search = search_for(refit=refit, pooling=pooling).fit(y, fh=fh)
        one = fixed(search.best_params_).fit(seen, fh=fh)
        assert_allclose(search.predict_rolling(y), one.predict_rolling(y), rtol=1e-12)
        scores = search.cv_results_["mean_test_MeanSquaredError"]
        assert search.best_score_ == scores.min() == scores[search.best_index_]
        assert search.best_params_ == search.cv_results_["params"][search.best_index_]
        assert search.cv_results_["rank_test_MeanSquaredError"][search.best_index_] == 1


def test_a_share_of_the_series_is_a_number_of_steps():
    y = walk()
    by_steps, by_share = (
        search_for(validation=validation).fit(y, fh=[1, 2])
        for validation in (N_HELD_OUT, N_HELD_OUT / N_STEPS)
    )
    pd.testing.assert_frame_equal(by_steps.cv_results_, by_share.cv_results_)


def test_recursive_forecasts_are_scored_by_one_step():
    y = walk()
    direct = search_for().fit(y, fh=[1])
    recursive = search_for(strategy="recursive").fit(y)
    pd.testing.assert_frame_equal(direct.cv_results_, recursive.cv_results_)
    assert_allclose(recursive.predict([1]), direct.predict(), rtol=1e-12)


def test_an_update_keeps_the_candidate_and_adds_what_is_new():
    y, fh = walk(), [1, 2]
    search = search_for()
    search.fit(y.iloc[:50], fh=fh).update(y.iloc[50:])
    one = fixed(search.best_params_).fit(y, fh=fh)
    assert_allclose(search.predict(), one.predict(), rtol=1e-10)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_all_lags_are_left_to_the_memory(strategy):
    search = LagForecaster(NTKConvRegressorCV(**GRID), strategy=strategy).fit(walk(), fh=[1])
    assert search.n_lags_ == (N_STEPS - 1) // 4
    (estimator,) = search.estimators_
    assert isinstance(estimator, NTKConvRegressor)
    assert estimator.nu_w_ == search.best_params_["nu_w"]
    assert estimator.alpha_ == search.best_params_["alpha"]


@pytest.mark.parametrize("validation", [0, -3, 1.0, 2.5, True, "half"], ids=repr)
def test_a_bad_size_of_the_held_out_end_is_named(validation):
    with pytest.raises(ValueError, match="validation must be a number of steps"):
        search_for(validation=validation)


@pytest.mark.parametrize(
    ("validation", "fh", "message"),
    [
        (N_STEPS, [1], f"validation={N_STEPS} leaves nothing to learn from: y has {N_STEPS} steps"),
        (2, [1, 2, 3], "no complete window with all targets within the held-out end"),
        (N_STEPS - 4, [1, 2, 3], "no complete window with all targets before the held-out end"),
    ],
)
def test_an_end_that_leaves_no_windows_is_an_error(validation, fh, message):
    with pytest.raises(ValueError, match=message):
        search_for(validation=validation).fit(walk(), fh=fh)
