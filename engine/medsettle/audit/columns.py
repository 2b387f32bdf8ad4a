"""The rows of ledger entries as columns: Arrow arrays of the types of the schema.

Records come one a settlement; a segment has thousands, and a row of Python for each of their lines
would cost more than writing them. So values go from records straight into columns.

Codes that come back have Arrow dictionaries: a Parquet writer that is handed the dictionary need
not find it again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa

from medsettle.core.columns import Column, Kind
from medsettle.core.dates import microseconds
from medsettle.core.schema import arrow_schema

PLACE: Final = ("seq", "settlement")
"""What the ledger says of every row of an entry, whatever its record repeats."""

UNIQUE_CODES: Final = frozenset(
    {"original", "reversed_request", "request_id", "institution_settlement"}
)
"""Codes that differ in every row: a dictionary of values that never come back is only larger."""


class Gathered:
    """The rows that some entries have in one table of one partition, column by column."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._columns = columns
        self._values: dict[str, list[object]] = {
            column.name: [] for column in columns if column.name not in PLACE
        }
        self._seqs: list[int] = []
        self._settlements: list[str] = []
        self._counts: list[int] = []

    def add(self, seq: int, settlement: str, rows: object) -> None:
        """Add the rows of an entry.

        Args:
            seq: Its place in the ledger.
            settlement: Its id.
            rows: As a record has them: a list of rows, or a table, which is how many `rows` there
                are and their `columns`, each a list or the one value that all rows have.

        Raises:
            KeyError, TypeError, ValueError: They are neither.
        """
        if isinstance(rows, Mapping):
            count = self._add_table(rows["rows"], rows["columns"])
        elif isinstance(rows, list):
            count = len(rows)
            # A list of one row is what most entries have, in the tables of most columns.
            for row in rows:
                for name, values in self._values.items():
                    values.append(row.get(name))
        else:
            raise TypeError(f"rows are a list or a table, not {type(rows).__name__}")
        if count:
            self._seqs.append(seq)
            self._settlements.append(settlement)
            self._counts.append(count)

    def _add_table(self, count: int, columns: Mapping[str, object]) -> int:
        for name, gathered in self._values.items():
            values = columns.get(name)
            if not isinstance(values, list):
                values = [values] * count
            if len(values) != count:
                raise ValueError(f"column {name} has {len(values)} of {count} rows")
            gathered.extend(values)
        return count

    def __len__(self) -> int:
        return sum(self._counts)

    def table(self) -> pa.Table:
        """Return the rows in ledger order.

        Raises:
            ColumnFault: A column holds what it cannot.
        """
        schema = arrow_schema(self._columns)
        arrays = []
        for column in self._columns:
            try:
                arrays.append(self._array(column, schema.field(column.name).type))
            except (OverflowError, TypeError, ValueError) as error:
                raise ColumnFault(column.name, self._seqs, error) from error
        fields = [field.with_type(array.type) for field, array in zip(schema, arrays, strict=True)]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def _array(self, column: Column, arrow_type: pa.DataType) -> pa.Array:
        if column.name == "seq":
            return pa.array(np.repeat(np.array(self._seqs, dtype=np.int64), self._counts))
        if column.name == "settlement":
            numbers = np.repeat(np.arange(len(self._counts), dtype=np.int32), self._counts)
            texts = pa.array(self._settlements, arrow_type)
            return pa.DictionaryArray.from_arrays(pa.array(numbers), texts)
        array = _typed(column, arrow_type, self._values[column.name])
        encoded = column.kind is Kind.CODE and column.name not in UNIQUE_CODES
        return array.dictionary_encode() if encoded else array


class ColumnFault(ValueError):
    """A column that cannot be written, told by its name, the entries it is of, and why."""

    def __init__(self, column: str, seqs: Sequence[int], cause: Exception) -> None:
        super().__init__(str(cause))
        self.column = column
        self.ends = (seqs[0], seqs[-1])


def _typed(column: Column, arrow_type: pa.DataType, values: list[object]) -> pa.Array:
    if column.required and None in values:
        raise ValueError("a value is missing")
    if column.kind is Kind.DATE:
        return pa.array(values, pa.string()).cast(arrow_type)
    if column.kind is Kind.TIMESTAMP:
        return pa.array([_microseconds(value) for value in values], pa.int64()).cast(arrow_type)
    if column.kind in {Kind.FEN, Kind.INTEGER}:
        # Told the type, Arrow would take 1.0 for 1; an amount that was ever a float is a bug.
        inferred = pa.array(values)
        if inferred.type not in {pa.int64(), pa.null()}:
            raise TypeError(f"{inferred.type} among the integers")
        return inferred.cast(arrow_type)
    return pa.array(values, arrow_type)


def _microseconds(value: object) -> object:
    """Return a moment of a record, which writes it as text, as the ledger counts its own."""
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return microseconds(moment)
