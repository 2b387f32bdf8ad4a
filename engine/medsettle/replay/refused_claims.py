"""Claims that a history cannot take, listed with file, row and fault."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import durable, limits
from medsettle.errors import Fault

COLUMNS: Final = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("path", pa.string()), ("message", pa.string())]
)
"""A row a fault; `row` counts the claims of the file from 0, `path` is within the claim."""


class RefusedClaims:
    """Writes the faults of claims to a Parquet file, which is there if there are any.

    Use it as a context manager: whatever ends it, the faults found until then are in the file.

    Attributes:
        claims: How many claims were refused.
        examples: The first of their faults, in words.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claims = 0
        self.examples: list[str] = []
        self._rows: list[tuple[str, int, str, str]] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()
            durable.unfinished_of(self.path).replace(self.path)
            durable.sync_folder(self.path.parent)

    def add(self, file: Path, row: int, faults: Sequence[Fault]) -> None:
        """Add the faults of a claim.

        Raises:
            OSError: The disk failed.
        """
        self.claims += 1
        for fault in faults:
            self._rows.append((str(file), row, fault.path, fault.message))
            if len(self.examples) < limits.REFUSED_CLAIMS_SHOWN:
                self.examples.append(f"{file} row {row}: {fault}")
        if len(self._rows) >= limits.BOOKS_ROWS_MAX:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(durable.unfinished_of(self.path), COLUMNS)
        columns = [pa.array(values) for values in zip(*self._rows, strict=True)]
        self._writer.write_table(pa.table(columns, schema=COLUMNS))
        self._rows = []
