"""Every counter as the fold of what the entries moved, in the order of the ledger.

The moves of millions of entries stand in a scratch database on disk, never in memory: DuckDB sorts
them there. What is asked of them: the last value of each counter, and whether any value on the way
was one that it cannot have.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import duckdb
import pyarrow as pa

from medsettle import limits
from medsettle.books.discrepancies import Discrepancy
from medsettle.books.entry_laws import named_key
from medsettle.books.trial_balance import BooksReader
from medsettle.core.counters import CounterKey
from medsettle.core.relatives import BOUND_PREFIX, GIVES_PREFIX, INSURANCE_ENDED, LIMIT_PREFIX

_KEY: Final = ("pooling_area", "person", "counter", "period")
_MOVES: Final = pa.schema(
    [
        ("seq", pa.int64()),
        *((name, pa.string()) for name in _KEY[:3]),
        ("period", pa.int64()),
        ("delta", pa.int64()),
    ]
)
_HELD: Final = pa.schema([*(_MOVES.field(name) for name in _KEY), ("value", pa.int64())])

_TABLES: Final = """
create table moves (seq bigint, pooling_area varchar, person varchar, counter varchar,
  period bigint, delta bigint);
create table held (pooling_area varchar, person varchar, counter varchar, period bigint,
  value bigint);
"""

_NOT_THE_FOLD: Final = """
with folded as (
  select pooling_area, person, counter, period, sum(delta) as value, max(seq) as seq
  from moves group by all)
select coalesce(f.seq, 0), pooling_area, person, counter, period,
  coalesce(f.value, 0)::bigint, h.value
from folded f full join held h using (pooling_area, person, counter, period)
where coalesce(f.value, 0) is distinct from coalesce(h.value, 0)
order by pooling_area, person, counter, period
"""

# Window functions run after `where`, so the value is formed inside and judged outside.
_VALUES: Final = """
create view counted as
select seq, pooling_area, person, counter, period, delta,
  sum(delta) over (partition by pooling_area, person, counter, period order by seq)::bigint as value
from moves
"""

# Only names of our own counters are put into these.
_OUT_OF_BOUNDS: Final = f"""
select seq, pooling_area, person, counter, period, value from counted
where value < 0
  or value > case when starts_with(counter, '{BOUND_PREFIX}')
    or starts_with(counter, '{GIVES_PREFIX}')
    or counter = '{INSURANCE_ENDED}' then 1 else ? end
qualify row_number() over (partition by pooling_area, person, counter, period order by seq) = 1
order by seq, pooling_area, person, counter, period
"""  # noqa: S608

# A limit is money that has an owner: it moves while its two are bound, and the end leaves nothing.
_UNBOUND_LIMITS: Final = f"""
with limits as (
  select * from counted where starts_with(counter, '{LIMIT_PREFIX}')),
bounds as (
  select seq, pooling_area, person, period, value,
    '{LIMIT_PREFIX}' || counter[{len(BOUND_PREFIX) + 1}:] as counter
  from counted where starts_with(counter, '{BOUND_PREFIX}')),
ends as (
  select b.seq, b.pooling_area, b.person, b.counter, b.period, l.value
  from bounds b asof join limits l on b.pooling_area = l.pooling_area and b.person = l.person
    and b.counter = l.counter and b.period = l.period and b.seq >= l.seq
  where b.value = 0 and l.value <> 0),
uses as (
  select l.seq, l.pooling_area, l.person, l.counter, l.period, l.value
  from limits l asof left join bounds b on b.pooling_area = l.pooling_area and b.person = l.person
    and b.counter = l.counter and b.period = l.period and b.seq <= l.seq
  where coalesce(b.value, 0) = 0 and l.value <> 0)
select * from ends union select * from uses order by seq
"""  # noqa: S608


class Fold:
    """The moves of all entries, and what they add up to. Use it as a context manager."""

    def __init__(self, scratch: Path | None = None) -> None:
        """Make the scratch database.

        Args:
            scratch: A folder on a disk with room for it; the system's folder for temporary files
                otherwise.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="medsettle-books-", dir=scratch)
        self._connection = duckdb.connect(
            str(Path(self._folder.name) / "fold.duckdb"),
            config={"memory_limit": limits.BOOKS_MEMORY, "autoinstall_known_extensions": "false"},
        )
        self._connection.execute(_TABLES)
        self._rows: list[tuple[object, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._folder.cleanup()

    def add(self, seq: int, moves: Mapping[CounterKey, int]) -> None:
        """Add what one entry moves."""
        self._rows += [(seq, *key, delta) for key, delta in moves.items()]
        if len(self._rows) >= limits.BOOKS_ROWS_MAX:
            self._flush()

    def discrepancies(self, reader: BooksReader, end: int) -> Iterator[Discrepancy]:
        """Yield every counter that is not the fold, and the first value that one cannot have.

        Args:
            reader: The ledger.
            end: The last entry added; what later ones moved is not compared.

        Raises:
            LedgerUnavailable: The counters cannot be read.
        """
        self._flush()
        self._read_held(reader)
        for seq, *key, value, held in self._found(_NOT_THE_FOLD):
            if _moved_since(reader, CounterKey(*key), end):
                continue
            kept = "none" if held is None else str(held)
            name = f"{named_key(CounterKey(*key))}, last moved by entry {seq}"
            yield Discrepancy("counter", 0, "", name, str(value), kept)
        self._connection.execute(_VALUES)
        for seq, *key, value in self._found(_OUT_OF_BOUNDS, [limits.AMOUNT_FEN_MAX]):
            yield _wrong(reader, seq, CounterKey(*key), "a value within its bounds", value)
        for seq, *key, value in self._found(_UNBOUND_LIMITS):
            expected = "0, for the two are not bound"
            yield _wrong(reader, seq, CounterKey(*key), expected, value)

    def _found(self, sql: str, values: list[object] | None = None) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(sql, values or [])
        while rows := cursor.fetchmany(limits.PAGE_SIZE_MAX):
            yield from rows

    def _read_held(self, reader: BooksReader) -> None:
        last: CounterKey | None = None
        while page := reader.counters_after(last, limit=limits.PAGE_SIZE_MAX):
            self._insert("held", _HELD, [(*key, value) for key, value in page])
            last = page[-1][0]

    def _flush(self) -> None:
        if self._rows:
            self._insert("moves", _MOVES, self._rows)
        self._rows = []

    def _insert(self, table: str, schema: pa.Schema, rows: list[tuple[object, ...]]) -> None:
        columns = zip(*rows, strict=True)
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)
        ]
        self._connection.register("page", pa.Table.from_arrays(arrays, schema=schema))
        self._connection.execute(f"insert into {table} select * from page")  # noqa: S608 - ours
        self._connection.unregister("page")


def _moved_since(reader: BooksReader, key: CounterKey, end: int) -> bool:
    before, now = (reader.totals_before(seq, [key]) for seq in (end + 1, reader.last_seq() + 1))
    return before != now


def _wrong(
    reader: BooksReader, seq: int, key: CounterKey, expected: str, value: int
) -> Discrepancy:
    entry = "".join(each.settlement for each in reader.page(after_seq=seq - 1, limit=1))
    return Discrepancy("counter", seq, entry, named_key(key), expected, str(value))
