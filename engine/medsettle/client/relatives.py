"""Calls about relatives' limits, by the same names as `medsettle.engine.relatives.Relatives`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import grpc

from medsettle.core.relatives import (
    Dissolution,
    DissolveReason,
    InsuranceNotice,
    InsuranceState,
    LimitChange,
    Person,
    Relation,
    RelationState,
)
from medsettle.v1 import mutual_aid_service_pb2 as messages
from medsettle.v1 import mutual_aid_service_pb2_grpc as services

_REASONS: Final[dict[DissolveReason, messages.DissolveReason.ValueType]] = {
    "giver": messages.DISSOLVE_REASON_GIVER,
    "receiver": messages.DISSOLVE_REASON_RECEIVER,
    "insurance_ended": messages.DISSOLVE_REASON_INSURANCE_ENDED,
}

_Call: TypeAlias = Callable[[Any, Any], Any]


class RelativesClient:
    """What persons set aside for their relatives, at a server; part of a `Client`.

    All methods raise what those of the client do.
    """

    def __init__(self, channel: grpc.Channel, read: _Call, write: _Call) -> None:
        """Use the connection of a client, and its ways to send a read and a write again."""
        self._stub = services.MutualAidServiceStub(channel)
        self._read = read
        self._write = write

    def grant(self, change: LimitChange) -> RelationState:
        """Return a relation after setting fen of the giver's account aside for the receiver."""
        request = messages.GrantLimitRequest(
            receiver=person_name(change.receiver),
            giver=person_name(change.giver),
            fen=change.fen,
            institution=change.institution,
            request_id=change.request_id,
        )
        return relation_state_of(self._write(self._stub.GrantLimit, request))

    def lower(self, change: LimitChange) -> RelationState:
        """Return a relation after giving fen that were not used back to the giver's account."""
        request = messages.LowerLimitRequest(
            receiver=person_name(change.receiver),
            giver=person_name(change.giver),
            fen=change.fen,
            institution=change.institution,
            request_id=change.request_id,
        )
        return relation_state_of(self._write(self._stub.LowerLimit, request))

    def dissolve(self, dissolution: Dissolution) -> RelationState:
        """Return a relation after its end."""
        request = messages.DissolveRelationRequest(
            receiver=person_name(dissolution.receiver),
            giver=person_name(dissolution.giver),
            reason=_REASONS[dissolution.reason],
            institution=dissolution.institution,
            request_id=dissolution.request_id,
        )
        return relation_state_of(self._write(self._stub.DissolveRelation, request))

    def end_insurance(self, notice: InsuranceNotice) -> InsuranceState:
        """Return the state of a person after the end of the insurance, with what ended by it."""
        request = messages.EndInsuranceRequest(
            person=person_name(notice.person),
            institution=notice.institution,
            request_id=notice.request_id,
        )
        answer = self._write(self._stub.EndInsurance, request)
        ended = tuple(relation_state_of(each) for each in answer.relations)
        return InsuranceState(notice.person, answer.insured, ended, answer.duplicate)

    def begin_insurance(self, notice: InsuranceNotice) -> InsuranceState:
        """Return the state of a person who is insured again."""
        request = messages.BeginInsuranceRequest(
            person=person_name(notice.person),
            institution=notice.institution,
            request_id=notice.request_id,
        )
        answer = self._write(self._stub.BeginInsurance, request)
        return InsuranceState(notice.person, answer.insured, duplicate=answer.duplicate)

    def relations(self, person: Person) -> tuple[RelationState, ...]:
        """Return all relations of a person, dissolved ones too: as receiver, then as giver."""
        request = messages.ListRelationsRequest(person=person_name(person))
        answer = self._read(self._stub.ListRelations, request)
        return tuple(relation_state_of(each) for each in answer.relations)


def person_name(person: Person) -> str:
    """Return the resource name of a person."""
    return f"poolingAreas/{person.pooling_area}/persons/{person.person}"


def _person(name: str) -> Person:
    _, area, _, person = name.split("/")
    return Person(area, person)


def relation_state_of(message: messages.Relation) -> RelationState:
    """Return a relation with what is left of its limit."""
    relation = Relation(_person(message.giver), _person(message.receiver), message.number)
    return RelationState(
        relation, message.limit_fen, message.used_fen, message.bound, message.duplicate
    )
