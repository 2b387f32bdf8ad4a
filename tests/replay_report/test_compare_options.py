"""Thresholds and responses are bounded, and every fault of them is told at once."""

from datetime import date
from fractions import Fraction

import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest
from medsettle.replay.compare_options import CompareOptions, Response, elasticity

_SINCE = date(2025, 7, 1)


def test_thresholds_up_to_a_bound() -> None:
    """So many of a kind and not one more; the largest amount and not a fen more."""
    most = limits.COMPARE_THRESHOLDS_MAX
    CompareOptions(change_fen=tuple(range(1, most + 1)), burden_fen=(limits.AMOUNT_FEN_MAX,))
    CompareOptions(burden_percent=(1, 99))
    with pytest.raises(InvalidRequest) as caught:
        CompareOptions(
            change_fen=tuple(range(1, most + 2)),
            burden_percent=(),
            burden_fen=(limits.AMOUNT_FEN_MAX + 1,),
        )
    assert [
        ("change_fen", f"has {most + 1} thresholds; give 1 to {most}"),
        ("burden_percent", f"has 0 thresholds; give 1 to {most}"),
        ("burden_fen", "has a threshold that is not above 0 and up to 100000000000.00 yuan"),
    ] == [(fault.path, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize("found", [(0,), (100,), (25, 10), (10, 10)])
def test_thresholds_rise_above_nothing(found: tuple[int, ...]) -> None:
    """Nothing, all of the cost, and what does not rise are no thresholds."""
    with pytest.raises(InvalidRequest):
        CompareOptions(burden_percent=found)


def test_elasticities_up_to_a_bound() -> None:
    """A half and no more, from the weakest to the strongest, none above nothing."""
    most = Fraction(limits.ELASTICITY_PERCENT_MAX, 100)
    Response((Fraction(0), Fraction(0), -most), _SINCE, "assumed")
    for wrong in (
        (Fraction(0), Fraction(0), -most - Fraction(1, 10**6)),
        (Fraction(1, 10**6), Fraction(0), Fraction(0)),
        (Fraction(-2, 10), Fraction(-1, 10), Fraction(-3, 10)),
    ):
        with pytest.raises(InvalidRequest, match="from the weakest to the strongest"):
            Response(wrong, _SINCE, "assumed")


def test_a_response_has_a_source() -> None:
    """Of one character at least, and so many at most."""
    three = (Fraction(0), Fraction(0), Fraction(0))
    most = limits.RESPONSE_SOURCE_CHARS_MAX
    Response(three, _SINCE, "x" * most)
    for wrong in ("", "  ", "x" * (most + 1)):
        with pytest.raises(InvalidRequest, match="say in 1 to"):
            Response(three, _SINCE, wrong)


@pytest.mark.parametrize("text", ["", "0,2", "1/5", "-.2", "-0.1234567", "--1", "1e-1", "-0.2x"])
def test_what_is_no_elasticity_is_refused(text: str) -> None:
    """Exact decimals only."""
    with pytest.raises(ValueError, match=r"is no elasticity; write it like -0\.2"):
        elasticity(text)
