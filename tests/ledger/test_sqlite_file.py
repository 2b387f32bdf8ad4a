"""Opening a SQLite ledger: what is kept, what is refused, and what is noticed."""

import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from medsettle.errors import LedgerUnavailable
from medsettle.ledger import CounterMismatch, Posting, SqliteLedger, sqlite_schema
from medsettle.ledger.sqlite_file import check_version

from tests.full_disk import disk_full_after
from tests.ledger.building import ACCOUNT_KEY, PAID_KEY, entry, ledger_path, recorded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a ledger that holds two entries and is closed."""
    path = ledger_path(tmp_path)
    with SqliteLedger(path) as ledger:
        ledger.append([entry(1, Posting(PAID_KEY, 10)), entry(2, Posting(ACCOUNT_KEY, 20))], 5)
    return path


def _alter(path: Path, sql: str) -> None:
    """Do to the file what the ledger never does."""
    connection = apsw.Connection(str(path))
    triggers = connection.execute("select name from sqlite_schema where type = 'trigger'")
    for (name,) in triggers.fetchall():
        connection.execute(f"drop trigger {name}")
    connection.execute(sql)
    connection.close()


def test_a_ledger_survives_being_closed(path: Path) -> None:
    """Entries, counters and the next number are the same after opening again."""
    with SqliteLedger(path) as ledger:
        expected = [
            recorded(1, 5, entry(1, Posting(PAID_KEY, 10))),
            recorded(2, 5, entry(2, Posting(ACCOUNT_KEY, 20))),
        ]
        assert expected == ledger.page(after_seq=0, limit=10)
        assert {PAID_KEY: 10, ACCOUNT_KEY: 20} == ledger.counters([PAID_KEY, ACCOUNT_KEY])
        assert 3 == ledger.append([entry(3)], 6)


def test_a_closed_ledger_is_unavailable(path: Path) -> None:
    """After closing, once or twice, nothing can be read or recorded."""
    ledger = SqliteLedger(path)
    ledger.close()
    ledger.close()

    with pytest.raises(LedgerUnavailable):
        ledger.last_seq()
    with pytest.raises(LedgerUnavailable):
        ledger.append([entry(3)], 6)


def test_a_second_writer_is_refused(path: Path) -> None:
    """While a ledger is open for writing nobody else may write it, in this process or another."""
    program = (
        "import sys, pathlib, medsettle.ledger as l, medsettle.errors as e\n"
        "try: l.SqliteLedger(pathlib.Path(sys.argv[1]))\n"
        "except e.LedgerUnavailable as error: sys.exit(error.message)\n"
    )
    with SqliteLedger(path):
        with pytest.raises(LedgerUnavailable, match="one writer"):
            SqliteLedger(path)
        other = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, check=False, text=True
        )
    assert 1 == other.returncode
    assert "one writer" in other.stderr
    with SqliteLedger(path) as ledger:
        assert 2 == ledger.last_seq()


def test_readers_follow_the_writer(path: Path) -> None:
    """A reader opened beside the writer sees each commit once it is done, and cannot write."""
    with SqliteLedger(path) as ledger, SqliteLedger.reader(path) as reader:
        assert 2 == reader.last_seq()
        ledger.append([entry(3)], 6)

        assert ledger.settlement("S3") == reader.settlement("S3")
        assert not hasattr(reader, "append")


def test_a_reader_needs_a_ledger(tmp_path: Path) -> None:
    """Reading creates nothing: without a file there is nothing to read."""
    with pytest.raises(LedgerUnavailable):
        SqliteLedger.reader(ledger_path(tmp_path))
    assert [] == list(tmp_path.iterdir())


def test_a_ledger_needs_its_folder(tmp_path: Path) -> None:
    """A folder that is missing is named, not made: it is more likely a disk not mounted."""
    with pytest.raises(LedgerUnavailable, match="nowhere"):
        SqliteLedger(tmp_path / "nowhere" / "ledger.sqlite")


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    """A database of another program, or no database at all, is refused and not touched."""
    foreign = tmp_path / "foreign.sqlite"
    _alter(foreign, "create table t (a)")
    text = tmp_path / "text.sqlite"
    text.write_text("not a database, but long enough to be looked at" * 100, encoding="utf-8")

    for path, message in ((foreign, "something else"), (text, "not a database")):
        before = path.read_bytes()
        with pytest.raises(LedgerUnavailable, match=message):
            SqliteLedger(path)
        assert before == path.read_bytes()


def test_an_unknown_schema_version_is_refused(path: Path) -> None:
    """A ledger of another medsettle is neither read nor written; the message says what to do."""
    known = sqlite_schema.SCHEMA_VERSION
    for found in (1, known + 1):
        _alter(path, f"update meta set value = {found} where name = 'schema_version'")

        says = rf"version {found}.*reads version {known}.*wrote it"
        for opened in (SqliteLedger, SqliteLedger.reader):
            with pytest.raises(LedgerUnavailable, match=says):
                opened(path)


def test_old_versions_of_sqlite_are_refused() -> None:
    """3.51.3 is the first version without the WAL-reset fault."""
    check_version("3.51.3")
    check_version("3.100.0")
    for version in ("3.51.2", "3.40.1", "3.9.9"):
        with pytest.raises(LedgerUnavailable, match=version):
            check_version(version)


def test_a_missing_number_is_noticed(path: Path) -> None:
    """A ledger whose sequence has a gap does not open."""
    _alter(path, "delete from entries where seq = 1")

    with pytest.raises(LedgerUnavailable, match="1 entries but numbers them up to 2"):
        SqliteLedger(path)


def test_a_damaged_page_is_noticed(path: Path) -> None:
    """A ledger with a rotten page does not open."""
    content = bytearray(path.read_bytes())
    # The second page and all after it; the first one says what the file is.
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(LedgerUnavailable):
        SqliteLedger(path)


@pytest.mark.parametrize(
    ("sql", "key", "value", "posted"),
    [
        pytest.param("update counters set value = 21 where value = 20", ACCOUNT_KEY, 21, 20),
        pytest.param("delete from counters where value = 10", PAID_KEY, 0, 10),
        pytest.param("update postings set delta = 9 where delta = 10", PAID_KEY, 10, 9),
        pytest.param("delete from postings", ACCOUNT_KEY, 20, 0),
    ],
    ids=["balance-raised", "counter-lost", "posting-changed", "postings-lost"],
)
def test_verify_names_the_first_counter_that_differs(
    path: Path, sql: str, key: object, value: int, posted: int
) -> None:
    """A counter or posting altered behind the ledger's back is found and named."""
    _alter(path, sql)

    with SqliteLedger.reader(path) as reader:
        assert CounterMismatch(key, value, posted) == reader.verify()  # type: ignore[arg-type]


@pytest.mark.parametrize("table", ["entries", "postings"])
@pytest.mark.parametrize("change", ["update {} set person = 'P9'", "delete from {}"])
def test_what_is_recorded_stays(path: Path, table: str, change: str) -> None:
    """The file itself refuses to change or delete an entry or a posting."""
    connection = apsw.Connection(str(path))
    with pytest.raises(apsw.ConstraintError, match=f"{table} are never"):
        connection.execute(change.format(table))
    connection.close()


def test_a_failing_disk_stops_the_writer(path: Path) -> None:
    """When a commit fails nothing of it is there, and no more is taken until the next opening."""
    with SqliteLedger(path) as ledger:
        ledger.append([entry(3)], 6)
        log = path.with_name(path.name + "-wal")
        with (
            disk_full_after(log.stat().st_size + 100),
            pytest.raises(LedgerUnavailable),
        ):
            ledger.append([entry(4)], 7)
        with pytest.raises(LedgerUnavailable, match="Open it again"):
            ledger.append([entry(5)], 8)
        assert 3 == ledger.last_seq()

    with SqliteLedger(path) as ledger:
        assert 4 == ledger.append([entry(5)], 8)
        assert ledger.verify() is None


def test_recovery_can_be_asked_for(path: Path) -> None:
    """The checks of opening can be repeated on an open ledger."""
    with SqliteLedger(path) as ledger:
        ledger.recover()
