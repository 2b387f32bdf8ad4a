"""The tables of a PostgreSQL ledger: made, brought up to date, and recognised.

An empty schema gets its tables from the first writer that opens it. Tables that exist are brought
to another version on request only (`migrate`), since other engine processes may be at work on
them.
"""

from collections.abc import Sequence
from typing import Final

import psycopg

from medsettle.errors import LedgerUnavailable
from medsettle.ledger.list_indexes import LIST_INDEXES
from medsettle.ledger.listing import Row
from medsettle.ledger.migrations import Migration, least_after, migrations
from medsettle.ledger.postgres_connection import Server, unavailable

# "MSLG" in ASCII, beside the schema's name: one process at a time changes the tables of a ledger.
_LOCK: Final = 0x4D53_4C47

_LEAST_TABLE: Final = """
create table schema_least (
  only_row boolean primary key default true check (only_row),
  version bigint not null
)
"""

_VERSION_TABLE: Final = """
create table if not exists schema_version (
  version bigint primary key,
  name text not null,
  applied_time timestamptz not null default now()
)
"""


def create_schema(connection: psycopg.Connection[Row], place: str) -> None:
    """Make the tables of a ledger where there are none, and check those that are there.

    Raises:
        LedgerUnavailable: The ledger has another schema version; the message says what to do.
        psycopg.Error: The server does not allow it.
    """
    if found_version(connection) == 0:
        migrate_schema(connection, place)
    check_schema(connection, place)


def check_schema(connection: psycopg.Connection[Row], place: str) -> None:
    """Raise LedgerUnavailable unless there is a ledger of the version that this medsettle knows."""
    known, found = migrations("postgres")[-1].version, found_version(connection)
    if found == 0:
        raise LedgerUnavailable(
            f"{place} holds no ledger in the first schema of its search_path; name the right "
            "database, or let a server or a command that records make one",
            path=place,
        )
    if found < known:
        raise LedgerUnavailable(
            f"{place} has ledger schema version {found}; this medsettle needs {known}. Run "
            "`medsettle ledger migrate`; it says whether servers of the older version go on",
            path=place,
            schema_version=str(found),
        )
    _refuse_newer(connection, found, known, place)


def found_version(connection: psycopg.Connection[Row]) -> int:
    """Return the schema version of the ledger that a connection leads to, 0 where there is none."""
    # Asked of the catalogue itself: `to_regclass` may remember that there was none, although it
    # was made while this process waited for the lock.
    there = connection.execute(
        "select 1 from pg_catalog.pg_tables "
        "where schemaname = current_schema() and tablename = 'schema_version'"
    ).fetchall()
    if not there:
        return 0
    row = connection.execute("select coalesce(max(version), 0) from schema_version").fetchall()[0]
    return int(row[0])


def migrate_schema(
    connection: psycopg.Connection[Row],
    place: str,
    steps: Sequence[Migration] | None = None,
) -> list[Migration]:
    """Bring the tables to the newest version in one transaction, and return what was done.

    Processes that do this at once wait for one another, and the second finds it done.

    Args:
        connection: To the ledger, with no transaction begun.
        place: What the ledger is called in messages.
        steps: The migrations; those of this medsettle by default.

    Raises:
        LedgerUnavailable: The ledger is newer than the last of the steps.
        psycopg.Error: The server does not allow it. Nothing was changed.
    """
    steps = migrations("postgres") if steps is None else steps
    with connection.transaction():
        # Copying a large table takes its time; waiting for others that hold it does not.
        connection.execute("set local statement_timeout = 0")
        connection.execute("select pg_advisory_xact_lock(%s, hashtext(current_schema()))", (_LOCK,))
        found = found_version(connection)
        _refuse_newer(connection, found, steps[-1].version, place)
        connection.execute(_VERSION_TABLE)
        done = [step for step in steps if step.version > found]
        least = least_after(done, found_least(connection))
        for step in done:
            connection.execute(step.sql.encode())
            connection.execute(
                "insert into schema_version (version, name) values (%s, %s)",
                (step.version, step.name),
            )
        if done:
            connection.execute("drop table if exists schema_least")
        if done and least < done[-1].version:
            connection.execute(_LEAST_TABLE)
            connection.execute("insert into schema_least (version) values (%s)", (least,))
        if found == 0:
            for index in LIST_INDEXES:
                connection.execute(index.at_server(beside_writers=False).encode())
    return done


def found_least(connection: psycopg.Connection[Row]) -> int:
    """Return the oldest schema version whose medsettle goes on with the ledger there."""
    there = connection.execute(
        "select 1 from pg_catalog.pg_tables "
        "where schemaname = current_schema() and tablename = 'schema_least'"
    ).fetchall()
    if not there:
        return found_version(connection)
    row = connection.execute("select version from schema_least").fetchall()[0]
    return int(row[0])


def make_list_indexes(connection: psycopg.Connection[Row]) -> None:
    """Make the indexes of lists that a ledger has not got, while its writers go on.

    One that was broken off before it was whole is made anew.

    Args:
        connection: To a ledger of the newest version, with no transaction begun.

    Raises:
        psycopg.Error: The server does not allow it.
    """
    connection.execute("set statement_timeout = 0")
    for index in LIST_INDEXES:
        broken_off = connection.execute(
            "select 1 from pg_catalog.pg_index "
            "where indexrelid = to_regclass(%s) and not indisvalid",
            (index.name,),
        ).fetchall()
        if broken_off:
            connection.execute(f"drop index concurrently if exists {index.name}".encode())
        connection.execute(index.at_server(beside_writers=True).encode())


def _refuse_newer(connection: psycopg.Connection[Row], found: int, known: int, place: str) -> None:
    if found > known and found_least(connection) > known:
        raise LedgerUnavailable(
            f"{place} has ledger schema version {found}; this medsettle knows {known} at most. "
            "Use the medsettle that migrated it, or a newer one",
            path=place,
            schema_version=str(found),
        )


def migrate(url: str) -> tuple[int, int]:
    """Bring the tables of a ledger to the newest version; return the version before and after.

    Raises:
        LedgerUnavailable: There is none, or it is newer than this medsettle.
    """
    server = Server(url, writes=True)
    try:
        with unavailable(server.place, "migrate"):
            connection = server.connection()
            before = found_version(connection)
            if before == 0:
                check_schema(connection, server.place)
            migrate_schema(connection, server.place)
            make_list_indexes(connection)
            return before, found_version(connection)
    finally:
        server.close()


def least_version(url: str) -> int:
    """Return the oldest schema version whose medsettle goes on with a ledger.

    Raises:
        LedgerUnavailable: It cannot be reached.
    """
    server = Server(url, writes=False)
    try:
        with unavailable(server.place, "read"):
            return found_least(server.connection())
    finally:
        server.close()
