"""A year and the history that its audit tables make, once for the tests of a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medsettle.engine import Engine
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.history import History

from tests.replay import year


@dataclass(frozen=True)
class Made:
    """A year, and the history that its audit tables make."""

    engine: Engine
    audit: Path
    history: History


@contextmanager
def made_year(folder: Path) -> Iterator[Made]:
    """Yield a year that was lived in a folder."""
    with year.lived(folder / "ledger.db", folder / "audit") as engine:
        book = AuditBook.in_folder(folder / "audit")
        yield Made(engine, folder / "audit", history_from_audit([book], folder / "history"))
