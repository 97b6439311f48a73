"""The benchmark and its command: what it measures, what it keeps, and what it says."""

import re
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from pandas.testing import assert_frame_equal
from rich.console import Console
from sklearn.linear_model import Ridge
from sktime.datasets import load_airline
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.theta import ThetaForecaster
from sktime.forecasting.trend import TrendForecaster

from sklearn_linrnn.__main__ import BENCHMARKED, main
from sklearn_linrnn._studies import benchmark as module
from sklearn_linrnn._studies.benchmark import (
    Benchmark,
    Protocol,
    make_forecasters,
    make_task,
    open_results,
)
from sklearn_linrnn._studies.benchmark_report import describe_protocol, make_tables, rank
from sklearn_linrnn._studies.series import load_series
from sklearn_linrnn.forecasting import LagForecaster

PEERS = {"Naive": NaiveForecaster, "Trend": TrendForecaster}
SMALL = ("--horizon", 2, "--folds", 2, "--lags", 3)


def run(*arguments):
    return CliRunner().invoke(main, ["benchmark", *map(str, arguments)])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run every test in an empty folder, in a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def peers(monkeypatch):
    """Let two forecasters compete that cost nothing; return who was made, in order."""
    made = []

    def make(task, name):
        made.append((task.name, name))
        return PEERS[name]()

    def make_peers(task, horizon, n_lags):
        return {name: partial(make, task, name) for name in PEERS}

    monkeypatch.setattr(module, "make_forecasters", make_peers)
    return made


@pytest.fixture
def failing(peers, monkeypatch):
    """Let one more compete that raises what the list has; an empty list raises nothing."""
    errors = []

    class Failing(NaiveForecaster):
        def _fit(self, y, X, fh):
            if errors:
                raise errors[-1]
            return super()._fit(y, X, fh)

    monkeypatch.setitem(PEERS, "Failing", Failing)
    return errors


def write(path, **columns):
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def scaled_error(forecaster, y, protocol):
    """Return the mean scaled error over the folds, computed here."""
    errors = []
    for fold in range(protocol.folds):
        end = len(y) - (protocol.folds - fold) * protocol.horizon
        start = fold * protocol.horizon if protocol.window == "sliding" else 0
        train, test = y.iloc[start:end], y.iloc[end : end + protocol.horizon]
        found = forecaster.clone().fit(train, fh=range(1, protocol.horizon + 1)).predict()
        scale = np.abs(np.diff(train)).mean()
        errors.append(np.abs(found.to_numpy() - test.to_numpy()).mean() / scale)
    return np.mean(errors), np.std(errors, ddof=1)


@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_errors_are_those_of_forecasts_made_by_hand(peers, window):
    protocol, y = Protocol(6, 4, window), load_airline()
    benchmark = Benchmark([make_task("airline", y, None, protocol)], protocol, [])
    results = open_results(None)
    assert list(benchmark.run(results)) == []
    frame = benchmark.collect(results).set_index("forecaster")
    for name, make in PEERS.items():
        mean, deviation = scaled_error(make(), y, protocol)
        assert frame.loc[name, "mase"] == pytest.approx(mean, rel=1e-9)
        assert frame.loc[name, "mase_std"] == pytest.approx(deviation, rel=1e-9)
    assert (frame["season"] == 12).all()
    assert (frame["window"] == window).all()


def test_all_forecasters_run_and_are_ranked(folder):
    rng = np.random.default_rng(0)
    path = write(folder / "waves.csv", y=10 + np.sin(np.arange(60)) + 0.1 * rng.normal(size=60))
    before = torch.random.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run(path.name, *SMALL)
    assert result.exit_code == 0, result.output
    assert torch.equal(torch.random.get_rng_state(), before)
    lines = [line for line in result.stdout.splitlines() if line.startswith("│")]
    names = [line.split("│")[2].strip() for line in lines]
    ours = {"NTKConv", "WeightedConv1D", "LinearRNN"}
    assert {"Naive", "Theta", "AutoETS", "Ridge 3", "NLinear 3"} | ours == set(names)
    ranks = [float(line.split("│")[1]) for line in lines]
    assert ranks == sorted(ranks)
    assert "8 of 8 results are in benchmark.csv." in result.stdout
    assert "failed" not in result.stdout
    frame = pd.read_csv("benchmark.csv")
    assert set(frame["forecaster"]) == set(names)
    assert np.isfinite(frame["mase"]).all()
    assert frame.set_index("forecaster").loc["NTKConv", "mase"] < 0.5


def test_the_neural_peer_is_seeded():
    protocol = Protocol(2, 2)
    y = pd.Series(np.random.default_rng(0).normal(size=40))
    task = make_task("noise", y, None, protocol)
    make = make_forecasters(task, 2, [3])["NLinear 3"]
    one, other = (module._score(task, protocol, "NLinear", make)["mase"] for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("low", "deseasonalised"), [(1.0, True), (0.0, False), (-1.0, False)])
def test_peers_are_told_the_season_as_far_as_they_can_use_it(low, deseasonalised):
    index = pd.period_range("2000-01", periods=60, freq="M")
    y = pd.Series(np.linspace(low, 5.0, 60), index=index)
    makers = make_forecasters(make_task("y", y, None, Protocol(2, 2)), 2, [3])
    assert makers["Naive"]().sp == makers["Theta"]().sp == makers["AutoETS"]().sp == 12
    assert makers["Theta"]().deseasonalize is deseasonalised
    assert makers["Ridge 3"]().get_params(deep=False) == make_reduction(
        makers["Ridge 3"]().estimator, window_length=3
    ).get_params(deep=False)
    assert isinstance(makers["Ridge 3"]().estimator, Ridge)
    long = make_task("y", pd.Series(range(200), dtype=float), 48, Protocol(2, 2))
    assert make_forecasters(long, 2, [])["AutoETS"]().sp == 1
    assert make_forecasters(long, 2, [])["Naive"]().sp == 48


@pytest.mark.parametrize(
    ("name", "season"), [("airline", 12), ("lynx", 1), ("pbs", 12), ("solar", 48), ("uschange", 4)]
)
def test_bundled_series_are_tasks(name, season):
    assert name in BENCHMARKED
    task = make_task(name, load_series(name).target, None, Protocol())
    assert task.season == season
    assert task.y.notna().all()


def test_missing_ends_of_a_series_are_cut_off():
    y = pd.Series([np.nan, np.nan, *range(30), np.nan])
    assert make_task("y", y, None, Protocol(2, 2)).y.tolist() == list(range(30))


def test_running_again_goes_on(peers):
    first = run("airline", *SMALL)
    assert peers == [("airline", "Naive"), ("airline", "Trend")]
    again = run("lynx", "Airline", "airline", *SMALL)
    assert peers[2:] == [("lynx", "Naive"), ("lynx", "Trend")]
    assert first.exit_code == again.exit_code == 0
    assert "4 of 4 results are in benchmark.csv." in again.stdout
    assert len(pd.read_csv("benchmark.csv")) == 4


def test_overwriting_starts_anew(peers):
    run("airline", "lynx", *SMALL)
    run("airline", *SMALL, "--overwrite")
    assert peers == [("airline", "Naive"), ("airline", "Trend"), ("lynx", "Naive"),
                     ("lynx", "Trend"), ("airline", "Naive"), ("airline", "Trend")]  # fmt: skip
    assert len(pd.read_csv("benchmark.csv")) == 2


@pytest.mark.parametrize(
    "other",
    [("--horizon", 3), ("--folds", 3), ("--window", "sliding"), ("--season", 4)],
)
def test_a_result_of_another_protocol_is_another_result(peers, other):
    options = {"--horizon": 2, "--folds": 2}
    run("airline", *SMALL)
    result = run("airline", *(x for pair in {**options, other[0]: other[1]}.items() for x in pair))
    assert result.exit_code == 0, result.output
    assert len(peers) == 4
    assert len(pd.read_csv("benchmark.csv")) == 4


def test_a_file_whose_values_changed_is_another_series(peers, folder):
    for last in (1.0, 2.0, 2.0):
        write(folder / "y.csv", y=[*range(30), last])
        run("y.csv", *SMALL)
    assert len(peers) == 4


def test_the_dated_airline_from_a_file_has_the_scores_that_it_has_by_name(folder, monkeypatch):
    monkeypatch.setattr(
        module,
        "make_forecasters",
        lambda task, *_: {
            "Naive": partial(NaiveForecaster, sp=task.season),
            "Theta": partial(ThetaForecaster, sp=task.season),
        },
    )
    load_airline().to_timestamp().rename_axis("Month").to_csv(folder / "dated.csv")
    result = run("airline", "dated.csv", *SMALL)
    assert result.exit_code == 0, result.output
    frame = pd.read_csv("benchmark.csv").set_index(["series", "forecaster"])
    assert (frame["season"] == 12).all()
    scores = frame[["mase", "mase_std"]]
    assert_frame_equal(scores.loc["dated.csv"], scores.loc["airline"])


class Threefold(NaiveForecaster):
    """Forecasts three times the only input."""

    _tags = {"capability:exogenous": True}

    def _predict(self, fh, X):
        ahead = fh.to_absolute_index(self.cutoff)
        return (3 * X.loc[ahead].iloc[:, 0]).rename(self._y.name)


def test_inputs_are_known_ahead_and_who_takes_none_is_left_out(peers, folder, monkeypatch):
    monkeypatch.setitem(PEERS, "Threefold", Threefold)
    u = np.random.default_rng(0).normal(size=80)
    write(folder / "driven.csv", y=3 * u, u=u)
    result = run("driven.csv", "--target", "y", "--inputs", "u", *SMALL)
    assert result.exit_code == 0, result.output
    assert "Naive is left out: it takes no inputs." in result.stdout
    assert "1 of 1 results" in result.stdout
    row = pd.read_csv("benchmark.csv").iloc[0]
    assert (row["forecaster"], row["mase"]) == ("Threefold", 0.0)
    assert (row["target"], row["inputs"]) == ("y", "u")
    monkeypatch.delitem(PEERS, "Threefold")
    assert "2 of 2 results" in run("driven.csv", "--target", "y", *SMALL).stdout
    assert len(pd.read_csv("benchmark.csv")) == 3


def test_a_row_says_what_it_was_made_with(folder, monkeypatch):
    makers = {"Naive": partial(NaiveForecaster, sp=4)}
    monkeypatch.setattr(module, "make_forecasters", lambda *_: makers)
    write(folder / "y.csv", day=pd.date_range("2024-01-01", periods=40), y=np.arange(40) % 7 + 0.5)
    result = run("y.csv", *SMALL)
    assert result.exit_code == 0, result.output
    row = pd.read_csv("benchmark.csv", keep_default_na=False).iloc[0]
    assert (row["target"], row["inputs"], row["season"]) == ("y", "", 7)
    assert row["settings"] == "NaiveForecaster(sp=4)"
    assert re.fullmatch(r"sklearn-linrnn \S+, sktime \S+", row["versions"])


def test_inputs_with_a_gap_are_refused(peers, folder):
    write(folder / "y.csv", y=np.arange(40.0), u=[1.0] * 20 + [None] + [2.0] * 19)
    result = run("y.csv", "--target", "y", "--inputs", "u", *SMALL)
    assert "but 1 of 40 of u are missing, the first at 20" in result.stderr


def test_all_stacked_series_of_a_file(peers, folder):
    times = list(pd.date_range("2024-01-01", periods=40))
    noise = np.random.default_rng(0).normal(size=80)
    write(folder / "sites.csv", site=["A"] * 40 + ["B"] * 40, day=times * 2, y=noise)
    result = run("sites.csv", "--id", "site", *SMALL)
    assert result.exit_code == 0, result.output
    assert set(pd.read_csv("benchmark.csv")["series"]) == {"sites.csv A", "sites.csv B"}


def test_two_commands_on_one_file_keep_each_others_rows(peers):
    protocol = Protocol(2, 2)
    tasks = {name: make_task(name, load_series(name).target, None, protocol)
             for name in ("airline", "lynx")}  # fmt: skip
    path = Path("benchmark.csv")
    files = {name: open_results(path) for name in tasks}
    for name, task in tasks.items():
        assert list(Benchmark([task], protocol, []).run(files[name])) == []
    assert len(Benchmark(list(tasks.values()), protocol, []).collect(open_results(path))) == 4


def test_files_of_one_name_in_two_folders_are_two_series(peers, folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        write(folder / name / "y.csv", y=np.random.default_rng(len(name)).normal(size=30).cumsum())
    result = run("one/y.csv", "two/y.csv", *SMALL)
    assert result.exit_code == 0, result.output
    assert "one/y.csv" in result.stdout
    assert "two/y.csv" in result.stdout


def test_a_forecaster_that_fails_is_named_and_tried_again(peers, failing):
    failing.append(RuntimeError("no [bold] idea\nat all"))
    result = run("airline", *SMALL)
    assert result.exit_code == 0
    assert result.stdout.count("Failing failed on airline: RuntimeError: no [bold] idea\n") == 1
    assert "2 of 3 results are in benchmark.csv." in result.stdout
    assert "no [bold]" not in result.stderr
    failing.clear()
    assert "3 of 3 results are in benchmark.csv." in run("airline", *SMALL).stdout
    assert peers[3:] == [("airline", "Failing")]


def test_a_benchmark_where_all_fail_says_so(peers, failing, monkeypatch):
    monkeypatch.delitem(PEERS, "Naive")
    monkeypatch.delitem(PEERS, "Trend")
    failing.append(RuntimeError("no idea"))
    result = run("airline", *SMALL)
    assert "Failing failed on airline: RuntimeError: no idea" in result.stdout
    assert "0 of 1 results" in result.stdout


def test_an_interrupt_loses_nothing_that_was_done(peers, failing):
    failing.append(KeyboardInterrupt())
    result = run("airline", "lynx", *SMALL)
    assert result.exit_code == 130
    assert "2 of 6 results are in benchmark.csv." in result.stdout
    assert "Trend" in result.stdout
    assert "the same command goes on" in result.stderr
    failing.clear()
    assert "6 of 6 results" in run("airline", "lynx", *SMALL).stdout
    assert peers[3:] == [("airline", "Failing"), *[("lynx", name) for name in PEERS]]


def results_of(errors):
    """Return a frame of results from errors by series and forecaster."""
    return pd.DataFrame(
        [
            {"series": series, "forecaster": name, "mase": error, "fit_seconds": 1.0}
            for series, by_name in errors.items()
            for name, error in by_name.items()
        ]
    )


def test_the_ranking_is_by_mean_rank_and_a_missing_result_is_the_last():
    frame = results_of({"a": {"x": 1.0, "y": 2.0, "z": 3.0}, "b": {"x": 9.0, "y": 0.1}})
    ranking = rank(frame)
    assert ranking["rank"].to_dict() == {"x": 1.5, "y": 1.5, "z": 3.0}
    assert np.isnan(ranking.loc["z", "b"])
    assert_frame_equal(
        ranking[["a", "b"]],
        frame.pivot(index="forecaster", columns="series", values="mase"),
        check_names=False,
    )


def test_many_series_make_several_tables_that_fit_into_80_columns(peers, folder):
    names = [f"a_series_of_a_long_name_{i}.csv" for i in range(7)]
    for i, name in enumerate(names):
        write(folder / name, y=1000.0 * np.random.default_rng(i).normal(size=30))
    result = run(*names, *SMALL)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("forecaster") == 2
    tables = [line for line in result.stdout.splitlines() if line[:1] in "┏┃┡│└"]
    assert max(map(len, tables)) <= 80


def test_the_longest_names_of_the_default_series_fit_into_80_columns(capsys):
    makers = make_forecasters(make_task("y", load_airline(), None, Protocol()), 12, (12, 24))
    frame = results_of({name: dict.fromkeys(makers, 12.345) for name in BENCHMARKED})
    (table,) = make_tables(frame)
    Console(width=80).print(table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(name in line for line in lines) for name in [*makers, *BENCHMARKED])
    assert len(lines) == len(makers) + 4, "no heading and no name is folded"


def test_numbers_that_are_large_or_missing_stay_narrow(capsys):
    frame = results_of({"a": {"x": 5.1288e14, "y": 9999.0, "z": 1.0}, "b": {"x": 1.0, "y": 2.0}})
    Console(width=80).print(*make_tables(frame))
    cells = [line.split("│")[2:5] for line in capsys.readouterr().out.splitlines() if "│" in line]
    found = {name.strip(): (a.strip(), b.strip()) for name, a, b in cells}
    assert found == {"x": ("5.1e+14", "1.000"), "y": ("9999.000", "2.000"), "z": ("1.000", "-")}


@pytest.mark.parametrize(
    ("protocol", "text"),
    [
        (Protocol(1, 1), "1 step ahead, 1 fold, expanding window"),
        (Protocol(12, 5, "sliding"), "1 to 12 steps ahead, 5 folds, sliding window"),
    ],
)
def test_the_title_says_the_protocol(protocol, text):
    assert describe_protocol(protocol).endswith(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["airplane"], "'airplane' is neither a file nor one of"),
        (["airline", "--target", "fuel"], "airline has no column of numbers called 'fuel'"),
        (["macroeconomic"], "target must say which column of macroeconomic"),
        (["airline", "--folds", "30"], "--horizon 12 and --folds 30 leave 0 before the first test"),
        (["airline", "--season", "60"], "a --season of 60 and this horizon need 120"),
        (["airline", "--horizon", "0"], "0 is not in the range x>=1"),
        (["airline", "--window", "rolling"], "'rolling' is not one of"),
        (["airline", "--lags"], "'--lags' requires an argument"),
        (["airline", "--csv", "no/folder.csv"], "there is no folder 'no'"),
        (["airline", "--csv", "gaps.csv"], "gaps.csv is not a file of results"),
        (["airline", "--csv", "gaps.csv", "--overwrite"], "gaps.csv is not a file of results"),
        (["gaps.csv"], "gaps.csv must have a value at every step, but 2 of 60 of y are missing"),
        (["empty.csv"], "empty.csv has no column of numbers"),
    ],
)
def test_wrong_arguments_give_one_line_before_any_work(peers, folder, arguments, message):
    values = np.arange(60.0)
    values[[20, 30]] = np.nan
    write(folder / "gaps.csv", y=values)
    write(folder / "empty.csv", y=np.full(60, np.nan))
    before = (folder / "gaps.csv").read_bytes()
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert message in result.stderr.splitlines()[-1]
    assert peers == []
    assert (folder / "gaps.csv").read_bytes() == before
    assert not (folder / "benchmark.csv").exists()


def test_its_help_fits_into_80_columns():
    result = run("--help")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.slow
def test_the_closed_form_beats_ridge_at_windows_of_one_and_two_years_of_months():
    protocol = Protocol(12, 5)
    for name in ("airline", "pbs"):
        task = make_task(name, load_series(name).target, None, protocol)
        ridges = [partial(make_reduction, Ridge(), window_length=length) for length in (12, 24)]
        error, *theirs = [
            module._score(task, protocol, "it", make)["mase"] for make in [LagForecaster, *ridges]
        ]
        assert error < min(theirs)
