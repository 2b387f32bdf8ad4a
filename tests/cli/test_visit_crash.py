"""A serving process is killed during visits; what it acknowledged is there once and whole."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.client import Client
from medsettle.core.visits import RegistrationRequest, Visit
from medsettle.engine.visit_entries import part_ids
from medsettle.errors import SettlementError
from medsettle.ledger import Recorded, SqliteLedger
from medsettle.ledger.records import decode_settlement

from tests.cli.commands import serving
from tests.engine.visits import AREA, SHAPES, injury_stay, recognition

pytestmark = pytest.mark.slow

_WORKERS = 8
_KILLS = 3


def _row(request_id: str) -> dict[str, object]:
    # One person a worker, so that visits of the same counters follow one another.
    return injury_stay(request_id=request_id, person=f"P{request_id.split('-')[1]}")


def _settle_until_killed(data: Path, life: int) -> tuple[dict[str, Visit], set[str]]:
    """Return the visits that a server acknowledged before it was killed, and those asked for."""
    answered: dict[str, Visit] = {}
    asked: set[str] = set()
    busy = threading.Event()
    with serving(data, SHAPES) as server, Client(server.address, timeout=10) as client:
        for worker in range(_WORKERS):
            client.registrations.record(
                RegistrationRequest("AGENCY", f"R{worker}", AREA, f"P{worker}", recognition())
            )

        def settle(worker: int) -> None:
            """Settle visits, and take every third one back, until the server is gone."""
            for number in range(1_000):
                own = f"V{life}-{worker}-{number}"
                asked.update((own, f"X{own}"))
                try:
                    answered[own] = visit = client.visits.settle(_row(own))
                    if number % 3 == 0:
                        answered[f"X{own}"] = client.visits.cancel(
                            str(visit.visit), institution="H1", request_id=f"X{own}"
                        )
                except (SettlementError, ConnectionError, TimeoutError):
                    return
                if len(answered) > 20 * (life + 1):
                    busy.set()

        with ThreadPoolExecutor(_WORKERS) as pool:
            workers = [pool.submit(settle, worker) for worker in range(_WORKERS)]
            assert busy.wait(60)
            server.process.kill()
            server.process.wait(60)
            for each in workers:
                each.result(60)
    return answered, asked


def _entries(ledger: SqliteLedger) -> list[Recorded]:
    found: list[Recorded] = []
    while page := ledger.page(after_seq=len(found), limit=limits.PAGE_SIZE_MAX):
        found += page
    return found


def _assert_whole(entries: list[Recorded]) -> None:
    """Assert that each visit stands before all its parts, and each part in one visit."""
    by_id = {each.settlement: each for each in entries}
    in_visits = Counter(
        part for each in entries if each.kind.startswith("visit") for part in part_ids(each)
    )
    parts = {each.settlement for each in entries if each.kind in {"settle", "cancel"}}
    assert Counter(parts) == in_visits
    for each in entries:
        if each.kind not in {"visit", "visit_cancel"}:
            continue
        own = [by_id[part] for part in part_ids(each)]
        assert [each.seq + 1, each.seq + 2] == sorted(part.seq for part in own)
        assert {each.create_time_us} == {part.create_time_us for part in own}
        if each.kind == "visit":
            assert [each.settlement] * 2 == [
                decode_settlement(part).columns["visit"] for part in own
            ]


def _columns(visit: Visit) -> list[object]:
    return [visit.visit, visit.seq, visit.routes, *(part.columns for part in visit.settlements)]


def test_a_killed_server_has_every_acknowledged_visit_once_with_all_its_parts(
    tmp_path: Path,
) -> None:
    """No part is there without its visit; sent again, each request is answered from the record."""
    data = tmp_path / "data"
    answered: dict[str, Visit] = {}
    asked: set[str] = set()
    for life in range(_KILLS):
        found, wanted = _settle_until_killed(data, life)
        answered |= found
        asked |= wanted

        with SqliteLedger(data / "ledger.db") as ledger:
            entries = _entries(ledger)
            assert ledger.verify() is None
        visits = Counter(
            each.request_id for each in entries if each.kind in {"visit", "visit_cancel"}
        )
        assert {1} == set(visits.values())
        assert answered.keys() <= visits.keys() <= asked
        _assert_whole(entries)

    with serving(data, SHAPES) as server, Client(server.address) as client:
        for own, visit in answered.items():
            assert _columns(visit) == _columns(client.visits.get(str(visit.visit)))
            if visit.kind == "visit":
                again = client.visits.settle(_row(own))
                assert (True, _columns(visit)) == (again.duplicate, _columns(again))
    with SqliteLedger(data / "ledger.db") as ledger:
        assert len(entries) == ledger.last_seq()
