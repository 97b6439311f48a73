"""The study: what it measures, on series whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from sklearn.model_selection import TimeSeriesSplit

from sklearn_linrnn import (
    LinearRNNRegressor,
    NTKConvRegressor,
    WeightedConv1DRegressor,
    effective_memory,
    linear_rnn_lag_weights,
    memory_bias,
)
from sklearn_linrnn._studies.memory_bias import FLAT, LIMIT, RNN, SCALED
from sklearn_linrnn._studies.memory_bias_report import describe

SMALL = {"n_lags": 6, "nu_w": (0.1, 0.6), "n_hidden": 200, "max_iter": 60, "n_splits": 3}


def short_memory(n_timesteps=300):
    rng = np.random.default_rng(0)
    y = np.zeros(n_timesteps)
    for t in range(1, n_timesteps):
        y[t] = 0.6 * y[t - 1] + rng.normal()
    return 5 + 2 * y


def delayed(delay=5, n_timesteps=400):
    """Return an input, and a target that is that input ``delay`` steps later."""
    rng = np.random.default_rng(1)
    u = rng.normal(size=n_timesteps)
    return u, np.roll(u, delay) + 0.1 * rng.normal(size=n_timesteps)


@pytest.fixture(scope="module")
def frame():
    return memory_bias(short_memory(), **SMALL)


def rows(frame, model):
    return frame[frame["model"] == model].set_index("nu_w")


def test_the_frame_has_a_row_for_each_model_and_variance(frame):
    assert list(frame.columns) == [
        "model", "nu_w", "rmse", "cost", "prior_memory", "fit_memory", "gap",
    ]  # fmt: skip
    expected = [(m, v) for v in SMALL["nu_w"] for m in (RNN, LIMIT, SCALED)]
    assert list(zip(frame["model"], frame["nu_w"], strict=True))[:-1] == expected
    assert frame["model"].iloc[-1] == FLAT


def test_all_numbers_are_finite_but_for_what_the_flat_convolution_lacks(frame):
    biased = frame[frame["model"] != FLAT]
    assert np.isfinite(biased.drop(columns="model").to_numpy(dtype=float)).all()
    flat = frame.iloc[-1]
    assert np.isnan(flat[["nu_w", "gap"]].to_numpy(dtype=float)).all()
    assert flat["cost"] == 0.0
    assert np.isfinite(flat["rmse"])


def test_the_scaled_convolution_is_the_infinite_width_limit(frame):
    scaled, limit = rows(frame, SCALED), rows(frame, LIMIT)
    assert_allclose(scaled["rmse"], limit["rmse"], rtol=1e-8)
    assert (scaled["gap"] < 1e-8).all()
    assert (limit["gap"] == 0).all()


def test_the_network_is_near_its_limit_and_the_nearer_the_wider():
    small = {**SMALL, "nu_w": [0.1]}
    wide, narrow = (
        rows(memory_bias(short_memory(), **{**small, "n_hidden": n}), RNN)["gap"].item()
        for n in (1000, 30)
    )
    assert wide < 0.03
    assert wide < narrow / 2


def test_costs_are_relative_to_the_flat_convolution(frame):
    assert_allclose(frame["cost"], frame["rmse"] / frame["rmse"].iloc[-1] - 1, atol=1e-14)


def test_memories_are_those_of_the_weights(frame):
    biased = frame[frame["model"] != FLAT]
    expected = [effective_memory(linear_rnn_lag_weights(6, nu_w)) for nu_w in biased["nu_w"]]
    assert biased["prior_memory"].tolist() == expected
    assert frame["prior_memory"].iloc[-1] == effective_memory(np.ones(6))


@pytest.mark.parametrize("nu_w", [0.1, 0.6])
def test_errors_are_those_of_predictions_made_by_hand(frame, nu_w):
    y = short_memory()
    windows = np.lib.stride_tricks.sliding_window_view(y[:-1], 6)
    targets = y[6:]
    models = {
        RNN: LinearRNNRegressor(
            200, nu_w=nu_w, init="centered", max_iter=60, dtype="float32", random_state=0
        ),
        LIMIT: NTKConvRegressor(nu_w, alpha=0.0, n_steps=60),
        FLAT: WeightedConv1DRegressor("flat", max_iter=60),
    }
    for name, model in models.items():
        errors = []
        for train, test in TimeSeriesSplit(3).split(windows):
            level, unit = windows[train].mean(), windows[train].std()
            target_level, target_unit = targets[train].mean(), targets[train].std()
            model.fit(
                (windows[train] - level) / unit, (targets[train] - target_level) / target_unit
            )
            prediction = model.predict((windows[test] - level) / unit)
            errors.append(targets[test] - (prediction * target_unit + target_level))
        found = frame[(frame["model"] == name) & (frame["nu_w"].isin([nu_w]) | (name == FLAT))]
        rmse = np.sqrt(np.mean(np.concatenate(errors) ** 2))
        assert found["rmse"].item() == pytest.approx(rmse, rel=1e-6)


def test_a_long_memory_is_costly_for_a_strong_bias_and_less_for_a_weak_one():
    u, y = delayed()
    small = {**SMALL, "nu_w": (0.1, 0.9), "n_lags": 8}
    limit = rows(memory_bias(y, u, **small), LIMIT)
    assert limit.loc[0.1, "cost"] > 1.0
    assert limit.loc[0.9, "cost"] < limit.loc[0.1, "cost"] / 2
    assert limit.loc[0.9, "fit_memory"] == 5
    assert limit.loc[0.1, "fit_memory"] < 5


def test_inputs_are_read_at_the_same_step_and_before():
    u, y = delayed(0)
    found = memory_bias(y, u, **SMALL)
    assert (found["fit_memory"] == 0).all()
    assert (found["rmse"] < 0.3).all()


def test_one_input_may_be_a_series_a_column_or_a_frame():
    u, y = delayed()
    expected = memory_bias(y, u, **SMALL)
    for other in (u[:, None], pd.Series(u), pd.DataFrame({"u": u})):
        assert_frame_equal(memory_bias(pd.Series(y), other, **SMALL), expected)


def test_the_unit_of_the_series_does_not_matter():
    y = short_memory()
    one, other = (memory_bias(v, **SMALL) for v in (y, 1e6 * y + 3e7))
    assert_allclose(other["rmse"], 1e6 * one["rmse"], rtol=1e-4)


def test_steps_that_touch_a_gap_are_left_out():
    u, y = delayed()
    broken_y, broken_u = y.copy(), u.copy()
    broken_y[50], broken_u[200] = np.nan, np.nan
    found = memory_bias(broken_y, broken_u, **SMALL)
    assert np.isfinite(found["rmse"]).all()
    later = memory_bias(np.r_[np.nan, np.nan, y], np.r_[0.0, 0.0, u], **{**SMALL, "n_lags": 1})
    assert_frame_equal(later, memory_bias(y, u, **{**SMALL, "n_lags": 1}))


def test_a_seed_gives_the_same_frame_again(frame):
    assert_frame_equal(memory_bias(short_memory(), **SMALL), frame)
    other = memory_bias(short_memory(), **SMALL, random_state=1)
    assert (rows(other, RNN)["rmse"] != rows(frame, RNN)["rmse"]).all()


def test_progress_goes_to_standard_error_alone(capsys):
    memory_bias(short_memory(60), **{**SMALL, "max_iter": 2, "n_hidden": 5}, progress=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("y", "X", "parameters", "message"),
    [
        (np.zeros((30, 2)), None, {}, r"y must have shape \(n_timesteps,\), but shape \(30, 2\)"),
        (np.zeros(30), np.zeros(29), {}, r"X must have shape \(30, n_inputs\).*\(29, 1\) came"),
        (np.zeros(30), np.zeros((30, 1, 1)), {}, r"X must have shape .*\(30, 1, 1\) came"),
        (np.zeros(30), None, {"n_lags": 0}, "n_lags=0 must lie between 1 and"),
        (np.zeros(30), None, {"n_lags": 31}, "n_lags=31 must lie between 1 and"),
        (np.zeros(30), None, {"n_lags": 25}, "n_lags=25 leaves 5 windows.*n_splits=5"),
        (np.full(30, np.nan), None, {"n_lags": 2}, "n_lags=2 leaves 0 windows"),
        (np.zeros(0), None, {}, "must lie between|needs at least"),
        (np.zeros(60), None, {"n_lags": 2, "nu_w": [-0.1]}, "'nu_w' parameter of"),
        (np.zeros(60), None, {"n_lags": 2, "nu_w": []}, "nu_w"),
        (np.zeros(60), None, {"n_lags": 2, "n_splits": 1}, "n_splits=1"),
        (np.zeros(60), None, {"n_lags": 2, "max_iter": 0}, "'(max_iter|n_steps)' parameter"),
    ],
)
def test_studies_that_cannot_be_made(y, X, parameters, message):
    with pytest.raises(ValueError, match=message):
        memory_bias(y, X, **parameters)


def test_the_sentence_says_what_the_frame_says():
    u, y = delayed()
    found = memory_bias(y, u, **{**SMALL, "nu_w": (0.9, 0.1), "n_lags": 8})
    text, rnn = describe(found, "the delay"), rows(found, RNN)
    assert text.startswith("On the delay, a linear RNN that starts at nu_w = 0.1")
    assert f"error {rnn.loc[0.1, 'cost']:.1%} above that of a convolution without bias" in text
    assert "best start here is nu_w = 0.9" in text
    assert abs(rnn.loc[0.9, "cost"]) < 0.0005, "nothing, to the digits that are printed"
    assert "with an error equal to it" in text
    assert f"lag {rnn.loc[0.9, 'fit_memory']}, against {rnn.loc[0.1, 'fit_memory']}" in text


def test_the_sentence_says_where_the_strongest_bias_is_best():
    u, y = delayed(0)
    found = memory_bias(y, u, **{**SMALL, "nu_w": [0.01, 0.9], "max_iter": 3})
    assert "No weaker bias does better here: a memory to lag 0 is enough" in describe(found, "u")


def test_the_sentence_has_no_nan_in_it():
    found = memory_bias(np.ones(60), **{**SMALL, "max_iter": 2, "n_hidden": 5})
    assert "nan" not in describe(found, "a constant")
