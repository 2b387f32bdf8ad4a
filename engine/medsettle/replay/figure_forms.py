"""What a figure of a comparison is: its name in two languages, its query, and what it shows.

A query answers in whole numbers: fen, counts, codes. Shares and means are exact fractions of two of
its columns and are rounded once, where they are shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

import pyarrow as pa

from medsettle.core.money import half_away, yuan_from_fen


@dataclass(frozen=True, slots=True)
class Words:
    """The same in English and Chinese."""

    en: str
    zh: str


class Shows(StrEnum):
    """What a column shows."""

    TEXT = "text"
    DAY = "day"
    COUNT = "count"
    FEN = "fen"
    CHANGE = "change"
    """Fen with a sign."""
    PERCENT = "percent"
    """A whole number of percent."""
    SHARE = "share"
    """A fraction of two columns, in percent with two decimals."""
    GROWTH = "growth"
    """As `SHARE`, with a sign."""
    MEAN = "mean"
    """A fraction of fen and a count, with a sign, in whole fen."""
    GINI = "gini"
    """A Gini coefficient out of `n`, `sum` and `weighted`, with four decimals."""


NUMBERS = {*Shows} - {Shows.TEXT, Shows.DAY}


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of a figure: its name in the query, or the two that it is a fraction of.

    `codes` names the code list whose words stand beside the code, `titled_by` the column of the
    query that has its title. What is not `on_page` stands in the other files only, where there is
    room for it.
    """

    name: str
    words: Words
    shows: Shows
    of: tuple[str, str] | None = None
    codes: str = ""
    on_page: bool = True
    titled_by: str = ""


@dataclass(frozen=True, slots=True)
class FigureForm:
    """A figure: its name, its heading, what is to be known of it, its query and its columns."""

    name: str
    words: Words
    note: Words
    sql: str
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the answer to its query: whole numbers, texts and days."""

    form: FigureForm
    table: pa.Table

    def rows(self) -> list[dict[str, Any]]:
        """Return the answer, row by row."""
        found: list[dict[str, Any]] = self.table.to_pylist()
        return found

    def number(self, name: str, row: int = 0) -> int:
        """Return a number of the answer; one that is absent is 0."""
        value = self.table.column(name)[row].as_py()
        return int(value or 0)


def percent_text(share: Fraction) -> str:
    """Return a share in percent with two decimals.

    >>> percent_text(Fraction(1, 3)), percent_text(Fraction(-1, 800))
    ('33.33 %', '-0.13 %')
    """
    hundredths = half_away(share * 10_000)
    sign = "-" if hundredths < 0 else ""
    whole, part = divmod(abs(hundredths), 100)
    return f"{sign}{whole:,}.{part:02d} %"


def share_of(row: Mapping[str, object], of: tuple[str, str]) -> Fraction | None:
    """Return the fraction of two columns of a row; None where one is absent or it is of nothing."""
    above, below = row[of[0]], row[of[1]]
    if not isinstance(above, int) or not isinstance(below, int) or below == 0:
        return None
    return Fraction(above, below)


def gini(n: int, total: int, weighted: int) -> Fraction | None:
    """Return a Gini coefficient: 0 where all have the same, near 1 where one has all.

    Args:
        n: How many values there are.
        total: Their sum; of nothing there is no coefficient.
        weighted: The sum of each value times its place in rising order, from 1.

    >>> gini(4, 4, 1 + 2 + 3 + 4), gini(4, 8, 4 * 8), gini(1, 0, 0)
    (Fraction(0, 1), Fraction(3, 4), None)
    """
    return Fraction(2 * weighted - (n + 1) * total, n * total) if total else None


def _gini_text(row: Mapping[str, object]) -> str:
    numbers = [int(str(row[name])) for name in ("n", "sum", "weighted")]
    found = gini(*numbers)
    if found is None:
        return _ABSENT
    whole, part = divmod(half_away(found * 10_000), 10_000)
    return f"{whole}.{part:04d}"


def shown_text(column: Shown, row: Mapping[str, object]) -> str:
    """Return a cell as people read it; what is absent, or a share of nothing, is a dash."""
    if column.shows is Shows.GINI:
        return _gini_text(row)
    if column.of is not None:
        share = share_of(row, column.of)
        return _ABSENT if share is None else _share_text(column.shows, share)
    value = row[column.name]
    if value is None:
        return _ABSENT
    if column.shows not in NUMBERS:
        return str(value)
    assert isinstance(value, int)
    return _NUMBER_TEXTS[column.shows](value)


def _share_text(shows: Shows, share: Fraction) -> str:
    if shows is Shows.MEAN:
        return _signed(yuan_from_fen(half_away(share)))
    text = percent_text(share)
    return _signed(text) if shows is Shows.GROWTH else text


def _signed(text: str) -> str:
    """Return a number with its sign where it is above zero; the minus is that of typography."""
    if text.startswith("-"):
        return f"−{text[1:]}" if text.strip("-0.,% ") else text[1:]
    return f"+{text}" if text.strip("0.,% ") else text


_ABSENT: Final = "–"
_NUMBER_TEXTS: Final[dict[Shows, Callable[[int], str]]] = {
    Shows.COUNT: "{:,}".format,
    Shows.FEN: yuan_from_fen,
    Shows.CHANGE: lambda fen: _signed(yuan_from_fen(fen)),
    Shows.PERCENT: "{} %".format,
}
