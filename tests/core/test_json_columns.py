"""What is written of columns is, to the byte, what an encoder writes of each row by itself."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle.core import json_columns, schema
from medsettle.core.arrow import claims_table
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Column, Kind
from medsettle.core.json_columns import Texts
from medsettle.core.schema import claim_schema
from medsettle.core.table_rows import TableRows
from medsettle.core.tables import squeezed, table_of

from tests.service.claims import claim, line

# All that the check of a claim lets pass: printable ASCII without spaces.
_CODES = st.text(st.characters(min_codepoint=ord("!"), max_codepoint=ord("~")), min_size=1)
_INT64 = st.integers(-(2**63), 2**63 - 1)
_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.CODE: _CODES,
    Kind.CODES: st.lists(_CODES, max_size=3),
    Kind.DATE: st.dates(date(1893, 1, 1), date(2100, 12, 31)),
    Kind.BOOLEAN: st.booleans(),
    Kind.FEN: _INT64,
    Kind.INTEGER: _INT64,
}


def _each(texts: Texts, count: int) -> list[str]:
    return [texts] * count if isinstance(texts, str) else texts.to_pylist()


def _column(kind: Kind) -> Column:
    return Column("any", kind, "", required=False)


@pytest.mark.parametrize("kind", _VALUES, ids=str)
@given(data=st.data())
def test_a_column_is_written_as_its_values(kind: Kind, data: st.DataObject) -> None:
    """Marks in codes are escaped, nothing is null, no list is an empty one."""
    values = data.draw(st.lists(st.none() | _VALUES[kind], min_size=1))
    column = _column(kind)
    told: list[Any] = [[] if value is None and kind is Kind.CODES else value for value in values]

    texts = json_columns.of_column(column, pa.array(values, column.arrow_field().type))

    assert [orjson.dumps(value).decode() for value in told] == _each(texts, len(values))


@given(st.lists(st.none() | _CODES, min_size=1))
def test_a_dictionary_is_written_as_its_texts(values: list[str | None]) -> None:
    """How a sender numbers texts shows nowhere."""
    array = pa.array(values, pa.string())
    plain = _each(json_columns.of_codes(array), len(values))

    assert plain == _each(json_columns.of_codes(array.dictionary_encode()), len(values))


@pytest.mark.parametrize("microsecond", [0, 7, 120_000])
def test_a_moment_is_written_as_a_record_has_it(microsecond: int) -> None:
    """A fraction of a second is told where there is one."""
    moment = datetime(2024, 5, 1, 1, 30, microsecond=microsecond, tzinfo=UTC)
    column = _column(Kind.TIMESTAMP)
    texts = json_columns.of_column(column, pa.array([moment, None], column.arrow_field().type))

    assert [orjson.dumps(moment).decode(), "null"] == _each(texts, 2)


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=1))
def test_tables_are_written_as_they_are_squeezed(rows: list[list[int]]) -> None:
    """A value that all lines of a claim have stands for the list of it."""
    flat = np.array([value for row in rows for value in row], dtype=np.int64)
    starts = np.cumsum([0, *map(len, rows)])
    (texts,) = json_columns.of_numbers(flat[None, :])

    found = json_columns.within(texts, starts, flat)

    expected = [orjson.dumps(squeezed({"fen": row})["fen"]).decode() for row in rows]
    assert expected == _each(found, len(rows))


@given(st.lists(st.lists(_INT64, min_size=3, max_size=3), min_size=1))
def test_numbers_are_written_a_text_a_row(columns: list[list[int]]) -> None:
    """A column that has one number throughout is one text, any other a text for each claim."""
    found = json_columns.of_numbers(np.array(columns, dtype=np.int64))

    assert [[*map(str, column)] for column in columns] == [_each(each, 3) for each in found]


def test_claims_are_written_without_those_in_doubt() -> None:
    """A text belongs to its claim, whichever others were left out for a fault or have no lines."""
    rows = [claim(number, lines=[line(number + 1), line(7, line_id="2")]) for number in range(20)]
    rows[0]["lines"] = []
    rows[4]["person_type"] = "no code"
    rows[6]["encounter"], rows[6]["benefit_groups"] = "E1", ["a", "b"]
    batch = ClaimBatch.from_arrow(claims_table(rows).cast(claim_schema()))
    assert isinstance(batch.rows, TableRows)
    texts = batch.rows.texts()
    assert texts is not None

    assert [-1, 0, 1, 2, -1, *range(3, 18)] == texts.place.tolist()
    for row, place in enumerate(texts.place.tolist()):
        if place >= 0:
            told = batch.rows[row] | {"lines": table_of(batch.rows[row]["lines"])}  # type: ignore[arg-type]
            later = [name for name in schema.CLAIM_COLUMNS_LATER if told[name] is None]
            expected = {name: value for name, value in told.items() if name not in later}
            assert orjson.dumps(expected).decode() == texts.claims[place].as_py()
