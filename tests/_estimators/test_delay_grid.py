"""Delays among the candidates of a cross-validation: what scikit-learn's search finds of them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_linrnn import LagStatistics, NTKConvRegressor, NTKConvRegressorCV, residual_tests
from sklearn_linrnn.forecasting import LagForecaster

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 9))
Y = X[:, -3] + 0.5 * X[:, -4] + 0.3 * RNG.normal(size=60)
PANEL = RNG.normal(size=(12, 30, 2))
OF_PANEL = np.zeros((12, 30, 1))
OF_PANEL[:, 5:, 0] = PANEL[:, :-5, 0] + 0.3 * RNG.normal(size=(12, 25))
RECORDING, OF_RECORDING = PANEL.reshape(-1, 2), OF_PANEL.reshape(-1)
STEPS = {"rows": "timesteps", "n_lags": 4}
GRID = {"nu_w": [0.3, 0.7], "delay": [0, 2, 4]}


@pytest.mark.parametrize(
    ("inputs", "targets", "options"),
    [(X, Y, {"n_lags": 4}), (X, Y, {}), (PANEL, OF_PANEL, {"n_lags": 4})],
    ids=["lags of windows", "all lags of windows", "panel"],
)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_scores_are_those_of_a_grid_search(inputs, targets, options, fit_intercept):
    options = {**options, "fit_intercept": fit_intercept}
    scoring = "r2" if targets.ndim == 1 else None
    model = NTKConvRegressor(**options)
    theirs = GridSearchCV(model, {**GRID, "alpha": [0.1, 1.0]}, cv=KFold(3), scoring=scoring)
    theirs.fit(inputs, targets)
    ours = NTKConvRegressorCV(**GRID, alphas=[0.1, 1.0], cv=KFold(3), **options)
    ours.fit(inputs, targets)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    assert ours.best_params_ == theirs.best_params_
    for name in ("mean_test_score", "split0_test_score", "split2_test_score"):
        assert_allclose(ours.cv_results_[name], theirs.cv_results_[name], rtol=1e-8, atol=1e-10)
    assert ours.delay_ == ours.first_lag_ == theirs.best_params_["delay"]
    assert_allclose(ours.predict(inputs), theirs.predict(inputs), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("cv", ["gcv", "loo", "evidence", 3])
@pytest.mark.parametrize("container", [list, np.array])
def test_each_delay_has_the_scores_that_it_has_alone(cv, container):
    known = {"nu_w": [0.3, 0.7], "cv": cv, **STEPS}
    search = NTKConvRegressorCV(delay=container([0, 1, 5]), **known).fit(RECORDING, OF_RECORDING)
    delays = np.array([each["delay"] for each in search.cv_results_["params"]])
    for delay in (0, 1, 5):
        alone = NTKConvRegressorCV(delay=delay, **known).fit(RECORDING, OF_RECORDING)
        found = search.cv_results_["mean_test_score"][delays == delay]
        assert_allclose(found, alone.cv_results_["mean_test_score"], rtol=1e-10)
        if delay == search.delay_:
            assert_allclose(search.impulse_response_, alone.impulse_response_, rtol=1e-8)
    assert search.delay_ == 5


def test_channels_have_memories_of_their_own_at_the_best_delay():
    known = {"memory": "channel", "cv": "gcv", "nu_w": [0.3, 0.7], **STEPS}
    search = NTKConvRegressorCV(delay=[0, 5], **known).fit(RECORDING, OF_RECORDING)
    alone = NTKConvRegressorCV(delay=5, **known).fit(RECORDING, OF_RECORDING)
    assert search.best_params_["delay"] == search.delay_ == 5
    assert_allclose(search.channel_scale_, alone.channel_scale_)
    assert_array_equal(search.nu_w_, alone.nu_w_)


def test_a_grid_of_one_delay_is_that_delay():
    one, same = (
        NTKConvRegressorCV(delay=delay, cv=3, **STEPS).fit(RECORDING, OF_RECORDING)
        for delay in ([5], 5)
    )
    assert_allclose(one.impulse_response_, same.impulse_response_, rtol=1e-12)
    assert residual_tests(one, RECORDING, OF_RECORDING, n_lags=5)["p_value"].notna().all()


@pytest.mark.parametrize(
    ("delay", "message"),
    [
        ([0, -1], "delay must be whole numbers of at least 0, but got -1"),
        ([0, 0.5], "delay must be whole numbers of at least 0, but got 0.5"),
        ([0, True], "delay must be whole numbers of at least 0, but got True"),
        ([0, "auto"], "delay must be whole numbers of at least 0, but got 'auto'"),
        ([], "delay must have at least one value, but got an empty grid"),
        ([0, 400], "n_lags=4 with delay=400 needs n_timesteps=404"),
        ("auto", "'delay' parameter .* Got 'auto'"),
    ],
    ids=["negative", "share", "bool", "word", "empty", "too long", "auto"],
)
def test_what_is_no_delay_is_refused(delay, message):
    with pytest.raises(ValueError, match=message):
        NTKConvRegressorCV(delay=delay, **STEPS).fit(RECORDING, OF_RECORDING)


def test_several_delays_need_the_data_themselves():
    search = NTKConvRegressorCV(delay=[0, 1], cv="gcv", **STEPS)
    sums = LagStatistics.from_series(RECORDING, OF_RECORDING, n_lags=4)
    with pytest.raises(ValueError, match=r"delay=\[0, 1\] needs the rows of the data"):
        search.fit_statistics(sums)
    with pytest.raises(ValueError, match=r"delay=\[0, 1\] needs the rows of the data"):
        search.fit(iter([(RECORDING, OF_RECORDING)]))
    assert not hasattr(search, "partial_fit")
    with pytest.raises(ValueError, match="one of them must be 0"):
        NTKConvRegressorCV(delay=[0, 1], n_leads=1, **STEPS).fit(RECORDING, OF_RECORDING)


@pytest.mark.parametrize("container", [list, np.array])
def test_a_forecaster_lays_out_its_windows_itself(container):
    search = NTKConvRegressorCV(delay=container([0, 1]))
    with pytest.raises(ValueError, match="delay of estimator must be left at 0, but got"):
        LagForecaster(search, n_lags=4).fit(pd.Series(Y), fh=[1])
