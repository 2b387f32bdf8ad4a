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


def literally(path: object) -> str:
    """Return a path by which DuckDB finds this one file, also where its name looks like a pattern.

    What stands for other characters in a pattern stands for itself in brackets.
    """
    return "".join(f"[{each}]" if each in "*?[" else each for each in str(path))


def empty_source(kinds: Mapping[str, Kind]) -> str:
    """Return no rows with columns of these kinds, in SQL."""
    typed = ", ".join(f"null::{SQL_TYPES[kind]} as {name}" for name, kind in kinds.items())
    return f"(select {typed} where false)"
