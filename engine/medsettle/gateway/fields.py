"""Fields and nodes of the national interface, and how they are written to an answer.

Types as the interface has them: Cn is text of at most n characters, N p,s a decimal number. Amounts
are read as whole fen, quantities as 1/10,000 of a unit, prices as micro-yuan, ratios as 1/10,000;
a request may give a number as a JSON number or as text (how, `medsettle.gateway.reading` says).
Nothing stated is None: a field that is missing, null or empty. A client that has no value for a
number sends "0", which is the number.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

import orjson

from medsettle import limits
from medsettle.core.dates import CHINA_STANDARD_TIME

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
    """N16,6, yuan; a whole number of micro-yuan. What a request gives more exactly is cut."""
    COUNT = "count"
    """A whole number."""
    DATE = "date"
    """yyyy-MM-dd; of a date with a time, the date."""
    MOMENT = "moment"
    """yyyy-MM-dd HH:mm:ss, China Standard Time, or UTC where it ends in Z; a date alone is its
    beginning. Requests may write it otherwise (`medsettle.gateway.reading`)."""
    OBJECT = "object"
    """Anything, handed on as it is; answers carry lists of rows so."""


DECIMALS: Final = {Kind.MONEY: 2, Kind.RATIO: 4, Kind.QUANTITY: 4, Kind.PRICE: 6, Kind.COUNT: 0}
_DIGITS: Final = {Kind.RATIO: 5}
_DIGITS_MAX: Final = 16


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
    # Looked up once: an answer has a thousand fields, and members of an enumeration hash slowly.
    write: Callable[[Any], object] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "write", _WRITERS[self.kind])


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
    decimals = DECIMALS[field.kind]
    return _DIGITS.get(field.kind, _DIGITS_MAX) - decimals, decimals


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
        field.name: None if (value := row.get(field.name)) is None else field.write(value)
        for field in fields
    }


def decimal_text(scaled: int, decimals: int) -> str:
    """Return a whole number of the last decimal as a decimal number.

    >>> decimal_text(-452, 2), decimal_text(500, 4), decimal_text(7, 0)
    ('-4.52', '0.0500', '7')
    """
    if not decimals:
        return str(scaled)
    digits = str(abs(scaled)).rjust(decimals + 1, "0")
    return f"{'-' if scaled < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def _number_writer(decimals: int) -> Callable[[int], object]:
    def write(value: int) -> object:
        # As the digits themselves, so that no float comes near an amount.
        return orjson.Fragment(decimal_text(value, decimals).encode())

    return write


def _write_day(value: date) -> str:
    return value.isoformat()


def _write_moment(value: datetime) -> str:
    return value.astimezone(CHINA_STANDARD_TIME).strftime("%Y-%m-%d %H:%M:%S")


def _as_it_is(value: object) -> object:
    return value


_WRITERS: Final[dict[Kind, Callable[[Any], object]]] = {
    Kind.TEXT: _as_it_is,
    Kind.DATE: _write_day,
    Kind.MOMENT: _write_moment,
    Kind.OBJECT: _as_it_is,
    **{kind: _number_writer(decimals) for kind, decimals in DECIMALS.items()},
}
