"""Times of an index must be even, and say how far apart they are."""

import pandas as pd
import pytest

from sklearn_linrnn._data.even_times import even_times
from sklearn_linrnn._data.season import season_of

DATES = pd.date_range("2024-01-01", periods=40)
MONTHS = pd.period_range("2000-01", periods=40, freq="M")


@pytest.mark.parametrize("freq", ["D", "B", "W", "MS", "QS", "h", "30min"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_of_a_file_say_the_season_that_made_dates_say(freq, zone):
    made = pd.date_range("2024-03-01", periods=40, freq=freq, tz=zone)
    read = pd.DatetimeIndex(list(made), freq=None)
    assert season_of(read) == 1
    assert season_of(even_times(read, "y")) == season_of(made) > 1


@pytest.mark.parametrize(
    "index", [DATES, MONTHS, DATES[:2].drop(DATES[0]), DATES - DATES[0], pd.Index([3, 1, 1])]
)
def test_what_is_even_or_no_time_stays(index):
    assert even_times(index, "y").equals(index)


@pytest.mark.parametrize(
    "index", [DATES.delete(7), DATES.repeat(2), MONTHS.delete(7), (DATES - DATES[0]).delete(7)]
)
def test_uneven_times_are_refused_with_both_remedies(index):
    message = rf"y must have times in even steps, but got {len(index)} .*asfreq.*to_numpy"
    with pytest.raises(ValueError, match=message):
        even_times(index, "y")


@pytest.mark.parametrize("index", [DATES[::-1], MONTHS[::-1], DATES[[0, 2, 1]]])
def test_times_are_in_order(index):
    with pytest.raises(ValueError, match="X must be in the order of time"):
        even_times(index, "X")
