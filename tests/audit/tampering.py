"""Alterations of audit tables, each with the place at which verification must find it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from medsettle.audit import SegmentFile
from medsettle.audit.findings import Altered, Finding
from medsettle.audit.segments import parquet_bytes, read_parquet, stored_columns
from medsettle.ledger import Entry, EntryKind, SqliteLedger

from tests.audit.records import CREATE_TIME_US, audited_entry

DAY_US = 24 * 3_600 * 1_000_000
COMMIT_MAX = 4_000
_ENTRY_KINDS: dict[int, EntryKind] = {7: "opening", 11: "message"}


def fill_days(ledger: SqliteLedger, entries: int, days: int) -> None:
    """Record entries of all kinds, settlements above all, over some days of recording."""
    for day in range(days):
        first, last = day * entries // days + 1, (day + 1) * entries // days
        for start in range(first, last + 1, COMMIT_MAX):
            numbers = range(start, min(last, start + COMMIT_MAX - 1) + 1)
            made = [_entry(number) for number in numbers]
            ledger.append(made, CREATE_TIME_US + day * DAY_US)


def _entry(number: int) -> Entry:
    return audited_entry(number, _ENTRY_KINDS.get(number % 20, "settle"))


@dataclass(frozen=True)
class Expected:
    """What must be found: a kind and the values of a finding, or one of several kinds."""

    kinds: tuple[Altered, ...]
    told: str
    values: dict[str, Any] = field(default_factory=dict)
    byte: int | None = None
    rows: tuple[int, ...] = ()

    def found_in(self, findings: tuple[Finding, ...]) -> bool:
        """Whether a finding is exactly this."""
        return any(self._is(each) for each in findings)

    def _is(self, found: Finding) -> bool:
        same = all(getattr(found, name) == value for name, value in self.values.items())
        if found.kind not in self.kinds or not same:
            return False
        if self.rows and found.row not in self.rows:
            return False
        if self.byte is None or found.first_byte is None:
            return self.byte is None or found.row is not None
        assert found.last_byte is not None
        return found.first_byte <= self.byte <= found.last_byte


def _rows(folder: Path, file: SegmentFile) -> pa.Table:
    return read_parquet((folder / file.path).read_bytes())


def _put(folder: Path, file: SegmentFile, rows: pa.Table) -> None:
    content = parquet_bytes(stored_columns(file.table), rows)
    (folder / file.path).write_bytes(content)


def _place(rows: pa.Table, file: SegmentFile, at: int) -> dict[str, Any]:
    return {"table": file.table, "path": file.path, "seq": rows.column("seq")[at].as_py()}


def _other(value: object, of_type: pa.DataType, chance: random.Random) -> object:
    """Return another value of a column."""
    if pa.types.is_boolean(of_type):
        return not value
    if pa.types.is_string(of_type):
        return f"{value}{chance.randrange(10)}"
    if pa.types.is_list(of_type):
        return [*(value or ()), "more"]  # type: ignore[misc]
    if pa.types.is_date32(of_type):
        return int(value or 0) + 1  # type: ignore[call-overload]
    return int(value or 0) + 1 + chance.randrange(9)  # type: ignore[call-overload]


def change_cell(folder: Path, file: SegmentFile, chance: random.Random) -> Expected:
    """Change one value of one row."""
    rows = _rows(folder, file)
    at, name = chance.randrange(rows.num_rows), chance.choice(rows.schema.names)
    plain = rows.column(name).combine_chunks()
    of_type = plain.type
    number = pa.types.is_date32(of_type) or pa.types.is_timestamp(of_type)
    width = pa.int32() if pa.types.is_date32(of_type) else pa.int64()
    values = (plain.cast(width) if number else plain).to_pylist()
    values[at] = _other(values[at], of_type, chance)
    changed = pa.array(values, width).cast(of_type) if number else pa.array(values, of_type)
    column = rows.schema.get_field_index(name)
    place = _place(rows, file, at) | {"row": at + 1, "column": name}
    _put(folder, file, rows.set_column(column, rows.schema.field(name), changed))
    return Expected((Altered.ROW_CHANGED,), f"{file.path}: row {at + 1} {name} changed", place)


def drop_row(folder: Path, file: SegmentFile, chance: random.Random) -> Expected:
    """Drop one row."""
    rows = _rows(folder, file)
    at = chance.randrange(rows.num_rows)
    _put(folder, file, pa.concat_tables([rows.slice(0, at), rows.slice(at + 1)]))
    place = _place(rows, file, at) | {"row": at + 1}
    return Expected((Altered.ROW_DROPPED,), f"{file.path}: row {at + 1} dropped", place)


def insert_row(folder: Path, file: SegmentFile, chance: random.Random) -> Expected:
    """Insert a copy of one row behind another."""
    rows = _rows(folder, file)
    source, at = chance.randrange(rows.num_rows), chance.randrange(rows.num_rows + 1)
    parts = [rows.slice(0, at), rows.slice(source, 1), rows.slice(at)]
    _put(folder, file, pa.concat_tables(parts))
    place = _place(rows, file, source)
    # A copy beside its original: nobody can tell which of the two it is.
    there = {at + 1, at} if source == at - 1 else {at + 1, at + 2} if source == at else {at + 1}
    told = f"{file.path}: row {source + 1} copied to {at + 1}"
    return Expected((Altered.ROW_INSERTED,), told, place, rows=tuple(sorted(there)))


def swap_rows(folder: Path, file: SegmentFile, chance: random.Random) -> Expected:
    """Change the order of two rows."""
    rows = _rows(folder, file)
    if rows.num_rows == 1:
        return drop_row(folder, file, chance)
    one, two = sorted(chance.sample(range(rows.num_rows), 2))
    order = list(range(rows.num_rows))
    order[one], order[two] = two, one
    _put(folder, file, rows.take(pa.array(order)))
    place = _place(rows, file, two) | {"row": one + 1}
    told = f"{file.path}: rows {one + 1} and {two + 1} swapped"
    return Expected((Altered.ROWS_REORDERED,), told, place)


def flip_byte(folder: Path, file: SegmentFile, chance: random.Random) -> Expected:
    """Flip one bit anywhere in a file."""
    path = folder / file.path
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    content[at] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    kinds = (Altered.UNREADABLE, Altered.BYTES, Altered.ROW_CHANGED)
    return Expected(kinds, f"{file.path}: byte {at} flipped", {"path": file.path}, byte=at)


def cut_off(folder: Path, file: SegmentFile, chance: random.Random) -> Expected:
    """Cut off the end of a file, or add a byte to it."""
    path = folder / file.path
    content = path.read_bytes()
    longer = chance.random() < 1 / 2
    kept = len(content) if longer else chance.randrange(len(content))
    path.write_bytes(content[:kept] + (b"x" if longer else b""))
    kinds = (Altered.UNREADABLE, Altered.BYTES)
    told = f"{file.path}: {'a byte added' if longer else f'cut off at {kept}'}"
    return Expected(kinds, told, {"path": file.path}, byte=kept)


def remove_file(folder: Path, file: SegmentFile, _chance: random.Random) -> Expected:
    """Remove a file."""
    rows = _rows(folder, file)
    (folder / file.path).unlink()
    place = _place(rows, file, 0)
    return Expected((Altered.FILE_MISSING,), f"{file.path}: removed", place)


def add_file(folder: Path, file: SegmentFile, chance: random.Random) -> Expected:
    """Put a copy of a file beside it, under a name of its own."""
    path = folder / file.path
    added = path.with_name(f"{path.stem}{chance.randrange(10)}.parquet")
    added.write_bytes(path.read_bytes())
    name = added.relative_to(folder).as_posix()
    return Expected((Altered.FILE_ADDED,), f"{name}: added", {"path": name, "table": file.table})


Tampering = Callable[[Path, SegmentFile, random.Random], Expected]

IN_FILES: dict[str, Tampering] = {
    "cell": change_cell,
    "dropped": drop_row,
    "inserted": insert_row,
    "swapped": swap_rows,
    "flipped": flip_byte,
    "cut": cut_off,
    "removed": remove_file,
    "added": add_file,
}
"""What is done to one file, by name."""
