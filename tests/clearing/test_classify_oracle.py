"""Whatever a few books hold, the classes are those of a slow reading of the rules."""

from collections.abc import Mapping, Sequence
from datetime import date
from random import Random
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.classify import classify
from medsettle.clearing.matching.odd_rows import OddRows

from tests.clearing import class_oracle
from tests.clearing.books import Row, odd_keys_of, row, table, wanted_keys_of

_FEN = [column.name for column in BOOK if column.name.endswith("_fen")]
_ADDED = {"fund_total_fen": -50, "pooled_fund_fen": -50, "cash_fen": 50}
_ALL = {column.name for column in BOOK}
_LACKING = st.sets(
    st.sampled_from(
        ["request_id", "encounter", "card", "policy_digest", "record_time", "cash_fen"]
    ),
    max_size=2,
)
_Books = dict[Side, list[Row]]


@st.composite
def _settlement(draw: st.DrawFn, number: int, sides: Sequence[Side]) -> _Books:
    """Draw one settlement of a few people and visits, as each book has it."""
    first = row(
        f"S{number}",
        institution=draw(st.sampled_from(["i1", "i2"])),
        request_id=draw(st.sampled_from([None, "r1", f"r{number}"])),
        institution_settlement=draw(st.sampled_from([None, "n1"])),
        encounter=draw(st.sampled_from([None, "v1", "v2"])),
        person=draw(st.sampled_from(["p1", "p2"])),
        service_date=draw(st.sampled_from([None, date(2026, 3, 31)])),
        record_time=draw(st.integers(1, 3)),
        total_fen=draw(st.sampled_from([10_000, 20_000])),
        policy_digest="one",
    )
    return {side: draw(_as_held(first, number, side)) for side in sides}


@st.composite
def _as_held(draw: st.DrawFn, first: Row, number: int, side: Side) -> list[Row]:
    own = first | draw(_changes(number, side))
    held = draw(st.sampled_from(["no", "yes", "yes", "yes", "corrected", "twice", "alone"]))
    rows = [own] if held in {"yes", "corrected", "twice"} else []
    if held == "twice":
        rows.append(own | draw(_changes(number, side)))
    stands = own
    if held == "corrected":
        # An adjustment takes back what this book had more of, and a cancel perhaps what is left.
        rows = [own | {name: own[name] - fen for name, fen in _ADDED.items()}]
        stands = draw(st.sampled_from([own, rows[0]]))
    named = draw(st.sampled_from([own["settlement"], first["settlement"], None]))
    for kind, letter in (("cancel", "C"), ("cancel", "D"), ("adjust", "A"), ("deduction", "R")):
        needed = held == "corrected" and kind == "adjust"
        if held == "no" or not (needed or draw(st.integers(0, 2 if letter == "C" else 7)) == 1):
            continue
        back = dict.fromkeys(_FEN, 0)
        if kind == "cancel":
            back = {name: -stands[name] for name in _FEN}
        elif kind == "deduction":
            back |= {"total_fen": -100, "fund_total_fen": -100, "pooled_fund_fen": -100}
        else:
            back |= _ADDED
        own_id = draw(st.sampled_from([f"{letter}{number}", f"{letter}{number}{side}"]))
        theirs = {"settlement": own_id, "kind": kind, "original": named, "request_id": None}
        if kind == "cancel" and named is None:
            theirs["settlement"] = own["settlement"]
        rows.append(own | back | theirs | {"record_time": 5})
    return rows


@st.composite
def _changes(draw: st.DrawFn, number: int, side: Side) -> dict[str, Any]:
    """Draw how a book has a settlement otherwise; mostly not at all."""
    if draw(st.booleans()):
        return {}
    options: list[dict[str, Any]] = [
        {"settlement": f"S{number}{side}"},
        {"person": "p9"},
        {"card": "k1"},
        {"card": "k2"},
        {"total_fen": 10_001, "in_scope_fen": 10_001, "person_total_fen": 3_001, "cash_fen": 3_001},
        {"pooled_fund_fen": 6_000, "other_fund_fen": 1_000},
        {"record_date": date(2026, 4, 1)},
        {"record_date": date(2026, 3, 30)},
        {"policy_digest": "two"},
        {"policy_digest": None},
        {"insurance_type": "390"},
        {"visit_type": "21"},
        {"request_id": None},
        {"record_time": None},
    ]
    return draw(st.sampled_from(options))


@st.composite
def _books(draw: st.DrawFn) -> tuple[_Books, dict[Side, set[str]]]:
    sides = draw(
        st.sampled_from([tuple(Side), tuple(Side), (Side.INSURED, Side.CARE)])
        | st.sampled_from([(Side.INSURED, Side.NATIONAL), (Side.CARE, Side.NATIONAL)])
    )
    books: _Books = {side: [] for side in sides}
    for number in range(draw(st.integers(1, 3))):
        for side, rows in draw(_settlement(number, sides)).items():
            books[side] += rows
    columns = {side: _ALL - draw(_LACKING) for side in sides}
    known = {
        side: [
            {name: value if name in columns[side] else None for name, value in each.items()}
            for each in rows
        ]
        for side, rows in books.items()
    }
    return known, columns


def _odd(books: Mapping[Side, Sequence[Row]], columns: Mapping[Side, set[str]]) -> OddRows:
    tables = {side: table(rows, frozenset(_ALL - columns[side])) for side, rows in books.items()}
    return OddRows(tables, {side: frozenset(names) for side, names in columns.items()})


def _bytes(found: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.schema) as writer:
        writer.write_table(found)
    return bytes(sink.getvalue())


@given(_books())
def test_classes_are_those_of_a_slow_reading(
    drawn: tuple[_Books, dict[Side, set[str]]],
) -> None:
    """Item, class, who has and lacks it, and money at risk are what plain conditions say."""
    books, columns = drawn

    found = classify(_odd(books, columns))

    expected = class_oracle.differences({str(side): rows for side, rows in books.items()})
    told = {
        each["item"]: (
            each["difference_class"],
            tuple(each["held_by"]),
            tuple(each["missing_at"]),
            each["at_risk_fen"],
        )
        for each in found.select(
            ["item", "difference_class", "held_by", "missing_at", "at_risk_fen"]
        ).to_pylist()
    }
    assert expected == told


@settings(max_examples=settings().max_examples // 2)
@given(_books(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    drawn: tuple[_Books, dict[Side, set[str]]], random: Random
) -> None:
    """Rows in any order, those of one id among them, give the same bytes."""
    books, columns = drawn
    shuffled = {side: random.sample(rows, len(rows)) for side, rows in books.items()}

    assert _bytes(classify(_odd(books, columns))) == _bytes(classify(_odd(shuffled, columns)))


@settings(max_examples=settings().max_examples // 2)
@given(_books())
def test_what_agrees_changes_nothing(drawn: tuple[_Books, dict[Side, set[str]]]) -> None:
    """The odd rows, with what stands beside them, give what all rows of the books give."""
    books, columns = drawn
    wanted = wanted_keys_of(books, columns, odd_keys_of(books, columns))
    odd = {
        side: [each for each in rows if each["settlement"] in wanted]
        for side, rows in books.items()
    }

    assert _bytes(classify(_odd(books, columns))) == _bytes(classify(_odd(odd, columns)))
