"""A bare loop of commits to SQLite: what the store itself allows, with nothing settled.

The same library, journal and synchronous mode as the ledger; a row of 400 bytes and two counters
for each claim, one transaction for each batch.
"""

import random
import time
from pathlib import Path
from typing import Final

import apsw

from benchmarks.options import Options
from benchmarks.record import Measured
from benchmarks.sections import names as of

_SIZES: Final = (1, 16, 64, 256, 1_024)
_PERSONS: Final = 100_000
_RECORD: Final = b"x" * 400
_CLAIMS_PER_ROUND: Final = 2_048
_COMMITS_PER_ROUND_MAX: Final = 50


def measure(options: Options) -> list[Measured]:
    """Return the claims a second of commits of each size, in turns."""
    path = options.scratch / "bare.db"
    _remove(path)
    connection = _opened(path)
    rates: dict[int, list[float]] = {size: [] for size in _SIZES}
    numbers, drawn = iter(range(2**40)), random.Random(3)
    for _ in range(options.rounds):
        for size in _SIZES:
            commits = max(1, min(_COMMITS_PER_ROUND_MAX, _CLAIMS_PER_ROUND // size))
            batches = [
                [(next(numbers), drawn.randrange(_PERSONS)) for _ in range(size)]
                for _ in range(commits)
            ]
            start = time.perf_counter()
            for batch in batches:
                _commit(connection, batch)
            rates[size].append(commits * size / (time.perf_counter() - start))
    connection.close()
    _remove(path)
    return [
        Measured(of.COMMITS, of.BARE, size, of.RATE, tuple(values))
        for size, values in rates.items()
    ]


def _opened(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE settlement (number INTEGER PRIMARY KEY, person INTEGER, record BLOB) STRICT"
    )
    connection.execute(
        "CREATE TABLE counter (person INTEGER, name INTEGER, fen INTEGER,"
        " PRIMARY KEY (person, name)) STRICT, WITHOUT ROWID"
    )
    return connection


def _commit(connection: apsw.Connection, rows: list[tuple[int, int]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO settlement VALUES (?, ?, ?)",
        [(number, person, _RECORD) for number, person in rows],
    )
    connection.executemany(
        "INSERT INTO counter VALUES (?, ?, 100)"
        " ON CONFLICT (person, name) DO UPDATE SET fen = fen + 100",
        [(person, name) for _, person in rows for name in (0, 1)],
    )
    connection.execute("COMMIT")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
