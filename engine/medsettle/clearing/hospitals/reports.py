"""Records of a book as claims of hospitals: what was declared of each, and what took it back.

A claim is a settlement. What changes it later, a cancel, a reversal or an adjustment, is an entry
of its own with a sign, in the month in which it was recorded; so a month that was paid stays as it
is. Where a claim shrinks, deductions that have nothing to take from any more lapse, and reserve
withheld of what is gone returns to its fund; what was paid of it is recovered by the next payment.

Source of the sums: rows of `medsettle.clearing.matching.book.BOOK`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final, TypeAlias

import orjson

from medsettle import limits
from medsettle.clearing.hospitals.cases import change_claim, standing_cases
from medsettle.clearing.hospitals.deductions import ClaimDeduction, Code, add_deduction
from medsettle.clearing.hospitals.entries import Entry
from medsettle.clearing.hospitals.store import Decision, HospitalStore, Part
from medsettle.clearing.matching.book import RecordKind
from medsettle.clearing.months.month import Month
from medsettle.core import codes
from medsettle.core.dates import day_number
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.side_file import unavailable

# Rows that are looked up and recorded at a time.
_CHUNK: Final = 10_000

BookRow: TypeAlias = Mapping[str, Any]

_CODES: Final = (
    *("settlement", "kind", "institution", "pooling_area", "care_area"),
    *("insurance_type", "clearing_class"),
)
_FEN: Final = (
    "total_fen",
    *(f"{name}_fen" for name in codes.FUND_NAMES),
    *(f"{name}_fen" for name in codes.PERSONAL_NAMES),
    *("fund_total_fen", "cash_fen"),
)
_OF_CLAIM: Final = (
    *("institution", "pooling_area", "care_area", "insurance_type", "clearing_class"),
)
_FACTS: Final = ", ".join(f"c.{name}" for name in _OF_CLAIM)
_COMPARED: Final = (
    *("original", "kind", "record_date", *_OF_CLAIM),
    *("total_fen", "accounts", "cash_fen", "fund_total_fen", "funds"),
)
"""What a record is compared by that was read before."""
_Content: TypeAlias = dict[str, object]

READ_COLUMNS: Final = (*_CODES, "original", "record_date", *_FEN)
"""The columns of a book that are read here."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a reading of a book brought: new records, ones known before, and audit deductions."""

    added: int
    known: int
    deductions: int


def report(store: HospitalStore, rows: Iterable[BookRow], decision: Decision) -> Reported:
    """Record the rows of a book, each once however often it is read.

    Args:
        store: Where to.
        rows: With READ_COLUMNS, amounts in fen, in any order, at most HOSPITAL_RECORDS_MAX.
        decision: Who reads the book in.

    Raises:
        InvalidRequest: All rows that are none, say something else than they did before, or take
            back what was never reported or more than there is. Nothing was recorded.
    """
    decision.check()
    reading = _Reading(store, decision)
    with store.change():
        later: list[tuple[int, BookRow]] = []
        numbered = enumerate(rows)
        while chunk := list(islice(numbered, _CHUNK)):
            if chunk[-1][0] >= limits.HOSPITAL_RECORDS_MAX:
                most = limits.HOSPITAL_RECORDS_MAX
                raise InvalidRequest(
                    [Fault("rows", f"more than {most}; read fewer days at a time")]
                )
            later += reading.settled(chunk)
        # Only now, for a file may have a cancel before what it takes back. What undoes adjustments
        # of a settlement is recorded with its cancel, which takes back what was settled first.
        for number, row in sorted(later, key=lambda each: each[1]["kind"] == RecordKind.CANCEL):
            reading.changed(number, row)
        if reading.faults:
            raise InvalidRequest(reading.faults[: limits.FILE_FAULTS_SHOWN_MAX])
    return Reported(reading.added, reading.known, reading.deductions)


class _Reading:
    """What was read of a book so far, inside one change of the store."""

    def __init__(self, store: HospitalStore, decision: Decision) -> None:
        self._store = store
        self._decision = decision
        self.added = 0
        self.known = 0
        self.deductions = 0
        self.faults: list[Fault] = []
        # What is only recorded once everything was read.
        self._changes: dict[str, _Content] = {}

    def settled(self, chunk: list[tuple[int, BookRow]]) -> list[tuple[int, BookRow]]:
        """Record the settlements of some rows, and return the other rows that are new."""
        sound = [(number, row) for number, row in chunk if self._is_sound(number, row)]
        before = self._recorded([str(row["settlement"]) for _, row in sound])
        later, claims, entries, parts, shares = [], [], [], [], []
        for number, row in sound:
            record, content = row["settlement"], _content(row)
            known = before.get(record, self._changes.get(record))
            if known is not None:
                self._compare(number, known, content)
                continue
            if row["kind"] != RecordKind.SETTLE:
                self._changes[record] = content
                later.append((number, row))
                continue
            before[record] = content
            day = day_number(row["record_date"])
            claims.append((record, *(row[name] for name in _OF_CLAIM), day))
            entries.append(_entry(row, record))
            for payer, fen in _shares(row):
                parts.append((record, payer))
                shares.append((record, payer, record, fen))
        with unavailable(self._store.path, "write"):
            run = self._store.connection.executemany
            run("insert into claims values (?,?,?,?,?,?,?)", claims)
            run("insert into entries values (?,?,?,?,?,?,?,?,?,?,?)", entries)
            run("insert into parts (claim, payer) values (?,?)", parts)
            run("insert into shares values (?,?,?,?)", shares)
        self.added += len(entries)
        return later

    def _recorded(self, records: list[str]) -> dict[str, _Content]:
        rows = self._store.rows(
            f"select e.record, e.claim, e.kind, e.record_day, {_FACTS}, "  # noqa: S608 - our own names
            "e.total_fen, e.account_fen, e.cash_fen, e.fund_fen, (select json_group_object("
            "s.payer, s.fen) from shares s where s.claim = e.claim and s.record = e.record) "
            "from entries e join claims c on c.claim = e.claim "
            "where e.record in (select value from json_each(?))",
            orjson.dumps(records).decode(),
        )
        return {
            record: dict(zip(_COMPARED, (*content, orjson.loads(shares)), strict=True))
            for record, *content, shares in rows
        }

    def _compare(self, number: int, before: _Content, content: _Content) -> None:
        differs = [name for name in _COMPARED if before[name] != content[name]]
        if differs:
            text = (
                f"is recorded with another {', '.join(differs)}; a correction has an id of its own"
            )
            self._refuse(number, "settlement", text)
        else:
            self.known += 1

    def changed(self, number: int, row: BookRow) -> None:
        """Record what takes a claim back, corrects it, or is taken off it."""
        claim = row["original"]
        facts = self._store.rows(f"select {_FACTS} from claims c where c.claim = ?", claim)  # noqa: S608
        if not facts:
            self._refuse(number, "original", f"{claim!r} was never reported; report its day first")
            return
        differs = [
            (name, was) for name, was in zip(_OF_CLAIM, facts[0], strict=True) if row[name] != was
        ]
        for name, was in differs:
            self._refuse(number, name, f"is {row[name]!r}, and that of its original is {was!r}")
        if differs:
            return
        parts = {part.payer: part for part in self._store.parts(claim)}
        if row["kind"] == RecordKind.DEDUCTION:
            self._audited(number, row, parts)
            return
        shares, cases = dict(_shares(row)), standing_cases(self._store, claim)
        for payer, fen in shares.items():
            declared_fen = parts[payer].declared_fen if payer in parts else 0
            computed_fen = declared_fen - cases.get(payer, 0)
            if fen < 0 and computed_fen + fen < 0:
                self._refuse(
                    number, f"{payer}_fen", f"takes back {-fen} fen, {computed_fen} are declared"
                )
                return
        change_claim(self._store, _entry(row, claim), shares, cases)
        self.added += 1

    def _audited(self, number: int, row: BookRow, parts: Mapping[str, Part]) -> None:
        """Take an audit deduction of a book over as one of a review, once."""
        day = day_number(row["record_date"])
        told = {f"{row['settlement']}:{payer}": fen for payer, fen in _shares(row)}
        known = self._deducted(row["settlement"])
        if known:
            content = {source: (row["original"], -fen, day) for source, fen in told.items()}
            if known == content:
                self.known += 1
            else:
                self._refuse(
                    number, "settlement", "is recorded with another original, day or amount"
                )
            return
        for source, fen in told.items():
            payer = source.rpartition(":")[2]
            part = parts.get(payer)
            left_fen = 0 if part is None else part.worth_fen
            if part is None or not 0 < -fen <= left_fen:
                self._refuse(number, f"{payer}_fen", f"deducts {-fen} fen, {left_fen} are left")
                return
            review = Decision(self._decision.by, self._decision.moment, "audit deduction of a book")
            add_deduction(self._store, part, ClaimDeduction(Code.REVIEW, -fen, day, source), review)
            self.deductions += 1

    def _deducted(self, record: str) -> dict[str, tuple[str, int, int]]:
        """Return claim, fen and day of what an audit deduction is recorded as, by source."""
        rows = self._store.rows(
            "select source, payer, claim, fen, from_day from deductions "
            "where source > ? || ':' and source < ? || ';'",
            *(record, record),
        )
        return {
            source: (claim, fen, day)
            for source, payer, claim, fen, day in rows
            if source == f"{record}:{payer}"
        }

    def _is_sound(self, number: int, row: BookRow) -> bool:
        before = len(self.faults)
        for column, message in _row_faults(row):
            self._refuse(number, column, message)
        return len(self.faults) == before

    def _refuse(self, number: int, column: str, message: str) -> None:
        self.faults.append(Fault(f"rows[{number}].{column}", message))


def _entry(row: BookRow, claim: str) -> Entry:
    day: date = row["record_date"]
    account_fen = sum(row[f"{name}_fen"] for name in codes.PERSONAL_NAMES)
    return (
        *(row["settlement"], claim, row["institution"], str(row["kind"])),
        *(day_number(day), Month.of_day(day).text),
        *(row["total_fen"], account_fen, row["cash_fen"], row["fund_total_fen"], ""),
    )


def _content(row: BookRow) -> _Content:
    entry = _entry(row, row["settlement"] if row["kind"] == RecordKind.SETTLE else row["original"])
    _, claim, _, kind, day, _, *amounts, _ = entry
    facts = (row[name] for name in _OF_CLAIM)
    return dict(
        zip(_COMPARED, (claim, kind, day, *facts, *amounts, dict(_shares(row))), strict=True)
    )


def _shares(row: BookRow) -> list[tuple[str, int]]:
    """Return what each fund pays of a row, without those that pay nothing."""
    return [(name, fen) for name in codes.FUND_NAMES if (fen := row[f"{name}_fen"])]


def _row_faults(row: BookRow) -> Iterator[tuple[str, str]]:
    """Yield column and message for everything that is wrong with one row."""
    wanted = _CODES if row.get("kind") == RecordKind.SETTLE else (*_CODES, "original")
    for name in wanted:
        text = row.get(name)
        if not isinstance(text, str) or not 1 <= len(text) <= limits.CODE_CHARS_MAX:
            yield name, f"expected 1 to {limits.CODE_CHARS_MAX} characters"
    # Of a list nobody can ask whether it is in a set.
    if row.get("kind") not in tuple(RecordKind):
        yield "kind", f"is none of {', '.join(RecordKind)}"
    if not isinstance(row.get("record_date"), date):
        yield "record_date", "is no date"
    most, sound = limits.AMOUNT_FEN_MAX, True
    for name in _FEN:
        fen = row.get(name)
        if type(fen) is not int or abs(fen) > most:
            yield name, f"expected whole fen, at most {most}"
            sound = False
        elif fen < 0 and row.get("kind") == RecordKind.SETTLE:
            yield name, f"is {fen} fen, and a settlement takes nothing back"
    if sound and row["fund_total_fen"] != sum(fen for _, fen in _shares(row)):
        funds = sum(fen for _, fen in _shares(row))
        yield "fund_total_fen", f"is {row['fund_total_fen']} fen, its funds come to {funds}"
