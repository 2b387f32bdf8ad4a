"""Verify a statement: signatures, files, rows, columns and sums, each fault with its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from medsettle import limits
from medsettle.clearing.statements.cells import (
    Cells,
    StatedColumn,
    cells_of,
    digests_of,
    sums_of,
)
from medsettle.clearing.statements.csv import UnreadableStatementFile, read_csv
from medsettle.clearing.statements.differences import (
    Finding,
    StatedFile,
    book_findings,
    cell_findings,
    findings_of,
)
from medsettle.clearing.statements.excel_reading import read_excel
from medsettle.clearing.statements.keys import (
    SIGNATURE_SUFFIX,
    Signature,
    read_signature,
)
from medsettle.clearing.statements.statements import (
    CSV_FILE,
    EXCEL_FILE,
    MANIFEST_FILE,
    PARQUET_FILE,
    TABLE_FILES,
    Manifest,
    read_manifest,
)
from medsettle.signing_keys import fingerprint_of


@dataclass(frozen=True, slots=True)
class Verified:
    """What verification found: nothing where `findings` is empty.

    `signed_by` has the fingerprint of each key whose signature holds, `trusted` those of them that
    were given, `notes` what is no fault and worth knowing.
    """

    manifest: Manifest
    findings: tuple[Finding, ...]
    signed_by: tuple[str, ...]
    trusted: tuple[str, ...]
    notes: tuple[str, ...]


def verify_statement(folder: Path, keys: Sequence[Ed25519PublicKey] = ()) -> Verified:
    """Return what is not as it was signed in the folder of a statement.

    Args:
        folder: With the manifest, its three files and the signatures.
        keys: The keys that are trusted, each of which must have signed. Without any, the keys that
            signed are told and nobody vouches for them.

    Raises:
        UnreadableStatementFile: The manifest cannot be read.
        OSError: The folder has none, with what is missing, or the disk failed.
    """
    try:
        raw = _beginning(folder / MANIFEST_FILE, limits.STATED_MANIFEST_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(_missing(folder)) from error
    try:
        manifest = read_manifest(raw)
    except UnreadableStatementFile as error:
        raise UnreadableStatementFile(f"{folder / MANIFEST_FILE} {error}") from error
    findings: list[Finding] = []
    if not manifest.as_written:
        text = "it is not written as medsettle writes it, so it was edited"
        findings.append(Finding(MANIFEST_FILE, text))
    signatures, faults = _signatures(folder, manifest)
    findings += faults
    signed_by = tuple(signature.fingerprint for signature in signatures)
    findings += _key_findings(signed_by, keys)
    findings += _table_findings(folder, manifest)
    known = {fingerprint_of(key) for key in keys}
    trusted = tuple(each for each in signed_by if each in known)
    return Verified(
        manifest, tuple(findings), signed_by, trusted, _notes(signed_by, keys, manifest)
    )


def _beginning(path: Path, most: int) -> bytes:
    """Return a file, of one beyond its bound as much as shows that it is."""
    with path.open("rb") as file:
        return file.read(most + 1)


def _missing(folder: Path) -> str:
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "is not there"
        return f"{folder} {what}; name the folder of a statement, as statement make --out wrote it"
    text = "names all that is to be verified; name the folder that has it, or ask who made it"
    return f"{folder} has no {MANIFEST_FILE}, which {text}"


# --- signatures ----------------------------------------------------------------------------------


def _signatures(folder: Path, manifest: Manifest) -> tuple[list[Signature], list[Finding]]:
    """Return the signatures that hold, and a finding for each that does not."""
    found, faults = [], []
    names = sorted(path.name for path in folder.glob(f"{MANIFEST_FILE}.*{SIGNATURE_SUFFIX}"))
    for name in names[: limits.STATED_SIGNATURES_MAX]:
        try:
            content = _beginning(folder / name, limits.STATED_SIGNATURE_BYTES_MAX)
            signature = read_signature(name, content)
        except UnreadableStatementFile as error:
            faults.append(Finding(name, str(error)))
            continue
        if signature.signs(manifest.raw):
            found.append(signature)
        else:
            text = (
                f"the key {signature.fingerprint} did not sign this manifest: it was edited after"
            )
            faults.append(Finding(name, f"{text} it was signed, or another key signed"))
    if len(names) > limits.STATED_SIGNATURES_MAX:
        text = f"{len(names)} signatures; at most {limits.STATED_SIGNATURES_MAX} are looked at"
        faults.append(Finding(MANIFEST_FILE, text))
    return found, faults


def _key_findings(signed_by: Sequence[str], keys: Sequence[Ed25519PublicKey]) -> list[Finding]:
    missing = sorted({fingerprint_of(key) for key in keys} - set(signed_by))
    text = "there is no valid signature by the key {}, which was given"
    return [Finding(MANIFEST_FILE, text.format(each)) for each in missing]


def _notes(
    signed_by: Sequence[str], keys: Sequence[Ed25519PublicKey], manifest: Manifest
) -> tuple[str, ...]:
    known = {fingerprint_of(key) for key in keys}
    notes = []
    if not signed_by:
        notes.append("nobody has signed it: that it agrees with itself proves nothing else")
    elif not keys:
        notes.append("no key was given, so nobody vouches for those who signed; give --key")
    for each in signed_by:
        agreed = [str(party) for party in manifest.head.parties if party.fingerprint == each]
        whose = f"agreed with {' and '.join(agreed)}" if agreed else "agreed with no party"
        if keys and each not in known:
            notes.append(f"also signed by {each}, a key that was not given; it is {whose}")
        elif not manifest.head.signers(each):
            notes.append(f"signed by {each}, a key {whose}")
    notes += [
        f"{party} has not signed it yet"
        for party in manifest.head.parties
        if party.fingerprint and party.fingerprint not in signed_by
    ]
    return tuple(notes)


# --- tables --------------------------------------------------------------------------------------


def _table_findings(folder: Path, manifest: Manifest) -> list[Finding]:
    """Return what is wrong with the files; of those that agree, only one is kept in memory."""
    found: list[Finding] = []
    intact: StatedFile | None = None
    odd: list[StatedFile] = []
    changed = False
    for name in TABLE_FILES:
        content = _content(folder, name, found)
        if content is None:
            changed = True
            continue
        altered = sha256(content).hexdigest() != manifest.hashes[name]
        changed |= altered
        try:
            file, more = _file(name, content, manifest)
        except UnreadableStatementFile as error:
            found.append(Finding(name, f"{error}; its bytes are not those that were signed"))
            continue
        found += more
        if not file.agrees(manifest, _heads(name, manifest)):
            odd.append(file)
            continue
        if intact is None:
            unfit = cell_findings(file, manifest, _heads(name, manifest))
            if unfit:
                # Whoever made the manifest stated them; there is nothing to compare with them.
                changed = True
                found += unfit
                continue
            intact = file
        if altered and not more:
            text = "its bytes are not those that were signed, and its cells are: it was saved again"
            found.append(Finding(name, text))
    for file in odd:
        found += findings_of(file, manifest, _heads(file.name, manifest), intact)
    if intact is not None:
        found += _sum_findings(intact.rows, manifest)
    elif not changed:
        text = "the files are those that it names, and its digests are of other rows: it was edited"
        found.append(Finding(MANIFEST_FILE, text))
    return found


def _content(folder: Path, name: str, found: list[Finding]) -> bytes | None:
    try:
        size = (folder / name).stat().st_size
        if size <= limits.STATED_FILE_BYTES_MAX:
            return (folder / name).read_bytes()
        text = f"has {size:,} bytes, more than any file of a statement"
        found.append(Finding(name, text))
    except FileNotFoundError:
        found.append(Finding(name, "is missing"))
    return None


def _heads(name: str, manifest: Manifest) -> list[str]:
    machine = name == PARQUET_FILE
    return [column.name if machine else column.head for column in manifest.columns]


def _file(name: str, content: bytes, manifest: Manifest) -> tuple[StatedFile, list[Finding]]:
    """Return what a file says, and what is wrong with it beside its rows."""
    columns = manifest.columns
    if name == CSV_FILE:
        heads, rows, lines = read_csv(content, columns)
        return _stated(name, heads, rows, columns, lines), []
    if name == EXCEL_FILE:
        book = read_excel(content, columns)
        # The first row of the sheet has the heads.
        file = _stated(name, book.heads, book.rows, columns, range(2, len(book.rows) + 2))
        return file, book_findings(book.cover, book.others, manifest)
    return _parquet(content, columns)


def _parquet(content: bytes, columns: Sequence[StatedColumn]) -> tuple[StatedFile, list[Finding]]:
    try:
        return _parquet_cells(_unpacked(content), columns)
    except UnreadableStatementFile:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, LookupError) as error:
        # A zone of time that nobody knows is a LookupError.
        raise UnreadableStatementFile(f"is no Parquet file of a statement: {error}") from error


def _unpacked(content: bytes) -> Any:  # noqa: ANN401
    file = pq.ParquetFile(pa.BufferReader(content))
    groups = (file.metadata.row_group(at) for at in range(file.num_row_groups))
    if max(file.metadata.num_rows, sum(g.num_rows for g in groups)) > limits.STATED_ROWS_MAX:
        raise UnreadableStatementFile("has more rows than any statement")
    # A thread of Arrow that lets go of Python's bytes after Python has ended aborts the process.
    table = file.read(use_threads=False)
    table.validate(full=True)
    return table


def _parquet_cells(
    table: Any,  # noqa: ANN401
    columns: Sequence[StatedColumn],
) -> tuple[StatedFile, list[Finding]]:
    found = []
    cells: list[Sequence[str | None]] = []
    for column in columns:
        # Of a column that stands twice the first is shown; that it does is told by the heads.
        places = table.schema.get_all_field_indices(column.name)
        if not places:
            cells.append([None] * table.num_rows)
            continue
        array = table.column(places[0])
        if array.type != column.arrow_field().type:
            text = f"has the type {array.type}, and {column.arrow_field().type} was signed"
            found.append(Finding(PARQUET_FILE, text, None, column.name))
        cells.append(_texts(array, column))
    rows: list[Cells] = list(zip(*cells, strict=True))
    return _stated(PARQUET_FILE, table.column_names, rows, columns), found


def _stated(
    name: str,
    heads: Sequence[str],
    rows: Sequence[Cells],
    columns: Sequence[StatedColumn],
    lines: Sequence[int] | None = None,
) -> StatedFile:
    return StatedFile(name, tuple(heads), rows, digests_of(rows, len(columns)), lines)


def _texts(array: Any, column: StatedColumn) -> list[str | None]:  # noqa: ANN401
    if array.type == column.arrow_field().type:
        one = pa.table([array], names=[column.name])
        return [cells[0] for cells in cells_of(one, [column])]
    return [None if value is None else str(value) for value in array.to_pylist()]


def _sum_findings(rows: Sequence[Cells], manifest: Manifest) -> list[Finding]:
    sums = sums_of(rows, manifest.columns)
    found = []
    for name in dict.fromkeys([*sums, *manifest.sums_fen]):
        own, stated = sums.get(name), manifest.sums_fen.get(name)
        if own != stated:
            text = f"its sum is stated as {stated} fen, and the rows come to {own}: it was edited"
            found.append(Finding(MANIFEST_FILE, text, None, f"sums_fen.{name}"))
    return found
