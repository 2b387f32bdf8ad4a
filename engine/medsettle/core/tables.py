"""Rows kept as columns: what a claim or a settlement has many of, such as its lines.

Thirty lines as thirty dictionaries name every column thirty times, in memory, on their way to a
message and in every record. A table names each once, with its values in a list, or with a single
value that all rows have. Records hold tables too: their number of rows and their columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, TypeAlias, overload

Row: TypeAlias = dict[str, object]
Columns: TypeAlias = Mapping[str, Any]

_NOTHING: Final[Mapping[str, object]] = {}


class ColumnRows(Sequence[Row]):
    """Rows that are made when they are asked for; equal to a list or tuple of the same rows.

    No column has lists for values: a list is the values of a column, anything else what all rows
    have.

    >>> rows = ColumnRows(2, {"line": ["a", "b"], "fen": [1, 2], "seq": None})
    >>> rows[1], len(rows)
    ({'line': 'b', 'fen': 2, 'seq': None}, 2)
    """

    __slots__ = ("_length", "columns")

    def __init__(self, length: int, columns: Columns) -> None:
        """Keep `length` rows; the columns must not change afterwards."""
        self._length: Final = length
        self.columns: Final = columns

    def column(self, name: str) -> Sequence[Any]:
        """Return the value of each row in one column."""
        values = self.columns[name]
        return values if isinstance(values, list) else [values] * self._length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Row]:
        names = tuple(self.columns)
        columns = (
            values if isinstance(values, list) else repeat(values, self._length)
            for values in self.columns.values()
        )
        return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            return list(self)[at]
        if not -self._length <= at < self._length:
            raise IndexError(f"row {at} of {self._length}")
        return {
            name: values[at] if isinstance(values, list) else values
            for name, values in self.columns.items()
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | tuple | ColumnRows):
            return NotImplemented
        return list(self) == list(other)

    # Rows are dictionaries, which have none.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Return the columns of rows that all have the same ones, `squeezed`."""
    if isinstance(rows, ColumnRows):
        return rows.columns
    return squeezed({name: [row[name] for row in rows] for name in rows[0]}) if rows else {}


def squeezed(columns: Columns) -> Columns:
    """Return columns in which a value that all rows have stands for the list of it.

    So the same rows have the same columns, whoever made them. There is one row at least.

    >>> squeezed({"line": ["a", "b"], "pot": ["in_scope", "in_scope"], "fen": [1, 2]})
    {'line': ['a', 'b'], 'pot': 'in_scope', 'fen': [1, 2]}
    """
    return {
        name: values[0]
        if isinstance(values, list)
        and values[0] == values[-1]
        and values.count(values[0]) == len(values)
        else values
        for name, values in columns.items()
    }


def table_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows as a table of a record.

    >>> table_of([{"fen": 1, "pot": "in_scope"}, {"fen": 2, "pot": "in_scope"}])
    {'rows': 2, 'columns': {'fen': [1, 2], 'pot': 'in_scope'}}
    """
    return {"rows": len(rows), "columns": columns_of(rows)}


def rows_of(table: Any) -> Sequence[dict[str, Any]]:  # noqa: ANN401 - what JSON has
    """Return the rows of a table of a record, or of a list of rows as older records have.

    >>> rows_of({"rows": 2, "columns": {"fen": [1, 2], "pot": "in_scope"}})
    [{'fen': 1, 'pot': 'in_scope'}, {'fen': 2, 'pot': 'in_scope'}]
    >>> rows_of([{"fen": 1}])
    [{'fen': 1}]
    """
    if isinstance(table, Mapping):
        return ColumnRows(table["rows"], table["columns"])
    rows: list[dict[str, Any]] = table
    return rows


def with_all(
    rows: Sequence[Row], values: Mapping[str, object], absent: Mapping[str, object] = _NOTHING
) -> Sequence[Row]:
    """Return rows with these values in each of them, and those of `absent` where they have none.

    >>> with_all(ColumnRows(2, {"fen": [1, 2], "seq": None}), {"seq": 7})
    [{'fen': 1, 'seq': 7}, {'fen': 2, 'seq': 7}]
    >>> with_all(({"fen": 1},), {"seq": 7})
    ({'fen': 1, 'seq': 7},)
    >>> with_all([{"fen": 1}], {"seq": 7}, {"fen": None, "side": None})
    ({'fen': 1, 'side': None, 'seq': 7},)
    """
    if isinstance(rows, ColumnRows):
        return ColumnRows(len(rows), {**absent, **rows.columns, **values})
    return tuple({**absent, **row, **values} for row in rows)


def plain(value: object) -> list[Row]:
    """Return rows as a list, for encoders of JSON that know lists and dictionaries only.

    Raises:
        TypeError: The value is no `ColumnRows`.
    """
    if isinstance(value, ColumnRows):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
