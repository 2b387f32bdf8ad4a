"""What people bring along beside their claims, as a Parquet file of moves of counters.

Columns: `pooling_area`, `person`, `counter`, `period` and `delta` as in `layout.MOVE`; where it is
wanted `kind`, else each is an opening, and `move_date`, the day from which it counts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medsettle import limits
from medsettle.core.columns import Column, Kind, code
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.replay.layout import MOVE, arrow_schema

MOVED: Final[tuple[Column, ...]] = (
    *(column for column in MOVE if column.name not in {"order", "kind", "delta"}),
    Column("delta", Kind.INTEGER, "The change.", least=-limits.AMOUNT_FEN_MAX),
    code("kind", "What moved it; absent, it is an opening.", required=False),
    Column("move_date", Kind.DATE, "From which day on; absent, from the first.", required=False),
)
_OPENING: Final = "opening"
_MOST: Final = {
    "pooling_area": limits.CODE_CHARS_MAX,
    "person": limits.PERSON_CHARS_MAX,
    "counter": limits.COUNTER_NAME_CHARS_MAX,
    "kind": limits.CODE_CHARS_MAX,
}


def read_moves(path: Path) -> Iterator[pa.Table]:
    """Yield the moves of a file, some thousands at a time, with the columns of `MOVED`.

    Raises:
        NotFound: The file is not there.
        InvalidRequest: It is no Parquet file, lacks a column or has one that is none of a move, or
            a text is none, or a value is missing or out of its bounds; carries the first faults
            of a stretch.
    """
    check_is_there(path)
    wanted = arrow_schema(MOVED)
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow)
            first = 0
            for batch in file.iter_batches(limits.HISTORY_PART_CLAIMS):
                batch.validate(full=True)
                table = _typed(pa.Table.from_batches([batch]), wanted)
                if faults := [*_faults(table, first)]:
                    raise InvalidRequest(faults[: limits.FAULTS_PER_CLAIM_MAX])
                kind = pc.fill_null(table["kind"], _OPENING)
                place = table.column_names.index("kind")
                yield table.set_column(place, "kind", kind)
                first += table.num_rows
    except (OSError, pa.ArrowException) as error:
        message = f"{path} is no Parquet file of moves: {error}"
        raise InvalidRequest([Fault("openings", message)]) from error


def check_is_there(path: Path) -> None:
    """Raise NotFound where no file has that name."""
    if not path.is_file():
        raise NotFound(f"{path} is not there; name a Parquet file of moves")


def _check_columns(path: Path, found: pa.Schema) -> None:
    needed = {column.name for column in MOVED if column.required}
    known = {column.name for column in MOVED}
    if lacking := sorted(needed - {*found.names}):
        message = f"{path} lacks {', '.join(lacking)}"
        raise InvalidRequest([Fault("openings", message)])
    if strange := sorted({*found.names} - known):
        message = f"{path} has {', '.join(strange)}; a move has {', '.join(sorted(known))}"
        raise InvalidRequest([Fault("openings", message)])


def _typed(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    columns = []
    for field in wanted:
        if field.name in table.column_names:
            columns.append(table[field.name].cast(field.type))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.table(columns, names=wanted.names)


def _faults(table: pa.Table, first: int) -> Iterator[Fault]:
    """Yield what is wrong with the values of moves; `first` is the row of the first one."""
    for column in MOVED:
        values = table[column.name]
        if column.required:
            yield from _told(pc.is_null(values), "is missing", column.name, first)
        if (most := _MOST.get(column.name)) is not None:
            lengths = pc.utf8_length(values)
            wrong = pc.or_(pc.less(lengths, 1), pc.greater(lengths, most))
            yield from _told(wrong, f"has not 1 to {most} characters", column.name, first)
        elif column.kind is Kind.INTEGER:
            wrong = pc.or_(pc.less(values, column.least), pc.greater(values, column.most))
            words = f"lies outside {column.least} to {column.most}"
            yield from _told(wrong, words, column.name, first)


def _told(wrong: pa.ChunkedArray, words: str, name: str, first: int) -> Iterator[Fault]:
    places = pc.indices_nonzero(pc.fill_null(wrong, fill_value=False))
    for at in places.slice(0, limits.FAULTS_PER_CLAIM_MAX).to_pylist():
        yield Fault(f"openings[{first + at}].{name}", words)
