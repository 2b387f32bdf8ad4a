"""The book under a path, whatever files it is in: who compares and who closes open the same."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from medsettle.audit.manifest import MANIFEST_NAME
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.sources import COLUMNS, Book
from medsettle.clearing.matching.sources_audit import EVERYTHING, Wanted, audit_folder, audited_book
from medsettle.clearing.matching.sources_parquet import parquet_book
from medsettle.clearing.matching.sources_text import csv_book, statement_book
from medsettle.errors import Fault, InvalidRequest

TEXT_SUFFIXES: Final = (".csv", ".txt", ".zip")
BOOK_SUFFIXES: Final = (".parquet", *TEXT_SUFFIXES)
"""How the names of files of books end."""
_NOTHING: Final[Mapping[str, str]] = {}


def opened_book(
    side: Side,
    path: Path,
    scratch: Path,
    *,
    wanted: Wanted = EVERYTHING,
    stated: Mapping[str, str] = _NOTHING,
) -> Book:
    """Open the book at a path: audit tables, Parquet, CSV or the text of 3202.

    Args:
        side: Whose it is.
        path: A data or audit folder of an engine, a file, or a folder of files of one kind.
        scratch: An empty folder for copies; the caller clears it away.
        wanted: Which settlements of audit tables belong to it.
        stated: What is known of all rows of a text file and stands in none.

    Raises:
        FileNotFoundError: There is nothing under that path.
        InvalidRequest: It is no book, or something in it is wrong; with file and row.
        AuditCorrupt: The chain of the audit tables is broken.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; name the book of the {side} side")
    folder = audit_folder(path)
    if folder is not None:
        return audited_book(side, [folder], wanted)
    suffix = suffix_of(path)
    unknown = [name for name in stated if name not in COLUMNS]
    if unknown:
        text = f"no column of a book; known are {', '.join(COLUMNS)}"
        raise InvalidRequest([Fault(f"stated.{name}", text) for name in unknown])
    made: dict[str, Callable[[], Book]] = {
        ".parquet": lambda: parquet_book(side, path),
        ".csv": lambda: csv_book(side, path, scratch, stated=stated),
        ".txt": lambda: statement_book(side, path, scratch, stated=stated),
    }
    made[".zip"] = made[".txt"]
    if suffix not in made:
        text = f"ends in {suffix!r}; expected audit tables, or one of {', '.join(BOOK_SUFFIXES)}"
        raise InvalidRequest([Fault(str(path), text)])
    return made[suffix]()


def suffix_of(path: Path) -> str:
    """Return how the name of a file ends, or how those in a folder do that are of a book.

    Raises:
        InvalidRequest: The files in a folder are of no kind, or of several.
    """
    if path.is_file():
        return path.suffix.lower()
    found = {each.suffix.lower() for each in path.rglob("*") if each.is_file()}
    known = sorted(found & set(BOOK_SUFFIXES))
    if len(known) != 1:
        listed = ", ".join(known) or "none"
        text = f"is a folder without {MANIFEST_NAME}; expected files of one kind, found {listed}"
        raise InvalidRequest([Fault(str(path), text)])
    return known[0]
