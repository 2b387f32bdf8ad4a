"""The desk of a command that names none: an embedded engine on a data folder."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from medsettle import errors, limits
from medsettle.audit import Projector
from medsettle.cli.desks import AUDIT_FOLDER, Answer, Cards, ledger_at, now
from medsettle.cli.pseudonym_keys import writing_pseudonyms
from medsettle.core.claims import ClaimBatch
from medsettle.core.enquiries import EnquiryDesk
from medsettle.core.hindsight import Comparison
from medsettle.core.relatives import RelativesDesk
from medsettle.core.request_states import RequestDesk
from medsettle.core.settlement import Explanation, Opening, PersonState, Row, Settlement
from medsettle.core.visits import RegistrationRequest, RegistrationState, Visit
from medsettle.durable import make_folder
from medsettle.engine import Engine
from medsettle.ledger.opening import OpenLedger, is_shared, open_ledger
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.logs.telling import told_of
from medsettle.rule_cache import rule_book

if TYPE_CHECKING:
    from medsettle.engine.list_folder import ListFolders


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

    def recorded(self, settlement: str) -> Settlement:
        """Return the settlement with this id."""
        return self._engine.get(settlement)

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


def put_in_use(engine: Engine, lists: "ListFolders | None") -> None:
    """Let an engine that starts look cards up in the lists of a folder.

    Raises:
        InvalidListRejected: A list is refused; all that are refused are listed.
        OSError: The folder cannot be read.
    """
    if lists is None:
        return
    from medsettle.engine.list_folder import load_lists  # noqa: PLC0415 - loads cryptography

    loaded = load_lists(lists, engine.cards.lists, now())
    if loaded.faults:
        raise errors.InvalidListRejected("\n".join(loaded.faults))
    engine.cards.replace_lists(loaded.lists)


@contextmanager
def engine_at(
    data: Path, rules: Path, lists: "ListFolders | None" = None, *, ledger: str | None = None
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
        AuditCorrupt: The audit tables of the folder are damaged, or of another ledger. Nothing was
            recorded.
    """
    book = rule_book(rules)
    make_folder(data)
    place = ledger_at(data, ledger)
    with open_ledger(place) as opened, ExitStack() as stack:
        engine = Engine(book, opened, now)
        put_in_use(engine, lists)
        # Tables of another ledger are found before anything is recorded, not behind its answer.
        projector = _projector(opened, data, shared=is_shared(place))
        if projector is not None:
            stack.enter_context(projector)
        yield engine
        if projector is not None:
            _project_all(projector)


def _projector(ledger: OpenLedger, data: Path, *, shared: bool) -> Projector | None:
    """Return what projects a ledger into its data folder; None where it cannot for now.

    Raises:
        AuditCorrupt: The tables are damaged, or of another ledger.
        Precondition: Another projector has the folder, and the ledger is not shared.
    """
    folder = data / AUDIT_FOLDER
    try:
        return Projector(ledger, folder, writing_pseudonyms(data))
    except errors.Precondition:
        # A server that shares the ledger has the folder, and projects this too.
        if not shared:
            raise
    except OSError as error:
        _stays_behind(folder, error)
    return None


def _project_all(projector: Projector) -> None:
    try:
        while projector.run_once():
            pass
    except (OSError, errors.LedgerUnavailable) as error:
        # What was settled is recorded, and its answer is worth more than the tables behind it.
        _stays_behind(projector.folder, error)


def _stays_behind(folder: Path, error: Exception) -> None:
    say(logged.AUDIT_BEHIND, folder=folder, told=told_of(error))
