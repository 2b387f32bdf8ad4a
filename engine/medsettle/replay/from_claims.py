"""A history out of Parquet files of claims, a row a claim with its lines as a list.

The columns are those of `schema.claim_schema()`, as the bulk interface takes them. Every claim is
checked as a checkout checks it; faulty ones are left out and listed in `refused.parquet`, with
file, row and fault. Nothing was recorded of these claims, so their recorded columns are null and no
stage is told.

A person's claims come in the order of a stated column, or else by day of service, day of admission
and request id. What people bring along stands in a file of its own and comes before all claims, or,
with a `move_date`, before the first claim whose day of service is that day or later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import schema
from medsettle.core.arrow import claims_table
from medsettle.core.arrow_columns import Unusual, whole
from medsettle.core.claim_table import ClaimTable
from medsettle.core.claims import ClaimBatch
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.replay.brought_along import MOVED, read_moves
from medsettle.replay.history import COLUMNS, History, HistoryWriter
from medsettle.replay.layout import CLAIM, HISTORY_CLAIM, HISTORY_LINE, arrow_schema
from medsettle.replay.refused_claims import RefusedClaims
from medsettle.replay.sorting import (
    WHOLE,
    PartSize,
    Progress,
    Sorting,
    Stretch,
    nothing_told,
    scratch_database,
    with_nulls,
)

REFUSED: Final = "refused.parquet"

_BY_DAY: Final = "service_date, admission_date, request_id"
_ORDERED_TYPES: Final = (
    pa.types.is_integer,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_string,
)


@dataclass(frozen=True, slots=True)
class Made:
    """A history that was made of claims, and what was not taken.

    Attributes:
        history: The history.
        read: Claims that were read.
        refused: Claims that have faults.
        examples: The first faults, each as file, row and words.
    """

    history: History
    read: int
    refused: int
    examples: tuple[str, ...]


def history_from_claims(
    sources: Sequence[Path],
    out: Path,
    *,
    openings: Path | None = None,
    order_by: str | None = None,
    size: PartSize = WHOLE,
    progress: Progress = nothing_told,
) -> Made:
    """Make a history of Parquet files of claims.

    Args:
        sources: Files, or folders whose `.parquet` files are all taken.
        out: The folder of the history; `refused.parquet` is put there too.
        openings: A Parquet file of moves, see `brought_along`.
        order_by: A column by which the claims of a person come in order: one of the claim, or one
            that stands beside them, of whole numbers, days, moments or texts. Claims that are
            equal by it come in the order of the files.
        size: How much a part has at most.
        progress: Is told how far it is.

    Raises:
        NotFound: A source is not there, or a folder has no Parquet file.
        InvalidRequest: A file is no Parquet of claims, lacks `order_by`, a move is faulty, a person
            has more than a part may have, or `out` has a history.
        Precondition: No claim is without fault.
        OSError: The disk failed.
    """
    files = claim_files(sources)
    source = asked_of_claims(files, openings, order_by)
    writer = HistoryWriter(out, source)
    with scratch_database(out) as connection, RefusedClaims(out / REFUSED) as refused:
        reading = _Reading(connection, refused, order_by)
        for number, path in enumerate(files):
            reading.read(number, path)
        reading.refuse_repeated(files)
        if refused.claims == reading.rows:
            shown = "; ".join(refused.examples) or "the files are empty"
            raise Precondition(f"no claim of {reading.rows} can be taken: {shown}")
        moved = _insert_moves(connection, openings, order_by)
        sorting = Sorting(connection)
        _sort(sorting, order_by)
        source |= {
            "claims_read": reading.rows,
            "claims_refused": refused.claims,
            "moves_of_others_left_out": moved - sorting.count("sorted_moves"),
        }
        sorting.write(writer, _tables(sorting), size, progress)
    return Made(writer.finish(), reading.rows, refused.claims, tuple(refused.examples))


def asked_of_claims(
    files: Sequence[Path], openings: Path | None, order_by: str | None
) -> dict[str, object]:
    """Return of what a history is to be made, as it stands in its manifest.

    Raises:
        OSError: A file is gone.
    """
    read = [*files, *([] if openings is None else [openings])]
    return {
        "made_of": "claims",
        "files": [{"name": path.name, "bytes": path.stat().st_size} for path in read],
        "order_by": order_by or _BY_DAY,
    }


def claim_files(sources: Sequence[Path]) -> list[Path]:
    """Return the Parquet files that paths name: files as they are, those of folders by name.

    Raises:
        NotFound: A path is not there, or a folder has none.
    """
    files: list[Path] = []
    for path in sources:
        if not path.exists():
            raise NotFound(f"{path} is not there; name a Parquet file of claims, or a folder")
        found = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        if not found:
            raise NotFound(f"{path} has no Parquet files; name a folder of claims")
        files += found
    return files


# --- reading -----------------------------------------------------------------------------------


class _Reading:
    """Reads files of claims into the tables `claims` and `claim_lines` of a database."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, refused: RefusedClaims, order_by: str | None
    ) -> None:
        self.connection = connection
        self.refused = refused
        self.order_by = order_by
        self.rows = 0
        self._order_type: pa.DataType | None = None

    def read(self, number: int, path: Path) -> None:
        """Read a file, its rows numbered on from those before.

        Raises:
            InvalidRequest: It is no Parquet file, or lacks the column of the order.
        """
        try:
            with pq.ParquetFile(path) as file:
                first = 0
                for batch in file.iter_batches(limits.CLAIMS_PER_BATCH_MAX):
                    table = pa.Table.from_batches([batch])
                    self._add(number, path, first, table)
                    first += table.num_rows
        except (OSError, pa.ArrowException) as error:
            message = f"{path} is no Parquet file of claims: {error}"
            raise InvalidRequest([Fault("claims", message)]) from error

    def _add(self, number: int, path: Path, first: int, table: pa.Table) -> None:
        order, table = self._order(path, table)
        claims, lines, kept = self._checked(path, first, table)
        places = {"row": self.rows + kept, "file": [number] * len(kept), "file_row": first + kept}
        if order is not None:
            places["place"] = order.take(pa.array(kept))
        for name, values in places.items():
            claims = claims.append_column(name, pa.array(values))
        owner = (self.rows + kept)[lines["claim"].to_numpy()]
        lines = lines.set_column(0, "row", pa.array(owner))
        lines = lines.append_column("position", pa.array(np.arange(len(lines))))
        self._insert("claims", claims)
        self._insert("claim_lines", lines)
        self.rows += table.num_rows

    def _order(self, path: Path, table: pa.Table) -> tuple[pa.Array | None, pa.Table]:
        """Return the column of the order, and the table without it where it is none of claims."""
        if self.order_by is None:
            return None, table
        if self.order_by not in table.column_names:
            there = ", ".join(each for each in table.column_names if each != "lines")
            message = f"{path} has no column {self.order_by}; its columns are {there}"
            raise InvalidRequest([Fault("order_by", message)])
        column = whole(table[self.order_by])
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind = self._order_type or column.type
        if not any(fits(column.type) for fits in _ORDERED_TYPES) or column.type != kind:
            message = f"{self.order_by} of {path} is {column.type}; no order goes by it"
            raise InvalidRequest([Fault("order_by", message)])
        if column.null_count:
            message = f"{self.order_by} of {path} is missing in {column.null_count} rows"
            raise InvalidRequest([Fault("order_by", message)])
        self._order_type = kind
        if self.order_by in _CLAIM:
            return column, table
        return column, table.drop_columns([self.order_by])

    def _checked(
        self, path: Path, first: int, table: pa.Table
    ) -> tuple[pa.Table, pa.Table, NDArray[np.int64]]:
        """Return claims and lines without fault, and the places of these claims.

        A line has the place of its claim among them in the column `claim`.
        """
        batch = ClaimBatch.from_arrow(table)
        for at, rejection in sorted(batch.rejections.items()):
            self.refused.add(path, first + at, rejection.faults)
        kept = np.array([at for at in range(len(batch)) if at not in batch.rejections], np.int64)
        try:
            found, taken = ClaimTable.of(table), kept
        except Unusual:
            # Of other types, and right: as rows they are what the check has made of them.
            rows = [dict(batch.rows[at]) for at in kept.tolist()]
            found, taken = ClaimTable.of(claims_table(rows)), np.arange(len(kept))
        counts = np.diff(found.starts)
        chosen = np.zeros(len(found), dtype=np.bool_)
        chosen[taken] = True
        of_line = np.repeat(np.arange(len(found)), counts)
        mask = chosen[of_line]
        number = (np.cumsum(chosen) - 1)[of_line[mask]]
        lines = {name: column.filter(pa.array(mask)) for name, column in found.lines.items()}
        claims = {name: column.take(pa.array(taken)) for name, column in found.claims.items()}
        claims["line_count"] = pa.array(counts[taken])
        return pa.table(claims), pa.table({"claim": number, **lines}), kept

    def _insert(self, name: str, table: pa.Table) -> None:
        self.connection.register("page", table)
        made = f"create table if not exists {name} as select * from page limit 0"  # noqa: S608
        self.connection.execute(made)
        self.connection.execute(f"insert into {name} by name select * from page")  # noqa: S608
        self.connection.unregister("page")

    def refuse_repeated(self, files: Sequence[Path]) -> None:
        """Refuse the claims whose request id stands in an earlier row, as an engine would."""
        if not self.rows:
            return
        self.connection.execute("""
            create table repeated as
              select c."row", c.file, c.file_row, f.file as first_file, f.file_row as first_row
              from claims c join (
                select institution, request_id, min("row") as first from claims
                group by institution, request_id having count(*) > 1) d
              on d.institution = c.institution and d.request_id = c.request_id
              join claims f on f."row" = d.first
              where c."row" <> d.first;
            delete from claims where "row" in (select "row" from repeated);
        """)
        cursor = self.connection.cursor()
        cursor.execute('select * exclude ("row") from repeated order by "row"')
        while rows := cursor.fetchmany(limits.PAGE_SIZE_MAX):
            for file, row, first_file, first_row in rows:
                words = f"is that of row {first_row} of {files[first_file]}, of this institution"
                self.refused.add(files[file], row, [Fault("request_id", words)])


# --- sorted ------------------------------------------------------------------------------------


def _insert_moves(
    connection: duckdb.DuckDBPyConnection, openings: Path | None, order_by: str | None
) -> int:
    """Make the table `brought` of what people bring along, and return how many moves it has."""
    empty = arrow_schema(MOVED).empty_table()
    connection.register("page", empty)
    connection.execute("create table brought as select * from page")
    connection.unregister("page")
    count = 0
    for table in () if openings is None else read_moves(openings):
        if order_by is not None and table["move_date"].null_count < table.num_rows:
            message = (
                f"days of moves have no place in the order by {order_by}; leave move_date out, "
                "or let claims come by their days"
            )
            raise InvalidRequest([Fault("openings", message)])
        connection.register("page", table)
        connection.execute("insert into brought by name select * from page")
        connection.unregister("page")
        count += table.num_rows
    return count


def _sort(sorting: Sorting, order_by: str | None) -> None:
    """Give all that happened to a person its place, and sort it.

    A move without a day comes before everything, one with a day before the claims of that day.
    """
    by = "is_claim, place" if order_by else "day nulls first, is_claim, admission_date, request_id"
    place = "place" if order_by else "null as place"
    sorting.connection.execute(f"""
        create table placed as
        select pooling_area, person, is_claim, "row",
          row_number() over (partition by pooling_area, person order by {by}, "row") as "order"
        from (
          select pooling_area, person, true as is_claim, service_date as day, admission_date,
            request_id, {place}, "row" from claims
          union all by name
          select pooling_area, person, false as is_claim, move_date as day, rowid as "row"
          from brought);
        create table found as
          select 0 as book, c."row" as seq, c.pooling_area, c.person, p."order", c.line_count
          from claims c join placed p on p."row" = c."row" and p.is_claim;
    """)  # noqa: S608 - our own names
    sorting.number()
    columns = ['n."order"', "n.line_count", *(f"r.{name}" for name in _CLAIM)]
    rows = 'select 0 as book, "row" as seq, * from {}'
    sorting.sort("sorted_claims", ", ".join(columns), rows.format("claims"))
    lines = ", ".join(f"r.{column.name}" for column in schema.LINE)
    sorting.sort("sorted_lines", lines, rows.format("claim_lines"), by=", r.position")
    sorting.connection.execute("""
        create table sorted_moves as
        select n.claim, b.pooling_area, b.person, p."order", b.kind, b.counter, b.period, b.delta
        from brought b join placed p on p."row" = b.rowid and not p.is_claim
        join persons n on n.pooling_area = b.pooling_area and n.person = b.person
        order by n.claim, p."order", b.counter, b.period
    """)


def _tables(sorting: Sorting) -> dict[str, Stretch]:
    """Return what reads the tables of the history."""
    there = {"claim", "order", "line_count", *_CLAIM}
    told = [column for column in HISTORY_CLAIM if column.name in there]
    claims = sorting.stretch(told, "sorted_claims")
    moves = sorting.stretch([CLAIM, *COLUMNS["moves"]], "sorted_moves")
    return {
        "claims": with_nulls(HISTORY_CLAIM, claims),
        "lines": sorting.stretch(HISTORY_LINE, "sorted_lines"),
        "moves": lambda first, end: moves(first, end).drop_columns(["claim"]),
    }


_CLAIM: Final = {column.name: column for column in schema.CLAIM}
