"""Dates and numbers as real clients write them, one step either side of what is meant."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from medsettle.errors import Fault
from medsettle.gateway.fields import Field, Kind
from medsettle.gateway.reading import read_row

from tests.gateway.till import Till

_SIGN_IN = {"signIn": {"opter_no": "T001", "mac": "00-00-00-00-00-01", "ip": "127.0.0.1"}}


def _read(kind: Kind, value: object) -> tuple[Any, list[Fault]]:
    faults: list[Fault] = []
    return read_row((Field("x", kind, "meaning"),), {"x": value}, "row", faults)["x"], faults


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-06 09:10:00",
        "2024-5-6 9:10",
        "2024/5/6 9:10:00",
        "2024/05/06T09:10:00.0000000+08:00",
        "20240506 9:10:00",
        "20240506091000",
        "20240506091000123",
        "202405060910",
        "20240506011000Z",
    ],
)
def test_a_moment_is_taken_as_clients_write_it(written: str) -> None:
    """The default of C#, digits alone, and one digit for a month, day or hour."""
    assert _read(Kind.MOMENT, written) == (datetime(2024, 5, 6, 1, 10, tzinfo=UTC), [])
    assert _read(Kind.DATE, written) == (date(2024, 5, 6), [])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2024/5-6", "is no date"),
        ("2024/5/6091000", "is no date"),
        ("2024056", "is no date"),
        ("2024050609", "is no date"),
        ("2024050609100", "is no date"),
        ("5/6/2024 9:10:00", "is no date"),
        ("2024-05-06 9", "is no date"),
        ("２０２４-05-06", "is no date"),
        ("2024/13/1", "no day of the calendar"),
        ("20240506251000", "no time of a day"),
    ],
)
def test_a_moment_that_may_mean_another_is_refused(written: str, said: str) -> None:
    """Nothing is guessed."""
    _, (fault,) = _read(Kind.MOMENT, written)
    assert said in fault.message


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (Kind.MONEY, Decimal("0.30000000000000004"), 30),
        (Kind.MONEY, Decimal("4.5200000000000005"), 452),
        (Kind.MONEY, Decimal("-276019.99999999994"), -27_602_000),
        (Kind.QUANTITY, Decimal("2.9999999999999996"), 30_000),
        (Kind.COUNT, Decimal("2.9999999999999996"), 3),
        # A billionth of it, and half a billionth more.
        (Kind.MONEY, Decimal("1.000000001"), 100),
        (Kind.MONEY, Decimal("1.0000000015"), None),
        # A hundredth of a fen, and more.
        (Kind.MONEY, Decimal("12345678.9001"), 1_234_567_890),
        (Kind.MONEY, Decimal("12345678.90011"), None),
        (Kind.MONEY, Decimal("12345678.905"), None),
        # Nothing is beside zero; and what a text says was meant.
        (Kind.MONEY, Decimal("0.0000000001"), None),
        (Kind.MONEY, "0.30000000000000004", None),
        (Kind.QUANTITY, "2.99999", None),
    ],
)
def test_a_json_number_may_be_the_double_beside_a_decimal(
    kind: Kind, value: object, found: int | None
) -> None:
    """A sum of doubles means the decimal that it misses by less than a double can tell."""
    whole, faults = _read(kind, value)
    assert whole == found
    assert [] == faults or "decimals" in faults[0].message


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0.0416666666666667", 41_667),
        (Decimal("16.66666649"), 16_666_666),
        (Decimal("16.6666665"), 16_666_667),
        ("0.0000004", 0),
    ],
)
def test_a_price_is_cut_to_six_decimals(value: object, found: int) -> None:
    """Half up, as number or text: the amount of a line counts, not its price."""
    assert _read(Kind.PRICE, value) == (found, [])


def test_a_byte_order_mark_is_no_part_of_a_request(till: Till) -> None:
    """Before the body, and before an input that is a text."""
    marked = "\ufeff".encode()
    assert till.post(marked + orjson.dumps(till.envelope("9001", _SIGN_IN)))["infcode"] == 0
    text = "\ufeff" + orjson.dumps(_SIGN_IN).decode()
    assert till.post(orjson.dumps(till.envelope("9001", {}) | {"input": text}))["infcode"] == 0
    assert "is no JSON" in till.post(marked + marked + b"{}")["err_msg"]


@pytest.mark.parametrize(
    ("sent", "warned"),
    [("2024-06-03 10:00:00", False), ("20240603100000", False), ("", False), ("yesterday", True)],
)
def test_a_malformed_clock_of_the_sender_fails_no_call(till: Till, sent: str, warned: bool) -> None:
    """Nobody uses inf_time; the sender is told all the same."""
    answer = till.post(orjson.dumps(till.envelope("9001", _SIGN_IN) | {"inf_time": sent}))
    assert answer["infcode"] == 0
    assert ("[INF_TIME_FORM]" in answer["warn_msg"]) is warned
