"""Claims from a file: JSON, JSON lines, Parquet or Arrow, by the file's ending."""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.cli.exits import UnreadableFile
from medsettle.core.claim_json import NoClaimsError, claim_rows
from medsettle.core.settlement import Row

ENDINGS: Final = (".json", ".jsonl", ".parquet", ".arrow")


def read_claims(path: Path) -> list[Row]:
    """Return the claims of a file as rows, at least one, unchecked.

    Raises:
        UnreadableFile: The file is not of the kind its ending says, holds no claims, gives a key
            twice in one object, or is nested as no claim is.
        OSError: The file cannot be read.
    """
    ending = path.suffix
    if ending not in ENDINGS:
        raise _refused(path, f"ends in {ending!r}; expected one of {', '.join(ENDINGS)}")
    rows = _json_rows(path) if ending in {".json", ".jsonl"} else _table_rows(path)
    if not rows:
        raise _refused(path, "holds no claims")
    return rows


def read_one(path: Path, what: str) -> Row:
    """Return the one row of a file, unchecked.

    Args:
        path: A file as `read_claims` reads it.
        what: What the row is, such as `visit`, for the message that refuses several.

    Raises:
        UnreadableFile: As `read_claims`, or the file holds more than one row.
        OSError: The file cannot be read.
    """
    rows = read_claims(path)
    if len(rows) > 1:
        raise _refused(path, f"holds {len(rows)} rows; give each {what} a file of its own")
    return rows[0]


def _table_rows(path: Path) -> list[Row]:
    ending = path.suffix
    try:
        table = pq.read_table(path) if ending == ".parquet" else _arrow_table(path)
        # A damaged file may lie about its offsets; reading values would follow them.
        table.validate(full=True)
        rows: list[Row] = table.to_pylist()
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise _refused(path, f"cannot be read as {ending[1:]}: {error}") from error
    return rows


def _json_rows(path: Path) -> list[Row]:
    try:
        return claim_rows(path.read_bytes(), lines=path.suffix == ".jsonl")
    except NoClaimsError as error:
        raise _refused(path, str(error)) from error


def _arrow_table(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).read_all()


def _refused(path: Path, message: str) -> UnreadableFile:
    return UnreadableFile(f"{path} {message}")
