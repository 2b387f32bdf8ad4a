"""Several writers of one PostgreSQL ledger: whom they lock, and what happens when they meet."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise

import pytest
from medsettle import limits
from medsettle.errors import LedgerUnavailable
from medsettle.ledger import CounterKey, Posting
from medsettle.ledger.entries import Overtaken, card_holder
from medsettle.ledger.postgres import PostgresLedger

from tests.ledger.building import ACCOUNT_KEY, AREA, PAID_KEY, PERSON, entry
from tests.stores import postgres

OWN = (AREA, PERSON)
OTHER = (AREA, "P2")


@pytest.fixture
def writers() -> Iterator[tuple[PostgresLedger, PostgresLedger]]:
    """Return two writers of one ledger, as two processes have them."""
    url = postgres().new_ledger()
    with PostgresLedger(url) as first, PostgresLedger(url) as second:
        yield first, second


def _waiting(ledger: PostgresLedger) -> bool:
    """Return whether the writer of a ledger waits for a lock."""
    pid = ledger._writer.connection().info.backend_pid
    found = postgres().execute(
        "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", (pid,)
    )
    return bool(found[0][0])


def _until_waiting(ledger: PostgresLedger, work: Future[int]) -> None:
    """Return once the writer waits for a lock; what it does must not end before."""
    while not _waiting(ledger):
        assert not work.done(), work.result()


def test_a_writer_sees_what_it_locked_and_nobody_changes_it(
    writers: tuple[PostgresLedger, PostgresLedger],
) -> None:
    """Between reading and recording no other writer gets to the same person; then it goes on."""
    first, second = writers
    first.append([entry(1, Posting(PAID_KEY, 100))], 1)

    def spend(number: int) -> int:
        """Take half of what is there, as an engine decides it."""
        with second.writing([OWN]):
            half = second.counters([PAID_KEY])[PAID_KEY] // 2
            return second.append([entry(number, Posting(PAID_KEY, -half))], 1)

    with ThreadPoolExecutor(1) as pool:
        with first.writing([OWN]):
            assert {PAID_KEY: 100} == first.counters([PAID_KEY])
            work = pool.submit(spend, 2)
            _until_waiting(second, work)
            first.append([entry(3, Posting(PAID_KEY, -40))], 1)
            assert {PAID_KEY: 60} == first.counters([PAID_KEY])
        assert 3 == work.result()
    assert {PAID_KEY: 30} == second.counters([PAID_KEY])
    assert first.verify() is None


def test_writers_of_different_persons_do_not_wait(
    writers: tuple[PostgresLedger, PostgresLedger],
) -> None:
    """Who decides on somebody else goes on; the numbers come in the order of the commits."""
    first, second = writers
    with first.writing([OWN]):
        with second.writing([OTHER]):
            assert 1 == second.append([entry(1, person="P2")], 1)
        assert 2 == first.append([entry(2)], 1)


def test_readers_do_not_wait(writers: tuple[PostgresLedger, PostgresLedger]) -> None:
    """While a write is under way others read what was committed before it."""
    first, second = writers
    with first.writing([OWN]):
        assert 0 == second.last_seq()
        first.append([entry(1)], 1)
        assert 1 == second.last_seq()


def test_left_without_an_append_nothing_is_recorded(
    writers: tuple[PostgresLedger, PostgresLedger],
) -> None:
    """A write that ends in an error or without an entry leaves nothing and holds nobody."""
    first, second = writers
    with first.writing([OWN]):
        pass
    with pytest.raises(ZeroDivisionError), first.writing([OWN]):
        raise ZeroDivisionError

    assert 1 == second.append([entry(1)], 1)


def test_several_may_look_at_what_none_changes(
    writers: tuple[PostgresLedger, PostgresLedger],
) -> None:
    """Those who only look at an institution are at it together; who changes it waits for them."""
    first, second = writers
    institution = (AREA, "institution H1")
    with ThreadPoolExecutor(1) as pool:
        with first.writing([OWN], [institution]), second.writing([OTHER], [institution]):
            assert [] == first.events([institution], "registration")
            assert 1 == second.append([entry(1, person="P2")], 1)
            about = entry(2, person=institution[1])
            work = pool.submit(second.append, [about], 1)
            assert 2 == first.append([entry(3)], 1)
        assert 3 == work.result()


def test_what_was_not_locked_is_noticed(
    writers: tuple[PostgresLedger, PostgresLedger],
) -> None:
    """An append that rests on persons read or moved without a lock is refused and names them."""
    first, _ = writers
    card = (AREA, card_holder("C1"))

    with pytest.raises(Overtaken) as moved, first.writing([OWN]):
        first.append([entry(1, Posting(CounterKey(AREA, "P2", "fund_paid", 2024), 1))], 1)
    assert {OTHER} == moved.value.holders
    assert not moved.value.reading

    with pytest.raises(Overtaken) as read, first.writing([OWN], [OTHER]):
        first.person_counters(*OTHER)
        first.counters([ACCOUNT_KEY])
        first.card_events([(AREA, "C1")])
        first.settled_since([(AREA, "P3", 0)])
        first.counters_named([(AREA, "P4")], "aid.")
        first.events([(AREA, "P5")], "registration")
        first.append([entry(1)], 1)
    assert {card, (AREA, "P3"), (AREA, "P4"), (AREA, "P5")} == read.value.reading
    assert 1 == first.append([entry(1)], 1)


def test_who_only_looks_may_not_change(
    writers: tuple[PostgresLedger, PostgresLedger],
) -> None:
    """Something of a holder that was locked for looking is not changed: two could do it at once."""
    first, _ = writers
    with pytest.raises(Overtaken) as refused, first.writing([OTHER], [OWN]):
        first.append([entry(1)], 1)
    assert {OWN} == refused.value.holders


def test_the_same_request_is_recorded_once(
    writers: tuple[PostgresLedger, PostgresLedger],
) -> None:
    """Of two writers with the same request id for different persons the second is told."""
    first, second = writers
    with first.writing([OWN]), second.writing([OTHER]):
        assert {} == second.requests([("H1", "R1")])
        first.append([entry(1)], 1)
        with pytest.raises(Overtaken, match="entries_request_id"):
            second.append([entry(2, request_id="R1", person="P2")], 1)

    assert 1 == first.last_seq()
    assert 2 == second.append([entry(3, person="P2")], 1)


@pytest.mark.slow
def test_who_is_kept_too_long_is_told(writers: tuple[PostgresLedger, PostgresLedger]) -> None:
    """A write gives up before its caller does, and says that nothing was recorded."""
    first, second = writers
    with first.writing([OWN]):
        says = f"more than {limits.LEDGER_LOCK_MS_MAX} ms; nothing was recorded"
        with pytest.raises(LedgerUnavailable, match=says):
            second.append([entry(1)], 1)
        first.append([entry(1)], 1)
    assert 2 == second.append([entry(2)], 1)


@pytest.mark.slow
def test_crowds_of_writers_neither_lose_nor_stall() -> None:
    """Writers that lock the same few persons in all orders end, and every fen is there.

    Each round takes three of five persons; half of them are new rows, so that rows are made and
    locked at once. A deadlock would end a writer with an error.
    """
    url = postgres().new_ledger()
    writers, rounds, people = 6, 40, [(AREA, f"P{n}") for n in range(5)]
    start = threading.Barrier(writers, timeout=30)

    def write(number: int) -> None:
        """Add one to a counter of each of three persons, by reading it and writing the next."""
        with PostgresLedger(url) as ledger:
            start.wait()
            for turn in range(rounds):
                taken = [people[(number + turn * step) % 5] for step in (0, 2, 4)]
                new = (AREA, f"N{turn}")
                with ledger.writing({*taken, new}, [(AREA, "institution H1")]):
                    keys = [CounterKey(*each, "fund_paid", 0) for each in dict.fromkeys(taken)]
                    ledger.counters(keys)
                    moved = [Posting(key, 1) for key in keys]
                    own = CounterKey(*new, "fund_paid", 0)
                    ledger.append(
                        [entry(number * rounds + turn, *moved, Posting(own, 1), person=new[1])], 1
                    )

    with ThreadPoolExecutor(writers) as pool:
        for done in [pool.submit(write, number) for number in range(writers)]:
            done.result()

    with ExitStack() as stack:
        ledger = stack.enter_context(PostgresLedger(url))
        found = [each.seq for each in ledger.page(after_seq=0, limit=limits.PAGE_SIZE_MAX)]
        assert list(range(1, writers * rounds + 1)) == found
        assert all(after - before == 1 for before, after in pairwise(found))
        news = [CounterKey(AREA, f"N{turn}", "fund_paid", 0) for turn in range(rounds)]
        assert dict.fromkeys(news, writers) == ledger.counters(news)
        assert ledger.verify() is None
