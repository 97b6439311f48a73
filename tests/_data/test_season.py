"""The steps of an index say the season."""

import warnings

import pandas as pd
import pytest

from sklearn_linrnn._data.season import season_of, seasons_of


@pytest.mark.parametrize(
    ("frequency", "season"),
    [("M", 12), ("2M", 6), ("Q", 4), ("Y", 1), ("W", 52), ("D", 7), ("B", 5), ("h", 24)],
)
def test_the_frequency_of_periods_says_the_season(frequency, season):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pandas on periods of business days
        index = pd.period_range("2000-01-03", periods=3, freq=frequency)
    assert season_of(index) == season


@pytest.mark.parametrize(
    ("index", "season"),
    [
        (pd.date_range("2000-01-01", periods=3, freq="30min"), 48),
        (pd.date_range("2000-01-01", periods=3, freq="MS"), 12),
        (pd.date_range("2000-01-01", periods=3, freq="QE"), 4),
        (pd.DatetimeIndex(["2000-01-01", "2000-01-02", "2000-01-04"]), 1),
        (pd.date_range("2000-01-01", periods=3, freq="7h"), 1),
        (pd.period_range("2000-01", periods=3, freq="5M"), 1),
        (pd.period_range("2000-01", periods=3, freq="3M"), 4),
        (pd.date_range("2000-01-01", periods=3, freq="2D"), 1),
        (pd.date_range("2000-01-01", periods=3, freq="1D"), 7),
        (pd.RangeIndex(3), 1),
    ],
)
def test_the_frequency_of_dates_says_the_season(index, season):
    assert season_of(index) == season


@pytest.mark.parametrize(
    ("frequency", "seasons"),
    [
        ("min", (1440, 10080)),
        ("30min", (48, 336)),
        ("3h", (8, 56)),
        ("D", (7, 364)),
        ("W", (52,)),
        ("M", (12,)),
        ("Q", (4,)),
        ("Y", ()),
        ("2D", ()),
        ("24h", (7, 364)),
        ("7D", (52,)),
        ("168h", (52,)),
        ("14D", (26,)),
    ],
)
def test_days_have_a_year_too_and_shorter_steps_a_week(frequency, seasons):
    index = pd.period_range("2000-01-03", periods=3, freq=frequency)
    assert seasons_of(index) == seasons
    assert season_of(index) == (seasons[0] if seasons else 1)


@pytest.mark.parametrize(
    ("frequency", "season"),
    [
        ("BME", 12),
        ("BMS", 12),
        ("CBME", 12),
        ("WOM-3FRI", 12),
        ("LWOM-FRI", 12),
        ("2BME", 6),
        ("BQE", 4),
        ("BQS-FEB", 4),
        ("SME", 24),
        ("SMS", 24),
        ("BYE", 1),
        ("W-WED", 52),
    ],
)
def test_the_day_of_a_month_or_a_quarter_says_nothing_of_the_season(frequency, season):
    index = pd.date_range("2000-01-01", periods=5, freq=frequency)
    assert season_of(index) == season
    assert seasons_of(index) == ((season,) if season > 1 else ())


def test_an_index_without_frequency_has_no_season():
    assert seasons_of(pd.RangeIndex(3)) == ()
