"""Rows kept as columns: what a claim or a settlement has many of, such as its lines.

Thirty lines as thirty dictionaries name every column thirty times, in memory, on their way to a
message and in every record. A table names each once, with its values in a list, or with a single
value that all rows have. Records hold tables too, as JSON objects of the same form.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Final, TypeAlias, overload

Row: TypeAlias = dict[str, object]
Table: TypeAlias = Mapping[str, object]


class ColumnRows(Sequence[Row]):
    """Rows that are made when they are asked for; equal to a list or tuple of the same rows.

    No column has lists for values: a list is the values of a column, anything else what all rows
    have. At least one column is a list, so that one can count.

    >>> rows = ColumnRows({"line": ["a", "b"], "fen": [1, 2], "seq": None})
    >>> rows[1], len(rows)
    ({'line': 'b', 'fen': 2, 'seq': None}, 2)
    """

    __slots__ = ("table",)

    def __init__(self, table: Table) -> None:
        """Keep a table with a list among its columns; it must not change afterwards."""
        self.table: Final = table

    def column(self, name: str) -> Sequence[object]:
        """Return the value of each row in one column."""
        values = self.table[name]
        return values if isinstance(values, list) else [values] * len(self)

    def __len__(self) -> int:
        return next(len(values) for values in self.table.values() if isinstance(values, list))

    def __iter__(self) -> Iterator[Row]:
        names = tuple(self.table)
        columns = (
            values if isinstance(values, list) else repeat(values) for values in self.table.values()
        )
        return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=False))

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            return list(self)[at]
        return {
            name: values[at] if isinstance(values, list) else values
            for name, values in self.table.items()
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | tuple | ColumnRows):
            return NotImplemented
        return list(self) == list(other)

    def __hash__(self) -> int:
        raise TypeError("rows can change, so they have no hash")

    def __repr__(self) -> str:
        return repr(list(self))


def table_of(rows: Iterable[Mapping[str, object]]) -> Table:
    """Return rows that all have the same columns as a table in its shortest form, `squeezed`.

    No rows are a table without columns.
    """
    if isinstance(rows, ColumnRows):
        return rows.table
    listed = list(rows)
    if not listed:
        return {}
    return squeezed({name: [row[name] for row in listed] for name in listed[0]})


def squeezed(table: Table) -> Table:
    """Return a table in which a column has one value where all rows have it, not a list.

    The first list stays one. So the same rows make the same table, whoever made it.

    >>> squeezed({"line": ["a", "b"], "pot": ["in_scope", "in_scope"], "fen": [1, 2]})
    {'line': ['a', 'b'], 'pot': 'in_scope', 'fen': [1, 2]}
    """
    short = dict(table)
    lists = [name for name, values in table.items() if isinstance(values, list)]
    for name in lists[1:]:
        values: list[object] = short[name]  # type: ignore[assignment]
        if values[0] == values[-1] and values.count(values[0]) == len(values):
            short[name] = values[0]
    return short


def rows_of(table: object) -> Sequence[Row]:
    """Return the rows of a table as a record has it, or of a list of rows as older ones have.

    >>> rows_of({"fen": [1, 2], "pot": "in_scope"})
    [{'fen': 1, 'pot': 'in_scope'}, {'fen': 2, 'pot': 'in_scope'}]
    >>> rows_of({}), rows_of([{"fen": 1}])
    ([], [{'fen': 1}])
    """
    if isinstance(table, Mapping):
        return ColumnRows(table) if table else []
    assert isinstance(table, list | tuple), table
    return table


def with_all(rows: Sequence[Row], values: Mapping[str, object]) -> Sequence[Row]:
    """Return rows with these values in each of them.

    >>> with_all(ColumnRows({"fen": [1, 2], "seq": None}), {"seq": 7})
    [{'fen': 1, 'seq': 7}, {'fen': 2, 'seq': 7}]
    >>> with_all(({"fen": 1},), {"seq": 7})
    ({'fen': 1, 'seq': 7},)
    """
    if isinstance(rows, ColumnRows):
        return ColumnRows({**rows.table, **values})
    return tuple({**row, **values} for row in rows)


def plain(value: object) -> list[Row]:
    """Return rows as a list, for encoders of JSON that know lists and dictionaries only.

    Raises:
        TypeError: The value is no `ColumnRows`.
    """
    if isinstance(value, ColumnRows):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
