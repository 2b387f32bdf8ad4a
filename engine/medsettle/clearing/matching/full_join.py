"""The full join of books in DuckDB: the oracle of the sketch, and what is left where that fails.

A key is odd unless every book has it exactly once and no two books know unlike values of a column
that both have. Keys that a book has more than once are told apart before anything is joined, so
that no row is multiplied. Memory is bounded: what does not fit is spilled into a folder.

The sketch hands the few rows that it names through the same statements, so that both ways end alike
by construction, and what the sketch named needlessly is let go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.odd_rows import OddRows
from medsettle.clearing.matching.passes import OTHER_KEYS, shared_columns
from medsettle.clearing.matching.sources import Book
from medsettle.errors import Precondition

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Found:
    """What comparing books found.

    Attributes:
        odd: The rows by which they differ.
        odd_keys: How many keys are odd; of others `odd` has rows that share a natural key.
        odd_rows: Per side, how many of its rows have an odd key.
    """

    odd: OddRows
    odd_keys: int
    odd_rows: Mapping[Side, int]


def joined(
    books: Sequence[Book], scratch: Path, *, memory_mib: int = limits.JOIN_MEMORY_MIB
) -> Found:
    """Return the odd rows of books by joining them in full.

    Args:
        books: Two or three, in the order of `Side`.
        scratch: A folder for what does not fit into memory; the caller clears it away.
        memory_mib: What DuckDB may use; a little more is taken by whoever reads the books.

    Raises:
        Precondition: More rows are odd than are held, or so little memory is not enough.
        OSError: The folder cannot be written, or is full.
    """
    import duckdb  # noqa: PLC0415 - loads slowly

    _check_memory(memory_mib)
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mib}MiB",
        "temp_directory": str(scratch / "spilled"),
        "autoinstall_known_extensions": "false",
        # Rows are put into an order at the end; keeping theirs would keep them in memory.
        "preserve_insertion_order": "false",
        "threads": limits.JOIN_THREADS,
    }
    with duckdb.connect(str(scratch / "joined.duckdb"), config=options) as connection:
        try:
            for book in books:
                connection.register("reader", book.reader(book.columns))
                connection.execute(f"create table {book.side} as from reader")
                connection.unregister("reader")
            return _found(connection, books)
        except duckdb.OutOfMemoryException as error:
            raise Precondition(
                f"the full join needs more than {memory_mib} MiB or more room in {scratch}; give "
                f"it more of both: {str(error).splitlines()[0]}",
                memory_mib=str(memory_mib),
            ) from error


def _check_memory(memory_mib: int) -> None:
    least = limits.JOIN_MEMORY_MIB_MIN
    if memory_mib < least:
        raise Precondition(
            f"{memory_mib} MiB are too little for the full join; give it {least} at least",
            memory_mib=str(memory_mib),
        )


def settled(books: Sequence[Book], candidates: Mapping[Side, pa.Table]) -> Found:
    """Return the odd rows among all rows of some keys of books.

    Args:
        books: The books, in the order of `Side`.
        candidates: Per side, all its rows of these keys.

    Raises:
        Precondition: More rows are odd than are held.
    """
    import duckdb  # noqa: PLC0415 - loads slowly

    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"}) as connection:
        for book in books:
            connection.register(str(book.side), candidates[book.side])
        return _found(connection, books)


def _found(connection: "duckdb.DuckDBPyConnection", books: Sequence[Book]) -> Found:
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"create temp table twice as {_twice(books)}")
    connection.execute("create temp table unlike as select settlement from twice")
    # One join at a time: each may fill the memory that there is.
    for one, other in combinations(books, 2):
        connection.execute(f"insert into unlike {_unlike(one, other)}")
    connection.execute("create temp table odd as select distinct settlement from unlike")
    connection.execute(f"create temp table beside as {_beside(books)}")
    connection.execute(f"create temp table wanted as {_wanted(books)}")
    counts = {}
    for table in ("odd", "wanted"):
        counts[table] = {
            book.side: _number(
                connection,
                f"select count(*) from {book.side} where settlement in (from {table})",  # noqa: S608
            )
            for book in books
        }
    count = sum(counts["wanted"].values())
    if count > limits.ODD_ROWS_MAX:
        raise Precondition(
            f"{count} rows of the books differ, at most {limits.ODD_ROWS_MAX} are classified; "
            "compare fewer days or areas, or see whether these are books of the same things",
            rows=str(count),
        )
    rows = {book.side: _rows(connection, book) for book in books}
    columns = {book.side: frozenset(book.columns) for book in books}
    odd_keys = _number(connection, "select count(*) from odd")
    return Found(OddRows(rows, columns), odd_keys, counts["odd"])


def _number(connection: "duckdb.DuckDBPyConnection", query: str) -> int:
    ((number,),) = connection.execute(query).fetchall()
    return int(number)


def _rows(connection: "duckdb.DuckDBPyConnection", book: Book) -> pa.Table:
    names = ", ".join(book.columns)
    query = f"select {names} from {book.side} where settlement in (from wanted) order by {names}"  # noqa: S608
    return connection.sql(query).to_arrow_table().cast(book.schema(book.columns))


# --- the statements ------------------------------------------------------------------------------


def _twice(books: Sequence[Book]) -> str:
    """Return the query for the keys that a book has more than once."""
    return " union ".join(
        f"select settlement from {book.side} group by settlement having count(*) > 1"  # noqa: S608
        for book in books
    )


def _unlike(one: Book, other: Book) -> str:
    """Return the query for keys that one of two books lacks, or that they have unlike."""
    names = [name for name in shared_columns(one, other) if name != "settlement"]
    # Null is no value: beside any it is neither alike nor unlike, and the key is not odd for it.
    unlike = " or ".join(f"a.{name} <> b.{name}" for name in names) or "false"
    single = "settlement not in (select settlement from twice)"
    return f"""
        select coalesce(a.settlement, b.settlement) as settlement
        from (from {one.side} where {single}) a full join (from {other.side} where {single}) b
          on a.settlement = b.settlement
        where a.settlement is null or b.settlement is null or {unlike}
    """  # noqa: S608 - names of our own


def _beside(books: Sequence[Book]) -> str:
    """Return the query for the odd keys, and those of rows that share a natural key with theirs."""
    parts = ["select settlement from odd"]
    for key in OTHER_KEYS:
        having = [book for book in books if set(key) <= set(book.columns)]
        if not having:
            continue
        names = ", ".join(key)
        whole = " and ".join(f"{name} is not null" for name in key)
        odd = " union ".join(
            f"select {names} from {book.side} where {whole} and settlement in (from odd)"  # noqa: S608
            for book in having
        )
        parts += [
            f"select settlement from {book.side} semi join ({odd}) shared using ({names})"  # noqa: S608
            for book in having
        ]
    return " union ".join(parts)


def _wanted(books: Sequence[Book]) -> str:
    """Return the query for these keys, and those of what belongs to the same settlements."""
    families = {
        book.side: "coalesce(original, settlement)" if "original" in book.columns else "settlement"
        for book in books
    }
    theirs = " union ".join(
        f"select {family} as family from {side} where settlement in (from beside)"  # noqa: S608
        for side, family in families.items()
    )
    parts = [
        f"select settlement from {side} where {family} in ({theirs})"  # noqa: S608
        for side, family in families.items()
    ]
    return " union ".join(["select settlement from beside", *parts])
