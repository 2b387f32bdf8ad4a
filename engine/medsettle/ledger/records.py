"""The record of a settlement as bytes: everything that explains it, and nothing else's business.

JSON, because an auditor in ten years must be able to read it with any tool. The ledger keeps the
bytes; only this module writes and reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from medsettle.core import codes, schema
from medsettle.core.cards import CardAction, CardEvent, CardKind, CardState
from medsettle.core.columns import Kind
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.messages import Message
from medsettle.core.relatives import Person, Relation
from medsettle.core.request_states import Refusal
from medsettle.core.scopes import CareScope, Scope
from medsettle.core.settlement import Finding, Opening, Row, Settlement
from medsettle.core.tables import plain, rows_of, table_of, with_all
from medsettle.ledger.entries import Entry, Holder, Posting, Recorded

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATES = {column.name for column in schema.SETTLEMENT if column.kind is Kind.DATE}
# Columns that were added later are in no earlier record.
_ABSENT: Row = {column.name: None for column in schema.SETTLEMENT if not column.required}
_ABSENT_OF_PAYER: Row = {c.name: None for c in schema.PAYER_DETAIL if not c.required}
_MOMENTS = {column.name for column in schema.CREDENTIAL if column.kind is Kind.TIMESTAMP}


def encode_record(
    settlement: Settlement,
    inputs: dict[str, int],
    postings: tuple[Posting, ...],
    claim: Row | None,
    scope: CareScope | None = None,
) -> bytes:
    """Return the bytes of a settlement's record.

    Args:
        settlement: The settlement, with its id.
        inputs: Inputs of the policy's program: with these it settles again, fen for fen.
        postings: What it moves, so that a cancel can take back exactly that.
        claim: The claim as received; a cancel has none.
        scope: The split of its lines where another engine made it; the parts are those of the
            lines, so only the rest of it is told beside them.
    """
    told = {} if scope is None else {"scope": _scope(scope)}
    own = (str(settlement.columns["pooling_area"]), str(settlement.columns["person"]))
    return orjson.dumps(
        {
            "settlement": settlement.columns,
            "payers": table_of(settlement.payers),
            "lines": table_of(settlement.lines),
            "amounts": settlement.amounts,
            "relatives": settlement.relatives,
            "inputs": inputs,
            "postings": [_posting(own, posting) for posting in postings],
            "claim": None
            if claim is None
            else stated_claim(claim) | {"lines": table_of(_lines(claim))},
            "warnings": settlement.warnings,
            **told,
        }
    )


def _scope(scope: CareScope) -> dict[str, object]:
    return {
        "care_area": scope.care_area,
        "catalogue_digest": scope.catalogue_digest,
        "charge_types": scope.charge_types,
    }


def decode_settlement(recorded: Recorded, *, duplicate: bool = False) -> Settlement:
    """Return the settlement of a ledger entry, with its place and time of recording."""
    record = orjson.loads(recorded.record)
    place: Row = {"seq": recorded.seq, "settlement": recorded.settlement}
    return Settlement(
        columns=_columns(recorded, record) | place,
        payers=with_all(rows_of(record["payers"]), place, _ABSENT_OF_PAYER),
        lines=with_all(rows_of(record["lines"]), place),
        amounts=record["amounts"],
        duplicate=duplicate,
        relatives=tuple(row | place for row in record["relatives"]),
        warnings=tuple(Finding(**row) for row in record.get("warnings", ())),
    )


def decode_columns(recorded: Recorded) -> Settlement:
    """Return the settlement of a ledger entry without payers, lines and all that explains it."""
    columns = _columns(recorded, orjson.loads(recorded.record))
    columns["seq"], columns["settlement"] = recorded.seq, recorded.settlement
    return Settlement(columns=columns, payers=(), lines=())


def _columns(recorded: Recorded, record: Mapping[str, Any]) -> Row:
    columns: Row = _ABSENT | record["settlement"]
    for name in _DATES:
        columns[name] = date.fromisoformat(str(columns[name]))
    for name in _MOMENTS:
        moment = columns.get(name)
        columns[name] = None if moment is None else datetime.fromisoformat(str(moment))
    columns["create_time"] = _EPOCH + timedelta(microseconds=recorded.create_time_us)
    return columns


def with_postings(record: bytes, own: Holder, postings: Sequence[Posting]) -> bytes:
    """Return the bytes of a record of a person that moves something else."""
    told = [_posting(own, posting) for posting in postings]
    return orjson.dumps(orjson.loads(record) | {"postings": told})


def _posting(own: Holder, posting: Posting) -> list[object]:
    """Return a posting of a person; that of somebody else names whose it is."""
    area, person, counter, period = posting.key
    told = [counter, period, posting.delta]
    return told if own == (area, person) else [*told, area, person]


def decode_care(recorded: Recorded) -> tuple[Row, str | None]:
    """Return the claim of a settlement, its dates texts, and the visit that it is a part of."""
    record = orjson.loads(recorded.record)
    claim: Row = record["claim"]
    claim["lines"] = list(rows_of(claim["lines"]))
    return claim, record["settlement"]["visit"]


def decode_scope(recorded: Recorded) -> CareScope | None:
    """Return the split of a settlement's lines where another engine made it, None where we did.

    It has the insurance type of the settlement alone, and the parts that the lines were recorded
    with: what a mark made of a line is in them, and made of them again it is the same. What left a
    line wholly to the person is not recorded; a line is taken for outside if none of it is left.
    """
    record = orjson.loads(recorded.record)
    told = record.get("scope")
    if told is None:
        return None
    lines = rows_of(record["lines"])
    parts = [[row[f"{name}_fen"] for row in lines] for name in codes.POT_NAMES]
    scope = Scope(
        parts=np.array(parts, dtype=np.int64),
        item_class=np.array([int(row["item_class"]) for row in lines], dtype=np.int8),
        outside=np.array(
            [row["own_expense_fen"] == row["amount_fen"] for row in lines], dtype=bool
        ),
    )
    return CareScope(
        care_area=told["care_area"],
        catalogue_digest=told["catalogue_digest"],
        charge_types=tuple(told["charge_types"]),
        by_type={record["settlement"]["insurance_type"]: scope},
    )


def stated_claim(claim: Row) -> Row:
    """Return a claim without the columns that came later and say nothing.

    A medsettle that does not know them reads what was recorded by one that does.
    """
    return {
        name: value
        for name, value in claim.items()
        if value is not None or name not in schema.CLAIM_COLUMNS_LATER
    }


def _lines(claim: Row) -> Sequence[Row]:
    lines: Sequence[Row] = claim["lines"]  # type: ignore[assignment]
    return lines


def decode_postings(recorded: Recorded) -> tuple[Posting, ...]:
    """Return what an entry moved."""
    return postings_of(orjson.loads(recorded.record), recorded)


def postings_of(record: Mapping[str, Any], recorded: Recorded) -> tuple[Posting, ...]:
    """Return what the parsed record of an entry says that it moved."""
    own = (recorded.pooling_area, recorded.person)
    return tuple(
        Posting(CounterKey(*_whose(whose, own), counter, period), delta)
        for counter, period, delta, *whose in record["postings"]
    )


def _whose(named: Sequence[str], own: tuple[str, str]) -> tuple[str, str]:
    return (named[0], named[1]) if named else own


def encode_opening(opening: Opening) -> bytes:
    """Return the bytes of the record of an opening: what the person brought along."""
    return orjson.dumps({"account_fen": opening.account_fen, "counters": opening.counters})


def opening_postings(record: Mapping[str, Any], recorded: Recorded) -> tuple[Posting, ...] | None:
    """Return what the parsed record of an opening says that it moved.

    None for one recorded before openings told what they brought.
    """
    if "counters" not in record:
        return None
    brought = [(ACCOUNT, 0, record["account_fen"]), *record["counters"]]
    own = (recorded.pooling_area, recorded.person)
    return tuple(Posting(CounterKey(*own, name, period), fen) for name, period, fen in brought)


def encode_relation(act: str, relations: Sequence[Relation], fen: int, reason: str) -> bytes:
    """Return the bytes of the record of a change of relatives' limits.

    Args:
        act: What was done: `grant`, `lower`, `dissolve`, `insurance_end` or `insurance_begin`.
        relations: The relations it was done to.
        fen: By how much a limit was raised or lowered; 0 for a dissolution.
        reason: Who or what dissolved them; empty where nothing was.
    """
    listed = [[*each.giver, *each.receiver, each.number] for each in relations]
    return orjson.dumps({"act": act, "relations": listed, "fen": fen, "reason": reason})


def decode_relations(recorded: Recorded) -> tuple[Relation, ...]:
    """Return the relations that an entry of the kind `relation` changed."""
    return tuple(
        Relation(Person(giver_area, giver), Person(receiver_area, receiver), number)
        for giver_area, giver, receiver_area, receiver, number in orjson.loads(recorded.record)[
            "relations"
        ]
    )


def encode_event(row: Row) -> bytes:
    """Return the bytes of the record of an event, or of what links several entries."""
    return orjson.dumps(row, default=plain)


def decode_event(recorded: Recorded | Entry) -> Row:
    """Return the row that an event was recorded with; dates are texts like 2024-05-01."""
    row: Row = orjson.loads(recorded.record)
    return row


def encode_message(message: Message, answer: Mapping[str, object]) -> bytes:
    """Return the bytes of the record of a message and its answer.

    Raises:
        TypeError: A value is none that JSON has.
    """
    row = {"message": message.kind, "content": message.content, "answer": answer}
    return orjson.dumps(row)


def decode_message(recorded: Recorded) -> tuple[Message, dict[str, object]]:
    """Return what an entry of the kind `message` told, and the answer to it."""
    row = orjson.loads(recorded.record)
    message = Message(
        institution=recorded.institution,
        request_id=recorded.request_id,
        pooling_area=recorded.pooling_area,
        person=recorded.person,
        kind=row["message"],
        subject=str(recorded.subject),
        content=row["content"],
    )
    return message, row["answer"]


def is_reversal(recorded: Recorded) -> bool:
    """Whether the entry that takes a settlement or a visit back is a reversal of its request."""
    record = orjson.loads(recorded.record)
    return record.get("settlement", record).get("reversed_request") is not None


def encode_refusal(refusal: Refusal) -> bytes:
    """Return the bytes of the record of a refusal."""
    return orjson.dumps(asdict(refusal))


def decode_refusal(recorded: Recorded) -> Refusal:
    """Return why the request of an entry was refused."""
    return Refusal(**orjson.loads(recorded.record))


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
        payers=with_all(settlement.payers, place),
        lines=with_all(settlement.lines, place),
        relatives=tuple(row | place for row in settlement.relatives),
    )


def named(settlement: Settlement, settlement_id: str) -> Settlement:
    """Return the settlement under its id."""
    own: Row = {"settlement": settlement_id}
    return replace(
        settlement,
        columns=settlement.columns | own,
        payers=with_all(settlement.payers, own),
        lines=with_all(settlement.lines, own),
        relatives=tuple(row | own for row in settlement.relatives),
    )


def encode_card_event(event: CardEvent) -> bytes:
    """Return the bytes of the record of something that happened to a card."""
    return orjson.dumps({"card_event": asdict(event)})


def decode_card_event(recorded: Recorded) -> CardEvent:
    """Return what happened to a card by a ledger entry."""
    row = orjson.loads(recorded.record)["card_event"]
    row["action"] = CardAction(row["action"])
    for name, kind in (("kind", CardKind), ("state", CardState)):
        row[name] = None if row[name] is None else kind(row[name])
    for name in ("effective_time", "lapse_time"):
        row[name] = None if row[name] is None else datetime.fromisoformat(row[name])
    if row["expires_date"] is not None:
        row["expires_date"] = date.fromisoformat(row["expires_date"])
    return CardEvent(**row)
