"""Recording a run: what it found becomes items, and what it did not find is closed.

All of it is one transaction. Items that a run could not have seen stay as they are: those of days
on which no book has a record, of other areas, of another reconciliation, those found between sides
that it did not compare, and repeats where it did not look for them.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import apsw
import orjson
import pyarrow as pa

from medsettle import limits
from medsettle.clearing.alarms import alarms_of
from medsettle.clearing.book import Side
from medsettle.clearing.classes import Action, DifferenceClass
from medsettle.clearing.differences import difference_schema
from medsettle.clearing.items import DECIDED, Counted, Happened, Part, Scope, State
from medsettle.clearing.terms import rows_at
from medsettle.core.dates import day_number
from medsettle.core.settlement import Row
from medsettle.core.tables import plain
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.side_file import rows_of

_US: Final = 1_000_000
# What a class proposes, and the words for it, may change with this program; the facts do not.
_WORDS: Final = frozenset({"owner", "action", "term", "explanation"})


class _Known(NamedTuple):
    """What is known of an item before a run."""

    number: int
    state: State
    fingerprint: str
    decided: bool


def microseconds(moment: datetime) -> int:
    """Return a moment as the store counts it, in microseconds since 1970-01-01 UTC."""
    assert moment.tzinfo is not None, "a clock needs a time zone"
    return int(moment.timestamp()) * _US + moment.microsecond


def table_bytes(differences: pa.Table) -> bytes:
    """Return a table of differences as an Arrow stream, compressed.

    Raises:
        InvalidRequest: It has another schema, or more rows than a run keeps.
    """
    wanted = difference_schema()
    if not differences.schema.equals(wanted):
        raise _refused("has other columns than a table of differences; reconcile again")
    most = limits.DIFFERENCES_KEPT_MAX
    if differences.num_rows > most:
        raise _refused(
            f"has {differences.num_rows} rows, at most {most} are kept; compare fewer days or "
            "areas, or look whether these are books of the same things"
        )
    if differences["record_date"].null_count:
        raise _refused("have no day, by which items are kept; state record_date of text files")
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, wanted, options=options) as writer:
        writer.write_table(differences)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def differences_of(content: bytes) -> pa.Table:
    """Return the table of differences that `table_bytes` made bytes of."""
    with pa.ipc.open_stream(content) as reader:
        return reader.read_all()


def fingerprint_of(difference: Row) -> str:
    """Return 24 hex digits over the facts of a difference: the same facts, the same digits."""
    facts = {name: value for name, value in difference.items() if name not in _WORDS}
    canonical = orjson.dumps(facts, default=plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()[:24]


class RunRecorder:
    """Records one run inside a transaction that is open already."""

    def __init__(self, connection: apsw.Connection, scope: Scope, moment: datetime) -> None:
        self._connection = connection
        self._scope = scope
        self._moment_us = microseconds(moment)
        self._sides = {book.side for book in scope.books}
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
            "select i.item, i.number, i.state, i.fingerprint, i.action from json_each(?) k "
            "cross join items i on i.reconciliation = ? and i.item = k.value",
            orjson.dumps(names).decode(),
            self._scope.reconciliation,
        )
        return {
            item: _Known(number, State(state), fingerprint, Action(action) in DECIDED)
            for item, number, state, fingerprint, action in rows
        }

    def _not_found(
        self, known: dict[str, _Known], found: dict[str, Row], first: int, last: int
    ) -> list[int]:
        """Return the items of these days that would have been found, and were not."""
        part = self._scope.part
        rows = self._rows(
            "select i.item, i.number, i.record_day, r.sides, "
            "i.difference_class = ? and r.repeats "
            "from items i join runs r on r.number = i.last_run "
            "where i.reconciliation = ? and i.state <> 'closed' "
            "and i.record_day between ? and ? and i.pooling_area = coalesce(?, i.pooling_area) "
            "and i.care_area = coalesce(?, i.care_area)",
            DifferenceClass.DUPLICATE,
            self._scope.reconciliation,
            first,
            last,
            part.pooling_area,
            part.care_area,
        )
        days = None if self._scope.days is None else {*map(day_number, self._scope.days)}
        return [
            number
            for item, number, day, sides, repeated in rows
            if item not in found
            and self._compares(sides)
            and (days is None or day in days)
            and (part.repeats or not repeated)
        ]

    def _compares(self, sides: str) -> bool:
        return {Side(side) for side in sides.split(",")} <= self._sides

    def _superseded(self, first: int, last: int) -> list[int]:
        """Return the runs that stand and compared nothing that this one does not."""
        rows = self._rows(
            "select number, sides, pooling_area, care_area, repeats from runs "
            "where reconciliation = ? and superseded_by is null "
            "and first_day >= ? and last_day <= ?",
            self._scope.reconciliation,
            first,
            last,
        )
        return [
            number
            for number, sides, pooling_area, care_area, repeats in rows
            if self._compares(sides)
            and self._scope.part.covers(Part(pooling_area, care_area, bool(repeats)))
        ]

    def _alarms(
        self, differences: Sequence[Row], superseded: Sequence[int], first: int, last: int
    ) -> tuple[str, ...]:
        unequal: dict[int, tuple[int, int]] = {}
        days: dict[int, dict[int, tuple[int, int]]] = {}
        for run, day, count, duplicates in self._rows(
            "select run, day, differences, duplicates from days_unequal"
        ):
            days.setdefault(run, {})[day] = count, duplicates
        # Of two runs that stand and overlap, the later knows better.
        for number, first_day, last_day in self._rows(
            "select number, first_day, last_day from runs "
            "where reconciliation = ? and superseded_by is null order by number",
            self._scope.reconciliation,
        ):
            if number in superseded:
                continue
            unequal = {
                day: each for day, each in unequal.items() if not first_day <= day <= last_day
            }
            unequal |= days.get(number, {})
        unequal = {day: each for day, each in unequal.items() if not first <= day <= last}
        return alarms_of(unequal | _days(differences), first, last)

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
            [book.side, book.name, book.rows, book.digest, book.columns] for book in scope.books
        ]
        counted = [
            [each.difference_class, each.differences, each.at_risk_fen]
            for each in _counted(list(found.values()))
        ]
        self._rows(
            "insert into runs values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,null)",
            self._number,
            scope.reconciliation,
            day_number(scope.first_day),
            day_number(scope.last_day),
            self._moment_us,
            scope.by,
            orjson.dumps(books),
            ",".join(sorted(self._sides)),
            scope.part.pooling_area,
            scope.part.care_area,
            int(scope.part.repeats),
            matched,
            orjson.dumps(counted),
            orjson.dumps(alarms),
            len(found.keys() - known.keys()),
            len(gone),
            content,
            hashlib.sha256(content).digest(),
        )

    def _insert_days(self, differences: Sequence[Row]) -> None:
        for day, (count, duplicates) in _days(differences).items():
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
            *_facts(row),
            self._number,
            self._number,
            fingerprint,
            str(row["explanation"]),
        )
        return int(rows[0][0])

    def _again(self, known: _Known, row: Row, fingerprint: str) -> None:
        """Record that an item was found again: as it was, otherwise, or although it had ended."""
        changed = fingerprint != known.fingerprint
        settled = known.state is State.APPLIED and known.decided and not changed
        ended = known.state in {State.CLOSED, State.APPLIED} and not settled
        if not changed and not ended:
            self._rows("update items set last_run = ? where number = ?", self._number, known.number)
            self._happened(known.number, Happened.FOUND, None)
            return
        self._rows(
            "update items set (settlement, difference_class, owner, action, term, at_risk_fen, "
            "pooling_area, care_area, record_day, last_run, fingerprint, explanation) = "
            "(?,?,?,?,?,?,?,?,?,?,?,?), state = 'open', terms = null, proposer = null, "
            "approver = null, entry = null, plan = null where number = ?",
            *_facts(row),
            self._number,
            fingerprint,
            str(row["explanation"]),
            known.number,
        )
        happened = Happened.REOPENED if ended else Happened.CHANGED
        self._happened(known.number, happened, row)

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


def settlements_of(difference: Row) -> list[str]:
    """Return the ids of the settlements that a difference is about, in every book."""
    found = {str(difference["settlement"])}
    for side in Side:
        for row in rows_at(difference, side):
            found |= {str(row[name]) for name in ("settlement", "original") if row.get(name)}
    return sorted(found)


def _facts(row: Row) -> tuple[str | int, ...]:
    """Return the columns of an item that a difference states, in the order of the table."""
    return (
        str(row["settlement"]),
        int(str(row["difference_class"])),
        str(row["owner"]),
        str(row["action"]),
        str(row["term"]),
        int(str(row["at_risk_fen"])),
        str(row["pooling_area"]),
        str(row["care_area"]),
        day_number(row["record_date"]),  # type: ignore[arg-type]
    )


def _days(differences: Sequence[Row]) -> dict[int, tuple[int, int]]:
    """Return how many differences and duplicates each day has."""
    found: dict[int, tuple[int, int]] = {}
    for row in differences:
        day = day_number(row["record_date"])  # type: ignore[arg-type]
        count, duplicates = found.get(day, (0, 0))
        twice = row["difference_class"] == DifferenceClass.DUPLICATE
        found[day] = count + 1, duplicates + twice
    return found


def _counted(differences: Sequence[Row]) -> list[Counted]:
    found: dict[int, list[int]] = {}
    for row in differences:
        found.setdefault(int(str(row["difference_class"])), []).append(int(str(row["at_risk_fen"])))
    return [
        Counted(DifferenceClass(each), len(fen), sum(fen)) for each, fen in sorted(found.items())
    ]


def _refused(text: str) -> InvalidRequest:
    return InvalidRequest([Fault("differences", text)])
