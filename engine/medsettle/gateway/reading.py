"""What a request says, read by the fields of its definition: every fault, with its path.

Real clients write dates and numbers in more ways than the interface has, and these are taken:

- Dates as 2024-05-06, 2024/5/6 or 20240506, with or without 9:10, 09:10:00 or 09:10:00.000 after a
  space or T; digits alone as 20240506091000. Month, day and hour may have one digit between signs.
- Numbers as JSON numbers or text. A JSON number may be the binary neighbour of a decimal that the
  field holds, such as 0.30000000000000004: it means that decimal. A text is exact.
- Prices of more than six decimals, cut to six, half up: the amount of the line is authoritative.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, NamedTuple

from medsettle import limits
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.errors import Fault
from medsettle.gateway.fields import (
    DECIMALS,
    Field,
    Kind,
    Node,
    Nodes,
    Values,
    decimal_text,
    digits_of,
)

_NUMBER: Final = re.compile(r"([+-]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?")
_CLOCK: Final = (
    r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?"
    r"(?:(?P<utc>Z)|\+08:?00)?)?"
)
_MOMENTS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<year>\d{4})([-/])(?P<month>\d{1,2})\2(?P<day>\d{1,2})" + _CLOCK,
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)" + _CLOCK,
        # Digits alone, to the minute, second or millisecond.
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
        r"(?P<hour>\d\d)(?P<minute>\d\d)(?:(?P<second>\d\d)(?:\d{3})?)?(?P<utc>Z)?",
    )
)


class _Beyond(IntEnum):
    """What is done with digits beyond the last decimal of a field."""

    REFUSED = 0
    NOISE_DROPPED = 1
    ROUNDED = 2


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
    fields: tuple[Field, ...], row: object, path: str, faults: list[Fault]
) -> dict[str, Any]:
    """Return what a row says, by field; what is wrong with it is added to `faults`."""
    form = _form(fields)
    found = form.nothing.copy()
    if not isinstance(row, Mapping):
        faults.append(Fault(path, f"{type(row).__name__} is no object of fields"))
        return found
    wrong: set[str] = set()
    for name, value in row.items():
        field = form.fields.get(name)
        if field is None or value is None:
            continue
        stated = value.strip() if type(value) is str else value
        if stated == "":
            continue
        try:
            found[name] = form.readers[name](field, stated)
        except ValueError as error:
            wrong.add(name)
            faults.append(Fault(f"{path}.{name}", str(error)))
    faults += [
        Fault(f"{path}.{name}", f"missing; {form.fields[name].meaning}")
        for name in form.required
        if found[name] is None and name not in wrong
    ]
    return found


class _Form(NamedTuple):
    """What reading a row of some fields needs, worked out once."""

    fields: dict[str, Field]
    readers: dict[str, Callable[[Field, Any], object]]
    nothing: dict[str, Any]
    required: tuple[str, ...]


def _form(fields: tuple[Field, ...]) -> _Form:
    # By identity: definitions last as long as the program, and hashing one costs more than reading.
    form = _FORMS.get(id(fields))
    if form is None:
        form = _Form(
            {field.name: field for field in fields},
            {field.name: _READERS[field.kind] for field in fields},
            {field.name: None for field in fields},
            tuple(field.name for field in fields if field.required),
        )
        _FORMS[id(fields)] = form
        _KEPT.append(fields)
    return form


_FORMS: Final[dict[int, _Form]] = {}
_KEPT: Final[list[tuple[Field, ...]]] = []
"""Fields of the forms, kept so that no others get their identity."""


def _read_text(field: Field, value: Any) -> str:  # noqa: ANN401 - what JSON has
    shown = value if type(value) is str else _scalar(value, "text")
    if field.chars and len(shown) > field.chars:
        raise ValueError(f"{len(shown)} characters; at most {field.chars}")
    if not shown.isprintable() and any(not c.isprintable() and c not in "\r\n\t" for c in shown):
        raise ValueError("has a character that cannot be printed")
    if field.values and shown not in field.values:
        raise ValueError(f"{_shown(shown)} is none of {', '.join(field.values)}")
    return shown


def _scalar(value: object, wanted: str) -> str:
    """Return a text or a number as it was written, a number without an exponent."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{type(value).__name__} is no {wanted}")  # noqa: TRY004 - a fault of form
    if isinstance(value, int):
        return str(value)
    if not value.is_finite() or abs(value.adjusted()) > limits.GATEWAY_NUMBER_CHARS_MAX:
        raise ValueError(f"{_shown(value)} is no number that the field holds")
    return f"{value:f}"


def _read_number(field: Field, value: Any) -> int:  # noqa: ANN401 - what JSON has
    decimals = DECIMALS[field.kind]
    beyond = _Beyond.NOISE_DROPPED if isinstance(value, Decimal) else _Beyond.REFUSED
    if field.kind is Kind.PRICE:
        # The amount of a line is authoritative, and a price is a quotient that never ends.
        beyond = _Beyond.ROUNDED
    whole = _scaled(_scalar(value, "number"), decimals, beyond)
    if abs(whole) >= 10 ** sum(digits_of(field)):
        raise ValueError(f"{_shown(value)} is beyond what the field holds")
    if field.least is not None and whole < field.least:
        raise ValueError(f"{_shown(value)} is below {decimal_text(field.least, decimals)}")
    if field.most is not None and whole > field.most:
        raise ValueError(f"{_shown(value)} is above {decimal_text(field.most, decimals)}")
    return whole


@lru_cache(maxsize=65_536)
def _scaled(text: str, decimals: int, beyond: _Beyond) -> int:
    """Return a decimal number in whole units of its last decimal, by its digits alone.

    >>> exact, noisy, cut = _Beyond
    >>> _scaled("4.52", 2, exact), _scaled("-.5", 4, exact), _scaled("4.5200", 2, exact)
    (452, -5000, 452)
    >>> _scaled("0.30000000000000004", 2, noisy), _scaled("4.5249999999999995", 3, noisy)
    (30, 4525)
    >>> _scaled("0.0416666666667", 6, cut)
    41667
    """
    if len(text) > limits.GATEWAY_NUMBER_CHARS_MAX:
        raise ValueError(f"{len(text)} characters are too many for a number")
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"{_shown(text)} is no decimal number")
    sign, whole, part = found.group(1), found.group(2) or "", found.group(3) or ""
    scaled = int(f"{whole}{part[:decimals]:0<{decimals}}" if decimals else whole or "0")
    if part[decimals:].strip("0"):
        scaled, off = _rounded(scaled, part[decimals:])
        if beyond is _Beyond.REFUSED or (
            beyond is _Beyond.NOISE_DROPPED and not _noise(scaled, off)
        ):
            raise ValueError(f"{_shown(text)} has more than {decimals} decimals")
    return -scaled if sign == "-" else scaled


def _rounded(scaled: int, digits: str) -> tuple[int, Fraction]:
    """Return a number rounded half up by the digits beyond it, and by how much, in its unit."""
    part = Fraction(int(digits), 10 ** len(digits))
    whole = scaled + (2 * part >= 1)
    return whole, abs(scaled + part - whole)


def _noise(scaled: int, off: Fraction) -> bool:
    """Return whether a binary number that is so far off meant the decimal."""
    return (
        off * limits.GATEWAY_NOISE_RELATIVE <= scaled and off * limits.GATEWAY_NOISE_OF_DECIMAL <= 1
    )


def _read_day(_field: Field, value: Any) -> date:  # noqa: ANN401 - what JSON has
    return _moment(_dated(value)).date()


def _read_moment(_field: Field, value: Any) -> datetime:  # noqa: ANN401 - what JSON has
    return _moment(_dated(value))


def _dated(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is no date; write it like 2024-05-01")  # noqa: TRY004
    return value


@lru_cache(maxsize=4_096)
def _moment(text: str) -> datetime:
    found = next(filter(None, (form.fullmatch(text) for form in _MOMENTS)), None)
    if found is None:
        raise ValueError(f"{_shown(text)} is no date; write it like 2024-05-01")
    try:
        day_of = date(*map(int, found.group("year", "month", "day")))
    except ValueError:
        raise ValueError(f"{_shown(text)} is no day of the calendar") from None
    try:
        hour, minute, second = (int(part or 0) for part in found.group("hour", "minute", "second"))
        at = time(hour, minute, second)
    except ValueError:
        raise ValueError(f"{_shown(text)} has no time of a day") from None
    zone = UTC if found["utc"] else CHINA_STANDARD_TIME
    return datetime.combine(day_of, at, zone).astimezone(CHINA_STANDARD_TIME)


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
    **dict.fromkeys(DECIMALS, _read_number),
}
