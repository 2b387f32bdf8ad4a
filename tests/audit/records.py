"""Ledger entries with the records that the audit tables are made from, out of a running number."""

from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import orjson
from medsettle.audit import connect
from medsettle.core.columns import Column, Kind
from medsettle.core.dates import day_number
from medsettle.core.schema import LINE_SPLIT, PAYER_DETAIL, RELATIVE_SHARE, SETTLEMENT, TABLES
from medsettle.core.tables import rows_of
from medsettle.ledger import Entry, EntryKind, SqliteLedger

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
        elif column.kind is Kind.CODE:
            row[column.name] = column.values[0] if column.values else f"{column.name}-{number}"
        elif column.kind is Kind.INTEGER and not column.required:
            row[column.name] = number if number % 2 else None
    return row


def _moment(number: int) -> str | None:
    """Return when a credential was presented, as a record writes it; every other is not told."""
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
    return orjson.dumps(content)


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
        subject=f"E{number}" if kind == "message" else None,
    )


def fill(ledger: SqliteLedger, first: int, last: int) -> None:
    """Record settlements `first` to `last` in one commit."""
    entries = [audited_entry(number) for number in range(first, last + 1)]
    ledger.append(entries, CREATE_TIME_US)


def expected_rows(entry: Entry, seq: int) -> dict[str, list[Row]]:
    """Return what the audit tables hold of an entry recorded at `seq`."""
    content = orjson.loads(entry.record)
    name = {"seq": seq, "settlement": entry.settlement}
    settlement = content["settlement"] | name
    settlement |= {"kind": entry.kind, "original": entry.original}
    settlement["create_time"] = datetime.fromtimestamp(0, UTC) + timedelta(
        microseconds=CREATE_TIME_US
    )
    for column in SETTLEMENT:
        if column.kind is Kind.DATE:
            settlement[column.name] = date.fromisoformat(settlement[column.name])
    if settlement["credential_time"] is not None:
        settlement["credential_time"] = datetime.fromisoformat(settlement["credential_time"])
    return {
        "settlements": [settlement],
        "payers": [row | name for row in rows_of(content["payers"])],
        "line_splits": [row | name for row in rows_of(content["lines"])],
        "relative_shares": [row | name for row in content["relatives"]],
    }


def audited_rows(folder: Path, table: str) -> list[Row]:
    """Return the rows of an audit table as SQL sees them, without the added partition columns."""
    columns = ", ".join(column.name for column in TABLES[table])
    order = {"settlements": "seq", "payers": "seq, position", "line_splits": "seq, line_id"}
    order["relative_shares"] = "seq, position"
    connection = connect(folder)
    found = connection.sql(f"select {columns} from {table} order by {order[table]}")
    assert found is not None
    rows: list[Row] = found.to_arrow_table().to_pylist()
    return rows
