"""SQL over the audit tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.audit.bookings import BOOKINGS
from medsettle.audit.manifest import read_segments
from medsettle.audit.segments import AUDIT_TABLES, PARTITION_COLUMNS, stored_columns
from medsettle.core.columns import Kind
from medsettle.errors import AuditCorrupt

if TYPE_CHECKING:
    import duckdb

_SQL_TYPES: Final[dict[Kind, str]] = {
    Kind.CODE: "varchar",
    Kind.CODES: "varchar[]",
    Kind.DATE: "date",
    Kind.FEN: "bigint",
    Kind.INTEGER: "bigint",
    Kind.BOOLEAN: "boolean",
    Kind.TIMESTAMP: "timestamptz",
}


def connect(folder: Path) -> "duckdb.DuckDBPyConnection":
    """Return a connection with the views `settlements`, `payers`, `line_splits`, `relative_shares`.

    The view `bookings` has the same in double entry (`medsettle.audit.bookings`).

    The views show the segments that the manifest names at this moment, and no file beside them;
    later segments need a new connection. Columns are those of `medsettle.core.schema`, then
    `service_month` (`YYYY-MM`) and, where it is not among them, `pooling_area`; conditions on these
    two skip whole files. A folder without segments has empty views. `create_time` is UTC; take it
    out through Arrow (`connection.sql(…).to_arrow_table()`), since rows of Python values would need
    the pytz package for it.

    Raises:
        AuditCorrupt: The manifest is damaged, or a file it names is missing or no Parquet. Hashes
            of files are checked by `verify` alone.
    """
    # Who writes the tables, as every command that settles does, needs no SQL.
    import duckdb  # noqa: PLC0415

    files: dict[str, list[str]] = {table: [] for table in AUDIT_TABLES}
    for segment in read_segments(folder):
        for file in segment.files:
            files[file.table].append(str((folder / file.path).resolve()))
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    connection.execute("set timezone = 'UTC'")
    for table, paths in files.items():
        source = _parquet(table, paths) if paths else _empty(table)
        names = ", ".join(_names(table))
        try:
            connection.execute(f"create view {table} as select {names} from {source}")  # noqa: S608
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise AuditCorrupt(
                f"a segment of {table} is missing or no Parquet file; `medsettle audit verify` "
                f"names the first: {str(error).splitlines()[0]}",
                table=table,
            ) from error
    connection.execute(BOOKINGS)
    # A query may read these segments and nothing else of this machine, and write nowhere.
    listed = [path for paths in files.values() for path in paths]
    connection.execute("set allowed_paths = ?", [listed])
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def _names(table: str) -> list[str]:
    columns = [column.name for column in AUDIT_TABLES[table]]
    return [*columns, *(name for name in PARTITION_COLUMNS if name not in columns)]


def _parquet(table: str, paths: list[str]) -> str:
    # A view cannot have parameters, so the paths are written into it.
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    types = ", ".join(f"'{name}': varchar" for name in PARTITION_COLUMNS)
    options = f"hive_partitioning = true, hive_types = {{{types}}}"
    if not _lacks_columns(table, Path(paths[0])):
        return f"read_parquet([{listed}], {options})"
    # Told to look, DuckDB opens every file to see what it has, and what none has is nowhere.
    read = f"select * from read_parquet([{listed}], {options}, union_by_name = true)"  # noqa: S608
    return f"({read} union all by name select * from {_empty(table)})"  # noqa: S608


def _lacks_columns(table: str, oldest: Path) -> bool:
    """Return whether the first file of a table was written before a column was added to it.

    Columns are only ever added, so the files after it have all that it has.
    """
    try:
        names = pq.read_schema(oldest).names
    except (OSError, pa.ArrowException):
        # That it is missing or no Parquet is told by whoever reads it.
        return False
    return not {column.name for column in stored_columns(table)} <= {*names}


def _empty(table: str) -> str:
    kinds = dict.fromkeys(PARTITION_COLUMNS, Kind.CODE)
    kinds |= {column.name: column.kind for column in AUDIT_TABLES[table]}
    typed = ", ".join(f"null::{_SQL_TYPES[kind]} as {name}" for name, kind in kinds.items())
    return f"(select {typed} where false)"
