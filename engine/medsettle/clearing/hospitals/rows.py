"""What hospitals are paid as plain rows: for programs, and for files that are handed out."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

from medsettle.clearing.hospitals.remittances import Remittance
from medsettle.clearing.months.month import Month
from medsettle.core.settlement import Row


def flat(record: Any) -> dict[str, Any]:  # noqa: ANN401 - any record of what hospitals are paid
    """Return the fields of a record as a row; those of a fund in it are columns of their own."""
    row: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value) and not isinstance(value, Month):
            row |= flat(value)
        else:
            row[field.name] = plain(value)
    return row


def plain(value: Any) -> Any:  # noqa: ANN401 - as `flat`
    """Return a value as JSON has it: days and months as text, codes as numbers or words."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Month | Enum):
        return value.text if isinstance(value, Month) else value.value
    if is_dataclass(value):
        return flat(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


def remittance_rows(found: Remittance) -> list[dict[str, Any]]:
    """Return what a payment is of as rows that add up to it, one a claim and kind of movement."""
    payment = flat(found.payment)
    del payment["fen"]
    rows = [
        payment | {"claim": line.claim, "kind": kind, "code": None, "reason": "", "fen": fen}
        for line in found.claims
        for kind, fen in line.moved.items()
    ]
    return rows + [
        payment
        | {
            "claim": None,
            "kind": "adjustment",
            "code": None if each.code is None else int(each.code),
            "reason": each.reason,
            "fen": each.fen,
        }
        for each in found.adjustments
    ]


def table_of(rows: Sequence[Row]) -> Any:  # noqa: ANN401 - Arrow's types have no stubs
    """Return rows, at least one, as an Arrow table; amounts stay fen."""
    import pyarrow as pa  # noqa: PLC0415 - loads slowly

    columns = {name: [row[name] for row in rows] for name in rows[0]}
    types = {name: _type_of(name, values) for name, values in columns.items()}
    return pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})


def _type_of(name: str, values: list[Any]) -> Any:  # noqa: ANN401 - Arrow's types have no stubs
    import pyarrow as pa  # noqa: PLC0415 - loads slowly

    whole = name == "fen" or name.endswith("_fen")
    return pa.int64() if whole or any(isinstance(each, int) for each in values) else pa.string()
