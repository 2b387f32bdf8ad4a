"""What the servicers share: the engine, the gate before its writes, and the two batchers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from medsettle import phases
from medsettle.core.claims import ClaimBatch
from medsettle.core.making import Made, Making
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import RelativesDesk
from medsettle.core.request_states import RequestState, Reversal
from medsettle.core.settlement import (
    Explanation,
    LineTerm,
    Opening,
    PersonState,
    PolicySummary,
    Row,
    Settlement,
)
from medsettle.errors import DecidedElsewhere, LedgerUnavailable, SettlementError
from medsettle.identity.access_log import Accesses, NoAccesses
from medsettle.policy.rule_book import RuleBook
from medsettle.service.away import Away
from medsettle.service.batcher import Answer, Batcher, Gate, Result
from medsettle.service.call_watch import CallWatch, current
from medsettle.service.engine_parts import (
    Attempts,
    Cards,
    Enquiries,
    Hindsight,
    InstitutionDays,
    Messages,
    Registrations,
    Statements,
    Visits,
)
from medsettle.service.measuring import Batch, Measuring, Unmeasured
from medsettle.service.paging import Pages
from medsettle.service.previews import previewed_apart
from medsettle.service.wire import batch_of
from medsettle.v1.settlement_service_pb2 import Claim


class SettlementEngine(Protocol):
    """What the service asks of an engine; `medsettle.engine.Engine` is the one there is."""

    @property
    def rulebook(self) -> RuleBook:
        """The policies and catalogues that are loaded now."""
        ...

    @property
    def cards(self) -> Cards:
        """The cards that are kept beside the settlements."""
        ...

    def preview(self, claims: ClaimBatch) -> list[Answer]:
        """Return what settling would answer, in order; nothing is recorded."""
        ...

    def preview_explained(
        self, claims: ClaimBatch
    ) -> list[tuple[Settlement, Explanation] | Rejection]:
        """Return what `preview` does, each with the explanation it would have once settled."""
        ...

    def line_terms(self, claims: ClaimBatch) -> list[tuple[LineTerm, ...] | Rejection]:
        """Return by what each line of each claim would be split, in order."""
        ...

    def settle_made(self, makings: Sequence[Making]) -> Sequence[Made]:
        """Return what claims were settled to that are made inside the write."""
        ...

    def settle(self, claims: ClaimBatch) -> Sequence[Answer]:
        """Return the answer to each claim in order, after one durable commit."""
        ...

    def cancel(self, institution: str, request_id: str, settlement: str) -> Settlement:
        """Return the new negative settlement that takes one back."""
        ...

    def reverse(self, institution: str, original_request_id: str, request_id: str) -> Reversal:
        """Take back whatever a request recorded, or let it never settle."""
        ...

    def find_request(self, institution: str, request_id: str) -> RequestState:
        """Return what became of a request."""
        ...

    @property
    def messages(self) -> Messages:
        """What institutions told that moves no money."""
        ...

    @property
    def hindsight(self) -> Hindsight:
        """What settles later claims once more, by the rules that are loaded now."""
        ...

    def get(self, settlement: str) -> Settlement:
        """Return a recorded settlement, or raise `NotFound`."""
        ...

    def claim(self, settlement: str) -> Row:
        """Return the claim behind a settlement as it was sent, or raise `NotFound`."""
        ...

    def page(
        self,
        *,
        pooling_area: str | None,
        institution: str | None,
        person: str | None,
        after_seq: int,
        limit: int,
    ) -> list[Settlement]:
        """Return settlements after `after_seq` in ledger order; every filter given holds."""
        ...

    def explain(self, settlement: str) -> Explanation:
        """Return why a settlement came out as it did."""
        ...

    def open_person(self, opening: Opening) -> PersonState:
        """Return the state of a person after recording what it brings along."""
        ...

    def person(self, pooling_area: str, person: str) -> PersonState:
        """Return account and counters of a person."""
        ...

    @property
    def relatives(self) -> RelativesDesk:
        """What persons set aside for their relatives."""
        ...

    def policies(self) -> Sequence[PolicySummary]:
        """Return the loaded policies."""
        ...

    @property
    def visits(self) -> Visits:
        """What settles visits by the rules that are loaded now."""
        ...

    @property
    def registrations(self) -> Registrations:
        """What keeps registrations by the rules that are loaded now."""
        ...

    @property
    def attempts(self) -> Attempts:
        """The settlements of bills that are settled again after a cancel."""
        ...

    @property
    def days(self) -> InstitutionDays:
        """The settlements of institutions by the day on which they were recorded."""
        ...

    @property
    def enquiries(self) -> Enquiries:
        """What answers cardholders by the rules that are loaded now."""
        ...

    @property
    def statements(self) -> Statements:
        """The history of accounts and limits."""
        ...


class Desk:
    """Everything a call needs beyond its own message. Make it on the running event loop."""

    def __init__(
        self,
        engine: SettlementEngine,
        *,
        page_key: bytes,
        on_commit: Callable[[], None],
        on_shut: Callable[[SettlementError], None],
        measuring: Measuring | None = None,
        accesses: Accesses | None = None,
    ) -> None:
        self.engine = engine
        self.accesses: Accesses = NoAccesses() if accesses is None else accesses
        self.measuring: Measuring = Unmeasured() if measuring is None else measuring
        self.watch: CallWatch | None = None
        """Who looks at the calls one by one, if anybody does."""
        self.calls = 0
        """Calls that have come, those refused included."""
        self.under_way = 0
        """Calls begun and not finished."""
        self._stopping = False
        self.keeps_copies_only = False
        """Whether this is the desk of a hub: what tills ask to record is refused."""
        self.away: Away | None = None
        """Whoever reaches the engines of other areas, where this one has any."""
        self.settling: Batcher[Claim, Answer]
        self.previewing: Batcher[Claim, Answer]
        self.pages = Pages(page_key)
        self._gate = Gate(on_commit, on_shut)
        self.settling = Batcher(lambda claims: self.settle(batch_of(claims)))
        self.previewing = Batcher(self._preview)

    def elsewhere(self, claim: Claim) -> Away | None:
        """Return who asks another engine about a claim, None where it is decided here."""
        return self.away if self.away is not None and self.away.decides_not(claim) else None

    def refuse_foreign(self, record: str, institution: str) -> None:
        """Raise where a settlement or visit of an institution is of another place of care.

        Raises:
            DecidedElsewhere: It does, and is taken back there.
        """
        if self.away is not None:
            self.away.refuse_foreign(record, institution)

    def refuse_open(self, institution: str, request_id: str) -> None:
        """Raise where an id of something decided here is that of a request open elsewhere.

        Raises:
            RequestIdReused: It is; what that request comes to is recorded under it.
        """
        if self.away is not None:
            self.away.refuse_open(institution, request_id)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Be at work on one call.

        Raises:
            LedgerUnavailable: The server is stopping.
        """
        self.calls += 1
        if self._stopping:
            raise LedgerUnavailable(
                "This server is stopping. Nothing was recorded; send the same request id to "
                "another server, or again in a moment."
            )
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    @property
    def stopping(self) -> bool:
        """Whether no more calls are begun."""
        return self._stopping

    def refuse_calls(self) -> None:
        """Begin no more calls; those under way are finished."""
        self._stopping = True

    def settle(self, claims: ClaimBatch) -> Sequence[Answer]:
        """Return the answers to a batch, recorded in one commit; see `Gate.write` for errors."""
        self.measuring.batch(Batch.SETTLE, len(claims))
        return self.write(lambda: self.engine.settle(claims))

    def _preview(self, claims: Sequence[Claim]) -> Sequence[Answer]:
        self.measuring.batch(Batch.PREVIEW, len(claims))
        return previewed_apart(self.engine.preview, claims, lambda claim: claim.person, batch_of)

    def write(self, work: Callable[[], Result]) -> Result:
        """Return what a write of the engine returns, past the gate.

        Raises:
            DecidedElsewhere: This is the desk of a hub, which records nothing of its own.
        """
        if self.keeps_copies_only:
            raise DecidedElsewhere(
                "this server passes on and keeps copies, and records nothing of its own; ask the "
                "server of the place of care"
            )
        seen = current()
        noted = phases.begin(1) if seen is not None else None
        if seen is None or noted is None:
            return self._gate.write(work)
        try:
            return self._gate.write(work)
        finally:
            phases.end(noted)
            seen.batch = noted

    def keep(self, work: Callable[[], Result]) -> Result:
        """Return what a write of copies returns, past the gate."""
        return self._gate.write(work)
