"""Opening the ledger that a path or a connection string names."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from medsettle.errors import LedgerUnavailable
from medsettle.ledger.sqlite import SqliteLedger, SqliteReader
from medsettle.ledger.sqlite_file import Turn, least_version_of, version_of

if TYPE_CHECKING:
    from medsettle.ledger.postgres import PostgresLedger, PostgresReader

LedgerPlace: TypeAlias = Path | str
"""The path of a file, or a connection string such as `postgresql://user@host/database`."""

OpenLedger: TypeAlias = "SqliteLedger | PostgresLedger"
OpenReader: TypeAlias = "SqliteReader | PostgresReader"

_SCHEMES = ("postgresql://", "postgres://")


def ledger_place(named: str) -> LedgerPlace:
    """Return the place that an option or a variable names.

    Raises:
        LedgerUnavailable: It is a connection string of another database.

    >>> ledger_place("postgresql://db/ledger")
    'postgresql://db/ledger'
    >>> ledger_place("data/ledger.db").name
    'ledger.db'
    """
    if named.startswith(_SCHEMES):
        return named
    scheme, is_url, _ = named.partition("://")
    if is_url:
        raise LedgerUnavailable(
            f"no ledger is kept in {scheme!r}; name a file, or postgresql://USER@HOST/DATABASE"
        )
    return Path(named)


def shown(place: LedgerPlace) -> str:
    """Return what a place is called in messages, without a password."""
    if isinstance(place, Path):
        return str(place)
    name: str = _postgres().place_of(place)
    return name


def is_shared(place: LedgerPlace) -> bool:
    """Return whether several processes may write the ledger there at once."""
    return isinstance(place, str)


def open_ledger(place: LedgerPlace, turn: Turn | None = None) -> OpenLedger:
    """Return the ledger at a place, open for writing; it is made where there is none.

    Args:
        place: Where it is.
        turn: Waits for the one writer of a file to end; a server that several share asks nobody.

    Raises:
        LedgerUnavailable: It cannot be opened; the message says why.
    """
    if isinstance(place, Path):
        return SqliteLedger(place, turn)
    opened: PostgresLedger = _postgres().PostgresLedger(place)
    return opened


def open_reader(place: LedgerPlace) -> OpenReader:
    """Return the existing ledger at a place, open for reading.

    Raises:
        LedgerUnavailable: It cannot be opened, or is not there.
    """
    if isinstance(place, Path):
        return SqliteReader(place)
    opened: PostgresReader = _postgres().PostgresReader(place)
    return opened


def migrate_ledger(place: LedgerPlace) -> tuple[int, int]:
    """Bring the tables of a ledger to the newest version; return the version before and after.

    Raises:
        LedgerUnavailable: There is none, it is in use, or it is newer than this medsettle.
    """
    if isinstance(place, Path):
        before = version_of(place)
        SqliteLedger(place).close()
        return before, version_of(place)
    done: tuple[int, int] = _postgres().migrate(place)
    return done


def least_version(place: LedgerPlace) -> int:
    """Return the oldest schema version whose medsettle goes on with the ledger at a place.

    Raises:
        LedgerUnavailable: There is none.
    """
    if isinstance(place, Path):
        return least_version_of(place)
    found: int = _postgres().least_version(place)
    return found


def _postgres() -> ModuleType:
    try:
        # Who keeps the ledger in a file needs no driver of PostgreSQL.
        from medsettle.ledger import postgres  # noqa: PLC0415
    except ImportError as error:
        raise LedgerUnavailable(
            "a ledger in PostgreSQL needs its driver, which is not installed; "
            "run pip install 'medsettle[postgres]'"
        ) from error
    return postgres
