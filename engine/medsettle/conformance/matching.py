"""Comparing an answer with what is expected of it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from medsettle.conformance.filling import unzipped

_UNZIP: Final = "$unzip"


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield a sentence for everything in which an answer is not what is expected.

    An object must hold the expected fields, and may hold others. A list must hold as many rows,
    in any order. A number is compared as a number, whether it comes as one or as text; null stands
    for every way to say nothing. `{"$unzip": {"columns": names, "rows": rows}}` expects a zipped
    table, whose cells are told by the names.
    """
    if isinstance(expected, Mapping) and _UNZIP in expected:
        yield from _table_differences(expected[_UNZIP], found, path)
    elif isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            yield f"{path or 'answer'}: {shown(found)} is no object"
            return
        for name, value in expected.items():
            yield from differences(value, found.get(name), f"{path}.{name}" if path else name)
    elif isinstance(expected, list):
        yield from _list_differences(expected, found, path)
    elif not _same(expected, found):
        yield f"{path}: {shown(found)} where {shown(expected)} is expected"


def _table_differences(expected: Mapping[str, Any], found: Any, path: str) -> Iterator[str]:  # noqa: ANN401
    try:
        rows = unzipped(found)
    except (ValueError, TypeError) as error:
        yield f"{path}: is no zipped table: {error}"
        return
    names = expected["columns"]
    if wrong := [row for row in rows if len(row) != len(names)]:
        yield f"{path}: a row has {len(wrong[0])} cells where {len(names)} are expected"
        return
    told = [dict(zip(names, row, strict=True)) for row in rows]
    yield from _list_differences(expected["rows"], told, path)


def _list_differences(expected: list[Any], found: Any, path: str) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(found, list):
        yield f"{path}: {shown(found)} is no list"
        return
    if len(found) != len(expected):
        yield f"{path}: {len(found)} rows where {len(expected)} are expected"
        return
    left = list(found)
    for at, row in enumerate(expected):
        match = next((each for each in left if not any(differences(row, each))), None)
        if match is None:
            # The row in the same place is the one that was most likely meant.
            yield from differences(row, found[at], f"{path}[{at}]")
            return
        left.remove(match)


def _same(expected: object, found: object) -> bool:
    if expected is None:
        return found is None or found == ""
    if isinstance(expected, int | Decimal) and not isinstance(expected, bool):
        return number(found) == expected
    return expected == found


def number(value: object) -> Decimal | None:
    """Return the number that a value of an answer is, None where it is none.

    >>> number("12.50"), number(None), number("")
    (Decimal('12.50'), None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def refusal_code(err_msg: object) -> str:
    """Return the stable code in front of an err_msg, empty where there is none.

    >>> refusal_code("[NOT_FOUND] 未找到相应的记录"), refusal_code("未找到")
    ('NOT_FOUND', '')
    """
    text = err_msg if isinstance(err_msg, str) else ""
    return text[1:].partition("]")[0] if text.startswith("[") else ""


def shown(value: object) -> str:
    """Return a value as a sentence shows it."""
    text = str(value) if isinstance(value, Decimal | int) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
