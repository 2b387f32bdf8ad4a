"""Arrow tables that somebody made without us, held to the columns of a history before a replay."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.history import COLUMNS
from medsettle.replay.layout import arrow_schema


def check_given(tables: Mapping[str, pa.Table]) -> None:
    """Refuse tables whose columns are not those of a history.

    Columns that need not be stated may be missing, and so may tables but `claims` and `lines`.
    Codes may have dictionaries, and whole numbers fewer bits.

    Args:
        tables: By the names of a history's tables.

    Raises:
        InvalidRequest: A column that every row states is missing or has nulls, or a column is of
            another type; all faults with table and column.
    """
    faults = [*_faults(tables)]
    if faults:
        raise InvalidRequest(faults)


def _faults(tables: Mapping[str, pa.Table]) -> Iterator[Fault]:
    for name in ("claims", "lines"):
        if name not in tables:
            yield Fault(name, "is missing; give the table, with no rows where there are none")
    for name, table in tables.items():
        if name not in COLUMNS:
            yield Fault(name, f"is no table of a history; these are {', '.join(COLUMNS)}")
            continue
        for field in arrow_schema(COLUMNS[name]):
            place = f"{name}.{field.name}"
            if field.name in table.column_names:
                column = table[field.name]
                if not _fits(column.type, field.type):
                    yield Fault(place, f"is {column.type}; cast it to {field.type}")
                elif column.null_count and not field.nullable:
                    yield Fault(place, f"has {column.null_count:,} nulls; every row states it")
            elif not field.nullable:
                yield Fault(place, f"is missing; every row states it, as {field.type}")


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Return whether a column is read as what it should be."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(found))
    return bool(found == wanted)
