"""Connections and servers that go away: nothing is lost, nothing twice, and work goes on."""

import random
import threading
from collections.abc import Iterator
from hashlib import sha256

import psycopg
import pytest
from medsettle.errors import LedgerUnavailable
from medsettle.ledger import Posting
from medsettle.ledger.postgres import PostgresLedger
from medsettle.torture.postgres_server import Postgres

from tests.ledger.building import AREA, PAID_KEY, PERSON, entry
from tests.stores import postgres

OWN = (AREA, PERSON)


@pytest.fixture
def ledger() -> Iterator[PostgresLedger]:
    """Return a new ledger with one entry."""
    with PostgresLedger(postgres().new_ledger()) as opened:
        opened.append([entry(1, Posting(PAID_KEY, 1))], 5)
        yield opened


def _end(server: Postgres, *backends: psycopg.Connection[tuple[object, ...]]) -> None:
    """End connections from the side of the server and return when they are gone."""
    for backend in backends:
        server.execute("select pg_terminate_backend(%s, 10000)", (backend.info.backend_pid,))


def test_connections_that_went_stale_are_replaced(ledger: PostgresLedger) -> None:
    """After a restart of the server the next call is answered, as if nothing had been."""
    _end(postgres(), ledger._writer.connection(), ledger._server.connection())

    assert 1 == ledger.last_seq()
    assert 2 == ledger.append([entry(2, Posting(PAID_KEY, 1))], 5)
    assert {PAID_KEY: 2} == ledger.counters([PAID_KEY])


def test_a_write_that_is_cut_off_before_its_commit_left_nothing(ledger: PostgresLedger) -> None:
    """A connection that goes while a write is decided ends it; the next write goes on."""
    with pytest.raises(LedgerUnavailable, match="cannot read"), ledger.writing([OWN]):
        _end(postgres(), ledger._writer.connection())
        ledger.counters([PAID_KEY])

    assert 2 == ledger.append([entry(2)], 5)


def test_a_cut_in_the_commit_is_told_as_unknown(ledger: PostgresLedger) -> None:
    """A connection that goes during the commit leaves it open, and the message says what to do."""
    says = "unknown whether it was recorded. Send the same request id again"
    with pytest.raises(LedgerUnavailable, match=says), ledger.writing([OWN]):
        _end(postgres(), ledger._writer.connection())
        ledger.append([entry(2)], 5)

    assert ledger.requests([("H1", "R2")]) == {}
    assert 2 == ledger.append([entry(2)], 5)


def test_who_holds_persons_and_does_nothing_loses_them(ledger: PostgresLedger) -> None:
    """A process that stopped in the middle of a write does not stop the others for ever."""
    connection = ledger._writer.connection()
    connection.execute("set idle_in_transaction_session_timeout = 50")
    with (
        PostgresLedger(ledger._writer._url) as other,
        pytest.raises(LedgerUnavailable),
        ledger.writing([OWN]),
    ):
        ledger.counters([PAID_KEY])
        assert 2 == other.append([entry(2)], 5)
        ledger.append([entry(3)], 5)
    assert 3 == ledger.append([entry(3)], 5)


def test_a_server_that_lost_entries_is_not_written(ledger: PostgresLedger) -> None:
    """Who takes over from an older backup would number entries anew; the writer refuses it."""
    ledger.append([entry(2)], 5)
    server, url = postgres(), ledger._writer._url
    for statement in (
        "alter table entries disable trigger user",
        "delete from entries where seq = 2",
        "update ledger_head set last_seq = 1",
    ):
        server.execute(statement, url=url)
    _end(server, ledger._writer.connection())

    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="ends at entry 1, and this process"):
            ledger.append([entry(3)], 5)


class _Cutter(threading.Thread):
    """Ends the connections named `cut`, somewhere in every third attempt or so of their user."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = threading.Semaphore(0)
        self.done = threading.Event()
        self.cuts = 0

    def run(self) -> None:
        """Cut until `done`."""
        rng = random.Random(5)
        with psycopg.connect(postgres().url, autocommit=True) as connection:
            while not self.done.is_set():
                for _ in range(rng.randrange(1, 6)):
                    self.attempts.acquire()
                for _ in range(rng.randrange(3_000)):
                    sha256(b"a while").digest()
                ended = connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where application_name = 'cut'"
                ).fetchall()
                self.cuts += len(ended)

    def stop(self) -> None:
        """Cut no more."""
        self.done.set()
        self.attempts.release(10)
        self.join()


@pytest.mark.slow
def test_backends_ended_in_mid_call_lose_and_double_nothing(ledger: PostgresLedger) -> None:
    """Each request is sent until it is answered, while connections are ended at any moment."""
    cutter = _Cutter()
    failed = 0
    with PostgresLedger(f"{ledger._writer._url}&application_name=cut") as writer:
        cutter.start()
        try:
            for number in range(2, 202):
                while True:
                    cutter.attempts.release()
                    try:
                        if not writer.requests([("H1", f"R{number}")]):
                            writer.append([entry(number, Posting(PAID_KEY, 1))], 5)
                        break
                    except LedgerUnavailable:
                        failed += 1
        finally:
            cutter.stop()

    assert cutter.cuts > 0
    assert failed > 0
    assert 201 == ledger.last_seq()
    assert {PAID_KEY: 201} == ledger.counters([PAID_KEY])
    ledger.recover()
    assert ledger.verify() is None


@pytest.mark.slow
def test_a_killed_server_keeps_what_it_acknowledged() -> None:
    """After each kill -9 of the server the ledger works again without being opened again."""
    server = Postgres()
    try:
        with PostgresLedger(server.new_ledger()) as ledger:
            known = 0
            for _ in range(2):
                known = ledger.append([entry(known + 1, Posting(PAID_KEY, 1))], 5)
                server.process.kill()
                with pytest.raises(LedgerUnavailable):
                    while True:
                        ledger.counters([PAID_KEY])
                # Each connection has a process of its own there, which may outlive the killed one.
                with pytest.raises(LedgerUnavailable):
                    while True:
                        known = ledger.append([entry(known + 1, Posting(PAID_KEY, 1))], 5)
                server.start()

                # What was cut off may be there without having been acknowledged.
                assert ledger.last_seq() in {known, known + 1}
                known = ledger.last_seq()
                assert {PAID_KEY: known} == ledger.counters([PAID_KEY])
            assert known + 1 == ledger.append([entry(known + 1, Posting(PAID_KEY, 1))], 5)
            assert ledger.verify() is None
    finally:
        server.stop()
