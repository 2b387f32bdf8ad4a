"""The rows of a directory in SQLite: put in once, then looked up by number in some microseconds.

The database is SQLite's own temporary one: it has no name, goes to disk where it does not fit its
cache, and is gone with its connection. So a million persons need no more memory than a thousand.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import apsw
import pyarrow.compute as pc

from medsettle import limits
from medsettle.gateway.directory import (
    Credential,
    Enrolment,
    FilingEffect,
    Identity,
    Institution,
    Person,
)
from medsettle.gateway.directory_cells import (
    FILES,
    KEYS,
    OPTIONAL_FILES,
)
from medsettle.gateway.directory_sheet import SUFFIXES, Faults, Sheet, checked_rows, open_sheet
from medsettle.gateway.filing import Filing

# No cell may hold it.
_SEPARATOR: Final = "\x1f"
_SEARCHED: Final = {"institutions": ("name", "type"), "credentials": ("person",)}
"""File -> fields that are searched besides its keys."""
_OF_PERSONS: Final = ("enrolments", "identities", "credentials", "filings")


class Store:
    """The rows of one reading of the files; several threads may look things up."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        # One call asks for the same person several times, and one visit makes several calls. The
        # store is no part of what is kept, so that it goes, with its files, when it is dropped.
        reader = partial(_found, connection, self._lock)
        self._records = lru_cache(maxsize=limits.DIRECTORY_LOOKUPS_KEPT)(reader)

    def records(self, file: str, *values: str, key: int = 0) -> tuple[Any, ...]:
        """Return the records of a file whose key begins with these values, in its order.

        `key` is the number of the key in `KEYS`. Records are made once and are read-only.
        """
        return self._records(file, key, values)

    def institutions_named(self, part: str, kind: str, most: int) -> tuple[Any, ...]:
        """Return the first institutions of a national type whose name has a part, by code."""
        rest = f'WHERE "type" = ? AND instr("name", ?) ORDER BY {_order("institutions")} LIMIT ?'
        return _made(self._connection, self._lock, "institutions", rest, (kind, part, most))

    def count(self, file: str) -> int:
        """Return how many rows a file has."""
        with self._lock:
            return int(self._connection.execute(f"SELECT count(*) FROM {file}").get)

    def close(self) -> None:
        """Give back memory and disk. A look-up that goes on ends first."""
        with self._lock:
            self._connection.close()


def _found(
    connection: apsw.Connection, lock: threading.Lock, file: str, key: int, values: tuple[str, ...]
) -> tuple[Any, ...]:
    names = KEYS[file][key][: len(values)]
    where = " AND ".join(f'"{name}" = ?' for name in names)
    return _made(connection, lock, file, f"WHERE {where} ORDER BY {_order(file)}, row", values)


def _made(
    connection: apsw.Connection,
    lock: threading.Lock,
    file: str,
    rest: str,
    values: tuple[str | int, ...],
) -> tuple[Any, ...]:
    with lock:
        rows = [*connection.execute(f"SELECT cells FROM {file} {rest}", values)]
    return tuple(_MAKERS[file](cells.split(_SEPARATOR)) for (cells,) in rows)


def _order(file: str) -> str:
    return ", ".join(f'"{name}"' for name in KEYS[file][0])


def _maker(kind: Callable[..., Any], file: str) -> Callable[[Sequence[str]], Any]:
    """Return what makes a record of a row of a file."""
    cells = FILES[file]

    def made(row: Sequence[str]) -> Any:  # noqa: ANN401 - a record of the kind
        values = {cell.field: cell.value(text) for cell, text in zip(cells, row, strict=True)}
        return kind(**values)

    return made


def _filing(row: Sequence[str]) -> Filing:
    """Return a filing that the bureau made before; what it says is by national names."""
    stated = {cell.name: text for cell, text in zip(FILES["filings"], row, strict=True) if text}
    return Filing(
        stated["trt_dcla_detl_sn"],
        stated["infno"],
        stated["psn_no"],
        stated["insuplc_admdvs"],
        stated,
        seq=0,
    )


_MAKERS: Final[dict[str, Callable[[Sequence[str]], Any]]] = {
    "institutions": _maker(Institution, "institutions"),
    "persons": _maker(Person, "persons"),
    "enrolments": _maker(Enrolment, "enrolments"),
    "identities": _maker(Identity, "identities"),
    "credentials": _maker(Credential, "credentials"),
    "filings": _filing,
    "filing_effects": _maker(FilingEffect, "filing_effects"),
}


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a directory by name; what is missing is not among them."""
    places = ((name, folder / f"{name}{suffix}") for name in FILES for suffix in SUFFIXES)
    return {name: path for name, path in places if path.is_file()}


def read_store(folder: Path) -> Store:
    """Return the rows of a folder.

    Raises:
        InvalidRequest: Everything that is wrong with the files, each with file and line.
        OSError: A file cannot be read.
    """
    faults = Faults()
    connection = apsw.Connection("")
    try:
        for statement in (
            # It is written once and never recovered; only a statement that fails is undone.
            "PRAGMA journal_mode = MEMORY",
            "PRAGMA synchronous = OFF",
            f"PRAGMA cache_size = -{limits.DIRECTORY_CACHE_KIB}",
        ):
            connection.execute(statement)
        sheets = {name: sheet for name, sheet in _sheets(folder, faults) if sheet}
        with connection:
            for name in FILES:
                _create(connection, name)
                if name in sheets:
                    _fill(connection, name, sheets[name], faults)
        faults.refuse()
        _check_keys(connection, sheets, faults)
        _check_persons(connection, sheets, faults)
        faults.refuse()
    except BaseException:
        connection.close()
        raise
    return Store(connection)


def _sheets(folder: Path, faults: Faults) -> Iterator[tuple[str, Sheet | None]]:
    if not folder.is_dir():
        faults.add(str(folder), "is no folder; name the one with institutions.csv and persons.csv")
        return
    for name in FILES:
        there = [path for suffix in SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
        if len(there) > 1:
            faults.add(str(there[0]), f"{there[1].name} is there as well; keep one of them")
        elif there:
            yield name, open_sheet(name, there[0], faults)
        elif name not in OPTIONAL_FILES:
            faults.add(str(folder / f"{name}.csv"), f"is missing, and {name}.parquet too")


def _create(connection: apsw.Connection, name: str) -> None:
    fields = "".join(f', "{field}" TEXT NOT NULL' for field in _stored(name))
    # A row is kept as one text: splitting it when it is asked for costs less than a million times
    # a dozen columns.
    connection.execute(
        f"CREATE TABLE {name} (row INTEGER PRIMARY KEY{fields}, cells TEXT NOT NULL)"
    )


def _stored(name: str) -> list[str]:
    """Return the fields of a file that are columns of their own, for they are searched."""
    return list(
        dict.fromkeys([*(field for key in KEYS[name] for field in key), *_SEARCHED.get(name, ())])
    )


def _fill(connection: apsw.Connection, name: str, sheet: Sheet, faults: Faults) -> None:
    stored = _stored(name)
    marks = ", ".join("?" * (len(stored) + 2))
    for first, columns in checked_rows(sheet, faults):
        if faults.count:
            # Nothing of this reading will be used: the rest is read for its faults alone.
            continue
        at = {cell.field: column for cell, column in zip(sheet.cells, columns, strict=True)}
        own = [at[each] for each in stored]
        whole = pc.binary_join_element_wise(*columns, _SEPARATOR)
        connection.executemany(
            f"INSERT INTO {name} VALUES ({marks})",
            zip(
                range(first, first + len(whole)),
                *(column.to_pylist() for column in (*own, whole)),
                strict=True,
            ),
        )


def _check_keys(connection: apsw.Connection, sheets: dict[str, Sheet], faults: Faults) -> None:
    for name, keys in KEYS.items():
        for number, key in enumerate(keys):
            fields = ", ".join(f'"{each}"' for each in key)
            made = f"INDEX {name}_{number} ON {name} ({fields})"
            try:
                connection.execute(f"CREATE UNIQUE {made}")
            except apsw.ConstraintError:
                connection.execute(f"CREATE {made}")
                _tell_twice(connection, sheets[name], key, faults)


def _tell_twice(
    connection: apsw.Connection, sheet: Sheet, key: tuple[str, ...], faults: Faults
) -> None:
    fields = ", ".join(f'"{each}"' for each in key)
    twice = connection.execute(
        f"SELECT min(row), max(row) FROM {sheet.name} GROUP BY {fields} "
        "HAVING count(*) > 1 ORDER BY 1"
    )
    cell = next(each for each in sheet.cells if each.field == key[-1])
    for first, last in twice:
        text = f"{_named(sheet, key)} stands in {sheet.place(first)} already; keep one"
        faults.add(sheet.place(last, cell), text)


def _named(sheet: Sheet, key: tuple[str, ...]) -> str:
    names = [cell.name for field in key for cell in sheet.cells if cell.field == field]
    return f"the same {', '.join(names)}"


def _check_persons(connection: apsw.Connection, sheets: dict[str, Sheet], faults: Faults) -> None:
    """Find rows of persons whom the directory does not have."""
    for name in _OF_PERSONS:
        if name not in sheets:
            continue
        sheet = sheets[name]
        strangers = connection.execute(
            f'SELECT "row", person FROM {name} AS each WHERE NOT EXISTS '
            "(SELECT 1 FROM persons WHERE persons.person = each.person) ORDER BY 1"
        )
        for row, person in strangers:
            shown = repr(person)
            faults.add(
                sheet.place(row, sheet.cells[0]), f"{shown} is not in {sheets['persons'].path.name}"
            )
