"""What the study predicts, from what, and what would be forecast without a model."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn._studies.study_data import LAST, MEAN, SEASONAL, Treatment, make_data


def monthly(n_timesteps=40):
    values = np.random.default_rng(0).uniform(1, 2, n_timesteps).cumsum()
    index = pd.period_range("2000-01", periods=n_timesteps, freq="M")
    return pd.Series(values, index=index)


def test_windows_end_before_their_targets():
    y = monthly()
    data = make_data(y, None, 3, Treatment(), None)
    assert_array_equal(data.windows[0, :, 0], y[:3])
    assert data.targets[0] == y.iloc[3]
    assert data.times[0] == y.index[3]
    assert len(data.targets) == len(data.windows) == 37


def test_inputs_are_those_of_the_same_step_and_before():
    y, X = monthly(), np.arange(80.0).reshape(40, 2)
    data = make_data(y, X, 3, Treatment(), None)
    assert_array_equal(data.windows[0], X[:3])
    assert data.targets[0] == y.iloc[2]
    assert data.naive == {}, "they would know the past of y, which the models do not"


def test_forecasts_without_a_model_are_the_last_value_and_that_of_a_season_ago():
    y = monthly()
    data = make_data(y, None, 15, Treatment(), None)
    assert data.season == 12
    assert list(data.naive) == [LAST, SEASONAL]
    assert_array_equal(data.naive[LAST], y.shift(1)[data.times])
    assert_array_equal(data.naive[SEASONAL], y.shift(12)[data.times])
    train, test = np.arange(10), np.arange(10, 20)
    errors = data.null_errors(train, test)
    assert list(errors) == [MEAN, LAST, SEASONAL]
    assert_allclose(errors[MEAN], (data.targets[test] - data.targets[train].mean()) ** 2)
    assert_allclose(errors[SEASONAL], (data.targets[test] - data.naive[SEASONAL][test]) ** 2)


def test_before_the_first_season_is_over_the_last_value_stands_in():
    y = monthly()
    data = make_data(y, None, 2, Treatment(), 12)
    early = data.times < y.index[12]
    assert_array_equal(data.naive[SEASONAL][early], data.naive[LAST][early])
    assert_array_equal(data.naive[SEASONAL][~early], y.shift(12)[data.times[~early]])
    longer = make_data(y, None, 2, Treatment(), 100)
    assert_array_equal(longer.naive[SEASONAL], longer.naive[LAST])


@pytest.mark.parametrize("y", [monthly().to_numpy(), monthly().reset_index(drop=True)])
def test_a_season_is_known_by_dates_or_given(y):
    assert make_data(y, None, 2, Treatment(), None).season == 1
    assert list(make_data(y, None, 2, Treatment(), None).naive) == [LAST]
    assert list(make_data(y, None, 2, Treatment(), 4).naive) == [LAST, SEASONAL]


def test_steps_that_touch_a_gap_are_left_out():
    y = monthly()
    y.iloc[20] = np.nan
    data = make_data(y, None, 3, Treatment(), None)
    left_out = y.index[[20, 21, 22, 23]]
    assert not data.times.isin(left_out).any()
    assert len(data.targets) == 37 - 4


def test_logarithms_and_differences_are_those_of_the_series():
    y, X = monthly(), np.random.default_rng(1).normal(size=40)
    logged = make_data(y, None, 3, Treatment(log=True), None)
    assert_allclose(logged.targets, np.log(y[3:]))
    both = make_data(y, None, 3, Treatment(log=True, difference=True), None)
    assert_allclose(both.targets, np.log(y).diff()[4:])
    assert_allclose(both.windows[0, :, 0], np.log(y).diff()[1:4])
    driven = make_data(y, X, 3, Treatment(difference=True), None)
    assert_allclose(driven.targets, y.diff()[3:])
    assert_allclose(driven.windows[0, :, 0], np.diff(X)[:3])


def test_logarithms_need_a_positive_series():
    with pytest.raises(ValueError, match=r"log=True needs a y that is positive.*-3"):
        make_data(np.array([1.0, -3.0, 2.0, 4.0]), None, 1, Treatment(log=True), None)


def test_days_without_a_row_are_refused_and_missing_days_left_out():
    days = pd.Series(np.arange(40.0), pd.date_range("2024-01-01", periods=40))
    cut = days.drop(days.index[20])
    with pytest.raises(ValueError, match="y must have times in even steps"):
        make_data(cut, None, 3, Treatment(), None)
    with pytest.raises(ValueError, match="X must have times in even steps"):
        make_data(cut.to_numpy(), cut, 3, Treatment(), None)
    data = make_data(cut.asfreq("D"), None, 3, Treatment(), None)
    assert days.index[20:24].intersection(data.times).empty
    assert (len(data.targets), data.season) == (40 - 3 - 4, 7)
