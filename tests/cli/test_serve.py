"""`medsettle serve` as a process: its clients, its shutdown, and what is then on disk."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from medsettle import limits
from medsettle.audit import connect, verify
from medsettle.cli.exits import Exit
from medsettle.client import Client
from medsettle.core.settlement import Settlement
from medsettle.errors import SettlementError
from medsettle.ledger import Recorded
from medsettle.ledger.sqlite import SqliteReader

from tests.cli.claim_files import stay, write_claims
from tests.cli.commands import run, serving

pytestmark = pytest.mark.slow

_WORKERS = 32


def _in_audit_tables(data: Path) -> set[str]:
    """Return the ids of all settlements in the audit tables, after verifying the chain."""
    verify(data / "audit")
    with connect(data / "audit") as connection:
        table = connection.sql("select settlement from settlements").to_arrow_table()
    return set(table["settlement"].to_pylist())


def _in_ledger(data: Path) -> set[str]:
    """Return the ids of all settlements in the ledger."""
    found: list[Recorded] = []
    with SqliteReader(data / "ledger.db") as reader:
        while page := reader.page(
            after_seq=found[-1].seq if found else 0, limit=limits.PAGE_SIZE_MAX
        ):
            found += page
    return {each.settlement for each in found}


def test_files_are_settled_at_a_server(tmp_path: Path) -> None:
    """Files are settled through a server, and the other commands find the settlements there."""
    data = tmp_path / "data"
    found = []
    with serving(data) as server:
        at = ("--server", server.address, "--json")
        for number, ending in enumerate((".json", ".parquet")):
            file = write_claims(
                tmp_path / f"claims{ending}", [stay(number), stay(number, person="P")]
            )
            ran = run("settle", file, *at)
            assert Exit.FINDING == ran.code
            assert ["SETTLED", "REQUEST_ID_REUSED"] == [each["outcome"] for each in ran.json_lines]
            found.append(ran.json_lines[0]["settlement"])
        preview = run("settle", write_claims(tmp_path / "p.json", [stay(9)]), "--preview", *at)
        assert (Exit.OK, None) == (preview.code, preview.json["settlement"]["settlement"])

        settlement = found[0]["settlement"]
        explained = run("explain", settlement, *at)
        assert found[0]["total_fen"] == sum(
            sentence["amount_fen"] for sentence in explained.json["sentences"]
        )
        cancelled = run(
            "cancel", settlement, "--institution", "H11000000001", "--request-id", "X1", *at
        )
        assert settlement == cancelled.json["settlement"]["original"]
        unknown = run("explain", "110000ffffffffffffffffffff", *at)
        assert (Exit.FINDING, "NOT_FOUND") == (unknown.code, unknown.json["error"])

        # The server holds the ledger, so an embedded engine cannot.
        locked = run("explain", settlement, "--data", data, "--json")
        assert (Exit.UNAVAILABLE, "LEDGER_UNAVAILABLE") == (locked.code, locked.json["error"])
        assert Exit.OK == server.stop()

    ids = {each["settlement"] for each in [*found, cancelled.json["settlement"]]}
    assert ids == _in_audit_tables(data)


def test_a_stopped_server_has_finished_what_it_accepted(tmp_path: Path) -> None:
    """Stopped under load, what was answered is what is in the ledger and in the audit tables.

    Callers who got no answer are told that the server is out of reach, never of a bug of ours.
    """
    data = tmp_path / "data"
    answered: list[str] = []
    refused: list[Exception] = []
    busy = threading.Event()

    with serving(data) as server, Client(server.address, timeout=30) as client:

        def settle(worker: int) -> None:
            """Settle until the server takes no more."""
            for number in range(1_000):
                row = stay(0, request_id=f"W{worker}-{number}", institution_settlement=None)
                try:
                    answer = client.settle(row | {"person": f"P{worker}"})
                except (SettlementError, ConnectionError) as error:
                    refused.append(error)
                    return
                assert isinstance(answer, Settlement)
                answered.append(str(answer.columns["settlement"]))
                if len(answered) > 400:
                    busy.set()

        with ThreadPoolExecutor(_WORKERS) as pool:
            workers = [pool.submit(settle, worker) for worker in range(_WORKERS)]
            assert busy.wait(30)
            assert Exit.OK == server.stop()
            for worker in workers:
                worker.result(60)

    held = _in_ledger(data)
    assert {ConnectionError} == set(map(type, refused))
    assert len(answered) == len(set(answered))
    assert held == set(answered)
    assert held == _in_audit_tables(data)


def test_a_server_and_an_embedded_engine_tell_the_same_faults(tmp_path: Path) -> None:
    """A file of bad claims gets the same answers at a server as without one, and no traceback."""
    rows: list[Any] = [
        stay(1),
        3,
        stay(2, person=7, colour="red", service_date="yesterday", account_used=None),
        stay(3, lines=[stay()["lines"][0] | {"amount_fen": 1.5}, "line"]),
    ]
    file = write_claims(tmp_path / "bad.json", rows)
    embedded = run("settle", file, "--preview", "--json", "--data", tmp_path / "embedded")
    with serving(tmp_path / "data") as server:
        served = run("settle", file, "--preview", "--json", "--server", server.address)

    assert (Exit.FINDING, "") == (served.code, served.err)
    assert [0, 1, 4, 2] == [len(each.get("faults", ())) for each in served.json_lines]
    assert embedded.json_lines == served.json_lines


def test_a_server_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """After a restart a repeated claim is answered from the record."""
    data = tmp_path / "data"
    with serving(data) as server, Client(server.address) as client:
        first = client.settle(stay(1))
    with serving(data) as server, Client(server.address) as client:
        again = client.settle(stay(1))

    assert (False, True) == (first.duplicate, again.duplicate)
    assert first.columns == again.columns
