"""The process of one query of an auditor: it answers on its output, and is gone with its memory.

Its input is a JSON object with the folder of the audit tables and the query, its output one with
the answer, or with what was wrong. `asking` starts it, and ends it at the deadline: inside one
call, such as of a function with a large argument, DuckDB can be interrupted by nothing else.
"""

import resource
import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

import duckdb
import orjson
import pyarrow as pa

from medsettle import limits
from medsettle.audit import query
from medsettle.errors import AuditCorrupt

REFUSED: Final = "refused"
CORRUPT: Final = "corrupt"
COLUMNS: Final = "columns"
DECIMAL: Final = "decimal"
MOMENT: Final = "moment"
_THREADS: Final = 2
_PIECE_ROWS: Final = 100
_MEMORY_MB: Final = limits.CONSOLE_QUERY_MEMORY_BYTES_MAX // 1_000_000
_SETTINGS: Final = {
    "memory_limit": f"{_MEMORY_MB}MB",
    "threads": str(_THREADS),
    # Nothing of a query is put on the disk, also not what does not fit.
    "temp_directory": "",
    "python_enable_replacements": "false",
}
_STATM: Final = Path("/proc/self/statm")


class _RefusedError(Exception):
    """A query that has no answer, and why."""


def answer(folder: Path, sql: str) -> Iterator[bytes]:
    """Yield the answer to a query as lines: the columns, then each row.

    Raises:
        AuditCorrupt: A segment cannot be read.
    """
    with query.connect(folder, _SETTINGS) as connection:
        _bound()
        try:
            if (count := len(connection.extract_statements(sql))) > 1:
                raise _RefusedError(f"has {count} statements; ask one at a time")
            found = connection.sql(sql)
            if found is None:
                raise _RefusedError("answers nothing; write one that does, such as a select")
            yield from _lines(found.limit(limits.CONSOLE_QUERY_ROWS_MAX + 1))
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            # What fails while the answer is read comes through Arrow, whatever it was.
            if isinstance(error, duckdb.IOException):
                text = f"a segment cannot be read: {error}; verify the tables"
                raise AuditCorrupt(text) from error
            raise _RefusedError(str(error)) from error
        except MemoryError as error:
            text = f"takes more than {_MEMORY_MB:,} MB of memory; ask for less at a time"
            raise _RefusedError(text) from error


def _bound() -> None:
    """Let this process take so much more memory than it has by now, and no time without end."""
    page = resource.getpagesize()
    started = int(_STATM.read_text(encoding="ascii").split()[0]) * page if _STATM.exists() else 0
    most = started + limits.CONSOLE_QUERY_MEMORY_BYTES_MAX
    if started:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    # Also where whoever would end it has ended before.
    seconds = _THREADS * limits.CONSOLE_QUERY_SECONDS_MAX
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _lines(found: "duckdb.DuckDBPyRelation") -> Iterator[bytes]:
    """Yield the answer piece by piece: its size is known only then."""
    reader, size = found.to_arrow_reader(_PIECE_ROWS), 0
    yield orjson.dumps({COLUMNS: reader.schema.names})
    for piece in reader:
        size += piece.nbytes
        _check(size)
        written = 0
        for row in zip(*(column.to_pylist() for column in piece.columns), strict=True):
            line = orjson.dumps([_cell(value) for value in row])
            written += len(line)
            _check(written)
            yield line
        size += max(0, written - piece.nbytes)


def _check(size: int) -> None:
    if size > limits.CONSOLE_UPLOAD_BYTES_MAX:
        most = limits.CONSOLE_UPLOAD_BYTES_MAX // 1024 // 1024
        text = f"is answered with more than {most} MiB; ask for fewer columns or rows"
        raise _RefusedError(text)


def _cell(value: object) -> Any:  # noqa: ANN401 - what JSON knows
    """Return a value as JSON knows it: what it does not know as a text, numbers as numbers."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    if isinstance(value, int) and abs(value) <= limits.INT64_MAX:
        return value
    if isinstance(value, int | float | Decimal):
        return {DECIMAL: str(value)}
    return {MOMENT: value.isoformat()} if isinstance(value, datetime) else str(value)


def _main() -> NoReturn:
    asked = orjson.loads(sys.stdin.buffer.read())
    try:
        lines = list(answer(Path(asked["folder"]), asked["sql"]))
    except _RefusedError as error:
        lines = [orjson.dumps({REFUSED: str(error)})]
    except AuditCorrupt as error:
        lines = [orjson.dumps({CORRUPT: str(error)})]
    sys.stdout.buffer.write(b"\n".join(lines))
    sys.stdout.buffer.flush()
    sys.exit()


if __name__ == "__main__":
    _main()
