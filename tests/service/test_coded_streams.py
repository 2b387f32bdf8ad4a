"""Arrow streams whose texts are dictionaries, as data frames make them."""

from pathlib import Path

import pyarrow as pa
import pytest
from medsettle.core.arrow import claims_table
from medsettle.core.schema import claim_schema
from medsettle.core.settlement import Settlement
from medsettle.service.streams import claims_of
from medsettle.settle import machine_code

from tests.engine.engines import engine_on
from tests.fuzz.streams import stream_of
from tests.service.claims import claim, line
from tests.service.serving import RULES

_CLAIMS = range(20)


def _coded(array: pa.Array, kind: pa.DataType) -> pa.DictionaryArray:
    found = array.dictionary_encode()
    return pa.DictionaryArray.from_arrays(found.indices.cast(kind), found.dictionary)


def _with_coded_items(numbers: range, kind: pa.DataType) -> pa.Table:
    """Return claims of 30 lines each with their item codes as a dictionary."""
    lines = [line(1_000, line_id=str(at)) for at in range(30)]
    table = claims_table([claim(number, lines=lines) for number in numbers]).cast(claim_schema())
    rows = table["lines"].combine_chunks()
    parts = rows.flatten()
    names = [parts.type.field(at).name for at in range(parts.type.num_fields)]
    fields = [
        _coded(column, kind) if name == "item_code" else column
        for name, column in zip(names, parts.flatten(), strict=True)
    ]
    nested = pa.ListArray.from_arrays(rows.offsets, pa.StructArray.from_arrays(fields, names))
    return table.set_column(table.column_names.index("lines"), "lines", nested)


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint32()], ids=str
)
def test_items_may_be_numbered_in_any_integer(tmp_path: Path, kind: pa.DataType) -> None:
    """Each claim is settled, with the machine code that a server has loaded."""
    machine_code.load()
    claims = claims_of(stream_of(_with_coded_items(_CLAIMS, kind)))

    with engine_on(tmp_path, RULES) as engine:
        answers = engine.settle(claims)

    assert len(_CLAIMS) == sum(isinstance(each, Settlement) for each in answers)


def test_dictionaries_that_do_not_fit_together_are_read() -> None:
    """Two parts with a hundred texts each have more than their kind of number can count."""
    table = claims_table([claim(number, person=f"P{number}") for number in range(200)])
    table = table.cast(claim_schema())
    at = table.column_names.index("person")
    persons = table["person"].combine_chunks()
    chunks = [_coded(persons[start : start + 100], pa.int8()) for start in (0, 100)]
    claims = claims_of(stream_of(table.set_column(at, "person", pa.chunked_array(chunks))))

    assert {} == claims.rejections
    assert [f"P{number}" for number in range(200)] == [row["person"] for row in claims.rows]
