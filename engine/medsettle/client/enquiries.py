"""What cardholders ask of a server, by the names of `medsettle.engine.enquiries.Enquiries`."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date
from typing import Any, Final

import grpc

from medsettle.client.answers import person_of, registration_state_of
from medsettle.client.cards import Call, card_of
from medsettle.client.claims import message_fields
from medsettle.client.relatives import person_name, relation_state_of
from medsettle.core.enquiries import (
    FACT_COLUMNS,
    NOTHING_STATED,
    LimitKind,
    LimitLeft,
    Overview,
    PastSettlement,
    StatedFacts,
    facts_of,
)
from medsettle.core.relatives import Person, Relation
from medsettle.core.statements import Movement
from medsettle.v1 import enquiry_service_pb2 as messages
from medsettle.v1 import enquiry_service_pb2_grpc as services

_LIMIT_KINDS: Final = {
    messages.LimitKind.Value(f"LIMIT_KIND_{kind.name}"): kind for kind in LimitKind
}


class Enquiries:
    """What is held of persons at a server; `enquiries` of a `Client`.

    All methods raise what those of the client do.
    """

    def __init__(self, channel: grpc.Channel, read: Call) -> None:
        self._stub = services.EnquiryServiceStub(channel)
        self._read = read

    def overview(self, person: Person, facts: StatedFacts = NOTHING_STATED) -> Overview:
        """Return what is held of a person now; of one never seen there is nothing.

        Args:
            person: Whom it is about.
            facts: What is known of the person, to say what is left of limits that depend on it.
        """
        # Checked before as claims are: a message has no place for a value of a wrong type.
        row = facts_of(facts.row()).row()
        stated = messages.StatedFacts(**message_fields(row, FACT_COLUMNS))
        request = messages.GetOverviewRequest(name=person_name(person), facts=stated)
        return _overview(self._read(self._stub.GetOverview, request))

    def account_movements(self, person: Person, *, page_size: int = 0) -> Iterator[Movement]:
        """Yield every movement of a person's account in ledger order, page by page.

        A page size of 0 leaves it to the server.
        """
        request = messages.ListAccountMovementsRequest(
            parent=person_name(person), page_size=page_size
        )
        while True:
            page = self._read(self._stub.ListAccountMovements, request)
            yield from _movements(page.movements)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def limit_uses(self, relation: Relation, *, page_size: int = 0) -> Iterator[Movement]:
        """Yield every use of a relative's limit in ledger order, page by page.

        A page size of 0 leaves it to the server.
        """
        request = messages.ListLimitUsesRequest(
            receiver=person_name(relation.receiver),
            giver=person_name(relation.giver),
            number=relation.number,
            page_size=page_size,
        )
        while True:
            page = self._read(self._stub.ListLimitUses, request)
            yield from _movements(page.movements)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _overview(message: messages.Overview) -> Overview:
    return Overview(
        person=person_of(message.person),
        moment=message.moment.ToDatetime(tzinfo=UTC),
        insured=message.insured,
        registrations=tuple(map(registration_state_of, message.registrations)),
        cards=tuple(map(card_of, message.cards)),
        relations=tuple(map(relation_state_of, message.relations)),
        settlements=tuple(map(_past, message.settlements)),
        limits=tuple(map(_limit, message.limits)),
    )


def _movements(found: Iterable[messages.Movement]) -> Iterator[Movement]:
    for message in found:
        yield Movement(
            seq=message.seq,
            create_time=message.create_time.ToDatetime(tzinfo=UTC),
            kind=_kind(message.kind),
            entry=message.entry,
            institution=message.institution,
            fen=message.fen,
            balance_fen=message.balance_fen,
        )


def _past(message: messages.PastSettlement) -> PastSettlement:
    day = message.service_date
    return PastSettlement(
        settlement=message.settlement,
        seq=message.seq,
        create_time=message.create_time.ToDatetime(tzinfo=UTC),
        kind=_kind(message.kind),
        original=message.original or None,
        cancelled_by=message.cancelled_by or None,
        visit=message.visit or None,
        institution=message.institution,
        insurance_type=message.insurance_type,
        visit_type=message.visit_type,
        service_date=date(day.year, day.month, day.day),
        total_fen=message.total_fen,
        fund_total_fen=message.fund_total_fen,
        account_fen=message.account_fen,
        mutual_aid_fen=message.mutual_aid_fen,
        cash_fen=message.cash_fen,
    )


def _limit(message: messages.LimitLeft) -> LimitLeft:
    return LimitLeft(
        policy=message.policy,
        insurance_type=message.insurance_type,
        visit_types=tuple(message.visit_types),
        stage=message.stage,
        title=message.title,
        kind=_LIMIT_KINDS[message.kind],
        counter=message.counter,
        period=_stated(message, "period"),
        limit_fen=_stated(message, "limit_fen"),
        used_fen=_stated(message, "used_fen"),
        left_fen=_stated(message, "left_fen"),
        needs=tuple(message.needs),
        source=message.source,
    )


def _stated(message: messages.LimitLeft, field: Any) -> int | None:  # noqa: ANN401 - of its names
    return getattr(message, field) if message.HasField(field) else None


def _kind(number: messages.MovementKind.ValueType) -> str:
    return messages.MovementKind.Name(number).removeprefix("MOVEMENT_KIND_").lower()
