"""Whole books hold no discrepancy, and each planted corruption is found and named."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import settings
from medsettle.audit import Projector, SegmentFile, read_segments
from medsettle.books.conservation import discrepancies
from medsettle.books.discrepancies import Discrepancy
from medsettle.books.resettling import Resettling
from medsettle.core.tables import rows_of
from medsettle.ledger import SqliteLedger, SqliteReader

from tests.books.histories import lived
from tests.books.sums import audited_sums, booked_sums
from tests.engine.engines import rule_book
from tests.engine.relatives import RULES
from tests.engine.test_engine_machine import EngineMachine
from tests.engine.test_relatives_machine import FamilyMachine


def _of(folder: Path) -> list[Discrepancy]:
    """Return everything that is wrong in a data folder, settled again as well."""
    with SqliteReader(folder / "ledger.db") as reader:
        found = list(discrepancies(reader, folder / "audit", scratch=folder))
        return found + list(Resettling(reader, rule_book(RULES)).discrepancies())


# --- random histories -----------------------------------------------------------------------------


def _check(machine: EngineMachine | FamilyMachine) -> None:
    """Hold the books of a machine to its ledger, its audit tables and its rules."""
    ledger, audit = machine.engine.ledger, machine.folder / "audit"
    with Projector(ledger, audit) as projector:
        while projector.run_once(max_rows=5):
            pass
    with SqliteReader(machine.folder / "ledger.db") as reader:
        assert [] == list(discrepancies(reader, audit, scratch=machine.folder))
        again = Resettling(reader, machine.engine.rulebook)
        assert [] == list(again.discrepancies())
        assert 0 == again.unknown
        assert audited_sums(audit) == booked_sums(reader)


class BooksOfClaims(EngineMachine):
    """Batches, cancels, repeats and restarts, and the books at the end."""

    def teardown(self) -> None:
        """Check the books before the folder goes."""
        _check(self)
        super().teardown()


class BooksOfFamilies(FamilyMachine):
    """Limits given, used, lowered and dissolved, and the books at the end."""

    def teardown(self) -> None:
        """Check the books before the folder goes."""
        _check(self)
        super().teardown()


BooksOfClaims.TestCase.settings = settings(max_examples=6, stateful_step_count=15)
BooksOfFamilies.TestCase.settings = settings(max_examples=8, stateful_step_count=25)
test_books_of_claims = pytest.mark.slow(BooksOfClaims.TestCase)
test_books_of_families = pytest.mark.slow(BooksOfFamilies.TestCase)


# --- planted corruptions --------------------------------------------------------------------------


@dataclass
class Corrupted:
    """A ledger file that anybody may write, and the ids of its entries."""

    connection: Any
    ids: dict[str, str]

    def run(self, sql: str, *values: str | int | bytes) -> None:
        """Run a statement; it must hit something."""
        self.connection.execute(sql, values)
        assert self.connection.changes(), sql

    def record(self, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the record of an entry."""
        rows = self.connection.execute(
            "select record from entries where settlement = ?", (self.ids[name],)
        ).fetchall()
        record = orjson.loads(rows[0][0])
        change(record)
        changed = orjson.dumps(record)
        self.run("update entries set record = ? where settlement = ?", changed, self.ids[name])


@pytest.fixture(scope="module", name="whole")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, lived(folder)


@pytest.fixture(name="data")
def _data(whole: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole[0], tmp_path / "data"))


@pytest.fixture(name="corrupted")
def _corrupted(whole: tuple[Path, dict[str, str]], data: Path) -> Iterator[Corrupted]:
    connection = apsw.Connection(str(data / "ledger.db"))
    for name, kind in connection.execute(
        "select name, type from sqlite_schema where type = 'trigger' or name like 'entries_orig%'"
    ).fetchall():
        connection.execute(f"drop {kind} {name}")
    yield Corrupted(connection, whole[1])
    connection.close()


def test_a_whole_ledger_has_no_discrepancy(data: Path) -> None:
    """Everything that moves money, and nothing to be said of it."""
    assert [] == _of(data)


def _amount(ledger: Corrupted) -> None:
    ledger.record("last", lambda record: record["settlement"].update(cash_fen=1))


def _posting(ledger: Corrupted) -> None:
    ledger.run(
        "update postings set delta = delta - 1 where counter = 'account' and seq = "
        "(select seq from entries where settlement = ?)",
        ledger.ids["last"],
    )


def _counter(ledger: Corrupted) -> None:
    ledger.run("update counters set value = value + 1 where counter = 'account' and person = 'A'")


def _stray_counter(ledger: Corrupted) -> None:
    ledger.run("insert into counters values ('999921', 'Nobody', 'account', 0, 5)")


def _deleted(ledger: Corrupted) -> None:
    ledger.run("delete from entries where settlement = ?", ledger.ids["first"])


def _deleted_last(ledger: Corrupted) -> None:
    ledger.run("delete from entries where settlement = ?", ledger.ids["elsewhere"])


def _cancelled_twice(ledger: Corrupted) -> None:
    ledger.run(
        "insert into entries select (select max(seq) + 1 from entries), create_time_us, kind, "
        "'X' || settlement, original, institution, 'X', null, pooling_area, person, service_day, "
        "content_digest, record, subject from entries where settlement = ?",
        ledger.ids["cancel"],
    )


def _other_cancel(ledger: Corrupted) -> None:
    def less(record: dict[str, Any]) -> None:
        columns, payers = record["settlement"], list(rows_of(record["payers"]))
        columns["pooled_fund_fen"] += 7
        payers[0]["paid_fen"] += 7
        columns["cash_fen"] -= 7
        record["payers"] = payers

    ledger.record("cancel", less)


def _part_gone(ledger: Corrupted) -> None:
    ledger.run("delete from entries where settlement = ?", ledger.ids["part 2"])


def _part_unnamed(ledger: Corrupted) -> None:
    ledger.record("visit", lambda record: record["parts"].pop())


def _opening(ledger: Corrupted) -> None:
    ledger.run("update postings set delta = delta + 100 where delta = 50000")
    ledger.run("update counters set value = value + 100 where person = 'B' and counter = 'account'")


def _grant(ledger: Corrupted) -> None:
    ledger.run("update postings set delta = 120005 where delta = 120000")


def _moved_together(ledger: Corrupted) -> None:
    """Record, postings and counter agree with one another, and not with the rules."""
    where = "counter = '310.admissions' and delta = 1"
    ((seq, own_id),) = ledger.connection.execute(
        f"select seq, settlement from entries where seq in (select min(seq) from postings "
        f"where {where})"
    ).fetchall()
    ledger.ids = ledger.ids | {"counted": own_id}

    def twice(record: dict[str, Any]) -> None:
        (posting,) = (each for each in record["postings"] if each[0] == "310.admissions")
        posting[2] = 2

    ledger.record("counted", twice)
    ledger.run("update postings set delta = 2 where seq = ? and delta = 1", seq)
    ledger.run("update counters set value = value + 1 where counter = '310.admissions'")


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        pytest.param(_amount, ["shares: entry", "a person pays from own"], id="amount"),
        pytest.param(_posting, ["posting: entry", "account 0 of 999921/B"], id="posting"),
        pytest.param(_counter, ["counter: the ledger: account 0 of 999921/A"], id="counter"),
        pytest.param(_stray_counter, ["999921/Nobody", "expected 0, found 5"], id="stray-counter"),
        pytest.param(_deleted, ["sequence: entry 23 (?)", "the original"], id="deleted-entry"),
        pytest.param(_deleted_last, ["sequence:", "and a posting of"], id="deleted-last-entry"),
        pytest.param(_cancelled_twice, ["one cancel: entry", "the cancel of"], id="two-cancels"),
        pytest.param(_other_cancel, ["cancel: entry", "pooled_fund_fen, the opp"], id="cancel"),
        pytest.param(_part_gone, ["visit: entry", "its parts"], id="deleted-part"),
        pytest.param(_part_unnamed, ["visit: entry", "one that names this part"], id="part"),
        pytest.param(_opening, ["posting: entry", "expected 50000, found 50100"], id="opening"),
        pytest.param(_grant, ["relation: entry 21", "double entry: entry 21"], id="grant"),
        pytest.param(_moved_together, ["settled again: entry"], id="accumulator"),
    ],
)
def test_a_corrupted_ledger_is_found_and_named(
    data: Path, corrupted: Corrupted, plant: Callable[[Corrupted], None], said: list[str]
) -> None:
    """Whatever is written past the engine, a sentence says the entry, the key and both values."""
    plant(corrupted)
    found = "\n".join(map(str, _of(data)))

    assert [] == [each for each in said if each not in found], found


# --- planted in the audit tables ------------------------------------------------------------------


def _twice(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.slice(0, 1)])


def _missing(rows: pa.Table) -> pa.Table:
    return rows.slice(1)


def _changed(rows: pa.Table) -> pa.Table:
    place = rows.column_names.index("cash_fen")
    return rows.set_column(place, rows.schema.field(place), pc.add(rows["cash_fen"], 1))


def _swapped(rows: pa.Table) -> pa.Table:
    return rows.take([1, 0, *range(2, rows.num_rows)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_twice, "settlements: expected 1 rows, found 2 rows", id="row-twice"),
        pytest.param(_missing, "settlements: expected 1 rows, found 0 rows", id="row-missing"),
        pytest.param(_changed, "settlements[0].cash_fen: expected", id="amount"),
        pytest.param(_swapped, "settlements row 0: expected ledger order", id="order"),
    ],
)
def test_a_corrupted_audit_table_is_found_and_named(
    data: Path, change: Callable[[pa.Table], pa.Table], said: str
) -> None:
    """A row twice, missing, changed or out of its place is told with its entry."""
    listed = [data / "audit" / each.path for each in _settlement_files(data)]
    path = next(each for each in listed if pq.read_metadata(each).num_rows > 1)
    with pq.ParquetFile(path) as file:
        rows = file.read()
    pq.write_table(change(rows), path)
    found = "\n".join(map(str, _of(data)))

    assert f"audit: entry {rows['seq'][0]}" in found or change is _swapped
    assert said in found, found


def _settlement_files(data: Path) -> list[SegmentFile]:
    segments = read_segments(data / "audit")
    return [file for each in segments for file in each.files if file.table == "settlements"]


def test_a_segment_without_its_file_is_told(data: Path) -> None:
    """A file that is gone is told with its segment, and all others are still looked at."""
    gone, *_ = _settlement_files(data)
    (data / "audit" / gone.path).unlink()
    found = _of(data)

    assert ["a Parquet file"] == [each.expected for each in found]
    assert gone.path in str(found[0])


def test_audit_tables_of_another_ledger_are_told(data: Path, tmp_path: Path) -> None:
    """Audit tables that know more than the ledger are not compared row by row."""
    shutil.copytree(data / "audit", tmp_path / "empty" / "audit")
    SqliteLedger(tmp_path / "empty" / "ledger.db").close()
    (found,) = _of(tmp_path / "empty")

    assert "a ledger that ends at 0" in str(found)


def test_what_is_not_projected_yet_is_no_discrepancy(data: Path) -> None:
    """The audit tables may end anywhere behind the ledger."""
    manifest = data / "audit" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:2]))

    assert [] == _of(data)
