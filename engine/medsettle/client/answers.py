"""Messages of a server as the values of `medsettle.core.settlement`."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, date
from typing import Any, Final

from medsettle.core import schema
from medsettle.core.schema import Column, Kind
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
from medsettle.v1 import person_service_pb2 as persons
from medsettle.v1 import policy_service_pb2 as policies
from medsettle.v1 import settlement_service_pb2 as settlements

_KINDS: Final = {
    settlements.SETTLEMENT_KIND_SETTLE: "settle",
    settlements.SETTLEMENT_KIND_CANCEL: "cancel",
}
_OF_THE_WHOLE: Final = ("seq", "settlement")


def settlement_of(message: settlements.Settlement) -> Settlement:
    """Return a settlement; in a preview `seq`, `settlement` and `create_time` are None."""
    columns = _row(schema.SETTLEMENT, message)
    columns |= {"seq": message.seq or None, "kind": _KINDS.get(message.kind)}
    whole: Row = {name: columns[name] for name in _OF_THE_WHOLE}
    return Settlement(
        columns=columns,
        payers=tuple(whole | _row(_PAYER, payer) for payer in message.payers),
        lines=tuple(whole | _row(_SPLIT, line) for line in message.lines),
        amounts=dict(message.amounts_fen),
        notices=tuple(message.notices),
        duplicate=message.duplicate,
        warnings=tuple(
            Finding(**{each.name: getattr(warning, each.name) for each in fields(Finding)})
            for warning in message.warnings
        ),
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


def _row(columns: Iterable[Column], message: Any) -> Row:  # noqa: ANN401 - has these columns
    return {column.name: _value(column, message) for column in columns}


def _value(column: Column, message: Any) -> object:  # noqa: ANN401
    value = getattr(message, column.name)
    if column.kind is Kind.CODE:
        return value or None
    if column.kind is Kind.DATE:
        return _date(value)
    if column.kind is Kind.TIMESTAMP:
        return value.ToDatetime(tzinfo=UTC) if message.HasField(column.name) else None
    return value


def _date(value: Any) -> date:  # noqa: ANN401 - google.type.Date comes without types
    return date(value.year, value.month, value.day)


_PAYER: Final = tuple(c for c in schema.PAYER_DETAIL if c.name not in _OF_THE_WHOLE)
_SPLIT: Final = tuple(c for c in schema.LINE_SPLIT if c.name not in _OF_THE_WHOLE)
