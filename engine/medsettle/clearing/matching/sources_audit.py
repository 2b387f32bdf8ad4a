"""Books out of the audit tables of an engine, or of several engines of one side."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa

from medsettle import limits
from medsettle.audit import connect, persons_keys, verify
from medsettle.audit.manifest import MANIFEST_NAME
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.sources import COLUMNS, Book, Needed
from medsettle.core import clearing_classes
from medsettle.core.schema import SETTLEMENT
from medsettle.errors import Precondition

_STORED: Final = frozenset(column.name for column in SETTLEMENT)
PLACE_OF_CARE: Final = "coalesce(care_area, pooling_area)"
WITHIN_AREAS: Final = f"{PLACE_OF_CARE} = pooling_area"
# An engine's own settlements within its areas are those of both ends.
_SIDES: Final[dict[Side, str]] = {
    Side.INSURED: "side is null",
    Side.CARE: f"(side = 'care' or (side is null and {WITHIN_AREAS}))",
    Side.NATIONAL: "side = 'hub'",
}


def _in(types: frozenset[str]) -> str:
    return ", ".join(f"'{each}'" for each in sorted(types))


# China has no summer time, so its day is found by whole numbers alone.
_HOUR_US: Final = 3_600 * 10**6
DAY: Final = (
    f"(date '1970-01-01' + ((epoch_us(create_time) + {8 * _HOUR_US}) // {24 * _HOUR_US})::integer)"
)
CLEARING_CLASS: Final = (
    f"case when visit_type in ({_in(clearing_classes.PHARMACY_TYPES)}) "
    f"then '{clearing_classes.PHARMACY}' "
    f"when visit_type in ({_in(clearing_classes.STAY_TYPES)}) then '{clearing_classes.STAY}' "
    f"else '{clearing_classes.VISIT}' end"
)


_NAMES: Final = tuple(column.name for column in BOOK)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which settlements of an engine belong to a book.

    Attributes:
        between_areas: Only those where the place of care is another area than that of insurance.
        first: First day of recording, in China Standard Time.
        last: Last day of recording.
    """

    between_areas: bool = False
    first: date = date.min
    last: date = date.max


EVERYTHING: Final = Wanted()
BETWEEN_AREAS: Final = Wanted(between_areas=True)


def audit_folder(path: Path) -> Path | None:
    """Return the folder of audit tables that a path names or has within; None if none."""
    if (path / MANIFEST_NAME).is_file():
        return path
    within = [each.parent for each in path.glob(f"*/{MANIFEST_NAME}")]
    return within[0] if len(within) == 1 else None


def audited_book(side: Side, folders: Sequence[Path], wanted: Wanted = EVERYTHING) -> Book:
    """Open a book out of audit tables, after verifying their chains.

    The tables have no `encounter`; `clearing_class` is that of the visit type, as the gateway tells
    it (`core.clearing_classes`).

    Args:
        side: Whose book it is: what an engine decided itself is in that of the place of insurance,
            the copies it keeps are in that of the place of care, a hub's in the national one.
        folders: The audit folders, each with a manifest.
        wanted: Which of their settlements.

    Raises:
        AuditCorrupt: A chain is broken; the first segment concerned is named.
        Precondition: A folder has no segment: nothing would be compared with something.
    """
    for folder in folders:
        if verify(folder).segments == 0:
            raise Precondition(
                f"{folder} has no segments of audit tables; name the folder with manifest.jsonl",
                folder=str(folder),
            )
    source = f"select seq, {_select()} from settlements where {_condition(side, wanted)}"  # noqa: S608
    counts = [_counts(folder, source) for folder in folders]
    rows = sum(each["rows"] for each in counts)
    stated = tuple(name for name in _NAMES if name != "encounter")
    columns = tuple(
        name for name in stated if COLUMNS[name].required or any(each[name] for each in counts)
    )

    def read(names: Sequence[str], _needed: Needed) -> Iterator[tuple[int, pa.RecordBatch]]:
        first = 0
        for folder in folders:
            for batch in _batches(folder, source, names):
                yield first, batch
                first += batch.num_rows

    persons = frozenset().union(*(persons_keys(folder) for folder in folders))
    name = ", ".join(map(str, folders))
    left_out = _left_out(side, folders, wanted)
    return Book(*(side, name, columns, (), rows, read, stated), persons=persons, left_out=left_out)


def _select() -> str:
    made = {
        "record_time": "create_time",
        "record_date": DAY,
        "care_area": PLACE_OF_CARE,
        "clearing_class": CLEARING_CLASS,
        "encounter": "null::varchar",
    }
    assert _STORED | set(made) >= set(_NAMES)
    return ", ".join(
        f"{made[name]} as {name}" if name in made else f"settlements.{name}" for name in _NAMES
    )


def _condition(side: Side, wanted: Wanted) -> str:
    conditions = [_SIDES[side]]
    if wanted.between_areas:
        conditions.append(f"{PLACE_OF_CARE} <> pooling_area")
    if wanted.first > date.min:
        conditions.append(f"{DAY} >= date '{wanted.first}'")
    if wanted.last < date.max:
        conditions.append(f"{DAY} <= date '{wanted.last}'")
    return " and ".join(conditions)


def _left_out(side: Side, folders: Sequence[Path], wanted: Wanted) -> Counter[str]:
    """Return how many rows would be in the book as well if it had the care within areas."""
    found: Counter[str] = Counter()
    if not wanted.between_areas:
        return found
    condition = f"{_condition(side, replace(wanted, between_areas=False))} and {WITHIN_AREAS}"
    query = f"select pooling_area, count(*) from settlements where {condition} group by all"  # noqa: S608
    for folder in folders:
        with connect(folder) as connection:
            found.update(dict(connection.sql(query).fetchall()))
    return found


def _counts(folder: Path, source: str) -> dict[str, int]:
    """Return how many values each column has, and how many rows there are."""
    counted = ", ".join(f"count({name}) as {name}" for name in _NAMES)
    with connect(folder) as connection:
        query = f"select count(*) as rows, {counted} from ({source})"  # noqa: S608
        found: list[dict[str, int]] = connection.sql(query).to_arrow_table().to_pylist()
    return found[0]


def _batches(folder: Path, source: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    fields = [COLUMNS[name].arrow_field().with_nullable(True) for name in names]
    schema = pa.schema(fields)
    with connect(folder) as connection:
        # Several threads hand over what they have read in any order, and a book is read again by
        # the numbers of its rows.
        query = f"select {', '.join(names)} from ({source}) order by seq"  # noqa: S608
        reader = connection.sql(query).to_arrow_reader(limits.BOOK_BATCH_ROWS)
        for batch in reader:
            yield pa.RecordBatch.from_arrays(
                [batch.column(name).cast(schema.field(name).type) for name in names], schema=schema
            )
