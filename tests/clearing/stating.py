"""Statements for tests, and the ways in which somebody would alter one."""

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle.clearing.statements.cells import CellKind, Cells, StatedColumn, cells_of
from medsettle.clearing.statements.checks import Verified, verify_statement
from medsettle.clearing.statements.csv import csv_bytes
from medsettle.clearing.statements.excel import excel_bytes
from medsettle.clearing.statements.statements import (
    CSV_FILE,
    EXCEL_FILE,
    PARQUET_FILE,
    Manifest,
    StatedParty,
    StatementHead,
    make_statement,
    sign_statement,
)

# Keys from fixed bytes, so that a failure can be seen again; they protect nothing.
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([at]) * 32) for at in range(3)]

HEAD = StatementHead(
    "CL2026-03-000017",
    "应付款清算表",
    date(2026, 3, 1),
    (StatedParty("999901", "示例省甲"), StatedParty("999902", "示例省乙")),
)


def table() -> Any:  # noqa: ANN401 - pyarrow comes without types
    """Return six invented rows of every kind of column, among them texts that are traps."""
    moment = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    return pa.table(
        {
            "settlement": ["S1", "S2", "=1+1", "'S4", 'a,"b"', "00012345678901234567"],
            "fund_total_fen": [123_456, -8_500, 0, 10**13, 1, None],
            "count": pa.array([1, None, 3, 10**16, -5, 6]),
            "day": [date(2026, 3, at) for at in range(1, 7)],
            "refund": [True, False, None, True, False, True],
            "at": pa.array([moment] * 6, pa.timestamp("us", tz="UTC")),
        }
    )


def made(folder: Path, content: Any = None) -> Manifest:  # noqa: ANN401
    """Return the manifest of a statement made in a folder."""
    return make_statement(folder, table() if content is None else content, HEAD)


@dataclass
class Tampering:
    """The three files of a statement, each of which can be rewritten with other rows."""

    folder: Path
    manifest: Manifest

    def rows(self) -> list[Cells]:
        """Return the rows as they were signed."""
        return cells_of(pq.read_table(self.folder / PARQUET_FILE), self.manifest.columns)

    def write(self, file: str, rows: Sequence[Cells]) -> None:
        """Write one file anew with other rows, as somebody would who has the tools."""
        columns = self.manifest.columns
        writers: dict[str, Callable[[], bytes]] = {
            CSV_FILE: lambda: csv_bytes(columns, rows),
            EXCEL_FILE: lambda: excel_bytes(self.manifest.cover(), columns, rows),
            PARQUET_FILE: lambda: _parquet(columns, rows),
        }
        (self.folder / file).write_bytes(writers[file]())

    def replace(self, file: str, old: bytes, new: bytes) -> None:
        """Replace the only occurrence of some bytes, inside the second sheet of a workbook."""
        path = self.folder / file
        if file != EXCEL_FILE:
            content = path.read_bytes()
            assert 1 == content.count(old)
            path.write_bytes(content.replace(old, new))
            return
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        sheet = "xl/worksheets/sheet2.xml"
        assert 1 == parts[sheet].count(old)
        parts[sheet] = parts[sheet].replace(old, new)
        write_zip(path, parts)


def signed_in(folder: Path) -> Tampering:
    """Return a statement in a folder that both parties have signed."""
    manifest = made(folder)
    for key in KEYS[:2]:
        sign_statement(folder, manifest, key)
    return Tampering(folder, manifest)


def sign(folder: Path, key: Ed25519PrivateKey) -> Path:
    """Verify a statement and sign it, as the command does."""
    return sign_statement(folder, verify_statement(folder).manifest, key)


def verified_by_both(folder: Path) -> Verified:
    """Return what verification by the keys of both parties finds."""
    return verify_statement(folder, [key.public_key() for key in KEYS[:2]])


def told_of(folder: Path) -> list[str]:
    """Return each finding of it as people read it."""
    return [str(finding) for finding in verified_by_both(folder).findings]


def write_zip(path: Path, parts: dict[str, bytes]) -> None:
    """Write an archive of parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _parquet(columns: Sequence[StatedColumn], rows: Sequence[Cells]) -> bytes:
    arrays = [
        pa.array([_value(column, row[at]) for row in rows], column.arrow_field().type)
        for at, column in enumerate(columns)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=[column.name for column in columns]), sink)
    return sink.getvalue()


def _value(column: StatedColumn, cell: str | None) -> object:
    if cell is None or column.kind is CellKind.TEXT:
        return cell
    if column.kind is CellKind.DATE:
        return date.fromisoformat(cell)
    if column.kind is CellKind.MOMENT:
        return datetime.fromisoformat(cell)
    return cell == "true" if column.kind is CellKind.BOOLEAN else int(cell)
