"""What `findings` says of a ledger that was altered behind its back, and that it is silent else."""

from pathlib import Path

import apsw
import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.errors import LedgerUnavailable
from medsettle.ledger import SqliteReader
from medsettle.ledger.verification import check, findings

from tests.service.claims import INSTITUTION, claim
from tests.service.serving import engine_on


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of a ledger with two settlements, one of them taken back."""
    folder = tmp_path_factory.mktemp("ledger")
    with engine_on(folder) as engine:
        engine.settle(ClaimBatch.from_rows([claim(1), claim(2)]))
        first = engine.page(limit=1)[0].columns["settlement"]
        engine.cancel(INSTITUTION, "X1", str(first))
    return (folder / "ledger.db").read_bytes()


@pytest.fixture
def path(settled: bytes, tmp_path: Path) -> Path:
    """Return the path of a copy to be altered."""
    path = tmp_path / "ledger.db"
    path.write_bytes(settled)
    return path


def _alter(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for (name,) in connection.execute(
        "select name from sqlite_schema where type = 'trigger'"
    ).fetchall():
        connection.execute(f"drop trigger {name}")
    for sql in statements:
        connection.execute(sql)
    connection.close()


def _found(path: Path) -> list[str]:
    with SqliteReader(path) as reader:
        return list(findings(reader))


def test_a_sound_ledger_has_no_findings(path: Path) -> None:
    """Settlements and cancels as the engine records them are found to be in order."""
    assert [] == _found(path)
    with SqliteReader(path) as reader:
        check(reader)


_REPLACED = "update entries set record = cast(replace(record, '{}', '{}') as blob) where seq = 2"


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["delete from entries where seq = 2"], "the number of entries and the last number differ"),
        (["update entries set original = 'S?' where seq = 3"], "a cancel has no original"),
        (["update counters set value = value + 1"], "its postings"),
        (["insert into postings values (99, 'A', 'P', 'c', 0, 1)"], "belong to no entry"),
        ([_REPLACED.format('"cash_fen":18000', '"cash_fen":18001')], "person_total_fen is 18000"),
        ([_REPLACED.format('"total_fen":50000', '"total_fen":50001')], "total_fen is 50001"),
        ([_REPLACED.format('"paid_fen":[32000', '"paid_fen":[32001')], "its stages pay 32001"),
        ([_REPLACED.format('"payers":', '"players":')], "its record is no settlement"),
    ],
    ids=["gap", "original", "counter", "posting", "cash", "total", "stage", "record"],
)
def test_what_was_altered_is_named(path: Path, statements: list[str], says: str) -> None:
    """Each alteration is found, and the check raises with the first."""
    _alter(path, *statements)

    assert any(says in finding for finding in _found(path)), _found(path)
    with SqliteReader(path) as reader, pytest.raises(LedgerUnavailable, match="Restore a backup"):
        check(reader)


def test_a_request_id_that_stands_twice_is_found(path: Path) -> None:
    """Were the index that forbids it gone, two entries of one request would be named."""
    columns = "seq + 1, create_time_us, kind, settlement || 'x', original, institution, request_id"
    columns += ", null, pooling_area, person, service_day, content_digest, record, subject"
    _alter(
        path,
        "pragma writable_schema = on",
        "update sqlite_schema set sql = replace(sql, 'unique (institution, request_id),', '') "
        "where name = 'entries'",
        "delete from sqlite_schema where name = 'sqlite_autoindex_entries_2'",
    )
    # Another connection, which reads the tables as they are declared now.
    insert = f"insert into entries select {columns} from entries where seq = 3"
    _alter(path, "drop index entries_original", insert)

    assert any("a request id is recorded twice: H1 X1" in finding for finding in _found(path))
