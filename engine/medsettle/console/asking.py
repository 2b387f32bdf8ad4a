"""A query of an auditor over the audit tables: read alone, and bounded in time, memory and rows.

Each has a process of its own (`answering`), which reads the files of the tables and nothing else:
what a query makes or sets in it is gone with it, and so is what it would take without end.
"""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson

from medsettle import limits
from medsettle.console import answering
from medsettle.errors import AuditCorrupt, Fault, InvalidRequest

# Each takes memory of its own, whoever asks.
_AT_ONCE: Final = threading.BoundedSemaphore(limits.CONSOLE_JOBS_RUNNING_MAX)
# Where a ledger is, with its password, is nothing that a query needs.
_HIDDEN: Final = "MEDSETTLE_"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query came to; `cut` where it has more rows than are taken."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    cut: bool


def ask(folder: Path, sql: str) -> Answer:
    """Return the answer to a query.

    Raises:
        InvalidRequest: It is no query, takes too long or too much, or answers nothing.
        AuditCorrupt: A segment cannot be read.
    """
    if len(sql) > limits.CONSOLE_QUERY_CHARS_MAX:
        most = limits.CONSOLE_QUERY_CHARS_MAX
        raise _refused(f"has {len(sql):,} characters, more than {most:,}; ask for less at a time")
    if not _AT_ONCE.acquire(timeout=limits.CONSOLE_QUERY_SECONDS_MAX):
        raise _refused("waits for others that are being answered; ask again in a moment")
    try:
        return _answered(folder, sql)
    finally:
        _AT_ONCE.release()


def _answered(folder: Path, sql: str) -> Answer:
    told, *lines = _told(folder, sql)
    head = orjson.loads(told)
    if answering.CORRUPT in head:
        raise AuditCorrupt(head[answering.CORRUPT])
    if answering.REFUSED in head:
        raise _refused(head[answering.REFUSED])
    most = limits.CONSOLE_QUERY_ROWS_MAX
    rows = tuple(tuple(map(_value, orjson.loads(line))) for line in lines[:most])
    return Answer(tuple(head[answering.COLUMNS]), rows, len(lines) > most)


def _told(folder: Path, sql: str) -> list[bytes]:
    """Return the lines that the process of a query told."""
    around = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    try:
        ended = subprocess.run(  # noqa: S603 - no shell, and a module of ours
            [sys.executable, "-m", answering.__name__],
            input=orjson.dumps({"folder": str(folder.resolve()), "sql": sql}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.CONSOLE_QUERY_SECONDS_MAX,
            env=around,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        most = limits.CONSOLE_QUERY_SECONDS_MAX
        text = f"took more than {most} seconds; narrow it by service_month and pooling_area"
        raise _refused(text) from error
    if ended.returncode != 0 or not ended.stdout:
        most = limits.CONSOLE_QUERY_MEMORY_BYTES_MAX // 1_000_000
        text = f"ended without an answer, as one does that takes more than {most:,} MB of memory"
        raise _refused(f"{text}; ask for less at a time")
    return ended.stdout.split(b"\n")


def _value(cell: Any) -> object:  # noqa: ANN401 - what JSON knows
    """Return the value that a cell was written of."""
    if not isinstance(cell, dict):
        return cell
    if answering.DECIMAL in cell:
        return Decimal(cell[answering.DECIMAL])
    return datetime.fromisoformat(cell[answering.MOMENT])


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest([Fault("query", message)])
