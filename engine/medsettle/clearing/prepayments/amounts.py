"""What months and days cleared between areas, out of the tables that clearing produces.

A table has a column `month` (2026-03) or `day` (2026-03-17), `insured`, `care`, `fund` and
`amount_fen`, or `amount_yuan` where people wrote it. The names of a payable table do as well:
`clearing_month`, `insured_province`, `care_province`, `fund_line` and `net_fen`. Rows of the same
line and time add up.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from medsettle import limits
from medsettle.clearing.months.month import month_of
from medsettle.clearing.prepayments.prepayment import Line, line_of
from medsettle.core.money import fen_from_yuan
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.values import day as day_of
from medsettle.policy.vocabulary import quoted

_LINE: Final = ("insured", "care", "fund")
_FEN, _YUAN = "amount_fen", "amount_yuan"
_ALSO_CALLED: Final = {
    "clearing_month": "month",
    "record_date": "day",
    "insured_province": "insured",
    "care_province": "care",
    "fund_line": "fund",
    "net_fen": _FEN,
}
_FAULTS_TOLD_MAX: Final = 50
_NOTHING: Final = "has no rows; give the table of what was cleared"
_ALL_WITHIN: Final = (
    "has only rows within a province, between whose cities nothing is prepaid; give a table of "
    "what provinces owe one another"
)


def read_amounts(path: Path, time: str) -> dict[tuple[Line, date], int]:
    """Return what was cleared by line and month or day.

    Args:
        path: CSV, Parquet or Arrow; any other ending is read as CSV. Of a payable table what is
            owed within a province is passed over.
        time: `month` or `day`: the column that says when. Where only the other is there, days add
            up to months; months are never split into days.

    Raises:
        InvalidRequest: All faults of the file, each with its row.
        OSError: The file is not there or cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; name a file that does")
    reader: _Reading | None = None
    number = 0
    for number, row in enumerate(_rows(path), 1):
        if number > limits.PREPAYMENT_ROWS_MAX:
            raise InvalidRequest([*(reader.faults if reader else ()), _too_many(path)])
        if _within_a_province(row):
            continue
        found = _renamed(row)
        if reader is None:
            column = time if time in found or "day" not in found else "day"
            _check_head(path, found, column)
            reader = _Reading(path.name, column, time)
        reader.add(number, found)
    if reader is None:
        raise InvalidRequest([Fault(path.name, _NOTHING if number == 0 else _ALL_WITHIN)])
    if reader.faults:
        raise InvalidRequest(reader.faults)
    return reader.found


def _too_many(path: Path) -> Fault:
    text = f"more than {limits.PREPAYMENT_ROWS_MAX:,} rows; sum them up by line and day"
    return Fault(f"{path.name} row {limits.PREPAYMENT_ROWS_MAX + 1}", text)


def _renamed(row: Mapping[str, object]) -> Mapping[str, object]:
    """Return a row by our names; a column that has one already stays what it is."""
    own = {name: value for name, value in row.items() if name not in _ALSO_CALLED}
    also = {_ALSO_CALLED[name]: row[name] for name in row if name in _ALSO_CALLED}
    return also | own


def _within_a_province(row: Mapping[str, object]) -> bool:
    """Return whether a row of a payable table is between cities of one province.

    Between those nothing is prepaid; a file of one's own must name two areas.
    """
    insured = row.get("insured_province")
    return insured not in {None, ""} and insured == row.get("care_province")


def _check_head(path: Path, first: Mapping[str, object], column: str) -> None:
    missing = [name for name in (column, *_LINE) if name not in first]
    if (_FEN in first) == (_YUAN in first):
        missing.append(f"{_FEN} or {_YUAN}, one of them,")
    if missing:
        text = f"needs the column(s) {', '.join(missing)}; it has {', '.join(map(str, first))}"
        raise InvalidRequest([Fault(path.name, text)])


class _Reading:
    """What is read of one file, with the faults found so far."""

    def __init__(self, name: str, column: str, time: str) -> None:
        self._name, self._column, self._time = name, column, time
        self.found: dict[tuple[Line, date], int] = {}
        self.faults: list[Fault] = []

    def add(self, number: int, row: Mapping[str, object]) -> None:
        """Add a row; after some faults no more are told."""
        if len(self.faults) >= _FAULTS_TOLD_MAX:
            return
        at = f"{self._name} row {number}"
        try:
            line = line_of(*(str(row[name]) for name in _LINE))
            when = _time(row[self._column], self._column)
            fen = _fen(row)
        except InvalidRequest as error:
            self.faults += [Fault(f"{at} {fault.path}", fault.message) for fault in error.faults]
            return
        except ValueError as error:
            self.faults.append(Fault(at, str(error)))
            return
        key = (line, when.replace(day=1) if self._time == "month" else when)
        total = self.found.get(key, 0) + fen
        if abs(total) > limits.AMOUNT_FEN_MAX:
            self.faults.append(Fault(at, f"{line} comes to {total} fen, beyond the bound"))
        self.found[key] = total


def _time(value: object, column: str) -> date:
    if isinstance(value, date):
        return day_of(value.isoformat()[:10])
    return month_of(str(value)) if column == "month" else day_of(str(value))


def _fen(row: Mapping[str, object]) -> int:
    if _YUAN in row:
        return fen_from_yuan(str(row[_YUAN]))
    value = row[_FEN]
    text = str(value)
    if isinstance(value, bool) or not text.lstrip("-").isdecimal() or not text.isascii():
        raise ValueError(f"{quoted(text)} is no whole number of fen; correct {_FEN}")
    if abs(int(text)) > limits.AMOUNT_FEN_MAX:
        raise ValueError(f"{text} fen are beyond the bound of {limits.AMOUNT_FEN_MAX}")
    return int(text)


def _rows(path: Path) -> Iterator[Mapping[str, object]]:
    if path.suffix in {".parquet", ".arrow"}:
        for batch in _batches(path):
            _check_names(path, batch.schema.names)
            yield from batch.to_pylist()
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            reader = csv.DictReader(file, strict=True)
            _check_names(path, reader.fieldnames or ())
            for row in reader:
                if None in row or None in row.values():
                    text = "has another number of cells than the head of the file; mend the row"
                    raise InvalidRequest([Fault(path.name, text)])
                yield dict(row)
        except (csv.Error, UnicodeDecodeError) as error:
            raise InvalidRequest([Fault(path.name, f"is no CSV in UTF-8: {error}")]) from error


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        text = f"has the column(s) {', '.join(map(quoted, twice))} more than once; leave one"
        raise InvalidRequest([Fault(path.name, text)])


def _batches(path: Path) -> Iterator[Any]:
    """Yield the batches of a file one by one, so that no more of them is read than may be."""
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches()
            return
        with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
            yield from (reader.get_batch(at) for at in range(reader.num_record_batches))
    except pa.ArrowInvalid as error:
        raise InvalidRequest([Fault(path.name, f"cannot be read: {error}")]) from error
