"""The open description: current, valid, and of one mind with what reads requests."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import jsonschema
import orjson
import pytest
import schemathesis
from generate_openapi import PAGE, page
from medsettle.errors import Fault
from medsettle.gateway import registry
from medsettle.gateway.field_schemas import asked_field, told_field
from medsettle.gateway.fields import (
    Field,
    Kind,
    code,
    day,
    digits_of,
    moment,
    money,
    text,
    write_row,
)
from medsettle.gateway.openapi import description
from medsettle.gateway.reading import read_row

from tests.cli.commands import ROOT

_DOCUMENT = description(registry.transactions())


def test_the_committed_description_is_current() -> None:
    """`engine/gateway.openapi.json` and the table of the page are what `make openapi` writes."""
    committed = json.loads((ROOT / "engine" / "gateway.openapi.json").read_text("utf-8"))

    assert _DOCUMENT == committed
    assert page() == PAGE.read_text("utf-8")


def test_the_description_is_valid() -> None:
    """It is an OpenAPI 3.1 document, with a path for every number and a meaning for every field."""
    schemathesis.openapi.from_dict(_DOCUMENT).validate()
    numbers = registry.by_number(registry.transactions())

    assert {"/", *(f"/{number}" for number in numbers)} == _DOCUMENT["paths"].keys()
    for name, schema in _DOCUMENT["components"]["schemas"].items():
        rows = schema.get("items", schema)
        for field, told in rows["properties"].items():
            assert name == "Message" or told.get("description") or field == "output", (name, field)


def _fields() -> Iterator[Field]:
    seen = set()
    for each in registry.transactions():
        for node in each.inputs:
            for field in node.fields:
                if field not in seen:
                    seen.add(field)
                    yield field


def _read(field: Field, value: object) -> tuple[Any, list[Fault]]:
    faults: list[Fault] = []
    return read_row((field,), {field.name: value}, "node", faults)[field.name], faults


def _edges(field: Field) -> Iterator[object]:
    """Yield values at the bounds of a field, and one step outside."""
    if field.kind is Kind.OBJECT:
        return
    yield from ("", None, [], {}, True)
    if field.kind is Kind.TEXT:
        yield from (field.values[:1] or "x")
        if field.chars and not field.values:
            yield from ("x" * field.chars, "x" * (field.chars + 1))
        yield "no such code of any list, and too long for most"
    elif field.kind in {Kind.DATE, Kind.MOMENT}:
        yield from ("2024-02-29", "20240229", "2024-02-29 23:59:59", "2024-2-9", "yesterday", 7)
    else:
        whole, decimals = digits_of(field)
        yield from (1, "1", "+1", "-1", -1, "1e2", "one", "9" * whole, "9" * (whole + 1))
        yield from (10**whole - 1, 10**whole, f"0.{'0' * decimals}1")


def test_the_description_says_what_is_read() -> None:
    """What the description of a field allows is read, and what it forbids is a fault.

    Decimals of JSON numbers, days of the calendar and the size of a number in a text are beyond a
    schema; of the last it tells the digits.
    """
    for field in _fields():
        validator = jsonschema.Draft202012Validator(asked_field(field))
        for value in _edges(field):
            _, faults = _read(field, value)
            if isinstance(value, str) and any("is below" in each.message for each in faults):
                continue
            assert validator.is_valid(value) is not bool(faults), (field, value, faults)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        pytest.param(money("balc", "余额"), -452, -4.52, id="money"),
        pytest.param(Field("cnt", Kind.COUNT, "数"), 7, 7, id="count"),
        pytest.param(text("psn_no", 30, "编号"), "x", "x", id="text"),
        pytest.param(code("clr_way", "方式"), None, None, id="nothing"),
        pytest.param(day("brdy", "生日"), date(2024, 2, 29), "2024-02-29", id="day"),
    ],
)
def test_the_description_says_what_is_written(field: Field, value: object, told: object) -> None:
    """What is written of a field is what its description says, as JSON has it."""
    written = orjson.loads(orjson.dumps(write_row([field], {field.name: value})))

    assert {field.name: told} == written
    jsonschema.validate(written[field.name], told_field(field))


def test_text_longer_than_its_field_is_not_described() -> None:
    """The descriptions of answers have bounds, which schema-based fuzzing holds answers to."""
    validator = jsonschema.Draft202012Validator(told_field(text("psn_no", 30, "编号")))

    assert validator.is_valid("x" * 30)
    assert not validator.is_valid("x" * 31)
    assert not jsonschema.Draft202012Validator(told_field(moment("begntime", ""))).is_valid("now")
    assert not jsonschema.Draft202012Validator(told_field(money("balc", ""))).is_valid("4.52")
