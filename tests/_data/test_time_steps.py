"""Rows that follow each other are told apart from those whose times do not."""

import re
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from sklearn_linrnn import (
    LagStream,
    LagWeighter,
    LinearRNNRegressor,
    LRURegressor,
    NTKConvRegressor,
    NTKConvRegressorCV,
    SeriesPieces,
    WeightedConv1DRegressor,
)
from sklearn_linrnn._data.season import season_of
from sklearn_linrnn._data.time_steps import check_times, even_times

DAYS = pd.date_range("2024-03-01", periods=60)
BERLIN = pd.date_range("2024-03-01", periods=60, tz="Europe/Berlin")
TRADING = pd.bdate_range("2024-03-01", periods=60)
MONTHS = pd.period_range("2000-01", periods=60, freq="M")
HOLIDAYS = pd.date_range("2024-03-01", periods=60, freq=pd.offsets.CDay(holidays=["2024-03-05"]))
READ = {"rows": "timesteps", "n_lags": 2}
ESTIMATORS = [
    NTKConvRegressor(**READ),
    NTKConvRegressorCV([0.5], alphas=[1.0], **READ),
    WeightedConv1DRegressor(max_iter=5, **READ),
    LinearRNNRegressor(4, max_iter=5, random_state=0, **READ),
    LRURegressor(4, max_iter=5, random_state=0, **READ),
    LagWeighter(**READ),
]


def as_read(index):
    """Return an index as it is read from a file, without a frequency."""
    return type(index)(list(index))


def frame(index):
    values = np.random.default_rng(0).normal(size=(len(index), 1))
    return pd.DataFrame(values, index, columns=["u"])


def check(index, lengths=None, **recordings):
    check_times([frame(index)], [len(index)] if lengths is None else lengths, **recordings)


EVEN = [
    DAYS,
    as_read(DAYS),
    as_read(BERLIN),
    as_read(TRADING),
    as_read((TRADING + pd.Timedelta(hours=16)).tz_localize("America/New_York")),
    as_read(pd.date_range("2000-01-31", periods=60, freq="ME")),
    as_read(pd.date_range("2000-01-01", periods=60, freq="QS")),
    as_read(pd.date_range("2000-01-01", periods=60, freq="7min")),
    MONTHS,
    MONTHS[::3],
    DAYS[DAYS.dayofweek < 5].to_period("D"),
    pd.period_range("9000", periods=60, freq="Y"),
    DAYS - DAYS[0],
    HOLIDAYS,
    DAYS[[0, 3]],
    TRADING[[0, 1]],
    DAYS[:1],
    DAYS[:0],
    pd.RangeIndex(60)[::-1],
    pd.Index(list("ba")),
    pd.MultiIndex.from_product([["p"], DAYS]),
    pd.MultiIndex.from_product([DAYS, ["p"]]),
]  # fmt: skip


@pytest.mark.parametrize("index", EVEN)
def test_even_steps_say_nothing(index):
    check(index)
    assert len(even_times(index, "y")) == len(index)


@pytest.mark.parametrize("index", [DAYS, MONTHS, DAYS - DAYS[0], DAYS[:1], pd.Index([3, 1, 1])])
def test_what_says_its_steps_or_is_no_time_stays(index):
    assert even_times(index, "y").equals(index)


@pytest.mark.parametrize("freq", ["D", "B", "W", "MS", "QS", "h", "30min"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_of_a_file_say_the_season_that_made_dates_say(freq, zone):
    made = pd.date_range("2024-03-01", periods=40, freq=freq, tz=zone)
    assert season_of(as_read(made)) == 1
    assert season_of(even_times(as_read(made), "y")) == season_of(made) > 1


@pytest.mark.parametrize(
    ("index", "season"), [(MONTHS[::3], 4), (DAYS[DAYS.dayofweek < 5].to_period("D"), 5)]
)
def test_periods_that_are_several_steps_apart_say_the_season_of_those(index, season):
    assert season_of(even_times(index, "y")) == season


@pytest.mark.parametrize("index", [HOLIDAYS, DAYS.delete(7), MONTHS.delete(7), DAYS[:1].repeat(3)])
def test_what_estimators_warn_of_studies_refuse(index):
    with pytest.warns(UserWarning, match="times of X have") as caught:
        check(as_read(index))
    found = str(caught[0].message).removeprefix("The times of X have ").partition(", but")[0]
    with pytest.raises(ValueError, match=rf"^y must .* even steps, but got {re.escape(found)}\."):
        even_times(as_read(index), "y")


@pytest.mark.parametrize("index", [DAYS, BERLIN, TRADING, MONTHS, DAYS - DAYS[0]])
@pytest.mark.parametrize("seed", range(3))
def test_each_stretch_without_rows_is_a_gap(index, seed):
    kept = np.random.default_rng(seed).random(len(index)) > 0.15
    kept[[0, -1]] = True
    places = np.flatnonzero(kept)
    gaps = [a for a, b in pairwise(places) if b > a + 1]
    first = re.escape(str(index[gaps[0]]))
    with pytest.warns(UserWarning, match=rf"X have {len(gaps)} gaps, the first from {first} to"):
        check(index[kept])


@pytest.mark.parametrize(
    ("index", "found"),
    [
        (DAYS.repeat(2), "60 steps shorter than usual, the first from 2024-03-01 .* to 2024-03-01"),
        (DAYS[:1].repeat(3), "2 steps shorter than usual, the first from"),
        (DAYS[:10].insert(1, DAYS[0] + pd.Timedelta(hours=1)), "1 step shorter than usual, the"),
        (DAYS.delete(7).insert(0, DAYS[0]), "1 gap and 1 step shorter than usual, the first from"),
        (DAYS[[0, 1, 3]], "1 gap, the first from 2024-03-02 00:00:00 to 2024-03-04 00:00:00,"),
    ],
)
def test_steps_that_are_longer_or_shorter_are_counted(index, found):
    with pytest.warns(UserWarning, match=rf"times of X have {found}.*asfreq.*reset_index"):
        check(index)


@pytest.mark.parametrize("index", [DAYS[::-1], MONTHS[::-1], DAYS[[0, 2, 1]], DAYS.append(DAYS)])
def test_times_that_run_backwards_are_refused(index):
    back = next(k for k in range(len(index)) if index[k + 1] < index[k])
    message = rf"X must be in the order of time.* {index[back]} to {index[back + 1]}\. Sort"
    with pytest.raises(ValueError, match=message + ".*sequence_id.*reset_index"):
        check(index)
    with pytest.raises(ValueError, match="in the order of time"):
        NTKConvRegressor(**READ).fit(frame(index), np.arange(len(index)))
    with pytest.raises(
        ValueError, match=message.replace("X", "y", 1) + r"[^,]*, or take.*reset_in"
    ):
        even_times(index, "y")


def test_a_missing_time_is_refused():
    for read in (check, lambda index: even_times(index, "X")):
        with pytest.raises(ValueError, match="X must have a time for each row, but got 1 of NaT"):
            read(DAYS.insert(0, pd.NaT))


def test_there_is_no_step_from_one_recording_to_the_next():
    both, ids = frame(DAYS.append(DAYS)), np.repeat(["p", "q"], len(DAYS))
    y, mixed = np.arange(len(both)), np.arange(len(both)).reshape(2, -1).T.ravel()
    model = NTKConvRegressor(**READ)
    model.fit(both, y, sequence_id=ids).predict(both, sequence_id=ids)
    model.fit(both.iloc[mixed], y, sequence_id=ids[mixed])
    model.fit([both[ids == "p"], both[ids == "q"]], [y[ids == "p"], y[ids == "q"]])


def test_the_recording_of_a_gap_is_named():
    holed = frame(DAYS).drop(DAYS[7])
    both, ids = pd.concat([frame(DAYS), holed]), np.repeat(["p", "q"], [60, 59])
    y, model = np.arange(len(both)), NTKConvRegressor(**READ)
    for turn in (np.arange(len(both)), np.argsort([*range(60), *range(59)], kind="stable")):
        with pytest.warns(UserWarning, match=r"1 gap, the first from .* in recording 'q',"):
            model.fit(both.iloc[turn], y, sequence_id=ids[turn])
    with pytest.warns(UserWarning, match=r"1 gap, the first from .* in recording 1,"):
        model.fit([frame(DAYS), holed], [y[:60], y[60:]])


@pytest.mark.filterwarnings("ignore:.*max_iter", "ignore:.*reach")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_every_call_that_reads_time_steps_warns_once_at_the_users_line(estimator):
    X, y = frame(DAYS).drop(DAYS[7]), np.random.default_rng(1).normal(size=59)
    answer = getattr(estimator, "predict", getattr(estimator, "transform", None))
    for call in (lambda: estimator.fit(X, y), lambda: answer(X)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        of_times = [one for one in caught if "times of X" in str(one.message)]
        assert [one.filename for one in of_times] == [__file__]


def test_streams_and_pieces_read_times_too():
    X, y = frame(DAYS).drop(DAYS[7]), np.arange(59.0)
    with pytest.warns(UserWarning, match="1 gap"):
        LagStream(n_lags=2).add(X, y)
    with pytest.warns(UserWarning, match="1 gap"):
        SeriesPieces(X, y)


def test_the_index_of_windows_means_nothing():
    X = frame(DAYS[::-1]).drop(DAYS[7])
    NTKConvRegressor().fit(X, np.arange(59.0)).predict(X)
