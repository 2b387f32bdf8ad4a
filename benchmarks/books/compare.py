"""Compare three books by one tool and print what it found, as JSON.

python -m benchmarks.books.compare medsettle var/bench/books var/bench/scratch

The bare join does less: it counts the settlements of which the books have unlike rows, classes
none, shows none, and a settlement that a book has twice is multiplied.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from medsettle.clearing.matching.book import OWN, Side

from benchmarks.record import OURS
from benchmarks.sections import names as of

LITTLE_MEMORY: Final = "2GiB"


def ours(folder: Path, scratch: Path) -> dict[str, Any]:
    """Return what medsettle finds: its differences, classed, with the rows of each side."""
    from medsettle.clearing.matching.reconcile import reconcile  # noqa: PLC0415 - others are not to load it
    from medsettle.clearing.matching.sources_parquet import parquet_book  # noqa: PLC0415

    books = {side: parquet_book(side, path_of(folder, side)) for side in Side}
    found = reconcile(books, scratch=scratch)
    return {
        "differences": found.differences.num_rows,
        "agreeing": found.agreeing,
        "cells": found.cells,
        "by": found.found_by,
    }


def bare_join(folder: Path, scratch: Path, memory: str | None = None) -> dict[str, Any]:
    """Return how many rows of a full outer join of the three files in DuckDB are unlike."""
    import duckdb  # noqa: PLC0415 - medsettle is not to load it first
    import pyarrow.parquet as pq  # noqa: PLC0415

    files = {side: path_of(folder, side) for side in Side}
    columns = {side: set(pq.read_schema(path).names) - OWN for side, path in files.items()}
    insured, care, national = Side
    unlike = " or ".join(
        f"{one}.{name} is distinct from {other}.{name}"
        for one, other in ((insured, care), (insured, national))
        for name in sorted(columns[one] & columns[other])
    )
    config: dict[str, Any] = {"threads": 1, "temp_directory": str(scratch)}
    if memory is not None:
        config["memory_limit"] = memory
    with duckdb.connect(":memory:", config=config) as connection:
        ((count,),) = connection.execute(f"""
            select count(*) filter ({unlike}) from '{files[insured]}' insured
              full join '{files[care]}' care on insured.settlement = care.settlement
              full join '{files[national]}' national
                on national.settlement = coalesce(insured.settlement, care.settlement)
        """).fetchall()
    return {"unlike": count}


def in_little_memory(folder: Path, scratch: Path) -> dict[str, Any]:
    """Return what `bare_join` does with the memory that medsettle may take."""
    return bare_join(folder, scratch, LITTLE_MEMORY)


TOOLS: Final[dict[str, Callable[[Path, Path], dict[str, Any]]]] = {
    OURS: ours,
    of.BARE_JOIN: bare_join,
    of.SPILLING_JOIN: in_little_memory,
}


def path_of(folder: Path, side: Side) -> Path:
    """Return where the book of a side lies."""
    return folder / f"{side}.parquet"


def main() -> None:
    """Compare, and print what was found."""
    tool, folder, place = sys.argv[1:]
    with TemporaryDirectory(dir=place) as scratch:
        found = TOOLS[tool](Path(folder), Path(scratch))
    sys.stdout.write(json.dumps(found | {"peak_mib": _peak_mib()}))


def _peak_mib() -> float:
    """Return the most memory that this process had; what wait() tells is its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
