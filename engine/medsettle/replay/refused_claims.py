"""Claims that a history cannot take, listed with file, row and fault."""

from collections import Counter
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
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claims = 0
        # Where each of the first faults was found, and how often it was by now.
        self._first: dict[str, str] = {}
        self._times: Counter[str] = Counter()
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
            told = str(fault)
            if told not in self._first and len(self._first) < limits.REFUSED_CLAIMS_SHOWN:
                self._first[told] = f"{file} row {row}"
            if told in self._first:
                self._times[told] += 1
        if len(self._rows) >= limits.BOOKS_ROWS_MAX:
            self._flush()

    @property
    def examples(self) -> list[str]:
        """The first faults in words, each once: a column that a file has not is not told by row."""
        return [
            f"{where}: {told}"
            + (f" (and {self._times[told] - 1:,} times more)" if self._times[told] > 1 else "")
            for told, where in self._first.items()
        ]

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(durable.unfinished_of(self.path), COLUMNS)
        columns = [pa.array(values) for values in zip(*self._rows, strict=True)]
        self._writer.write_table(pa.table(columns, schema=COLUMNS))
        self._rows = []
