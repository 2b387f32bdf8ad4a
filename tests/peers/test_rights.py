"""Who may ask an engine for what: only for areas it speaks for, and without learning of others."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from medsettle import errors, limits
from medsettle.client.claims import claim_message
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.peers.care_desk import CareDesk
from medsettle.peers.config import Neighbour, PeerConfig, Role
from medsettle.peers.delivered import LocalPeer
from medsettle.peers.handler import Caller
from medsettle.peers.home_desk import HomeDesk
from medsettle.peers.links import Links
from medsettle.peers.messages import delivered_message, scoped_message
from medsettle.peers.open_cases import OpenCases
from medsettle.service.desk import Desk
from medsettle.torture.memory_ledger import MemoryLedger
from medsettle.v1 import peer_service_pb2 as peers
from medsettle.v1 import request_service_pb2 as requests
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits

from tests.engine.engines import id_of
from tests.engine.visits import AREA, SURGERY, line, visit_row
from tests.peers.simulated_loop import SimulatedLoop
from tests.service.serving import Ticking
from tests.settle.apart_books import CARE, book_of, scoped

_OTHER = "999982"
_FILE_OF = {CARE: "care", _OTHER: "other"}


class _NoLinks:
    """Links of an engine that reaches nobody."""

    def reaches(self, area: str) -> bool:
        """Return whether an area is reached."""
        return False

    def refuse_left_alone(self, to_area: str) -> None:
        """Do nothing: a call says it."""

    async def call(self, method: str, to_area: str, body: bytes, **_: object) -> bytes:
        """Raise: nobody is reached."""
        raise errors.PeerUnreachable("nobody is reached", area=to_area)


@dataclass
class _Asked:
    """An engine as its neighbours ask it."""

    loop: SimulatedLoop
    engine: Engine
    local: LocalPeer
    cases: OpenCases
    home: HomeDesk

    def opened(self) -> None:
        """Open the deliveries of what is recorded, as is done soon after each write."""
        self.loop.run_until_complete(self.home.open_new())

    def __call__(self, neighbour: str, method: str, message: Message | bytes) -> bytes:
        """Return what a neighbour is answered."""
        body = message if isinstance(message, bytes) else message.SerializeToString()
        caller = Caller(neighbour, AREA, 0, 5.0)
        return self.loop.run_until_complete(self.local.answer(method, body, caller))

    def refused(
        self, neighbour: str, method: str, message: Message | bytes
    ) -> errors.SettlementError:
        """Return the error a neighbour is answered by; nothing is recorded."""
        last = self.engine.ledger.last_seq()
        with pytest.raises(errors.SettlementError) as refused:
            self(neighbour, method, message)
        assert last == self.engine.ledger.last_seq()
        return refused.value


def _asked(loop: SimulatedLoop, folder: Path, role: Role) -> _Asked:
    areas = (AREA,) if role is Role.AREAS else ()
    neighbours = tuple(
        Neighbour(name, Role.AREAS, "nowhere:1", (area,)) for area, name in _FILE_OF.items()
    )
    config = PeerConfig("home", role, areas, neighbours, None)

    async def made() -> _Asked:
        engine = Engine(book_of(AREA), MemoryLedger(), Ticking())
        desk = Desk(
            engine, page_key=b"k" * 32, on_commit=lambda: None, on_shut=lambda _: pytest.fail()
        )
        cases = OpenCases(folder / "peers.db", lambda: 0)
        links: Links = _NoLinks()  # type: ignore[assignment]
        home = HomeDesk(engine, desk, config, cases)
        care = CareDesk(engine, desk, config, links, cases)
        return _Asked(loop, engine, LocalPeer(config, desk, home, care, links), cases, home)

    return loop.run_until_complete(made())


@pytest.fixture(name="loop")
def _loop() -> Iterator[SimulatedLoop]:
    loop = SimulatedLoop()
    yield loop
    loop.close()


@pytest.fixture(name="home")
def _home(loop: SimulatedLoop, tmp_path: Path) -> Iterator[_Asked]:
    """Yield an engine that decides for one area and knows two places of care."""
    asked = _asked(loop, tmp_path, Role.AREAS)
    yield asked
    asked.cases.close()


@pytest.fixture(name="hub")
def _hub(loop: SimulatedLoop, tmp_path: Path) -> Iterator[_Asked]:
    asked = _asked(loop, tmp_path, Role.HUB)
    yield asked
    asked.cases.close()


def _claim(request_id: str = "Q1", **changes: object) -> peers.ScopedClaim:
    row = visit_row(line(1, SURGERY, 900), request_id=request_id, care_area=CARE)
    split = scoped(ClaimBatch.from_rows([row])).scopes[0]
    return scoped_message(claim_message(row | changes), split)


def _settled(home: _Asked, request_id: str = "Q1") -> settlements.Settlement:
    answer = home("care", "SettleScoped", _claim(request_id))
    return settlements.Settlement.FromString(answer)


def _id(message: settlements.Settlement) -> str:
    return message.name.rpartition("/")[2]


_CLAIMS = ("PreviewScoped", "SettleScoped", "PreviewScopedVisit", "SettleScopedVisit")


@pytest.mark.parametrize("method", _CLAIMS)
def test_who_does_not_speak_for_the_place_of_care(home: _Asked, method: str) -> None:
    """A claim is settled for the area that split it, asked by whoever speaks for that."""
    error = home.refused("other", method, _claim())

    assert isinstance(error, errors.PeerNotKnown)
    assert CARE == error.metadata["area"]


@pytest.mark.parametrize("method", _CLAIMS)
@pytest.mark.parametrize("area", [_OTHER, CARE])
def test_who_asks_for_an_area_that_is_not_decided_here(
    home: _Asked, method: str, area: str
) -> None:
    """Whatever the route says, the claim names whose benefits it asks for."""
    error = home.refused("care", method, _claim(pooling_area=area))

    assert isinstance(error, errors.PeerNotKnown)


def test_a_claim_without_content(home: _Asked) -> None:
    """Nothing, and something that is none, are told as such."""
    for method in _CLAIMS:
        assert isinstance(home.refused("care", method, b""), errors.InvalidRequest)
        assert isinstance(home.refused("care", method, b"\x0a\x05a"), errors.InvalidRequest)


def _cancel(record: str) -> settlements.CancelSettlementRequest:
    return settlements.CancelSettlementRequest(
        name=f"poolingAreas/-/settlements/{record}", institution="H1", request_id="C1"
    )


def _cancel_visit(record: str) -> visits.CancelVisitRequest:
    return visits.CancelVisitRequest(
        name=f"poolingAreas/-/visits/{record}", institution="H1", request_id="C1"
    )


def _find(record: str) -> requests.FindRequestRequest:
    return requests.FindRequestRequest(institution="H1", request_id="Q1")


def _reverse(record: str) -> requests.ReverseRequestRequest:
    return requests.ReverseRequestRequest(
        institution="H1", original_request_id="Q1", request_id="R1"
    )


def _explain(record: str) -> settlements.ExplainSettlementRequest:
    return settlements.ExplainSettlementRequest(name=f"poolingAreas/-/settlements/{record}")


_OF_A_RECORD: dict[str, Any] = {
    "CancelScoped": _cancel,
    "CancelScopedVisit": _cancel_visit,
    "FindScoped": _find,
    "ReverseScoped": _reverse,
    "ExplainScoped": _explain,
}


@pytest.mark.parametrize("method", _OF_A_RECORD)
def test_a_record_of_another_place_of_care_is_not_there(home: _Asked, method: str) -> None:
    """The answer has nothing that one about a record that does not exist has not."""
    own_id = _id(_settled(home))
    error = home.refused("other", method, _OF_A_RECORD[method](own_id))

    assert isinstance(error, errors.NotFound)
    if method in {"CancelScoped", "CancelScopedVisit", "ExplainScoped"}:
        nothing = home.refused("other", method, _OF_A_RECORD[method]("nothing"))
        assert nothing.message == error.message.replace(own_id, "nothing")
        assert type(nothing) is type(error)


@pytest.mark.parametrize("method", _OF_A_RECORD)
def test_a_record_of_nobody_elsewhere_is_not_there(home: _Asked, method: str) -> None:
    """What an institution here settled is no neighbour's to see or to take back."""
    row = visit_row(line(1, SURGERY, 900), request_id="Q1")
    (local,) = home.engine.settle(ClaimBatch.from_rows([row]))
    assert isinstance(local, Settlement)

    for neighbour in _FILE_OF.values():
        error = home.refused(neighbour, method, _OF_A_RECORD[method](id_of(local)))
        assert isinstance(error, errors.NotFound)


def test_the_own_place_of_care_may(home: _Asked) -> None:
    """It is found, explained, and taken back, and each write opens its delivery."""
    own_id = _id(_settled(home))
    found = requests.RequestState.FromString(home("care", "FindScoped", _find(own_id)))
    home("care", "ExplainScoped", _explain(own_id))
    cancel = settlements.Settlement.FromString(home("care", "CancelScoped", _cancel(own_id)))

    home.opened()
    assert (own_id, AREA) == (found.entry, found.pooling_area)
    assert [own_id, _id(cancel)] == sorted(
        (each.record for each in home.cases.deliveries()), key=[own_id, _id(cancel)].index
    )
    assert {CARE} == {each.care_area for each in home.cases.deliveries()}


def test_a_repeated_cancel_opens_nothing_new(home: _Asked) -> None:
    """It has the same record, of which one delivery is open."""
    own_id = _id(_settled(home))
    answers = {home("care", "CancelScoped", _cancel(own_id)) for _ in range(3)}

    home.opened()
    assert 2 == len(home.cases.deliveries())
    assert 1 == len({_id(settlements.Settlement.FromString(each)) for each in answers})


def _delivered(home: _Asked) -> peers.DeliveredRecord:
    own_id = _id(_settled(home))
    return delivered_message(home.engine.get(own_id), CARE)


def _delivering(record: peers.DeliveredRecord) -> peers.DeliverRecordsRequest:
    return peers.DeliverRecordsRequest(records=[record])


def test_only_who_decides_delivers(home: _Asked, hub: _Asked) -> None:
    """A neighbour hands over what its own areas decided, to a hub as to a place of care."""
    record = _delivered(home)
    request = _delivering(record)

    for asked in (home, hub):
        for neighbour in _FILE_OF.values():
            error = asked.refused(neighbour, "DeliverRecords", request)
            assert isinstance(error, errors.PeerNotKnown)
            assert AREA == error.metadata["area"]
    # Nor does one speak for the area of another.
    record.settlement.pooling_area = CARE
    for asked in (home, hub):
        error = asked.refused("other", "DeliverRecords", _delivering(record))
        assert isinstance(error, errors.PeerNotKnown)
        assert CARE == error.metadata["area"]


def test_deliveries_have_a_bound_and_a_content(home: _Asked) -> None:
    """Too many in one call, an empty one among them, and bytes that are none."""
    record = _delivered(home)
    most = limits.DELIVERED_RECORDS_MAX
    many = peers.DeliverRecordsRequest(records=[record] * (most + 1))
    empty = peers.DeliverRecordsRequest(records=[peers.DeliveredRecord(care_area=CARE)])

    assert isinstance(home.refused("care", "DeliverRecords", many), errors.BatchTooLarge)
    assert isinstance(home.refused("care", "DeliverRecords", empty), errors.InvalidRequest)
    assert isinstance(home.refused("care", "DeliverRecords", b"\x0a\x05a"), errors.InvalidRequest)
    assert b"" == home("care", "DeliverRecords", b"")


@pytest.mark.parametrize("method", [*_CLAIMS, "CancelScoped", "CancelScopedVisit", "ExplainScoped"])
def test_a_hub_settles_nothing(hub: _Asked, method: str) -> None:
    """It has no rules and serves no area: what it is asked for itself is refused."""
    message = _claim() if method in _CLAIMS else _OF_A_RECORD[method]("S1")

    assert isinstance(hub.refused("care", method, message), errors.PeerNotKnown | errors.NotFound)


def test_methods_that_are_not_known(home: _Asked) -> None:
    """A newer engine is told that this one is too old."""
    error = home.refused("care", "SettleTomorrow", b"")

    assert isinstance(error, errors.PeerTooOld)


def test_tills_cannot_state_a_split() -> None:
    """What an institution sends has no field for parts of lines, and is no message of peers."""
    seen: set[str] = set()

    def fields(message: Any) -> Iterator[str]:  # noqa: ANN401 - descriptors have no public type
        if message.full_name in seen:
            return
        seen.add(message.full_name)
        for field in message.fields:
            yield field.name
            if field.message_type is not None:
                yield from fields(field.message_type)

    for each in (settlements.CreateSettlementRequest, settlements.PreviewSettlementRequest):
        named = {*fields(each.DESCRIPTOR)}
        assert not named & {"scopes", "charge_types", "catalogue_digest", "item_class", "outside"}
        assert not named & {"own_expense_fen", "over_limit_fen", "pre_self_pay_fen", "in_scope_fen"}
    for other in (visits.CreateVisitRequest, visits.PreviewVisitRequest):
        assert "scopes" not in {*fields(other.DESCRIPTOR)}
    assert not any("peer_service" in name or "Scoped" in name for name in seen)
