"""What was adjusted counts as what its records add up to, and only where that is equal."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.classify import classify
from medsettle.clearing.matching.odd_rows import OddRows

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


def _table(*books: Sequence[dict[str, Any]]) -> pa.Table:
    """Return what differs between insurance, care and, if given, the nation."""
    sides = [Side.INSURED, Side.CARE, Side.NATIONAL][: len(books)]
    rows = {
        side: pa.Table.from_pylist(list(own), _SCHEMA)
        for side, own in zip(sides, books, strict=True)
    }
    columns = {side: frozenset(_SCHEMA.names) for side in sides}
    return classify(OddRows(rows, columns))


def _found(*books: Sequence[dict[str, Any]]) -> list[tuple[str, DifferenceClass]]:
    return [
        (str(row["item"]), DifferenceClass(row["difference_class"]))
        for row in _table(*books).to_pylist()
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


def test_an_adjustment_that_all_books_have_may_differ_in_facts() -> None:
    """What the correction is claimed of is told, though the amounts are equal."""
    books = [[book_row("S1"), _adjustment("A1", "S1", -1_000)] for _ in range(3)]
    books[2][1]["insurance_type"] = "390"
    assert [("adjust:A1", _C.FACT)] == _found(*books)


def test_an_adjustment_that_some_books_have_may_differ_in_facts() -> None:
    """Care needs none; the two that have it do not agree on whose it is."""
    over = book_row("S1", **_moved(1_000))
    insured, national = ([over, _adjustment("A1", "S1", -1_000)] for _ in range(2))
    assert [] == _found(insured, [book_row("S1")], national)
    national[1]["person"] = "P9"
    assert [("adjust:A1", _C.PERSON)] == _found(insured, [book_row("S1")], national)


def test_two_books_are_compared_in_what_the_first_does_not_know() -> None:
    """Insurance has no cash; care and the nation have, and differ in it by what was adjusted."""
    unknown = book_row("S1") | {"cash_fen": None}
    care = [book_row("S1"), _adjustment("A1", "S1", 0, cash_fen=-1_000)]
    assert [("adjust:A1", _C.AMOUNT)] == _found([unknown], care, [book_row("S1")])


def test_a_cancel_that_forgets_the_adjustment_is_told() -> None:
    """Care took back all that it had first, and so has 10.00 less than nothing."""
    over, right = book_row("S1", **_moved(1_000)), book_row("S1")
    back = {"settlement": "C1", "kind": "cancel", "original": "S1", "request_id": "C"}

    def taken_back(settled: dict[str, Any]) -> dict[str, Any]:
        minus = {c.name: -settled[c.name] for c in BOOK if c.name.endswith("_fen")}
        return settled | minus | back

    adjustment = _adjustment("A1", "S1", -1_000)
    insured = [right, taken_back(right)]
    assert [] == _found(insured, [over, adjustment, taken_back(right)])
    told = _found(insured, [over, adjustment, taken_back(over)])
    assert {("adjust:A1", _C.AMOUNT), (_S1, _C.AMOUNT)} <= set(told)


def test_what_is_at_risk_is_what_stands() -> None:
    """Of another person, 700.00 of the pool are at risk and not the 710.00 before correction."""
    books = [
        [book_row("S1")],
        [book_row("S1", **_moved(1_000), person="P9"), _adjustment("A1", "S1", -1_000)],
    ]
    (found,) = _table(*books).to_pylist()
    assert (_C.PERSON, 70_000) == (found["difference_class"], found["at_risk_fen"])
