"""Where a command settles: at a server, or at an embedded engine on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from medsettle.ledger.opening import LedgerPlace, ledger_place, open_reader

# A desk at a server needs no engine, and one here no gRPC: each is loaded where it is opened.
if TYPE_CHECKING:
    from medsettle.core.cards import Card, CardEvent, CardInquiry
    from medsettle.core.enquiries import EnquiryDesk
    from medsettle.core.hindsight import Comparison
    from medsettle.core.outcome import Rejection
    from medsettle.core.relatives import RelativesDesk
    from medsettle.core.request_states import RequestDesk
    from medsettle.core.settlement import Explanation, Opening, PersonState, Row, Settlement
    from medsettle.core.visits import RegistrationRequest, RegistrationState, Visit
    from medsettle.engine.list_folder import ListFolders

Store = TypeVar("Store")
Answer: TypeAlias = "Settlement | Rejection"

LEDGER_FILE = "ledger.db"
AUDIT_FOLDER = "audit"
CLEARING_FOLDER = "clearing"


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

    def recorded(self, settlement: str) -> Settlement:
        """Return the settlement with this id."""
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


def now() -> datetime:
    """Return the present moment: the clock of an engine that serves people."""
    return datetime.now(UTC)


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


def clearing_store(
    data: Path,
    file: str,
    store: Callable[[Path], AbstractContextManager[Store]],
    nothing: str,
    *,
    new: bool,
) -> AbstractContextManager[Store]:
    """Open a store of clearing in a data folder; only a command that begins one makes it (`new`).

    Args:
        data: The data folder.
        file: What the file of the store is called.
        store: What opens it in a folder.
        nothing: What the folder holds without it, and what to do then.
        new: Whether it is made where there is none.

    Raises:
        FileNotFoundError: There is none, and it is not to be made.
        StoreUnavailable: It cannot be opened.
    """
    folder = data / CLEARING_FOLDER
    if not new and not (folder / file).is_file():
        raise FileNotFoundError(f"{data} holds {nothing}")
    return store(folder)


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
        from medsettle.cli.remote_desk import RemoteDesk  # noqa: PLC0415 - loads gRPC
        from medsettle.cli.shown import connected  # noqa: PLC0415

        with connected(server) as client:
            yield RemoteDesk(client)
        return
    if not new:
        check_is_ledger(ledger_at(data, ledger))
    from medsettle.cli.local_desk import LocalDesk, engine_at  # noqa: PLC0415 - loads the engine

    with engine_at(data, rules, lists, ledger=ledger) as engine:
        yield LocalDesk(engine)
