"""Bank accounts of payers and payees, from a file that its keeper gives for each call.

UTF-8 CSV with the header `payee_type,pooling_area,payee,account,name,bank`; lines at the top that
begin with `#` say where it comes from. An account is an opaque token of the bank: nothing is read
out of it. Nobody's account is kept by medsettle but in the batches that pay into it.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.core import codes
from medsettle.errors import Fault, InvalidRequest
from medsettle.payments.orders import Party, PartyType

COLUMNS: Final = ("payee_type", "pooling_area", "payee", "account", "name", "bank")

_PAYERS: Final = frozenset(codes.PAYER_NAMES)
_AREA: Final = re.compile(r"\d{6}")
# 大额支付行号: twelve digits that name one branch in the national clearing system.
_BANK: Final = re.compile(r"\d{12}")
_TOKEN: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account at a bank: its token, the name it runs under, and the bank's clearing number."""

    account: str
    name: str
    bank: str


@dataclass(slots=True)
class _Reading:
    """What was read so far, and what is wrong with it."""

    file: str
    accounts: dict[Party, BankAccount] = field(default_factory=dict)
    lines: dict[Party, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    faults_count: int = 0

    def refuse(self, line: int, column: str, message: str) -> None:
        """Record a fault; past the bound it is only counted."""
        self.faults_count += 1
        if self.faults_count <= limits.FILE_FAULTS_SHOWN_MAX:
            self.faults.append(Fault(f"{self.file}:{line} {column}".rstrip(), message))


def read_accounts(path: Path) -> dict[Party, BankAccount]:
    """Return the accounts of a file.

    Raises:
        InvalidRequest: Everything that is wrong with the file, each with its line and column.
        OSError: The file cannot be read.
    """
    size = path.stat().st_size
    if size > limits.ACCOUNT_FILE_BYTES_MAX:
        most = limits.ACCOUNT_FILE_BYTES_MAX
        raise InvalidRequest([Fault(str(path), f"has {size} bytes, at most {most}; split it")])
    return accounts_of(path.read_bytes(), str(path))


def accounts_of(content: bytes, name: str) -> dict[Party, BankAccount]:
    """Return the accounts of the bytes of a file, which faults call by its name.

    Raises:
        InvalidRequest: Everything that is wrong with it, each with its line and column.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            [Fault(name, f"byte {error.start} is no UTF-8; save the file as UTF-8")]
        ) from error
    reading = _Reading(name)
    # A line ends as it does in a file that is opened as text.
    _read(text.replace("\r\n", "\n").replace("\r", "\n"), reading)
    if reading.faults:
        more = reading.faults_count - len(reading.faults)
        if more:
            reading.faults.append(Fault(name, f"and {more} more faults"))
        raise InvalidRequest(reading.faults)
    return reading.accounts


def _read(text: str, reading: _Reading) -> None:
    headed = False
    for line, cells in _records(text, reading):
        if not headed:
            headed = True
            if tuple(cells) != COLUMNS:
                reading.refuse(line, "", f"expected the header {','.join(COLUMNS)}")
                return
        elif len(cells) != len(COLUMNS):
            reading.refuse(line, "", f"has {len(cells)} cells, expected {len(COLUMNS)}")
        elif len(reading.accounts) == limits.ACCOUNT_ROWS_MAX:
            reading.refuse(line, "", f"is account {limits.ACCOUNT_ROWS_MAX + 1}; split the file")
            return
        else:
            _read_row(line, cells, reading)
    if not headed and not reading.faults:
        reading.refuse(1, "", f"the file is empty; expected the header {','.join(COLUMNS)}")


def _records(text: str, reading: _Reading) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line it begins on, without the comments at the top."""
    lines = text.splitlines(keepends=True)
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    reader = csv.reader(lines[first:], strict=True)
    line = first + 1
    try:
        for cells in reader:
            if cells:
                yield line, [cell.strip() for cell in cells]
            line = first + reader.line_num + 1
    except csv.Error as error:
        reading.refuse(line, "", f"cannot be read as CSV: {error}")


def _read_row(line: int, cells: list[str], reading: _Reading) -> None:
    row = dict(zip(COLUMNS, cells, strict=True))
    before = reading.faults_count
    for column, message in _cell_faults(row):
        reading.refuse(line, column, message)
    if reading.faults_count > before:
        return
    party = Party(PartyType(row["payee_type"]), row["pooling_area"], row["payee"])
    if party in reading.accounts:
        known = reading.lines[party]
        reading.refuse(line, "payee", f"has an account in line {known} already; keep one")
        return
    reading.accounts[party] = BankAccount(row["account"], row["name"], row["bank"])
    reading.lines[party] = line


def _cell_faults(row: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield column and message for everything that is wrong with one row."""
    kinds = [str(kind) for kind in PartyType]
    if row["payee_type"] not in kinds:
        yield "payee_type", f"{_shown(row['payee_type'])} is none of {', '.join(kinds)}"
    elif row["payee_type"] == PartyType.FUND and row["payee"] not in _PAYERS:
        yield "payee", f"{_shown(row['payee'])} is no payer; one of {', '.join(codes.PAYER_NAMES)}"
    if not _AREA.fullmatch(row["pooling_area"]):
        yield "pooling_area", f"{_shown(row['pooling_area'])} is not six digits"
    for column, most in (
        ("payee", limits.PERSON_CHARS_MAX),
        ("account", limits.BANK_ACCOUNT_CHARS_MAX),
    ):
        text = row[column]
        if not _TOKEN.fullmatch(text) or len(text) > most:
            yield (
                column,
                f"{_shown(text)} has {len(text)} characters; expected 1 to {most} printable ASCII "
                "characters without spaces",
            )
    if not (1 <= len(row["name"]) <= limits.PARTY_NAME_CHARS_MAX and row["name"].isprintable()):
        # A name is personal: its length says enough.
        yield (
            "name",
            (
                f"has {len(row['name'])} characters; expected 1 to {limits.PARTY_NAME_CHARS_MAX} "
                "printable ones"
            ),
        )
    if not _BANK.fullmatch(row["bank"]):
        yield "bank", f"{_shown(row['bank'])} is no bank number of twelve digits"


def _shown(text: str) -> str:
    return repr(text[: limits.VALUE_CHARS_SHOWN_MAX])
