"""What a column is: its name, kind, bounds, national alias and meaning."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyarrow as pa

from medsettle import limits


class Kind(StrEnum):
    """How a column is written: as a code, a date, an amount of fen, and so on."""

    CODE = "code"
    CODES = "codes"
    DATE = "date"
    FEN = "fen"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


_ARROW: Final[dict[Kind, pa.DataType]] = {
    Kind.CODE: pa.string(),
    Kind.CODES: pa.list_(pa.string()),
    Kind.DATE: pa.date32(),
    Kind.FEN: pa.int64(),
    Kind.INTEGER: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, kind, bounds, national alias and meaning.

    `least` and `most` bound numbers inclusively and the length of codes; `values` closes a code
    list; `required` says whether a claim without it is refused.
    """

    name: str
    kind: Kind
    doc: str
    alias: str = ""
    required: bool = True
    least: int = 0
    most: int = limits.AMOUNT_FEN_MAX
    values: tuple[str, ...] = ()

    def arrow_field(self) -> pa.Field:
        """Return the Arrow field, the national alias in its metadata."""
        metadata = {"doc": self.doc}
        if self.alias:
            metadata["alias"] = self.alias
        return pa.field(self.name, _ARROW[self.kind], not self.required, metadata)


def code(name: str, doc: str, alias: str = "", **options: object) -> Column:
    """Return a column of codes; `options` are fields of `Column`."""
    chars: int = limits.CODE_CHARS_MAX
    return Column(name, Kind.CODE, doc, alias, **{"least": 1, "most": chars, **options})  # type: ignore[arg-type]


def fen(name: str, doc: str, alias: str = "") -> Column:
    """Return a column of amounts, which a cancel makes negative."""
    bound = limits.AMOUNT_FEN_MAX
    return Column(name, Kind.FEN, doc, alias, least=-bound, most=bound)


def count(name: str, doc: str, most: int, alias: str = "") -> Column:
    """Return a column of whole numbers from 0 to `most` that need not be stated."""
    return Column(name, Kind.INTEGER, doc, alias, required=False, most=most)
