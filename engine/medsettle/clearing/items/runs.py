"""Recording a run: what it found becomes items, and what it did not find is closed.

All of it is one transaction. Items that a run could not have seen stay as they are: those of days
on which no book has a record, of other areas, of another reconciliation, those found between sides
or in columns that it did not compare, and repeats where it did not look for them (`sight`).
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import apsw
import orjson

from medsettle.clearing.items.alarms import UnequalDays, alarms_of
from medsettle.clearing.items.facts import (
    class_and_risk,
    days_unequal,
    differences_of,
    facts_of,
    fingerprint_of,
    seen_alike,
    settlements_of,
)
from medsettle.clearing.items.item import DECIDED, Happened, Scope, State
from medsettle.clearing.items.rows import counted_by_class
from medsettle.clearing.items.sight import SIGHT_COLUMNS, Sight
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.core.dates import day_number, microseconds
from medsettle.core.settlement import Row
from medsettle.ledger.side_file import rows_of


class _Known(NamedTuple):
    """What is known of an item before a run."""

    number: int
    item: str
    state: State
    fingerprint: str
    decided: bool
    last_run: int


class RunRecorder:
    """Records one run inside a transaction that is open already."""

    def __init__(self, connection: apsw.Connection, scope: Scope, moment: datetime) -> None:
        self._connection = connection
        self._scope = scope
        self._moment_us = microseconds(moment)
        self._sight = Sight.of(scope)
        self._sights: dict[int, Sight] = {}
        self._tables: dict[int, dict[str, Row]] = {}
        self._number = int(self._rows("select coalesce(max(number), 0) + 1 from runs")[0][0])

    def record(self, differences: Sequence[Row], content: bytes, matched: int) -> int:
        """Record a run with its differences and return its number.

        Args:
            differences: The rows of the table.
            content: The table as bytes.
            matched: How many records all books have alike.
        """
        first, last = day_number(self._scope.first_day), day_number(self._scope.last_day)
        found = {str(row["item"]): row for row in differences}
        known = self._known(list(found))
        gone = self._not_found(known, found, first, last)
        superseded = self._superseded(first, last)
        alarms = self._alarms(differences, superseded, first, last)
        self._insert_run(found, known, gone, content, matched, alarms)
        for number in superseded:
            self._rows("update runs set superseded_by = ? where number = ?", self._number, number)
        self._insert_days(differences)
        for name, row in found.items():
            self._found(name, row, known.get(name))
        for number in gone:
            self._close(number)
        return self._number

    # --- what is known ---------------------------------------------------------------------

    def _known(self, names: Sequence[str]) -> dict[str, _Known]:
        """Return the items that there are of some names; most items ever had are closed."""
        rows = self._rows(
            "select i.item, i.number, i.state, i.fingerprint, i.action, i.last_run "
            "from json_each(?) k "
            "cross join items i on i.reconciliation = ? and i.item = k.value",
            orjson.dumps(names).decode(),
            self._scope.reconciliation,
        )
        return {
            item: _Known(number, item, State(state), fingerprint, Action(action) in DECIDED, run)
            for item, number, state, fingerprint, action, run in rows
        }

    def _not_found(
        self, known: dict[str, _Known], found: dict[str, Row], first: int, last: int
    ) -> list[int]:
        """Return the items of these days that would have been found, and were not."""
        part = self._scope.part
        rows = self._rows(
            "select item, number, record_day, last_run, difference_class, pooling_area = care_area "
            "from items where reconciliation = ? and state <> 'closed' "
            "and record_day between ? and ? and pooling_area = coalesce(?, pooling_area) "
            "and care_area = coalesce(?, care_area)",
            self._scope.reconciliation,
            first,
            last,
            part.pooling_area,
            part.care_area,
        )
        days = None if self._scope.days is None else {*map(day_number, self._scope.days)}
        return [
            number
            for item, number, day, run, of_class, local in rows
            if item not in found
            and (days is None or day in days)
            and self._would_find(self._sight_of(run), of_class, local=bool(local))
        ]

    def _would_find(self, seen: Sight, of_class: int, *, local: bool) -> bool:
        """Return whether this run sees what the run saw that found an item last."""
        part = self._scope.part
        if of_class == DifferenceClass.DUPLICATE and not seen.part.repeats <= part.repeats:
            return False
        if local and seen.part.local > part.local:
            return False
        return self._sight.compares(seen)

    def _sight_of(self, run: int) -> Sight:
        """Return what a run saw."""
        if run not in self._sights:
            sql = f"select {SIGHT_COLUMNS} from runs where number = ?"  # noqa: S608
            self._sights[run] = Sight.of_row(self._rows(sql, run)[0])
        return self._sights[run]

    def _standing(self) -> list[tuple[int, int, int]]:
        """Return the runs that stand with their first and last days, the latest last."""
        return self._rows(
            "select number, first_day, last_day from runs "
            "where reconciliation = ? and superseded_by is null order by number",
            self._scope.reconciliation,
        )

    def _superseded(self, first: int, last: int) -> list[int]:
        """Return the runs that stand and compared nothing that this one does not."""
        return [
            number
            for number, first_day, last_day in self._standing()
            if first <= first_day
            and last_day <= last
            and self._sight.covers(self._sight_of(number))
        ]

    def _alarms(
        self, differences: Sequence[Row], superseded: Sequence[int], first: int, last: int
    ) -> tuple[str, ...]:
        counts: dict[int, dict[int, tuple[int, int]]] = {}
        for run, day, count, duplicates in self._rows(
            "select d.run, d.day, d.differences, d.duplicates from days_unequal d "
            "join runs r on r.number = d.run "
            "where r.reconciliation = ? and r.superseded_by is null",
            self._scope.reconciliation,
        ):
            counts.setdefault(run, {})[day] = count, duplicates
        unequal = UnequalDays()
        for number, first_day, last_day in self._standing():
            if number not in superseded:
                told = counts.get(number, {})
                unequal.add(self._sight_of(number), first_day, last_day, told)
        unequal.add(self._sight, first, last, days_unequal(differences))
        return alarms_of(unequal.counts(), first, last)

    # --- what is recorded ------------------------------------------------------------------

    def _insert_run(
        self,
        found: dict[str, Row],
        known: dict[str, _Known],
        gone: Sequence[int],
        content: bytes,
        matched: int,
        alarms: Sequence[str],
    ) -> None:
        scope = self._scope
        books = [
            [book.side, book.name, book.rows, book.digest, book.columns, book.had, book.stated]
            for book in scope.books
        ]
        counted = [
            [each.difference_class, each.differences, each.at_risk_fen]
            for each in counted_by_class(map(class_and_risk, found.values()))
        ]
        self._rows(
            "insert into runs values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,null)",
            self._number,
            scope.reconciliation,
            day_number(scope.first_day),
            day_number(scope.last_day),
            self._moment_us,
            scope.by,
            orjson.dumps(books),
            ",".join(sorted(book.side for book in scope.books)),
            scope.part.pooling_area,
            scope.part.care_area,
            orjson.dumps(sorted(scope.part.repeats)),
            int(scope.part.local),
            matched,
            orjson.dumps(counted),
            orjson.dumps(alarms),
            orjson.dumps(scope.notes),
            len(found.keys() - known.keys()),
            len(gone),
            content,
            hashlib.sha256(content).digest(),
        )

    def _insert_days(self, differences: Sequence[Row]) -> None:
        for day, (count, duplicates) in days_unequal(differences).items():
            self._rows(
                "insert into days_unequal values (?,?,?,?)", self._number, day, count, duplicates
            )

    def _found(self, name: str, row: Row, known: _Known | None) -> None:
        fingerprint = fingerprint_of(row)
        if known is None:
            number = self._open(name, row, fingerprint)
            self._happened(number, Happened.OPENED, row)
        else:
            number = known.number
            self._again(known, row, fingerprint)
        for settlement in settlements_of(row):
            self._rows(
                "insert into item_settlements values (?,?) on conflict do nothing",
                number,
                settlement,
            )

    def _open(self, name: str, row: Row, fingerprint: str) -> int:
        rows = self._rows(
            "insert into items values (null,?,?,?,?,?,?,?,?,?,?,?,'open',0,?,?,"
            "null,null,null,null,?,?,null) returning number",
            self._scope.reconciliation,
            name,
            *facts_of(row),
            self._number,
            self._number,
            fingerprint,
            str(row["explanation"]),
        )
        return int(rows[0][0])

    def _again(self, known: _Known, row: Row, fingerprint: str) -> None:
        """Record that an item was found again: as it was, otherwise, or although it had ended."""
        changed = fingerprint != known.fingerprint
        poorer = not self._sight.compares(self._sight_of(known.last_run))
        if changed and poorer:
            # What this run knows less of is no other fact: the rows that it does not see stand.
            changed = not seen_alike(self._difference(known), row)
        settled = known.state is State.APPLIED and known.decided and not changed
        ended = known.state in {State.CLOSED, State.APPLIED} and not settled
        if not changed and not ended:
            if not poorer:
                self._rows(
                    "update items set last_run = ? where number = ?", self._number, known.number
                )
            self._happened(known.number, Happened.FOUND, None)
            return
        self._rows(
            "update items set (settlement, difference_class, owner, action, term, at_risk_fen, "
            "pooling_area, care_area, record_day, last_run, fingerprint, explanation) = "
            "(?,?,?,?,?,?,?,?,?,?,?,?), state = 'open', terms = null, proposer = null, "
            "approver = null, entry = null, plan = null where number = ?",
            *facts_of(row),
            self._number,
            fingerprint,
            str(row["explanation"]),
            known.number,
        )
        happened = Happened.REOPENED if ended else Happened.CHANGED
        self._happened(known.number, happened, row)

    def _difference(self, known: _Known) -> Row:
        """Return an item as the last run found it that saw as much of it as any."""
        run = known.last_run
        if run not in self._tables:
            ((content,),) = self._rows("select differences from runs where number = ?", run)
            rows = differences_of(content).to_pylist()
            self._tables[run] = {str(row["item"]): row for row in rows}
        return self._tables[run][known.item]

    def _close(self, number: int) -> None:
        self._happened(number, Happened.CLOSED, None)
        self._rows("update items set state = 'closed', held = 0 where number = ?", number)

    def _happened(self, number: int, happened: Happened, row: Row | None) -> None:
        """Record an event, with what the difference is now, or was where a run says nothing."""
        self._rows(
            "insert into events select null, number, ?, ?, difference_class, action, at_risk_fen, "
            "?, null, null, null, ? from items where number = ?",
            self._moment_us,
            happened,
            self._number,
            None if row is None else str(row["explanation"]),
            number,
        )

    def _rows(self, sql: str, *values: str | int | bytes | None) -> list[tuple[Any, ...]]:
        return rows_of(self._connection, sql, *values)
