"""`medsettle ledger` beside real servers: backed up while settling, verified, restored, served."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from medsettle.audit import Projector, verify
from medsettle.cli.exits import Exit
from medsettle.client import Client
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Row
from medsettle.ledger import SqliteReader

from tests.cli.commands import run, serving
from tests.engine.visits import SHAPES
from tests.service.claims import claim
from tests.service.serving import RULES, engine_on

pytestmark = pytest.mark.slow

_WORKERS = 4


def _settle(data: Path, numbers: range) -> None:
    """Settle claims in a data folder, and project its audit tables."""
    data.mkdir(exist_ok=True)
    with engine_on(data) as engine, Projector(engine.ledger, data / "audit") as projector:
        engine.settle(ClaimBatch.from_rows([claim(number) for number in numbers]))
        projector.run_once()


def _back_up(data: Path, file: Path) -> int:
    ran = run("ledger", "backup", "--data", data, "--to", file, "--json")
    assert Exit.OK == ran.code, ran
    return int(ran.json["last_seq"])


def test_a_server_settles_while_its_ledger_is_backed_up(tmp_path: Path) -> None:
    """What was answered before the backup began is in it, once; the rest is settled anew."""
    data, copy, restored = tmp_path / "data", tmp_path / "copy.db", tmp_path / "restored"
    answered: dict[str, Row] = {}
    enough, stop = threading.Event(), threading.Event()

    with serving(data, RULES) as server, Client(server.address, timeout=30) as client:

        def settle(worker: int) -> None:
            """Settle until the backup is done."""
            for number in range(5_000):
                if stop.is_set():
                    return
                own = f"W{worker}-{number}"
                answered[own] = client.settle(claim(0, request_id=own, person=own)).columns
                if len(answered) > 60:
                    enough.set()

        with ThreadPoolExecutor(_WORKERS) as pool:
            workers = [pool.submit(settle, worker) for worker in range(_WORKERS)]
            assert enough.wait(60)
            before = dict(answered)
            last_seq = _back_up(data, copy)
            stop.set()
            for each in workers:
                each.result(60)
    assert len(before) <= last_seq < len(answered)

    assert Exit.OK == run("ledger", "verify", copy).code
    assert Exit.OK == run("ledger", "restore", copy, "--data", restored).code
    with serving(restored, RULES) as server, Client(server.address) as client:
        found = {str(each.columns["request_id"]): each.columns for each in client.list()}
        assert last_seq == len(found)
        assert before.items() <= found.items() <= answered.items()
        lost = next(iter(answered.keys() - found.keys()))
        assert not client.settle(claim(0, request_id=lost, person=lost)).duplicate
    assert last_seq + 1 == verify(restored / "audit").last_seq


def test_audit_tables_that_are_behind_catch_up(tmp_path: Path) -> None:
    """A newer ledger beside older audit tables is restored, and the tables end as the ledger."""
    data = tmp_path / "data"
    _settle(data, range(3))
    new = tmp_path / "new"
    shutil.copytree(data / "audit", new / "audit")
    _settle(data, range(3, 6))
    _back_up(data, tmp_path / "copy.db")

    assert Exit.OK == run("ledger", "restore", tmp_path / "copy.db", "--data", new).code
    _settle(new, range(6, 7))
    assert 7 == verify(new / "audit").last_seq
    ran = run("ledger", "verify", new, "--json")
    assert (Exit.OK, 7, 7, []) == (
        ran.code,
        ran.json["last_seq"],
        ran.json["audit_seq"],
        ran.json["findings"],
    )


def test_a_ledger_of_several_revisions_is_settled_again_by_all_of_them(tmp_path: Path) -> None:
    """Each settlement by the rules that have its revision, whichever are named first."""
    data = tmp_path / "data"
    _settle(data, range(3))
    other = ("--rules", SHAPES)

    alone = run("ledger", "verify", data, *other)
    assert (Exit.FINDING, True) == (alone.code, "too, with another --rules" in alone.out)
    for both in ((*other, "--rules", RULES), ("--rules", RULES, *other)):
        ran = run("ledger", "verify", data, *both)
        assert Exit.OK == ran.code, ran.out


def test_an_older_ledger_beside_newer_audit_tables_halts(tmp_path: Path) -> None:
    """It is neither restored nor served, and the message says what to do."""
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    _settle(data, range(3))
    _back_up(data, copy)
    _settle(data, range(3, 6))
    for each in data.glob("ledger.db*"):
        each.unlink()

    says = "holds entries up to 6, the ledger ends at 3"
    refused = run("ledger", "restore", copy, "--data", data)
    assert (Exit.FINDING, True) == (refused.code, says in refused.err)
    assert "newer backup" in refused.err
    assert "keep this folder aside" in refused.err
    assert not (data / "ledger.db").exists()

    shutil.copy(copy, data / "ledger.db")
    served = run("serve", "--rules", RULES, "--data", data, "--listen", "127.0.0.1:0")
    assert (Exit.FINDING, True) == (served.code, says in served.err)


def test_a_ledger_that_went_another_way_halts(tmp_path: Path) -> None:
    """Restored, and settled on past the audit tables, it is still found to be another ledger."""
    data, other = tmp_path / "data", tmp_path / "other"
    _settle(data, range(2))
    _settle(other, range(10, 14))
    shutil.rmtree(other / "audit")
    shutil.copytree(data / "audit", other / "audit")

    ran = run("ledger", "verify", other)
    assert (Exit.FINDING, True) == (ran.code, "another ledger, or went another way" in ran.err)


def test_a_command_beside_audit_tables_of_another_ledger_records_nothing(tmp_path: Path) -> None:
    """The tables are looked at before the claim is settled, so no answer is lost behind them."""
    data, other, file = tmp_path / "data", tmp_path / "other", tmp_path / "claim.json"
    _settle(data, range(2))
    _settle(other, range(10, 14))
    shutil.rmtree(other / "audit")
    shutil.copytree(data / "audit", other / "audit")
    file.write_bytes(orjson.dumps(claim(20)))

    ran = run("settle", file, "--data", other, "--rules", RULES)
    assert (Exit.FINDING, True) == (ran.code, "another ledger, or went another way" in ran.err)
    with SqliteReader(other / "ledger.db") as reader:
        assert 4 == reader.last_seq()


def test_wrong_calls_say_what_to_do(tmp_path: Path) -> None:
    """Nothing is written over, damage is refused, and PostgreSQL is sent to its own tool."""
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    nothing = run("ledger", "backup", "--data", data, "--to", copy)
    assert (Exit.USAGE, True) == (nothing.code, "pg_dump" in nothing.err)
    server = "postgresql://somebody:secret@127.0.0.1/ledger"
    kept = run("ledger", "backup", "--ledger", server, "--to", copy)
    assert (Exit.FINDING, True) == (kept.code, "pg_dump" in kept.err)
    assert "secret" not in kept.err
    _settle(data, range(2))
    (data / "payments").mkdir()
    made = run("ledger", "backup", "--data", data, "--to", copy)
    assert "payments is not in it" in made.out.replace("\n", "")
    for words in (
        ("backup", "--data", data, "--to", copy),
        ("restore", copy, "--data", data),
    ):
        refused = run("ledger", *words)
        assert (Exit.FINDING, True) == (refused.code, "exists" in refused.err), refused

    content = bytearray(copy.read_bytes())
    content[-2_000:] = bytes(2_000)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(content)
    refused = run("ledger", "restore", damaged, "--data", tmp_path / "new")
    assert (Exit.UNAVAILABLE, False) == (refused.code, (tmp_path / "new" / "ledger.db").exists())
