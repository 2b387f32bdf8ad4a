"""What tills ask of an engine, as data: the same request can be sent, repeated and replayed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from medsettle import errors
from medsettle.client.claims import claim_message
from medsettle.core.claims import ClaimBatch
from medsettle.core.messages import Message, MessageState
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import Dissolution, LimitChange, RelationState, RelativesDesk
from medsettle.core.request_states import RequestState, Reversal
from medsettle.core.settlement import Opening, PersonState, Row, Settlement
from medsettle.core.visits import RegistrationRequest, RegistrationState, Visit
from medsettle.engine import Engine
from medsettle.service.desk import Desk

Kind: TypeAlias = Literal[
    "settle", "cancel", "visit", "visit_cancel", "opening", "registration", "grant", "lower",
    "dissolve", "reverse", "find", "message",
]  # fmt: skip
Told: TypeAlias = (
    Settlement
    | Visit
    | PersonState
    | RelationState
    | RegistrationState
    | Reversal
    | RequestState
    | MessageState
)
Content: TypeAlias = Row | str | Opening | RegistrationRequest | LimitChange | Dissolution | Message


@dataclass(frozen=True, slots=True)
class Request:
    """One request of an institution under its id.

    `content` is the row of a claim for `settle` and `visit`, the id of what is taken back for
    cancels, the request id of the original for `reverse`, nothing for `find`, which asks what
    became of its own id, and the request itself for everything else.
    """

    kind: Kind
    institution: str
    request_id: str
    content: Content

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one request: institution and request id."""
        return self.institution, self.request_id

    def __str__(self) -> str:
        shown = f"{self.kind} {self.institution}/{self.request_id}"
        named = isinstance(self.content, str) and self.content
        return f"{shown} of {self.content}" if named else shown

    @property
    def original(self) -> tuple[str, str]:
        """What a reversal names: institution and request id."""
        assert self.kind == "reverse", self
        return self.institution, str(self.content)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `reason` is empty when it was done, else that of the error."""

    reason: str
    message: str = ""
    told: Told | None = None

    @property
    def done(self) -> bool:
        """Whether the request was carried out, now or before."""
        return not self.reason

    @property
    def final(self) -> bool:
        """Whether the till has its answer; else it sends the same request again."""
        return self.reason not in _PASSING

    @property
    def duplicate(self) -> bool:
        """Whether it is marked as the answer to what was done before."""
        return bool(getattr(self.told, "duplicate", False))

    def facts(self) -> object:
        """Return what every repetition of the answer must repeat; None where nothing must be."""
        if self.reason:
            return [self.reason, self.message]
        if isinstance(self.told, Settlement):
            return _settlement_facts(self.told)
        if isinstance(self.told, Visit):
            visit = self.told
            parts = [_settlement_facts(each) for each in visit.settlements]
            return [visit.visit, visit.seq, visit.create_time, visit.routes, parts]
        if isinstance(self.told, MessageState):
            return [self.told.message, self.told.answer, self.told.seq, self.told.create_time]
        return None


_PASSING: Final = frozenset(
    {
        errors.LedgerUnavailable.reason,
        errors.LedgerFailed.reason,
        errors.Overloaded.reason,
        errors.InternalError.reason,
        errors.PeerUnreachable.reason,
        errors.PersonPending.reason,
        errors.OutcomeUnknown.reason,
    }
)


def _settlement_facts(settlement: Settlement) -> list[object]:
    return [
        settlement.columns,
        settlement.payers,
        settlement.lines,
        settlement.amounts,
        settlement.relatives,
    ]


def replayed(engine: Engine, request: Request) -> Answer:
    """Return the answer of an engine that is asked alone."""
    (answer,) = replayed_together(engine, [request])
    return answer


def replayed_together(engine: Engine, requests: Sequence[Request]) -> list[Answer]:
    """Return the answers of an engine to one request, or to several claims as one batch."""
    try:
        if requests[0].kind == "settle":
            claims = ClaimBatch.from_rows([_row(each) for each in requests])
            return [answer_of(each) for each in engine.settle(claims)]
        (request,) = requests
        return [Answer("", told=_WRITES[request.kind](engine, request))]
    except errors.SettlementError as error:
        return [Answer(error.reason, error.message) for _ in requests]


async def served(desk: Desk, engine: Engine, request: Request, deadline: float | None) -> Answer:
    """Return the answer of a desk, through its batcher or its gate as the service asks it."""
    try:
        if request.kind == "settle":
            claim = claim_message(_row(request))
            return answer_of(await desk.settling.answer(claim, deadline))
        return Answer("", told=desk.write(lambda: _WRITES[request.kind](engine, request)))
    except errors.SettlementError as error:
        return Answer(error.reason, error.message)


def answer_of(answer: Settlement | Rejection) -> Answer:
    """Return what a claim was answered with."""
    if isinstance(answer, Settlement):
        return Answer("", told=answer)
    error = answer.error()
    return Answer(error.reason, error.message)


def _row(request: Request) -> Row:
    assert isinstance(request.content, dict)
    return request.content


def _cancel(engine: Engine, request: Request) -> Told:
    assert isinstance(request.content, str)
    return engine.cancel(*request.key, request.content)


def _visit(engine: Engine, request: Request) -> Told:
    return engine.visits.settle(ClaimBatch.from_rows([_row(request)]))


def _visit_cancel(engine: Engine, request: Request) -> Told:
    assert isinstance(request.content, str)
    return engine.visits.cancel(*request.key, request.content)


def _message(engine: Engine, request: Request) -> Told:
    told = request.content
    assert isinstance(told, Message)

    def decide() -> dict[str, object]:
        """Number the message among those about its subject, and say what its person has."""
        number = len(engine.messages.of([told.subject]).get(told.subject, ()))
        has = engine.person(told.pooling_area, told.person).account_fen if told.person else 0
        return {"number": number, "account_fen": has}

    return engine.messages.record(told, decide)


class _Registrations(Protocol):
    def record(self, request: RegistrationRequest, /) -> RegistrationState: ...


class Asked(Protocol):
    """What an engine and a client answer alike."""

    @property
    def relatives(self) -> RelativesDesk:
        """What persons set aside for their relatives."""
        ...

    @property
    def registrations(self) -> _Registrations:
        """What authorities decided."""
        ...

    def open_person(self, opening: Opening, /) -> PersonState:
        """Return the state of a person after recording what it brings along."""
        ...

    def reverse(self, institution: str, original_request_id: str, request_id: str, /) -> Reversal:
        """Return what a reversal made of its original."""
        ...

    def find_request(self, institution: str, request_id: str, /) -> RequestState:
        """Return what became of a request."""
        ...


def _reverse(asked: Asked, request: Request) -> Told:
    return asked.reverse(request.institution, str(request.content), request.request_id)


def _opening(asked: Asked, request: Request) -> Told:
    assert isinstance(request.content, Opening)
    return asked.open_person(request.content)


def _registration(asked: Asked, request: Request) -> Told:
    assert isinstance(request.content, RegistrationRequest)
    return asked.registrations.record(request.content)


def _grant(asked: Asked, request: Request) -> Told:
    assert isinstance(request.content, LimitChange)
    return asked.relatives.grant(request.content)


def _lower(asked: Asked, request: Request) -> Told:
    assert isinstance(request.content, LimitChange)
    return asked.relatives.lower(request.content)


def _dissolve(asked: Asked, request: Request) -> Told:
    assert isinstance(request.content, Dissolution)
    return asked.relatives.dissolve(request.content)


ALIKE: Final[Mapping[Kind, Callable[[Asked, Request], Told]]] = {
    "opening": _opening,
    "registration": _registration,
    "grant": _grant,
    "lower": _lower,
    "dissolve": _dissolve,
    "reverse": _reverse,
    "find": lambda asked, request: asked.find_request(*request.key),
}

_WRITES: Final[Mapping[Kind, Callable[[Engine, Request], Told]]] = {
    "cancel": _cancel,
    "visit": _visit,
    "visit_cancel": _visit_cancel,
    "message": _message,
    **ALIKE,
}
