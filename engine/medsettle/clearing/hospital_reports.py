"""Records of a book as claims of hospitals: what was declared of each, and what took it back.

A claim is a settlement. What changes it later, a cancel, a reversal or an adjustment, is an entry
of its own with a sign, in the month in which it was recorded; so a month that was paid stays as it
is. Where a claim shrinks, deductions that have nothing to take from any more lapse, and reserve
withheld of what is gone returns to its fund; what was paid of it is recovered by the next payment.

Source of the sums: rows of `medsettle.clearing.book.BOOK`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final, TypeAlias

import orjson

from medsettle import limits
from medsettle.clearing.book import RecordKind
from medsettle.clearing.hospital_deductions import (
    ClaimDeduction,
    Code,
    add_deduction,
    give_way,
)
from medsettle.clearing.hospital_store import Decision, HospitalStore, Part
from medsettle.clearing.month import Month
from medsettle.core import codes
from medsettle.core.dates import day_number
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.side_file import unavailable

# Rows that are looked up and recorded at a time.
_CHUNK: Final = 10_000

BookRow: TypeAlias = Mapping[str, Any]
Entry: TypeAlias = tuple[str, str, str, str, int, str, int, int, int, int, str]
"""Record, claim, institution, kind, day number, month, total, accounts, cash, funds (fen), why."""

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
READ_COLUMNS: Final = (*_CODES, "original", "record_date", *_FEN)
"""The columns of a book that are read here."""

CASE: Final = "case"
"""Kind of an entry: the difference between what was computed and the price of the case."""


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
        # Only now, for a file may have a cancel before what it takes back.
        for number, row in later:
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

    def settled(self, chunk: list[tuple[int, BookRow]]) -> list[tuple[int, BookRow]]:
        """Record the settlements of some rows, and return the other rows that are new."""
        sound = [(number, row) for number, row in chunk if self._is_sound(number, row)]
        before = self._recorded([str(row["settlement"]) for _, row in sound])
        later, claims, entries, parts, shares = [], [], [], [], []
        for number, row in sound:
            record, content = row["settlement"], _content(row)
            if record in before:
                self._compare(number, before[record], content)
                continue
            before[record] = content
            if row["kind"] != RecordKind.SETTLE:
                later.append((number, row))
                continue
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

    def _recorded(self, records: list[str]) -> dict[str, tuple[object, ...]]:
        rows = self._store.rows(
            "select record, claim, kind, record_day, total_fen, fund_fen from entries "
            "where record in (select value from json_each(?))",
            orjson.dumps(records).decode(),
        )
        return {record: tuple(content) for record, *content in rows}

    def _compare(
        self, number: int, before: tuple[object, ...], content: tuple[object, ...]
    ) -> None:
        if before == content:
            self.known += 1
        else:
            self._refuse(number, "settlement", "is recorded with other amounts, day or original")

    def changed(self, number: int, row: BookRow) -> None:
        """Record what takes a claim back, corrects it, or is taken off it."""
        claim = row["original"]
        parts = {part.payer: part for part in self._store.parts(claim)}
        if not parts and not self._store.rows("select 1 from claims where claim = ?", claim):
            self._refuse(number, "original", f"{claim!r} was never reported; report its day first")
            return
        if row["kind"] == RecordKind.DEDUCTION:
            self._audited(number, row, parts)
            return
        for payer, fen in _shares(row):
            if parts[payer].declared_fen + fen < 0 if payer in parts else fen < 0:
                held = parts[payer].declared_fen if payer in parts else 0
                self._refuse(number, f"{payer}_fen", f"takes back {-fen} fen, {held} are declared")
                return
        add_entry(self._store, _entry(row, claim), dict(_shares(row)))
        self.added += 1

    def _audited(self, number: int, row: BookRow, parts: Mapping[str, Part]) -> None:
        """Take an audit deduction of a book over as one of a review, once."""
        known = False
        for payer, fen in _shares(row):
            source = f"{row['settlement']}:{payer}"
            if self._store.rows("select 1 from deductions where source = ?", source):
                known = True
                continue
            part = parts.get(payer)
            left_fen = 0 if part is None else part.worth_fen
            if part is None or not 0 < -fen <= left_fen:
                self._refuse(number, f"{payer}_fen", f"deducts {-fen} fen, {left_fen} are left")
                return
            review = Decision(self._decision.by, self._decision.moment, "audit deduction of a book")
            day = day_number(row["record_date"])
            add_deduction(self._store, part, ClaimDeduction(Code.REVIEW, -fen, day, source), review)
            self.deductions += 1
        self.known += known

    def _is_sound(self, number: int, row: BookRow) -> bool:
        before = len(self.faults)
        for column, message in _row_faults(row):
            self._refuse(number, column, message)
        return len(self.faults) == before

    def _refuse(self, number: int, column: str, message: str) -> None:
        self.faults.append(Fault(f"rows[{number}].{column}", message))


def add_entry(store: HospitalStore, entry: Entry, shares: Mapping[str, int]) -> None:
    """Record what changes a claim, inside a change; what it no longer bears is undone first.

    Args:
        store: Where to.
        entry: The values of a row of `entries`.
        shares: What it adds to each payer's part, fen, not 0; no part may fall below 0.
    """
    store.rows("insert into entries values (?,?,?,?,?,?,?,?,?,?,?)", *entry)
    record, claim, day = entry[0], entry[1], entry[4]
    for payer, fen in shares.items():
        store.rows("insert or ignore into parts (claim, payer) values (?,?)", claim, payer)
        if fen < 0:
            give_way(store, store.part(claim, payer), -fen, day)
        store.rows("insert into shares values (?,?,?,?)", claim, payer, record, fen)


def _entry(row: BookRow, claim: str) -> Entry:
    day: date = row["record_date"]
    account_fen = sum(row[f"{name}_fen"] for name in codes.PERSONAL_NAMES)
    return (
        *(row["settlement"], claim, row["institution"], str(row["kind"])),
        *(day_number(day), Month.of_day(day).text),
        *(row["total_fen"], account_fen, row["cash_fen"], row["fund_total_fen"], ""),
    )


def _content(row: BookRow) -> tuple[object, ...]:
    claim = row["settlement"] if row["kind"] == RecordKind.SETTLE else row["original"]
    day = day_number(row["record_date"])
    return claim, str(row["kind"]), day, row["total_fen"], row["fund_total_fen"]


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
    if row.get("kind") not in set(RecordKind):
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
