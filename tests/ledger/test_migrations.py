"""Ledgers of older versions: opened with all they hold, and alike those made today."""

import re
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from medsettle.errors import InternalError, LedgerUnavailable
from medsettle.ledger import Posting, SqliteLedger, sqlite_schema
from medsettle.ledger.backup import back_up, restore
from medsettle.ledger.migrations import Migration, migrations
from medsettle.ledger.opening import migrate_ledger, open_reader
from medsettle.ledger.sqlite_file import migrate, version_of
from medsettle.ledger.sqlite_statements import APPLY_POSTINGS

from tests.ledger.building import ACCOUNT_KEY, PAID_KEY, entry, ledger_path, recorded

_ENTRIES = [
    entry(1, Posting(PAID_KEY, 10), institution_settlement="N1"),
    entry(2, Posting(ACCOUNT_KEY, 20)),
    entry(3, Posting(PAID_KEY, -10), kind="cancel", original="S1"),
]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a ledger as version 2 made it, with three entries."""
    path = ledger_path(tmp_path)
    connection = apsw.Connection(str(path))
    connection.execute("begin")
    connection.execute(Path(__file__).with_name("version_2.sql").read_text(encoding="utf-8"))
    connection.execute("insert into meta values ('schema_version', 2)")
    connection.execute(f"pragma application_id = {sqlite_schema.APPLICATION_ID}")
    for seq, one in enumerate(_ENTRIES, 1):
        row = recorded(seq, 5, one)
        values = [getattr(row, name) for name in row.__dataclass_fields__]
        connection.execute(f"insert into entries values ({', '.join('?' * 14)})", values)
        for posting in one.postings:
            posted = (seq, *posting.key, posting.delta)
            connection.execute("insert into postings values (?, ?, ?, ?, ?, ?)", posted)
    connection.execute(APPLY_POSTINGS, (1, 3))
    connection.execute("commit")
    connection.close()
    return path


def _schema(path: Path) -> set[str]:
    """Return the statements that made the tables of a file, written alike."""
    connection = apsw.Connection(str(path))
    texts = connection.execute("select sql from sqlite_schema where sql is not null").fetchall()
    connection.close()
    return {" ".join(re.sub(r'"(\w+)"', r"\1", str(text)).split()) for (text,) in texts}


def _migrated(path: Path) -> None:
    assert (2, 5) == migrate_ledger(path)
    assert (5, 5) == migrate_ledger(path)


def _opened(path: Path) -> None:
    SqliteLedger(path).close()


@pytest.mark.parametrize("bring", [_migrated, _opened], ids=["by-the-command", "by-a-writer"])
def test_an_old_file_opens_with_all_it_holds(
    old: Path, tmp_path: Path, bring: Callable[[Path], None]
) -> None:
    """Version 2 becomes today's version: the same entries, counters, keys and tables."""
    with pytest.raises(LedgerUnavailable, match=r"version 2.*medsettle ledger migrate"):
        open_reader(old)
    bring(old)

    with SqliteLedger(old) as ledger:
        expected = [recorded(seq, 5, one) for seq, one in enumerate(_ENTRIES, 1)]
        assert expected == ledger.page(after_seq=0, limit=10)
        assert {PAID_KEY: 0, ACCOUNT_KEY: 20} == ledger.counters([PAID_KEY, ACCOUNT_KEY])
        assert ledger.verify() is None
        with pytest.raises(InternalError, match="request_id"):
            ledger.append([entry(4, request_id="R1")], 6)
        assert 4 == ledger.append([entry(4, kind="refusal")], 6)
        assert 5 == ledger.append([entry(5, kind="message", subject="E1")], 6)
        assert 6 == ledger.append([entry(6, kind="adjust", subject="S2")], 6)
    today = tmp_path / "today.sqlite"
    SqliteLedger(today).close()
    assert _schema(today) == _schema(old)


def test_a_migration_that_fails_leaves_the_old_file(old: Path) -> None:
    """Steps are one transaction: where the last fails, the file is what it was."""
    before, steps = _schema(old), migrations("sqlite")
    broken = Migration(steps[-1].version + 1, "broken", "create table half (a); select nothing")
    connection = apsw.Connection(str(old))
    with pytest.raises(apsw.SQLError, match="nothing"):
        migrate(connection, (*steps, broken))
    connection.close()

    assert (2, before) == (version_of(old), _schema(old))
    _migrated(old)


def test_the_last_step_leads_to_the_tables_of_today() -> None:
    """What a new file says it is, is what the steps lead to."""
    assert sqlite_schema.SCHEMA_VERSION == migrations("sqlite")[-1].version
    assert 3 == migrations("sqlite")[0].version
    assert 1 == migrations("postgres")[0].version


def test_an_old_ledger_is_copied_before_it_is_migrated(old: Path, tmp_path: Path) -> None:
    """A copy keeps its version; the ledger restored from it is migrated when it is opened."""
    copy, restored = tmp_path / "copy.db", tmp_path / "restored.db"
    assert 3 == back_up(old, copy, lambda _: None).last_seq
    restore(copy, restored, lambda _: None)

    assert 2 == version_of(copy)
    with SqliteLedger(restored) as ledger:
        assert 3 == ledger.last_seq()
        assert ledger.verify() is None


# --- going back ------------------------------------------------------------------------------


_ADDS = "alter table entries add column later text; create table later (a integer) strict"


def _later(path: Path, sql: str) -> None:
    """Bring a ledger to the version after today's, as a newer medsettle would."""
    steps = migrations("sqlite")
    connection = apsw.Connection(str(path))
    migrate(connection, (*steps, Migration(steps[-1].version + 1, "later", sql)))
    connection.close()


def test_an_upgrade_that_only_adds_can_be_taken_back(tmp_path: Path) -> None:
    """Today's medsettle reads and records in a ledger that the next one has added to."""
    path = ledger_path(tmp_path)
    with SqliteLedger(path) as ledger:
        ledger.append([entry(1)], 5)
    known = sqlite_schema.SCHEMA_VERSION
    _later(path, f"-- least: {known}\n{_ADDS}")

    assert known + 1 == version_of(path)
    with SqliteLedger(path) as ledger:
        assert 2 == ledger.append([entry(2)], 6)
        assert [1, 2] == [each.seq for each in ledger.page(after_seq=0, limit=9)]
        assert ledger.verify() is None
    open_reader(path).close()
    assert (known + 1, known + 1) == migrate_ledger(path)


@pytest.mark.parametrize("said", ["", f"-- least: {sqlite_schema.SCHEMA_VERSION + 1}\n"])
def test_an_upgrade_that_changes_cannot_be_taken_back(tmp_path: Path, said: str) -> None:
    """Where a step leaves no room for older programs, today's refuses and names both versions."""
    path = ledger_path(tmp_path)
    SqliteLedger(path).close()
    _later(path, f"{said}{_ADDS}")
    known = sqlite_schema.SCHEMA_VERSION
    with pytest.raises(LedgerUnavailable, match=f"version {known + 1}.*reads version {known}"):
        SqliteLedger(path)


def test_what_changed_once_keeps_older_programs_out(tmp_path: Path) -> None:
    """A step that only adds does not let in again whom the step before it left outside."""
    path = ledger_path(tmp_path)
    SqliteLedger(path).close()
    known = sqlite_schema.SCHEMA_VERSION
    _later(path, "create table changed (a integer) strict")
    connection = apsw.Connection(str(path))
    adds = Migration(known + 2, "adds", f"-- least: {known}\ncreate table adds (a integer) strict")
    migrate(connection, (adds,))
    connection.close()
    with pytest.raises(LedgerUnavailable, match=f"reads version {known}"):
        SqliteLedger(path)
