"""Claims as a caller writes them, and as messages."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date  # type: ignore[import-untyped]

from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Column
from medsettle.v1 import settlement_service_pb2 as settlements


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One charge line. Amounts are fen, quantities 1/10,000 units, prices micro-yuan.

    The meaning, bounds and national name of each value stand in `medsettle.core.schema.LINE`.
    """

    line_id: str
    item_code: str
    fee_date: date
    quantity_e4: int
    unit_price_e6: int
    amount_fen: int
    approval: str | None = None
    original_line: str | None = None
    earmark: str | None = None
    diagnosis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an institution bills for one person and one visit.

    `request_id` is made and stored before sending, and sent again whenever the answer got lost. The
    meaning, bounds and national name of each value stand in `medsettle.core.schema.CLAIM`.
    """

    request_id: str
    institution: str
    institution_settlement: str | None = None
    pooling_area: str
    person: str
    insurance_type: str
    visit_type: str
    person_type: str
    institution_level: str
    birth_date: date
    admission_date: date
    service_date: date
    benefit_groups: Sequence[str] = ()
    account_used: bool
    diagnosis: str | None = None
    lines: Sequence[ClaimLine]
    credential_type: str | None = None
    card: str | None = None
    credential_time: datetime | None = None
    offline_time: datetime | None = None


ClaimLike: TypeAlias = Claim | Mapping[str, object]
"""A `Claim`, or a mapping with the same names; dates may be text like 2024-05-01 there."""


def claim_message(claim: ClaimLike) -> settlements.Claim:
    """Return the message of a claim.

    Messages have no place for a value of a wrong type or an unknown field, so the check of the
    engine is made before: a caller hears the same faults here as from an embedded engine.

    Raises:
        InvalidRequest: All faults of the claim, with their paths.
    """
    batch = ClaimBatch.from_rows([_row(claim)])
    if 0 in batch.rejections:
        raise batch.rejections[0].error()
    return checked_message(batch)


def checked_message(batch: ClaimBatch) -> settlements.Claim:
    """Return the message of the one claim of a batch, which has no faults."""
    row: dict[str, Any] = batch.rows[0]
    lines = [settlements.ClaimLine(**message_fields(line, schema.LINE)) for line in row["lines"]]
    return settlements.Claim(**message_fields(row, schema.CLAIM), lines=lines)


def _row(claim: Any) -> Any:  # noqa: ANN401 - whatever a caller takes for a claim
    """Return a claim as a row; what is neither stays as it is, for the check to name."""
    row = _columns(claim) if isinstance(claim, Claim) else claim
    if not isinstance(row, Mapping) or not isinstance(row.get("lines"), list | tuple):
        return row
    return {
        **row,
        "lines": [_columns(each) if isinstance(each, ClaimLine) else each for each in row["lines"]],
    }


def _columns(value: Claim | ClaimLine) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def message_fields(row: Mapping[str, Any], columns: Iterable[Column]) -> dict[str, Any]:
    """Return checked values as the fields of a message; what is absent stays unset."""
    stated = {column.name: row[column.name] for column in columns}
    return {name: _field(value) for name, value in stated.items() if value is not None}


def _field(value: Any) -> Any:  # noqa: ANN401 - a checked value of any kind
    if isinstance(value, datetime):
        moment = Timestamp()
        moment.FromDatetime(value)
        return moment
    if isinstance(value, date):
        return Date(year=value.year, month=value.month, day=value.day)
    return value
