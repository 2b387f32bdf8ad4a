"""Claims in any order become a history: numbered by person, sorted, and cut into parts.

DuckDB puts claims in order by what little tells it, on disk and within a bound of memory; their
rows are dealt out to the parts as they are read (`spool`). So ten million claims take no more
memory than a million, and nothing is sorted twice.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle import durable, limits
from medsettle.core.arrow_columns import whole
from medsettle.core.columns import Column, Kind
from medsettle.errors import AuditCorrupt, Fault, InvalidRequest
from medsettle.ledger.scratch import computing
from medsettle.replay.layout import MOVE, arrow_schema
from medsettle.replay.spool import Spool

_SCRATCH: Final = "sorting"

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
def sorting_in(folder: Path) -> Iterator["Sorting"]:
    """Yield what sorts in the folder of a history that is being made.

    Raises:
        StoreUnavailable: The disk failed or is full, or memory is, while DuckDB worked.
        OSError: The folder cannot be written.
    """
    with scratch_folder(folder, _SCRATCH) as scratch, computing(folder):
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": limits.HISTORY_MEMORY,
            "temp_directory": str(scratch / "spilled"),
            "autoinstall_known_extensions": "false",
        }
        with duckdb.connect(str(scratch / "sorting.duckdb"), config=config) as connection:
            connection.execute("set timezone = 'UTC'")
            yield Sorting(connection, scratch)


@dataclass(frozen=True, slots=True)
class Sorting:
    """Numbers the claims that a source found, and deals their rows out to parts.

    The source makes the table `found` with a row a claim: `book` and `seq`, which tell claims
    apart, `pooling_area`, `person`, `"order"`, `line_count` and `taken_back`.
    """

    connection: duckdb.DuckDBPyConnection
    scratch: Path

    def insert(self, name: str, rows: pa.Table) -> None:
        """Put rows behind those of a table, which is made with their columns where it is not there.

        Args:
            name: Of the table.
            rows: Columns go by their names; one that is missing is null.
        """
        self.connection.register("page", rows)
        self.connection.execute(f"create table if not exists {name} as select * from page limit 0")  # noqa: S608
        self.connection.execute(f"insert into {name} by name select * from page")  # noqa: S608
        self.connection.unregister("page")

    def number(self) -> None:
        """Make the tables `numbered` and `persons`, and let go of `found`.

        `numbered` has a row a claim with its number `claim`, by book and seq; `persons` a row a
        person with the number of the first claim, in this order.
        """
        # A table keeps the order of its rows, so the place of a row is the number of the claim.
        self.connection.execute("""
            create table ordered as
              select * from found order by pooling_area, person, "order";
            drop table found;
            create table numbered as
              select book, seq, rowid as claim, "order", line_count, taken_back from ordered
              order by book, seq;
            create table persons as
              select pooling_area, person, min(rowid) as claim, count(*) as claims,
                sum(line_count)::bigint as lines
              from ordered group by pooling_area, person order by 3;
            drop table ordered;
        """)

    def numbers(self, book: int, seqs: NDArray[np.int64]) -> pa.Table:
        """Return what `numbered` has of each of some seqs, null where that is no claim.

        Args:
            book: Whose they are.
            seqs: Shape (n,), n above 0; several rows may have one.

        Returns:
            Columns `claim`, `order`, `line_count` and `taken_back`, n rows.
        """
        found = self.connection.sql(
            """select seq, claim, "order", line_count, taken_back from numbered
            where book = ? and seq between ? and ? order by seq""",
            params=[book, int(seqs.min()), int(seqs.max())],
        ).to_arrow_table()
        known = found["seq"].to_numpy()
        places = np.searchsorted(known, seqs)
        there = places < len(known)
        there[there] = known[places[there]] == seqs[there]
        return found.drop_columns(["seq"]).take(pa.array(places, mask=~there))

    def deal(self, spool: Spool, book: int, rows: pa.Table, *, numbers: Sequence[str] = ()) -> None:
        """Deal rows out by their claims; those of no claim are left out.

        Args:
            spool: Where they go.
            book: Whose rows they are.
            rows: With `seq`, which is left out of what goes there.
            numbers: Columns of `numbers` that go with them.

        Raises:
            OSError: The disk failed.
        """
        if not rows.num_rows:
            return
        seqs = rows["seq"].to_numpy()
        # The rows of an entry are together, so each entry is looked up once.
        starts = np.flatnonzero(np.concatenate(([True], seqs[1:] != seqs[:-1])))
        counts = np.diff(np.concatenate((starts, [len(seqs)])))
        told = self.numbers(book, seqs[starts])
        rows = rows.drop_columns(["seq"])
        if numbers:
            of_rows = told.take(pa.array(np.repeat(np.arange(len(starts)), counts)))
            for name in numbers:
                rows = rows.append_column(name, of_rows[name])
        claim = pc.fill_null(told["claim"], -1).to_numpy()
        spool.add(rows, np.repeat(claim, counts))

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        ((found,),) = self.connection.execute(f"select count(*) from {table}").fetchall()  # noqa: S608
        return int(found)

    def parts(self, size: PartSize) -> list[tuple[int, int]]:
        """Return of each part the number of the first claim, and that behind the last.

        Raises:
            InvalidRequest: A person has more than a part alone may have.
        """
        cursor = self.connection.cursor()
        cursor.execute("select claim, claims, lines, pooling_area from persons order by claim")
        first = end = lines = 0
        found = []
        while rows := cursor.fetchmany(limits.HISTORY_PART_CLAIMS):
            for claim, own, own_lines, area in rows:
                _check_person(area, claim, own, own_lines, size)
                full = end + own - first > size.claims or lines + own_lines > size.lines
                if full and end > first:
                    found.append((first, end))
                    first, lines = end, 0
                end, lines = end + own, lines + own_lines
        if end > first:
            found.append((first, end))
        return found

    @contextmanager
    def spools(
        self, names: Sequence[str], parts: Sequence[tuple[int, int]]
    ) -> Iterator[dict[str, Spool]]:
        """Yield a spool for each of some tables, removed afterwards.

        Raises:
            OSError: The disk failed.
        """
        ends = np.array([end for _, end in parts], dtype=np.int64)
        with ExitStack() as stack:
            yield {
                name: stack.enter_context(Spool(self.scratch / f"{name}.spool", ends))
                for name in names
            }

    def moves(self, first: int, end: int) -> pa.Table:
        """Return the moves of the persons of some claims, out of the table `sorted_moves`."""
        names = ", ".join(f'"{column.name}"' for column in MOVE)
        found = self.connection.sql(
            f"select {names} from sorted_moves where claim >= ? and claim < ?",  # noqa: S608
            params=[first, end],
        ).to_arrow_table()
        return found.cast(arrow_schema(MOVE))


def columns_of(columns: Sequence[Column], *tables: pa.Table) -> pa.Table:
    """Return the rows of tables that are of the same claims beside one another.

    Args:
        columns: What comes out, each of the first table that has it; one that none has is null.
        tables: With `claim`, the same ones in the same order.

    Raises:
        AuditCorrupt: They are not of the same claims.
    """
    number = tables[0]["claim"]
    if any(not each["claim"].equals(number) for each in tables[1:]):
        counts = ", ".join(str(each.num_rows) for each in tables)
        raise AuditCorrupt(
            f"tables that tell the same claims have not the same rows ({counts}); verify the audit "
            "tables, and make them again from the ledger"
        )
    held = {name: each[name] for each in reversed(tables) for name in each.column_names}
    fields, arrays = [], []
    for column, field in zip(columns, arrow_schema(tuple(columns)), strict=True):
        array = held.get(field.name)
        array = pa.nulls(len(number), field.type) if array is None else whole(array)
        if column.kind is Kind.CODE:
            array = _numbered_as_met(array)
        fields.append(field.with_type(array.type))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _numbered_as_met(array: pa.Array) -> pa.Array:
    """Return codes as a dictionary whose texts come in the order in which rows first have them.

    So equal parts have equal bytes, whatever segments or files they were read from.
    """
    if not pa.types.is_dictionary(array.type):
        return array.dictionary_encode()
    met = array.indices.dictionary_encode()
    return pa.DictionaryArray.from_arrays(met.indices, array.dictionary.take(met.dictionary))


def places_within(owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each row its place among those of its claim, from 0; rows of one lie together.

    >>> places_within(np.array([4, 4, 7, 9, 9, 9]))
    array([0, 1, 0, 0, 1, 2])
    """
    starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    counts = np.diff(np.concatenate((starts, [len(owner)])))
    return np.arange(len(owner)) - np.repeat(starts, counts) if len(owner) else owner


def _check_person(area: str, claim: int, claims: int, lines: int, size: PartSize) -> None:
    for found, most, what in ((claims, size.claims, "claims"), (lines, size.lines, "lines")):
        if found > most * limits.HISTORY_PERSON_PARTS:
            message = (
                f"one person of area {area} has {found} {what} (claims {claim} to "
                f"{claim + claims - 1} by number), more than {most * limits.HISTORY_PERSON_PARTS}; "
                "a column that is none of persons may be taken for one, so look at the source"
            )
            raise InvalidRequest([Fault("person", message)])
