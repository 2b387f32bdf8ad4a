"""Claims in any order become a history: numbered by person, sorted, and cut into parts.

DuckDB sorts on disk within a bound of memory, so ten million claims take no more of it than a
million. Wide tables are never joined: each is sorted by the number of the claim alone, and the
parts are put together out of equal stretches.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import duckdb
import pyarrow as pa

from medsettle import durable, limits
from medsettle.core.columns import Column
from medsettle.errors import AuditCorrupt, Fault, InvalidRequest
from medsettle.replay.history import HistoryWriter
from medsettle.replay.layout import arrow_schema

_SCRATCH: Final = "sorting"

Stretch: TypeAlias = Callable[[int, int], pa.Table]
"""Returns the rows of a table for the claims from a number up to another one, in their order."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many claims are written, of how many."""


@dataclass(frozen=True, slots=True)
class PartSize:
    """How much a part of a history has at most; a person with more has one alone."""

    claims: int = limits.HISTORY_PART_CLAIMS
    lines: int = limits.HISTORY_PART_LINES


WHOLE: Final = PartSize()


def nothing_told(_done: int, _claims: int) -> None:
    """Tell nobody how far a history is."""


@contextmanager
def scratch_folder(folder: Path, name: str) -> Iterator[Path]:
    """Yield a new folder below that of a history that is being made; it is removed afterwards.

    Raises:
        OSError: It cannot be made.
    """
    scratch = folder / name
    # What a killed process left is of no use to anybody.
    shutil.rmtree(scratch, ignore_errors=True)
    durable.make_folder(scratch)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def scratch_database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database in the folder of a history that is being made.

    Raises:
        OSError: The folder cannot be written.
    """
    with scratch_folder(folder, _SCRATCH) as scratch:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": limits.HISTORY_MEMORY,
            "temp_directory": str(scratch / "spilled"),
            "autoinstall_known_extensions": "false",
        }
        with duckdb.connect(str(scratch / "sorting.duckdb"), config=config) as connection:
            connection.execute("set timezone = 'UTC'")
            yield connection


@dataclass(frozen=True, slots=True)
class Sorting:
    """Sorts what a source put into its database.

    The source makes the table `found` with a row a claim: `book` and `seq`, which tell claims
    apart, `pooling_area`, `person`, `"order"`, and `line_count`. Numbers and persons follow from
    it.
    """

    connection: duckdb.DuckDBPyConnection

    def number(self) -> None:
        """Make the tables `numbered` and `persons`, and let go of `found`.

        `numbered` has a row a claim with its number `claim`, `persons` a row a person with the
        number of the first claim, in this order.
        """
        # A table keeps the order of its rows, so the place of a row is the number of the claim.
        self.connection.execute("""
            create table ordered as
              select * from found order by pooling_area, person, "order";
            drop table found;
            create table numbered as
              select rowid as claim, book, seq, "order", line_count from ordered;
            create table persons as
              select pooling_area, person, min(rowid) as claim, count(*) as claims,
                sum(line_count)::bigint as lines
              from ordered group by pooling_area, person order by 3;
            drop table ordered;
        """)

    def sort(self, name: str, columns: str, rows: str, *, by: str = "") -> None:
        """Make a table `name` with the rows of numbered claims, in the order of their numbers.

        Args:
            name: Of the table; its first column is `claim`.
            columns: What is taken of `r`, the rows, and `n`, the numbered claims.
            rows: A query with `book` and `seq`, by which rows find their claim; others are left
                out.
            by: The order of the rows of one claim, as columns of `r`.
        """
        self.connection.execute(
            f"create table {name} as select n.claim, {columns} from ({rows}) r "  # noqa: S608
            f"join numbered n on n.book = r.book and n.seq = r.seq order by n.claim{by}"
        )

    def stretch(self, columns: Sequence[Column], table: str) -> Stretch:
        """Return what reads columns of a sorted table, `claim` the first of them."""
        schema = arrow_schema(tuple(columns))
        names = ", ".join(f'"{column.name}"' for column in columns)
        query = f"select {names} from {table} where claim >= ? and claim < ?"  # noqa: S608 - ours

        def rows(first: int, end: int) -> pa.Table:
            found: pa.Table = self.connection.sql(query, params=[first, end]).to_arrow_table()
            return found.cast(schema)

        return rows

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        ((found,),) = self.connection.execute(f"select count(*) from {table}").fetchall()  # noqa: S608
        return int(found)

    def parts(self, size: PartSize) -> Iterator[tuple[int, int]]:
        """Yield the parts: the number of the first claim, and that behind the last.

        Raises:
            InvalidRequest: A person has more than a part alone may have.
        """
        cursor = self.connection.cursor()
        cursor.execute("select claim, claims, lines, pooling_area from persons order by claim")
        first = end = lines = 0
        while rows := cursor.fetchmany(limits.HISTORY_PART_CLAIMS):
            for claim, own, own_lines, area in rows:
                _check_person(area, claim, own, own_lines, size)
                full = end + own - first > size.claims or lines + own_lines > size.lines
                if full and end > first:
                    yield first, end
                    first, lines = end, 0
                end, lines = end + own, lines + own_lines
        if end > first:
            yield first, end

    def write(
        self,
        writer: HistoryWriter,
        tables: Mapping[str, Stretch],
        size: PartSize,
        progress: Progress,
    ) -> None:
        """Write the parts of a history.

        Raises:
            InvalidRequest: A person has more than a part alone may have.
            OSError: The disk failed.
        """
        claims = self.count("numbered")
        # All parts are known before the first is written, so that a fault writes none.
        for first, end in [*self.parts(size)]:
            writer.add({name: read(first, end) for name, read in tables.items()})
            progress(end, claims)


def beside(columns: Sequence[Column], *stretches: Stretch) -> Stretch:
    """Return what puts the rows of tables that are of the same claims beside one another.

    Args:
        columns: What comes out, each of the first table that has it.
        stretches: Tables with the same claims in the same order, `claim` the first column of each.
    """

    def rows(first: int, end: int) -> pa.Table:
        tables = [read(first, end) for read in stretches]
        number = tables[0]["claim"]
        if any(not each["claim"].equals(number) for each in tables[1:]):
            counts = ", ".join(str(each.num_rows) for each in tables)
            raise AuditCorrupt(
                f"tables of the claims {first} to {end - 1} have not the same rows: {counts}; "
                "verify the audit tables, and make them again from the ledger"
            )
        held = {name: each[name] for each in reversed(tables) for name in each.column_names}
        return pa.table([held[each.name] for each in columns], schema=arrow_schema(tuple(columns)))

    return rows


def with_nulls(columns: Sequence[Column], stretch: Stretch) -> Stretch:
    """Return what adds to a table the columns that it lacks, without a value in them."""
    schema = arrow_schema(tuple(columns))

    def rows(first: int, end: int) -> pa.Table:
        table = stretch(first, end)
        held = [
            table[field.name]
            if field.name in table.column_names
            else pa.nulls(table.num_rows, field.type)
            for field in schema
        ]
        return pa.table(held, schema=schema)

    return rows


def _check_person(area: str, claim: int, claims: int, lines: int, size: PartSize) -> None:
    for found, most, what in ((claims, size.claims, "claims"), (lines, size.lines, "lines")):
        if found > most * limits.HISTORY_PERSON_PARTS:
            message = (
                f"one person of area {area} has {found} {what} (claims {claim} to "
                f"{claim + claims - 1} by number), more than {most * limits.HISTORY_PERSON_PARTS}; "
                "a column that is none of persons may be taken for one, so look at the source"
            )
            raise InvalidRequest([Fault("person", message)])
