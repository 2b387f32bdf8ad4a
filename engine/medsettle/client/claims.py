"""Claims as a caller writes them, and as messages."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from google.type.date_pb2 import Date  # type: ignore[import-untyped]

from medsettle.core import schema
from medsettle.core.schema import Column, Kind
from medsettle.errors import Fault, InvalidRequest
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
    lines: Sequence[ClaimLine]


ClaimLike: TypeAlias = Claim | Mapping[str, object]
"""A `Claim`, or a mapping with the same names; dates may be text like 2024-05-01 there."""


def claim_message(claim: ClaimLike) -> settlements.Claim:
    """Return the message of a claim. What is absent stays unset; the server names it.

    Raises:
        InvalidRequest: A value has no place in the message: an unknown name, a wrong type, a text
            that is no date. All of them, with their paths.
    """
    row = _row(claim)
    faults: list[Fault] = []
    fields = _fields(row, schema.CLAIM, {"lines"}, "", faults)
    lines = []
    listed = row.get("lines")
    if listed is not None and not isinstance(listed, Sequence):
        faults.append(Fault("lines", f"expected a list of lines, found {type(listed).__name__}"))
        listed = None
    for index, line in enumerate(listed or ()):
        path = f"lines[{index}]"
        if isinstance(line, ClaimLine | Mapping):
            lines.append(_fields(_row(line), schema.LINE, set(), f"{path}.", faults))
        else:
            faults.append(Fault(path, f"expected a line, found {type(line).__name__}"))
    if faults:
        raise InvalidRequest(faults)
    return settlements.Claim(**fields, lines=[settlements.ClaimLine(**line) for line in lines])


def _row(value: Claim | ClaimLine | Mapping[str, object]) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _fields(
    row: Mapping[str, object],
    columns: Sequence[Column],
    others: set[str],
    path: str,
    faults: list[Fault],
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    known = {column.name: column for column in columns}
    for name, value in row.items():
        if name in others or value is None:
            continue
        if name not in known:
            faults.append(Fault(f"{path}{name}", "unknown field; remove it"))
            continue
        try:
            fields[name] = _field(known[name].kind, value)
        except (TypeError, ValueError) as error:
            faults.append(Fault(f"{path}{name}", str(error)))
    return fields


def _field(kind: Kind, value: object) -> object:
    """Return a value as its field takes it.

    Raises:
        TypeError: Another type than the column's.
        ValueError: A text that is no date, a number beyond 64 bits.
    """
    if kind is Kind.DATE:
        return _date_message(value)
    if kind is Kind.CODES:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise TypeError(f"expected a list of codes, found {type(value).__name__}")
        return [_of_type(item, str, "a text") for item in value]
    if kind is Kind.CODE:
        return _of_type(value, str, "a text")
    if kind is Kind.BOOLEAN:
        return _of_type(value, bool, "true or false")
    number = _of_type(value, int, "a whole number")
    assert isinstance(number, int)
    if isinstance(value, bool):
        raise TypeError("expected a whole number, found bool")
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} does not fit 64 bits")
    return number


def _of_type(value: object, wanted: type, described: str) -> object:
    if not isinstance(value, wanted):
        raise TypeError(f"expected {described}, found {type(value).__name__}")
    return value


def _date_message(value: object) -> object:
    if isinstance(value, str):
        value = date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError(f"expected a date like 2024-05-01, found {type(value).__name__}")
    return Date(year=value.year, month=value.month, day=value.day)
