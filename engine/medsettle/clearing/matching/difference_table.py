"""What was found, as the table that everything after reconciliation reads."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.differences import difference_schema
from medsettle.clearing.matching.doubles import doubled_at
from medsettle.clearing.matching.explanations import explanation
from medsettle.clearing.matching.found import Found, proposal
from medsettle.clearing.matching.odd_records import AT, Records, Values

UNKNOWN: Final = "unknown"
"""What is told of an area that no book has."""

_ROW_LISTS: Final = {side: f"{side}_rows" for side in Side}


def difference_table(records: Records, differences: Sequence[Found]) -> pa.Table:
    """Return what was found about some records as a table of `differences.difference_schema()`.

    Rows are in the order of `differences`, those of each side in the order of their ids.
    """
    schema = difference_schema()
    told = [_columns(records, found) for found in differences]
    names = [field.name for field in schema if field.name not in _ROW_LISTS.values()]
    arrays = {
        name: pa.array([row[name] for row in told], schema.field(name).type) for name in names
    }
    for side, name in _ROW_LISTS.items():
        arrays[name] = _row_lists(records, side, differences)
    return pa.table([arrays[field.name] for field in schema], schema=schema)


def _columns(records: Records, found: Found) -> dict[str, object]:
    rows = records.first_rows(found.record)
    message_ids = {
        side: str(row[AT["request_id"]])
        for side, row in rows.items()
        if row[AT["request_id"]] is not None
    }
    proposed = proposal(found, message_ids)
    doubled = doubled_at(found.record)
    times = max(len(numbers) for numbers in found.record.held.values())
    return {
        "item": found.item,
        "difference_class": int(found.difference_class),
        "settlement": found.settlement,
        "matched_by": found.twin.key if found.twin is not None else found.record.matched_by,
        "held_by": [str(side) for side in found.held_by],
        "missing_at": [str(side) for side in found.missing_at],
        "differing": list(found.differing),
        "pooling_area": _first(rows.values(), "pooling_area") or UNKNOWN,
        "care_area": _first(rows.values(), "care_area") or UNKNOWN,
        "record_date": _first(rows.values(), "record_date"),
        "owner": str(proposed.owner),
        "action": str(proposed.action),
        "term": str(proposed.term),
        "at_risk_fen": found.at_risk_fen,
        "explanation": explanation(found, rows, doubled, times),
    }


def _first(rows: Iterable[Values], name: str) -> object:
    """Return the first value of a column that is known, of the side first that decides."""
    return next((row[AT[name]] for row in rows if row[AT[name]] is not None), None)


def _row_lists(records: Records, side: Side, differences: Sequence[Found]) -> pa.Array:
    """Return, for each difference, the rows that a side has of it, in the order of their ids."""
    fields = [column.arrow_field().with_nullable(True) for column in BOOK]
    numbers: list[int] = []
    offsets = [0]
    for found in differences:
        shown = {
            number
            for record in (found.record, *found.shown)
            for number in record.held.get(side, ())
        }
        numbers += sorted(shown)
        offsets.append(len(numbers))
    if side in records.tables:
        chosen = records.tables[side].take(pa.array(numbers, pa.int64())).combine_chunks()
        columns = [_whole(chosen[column.name]) for column in BOOK]
    else:
        columns = [pa.nulls(0, field.type) for field in fields]
    structs = pa.StructArray.from_arrays(columns, fields=fields)
    return pa.ListArray.from_arrays(pa.array(np.array(offsets, dtype=np.int32)), structs)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        return (
            pa.concat_arrays(combined.chunks) if combined.num_chunks else pa.nulls(0, column.type)
        )
    return combined
