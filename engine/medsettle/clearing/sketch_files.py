"""Sketches as files of a few megabytes, which two centres exchange before any row.

A file is an Arrow stream of the cells, compressed; what they were made of stands in its metadata. A
sketch says how many rows differ and by which hashes, and nothing of any row.
"""

from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa

from medsettle import limits
from medsettle.clearing.sketch import Sketch
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.side_file import write_whole

_KEY: Final = b"medsettle.sketch"
_WORDS: Final = ("keys", "one", "two", "copies")
_SCHEMA: Final = pa.schema([(name, pa.uint64()) for name in _WORDS])
_PARTS: Final = 3


def write_sketch(path: Path, sketch: Sketch) -> int:
    """Write a sketch so that under the name there is all of it or nothing; return its bytes.

    Raises:
        StoreUnavailable: The disk failed.
    """
    told = {"columns": sketch.columns, "seed": sketch.seed.hex(), "rows": sketch.rows}
    schema = _SCHEMA.with_metadata({_KEY: orjson.dumps(told)})
    columns = [pa.array(np.ascontiguousarray(sketch.cells[:, at])) for at in range(len(_WORDS))]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    content: bytes = sink.getvalue().to_pybytes()
    write_whole(path, content)
    return len(content)


def read_sketch(path: Path) -> Sketch:
    """Return the sketch of a file.

    Raises:
        InvalidRequest: The file is none, or has more cells than a sketch may.
        OSError: It cannot be read.
    """
    if path.stat().st_size > limits.SKETCH_BYTES_MAX:
        raise _refused(path, f"is larger than a sketch, which has {limits.SKETCH_BYTES_MAX} bytes")
    content = path.read_bytes()
    try:
        with pa.ipc.open_stream(content) as reader:
            table = reader.read_all()
            table.validate(full=True)
            told = orjson.loads((table.schema.metadata or {})[_KEY])
            columns, seed = tuple(map(str, told["columns"])), bytes.fromhex(told["seed"])
            rows = int(told["rows"])
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise _refused(path, f"is no sketch: {error}; make one with reconcile sketch") from error
    if not table.schema.equals(_SCHEMA) or table.num_rows % _PARTS:
        raise _refused(path, "has other cells than a sketch; make one with reconcile sketch")
    if table.num_rows > limits.SKETCH_CELLS_MAX + _PARTS:
        most = limits.SKETCH_CELLS_MAX
        raise _refused(path, f"has {table.num_rows} cells, at most {most} are compared")
    cells = np.stack([column.to_numpy() for column in table.columns], axis=1)
    return Sketch(columns, seed, rows, np.ascontiguousarray(cells, dtype=np.uint64))


def _refused(path: Path, text: str) -> InvalidRequest:
    return InvalidRequest([Fault(str(path), text)])
