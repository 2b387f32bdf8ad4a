"""What was adjusted counts as what its records add up to, and only where that is equal."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from medsettle.clearing.book import BOOK, Side
from medsettle.clearing.classes import DifferenceClass
from medsettle.clearing.classify import classify
from medsettle.clearing.odd_rows import OddRows

from tests.clearing.differences import book_row

_C = DifferenceClass
_SCHEMA = pa.schema([column.arrow_field().with_nullable(True) for column in BOOK])
_PAID = ("pooled_fund_fen", "fund_total_fen")
_OWN = ("person_total_fen", "cash_fen")


def _moved(fen: int) -> dict[str, int]:
    """Return 70,000 fen of the pool and 30,000 in cash, so many fen from cash to the pool."""
    return dict.fromkeys(_PAID, 70_000 + fen) | dict.fromkeys(_OWN, 30_000 - fen)


def _adjustment(settlement: str, original: str, fen: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    nothing = {column.name: 0 for column in BOOK if column.name.endswith("_fen")}
    moved = dict.fromkeys(_PAID, fen) | dict.fromkeys(_OWN, -fen)
    own = {"kind": "adjust", "original": original, "request_id": f"A-{settlement}"}
    return book_row(settlement, **nothing) | moved | own | changes


def _found(*books: Sequence[dict[str, Any]]) -> list[tuple[str, DifferenceClass]]:
    """Return item and class of what differs between insurance, care and, if given, the nation."""
    sides = [Side.INSURED, Side.CARE, Side.NATIONAL][: len(books)]
    rows = {
        side: pa.Table.from_pylist(list(own), _SCHEMA)
        for side, own in zip(sides, books, strict=True)
    }
    columns = {side: frozenset(_SCHEMA.names) for side in sides}
    table = classify(OddRows(rows, columns))
    return [
        (str(row["item"]), DifferenceClass(row["difference_class"])) for row in table.to_pylist()
    ]


_S1 = "settle:S1"


def test_an_adjustment_that_makes_books_equal_leaves_nothing() -> None:
    """Care had 10.00 yuan more of the pool, and took them back: both say 700.00."""
    care = [book_row("S1", **_moved(1_000)), _adjustment("A1", "S1", -1_000)]
    assert [] == _found([book_row("S1")], care)
    assert [] == _found([book_row("S1")], care, [book_row("S1")])


def test_several_adjustments_are_added_up() -> None:
    """4.00 and 6.00 are the 10.00 that were too much; half of them is not."""
    over = book_row("S1", **_moved(1_000))
    parts = [_adjustment("A1", "S1", -400), _adjustment("A2", "S1", -600)]
    assert [] == _found([book_row("S1")], [over, *parts])
    left = _found([book_row("S1")], [over, parts[0]])
    assert (_S1, _C.AMOUNT) in left


@pytest.mark.parametrize("fen", [-999, -1_001])
def test_a_fen_too_little_or_too_much_is_told(fen: int) -> None:
    """An adjustment that leaves a fen is a difference still."""
    care = [book_row("S1", **_moved(1_000)), _adjustment("A1", "S1", fen)]
    assert (_S1, _C.AMOUNT) in _found([book_row("S1")], care)


def test_an_adjustment_of_what_agreed_is_told() -> None:
    """Both had the same, and one corrected it alone: the other lacks the correction."""
    care = [book_row("S1"), _adjustment("A1", "S1", -1_000)]
    assert [("adjust:A1", _C.AMOUNT)] == _found([book_row("S1")], care)


def test_what_was_adjusted_and_adjusted_back_is_nothing() -> None:
    """Two adjustments that add up to zero change nothing in the book that has them."""
    care = [book_row("S1"), _adjustment("A1", "S1", -500), _adjustment("A2", "S1", 500)]
    assert [] == _found([book_row("S1")], care)


def test_another_fact_is_still_told() -> None:
    """The amounts are equal by now; that another person was treated is not settled by that."""
    care = [book_row("S1", **_moved(1_000), person="P9"), _adjustment("A1", "S1", -1_000)]
    assert [(_S1, _C.PERSON)] == _found([book_row("S1")], care)


def test_one_book_of_three_that_is_still_wrong_is_told() -> None:
    """Care corrected itself; the copy of the nation has not."""
    over = book_row("S1", **_moved(1_000))
    care = [over, _adjustment("A1", "S1", -1_000)]
    assert (_S1, _C.AMOUNT) in _found([book_row("S1")], care, [over])
