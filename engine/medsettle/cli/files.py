"""Claims from a file: JSON, JSON lines, Parquet or Arrow, by the file's ending.

JSON readers let a key that is given twice have its last value. Which of two persons was meant only
the writer knows, so such a file is refused before anything of it is settled.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.cli.exits import UnreadableFile
from medsettle.core.settlement import Row

ENDINGS: Final = (".json", ".jsonl", ".parquet", ".arrow")

# Numbers and literals say nothing of the structure. A string before a colon is a key.
_TOKEN: Final = re.compile(rb'("(?:[^"\\]|\\.)*+")(\s*:)?|[{}\[\],]')


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
    except (pa.ArrowException, UnicodeDecodeError) as error:
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
        try:
            twice = _gives_a_key_twice(part)
        except RecursionError as error:
            raise _refused(path, "is nested far deeper than any claim") from error
        if twice:
            key, offset = _first_key_given_twice(part)
            line = number + part.count(b"\n", 0, offset)
            raise _refused(path, f'gives "{key}" twice, again in line {line}; keep one')
        rows += value if isinstance(value, list) else [value]
    return rows


def _gives_a_key_twice(content: bytes) -> bool:
    """Whether an object of a JSON text, known to be JSON, has a key twice.

    Raises:
        RecursionError: The text is nested a thousand levels deep.
    """
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in pairs}) < len(pairs)

    # Numbers stay text: they are not looked at, and the longest would be refused.
    json.loads(content, object_pairs_hook=look, parse_int=str, parse_float=str)
    return found


def _first_key_given_twice(content: bytes) -> tuple[str, int]:
    """Return the path of the first key that its object had before, and where it stands.

    The reader above tells neither, but is a hundred times faster than going by tokens.
    """
    # Of each object and list around the token: the keys so far or None, and the key or index.
    around: list[tuple[set[str] | None, str | int]] = []
    for token in _TOKEN.finditer(content):
        sign = token[0][:1]
        if sign in {b"{", b"["}:
            around.append((set(), "") if sign == b"{" else (None, 0))
        elif sign in {b"}", b"]"}:
            around.pop()
        elif sign == b"," and isinstance(around[-1][1], int):
            around[-1] = (None, around[-1][1] + 1)
        elif token[2] is not None:
            keys, key = around[-1][0], orjson.loads(token[1])
            assert keys is not None, "a key stands in an object"
            around[-1] = (keys, key)
            if key in keys:
                return _path(around), token.start()
            keys.add(key)
    raise AssertionError("a key is given twice")


def _path(around: list[tuple[set[str] | None, str | int]]) -> str:
    """Return a path such as `claims[1].lines[0].person`, without `claims` for a lone claim."""
    path = "claims" if isinstance(around[0][1], int) else ""
    for _, step in around:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _arrow_table(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).read_all()


def _refused(path: Path, message: str) -> UnreadableFile:
    return UnreadableFile(f"{path} {message}")
