"""Numbers in cells, as the countries write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_linrnn._studies.files.number_cells import (
    is_missing,
    is_number,
    is_unsure,
    read_number,
    sure_decimal,
)

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite)
@pytest.mark.parametrize("decimal", [".", ","])
def test_a_number_is_read_to_its_last_digit(decimal, value):
    cell = repr(value).replace(".", decimal)
    assert read_number(cell, decimal) == value
    assert is_number(cell)


@given(st.decimals(-(10**9), 10**9, places=2))
@pytest.mark.parametrize("gap", [",", " ", "'", "\u00a0", "\u202f", "_"])
def test_gaps_between_thousands_are_passed_over(gap, value):
    cell = f"{value:,.2f}".replace(",", gap)
    assert read_number(cell, ".") == float(value)
    turned = cell.replace(".", "!").replace(",", ".").replace("!", ",")
    assert read_number(turned, ",") == float(value)
    assert sure_decimal([cell]) == "."
    assert sure_decimal([turned]) == ","


@given(st.integers(-999, 999).filter(bool), st.integers(0, 999))
def test_three_digits_after_a_sign_tell_nothing(whole, rest):
    for sign in ".,":
        cell = f"{whole}{sign}{rest:03d}"
        assert is_unsure(cell)
        assert sure_decimal([cell]) is None
        assert read_number(cell, sign) == float(f"{whole}.{rest:03d}")


@pytest.mark.parametrize("cell", ["", "1.2.3", "1,2,3", "12..5", "1 2", "0x1", "1e", "5 m", "--5"])
def test_other_cells_are_no_numbers(cell):
    assert not is_number(cell)
    assert read_number(cell, ".") is read_number(cell, ",") is None


def test_lakhs_and_the_true_minus_are_read():
    assert read_number("12,34,567.5", ".") == 1234567.5
    assert read_number("\u22121,5", ",") == -1.5


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
def test_infinite_cells_are_numbers_to_be_refused_later(cell):
    assert math.isinf(read_number(cell, "."))


def test_words_of_the_user_are_missing_too():
    assert not is_missing("-9999")
    assert is_missing("-9999", ("-9999",))
    assert is_missing("n/a")
