"""SQL over the audit tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.audit.bookings import BOOKINGS
from medsettle.audit.manifest import read_segments
from medsettle.audit.personal import persons_key
from medsettle.audit.segments import (
    AUDIT_TABLES,
    PARTITION_COLUMNS,
    stored_columns,
)
from medsettle.core.columns import Kind
from medsettle.core.sql_text import empty_source, literally, quoted
from medsettle.errors import AuditCorrupt

if TYPE_CHECKING:
    import duckdb


def connect(folder: Path, settings: Mapping[str, str] | None = None) -> "duckdb.DuckDBPyConnection":
    """Return a connection with a view of each audit table (`segments.AUDIT_TABLES`).

    The view `bookings` has the same in double entry (`medsettle.audit.bookings`).

    The views show the segments that the manifest names at this moment, and no file beside them;
    later segments need a new connection. Columns are those of `medsettle.core.schema`, then
    `service_month` (`YYYY-MM`) and, where it is not among them, `pooling_area`; conditions on these
    two skip whole files. A folder without segments has empty views. `create_time` is UTC; take it
    out through Arrow (`connection.sql(…).to_arrow_table()`), since rows of Python values would need
    the pytz package for it.

    Args:
        folder: The audit folder.
        settings: Of DuckDB, for this connection, such as a bound of its memory; no query changes
            them.

    Raises:
        AuditCorrupt: The manifest is damaged, or a file it names is missing or no Parquet. Hashes
            of files are checked by `verify` alone.
    """
    connection = _opened({"main": folder})
    connection.execute(BOOKINGS)
    for name, value in (settings or {}).items():
        connection.execute(f"set {name} = {quoted(value)}")
    _close_in(connection)
    return connection


def connect_all(folders: Mapping[str, Path]) -> "duckdb.DuckDBPyConnection":
    """Return a connection to the audit tables of several ledgers, each in a schema of its own.

    The views are those of `connect`, without `bookings`: what the mapping calls `hub` has its
    settlements in `hub.settlements`. Names must be plain words.

    Raises:
        AuditCorrupt: As for `connect`.
    """
    connection = _opened(folders)
    _close_in(connection)
    return connection


def _opened(folders: Mapping[str, Path]) -> "duckdb.DuckDBPyConnection":
    """Return a connection with the views of each folder, in the schema that it is called by."""
    # Who writes the tables, as every command that settles does, needs no SQL.
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    connection.execute("set timezone = 'UTC'")
    listed: list[str] = []
    for schema, folder in folders.items():
        connection.execute(f'create schema if not exists "{schema}"')
        listed += _make_views(connection, schema, folder)
    # A query may read these segments and nothing else of this machine, and write nowhere.
    # Each is asked for by a pattern of its name alone, and then by its name.
    allowed = [*listed, *{literally(path) for path in listed}.difference(listed)]
    connection.execute("set allowed_paths = ?", [allowed])
    return connection


def _make_views(connection: "duckdb.DuckDBPyConnection", schema: str, folder: Path) -> list[str]:
    """Make the views of one folder, and return the files that they read."""
    import duckdb  # noqa: PLC0415 - as above

    files: dict[str, list[str]] = {table: [] for table in AUDIT_TABLES}
    for segment in read_segments(folder):
        for file in segment.files:
            files[file.table].append(str((folder / file.path).resolve()))
    for table, paths in files.items():
        view = f'create view "{schema}".{table} as {rows_of(table, paths)}'
        try:
            connection.execute(view)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise AuditCorrupt(
                f"a segment of {table} is missing or no Parquet file; `medsettle audit verify` "
                f"names the first: {str(error).splitlines()[0]}",
                table=table,
            ) from error
    return [path for paths in files.values() for path in paths]


def persons_keys(folder: Path) -> frozenset[str | None]:
    """Return under which keys the settlements of an audit folder have their persons and cards.

    Returns:
        The names of the keys, with None where some files have them plain.

    Raises:
        AuditCorrupt: The manifest is damaged, or a file it names is missing or no Parquet.
    """
    found: set[str | None] = set()
    for segment in read_segments(folder):
        for file in segment.files:
            if file.table != "settlements":
                continue
            try:
                found.add(persons_key(folder / file.path))
            except (OSError, pa.ArrowException) as error:
                raise AuditCorrupt(
                    f"{folder / file.path} is missing or no Parquet file; `medsettle audit verify` "
                    "names the first",
                    path=file.path,
                ) from error
    return frozenset(found)


def _close_in(connection: "duckdb.DuckDBPyConnection") -> None:
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def rows_of(table: str, paths: Sequence[str]) -> str:
    """Return the query by which DuckDB reads an audit table out of its files.

    Args:
        table: Its name.
        paths: Its files, in ledger order; without one the answer is empty.
    """
    source = _parquet(table, paths) if paths else _empty(table)
    return f"select {', '.join(_names(table))} from {source}"  # noqa: S608 - our own names


def _names(table: str) -> list[str]:
    columns = [column.name for column in AUDIT_TABLES[table]]
    return [*columns, *(name for name in PARTITION_COLUMNS if name not in columns)]


def _parquet(table: str, paths: Sequence[str]) -> str:
    types = ", ".join(f"'{name}': varchar" for name in PARTITION_COLUMNS)
    options = f"hive_partitioning = true, hive_types = {{{types}}}"
    # A view cannot have parameters, so the paths are written into it.
    sources = [
        f"read_parquet([{', '.join(quoted(literally(path)) for path in stretch)}], {options})"
        for stretch in _stretches(paths)
    ]
    if len(sources) == 1 and {*_stored(paths[0])} >= {each.name for each in stored_columns(table)}:
        return sources[0]
    # DuckDB would find out by itself what each file has, by opening all of them at every query.
    selects = [f"select * from {source}" for source in (*sources, _empty(table))]  # noqa: S608
    return f"({' union all by name '.join(selects)})"


def _stretches(paths: Sequence[str]) -> list[Sequence[str]]:
    """Return the files of a table, in ledger order, in stretches within which all have one schema.

    Columns are only ever added, so where the first file has those of the last, all have them.
    """
    if _stored(paths[0]) == _stored(paths[-1]):
        return [paths]
    half = len(paths) // 2
    return [*_stretches(paths[:half]), *_stretches(paths[half:])]


def _stored(path: str) -> list[str]:
    """Return the columns that stand in a file; none for what is missing or no Parquet."""
    try:
        names: list[str] = pq.read_schema(path).names
    except (OSError, pa.ArrowException):
        # Whoever reads it tells that.
        return []
    return names


def _empty(table: str) -> str:
    kinds = dict.fromkeys(PARTITION_COLUMNS, Kind.CODE)
    kinds |= {column.name: column.kind for column in AUDIT_TABLES[table]}
    return empty_source(kinds)
