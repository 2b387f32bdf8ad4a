"""The servicer of relatives' limits: requests checked, handed to the engine, and answered."""

from collections.abc import Iterable
from typing import Final, Protocol

from medsettle.core.relatives import (
    Dissolution,
    DissolveReason,
    InsuranceNotice,
    LimitChange,
    Person,
    RelationState,
)
from medsettle.errors import Fault, InvalidRequest
from medsettle.service import names
from medsettle.service.calls import Context, answered
from medsettle.service.desk import Desk
from medsettle.v1 import mutual_aid_service_pb2 as relatives
from medsettle.v1 import mutual_aid_service_pb2_grpc as relatives_grpc

_REASONS: Final[dict[int, DissolveReason]] = {
    relatives.DISSOLVE_REASON_GIVER: "giver",
    relatives.DISSOLVE_REASON_RECEIVER: "receiver",
    relatives.DISSOLVE_REASON_INSURANCE_ENDED: "insurance_ended",
}


class _Pair(Protocol):
    """A request that names both sides of a relation."""

    receiver: str
    giver: str


class MutualAidService(relatives_grpc.MutualAidServiceServicer):
    """Sets money of accounts aside for relatives, and gives it back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def GrantLimit(
        self, request: relatives.GrantLimitRequest, context: Context
    ) -> relatives.Relation:
        """Return a relation after raising its limit."""
        giver, receiver = checked_sides(request)
        change = LimitChange(request.institution, request.request_id, giver, receiver, request.fen)
        state = self._desk.write(lambda: self._desk.engine.relatives.grant(change))
        return relation_message(state)

    @answered
    async def LowerLimit(
        self, request: relatives.LowerLimitRequest, context: Context
    ) -> relatives.Relation:
        """Return a relation after lowering its limit."""
        giver, receiver = checked_sides(request)
        change = LimitChange(request.institution, request.request_id, giver, receiver, request.fen)
        state = self._desk.write(lambda: self._desk.engine.relatives.lower(change))
        return relation_message(state)

    @answered
    async def DissolveRelation(
        self, request: relatives.DissolveRelationRequest, context: Context
    ) -> relatives.Relation:
        """Return a relation after its end."""
        giver, receiver = checked_sides(request)
        reason = _REASONS.get(request.reason)
        if reason is None:
            expected = ", ".join(relatives.DissolveReason.keys()[1:])
            raise InvalidRequest([Fault("reason", f"missing or unknown; expected {expected}")])
        sender = request.institution, request.request_id
        dissolution = Dissolution(*sender, giver, receiver, reason)
        state = self._desk.write(lambda: self._desk.engine.relatives.dissolve(dissolution))
        return relation_message(state)

    @answered
    async def EndInsurance(
        self, request: relatives.EndInsuranceRequest, context: Context
    ) -> relatives.EndInsuranceResponse:
        """Return the relations of a person that were ended."""
        faults: list[Fault] = []
        person = _person(request.person, "person", faults)
        _refuse(faults)
        notice = InsuranceNotice(request.institution, request.request_id, person)
        state = self._desk.write(lambda: self._desk.engine.relatives.end_insurance(notice))
        return relatives.EndInsuranceResponse(
            relations=_messages(state.ended), insured=state.insured, duplicate=state.duplicate
        )

    @answered
    async def BeginInsurance(
        self, request: relatives.BeginInsuranceRequest, context: Context
    ) -> relatives.BeginInsuranceResponse:
        """Return how a person stands who is insured again."""
        faults: list[Fault] = []
        person = _person(request.person, "person", faults)
        _refuse(faults)
        notice = InsuranceNotice(request.institution, request.request_id, person)
        state = self._desk.write(lambda: self._desk.engine.relatives.begin_insurance(notice))
        return relatives.BeginInsuranceResponse(insured=state.insured, duplicate=state.duplicate)

    @answered
    async def ListRelations(
        self, request: relatives.ListRelationsRequest, context: Context
    ) -> relatives.ListRelationsResponse:
        """Return all relations of a person."""
        faults: list[Fault] = []
        person = _person(request.person, "person", faults)
        _refuse(faults)
        states = self._desk.engine.relatives.relations(person)
        return relatives.ListRelationsResponse(relations=_messages(states))


def checked_sides(request: _Pair) -> tuple[Person, Person]:
    """Return giver and receiver of a request.

    Raises:
        InvalidRequest: One of them, or both, are no names of persons.
    """
    faults: list[Fault] = []
    giver = _person(request.giver, "giver", faults)
    receiver = _person(request.receiver, "receiver", faults)
    _refuse(faults)
    return giver, receiver


def _person(name: str, path: str, faults: list[Fault]) -> Person:
    """Return the person of a resource name, one of any pooling area being none."""
    try:
        found = names.parsed_name(name, "persons")
    except InvalidRequest as error:
        faults += [Fault(path, fault.message) for fault in error.faults]
        return Person("", "")
    if found.pooling_area is None:
        faults.append(Fault(path, "a person belongs to one pooling area; name it"))
        return Person("", "")
    return Person(found.pooling_area, found.resource)


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise InvalidRequest(faults)


def _messages(states: Iterable[RelationState]) -> list[relatives.Relation]:
    return [relation_message(state) for state in states]


def relation_message(state: RelationState) -> relatives.Relation:
    """Return the message of a relation."""
    return relatives.Relation(
        giver=names.person_name(*state.relation.giver),
        receiver=names.person_name(*state.relation.receiver),
        number=state.relation.number,
        limit_fen=state.limit_fen,
        used_fen=state.used_fen,
        bound=state.bound,
        duplicate=state.duplicate,
    )
