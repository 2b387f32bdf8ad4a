"""`medsettle reconcile run`, `sketch` and `compare-sketches`: from books to differences."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.items.item import ComparedBook, Part, Run, Scope
from medsettle.clearing.items.rows import counted_by_class
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.items.telling import run_json
from medsettle.clearing.matching.book import BOOK, OWN, Side
from medsettle.clearing.matching.reconcile import By, Reconciliation, reconcile
from medsettle.clearing.matching.repeats import NEEDED, find_repeats, with_repeats
from medsettle.clearing.matching.sketch import sketch_of
from medsettle.clearing.matching.sketch_files import (
    read_sketch,
    rows_of_keys,
    write_sketch,
)
from medsettle.clearing.matching.sources import Book
from medsettle.clearing.matching.sources_audit import audit_folder
from medsettle.cli.desks import CLEARING_FOLDER
from medsettle.cli.reconcile_books import Only, days_of, left_out, open_book
from medsettle.cli.reconcile_spark import days_of as days_of_totals
from medsettle.cli.reconcile_spark import found_on_spark
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest, Precondition
from medsettle.ledger.side_file import private_folder, write_whole

DIFFERENCES_FILE: Final = "differences.parquet"
TOTALS_FILE: Final = "totals.parquet"
RUN_FILE: Final = "run.json"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared, and where what is found goes.

    `data` is the data folder, None to keep nothing; `out` a folder for files, None for none.
    `repeats` says whether services are looked for that all books have twice.
    """

    name: str
    paths: Mapping[Side, Path]
    only: Only
    by: By
    stated: Mapping[str, str]
    data: Path | None
    out: Path | None
    spark: str | None = None
    repeats: bool = False


def run_reconciliation(asked: Asked, clock: Callable[[], datetime]) -> Run:
    """Compare books, record the run where there is a clearing folder, and write what was found.

    Raises:
        FileNotFoundError: A book is not there.
        InvalidRequest: Fewer than two books are named, or something in one is wrong.
        SettlementError: As the books or the store raise it.
    """
    if len(asked.paths) < 2:
        raise InvalidRequest([Fault("books", "name two or three of --insured, --care, --national")])
    left: list[str] = []
    if asked.spark is None:
        found, ends, left = _found_here(asked)
    else:
        only, paths = asked.only, {side: str(path) for side, path in asked.paths.items()}
        found = found_on_spark(
            asked.spark,
            paths,
            days=(only.first, only.last),
            pooling_area=only.pooling_area,
            care_area=only.care_area,
        )
        ends = [days] if (days := days_of_totals(found)) is not None else []
    notes = left + _not_compared(found)
    looked_for: frozenset[str] = frozenset()
    if asked.repeats:
        found, looked_for, more = _with_repeats(asked, found)
        notes += more
    scope = replace(_scope(asked, ends, found, looked_for, left), notes=tuple(notes))
    run = _kept(asked, scope, found, clock)
    if asked.out is not None:
        _write(asked.out, run, found)
    return run


def _not_compared(found: Reconciliation) -> list[str]:
    """Return which columns were not compared because a book does not have them."""
    notes = []
    for side, own in found.odd.columns.items():
        lacking = [each.name for each in BOOK if each.name not in own | OWN]
        if lacking:
            notes.append(f"not compared, for the book of {side} has none: {', '.join(lacking)}")
    return notes


def _with_repeats(
    asked: Asked, found: Reconciliation
) -> tuple[Reconciliation, frozenset[str], list[str]]:
    """Return what was found with services that one book, and so all that agree, has twice.

    Beside it, what was looked for, and in sentences what could not be.
    """
    side = next(iter(asked.paths))
    with tempfile.TemporaryDirectory(prefix="medsettle-repeats-") as folder:
        everything = Only(local=asked.only.local)
        # Of all its days: what is repeated on one of them may have come before.
        book = open_book(side, asked.paths[side], Path(folder), everything, asked.stated)
        repeats = find_repeats(book, Path(folder), agreeing=tuple(asked.paths))
    only, table = asked.only, repeats.differences
    bounds = (
        ("record_date", pc.greater_equal, only.first),
        ("record_date", pc.less_equal, only.last),
        ("pooling_area", pc.equal, only.pooling_area),
        ("care_area", pc.equal, only.care_area),
    )
    for name, holds, bound in bounds:
        if bound is not None:
            table = table.filter(
                holds(table[name], pa.scalar(bound, table.schema.field(name).type))
            )
    notes = [
        f"not looked for ({what}): the book has no {', '.join(lacking)}"
        for what, lacking in repeats.not_looked_for.items()
    ]
    together = with_repeats(found.differences, table)
    looked_for = frozenset(NEEDED) - repeats.not_looked_for.keys()
    return replace(found, differences=together), looked_for, notes


def _found_here(asked: Asked) -> tuple[Reconciliation, list[tuple[date, date]], list[str]]:
    """Return what was found, the days of each book, and what was left out in sentences."""
    with tempfile.TemporaryDirectory(prefix="medsettle-reconcile-") as folder:
        scratch = Path(folder)
        books = {}
        for side, path in asked.paths.items():
            (scratch / side).mkdir()
            books[side] = open_book(side, path, scratch / side, asked.only, asked.stated)
        (scratch / "odd").mkdir()
        found = reconcile(books, scratch=scratch / "odd", by=asked.by)
        ends = [days for book in books.values() if (days := _days(book)) is not None]
        return found, ends, _left_out(books, asked.only)


def _left_out(books: Mapping[Side, Book], only: Only) -> list[str]:
    """Return which books lack what was treated in the area of insurance, in sentences."""
    return [
        f"left out of the book of {side}: {rows} row(s) of care in the area of insurance; with "
        "--local they are compared too"
        for side, book in books.items()
        if (rows := left_out(book, only))
    ]


def _scope(
    asked: Asked,
    ends: list[tuple[date, date]],
    found: Reconciliation,
    looked_for: frozenset[str],
    left: list[str],
) -> Scope:
    told = asked.only
    if left and not found.totals.num_rows:
        raise Precondition(f"no book has a record of care elsewhere; {'; '.join(left)}")
    if not ends and None in {told.first, told.last}:
        text = "no book says a day: a file of Parquet or CSV needs the column record_date, "
        raise InvalidRequest([Fault("day", text + "and of text files it is stated (--stated)")])
    first = told.first or min(first for first, _ in ends)
    last = told.last or max(last for _, last in ends)
    compared = tuple(
        ComparedBook(
            *(side, each.name, each.rows, each.digest, each.compared, each.columns, each.stated)
        )
        for side, each in found.books.items()
    )
    # Files say themselves what is in them; of audit tables local care is left out unless asked for.
    local = told.local or not any(audit_folder(path) for path in asked.paths.values())
    part = Part(told.pooling_area, told.care_area, looked_for, local)
    return Scope(asked.name, first, last, str(found.found_by), compared, part, _recorded_on(found))


def _recorded_on(found: Reconciliation) -> frozenset[date] | None:
    """Return the days on which a book has a record; None where the books say no day.

    Raises:
        Precondition: No book has a record, so that nothing was compared.
    """
    if not found.totals.num_rows:
        raise Precondition(
            "no book has a record of these days and areas, so nothing was compared; look at --day, "
            "--from, --to and the areas"
        )
    if "record_date" not in found.totals.column_names:
        return None
    return frozenset(found.totals["record_date"].to_pylist())


def _days(book: Book) -> tuple[date, date] | None:
    return days_of(book) if "record_date" in book.columns else None


def _kept(asked: Asked, scope: Scope, found: Reconciliation, clock: Callable[[], datetime]) -> Run:
    if asked.data is not None:
        with ItemStore(asked.data / CLEARING_FOLDER) as store:
            return store.record_run(scope, found.differences, found.agreeing, clock())
    classes = found.differences["difference_class"].to_pylist()
    risks = found.differences["at_risk_fen"].to_pylist()
    return Run(
        number=0,
        reconciliation=scope.reconciliation,
        first_day=scope.first_day,
        last_day=scope.last_day,
        moment=clock(),
        by=scope.by,
        books=scope.books,
        matched=found.agreeing,
        counted=counted_by_class(zip(classes, risks, strict=True)),
        alarms=(),
        notes=scope.notes,
        opened=0,
        closed=0,
        superseded_by=None,
        local=scope.part.local,
    )


def _write(out: Path, run: Run, found: Reconciliation) -> None:
    private_folder(out)
    for name, table in ((DIFFERENCES_FILE, found.differences), (TOTALS_FILE, found.totals)):
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_whole(out / name, sink.getvalue().to_pybytes())
    write_whole(out / RUN_FILE, orjson.dumps(run_json(run), option=orjson.OPT_INDENT_2) + b"\n")


# --- sketches ----------------------------------------------------------------------------------


def make_sketch(
    side: Side, path: Path, out: Path, columns: tuple[str, ...], cells: int | None, only: Only
) -> Row:
    """Write the sketch of a book and return what it is of, as a JSON object.

    Args:
        side: Whose book of audit tables; a file is of one side.
        path: The book.
        out: The file to write.
        columns: What is compared; all that the book has where none is named.
        cells: How many cells; as few as there may be where nothing is said.
        only: Which of its records.

    Raises:
        InvalidRequest: The book does not have a column.
        SettlementError: As the book raises it.
    """
    with tempfile.TemporaryDirectory(prefix="medsettle-sketch-") as folder:
        book = open_book(side, path, Path(folder), only, {})
        unknown = [name for name in columns if name not in book.columns]
        if unknown:
            listed = ", ".join(book.columns)
            fault = Fault("columns", f"{', '.join(unknown)}: the book has {listed}")
            raise InvalidRequest([fault])
        chosen = set(columns or book.columns) - OWN | {"settlement"}
        asked = [name for name in book.columns if name in chosen]
        sketch = sketch_of(book, asked, cells=cells or limits.SKETCH_CELLS_MIN)
    size = write_sketch(out, sketch)
    return {
        "file": str(out),
        "bytes": size,
        "rows": sketch.rows,
        "cells": len(sketch.cells),
        "columns": list(sketch.columns),
    }


def compare_sketches(one: Path, other: Path, book: Path | None, side: Side, only: Only) -> Row:
    """Return what two sketches differ in, as a JSON object.

    Args:
        one: The first file.
        other: The second file.
        book: A book whose settlements are named that are among those that differ; None for none.
        side: Whose book of audit tables it is.
        only: Which of its records.

    Raises:
        InvalidRequest: A file is no sketch.
        Precondition: The sketches are not made alike, or are too small for what differs.
    """
    first, second = read_sketch(one), read_sketch(other)
    decoded = first.minus(second).decoded()
    keys = decoded.odd_keys()
    body: Row = {
        "rows": [first.rows, second.rows],
        "only_in_first": int(decoded.copies[decoded.copies > 0].sum()),
        "only_in_second": int(-decoded.copies[decoded.copies < 0].sum()),
        "keys": len(keys),
    }
    if book is not None:
        body["settlements"] = _named(book, side, keys, first.seed, only)
    return body


def _named(path: Path, side: Side, keys: NDArray[np.uint64], seed: bytes, only: Only) -> list[str]:
    """Return the settlements of a book whose hashes are among some."""
    with tempfile.TemporaryDirectory(prefix="medsettle-sketch-") as folder:
        book = open_book(side, path, Path(folder), only, {})
        return sorted(set(rows_of_keys(book, keys, seed)["settlement"].to_pylist()))
