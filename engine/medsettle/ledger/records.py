"""The record of a settlement as bytes: everything that explains it, and nothing else's business.

JSON, because an auditor in ten years must be able to read it with any tool. The ledger keeps the
bytes; only this module writes and reads them.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import orjson

from medsettle.core import schema
from medsettle.core.counters import CounterKey
from medsettle.core.schema import Kind
from medsettle.core.settlement import Finding, Row, Settlement
from medsettle.ledger.entries import Entry, Posting, Recorded

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATES = {column.name for column in schema.SETTLEMENT if column.kind is Kind.DATE}


def encode_record(
    settlement: Settlement,
    inputs: dict[str, int],
    postings: tuple[Posting, ...],
    claim: Row | None,
) -> bytes:
    """Return the bytes of a settlement's record.

    Args:
        settlement: The settlement, with its id.
        inputs: Inputs of the policy's program: with these it settles again, fen for fen.
        postings: What it moves, so that a cancel can take back exactly that.
        claim: The claim as received; a cancel has none.
    """
    return orjson.dumps(
        {
            "settlement": settlement.columns,
            "payers": settlement.payers,
            "lines": settlement.lines,
            "amounts": settlement.amounts,
            "inputs": inputs,
            "postings": [[*posting.key[2:], posting.delta] for posting in postings],
            "claim": claim,
            "warnings": settlement.warnings,
        }
    )


def decode_settlement(recorded: Recorded, *, duplicate: bool = False) -> Settlement:
    """Return the settlement of a ledger entry, with its place and time of recording."""
    record = orjson.loads(recorded.record)
    columns: Row = record["settlement"]
    for name in _DATES:
        columns[name] = date.fromisoformat(str(columns[name]))
    columns["create_time"] = _EPOCH + timedelta(microseconds=recorded.create_time_us)
    place: Row = {"seq": recorded.seq, "settlement": recorded.settlement}
    return Settlement(
        columns=columns | place,
        payers=tuple(row | place for row in record["payers"]),
        lines=tuple(row | place for row in record["lines"]),
        amounts=record["amounts"],
        duplicate=duplicate,
        warnings=tuple(Finding(**row) for row in record.get("warnings", ())),
    )


def decode_care(recorded: Recorded) -> tuple[Row, str | None]:
    """Return the claim of a settlement, its dates texts, and the visit that it is a part of."""
    record = orjson.loads(recorded.record)
    claim: Row = record["claim"]
    return claim, record["settlement"]["visit"]


def decode_postings(recorded: Recorded) -> tuple[Posting, ...]:
    """Return what an entry moved."""
    record = orjson.loads(recorded.record)
    return tuple(
        Posting(CounterKey(recorded.pooling_area, recorded.person, counter, period), delta)
        for counter, period, delta in record["postings"]
    )


def encode_event(row: Row) -> bytes:
    """Return the bytes of the record of an event, or of what links several entries."""
    return orjson.dumps(row)


def decode_event(recorded: Recorded | Entry) -> Row:
    """Return the row that an event was recorded with; dates are texts like 2024-05-01."""
    row: Row = orjson.loads(recorded.record)
    return row


def decode_inputs(recorded: Recorded) -> dict[str, int]:
    """Return the inputs of the program that settled an entry."""
    inputs: dict[str, int] = orjson.loads(recorded.record)["inputs"]
    return inputs


def placed(settlement: Settlement, seq: int, moment: datetime) -> Settlement:
    """Return the settlement with its place in the ledger and the moment it was recorded."""
    place: Row = {"seq": seq}
    return replace(
        settlement,
        columns=settlement.columns | place | {"create_time": moment},
        payers=tuple(row | place for row in settlement.payers),
        lines=tuple(row | place for row in settlement.lines),
    )


def named(settlement: Settlement, settlement_id: str) -> Settlement:
    """Return the settlement under its id."""
    own: Row = {"settlement": settlement_id}
    return replace(
        settlement,
        columns=settlement.columns | own,
        payers=tuple(row | own for row in settlement.payers),
        lines=tuple(row | own for row in settlement.lines),
    )
