"""What a table of differences says of items, and how a run keeps it."""

import hashlib
from collections.abc import Sequence
from typing import Final

import orjson
import pyarrow as pa

from medsettle import limits
from medsettle.clearing.items.terms import rows_at
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.differences import difference_schema
from medsettle.core.dates import day_number
from medsettle.core.settlement import Row
from medsettle.core.tables import plain
from medsettle.errors import Fault, InvalidRequest

# What a class proposes, and the words for it, may change with this program; the facts do not.
_WORDS: Final = frozenset({"owner", "action", "term", "explanation"})


def table_bytes(differences: pa.Table) -> bytes:
    """Return a table of differences as an Arrow stream, compressed.

    Raises:
        InvalidRequest: It has another schema, or more rows than a run keeps.
    """
    wanted = difference_schema()
    if not differences.schema.equals(wanted):
        raise _refused("has other columns than a table of differences; reconcile again")
    most = limits.DIFFERENCES_KEPT_MAX
    if differences.num_rows > most:
        raise _refused(
            f"has {differences.num_rows} rows, at most {most} are kept; compare fewer days or "
            "areas, or look whether these are books of the same things"
        )
    if differences["record_date"].null_count:
        raise _refused("have no day, by which items are kept; state record_date of text files")
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, wanted, options=options) as writer:
        writer.write_table(differences)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def differences_of(content: bytes) -> pa.Table:
    """Return the table of differences that `table_bytes` made bytes of."""
    with pa.ipc.open_stream(content) as reader:
        return reader.read_all()


def fingerprint_of(difference: Row) -> str:
    """Return 24 hex digits over the facts of a difference: the same facts, the same digits."""
    facts = {name: value for name, value in difference.items() if name not in _WORDS}
    canonical = orjson.dumps(facts, default=plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()[:24]


def class_and_risk(difference: Row) -> tuple[int, int]:
    """Return the number of the class of a difference and the fen at risk in it."""
    return int(str(difference["difference_class"])), int(str(difference["at_risk_fen"]))


def seen_alike(before: Row, now: Row) -> bool:
    """Return whether a run sees a difference as an earlier one saw more of it.

    Of the sides that the later run compared both have the same rows, but for what is unknown in one
    of them.
    """
    for side in Side:
        old, new = rows_at(before, side), rows_at(now, side)
        if side in _compared(now) and not (len(old) == len(new) and all(map(_alike, old, new))):
            return False
    return True


def _compared(difference: Row) -> set[str]:
    held, missing = difference["held_by"], difference["missing_at"]
    assert isinstance(held, list)
    assert isinstance(missing, list)
    return {*held, *missing}


def _alike(one: Row, other: Row) -> bool:
    return all(
        value is None or other[name] is None or value == other[name] for name, value in one.items()
    )


def settlements_of(difference: Row) -> list[str]:
    """Return the ids of the settlements that a difference is about, in every book."""
    found = {str(difference["settlement"])}
    for side in Side:
        for row in rows_at(difference, side):
            found |= {str(row[name]) for name in ("settlement", "original") if row.get(name)}
    return sorted(found)


def facts_of(row: Row) -> tuple[str | int, ...]:
    """Return the columns of an item that a difference states, in the order of the table."""
    of_class, at_risk_fen = class_and_risk(row)
    return (
        str(row["settlement"]),
        of_class,
        str(row["owner"]),
        str(row["action"]),
        str(row["term"]),
        at_risk_fen,
        str(row["pooling_area"]),
        str(row["care_area"]),
        day_number(row["record_date"]),  # type: ignore[arg-type]
    )


def days_unequal(differences: Sequence[Row]) -> dict[int, tuple[int, int]]:
    """Return how many differences and duplicates each day has."""
    found: dict[int, tuple[int, int]] = {}
    for row in differences:
        day = day_number(row["record_date"])  # type: ignore[arg-type]
        count, duplicates = found.get(day, (0, 0))
        twice = row["difference_class"] == DifferenceClass.DUPLICATE
        found[day] = count + 1, duplicates + twice
    return found


def _refused(text: str) -> InvalidRequest:
    return InvalidRequest([Fault("differences", text)])
