"""What a simulation is put together from; a test that plants a bug replaces one part."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from medsettle.audit import Projector
from medsettle.audit.projector import LedgerFeed
from medsettle.books.trial_balance import BooksReader
from medsettle.engine import Engine
from medsettle.ledger.entries import Ledger
from medsettle.ledger.sqlite import SqliteLedger
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.baton import Baton
from medsettle.torture.memory_ledger import MemoryLedger, MemoryStore
from medsettle.torture.shared_ledger import SharedLedger, SharedStore


class CheckedLedger(Ledger, BooksReader, Protocol):
    """A ledger that also reads everything that was moved, as all of ours do."""


Clock: TypeAlias = Callable[[], datetime]
Open: TypeAlias = Callable[[], CheckedLedger]


def memory_store(_folder: Path) -> Open:
    """Return what opens a ledger in memory, again and again the same."""
    store = MemoryStore()
    return lambda: MemoryLedger(store)


def sqlite_store(folder: Path) -> Open:
    """Return what opens the SQLite ledger of a folder."""
    return lambda: SqliteLedger(folder / "ledger.db")


@dataclass(frozen=True, slots=True)
class Parts:
    """The makers of everything whose bugs a simulation is to find.

    `store` takes the folder of the run and returns what opens its ledger; `engine` makes an engine
    of rules, ledger and clock; `projector` opens the audit folder of a ledger; `shared` makes the
    handle of one of several processes on one store.
    """

    store: Callable[[Path], Open] = memory_store
    engine: Callable[[RuleBook, Ledger, Clock], Engine] = Engine
    projector: Callable[[LedgerFeed, Path], Projector] = Projector
    shared: Callable[[SharedStore, int, Baton], SharedLedger] = SharedLedger


REAL = Parts()
"""The parts as they are shipped, on a ledger in memory."""

ON_FILES = Parts(store=sqlite_store)
"""The parts as they are shipped, with the ledger that is shipped."""
