"""Claims of messages are the same batch as the same claims given as rows, faulty ones too."""

from collections.abc import Mapping
from typing import Any

import pytest
from google.type.date_pb2 import Date  # type: ignore[import-untyped]
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Row
from medsettle.service import wire
from medsettle.v1 import settlement_service_pb2 as settlements

from tests.service.claims import claim, line

_SOUND = claim(1)
_MANY = claim(2, lines=[line(100 * at, line_id=str(at)) for at in range(1, 40)])
_ALIKE = claim(3, lines=[line(700), line(700, line_id="2")])
_TAKES_BACK = claim(
    4,
    lines=[
        line(900),
        line(900, line_id="2") | {"quantity_e4": -10_000, "amount_fen": -900, "original_line": "1"},
    ],
)

_FAULTY = {
    "no person": claim(9, person=None),
    "no such day": claim(9, service_date="2024-02-30"),
    "unknown code": claim(9, visit_type="77"),
    "a blank": claim(9, institution="H 1"),
    "a letter of no ASCII": claim(9, institution="é"),
    "an age": claim(9, birth_date="1850-01-01"),
    "no quantity": claim(9, lines=[line(5) | {"quantity_e4": None}]),
    "no price": claim(9, lines=[line(5) | {"unit_price_e6": None}]),
    "no amount": claim(9, lines=[line(5) | {"amount_fen": None}]),
    "no units": claim(9, lines=[line(5) | {"quantity_e4": 0}]),
    "no fee date": claim(9, lines=[line(5) | {"fee_date": None}]),
    "a fee date that is none": claim(9, lines=[line(5) | {"fee_date": "2024-02-30"}]),
    "a fee after the visit": claim(9, lines=[line(5) | {"fee_date": "2024-05-02"}]),
    "another price": claim(9, lines=[line(5) | {"amount_fen": 7}]),
    "one line twice": claim(9, lines=[line(5), line(5)]),
    "an item of no name": claim(9, lines=[line(5, item_code="")]),
    "back without an original": claim(
        9, lines=[line(5) | {"quantity_e4": -10_000, "amount_fen": -5}]
    ),
}


def _message(row: Mapping[str, Any]) -> settlements.Claim:
    lines = [settlements.ClaimLine(**_fields(each)) for each in row["lines"]]
    return settlements.Claim(**_fields({**row, "lines": None}), lines=lines)


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _date(value) if name.endswith("_date") else value
        for name, value in row.items()
        if value is not None
    }


def _date(value: object) -> Date:
    year, month, day = map(int, str(value).split("-"))
    return Date(year=year, month=month, day=day)


def _same(rows: list[Row]) -> None:
    found = wire.batch_of([_message(row) for row in rows])
    expected = ClaimBatch.from_rows(rows)
    assert expected.rejections == found.rejections
    for at in range(len(rows)):
        if at not in expected.rejections:
            assert expected.rows[at] == found.rows[at]
    for name in ("line_claim", "line_day", "quantity_e4", "unit_price_e6", "amount_fen"):
        assert getattr(expected, name).tolist() == getattr(found, name).tolist(), name
    assert expected.original.tolist() == found.original.tolist()
    assert list(expected.line_item) == list(found.line_item)


def test_sound_claims_are_the_same() -> None:
    """One line or many, all alike or not, a line that takes another back, or no claim at all."""
    _same([_SOUND, _MANY, _ALIKE, _TAKES_BACK])
    _same([_MANY])
    _same([claim(5, lines=[])])
    _same([])


@pytest.mark.parametrize("faulty", _FAULTY.values(), ids=_FAULTY)
def test_a_faulty_claim_is_told_of_and_spoils_no_other(faulty: Row) -> None:
    """Its faults are those of the row, and the claims around it are as they would be without."""
    _same([_SOUND, faulty, _MANY])
    assert [0] == [*wire.batch_of([_message(faulty)]).rejections]


def test_a_price_of_nothing_that_is_stated_is_no_fault() -> None:
    """Zero is an amount; only what is not stated is missing."""
    _same([claim(6, lines=[line(0)])])
    assert not wire.batch_of([_message(claim(6, lines=[line(0)]))]).rejections
