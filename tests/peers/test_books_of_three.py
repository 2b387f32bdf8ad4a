"""After a day of everything, in every order of failure, three ledgers are whole and add up."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from medsettle.audit import Projector, connect
from medsettle.books.conservation import discrepancies
from medsettle.books.resettling import Resettling
from medsettle.books.trial_balance import bookings_of, entries_with_moves, trial_balance
from medsettle.ledger.entries import SETTLEMENT_KINDS
from medsettle.ledger.opening import LedgerPlace, open_ledger
from medsettle.ledger.verification import findings
from medsettle.torture.provinces_model import HomeModel
from medsettle.torture.provinces_servers import HUB, NAMES, book_of_both
from medsettle.torture.provinces_workload import AREAS, ProvincesWorkload, persons_of

from tests.peers.provinces import PROVINCES
from tests.peers.simulated import Provinces, book_of, provinces
from tests.peers.simulated_loop import drawn_fates
from tests.stores import STORES, new_place

_REQUESTS = 150
_BOTH = book_of_both(PROVINCES)


@pytest.fixture(scope="module", params=STORES, name="places")
def _places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, LedgerPlace]]:
    """Yield the ledgers of three engines after such a day, in each kind of store."""
    folder = tmp_path_factory.mktemp("day")
    places: dict[str, LedgerPlace] = {}
    for name in NAMES:
        (folder / name).mkdir()
        places[name] = new_place(request.param, folder / name)
    with ExitStack() as stack:
        handles = {name: stack.enter_context(open_ledger(places[name])) for name in NAMES}
        with provinces(folder, _same(handles)) as world:
            sent = _day(world, Random(20_261_130))
            world.heal()
            assert [] == world.open_cases()
            assert [] == world.faults()
            _assert_by_one_engine(world, sent)
    yield places


def _same(handles: dict[str, Any]) -> Callable[[str], Any]:
    """Return what gives an engine the ledger that its last life had: here only desks die."""
    return lambda name: handles[name]


def _day(world: Provinces, rng: Random) -> dict[tuple[str, str], Any]:
    """Ask for everything while the network fails and engines die; return what was asked."""
    workload = ProvincesWorkload(rng)
    sent = {}
    for request in workload.beginning():
        sent[request.key] = request
        assert world.asked(request).done
    asking = []
    for number in range(_REQUESTS):
        if rng.random() < 0.5:
            world.fates.extend(drawn_fates(rng, 3))
        request = workload.request()
        if request.kind != "find":
            sent[request.key] = request
        asking.append((request, world.ask(request)))
        world.wait(rng.choice((0.0, 0.1, 0.1, 2.0, 8.0)))
        for each, task in asking:
            if task.done() and not task.cancelled():
                workload.heard(each, task.result())
        asking = [each for each in asking if not each[1].done()]
        if number % 25 == 24:
            world.die(rng.choice(NAMES), forgets=rng.random() < 0.5)
    return sent


def _assert_by_one_engine(world: Provinces, sent: dict[tuple[str, str], Any]) -> None:
    for area in AREAS:
        model = HomeModel(_BOTH, area)
        assert [] == [*model.follow(world.entries(area), sent)]
        for person in persons_of(area):
            found, due = world.nodes[area].engine.person(area, person), model.person(person)
            assert (due.account_fen, set(due.counters)) == (found.account_fen, set(found.counters))


@pytest.mark.parametrize("name", NAMES)
def test_each_ledger_is_whole(places: dict[str, LedgerPlace], name: str) -> None:
    """Nothing is found in it, by its own rules every settlement of its own comes out again."""
    with open_ledger(places[name]) as reader:
        assert [] == [*findings(reader)]
        assert [] == [str(each) for each in discrepancies(reader)]
        kinds = {each.kind for each, _ in entries_with_moves(reader)}
        assert {"settle", "cancel", "visit"} <= kinds
        if name != HUB:
            again = Resettling(reader, book_of(name))
            assert [] == [str(each) for each in again.discrepancies()]
            assert again.settled > 10


@pytest.mark.parametrize("by", ["day", "area", "account"])
@pytest.mark.parametrize("name", NAMES)
def test_each_trial_balance_adds_up(
    places: dict[str, LedgerPlace],
    name: str,
    by: Any,  # noqa: ANN401 - one of three words
) -> None:
    """Debits are credits; the hub books nothing, for it owes and is owed nothing."""
    with open_ledger(places[name]) as reader:
        rows = trial_balance(reader, by).rows()

    assert 0 == sum(row.debit_fen - row.credit_fen for row in rows)
    assert (name == HUB) == (not rows)


def test_areas_owe_each_other_what_stands(places: dict[str, LedgerPlace]) -> None:
    """Where care was given the other area owes what neither hospital bears nor the person pays."""
    for care in AREAS:
        (home,) = (area for area in AREAS if area != care)
        owed = 0
        with open_ledger(places[care]) as reader:
            for row in trial_balance(reader, "account").rows():
                if (row.title, row.pooling_area, row.holder) == ("between_areas", care, home):
                    owed += row.credit_fen - row.debit_fen
            due = sum(
                fen
                for recorded, moves in entries_with_moves(reader)
                if recorded.kind in SETTLEMENT_KINDS and recorded.pooling_area == home
                for account, fen in bookings_of(recorded, moves)
                if account.title in {"institution", "cash", "institution_share"}
            )
        assert owed == due > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_audit_tables_book_what_the_ledger_books(
    places: dict[str, LedgerPlace], name: str, tmp_path: Path
) -> None:
    """Account by account of each entry, of copies as of what was decided here.

    What an area owes for a copy is one booking of the ledger, and one for each share in the view.
    """
    with open_ledger(places[name]) as reader:
        with Projector(reader, tmp_path / "audit") as projector:
            while projector.run_once(max_rows=97):
                pass
        assert [] == [str(each) for each in discrepancies(reader, tmp_path / "audit")]
        booked: Counter[tuple[int, str, str, str]] = Counter()
        for recorded, moves in entries_with_moves(reader):
            if recorded.kind in SETTLEMENT_KINDS:
                for account, fen in bookings_of(recorded, moves):
                    key = (recorded.seq, account.pooling_area, str(account.title), account.holder)
                    booked[key] += fen
    with connect(tmp_path / "audit") as connection:
        viewed = connection.execute(
            "select seq, account_area, title, holder, sum(fen)::bigint from bookings group by all"
        ).fetchall()
        sides = connection.execute("select distinct side from settlements order by all").fetchall()

    assert {key: fen for key, fen in booked.items() if fen} == {
        tuple(key): fen for *key, fen in viewed if fen
    }
    assert ([("hub",)] if name == HUB else [("care",), (None,)]) == sides
