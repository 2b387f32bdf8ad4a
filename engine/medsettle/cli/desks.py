"""Where a command settles: at a server, or at an embedded engine on this machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from medsettle import errors, limits
from medsettle.cli.embedded import check_is_ledger, engine_at, ledger_at
from medsettle.client import Client
from medsettle.core.cards import Card, CardEvent, CardInquiry
from medsettle.core.claims import ClaimBatch
from medsettle.core.enquiries import EnquiryDesk
from medsettle.core.hindsight import Comparison
from medsettle.core.outcome import Outcome, Rejection, invalid
from medsettle.core.relatives import RelativesDesk
from medsettle.core.request_states import RequestDesk
from medsettle.core.settlement import Explanation, Opening, PersonState, Row, Settlement
from medsettle.core.visits import RegistrationRequest, RegistrationState, Visit
from medsettle.engine import Engine
from medsettle.engine.list_folder import ListFolders

Answer = Settlement | Rejection


class Cards(Protocol):
    """What the commands need of cards."""

    def record(self, event: CardEvent) -> Card:
        """Return a card after recording what happened to it."""
        ...

    def get(self, pooling_area: str, card: str) -> Card:
        """Return a card as it is now."""
        ...

    def events(self, pooling_area: str, card: str) -> list[CardEvent]:
        """Return what happened to a card."""
        ...

    def check(self, pooling_area: str, card: str, moment: datetime | None = None) -> CardInquiry:
        """Return whether a card is valid at a moment."""
        ...


class Desk(Protocol):
    """What the commands need, wherever the engine runs."""

    @property
    def relatives(self) -> RelativesDesk:
        """What persons set aside for their relatives."""
        ...

    @property
    def cards(self) -> Cards:
        """The cards that are kept there."""
        ...

    @property
    def enquiries(self) -> EnquiryDesk:
        """What cardholders ask there."""
        ...

    @property
    def requests(self) -> RequestDesk:
        """What became of requests, and their reversals."""
        ...

    def answers(self, rows: Sequence[Row], *, preview: bool) -> Iterator[Answer]:
        """Yield the answer to each claim in order."""
        ...

    def explain(self, settlement: str) -> Explanation:
        """Return the explanation of a settlement."""
        ...

    def without(self, settlement: str) -> Comparison:
        """Return what later settlements would have been without one."""
        ...

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Return the settlement that takes one back."""
        ...

    def visit(self, row: Row, *, preview: bool) -> Visit:
        """Return a visit as settled over several schemes, or as it would be."""
        ...

    def recorded_visit(self, visit: str) -> Visit:
        """Return the visit with this id."""
        ...

    def cancel_visit(self, visit: str, institution: str, request_id: str) -> Visit:
        """Return the visit that takes one back."""
        ...

    def register(self, request: RegistrationRequest) -> RegistrationState:
        """Return a registration as recorded."""
        ...

    def registrations(self, pooling_area: str, holder: str) -> list[RegistrationState]:
        """Return the registrations held of a person, in ledger order."""
        ...

    def open_person(self, opening: Opening) -> PersonState:
        """Return the state of a person after recording what it brings along."""
        ...

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        ...


class RemoteDesk:
    """Settles at a server, one call a claim, each safe to repeat by its request id."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.relatives: RelativesDesk = client.relatives
        self.cards: Cards = client.cards
        self.enquiries: EnquiryDesk = client.enquiries
        self.requests: RequestDesk = client

    def answers(self, rows: Sequence[Row], *, preview: bool) -> Iterator[Answer]:
        """Yield the answer to each claim in order."""
        for row in rows:
            try:
                yield self._client.preview(row) if preview else self._client.settle(row)
            except errors.SettlementError as error:
                yield rejection_of(error)

    def explain(self, settlement: str) -> Explanation:
        """Return the explanation of a settlement."""
        return self._client.explain(settlement)

    def without(self, settlement: str) -> Comparison:
        """Return what later settlements would have been without one."""
        return self._client.compare_without(settlement)

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Return the settlement that takes one back."""
        return self._client.cancel(settlement, institution=institution, request_id=request_id)

    def visit(self, row: Row, *, preview: bool) -> Visit:
        """Return a visit as settled over several schemes, or as it would be."""
        visits = self._client.visits
        return visits.preview(row) if preview else visits.settle(row)

    def recorded_visit(self, visit: str) -> Visit:
        """Return the visit with this id."""
        return self._client.visits.get(visit)

    def cancel_visit(self, visit: str, institution: str, request_id: str) -> Visit:
        """Return the visit that takes one back."""
        return self._client.visits.cancel(visit, institution=institution, request_id=request_id)

    def register(self, request: RegistrationRequest) -> RegistrationState:
        """Return a registration as recorded."""
        return self._client.registrations.record(request)

    def registrations(self, pooling_area: str, holder: str) -> list[RegistrationState]:
        """Return the registrations held of a person, in ledger order."""
        return list(self._client.registrations.held(pooling_area, holder))

    def open_person(self, opening: Opening) -> PersonState:
        """Return the state of a person after recording what it brings along."""
        return self._client.open_person(opening)

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        # The API names no cancel by its original: what the person had here is looked through.
        had = self._client.list(
            pooling_area=str(claim["pooling_area"]),
            institution=str(claim["institution"]),
            person=str(claim["person"]),
        )
        return any(each.columns["original"] == settlement for each in had)


def rejection_of(error: errors.SettlementError) -> Rejection:
    """Return the rejection behind an error of a single-claim call; other errors go on.

    Raises:
        SettlementError: The error says nothing about the claim, but about the call.
    """
    if isinstance(error, errors.InvalidRequest):
        return invalid(error.faults)
    for outcome in Outcome:
        if outcome.name == error.reason:
            said = dict(error.metadata)
            duplicate = said.pop("duplicate", None) is not None
            return Rejection(outcome, error.message, metadata=said, duplicate=duplicate)
    raise error


class LocalDesk:
    """Settles with an embedded engine, and writes the audit tables when it is done."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.relatives: RelativesDesk = engine.relatives
        self.cards: Cards = engine.cards
        self.enquiries: EnquiryDesk = engine.enquiries
        self.requests: RequestDesk = engine

    def answers(self, rows: Sequence[Row], *, preview: bool) -> Iterator[Answer]:
        """Yield the answer to each claim in order, a commit for each batch."""
        for start in range(0, len(rows), limits.CLAIMS_PER_COMMIT_MAX):
            part = ClaimBatch.from_rows(rows[start : start + limits.CLAIMS_PER_COMMIT_MAX])
            yield from self._engine.preview(part) if preview else self._engine.settle(part)

    def explain(self, settlement: str) -> Explanation:
        """Return the explanation of a settlement."""
        return self._engine.explain(settlement)

    def without(self, settlement: str) -> Comparison:
        """Return what later settlements would have been without one."""
        return self._engine.hindsight.without(settlement)

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Return the settlement that takes one back."""
        return self._engine.cancel(institution, request_id, settlement)

    def visit(self, row: Row, *, preview: bool) -> Visit:
        """Return a visit as settled over several schemes, or as it would be."""
        claim = ClaimBatch.from_rows([row])
        visits = self._engine.visits
        return visits.preview(claim) if preview else visits.settle(claim)

    def recorded_visit(self, visit: str) -> Visit:
        """Return the visit with this id."""
        return self._engine.visits.get(visit)

    def cancel_visit(self, visit: str, institution: str, request_id: str) -> Visit:
        """Return the visit that takes one back."""
        return self._engine.visits.cancel(institution, request_id, visit)

    def register(self, request: RegistrationRequest) -> RegistrationState:
        """Return a registration as recorded."""
        return self._engine.registrations.record(request)

    def registrations(self, pooling_area: str, holder: str) -> list[RegistrationState]:
        """Return the registrations held of a person, in ledger order."""
        held = self._engine.registrations.held(pooling_area, holder)
        return sorted(held, key=lambda each: each.seq)

    def open_person(self, opening: Opening) -> PersonState:
        """Return the state of a person after recording what it brings along."""
        return self._engine.open_person(opening)

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        return self._engine.ledger.cancel_of(settlement) is not None


@contextmanager
def open_desk(
    server: str | None,
    data: Path,
    rules: Path,
    *,
    new: bool = False,
    lists: ListFolders | None = None,
    ledger: str | None = None,
) -> Iterator[Desk]:
    """Open the desk that the options of a command name: a server, or else a data folder.

    Only a command that records something makes a data folder where there is none (`new`). The
    ledger is in the folder unless it is named.

    Raises:
        FileNotFoundError: The data folder has no ledger.
        PolicyRejected: The rules have faults.
        LedgerUnavailable: The ledger is in use or cannot be opened.
    """
    if server is not None:
        with Client(server) as client:
            yield RemoteDesk(client)
        return
    if not new:
        check_is_ledger(ledger_at(data, ledger))
    with engine_at(data, rules, lists, ledger=ledger) as engine:
        yield LocalDesk(engine)
