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
    DECIDING,
    FILES,
    KEYS,
    NEEDS,
    OPTIONAL_FILES,
    Cell,
)
from medsettle.gateway.directory_sheet import SUFFIXES, Faults, Sheet, checked_rows, open_sheet
from medsettle.gateway.filing import Filing

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
    fields = ", ".join(f'"{cell.field}"' for cell in FILES[file])
    with lock:
        rows = [*connection.execute(f"SELECT {fields} FROM {file} {rest}", values)]
    return tuple(map(_MAKERS[file], rows))


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
            # It is written once and never recovered.
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            f"PRAGMA cache_size = -{limits.DIRECTORY_CACHE_KIB}",
        ):
            connection.execute(statement)
        sheets = {name: sheet for name, sheet in _sheets(folder, faults) if sheet}
        with connection:
            for name, cells in FILES.items():
                _create(connection, name, cells)
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
    for name, cells in FILES.items():
        there = [path for suffix in SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
        if len(there) > 1:
            faults.add(str(there[0]), f"{there[1].name} is there as well; keep one of them")
        elif there:
            yield name, open_sheet(there[0], cells, faults)
        elif name not in OPTIONAL_FILES:
            faults.add(str(folder / f"{name}.csv"), f"is missing, and {name}.parquet too")


def _create(connection: apsw.Connection, name: str, cells: Sequence[Cell]) -> None:
    fields = ", ".join(f'"{cell.field}" TEXT NOT NULL' for cell in cells)
    connection.execute(f'CREATE TABLE {name} ("row" INTEGER PRIMARY KEY, {fields})')


def _fill(connection: apsw.Connection, name: str, sheet: Sheet, faults: Faults) -> None:
    marks = ", ".join("?" * (len(sheet.cells) + 1))
    for first, columns in checked_rows(sheet, faults):
        if faults.count:
            # Nothing of this reading will be used: the rest is read for its faults alone.
            continue
        texts = (column.to_pylist() for column in columns)
        numbers = range(first, first + len(columns[0]))
        connection.executemany(
            f"INSERT INTO {name} VALUES ({marks})", zip(numbers, *texts, strict=True)
        )


def _check_keys(connection: apsw.Connection, sheets: dict[str, Sheet], faults: Faults) -> None:
    for name, keys in KEYS.items():
        for number, key in enumerate(keys):
            fields = ", ".join(f'"{each}"' for each in key)
            connection.execute(f"CREATE INDEX {name}_{number} ON {name} ({fields})")
            if name not in sheets:
                continue
            twice = connection.execute(
                f'SELECT min("row"), max("row") FROM {name} GROUP BY {fields} '
                "HAVING count(*) > 1 ORDER BY 1"
            )
            sheet = sheets[name]
            cell = next(each for each in sheet.cells if each.field == key[-1])
            for first, last in twice:
                faults.add(
                    sheet.place(last, cell),
                    f"{_named(sheet, key)} stands in {sheet.place(first)} already; keep one",
                )


def _named(sheet: Sheet, key: tuple[str, ...]) -> str:
    names = [cell.name for field in key for cell in sheet.cells if cell.field == field]
    return f"the same {', '.join(names)}"


def _check_persons(connection: apsw.Connection, sheets: dict[str, Sheet], faults: Faults) -> None:
    """Find rows of persons whom the directory does not have, and pauses without or before a day."""
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
    _check_order(connection, sheets, faults, "enrolments", ("start_date", "paused_date"))
    _check_order(connection, sheets, faults, "identities", ("start_date", "end_date"))
    _check_order(connection, sheets, faults, "filings", ("begndate", "enddate"))
    for name, needs in NEEDS.items():
        if name in sheets:
            _check_needs(connection, sheets[name], faults, name, needs)


def _check_needs(
    connection: apsw.Connection,
    sheet: Sheet,
    faults: Faults,
    name: str,
    needs: dict[str, tuple[str, ...]],
) -> None:
    """Find cells that are blank although another one of the row asks for them."""
    cells = {cell.field: cell for cell in sheet.cells}
    deciding = DECIDING[name]
    for value, fields in needs.items():
        for field in fields:
            blank = connection.execute(
                f'SELECT "row" FROM {name} WHERE "{deciding}" = ? AND "{field}" = \'\' ORDER BY 1',
                (value,),
            )
            for (row,) in blank:
                faults.add(
                    sheet.place(row, cells[field]),
                    f"missing; {cells[deciding].name} {value} needs {cells[field].expected}",
                )


def _check_order(
    connection: apsw.Connection,
    sheets: dict[str, Sheet],
    faults: Faults,
    name: str,
    span: tuple[str, str],
) -> None:
    if name not in sheets:
        return
    first, last = span
    sheet = sheets[name]
    cells = {cell.field: cell for cell in sheet.cells}
    turned = connection.execute(
        f'SELECT "row", {first}, {last} FROM {name} '
        f"WHERE {last} <> '' AND {last} < {first} ORDER BY 1"
    )
    for row, begun, ended in turned:
        faults.add(
            sheet.place(row, cells[last]), f"{ended} lies before {cells[first].name} {begun}"
        )
