"""The same service twice in books that agree: nothing is odd, so one book is looked into.

    again            one person, institution, visit, day, insurance and total under two ids: a retry
                     under a new message id that everybody recorded
    two places       the same but for institution and visit; both may be real
    stays            a person in two institutions at one time, by admission and discharge

The first by the book's own time is kept; each further one is a difference of class 9. What was
taken back is none, and interim settlements of one stay have one visit and different totals. Where a
book lacks a column that one of them needs, it is not looked for, and the answer says so: without
`encounter` two equal visits of a day cannot be told from one that was sent twice, and without
`admission_date` (no column of a book; read where a file has it beside) stays have no beginning.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from medsettle import limits
from medsettle.clearing.matching.at_risk import claim_of, whole_fen
from medsettle.clearing.matching.book import SAME_SERVICE, RecordKind, Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.difference_table import difference_table
from medsettle.clearing.matching.doubles import STAY, Twin
from medsettle.clearing.matching.found import Found
from medsettle.clearing.matching.odd_records import records_of
from medsettle.clearing.matching.sources import Book
from medsettle.errors import BatchTooLarge, Fault, InvalidRequest

if TYPE_CHECKING:
    import duckdb

_FACTS: Final = ("person", "service_date", "total_fen", "insurance_type")
_AGAIN: Final = "institution+encounter+person+service_date+total_fen"
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "again": (*_FACTS, "institution", "encounter"),
    "two places": (*_FACTS, "institution"),
    "stays": ("person", "institution", "service_date", "admission_date"),
}
"""What is looked for, and the columns that it needs."""
_KEPT: Final = ("settlement", "original", "kind", "record_time")


@dataclass(frozen=True, slots=True)
class Repeats:
    """What one book has twice.

    Attributes:
        differences: A table of `differences.difference_schema()`, in the order of `item`.
        not_looked_for: What could not be looked for, with the columns that the book lacks.
    """

    differences: pa.Table
    not_looked_for: Mapping[str, tuple[str, ...]]


def find_repeats(
    book: Book,
    scratch: Path,
    *,
    agreeing: Sequence[Side] = tuple(Side),
    memory_mib: int = limits.JOIN_MEMORY_MIB,
) -> Repeats:
    """Return the services that a book has twice under ids of their own.

    Args:
        book: The book of a side; rows are shown as its.
        scratch: A folder for what does not fit into memory; the caller clears it away.
        agreeing: The sides whose books were compared and agree: that have it twice, too.
        memory_mib: What DuckDB may use.

    Raises:
        InvalidRequest: The book does not say what its rows are, or their days.
        BatchTooLarge: So many are alike that the column of persons or totals cannot be right.
        OSError: A file cannot be read.
    """
    import duckdb  # noqa: PLC0415 - loads slowly

    missing = {"kind", "record_date"}.difference(book.columns) if book.rows else set()
    if missing:
        words = f"has no {', '.join(sorted(missing))}, without which its rows say nothing"
        raise InvalidRequest([Fault(book.name, words)])
    columns = (*book.columns, *book.beside)
    lacking = {
        what: tuple(name for name in needed if name not in columns)
        for what, needed in NEEDED.items()
    }
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mib}MiB",
        "temp_directory": str(scratch / "repeats"),
        "autoinstall_known_extensions": "false",
        "preserve_insertion_order": "false",
    }
    seconds: dict[str, tuple[str, str]] = {}
    with duckdb.connect(":memory:", config=options) as connection:
        connection.execute("set timezone = 'UTC'")
        asked = {name for what, needed in NEEDED.items() if not lacking[what] for name in needed}
        if asked:
            _load(connection, book, [name for name in columns if name in asked.union(_KEPT)])
        # What is told first stays: a service that was sent again is not at two places as well.
        for what, query in (("again", _again), ("two places", _two_places), ("stays", _stays)):
            if not lacking[what]:
                _suspects(connection, what, columns)
                for settlement, first, key in query(connection):
                    seconds.setdefault(settlement, (first, key))
    table = _differences(_rows(book, seconds), book.side, tuple(agreeing), seconds)
    return Repeats(table, {what: names for what, names in lacking.items() if names})


def with_repeats(differences: pa.Table, repeats: pa.Table) -> pa.Table:
    """Return differences with those repeats that are no difference already, by `item`."""
    known = set(differences["item"].to_pylist())
    new = [at for at, item in enumerate(repeats["item"].to_pylist()) if item not in known]
    together = pa.concat_tables([differences, repeats.take(pa.array(new, pa.int64()))])
    return together.sort_by("item").combine_chunks()


def _load(connection: "duckdb.DuckDBPyConnection", book: Book, columns: Sequence[str]) -> None:
    """Make the table `book` of some columns: they are looked through several times."""
    connection.register("reading", book.reader(columns))
    kinds = f"kind in ('{RecordKind.SETTLE}', '{RecordKind.CANCEL}')"
    connection.execute(f"create temp table book as select * from reading where {kinds}")  # noqa: S608
    connection.unregister("reading")


def _suspects(connection: "duckdb.DuckDBPyConnection", what: str, columns: Sequence[str]) -> None:
    """Make the table of settlements that stand and share what makes them one service."""
    stay = what == "stays"
    shared = "hash(person)" if stay else "hash(person, service_date, total_fen)"
    condition = "admission_date < service_date" if stay else "total_fen > 0"
    # What is unknown is like nothing, and SQL would put it into one group.
    condition += " and person is not null and service_date is not null"
    asked = f"kind = '{RecordKind.SETTLE}' and {condition}"
    kept = dict.fromkeys((*(name for name in _KEPT if name in columns), *NEEDED[what]))
    wanted = ", ".join(f"any_value({name}) as {name}" for name in kept if name != "settlement")
    back = "coalesce(original, settlement)" if "original" in columns else "settlement"
    time = "min(record_time)" if "record_time" in columns else "null::timestamptz"
    # A hash of ten million is grouped in little memory, and few rows are left to look at.
    connection.execute(f"""
        create or replace temp table shared as
        select {shared} as shared from book where {asked}
        group by 1 having count(*) > 1
    """)  # noqa: S608 - names of our own
    connection.execute(f"""
        create or replace temp table suspects as
        select settlement, {time} as first_time, {wanted}
        from book where {asked} and {shared} in (from shared) and settlement not in (
          select {back} from book where kind = '{RecordKind.CANCEL}')
        group by settlement
    """)  # noqa: S608 - names of our own


def _again(connection: "duckdb.DuckDBPyConnection") -> Iterator[tuple[str, str, str]]:
    """Yield what is sent again, with its first: all facts alike, the visit among them."""
    facts = ", ".join((*_FACTS, "institution", "encounter"))
    yield from _following(connection, f"partition by {facts}", "encounter is not null", _AGAIN)


def _two_places(connection: "duckdb.DuckDBPyConnection") -> Iterator[tuple[str, str, str]]:
    """Yield what is at another place than its first, with that."""
    facts = ", ".join(_FACTS)
    key = "+".join(SAME_SERVICE)
    first = "institution <> first_institution"
    yield from _following(connection, f"partition by {facts}", "true", key, first)


def _following(
    connection: "duckdb.DuckDBPyConnection", window: str, where: str, key: str, beside: str = "true"
) -> Iterator[tuple[str, str, str]]:
    found = connection.execute(f"""
        select settlement, first from (
          select settlement, institution, first_value(settlement) over service as first,
            first_value(institution) over service as first_institution
          from suspects where {where}
          window service as ({window} order by first_time nulls last, settlement))
        where settlement <> first and {beside}
        order by settlement
    """).fetchall()  # noqa: S608 - names of our own
    yield from ((settlement, first, key) for settlement, first in found)


def _stays(connection: "duckdb.DuckDBPyConnection") -> Iterator[tuple[str, str, str]]:
    """Yield stays that began before an earlier recorded one elsewhere had ended, with that."""
    found = connection.execute("""
        select b.settlement, min_by(a.settlement, (a.first_time, a.settlement))
        from suspects a join suspects b using (person)
        where a.institution <> b.institution
          and a.admission_date < b.service_date and b.admission_date < a.service_date
          and (a.first_time, a.settlement) < (b.first_time, b.settlement)
        group by b.settlement order by b.settlement
    """).fetchall()
    yield from ((settlement, first, STAY) for settlement, first in found)


def _rows(book: Book, seconds: Mapping[str, tuple[str, str]]) -> pa.Table:
    """Return the rows of all that is there twice, and of what it repeats."""
    wanted = sorted({*seconds, *(first for first, _ in seconds.values())})
    if len(wanted) > limits.ODD_ROWS_MAX:
        words = f"{len(wanted)} settlements look like others, above the bound of "
        words += f"{limits.ODD_ROWS_MAX}; see whether persons and totals are what they should be"
        raise BatchTooLarge([Fault("book", words)])
    names = pa.array(wanted, pa.string())
    places, first = [np.zeros(0, np.int64)], 0
    for batch in book.batches(("settlement", "kind")) if wanted else ():
        ids, kinds = (batch.column(at).cast(pa.string()) for at in range(2))
        told = pc.and_(pc.is_in(ids, names), pc.equal(kinds, RecordKind.SETTLE))
        places.append(np.flatnonzero(told.to_numpy(zero_copy_only=False)) + first)
        first += batch.num_rows
    return book.rows_at(np.concatenate(places), book.columns)


def _differences(
    rows: pa.Table, side: Side, agreeing: tuple[Side, ...], seconds: Mapping[str, tuple[str, str]]
) -> pa.Table:
    records = records_of({side: rows}, {side: frozenset(rows.schema.names)})
    of_id = {record.settlement: record for record in records.records}
    found = []
    for settlement, (first, key) in seconds.items():
        record = of_id[settlement]
        claim = claim_of(records.first_rows(record).values())
        found.append(
            Found(
                record,
                DifferenceClass.DUPLICATE,
                record.item,
                settlement,
                agreeing,
                (),
                shown=(of_id[first],),
                twin=Twin(of_id[first], key),
                at_risk_fen=whole_fen([claim]),
            )
        )
    found.sort(key=lambda each: each.item)
    return difference_table(records, found)
