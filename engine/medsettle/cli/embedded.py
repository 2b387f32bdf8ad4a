"""An engine on this machine: its data folder, its ledger, and the audit tables behind it."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from medsettle import errors
from medsettle.audit import Projector
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

LEDGER_FILE = "ledger.db"
AUDIT_FOLDER = "audit"


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
        AuditCorrupt: The audit tables of the folder are damaged, or of another ledger. Nothing was
            recorded.
    """
    book = load_rule_book(rules)
    make_folder(data)
    place = ledger_at(data, ledger)
    with open_ledger(place) as opened, ExitStack() as stack:
        engine = Engine(book, opened, now)
        put_in_use(engine, lists)
        # Tables of another ledger are found before anything is recorded, not behind its answer.
        projector = _projector(opened, data / AUDIT_FOLDER, shared=is_shared(place))
        if projector is not None:
            stack.enter_context(projector)
        yield engine
        if projector is not None:
            _project_all(projector)


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


def _projector(ledger: OpenLedger, folder: Path, *, shared: bool) -> Projector | None:
    """Return what projects a ledger into a folder; None where it cannot for now.

    Raises:
        AuditCorrupt: The tables are damaged, or of another ledger.
        Precondition: Another projector has the folder, and the ledger is not shared.
    """
    try:
        return Projector(ledger, folder)
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
    logger.warning(
        "the audit tables %s stay behind the ledger, which has everything: %s. Free the disk; "
        "the next command or server catches up",
        folder,
        error,
    )
