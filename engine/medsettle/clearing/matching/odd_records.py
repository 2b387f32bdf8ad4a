"""Odd rows as records: which rows of two or three books are the same thing.

A *record* is what books have under one id and kind, or under ids of their own where a natural key
tells that it is the same. Rows are put into one order by all their columns first, so that whatever
follows does not depend on the order in which a book was read.

Matching is by the keys of `book.NATURAL_KEYS` in their order. The first is for all; each further
one is for records only that not every book has, since what every book has is matched. Of cancels,
what they take back is a key too: nobody takes the same back twice. A value that is null never
matches; where one value is that of two records of one book, or a record has values that lead to
different others, nothing is matched: which it would be is a guess. What its own book has taken back
is no longer looked for under a visit: the next claim of that visit is another one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from medsettle.clearing.matching.book import BOOK, NATURAL_KEYS, RecordKind, Side

Values: TypeAlias = tuple[object, ...]
"""A row: a value for each column of `BOOK`, None where the book has none."""

AT: Final = {column.name: place for place, column in enumerate(BOOK)}
"""The place of a column in a row."""

_ID, _KIND, _ORIGINAL = AT["settlement"], AT["kind"], AT["original"]
_TAKES_BACK: Final = "original+kind"
_BY_VISIT: Final = "encounter"


@dataclass(slots=True, eq=False)
class Record:
    """What books have of one record.

    Attributes:
        kind: What it is.
        held: Per side that has it, the numbers of its rows in the table of that side, in order.
        ids: Per side that has it, under which id.
        matched_by: The natural key by which the rows were found to be one record.
    """

    kind: str
    held: dict[Side, list[int]]
    ids: dict[Side, str]
    matched_by: str = "settlement"

    @property
    def settlement(self) -> str:
        """The id at the first side that has it."""
        return next(self.ids[side] for side in Side if side in self.ids)

    @property
    def item(self) -> str:
        """What a difference of this record is called, the same in every run."""
        return f"{self.kind}:{self.settlement}"


@dataclass(slots=True)
class Records:
    """All records of some odd rows.

    Attributes:
        tables: Per side that was compared, its odd rows in order, with all columns of `BOOK`.
        rows: The same as tuples.
        records: In the order of their items.
        belonging: What takes back, corrects or lowers a settlement, by that.
        originals: The settlement that a record belongs to, if it is among the odd ones.
        settled: The settlement that a side has under an id; under no side, that of any.
        cancels: Cancels of settlements that are not among the odd ones, by the id of these.
    """

    tables: Mapping[Side, pa.Table]
    rows: Mapping[Side, Sequence[Values]]
    records: list[Record] = field(default_factory=list)
    belonging: dict[Record, list[Record]] = field(default_factory=dict)
    originals: dict[Record, Record] = field(default_factory=dict)
    settled: dict[tuple[Side | None, str], Record] = field(default_factory=dict)
    cancels: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that were compared, the one first that decides."""
        return tuple(self.rows)

    def first_rows(self, record: Record) -> dict[Side, Values]:
        """Return the first row of each side that has a record, the side first that decides."""
        return {
            side: self.rows[side][record.held[side][0]]
            for side in self.sides
            if side in record.held
        }

    def lacking(self, record: Record) -> tuple[Side, ...]:
        """Return the sides that were compared and do not have a record."""
        return tuple(side for side in self.sides if side not in record.held)

    def original_at(self, record: Record, side: Side) -> "Record | str":
        """Return what a record belongs to by the book of a side, or its id if that is not odd."""
        value = _original_at(self, record, side)
        own = self.settled.get((side, value))
        return own or self.settled.get((None, value)) or value

    def original_id(self, record: Record) -> str:
        """Return the id of what a record belongs to and is not odd, its own where no book says it.

        A text file of 3202 has a refund under the id of what it refunds.
        """
        known = (row[_ORIGINAL] for row in self.first_rows(record).values())
        return next((str(value) for value in known if value is not None), record.settlement)


def records_of(rows: Mapping[Side, pa.Table], columns: Mapping[Side, frozenset[str]]) -> Records:
    """Return the records of the odd rows of some books.

    Args:
        rows: Odd rows of each side that was compared.
        columns: The columns that the book of each side has.
    """
    sides = [side for side in Side if side in rows]
    tables = {side: _in_order(rows[side], columns[side]) for side in sides}
    found = Records(tables, {side: _tuples(tables[side]) for side in sides})
    by_id: dict[tuple[str, str], Record] = {}
    for side in sides:
        for number, row in enumerate(found.rows[side]):
            settlement, kind = str(row[_ID]), str(row[_KIND])
            record = by_id.setdefault((settlement, kind), Record(kind, {}, {}))
            record.held.setdefault(side, []).append(number)
            record.ids[side] = settlement
    found.records = _matched(found, list(by_id.values()))
    found.records.sort(key=lambda record: record.item)
    _bind(found)
    return found


def _in_order(table: pa.Table, columns: frozenset[str]) -> pa.Table:
    """Return rows with all columns of `BOOK`, null where the book has none, sorted by all."""
    arrays = []
    for column in BOOK:
        kind = column.arrow_field().type
        if column.name not in columns or column.name not in table.schema.names:
            arrays.append(pa.nulls(table.num_rows, kind))
            continue
        arrays.append(table[column.name].cast(kind).combine_chunks())
    whole = pa.table(arrays, schema=pa.schema([c.arrow_field().with_nullable(True) for c in BOOK]))
    order = pc.sort_indices(whole, sort_keys=[(column.name, "ascending") for column in BOOK])
    return whole.take(order).combine_chunks()


def _tuples(table: pa.Table) -> list[Values]:
    columns = []
    for column in BOOK:
        values = table[column.name]
        # A moment is compared with other moments of its own book only; a number does for that.
        of_time = pa.types.is_timestamp(values.type)
        columns.append((values.cast(pa.int64()) if of_time else values).to_pylist())
    return list(zip(*columns, strict=True))


# --- the same record under other ids -------------------------------------------------------------


def _matched(found: Records, records: list[Record]) -> list[Record]:
    """Return the records after those that a natural key tells to be one have become one."""
    everywhere = len(found.sides)
    rest = [record for record in records if len(record.held) < everywhere]
    cancels = [record for record in rest if record.kind == RecordKind.CANCEL]
    _merge(found, cancels, _TAKES_BACK)
    for key in NATURAL_KEYS[1:]:
        rest = [record for record in rest if 0 < len(record.held) < everywhere]
        looked_for = rest
        if _BY_VISIT in key:
            taken_back = _taken_back(found, [record for record in records if record.held])
            looked_for = [record for record in rest if record not in taken_back]
        _merge(found, looked_for, "+".join(key))
    # Whatever went into another record is left without rows.
    return [record for record in records if record.held]


def _taken_back(found: Records, records: Iterable[Record]) -> set[Record]:
    """Return the settlements that every book that has them has taken back, and their cancels."""
    everything = list(records)
    cancelled = {
        (side, _original_at(found, record, side))
        for record in everything
        if record.kind == RecordKind.CANCEL
        for side in record.held
    }
    settled = {
        (side, record.ids[side])
        for record in everything
        if record.kind == RecordKind.SETTLE
        for side in record.held
    }
    return {
        record
        for record in everything
        if (
            record.kind == RecordKind.SETTLE
            and all((side, record.ids[side]) in cancelled for side in record.held)
        )
        or (
            record.kind == RecordKind.CANCEL
            and all((side, _original_at(found, record, side)) in settled for side in record.held)
        )
    }


def _original_at(found: Records, record: Record, side: Side) -> str:
    """Return what a record belongs to by the book of one side."""
    value = found.rows[side][record.held[side][0]][_ORIGINAL]
    return record.ids[side] if value is None else str(value)


def _merge(found: Records, records: Iterable[Record], key: str) -> None:
    """Make one record of those that share a value of a key, where that is beyond doubt."""
    sharing: dict[Values, list[Record]] = {}
    for record in records:
        for value in _key_values(found, record, key):
            sharing.setdefault(value, []).append(record)
    groups = [group for group in sharing.values() if len(group) > 1]
    led_to: dict[Record, set[Record]] = {}
    doubtful: set[Record] = set()
    for group in groups:
        if len(group) > len(found.sides):
            doubtful.update(group)
            continue
        for record in group:
            led_to.setdefault(record, set()).update(group)
    for group in groups:
        # Two values may lead to the same others, who are one record by now.
        if any(
            record in doubtful or not record.held or led_to[record] != set(group)
            for record in group
        ):
            continue
        holders = [side for record in group for side in record.held]
        if len(holders) == len(set(holders)):
            _join(group, key)


def _key_values(found: Records, record: Record, key: str) -> set[Values]:
    """Return the values that a record has of a key at the sides that have it; none with a null."""
    if key == _TAKES_BACK:
        return {(_original_at(found, record, side),) for side in record.held}
    places = [AT[name] for name in key.split("+")]
    values = (tuple(row[place] for place in places) for row in found.first_rows(record).values())
    return {value for value in values if None not in value}


def _join(group: Sequence[Record], key: str) -> None:
    into = min(group, key=lambda record: record.item)
    for record in group:
        if record is not into:
            into.held.update(record.held)
            into.ids.update(record.ids)
            record.held, record.ids = {}, {}
    into.held = {side: into.held[side] for side in Side if side in into.held}
    into.matched_by = key


# --- what belongs to a settlement ----------------------------------------------------------------


def _bind(found: Records) -> None:
    """Find the settlement that each cancel, adjustment and deduction belongs to."""
    for record in found.records:
        if record.kind == RecordKind.SETTLE:
            for side, settlement in record.ids.items():
                found.settled[side, settlement] = record
                found.settled.setdefault((None, settlement), record)
    for record in found.records:
        if record.kind == RecordKind.SETTLE:
            continue
        named = [found.original_at(record, side) for side in record.held]
        original = next((each for each in named if isinstance(each, Record)), None)
        if original is not None:
            found.originals[record] = original
            found.belonging.setdefault(original, []).append(record)
        elif record.kind == RecordKind.CANCEL:
            found.cancels.setdefault(found.original_id(record), []).append(record)
