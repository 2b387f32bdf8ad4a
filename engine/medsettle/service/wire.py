"""Messages of `medsettle.v1` to rows of the core and back: no check, no arithmetic.

A claim message becomes a row keyed by the columns of `medsettle.core.schema`; what is absent or no
date stays visible as None or text, so that `ClaimBatch` can name the fault by its path. The forms
follow from the list of columns: a new column needs a field in the proto, nothing here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date  # type: ignore[import-untyped]

from medsettle.core import schema
from medsettle.core.claim_columns import ClaimColumns, Head, new_head
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Column, Kind
from medsettle.core.enquiries import FACT_COLUMNS
from medsettle.core.hindsight import Comparison
from medsettle.core.settlement import Explanation, PersonState, PolicySummary, Row, Settlement
from medsettle.core.visits import RegistrationState, Route, RoutedBy, Visit
from medsettle.service import names
from medsettle.v1 import enquiry_service_pb2 as enquiries
from medsettle.v1 import person_service_pb2 as persons
from medsettle.v1 import policy_service_pb2 as policies
from medsettle.v1 import registration_service_pb2 as registrations
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits

_Read: TypeAlias = Callable[[Any], object]

_KINDS: Final = {
    "settle": settlements.SETTLEMENT_KIND_SETTLE,
    "cancel": settlements.SETTLEMENT_KIND_CANCEL,
}
_VISIT_KINDS: Final = {
    "visit": visits.VISIT_KIND_SETTLE,
    "visit_cancel": visits.VISIT_KIND_CANCEL,
}
_ROUTED_BY: Final = {by: visits.RoutedBy.Value(f"ROUTED_BY_{by.name}") for by in RoutedBy}
# Said once by the settlement they belong to.
_OF_THE_WHOLE: Final = {"seq", "settlement"}


def claim_row(claim: settlements.Claim) -> Row:
    """Return a claim as a row keyed by the CLAIM columns, `lines` a list of LINE rows.

    Required values that were not sent are None; a date that does not exist, such as 30 February, is
    its text.
    """
    row = {name: read(claim) for name, read in _CLAIM}
    row["lines"] = [{name: read(line) for name, read in _LINE} for line in claim.lines]
    return row


def batch_of(claims: Sequence[settlements.Claim]) -> ClaimBatch:
    """Return claims as a batch, each checked.

    Raises:
        BatchTooLarge: More claims than one call may carry.
    """
    return ClaimBatch.from_columns(claim_columns(claims), lambda at: claim_row(claims[at]))


def claim_columns(claims: Iterable[settlements.Claim]) -> ClaimColumns:
    """Return claims as columns; see `claim_row` for what is absent."""
    columns = ClaimColumns()
    for claim in claims:
        columns.heads.append(_head(claim))
        columns.line_counts.append(len(claim.lines))
        first = len(columns.line_id)
        lines = [
            (
                line.line_id,
                line.item_code,
                (day := line.fee_date).year * 10_000 + day.month * 100 + day.day,
                line.quantity_e4,
                line.unit_price_e6,
                line.amount_fen,
                line.approval,
                line.original_line,
                line.earmark,
                line.diagnosis,
            )
            for line in claim.lines
        ]
        for column, values in zip(_line_columns(columns), zip(*lines, strict=True), strict=False):
            column += values
        # A number that is not stated is zero here.
        for index, line in enumerate(lines):
            if not line[4] or not line[5]:
                stated = claim.lines[index]
                if not (stated.HasField("unit_price_e6") and stated.HasField("amount_fen")):
                    columns.unstated.append(first + index)
    return columns


def _line_columns(columns: ClaimColumns) -> tuple[list[Any], ...]:
    return (
        columns.line_id,
        columns.item_code,
        columns.fee_date,
        columns.quantity_e4,
        columns.unit_price_e6,
        columns.amount_fen,
        columns.approval,
        columns.original_line,
        columns.earmark,
        columns.diagnosis,
    )


def _head(claim: settlements.Claim) -> Head:
    """Return what a claim states for itself."""
    head = new_head()
    for stated, value in claim.ListFields():
        name = stated.name
        read = _HEAD_READERS.get(name)
        if read is not None:
            value = read(value)
        head[name] = value
    head.pop("lines", None)
    return head


def settlement_message(settlement: Settlement) -> settlements.Settlement:
    """Return the message of a settlement; a preview has neither name, seq nor time."""
    columns = settlement.columns
    fields = _fields(_SETTLEMENT, columns)
    fields["kind"] = _KINDS[str(columns["kind"])]
    if columns.get("settlement"):
        area, own = str(columns["pooling_area"]), str(columns["settlement"])
        fields["name"] = names.settlement_name(area, own)
    return settlements.Settlement(
        **fields,
        payers=[settlements.PayerShare(**_fields(_PAYER, row)) for row in settlement.payers],
        lines=[settlements.LineSplit(**_fields(_SPLIT, row)) for row in settlement.lines],
        relatives=[
            settlements.RelativeShare(**_fields(_RELATIVE, row)) for row in settlement.relatives
        ],
        amounts_fen=settlement.amounts,
        notices=settlement.notices,
        duplicate=settlement.duplicate,
        warnings=[settlements.Finding(**asdict(each)) for each in settlement.warnings],
    )


def visit_message(visit: Visit) -> visits.Visit:
    """Return the message of a visit; a preview has neither name, seq nor time."""
    own = visit.visit or ""
    return visits.Visit(
        name=names.visit_name(visit.pooling_area, own) if own else "",
        seq=visit.seq or 0,
        visit=own,
        kind=_VISIT_KINDS[visit.kind],
        original=visit.original or "",
        create_time=moment_message(visit.create_time) if visit.create_time else None,
        request_id=visit.request_id,
        institution=visit.institution,
        pooling_area=visit.pooling_area,
        person=visit.person,
        settlements=map(settlement_message, visit.settlements),
        routes=map(_route_message, visit.routes),
        notices=visit.notices,
        duplicate=visit.duplicate,
        reversed_request=visit.reversed_request or "",
    )


def _route_message(route: Route) -> visits.Route:
    return visits.Route(
        line_id=route.line_id,
        scheme=route.scheme,
        insurance_type=route.insurance_type,
        part=route.part,
        by=_ROUTED_BY[route.by],
        diagnosis=route.diagnosis,
        registration=route.registration,
        earmark=route.earmark,
        clause=route.clause,
        reason=route.reason,
    )


def registration_row(registration: registrations.Registration) -> Row:
    """Return a registration as a row keyed by the columns of REGISTRATION, as `claim_row` does."""
    return {name: read(registration) for name, read in _REGISTRATION}


def facts_row(facts: enquiries.StatedFacts) -> Row:
    """Return stated facts as a row keyed by FACT_COLUMNS, as `claim_row` does."""
    return {name: read(facts) for name, read in _FACTS}


def registration_message(state: RegistrationState) -> registrations.Registration:
    """Return the message of a recorded registration."""
    return registrations.Registration(
        **_fields(schema.REGISTRATION, state.registration.row()),
        pooling_area=state.pooling_area,
        person=state.person,
        about=state.about,
        seq=state.seq,
        create_time=moment_message(state.create_time),
        duplicate=state.duplicate,
        credential_type=state.credential_type or "",
        card=state.card or "",
    )


def explanation_message(explanation: Explanation) -> settlements.ExplainSettlementResponse:
    """Return the message of an explanation."""
    sentences = [
        settlements.Sentence(
            payer=sentence.payer,
            stage=sentence.stage,
            text_en=sentence.text_en,
            text_zh=sentence.text_zh,
            amount_fen=sentence.amount_fen,
            clause=sentence.clause,
            steps=[
                settlements.Step(label=step.label, amount_fen=step.amount_fen, text=step.text)
                for step in sentence.steps
            ],
            payee=sentence.payee,
        )
        for sentence in explanation.sentences
    ]
    return settlements.ExplainSettlementResponse(
        settlement=explanation.settlement, sentences=sentences
    )


def comparison_message(comparison: Comparison) -> settlements.CompareWithoutResponse:
    """Return the message of what later settlements would have been."""
    later = [
        settlements.LaterSettlement(
            settlement=each.settlement,
            seq=each.seq,
            service_date=date_message(each.service_date),
            institution=each.institution,
            shares=[settlements.ComparedShare(**asdict(share)) for share in each.shares],
            refusal=each.refusal,
        )
        for each in comparison.later
    ]
    return settlements.CompareWithoutResponse(later=later, complete=comparison.complete)


def person_message(state: PersonState) -> persons.Person:
    """Return the message of a person's account and counters."""
    return persons.Person(
        name=names.person_name(state.pooling_area, state.person),
        pooling_area=state.pooling_area,
        person=state.person,
        account_fen=state.account_fen,
        counters=[
            persons.Counter(counter=counter, period=period, value=value)
            for counter, period, value in state.counters
        ],
    )


def policy_message(policy: PolicySummary) -> policies.Policy:
    """Return the message of a loaded policy."""
    return policies.Policy(
        name=names.policy_name(policy.pooling_area, policy.policy),
        policy=policy.policy,
        title=policy.title,
        pooling_area=policy.pooling_area,
        insurance_type=policy.insurance_type,
        visit_types=policy.visit_types,
        in_force_from=date_message(policy.in_force_from),
        in_force_until=date_message(policy.in_force_until) if policy.in_force_until else None,
        digest=policy.digest,
        confidence=policy.confidence,
    )


@lru_cache(maxsize=4_096)
def _date_or_text(year: int, month: int, day: int) -> date | str:
    try:
        return date(year, month, day)
    except ValueError:
        return f"{year:04d}-{month:02d}-{day:02d}"


def _day(value: Any) -> date | str:  # noqa: ANN401 - a Date, which has no stubs
    return _date_or_text(value.year, value.month, value.day)


def _moment(value: Any) -> datetime | str:  # noqa: ANN401 - a Timestamp
    try:
        moment: datetime = value.ToDatetime(tzinfo=UTC)
    except ValueError:
        return "a moment of no calendar"
    return moment


_VALUE_READERS: Final[dict[Kind, _Read]] = {
    Kind.CODES: list,
    Kind.DATE: _day,
    Kind.TIMESTAMP: _moment,
}


def _reader(column: Column) -> _Read:
    """Return the function that takes a column's value out of a message."""
    name = column.name

    def code(message: Any) -> object:  # noqa: ANN401 - any message that has the column
        return getattr(message, name) or None

    def codes(message: Any) -> object:  # noqa: ANN401
        return list(getattr(message, name))

    def day(message: Any) -> object:  # noqa: ANN401
        return _day(getattr(message, name)) if message.HasField(name) else None

    def moment(message: Any) -> object:  # noqa: ANN401
        return _moment(getattr(message, name)) if message.HasField(name) else None

    def stated(message: Any) -> object:  # noqa: ANN401
        return getattr(message, name) if message.HasField(name) else None

    special = {Kind.CODE: code, Kind.CODES: codes, Kind.DATE: day, Kind.TIMESTAMP: moment}
    return special.get(column.kind, stated)


def _readers(columns: Iterable[Column]) -> tuple[tuple[str, _Read], ...]:
    return tuple((column.name, _reader(column)) for column in columns)


_CLAIM: Final = _readers(schema.CLAIM)
_LINE: Final = _readers(schema.LINE)
_HEAD_READERS: Final = {
    column.name: read
    for column in schema.CLAIM
    if (read := _VALUE_READERS.get(column.kind)) is not None
}
_REGISTRATION: Final = _readers(schema.REGISTRATION)
_FACTS: Final = _readers(FACT_COLUMNS)


def date_message(value: date) -> Message:
    """Return the message of a day."""
    message: Message = Date(year=value.year, month=value.month, day=value.day)
    return message


def moment_message(value: datetime) -> Timestamp:
    """Return the message of a moment."""
    moment = Timestamp()
    moment.FromDatetime(value)
    return moment


def _fields(columns: tuple[Column, ...], row: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields of a message made from a row; what is None stays unset."""
    fields: dict[str, Any] = {}
    for column in columns:
        value = row.get(column.name)
        if value is None:
            continue
        if column.kind is Kind.DATE:
            assert isinstance(value, date)
            value = date_message(value)
        elif column.kind is Kind.TIMESTAMP:
            assert isinstance(value, datetime)
            value = moment_message(value)
        fields[column.name] = value
    return fields


_SETTLEMENT: Final = tuple(column for column in schema.SETTLEMENT if column.name != "kind")
_PAYER: Final = tuple(c for c in schema.PAYER_DETAIL if c.name not in _OF_THE_WHOLE)
_RELATIVE: Final = tuple(c for c in schema.RELATIVE_SHARE if c.name not in _OF_THE_WHOLE)
_SPLIT: Final = tuple(c for c in schema.LINE_SPLIT if c.name not in _OF_THE_WHOLE)
