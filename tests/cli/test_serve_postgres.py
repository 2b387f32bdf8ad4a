"""Several `medsettle serve` on one PostgreSQL ledger: one truth, one writer of audit tables.

MEDSETTLE_HAMMER_ROUNDS makes the last test as long as one likes; each round is 64 requests.
"""

import os
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from medsettle import limits
from medsettle.audit import verify
from medsettle.cli.exits import Exit
from medsettle.client import Client
from medsettle.core.settlement import Opening, Settlement
from medsettle.errors import AlreadyCancelled
from medsettle.ledger import Recorded
from medsettle.ledger.opening import open_ledger, open_reader
from medsettle.ledger.records import decode_settlement

from tests.cli.commands import run, serving
from tests.engine.engines import RULES, engine_on, settled
from tests.service.claims import AREA, INSTITUTION, claim
from tests.stores import postgres

pytestmark = pytest.mark.slow

_SERVERS, _CLIENTS, _PERSONS = 4, 64, 50
_ROUNDS = int(os.environ.get("MEDSETTLE_HAMMER_ROUNDS", "4"))


def _entries(url: str) -> list[Recorded]:
    found: list[Recorded] = []
    with open_reader(url) as reader:
        while page := reader.page(after_seq=len(found), limit=limits.PAGE_SIZE_MAX):
            found += page
    return found


def test_two_servers_share_a_ledger_and_one_projects(tmp_path: Path) -> None:
    """Each answers what the other recorded; the second projects once the first is gone."""
    url = postgres().new_ledger()
    data, options = tmp_path / "data", ("--ledger", url)
    with serving(data, RULES, options) as first, serving(data, RULES, options) as second:
        with Client(first.address) as one, Client(second.address) as other:
            made = one.settle(claim(1))
            again = other.settle(claim(1))
            assert isinstance(again, Settlement)
            assert (True, made.columns) == (again.duplicate, again.columns)
            other.settle(claim(2))
            assert Exit.OK == first.stop()
            assert 2 == verify(data / "audit").last_seq
            other.settle(claim(3))
            # Nobody asks it to take over: it finds out. Meanwhile it answers.
            while verify(data / "audit").last_seq < 3:
                other.get(str(made.columns["settlement"]))
        assert Exit.OK == second.stop()


def test_commands_find_the_ledger_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the option or by the variable, also beside a server; without a ledger nothing is made."""
    url = postgres().new_ledger()
    at = ("--data", tmp_path / "data", "--rules", RULES, "--json")
    missing = run("explain", "S1", *at, "--ledger", url)
    assert (Exit.UNAVAILABLE, True) == (missing.code, "holds no ledger" in missing.out)

    with (
        serving(tmp_path / "data", RULES, ("--ledger", url)) as server,
        Client(server.address) as client,
    ):
        settlement = str(client.settle(claim(1)).columns["settlement"])
        explained = run("explain", settlement, *at, "--ledger", url)
        assert Exit.OK == explained.code
        monkeypatch.setenv("MEDSETTLE_LEDGER", url)
        own = ("--institution", INSTITUTION, "--request-id", "X1")
        cancelled = run("cancel", settlement, *own, *at)
        assert settlement == cancelled.json["settlement"]["original"]
        with pytest.raises(AlreadyCancelled):
            client.cancel(settlement, institution=INSTITUTION, request_id="X2")
    migrated = run("ledger", "migrate", "--data", tmp_path / "data", "--json")
    assert {"version_before": 3, "version": 3, "oldest_that_goes_on": 3} == migrated.json
    verified = run("ledger", "verify", tmp_path / "data", "--json")
    assert (Exit.OK, []) == (verified.code, verified.json["findings"])
    assert verified.json["last_seq"] == verified.json["audit_seq"] > 2
    assert not (tmp_path / "data" / "ledger.db").exists()


@dataclass
class _Hammer:
    """Clients of several servers who settle and cancel for the same few persons."""

    addresses: list[str]
    claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: dict[str, Settlement] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, number: int) -> None:
        """Be one client: settle, settle again elsewhere at once, and take some back."""
        rng = random.Random(number)
        with ExitStack() as stack:
            clients = [stack.enter_context(Client(each, timeout=60)) for each in self.addresses]
            mine: list[str] = []
            for turn in range(_ROUNDS):
                # Every request id is used by two clients, who know nothing of one another.
                request = f"Q{number // 2}-{turn}"
                row = self._row(request, number // 2 * 1_000 + turn)
                answer = rng.choice(clients).settle(row)
                assert isinstance(answer, Settlement)
                self._acknowledge(request, answer)
                mine.append(str(answer.columns["settlement"]))
                if rng.random() < 0.3:
                    self._cancel(rng.choice(clients), f"X{number}-{turn}", rng.choice(mine))

    def _row(self, request: str, number: int) -> dict[str, Any]:
        rng = random.Random(request)
        changes = {"person": f"P{rng.randrange(_PERSONS)}", "account_used": True}
        row = claim(number, rng.randrange(1, 90_000)) | changes | {"request_id": request}
        with self._lock:
            self.claims[request] = row
        return row

    def _acknowledge(self, request: str, answer: Settlement) -> None:
        with self._lock:
            known = self.acknowledged.setdefault(request, answer)
        assert known.columns == answer.columns

    def _cancel(self, client: Client, request: str, settlement: str) -> None:
        try:
            answer = client.cancel(settlement, institution=INSTITUTION, request_id=request)
        except AlreadyCancelled:
            return
        self._acknowledge(request, answer)


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield a ledger and the addresses of the servers that share it."""
    url = postgres().new_ledger()
    with ExitStack() as stack:
        servers = [
            stack.enter_context(serving(tmp_path / "data", RULES, ("--ledger", url)))
            for _ in range(_SERVERS)
        ]
        yield url, [server.address for server in servers]


def test_many_clients_of_four_servers_lose_no_update(
    addresses: tuple[str, list[str]], tmp_path: Path
) -> None:
    """What is recorded is what was acknowledged, once, and as one engine would have settled it.

    The whole ledger is settled anew in its order by one engine on a file: a decision on counters
    that somebody else had moved would come out otherwise, and so would one counted twice.
    """
    url, served = addresses
    hammer = _Hammer(served)
    brought = [Opening(INSTITUTION, f"O{n}", AREA, f"P{n}", 60_000) for n in range(_PERSONS)]
    with Client(served[0]) as first:
        for opening in brought:
            first.open_person(opening)
    with ThreadPoolExecutor(_CLIENTS) as pool:
        for done in [pool.submit(hammer.strike, number) for number in range(_CLIENTS)]:
            done.result()

    entries = [each for each in _entries(url) if each.kind in {"settle", "cancel"}]
    assert set(hammer.acknowledged) == {each.request_id for each in entries}
    assert len(hammer.acknowledged) == len(entries)
    with open_ledger(url) as ledger, engine_on(tmp_path) as one:
        assert ledger.verify() is None
        ledger.recover()
        for opening in brought:
            one.open_person(opening)
        for each in entries:
            held = decode_settlement(each)
            if each.kind == "settle":
                again = settled(one, hammer.claims[each.request_id])
            else:
                again = one.cancel(INSTITUTION, each.request_id, str(each.original))
            assert (again.amounts, _shares(again)) == (held.amounts, _shares(held))
        for number in range(_PERSONS):
            person = f"P{number}"
            found = one.ledger.person_counters(AREA, person)
            assert found == ledger.person_counters(AREA, person)


def _shares(settlement: Settlement) -> list[object]:
    own = {"account_fen", "cash_fen", "account_balance_fen", "pooled_fund_fen"}
    return [settlement.columns[name] for name in sorted(own & settlement.columns.keys())]


def test_a_wrong_address_ends_the_server_with_a_reason(tmp_path: Path) -> None:
    """A server that cannot reach its ledger says so, shows no password, and ends with code 3."""
    at = ("--rules", RULES, "--data", tmp_path / "data", "--listen", "127.0.0.1:0")
    away = run("serve", *at, "--ledger", "postgresql://me:s3cret@127.0.0.1:1/ledger")
    assert (Exit.UNAVAILABLE, False) == (away.code, "s3cret" in away.out + away.err)
    assert "me@127.0.0.1:1/ledger" in away.err
    other = run("serve", *at, "--ledger", "mysql://127.0.0.1/ledger")
    assert (Exit.UNAVAILABLE, True) == (other.code, "postgresql://USER@HOST" in other.err)
