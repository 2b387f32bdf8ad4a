"""What provinces owe one another for a closed month, computed once and kept.

A closed month never changes, so its figures are computed of its lines when somebody first asks, are
checked as the command checks them, and kept under the digest of the lines.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from medsettle import durable
from medsettle.clearing.months.months import ClosedMonth, MonthStore
from medsettle.clearing.months.table_checks import refuse_unequal
from medsettle.clearing.months.tables import CONDENSED_BY, checked, make_tables
from medsettle.clearing.notices.netting import Obligation
from medsettle.console.place import holdings
from medsettle.ledger.scratch import scratch
from medsettle.ledger.side_file import private_folder

if TYPE_CHECKING:
    import duckdb

_FOLDER: Final = "clearing"
_SUMS: Final = (
    *("settle_count", "cancel_count"),
    *("fund_fen", "adjustments_fen", "deductions_fen", "net_fen"),
)
_ADDED: Final = ", ".join(f"sum({name})::bigint as {name}" for name in _SUMS)
_BY: Final = ", ".join(CONDENSED_BY)
_one_at_a_time: Final = threading.Lock()
_checked_files: Final[dict[Path, tuple[int, int, int]]] = {}


class Figure(NamedTuple):
    """What a payer of one province owes another in a fund line for a month, in fen.

    Settlements and cancels that several payers pay are counted for each of them.
    """

    debtor: str
    creditor: str
    fund_line: str
    payer: str
    settle_count: int
    cancel_count: int
    fund_fen: int
    adjustments_fen: int
    deductions_fen: int
    net_fen: int


def work_folder() -> Path:
    """Return the folder of the console for what it computes about clearing."""
    return private_folder(holdings().place.state / _FOLDER)


def kept_figures(closed: ClosedMonth) -> list[Figure] | None:
    """Return the figures of a month; None where they were not computed yet."""
    file = _file_of(closed)
    if not file.is_file():
        return None
    return [Figure(*row) for row in orjson.loads(file.read_bytes())]


def figures(store: MonthStore, closed: ClosedMonth) -> list[Figure]:
    """Return the figures of a month, computed and checked where nobody asked before.

    Raises:
        StoreUnavailable: The lines are missing or not what was closed.
        InternalError: A figure is not what its lines add up to.
    """
    with _one_at_a_time:
        known = kept_figures(closed)
        if known is not None:
            return known
        lines = store.lines_file(closed.month)
        with scratch(work_folder()) as connection:
            make_tables(connection, lines)
            made_tables = checked(connection)
            refuse_unequal(lines, made_tables)
            connection.register("made", made_tables["payable"])
            rows = connection.execute(
                f"select {_BY}, {_ADDED} from made group by {_BY} order by {_BY}"  # noqa: S608
            ).fetchall()
        made = [Figure(*row) for row in rows]
        durable.put(_file_of(closed), orjson.dumps([tuple(each) for each in made]), 0o600)
        return made


def _file_of(closed: ClosedMonth) -> Path:
    return work_folder() / f"figures-{closed.lines_sha256}.json"


def obligations_of(found: Iterable[Figure]) -> list[Obligation]:
    """Return what provinces owe one another; what is owed within one does not move between any."""
    owed: dict[tuple[str, str, str], int] = defaultdict(int)
    for each in found:
        if each.debtor != each.creditor:
            owed[each.debtor, each.creditor, each.fund_line] += each.net_fen
    return [Obligation(*key, fen) for key, fen in owed.items()]


@contextmanager
def tables_of(store: MonthStore, closed: ClosedMonth) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Lend a connection with the tables of a month; its lines are verified when they change.

    Raises:
        StoreUnavailable: The lines are missing or not what was closed.
    """
    with scratch(work_folder()) as connection:
        make_tables(connection, lines_of(store, closed))
        yield connection


def lines_of(store: MonthStore, closed: ClosedMonth) -> Path:
    """Return the file of the lines of a month; its digest is asked again where the file changed.

    Raises:
        StoreUnavailable: The file is missing or not what was closed.
    """
    path = store.lines_path(closed.month)
    if path.is_file():
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if _checked_files.get(path) == stamp:
            return path
    path = store.lines_file(closed.month)
    found = path.stat()
    _checked_files[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
    return path
