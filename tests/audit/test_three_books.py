"""The comparison of three books finds what is different between them, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from medsettle.audit.three_books import (
    SHARES,
    TAKEN_BACK_BY,
    AreaOwed,
    Difference,
    DifferenceKind,
    compare_books,
)
from medsettle.errors import AuditCorrupt

from tests.audit.area_books import AREA_A, AREA_B, HUB, OWED, TOTAL, A, B, ThreeBooks

pytestmark = pytest.mark.slow

_Found = tuple[DifferenceKind, str, tuple[str, str], tuple[str, ...], str | None]


@pytest.fixture(name="books")
def _books(tmp_path: Path) -> ThreeBooks:
    """Return three books that agree: care both ways, one of them taken back, and local care."""
    books = ThreeBooks(tmp_path)
    books.settle("S1", home=AREA_B, care=AREA_A)
    books.settle("S2", home=AREA_B, care=AREA_A)
    books.settle("S3", home=AREA_A, care=AREA_B)
    books.settle("S4", home=AREA_B, care=AREA_A)
    books.take_back("S4")
    books.local("L1", AREA_A)
    books.local("L2", AREA_B)
    return books


def _found(difference: Difference) -> _Found:
    columns = tuple(sorted(difference.columns))
    named = difference.settlement, difference.books, columns, difference.missing_at
    return (difference.kind, *named)


@pytest.mark.parametrize("hub", [True, False])
def test_books_that_agree(books: ThreeBooks, *, hub: bool) -> None:
    """Each record between areas is matched, negative ones too, and both books owe the same."""
    compared = books.compared(hub=hub)

    assert compared.agrees
    assert (5, 0, ()) == (compared.matched, compared.withdrawn, compared.differences)
    assert [(AREA_A, AREA_B, OWED, OWED), (AREA_B, AREA_A, 2 * OWED, 2 * OWED)] == [
        (each.debtor, each.creditor, each.claimed_fen, each.owed_fen) for each in compared.owed
    ]
    assert {
        ("310", "account", "F-account", "C-account", 4_000),
        ("310", "large_amount", "F-large_amount", "C-large_amount", 10_000),
        ("310", "pooled_fund", "F-pooled_fund", "C-pooled_fund", 140_000),
    } == {
        (each.insurance_type, each.payer, each.fund_pay_type, each.care_fund_pay_type, fen)
        for each in compared.owed[1].funds
        if (fen := each.owed_fen) == each.claimed_fen
    }


def test_books_without_anything(tmp_path: Path) -> None:
    """Empty books agree, and nobody owes anything."""
    compared = ThreeBooks(tmp_path).compared()

    assert (0, 0, (), (), True) == (
        *(compared.matched, compared.withdrawn, compared.differences, compared.owed),
        compared.agrees,
    )


def _missing(*names: str) -> Callable[[ThreeBooks], None]:
    def plant(books: ThreeBooks) -> None:
        for name in names:
            del books.held[name]["S1"]

    return plant


def _changed(*names: str, **columns: object) -> Callable[[ThreeBooks], None]:
    def plant(books: ThreeBooks) -> None:
        for name in names:
            books.held[name]["S1"].columns = columns

    return plant


def _shares(name: str, *, columns: bool) -> Callable[[ThreeBooks], None]:
    """Return what moves a fen from one fund to the other, in the payers and in the row or not."""

    def plant(books: ThreeBooks) -> None:
        settled = books.held[name]["S1"]
        settled.shares = {"pooled_fund": {"paid_fen": 69_999}, "large_amount": {"paid_fen": 5_001}}
        if columns:
            settled.columns = {"pooled_fund_fen": 69_999, "large_amount_fen": 5_001}

    return plant


def _fund_code(books: ThreeBooks) -> None:
    books.held[A]["S1"].shares = {"account": {"care_fund_pay_type": "C-other"}}


def _taken_back(*names: str) -> Callable[[ThreeBooks], None]:
    """Return what lets some books take S1 back, and the others not."""

    def plant(books: ThreeBooks) -> None:
        books.take_back("S1")
        for name in {A, B, HUB} - {*names}:
            del books.held[name]["S1-X"]

    return plant


_AB, _BH, _AH = (B, A), (B, HUB), (A, HUB)
_KINDS = DifferenceKind
_SPLIT = (SHARES,)
_SPLIT_ROW = ("large_amount_fen", SHARES, "pooled_fund_fen")


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        pytest.param(_missing(A), [(_KINDS.MISSING, "S1", _AB, (), A)], id="missing-at-care"),
        pytest.param(_missing(B), [(_KINDS.MISSING, "S1", _AB, (), B)], id="missing-at-home"),
        pytest.param(_missing(HUB), [(_KINDS.MISSING, "S1", _BH, (), HUB)], id="missing-at-hub"),
        pytest.param(
            _missing(A, B),
            [(_KINDS.MISSING, "S1", _BH, (), B), (_KINDS.MISSING, "S1", _AH, (), A)],
            id="at-the-hub-only",
        ),
        pytest.param(
            _changed(A, cash_fen=23_001),
            [(_KINDS.AMOUNT, "S1", _AB, ("cash_fen",), None)],
            id="amount-at-care",
        ),
        pytest.param(
            _changed(B, total_fen=TOTAL + 1),
            [
                (_KINDS.AMOUNT, "S1", _AB, ("total_fen",), None),
                (_KINDS.AMOUNT, "S1", _BH, ("total_fen",), None),
            ],
            id="amount-at-home",
        ),
        pytest.param(
            _changed(HUB, account_balance_fen=1),
            [(_KINDS.AMOUNT, "S1", _BH, ("account_balance_fen",), None)],
            id="amount-at-hub",
        ),
        pytest.param(
            _shares(A, columns=False), [(_KINDS.SPLIT, "S1", _AB, _SPLIT, None)], id="split-shares"
        ),
        pytest.param(
            _shares(HUB, columns=True),
            [(_KINDS.SPLIT, "S1", _BH, _SPLIT_ROW, None)],
            id="split-with-equal-total",
        ),
        pytest.param(_fund_code, [(_KINDS.SPLIT, "S1", _AB, _SPLIT, None)], id="fund-code"),
        pytest.param(
            _changed(A, policy_digest="older"),
            [(_KINDS.VERSION, "S1", _AB, ("policy_digest",), None)],
            id="policy-version",
        ),
        pytest.param(
            _changed(HUB, catalogue_digest="older"),
            [(_KINDS.VERSION, "S1", _BH, ("catalogue_digest",), None)],
            id="catalogue-version",
        ),
        pytest.param(
            _changed(A, person="P2"), [(_KINDS.FACT, "S1", _AB, ("person",), None)], id="person"
        ),
        pytest.param(
            _taken_back(B, HUB),
            [(_KINDS.STATE, "S1", _AB, (TAKEN_BACK_BY,), None)],
            id="taken-back-but-at-care",
        ),
        pytest.param(
            _taken_back(A, HUB),
            [
                (_KINDS.STATE, "S1", _AB, (TAKEN_BACK_BY,), None),
                (_KINDS.STATE, "S1", _BH, (TAKEN_BACK_BY,), None),
            ],
            id="taken-back-but-at-home",
        ),
        pytest.param(
            _taken_back(A, B),
            [(_KINDS.STATE, "S1", _BH, (TAKEN_BACK_BY,), None)],
            id="taken-back-but-at-the-hub",
        ),
        pytest.param(
            _changed(A, person="P2", policy_digest="older", cash_fen=1),
            [(_KINDS.AMOUNT, "S1", _AB, ("cash_fen", "person", "policy_digest"), None)],
            id="the-heaviest-is-told",
        ),
    ],
)
def test_a_planted_difference_is_found(
    books: ThreeBooks, plant: Callable[[ThreeBooks], None], expected: list[_Found]
) -> None:
    """Each kind is found between the books that differ, with both rows, and nothing else is."""
    plant(books)

    compared = books.compared()

    assert expected == [_found(each) for each in compared.differences]
    assert not compared.agrees
    for each in compared.differences:
        for name, row in zip(each.books, each.rows, strict=True):
            assert (row is None) is ("S1" not in books.held[name])
            assert row is None or row["settlement"] == "S1"


def test_what_was_taken_back_before_it_was_taken_is_counted_apart(books: ThreeBooks) -> None:
    """A pair of zero that the place of care never had is none of the differences."""
    books.take_back("S1")
    for name in ("S1", "S1-X"):
        del books.held[A][name]

    compared = books.compared()

    assert (4 - 1 + 1, 1, ()) == (compared.matched, compared.withdrawn, compared.differences)
    assert compared.agrees


def test_a_hub_may_not_have_heard_of_a_withdrawn_pair(books: ThreeBooks) -> None:
    """Neither the settlement nor what takes it back reached it: nothing stands anywhere."""
    books.take_back("S1")
    for book in (A, HUB):
        for name in ("S1", "S1-X"):
            del books.held[book][name]

    compared = books.compared()

    assert (1, True) == (compared.withdrawn, compared.agrees)


def test_a_withdrawn_settlement_that_stands_at_the_hub_is_found(books: ThreeBooks) -> None:
    """One copy of a pair is worse than none."""
    books.take_back("S1")
    del books.held[A]["S1"], books.held[A]["S1-X"], books.held[HUB]["S1-X"]

    compared = books.compared()

    assert 1 == compared.withdrawn
    assert [(_KINDS.STATE, "S1", _BH, (TAKEN_BACK_BY,), None)] == [
        _found(each) for each in compared.differences
    ]


def test_a_pair_that_does_not_add_up_is_missing(books: ThreeBooks) -> None:
    """What is left of a pair at home stands there alone: both records are told as missing."""
    books.take_back("S1")
    del books.held[A]["S1"], books.held[A]["S1-X"]
    books.held[B]["S1-X"].columns = {"cash_fen": 0}
    books.held[HUB]["S1-X"].columns = {"cash_fen": 0}

    compared = books.compared()

    assert 0 == compared.withdrawn
    assert [(_KINDS.MISSING, "S1", _AB, (), A), (_KINDS.MISSING, "S1-X", _AB, (), A)] == [
        _found(each) for each in compared.differences
    ]


def test_what_is_owed_is_asked_of_both_books(books: ThreeBooks) -> None:
    """A fen between two funds shows in the funds; a fen of cash shows in the sum."""
    _shares(A, columns=True)(books)
    books.held[A]["S2"].columns = {"cash_fen": 22_999}

    compared = books.compared()

    owed: AreaOwed = compared.owed[1]
    assert (2 * OWED + 1, 2 * OWED) == (owed.claimed_fen, owed.owed_fen)
    assert {("large_amount", 1), ("pooled_fund", -1), ("account", 0)} == {
        (fund.payer, fund.claimed_fen - fund.owed_fen) for fund in owed.funds
    }
    assert not owed.agrees
    assert compared.owed[0].agrees


def test_an_altered_table_is_not_compared(books: ThreeBooks) -> None:
    """The hash of every file is checked before anything is read."""
    written = books.written()
    file = next((books.folder / HUB).rglob("*.parquet"))
    file.write_bytes(file.read_bytes() + b" ")

    with pytest.raises(AuditCorrupt, match="has SHA-256"):
        compare_books(written[:2], written[2])
