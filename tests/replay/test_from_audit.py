"""A history of audit tables tells what the ledger tells, and settles again to what was recorded."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from medsettle.core import schema
from medsettle.core.columns import Kind
from medsettle.core.counters import CounterKey
from medsettle.engine import Engine
from medsettle.errors import InvalidRequest, Precondition
from medsettle.ledger import Recorded
from medsettle.ledger.records import decode_care, decode_scope, decode_settlement
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.history import COLUMNS
from medsettle.replay.history_check import first_fault
from medsettle.replay.layout import AMOUNTS, STAGE
from medsettle.replay.sorting import PartSize
from medsettle.settle.run import Settled

from tests.engine.engines import rule_book
from tests.replay import year
from tests.replay.made_year import Made
from tests.stores import STORES, new_place

Row = dict[str, Any]


def _settled(engine: Engine) -> list[Recorded]:
    """Return the settlements of a ledger that its engine decided itself."""
    entries = engine.ledger.page(after_seq=0, limit=1_000)
    settles = [each for each in entries if each.kind == "settle"]
    return [each for each in settles if decode_settlement(each).columns.get("side") is None]


def _typed(columns: Sequence[Any], row: Row) -> Row:
    """Return the values of a record as they come out of Arrow."""
    found = {}
    for column in columns:
        value = row.get(column.name)
        if column.kind is Kind.DATE and isinstance(value, str):
            value = date.fromisoformat(value)
        if column.kind is Kind.TIMESTAMP and isinstance(value, str):
            value = datetime.fromisoformat(value)
        found[column.name] = value
    return found


def test_each_claim_is_what_the_ledger_recorded(made: Made) -> None:
    """Facts, lines, amounts, stages, splits and what was taken back, entry by entry."""
    entries = {each.seq: each for each in _settled(made.engine)}
    rows = year.claim_rows(made.history)
    stages = year.rows_of(made.history, "stages")

    assert sorted(entries) == sorted(row["order"] for row in rows)
    for row in rows:
        entry = entries[row["order"]]
        claim, _ = decode_care(entry)
        settlement = decode_settlement(entry)
        assert _typed(schema.CLAIM, claim) == {each.name: row[each.name] for each in schema.CLAIM}
        lines = [_typed(schema.LINE, line) for line in claim["lines"]]  # type: ignore[attr-defined]
        number = {"claim": row["claim"]}
        assert [number | line for line in lines] == row["lines"]
        assert len(lines) == row["line_count"]
        recorded = {name: settlement.columns[name] for name in AMOUNTS}
        assert recorded == {name: row[f"recorded_{name}"] for name in AMOUNTS}
        assert entry.settlement == row["recorded_settlement"]
        names = [column.name for column in STAGE[1:]]
        own = [each for each in stages if each["claim"] == row["claim"]]
        payers = [number | {name: each[name] for name in names} for each in settlement.payers]
        assert payers == own
        cancel = made.engine.ledger.cancel_of(entry.settlement)
        assert (None if cancel is None else cancel.seq) == row["taken_back"]
        _assert_split(entry, row)


def _assert_split(entry: Recorded, row: Row) -> None:
    scope = decode_scope(entry)
    if scope is None:
        assert [] == row["splits"]
        return
    (own,) = scope.by_type.values()
    splits = row["splits"]
    parts = [[each[name] for each in splits] for name in ("own_expense_fen", "over_limit_fen")]
    assert own.parts[:2].tolist() == parts
    assert own.outside.tolist() == [each["outside"] for each in splits]
    assert own.item_class.tolist() == [int(each["item_class"]) for each in splits]
    assert [*range(len(splits))] == [each["position"] for each in splits]
    assert {scope.catalogue_digest} == {each["catalogue_digest"] for each in splits}
    assert [*scope.charge_types] == splits[0]["charge_types"]
    assert all(each["charge_types"] == [] for each in splits[1:])


def test_each_move_is_a_posting(made: Made) -> None:
    """What opened, bound, adjusted or dissolved stands there with its seq, of persons who claim."""
    ledger: Any = made.engine.ledger
    kinds = {each.seq: each.kind for each in ledger.page(after_seq=0, limit=1_000)}
    posted = ledger.postings(1, ledger.last_seq())
    persons = {(row["pooling_area"], row["person"]) for row in year.claim_rows(made.history)}
    expected = {
        (seq, key, delta)
        for seq, key, delta in posted
        if kinds[seq] not in {"settle", "cancel"} and (key.pooling_area, key.person) in persons
    }
    moves = [row for row in year.rows_of(made.history, "moves") if row["kind"] != "cancel"]
    found = {
        (row["order"], CounterKey(*(row[each] for each in CounterKey._fields)), row["delta"])
        for row in moves
    }

    assert expected == found
    assert len(expected) == len(moves)
    assert {"opening", "relation", "adjust"} == {row["kind"] for row in moves}


def test_other_entries_move_nothing(made: Made) -> None:
    """The kinds whose postings audit tables tell are all that post beside what settles."""
    ledger: Any = made.engine.ledger
    kinds = {each.seq: each.kind for each in ledger.page(after_seq=0, limit=1_000)}

    moving = {kinds[seq] for seq, _, _ in ledger.postings(1, ledger.last_seq())}

    assert {"settle", "cancel", "opening", "relation", "adjust"} == moving
    assert {"visit", "visit_cancel", "registration", "card", "refusal"} < {*kinds.values()}


def test_it_settles_again_to_what_was_recorded(made: Made) -> None:
    """Claim by claim with counters of nothing but the history: every amount, to the fen."""
    results, counters = year.settled_again(made.history, rule_book(year.BOOK))

    for row in year.claim_rows(made.history):
        result = results[row["claim"]]
        assert isinstance(result, Settled), result
        again = {name: result.settlement.columns[name] for name in AMOUNTS}
        assert {name: row[f"recorded_{name}"] for name in AMOUNTS} == again
        assert row["recorded_policy_digest"] == result.settlement.columns["policy_digest"]
    persons = {(row["pooling_area"], row["person"]) for row in year.claim_rows(made.history)}
    for key, value in counters.held.items():
        if (key.pooling_area, key.person) in persons:
            assert made.engine.ledger.counters([key]).get(key, 0) == value, key
    for area, person in persons:
        for counter, period, value in made.engine.ledger.person_counters(area, person):
            assert value == counters.held[CounterKey(area, person, counter, period)]


def test_everything_that_a_history_must_tell_happened(made: Made) -> None:
    """The year has what the tests above would otherwise not have looked at."""
    rows = year.claim_rows(made.history)
    moves = year.rows_of(made.history, "moves")

    assert {"shapes-before-the-reform", "shapes-after-the-reform"} <= {
        row["recorded_policy"] for row in rows
    }
    assert any(row["admission_date"].year < row["service_date"].year for row in rows)
    assert any(line["original_line"] for row in rows for line in row["lines"])
    assert any(row["splits"] for row in rows)
    assert any(row["recorded_mutual_aid_fen"] for row in rows)
    assert any(row["recorded_payouts_fen"] for row in rows)
    assert {("A", "390.paid", 700), ("A", "account", 29_999)} == {
        (row["person"], row["counter"], row["delta"]) for row in moves if row["kind"] == "cancel"
    }
    assert 1 == made.history.source["copies_left_out"]
    assert 6 == made.history.source["adjustments"]


@pytest.mark.parametrize("store", STORES)
def test_each_store_gives_the_same_history(made: Made, store: str, tmp_path: Path) -> None:
    """Of a ledger in a file and of one in PostgreSQL the same files, to the last byte.

    The moments of a few entries differ, and so what the manifest says of the ledger.
    """
    (tmp_path / "year").mkdir()
    with year.lived(new_place(store, tmp_path / "year"), tmp_path / "year" / "audit"):
        book = AuditBook.in_folder(tmp_path / "year" / "audit")
        history = history_from_audit([book], tmp_path / "history")

    assert made.history.parts == history.parts


@pytest.mark.parametrize("size", [PartSize(3, 1_000), PartSize(4, 1_000), PartSize(1_000, 3)])
def test_parts_have_the_same_rows(made: Made, size: PartSize, tmp_path: Path) -> None:
    """However a history is cut, its rows come in one order, and nobody is in two parts."""
    cut = history_from_audit([AuditBook.in_folder(made.audit)], tmp_path, size=size)

    assert 1 == len(made.history.parts)
    assert 3 < len(cut.parts)
    for table in COLUMNS:
        assert year.rows_of(made.history, table) == year.rows_of(cut, table)
    assert first_fault(cut) is None
    for part in cut.parts:
        persons = len({*cut.read(part, "claims", ["person"])["person"].to_pylist()})
        assert persons == 1 or part.rows("claims") <= size.claims
        assert persons == 1 or part.rows("lines") <= size.lines


class _Until:
    """A ledger as it was up to an entry."""

    def __init__(self, ledger: Any, seq: int) -> None:  # noqa: ANN401 - any store's
        self._ledger = ledger
        self._seq = seq

    def page(self, *, after_seq: int, limit: int) -> list[Recorded]:
        """Return the entries after `after_seq`."""
        page: list[Recorded] = self._ledger.page(after_seq=after_seq, limit=limit)
        return [each for each in page if each.seq <= self._seq]

    def postings(self, first_seq: int, last_seq: int) -> list[tuple[int, CounterKey, int]]:
        """Return what entries moved."""
        found: list[tuple[int, CounterKey, int]] = self._ledger.postings(first_seq, last_seq)
        return found

    def last_seq(self) -> int:
        """Return the last entry."""
        return self._seq


@pytest.mark.parametrize("seq", [20, 45, 60])
def test_as_of_an_entry_it_is_as_if_the_ledger_had_ended(
    made: Made, seq: int, tmp_path: Path
) -> None:
    """The same rows as of a ledger that has no entry more."""
    book = AuditBook.in_folder(made.audit)
    ended = AuditBook.of_ledger(
        _Until(made.engine.ledger, seq), tmp_path / "none", tmp_path / "rest"
    )
    before = history_from_audit([ended], tmp_path / "ended")

    history = history_from_audit([book], tmp_path / "as-of", as_of=seq)

    for table in COLUMNS:
        assert year.rows_of(before, table) == year.rows_of(history, table)
    assert seq == history.source["as_of"]


@pytest.mark.parametrize(("seq", "fits"), [(0, False), (1, True), (72, True), (73, False)])
def test_as_of_names_an_entry_that_is_there(
    made: Made, seq: int, fits: bool, tmp_path: Path
) -> None:
    """From the first to the last; what is no entry is told with the bounds."""
    book = AuditBook.in_folder(made.audit)
    assert 72 == book.last_seq
    if fits:
        assert history_from_audit([book], tmp_path, as_of=seq).rows("claims") == min(seq, 32)
        return
    with pytest.raises(InvalidRequest, match="no entry of the audit tables, which hold 1 to 72"):
        history_from_audit([book], tmp_path, as_of=seq)


def test_areas_are_chosen(made: Made, tmp_path: Path) -> None:
    """The claims and moves of some areas, numbered anew; one without any is told."""
    book = AuditBook.in_folder(made.audit)
    history = history_from_audit([book], tmp_path / "one", areas=["999902"])

    rows = [row for row in year.claim_rows(made.history) if row["pooling_area"] == "999902"]
    found = year.claim_rows(history)
    assert [row["recorded_settlement"] for row in rows] == [
        row["recorded_settlement"] for row in found
    ]
    moves = [row for row in year.rows_of(made.history, "moves") if row["pooling_area"] == "999902"]
    assert moves == year.rows_of(history, "moves")
    with pytest.raises(Precondition, match="no settlement of 999999 that was decided here"):
        history_from_audit([book], tmp_path / "none", areas=["999999"])


def test_engines_one_after_another_are_one_history(made: Made, tmp_path: Path) -> None:
    """A person whom two engines decided for has the claims of the second behind those of the first.

    Each order is that of its ledger, behind the last entry of those before.
    """
    book = AuditBook.in_folder(made.audit)
    history = history_from_audit([book, book], tmp_path)

    rows = year.claim_rows(history)
    orders = sorted(row["order"] for row in year.claim_rows(made.history))
    assert sorted([*orders, *(order + 72 for order in orders)]) == sorted(
        row["order"] for row in rows
    )
    taken = [row for row in rows if row["order"] > 72 and row["taken_back"] is not None]
    assert all(row["taken_back"] > 72 for row in taken)
    assert first_fault(history) is None
    with pytest.raises(InvalidRequest, match="is a place in one ledger, and 2 are named"):
        history_from_audit([book, book], tmp_path / "as-of", as_of=5)
