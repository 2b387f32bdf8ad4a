"""What a month takes of the book of the place of insurance, and what it holds back.

A month takes every record of its days or earlier that no closed month has, that agrees, that is in
the book once and that is not too late. What takes something back goes where its original goes: a
month never has the negative without the positive, unless somebody decided so.

The lines are in the order of their settlement ids and written in groups of a fixed number of rows,
so the same book gives the same bytes.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import durable, limits
from medsettle.audit.columns import UNIQUE_CODES
from medsettle.clearing.matching.book import BOOK, RecordKind
from medsettle.clearing.months.book import OWED_SQL, attach_book, reading
from medsettle.clearing.months.fund_lines import OWED
from medsettle.clearing.months.lines import HELD, LINE, REASONS, Held, LineKind, file_schema
from medsettle.clearing.months.month import Month
from medsettle.core.columns import Column, Kind
from medsettle.core.sql_text import quoted
from medsettle.ledger.scratch import clear_scratch, parquet_source, scratch

if TYPE_CHECKING:
    import duckdb

LINES_FILE: Final = "lines.parquet"
HELD_FILE: Final = "held.parquet"
_READ_ONLY: Final = 0o400
# Codes that differ in every row; a dictionary of them is only larger.
_UNIQUE: Final = UNIQUE_CODES | {"settlement", "encounter"}


CheckDays: TypeAlias = Callable[[frozenset[date]], None]


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided of a record: whether a month takes it, who said so and why."""

    included: bool
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Gathering:
    """All that decides what a month takes.

    Attributes:
        month: The month that is closed.
        book: The book of the place of insurance, whatever `sources_files` opens.
        open_settlements: Settlements about which a difference is open.
        closed: The files of lines of earlier months.
        decisions: By settlement, where somebody decided.
        late_months: How many months late a record may come without a decision.
        check_days: Refuses days that were not reconciled; None for no such question.
    """

    month: Month
    book: Path
    open_settlements: frozenset[str]
    closed: tuple[Path, ...]
    decisions: Mapping[str, Decision]
    late_months: int
    check_days: CheckDays | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was written: rows, the digests of both files, and what the lines owe in all."""

    lines: int
    owed_fen: int
    lines_sha256: str
    held: Mapping[str, int]
    held_sha256: str


def gather(gathering: Gathering, folder: Path) -> Gathered:
    """Write the lines of a month and what it holds back into a folder, each whole or not at all.

    Args:
        gathering: What decides it.
        folder: Of the month, which is there; one process at a time works in it.

    Raises:
        InvalidRequest: The book cannot be read, or has rows that are wrong; nothing was written.
        Precondition: As `check_days` raises it; nothing was written.
        StoreUnavailable: The disk failed.
    """
    lines_file, held_file = folder / LINES_FILE, folder / HELD_FILE
    clear_scratch(folder)
    with scratch(folder) as connection, reading(gathering.book):
        decide(connection, gathering)
        if gathering.check_days is not None:
            first = {"first": gathering.month.first_day}
            days = connection.execute(_DAYS, first).fetchall()
            gathering.check_days(frozenset(day for (day,) in days))
        _write(connection, _HELD_SQL, HELD, held_file)
        lines = _write(connection, _lines_sql(gathering.month), LINE, lines_file)
        ((owed_fen,),) = connection.execute(
            f"select coalesce(sum({OWED_SQL}), 0)::bigint from book "  # noqa: S608
            "join states using (settlement) where state = 'take'"
        ).fetchall()
        held = connection.execute(
            "select state, count(*) from book join states using (settlement) "
            "where state not in ('take', 'closed') group by 1 order by 1"
        ).fetchall()
    durable.sync_folder(folder)
    return Gathered(lines, int(owed_fen), digest_of(lines_file), dict(held), digest_of(held_file))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def decide(connection: "duckdb.DuckDBPyConnection", gathering: Gathering) -> None:
    """Make the view `book` up to the month, and the table `states` of its ids.

    `state` is `take` for what the month takes, `closed` for what an earlier one has, and else a
    value of `Held`. The view `closed` has the lines of earlier months.

    Raises:
        InvalidRequest: As for `gather`.
    """
    last = gathering.month.last_day
    attach_book(connection, gathering.book, last)
    closed = parquet_source(list(gathering.closed), LINE)
    connection.execute(f"create view closed as select * from {closed}")  # noqa: S608
    _load(connection, "opened", {"settlement": sorted(gathering.open_settlements)})
    decided = sorted(gathering.decisions.items())
    _load(
        connection,
        "decided",
        {
            "settlement": [name for name, _ in decided],
            "included": [each.included for _, each in decided],
            "who": [each.who for _, each in decided],
            "said": [each.reason for _, each in decided],
        },
    )
    connection.execute(_ONCE)
    connection.execute(_OWN, {"last": last, "late": gathering.late_months})
    connection.execute(_STATES)


def _load(
    connection: "duckdb.DuckDBPyConnection", name: str, columns: dict[str, list[Any]]
) -> None:
    types = {"included": pa.bool_()}
    loaded = pa.table(
        {column: pa.array(rows, types.get(column, pa.string())) for column, rows in columns.items()}
    )
    connection.register("loading", loaded)
    connection.execute(f"create table {name} as select * from loading")  # noqa: S608
    connection.unregister("loading")


_COMPARED: Final = (
    *("kind", "original", "total_fen", "fund_total_fen", "pooling_area", "care_area"),
    *("insurance_type", "clearing_class"),
    *(f"{payer.name}_fen" for payer in OWED),
)
_CHANGED: Final = " or ".join(f"book.{name} is distinct from closed.{name}" for name in _COMPARED)

# What the book has twice and alike, but for when it was recorded, is one record where somebody
# decided to take it.
_ONCE: Final = """
    create table once as
    select settlement from (
      select distinct * exclude (record_time)
      from stated semi join (from decided where included) using (settlement))
    group by settlement having count(*) = 1;
    create view book as
    select * from stated anti join once using (settlement)
    union all
    (select distinct on (settlement) * from stated semi join once using (settlement)
     order by settlement, record_time)
"""

# Each record by itself.
_OWN: Final = f"""
    create table own as
    with counted as (
      select settlement, count(*) as times, any_value(original) as original,
        min(record_date) as record_date from book group by settlement),
    known as (
      select book.settlement, bool_or({_CHANGED}) as changed
      from book join closed using (settlement) group by book.settlement)
    select counted.settlement, counted.original,
      case
        when known.settlement is not null and (known.changed or times > 1) then '{Held.CHANGED}'
        when known.settlement is not null then 'closed'
        when times > 1 then '{Held.DUPLICATE}'
        when opened.settlement is not null or opened_first.settlement is not null
          then '{Held.OPEN_DIFFERENCE}'
        when not decided.included then '{Held.LEFT_OUT}'
        when decided.included then 'decided'
        when datediff('month', record_date, $last::date) > $late then '{Held.TOO_LATE}'
        else 'take' end as state
    from counted left join known using (settlement) left join decided using (settlement)
      left join opened using (settlement)
      left join opened opened_first on opened_first.settlement = counted.original
"""  # noqa: S608 - our own names

# What belongs to another record goes with it.
_STATES: Final = f"""
    create table states as
    select own.settlement,
      case
        when own.state = 'decided' then 'take'
        when own.state <> 'take' or own.original is null or before.settlement is not null
          or origin.state in ('take', 'decided') then own.state
        when origin.state is null then '{Held.ORIGINAL_UNKNOWN}'
        when origin.state = '{Held.OPEN_DIFFERENCE}' then '{Held.OPEN_DIFFERENCE}'
        else '{Held.WITH_ORIGINAL}' end as state
    from own left join own origin on origin.settlement = own.original
      left join (select settlement from closed where kind = '{RecordKind.SETTLE}') before
        on before.settlement = own.original
"""  # noqa: S608 - our own names

# The days of the month, and those of what it takes from before without a decision.
_DAYS: Final = """
    select distinct record_date from book join states using (settlement)
      join own using (settlement)
    where record_date >= $first or (states.state = 'take' and own.state <> 'decided')
"""

_HELD_SHOWN: Final = ", ".join(
    column.name for column in HELD if column.name not in {"owed_fen", "held"}
)
_HELD_SQL: Final = (
    f"select {_HELD_SHOWN}, {OWED_SQL} as owed_fen, state as held "  # noqa: S608 - our own names
    "from book join states using (settlement) where state not in ('take', 'closed') "
    "order by settlement, record_date, kind, total_fen, owed_fen"
)


_MONTH: Final = "strftime({}, '%Y-%m')"
_OWN_MONTH: Final = _MONTH.format("book.record_date")
_FIRST_MONTH: Final = _MONTH.format("origin.record_date")
_BELONGS: Final = f"coalesce({_FIRST_MONTH}, {_OWN_MONTH})"
_LINE_KIND: Final = f"""case book.kind
    when '{RecordKind.ADJUST}' then '{LineKind.ADJUSTMENT}'
    when '{RecordKind.DEDUCTION}' then '{LineKind.DEDUCTION}'
    when '{RecordKind.CANCEL}' then
      case when {_FIRST_MONTH} = {_OWN_MONTH} and origin.cleared is null
        then '{LineKind.CANCEL}' else '{LineKind.REFUND}' end
    else case when {_OWN_MONTH} = clearing_month then '{LineKind.OWN}' else '{LineKind.LATE}' end
    end"""
_REASON: Final = " ".join(
    ["coalesce(decided.said, case line_kind"]
    + [f"when '{kind}' then {quoted(text)}" for kind, text in REASONS.items()]
    + ["end)"]
)
# How each column of `ORIGIN` but the month itself comes about; DuckDB lets one build on another.
_ORIGIN_SQL: Final[dict[str, str]] = {
    "origin_month": _OWN_MONTH,
    "settlement_month": _BELONGS,
    "line_kind": _LINE_KIND,
    "original_month": _FIRST_MONTH,
    "original_cleared": "origin.cleared",
    "counted_on": "coalesce(origin.service_date, book.service_date)",
    "original_policy": "origin.policy",
    "original_policy_digest": "origin.policy_digest",
    "original_catalogue_digest": "origin.catalogue_digest",
    "reason": _REASON,
    "approver": "decided.who",
}


def _lines_sql(month: Month) -> str:
    """Return the lines in the columns of `LINE`, in the order of their settlement ids."""
    own = ", ".join(f"book.{column.name}" for column in BOOK)
    origin = ", ".join(f"{sql} as {name}" for name, sql in _ORIGIN_SQL.items())
    kept = "settlement, record_date, service_date, policy, policy_digest, catalogue_digest"
    return f"""
        with originals as (
          select {kept}, clearing_month as cleared from closed where kind = '{RecordKind.SETTLE}'
          union all
          select {kept}, null from book join states using (settlement)
          where kind = '{RecordKind.SETTLE}'
            and state not in ('closed', '{Held.CHANGED}', '{Held.DUPLICATE}')),
        lines as (
          select {own}, '{month.text}' as clearing_month, {origin}
          from book join states on states.settlement = book.settlement and state = 'take'
            left join originals origin on origin.settlement = book.original
            left join decided on decided.settlement = book.settlement)
        select {", ".join(column.name for column in LINE)} from lines order by settlement
    """  # noqa: S608 - our own names


def _write(
    connection: "duckdb.DuckDBPyConnection", sql: str, table: tuple[Column, ...], path: Path
) -> int:
    """Write the rows of a query durably under a name, and return how many they are."""
    unfinished = durable.unfinished_of(path)
    unfinished.unlink(missing_ok=True)
    rows = 0
    schema = file_schema(table)
    with unfinished.open("wb") as file:
        with pq.ParquetWriter(file, schema, **_encodings(table)) as writer:
            reader = connection.sql(sql).to_arrow_reader(limits.MONTH_GROUP_ROWS)
            for group in _groups(reader, schema):
                writer.write_table(group, row_group_size=limits.MONTH_GROUP_ROWS)
                rows += group.num_rows
        file.flush()
        unfinished.chmod(_READ_ONLY)
        os.fsync(file.fileno())
    unfinished.replace(path)
    return rows


def _encodings(table: tuple[Column, ...]) -> dict[str, Any]:
    """Return how the columns of a file are written, as those of the audit tables are."""
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [
            column.name
            for column in table
            if column.kind in {Kind.CODE, Kind.DATE} and column.name not in _UNIQUE
        ],
        "column_encoding": {
            column.name: "BYTE_STREAM_SPLIT" for column in table if column.kind is Kind.FEN
        },
    }


def _groups(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterable[pa.Table]:
    """Yield tables of `MONTH_GROUP_ROWS` rows and one of the rest, whatever pieces come."""
    waiting: list[pa.Table] = []
    count = 0
    for batch in reader:
        piece = pa.Table.from_batches([batch]).cast(schema)
        while count + piece.num_rows >= limits.MONTH_GROUP_ROWS:
            cut = limits.MONTH_GROUP_ROWS - count
            yield pa.concat_tables([*waiting, piece.slice(0, cut)]).combine_chunks()
            piece, waiting, count = piece.slice(cut), [], 0
        if piece.num_rows:
            waiting.append(piece)
            count += piece.num_rows
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
