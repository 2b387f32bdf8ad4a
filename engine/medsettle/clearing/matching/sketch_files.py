"""A sketch as a file that two centres exchange: a few megabytes in place of a book.

    medsettle sketch 1 <newline>
    one line of JSON: columns, seed, rows, cells, digest
    the cells: 32 bytes each, four whole numbers of 64 bits, least byte first

The digest is the SHA-256 of everything else. It shows damage and slips; who sent the file is shown
by a signature beside it. Both centres make their sketch with the same columns, seed and size, send
it, subtract the other's and know which keys differ: each tells its own rows by `rows_of_keys`. No
row leaves a centre; whoever has a settlement id can tell from the keys whether it is among the
differences.
"""

from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import pyarrow as pa

from medsettle import durable, limits
from medsettle.clearing.matching.row_hashes import Hasher
from medsettle.clearing.matching.sketch import WORDS, Sketch
from medsettle.clearing.matching.sources import COLUMNS, Book
from medsettle.errors import Fault, InvalidRequest, Precondition

if TYPE_CHECKING:
    from medsettle.clearing.matching.sketch_loops import Words

FORMAT: Final = b"medsettle sketch 1\n"

_CELL_BYTES: Final = 8 * WORDS
_NAMES: Final = frozenset({"columns", "seed", "rows", "cells", "digest"})


def write_sketch(path: Path, sketch: Sketch) -> int:
    """Write a sketch to a file, whole or not at all, and return its bytes.

    The same sketch gives the same file.

    Raises:
        OSError: It could not be written; what was there before still is.
    """
    header: dict[str, Any] = {
        "columns": list(sketch.columns),
        "seed": sketch.seed.hex(),
        "rows": sketch.rows,
        "cells": len(sketch.cells),
    }
    cells = sketch.cells.astype("<u8").tobytes()
    line = orjson.dumps(header | {"digest": _digest(header, cells)}, option=orjson.OPT_SORT_KEYS)
    content = FORMAT + line + b"\n" + cells
    durable.put(path, content)
    durable.sync_folder(path.parent)
    return len(content)


def _digest(header: dict[str, Any], cells: bytes) -> str:
    line = orjson.dumps(header, option=orjson.OPT_SORT_KEYS)
    return sha256(FORMAT + line + b"\n" + cells).hexdigest()


def read_sketch(path: Path) -> Sketch:
    """Return the sketch of a file.

    Raises:
        InvalidRequest: It is no such file, of another version, damaged or changed.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        header = _read_header(path, file)
        size = header["cells"] * _CELL_BYTES
        cells = file.read(size + 1)
    if len(cells) != size:
        found = "more" if len(cells) > size else f"{len(cells)} bytes"
        raise _refused(
            path, f"has {found} of cells, and its header says {size} bytes; send it again"
        )
    digest = header.pop("digest")
    if _digest(header, cells) != digest:
        raise _refused(path, "was damaged or changed: its digest is another; send it again")
    words = np.frombuffer(cells, "<u8").astype(np.uint64).reshape(header["cells"], WORDS)
    return Sketch(tuple(header["columns"]), bytes.fromhex(header["seed"]), header["rows"], words)


def _read_header(path: Path, file: IO[bytes]) -> dict[str, Any]:
    first = file.readline(len(FORMAT))
    if first != FORMAT:
        kind = "of another version" if first.startswith(FORMAT.rsplit(b" ", 1)[0]) else "no sketch"
        raise _refused(path, f"is {kind}; a sketch begins with {FORMAT.decode().strip()!r}")
    line = file.readline(limits.SKETCH_HEADER_BYTES_MAX)
    try:
        header = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _refused(path, f"has a header that is no JSON: {error}; send it again") from None
    if not isinstance(header, dict) or set(header) != _NAMES or not _fits(header):
        raise _refused(path, "has a header that says nothing that can be read; send it again")
    return header


def _fits(header: dict[str, Any]) -> bool:
    """Return whether each part of a header is what it is to be, so that nothing huge is read."""
    columns, seed, cells = header["columns"], header["seed"], header["cells"]
    return (
        all(isinstance(header[name], str) for name in ("seed", "digest"))
        and isinstance(columns, list)
        and columns == [name for name in COLUMNS if name in columns]
        and "settlement" in columns
        and len(seed) % 2 == 0
        and all(each in "0123456789abcdef" for each in seed)
        and type(header["rows"]) is int
        and 0 <= header["rows"] <= limits.INT64_MAX
        and type(cells) is int
        and cells % 3 == 0
        and 3 <= cells <= limits.SKETCH_CELLS_MAX + 2
    )


def _refused(path: Path, message: str) -> InvalidRequest:
    return InvalidRequest([Fault(str(path), message)])


def rows_of_keys(book: Book, keys: "Words", seed: bytes) -> pa.Table:
    """Return the rows of a book whose keys are among some hashes, in one pass over it.

    Args:
        book: The book.
        keys: What `Decoded.odd_keys` returned.
        seed: With which the sketches were made.

    Raises:
        Precondition: There are more rows than are looked at at once.
    """
    hasher, places, first = Hasher(seed), [np.empty(0, np.int64)], 0
    for batch in book.batches(["settlement"]):
        found = np.flatnonzero(np.isin(hasher.keys(batch), keys))
        places.append(found + first)
        first += batch.num_rows
    wanted = np.concatenate(places)
    if len(wanted) > limits.ODD_ROWS_MAX:
        raise Precondition(
            f"{len(wanted)} rows have these keys, at most {limits.ODD_ROWS_MAX} are shown; "
            "compare fewer days or areas"
        )
    return book.rows_at(wanted, book.columns)
