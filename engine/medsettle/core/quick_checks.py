"""Whether claims have a fault at all, found out by columns instead of value by value.

A batch has thousands of values and hardly ever a fault, so each column is asked as a whole: whether
its texts together are printable ASCII, what its smallest and largest numbers are, which dates occur
in it. Where an answer is not plainly "in order", the claims are in doubt, and
`medsettle.core.claim_faults` goes through them; it alone says what is wrong. What is asked here may
be stricter than what is said there, never laxer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, chain, pairwise
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import schema
from medsettle.core.claim_faults import first_year, read_date
from medsettle.core.columns import Column, Kind
from medsettle.core.credentials import check_credential, moment_of
from medsettle.core.dates import day_number
from medsettle.core.line_arrays import LineArrays, lines_in_order
from medsettle.core.tables import ColumnRows, squeezed
from medsettle.errors import Fault

Row: TypeAlias = Mapping[str, object]
Values: TypeAlias = Sequence[Any]

CLAIM_NAMES: Final = tuple(column.name for column in schema.CLAIM)
LINE_NAMES: Final = tuple(column.name for column in schema.LINE)
_CLAIM_KEYS: Final = frozenset((*CLAIM_NAMES, "lines"))
_LINE_KEYS: Final = frozenset(LINE_NAMES)


class InDoubt(Exception):
    """Some claim may have a fault."""


class Lists(NamedTuple):
    """Claims as lists, a value for each claim, and the lines of all of them one after another.

    `counts` has the number of lines of each claim; both dictionaries have all columns. `given` are
    the claims and lines as rows, if they came as such.
    """

    claims: Mapping[str, Values]
    lines: Mapping[str, Values]
    counts: Sequence[int]
    given: tuple[Sequence[Row], Sequence[Row]] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """Claims without faults: their checked rows, and the columns of their lines."""

    rows: list[dict[str, object]]
    lines: Mapping[str, Values]
    arrays: LineArrays


def lists_of(rows: Sequence[Row]) -> Lists:
    """Return claims as lists.

    Raises:
        InDoubt: Something in them is no claim or no line, or has an unknown field.
    """
    claims = _columns_of(rows, (*CLAIM_NAMES, "lines"), _CLAIM_KEYS)
    bills = claims.pop("lines")
    if not {*map(type, bills)} <= {list, tuple, ColumnRows}:
        raise InDoubt
    lines = list(chain.from_iterable(bills))
    columns = _columns_of(lines, LINE_NAMES, _LINE_KEYS)
    return Lists(claims, columns, [*map(len, bills)], (rows, lines))


def checked_lists(lists: Lists) -> Checked:
    """Return claims as checked rows with the columns of their lines.

    Raises:
        InDoubt: Some claim may have a fault, or takes lines back.
    """
    if max(lists.counts, default=0) > limits.LINES_PER_CLAIM_MAX:
        raise InDoubt
    try:
        claims = {each.name: _checked(each, lists.claims[each.name]) for each in schema.CLAIM}
        lines = {each.name: _checked(each, lists.lines[each.name]) for each in schema.LINE}
    except (TypeError, ValueError, OverflowError):
        # Values of a kind that cannot even be compared or joined.
        raise InDoubt from None
    arrays = LineArrays.of(lines, lists.counts)
    admission, service = (_days(claims[name]) for name in ("admission_date", "service_date"))
    if not lines_in_order(arrays, admission, service) or not _visits_in_order(claims):
        raise InDoubt
    ids, start = lines["line_id"], 0
    for count in lists.counts:
        if len({*ids[start : start + count]}) != count:
            raise InDoubt
        start += count
    return Checked(_rows(lists, claims, lines, _tables), lines, arrays)


def rows_of(lists: Lists) -> list[dict[str, object]]:
    """Return claims given as lists as rows."""
    return _rows(lists, lists.claims, lists.lines, _dictionaries)


def part_of(row: dict[str, object], lines: Sequence[Row]) -> Checked:
    """Return a claim gone through by `claim_faults` with those of its lines that count."""
    columns = {name: [line[name] for line in lines] for name in LINE_NAMES}
    return Checked([row], columns, LineArrays.of(columns, [len(lines)]))


def _columns_of(
    rows: Sequence[Row], names: tuple[str, ...], known: frozenset[str]
) -> dict[str, Values]:
    """Return a column for each name; what no row states is None."""
    if not {*map(type, rows)} <= {dict}:
        raise InDoubt
    stated = _common_columns(rows)
    if stated is None:
        if not all(map(known.issuperset, rows)):
            raise InDoubt
        return {name: [row.get(name) for row in rows] for name in names}
    if not known.issuperset(stated):
        raise InDoubt
    nothing = (None,) * len(rows)
    return {name: stated.get(name, nothing) for name in names}


def _common_columns(rows: Sequence[Row]) -> dict[str, Values] | None:
    """Return the columns of rows that have all the same keys, which most senders' rows have."""
    if not rows or {*map(len, rows)} != {len(rows[0])} or len(rows[0]) < _KEYS_OF_A_TUPLE:
        return None
    try:
        columns = zip(*map(itemgetter(*rows[0]), rows), strict=True)
    except KeyError:
        return None
    return dict(zip(rows[0], columns, strict=True))


# Of a single key, itemgetter makes no tuple.
_KEYS_OF_A_TUPLE: Final = 2


def _rows(
    lists: Lists,
    claims: Mapping[str, Values],
    lines: Mapping[str, Values],
    bills_of: Callable[[Mapping[str, Values], Sequence[int]], Iterable[Sequence[object]]],
) -> list[dict[str, object]]:
    """Return the rows of columns, their lines as `bills_of` makes them of columns."""
    bills: Iterable[Sequence[object]]
    if lists.given is None:
        rows = _table(lists.claims, claims, None, len(_CLAIM_KEYS))
        bills = bills_of(lines, lists.counts)
    else:
        given_rows, given_lines = lists.given
        rows = _table(lists.claims, claims, given_rows, len(_CLAIM_KEYS))
        whole = _table(lists.lines, lines, given_lines, len(_LINE_KEYS))
        bills = (whole[start:end] for start, end in _spans(lists.counts))
    for row, bill in zip(rows, bills, strict=True):
        row["lines"] = bill
    return rows


def _spans(counts: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Return where the lines of each claim begin and end."""
    return pairwise(accumulate(counts, initial=0))


def _tables(
    lines: Mapping[str, Values], counts: Sequence[int]
) -> Iterator[Sequence[dict[str, object]]]:
    """Yield the lines of each claim as a table; the lines are checked."""
    for start, end in _spans(counts):
        table = {name: [*values[start:end]] for name, values in lines.items()}
        yield ColumnRows(end - start, squeezed(table)) if end > start else []


def _dictionaries(
    lines: Mapping[str, Values], counts: Sequence[int]
) -> Iterator[Sequence[dict[str, object]]]:
    """Yield the lines of each claim as dictionaries, whatever their values are."""
    rows = [dict(zip(lines, each, strict=True)) for each in zip(*lines.values(), strict=True)]
    for start, end in _spans(counts):
        yield rows[start:end]


def _table(
    before: Mapping[str, Values],
    columns: Mapping[str, Values],
    given: Sequence[Row] | None,
    keys: int,
) -> list[dict[str, object]]:
    """Return the rows of some columns: copies where they are as given, for those cost least.

    Args:
        before: The columns before they were checked.
        columns: The checked columns.
        given: The rows that `before` came from, if any.
        keys: How many keys a row has that states everything.
    """
    if given is None:
        return [
            dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)
        ]
    if not given:
        return []
    if min(map(len, given)) == keys:
        rows = [dict(each) for each in given]
    else:
        nothing = dict.fromkeys(columns)
        rows = [{**nothing, **each} for each in given]
    for name, values in columns.items():
        if values is not before[name]:
            for row, value in zip(rows, values, strict=True):
                row[name] = value
    return rows


def _visits_in_order(claims: Mapping[str, Values]) -> bool:
    """Return whether birth, admission and service of every claim follow, and its credential."""
    dates = zip(*map(claims.get, ("birth_date", "admission_date", "service_date")), strict=True)
    for birth, admission, service in dates:
        if not birth <= admission <= service or service.year - birth.year > limits.AGE_YEARS_MAX:
            return False
    if not any(claims["card"]) and not any(claims["credential_time"]):
        return True
    faults: list[Fault] = []
    names = ("card", "credential_time", "credential_type", "admission_date", "service_date")
    for values in zip(*map(claims.get, names), strict=True):
        check_credential(dict(zip(names, values, strict=True)), faults)
    return not faults


def _days(dates: Sequence[date]) -> NDArray[np.int64]:
    return np.fromiter(map(day_number, dates), dtype=np.int64, count=len(dates))


# --- one column --------------------------------------------------------------------------------


def _checked(column: Column, values: Values) -> Values:
    """Return the checked values of a column; None stands for what is not stated."""
    if not column.required and not any(values) and values.count(None) == len(values):
        return [[] for _ in values] if column.kind is Kind.CODES else values
    return _CHECKS[column.kind](column, values)


def _stated(column: Column, values: Values, *absent: object) -> Values:
    """Return the values that are stated, all of them where the column is required."""
    if all(values):
        return values
    kept = [value for value in values if value is not None and value not in absent]
    if column.required and len(kept) < len(values):
        raise InDoubt
    return kept


def _codes(column: Column, values: Values) -> Values:
    stated = _stated(column, values, "")
    if column.values:
        if not column_values(column).issuperset(stated):
            raise InDoubt
    else:
        _check_texts(stated, column.least, column.most)
    return values if len(stated) == len(values) else [value or None for value in values]


def column_values(column: Column) -> frozenset[str]:
    """Return the code list of a closed column."""
    return _CLOSED[column.name]


_CLOSED: Final = {
    column.name: frozenset(column.values)
    for column in (*schema.CLAIM, *schema.LINE)
    if column.values
}


def _check_texts(texts: Values, least: int, most: int) -> None:
    """Check that texts are printable ASCII without spaces, and as long as they may be."""
    joined = "".join(texts)
    if not (joined.isascii() and joined.isprintable()) or " " in joined:
        raise InDoubt
    lengths = [*map(len, texts)]
    if lengths and not least <= min(lengths) <= max(lengths) <= most:
        raise InDoubt


def _code_lists(column: Column, values: Values) -> Values:
    lists = [[] if value is None else value for value in values]
    if not {*map(type, lists)} <= {list, tuple} or max(map(len, lists)) > column.most:
        raise InDoubt
    _check_texts([*chain.from_iterable(lists)], 1, limits.CODE_CHARS_MAX)
    return [*map(list, lists)]


def _numbers(column: Column, values: Values) -> Values:
    stated = values if column.required else [value for value in values if value is not None]
    if not {*map(type, stated)} <= {int}:
        raise InDoubt
    if stated and not column.least <= min(stated) <= max(stated) <= column.most:
        raise InDoubt
    return values


def _dates(column: Column, values: Values) -> Values:
    read: dict[object, date | None] = {}
    changed = False
    for value in {*values}:
        found = None if value is None else read_date(value)
        if found is None:
            if value is not None or column.required:
                raise InDoubt
        elif not first_year(column.name) <= found.year <= limits.SERVICE_YEAR_MAX:
            raise InDoubt
        read[value] = found
        changed = changed or found is not value
    return [*map(read.__getitem__, values)] if changed else values


def _moments(_: Column, values: Values) -> Values:
    moments = [None if value is None else moment_of(value) for value in values]
    if moments.count(None) != values.count(None):
        raise InDoubt
    return moments


def _booleans(_: Column, values: Values) -> Values:
    if not {*map(type, values)} <= {bool}:
        raise InDoubt
    return values


_CHECKS: Final[dict[Kind, Callable[[Column, Values], Values]]] = {
    Kind.CODE: _codes,
    Kind.CODES: _code_lists,
    Kind.DATE: _dates,
    Kind.BOOLEAN: _booleans,
    Kind.FEN: _numbers,
    Kind.INTEGER: _numbers,
    Kind.TIMESTAMP: _moments,
}
