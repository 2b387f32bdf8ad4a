"""Texts with units: exact, bounded, and refused when a unit is missing."""

import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.dates import YearStart
from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.policy import values


@given(st.integers(0, limits.AMOUNT_FEN_MAX))
def test_amounts_come_back(fen: int) -> None:
    """Every amount that is written in yuan, with or without commas, is read as the same fen."""
    written = yuan_from_fen(fen)

    assert fen == values.amount_fen(f"{written}元")
    assert fen == values.amount_fen(f"{written.replace(',', '')} yuan")


@given(st.integers(0, limits.AMOUNT_FEN_MAX // 1_000_000))
def test_ten_thousands_come_back(units: int) -> None:
    """An amount in 万元 is ten thousand yuan, that is a million fen, for each unit."""
    assert units * 1_000_000 == values.amount_fen(f"{units}万元")


@given(
    st.fractions(0, limits.RATE_MAX, max_denominator=limits.RATE_DENOMINATOR_MAX),
)
def test_rates_come_back(expected: Fraction) -> None:
    """Every rate within the bounds is read as the exact fraction that was written."""
    assert expected == values.rate(rate_text(expected))
    assert expected == values.rate(f"{expected.numerator}/{expected.denominator}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0元", 0, id="nothing"),
        pytest.param("0.01元", 1, id="one-fen"),
        pytest.param("0.010元", 1, id="zeros-behind"),
        pytest.param("1,300.50元", 130_050, id="commas"),
        pytest.param("1300 元", 130_000, id="blank"),
        pytest.param("4.5万元", 4_500_000, id="half-ten-thousand"),
        pytest.param("0.000001万元", 1, id="one-fen-of-ten-thousands"),
        pytest.param("100000000000元", limits.AMOUNT_FEN_MAX, id="largest"),
    ],
)
def test_amounts_are_exact(text: str, expected: int) -> None:
    """An amount is the fen that its words say."""
    assert expected == values.amount_fen(text)


@given(st.integers(-1_000_000, 1_000_000))
def test_points_come_back(millionths: int) -> None:
    """Signed points are read as the exact part of the whole that they are."""
    expected = Fraction(millionths, limits.RATE_DENOMINATOR_MAX)
    sign = "-" if expected < 0 else ""
    written = f"{abs(millionths) // 10_000}.{abs(millionths) % 10_000:04}"

    assert expected == values.points(f"{sign}{written}分点")
    assert expected == values.points(f"{sign}{written} points")


_REFUSED: list[tuple[Callable[[str], object], str, str]] = [
    (values.amount_fen, "1300", "'1300' has no unit; write 1300元 if yuan are meant"),
    (values.amount_fen, "", "'' is not an amount; write it like 1300元"),
    (values.amount_fen, "-1元", "'-1元' is not an amount; write it like 1300元"),
    (values.amount_fen, "1,30元", "'1,30元' is not an amount; write it like 1300元"),
    (values.amount_fen, "1,3万元", "'1,3万元' is not an amount; write it like 1300元"),
    (values.amount_fen, "1_300元", "'1_300元' is not an amount; write it like 1300元"),
    (values.amount_fen, "1e3元", "'1e3元' is not an amount; write it like 1300元"),
    (values.amount_fen, "١元", "'١元' is not an amount; write it like 1300元"),
    (values.amount_fen, "１３００元", "'１３００元' has wide characters; write 1300元"),
    (values.amount_fen, "3万元，4万元", "'3万元，4万元' has a wide comma, which"),
    (values.amount_fen, "85%", "'85%' is a rate; an amount is written like 1300元"),
    (values.amount_fen, "0.005元", "'0.005元' has a part of a fen; the smallest amount is 0.01元"),
    (values.amount_fen, "0.0000001万元", "'0.0000001万元' has a part of a fen;"),
    (
        values.amount_fen,
        "100000000000.01元",
        "'100000000000.01元' is above the largest amount, 100,000,000,000.00元; correct it",
    ),
    (values.amount_fen, "9" * 5_000 + "元", f"'{'9' * 40}…' is not an amount;"),
    (values.rate, "85", "'85' has no unit; write 85% if percent are meant"),
    (values.rate, "0.85", "'0.85' has no unit; write 85% if a part of one is meant, 0.85% if"),
    (values.rate, "85％", "'85％' has wide characters; write 85%"),
    (values.rate, "1300元", "'1300元' is an amount; a rate is written like 85% or 2/3"),
    (values.rate, "1/0", "'1/0' divides by 0; write a rate like 85% or 2/3"),
    (values.rate, "-5%", "'-5%' is not a rate; write it like 85% or 2/3"),
    (values.rate, "1000.0001%", "'1000.0001%' is above 1000%, the most a rate may be; correct it"),
    (values.rate, "33.33333%", "'33.33333%' is finer than one part in 1,000,000 and would"),
    (values.rate, "1/1000001", "'1/1000001' is finer than one part in 1,000,000 and would"),
    (values.count, "2", "'2' has no unit; a count is written like 2次"),
    (values.count, "10001次", "'10001次' is above 10,000; correct it"),
    (values.age, "70", "'70' has no unit; an age is written like 70岁"),
    (values.age, "131岁", "'131岁' is above 130 years; correct it"),
    (values.day, "2024-1-1", "'2024-1-1' is not a date; write it like 2024-05-01"),
    (values.day, "2023-02-29", "'2023-02-29' is not a date; write it like 2024-05-01"),
    (values.day, "2024-W01-1", "'2024-W01-1' is not a date; write it like 2024-05-01"),
    (values.day, "1997-12-31", "'1997-12-31' lies outside the years 1998 to 2099; correct it"),
    (values.day, "2100-01-01", "'2100-01-01' lies outside the years 1998 to 2099; correct it"),
    (values.year_start, "02-29", "'02-29' is no day of every year; write it like 07-01"),
    (values.year_start, "W01-1", "'W01-1' is no day of every year; write it like 07-01"),
    (values.year_start, "0701", "'0701' is no day of every year; write it like 07-01"),
]


@pytest.mark.parametrize(
    ("parse", "text", "message"), [pytest.param(*case, id=case[1][:20]) for case in _REFUSED]
)
def test_what_is_not_exact_is_refused(
    parse: Callable[[str], object], text: str, message: str
) -> None:
    """A value without a unit, with another unit, in part of a fen or out of bounds is refused."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        parse(text)


def test_bounds_are_inclusive() -> None:
    """The last value inside each bound is read."""
    assert Fraction(limits.RATE_MAX) == values.rate("1000%")
    assert Fraction(1, limits.RATE_DENOMINATOR_MAX) == values.rate("0.0001%")
    assert limits.COUNTED_TIMES_MAX == values.count("10000次")
    assert limits.AGE_YEARS_MAX == values.age("130 years")
    assert date(1998, 1, 1) == values.day("1998-01-01")
    assert date(2099, 12, 31) == values.day("2099-12-31")
    assert YearStart(12, 31) == values.year_start("12-31")


@given(st.text(alphabet="0123456789.,%/ 元万yuan次岁-１，", max_size=12))
def test_any_text_is_a_value_or_refused_in_words(text: str) -> None:
    """Whatever is written, it is read or refused with a next step."""
    for parse in (values.amount_fen, values.rate, values.count, values.age, values.day):
        try:
            parse(text)
        except ValueError as error:
            assert "; " in str(error)
