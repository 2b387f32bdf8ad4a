"""What clients asked and were answered, with when: the history of a server, as it was recorded.

A call is recorded with the moments before it was sent and after it was answered, by one clock that
never goes back, so that two calls are known to have followed one another or to have overlapped.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from medsettle.client import Client
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.request_states import RequestState, Reversal
from medsettle.core.settlement import Opening, PersonState, Row, Settlement
from medsettle.core.visits import RegistrationRequest, RegistrationState, Visit
from medsettle.engine import Engine
from medsettle.errors import SettlementError

Kind: TypeAlias = Literal[
    "open",
    "settle",
    "cancel",
    "preview",
    "person",
    "get",
    "register",
    "visit",
    "visit_cancel",
    "reverse",
    "find",
]


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer no, by the reason that the error has in every language."""

    reason: str


Answer: TypeAlias = (
    Settlement | Visit | PersonState | RegistrationState | Reversal | RequestState | Refused | None
)
"""What a caller learnt; None where no answer came, so that it was done, or will be, or never."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that is asked of a server, or of an engine.

    `content` is a claim, what a person brings along, or what an authority decided; `name` is a
    settlement, a visit, a person of `area`, or the request that is reversed or asked for.
    `institution` and `request_id` are those of a write; `request_id` of a read is empty.
    """

    kind: Kind
    institution: str = ""
    request_id: str = ""
    area: str = ""
    name: str = ""
    content: Row | Opening | RegistrationRequest | None = None

    @property
    def key(self) -> tuple[str, str] | None:
        """What a write is known by; None for what records nothing."""
        return (self.institution, self.request_id) if self.request_id else None

    @property
    def person(self) -> tuple[str, str] | None:
        """The only person whose entries can change the answer, where that is known beforehand."""
        if self.kind == "person":
            return self.area, self.name
        if self.kind == "preview" and isinstance(self.content, dict):
            return str(self.content["pooling_area"]), str(self.content["person"])
        return None

    def __str__(self) -> str:
        whom = self.name or (self.content["person"] if isinstance(self.content, dict) else "")
        return " ".join(filter(None, [self.kind, self.request_id, str(whom)]))


def settling(row: Row, kind: Kind = "settle") -> Operation:
    """Return the operation that settles a claim, or a visit."""
    return Operation(kind, str(row["institution"]), str(row["request_id"]), content=row)


def previewing(row: Row) -> Operation:
    """Return the operation that previews a claim."""
    return Operation("preview", content=row)


def opening(what: Opening) -> Operation:
    """Return the operation that records what a person brings along."""
    return Operation("open", what.institution, what.request_id, content=what)


def registering(request: RegistrationRequest) -> Operation:
    """Return the operation that records what an authority decided about a person."""
    return Operation("register", request.institution, request.request_id, content=request)


@dataclass(frozen=True, slots=True)
class Call:
    """An operation as one client saw it: from `start` to `end`, in nanoseconds of one clock.

    Without an answer `end` says when the client gave up; the operation may take effect later.
    """

    client: int
    operation: Operation
    start: int
    end: int
    answer: Answer

    def __str__(self) -> str:
        return f"{self.operation} of client {self.client}"


@dataclass
class Recorder:
    """Records the calls of many clients; safe to share between threads."""

    clock: Callable[[], int] = time.perf_counter_ns
    calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, number: int, client: Client, operation: Operation) -> Answer:
        """Return what a server answers to an operation, and record it.

        Args:
            number: Of the client, for reports.
            client: Where it is sent.
            operation: What is asked.
        """
        start = self.clock()
        try:
            answer = at_client(client, operation)
        except (TimeoutError, ConnectionError):
            answer = None
        call = Call(number, operation, start, self.clock(), answer)
        with self._lock:
            self.calls.append(call)
        return answer


def at_client(client: Client, operation: Operation) -> Answer:
    """Return what a server answers.

    Raises:
        TimeoutError, ConnectionError: It did not.
    """
    ask = operation
    sender = {"institution": ask.institution, "request_id": ask.request_id}
    methods: dict[Kind, Callable[[], Answer]] = {
        "open": lambda: client.open_person(_given(ask.content)),
        "settle": lambda: client.settle(_given(ask.content)),
        "cancel": lambda: client.cancel(ask.name, **sender),
        "preview": lambda: client.preview(_given(ask.content)),
        "person": lambda: client.person(ask.area, ask.name),
        "get": lambda: client.get(ask.name),
        "register": lambda: client.registrations.record(_given(ask.content)),
        "visit": lambda: client.visits.settle(_given(ask.content)),
        "visit_cancel": lambda: client.visits.cancel(ask.name, **sender),
        "reverse": lambda: client.reverse(ask.institution, ask.name, ask.request_id),
        "find": lambda: client.find_request(ask.institution, ask.name),
    }
    return _answered(methods[ask.kind])


def at_engine(engine: Engine, operation: Operation) -> Answer:
    """Return what an engine answers."""
    ask = operation
    sender = ask.institution, ask.request_id

    def one(answers: Sequence[Settlement | Rejection]) -> Settlement:
        if isinstance(answers[0], Rejection):
            raise answers[0].error()
        return answers[0]

    def claim() -> ClaimBatch:
        return ClaimBatch.from_rows([_given(ask.content)])

    methods: dict[Kind, Callable[[], Answer]] = {
        "open": lambda: engine.open_person(_given(ask.content)),
        "settle": lambda: one(engine.settle(claim())),
        "cancel": lambda: engine.cancel(*sender, ask.name),
        "preview": lambda: one(engine.preview(claim())),
        "person": lambda: engine.person(ask.area, ask.name),
        "get": lambda: engine.get(ask.name),
        "register": lambda: engine.registrations.record(_given(ask.content)),
        "visit": lambda: engine.visits.settle(claim()),
        "visit_cancel": lambda: engine.visits.cancel(*sender, ask.name),
        "reverse": lambda: engine.reverse(ask.institution, ask.name, ask.request_id),
        "find": lambda: engine.find_request(ask.institution, ask.name),
    }
    return _answered(methods[ask.kind])


def _answered(method: Callable[[], Answer]) -> Answer:
    try:
        return method()
    except SettlementError as error:
        return Refused(error.reason)


def _given(value: Any) -> Any:  # noqa: ANN401 - whatever the kind of operation has
    assert value is not None, "an operation has what its kind needs"
    return value
