"""Claims asked by columns are those gone through value by value, whatever is wrong with which."""

from copy import deepcopy
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core import schema
from medsettle.core.arrow import claims_table
from medsettle.core.claim_faults import checked_claim, told
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Kind
from medsettle.core.outcome import invalid
from medsettle.core.quick_checks import CLAIM_NAMES, LINE_NAMES
from medsettle.errors import Fault, InvalidRequest

from tests.service.claims import claim, line

_TEXTS = (
    *("", "0", "1", "9", "x" * 36, "x" * 37, "x" * 50, "x" * 51, "x" * 65, "a b", "é", "\x7f"),
    *("03", "310", "1101", "11", "2024-05-01", "2024-02-30", "20240501"),
)
_NUMBERS = (0, 1, -1, 9, 10, 10_000, 10**10, 10**10 + 1, 10**11 + 1, 10**13, 10**13 + 1)
_DATES = tuple(date(year, 1, 1) for year in (1867, 1868, 1893, 1894, 1998, 2024, 2100))
_MOMENTS = (
    *(datetime(2024, 4, 30, 16, tzinfo=UTC), "2024-05-01T09:30:00+08:00", "2024-05-01T09:30:00"),
    *(datetime(2024, 4, 30, 15, 59, 59, 999_999, tzinfo=UTC), "2024-05-01T16:00:00Z"),
)
_LISTS: tuple[list[str], ...] = ([], ["a"], ["a"] * 16, ["a"] * 17, ["b"], ["", "a"], ["x" * 51])
_FITTING: dict[Kind, tuple[Any, ...]] = {
    Kind.CODE: _TEXTS,
    Kind.CODES: _LISTS,
    Kind.DATE: (*_DATES, "2024-05-01", "2024-02-30", "20240501"),
    Kind.BOOLEAN: (True, False),
    Kind.FEN: _NUMBERS,
    Kind.INTEGER: _NUMBERS,
    Kind.TIMESTAMP: _MOMENTS,
}
_ANYTHING = (*_TEXTS, *_NUMBERS, 10**19, *_DATES, *_MOMENTS, *_LISTS, 1.5, [1], {}, ("b",))
_KINDS = {column.name: column.kind for column in (*schema.CLAIM, *schema.LINE)}


def _edge(random: Random, name: str) -> object:
    """Return a value near the bounds of a column, now and then one of another kind."""
    if name not in _KINDS or random.random() < 0.05:
        return random.choice(_ANYTHING)
    return random.choice((None, *_FITTING[_KINDS[name]]))


def _spoiled(random: Random) -> dict[str, Any]:
    """Return a claim of a few lines in which hardly anything, something or much is odd."""
    number = random.randrange(10**6)
    bill: list[Any] = [
        line(random.randrange(100_000), line_id=str(at)) for at in range(random.randrange(4))
    ]
    for own in bill:
        if random.random() < 0.1:
            own["amount_fen"] += random.choice((-2, -1, 1, 2))
    if bill and random.random() < 0.3:
        taken = bill[0]
        back = {name: -taken[name] for name in ("quantity_e4", "amount_fen")}
        bill.append({**taken, **back, "line_id": "back", "original_line": taken["line_id"]})
    row = claim(number, lines=bill, card=random.choice((None, "C")), credential_type="03")
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        name = random.choice(CLAIM_NAMES if random.random() < 0.95 else ("unknown",))
        row[name] = _edge(random, name)
    for own in bill:
        if random.random() < 0.15:
            name = random.choice(LINE_NAMES if random.random() < 0.95 else ("unknown",))
            own[name] = _edge(random, name)
    if bill and random.random() < 0.02:
        bill[-1] = random.choice(_ANYTHING)
    return row


def _expected(rows: list[dict[str, Any]]) -> tuple[list[Any], dict[int, Any]]:
    """Return the checked rows, those of faulty claims as None, and the rejections."""
    checked: list[Any] = []
    rejections: dict[int, Any] = {}
    for at, row in enumerate(rows):
        faults: list[Fault] = []
        checked.append(checked_claim(row, faults))
        if faults:
            rejections[at] = invalid(told(faults))
            checked[-1] = None
    return checked, rejections


def _found(batch: ClaimBatch) -> tuple[list[Any], dict[int, Any]]:
    rows = [None if at in batch.rejections else row for at, row in enumerate(batch.rows)]
    return rows, batch.rejections


def _lines(batch: ClaimBatch) -> list[dict[str, Any]]:
    """Return the lines of a batch by its columns."""
    marks = [batch.earmarks.get(at) for at in range(len(batch.line_claim))]
    columns = {
        "claim": batch.line_claim.tolist(),
        "item_code": list(batch.line_item),
        "day": batch.line_day.tolist(),
        "quantity_e4": batch.quantity_e4.tolist(),
        "unit_price_e6": batch.unit_price_e6.tolist(),
        "amount_fen": batch.amount_fen.tolist(),
        "approval": batch.approval.tolist(),
        "earmark": marks,
        "original": batch.original.tolist(),
    }
    return [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]


def _expected_lines(checked: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for at, row in enumerate(checked):
        own = row["lines"] if row else []
        ids = [each["line_id"] for each in own]
        found += [
            {
                "claim": at,
                "day": (each["fee_date"] - date(1970, 1, 1)).days,
                "approval": int(each["approval"] or 0),
                "original": len(found) + ids.index(each["original_line"])
                if each["original_line"]
                else -1,
                **{name: each[name] for name in _AS_STATED},
            }
            for each in own
        ]
    return found


_AS_STATED = ("item_code", "quantity_e4", "unit_price_e6", "amount_fen", "earmark")


@example(seeds=[228408])  # an offline_time without its zone was taken for year 9999
@given(seeds=st.lists(st.integers(0, 2**32), min_size=1, max_size=9))
def test_columns_find_what_values_tell(seeds: list[int]) -> None:
    """Rows, columns and tables have the faults, rows and lines that each claim has by itself."""
    rows = [_spoiled(Random(seed)) for seed in seeds]
    before = deepcopy(rows)
    expected = _expected(rows)

    batch = ClaimBatch.from_rows(rows)

    assert expected == _found(batch)
    assert _expected_lines(expected[0]) == _lines(batch)
    assert before == rows
    for table in _tables(rows):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(limits, "TABLE_CLAIMS_MIN", 0)
            from_table = ClaimBatch.from_arrow(table)
        assert _expected(table.to_pylist()) == _found(from_table)
        assert _lines(batch) == _lines(from_table)
        assert batch.column("person") == from_table.column("person")


def _tables(rows: list[dict[str, Any]]) -> list[pa.Table]:
    """Return the rows as tables: dates as text, dates as dates, codes as dictionaries."""
    try:
        loose = claims_table(rows)
    except InvalidRequest:
        return []
    tables = [loose]
    try:
        typed = loose.cast(schema.claim_schema())
    except (pa.ArrowInvalid, ValueError):
        return tables
    at = typed.column_names.index("person")
    person = typed["person"].combine_chunks().dictionary_encode()
    kinds = (pa.int8(), pa.int32(), pa.uint32(), pa.int64())
    for numbers in (person.indices.cast(kind) for kind in kinds):
        coded = pa.DictionaryArray.from_arrays(numbers, person.dictionary)
        tables.append(typed.set_column(at, "person", coded))
    return [*tables, typed]


def test_columns_are_the_batch_of_their_rows() -> None:
    """A batch straight from columns is that of the rows, in order or not."""
    rows = [claim(number, lines=[line(100), line(7, line_id="2")]) for number in range(3)]
    for wrong in ({}, {"visit_type": "0"}):
        rows[1] |= wrong
        bills = [own for row in rows for own in row["lines"]]
        batch = ClaimBatch.from_lists(
            {name: [row.get(name) for row in rows] for name in CLAIM_NAMES},
            {name: [own.get(name) for own in bills] for name in LINE_NAMES},
            [2, 2, 2],
        )

        assert _found(ClaimBatch.from_rows(rows)) == _found(batch)
        assert _lines(ClaimBatch.from_rows(rows)) == _lines(batch)
