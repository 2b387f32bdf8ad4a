"""Money: exact reading, exact rates, one rounding."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core import money
from medsettle.core.money import Rounding

_BOUND_YUAN = limits.AMOUNT_FEN_MAX // money.FEN_PER_YUAN


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        pytest.param("0", 0, id="zero"),
        pytest.param("0.01", 1, id="one-fen"),
        pytest.param("-0.01", -1, id="minus-one-fen"),
        pytest.param("0.5", 50, id="one-decimal"),
        pytest.param("0.50", 50, id="two-decimals"),
        pytest.param("0.5000", 50, id="trailing-zeros-are-exact"),
        pytest.param("1300", 130_000, id="whole-yuan"),
        pytest.param("1,300.50", 130_050, id="thousands-comma"),
        pytest.param("1,234,567.89", 123_456_789, id="two-commas"),
        pytest.param("007", 700, id="leading-zeros"),
        pytest.param("167772.17", 16_777_217, id="beyond-float32"),
        pytest.param("90071992547.41", 9_007_199_254_741, id="eleven-digits"),
    ],
)
def test_reads_yuan_exactly(text: str, fen: int) -> None:
    """A decimal number of yuan becomes exactly its fen."""
    assert fen == money.fen_from_yuan(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" 1", id="space-before"),
        pytest.param("1 ", id="space-after"),
        pytest.param("1\n", id="line-end"),
        pytest.param("1.", id="point-without-decimals"),
        pytest.param(".5", id="point-without-digits"),
        pytest.param("+1", id="plus-sign"),
        pytest.param("1e3", id="exponent"),
        pytest.param("0x10", id="hexadecimal"),
        pytest.param("nan", id="not-a-number"),
        pytest.param("inf", id="infinity"),
        pytest.param("1_000", id="underscore"),
        pytest.param("13,00", id="comma-two-digits"),
        pytest.param("1,3000", id="comma-four-digits"),
        pytest.param(",300", id="comma-first"),
        pytest.param("1.2.3", id="two-points"),
        pytest.param("--1", id="two-signs"),
        pytest.param("1300元", id="with-unit"),
        pytest.param("一百", id="chinese-numeral"),
    ],
)
def test_refuses_what_is_not_an_amount(text: str) -> None:
    """A text that is not a plain decimal number is refused, and the message quotes it."""
    with pytest.raises(ValueError, match="is not an amount"):
        money.fen_from_yuan(text)


@pytest.mark.parametrize("text", ["0.001", "1.005", "1.0001", "-0.009"])
def test_refuses_a_part_of_a_fen(text: str) -> None:
    """A third decimal other than zero is refused, never rounded."""
    with pytest.raises(ValueError, match="part of a fen"):
        money.fen_from_yuan(text)


def test_amount_bound_is_met_exactly() -> None:
    """The largest amount is read; one fen more is refused with both, in yuan as it was written."""
    assert limits.AMOUNT_FEN_MAX == money.fen_from_yuan(str(_BOUND_YUAN))
    assert -limits.AMOUNT_FEN_MAX == money.fen_from_yuan(f"-{_BOUND_YUAN}")
    with pytest.raises(ValueError, match=r"1' yuan is above the bound of 100000000000\.00 yuan"):
        money.fen_from_yuan(f"{_BOUND_YUAN}.01")
    with pytest.raises(ValueError, match="above the bound"):
        money.fen_from_yuan(f"-{_BOUND_YUAN}.01")


@given(st.integers(-limits.AMOUNT_FEN_MAX, limits.AMOUNT_FEN_MAX))
def test_yuan_text_is_read_back(fen: int) -> None:
    """What is written as yuan is read back as the same fen."""
    assert fen == money.fen_from_yuan(money.yuan_from_fen(fen))


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0.00"),
        (1, "0.01"),
        (-1, "-0.01"),
        (99, "0.99"),
        (100, "1.00"),
        (-123456789, "-1,234,567.89"),
    ],
)
def test_writes_yuan(fen: int, text: str) -> None:
    """Fen are written with two decimals and thousands commas."""
    assert text == money.yuan_from_fen(fen)


_EXACT = {
    Rounding.HALF_UP: lambda exact: floor(exact + Fraction(1, 2)),
    Rounding.DOWN: floor,
    Rounding.UP: ceil,
}


@given(
    numerators=st.lists(
        st.integers(0, limits.AMOUNT_FEN_MAX * limits.SUBFEN), min_size=1, max_size=8
    ),
    multiplier=st.integers(0, limits.RATE_DENOMINATOR_MAX),
    divisor=st.integers(1, limits.RATE_DENOMINATOR_MAX),
    rounding=st.sampled_from(Rounding),
)
def test_quotient_equals_fractions(
    numerators: list[int], multiplier: int, divisor: int, rounding: Rounding
) -> None:
    """The product in two parts equals exact fractions, rounded once, up to the largest amounts."""
    rate = min(multiplier, divisor)
    expected = [_EXACT[rounding](Fraction(value * rate, divisor)) for value in numerators]

    actual = money.scaled_quotient(np.array(numerators, np.int64), rate, divisor, rounding)

    assert expected == actual.tolist()


@given(
    st.lists(
        st.tuples(st.integers(0, limits.AMOUNT_FEN_MAX), st.integers(0, 10_000)),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(Rounding),
)
def test_quotient_takes_a_multiplier_per_row(
    rows: list[tuple[int, int]], rounding: Rounding
) -> None:
    """Each row may have a rate of its own."""
    amounts, rates = np.array(rows, np.int64).T
    expected = [_EXACT[rounding](Fraction(amount * rate, 10_000)) for amount, rate in rows]

    assert expected == money.scaled_quotient(amounts, rates, 10_000, rounding).tolist()


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        pytest.param(Rounding.HALF_UP, [0, 0, 1, 1, 1], id="half-up"),
        pytest.param(Rounding.DOWN, [0, 0, 0, 0, 1], id="down"),
        pytest.param(Rounding.UP, [0, 1, 1, 1, 1], id="up"),
    ],
)
def test_rounding_one_step_either_side(rounding: Rounding, expected: list[int]) -> None:
    """Zero, just below a half, a half, just above it, and one: each rule decides as named."""
    parts = np.array([0, 4_999, 5_000, 5_001, 10_000], np.int64)

    assert expected == money.scaled_quotient(parts, 1, 10_000, rounding).tolist()


def test_quotient_leaves_its_input_alone() -> None:
    """The amounts handed in are not written to."""
    amounts = np.array([1, 150, 333], np.int64)
    amounts.setflags(write=False)

    money.scaled_quotient(amounts, 50, 100, Rounding.HALF_UP)

    assert [1, 150, 333] == amounts.tolist()
