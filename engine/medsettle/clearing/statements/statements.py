"""Statements: a table that two parties hold, as three files that say the same and one manifest.

    statement.xlsx, statement.csv   for people, amounts in yuan
    statement.parquet               for machines, amounts in fen
    statement.json                  number, parties, month, sums; digests of files, rows and columns
    statement.json.<key>.sig        the signature of a party over the manifest, one for each

The manifest has a digest of every row and every column, so that whoever verifies it later can say
which cell was changed and not only that one was. Source: `clearing.md` §3.2 asks for a digest by
which both sides can prove that they saw the same file.
"""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medsettle import durable, limits
from medsettle.clearing.months.month import month_of
from medsettle.clearing.statements.cells import (
    ROW_DIGEST_BYTES,
    CellKind,
    Cells,
    Digests,
    StatedColumn,
    cells_of,
    check_columns,
    digests_of,
    is_plain,
    normal_table,
    stated_columns,
    sums_of,
)
from medsettle.clearing.statements.csv import UnreadableStatementFile, csv_bytes
from medsettle.clearing.statements.excel import excel_bytes
from medsettle.clearing.statements.keys import signature_bytes, signature_name
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest, Precondition
from medsettle.policy.vocabulary import quoted
from medsettle.signing_keys import fingerprint_of

MANIFEST_FILE: Final = "statement.json"
CSV_FILE: Final = "statement.csv"
EXCEL_FILE: Final = "statement.xlsx"
PARQUET_FILE: Final = "statement.parquet"
TABLE_FILES: Final = (CSV_FILE, EXCEL_FILE, PARQUET_FILE)

_FORMAT: Final = "medsettle statement 1"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SUM: Final = re.compile(rf"-?[0-9]{{1,{limits.STATED_DIGITS_MAX}}}")
_KEYS: Final = {
    *("format", "number", "title", "month", "parties", "columns", "row_count", "sums_fen"),
    *("row_digests", "files"),
}


@dataclass(frozen=True, slots=True)
class StatedParty:
    """A party of a statement: an area, its name, and the fingerprint of its key where agreed."""

    area: str
    name: str
    fingerprint: str = ""

    def __str__(self) -> str:
        return f"{self.area} {self.name}"


@dataclass(frozen=True, slots=True)
class StatementHead:
    """What a statement is about."""

    number: str
    title: str
    month: date
    parties: tuple[StatedParty, ...]

    def signers(self, fingerprint: str) -> tuple[StatedParty, ...]:
        """Return the parties that a key may sign for.

        Those that it is agreed with; where there are none, all that have no key agreed.
        """
        agreed = tuple(party for party in self.parties if party.fingerprint == fingerprint)
        return agreed or tuple(party for party in self.parties if not party.fingerprint)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was read; `raw` are the bytes that were signed."""

    raw: bytes
    head: StatementHead
    columns: tuple[StatedColumn, ...]
    digests: Digests
    sums_fen: Mapping[str, str]
    hashes: Mapping[str, str]
    as_written: bool
    """Whether the bytes are those that medsettle writes for what they say."""

    def cover(self) -> list[tuple[str, str]]:
        """Return the cover of the workbook."""
        return _cover(self.head, self.row_count, self.sums_fen)

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self.digests.rows)


def make_statement(folder: Path, table: Any, head: StatementHead) -> Manifest:  # noqa: ANN401
    """Write a statement of an Arrow table into a folder of its own.

    Args:
        folder: Made where it is not there; there must be no statement in it.
        table: Any Arrow table of texts, whole numbers, dates, booleans and moments; columns of
            integers that end in `_fen` are amounts.
        head: What it is about.

    Raises:
        InvalidRequest: All faults of the head, or of the table.
        Precondition: The folder has a statement.
        OSError: It cannot be written.
    """
    _check_head(head)
    columns = stated_columns(table.schema)
    normal = normal_table(table, columns)
    rows = cells_of(normal, columns)
    sums = sums_of(rows, columns)
    files = {
        CSV_FILE: csv_bytes(columns, rows),
        EXCEL_FILE: excel_bytes(_cover(head, len(rows), sums), columns, rows),
        PARQUET_FILE: _parquet_bytes(normal),
    }
    manifest = _manifest_bytes(head, columns, rows, files)
    durable.make_folder(folder)
    if (folder / MANIFEST_FILE).exists():
        raise Precondition(
            f"{folder} has a statement; a statement is never written over, so name another folder"
        )
    for name, content in files.items():
        durable.put(folder / name, content)
    # The manifest comes last: where it is, the files that it names are.
    durable.put(folder / MANIFEST_FILE, manifest)
    durable.sync_folder(folder)
    return read_manifest(manifest)


def sign_statement(folder: Path, manifest: Manifest, key: Ed25519PrivateKey) -> Path:
    """Add the signature of a key to a statement, beside those that are there; return its file.

    Signing again with the same key writes the same file. A key that is agreed with no party signs
    for one that has none agreed.

    Args:
        folder: Of the statement.
        manifest: As it was verified: what is signed are its bytes, whatever the file says by now.
        key: Of the party.

    Raises:
        Precondition: A key is agreed with every party, and this is none of them.
        OSError: The file cannot be written.
    """
    fingerprint = fingerprint_of(key.public_key())
    head = manifest.head
    if not head.signers(fingerprint):
        agreed = ", ".join(f"{party.fingerprint} of {party}" for party in head.parties)
        raise Precondition(
            f"the statement is signed by the keys {agreed}, and this key is "
            f"{fingerprint}; use the one agreed upon",
            fingerprint=fingerprint,
        )
    path = folder / signature_name(MANIFEST_FILE, fingerprint)
    durable.put(path, signature_bytes(manifest.raw, key))
    durable.sync_folder(folder)
    return path


def _check_head(head: StatementHead) -> None:
    most = limits.STATED_TEXT_CHARS_MAX
    texts = {"number": head.number, "title": head.title}
    texts |= {f"parties[{at}].name": party.name for at, party in enumerate(head.parties)}
    faults = [
        Fault(path, f"needs 1 to {most} printable characters")
        for path, text in texts.items()
        if not (1 <= len(text) <= most and text.isprintable() and text == text.strip())
    ]
    faults += [
        Fault(f"parties[{at}].fingerprint", f"{quoted(party.fingerprint)} is no SHA-256")
        for at, party in enumerate(head.parties)
        if party.fingerprint != "" and _DIGEST.fullmatch(party.fingerprint) is None
    ]
    faults += [
        Fault(f"parties[{at}].area", f"{party.area!r} is no area; write six digits, or two")
        for at, party in enumerate(head.parties)
        if re.fullmatch(r"[0-9]{2}|[0-9]{6}", party.area) is None
    ]
    if not 1 <= len(head.parties) <= limits.STATED_PARTIES_MAX:
        text = f"are {len(head.parties)}; 1 to {limits.STATED_PARTIES_MAX} are allowed"
        faults.append(Fault("parties", text))
    if faults:
        raise InvalidRequest(faults)


def _parquet_bytes(table: Any) -> bytes:  # noqa: ANN401
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _cover(
    head: StatementHead, row_count: int, sums_fen: Mapping[str, str]
) -> list[tuple[str, str]]:
    parties = [(f"party {at}", str(party)) for at, party in enumerate(head.parties, 1)]
    sums = [
        (f"sum of {StatedColumn(name, CellKind.FEN).head}", plain_yuan(int(fen)))
        # As in the manifest, which has its names in this order.
        for name, fen in sorted(sums_fen.items())
    ]
    return [
        ("statement", head.number),
        ("title", head.title),
        ("month", f"{head.month:%Y-%m}"),
        *parties,
        ("rows", str(row_count)),
        *sums,
    ]


def _manifest_bytes(
    head: StatementHead,
    columns: Sequence[StatedColumn],
    rows: Sequence[Cells],
    files: Mapping[str, bytes],
) -> bytes:
    digests = digests_of(rows, len(columns))
    said = {
        "format": _FORMAT,
        "number": head.number,
        "title": head.title,
        "month": f"{head.month:%Y-%m}",
        "parties": [
            {"area": each.area, "name": each.name, "fingerprint": each.fingerprint}
            for each in head.parties
        ],
        "columns": [
            {"name": column.name, "kind": column.kind.value, "digest": digest}
            for column, digest in zip(columns, digests.columns, strict=True)
        ],
        "row_count": len(rows),
        "row_digests": base64.b64encode(b"".join(digests.rows)).decode(),
        "sums_fen": sums_of(rows, columns),
        "files": {name: sha256(content).hexdigest() for name, content in files.items()},
    }
    return canonical(said)


def canonical(said: Mapping[str, object]) -> bytes:
    """Return the one way in which a manifest is written."""
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def read_manifest(raw: bytes) -> Manifest:
    """Return a manifest.

    Raises:
        UnreadableStatementFile: It is no manifest, or not written as manifests are.
    """
    if len(raw) > (most := limits.STATED_MANIFEST_BYTES_MAX):
        raise UnreadableStatementFile(f"has more than {most:,} bytes, more than any manifest")
    try:
        said = orjson.loads(raw)
        return _manifest(raw, said)
    except KeyError as error:
        raise UnreadableStatementFile(
            f"is no manifest of a statement: {error} is missing"
        ) from error
    except (InvalidRequest, TypeError, ValueError, AttributeError) as error:
        raise UnreadableStatementFile(f"is no manifest of a statement: {error}") from error


def _manifest(raw: bytes, said: dict[str, Any]) -> Manifest:
    if set(said) != _KEYS or said["format"] != _FORMAT:
        raise ValueError(f"its keys or its format are not those of {_FORMAT!r}")
    digests = base64.b64decode(said["row_digests"], validate=True)
    size = ROW_DIGEST_BYTES
    if type(said["row_count"]) is not int or len(digests) != said["row_count"] * size:
        raise ValueError("it has not one digest for each of its rows")
    if said["row_count"] > limits.STATED_ROWS_MAX:
        raise ValueError("it has more rows than any statement")
    columns = tuple(
        StatedColumn(_text(c["name"], "the name of a column"), CellKind(c["kind"]))
        for c in said["columns"]
    )
    check_columns(columns)
    head = StatementHead(
        said["number"],
        said["title"],
        month_of(said["month"]),
        tuple(
            StatedParty(p["area"], p["name"], _text(p["fingerprint"], "a fingerprint"))
            for p in said["parties"]
        ),
    )
    _check_head(head)
    if set(said["files"]) != set(TABLE_FILES):
        raise ValueError(f"it names other files than {', '.join(TABLE_FILES)}")
    return Manifest(
        raw=raw,
        head=head,
        columns=columns,
        digests=Digests(
            tuple(digests[at : at + size] for at in range(0, len(digests), size)),
            tuple(_digest(c["digest"], "a column") for c in said["columns"]),
        ),
        sums_fen=dict(_sum(name, fen) for name, fen in said["sums_fen"].items()),
        hashes={name: _digest(found, name) for name, found in said["files"].items()},
        as_written=canonical(said) == raw,
    )


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{quoted(str(value))} is no text, and {what} is one")
    return value


def _digest(value: object, whose: str) -> str:
    if not isinstance(value, str) or _DIGEST.fullmatch(value) is None:
        text = f"{quoted(str(value))} is no digest of {whose}; one has 64 hexadecimal digits"
        raise ValueError(text)
    return value


def _sum(name: str, fen: object) -> tuple[str, str]:
    if not is_plain(name) or not isinstance(fen, str) or _SUM.fullmatch(fen) is None:
        raise ValueError(f"{quoted(str(fen))} is no sum of {quoted(name)} in whole fen")
    return name, str(int(fen))
