"""Where a command settles: at a server, or at an embedded engine on this machine."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from medsettle import errors, limits
from medsettle.audit import Projector
from medsettle.client import Client
from medsettle.core.cards import Card, CardEvent, CardInquiry
from medsettle.core.claims import ClaimBatch
from medsettle.core.enquiries import EnquiryDesk
from medsettle.core.hindsight import Comparison
from medsettle.core.outcome import Outcome, Rejection, invalid
from medsettle.core.relatives import RelativesDesk
from medsettle.core.request_states import RequestDesk
from medsettle.core.settlement import Explanation, Row, Settlement
from medsettle.core.visits import RegistrationRequest, RegistrationState, Visit
from medsettle.durable import make_folder
from medsettle.engine import Engine
from medsettle.engine.list_folder import ListFolders, load_lists
from medsettle.ledger.opening import (
    LedgerPlace,
    OpenLedger,
    is_shared,
    ledger_place,
    open_ledger,
    open_reader,
)
from medsettle.policy.book import load_rule_book

logger = logging.getLogger(__name__)

Answer = Settlement | Rejection

LEDGER_FILE = "ledger.db"
AUDIT_FOLDER = "audit"


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

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        return self._engine.ledger.cancel_of(settlement) is not None


def now() -> datetime:
    """Return the present moment: the clock of an engine that serves people."""
    return datetime.now(UTC)


def put_in_use(engine: Engine, lists: ListFolders | None) -> None:
    """Let an engine that starts look cards up in the lists of a folder.

    Raises:
        InvalidListRejected: A list is refused; all that are refused are listed.
        OSError: The folder cannot be read.
    """
    if lists is None:
        return
    loaded = load_lists(lists, engine.cards.lists, now())
    if loaded.faults:
        raise errors.InvalidListRejected("\n".join(loaded.faults))
    engine.cards.replace_lists(loaded.lists)


@contextmanager
def engine_at(
    data: Path, rules: Path, lists: ListFolders | None = None, *, ledger: str | None = None
) -> Iterator[Engine]:
    """Open the engine of a data folder, and project its audit tables at the end.

    Args:
        data: The folder.
        rules: Folder of the rule documents.
        lists: Folders of the invalid lists of cards.
        ledger: Names a ledger that is not in the folder.

    Raises:
        PolicyRejected: The rules have faults.
        InvalidListRejected: An invalid list is refused.
        LedgerUnavailable: The ledger is in use or cannot be opened.
    """
    book = load_rule_book(rules)
    make_folder(data)
    place = ledger_at(data, ledger)
    with open_ledger(place) as opened:
        engine = Engine(book, opened, now)
        put_in_use(engine, lists)
        yield engine
        try:
            _project_all(opened, data / AUDIT_FOLDER)
        except errors.Precondition:
            # A server that shares the ledger has the folder, and projects this too.
            if not is_shared(place):
                raise


def ledger_at(data: Path, named: str | None) -> LedgerPlace:
    """Return the ledger that the option `--ledger` names, or else that of a data folder.

    Raises:
        LedgerUnavailable: It names a database of a kind that keeps no ledger.
    """
    return ledger_place(named) if named else data / LEDGER_FILE


def check_is_ledger(place: LedgerPlace) -> None:
    """Check that there is a ledger to read, for commands that make none.

    Raises:
        FileNotFoundError: The file is missing.
        LedgerUnavailable: The server cannot be reached, or keeps none.
    """
    if not isinstance(place, Path):
        open_reader(place).close()
    elif not place.is_file():
        raise FileNotFoundError(f"{place.parent} holds no ledger; name the folder with --data")


def _project_all(ledger: OpenLedger, folder: Path) -> None:
    try:
        with Projector(ledger, folder) as projector:
            while projector.run_once():
                pass
    except OSError as error:
        # What was settled is recorded, and its answer is worth more than the tables behind it.
        logger.warning(
            "the audit tables %s stay behind the ledger, which has everything: %s. Free the disk; "
            "the next command or server catches up",
            folder,
            error,
        )


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
