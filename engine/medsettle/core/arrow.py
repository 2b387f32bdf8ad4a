"""Claims as an Arrow table, from rows such as JSON gives.

Dates stay text here and nothing is required: the check of a batch is `medsettle.core.claims`, which
names every fault with its path, where Arrow would stop at the first.
"""

from typing import Any

import pyarrow as pa

from medsettle.core import schema
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest


def claims_table(rows: list[Row]) -> pa.Table:
    """Return rows as an Arrow table of claims, for `Client.settle_table` and files.

    Raises:
        InvalidRequest: A field is unknown, or a value does not fit its column; send the row alone
            to see all its faults.
    """
    if unknown := _unknown_fields(rows):
        raise InvalidRequest(unknown)
    dates = {column.name for column in schema.CLAIM if column.kind is schema.Kind.DATE}
    line_dates = {column.name for column in schema.LINE if column.kind is schema.Kind.DATE}
    wanted = schema.claim_schema()
    loose = pa.schema([_loose(field, dates, line_dates) for field in wanted])
    try:
        return pa.Table.from_pylist([_plain(row) for row in rows], loose)
    except (pa.ArrowException, TypeError, AttributeError) as error:
        raise InvalidRequest([Fault("claims", f"a value does not fit: {error}")]) from error


def _unknown_fields(rows: list[Row]) -> list[Fault]:
    """Return a fault for every field that a table has no column for, and Arrow would drop."""
    known = {column.name for column in schema.CLAIM} | {"lines"}
    known_of_line = {column.name for column in schema.LINE}
    found: dict[str, Fault] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        lines = row.get("lines")
        names = [(name, name) for name in row if name not in known]
        for line in lines if isinstance(lines, list) else []:
            fields = line if isinstance(line, dict) else {}
            names += [(f"lines.{name}", name) for name in fields if name not in known_of_line]
        for path, name in names:
            found.setdefault(path, Fault(path, f"unknown field {name!r}; remove it"))
    return list(found.values())


def _loose(field: Any, dates: set[str], line_dates: set[str]) -> Any:  # noqa: ANN401 - pyarrow
    """Return a field in which dates are text and everything may be missing; the check is later."""
    if field.name in dates:
        return pa.field(field.name, pa.string())
    if field.name == "lines":
        item = field.type.value_type
        parts = [item.field(index) for index in range(item.num_fields)]
        return pa.field("lines", pa.list_(pa.struct([_loose(f, line_dates, set()) for f in parts])))
    return pa.field(field.name, field.type)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
