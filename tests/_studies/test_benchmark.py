"""The benchmark and its command: what it measures, what it keeps, and what it says."""

import re
import warnings
from functools import partial
from itertools import takewhile
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
from sklearn_linrnn._studies.benchmark import Benchmark, open_results
from sklearn_linrnn._studies.benchmark_report import (
    describe_protocol,
    make_tables,
    pool_coverage,
    rank,
)
from sklearn_linrnn._studies.benchmark_task import Protocol, make_task
from sklearn_linrnn._studies.competitors import make_forecasters, takes_inputs
from sklearn_linrnn._studies.series import load_series
from sklearn_linrnn.forecasting import LagForecaster

PEERS = {"Naive": NaiveForecaster, "Trend": TrendForecaster}  # of intervals and of none
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


def table_of(text):
    """Return the rows of the ranking by forecaster, each by its heading."""
    lines = iter(text.splitlines())
    heading = next(line for line in lines if line.startswith("rank ")).replace("in 90%", "in_90%")
    next(lines)
    names = [name.replace("_", " ") for name in heading.split()]
    rows = [re.split(r" {2,}", line.strip()) for line in takewhile(bool, lines)]
    return {row[1]: dict(zip(names, row, strict=True)) for row in rows}


def error_of(task, protocol, make):
    """Return the scaled error of a forecaster."""
    found, _ = module._score(task, protocol, "it", make)
    return found["mase"]


def scaled_error(forecaster, y, protocol):
    """Return mean and deviation over the folds of scaled error and coverage, computed here."""
    errors, shares = [], []
    for fold in range(protocol.folds):
        end = len(y) - (protocol.folds - fold) * protocol.horizon
        start = fold * protocol.horizon if protocol.window == "sliding" else 0
        train, test = y.iloc[start:end], y.iloc[end : end + protocol.horizon]
        fitted = forecaster.clone().fit(train, fh=range(1, protocol.horizon + 1))
        scale = np.abs(np.diff(train)).mean()
        errors.append(np.abs(fitted.predict().to_numpy() - test.to_numpy()).mean() / scale)
        if forecaster.get_tag("capability:pred_int"):
            low, high = fitted.predict_interval(coverage=0.9).to_numpy().T
            shares.append(np.mean((low <= test.to_numpy()) & (test.to_numpy() <= high)))
        else:
            shares.append(np.nan)
    return [statistic(values) for values in (errors, shares) for statistic in (np.mean, deviation)]


def deviation(values):
    return np.std(values, ddof=1)


@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_errors_are_those_of_forecasts_made_by_hand(peers, window):
    protocol, y = Protocol(6, 4, window), load_airline()
    benchmark = Benchmark([make_task("airline", y, None, protocol)], protocol, [])
    results = open_results(None)
    assert list(benchmark.run(results)) == []
    frame = benchmark.collect(results).set_index("forecaster")
    for name, make in PEERS.items():
        found = frame.loc[name, ["mase", "mase_std", "coverage", "coverage_std"]].tolist()
        assert found == pytest.approx(scaled_error(make(), y, protocol), rel=1e-9, nan_ok=True)
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
    rows = table_of(result.stdout)
    ours = {"AutoLag", "NTKConv", "WeightedConv1D", "LinearRNN"}
    naive = {"Persistence", "SeasonalNaive"}
    assert {"Theta", "AutoETS", "Ridge 3", "NLinear 3"} | naive | ours == set(rows)
    ranks = [float(row["rank"]) for row in rows.values()]
    assert ranks == sorted(ranks)
    assert "10 of 10 results are in benchmark.csv." in result.stdout
    assert " failed on waves.csv" not in result.stdout.replace("The interval of AutoETS failed", "")
    frame = pd.read_csv("benchmark.csv").set_index("forecaster")
    assert set(frame.index) == set(rows)
    assert np.isfinite(frame["mase"]).all()
    assert frame.loc["NTKConv", "mase"] < 0.5
    assert frame.loc["Persistence", "mase"] == frame.loc["SeasonalNaive", "mase"], "no season"
    with_intervals = {*ours, *naive, "Theta"}
    assert frame.loc[list(with_intervals), "coverage"].between(0, 1).all()
    assert frame.loc[["Ridge 3", "NLinear 3"], "coverage"].isna().all()
    for name, row in rows.items():
        assert (row["in 90%"] == "-") == np.isnan(frame.loc[name, "coverage"])


def test_the_neural_peer_is_seeded():
    protocol = Protocol(2, 2)
    y = pd.Series(np.random.default_rng(0).normal(size=40))
    task = make_task("noise", y, None, protocol)
    make = make_forecasters(task, 2, [3])["NLinear 3"]
    one, other = (error_of(task, protocol, make) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("low", "deseasonalised"), [(1.0, True), (0.0, False), (-1.0, False)])
def test_peers_are_told_the_season_as_far_as_they_can_use_it(low, deseasonalised):
    index = pd.period_range("2000-01", periods=60, freq="M")
    y = pd.Series(np.linspace(low, 5.0, 60), index=index)
    makers = make_forecasters(make_task("y", y, None, Protocol(2, 2)), 2, [3])
    told = ("AutoLag", "SeasonalNaive", "Theta", "AutoETS")
    assert {makers[name]().sp for name in told} == {12}
    assert makers["Persistence"]().sp == 1
    assert makers["Theta"]().deseasonalize is deseasonalised
    assert makers["Ridge 3"]().get_params(deep=False) == make_reduction(
        makers["Ridge 3"]().estimator, window_length=3
    ).get_params(deep=False)
    assert isinstance(makers["Ridge 3"]().estimator, Ridge)
    long = make_task("y", pd.Series(range(200), dtype=float), 48, Protocol(2, 2))
    assert make_forecasters(long, 2, [])["AutoETS"]().sp == 1
    assert make_forecasters(long, 2, [])["SeasonalNaive"]().sp == 48


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


def test_inputs_are_known_ahead_and_who_takes_none_sees_the_past_alone(peers, folder, monkeypatch):
    monkeypatch.setitem(PEERS, "Threefold", Threefold)
    u = np.random.default_rng(0).normal(size=80)
    write(folder / "driven.csv", y=3 * u, u=u)
    result = run("driven.csv", "--target", "y", "--inputs", "u", *SMALL)
    assert result.exit_code == 0, result.output
    assert "because they take no inputs: Naive and Trend." in " ".join(result.stdout.split())
    assert "3 of 3 results" in result.stdout
    frame = pd.read_csv("benchmark.csv", keep_default_na=False).set_index("forecaster")
    assert frame["inputs"].to_dict() == {"Naive": "", "Trend": "", "Threefold": "u"}
    assert set(frame["target"]) == {"y"}
    assert frame.loc["Threefold", "mase"] == 0.0
    monkeypatch.delitem(PEERS, "Threefold")
    again = run("driven.csv", "--target", "y", *SMALL)
    assert "2 of 2 results" in again.stdout
    assert "no inputs" not in again.stdout
    assert len(pd.read_csv("benchmark.csv")) == 3, "what has no inputs is one result"


def test_all_that_take_inputs_are_better_with_those_that_tell_the_future():
    u = np.random.default_rng(0).normal(size=(60, 1))
    y = pd.Series(2.0 * u[:, 0] + np.concatenate([[0.0], u[:-1, 0]]))
    protocol = Protocol(2, 2)
    task = make_task("driven", y, None, protocol, pd.DataFrame(u, columns=["u"]))
    makers = make_forecasters(task, 2, [3])
    able = {name for name, make in makers.items() if takes_inputs(make)}
    assert able == {"NTKConv", "WeightedConv1D", "LinearRNN", "Ridge 3"}
    for name in ("NTKConv", "WeightedConv1D"):
        with_inputs = error_of(task, protocol, makers[name])
        assert with_inputs < 0.5 * error_of(task.without_inputs(), protocol, makers[name])


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
            {
                "series": series,
                "forecaster": name,
                "mase": error,
                "fit_seconds": 1.0,
                "folds": 5,
                "coverage": 0.5,
                "coverage_std": 0.3,
            }
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


@pytest.mark.parametrize("folds", [1, 4])
def test_coverage_is_as_sure_as_its_folds_and_the_series_allow(folds):
    rng = np.random.default_rng(0)
    shares = {"a": rng.uniform(size=folds), "b": np.ones(folds)}
    frame = results_of({name: {"x": 1.0, "y": 2.0} for name in shares}).assign(folds=folds)
    for name, values in shares.items():
        mean, spread = values.mean(), deviation(values) if folds > 1 else np.nan
        chosen = (frame["series"] == name) & (frame["forecaster"] == "x")
        frame.loc[chosen, ["coverage", "coverage_std"]] = mean, spread
    frame.loc[frame["forecaster"] == "y", ["coverage", "coverage_std"]] = np.nan
    found = pool_coverage(frame)
    squares = [((values - values.mean()) ** 2).sum() for values in shares.values()]
    variances = [(square + 0.09) / folds / folds for square in squares]
    assert found.loc["x", "coverage"] == pytest.approx(np.mean([*map(np.mean, shares.values())]))
    assert found.loc["x", "coverage_error"] == pytest.approx(np.sqrt(sum(variances)) / 2)
    assert found.loc["y"].isna().all()


def test_an_interval_that_fails_costs_the_forecasts_nothing(peers, monkeypatch):
    class Vague(NaiveForecaster):
        def _predict_interval(self, fh, X, coverage):
            raise RuntimeError("how should I know?")

    monkeypatch.setitem(PEERS, "Vague", Vague)
    result = run("airline", *SMALL)
    assert "The interval of Vague failed on airline: RuntimeError: how should" in result.stdout
    assert "3 of 3 results" in result.stdout
    rows = table_of(result.stdout)
    assert rows["Vague"]["airline"] == rows["Naive"]["airline"]
    assert (rows["Vague"]["in 90%"], rows["Trend"]["in 90%"]) == ("-", "-")
    assert re.fullmatch(r"\d+ ± \d+", rows["Naive"]["in 90%"])
    assert "failed" not in run("airline", *SMALL).stdout, "it is a result"


def test_many_series_make_several_tables_that_fit_into_80_columns(peers, folder):
    names = [f"a_series_of_a_long_name_{i}.csv" for i in range(7)]
    for i, name in enumerate(names):
        write(folder / name, y=1000.0 * np.random.default_rng(i).normal(size=30))
    result = run(*names, *SMALL)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("forecaster") == 2
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_longest_names_of_the_default_series_fit_into_80_columns(capsys):
    makers = make_forecasters(make_task("y", load_airline(), None, Protocol()), 12, (12, 24))
    frame = results_of({name: dict.fromkeys(makers, 12.345) for name in BENCHMARKED})
    (table,) = make_tables(frame)
    Console(width=80).print(table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(name in line for line in lines) for name in [*makers, *BENCHMARKED])
    assert len(lines) == len(makers) + 2, "no heading and no name is folded"


def test_numbers_that_are_large_or_missing_stay_narrow(capsys):
    frame = results_of({"a": {"x": 5.1288e14, "y": 9999.0, "z": 1.0}, "b": {"x": 1.0, "y": 2.0}})
    Console(width=80).print(*make_tables(frame))
    rows = table_of(capsys.readouterr().out)
    found = {name: (row["a"], row["b"]) for name, row in rows.items()}
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
        error, *theirs = [error_of(task, protocol, make) for make in [LagForecaster, *ridges]]
        assert error < min(theirs)
