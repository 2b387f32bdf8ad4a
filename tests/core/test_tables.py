"""Rows kept as columns are the rows, however many there are and whatever they have in common."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle.core.tables import (
    ColumnRows,
    columns_of,
    plain,
    rows_of,
    squeezed,
    table_of,
    with_all,
)

_VALUES = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["", "a", "b"]))
_ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(("x", "y", "z"), _VALUES)), max_size=5)


@given(rows=_ROWS)
def test_a_table_is_its_rows(rows: list[dict[str, object]]) -> None:
    """By number, by iteration, as a record keeps them, and as encoders are given them."""
    kept = ColumnRows(len(rows), columns_of(rows))

    assert kept == rows
    assert kept == tuple(rows)
    assert [kept[at] for at in range(-len(rows), len(rows))] == rows * 2
    assert kept[1:] == rows[1:]
    assert rows_of(orjson.loads(orjson.dumps(table_of(rows)))) == rows
    assert table_of(rows) == table_of(kept)
    assert rows == orjson.loads(orjson.dumps(kept, default=plain))
    assert [{**row, "x": 7, "seq": 1} for row in rows] == list(with_all(kept, {"x": 7, "seq": 1}))


@given(rows=_ROWS.filter(bool))
def test_a_column_is_a_value_for_each_row(rows: list[dict[str, object]]) -> None:
    """Also where all rows have the same."""
    kept = ColumnRows(len(rows), columns_of(rows))

    assert [row["y"] for row in rows] == list(kept.column("y"))
    assert squeezed(kept.columns) == kept.columns


def test_rows_of_older_records_are_read() -> None:
    """They were kept as a list of rows."""
    assert [{"fen": 1}] == rows_of([{"fen": 1}])


def test_there_is_no_row_beyond_the_last() -> None:
    """A table of values that all rows have still knows how many rows there are."""
    kept = ColumnRows(2, {"seq": None})

    assert [{"seq": None}, {"seq": None}] == kept
    with pytest.raises(IndexError, match="row 2 of 2"):
        kept[2]


def test_what_is_no_table_is_no_json() -> None:
    """An encoder is told, rather than given something else."""
    with pytest.raises(TypeError, match="set is not JSON"):
        plain(set())
