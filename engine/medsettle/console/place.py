"""What a console looks at: the rules, the data folder, the ledger, and the server before them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from medsettle.audit import query
from medsettle.audit.manifest import MANIFEST_NAME
from medsettle.engine import Engine
from medsettle.engine.onlooking import onlooking
from medsettle.errors import PolicyRejected
from medsettle.ledger.opening import LedgerPlace, OpenReader, open_reader
from medsettle.policy.rule_book import RuleBook
from medsettle.rule_cache import rule_book

if TYPE_CHECKING:
    import duckdb


Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is kept.

    `state` holds what belongs to the console itself: accounts, sessions, the log of who looked at
    what, and the work it began. `server` is the address of the engine before the ledger, which is
    asked whether it is well; `metrics` the page of its measurements. `seal_public_key` is the file
    of the key by which checkpoints are to be signed.
    """

    rules: Path
    data: Path
    ledger: LedgerPlace
    state: Path
    audit: Path
    clearing: Path
    server: str | None = None
    metrics: str | None = None
    seal_public_key: Path | None = None


@dataclass
class Holdings:
    """A place, opened for reading. Safe to share between threads.

    `clock` returns the present moment with a time zone.
    """

    place: Place
    clock: Callable[[], datetime]
    reader: OpenReader = field(init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _kept: dict[object, Any] = field(default_factory=dict)
    _engine: "tuple[object, Engine] | None" = None
    _faulty: "tuple[object, PolicyRejected] | None" = None
    _audit: "tuple[tuple[int, int], duckdb.DuckDBPyConnection] | None" = None

    def __post_init__(self) -> None:
        """Open the ledger.

        Raises:
            LedgerUnavailable: There is none, or it cannot be read.
        """
        self.reader = open_reader(self.place.ledger)

    @contextmanager
    def engine(self, *, faulty: bool = False) -> Iterator[Engine]:
        """Lend an engine that looks and records nothing, with the rules as they are in the folder.

        Args:
            faulty: Whether the last rules without faults will do where the present ones have some.

        Raises:
            PolicyRejected: The rules have faults.
        """
        with self._lock:
            fault = self._renew()
            if fault is not None and (self._engine is None or not faulty):
                # One of its own for each: what raises an error writes on it where it came through.
                raise PolicyRejected(fault.violations)
            assert self._engine is not None
            yield self._engine[1]

    def rules_fault(self) -> PolicyRejected | None:
        """Return what is wrong with the rules in the folder; None where nothing is."""
        with self._lock:
            return self._renew()

    def _renew(self) -> PolicyRejected | None:
        """Read the rules where they changed since, or return their faults, also from before."""
        stamp = _stamp(self.place.rules)
        if self._engine is not None and self._engine[0] == stamp:
            return None
        if self._faulty is not None and self._faulty[0] == stamp:
            return self._faulty[1]
        try:
            book = self.rules()
        except PolicyRejected as error:
            self._faulty = stamp, PolicyRejected(error.violations)
            return self._faulty[1]
        if self._engine is None:
            self._engine = stamp, Engine(book, onlooking(self.reader), self.clock)
        else:
            # What a policy settled that has been replaced since can then still be explained.
            self._engine[1].replace_rules(book)
            self._engine = stamp, self._engine[1]
        return None

    def engine_with(self, book: RuleBook) -> Engine:
        """Return an engine with other rules, such as a draft's, before the same ledger."""
        return Engine(book, onlooking(self.reader), self.clock)

    def rules(self) -> RuleBook:
        """Return the rules of the folder.

        Raises:
            PolicyRejected: They have faults; all are listed.
        """
        return rule_book(self.place.rules)

    @contextmanager
    def audit(self) -> Iterator["duckdb.DuckDBPyConnection"]:
        """Lend a cursor over the audit tables as the manifest names them at this moment.

        Raises:
            AuditCorrupt: The manifest is damaged, or a file it names is missing.
        """
        with self._lock:
            head = _head(self.place.audit / MANIFEST_NAME)
            if self._audit is None or self._audit[0] != head:
                self._audit = head, query.connect(self.place.audit)
            cursor = self._audit[1].cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def kept(self, make: "Callable[[Holdings], Kept]") -> Kept:
        """Return what a page keeps from one answer to the next, made when it is first asked for."""
        with self._lock:
            if make not in self._kept:
                self._kept[make] = make(self)
            found: Kept = self._kept[make]
            return found

    def close(self) -> None:
        """Let go of everything."""
        self.reader.close()
        if self._audit is not None:
            self._audit[1].close()


def _stamp(folder: Path) -> object:
    """Return what changes whenever a rule document does."""
    return tuple(
        (str(path), found.st_mtime_ns, found.st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for found in (path.stat(),)
    )


def _head(manifest: Path) -> tuple[int, int]:
    """Return what changes whenever a segment is added."""
    if not manifest.exists():
        return 0, 0
    found = manifest.stat()
    return found.st_size, found.st_mtime_ns


_held: list[Holdings] = []


def put(holdings: Holdings) -> None:
    """Let every page look at these holdings from now on."""
    _held[:] = [holdings]


def holdings() -> Holdings:
    """Return what the pages look at."""
    assert _held, "a console is opened by `serving`, or by `put`"
    return _held[0]


def without_folder(text: str) -> str:
    """Return what is wrong with rules with their files as the folder of rules names them."""
    return text.replace(f"{holdings().place.rules}/", "")
