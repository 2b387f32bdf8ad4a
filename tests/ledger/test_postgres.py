"""Opening a PostgreSQL ledger: what is asked of the server, what is refused, what is noticed."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from medsettle import limits
from medsettle.errors import InternalError, LedgerUnavailable
from medsettle.ledger import CounterMismatch, Posting
from medsettle.ledger.migrations import Migration, migrations
from medsettle.ledger.opening import (
    is_shared,
    least_version,
    ledger_place,
    migrate_ledger,
    open_ledger,
    open_reader,
)
from medsettle.ledger.postgres import PostgresLedger
from medsettle.ledger.postgres_connection import check_version, place_of
from medsettle.ledger.postgres_schema import found_least, found_version, migrate_schema
from medsettle.ledger.reading import ENTRY_COLUMNS

from tests.ledger.building import ACCOUNT_KEY, PAID_KEY, entry, recorded
from tests.stores import postgres


@pytest.fixture
def url() -> str:
    """Return the connection string of a ledger that holds two entries and is closed."""
    url = postgres().new_ledger()
    with PostgresLedger(url) as ledger:
        ledger.append([entry(1, Posting(PAID_KEY, 10)), entry(2, Posting(ACCOUNT_KEY, 20))], 5)
    return url


def _alter(url: str, statement: str) -> None:
    """Do to the tables what the ledger never does."""
    for table in ("entries", "postings"):
        postgres().execute(f"alter table {table} disable trigger user", url=url)
    postgres().execute(statement, url=url)


def test_a_ledger_survives_being_closed(url: str) -> None:
    """Entries, counters and the next number are the same after opening again."""
    with PostgresLedger(url) as ledger:
        expected = [
            recorded(1, 5, entry(1, Posting(PAID_KEY, 10))),
            recorded(2, 5, entry(2, Posting(ACCOUNT_KEY, 20))),
        ]
        assert expected == ledger.page(after_seq=0, limit=10)
        assert {PAID_KEY: 10, ACCOUNT_KEY: 20} == ledger.counters([PAID_KEY, ACCOUNT_KEY])
        assert 3 == ledger.append([entry(3)], 6)
        ledger.recover()


def test_a_closed_ledger_is_unavailable(url: str) -> None:
    """After closing, once or twice, nothing can be read or recorded."""
    ledger = PostgresLedger(url)
    ledger.close()
    ledger.close()

    with pytest.raises(LedgerUnavailable, match="closed"):
        ledger.last_seq()
    with pytest.raises(LedgerUnavailable, match="closed"):
        ledger.append([entry(3)], 6)


def test_ledgers_of_several_schemas_do_not_meet(url: str) -> None:
    """The search_path of the connection string says whose tables are meant."""
    with PostgresLedger(postgres().new_ledger()) as other, PostgresLedger(url) as ledger:
        assert (0, 2) == (other.last_seq(), ledger.last_seq())


def test_a_reader_needs_a_ledger() -> None:
    """Reading creates nothing: without tables, or without the schema, there is nothing to read."""
    empty = postgres().new_ledger()

    with pytest.raises(LedgerUnavailable, match="holds no ledger"):
        PostgresLedger.reader(empty)
    with pytest.raises(LedgerUnavailable, match="does not exist; create it"):
        PostgresLedger(empty.replace("ledger_", "nowhere_"))
    assert [] == postgres().execute(
        "select 1 from pg_tables where schemaname = current_schema()", url=empty
    )


def test_a_reader_cannot_write_and_follows(url: str) -> None:
    """A reader sees each commit once it is done."""
    with PostgresLedger(url) as ledger, PostgresLedger.reader(url) as reader:
        ledger.append([entry(3)], 6)

        assert ledger.settlement("S3") == reader.settlement("S3")
        assert not hasattr(reader, "append")


def test_old_servers_are_refused() -> None:
    """15.0 is the first version that will do, and the message names both."""
    oldest = limits.LEDGER_POSTGRES_MIN * 10_000
    check_version(oldest, "db")
    with pytest.raises(LedgerUnavailable, match="PostgreSQL 14; 15 is the oldest"):
        check_version(oldest - 1, "db")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param("%20-cfsync%3Doff", "fsync", id="setting-that-only-the-server-may-change"),
        pytest.param("%20-cno_such%3D1", "no_such", id="unknown-setting"),
    ],
)
def test_settings_that_the_server_refuses_are_named(url: str, options: str, message: str) -> None:
    """What the connection string asks for and the server does not give stops the opening."""
    with pytest.raises(LedgerUnavailable, match=message):
        PostgresLedger(url + options)


def test_commits_are_synced_whatever_the_role_prefers(url: str) -> None:
    """A role or a connection string that would not wait for the disk is overruled."""
    with PostgresLedger(f"{url}%20-csynchronous_commit%3Doff") as ledger:
        assert [("on",)] == ledger._writer.asked("show synchronous_commit", ())


@pytest.mark.parametrize(
    "address",
    ["postgresql://me:s3cret@host:port/db", "postgresql://me:s3cret@host/db?colour=red"],
)
def test_passwords_are_not_told(address: str) -> None:
    """Neither a message about a bad address nor one about a good one shows its password."""
    with pytest.raises(LedgerUnavailable, match="postgresql://") as refused:
        open_ledger(ledger_place(address))
    with pytest.raises(LedgerUnavailable) as unreachable:
        open_ledger(ledger_place("postgresql://me:s3cret@127.0.0.1:1/db"))

    for error in (refused.value, unreachable.value):
        assert "s3cret" not in f"{error.message} {error.metadata}"
    assert "me@127.0.0.1:1" in unreachable.value.message
    assert place_of("host=db password=s3cret dbname=x") == "postgresql://db/x"


def test_places_are_files_or_connection_strings() -> None:
    """What is no connection string of PostgreSQL is a path, or refused."""
    assert ledger_place("ledger.db") == Path("ledger.db")
    assert not is_shared(ledger_place("ledger.db"))
    assert is_shared(ledger_place("postgres://db/x"))
    with pytest.raises(LedgerUnavailable, match="mysql"):
        ledger_place("mysql://db/x")


def test_the_driver_is_asked_for_by_its_name() -> None:
    """Who names a PostgreSQL ledger without its driver is told what to install."""
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "import medsettle.ledger.opening as o, medsettle.errors as e\n"
        "try: o.open_ledger('postgresql://db/x')\n"
        "except e.LedgerUnavailable as error: sys.exit(error.message)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True
    )
    assert "pip install 'medsettle[postgres]'" in ran.stderr


# --- versions ----------------------------------------------------------------------------------


def test_an_unknown_schema_version_is_refused(url: str) -> None:
    """A ledger of another medsettle is neither read nor written; the message says what to do."""
    known = migrations("postgres")[-1].version
    for found, says in (
        (known + 1, f"knows {known} at most"),
        (known - 1, f"needs {known}.*medsettle ledger migrate"),
        (0, "holds no ledger"),
    ):
        postgres().execute("delete from schema_version", url=url)
        if found:
            postgres().execute("insert into schema_version values (%s, 'x')", (found,), url=url)
        with pytest.raises(LedgerUnavailable, match=says):
            open_reader(url)
    with pytest.raises(LedgerUnavailable, match="already exists"):
        open_ledger(url)


def test_migrations_are_applied_in_order_and_once(url: str) -> None:
    """The steps after the version found are done together, and what fails changes nothing."""
    first = migrations("postgres")
    known = first[-1].version
    second = Migration(known + 1, "second", "create table second_step (a bigint)")
    third = Migration(known + 2, "third", "insert into second_step values (7)")
    fails = "insert into second_step values (8); select nothing from it"
    broken = Migration(known + 3, "broken", fails)
    with psycopg.connect(url, autocommit=True) as connection:
        assert [second, third] == migrate_schema(connection, "db", [*first, second, third])
        assert [] == migrate_schema(connection, "db", [*first, second, third])
        with pytest.raises(psycopg.Error):
            migrate_schema(connection, "db", [*first, second, third, broken])
        assert known + 2 == found_version(connection)
    assert [(7,)] == postgres().execute("select a from second_step", url=url)
    with pytest.raises(
        LedgerUnavailable, match=f"version {known + 2}; this medsettle knows {known}"
    ):
        open_ledger(url)


@pytest.mark.parametrize("room", [0, 1], ids=["that-adds", "that-changes"])
def test_an_upgrade_goes_on_beside_older_servers(url: str, room: int) -> None:
    """A ledger that is open stays so while a step only adds, and opens anew for today's version."""
    known = migrations("postgres")[-1].version
    adds = f"-- least: {known + room}\nalter table entries add column later text"
    steps = [*migrations("postgres"), Migration(known + 1, "later", adds)]
    with open_ledger(url) as old:
        with psycopg.connect(url, autocommit=True) as connection:
            migrate_schema(connection, "db", steps)
            assert known + room == found_least(connection)
        assert 3 == old.append([entry(3)], 6)
    if room:
        with pytest.raises(LedgerUnavailable, match=f"knows {known} at most"):
            open_ledger(url)
        return
    assert known == least_version(url)
    with open_ledger(url) as again:
        assert 4 == again.append([entry(4)], 7)
        assert 4 == len(again.page(after_seq=0, limit=9))
    assert (known + 1, known + 1) == migrate_ledger(url)


def test_an_old_ledger_is_migrated_with_all_it_holds() -> None:
    """Version 1 becomes today's version on request: the same entries, and messages beside them."""
    old = postgres().new_ledger()
    row = recorded(1, 5, entry(1, institution_settlement="N1"))
    values = tuple(getattr(row, name) for name in ENTRY_COLUMNS)
    with psycopg.connect(old, autocommit=True) as connection:
        migrate_schema(connection, "db", migrations("postgres")[:1])
        marks = ", ".join(["%s"] * len(values))
        connection.execute(f"insert into entries values ({marks})".encode(), values)
        connection.execute("update ledger_head set last_seq = 1")
    with pytest.raises(LedgerUnavailable, match="medsettle ledger migrate"):
        open_ledger(old)
    assert (1, migrations("postgres")[-1].version) == migrate_ledger(old)

    with open_ledger(old) as ledger:
        assert [row] == ledger.page(after_seq=0, limit=10)
        assert 2 == ledger.append([entry(2, kind="message", subject="E1", person="")], 6)
        assert ["E1"] == list(ledger.messages(["E1"]))


# --- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    ["delete from entries where seq = 1", "update ledger_head set last_seq = 3"],
    ids=["gap", "head"],
)
def test_a_missing_number_is_noticed(url: str, statement: str) -> None:
    """A ledger whose sequence has a gap, inside or at its end, does not open."""
    _alter(url, statement)

    with pytest.raises(LedgerUnavailable, match="numbers them up to 2"):
        PostgresLedger(url)


@pytest.mark.parametrize(
    ("statement", "key", "value", "posted"),
    [
        pytest.param("update counters set value = 21 where value = 20", ACCOUNT_KEY, 21, 20),
        pytest.param("delete from counters where value = 10", PAID_KEY, 0, 10),
        pytest.param("update postings set delta = 9 where delta = 10", PAID_KEY, 10, 9),
        pytest.param("delete from postings", ACCOUNT_KEY, 20, 0),
    ],
    ids=["balance-raised", "counter-lost", "posting-changed", "postings-lost"],
)
def test_verify_names_the_first_counter_that_differs(
    url: str, statement: str, key: object, value: int, posted: int
) -> None:
    """A counter or posting altered behind the ledger's back is found and named."""
    _alter(url, statement)

    with PostgresLedger.reader(url) as reader:
        assert CounterMismatch(key, value, posted) == reader.verify()  # type: ignore[arg-type]


@pytest.mark.parametrize("table", ["entries", "postings"])
@pytest.mark.parametrize("change", ["update {} set person = 'P9'", "delete from {}", "truncate {}"])
def test_what_is_recorded_stays(url: str, table: str, change: str) -> None:
    """The database itself refuses to change, delete or empty what is recorded."""
    with pytest.raises(psycopg.IntegrityError, match=f"{table} are never"):
        postgres().execute(change.format(table), url=url)


def test_a_text_that_cannot_be_kept_is_refused(url: str) -> None:
    """PostgreSQL keeps no zero bytes in texts: such an entry is refused and leaves nothing."""
    with PostgresLedger(url) as ledger:
        with pytest.raises(InternalError, match="NUL"):
            ledger.append([entry(3, request_id="R\0")], 6)

        assert 3 == ledger.append([entry(4)], 6)
