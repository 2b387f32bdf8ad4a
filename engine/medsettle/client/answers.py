"""Messages of a server as the values of `medsettle.core.settlement`."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, date
from operator import attrgetter
from typing import Any, Final

from medsettle.core import schema
from medsettle.core.columns import Column, Kind
from medsettle.core.hindsight import ComparedShare, Comparison, LaterSettlement
from medsettle.core.registration_columns import REGISTRATION
from medsettle.core.settlement import (
    Explanation,
    Finding,
    PersonState,
    PolicySummary,
    Row,
    Sentence,
    Settlement,
    Step,
)
from medsettle.core.visits import (
    Registration,
    RegistrationState,
    Route,
    RoutedBy,
    Visit,
    institution_holder,
)
from medsettle.v1 import person_service_pb2 as persons
from medsettle.v1 import policy_service_pb2 as policies
from medsettle.v1 import registration_service_pb2 as registrations
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits

_KINDS: Final = {
    settlements.SETTLEMENT_KIND_SETTLE: "settle",
    settlements.SETTLEMENT_KIND_CANCEL: "cancel",
    settlements.SETTLEMENT_KIND_ADJUST: "adjust",
}
_VISIT_KINDS: Final = {
    visits.VISIT_KIND_SETTLE: "visit",
    visits.VISIT_KIND_CANCEL: "visit_cancel",
}
_ROUTED_BY: Final = {visits.RoutedBy.Value(f"ROUTED_BY_{by.name}"): by for by in RoutedBy}
_OF_THE_WHOLE: Final = ("seq", "settlement")


def settlement_of(message: settlements.Settlement) -> Settlement:
    """Return a settlement; in a preview `seq`, `settlement` and `create_time` are None."""
    columns = _SETTLEMENT.row(message)
    columns |= {"seq": message.seq or None, "kind": _KINDS.get(message.kind)}
    whole: Row = {name: columns[name] for name in _OF_THE_WHOLE}
    return Settlement(
        columns=columns,
        payers=tuple(whole | _PAYER.row(payer) for payer in message.payers),
        lines=tuple(whole | _SPLIT.row(line) for line in message.lines),
        relatives=tuple(whole | _RELATIVE.row(each) for each in message.relatives),
        amounts=dict(message.amounts_fen),
        notices=tuple(message.notices),
        duplicate=message.duplicate,
        warnings=tuple(
            Finding(**{each.name: getattr(warning, each.name) for each in fields(Finding)})
            for warning in message.warnings
        ),
    )


def visit_of(message: visits.Visit) -> Visit:
    """Return a visit; in a preview `seq`, `visit` and `create_time` are None."""
    recorded = message.HasField("create_time")
    return Visit(
        visit=message.visit or None,
        kind=_VISIT_KINDS[message.kind],
        original=message.original or None,
        pooling_area=message.pooling_area,
        institution=message.institution,
        request_id=message.request_id,
        person=message.person,
        seq=message.seq or None,
        create_time=message.create_time.ToDatetime(tzinfo=UTC) if recorded else None,
        settlements=tuple(map(settlement_of, message.settlements)),
        routes=tuple(map(_route, message.routes)),
        notices=tuple(message.notices),
        duplicate=message.duplicate,
        reversed_request=message.reversed_request or None,
    )


def comparison_of(message: settlements.CompareWithoutResponse) -> Comparison:
    """Return later settlements as recorded and as they would have been."""
    later = tuple(
        LaterSettlement(
            settlement=each.settlement,
            seq=each.seq,
            service_date=_date(each.service_date),
            institution=each.institution,
            shares=tuple(
                ComparedShare(share.payer, share.recorded_fen, share.would_be_fen)
                for share in each.shares
            ),
            refusal=each.refusal,
        )
        for each in message.later
    )
    return Comparison(later, message.complete)


def registration_state_of(message: registrations.Registration) -> RegistrationState:
    """Return a registration as recorded."""
    row: dict[str, Any] = _REGISTRATION.row(message)
    return RegistrationState(
        pooling_area=message.pooling_area,
        holder=institution_holder(message.about) if message.about else message.person,
        registration=Registration(**row),
        seq=message.seq,
        create_time=message.create_time.ToDatetime(tzinfo=UTC),
        duplicate=message.duplicate,
        credential_type=message.credential_type or None,
        card=message.card or None,
    )


def explanation_of(message: settlements.ExplainSettlementResponse) -> Explanation:
    """Return an explanation."""
    return Explanation(
        settlement=message.settlement,
        sentences=tuple(
            Sentence(
                payer=sentence.payer,
                stage=sentence.stage,
                text_en=sentence.text_en,
                text_zh=sentence.text_zh,
                amount_fen=sentence.amount_fen,
                clause=sentence.clause,
                steps=tuple(_step(step) for step in sentence.steps),
                payee=sentence.payee,
            )
            for sentence in message.sentences
        ),
    )


def person_of(message: persons.Person) -> PersonState:
    """Return account and counters of a person."""
    return PersonState(
        pooling_area=message.pooling_area,
        person=message.person,
        account_fen=message.account_fen,
        counters=tuple((each.counter, each.period, each.value) for each in message.counters),
    )


def policy_of(message: policies.Policy) -> PolicySummary:
    """Return a loaded policy."""
    until = message.in_force_until if message.HasField("in_force_until") else None
    return PolicySummary(
        policy=message.policy,
        title=message.title,
        pooling_area=message.pooling_area,
        insurance_type=message.insurance_type,
        visit_types=tuple(message.visit_types),
        in_force_from=_date(message.in_force_from),
        in_force_until=_date(until) if until else None,
        digest=message.digest,
        confidence=message.confidence,
    )


def _step(message: settlements.Step) -> Step:
    stated = message.HasField("amount_fen")
    return Step(message.label, message.amount_fen if stated else None, message.text)


def _route(message: visits.Route) -> Route:
    return Route(
        line_id=message.line_id,
        scheme=message.scheme,
        insurance_type=message.insurance_type,
        part=message.part,
        by=_ROUTED_BY[message.by],
        diagnosis=message.diagnosis,
        registration=message.registration,
        earmark=message.earmark,
        clause=message.clause,
    )


class _Reading:
    """Reads the columns of messages of one kind.

    An answer has some 500 values. One call for all of a message takes them in a third of the time
    of one call for each, and then only those are looked at that may stand for None.
    """

    def __init__(self, columns: Iterable[Column]) -> None:
        every = tuple(columns)
        self._names = tuple(column.name for column in every)
        self._values: Callable[[Any], tuple[object, ...]] = attrgetter(*self._names)
        self._codes = tuple(column.name for column in every if column.kind is Kind.CODE)
        self._stated = tuple(
            column.name for column in every if column.kind is Kind.INTEGER and not column.required
        )
        self._others = tuple(column for column in every if column.kind in _CONVERTED)

    def row(self, message: Any) -> Row:  # noqa: ANN401 - has these columns
        """Return the columns of a message, None where one is not stated."""
        row: Row = dict(zip(self._names, self._values(message), strict=True))
        for name in self._codes:
            row[name] = row[name] or None
        for name in self._stated:
            # What is not 0 is stated.
            if not row[name] and not message.HasField(name):
                row[name] = None
        for column in self._others:
            row[column.name] = _converted(column, message)
        return row


def _converted(column: Column, message: Any) -> object:  # noqa: ANN401
    value = getattr(message, column.name)
    if column.kind is Kind.CODES:
        return tuple(value)
    if column.kind is Kind.DATE:
        return _date(value) if message.HasField(column.name) else None
    if column.kind is Kind.TIMESTAMP:
        return value.ToDatetime(tzinfo=UTC) if message.HasField(column.name) else None
    return value


def _date(value: Any) -> date:  # noqa: ANN401 - google.type.Date comes without types
    return date(value.year, value.month, value.day)


def _parts(columns: Iterable[Column]) -> _Reading:
    return _Reading(column for column in columns if column.name not in _OF_THE_WHOLE)


_CONVERTED: Final = {Kind.CODES, Kind.DATE, Kind.TIMESTAMP}
_SETTLEMENT: Final = _Reading(schema.SETTLEMENT)
_REGISTRATION: Final = _Reading(REGISTRATION)
_PAYER: Final = _parts(schema.PAYER_DETAIL)
_RELATIVE: Final = _parts(schema.RELATIVE_SHARE)
_SPLIT: Final = _parts(schema.LINE_SPLIT)
