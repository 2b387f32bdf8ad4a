"""Fields: exact numbers in and out, one step either side of every bound."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.errors import Fault
from medsettle.gateway.fields import Field, Kind, Node, write_row
from medsettle.gateway.reading import read_nodes, read_row

_ROW = "row"


def _read(field: Field, value: object) -> tuple[Any, list[Fault]]:
    faults: list[Fault] = []
    return read_row((field,), {field.name: value}, _ROW, faults)[field.name], faults


def _taken(kind: Kind, value: object, **options: Any) -> Any:  # noqa: ANN401
    found, faults = _read(Field("x", kind, "meaning", **options), value)
    assert not faults, faults
    return found


def _refused(kind: Kind, value: object, **options: Any) -> str:  # noqa: ANN401
    _, (fault,) = _read(Field("x", kind, "meaning", **options), value)
    assert fault.path == "row.x"
    return fault.message


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (Kind.MONEY, "4.52", 452),
        (Kind.MONEY, Decimal("4.52"), 452),
        (Kind.MONEY, 4, 400),
        (Kind.MONEY, "-0.01", -1),
        (Kind.MONEY, "4.5200", 452),
        (Kind.MONEY, "-.5", -50),
        (Kind.MONEY, Decimal("1E+2"), 10_000),
        (Kind.MONEY, "1e2", None),
        (Kind.MONEY, "0", 0),
        (Kind.PRICE, "0.041667", 41_667),
        (Kind.QUANTITY, ".25", 2_500),
        (Kind.RATIO, "0.05", 500),
        (Kind.COUNT, "12", 12),
        (Kind.COUNT, "12.0", 12),
        (Kind.MONEY, "", None),
        (Kind.MONEY, None, None),
        (Kind.TEXT, "  A1 ", "A1"),
        (Kind.TEXT, 11, "11"),
        (Kind.DATE, "2024-05-01", date(2024, 5, 1)),
        (Kind.DATE, "2024-05-01 23:59:59", date(2024, 5, 1)),
        (Kind.DATE, "20240501", date(2024, 5, 1)),
    ],
)
def test_a_value_is_read_exactly(kind: Kind, value: object, found: object) -> None:
    """In whole units of the last decimal; what is empty is nothing."""
    if value == "1e2":
        assert "is no decimal number" in _refused(kind, value)
    else:
        assert _taken(kind, value) == found


def test_a_moment_is_of_china_standard_time() -> None:
    """Whatever the machine's zone."""
    expected = datetime(2024, 5, 1, 0, 30, tzinfo=UTC)
    for written in (
        "2024-05-01 08:30:00",
        "2024-05-01T08:30",
        "20240501 08:30:00.000",
        "2024-05-01T08:30:00+08:00",
        "2024-05-01T00:30:00Z",
    ):
        assert _taken(Kind.MOMENT, written) == expected
    assert "no time of a day" in _refused(Kind.MOMENT, "2024-05-01 25:00:00")
    assert "no day of the calendar" in _refused(Kind.MOMENT, "2024-02-30 08:30:00")


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Kind.MONEY, "4.521", "more than 2 decimals"),
        # More digits than decimal arithmetic keeps by default.
        (Kind.MONEY, f"4.52{'0' * 30}1", "more than 2 decimals"),
        (Kind.MONEY, ".", "no decimal number"),
        (Kind.MONEY, "٤.٥", "no decimal number"),
        (Kind.MONEY, Decimal("4.521"), "more than 2 decimals"),
        (Kind.MONEY, "4,521.00", "no decimal number"),
        (Kind.MONEY, "abc", "no decimal number"),
        (Kind.MONEY, True, "bool is no number"),
        (Kind.MONEY, [1], "list is no number"),
        (Kind.MONEY, Decimal("1e400"), "no number that the field holds"),
        (Kind.TEXT, {"a": 1}, "dict is no text"),
        (Kind.TEXT, "a\x00b", "cannot be printed"),
        (Kind.DATE, 20240501, "is no date"),
    ],
)
def test_what_is_no_value_is_named(kind: Kind, value: object, said: str) -> None:
    """With what was found and what is asked."""
    assert said in _refused(kind, value)


def test_bounds_hold_one_step_either_side() -> None:
    """Digits, characters, codes, least and most."""
    most = "9" * 14 + ".99"
    assert _taken(Kind.MONEY, most) == 10**16 - 1
    assert "beyond what the field holds" in _refused(Kind.MONEY, "1" + "0" * 14)
    assert _taken(Kind.RATIO, "9.9999") == 99_999
    assert "beyond" in _refused(Kind.RATIO, "10")
    digits = "0" * (limits.GATEWAY_NUMBER_CHARS_MAX - 1) + "1"
    assert _taken(Kind.MONEY, digits) == 100
    assert "too many for a number" in _refused(Kind.MONEY, "0" + digits)
    assert _taken(Kind.TEXT, "abc", chars=3) == "abc"
    assert "4 characters; at most 3" in _refused(Kind.TEXT, "abcd", chars=3)
    assert _taken(Kind.COUNT, 0, least=0, most=9) == 0
    assert _taken(Kind.COUNT, 9, least=0, most=9) == 9
    assert "is below 0" in _refused(Kind.COUNT, -1, least=0, most=9)
    assert "is above 9" in _refused(Kind.COUNT, 10, least=0, most=9)
    assert "is none of 0, 1" in _refused(Kind.TEXT, "2", values=("0", "1"))


def test_rows_of_a_node_are_bounded_and_named() -> None:
    """Paths have the place of the row; a single object stands for a list of one."""
    node = Node("rows", "meaning", (Field("x", Kind.MONEY, "amount", required=True),), many=True)
    full = [{"x": "1"}] * limits.GATEWAY_ROWS_MAX
    faults: list[Fault] = []
    assert len(read_nodes((node,), {"rows": full}, faults)["rows"]) == len(full)
    assert not faults
    read_nodes((node,), {"rows": [*full, {"x": "1"}]}, faults)
    assert "send at most" in faults.pop().message
    assert read_nodes((node,), {"rows": {"x": "1"}}, faults)["rows"] == [{"x": 100}]
    read_nodes((node,), {"rows": [{"x": "1"}, {}, 7]}, faults)
    assert [fault.path for fault in faults] == ["rows[1].x", "rows[2]"]
    nothing: tuple[object, ...] = (None, "", [])
    for empty in nothing:
        faults.clear()
        read_nodes((node,), {"rows": empty}, faults)
        assert [fault.path for fault in faults] == ["rows"]


@given(st.integers(-(10**16) + 1, 10**16 - 1))
def test_an_amount_goes_out_and_in_unchanged(fen: int) -> None:
    """Every fen that the field holds, through JSON, without a float."""
    field = Field("x", Kind.MONEY, "amount")
    written = orjson.dumps(write_row((field,), {"x": fen}))
    digits = written.decode().removeprefix('{"x":').removesuffix("}")
    assert _read(field, Decimal(digits))[0] == fen
    assert _read(field, digits)[0] == fen
