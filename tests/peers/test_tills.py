"""Tills ask a place of care by gRPC: every answer about persons who are insured elsewhere."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.client.answers import explanation_of
from medsettle.client.claims import claim_message
from medsettle.torture.provinces_books import Book, book_faults
from medsettle.v1 import request_service_pb2 as requests
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits

from tests.peers.conftest import Run
from tests.peers.moves import CARE, HOME, INSTITUTION, row
from tests.peers.stations import Stands, a_moment, stands

pytestmark = pytest.mark.slow

_COMMITTED = requests.REQUEST_STATUS_COMMITTED
_UNKNOWN = requests.REQUEST_STATUS_UNKNOWN
_REJECTED = requests.REQUEST_STATUS_REJECTED
_CANCELLED = requests.REQUEST_STATUS_CANCELLED
_REVERSED = requests.REQUEST_STATUS_REVERSED
_TOMBSTONE = requests.REQUEST_STATUS_TOMBSTONE


def _settle(request_id: str, **changes: object) -> settlements.CreateSettlementRequest:
    return settlements.CreateSettlementRequest(claim=claim_message(row(request_id) | changes))


def _local(request_id: str, **changes: object) -> settlements.CreateSettlementRequest:
    return _settle(request_id, pooling_area=CARE, person=request_id, **changes)


def _cancel(request_id: str, name: str) -> settlements.CancelSettlementRequest:
    return settlements.CancelSettlementRequest(
        name=name, institution=INSTITUTION, request_id=request_id
    )


def _find(request_id: str) -> requests.FindRequestRequest:
    return requests.FindRequestRequest(institution=INSTITUTION, request_id=request_id)


def _reverse(request_id: str, original: str) -> requests.ReverseRequestRequest:
    return requests.ReverseRequestRequest(
        institution=INSTITUTION, original_request_id=original, request_id=request_id
    )


@pytest.fixture(name="served")
def _served(run: Run, tmp_path: Path) -> Callable[[Callable[[Stands], Awaitable[object]]], None]:
    """Return what runs a test with two areas and a hub, and compares their books at its end."""

    async def ran(work: Callable[[Stands], Awaitable[object]]) -> None:
        async with stands(tmp_path) as three:
            await work(three)
            three.relay.answers.set()
            await _agreed(three)

    return lambda work: run(ran(work))


async def _agreed(three: Stands) -> None:
    """Wait until nothing is open at those that still serve, and the three books agree."""
    end = asyncio.get_running_loop().time() + 20
    while True:
        books = {
            name: Book.of(stand.engine.ledger.page(after_seq=0, limit=1_000))
            for name, stand in three.by_name.items()
        }
        faults = [*book_faults({area: books[area] for area in (CARE, HOME)}, books["hub"])]
        cases = [
            case
            for stand in three.by_name.values()
            for case in (*stand.station.cases.unknowns(), *stand.station.cases.deliveries())
        ]
        if not faults and not cases:
            return
        assert asyncio.get_running_loop().time() < end, (faults, cases)
        await a_moment()


Served = Callable[[Callable[[Stands], Awaitable[object]]], None]


async def _error(work: Awaitable[object]) -> errors.SettlementError:
    with pytest.raises(errors.SettlementError) as refused:
        await work
    return refused.value


def test_home_takes_back_nothing_of_another_place_of_care_alone(served: Served) -> None:
    """At its own desk it is told who does, and both books keep the settlement."""

    async def told(three: Stands) -> None:
        settled = await three.care.till.ask("CreateSettlement", _settle("Q1"))
        home = three.home.till
        error = await _error(home.ask("CancelSettlement", _cancel("C1", settled.name)))
        assert isinstance(error, errors.DecidedElsewhere)
        error = await _error(home.ask("ReverseRequest", _reverse("R1", "Q1")))
        assert isinstance(error, errors.DecidedElsewhere)
        assert _COMMITTED == (await home.ask("FindRequest", _find("Q1"))).status

    served(told)


def test_a_hub_records_nothing_that_a_till_asks_for(served: Served) -> None:
    """What it recorded by itself would stand in the way of the copies it is there for."""

    async def told(three: Stands) -> None:
        hub = three.hub.till
        for method, request in (
            ("CreateSettlement", _settle("Q1")),
            ("CancelSettlement", _cancel("C1", f"poolingAreas/-/settlements/{HOME}1")),
            ("ReverseRequest", _reverse("R1", "Q1")),
        ):
            error = await _error(hub.ask(method, request))
            assert isinstance(error, errors.DecidedElsewhere)
        assert (await three.care.till.ask("CreateSettlement", _settle("Q1"))).side == "care"

    served(told)


def test_the_way_of_a_settlement(served: Served) -> None:
    """Previewed, settled, repeated, found, explained and cancelled: 22,000 less 2,000 at 65 %."""

    async def told(three: Stands) -> None:
        till = three.care.till
        request = settlements.PreviewSettlementRequest(claim=claim_message(row("Q1")))
        preview = (await till.ask("PreviewSettlement", request)).settlement
        assert 1_300_000 == preview.pooled_fund_fen
        assert _UNKNOWN == (await till.ask("FindRequest", _find("Q1"))).status
        settled = await till.ask("CreateSettlement", _settle("Q1"))
        assert 1_300_000 == settled.pooled_fund_fen
        assert ("care", False) == (settled.side, settled.duplicate)
        again = await till.ask("CreateSettlement", _settle("Q1"))
        assert (settled.name, True) == (again.name, again.duplicate)
        error = await _error(till.ask("CreateSettlement", _settle("Q1", person="P2")))
        assert isinstance(error, errors.RequestIdReused)
        assert _COMMITTED == (await till.ask("FindRequest", _find("Q1"))).status
        explained = settlements.ExplainSettlementRequest(name=settled.name)
        found = explanation_of(await till.ask("ExplainSettlement", explained))
        assert settled.total_fen == found.total_fen()
        cancel = await till.ask("CancelSettlement", _cancel("C1", settled.name))
        assert -settled.total_fen == cancel.total_fen
        assert (await till.ask("CancelSettlement", _cancel("C1", settled.name))).duplicate
        error = await _error(till.ask("CancelSettlement", _cancel("C2", settled.name)))
        assert isinstance(error, errors.AlreadyCancelled)
        assert _CANCELLED == (await till.ask("FindRequest", _find("Q1"))).status
        there = settlements.ExplainSettlementRequest(name=cancel.name)
        found = explanation_of(await till.ask("ExplainSettlement", there))
        assert -settled.total_fen == found.total_fen()

    served(told)


def test_the_way_of_a_visit(served: Served) -> None:
    """A visit is previewed, settled, repeated and taken back as a whole."""

    async def told(three: Stands) -> None:
        till = three.care.till
        claim = claim_message(row("V1", 3_000, diagnosis="E11.9"))
        preview = await till.ask("PreviewVisit", visits.PreviewVisitRequest(claim=claim))
        assert 65_000 == preview.visit.settlements[0].pooled_fund_fen
        visit = await till.ask("CreateVisit", visits.CreateVisitRequest(claim=claim))
        assert [65_000] == [each.pooled_fund_fen for each in visit.settlements]
        again = await till.ask("CreateVisit", visits.CreateVisitRequest(claim=claim))
        assert (visit.name, True) == (again.name, again.duplicate)
        cancel = visits.CancelVisitRequest(
            name=visit.name, institution=INSTITUTION, request_id="C1"
        )
        part = _cancel("C2", visit.settlements[0].name)
        error = await _error(till.ask("CancelSettlement", part))
        assert isinstance(error, errors.Precondition)
        back = await till.ask("CancelVisit", cancel)
        assert [-65_000] == [each.pooled_fund_fen for each in back.settlements]
        assert (await till.ask("CancelVisit", cancel)).duplicate
        again = visits.CreateVisitRequest(claim=claim_message(row("V2", 3_000, diagnosis="E11.9")))
        await till.ask("CreateVisit", again)
        found = await till.ask("ReverseRequest", _reverse("R2", "V2"))
        assert _REVERSED == found.original.status

    served(told)


def test_what_is_reversed(served: Served) -> None:
    """A settlement, one that never came, a cancelled one, a refused one, and a cancel."""

    async def told(three: Stands) -> None:
        till = three.care.till
        settled = await till.ask("CreateSettlement", _settle("Q1"))
        found = await till.ask("ReverseRequest", _reverse("R1", "Q1"))
        assert (_REVERSED, False) == (found.original.status, found.duplicate)
        for request_id in ("R1", "R2"):
            found = await till.ask("ReverseRequest", _reverse(request_id, "Q1"))
            assert (_REVERSED, True) == (found.original.status, found.duplicate)
        assert (await till.ask("CreateSettlement", _settle("Q1"))).duplicate

        found = await till.ask("ReverseRequest", _reverse("R3", "never"))
        assert _TOMBSTONE == found.original.status
        error = await _error(till.ask("CreateSettlement", _settle("never")))
        assert isinstance(error, errors.RequestReversed)

        settled = await till.ask("CreateSettlement", _settle("Q4"))
        cancel = await till.ask("CancelSettlement", _cancel("C4", settled.name))
        found = await till.ask("ReverseRequest", _reverse("R4", "Q4"))
        assert (_CANCELLED, True) == (found.original.status, found.duplicate)
        assert cancel.name.endswith(found.original.taken_back_by)
        error = await _error(till.ask("ReverseRequest", _reverse("R5", "C4")))
        assert isinstance(error, errors.NotReversible)

        await _error(till.ask("CreateSettlement", _settle("Q6", visit_type="99")))
        found = await till.ask("ReverseRequest", _reverse("R6", "Q6"))
        assert (_REJECTED, True) == (found.original.status, found.duplicate)

    served(told)


def test_a_reversal_of_what_is_under_way(served: Served) -> None:
    """It waits for its original and takes it back; both tills have their answers."""

    async def told(three: Stands) -> None:
        till, relay = three.care.till, three.relay
        await till.ask("CreateSettlement", _settle("Q0", person="P9"))
        relay.hold()
        settling = till.call("CreateSettlement", _settle("Q1"))
        await relay.passed.wait()
        reversing = till.call("ReverseRequest", _reverse("R1", "Q1"))
        found = await till.ask("FindRequest", _find("Q1"))
        assert (_UNKNOWN, True) == (found.status, found.being_resolved)
        relay.answers.set()
        settled, reversed_ = await settling, await reversing
        assert _REVERSED == reversed_.original.status
        assert settled.name.endswith(reversed_.original.entry)

    served(told)


def test_an_answer_later_than_the_deadline(served: Served) -> None:
    """The till is told that it is unknown and what to do; the same id is the settlement later."""

    async def told(three: Stands) -> None:
        till, relay = three.care.till, three.relay
        await till.ask("CreateSettlement", _settle("Q0", person="P9"))
        relay.hold()
        error = await _error(till.ask("CreateSettlement", _settle("Q1"), 1.5))
        assert isinstance(error, errors.OutcomeUnknown)
        assert "Send the same request id again" in error.message
        found = await till.ask("FindRequest", _find("Q1"))
        assert (_UNKNOWN, True) == (found.status, found.being_resolved)
        relay.answers.set()
        settled = await till.ask("CreateSettlement", _settle("Q1"))
        assert 1_300_000 == settled.pooled_fund_fen
        found = await till.ask("FindRequest", _find("Q1"))
        assert (_COMMITTED, False) == (found.status, found.being_resolved)
        held = three.home.engine.ledger.page(after_seq=0, limit=99)
        assert ["Q0", "Q1"] == [each.request_id for each in held]

    served(told)


def test_a_till_hangs_up_in_the_middle(served: Served) -> None:
    """What it asked comes to its end without it, and its next question finds it."""

    async def told(three: Stands) -> None:
        till, relay = three.care.till, three.relay
        await till.ask("CreateSettlement", _settle("Q0", person="P9"))
        relay.hold()
        settling = till.call("CreateSettlement", _settle("Q1"))
        await relay.passed.wait()
        settling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await settling
        relay.answers.set()
        await till.until("FindRequest", _find("Q1"), status=_COMMITTED)

    served(told)


def test_the_same_request_from_two_tills(served: Served) -> None:
    """It is asked once; the second is answered as a duplicate."""

    async def told(three: Stands) -> None:
        till = three.care.till
        both = await asyncio.gather(*(till.ask("CreateSettlement", _settle("Q1")) for _ in "12"))
        assert 1 == len({each.name for each in both})
        assert [False, True] == sorted(each.duplicate for each in both)
        assert 1 == three.home.engine.ledger.last_seq()

    served(told)


def test_a_number_is_used_for_one_settlement_across_areas(served: Served) -> None:
    """Of a claim decided here or elsewhere, whichever came first, also after its cancel."""

    async def told(three: Stands) -> None:
        till = three.care.till
        await till.ask("CreateSettlement", _local("L1", institution_settlement="N1"))
        error = await _error(
            till.ask("CreateSettlement", _settle("Q1", institution_settlement="N1"))
        )
        assert isinstance(error, errors.DuplicateSettlement)
        settled = await till.ask("CreateSettlement", _settle("Q2", institution_settlement="N2"))
        await till.ask("CancelSettlement", _cancel("C2", settled.name))
        for made, request_id in ((_local, "L3"), (_settle, "Q3")):
            request = made(request_id, institution_settlement="N2")
            error = await _error(till.ask("CreateSettlement", request))
            assert isinstance(error, errors.DuplicateSettlement)
        assert _UNKNOWN == (await till.ask("FindRequest", _find("Q3"))).status

    served(told)


@pytest.mark.parametrize("care_area", ["999999", HOME])
def test_a_place_of_care_that_is_not_here(served: Served, care_area: str) -> None:
    """Whoever states another place of care is told which are served; nothing is sent."""

    async def told(three: Stands) -> None:
        error = await _error(
            three.care.till.ask("CreateSettlement", _settle("Q1", care_area=care_area))
        )
        assert isinstance(error, errors.InvalidRequest)
        assert ["care_area"] == [each.path for each in error.faults]
        assert CARE in error.message
        assert 0 == three.home.engine.ledger.last_seq()

    served(told)


def test_records_of_other_institutions_are_not_taken_back(served: Served) -> None:
    """A till that names a copy which is not its own is answered as if there were none."""

    async def told(three: Stands) -> None:
        till = three.care.till
        settled = await till.ask("CreateSettlement", _settle("Q1"))
        other = settlements.CancelSettlementRequest(
            name=settled.name, institution="H99994102", request_id="C1"
        )
        error = await _error(till.ask("CancelSettlement", other))
        assert isinstance(error, errors.NotFound)
        assert _COMMITTED == (await till.ask("FindRequest", _find("Q1"))).status

    served(told)


@pytest.mark.parametrize("dead", ["hub", HOME])
def test_a_dead_engine_costs_its_own_calls_only(run: Run, tmp_path: Path, dead: str) -> None:
    """What is asked of it is answered at once, and claims that are decided here go on."""

    async def told() -> tuple[set[type], float]:
        async with stands(tmp_path) as three:
            till = three.care.till
            await till.ask("CreateSettlement", _settle("Q0"))
            await three.by_name[dead].stop()
            found = set()
            begun = time.monotonic()
            for number in range(12):
                error = await _error(till.ask("CreateSettlement", _settle(f"Q{number + 1}")))
                found.add(type(error))
                assert (await till.ask("CreateSettlement", _local(f"L{number}"))).total_fen
            return found, time.monotonic() - begun

    found, seconds = run(told())

    # The first may have been on its way when the connection broke.
    assert errors.PeerUnreachable in found
    assert found <= {errors.PeerUnreachable, errors.OutcomeUnknown}
    assert seconds < 6
