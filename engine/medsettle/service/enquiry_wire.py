"""Values of `medsettle.core.enquiries` and statements as messages of the enquiry service."""

from typing import Final

from medsettle.core.enquiries import LimitKind, LimitLeft, Overview, PastSettlement
from medsettle.core.statements import Movement
from medsettle.service import names, wire
from medsettle.service.card_wire import card_message
from medsettle.service.mutual_aid import relation_message
from medsettle.v1 import enquiry_service_pb2 as enquiries

_MOVEMENT_KINDS: Final = {
    "settle": enquiries.MOVEMENT_KIND_SETTLE,
    "cancel": enquiries.MOVEMENT_KIND_CANCEL,
    "adjust": enquiries.MOVEMENT_KIND_ADJUST,
    "opening": enquiries.MOVEMENT_KIND_OPENING,
    "relation": enquiries.MOVEMENT_KIND_RELATION,
}
_LIMIT_KINDS: Final = {
    kind: enquiries.LimitKind.Value(f"LIMIT_KIND_{kind.name}") for kind in LimitKind
}


def overview_message(overview: Overview) -> enquiries.Overview:
    """Return the message of what is held of a person."""
    area = overview.person.pooling_area
    return enquiries.Overview(
        person=wire.person_message(overview.person),
        moment=wire.moment_message(overview.moment),
        insured=overview.insured,
        registrations=map(wire.registration_message, overview.registrations),
        cards=map(card_message, overview.cards),
        relations=map(relation_message, overview.relations),
        settlements=[_past_message(area, each) for each in overview.settlements],
        limits=map(_limit_message, overview.limits),
    )


def movement_message(movement: Movement) -> enquiries.Movement:
    """Return the message of a movement of an account, or of a use of a limit."""
    return enquiries.Movement(
        seq=movement.seq,
        create_time=wire.moment_message(movement.create_time),
        kind=_MOVEMENT_KINDS[movement.kind],
        entry=movement.entry,
        institution=movement.institution,
        fen=movement.fen,
        balance_fen=movement.balance_fen,
    )


def _past_message(area: str, past: PastSettlement) -> enquiries.PastSettlement:
    return enquiries.PastSettlement(
        name=names.settlement_name(area, past.settlement),
        settlement=past.settlement,
        seq=past.seq,
        create_time=wire.moment_message(past.create_time),
        kind=_MOVEMENT_KINDS[past.kind],
        original=past.original or "",
        cancelled_by=past.cancelled_by or "",
        visit=past.visit or "",
        institution=past.institution,
        insurance_type=past.insurance_type,
        visit_type=past.visit_type,
        service_date=wire.date_message(past.service_date),
        total_fen=past.total_fen,
        fund_total_fen=past.fund_total_fen,
        account_fen=past.account_fen,
        mutual_aid_fen=past.mutual_aid_fen,
        cash_fen=past.cash_fen,
    )


def _limit_message(left: LimitLeft) -> enquiries.LimitLeft:
    return enquiries.LimitLeft(
        policy=left.policy,
        insurance_type=left.insurance_type,
        visit_types=left.visit_types,
        stage=left.stage,
        title=left.title,
        kind=_LIMIT_KINDS[left.kind],
        counter=left.counter,
        period=left.period,
        limit_fen=left.limit_fen,
        used_fen=left.used_fen,
        left_fen=left.left_fen,
        needs=left.needs,
        source=left.source,
    )
