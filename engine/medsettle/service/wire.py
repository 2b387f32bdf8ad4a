"""Messages of `medsettle.v1` to rows of the core and back: no check, no arithmetic.

Claims become columns of `medsettle.core.schema`; what is absent or no date stays visible as None or
text, so that `ClaimBatch` can name the fault by its path. The forms follow from the list of
columns: a new one needs a field in the proto and, where lines have it, a place in `_line`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import repeat
from typing import Any, Final, TypeAlias

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date  # type: ignore[import-untyped]

from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Column, Kind
from medsettle.core.enquiries import FACT_COLUMNS
from medsettle.core.hindsight import Comparison
from medsettle.core.registration_columns import REGISTRATION
from medsettle.core.settlement import Explanation, PersonState, PolicySummary, Row, Settlement
from medsettle.core.tables import columns_of
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
    "adjust": settlements.SETTLEMENT_KIND_ADJUST,
}
_VISIT_KINDS: Final = {
    "visit": visits.VISIT_KIND_SETTLE,
    "visit_cancel": visits.VISIT_KIND_CANCEL,
}
_ROUTED_BY: Final = {by: visits.RoutedBy.Value(f"ROUTED_BY_{by.name}") for by in RoutedBy}
# Said once by the settlement they belong to.
_OF_THE_WHOLE: Final = {"seq", "settlement"}


def batch_of(claims: Sequence[settlements.Claim]) -> ClaimBatch:
    """Return claims as a batch, each checked.

    What was not sent is None, save codes, which are empty; a date that does not exist, such as 30
    February, is its text.

    Raises:
        BatchTooLarge: More claims than one call may carry.
    """
    heads = [_head(claim).values() for claim in claims]
    lines = [_line(line) for claim in claims for line in claim.lines]
    counts = [len(claim.lines) for claim in claims]
    return ClaimBatch.from_lists(
        _columns(schema.CLAIM, heads), _columns(schema.LINE, lines), counts
    )


def _columns(
    columns: tuple[Column, ...], rows: Sequence[Iterable[object]]
) -> dict[str, Sequence[object]]:
    """Return rows of values as the columns of a table."""
    values = zip(*rows, strict=True) if rows else repeat((), len(columns))
    return {column.name: each for column, each in zip(columns, values, strict=True)}


def _head(claim: settlements.Claim) -> Row:
    """Return the values of the CLAIM columns of a claim, in their order."""
    head: Row = _NOTHING.copy()
    for field, value in claim.ListFields():
        name = field.name
        if name in head:
            read = _SPECIAL.get(name)
            head[name] = value if read is None else read(value)
    return head


def _line(line: settlements.ClaimLine) -> tuple[object, ...]:
    """Return the values of the LINE columns of a line, in their order."""
    day, quantity, price, amount = (
        line.fee_date,
        line.quantity_e4,
        line.unit_price_e6,
        line.amount_fen,
    )
    year = day.year
    return (
        line.line_id,
        line.item_code,
        # Absent values are zero here, and zeros are rare.
        _date_or_text(year, day.month, day.day) if year or line.HasField("fee_date") else None,
        quantity if quantity or line.HasField("quantity_e4") else None,
        price if price or line.HasField("unit_price_e6") else None,
        amount if amount or line.HasField("amount_fen") else None,
        line.approval,
        line.original_line,
        line.earmark,
        line.diagnosis,
    )


assert [column.name for column in schema.LINE] == [
    "line_id",
    "item_code",
    "fee_date",
    "quantity_e4",
    "unit_price_e6",
    "amount_fen",
    "approval",
    "original_line",
    "earmark",
    "diagnosis",
], "_line has the columns in their order"


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
        payers=_parts(settlement.payers),
        lines=_parts(settlement.lines),
        relatives=_parts(settlement.relatives),
        amounts_fen=settlement.amounts,
        notices=settlement.notices,
        duplicate=settlement.duplicate,
        warnings=[settlements.Finding(**asdict(each)) for each in settlement.warnings],
    )


def _parts(rows: Sequence[Row]) -> list[Any]:
    """Return rows as the parts of a message; what all of them leave empty is never looked at.

    As dictionaries: protobuf makes messages of them in two thirds of the time that it takes us.
    """
    stated = {
        name: values if isinstance(values, list) else repeat(values, len(rows))
        for name, values in columns_of(rows).items()
        if values and name not in _OF_THE_WHOLE
    }
    return [dict(zip(stated, row, strict=True)) for row in zip(*stated.values(), strict=True)]


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
    """Return a registration as a row keyed by the columns of REGISTRATION.

    Required values that were not sent are None; a date that does not exist is its text.
    """
    return {name: read(registration) for name, read in _REGISTRATION}


def facts_row(facts: enquiries.StatedFacts) -> Row:
    """Return stated facts as a row keyed by FACT_COLUMNS, as `registration_row` does."""
    return {name: read(facts) for name, read in _FACTS}


def registration_message(state: RegistrationState) -> registrations.Registration:
    """Return the message of a recorded registration."""
    return registrations.Registration(
        **_fields(REGISTRATION, state.registration.row()),
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


_NOTHING: Final[Row] = {column.name: None for column in schema.CLAIM}
_SPECIAL: Final = {
    column.name: read
    for column in schema.CLAIM
    if (read := _VALUE_READERS.get(column.kind)) is not None
}
_REGISTRATION: Final = _readers(REGISTRATION)
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
    """Return the fields of a message made from a row; what is None or empty stays unset."""
    fields: dict[str, Any] = {}
    for column in columns:
        name = column.name
        value = row.get(name)
        if not value:
            continue
        write = _WRITERS.get(column.kind)
        fields[name] = value if write is None else write(value)
    return fields


_WRITERS: Final[dict[Kind, Callable[[Any], Message]]] = {
    Kind.DATE: date_message,
    Kind.TIMESTAMP: moment_message,
}
_SETTLEMENT: Final = tuple(column for column in schema.SETTLEMENT if column.name != "kind")
