"""Parquet files of claims, checked as a checkout checks them, on their way to a history."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import schema
from medsettle.core.arrow import claims_table
from medsettle.core.arrow_columns import Unusual, whole
from medsettle.core.claim_table import ClaimTable
from medsettle.core.claims import ClaimBatch
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.refused_claims import RefusedClaims
from medsettle.replay.sorting import Sorting
from medsettle.replay.spool import Spool, write_stream

_KEYS: Final = (
    *("pooling_area", "person", "institution", "request_id"),
    *("service_date", "admission_date"),
)
_CLAIM: Final = {column.name for column in schema.CLAIM}
_ORDERED_TYPES: Final = (
    pa.types.is_integer,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_string,
)


_PAGE_BYTES: Final = 2**20


class Reading:
    """Reads files of claims: what orders them into the table `keys`, the rest into scratch files.

    Attributes:
        rows: The claims that were read, faulty ones too. Each has its place among them as `seq`.
    """

    def __init__(self, sorting: Sorting, refused: RefusedClaims, order_by: str | None) -> None:
        self.sorting = sorting
        self.refused = refused
        self.order_by = order_by
        self.rows = 0
        self._order_type: pa.DataType | None = None
        self._waiting: dict[str, list[pa.Table]] = {"claims": [], "lines": []}
        self._files: list[tuple[str, Path]] = []

    def read(self, number: int, path: Path) -> None:
        """Read a file, its rows numbered on from those before.

        Raises:
            InvalidRequest: It is no Parquet file, or lacks the column of the order.
            OSError: What was read cannot be kept.
        """
        first = 0
        for table in _tables_of(path):
            self._add(number, path, first, table)
            first += table.num_rows

    def _add(self, number: int, path: Path, first: int, table: pa.Table) -> None:
        order, table = self._order(path, table)
        claims, lines, kept = self._checked(path, first, table)
        seqs = self.rows + kept
        keys = claims.select([*_KEYS, "line_count"])
        places = {"seq": seqs, "file": [number] * len(kept), "file_row": first + kept}
        places["place"] = None if order is None else order.take(pa.array(kept))
        for name, values in places.items():
            column = pa.nulls(len(kept)) if values is None else pa.array(values)
            keys = keys.append_column(name, column)
        self.sorting.insert("keys", keys)
        owner = seqs[lines["claim"].to_numpy()]
        self._waiting["claims"].append(
            claims.drop_columns(["line_count"]).append_column("seq", pa.array(seqs))
        )
        self._waiting["lines"].append(
            lines.drop_columns(["claim"]).append_column("seq", pa.array(owner))
        )
        waiting = (each.nbytes for tables in self._waiting.values() for each in tables)
        if sum(waiting) >= limits.HISTORY_STRETCH_BYTES:
            self._keep()
        self.rows += table.num_rows

    def _keep(self) -> None:
        """Keep what was read until the places of claims are known."""
        for name, tables in self._waiting.items():
            if not tables:
                continue
            table = pa.concat_tables(tables).unify_dictionaries()
            path = self.sorting.scratch / f"{name}-{len(self._files):07d}.arrow"
            with pa.OSFile(str(path), "wb") as sink:
                write_stream(sink, table)
            self._files.append((name, path))
            tables.clear()

    def deal(self, spools: Mapping[str, Spool]) -> None:
        """Deal claims and lines out to the parts, and let go of what was kept of them.

        Raises:
            OSError: The disk failed.
        """
        self._keep()
        for name, path in self._files:
            with pa.OSFile(str(path), "rb") as source:
                rows = pa.ipc.open_stream(source).read_all()
            numbers = ("order", "line_count", "taken_back") if name == "claims" else ()
            self.sorting.deal(spools[name], 0, rows, numbers=numbers)
            path.unlink()

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
        if column.type != kind:
            message = f"{self.order_by} of {path} is {column.type}, in the files before it {kind}"
            raise InvalidRequest([Fault("order_by", message)])
        if not any(fits(kind) for fits in _ORDERED_TYPES):
            message = f"{self.order_by} of {path} is {kind}; no order goes by it"
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
        lines = {
            name: _one_form(name, column).filter(pa.array(mask))
            for name, column in found.lines.items()
        }
        claims = {
            name: _one_form(name, column).take(pa.array(taken))
            for name, column in found.claims.items()
        }
        claims["line_count"] = pa.array(counts[taken])
        return pa.table(claims), pa.table({"claim": number, **lines}), kept

    def refuse_repeated(self, files: Sequence[Path]) -> None:
        """Refuse the claims whose request id stands in an earlier row, as an engine would."""
        if not self.rows:
            return
        self.sorting.connection.execute("""
            create table repeated as
              select c.seq, c.file, c.file_row, f.file as first_file, f.file_row as first_row
              from keys c join (
                select institution, request_id, min(seq) as first from keys
                group by institution, request_id having count(*) > 1) d
              on d.institution = c.institution and d.request_id = c.request_id
              join keys f on f.seq = d.first
              where c.seq <> d.first;
            delete from keys where seq in (select seq from repeated);
        """)
        cursor = self.sorting.connection.cursor()
        cursor.execute("select * exclude (seq) from repeated order by seq")
        while rows := cursor.fetchmany(limits.PAGE_SIZE_MAX):
            for file, row, first_file, first_row in rows:
                words = f"is that of row {first_row} of {files[first_file]}, of this institution"
                self.refused.add(files[file], row, [Fault("request_id", words)])


def _tables_of(path: Path) -> Iterator[pa.Table]:
    """Yield the claims of a file, a batch of a call at a time.

    Raises:
        InvalidRequest: It is no Parquet file, or a text in it is none.
    """
    try:
        # Pages are read as they are needed: whoever wrote the file may have made one row group.
        with pq.ParquetFile(path, buffer_size=_PAGE_BYTES) as file:
            for batch in file.iter_batches(limits.CLAIMS_PER_BATCH_MAX):
                batch.validate(full=True)
                yield pa.Table.from_batches([batch])
    except (OSError, pa.ArrowException) as error:
        message = f"{path} is no Parquet file of claims: {error}"
        raise InvalidRequest([Fault("claims", message)]) from error


def _one_form(name: str, column: pa.Array) -> pa.Array:
    """Return a column in the form that it has in every file, whatever its sender chose.

    Items are dictionaries and other codes are not; who states no list states an empty one, as in
    the record of a settlement.
    """
    if pa.types.is_dictionary(column.type) and name != "item_code":
        return column.dictionary_decode()
    if pa.types.is_list(column.type) and column.null_count:
        return pc.if_else(column.is_null(), pa.scalar([], column.type), column)
    return column
