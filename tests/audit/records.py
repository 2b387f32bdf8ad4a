"""Ledger entries with the records that the audit tables are made from, out of a running number."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import TypeAlias

import orjson
from medsettle.audit import connect, read_segments
from medsettle.audit.manifest import MANIFEST_NAME, NO_DIGEST
from medsettle.audit.segments import CLAIM_TABLES, MOVES
from medsettle.core.columns import Column, Kind
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.dates import day_number
from medsettle.core.schema import (
    CLAIM,
    CLAIM_FACTS,
    LINE,
    LINE_SPLIT,
    PAYER_DETAIL,
    RELATIVE_SHARE,
    SETTLEMENT,
    TABLES,
)
from medsettle.core.tables import rows_of
from medsettle.ledger import Entry, EntryKind, Posting, SqliteLedger

Row: TypeAlias = dict[str, object]

_AREAS = ("999900", "999901")
_FIRST_DAY = date(2024, 4, 28)
PAYERS_COUNT = 2
CREATE_TIME_US = 1_714_000_000_123_456


def service_date(number: int) -> date:
    """Return the day of settlement `number`; the days of a week lie in two months."""
    return _FIRST_DAY + timedelta(days=number % 7)


def lines_count(number: int) -> int:
    """Return how many lines settlement `number` has, from none."""
    return number % 4


def relatives_count(number: int) -> int:
    """Return from how many relatives settlement `number` took something, from none."""
    return (number + 1) % 3


def _row(columns: tuple[Column, ...], number: int, position: int = 0) -> Row:
    row: Row = {}
    for offset, column in enumerate(columns):
        if column.kind is Kind.FEN:
            row[column.name] = (-1) ** offset * (number * 1_000 + position * 100 + offset)
        elif column.kind is Kind.DATE:
            row[column.name] = service_date(number).isoformat()
        elif column.kind is Kind.CODES:
            row[column.name] = [f"{column.name}-{each}" for each in range(number % 3)]
        elif column.kind is Kind.BOOLEAN:
            row[column.name] = number % 2 == 0
        elif column.kind is Kind.CODE:
            row[column.name] = column.values[0] if column.values else f"{column.name}-{number}"
        elif column.kind is Kind.INTEGER and not column.required:
            row[column.name] = number if number % 2 else None
        elif column.kind is Kind.INTEGER:
            row[column.name] = number + position
    return row


def _moment(number: int) -> str | None:
    """Return a moment of a claim, as a record writes it; every other is not told."""
    if number % 2:
        return None
    day = datetime.combine(service_date(number), time(1, 2, 3, 456_789), UTC)
    return day.isoformat()


def record(number: int, **changes: object) -> bytes:
    """Return the record of settlement `number`, some of its SETTLEMENT columns changed."""
    settlement = _row(SETTLEMENT, number) | {
        "pooling_area": _AREAS[number % len(_AREAS)],
        "institution_settlement": None if number % 2 else f"N{number}",
        "credential_time": _moment(number),
        **changes,
    }
    payers = [
        _row(PAYER_DETAIL, number, position) | {"position": position}
        for position in range(PAYERS_COUNT)
    ]
    lines = [
        _row(LINE_SPLIT, number, position) | {"line_id": f"L{position}"}
        for position in range(lines_count(number))
    ]
    relatives = [
        _row(RELATIVE_SHARE, number, position) | {"position": position, "relation": position + 1}
        for position in range(relatives_count(number))
    ]
    content = {"settlement": settlement, "payers": payers, "lines": lines, "relatives": relatives}
    return orjson.dumps(content | _claim(number))


def _claim(number: int) -> Row:
    """Return the claim of a record; every fifth is a copy without one, every third split away."""
    if number % 5 == 0:
        return {"claim": None}
    claim_lines = [
        _row(LINE, number, position) | {"line_id": f"L{position}"}
        for position in range(lines_count(number))
    ]
    moments = {"credential_time": _moment(number), "offline_time": _moment(number + 1)}
    claim = _row(CLAIM, number) | moments | {"lines": claim_lines}
    if number % 3:
        return {"claim": claim}
    types = ["" if position else f"T{number}" for position in range(lines_count(number))]
    return {"claim": claim, "scope": {"catalogue_digest": f"D{number}", "charge_types": types}}


def audited_entry(number: int, kind: EntryKind = "settle", original: str | None = None) -> Entry:
    """Return entry `number` with its record; whatever must be unique follows from the number."""
    return Entry(
        kind=kind,
        settlement=f"S{number}",
        original=original,
        institution="H1",
        request_id=f"R{number}",
        institution_settlement=None,
        pooling_area=_AREAS[number % len(_AREAS)],
        person="P1",
        service_day=day_number(service_date(number)),
        content_digest=sha256(b"%d" % number).digest(),
        record=record(number) if kind in {"settle", "cancel"} else b"{}",
        postings=_postings(number) if kind == "opening" else (),
        subject=f"E{number}" if kind == "message" else None,
    )


def _postings(number: int) -> tuple[Posting, ...]:
    """Return what opening `number` moves, of a person of another area too."""
    here, there = _AREAS[number % len(_AREAS)], _AREAS[(number + 1) % len(_AREAS)]
    return (
        Posting(CounterKey(here, "P1", ACCOUNT, 0), 100 + number),
        Posting(CounterKey(there, "P2", "310.fund_paid", 2024), number),
    )


def fill(ledger: SqliteLedger, first: int, last: int) -> None:
    """Record settlements `first` to `last` in one commit."""
    entries = [audited_entry(number) for number in range(first, last + 1)]
    ledger.append(entries, CREATE_TIME_US)


def expected_rows(entry: Entry, seq: int) -> dict[str, list[Row]]:
    """Return what the audit tables hold of an entry recorded at `seq`."""
    name: Row = {"seq": seq, "settlement": entry.settlement}
    if entry.kind not in {"settle", "cancel"}:
        moves: list[Row] = [
            {"seq": seq, "kind": entry.kind, "delta": each.delta, **_key(each)}
            for each in sorted(entry.postings, key=lambda each: each.key)
        ]
        return {"moves": moves}
    content = orjson.loads(entry.record)
    settlement = content["settlement"] | name
    settlement |= {"kind": entry.kind, "original": entry.original}
    settlement["create_time"] = datetime.fromtimestamp(0, UTC) + timedelta(
        microseconds=CREATE_TIME_US
    )
    if settlement["credential_time"] is not None:
        settlement["credential_time"] = datetime.fromisoformat(settlement["credential_time"])
    tables: dict[str, list[Row]] = {
        "settlements": [_dated(settlement, SETTLEMENT)],
        "payers": [row | name for row in rows_of(content["payers"])],
        "line_splits": [row | name for row in rows_of(content["lines"])],
        "relative_shares": [row | name for row in content["relatives"]],
    }
    if (claim := content["claim"]) is None:
        return tables
    place: Row = {"seq": seq}
    told = {column.name for column in CLAIM} - {column.name for column in SETTLEMENT}
    facts = {each: value for each, value in claim.items() if each in told}
    if facts["offline_time"] is not None:
        facts["offline_time"] = datetime.fromisoformat(facts["offline_time"])
    of_line = {each.name for each in LINE} - {"item_code", "amount_fen"}
    scope = content.get("scope")
    return tables | {
        "claim_facts": [_dated(facts | place, CLAIM_FACTS)],
        "claim_lines": [
            _dated({each: row[each] for each in of_line} | place, LINE) for row in claim["lines"]
        ],
        "scopes": [] if scope is None else [scope | place],
    }


def _key(posting: Posting) -> Row:
    key: Row = posting.key._asdict()
    return {name: key[name] for name in ("person", "counter", "period")}


def _dated(row: Row, columns: tuple[Column, ...]) -> Row:
    days = {column.name for column in columns if column.kind is Kind.DATE}
    return {
        each: date.fromisoformat(str(value)) if each in days and value is not None else value
        for each, value in row.items()
    }


def audited_rows(folder: Path, table: str) -> list[Row]:
    """Return the rows of an audit table as SQL sees them, without the added partition columns."""
    columns = ", ".join(column.name for column in TABLES[table])
    order = {"payers": "seq, position", "relative_shares": "seq, position"}
    order |= dict.fromkeys(("line_splits", "claim_lines"), "seq, line_id")
    order["moves"] = "seq, pooling_area, person, counter, period"
    connection = connect(folder)
    found = connection.sql(f"select {columns} from {table} order by {order.get(table, 'seq')}")
    assert found is not None
    rows: list[Row] = found.to_arrow_table().to_pylist()
    return rows


def made_before_claims(folder: Path) -> None:
    """Make audit tables what they were before they told claims and moves: version 2."""
    lines, previous = [], NO_DIGEST
    for segment in read_segments(folder):
        kept = tuple(file for file in segment.files if file.table not in {*CLAIM_TABLES, MOVES})
        older = replace(segment, files=kept, previous=previous, version=2)
        previous = older.digest()
        lines.append(older.line())
    for table in (*CLAIM_TABLES, MOVES):
        rmtree(folder / table, ignore_errors=True)
    (folder / MANIFEST_NAME).write_bytes(b"".join(lines))
