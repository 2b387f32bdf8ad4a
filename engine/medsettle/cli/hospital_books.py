"""What `medsettle hospital` reads: books and applications, in files and ledgers.

A book in a file has the columns of `medsettle.clearing.matching.book`; a column of a payer that it
does not have is 0, which the sum of the funds would not bear out if it were not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from medsettle import limits
from medsettle.clearing.hospitals.declarations import Application, Sums
from medsettle.clearing.hospitals.holds import Confirmation
from medsettle.clearing.hospitals.reports import READ_COLUMNS, BookRow
from medsettle.clearing.months.month import Month
from medsettle.cli.exits import UnreadableFile
from medsettle.cli.files import read_claims
from medsettle.core.dates import CHINA_STANDARD_TIME, microseconds
from medsettle.core.messages import Message
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.entries import Recorded
from medsettle.ledger.opening import OpenReader
from medsettle.ledger.records import decode_message

_APPLY: Final = "3203"
_WITHDRAW: Final = "3204"
_CONFIRM: Final = "3261"
_UNDO: Final = "3262"
_OPTIONAL: Final = frozenset(
    {"original", *(name for name in READ_COLUMNS if name.endswith("_fen"))}
) - {"total_fen", "fund_total_fen", "cash_fen"}


def book_rows(path: Path) -> Iterator[BookRow]:
    """Yield the rows of a book in a file: .parquet, .csv, .json or .jsonl.

    Raises:
        InvalidRequest: JSON in it is no row.
        UnreadableFile: It is not of the kind its ending says, or lacks a column.
        OSError: It cannot be read.
    """
    if path.suffix == ".parquet":
        rows = _parquet_rows(path)
    elif path.suffix == ".csv":
        rows = _csv_rows(path)
    elif path.suffix in {".json", ".jsonl"}:
        rows = iter(read_claims(path))
    else:
        raise UnreadableFile(
            f"{path} ends in {path.suffix!r}; expected one of .parquet, .csv, .json, .jsonl"
        )
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            text = "is no object; a row of a book has its columns"
            raise InvalidRequest([Fault(f"rows[{number}]", text)])
        if number == 0:
            _check_columns(path, row)
        yield _book_row(row)


def _check_columns(path: Path, row: Row) -> None:
    missing = [name for name in READ_COLUMNS if name not in row and name not in _OPTIONAL]
    if missing:
        raise UnreadableFile(f"{path} lacks the column(s) {', '.join(missing)} of a book; add them")


def _book_row(row: Row) -> BookRow:
    day = row.get("record_date")
    if isinstance(day, str):
        try:
            day = date.fromisoformat(day)
        except ValueError:
            # It is refused with its place in the book.
            day = None
    found: dict[str, Any] = {name: row.get(name) for name in READ_COLUMNS}
    amounts = {
        name: 0 if found[name] is None else found[name] for name in found if name.endswith("_fen")
    }
    return found | amounts | {"record_date": day}


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415 - loads slowly
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            wanted = [name for name in READ_COLUMNS if name in file.schema_arrow.names]
            for batch in file.iter_batches(columns=wanted):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise UnreadableFile(f"{path} cannot be read as parquet: {error}") from error


def _csv_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415 - loads slowly
    from pyarrow import csv  # noqa: PLC0415

    # Told the types, Arrow takes no code for a number and no amount with a point for one.
    types: dict[str, pa.DataType] = {
        name: pa.int64() if name.endswith("_fen") else pa.string() for name in READ_COLUMNS
    }
    options = csv.ConvertOptions(column_types=types | {"record_date": pa.date32()})
    try:
        with csv.open_csv(path, convert_options=options) as reader:
            for batch in reader:
                for row in batch.to_pylist():
                    yield {name: None if value == "" else value for name, value in row.items()}
    except pa.ArrowException as error:
        raise UnreadableFile(f"{path} cannot be read as csv: {error}") from error


def read_applications(path: Path) -> list[Application]:
    """Return the applications of a JSON file: the fields of `Application`, sums among them in fen.

    Raises:
        InvalidRequest: Everything that is wrong with it.
        UnreadableFile: It is no JSON.
        OSError: It cannot be read.
    """
    faults: list[Fault] = []
    found = []
    for number, row in enumerate(read_claims(path)):
        try:
            found.append(_application(row))
        except (KeyError, TypeError, ValueError) as error:
            what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            faults.append(Fault(f"applications[{number}]", what))
        except InvalidRequest as error:
            faults += [
                Fault(f"applications[{number}].{fault.path}", fault.message)
                for fault in error.faults
            ]
    if faults:
        raise InvalidRequest(faults)
    return found


def _application(row: Mapping[str, Any]) -> Application:
    for name in Sums.__slots__:
        if type(row[name]) is not int:
            raise ValueError(f"{name} is no whole number; sums are of fen")
    return Application(
        declaration=str(row["declaration"]),
        institution=str(row["institution"]),
        month=Month.of(str(row["month"])),
        clearing_class=str(row["clearing_class"]),
        clearing_way=str(row["clearing_way"]),
        first=date.fromisoformat(str(row["first"])),
        last=date.fromisoformat(str(row["last"])),
        stated=Sums(**{name: row[name] for name in Sums.__slots__}),
        pooling_area=str(row.get("pooling_area", "")),
        insurance_type=str(row.get("insurance_type", "")),
    )


def applied_in(ledger: OpenReader, month: Month) -> list[Application]:
    """Return the applications (3203) of a month that stand in a ledger, in its order.

    Those that were withdrawn (3204) are left out.
    """
    standing: dict[str, Application] = {}
    for entry, message, _ in _messages_since(ledger, month):
        if message.kind == _WITHDRAW:
            standing.pop(message.subject, None)
        elif message.kind == _APPLY and _said(message)["setlym"] == _national(month):
            standing[message.subject] = _applied(entry.settlement, message)
    return list(standing.values())


def confirmed_in(ledger: OpenReader, month: Month) -> list[Confirmation]:
    """Return what institutions say of the settlements of a month, undone or not (3261, 3262).

    The messages about a month of an institution have a subject of their own.
    """
    standing: dict[tuple[str, str], Confirmation] = {}
    taken_back: list[Confirmation] = []
    for _, message, answer in _messages_since(ledger, month):
        if not message.subject.startswith("away.") or not message.subject.endswith(
            f".{_national(month)}"
        ):
            continue
        if message.kind == _CONFIRM:
            rows: Any = message.content["detail"]
            for row in rows:
                told = Confirmation(row["setl_sn"], row["cnfm_flag"] == "1", message.request_id)
                standing[message.subject, told.claim] = told
        elif message.kind == _UNDO:
            undone: Any = answer["undone"]
            gone = [
                key
                for key, told in standing.items()
                if key[0] == message.subject and told.message in undone
            ]
            taken_back += [replace(standing.pop(key), undone=True) for key in gone]
    return [*taken_back, *standing.values()]


def _messages_since(
    ledger: OpenReader, month: Month
) -> Iterator[tuple[Recorded, Message, dict[str, object]]]:
    """Yield the messages of a ledger since a month began: nothing is said of it before."""
    begin = datetime.combine(month.first_day, time(), CHINA_STANDARD_TIME)
    seq = ledger.seq_before(microseconds(begin))
    while page := ledger.page(after_seq=seq, limit=limits.PAGE_SIZE_MAX):
        for entry in page:
            if entry.kind == "message":
                yield entry, *decode_message(entry)
        seq = page[-1].seq


def _national(month: Month) -> str:
    """Return a month as the interface writes it, `202603`."""
    return f"{month.year:04d}{month.month:02d}"


def _said(message: Message) -> dict[str, Any]:
    said: Any = message.content["data"]
    return dict(said)


def _applied(number: str, message: Message) -> Application:
    said = _said(message)
    return Application(
        declaration=number,
        institution=message.institution,
        month=Month.of(f"{said['setlym'][:4]}-{said['setlym'][4:]}"),
        clearing_class=said["clr_type"],
        clearing_way=said["clr_way"],
        first=date.fromisoformat(said["begndate"]),
        last=date.fromisoformat(said["enddate"]),
        stated=Sums(
            persons=said["psntime"],
            total_fen=said["medfee_sumamt"],
            account_fen=said["acct_pay"],
            cash_fen=said["cash_payamt"],
            fund_fen=said["fund_appy_sum"],
        ),
        pooling_area=said.get("clr_optins") or "",
    )
