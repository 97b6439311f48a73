"""Which lag a column holds: by layout, by name, or an error; never a guess."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_linrnn import NTKConvRegressor
from sklearn_linrnn._data.lag_columns import columns_by_layout, parse_lag

rng = np.random.default_rng(0)
WINDOWS, y = rng.normal(size=(40, 4, 2)), rng.normal(size=40)


def named(template, windows=WINDOWS, channels=("u", "v"), first=1):
    """Return a frame of windows ``(n, n_timesteps, n_channels)`` with names from a template."""
    n_timesteps = windows.shape[1]
    return pd.DataFrame(
        {
            template.format(channel=channel, lag=first + n_timesteps - 1 - step): windows[
                :, step, c
            ]
            for c, channel in enumerate(channels)
            for step in range(n_timesteps)
        }
    )


def response(X, **parameters):
    return NTKConvRegressor(0.4, alpha=0.3, **parameters).fit(X, y).impulse_response_


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("y_lag_3", ("y", 3)),
        ("lag_3__y", ("y", 3)),
        ("lag_1__lag_3__y", ("y", 4)),
        ("lag_0__y", ("y", 0)),
        ("lag_7", ("", 7)),
        ("lag_12__Number of airline passengers", ("Number of airline passengers", 12)),
        ("a_lag_2_lag_5", ("a_lag_2", 5)),
        ("lag_1__y_lag_2", ("y_lag_2", 1)),
        ("price", None),
        ("y_lag_", None),
        ("y_lag_-1", None),
        ("y_lag_1.5", None),
        ("flag_3", None),
        ("lagoon", None),
        ("", None),
    ],
)
def test_a_name_contains_its_lag_or_none(name, expected):
    assert parse_lag(name) == expected


@pytest.mark.parametrize("template", ["{channel}_lag_{lag}", "lag_{lag}__{channel}"])
@pytest.mark.parametrize("first", [0, 1, 5])
def test_names_give_the_response_of_the_windows(template, first):
    assert_allclose(response(named(template, first=first)), response(WINDOWS), rtol=1e-10)


def test_the_order_of_named_columns_does_not_matter():
    frame = named("{channel}_lag_{lag}")
    shuffled = frame[["u_lag_3", *frame.columns.drop("u_lag_3")[::-1]]]
    assert_allclose(response(shuffled), response(frame), rtol=1e-10)


def test_nested_lags_add_up():
    nested = named("lag_{lag}__{channel}").rename(columns=lambda name: f"lag_2__{name}")
    assert_allclose(response(nested), response(WINDOWS), rtol=1e-10)


def test_a_column_without_a_lag_is_an_unlagged_input():
    frame = named("{channel}_lag_{lag}").assign(price=rng.normal(size=40))
    silent = np.zeros((40, 4, 1))
    silent[:, -1, 0] = frame["price"]
    windows = np.concatenate([WINDOWS, silent], axis=2)
    fitted = response(frame)
    assert_allclose(fitted, response(windows), rtol=1e-10, atol=1e-14)
    assert_array_equal(fitted[0, 2, 1:], 0.0)


def test_a_lag_without_a_column_has_no_response():
    fitted = response(named("{channel}_lag_{lag}").drop(columns=["v_lag_2", "v_lag_4"]))
    gaps = WINDOWS.copy()
    gaps[:, [0, 2], 1] = 0.0
    assert_allclose(fitted, response(gaps), rtol=1e-10, atol=1e-14)
    assert_array_equal(fitted[0, 1, [1, 3]], 0.0)


def test_a_stated_order_overrules_names():
    frame = named("{channel}_lag_{lag}", WINDOWS[:, :, :1], ["u"])
    newest = response(frame, lag_order="newest_first")
    assert_allclose(newest, response(WINDOWS[:, ::-1, :1]), rtol=1e-10)


def test_names_overrule_the_number_of_the_layout():
    frame = named("{channel}_lag_{lag}")
    assert_allclose(response(frame, n_channels=2, layout="nct"), response(WINDOWS), rtol=1e-10)
    with pytest.raises(ValueError, match="X must have 4 channels, as in n_channels, but got 2"):
        response(frame, n_channels=4)


def test_one_column_needs_no_order():
    x = rng.normal(size=(40, 1))
    assert_allclose(response(pd.DataFrame(x, columns=["price"])), response(x), rtol=1e-12)


@pytest.mark.parametrize("columns", [list("abcdefgh"), [f"x{i}" for i in range(8)]])
def test_names_without_lags_are_an_error_unless_the_order_is_stated(columns):
    frame = pd.DataFrame(WINDOWS.reshape(40, 8), columns=columns)
    with pytest.raises(
        ValueError, match=r"lag_order='infer' reads .* 'y_lag_3'.*got columns named '[ax]"
    ):
        response(frame)
    stated = response(frame, lag_order="oldest_first", n_channels=2)
    assert_allclose(stated, response(WINDOWS), rtol=1e-10)


@pytest.mark.parametrize("second", ["lag_1__u", "u_lag_01"])
def test_the_same_lag_twice_is_an_error(second):
    frame = named("{channel}_lag_{lag}").rename(columns={"v_lag_2": second})
    with pytest.raises(ValueError, match=f"needs each lag of a channel once.*'{second}'"):
        response(frame)


def test_the_same_name_twice_is_an_error():
    frame = pd.DataFrame(WINDOWS[:, :2, 0], columns=["y_lag_1", "y_lag_1"])
    with pytest.raises(ValueError, match="y_lag_1"):
        response(frame)


def test_columns_of_another_order_are_refused_by_predict():
    frame = named("{channel}_lag_{lag}")
    model = NTKConvRegressor().fit(frame, y)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.predict(frame[frame.columns[::-1]])


def test_timesteps_have_columns_of_any_name():
    frame = pd.DataFrame(WINDOWS[:, 0], columns=["rain", "evaporation"])
    steps = {"rows": "timesteps", "n_lags": 3}
    assert_array_equal(response(frame, **steps), response(WINDOWS[:, 0], **steps))


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("layout", ["ntc", "nct"])
def test_flattened_windows_are_read_back(layout, newest_first):
    windows = WINDOWS[:, ::-1] if newest_first else WINDOWS
    flat = (windows if layout == "ntc" else windows.swapaxes(1, 2)).reshape(40, 8)
    columns = columns_by_layout(8, 2, layout, newest_first)
    assert_array_equal(columns.to_windows(flat), WINDOWS)


def test_columns_of_several_levels_are_refused():
    columns = pd.MultiIndex.from_product([["y"], range(6)])
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 6)), columns=columns)
    with pytest.raises(ValueError, match="lag_order"):
        NTKConvRegressor().fit(frame, np.arange(20.0))
