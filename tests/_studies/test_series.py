"""Files as strangers have them: each gives the right table, or an error that they can act on."""

import gzip
import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal
from sktime.datasets import load_airline

from sklearn_linrnn._data.season import season_of
from sklearn_linrnn._studies.files.options import FileOptions
from sklearn_linrnn._studies.series import load_all, load_series

N = 96
DAYS = pd.date_range("2024-01-01", periods=N)
HOURS = pd.date_range("2024-03-01", periods=N, freq="h")
MONTHS = pd.period_range("2001-01", periods=N, freq="M")
VALUES = np.round(100 + np.random.default_rng(0).normal(size=N), 2)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes lines, text or bytes into a file and returns its path."""

    def write(name, content, encoding="utf-8"):
        if isinstance(content, list):
            content = "\n".join(content) + "\n"
        data = content if isinstance(content, bytes) else content.encode(encoding)
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


def rows(times, form, values=VALUES, sep=","):
    """Return lines of a time and a value."""
    return [f"{time.strftime(form)}{sep}{value}" for time, value in zip(times, values, strict=True)]


def comma(value):
    """Return a number with a decimal comma, and points between thousands."""
    return f"{value:,.2f}".translate(str.maketrans(".,", ",."))


def read(path, target=None, inputs=(), **options):
    return load_series(path, target, inputs, FileOptions(**options))


def assert_read(series, index, values=VALUES):
    expected = pd.Series(values, index, name=series.target.name)
    assert_series_equal(series.target, expected, check_freq=False)


# -- Separator, decimal sign, encoding, names ---------------------------------------------------


def test_a_german_export_is_read_as_its_author_reads_it(write):
    values = 1000 * VALUES
    lines = ["Messstation Köln;;", "Größe: Last in MW;;", "", "Zeit;Last [MW];Temperatur (°C)"]
    data = [
        f"{hour:%d.%m.%Y %H:%M};{comma(value)};{comma(value / 7)}"
        for hour, value in zip(HOURS, values, strict=True)
    ]
    del data[5:7]
    path = write("last.csv", [*lines, *data[::-1]], "cp1252")
    series = read(path, "Last [MW]", ["Temperatur (°C)"])
    expected = values.copy()
    expected[5:7] = np.nan
    assert_read(series, HOURS, expected)
    assert series.line.startswith(
        "last.csv: 96 hourly values of Last [MW], 2024-03-01 to 2024-03-04, 2 missing; time: Zeit; "
        "inputs: Temperatur (°C) (2 missing); newest first in the file; decimal comma; encoding cp"
    )


@pytest.mark.parametrize("sep", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_separators_and_encodings_are_found(write, sep, encoding):
    path = write("any.txt", [f"day{sep}Größe", *rows(DAYS, "%Y-%m-%d", sep=sep)], encoding)
    series = read(path)
    assert_read(series, DAYS)
    assert series.target.name == "Größe"


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp1252", "Débit"), ("cp932", "平均気温"), ("cp1251", "температура")]
)
def test_the_encoding_that_is_said_is_used(write, encoding, name):
    path = write("old.csv", [f"date,{name}", *rows(DAYS, "%Y-%m-%d")], encoding)
    assert read(path, encoding=encoding).target.name == name
    assert_read(read(path), DAYS)  # the numbers do not depend on a guess
    assert "a guess" in read(path).line


@pytest.mark.parametrize("gap", ["'", " ", "\u00a0", "\u202f", "’"])
def test_gaps_between_thousands_are_no_separators(write, gap):
    lines = [f"{day:%d/%m/%Y};{f'{1e4 * v:,.2f}'.replace(',', gap)}"
             for day, v in zip(DAYS, VALUES, strict=True)]  # fmt: skip
    assert_read(read(write("gaps.csv", ["jour;débit", *lines])), DAYS, 1e4 * VALUES)


def test_quoted_thousands_are_numbers(write):
    lines = [f'{day:%m/%d/%Y},"{1e4 * v:,.2f}"' for day, v in zip(DAYS, VALUES, strict=True)]
    assert_read(read(write("usa.csv", ['Date,"Sales, USD"', *lines])), DAYS, 1e4 * VALUES)


def test_a_decimal_comma_in_a_file_of_one_column_needs_a_word(write):
    path = write("one.csv", ["y", *(comma(v) for v in VALUES)])
    with pytest.raises(
        ValueError, match=r"line 1 has the names 'y', but line 2 has 2 cells.*--deci"
    ):
        read(path)
    assert_read(read(path, decimal=","), pd.RangeIndex(N))


def test_decimal_commas_between_commas_cannot_be_told(write):
    lines = rows(DAYS, "%Y-%m-%d", map(comma, VALUES))
    path = write("lost.csv", ["date,y", *lines])
    with pytest.raises(ValueError, match=r"line 2 has 3 cells.*nothing tells them"):
        read(path)


@pytest.mark.parametrize(("decimal", "factor"), [(".", 1000), (",", 1)])
def test_thousands_or_decimals_is_asked(write, decimal, factor):
    values = np.arange(1001, 1001 + N)
    path = write("mw.csv", ["t;load", *(f"{i};{v:,d}" for i, v in enumerate(values))])
    with pytest.raises(ValueError, match=r"mw.csv, column 'load', line 2: '1,001' may .*--decimal"):
        read(path)
    assert_read(read(path, decimal=decimal), pd.RangeIndex(N), values * factor / 1000)


def test_names_lose_their_spaces(write):
    path = write("usgs.csv", ["date, Discharge", *rows(DAYS, "%Y-%m-%d", sep=", ")])
    assert_read(read(path, "Discharge"), DAYS)


def test_a_trailing_separator_makes_no_column(write):
    path = write("end.csv", ["date;y;", *(f"{r};" for r in rows(DAYS, "%Y-%m-%d", sep=";"))])
    assert_read(read(path), DAYS)


def test_a_file_without_names_keeps_its_first_value(write):
    series = read(write("bare.csv", [str(v) for v in VALUES]))
    assert_read(series, pd.RangeIndex(N))
    assert "no line of names" in series.line


def test_a_block_above_the_names_and_comments_are_passed_over(write):
    head = ["# exported by a logger", "Report of the year", "", "date,y"]
    series = read(write("report.csv", [*head, *rows(DAYS, "%Y-%m-%d")]))
    assert_read(series, DAYS)
    assert "values from line 5 on" in series.line


def test_units_below_the_names_are_asked_about(write):
    path = write("units.csv", ["time;q", "[d];[m3/s]", *rows(DAYS, "%d.%m.%Y", sep=";")])
    with pytest.raises(ValueError, match=r"may stand in line 1 or 2: --header LINE"):
        read(path)
    assert_read(read(path, header=1), DAYS)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["<<<<<<< HEAD", "2024-01-02,2", "=======", ">>>>>>> b"], "2 is left from a"),
        (["2024-01-01,1", "2024-01-02,2", "2024-0"], "line 4 has 1 cell,"),
        (["2024-01-01,1", "2024-01-02,2", "2024-01-03,3,4"], "line 4 has 3 cells"),
        (["2024-01-01,1", "2024-01-02,12..5", "2024-01-03,3"], "column 'y', line 3: '12..5' is no"),
        (["2024-01-01,1", "2024-01-02,inf", "2024-01-03,3"], "column 'y', line 3: 'inf' is infin"),
        (["2024-01-01,1", "2024-01-02,1e999", "2024-01-03,3"], "line 3: '1e999' is infinite"),
        (["2024-01-01,a", "2024-01-02,b", "2024-01-03,c"], "no column of numbers.*'c'"),
        (['2024-01-01,"1', "2024-01-02,2"], "could not be read as CSV"),
        ([], "no column of numbers"),
    ],
)
def test_a_line_that_is_wrong_is_named(write, lines, message):
    with pytest.raises(ValueError, match=rf"wrong\.csv.*{message}"):
        read(write("wrong.csv", ["date,y", *lines]))


def test_a_bad_cell_does_not_hide_its_column(write):
    lines = [f"{v},{i}" for i, v in enumerate(VALUES)]
    lines[7] = "12..5,7"
    path = write("two.csv", ["y,z", *lines])
    with pytest.raises(ValueError, match=r"--target must say .*'y', 'z'"):
        read(path)
    with pytest.raises(ValueError, match=r"column 'y', line 9: '12\.\.5'"):
        read(path, "y", ["z"])
    assert np.isnan(read(path, "y", ["z"], missing=("12..5",)).target.iloc[7])


@pytest.mark.parametrize("word", ["", "-", "n/a", "NaN", "null", "?", "NA", "#N/A", "."])
@pytest.mark.parametrize("first", ["date", "y"])
def test_the_usual_words_are_missing_values(write, word, first):
    lines = rows(DAYS, "%Y-%m-%d")
    lines[3] = f"2024-01-04,{word}"
    turned = [",".join(line.split(",")[::-1]) for line in ["date,y", *lines]]
    series = read(write("gap.csv", ["date,y", *lines] if first == "date" else turned))
    assert np.flatnonzero(series.target.isna()).tolist() == [3]
    assert "1 missing" in series.line


def test_an_empty_line_between_values_is_asked_about_and_one_at_the_end_is_none(write):
    path = write("hole.csv", ["y", "1.5", "", "2.5", "", ""])
    with pytest.raises(ValueError, match=r"hole.csv, line 3 is empty: write NA"):
        read(path)
    assert_read(read(write("end.csv", ["y", "1.5", "NA", "2.5", "", ""])), pd.RangeIndex(3),
                [1.5, np.nan, 2.5])  # fmt: skip


@pytest.mark.parametrize("sep", [",", ""])
def test_rows_of_empty_cells_between_others_are_missing_steps(write, sep):
    frame = pd.DataFrame({"y": [1.0, np.nan, 3.0, 4.0]})
    frame = frame.assign(z=frame["y"]) if sep else frame
    series = read(write("own.csv", frame.to_csv(index=False)), "y", time=("none",))
    assert_read(series, pd.RangeIndex(4), frame["y"])


@pytest.mark.parametrize("stand_in", ["-9999", "-999.9", "99999", "9.96921e+36"])
def test_a_number_that_seems_to_stand_for_none_is_asked_about(write, stand_in):
    lines = rows(DAYS, "%Y-%m-%d")
    lines[3] = f"2024-01-04,{stand_in}"
    path = write("gap.csv", ["date,y", *lines])
    with pytest.raises(ValueError, match=re.escape(f"line 5: '{stand_in}' lies far from")):
        read(path)
    assert np.isnan(read(path, missing=(stand_in,)).target.iloc[3])
    assert read(path, missing=("none",)).target.iloc[3] == float(stand_in)


# -- Times ---------------------------------------------------------------------------------------


def test_the_dated_airline_is_the_bundled_airline(write):
    airline = load_airline()
    frame = airline.to_timestamp().reset_index()
    series = read(write("airline.csv", frame.to_csv(index=False)))
    assert season_of(series.target.index) == season_of(airline.index) == 12
    assert_series_equal(series.target, airline.astype(float), check_names=False)


@pytest.mark.parametrize(
    ("form", "freq", "season"),
    [
        ("%Y-%m-%d %H:%M", "h", 24),
        ("%d.%m.%Y %H:%M", "15min", 96),
        ("%m/%d/%Y %I:%M %p", "30min", 48),
        ("%Y/%m/%d %H:%M:%S", "2h", 12),
        ("%Y-%m-%dT%H:%M:%SZ", "h", 24),
        ("%d/%m/%Y", "D", 7),
        ("%a, %d %b %Y", "D", 7),
        ("%Y年%m月%d日", "D", 7),
        ("%Y%m%d", "D", 7),
        ("%d-%b-%y", "W-MON", 52),
        ("%b %d, %Y", "MS", 12),
        ("%m.%Y", "MS", 12),
        ("%b-%Y", "MS", 12),
        ("%B %Y", "MS", 12),
        ("%Y-%m-%d", "ME", 12),
        ("%Y-%m-%d", "BME", 12),
        ("%Y-%m-%d", "QS", 4),
        ("%Y", "YS", 1),
        ("%Y-%m-%d", "B", 5),
        ("%Y-%m-%d %H:%M", "7h", 1),
    ],
)
def test_forms_and_steps_of_time_are_found_though_steps_are_missing(write, form, freq, season):
    times = pd.date_range("2001-01-01", periods=N, freq=freq)
    lines = rows(times, form)
    del lines[40:43]
    series = read(write("times.csv", ["date;y", *(line.replace(",", ";") for line in lines)])
                  if "," not in form else write("times.csv", ["date;y", *(
                      ";".join(line.rsplit(",", 1)) for line in lines)]))  # fmt: skip
    assert len(series.target) == N
    assert np.flatnonzero(series.target.isna()).tolist() == [40, 41, 42]
    assert season_of(series.target.index) == season
    start = series.target.index[0]
    assert (start.start_time if isinstance(start, pd.Period) else start).year == 2001


@pytest.mark.parametrize(
    ("codes", "freq"),
    [
        ([f"{q.year}Q{q.quarter}" for q in pd.period_range("2001Q1", periods=N, freq="Q")], "Q"),
        ([f"Q{q.quarter} {q.year}" for q in pd.period_range("2001Q1", periods=N, freq="Q")], "Q"),
        ([f"{m.year}M{m.month:02d}" for m in MONTHS], "M"),
        ([m.strftime("%Y%m") for m in MONTHS], "M"),
    ],
)
def test_numbered_quarters_and_months_are_times(write, codes, freq):
    lines = [f"{code},{v}" for code, v in zip(codes, VALUES, strict=True)]
    expected = pd.period_range("2001-01", periods=N, freq=freq)
    assert_read(read(write("codes.csv", ["period,y", *lines])), expected)


@pytest.mark.parametrize(("unit", "factor"), [("seconds", 1), ("milliseconds", 1000)])
def test_counts_since_1970_are_times(write, unit, factor):
    lines = [f"{int(h.timestamp()) * factor},{v}" for h, v in zip(HOURS, VALUES, strict=True)]
    assert_read(read(write("unix.csv", ["timestamp,y", *lines])), HOURS)


@pytest.mark.parametrize("order", ["newest first", "sorted as text", "shuffled"])
def test_rows_are_put_in_the_order_of_their_times(write, order):
    lines = rows(DAYS, "%-m/%-d/%Y")
    lines = {
        "newest first": lines[::-1],
        "sorted as text": sorted(lines),
        "shuffled": list(np.random.default_rng(1).permutation(lines)),
    }[order]
    series = read(write("order.csv", ["date,y", *lines]))
    assert_read(series, DAYS)
    assert ("newest first" if order == "newest first" else "sorted by time") in series.line


def test_day_or_month_first_is_settled_by_even_steps_or_asked(write):
    lines = rows(MONTHS.to_timestamp(), "%d/%m/%Y")
    assert_read(read(write("months.csv", ["date,y", *lines])), MONTHS)
    path = write("short.csv", ["date,y", "01/02/2020,1", "03/04/2020,2", "05/06/2020,3"])
    with pytest.raises(
        ValueError, match=r"line 2: '01/02/2020' may mean 2020-02-01.*--time-format"
    ):
        read(path)
    series = read(path, time_format="%d/%m/%Y", freq="M")
    assert series.target.index[0] == pd.Period("2020-02")


def test_a_repeated_time_names_its_lines(write):
    path = write("twice.csv", ["date,y", *rows(DAYS, "%Y-%m-%d"), "2024-01-03,5"])
    with pytest.raises(ValueError, match=r"time 2024-01-03 00:00:00 in the lines 4 and 98"):
        read(path)


def test_stacked_series_are_refused_and_read_by_their_id(write):
    lines = [f"{site},{row}" for site in "AB" for row in rows(HOURS, "%Y-%m-%d %H:%M")]
    path = write("stacked.csv", ["site,time,flow", *lines])
    with pytest.raises(
        ValueError, match=r"column 'site' seems .*'A', 'B'.*: --id site=A reads one"
    ):
        read(path)
    assert_read(read(path, id="site=B"), HOURS)
    assert [series.part for series in load_all(path, options=FileOptions(id="site"))] == ["A", "B"]
    with pytest.raises(ValueError, match=r"has 2 series.*--id site=... says which"):
        read(path, id="site")
    with pytest.raises(ValueError, match=r"--id got 'site=C', but column 'site'"):
        read(path, id="site=C")


@pytest.mark.parametrize("month", ["03", "10"])
def test_clocks_that_change_are_counted_in_utc(write, month):
    local = pd.date_range(f"2024-{month}-26", periods=10 * 24, freq="h", tz="Europe/Berlin")
    lines = rows(local, "%Y-%m-%d %H:%M", np.arange(240))
    path = write("clock.csv", ["time,y", *lines[::-1]])
    universal = local.tz_convert("UTC").tz_localize(None)
    assert_read(read(path, zone="Europe/Berlin"), universal, np.arange(240.0))
    if month == "10":
        with pytest.raises(ValueError, match=r"2024-10-27 02:00:00 in the lines.*--zone"):
            read(path)
    offsets = [f"{time.isoformat()},{i}" for i, time in enumerate(local)]
    assert_read(read(write("offset.csv", ["time,y", *offsets])), universal, np.arange(240.0))


def test_days_with_offsets_are_days(write):
    local = pd.date_range("2024-03-01", periods=N, tz="Europe/Berlin")
    lines = [f"{day.isoformat()},{v}" for day, v in zip(local, VALUES, strict=True)]
    assert_read(read(write("days.csv", ["time,y", *lines])), local.tz_localize(None))


@pytest.mark.parametrize("named", [True, False])
def test_a_time_in_several_columns_is_joined(write, named):
    lines = [f"{h:%d/%m/%Y};{h:%H:%M:%S};{v}" for h, v in zip(HOURS, VALUES, strict=True)]
    options = {"time": ("Date", "Time")} if named else {}
    assert_read(read(write("two.csv", ["Date;Time;P", *lines]), **options), HOURS)
    lines = [f"{h.year},{h.month},{h.day},{h.hour},{v}" for h, v in zip(HOURS, VALUES, strict=True)]
    assert_read(read(write("parts.csv", ["year,month,day,hour,y", *lines])), HOURS)


def test_two_columns_of_times_are_asked_about(write):
    lines = [f"{d:%Y-%m-%d},{d + pd.Timedelta(days=1):%Y-%m-%d},{v}"
             for d, v in zip(DAYS, VALUES, strict=True)]  # fmt: skip
    path = write("spans.csv", ["from,to,y", *lines])
    with pytest.raises(ValueError, match=r"columns 'from', 'to': --time says which"):
        read(path)
    assert_read(read(path, time=("from",)), DAYS)


def test_uneven_times_are_refused_and_put_on_steps_that_are_said(write):
    seconds = np.random.default_rng(0).integers(0, 20, N)
    path = write("log.csv", ["time,y", *rows(HOURS + pd.to_timedelta(seconds, "s"), "%c")])
    with pytest.raises(ValueError, match=r"the times are not even.*from line .* to .*--freq"):
        read(path, time_format="%c")
    assert_read(read(path, time_format="%c", freq="h"), HOURS)
    assert_read(read(path, time=("none",)), pd.RangeIndex(N))
    with pytest.raises(ValueError, match=r"--freq got 'often'"):
        read(path, time_format="%c", freq="often")


def test_a_column_that_is_called_a_time_and_is_none_is_named(write):
    path = write("when.csv", ["mois;y", *(f"janv. {i};{v}" for i, v in enumerate(VALUES))])
    with pytest.raises(
        ValueError, match=r"column 'mois', line 2: 'janv. 0' is no time.*--time none"
    ):
        read(path)
    assert_read(read(path, time=("none",)), pd.RangeIndex(N))


def test_a_bad_time_is_named(write):
    lines = rows(DAYS, "%d.%m.%Y")
    lines[8] = "31.02.2024,5"
    with pytest.raises(ValueError, match=r"column 'Tag', line 10: '31\.02\.2024' is no time"):
        read(write("bad.csv", ["Tag,y", *lines]))


def test_seconds_that_elapse_are_ordered_and_show_gaps(write):
    lines = [f"{i / 10},{v},{v}" for i, v in enumerate(VALUES)]
    del lines[4]
    series = read(write("bench.csv", ["t,u,y", *lines[::-1]]), "y", ["u"])
    assert np.flatnonzero(series.target.isna()).tolist() == [4]
    np.testing.assert_array_equal(series.target.drop(4), np.delete(VALUES, 4))
    assert season_of(series.target.index) == 1


def test_the_own_past_is_the_first_of_the_inputs(write):
    path = write("driven.csv", ["u,y", *(f"{i},{v}" for i, v in enumerate(VALUES))])
    series = read(path, "y", ["u"], time=("none",)).with_past()
    expected = pd.DataFrame({"y, one step before": series.target.shift(1), "u": np.arange(N) * 1.0})
    assert_frame_equal(series.inputs, expected)


# -- Archives and other kinds of files -----------------------------------------------------------


def zipped(*names):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            # Its own time would be in the names of tests, which all processes must have alike.
            archive.writestr(zipfile.ZipInfo(name), "y\n" + "\n".join(map(str, VALUES)))
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("y.csv.gz", gzip.compress("\n".join(["y", *map(str, VALUES)]).encode(), mtime=0)),
        ("y.zip", zipped("y.csv")),
    ],
)
def test_compressed_files_are_read(write, name, data):
    assert_read(read(write(name, data)), pd.RangeIndex(N))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("no.csv.gz", b"not compressed", "not .gz data"),
        ("cut.csv.gz", gzip.compress(b"y\n" + b"1\n" * 500, mtime=0)[:-12], "could not be read"),
        (
            "flipped.csv.gz",
            gzip.compress(b"y\n1\n", mtime=0)[:-8] + b"12345678",
            "could not be read",
        ),
        ("two.zip", zipped("a.csv", "b.csv"), "the archive has 2 files"),
        ("no.zip", b"PK\x03\x04 and nothing", "could not be read"),
        ("no.csv", bytes(range(256)) * 8, "no"),
        ("no.xlsx", b"no workbook", "could not be read"),
        ("empty.csv", b"", "it is empty"),
    ],
)
def test_damaged_files_are_errors_in_one_line(write, name, data, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(write(name, data))
    assert "\n" not in str(caught.value)


def test_an_excel_file_goes_the_same_way(tmp_path):
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame({"Datum": DAYS, "Wert ": VALUES})
    frame.loc[3, "Wert "] = np.nan
    with pd.ExcelWriter(tmp_path / "book.xlsx") as book:
        frame.to_excel(book, sheet_name="data", index=False)
        pd.DataFrame({"note": ["none"]}).to_excel(book, sheet_name="notes")
    path = str(tmp_path / "book.xlsx")
    with pytest.raises(ValueError, match=r"--sheet must name a sheet of .*'data', 'notes'"):
        read(path)
    series = read(path, sheet="data")
    assert series.target.name == "Wert"
    assert_read(series, DAYS, frame["Wert "].to_numpy())


def test_a_parquet_file_goes_the_same_way(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"y": VALUES}, index=HOURS.rename("when")).to_parquet(tmp_path / "y.parquet")
    assert_read(read(str(tmp_path / "y.parquet")), HOURS)


def test_a_missing_engine_is_named(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise ImportError("pyarrow is not there.\nAt all.")

    monkeypatch.setattr(pd, "read_parquet", refuse)
    (tmp_path / "y.parquet").touch()
    with pytest.raises(ValueError, match=r"sklearn-linrnn\[files\]'. pyarrow is not there.$"):
        read(str(tmp_path / "y.parquet"))
