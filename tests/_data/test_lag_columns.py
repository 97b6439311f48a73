"""Which lag a column holds: by layout, by name, or an error; never a guess."""

import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import BaggingRegressor

from sklearn_linrnn import LagWeighter, NTKConvRegressor, WeightedConv1DRegressor
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
        ("lag1", ("", 1)),  # mlforecast
        ("sales_lag12", ("sales", 12)),
        ("y__lag_1", ("y", 1)),
        ("price", None),
        ("flag3", None),
        ("rolling_mean_lag1_window_size7", None),
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


TEMPLATES = [
    "{channel}_lag_{lag}",
    "{channel}_lag{lag}",
    "{channel}__lag_{lag}",
    "lag_{lag}__{channel}",
]


@pytest.mark.parametrize("template", TEMPLATES)
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


@pytest.mark.parametrize("template", ["lag{lag}", "lag_{lag}"])  # mlforecast, skforecast
def test_lags_without_a_channel_are_read_beside_what_is_no_lag(template):
    frame = named(template, WINDOWS[:, :, :1], [""]).assign(dayofweek=WINDOWS[:, 0, 1])
    silent = np.zeros_like(WINDOWS)
    silent[:, :, 0], silent[:, -1, 1] = WINDOWS[:, :, 0], WINDOWS[:, 0, 1]
    assert_allclose(response(frame[frame.columns[::-1]]), response(silent), rtol=1e-10, atol=1e-14)


ALMOST_LAGS = ["Lag_1", "LAG1", "y.lag.1", "y_lag_-1", "y_lag_1.5", "y_lag_1h", "lag 1", "lag_1_y"]
ALMOST_LAGS += ["ylag1", "y(t-1)", "y_t-1", "y t - 1", "y.L1", "L1.y"]


@pytest.mark.parametrize("almost", ALMOST_LAGS)
@pytest.mark.parametrize("others", ["{channel}_lag_{lag}", "{channel}{lag}"])
def test_a_name_that_is_almost_a_lag_is_an_error(almost, others):
    frame = named(others).rename(columns=lambda name: almost if name in ("v_lag_2", "v2") else name)
    with pytest.raises(ValueError, match=f"are {re.escape(repr(almost))}, which are like them"):
        response(frame)


@pytest.mark.parametrize(
    "plain", ["rolling_mean_lag1_window_size7", "flag_2", "flag2", "time_lag", "level2"]
)
def test_a_feature_is_not_almost_a_lag(plain):
    frame = named("{channel}_lag_{lag}")
    expected = response(frame.assign(price=WINDOWS[:, 0, 0]))
    assert_allclose(response(frame.assign(**{plain: WINDOWS[:, 0, 0]})), expected, rtol=1e-12)


def test_channels_that_are_no_lags_may_be_time_steps():
    frame = pd.DataFrame(WINDOWS[:, 0], columns=["rain", "evaporation"])
    with pytest.raises(ValueError, match=r"named 'rain', 'evaporation'.*rows='timesteps'"):
        response(frame)


@pytest.mark.parametrize("second", ["lag_1__u", "u_lag_01", "u_lag1", "u__lag_1"])
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


# -- Consecutive windows betray their order ------------------------------------------------

READERS = [
    partial(NTKConvRegressor, 0.4),
    partial(WeightedConv1DRegressor, nu_w=0.4, max_iter=2, tol=0),
    LagWeighter,
]
every_reader = pytest.mark.parametrize("make", READERS, ids=["closed form", "descent", "weighter"])
OTHER = {"infer": "newest_first", "oldest_first": "newest_first", "newest_first": "oldest_first"}


def consecutive(n_channels=1, n_timesteps=5, n_windows=60):
    """Return windows ``(n_windows, n_timesteps, n_channels)`` of one series, oldest first."""
    series = np.random.default_rng(1).normal(size=(n_windows + n_timesteps - 1, n_channels))
    return np.lib.stride_tricks.sliding_window_view(series, n_timesteps, 0).swapaxes(1, 2)


def in_order(windows, order):
    return windows[:, ::-1] if order == "newest_first" else windows


@every_reader
@pytest.mark.parametrize("order", OTHER)
@pytest.mark.parametrize("form", ["ntc", "nct", "flat ntc", "flat nct", "frame"])
def test_windows_of_the_other_order_are_refused(make, order, form):
    layout, n_channels = form[-3:] if "tc" in form or "ct" in form else "ntc", 2
    parameters = {"lag_order": order, "layout": layout, "n_channels": n_channels}

    def shaped(windows):
        windows = windows if layout == "ntc" else windows.swapaxes(1, 2)
        flat = windows.reshape(len(windows), -1)
        return {"frame": pd.DataFrame(flat)}.get(form, flat if "flat" in form else windows)

    windows = consecutive(n_channels)
    target = windows[:, -1, 0]
    make(**parameters).fit(shaped(in_order(windows, order)), target)
    with pytest.raises(
        ValueError, match=f"lag_order='{order}' reads.*pass lag_order='{OTHER[order]}'"
    ):
        make(**parameters).fit(shaped(in_order(windows, OTHER[order])), target)


def test_breaks_between_series_do_not_hide_the_order():
    windows = np.concatenate([consecutive(n_windows=n)[:, :, 0] * n for n in (4, 5, 6, 9, 12)])
    NTKConvRegressor().fit(windows, windows[:, -1])
    with pytest.raises(ValueError, match="pass lag_order='newest_first'"):
        NTKConvRegressor().fit(windows[:, ::-1], windows[:, -1])


def test_rows_that_run_back_in_time_are_turned_round():
    windows = consecutive()[:, :, 0]
    with pytest.raises(ValueError, match=re.escape("X[::-1], y[::-1]")):
        NTKConvRegressor().fit(windows[::-1], windows[::-1, -1])


def test_inputs_after_the_lags_of_an_array_are_named_instead():
    newest_first = consecutive()[:, ::-1, 0]
    X = np.column_stack([newest_first, rng.normal(size=(len(newest_first), 2))])
    with pytest.raises(ValueError, match="pass a DataFrame that names the lags") as error:
        NTKConvRegressor().fit(X, X[:, 0])
    assert "pass lag_order" not in str(error.value)
    frame = pd.DataFrame(X, columns=[*(f"lag_{k}" for k in range(1, 6)), "holiday", "price"])
    model = NTKConvRegressor(alpha=1e-6).fit(frame, X[:, 0])
    assert_allclose(model.impulse_response_[0, 0], [1, 0, 0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("name", ["lag{}", "price_lag_{}"])
def test_names_are_believed_whatever_the_order_of_the_rows(name):
    frame = pd.DataFrame(consecutive()[::-1, ::-1, 0], columns=[name.format(k) for k in range(5)])
    NTKConvRegressor().fit(frame, frame.iloc[:, 0])


PERIODIC = {
    "constant": np.ones_like,
    "two values in turn": lambda t: t % 2,
    "three values in turn": lambda t: t % 3,
    "a day": lambda t: np.sin(2 * np.pi * (t % 24) / 24),
    "rare events": lambda t: (t * t % 97 == 3).astype(float),
    "a ramp": lambda t: t,
}


@pytest.mark.parametrize("series", PERIODIC)
@pytest.mark.parametrize("order", ["oldest_first", "newest_first"])
def test_series_that_repeat_themselves_are_not_refused(series, order):
    values = PERIODIC[series](np.arange(400.0))
    windows = np.lib.stride_tricks.sliding_window_view(values, 6)
    LagWeighter(lag_order=order).fit(in_order(windows, order))


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 5), st.floats(0.05, 0.95))
def test_windows_that_are_not_consecutive_are_not_refused(seed, n_values, n_timesteps, share):
    rng = np.random.default_rng(seed)
    windows = rng.integers(n_values, size=(300, n_timesteps)) * (rng.uniform(size=(300, 1)) < share)
    for order in OTHER:
        LagWeighter(lag_order=order).fit(windows)


def test_a_bagged_model_needs_the_order_stated():
    windows = consecutive(n_timesteps=6, n_windows=300)[:, ::-1, 0]
    frame = pd.DataFrame(windows, columns=[f"lag_{k}" for k in range(1, 7)])
    target = frame["lag_1"] - 0.5 * frame["lag_2"]
    bagged = BaggingRegressor(NTKConvRegressor(0.2, lag_order="newest_first"), 3, random_state=0)
    assert bagged.fit(frame, target).score(frame, target) > 0.99
    unstated = BaggingRegressor(NTKConvRegressor(0.2), 3, random_state=0)
    with pytest.raises(ValueError, match="pass lag_order='newest_first'"):  # rows keep their order
        unstated.fit(frame, target)
