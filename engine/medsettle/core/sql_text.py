"""Columns and texts as SQL writes them, for queries that have to name both."""

from collections.abc import Mapping
from typing import Final

from medsettle.core.columns import Kind

SQL_TYPES: Final[dict[Kind, str]] = {
    Kind.CODE: "varchar",
    Kind.CODES: "varchar[]",
    Kind.DATE: "date",
    Kind.FEN: "bigint",
    Kind.INTEGER: "bigint",
    Kind.BOOLEAN: "boolean",
    Kind.TIMESTAMP: "timestamptz",
}


def quoted(text: str) -> str:
    """Return a text as it is written in SQL."""
    return "'" + text.replace("'", "''") + "'"


def empty_source(kinds: Mapping[str, Kind]) -> str:
    """Return no rows with columns of these kinds, in SQL."""
    typed = ", ".join(f"null::{SQL_TYPES[kind]} as {name}" for name, kind in kinds.items())
    return f"(select {typed} where false)"
