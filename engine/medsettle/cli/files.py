"""Claims from a file: JSON, JSON lines, Parquet or Arrow, by the file's ending."""

from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.cli.exits import UnreadableFile
from medsettle.core.settlement import Row

ENDINGS: Final = (".json", ".jsonl", ".parquet", ".arrow")


def read_claims(path: Path) -> list[Row]:
    """Return the claims of a file as rows, unchecked.

    Raises:
        UnreadableFile: The file is not of the kind its ending says.
        OSError: The file cannot be read.
    """
    ending = path.suffix
    if ending not in ENDINGS:
        raise _refused(path, f"ends in {ending!r}; expected one of {', '.join(ENDINGS)}")
    if ending in {".json", ".jsonl"}:
        return _json_rows(path)
    try:
        table = pq.read_table(path) if ending == ".parquet" else _arrow_table(path)
    except pa.ArrowException as error:
        raise _refused(path, f"cannot be read as {ending[1:]}: {error}") from error
    rows: list[Row] = table.to_pylist()
    return rows


def _json_rows(path: Path) -> list[Row]:
    content = path.read_bytes()
    parts = content.splitlines() if path.suffix == ".jsonl" else [content]
    rows: list[Row] = []
    for number, part in enumerate(parts, 1):
        if not part.strip():
            continue
        try:
            value = orjson.loads(part)
        except orjson.JSONDecodeError as error:
            raise _refused(
                path, f"is no JSON in line {number + error.lineno - 1}: {error}"
            ) from error
        rows += value if isinstance(value, list) else [value]
    return rows


def _arrow_table(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).read_all()


def _refused(path: Path, message: str) -> UnreadableFile:
    return UnreadableFile(f"{path} {message}")
