"""Arrow streams of invented claims: any number, of a fixed number of lines, the same every time."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from medsettle.core import schema
from medsettle.core.dates import day_number
from numpy.typing import NDArray

from fixtures.claims import catalogue

RULES = Path(__file__).parents[2] / "rules"
AREA = "110000"
CLAIMS_PER_STREAM = 2_048

_DAY = date(2024, 6, 3)
_SCHEMA = schema.claim_schema()


def streams(
    count: int, persons: int, lines: int = 10, first: int = 0, seed: int = 7, day: date = _DAY
) -> Iterator[bytes]:
    """Yield streams of `count` claims of people drawn evenly from `persons`.

    Args:
        count: Claims in all.
        persons: How many people there are.
        lines: Of each claim.
        first: Number of the first claim; another run over the same ledger begins behind.
        seed: Of people and bills.
        day: Of all services.
    """
    for start in range(first, first + count, CLAIMS_PER_STREAM):
        most = min(CLAIMS_PER_STREAM, first + count - start)
        batch = _claims(start, most, persons, lines, day, np.random.default_rng([seed, start]))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, _SCHEMA) as writer:
            writer.write_batch(batch)
        yield sink.getvalue().to_pybytes()


def _claims(
    start: int, count: int, persons: int, lines: int, day: date, random: np.random.Generator
) -> pa.RecordBatch:
    numbers = np.arange(start, start + count)
    given = {
        "request_id": [f"bulk-{number:010d}" for number in numbers],
        "institution": [f"H{AREA}{number:05d}" for number in random.integers(1, 200, count)],
        "institution_settlement": [f"S{number:010d}" for number in numbers],
        "pooling_area": [AREA] * count,
        "person": [f"P{number:09d}" for number in random.integers(persons, size=count)],
        "insurance_type": ["310"] * count,
        "visit_type": ["11"] * count,
        "person_type": random.choice(["1101", "1201"], count).tolist(),
        "institution_level": random.choice(["01", "05", "09"], count).tolist(),
        "birth_date": [date(1960, 5, 17)] * count,
        "admission_date": [day] * count,
        "service_date": [day] * count,
        "benefit_groups": [[]] * count,
        "account_used": [True] * count,
    }
    arrays = [
        pa.array(given[field.name], field.type)
        if field.name in given
        else pa.nulls(count, field.type)
        for field in _SCHEMA
        if field.name != "lines"
    ]
    arrays.append(_lines(count, lines, day, random))
    return pa.record_batch(arrays, schema=_SCHEMA)


def _lines(count: int, lines: int, day: date, random: np.random.Generator) -> pa.Array:
    total = count * lines
    codes = _items(day)
    amounts = random.geometric(1 / 4_000, total).astype(np.int64)
    field = _SCHEMA.field("lines").type.value_field
    given = {
        "line_id": pa.array([str(number) for number in range(1, lines + 1)] * count),
        "item_code": pa.array(random.choice(codes, total).tolist()),
        "fee_date": pa.array([day] * total),
        "quantity_e4": pa.array(np.full(total, 10_000)),
        "unit_price_e6": pa.array(amounts * 10_000),
        "amount_fen": pa.array(amounts),
    }
    rows = pa.StructArray.from_arrays(
        [given.get(each.name, pa.nulls(total, each.type)) for each in field.type],
        fields=list(field.type),
    )
    offsets = pa.array(np.arange(0, total + 1, lines), pa.int32())
    return pa.ListArray.from_arrays(offsets, rows, type=_SCHEMA.field("lines").type)


@cache
def _items(day: date) -> NDArray[np.str_]:
    """Return the items of the area's catalogue that may be charged on a day."""
    found = catalogue(AREA)
    codes = np.array(found.item_codes)
    days = np.full(len(codes), day_number(day), dtype=np.int64)
    return codes[found.rows(list(codes), days) >= 0]
