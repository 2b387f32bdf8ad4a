"""Claims as an Arrow table, from rows such as JSON gives.

Dates and moments stay text here and nothing is required: the check of a batch is
`medsettle.core.claims`, which names every fault with its path. Only what no column can hold is
refused here, by the same check: Arrow would stop at the first such value, drop an unknown field,
and cut 1.5 fen to 1 unseen.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa

from medsettle import limits
from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Column, Kind
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest


def claims_table(rows: list[Row]) -> pa.Table:
    """Return rows as an Arrow table of claims, for `Client.settle_table` and files.

    Raises:
        InvalidRequest: A field is unknown, or a value does not fit its column. All faults of all
            claims up to a bound, with paths such as `claims[3].lines[0].amount_fen`.
    """
    if not all(_is_claim(row) for row in rows):
        raise InvalidRequest(_faults(rows))
    dates = {column.name for column in schema.CLAIM if column.kind in _AS_TEXT}
    line_dates = {column.name for column in schema.LINE if column.kind in _AS_TEXT}
    wanted = schema.claim_schema()
    loose = pa.schema([_loose(field, dates, line_dates) for field in wanted])
    return pa.Table.from_pylist([_plain(row) for row in rows], loose)


def _faults(rows: list[Row]) -> list[Fault]:
    """Return the faults of all claims, by claim; at most as many as one claim may have."""
    faults: list[Fault] = []
    for index, row in enumerate(rows):
        rejection = ClaimBatch.from_rows([row]).rejections.get(0)
        for fault in rejection.faults if rejection else ():
            inner = "" if fault.path == "claim" else f".{fault.path}"
            faults.append(Fault(f"claims[{index}]{inner}", fault.message))
        if len(faults) >= limits.FAULTS_PER_CLAIM_MAX:
            break
    return faults[: limits.FAULTS_PER_CLAIM_MAX]


def _is_claim(row: object) -> bool:
    """Whether the columns of a table can hold a row as it is, right or wrong."""
    if not isinstance(row, Mapping) or not _fits(row, _CLAIM, {"lines"}):
        return False
    lines = row.get("lines")
    return lines is None or (
        isinstance(lines, list | tuple)
        and all(isinstance(line, Mapping) and _fits(line, _LINE, ()) for line in lines)
    )


def _fits(row: Mapping[str, object], columns: Mapping[str, Column], others: Iterable[str]) -> bool:
    return all(
        name in others or (name in columns and (value is None or _HOLDS[columns[name].kind](value)))
        for name, value in row.items()
    )


def _is_text(value: object) -> bool:
    # A lone surrogate, which JSON can write, is no text of Arrow.
    return isinstance(value, str) and (value.isascii() or _is_unicode(value))


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= limits.INT64_MAX


_HOLDS: Final[dict[Kind, Callable[[object], bool]]] = {
    Kind.CODE: _is_text,
    Kind.CODES: lambda value: isinstance(value, list | tuple) and all(map(_is_text, value)),
    Kind.DATE: lambda value: isinstance(value, date) or _is_text(value),
    Kind.TIMESTAMP: lambda value: isinstance(value, datetime) or _is_text(value),
    Kind.BOOLEAN: lambda value: isinstance(value, bool),
    Kind.FEN: _is_whole,
    Kind.INTEGER: _is_whole,
}
_AS_TEXT: Final = {Kind.DATE, Kind.TIMESTAMP}
_CLAIM: Final = {column.name: column for column in schema.CLAIM}
_LINE: Final = {column.name: column for column in schema.LINE}


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
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
