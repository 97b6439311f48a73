"""The study: what it measures and what it says, on series whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from sklearn.model_selection import TimeSeriesSplit

from sklearn_linrnn import (
    MemoryBiasDisplay,
    effective_memory,
    linear_rnn_lag_weights,
    memory_bias,
)
from sklearn_linrnn._studies.inference import compare
from sklearn_linrnn._studies.series import load_series
from sklearn_linrnn._studies.study_data import LAST, MEAN, SEASONAL
from sklearn_linrnn._studies.study_trials import FLAT, LIMIT, RNN, SCALED

SMALL = {
    "n_lags": 6, "nu_w": (0.1, 0.6), "n_hidden": 60, "n_seeds": 3, "max_iter": 40, "n_splits": 3,
}  # fmt: skip


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


def remembers_a_year(seed, n_timesteps=400):
    """Return a series whose only memory is at lag 12, of R^2 0.7."""
    y = np.random.default_rng(seed).normal(size=n_timesteps + 240)
    for t in range(12, len(y)):
        y[t] += 0.84 * y[t - 12]
    return y[240:]


@pytest.fixture(scope="module")
def result():
    return memory_bias(short_memory(), **SMALL)


@pytest.fixture(scope="module")
def driven():
    u, y = delayed()
    return memory_bias(y, u, **{**SMALL, "nu_w": (0.1, 0.9), "n_lags": 8, "max_iter": 100})


def rows(result, model):
    return result.table[result.table["model"] == model].set_index("nu_w")


# -- Its form ----------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_model_and_variance_then_those_without_a_model(result):
    expected = [(nu_w, model) for nu_w in SMALL["nu_w"] for model in (RNN, LIMIT, SCALED)]
    found = list(zip(result.table["nu_w"], result.table["model"], strict=True))
    assert sorted(found[:6]) == sorted(expected)
    assert result.table["model"].tolist()[6:] == [FLAT, MEAN, LAST]
    assert result.table["nu_w"][6:].isna().all()


def test_errors_have_every_model_seed_and_test_step(result):
    errors = result.errors
    assert errors.columns.names == ["model", "nu_w", "seed"]
    assert errors[RNN].shape[1] == 2 * SMALL["n_seeds"]
    tests = [test for _, test in TimeSeriesSplit(3).split(np.empty(294))]
    assert errors.index.get_level_values("part").tolist() == np.repeat([0, 1, 2], 73).tolist()
    assert (errors.index.get_level_values("time") == np.concatenate(tests) + 6).all()


def test_the_table_is_that_of_the_errors(result):
    for row in result.table.itertuples():
        losses = result.errors[row.model]
        if not np.isnan(row.nu_w):
            losses = losses[row.nu_w]
        losses = losses.to_numpy()
        assert_allclose(row.rmse, np.sqrt(losses.mean()))
        if row.model == RNN:
            assert_allclose(row.rmse_over_seeds, np.sqrt(losses.mean(axis=0)).std(ddof=1))
        flat = result.errors[FLAT].to_numpy()[:, 0]
        assert_allclose(row.p_value, compare(losses, flat, level=0.9, seed=0).p_value)


def test_costs_are_relative_to_the_flat_convolution_and_lie_in_their_intervals(result):
    table = result.table
    assert_allclose(table["cost"], table["rmse"] / rows(result, FLAT)["rmse"].item() - 1)
    assert (table["cost_low"] <= table["cost"]).all()
    assert (table["cost"] <= table["cost_high"]).all()
    flat = table[table["model"] == FLAT]
    assert flat[["cost", "cost_low", "cost_high"]].to_numpy().tolist() == [[0.0, 0.0, 0.0]]


def test_the_headline_is_that_of_the_chosen_networks(result):
    chosen = np.concatenate(
        [
            result.errors.loc[part, RNN][nu_w].to_numpy()
            for part, nu_w in result.parts["nu_w"].items()
        ]
    )
    flat = result.errors[FLAT].to_numpy()[:, 0]
    assert_allclose(result.cost, np.sqrt(chosen.mean() / flat.mean()) - 1)
    assert_allclose(result.p_value, compare(chosen, flat, level=0.9, seed=0).p_value)
    low, high = result.cost_interval
    assert low <= result.cost <= high
    for part, row in result.parts.iterrows():
        assert_allclose(row["flat_rmse"], np.sqrt(result.errors.loc[part][FLAT].mean().item()))
        assert_allclose(row["cost"], row["rmse"] / row["flat_rmse"] - 1)
    assert result.parts["n_train"].tolist() == [75, 148, 221]


def test_the_scaled_convolution_is_the_infinite_width_limit(result):
    assert_allclose(rows(result, SCALED)["rmse"], rows(result, LIMIT)["rmse"], rtol=1e-8)


def test_memories_are_those_of_the_weights(result):
    biased = result.table[result.table["nu_w"].notna()]
    expected = [effective_memory(linear_rnn_lag_weights(6, nu_w)) for nu_w in biased["nu_w"]]
    assert biased["prior_memory"].tolist() == expected
    assert rows(result, FLAT)["prior_memory"].item() == effective_memory(np.ones(6))


def test_the_gap_is_that_of_a_network_and_its_limit_alone(result):
    table = result.table
    assert np.isfinite(rows(result, RNN)["gap"].astype(float)).all()
    assert table.loc[table["model"] != RNN, ["gap", "is_lazy"]].isna().all(axis=None)


def test_the_curve_begins_where_nothing_is_learned_and_ends_where_all_is(result):
    curve = result.curve.set_index(["model", "nu_w"])
    assert (curve.groupby(level="model").size() == [21, 42]).all()
    ends = result.curve[result.curve["n_iter"] == 2**20]
    assert_allclose(ends["cost"], 0, atol=1e-4)


def test_a_seed_gives_the_same_again(result):
    assert_frame_equal(memory_bias(short_memory(), **SMALL).table, result.table)
    other = memory_bias(short_memory(), **SMALL, random_state=1)
    assert (rows(other, RNN)["rmse"] != rows(result, RNN)["rmse"]).all()
    assert_allclose(rows(other, LIMIT)["rmse"], rows(result, LIMIT)["rmse"])


def test_the_unit_of_the_series_does_not_matter(result):
    other = memory_bias(1e6 * short_memory() + 3e7, **SMALL)
    assert_allclose(other.table["rmse"], 1e6 * result.table["rmse"], rtol=1e-4)
    assert other.verdict == result.verdict


def test_one_input_may_be_a_series_a_column_or_a_frame():
    u, y = delayed(n_timesteps=80)
    tiny = {**SMALL, "n_hidden": 5, "max_iter": 2}
    expected = memory_bias(y, u, **tiny).table
    for other in (u[:, None], pd.Series(u), pd.DataFrame({"u": u})):
        assert_frame_equal(memory_bias(pd.Series(y), other, **tiny).table, expected)


def test_a_variance_that_is_named_twice_counts_once():
    tiny = {**SMALL, "n_hidden": 5, "max_iter": 2}
    once, twice = (
        memory_bias(short_memory(60), **{**tiny, "nu_w": nu_w}).table
        for nu_w in ([0.3], [0.3, 0.3])
    )
    assert_frame_equal(once, twice)


def test_progress_goes_to_standard_error_alone(capsys):
    memory_bias(short_memory(60), **{**SMALL, "max_iter": 2, "n_hidden": 5}, progress=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("y", "X", "parameters", "message"),
    [
        (
            np.zeros((30, 2)),
            None,
            {},
            r"y must have shape \(n_timesteps,\), but got shape \(30, 2\)",
        ),
        (np.zeros(30), np.zeros(29), {}, r"X must have shape \(30, n_inputs\).*got shape \(29, 1"),
        (np.zeros(30), np.zeros((30, 1, 1)), {}, r"X must have shape .*got shape \(30, 1, 1\)"),
        (np.zeros(30), None, {"n_lags": 0}, "n_lags must be a whole number of at least 1.*got 0"),
        (
            np.zeros(30),
            None,
            {"n_lags": 31},
            "n_lags=31 needs a series of at least 32 time steps, but got 30",
        ),
        (np.zeros(30), None, {"n_lags": 25}, "n_lags=25 leaves 5 windows.*n_splits=5"),
        (np.full(30, np.nan), None, {"n_lags": 2}, "n_lags=2 leaves 0 windows"),
        (np.zeros(0), None, {}, "needs a series of at least 25 time steps, but got 0"),
        (np.zeros(60), None, {"n_lags": 2, "nu_w": [-0.1]}, "'nu_w' parameter of"),
        (np.zeros(60), None, {"n_lags": 2, "nu_w": []}, "nu_w"),
        (np.zeros(60), None, {"n_lags": 2, "n_splits": 1}, "n_splits must be .* got 1"),
        (np.zeros(60), None, {"n_lags": 2.5}, "n_lags must be .* got 2.5"),
        (np.zeros(60), None, {"n_lags": 2, "n_splits": "2"}, "n_splits must be .* got '2'"),
        (np.zeros(60), None, {"n_lags": 2, "nu_w": [[0.5]]}, "nu_w must be a number or a sequence"),
        (np.zeros(60), None, {"n_lags": 2, "nu_w": np.nan}, "nu_w contains NaN"),
        (np.zeros(60), None, {"n_lags": 2, "level": "0.9"}, "level must be within .* got '0.9'"),
        (np.zeros(60), None, {"n_lags": 2, "log": "yes"}, "log must be True or False.* got 'yes'"),
        (np.zeros(60), None, {"n_lags": 2, "random_state": -1}, "random_state: "),
        (np.full(60, np.inf), None, {"n_lags": 2}, "y contains infinity"),
        (np.zeros(60), np.full(60, np.inf), {"n_lags": 2}, "X contains infinity"),
        (np.zeros(60) + 1j, None, {"n_lags": 2}, "y must hold real numbers, but got complex128"),
        (np.arange(60) * 1e40, None, {"n_lags": 2}, "y is too large"),
        (np.arange(60) * 1e-40, None, {"n_lags": 2}, "y is too small"),
        (np.zeros(60), np.arange(60) * 1e40, {"n_lags": 2}, "X is too large"),
        (np.zeros(60), None, {"n_lags": 2, "max_iter": 0}, "max_iter must be .* got 0"),
        (np.zeros(60), None, {"n_lags": 2, "n_seeds": 0}, "n_seeds must be .* got 0"),
        (np.zeros(60), None, {"n_lags": 2, "season": 1.5}, "season must be .* got 1.5"),
        (
            np.zeros(60),
            None,
            {"n_lags": 2, "level": 90},
            r"level must be within \[0.5, 1\), but got 90",
        ),
        (np.zeros(60), None, {"n_lags": 2, "log": True}, "log=True needs a y that is positive"),
    ],
)
def test_studies_that_cannot_be_made(y, X, parameters, message):
    with pytest.raises(ValueError, match=message):
        memory_bias(y, X, **parameters)


def test_networks_beyond_memory_name_their_number():
    with pytest.raises(MemoryError, match=r"n_seeds=1000000000000 networks. Lower n_seeds"):
        memory_bias(short_memory(60), **{**SMALL, "n_seeds": 10**12})


def test_masked_values_are_missing_ones_and_times_are_no_numbers():
    y = short_memory(60)
    tiny = {**SMALL, "n_hidden": 5, "max_iter": 2}
    mask = np.arange(60) == 20
    found = memory_bias(np.ma.MaskedArray(y, mask), **tiny).errors
    expected = memory_bias(np.where(mask, np.nan, y), **tiny).errors
    assert_frame_equal(found, expected)
    with pytest.raises(TypeError, match="y must hold numbers, but got datetime64"):
        memory_bias(y.astype("datetime64[s]"), **tiny)


# -- What it finds -----------------------------------------------------------------------


def test_a_long_memory_costs_a_strong_bias_and_a_weak_one_less(driven):
    networks = rows(driven, RNN)
    assert networks.loc[0.1, "verdict"] == "costs"
    assert networks.loc[0.1, "cost"] > 1.0
    assert networks.loc[0.9, "cost"] < networks.loc[0.1, "cost"] / 2
    assert (driven.parts["nu_w"] == 0.9).all(), "chosen on held-out steps"


def test_the_data_know_the_memory_that_they_need(driven):
    flat = rows(driven, FLAT)
    assert flat[["fit_memory", "memory_low", "memory_high"]].to_numpy().tolist() == [[5, 5, 5]]


def test_inputs_are_read_at_the_same_step_and_before():
    u, y = delayed(0)
    found = rows(memory_bias(y, u, **SMALL), FLAT)
    assert found["fit_memory"].item() == 0
    assert found["rmse"].item() < 0.2


def test_a_flat_convolution_with_too_few_data_is_helped_by_a_bias():
    rng = np.random.default_rng(3)
    x = rng.normal(size=120)
    y = x + rng.normal(size=120)  # no memory at all
    found = memory_bias(y, x, **{**SMALL, "n_lags": 24, "nu_w": 0.05, "max_iter": 300})
    assert found.verdict == "helps"
    assert found.cost_interval[1] < 0


def test_of_noise_there_is_nothing_to_learn():
    found = memory_bias(np.random.default_rng(0).normal(size=200), **SMALL)
    assert found.verdict == "nothing to learn"
    assert "there is nothing to learn" in found.summary
    assert "cost" not in found.summary


def test_of_a_constant_there_is_nothing_to_learn():
    found = memory_bias(np.ones(60), **{**SMALL, "max_iter": 2, "n_hidden": 5})
    assert found.verdict == "nothing to learn"
    assert "nan" not in found.summary


def test_of_a_season_a_model_must_know_more_than_the_season():
    steps = np.arange(240)
    y = np.tile(np.random.default_rng(0).normal(size=12), 20) + 1e-6 * np.sin(steps)
    found = memory_bias(y, season=12, **{**SMALL, "max_iter": 3})
    assert SEASONAL in found.table["model"].tolist()
    assert found.verdict == "nothing to learn"
    assert "than the seasonal last value" in found.summary


# -- What it says ------------------------------------------------------------------------


def test_the_sentences_have_the_numbers_of_the_table(driven):
    assert driven.summary.startswith("On this series")
    assert "nu_w chosen inside each training part (0.9, 0.9 and 0.9)" in driven.summary
    row = rows(driven, RNN).loc[0.1]
    assert f"it costs at 0.1: {100 * row['cost']:+.0f} % (" in driven.summary
    assert "the data support a memory to lag 5 (90%)" in driven.summary


def test_a_verdict_that_hangs_on_one_part_says_so():
    rng = np.random.default_rng(0)
    u = rng.normal(size=400)
    y = np.where(np.arange(400) < 300, u, 4 * np.roll(u, 5)) + 0.3 * rng.normal(size=400)
    found = memory_bias(y, u, **{**SMALL, "n_lags": 8, "nu_w": 0.1, "n_seeds": 2})
    hangs = (found.parts["verdict_without"] != found.verdict).any()
    assert ("One part makes this result" in found.summary) == (
        hangs and found.verdict in ("costs", "helps")
    )


def test_a_series_that_grows_is_offered_logarithms_and_differences_and_none_is_taken_in_silence():
    steps = np.arange(200)
    noise = np.random.default_rng(0).normal(size=200)
    y = np.exp(0.03 * steps + 0.1 * np.sin(steps / 2) + 0.05 * noise)
    tiny = {**SMALL, "max_iter": 5, "n_hidden": 5}
    plain = memory_bias(y, **tiny)
    assert "--log" in plain.summary
    assert "--difference" in plain.summary
    assert_allclose(plain.data.targets, y[6:])
    treated = memory_bias(y, log=True, difference=True, **tiny)
    assert "--" not in treated.summary
    assert_allclose(treated.data.targets, np.diff(np.log(y))[6:])
    assert "--" not in memory_bias(short_memory(), **tiny).summary


def test_the_result_shows_its_verdict(result):
    assert result.verdict in repr(result)
    assert result.summary in repr(result)


# -- Pictures ----------------------------------------------------------------------------


def test_the_display_has_the_numbers_of_the_table(result):
    frame = MemoryBiasDisplay.from_result(result).frame()
    networks, limits = rows(result, RNN), rows(result, LIMIT)
    assert frame["nu_w"].tolist() == list(SMALL["nu_w"])
    assert_allclose(frame["cost"], networks["cost"])
    assert_allclose(frame["limit"], limits["cost"])


def test_the_pictures_draw_those_numbers(result):
    plt = pytest.importorskip("matplotlib.pyplot")
    display = result.plot()
    cost, memory, curve = display.axes_
    assert all(ax.get_xlabel() and ax.get_ylabel() and ax.get_legend() for ax in display.axes_)
    points = cost.containers[0].lines[0]
    assert_allclose(points.get_ydata().astype(float), 100 * display.frame()["cost"])
    assert_allclose(memory.lines[0].get_ydata(), display.frame()["prior_memory"])
    assert_allclose(
        curve.lines[0].get_ydata(), 100 * result.curve["cost"][result.curve["nu_w"] == 0.1]
    )
    _, axes = plt.subplots(1, 3)
    assert result.plot(axes).figure_ is axes[0].figure
    with pytest.raises(ValueError, match="ax must be three axes, but got 2"):
        result.plot(axes[:2])
    plt.close("all")


# -- Whether it can be believed ----------------------------------------------------------


@pytest.mark.slow
def test_white_noise_is_hardly_ever_told_to_cost_or_to_help():
    small = {"nu_w": (0.1, 0.9), "n_hidden": 64, "n_seeds": 3, "max_iter": 60}
    series = (np.random.default_rng(seed).normal(size=400) for seed in range(200))
    verdicts = pd.Series([memory_bias(y, **small).verdict for y in series])
    assert verdicts.isin(["costs", "helps"]).sum() <= 0.15 * 200
    assert (verdicts == "nothing to learn").mean() > 0.9


@pytest.mark.slow
def test_a_memory_of_twelve_steps_is_told_to_cost():
    series = (remembers_a_year(seed) for seed in range(50))
    verdicts = [memory_bias(y, nu_w=0.1, n_hidden=64).verdict for y in series]
    assert verdicts.count("costs") >= 0.9 * 50


@pytest.mark.slow
def test_airline_is_told_what_a_block_bootstrap_by_hand_tells():
    y = load_series("airline").target
    found = memory_bias(y, nu_w=(0.1, 0.9), n_seeds=3)
    verdicts = rows(found, RNN)["verdict"]
    assert verdicts.to_dict() == {0.1: "costs", 0.9: "no difference"}
    losses = found.errors[RNN][0.1].to_numpy().mean(axis=1)
    flat = found.errors[FLAT].to_numpy()[:, 0]
    rng, n, block = np.random.default_rng(0), len(flat), 12
    starts = rng.integers(n, size=(2000, -(-n // block)))
    steps = ((starts[..., None] + np.arange(block)) % n).reshape(2000, -1)[:, :n]
    costs = np.sqrt(losses[steps].mean(axis=1) / flat[steps].mean(axis=1)) - 1
    assert np.quantile(costs, 0.05) > 0
