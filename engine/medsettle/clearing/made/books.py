"""Three invented books of the same settlements, with planted differences and the truth about them.

For tests, benchmarks and whoever wants to try reconciliation. Everything follows from the seed.
Rows are made in stretches (`made_rows`), so ten million settlements need the memory of one stretch;
the books have them in different orders, and each was recorded some seconds after the other. What
is planted, and what is there to be mistaken for a difference, is said by `made_cases`.

The national book keeps neither cards, kinds of visits nor versions of catalogues: what a book does
not have is not compared. That it is these three is invented.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import limits
from medsettle.clearing.made.cases import CASES, TRAPS, Case, Planted, Row
from medsettle.clearing.made.rows import Numbers, Scene, made_rows
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.book_files import BookFile, book_schema
from medsettle.core.columns import Column
from medsettle.errors import Fault, InvalidRequest

TRUTH_FILE: Final = "truth.parquet"

_NOT_KEPT: Final[dict[Side, frozenset[str]]] = {
    Side.INSURED: frozenset(),
    Side.CARE: frozenset(),
    Side.NATIONAL: frozenset({"card", "visit_type", "catalogue_digest"}),
}
_LATER_US: Final = {Side.INSURED: 0, Side.NATIONAL: 400_000, Side.CARE: 900_000}
# Cases that must find nothing, for each that must find something.
_TRAPS_PER_DIFFERENCE: Final = 10

_SIDES: Final = pa.list_(pa.string())
TRUTH: Final = pa.schema(
    [
        ("item", pa.string()),
        ("difference_class", pa.int64()),
        ("cause", pa.string()),
        ("repeated", pa.bool_()),
        ("missing_at", _SIDES),
        ("at_risk_fen", pa.int64()),
    ]
)
"""What is to be found: `item`, `difference_class`, `missing_at` and `at_risk_fen` as in a table of
differences. `difference_class` is null where nothing is; `repeated` says that all books agree, so
that only `clearing.matching.repeats` finds it; `cause` is the name of the case."""


@dataclass(frozen=True, slots=True)
class MadeBooks:
    """The files of made books, and how many rows and differences they have."""

    books: Mapping[Side, Path]
    truth: Path
    rows: Mapping[Side, int]
    differences: Mapping[str, int]
    """How many were planted, by cause."""
    traps: int


def kept_columns(side: Side) -> tuple[Column, ...]:
    """Return the columns that the made book of a side has."""
    return tuple(column for column in BOOK if column.name not in _NOT_KEPT[side])


def make_books(
    folder: Path,
    *,
    rows: int,
    differences: int,
    seed: int = 0,
    first_day: date = date(2026, 3, 1),
    days: int = 31,
) -> MadeBooks:
    """Write `insured.parquet`, `care.parquet`, `national.parquet` and `truth.parquet`.

    Args:
        folder: Where to; it is made if need be, and files of these names are replaced.
        rows: Settlements; cancels, adjustments and deductions come on top (some 2.4 %).
        differences: How many are planted, spread evenly over all causes; with each ten of them goes
            one case that must find nothing.
        seed: The same seed gives the same bytes.
        first_day: First day of the period.
        days: How many days the settlements are spread over.

    Raises:
        InvalidRequest: A number is out of its bounds, or more is to be planted than there is room.
        OSError: A file could not be written.
    """
    traps = differences // _TRAPS_PER_DIFFERENCE
    _check(rows, differences + traps, days)
    random = np.random.default_rng([seed, rows, differences])
    chosen = random.choice(rows, differences + traps, replace=False)
    cases = [*_spread(CASES, differences), *_spread(TRAPS, traps)]
    at = {int(position): case for position, case in zip(chosen, cases, strict=True)}
    scene = Scene(rows, seed, first_day, days, np.sort(chosen))
    folder.mkdir(parents=True, exist_ok=True)
    paths = {side: folder / f"{side}.parquet" for side in Side}
    written: Counter[Side] = Counter()
    truth: list[Row] = []
    with ExitStack() as stack:
        files = {
            side: stack.enter_context(BookFile(path, kept_columns(side)))
            for side, path in paths.items()
        }
        for first in range(0, rows, limits.MADE_BOOK_STRETCH_ROWS):
            last = min(first + limits.MADE_BOOK_STRETCH_ROWS, rows)
            planted = _planted(scene, first, last, at)
            truth += [_true_row(cause, each) for cause, each in planted.found]
            for side, table in planted.tables.items():
                files[side].write(_as_recorded(table, side, scene, first))
                written[side] += table.num_rows
    truth.sort(key=lambda row: str(row["item"]))
    truth_path = folder / TRUTH_FILE
    pq.write_table(pa.Table.from_pylist(truth, TRUTH), truth_path)
    counts = Counter(cause for cause, _ in cases[:differences])
    return MadeBooks(paths, truth_path, written, counts, traps)


def _check(rows: int, planted: int, days: int) -> None:
    faults = []
    bounds = {
        "rows": (rows, limits.MADE_BOOK_ROWS_MAX),
        "days": (days, limits.MADE_BOOK_DAYS_MAX),
    }
    for name, (number, most) in bounds.items():
        if not 1 <= number <= most:
            faults.append(Fault(name, f"{number} is out of 1..{most}"))
    if planted < 0 or planted > rows // 2:
        words = f"{planted} cases, with those that must find nothing, do not fit into {rows} "
        words += "settlements; plant at most one in two"
        faults.append(Fault("differences", words))
    if faults:
        raise InvalidRequest(faults)


def _spread(cases: Mapping[str, Case], count: int) -> list[tuple[str, Case]]:
    """Return so many cases with their names, each as often as any other but for one."""
    named = list(cases.items())
    return [named[number % len(named)] for number in range(count)]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What every book has of a stretch of settlements, and what was planted into it."""

    tables: Mapping[Side, pa.Table]
    found: Sequence[tuple[str, Planted]]


def _planted(scene: Scene, first: int, last: int, at: Mapping[int, tuple[str, Case]]) -> _Stretch:
    made = made_rows(scene, first, last)
    begin, end = np.searchsorted(scene.planted, [first, last])
    places = scene.planted[begin:end] - first
    found = []
    rows: dict[Side, list[Row]] = {side: [] for side in Side}
    for place, row in zip(places, _row_list(made.take(places)), strict=True):
        cause, case = at[first + int(place)]
        planted = case(row)
        found.append((cause, planted))
        for side, held in planted.rows.items():
            rows[side] += held
    keep = np.ones(made.num_rows, dtype=np.bool_)
    keep[places] = False
    kept = made.filter(pa.array(keep))
    return _Stretch({side: _joined(kept, held) for side, held in rows.items()}, found)


def _row_list(table: pa.Table) -> list[Row]:
    at = table.schema.get_field_index("record_time")
    moments = table["record_time"].cast(pa.int64())
    rows: list[Row] = table.set_column(at, "record_time", moments).to_pylist()
    return rows


def _joined(made: pa.Table, rows: list[Row]) -> pa.Table:
    planted = pa.Table.from_pylist(rows, book_schema(BOOK)).cast(made.schema)
    return pa.concat_tables([made, planted]).unify_dictionaries().combine_chunks()


def _as_recorded(table: pa.Table, side: Side, scene: Scene, first: int) -> pa.Table:
    """Return the rows as a book has them: in an order and at moments of its own."""
    random = np.random.default_rng([scene.seed, first, list(Side).index(side)])
    order: Numbers = random.permutation(table.num_rows)
    at = table.schema.get_field_index("record_time")
    moments = table["record_time"].cast(pa.int64()).to_numpy()
    later = moments + _LATER_US[side] + random.integers(0, 100_000, table.num_rows)
    kept = [column.name for column in kept_columns(side)]
    recorded = pa.array(later, pa.timestamp("us", tz="UTC"))
    return table.set_column(at, "record_time", recorded).select(kept).take(order)


def _true_row(cause: str, planted: Planted) -> Row:
    found = planted.difference_class
    return {
        "item": planted.item,
        "difference_class": None if found is None else int(found),
        "cause": cause,
        "repeated": planted.repeated,
        "missing_at": [str(side) for side in planted.missing_at],
        "at_risk_fen": planted.at_risk_fen,
    }
