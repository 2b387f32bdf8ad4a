"""Fields and nodes of the national interface: what is read from a request and written to an answer.

Types as the interface has them: Cn is text of at most n characters, N p,s a decimal number. Amounts
are read as whole fen, quantities as 1/10,000 of a unit, prices as micro-yuan, ratios as 1/10,000;
a request may give a number as a JSON number or as text. Nothing stated is None: a field that is
missing, null or empty. A client that has no value for a number sends "0", which is the number.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

import orjson

from medsettle import limits
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.errors import Fault

Values: TypeAlias = Mapping[str, Any]
"""What a node says, by field; None where it says nothing."""

Nodes: TypeAlias = Mapping[str, Any]
"""What an input says: Values by node, or a list of them where a node is many."""


class Kind(StrEnum):
    """How a field is written, and in which unit its value is handed on."""

    TEXT = "text"
    """Text; a number is taken as its text, since clients send codes as either."""
    MONEY = "money"
    """N16,2, yuan; a whole number of fen."""
    RATIO = "ratio"
    """N5,4, from 0 to 1; a whole number of 1/10,000."""
    QUANTITY = "quantity"
    """N16,4; a whole number of 1/10,000 of a unit."""
    PRICE = "price"
    """N16,6, yuan; a whole number of micro-yuan."""
    COUNT = "count"
    """A whole number."""
    DATE = "date"
    """yyyy-MM-dd; of a date with a time, the date."""
    MOMENT = "moment"
    """yyyy-MM-dd HH:mm:ss, China Standard Time; a date alone is its beginning."""
    OBJECT = "object"
    """Anything, handed on as it is; answers carry lists of rows so."""


_DECIMALS: Final = {Kind.MONEY: 2, Kind.RATIO: 4, Kind.QUANTITY: 4, Kind.PRICE: 6, Kind.COUNT: 0}
_DIGITS: Final = {Kind.RATIO: 5}
_DIGITS_MAX: Final = 16
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_DAY: Final = re.compile(r"(\d{4})[-/]?(\d{2})[-/]?(\d{2})")
_MOMENT: Final = re.compile(r"(.{8,10})[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?Z?")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a node.

    `chars` bounds text, `least` and `most` bound numbers in the unit of the kind, and `values`
    closes a list of codes. A field that is `required` must say something.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    chars: int = 0
    least: int | None = None
    most: int | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an input or an output: an object, or, where `many`, a list of them.

    One without a name stands for the output itself: its fields, or, where `many`, its rows, are not
    inside anything. `most` bounds the rows of a list. Fields that a node does not name are let pass
    in a request and handed to nobody: provinces add their own.
    """

    name: str
    meaning: str
    fields: tuple[Field, ...]
    many: bool = False
    required: bool = True
    most: int = limits.GATEWAY_ROWS_MAX


def text(name: str, chars: int, meaning: str, **options: Any) -> Field:  # noqa: ANN401
    """Return a field of text; `options` are fields of `Field`."""
    return Field(name, Kind.TEXT, meaning, chars=chars, **options)


def money(name: str, meaning: str, **options: Any) -> Field:  # noqa: ANN401
    """Return a field of an amount."""
    return Field(name, Kind.MONEY, meaning, **options)


def code(name: str, meaning: str, **options: Any) -> Field:  # noqa: ANN401
    """Return a field of a code of at most six characters."""
    return Field(name, Kind.TEXT, meaning, chars=options.pop("chars", 6), **options)


def moment(name: str, meaning: str, **options: Any) -> Field:  # noqa: ANN401
    """Return a field of a date with a time."""
    return Field(name, Kind.MOMENT, meaning, **options)


def day(name: str, meaning: str, **options: Any) -> Field:  # noqa: ANN401
    """Return a field of a date."""
    return Field(name, Kind.DATE, meaning, **options)


def digits_of(field: Field) -> tuple[int, int]:
    """Return how many digits a number has before its point and after it.

    >>> digits_of(money("balc", "账户余额")), digits_of(Field("selfpay_prop", Kind.RATIO, "比例"))
    ((14, 2), (1, 4))
    """
    decimals = _DECIMALS[field.kind]
    return _DIGITS.get(field.kind, _DIGITS_MAX) - decimals, decimals


# --- reading -----------------------------------------------------------------------------------


def read_nodes(nodes: Sequence[Node], said: Mapping[str, Any], faults: list[Fault]) -> Nodes:
    """Return what an input says, by node; what is wrong with it is added to `faults`.

    Args:
        nodes: The nodes that the transaction has.
        said: The input as JSON has it, names as the definitions have them.
        faults: All faults so far; paths look like `feedetail[2].cnt`.
    """
    found: dict[str, Any] = {}
    for node in nodes:
        value = said.get(node.name)
        if value is None or value in ("", {}):
            found[node.name] = [] if node.many else None
            if node.required:
                faults.append(Fault(node.name, f"missing; {node.meaning}"))
        elif node.many:
            found[node.name] = _read_rows(node, value, faults)
        else:
            # Some clients wrap the one object of a node into a list.
            one = value[0] if isinstance(value, list) and len(value) == 1 else value
            found[node.name] = read_row(node.fields, one, node.name, faults)
    return found


def _read_rows(node: Node, value: object, faults: list[Fault]) -> list[Values]:
    rows = value if isinstance(value, list) else [value]
    if not rows and node.required:
        faults.append(Fault(node.name, "has no rows; send one at least"))
    if len(rows) > node.most:
        faults.append(Fault(node.name, f"has {len(rows)} rows; send at most {node.most} a call"))
        return []
    return [read_row(node.fields, row, f"{node.name}[{at}]", faults) for at, row in enumerate(rows)]


def read_row(
    fields: Sequence[Field], row: object, path: str, faults: list[Fault]
) -> dict[str, Any]:
    """Return what a row says, by field; what is wrong with it is added to `faults`."""
    if not isinstance(row, Mapping):
        faults.append(Fault(path, f"{type(row).__name__} is no object of fields"))
        return {field.name: None for field in fields}
    found: dict[str, Any] = {}
    for field in fields:
        value = row.get(field.name)
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            found[field.name] = None
            if field.required:
                faults.append(Fault(f"{path}.{field.name}", f"missing; {field.meaning}"))
            continue
        try:
            found[field.name] = _READERS[field.kind](field, value)
        except ValueError as wrong:
            found[field.name] = None
            faults.append(Fault(f"{path}.{field.name}", str(wrong)))
    return found


def _read_text(field: Field, value: Any) -> str:  # noqa: ANN401 - what JSON has
    _check_scalar(value, "text")
    shown = value if isinstance(value, str) else str(value)
    if field.chars and len(shown) > field.chars:
        raise ValueError(f"{len(shown)} characters; at most {field.chars}")
    if not shown.isprintable() and any(not c.isprintable() and c not in "\r\n\t" for c in shown):
        raise ValueError("has a character that cannot be printed")
    if field.values and shown not in field.values:
        raise ValueError(f"{_shown(shown)} is none of {', '.join(field.values)}")
    return shown


def _check_scalar(value: object, wanted: str) -> None:
    scalar = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    if not scalar:
        raise ValueError(f"{type(value).__name__} is no {wanted}")


def _read_number(field: Field, value: Any) -> int:  # noqa: ANN401 - what JSON has
    decimals = _DECIMALS[field.kind]
    number = _decimal(value)
    scaled = number.scaleb(decimals)
    whole = int(scaled)
    if scaled != whole:
        raise ValueError(f"{_shown(value)} has more than {decimals} decimals")
    bound = 10 ** _DIGITS.get(field.kind, _DIGITS_MAX)
    if abs(whole) >= bound:
        raise ValueError(f"{_shown(value)} is beyond what the field holds")
    if field.least is not None and whole < field.least:
        raise ValueError(f"{_shown(value)} is below {Decimal(field.least).scaleb(-decimals)}")
    if field.most is not None and whole > field.most:
        raise ValueError(f"{_shown(value)} is above {Decimal(field.most).scaleb(-decimals)}")
    return whole


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - what JSON has
    _check_scalar(value, "number")
    written = str(value)
    if len(written) > limits.GATEWAY_NUMBER_CHARS_MAX:
        raise ValueError(f"{len(written)} characters are too many for a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(written):
        raise ValueError(f"{_shown(value)} is no decimal number")
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > limits.GATEWAY_NUMBER_CHARS_MAX:
        raise ValueError(f"{_shown(value)} is no number that the field holds")
    return number


def _read_day(_field: Field, value: Any) -> date:  # noqa: ANN401 - what JSON has
    written = value if isinstance(value, str) else ""
    with_time = _MOMENT.fullmatch(written)
    found = _DAY.fullmatch(with_time[1] if with_time else written)
    if found is None:
        raise ValueError(f"{_shown(value)} is no date; write it like 2024-05-01")
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        raise ValueError(f"{_shown(value)} is no day of the calendar") from None


def _read_moment(field: Field, value: Any) -> datetime:  # noqa: ANN401 - what JSON has
    day_of = _read_day(field, value)
    found = _MOMENT.fullmatch(value)
    hours, minutes, seconds = (int(found[at] or 0) for at in (2, 3, 4)) if found else (0, 0, 0)
    try:
        return datetime(
            day_of.year, day_of.month, day_of.day, hours, minutes, seconds, 0, CHINA_STANDARD_TIME
        )
    except ValueError:
        raise ValueError(f"{_shown(value)} has no time of a day") from None


def _read_object(_field: Field, value: Any) -> object:  # noqa: ANN401 - what JSON has
    return value


def _shown(value: object) -> str:
    shown = repr(value) if isinstance(value, str) else str(value)
    most = limits.VALUE_CHARS_SHOWN_MAX
    return shown if len(shown) <= most else f"{shown[:most]}…"


_READERS: Final[dict[Kind, Callable[[Field, Any], object]]] = {
    Kind.TEXT: _read_text,
    Kind.DATE: _read_day,
    Kind.MOMENT: _read_moment,
    Kind.OBJECT: _read_object,
    **dict.fromkeys(_DECIMALS, _read_number),
}

# --- writing -----------------------------------------------------------------------------------


def write_nodes(nodes: Sequence[Node], said: Nodes) -> object:
    """Return the output as JSON has it; a node that is not said is null, or an empty list."""
    output: dict[str, Any] = {}
    for node in nodes:
        found = said.get(node.name)
        if node.many:
            rows = [write_row(node.fields, row) for row in found or ()]
            if not node.name:
                return rows
            output[node.name] = rows
        elif not node.name:
            output |= write_row(node.fields, found or {})
        else:
            output[node.name] = None if found is None else write_row(node.fields, found)
    return output


def write_row(fields: Sequence[Field], row: Values) -> dict[str, Any]:
    """Return a row with every field of its node; what has no value is null."""
    return {
        field.name: None
        if (value := row.get(field.name)) is None
        else _WRITERS[field.kind](field, value)
        for field in fields
    }


def decimal_text(scaled: int, decimals: int) -> str:
    """Return a whole number of the last decimal as a decimal number.

    >>> decimal_text(-452, 2), decimal_text(500, 4), decimal_text(7, 0)
    ('-4.52', '0.0500', '7')
    """
    if not decimals:
        return str(scaled)
    whole, part = divmod(abs(scaled), 10**decimals)
    return f"{'-' if scaled < 0 else ''}{whole}.{part:0{decimals}d}"


def _write_number(field: Field, value: Any) -> object:  # noqa: ANN401 - a whole number
    # As the digits themselves, so that no float comes near an amount.
    return orjson.Fragment(decimal_text(value, _DECIMALS[field.kind]).encode())


def _write_day(_field: Field, value: Any) -> str:  # noqa: ANN401 - a date
    shown: str = value.isoformat()
    return shown


def _write_moment(_field: Field, value: Any) -> str:  # noqa: ANN401 - a datetime
    shown: str = value.astimezone(CHINA_STANDARD_TIME).strftime("%Y-%m-%d %H:%M:%S")
    return shown


def _write_text(_field: Field, value: Any) -> object:  # noqa: ANN401 - text or what JSON has
    return value


_WRITERS: Final[dict[Kind, Callable[[Field, Any], object]]] = {
    Kind.TEXT: _write_text,
    Kind.DATE: _write_day,
    Kind.MOMENT: _write_moment,
    Kind.OBJECT: _write_text,
    **dict.fromkeys(_DECIMALS, _write_number),
}
